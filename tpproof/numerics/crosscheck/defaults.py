"""Widths and samples that are taken unless others are asked for.

What an error costs to be seen: at a level of 1e-4 over some 400 tests, Student's quantile is about 5.3 standard errors,
and a power of 0.99 needs 2.4 more: 8, rounded up. One network's number has relative deviation r/√n, so that N = Σ M n
coordinates give r/√N, whatever the widths: an error of 2 % needs N = (8 r/0.02)², 1.4·10⁶ for r = 3 and 5.8·10⁶ for
r = 6. Measured r are 0.6 to 2.5 for kernels of the zoo; fourth moments of Gaussians have 3.3. An error in one weight of
one path changes the kernel by a part of it, but its slope, its error signals or its coefficient of (107) by all of it:
N is made for these, not for the kernel.

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
DESIGN = {256: 64, 1024: 64, 4096: 64, 65536: 96}
"""Width → networks. N = 6.6·10⁶."""
DENSE = {64: 128, 256: 128, 1024: 64}
"""The same for networks whose matrices are written out: these cost n² each."""
SAMPLES = 64
"""Networks of each width, where only widths are given."""
MOST_WIDTHS = 64


def design(widths: Sequence[int] | None = None, samples: int | None = None) -> dict[int, int]:
    """Width → networks, for what a user gives of widths and of networks a width. E160 if they are none."""
    if widths is None:
        found = dict(DESIGN) if samples is None else dict.fromkeys(DESIGN, samples)
    else:
        found = dict.fromkeys(sorted(widths), SAMPLES if samples is None else samples)
    wrong = [n for n, m in found.items() if n < 1 or m < 1]
    if wrong or not 1 <= len(found) <= MOST_WIDTHS:
        given = f"widths {list(found)} and {samples} samples"
        raise TpproofError("E160", given, f"1 to {MOST_WIDTHS} widths, all and samples 1 or more")
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
