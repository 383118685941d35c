"""Pairs of plain numbers: angles and arc-cosine expectations in NumPy, without cancellation at either end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_SERIES = 0.5
"""Below this angle sin t - t cos t is summed as a series: the difference would lose more than two bits."""


@dataclass(frozen=True)
class NumberPair:
    """Centred Gaussian (u, v) with its angle; what `Pair` asks for, as arrays or numbers of one arithmetic.

    Besides, ``e`` = 2(√(p q) - c) and ``ramp_excess``, the same of (relu u, relu v): √(p q)(1 - cos θ - S(θ)/π).
    """

    p: Any
    q: Any
    c: Any
    root: Any
    theta: Any
    sine: Any
    J0: Any
    J1: Any
    determinant: Any
    d: Any = None
    D1: Any = None
    e: Any = None
    ramp_excess: Any = None


def gaussian_pair(
    p: ArrayLike, q: ArrayLike, c: ArrayLike, d: ArrayLike | None = None, excess: ArrayLike | None = None
) -> NumberPair:
    """The pair of two variances, a covariance and what is known of the angle better than they tell.

    Parameters
    ----------
    p, q
        Var u, Var v, at least 0.
    c
        Cov(u, v); where rounding puts it beyond √(p q), θ is 0 or π.
    d
        Var(u - v), to its own relative accuracy.
    excess
        2(√(p q) - c), to its own relative accuracy; it tells the angle whatever p and q are.

    Returns
    -------
    pair
        Of float64 arrays of the broadcast shape.
    """
    p, q, c = (np.asarray(x, dtype=np.float64) for x in (p, q, c))
    if excess is not None:
        d = excess + np.square(_ratio(p - q, np.sqrt(p) + np.sqrt(q), 0.0))
    spread = p + q - 2 * c if d is None else np.asarray(d, dtype=np.float64)
    root = np.sqrt(p) * np.sqrt(q)
    sides = np.sqrt(p) + np.sqrt(q)
    lengths = _ratio(p - q, sides, 0.0) ** 2
    cosine = np.clip(_ratio(c, root, 0.0), -1.0, 1.0)
    wide = 1 + np.abs(cosine)
    narrow = np.clip(_ratio(_difference_of_products(p, q, c), p * q, 1.0) / wide, 0.0, 1.0)  # 1 - |cos θ|
    near, far = np.where(cosine > 0, narrow, wide), np.where(cosine > 0, wide, narrow)
    if d is not None:
        over = spread - lengths if excess is None else np.asarray(excess, dtype=np.float64)
        close = (spread if excess is None else over) < root  # elsewhere c says more of the angle
        near = np.where(close, np.clip(_ratio(over, 2 * root, 1.0), 0.0, 1.0), near)
        far = np.where(close, 2 - near, far)
    theta, rest = 2 * np.arctan2(np.sqrt(near), np.sqrt(far)), 2 * np.arctan2(np.sqrt(far), np.sqrt(near))
    sine = np.sqrt(near * far)
    return NumberPair(
        p=p,
        q=q,
        c=c,
        root=root,
        theta=theta,
        sine=sine,
        J0=rest / (2 * np.pi),
        J1=root * _segment(rest) / (2 * np.pi),
        determinant=p * q * sine * sine,
        d=np.maximum(spread, lengths),
        D1=lengths / 2 + root * (near - _segment(theta) / np.pi),
        e=2 * root * near,
        ramp_excess=root * (near - _segment(theta) / np.pi),
    )


def _ratio(x: Any, y: Any, otherwise: float) -> Any:
    """x / y where y > 0."""
    shape = np.broadcast(x, y).shape
    return np.divide(x, y, out=np.full(shape, otherwise), where=np.broadcast_to(y > 0, shape))


def _difference_of_products(p: Any, q: Any, c: Any) -> Any:
    """p q - c², as if the products were not rounded: at p ≠ q, θ near 0 is in those roundings (Dekker 1971)."""
    return (p * q - c * c) + (_lost(p, q) - _lost(c, c))


def _lost(x: Any, y: Any) -> Any:
    """x y minus its rounded value, exactly."""
    product = x * y
    (a, b), (c, d) = _split(x), _split(y)
    return ((a * c - product) + a * d + b * c) + b * d


def _split(x: Any) -> tuple[Any, Any]:
    """Two halves of the digits."""
    t = x * 134217729.0
    high = t - (t - x)
    return high, x - high


def _segment(t: Any) -> Any:
    """sin t - t cos t, 0 ≤ t ≤ π."""
    small = np.minimum(t, _SERIES)
    series, power = np.zeros_like(small), small**3
    for j in range(1, 9):  # the sum of (-1)^(j+1) 2j t^(2j+1)/(2j+1)!
        series = series + power * (2 * j if j % 2 else -2 * j) / float(np.prod(np.arange(1.0, 2 * j + 2)))
        power = power * small * small
    return np.where(t < _SERIES, series, np.sin(t) - t * np.cos(t))
