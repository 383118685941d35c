"""What skewness does to Student's t, and Hall's correction of it (J. R. Statist. Soc. B 54, 1992)."""

from __future__ import annotations

import numpy as np

from tpproof.numerics.crosscheck.verdict.spread import Spread
from tpproof.numerics.functions import Array


def cumulants(found: Spread, weights: Array, se: Array) -> tuple[Array, Array]:
    """Of the studentised estimate: the skewness Γ of the estimate, and C = cov(estimate/se, σ̂²/σ²)."""
    n, m = found.widths, found.counts
    sigma = np.sqrt(found.pooled)
    third = found.skew * sigma**3 * (weights**3 @ (1 / (n * m) ** 2))
    parts = weights**2 / (n * m)
    by_width = parts / np.sum(parts, axis=1, keepdims=True)
    share = np.where(found.homogeneous[:, None], found.share, by_width)
    together = found.skew * sigma * np.sum(weights * share / (n * m), axis=1)
    return third / se**3, together / se


def less_skew(z: Array, skew: Array, together: Array) -> Array:
    """Hall's monotone cubic; it is used where it makes |z| smaller."""
    a = (3 * together - skew) / 6
    corrected = z + together / 2 - a + a * z**2 + a**2 * z**3 / 3
    same_side = np.where(np.sign(corrected) == np.sign(z), corrected, 0.0)
    return np.where(np.abs(same_side) < np.abs(z), same_side, z)


def noisier(skew: Array, together: Array, dof: Array) -> tuple[Array, Array]:
    """Cumulants as large as they may be estimated next time: half a standard error of a skewness, √6/dof, more."""
    noise = np.sqrt(6) / (dof + 1) / 2
    return skew + np.sign(skew) * noise, together + np.sign(together) * noise


def before_correction(z: Array, skew: Array, together: Array) -> Array:
    """The |t|, of the worse sign, that `less_skew` makes z: the cubic is ((1 + a t)³ − 1)/3a and a shift."""
    needed = z
    for sign in (1.0, -1.0):
        a = sign * (3 * together - skew) / 6
        shift = sign * together / 2 - a
        small = np.abs(a) < 1e-6
        root = (np.cbrt(1 + 3 * a * (z - shift)) - 1) / np.where(small, 1.0, a)
        needed = np.maximum(needed, np.where(small, z, root))
    return needed
