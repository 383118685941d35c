"""From probabilities to thresholds: Student's quantiles, the error that exceeds them, Holm's rule for many tests."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tpproof.numerics.crosscheck.verdict.samples import Flags
from tpproof.numerics.functions import Array

POWER = 0.9
"""With which probability a `detectable` error is detected."""


def quantile(level: float, dof: Array) -> Array:
    """Of |t|, Student's, that is exceeded with probability `level`."""
    found: Array = stats.t.isf(level / 2, np.maximum(dof, 1e-3))
    return found


def detected(quantile: Array, dof: Array) -> Array:
    """The noncentrality at which |t| exceeds `quantile` with probability `POWER`, by the normal approximation.

    Below one degree of freedom it is none; what it says for one is less than what would be needed, and huge.
    """
    z, nu = float(stats.norm.ppf(POWER)), np.maximum(dof, 1.0)
    with np.errstate(over="ignore"):
        found: Array = quantile * (1 - 1 / (4 * nu)) + z * np.sqrt(1 + quantile**2 / (2 * nu))
    return found


def rejections(p: Array, tested: Flags, exact: Flags, alpha: float) -> Flags:
    """(Q,): which hypotheses are rejected; the chance of a wrong one among them is at most alpha.

    Numbers that every network has (`exact`) are never rejected by chance, so the others share all of alpha.
    """
    found = exact & tested & (p <= alpha / len(p))
    chance = np.flatnonzero(~exact)
    found[chance] = holm(p[chance], tested[chance], alpha)
    return found


def holm(p: Array, tested: Flags, alpha: float) -> Flags:
    """(Q,): which hypotheses Holm's rule rejects; the chance of a wrong one among them is at most alpha."""
    order = np.argsort(np.where(tested, p, 2.0), kind="stable")
    level = alpha / (len(p) - np.arange(len(p)))
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order] = np.logical_and.accumulate(tested[order] & (p[order] <= level))
    return rejected
