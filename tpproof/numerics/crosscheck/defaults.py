"""Widths and samples that are taken unless others are asked for.

What an error costs to be seen: at a level of 1e-4 over some 400 tests, Student's quantile is about 5.3 standard errors,
and a power of 0.99 needs 2.4 more: 8, rounded up. One network's number has relative deviation r/√n, so that N = Σ M n
coordinates give r/√N, whatever the widths: an error of 2 % needs N = (8 r/0.02)², 1.4·10⁶ for r = 3 and 1.6·10⁷ for
r = 10. Measured r are 0.6 to 4 for kernels of the zoo and 0.7 to 5.5 for slopes and starts of paths; changes of G-vars
that mix many paths have more. A weight of one path is seen in the quantity that is this weight: N is made for these.

Cost is linear in N too once n is above some 10⁴. Below, a network costs milliseconds whatever its width. So nearly all
of N goes to one large width, which is large enough that b/n is below its standard error and a number is Gaussian (its
skewness is about 10/√n), and small enough that there are many of it, for a variance with many degrees of freedom, and
that they spread over workers. Three small widths, at nearly no cost, fit the bias that is left and show the slopes.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from tpproof.errors import TpproofError

ALPHA = 1e-4
"""The chance that the cross-check of a right network disagrees, all its tests together."""
DESIGN = {256: 64, 1024: 64, 4096: 64, 65536: 256}
"""Width → networks. N = 1.7·10⁷."""
TRAINED = 16
"""Networks of each width that are trained: three steps cost twice as much as all else, and see errors of a kernel as
small as few other numbers do."""
DENSE = {64: 128, 256: 128, 1024: 64}
"""The same for networks whose matrices are written out: these cost n² each."""
SAMPLES = 64
"""Networks of each width, where only widths are given."""
MOST_WIDTHS, MOST_NETWORKS = 64, 10**6


def design(widths: Sequence[int] | None = None, samples: int | None = None) -> dict[int, int]:
    """Width → networks, for what a user gives of widths and of networks a width. E160 if they are none."""
    asked = [*([] if samples is None else [samples]), *([] if widths is None else widths)]
    if any(isinstance(x, bool) or not isinstance(x, int) for x in asked):
        raise TpproofError("E160", f"widths {widths!r} and samples {samples!r}"[:80], "integers, at least 1")
    if widths is None:
        found = dict(DESIGN) if samples is None else dict.fromkeys(DESIGN, samples)
    else:
        found = dict.fromkeys(sorted(widths), SAMPLES if samples is None else samples)
    if not 1 <= len(found) <= MOST_WIDTHS or min(min(pair) for pair in found.items()) < 1:
        given = f"widths {list(found)} and {samples} samples"[:80]
        raise TpproofError("E160", given, f"1 to {MOST_WIDTHS} widths, all and samples 1 or more")
    if sum(found.values()) > MOST_NETWORKS:
        raise TpproofError("E160", f"{sum(found.values())} networks", f"at most {MOST_NETWORKS}, all widths together")
    return found


def coordinates(deviation: float, relative: float, tests: int, alpha: float = ALPHA, power: float = 0.99) -> float:
    """N = Σ M n that sees an error of a number whose relative deviation is `deviation`/√n.

    Parameters
    ----------
    deviation
        r.
    relative
        The error, over the number.
    tests
        How many share `alpha`.
    alpha, power
        The chance of a false alarm of all tests, and that this error is detected.
    """
    needed = float(stats.norm.isf(alpha / tests / 2) + stats.norm.ppf(power))
    return (needed * deviation / relative) ** 2
