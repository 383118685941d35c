"""How much one network's number fluctuates: n · variance, pooled over widths where they allow it, and its skewness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from tpproof.numerics.crosscheck.verdict.samples import Flags, Samples
from tpproof.numerics.functions import Array

HOMOGENEITY = 0.01
"""Level of the test that n · variance is the same at all widths; where it is not, nothing is pooled."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Of k widths and Q quantities.

    Attributes
    ----------
    widths, counts
        (k,): n and M_n.
    means, variances
        (k, Q): sample means, and sample variances of one network's number (0 where M_n = 1).
    share
        (k, Q): the weight of each width in `pooled`, summing to 1.
    pooled
        (Q,): σ², the estimate of n · variance.
    dof
        (Q,): its degrees of freedom. 0 if no width has two networks.
    homogeneous
        (Q,): whether n · variance agrees with a constant.
    skew
        (Q,): γ, one network's skewness being γ/√n.
    within, across
        (Q,): whether all networks of each width, or all of all widths, gave the same number up to rounding.
    """

    widths: Array
    counts: Array
    means: Array
    variances: Array
    share: Array
    pooled: Array
    dof: Array
    homogeneous: Flags
    skew: Array
    within: Flags
    across: Flags


def spread(samples: Samples, least: Array, order: float) -> Spread:
    """Means, variances and skewness. Differences up to `least`, (Q,), are rounding; `order` is the relative size of
    corrections, times n (see `fits.ORDER`).

    A width's variance is σ²/n · (1 + O(order/n)): as an estimate of σ² it counts as one with ν degrees of freedom,
    2/ν = 2/(M − 1) + (order/n)², so that many small networks cannot outvote a few large ones.
    """
    n = np.array(samples.widths, dtype=np.float64)
    m = np.array(samples.counts, dtype=np.float64)
    tables = list(samples.values.values())
    means = np.stack([_mean(t) for t in tables])
    variances = np.stack([_central(t, 2) / max(t.shape[0] - 1, 1) for t in tables])
    several = m > 1
    nu = np.where(several, 1 / (1 / np.maximum(m - 1, 1) + (order / n) ** 2 / 2), 0.0)
    total = float(np.sum(nu))
    share = nu / total if total else np.zeros_like(nu)
    pooled = share @ (n[:, None] * variances)
    low, high = np.stack([t.min(axis=0) for t in tables]), np.stack([t.max(axis=0) for t in tables])
    return Spread(
        widths=n,
        counts=m,
        means=means,
        variances=variances,
        share=share,
        pooled=pooled,
        dof=np.full(pooled.shape, total),
        homogeneous=_homogeneous(n, tables, variances, pooled, order),
        skew=_skew(n, tables, pooled),
        within=np.max(high - low, axis=0) <= least,
        across=(high.max(axis=0) - low.min(axis=0) <= least) & (np.sum(m) > 1),
    )


def _sorted_sum(table: Array) -> Array:
    """Sums of columns that do not depend on the order of the rows, not even by rounding."""
    total: Array = np.sum(np.sort(table, axis=0), axis=0)
    return total


def _mean(table: Array) -> Array:
    first = np.min(table, axis=0)
    mean: Array = first + _sorted_sum(table - first) / table.shape[0]
    return mean


def _central(table: Array, power: int) -> Array:
    moment: Array = _sorted_sum((table - _mean(table)) ** power)
    return moment


def _skew(n: Array, tables: list[Array], pooled: Array) -> Array:
    """γ from third cumulants, κ₃ = γ σ³/n² at width n; weighted by M/n, which is least variance for Gaussians."""
    found, weight = np.zeros_like(pooled), 0.0
    for width, table in zip(n, tables, strict=True):
        m = table.shape[0]
        if m > 2:
            found += (m / width) * width**2 * _central(table, 3) * m / ((m - 1) * (m - 2))
            weight += m / width
    scale = np.where(pooled > 0, pooled, 1.0) ** 1.5
    return found / (weight or 1.0) / scale


def _homogeneous(n: Array, tables: list[Array], variances: Array, pooled: Array, order: float) -> Flags:
    """χ² of log(n · variance), with the mean and variance of log χ², of the kurtosis, and of corrections O(1/n)."""
    used = [i for i, t in enumerate(tables) if t.shape[0] > 1]
    if len(used) < 2:
        return np.ones(pooled.shape, dtype=bool)
    nu = np.array([tables[i].shape[0] - 1.0 for i in used])[:, None]
    where = n[used][:, None]
    positive = np.maximum(variances[used], np.finfo(float).tiny)
    logs = np.log(where * positive) - (special.digamma(nu / 2) - np.log(nu / 2))
    excess = np.maximum(_kurtosis(n, tables, pooled), 0.0)
    noise = special.polygamma(1, nu / 2) + excess / (nu + 1) + (order / where) ** 2
    centre = np.sum(logs / noise, axis=0) / np.sum(1 / noise, axis=0)
    chi2 = np.sum((logs - centre) ** 2 / noise, axis=0)
    same: Flags = chi2 <= stats.chi2.isf(HOMOGENEITY, len(used) - 1)
    return same


def _kurtosis(n: Array, tables: list[Array], pooled: Array) -> Array:
    fourth = sum(
        (width**2 * _central(t, 4) for width, t in zip(n, tables, strict=True) if t.shape[0] > 1),
        np.zeros_like(pooled),
    )
    count = sum(t.shape[0] for t in tables if t.shape[0] > 1)
    excess: Array = fourth / max(count, 1) / np.where(pooled > 0, pooled, 1.0) ** 2 - 3
    return excess
