"""Samples and limits joined: one test a quantity, a verdict for all, and what the run could not have missed.

A network of width n has X = K + b/n + c/n² + … + σ/√n · noise. Each quantity has one final test: the means at several
widths are extrapolated to n = ∞ (`fits`), and what comes out is compared with the limit, after subtracting the most
that the bias left can be. Which widths and how many bias terms enter is decided by the variances alone, never by the
means: the choice that sees the smallest error. The reference law is Student's, by Welch's rule of degrees of freedom
where variances are not pooled or the limit has an error of its own, after Hall's correction for skewness (J. R.
Statist. Soc. B 54, 1992), which here may only make a deviation smaller. Holm's rule keeps the chance that a right
network disagrees anywhere below alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy import stats

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import ALPHA
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.exponents import Slopes, slopes
from tpproof.numerics.crosscheck.verdict.fits import ORDER, bias_weights, fits
from tpproof.numerics.crosscheck.verdict.levels import detected, holm, quantile
from tpproof.numerics.crosscheck.verdict.samples import Flags, Samples, limit_arrays, rounding, scales
from tpproof.numerics.crosscheck.verdict.skewness import before_correction, cumulants, less_skew, noisier
from tpproof.numerics.crosscheck.verdict.spread import Spread, spread
from tpproof.numerics.functions import Array

EXACT = 1e9
"""Degrees of freedom of a standard error that is known."""
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
        Whether fluctuations shrink as n^-1/2 at these widths. If not, the extrapolation means nothing: no power, and no
        disagreement either. See `Slopes.off`.
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


def examine(
    samples: Samples,
    limits: Array,
    errors: Array | None = None,
    alpha: float = ALPHA,
    limit_dof: float = EXACT,
    beyond: Array | None = None,
) -> Findings:
    """Test every quantity of finite networks against its limit.

    Parameters
    ----------
    samples
        What was measured.
    limits, errors
        (Q,): what the proof says, and its standard errors. Deterministic bounds enter as if they were standard errors.
    alpha
        The chance of a false alarm, of the whole report.
    limit_dof
        The degrees of freedom of `errors`: R − 1 where they come from R replicates of a randomised sample.
    beyond
        (k, Q), for each width: a part of the bias that the networks show by themselves, without the limit. It is
        allowed for.

    Raises
    ------
    TpproofError
        E152 for numbers that are not finite, E160 for wrong shapes or an alpha not in (0, 1).
    """
    if not 0 < alpha < 1 or not limit_dof >= 1:
        found_ = f"alpha {alpha} and {limit_dof} degrees of freedom"
        raise TpproofError("E160", found_, "a probability above 0 and below 1, and 1 or more")
    values, spreads = limit_arrays(samples, limits, errors)
    scale = scales(samples, values)
    least = rounding(values, scale)
    found = spread(samples, least, ORDER)
    tests = final_tests(found, values, spreads, least, alpha / len(samples.quantities), limit_dof, beyond)
    exponents = slopes(samples.quantities, found, values, spreads)
    finals = tuple(_settled(f, exponents) for f in _finals(samples, tests, found, values, spreads, scale, alpha))
    return Findings(
        rows=_rows(samples, found, values, spreads, least),
        finals=finals,
        slopes=exponents,
        verdict=verdict(finals),
        alpha=alpha,
    )


@dataclass(frozen=True, eq=False)
class Decisions:
    """The final tests, (Q,) each; `weights` (Q, k). As in `Final`."""

    estimate: Array
    se: Array
    weights: Array
    terms: Array
    bias: Array | None
    bias_se: Array | None
    allowance: Array
    z: Array
    p: Array
    dof: Array
    detectable: Array
    tested: Flags
    constant: Flags


def final_tests(
    found: Spread,
    limits: Array,
    errors: Array,
    least: Array,
    level: float,
    limit_dof: float = EXACT,
    beyond: Array | None = None,
) -> Decisions:
    """One test a quantity, each at `level` when its power is stated and its widths are chosen."""
    n, m = found.widths, found.counts
    least = np.where(found.across, least, least / 100)  # of a standard error
    size = np.where(found.across, 0.0, np.maximum(np.abs(limits), np.sqrt(found.pooled)))
    candidates = fits(n, m)
    seen = [_standard_errors(found, f.weights, errors, least, limit_dof) for f in candidates]
    allowed = [f.allowance(np.full(size.shape, ORDER), size) for f in candidates]
    cost = [2 * a + quantile(level, dof) * se for a, (se, dof) in zip(allowed, seen, strict=True)]
    best = np.argmin(np.stack(cost), axis=0)
    columns = np.arange(len(limits))
    weights = np.stack([f.weights for f in candidates])[best]
    se, dof = (np.stack([s[i] for s in seen])[best, columns] for i in (0, 1))
    order, bias, bias_se = _order(found, size)
    allowance = np.stack([f.allowance(order, size) for f in candidates])[best, columns]
    if beyond is not None:
        allowance = allowance + np.abs(np.sum(weights * beyond.T, axis=1))
    estimate = np.sum(weights * found.means.T, axis=1)
    off = estimate - limits
    raw = np.sign(off) * np.maximum(np.abs(off) - allowance, 0.0) / se
    tested = (dof > 0) | found.across
    skew, together = cumulants(found, weights, se)
    z = np.where(tested, less_skew(raw, skew, together), 0.0)
    nu = np.where(tested, dof, 1.0)
    return Decisions(
        estimate=estimate,
        se=se,
        weights=weights,
        terms=np.array([f.terms for f in candidates])[best],
        bias=bias,
        bias_se=bias_se,
        allowance=allowance,
        z=z,
        p=2 * stats.t.sf(np.abs(z), nu),
        dof=dof,
        detectable=2 * allowance
        + se * detected(before_correction(quantile(level, nu), *noisier(skew, together, nu)), nu),
        tested=tested,
        constant=found.across,
    )


def _standard_errors(
    found: Spread, weights: Array, errors: Array, least: Array, limit_dof: float
) -> tuple[Array, Array]:
    """Of Σ w_i mean_i − limit, with degrees of freedom: pooled; where n · variance varies, width by width.

    The smaller of both is never taken: where a few networks happen to lie close together, n · variance seems to vary
    too.
    """
    n, m = found.widths, found.counts
    nu = np.maximum(m - 1, 1.0)
    pooled = found.pooled * np.sum(weights**2 / (n * m))
    own = np.where((m > 1)[:, None], found.variances, found.pooled / n[:, None])
    parts = (weights**2 / m)[:, None] * own
    apart = np.sum(parts, axis=0)
    tiny = np.finfo(float).tiny
    welch = apart**2 / np.maximum(np.sum(parts**2 / nu[:, None], axis=0), tiny)
    variance = np.where(found.homogeneous, pooled, np.maximum(pooled, apart))
    dof = np.where(found.homogeneous, found.dof, np.maximum(welch, 1.0))
    total = variance + errors**2 + least**2
    # Satterthwaite: a part that is known exactly has no degrees of freedom to lose
    lost = np.where(found.across, 0.0, variance**2 / np.maximum(dof, tiny)) + errors**4 / limit_dof
    joint = np.minimum(total**2 / np.maximum(lost, total**2 / EXACT), EXACT)
    return np.sqrt(total), np.where((dof > 0) | found.across, joint, 0.0)


def _order(found: Spread, size: Array) -> tuple[Array, Array | None, Array | None]:
    """(ρ, b, its standard error): ρ is raised where the widths show a larger bias than `ORDER` times the scale."""
    order = np.full(size.shape, ORDER)
    if len(found.widths) == 1:
        return order, None, None
    weights = bias_weights(found.widths, found.counts)
    bias = weights @ found.means
    se = np.sqrt(found.pooled * np.sum(weights**2 / (found.widths * found.counts)))
    surely = np.maximum(np.abs(bias) - 2 * se, 0.0)
    return np.maximum(order, surely / np.where(size > 0, size, np.inf)), bias, se


def _settled(final: Final, exponents: Slopes) -> Final:
    """A test at widths at which the law n^-1/2 does not hold yet decides nothing."""
    kind = final.quantity.kind
    # with a wrong kernel the descent from each f_0 is wrong, at any width: what training rests on says whether widths
    # are too small for it
    rests_on = OF_TRAINING if kind is Kind.TRAJECTORY else (kind,)
    if final.constant or not any(exponents.off(k) for k in rests_on):
        return final
    return replace(final, agrees=True, blind=True, settled=False)


def verdict(finals: tuple[Final, ...]) -> Verdict:
    """Disagrees if any quantity does. Blind if a quantity was not tested, or not at widths that say anything, or a test
    of the kernel (of any kind, where the kernel is left out) has no power.
    """
    if not all(f.agrees for f in finals):
        return Verdict.DISAGREES
    kernel = [f for f in finals if f.quantity.kind is Kind.KERNEL]
    if any(f.z is None or not f.settled for f in finals) or any(f.blind for f in kernel):
        return Verdict.BLIND
    return Verdict.BLIND if not kernel and all(f.blind for f in finals) else Verdict.AGREES


def _finals(
    samples: Samples, t: Decisions, found: Spread, limits: Array, errors: Array, scale: Array, alpha: float
) -> tuple[Final, ...]:
    rejected = holm(t.p, t.tested, alpha)
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


def _rows(samples: Samples, found: Spread, limits: Array, errors: Array, least: Array) -> tuple[Row, ...]:
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
