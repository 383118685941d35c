"""What quadrature is made of: functions and their kinks, rules for one Gaussian variable, refinement, estimates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array

Index: TypeAlias = NDArray[np.intp]
Compute: TypeAlias = Callable[[Index, int], tuple[Array, Array]]
EPS = float(np.finfo(float).eps)
TINY = 1e-150  # stands for a standard deviation of 0: far below every rounding, far above underflow
CHUNK = 1 << 16  # numbers in a work array


@dataclass(frozen=True, eq=False)
class Integrand:
    """A function of one Gaussian variable, as quadrature sees it.

    Parameters
    ----------
    value : callable
        `value(z, rows)` maps an array (n, M) to an array that broadcasts to (n, M). `rows` are the n indices of the
        inputs that z's rows belong to; None where `own` is False.
    kinks : tuple of float or (N,) array
        Where the function or one of its derivatives jumps; () for an analytic function. An array gives every input
        its own kink.
    parity : int
        1 for an even function, -1 for an odd one, 0 for neither.
    own : bool
        Whether the function differs from input to input (a parameter for each).
    """

    value: Callable[[Array, Index | None], Array]
    kinks: tuple[float | Array, ...] = ()
    parity: int = 0
    own: bool = False

    @property
    def shared(self) -> bool:
        """Whether it is one function for all inputs, kinks included."""
        return not self.own and all(np.ndim(kink) == 0 for kink in self.kinks)

    def at(self, z: Array, rows: Index) -> Array:
        """Values at z (n, M) for the inputs `rows` (n,); raises E152 where one is not finite."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            found = np.broadcast_to(np.asarray(self.value(z, rows if self.own else None), dtype=float), z.shape)
        if not np.isfinite(found).all():
            far = float(np.abs(z[~np.isfinite(found)]).min())
            raise TpproofError("E152", f"a function that quadrature evaluates is not finite at |z| = {far:.6g}")
        return found

    def breaks(self, rows: Index) -> Array:
        """The kinks of the inputs `rows` (n,), as an array (n, number of kinks)."""
        columns = [np.broadcast_to(np.asarray(k, dtype=float), rows.shape) if np.ndim(k) == 0 else np.asarray(k)[rows]
                   for k in self.kinks]  # fmt: skip
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))

    def of(self, inputs: Index) -> Integrand:
        """The same function for the inputs `inputs` (indices, perhaps repeated) only, which are counted anew."""
        if self.shared:
            return self
        kinks = tuple(kink if np.ndim(kink) == 0 else np.asarray(kink)[inputs] for kink in self.kinks)
        value = self.value
        return Integrand(lambda z, rows: value(z, None if rows is None else inputs[rows]), kinks, self.parity, self.own)


def squared(f: Integrand) -> Integrand:
    """The function f^2."""
    return Integrand(lambda z, rows: np.square(f.value(z, rows)), f.kinks, abs(f.parity), f.own)


def settled(step: Array, before: Array, scale: Array, slow: Array) -> Array:
    """An estimate of the error of the last of three refinements from their two differences.

    Exponential convergence shows in a small ratio of the two differences; the error is then below step * ratio, since
    refinement multiplies the exponent by 3/2 or more. For the same reason a step far below before^1.35 (in units of
    the scale) is a coincidence (a change of sign) and is not believed. Where convergence has been `slow` three times,
    or is, nothing better than the larger difference is claimed: there may be a kink that nobody declared.
    """
    unit = np.maximum(scale, np.finfo(float).tiny)
    believed = np.maximum(step, unit * (before / unit) ** 1.35)
    fast = 200 * believed * believed / np.maximum(before, np.finfo(float).tiny)
    return np.asarray(
        np.where(slow < 3, np.minimum(fast, 2 * np.maximum(step, before)), 2 * np.maximum(step, before / 2))
    )


