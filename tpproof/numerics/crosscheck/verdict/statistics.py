"""Samples and limits joined: one test a quantity, a verdict for all, and what the run could not have missed.

Each quantity has one final test (`decisions`). Holm's rule keeps the chance that a right network disagrees anywhere
below alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import ALPHA
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.decisions import EXACT, Decisions, final_tests
from tpproof.numerics.crosscheck.verdict.exponents import Slopes, slopes
from tpproof.numerics.crosscheck.verdict.fits import ORDER
from tpproof.numerics.crosscheck.verdict.levels import rejections
from tpproof.numerics.crosscheck.verdict.samples import Flags, Samples, limit_arrays, rounding, scales
from tpproof.numerics.crosscheck.verdict.spread import Spread, spread
from tpproof.numerics.functions import Array

NEARLY = 1e-3
"""A limit below this part of its scale has no relative error."""
OF_TRAINING = (Kind.KERNEL, Kind.SIGNAL, Kind.CHANGE, Kind.OUTPUT_CHANGE)
"""What trajectories rest on."""
BLIND = 0.1
"""A test that can miss an error of this part of its quantity's scale has no power."""


class Verdict(StrEnum):
    """`BLIND`: nothing disagrees, but the tests had no power, so that nothing is claimed."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    BLIND = "blind"


@dataclass(frozen=True)
class Row:
    """A quantity at one width. `z` is (measured − limit) in its standard errors, the bias O(1/n) included: it informs,
    and decides nothing. None where no width has two networks.
    """

    quantity: Quantity
    width: int
    samples: int
    measured: float
    se: float | None
    limit: float
    limit_error: float
    z: float | None


@dataclass(frozen=True)
class Final:
    """The test that decides a quantity.

    Attributes
    ----------
    estimate, se
        Extrapolated to n = ∞, with its standard error.
    limit, limit_error
        What the proof says.
    widths, terms
        What was extrapolated: the widths, and the number of bias terms fitted.
    bias, bias_se
        b in b/n from all widths (one term), None at one width.
    allowance
        The most that the bias left in `estimate` can be.
    z
        (estimate − limit), made smaller by `allowance`, over its standard error, skewness corrected; Student's law with
        `dof` degrees of freedom. None without a variance: then nothing was tested.
    p
        Two-sided.
    detectable, relative
        The smallest error of the limit that this run would have detected with probability 0.9; and over |limit|, None
        if the limit is nearly 0.
    scale, blind
        See `samples.scales`: |limit| unless that is small; `blind`: `detectable` is above a tenth of it.
    agrees
        Not rejected by Holm's rule.
    constant
        All networks gave the same number up to rounding; it is compared up to rounding.
    settled
        Whether fluctuations shrink as n^-1/2 at these widths (see `Slopes.off`), and whether a constant that is not the
        limit is constant by the program. If not, there is no power, and no disagreement either.
    """

    quantity: Quantity
    estimate: float
    se: float | None
    limit: float
    limit_error: float
    widths: tuple[int, ...]
    terms: int
    bias: float | None
    bias_se: float | None
    allowance: float
    z: float | None
    p: float | None
    dof: float
    detectable: float | None
    relative: float | None
    scale: float
    blind: bool
    agrees: bool
    constant: bool
    settled: bool = True


@dataclass(frozen=True)
class Findings:
    """All that the statistics say.

    Attributes
    ----------
    rows
        Quantity by quantity, widths in increasing order.
    finals
        One for each quantity, in the order given.
    slopes
        Of fluctuations and biases against the width.
    verdict, alpha
        And the chance that a right network disagrees.
    """

    rows: tuple[Row, ...]
    finals: tuple[Final, ...]
    slopes: Slopes
    verdict: Verdict
    alpha: float

    @property
    def disagreeing(self) -> tuple[Final, ...]:
        """Largest |z| first."""
        return tuple(sorted((f for f in self.finals if not f.agrees), key=lambda f: -abs(f.z or 0.0)))


@dataclass(frozen=True, eq=False)
class Compared:
    """Numbers that the same networks have, and their limits. Trajectories have fewer networks than other quantities.

    Attributes
    ----------
    samples
        What was measured.
    limits, errors
        (Q,): what the proof says, and its standard errors. Deterministic bounds enter as if they were standard errors.
    beyond
        (k, Q), for each width: a part of the bias that the networks show by themselves, without the limit. It is
        allowed for.
    """

    samples: Samples
    limits: Array
    errors: Array | None = None
    beyond: Array | None = None


def examine(
    *compared: Compared,
    alpha: float = ALPHA,
    limit_dof: float = EXACT,
) -> Findings:
    """Test every quantity of finite networks against its limit.

    Parameters
    ----------
    compared
        Quantities with their samples and limits; no kind is in two of them.
    alpha
        The chance of a false alarm, of the whole report.
    limit_dof
        The degrees of freedom of `errors`: R − 1 where they come from R replicates of a randomised sample.

    Raises
    ------
    TpproofError
        E152 for numbers that are not finite, E160 for wrong shapes or an alpha not in (0, 1).
    """
    if not 0 < alpha < 1 or not limit_dof >= 1:
        found_ = f"alpha {alpha} and {limit_dof} degrees of freedom"
        raise TpproofError("E160", found_, "a probability above 0 and below 1, and 1 or more")
    parts = [_part(c) for c in compared]
    level = alpha / max(1, sum(int(np.sum(~p.found.across)) for p in parts))
    tests = [final_tests(p.found, p.limits, p.errors, p.least, level, limit_dof, p.beyond) for p in parts]
    exponents = slopes([(p.samples.quantities, p.found, p.limits, p.errors) for p in parts])
    p, tested, exact = (np.concatenate([getattr(t, name) for t in tests]) for name in ("p", "tested", "constant"))
    rejected = rejections(p, tested, exact, alpha)
    ends = np.cumsum([len(p.limits) for p in parts])[:-1]
    finals = tuple(
        _settled(f, exponents)
        for p, t, of_part in zip(parts, tests, np.split(rejected, ends), strict=True)
        for f in _finals(p, t, of_part)
    )
    return Findings(
        rows=tuple(row for p in parts for row in _rows(p)),
        finals=finals,
        slopes=exponents,
        verdict=verdict(finals),
        alpha=alpha,
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One `Compared`; `scale` as in `samples.scales`, and `least` is what is rounding."""

    samples: Samples
    limits: Array
    errors: Array
    beyond: Array | None
    scale: Array
    least: Array
    found: Spread


