"""The final test of each quantity: means at several widths extrapolated to n = ∞, against the limit.

A network of width n has X = K + b/n + c/n² + … + σ/√n · noise. The means at several widths are extrapolated to n = ∞
(`fits`), and what comes out is compared with the limit, after subtracting the most that the bias left can be. Which
widths and how many bias terms enter is decided by the variances alone, never by the means: the choice that sees the
smallest error. The reference law is Student's, by Welch's rule of degrees of freedom where variances are not pooled or
the limit has an error of its own, after Hall's correction for skewness (J. R. Statist. Soc. B 54, 1992), which here may
only make a deviation smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tpproof.numerics.crosscheck.verdict.fits import ORDER, bias_weights, fits
from tpproof.numerics.crosscheck.verdict.levels import detected, quantile
from tpproof.numerics.crosscheck.verdict.samples import Flags
from tpproof.numerics.crosscheck.verdict.skewness import before_correction, cumulants, less_skew, noisier
from tpproof.numerics.crosscheck.verdict.spread import Spread
from tpproof.numerics.functions import Array

EXACT = 1e9
"""Degrees of freedom of a standard error that is known."""


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