def refine(compute: Compute, count: int, levels: int, tolerance: float) -> tuple[Array, Array]:
    """Refine `count` integrals (each a number or a vector) until each is settled.

    Parameters
    ----------
    compute : callable
        `compute(rows, level)` gives the values (n, ...) at a level, and their scales (n,).
    count, levels : int
        Number of integrals and of levels; at level 2 the first estimate exists.
    tolerance : float
        Wanted error relative to the scale.

    Returns
    -------
    value : (count, ...) array
    error : (count,) array
        Estimated error in the Euclidean norm, rounding included.
    """
    active = np.arange(count)
    value, scale = compute(active, 0)
    error, before, slow = np.full(count, np.inf), np.full(count, np.inf), np.zeros(count)
    for level in range(1, levels):
        finer, scale_now = compute(active, level)
        change = (finer - value[active]).reshape(len(active), -1)
        step = np.sqrt(np.sum(np.square(change), axis=1))
        slow[active] += step > 0.02 * before[active]
        estimate = settled(step, before[active], scale_now, slow[active]) if level > 1 else 2 * step
        value[active], scale[active], before[active] = finer, scale_now, step
        error[active] = estimate + 8 * EPS * scale_now
        active = active[estimate > tolerance * scale_now]
        if not len(active):
            break
    return value, error


@lru_cache(maxsize=64)
def unit_rule(points: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1]: one rule up to 48 points, panels of 24 above."""
    panels = 1 if points <= 48 else -(-points // 24)
    x, w = roots_legendre(points if panels == 1 else 24)
    starts = np.arange(panels)[:, None]
    return ((starts + (x + 1) / 2) / panels).ravel(), np.tile(w / (2 * panels), panels)


def arcsinh_gap(a: Array, delta: Array) -> Array:
    """The difference arcsinh(a + delta) - arcsinh(a) without cancellation."""
    b = a + delta
    ra, rb = np.hypot(1.0, a), np.hypot(1.0, b)
    below = b * ra + a * rb
    same = (a * b >= 0) & (below != 0)
    return np.asarray(np.arcsinh(np.where(same, delta * (a + b) / np.where(same, below, 1.0), b * ra - a * rb)))


def gaussian_rule(mean: Array, sd: Array, breaks: Array, reach: float | Array, points: int) -> tuple[Array, Array]:
    """Nodes y and weights w with E F((z - mean)/sd) ~ sum_j w_j F(y_j) for z ~ N(mean, sd^2), row by row.

    Parameters
    ----------
    mean, sd : (n,) arrays
        sd is positive.
    breaks : (n, B) array
        Where pieces end, in units of y.
    reach : float or (n,) array
        The rule covers |y| <= reach.
    points : int
        Intervals of the trapezoidal rule (B = 0), or Gauss-Legendre nodes of each of the B + 1 pieces. Rows without a
        break inside take the trapezoidal rule, too.

    Returns
    -------
    y, w : (n, M) arrays
    """
    ends = np.broadcast_to(np.asarray(reach, dtype=float), mean.shape)[:, None]
    breaks = breaks[:, (np.abs(breaks) < ends).any(axis=0)]  # a periodic function has many, few of them in reach
    a, s = mean[:, None], sd[:, None]
    at = np.concatenate([-ends, np.sort(np.clip(breaks, -ends, ends), axis=1), ends], axis=1)
    edges = arcsinh_gap(a, s * at)
    whole = edges[:, -1:] - edges[:, :1]
    node, share = unit_rule(points)
    x = np.linspace(0.0, 1.0, len(node) * (breaks.shape[1] + 1) if breaks.shape[1] else points + 1)
    tau, w = edges[:, :1] + whole * x, whole / (len(x) - 1) * np.ones_like(x)
    broken = (np.abs(breaks) < ends).any(axis=1)
    if broken.any():
        start, length = edges[broken, :-1, None], np.diff(edges[broken], axis=1)[:, :, None]
        tau[broken] = (start + length * node).reshape(-1, tau.shape[1])
        w[broken] = (length * share).reshape(-1, tau.shape[1])
    # sinh(t0 + tau) - sinh(t0) and cosh(t0 + tau), again without cancellation
    up, down = np.exp(np.arcsinh(a)) / (2 * s), np.exp(-np.arcsinh(a)) / (2 * s)
    grown = np.expm1(np.abs(tau))
    shrunk = 1 / (1 + grown)
    right = tau > 0
    more, less = np.where(right, up, down), np.where(right, down, up)
    y = np.copysign(grown * (more + less * shrunk), tau)
    weight = w / math.sqrt(2 * math.pi) * (more * (1 + grown) + less * shrunk)
    weight *= np.exp(-0.5 * y * y)
    return y, weight