def _part(compared: Compared) -> _Part:
    limits, errors = limit_arrays(compared.samples, compared.limits, compared.errors)
    scale = scales(compared.samples, limits)
    least = rounding(compared.samples, limits, scale)
    found = spread(compared.samples, least, ORDER)
    return _Part(compared.samples, limits, errors, compared.beyond, scale, least, found)


def _settled(final: Final, exponents: Slopes) -> Final:
    """A test at widths at which the law n^-1/2 does not hold yet decides nothing. Nor do networks that all have the
    same number by chance, as E[relu(Z − 5)] is 0 in all that are not wide enough.
    """
    kind = final.quantity.kind
    # with a wrong kernel the descent from each f_0 is wrong, at any width: what training rests on says whether widths
    # are too small for it
    rests_on = OF_TRAINING if kind is Kind.TRAJECTORY else (kind,)
    by_chance = final.constant and not final.quantity.exact and not final.agrees
    if by_chance or (not final.constant and any(exponents.off(k) for k in rests_on)):
        return replace(final, agrees=True, blind=True, settled=False)
    return final


def verdict(finals: tuple[Final, ...]) -> Verdict:
    """Disagrees if any quantity does. Blind if a quantity was not tested, or not at widths that say anything; if a test
    of the kernel has no power; where the kernel is left out, or the same in all networks, if no test of what fluctuates
    has any.
    """
    if not all(f.agrees for f in finals):
        return Verdict.DISAGREES
    kernel = [f for f in finals if f.quantity.kind is Kind.KERNEL and not f.constant]
    if any(f.z is None or not f.settled for f in finals) or any(f.blind for f in kernel):
        return Verdict.BLIND
    fluctuating = [f for f in finals if not f.constant]
    without_power = bool(fluctuating) and all(f.blind for f in fluctuating)
    return Verdict.BLIND if not kernel and without_power else Verdict.AGREES


def _finals(part: _Part, t: Decisions, rejected: Flags) -> tuple[Final, ...]:
    samples, limits, errors, scale = part.samples, part.limits, part.errors, part.scale
    made = []
    for q, quantity in enumerate(samples.quantities):
        seen = float(t.detectable[q])
        final = Final(
            quantity=quantity,
            estimate=float(t.estimate[q]),
            se=float(t.se[q]),
            limit=float(limits[q]),
            limit_error=float(errors[q]),
            widths=tuple(w for w, x in zip(samples.widths, t.weights[q], strict=True) if x != 0),
            terms=int(t.terms[q]),
            bias=None if t.bias is None else float(t.bias[q]),
            bias_se=None if t.bias_se is None else float(t.bias_se[q]),
            allowance=float(t.allowance[q]),
            z=float(t.z[q]),
            p=float(t.p[q]),
            dof=float(t.dof[q]),
            detectable=seen,
            relative=seen / abs(float(limits[q])) if abs(limits[q]) > NEARLY * scale[q] else None,
            scale=float(scale[q]),
            blind=not seen <= BLIND * scale[q],
            agrees=not rejected[q],
            constant=bool(t.constant[q]),
        )
        if not t.tested[q]:
            final = replace(final, se=None, bias_se=None, z=None, p=None, detectable=None, relative=None, blind=True)
        made.append(final)
    return tuple(made)


def _rows(part: _Part) -> tuple[Row, ...]:
    samples, found, limits, errors, least = part.samples, part.found, part.limits, part.errors, part.least
    pooled = found.pooled / (found.widths * found.counts)[:, None]
    own = found.variances / found.counts[:, None]
    variance = np.where(found.homogeneous | (found.counts < 2)[:, None], pooled, own)
    z = (found.means - limits) / np.sqrt(variance + errors**2 + (least / 100) ** 2)
    known = (found.dof > 0) | found.across
    made = []
    for q, quantity in enumerate(samples.quantities):
        for i, (n, m) in enumerate(zip(samples.widths, samples.counts, strict=True)):
            made.append(
                Row(
                    quantity=quantity,
                    width=n,
                    samples=m,
                    measured=float(found.means[i, q]),
                    se=float(np.sqrt(variance[i, q])) if known[q] else None,
                    limit=float(limits[q]),
                    limit_error=float(errors[q]),
                    z=float(z[i, q]) if known[q] else None,
                )
            )
    return tuple(made)
