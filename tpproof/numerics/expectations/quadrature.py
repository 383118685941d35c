r"""Gaussian expectations of functions of one and of two variables by adaptive quadrature, with error estimates.

One variable, z ~ N(m, s^2). The nodes are equally spaced in t = arcsinh z. Where s is small this is the trapezoidal
rule in z/s, which converges like exp(-2 pi^2/h^2); where s is large the features of a nonlinearity (size 1, poles at
distance about 1 from the real line) keep a strip of width about pi/4 in t, so that the number of nodes grows like
log s and not like s. Between kinks the trapezoidal rule gives way to Gauss-Legendre rules in t.

Two variables, (u, v) ~ N(0, [[p, c], [c, q]]). With kinks at 0 only: polar coordinates, sectors split at the rays u = 0
and v = 0, in which angles are measured from the rays, so that a small angle between u and v costs no digits. Otherwise
u outside and v | u inside. Both take Var(u - v) where the caller knows it: 1 - rho is then free of cancellation.

Errors are differences between refinements (see `refine`); they are estimates, meant and tested as bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tpproof.numerics.expectations.rules import (
    CHUNK,
    EPS,
    TINY,
    Compute,
    Index,
    Integrand,
    gaussian_rule,
    refine,
    squared,
    unit_rule,
)
from tpproof.numerics.functions import Array

__all__ = ["Integrand", "expectation_one", "expectation_two", "one_minus_rho", "squared"]


# ---------------------------------------------------------------------------------------------- one variable


def _in_pieces(compute: Compute, width: int, rows: Index, level: int) -> tuple[Array, Array]:
    """Let `compute` work on chunks of rows, `width` numbers a row."""
    size = max(1, CHUNK // width)
    parts = [compute(rows[i : i + size], level) for i in range(0, len(rows), size)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _reach(f: Integrand, sd: Array, rows: Index) -> tuple[Array, Array]:
    """How far the rule must go for each input, in units of sd, and what lies beyond at most (roughly)."""
    reach, beyond, todo = np.full(len(sd), 12.0), np.zeros(len(sd)), np.arange(len(sd))
    for far in (12.0, 20.0, 30.0, 36.0):
        reach[todo] = far
        s, mine = sd[todo], rows[todo]
        ends = np.abs(f.at(s[:, None] * np.array([-far, far]), mine)).sum(axis=1) * far * math.exp(-far * far / 2)
        near = np.abs(f.at(s[:, None] * np.array([-3.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 3.0]), mine)).mean(axis=1)
        beyond[todo] = ends
        todo = todo[(ends > 1e-18 * near) | (near == 0)]
        if not len(todo):
            break
    return reach, beyond


def expectation_one(f: Integrand, q: Array, tolerance: float = 1e-15) -> tuple[Array, Array]:
    """The expectation E f(z), z ~ N(0, q_n), for every variance.

    Parameters
    ----------
    f : Integrand
        The function.
    q : (N,) array
        Variances >= 0. Where q_n = 0 the value is f(0), as the function itself gives it.
    tolerance : float
        Relative to sqrt(E f^2); refinement stops there.

    Returns
    -------
    value, error : (N,) arrays
        The error is an estimate meant as a bound: quadrature, cut and rounding.

    Raises
    ------
    TpproofError
        E152 where f is not finite.
    """
    q = np.asarray(q, dtype=float)
    rows = np.arange(len(q))
    if f.shared:
        different, back = np.unique(q, return_inverse=True)
        if len(different) < len(q):
            value, error = expectation_one(f, different, tolerance)
            return value[back], error[back]
    value, error = np.zeros(len(q)), np.zeros(len(q))
    still = q == 0
    value[still] = f.at(np.zeros((int(still.sum()), 1)), rows[still])[:, 0]
    if f.parity != -1 and not still.all():
        value[~still], error[~still] = _one(f, np.sqrt(q[~still]), rows[~still], tolerance)
    return value, error


def _one(f: Integrand, sd: Array, inputs: Index, tolerance: float) -> tuple[Array, Array]:
    """`expectation_one` for positive standard deviations of the given inputs."""
    reach, beyond = _reach(f, sd, inputs)
    kinks = f.breaks(inputs) / sd[:, None]

    def compute(rows: Index, level: int) -> tuple[Array, Array]:
        y, w = gaussian_rule(np.zeros(len(rows)), sd[rows], kinks[rows], reach[rows], (16 if f.kinks else 32) << level)
        values = f.at(sd[rows, None] * y, inputs[rows])
        return np.einsum("nm,nm->n", w, values), np.sqrt(np.einsum("nm,nm,nm->n", w, values, values))

    def pieces(rows: Index, level: int) -> tuple[Array, Array]:
        return _in_pieces(compute, (32 << level) * (1 + kinks.shape[1]), rows, level)

    value, error = refine(pieces, len(sd), 12, tolerance)
    return value, error + beyond


# ---------------------------------------------------------------------------------------------- two variables


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Entries with p, q > 0: standard deviations, 1 - rho, and the inputs that they belong to."""

    f: Integrand
    g: Integrand
    su: Array
    sv: Array
    gap: Array
    rows: Index
    cols: Index

    def some(self, keep: Index | NDArray[np.bool_], swap: bool = False) -> _Pairs:
        """The entries `keep`, perhaps with the two variables exchanged."""
        su, sv, gap = self.su[keep], self.sv[keep], self.gap[keep]
        rows, cols = self.rows[keep], self.cols[keep]
        if swap:
            return _Pairs(self.g, self.f, sv, su, gap, cols, rows)
        return _Pairs(self.f, self.g, su, sv, gap, rows, cols)


def one_minus_rho(p: Array, q: Array, c: Array, d: Array | None = None) -> Array:
    """The number 1 - c/sqrt(p q), in [0, 2]; without cancellation where d = Var(u - v) is given.

    By 2 sqrt(p q) (1 - rho) = d - (sqrt p - sqrt q)^2. The arguments broadcast; where p q = 0 the result is 1.
    """
    p, q, c = np.asarray(p, dtype=float), np.asarray(q, dtype=float), np.asarray(c, dtype=float)
    both = np.sqrt(p) * np.sqrt(q)
    safe = np.where(both > 0, both, 1.0)
    if d is None:
        gap = 1 - c / safe
    else:
        gap = (d - np.square((p - q) / np.where(both > 0, np.sqrt(p) + np.sqrt(q), 1.0))) / (2 * safe)
    return np.asarray(np.where(both > 0, np.clip(gap, 0.0, 2.0), 1.0))


def expectation_two(
    f: Integrand,
    g: Integrand,
    p: Array,
    q: Array,
    c: Array,
    d: Array | None = None,
    rtol: float = 1e-10,
    rows: Index | None = None,
    cols: Index | None = None,
    levels: int = 7,
) -> tuple[Array, Array]:
    """The expectation E f(u) g(v), (u, v) ~ N(0, [[p, c], [c, q]]), for every entry.

    Parameters
    ----------
    f, g : Integrand
        The functions of u and of v.
    p, q, c : (M,) arrays
        Variances and covariances.
    d : (M,) array, optional
        Var(u - v) = p + q - 2c, where it is known better than from p, q and c.
    rtol : float
        Wanted error relative to sqrt(E f^2 E g^2).
    rows, cols : (M,) arrays of int, optional
        The inputs whose parameters f and g take; by default entry m belongs to input m.
    levels : int
        Work limit: at most this many refinements, each with 2.25 times the nodes of the one before.

    Returns
    -------
    value, error : (M,) arrays
        The error is an estimate meant as a bound, and larger than asked for where the work limit came first.

    Raises
    ------
    TpproofError
        E152 where f or g is not finite.
    """
    p, q, c = np.broadcast_arrays(*(np.atleast_1d(np.asarray(part, dtype=float)) for part in (p, q, c)))
    first = np.arange(len(p)) if rows is None else rows
    second = np.arange(len(p)) if cols is None else cols
    pairs = _Pairs(f, g, np.sqrt(p), np.sqrt(q), one_minus_rho(p, q, c, d), first, second)
    value, error = np.zeros(len(p)), np.zeros(len(p))
    flat = (p == 0) | (q == 0)
    value[flat], error[flat] = _product(pairs.some(flat))
    smooth = not (f.kinks or g.kinks)
    polar = not smooth and all(np.ndim(k) == 0 and k == 0 for k in (*f.kinks, *g.kinks))
    # outside stands the variable with the larger variance: the inner mean then varies slowly
    turn = np.zeros(len(p), dtype=bool) if polar else q > p
    for swap in (False, True):
        mine = ~flat & (turn == swap)
        if mine.any():
            value[mine], error[mine] = _entries(pairs.some(mine, swap), polar, rtol, levels)
    return value, error


def _product(pairs: _Pairs) -> tuple[Array, Array]:
    """Entries where one variance is 0: E f(u) E g(v)."""
    a, da = expectation_one(pairs.f.of(pairs.rows), pairs.su**2)
    b, db = expectation_one(pairs.g.of(pairs.cols), pairs.sv**2)
    return a * b, np.abs(a) * db + np.abs(b) * da + da * db


def _entries(pairs: _Pairs, polar: bool, rtol: float, levels: int) -> tuple[Array, Array]:
    """Adaptive quadrature of entries with p, q > 0."""
    squares = [expectation_one(squared(h), s * s, 1e-6)[0]
               for h, s in ((pairs.f.of(pairs.rows), pairs.su), (pairs.g.of(pairs.cols), pairs.sv))]  # fmt: skip
    scale = np.sqrt(squares[0] * squares[1])
    method = _polar if polar else _nested

    def compute(rows: Index, level: int) -> tuple[Array, Array]:
        return method(pairs.some(rows), level), scale[rows]

    def pieces(rows: Index, level: int) -> tuple[Array, Array]:
        return _in_pieces(compute, _width(pairs, polar, level), rows, level)

    value, error = refine(pieces, len(scale), levels, rtol)
    # rounding in 1 - rho, which (sqrt p - sqrt q)^2 takes part in, and in the sums
    return value, error + 16 * EPS * scale


def _points(level: int) -> int:
    return int(16 * 1.5**level)


def _width(pairs: _Pairs, polar: bool, level: int) -> int:
    outer = 1 + len(pairs.f.kinks) + 3 * len(pairs.g.kinks)
    return _points(level) ** 2 * (2 if polar else outer * (1 + len(pairs.g.kinks)))


def _polar(pairs: _Pairs, level: int) -> Array:
    """All kinks at 0: sectors between the rays u = 0 and v = 0, opposite ones together."""
    big = np.maximum(pairs.su, pairs.sv)
    x, wx = unit_rule(_points(level) * 3 // 4)
    t, wt = unit_rule(_points(level) * 3 // 2)
    # radius: linear for small variances, logarithmic beyond the features' size 1 for large ones
    stretch = big / 4
    top = np.arcsinh(10.0 * stretch)
    r = np.sinh(top[:, None] * t) / stretch[:, None]
    wr = top[:, None] * wt * np.cosh(top[:, None] * t) / stretch[:, None] * r * np.exp(-r * r / 2) / (2 * math.pi)
    # angle: the same near both rays
    kappa = np.arcsinh(big)[:, None] / 2
    left = np.tanh(kappa * (2 * x - 1)) / np.tanh(kappa)
    wa = wx * kappa / np.cosh(kappa * (2 * x - 1)) ** 2 / np.tanh(kappa)
    theta, rest = (2 * np.arcsin(np.sqrt(np.minimum(gap, 1.0) / 2)) for gap in (pairs.gap, 2 - pairs.gap))
    total = np.zeros(len(big))
    sharp = pairs.gap <= 1
    sectors = ((np.where(sharp, theta, math.pi - rest), -1.0), (np.where(sharp, math.pi - theta, rest), 1.0))
    for width, sign in sectors:
        near, away = np.sin(width[:, None] * (1 + left) / 2), np.sin(width[:, None] * (1 - left) / 2)
        shape = (len(big), -1)
        u = (pairs.su[:, None, None] * r[:, :, None] * near[:, None, :]).reshape(shape)
        v = (sign * pairs.sv[:, None, None] * r[:, :, None] * away[:, None, :]).reshape(shape)
        both = pairs.f.at(u, pairs.rows) * pairs.g.at(v, pairs.cols)
        both = both + pairs.f.at(-u, pairs.rows) * pairs.g.at(-v, pairs.cols)
        total += width * np.einsum("nr,nra,na->n", wr, both.reshape(len(big), r.shape[1], -1), wa)
    return total


def _nested(pairs: _Pairs, level: int) -> Array:
    """The outer variable u in pieces, the inner one v | u in pieces; each piece sees an analytic function."""
    n, points = len(pairs.su), _points(level)
    rho, sine = 1 - pairs.gap, np.sqrt(pairs.gap * (2 - pairs.gap))
    far = np.where(np.abs(rho) > 1e-3, rho, 1e-3)
    kinks_u, kinks_v = pairs.f.breaks(pairs.rows), pairs.g.breaks(pairs.cols)
    # E[g(v) | u] turns at the kinks of g over a width of sine/|rho| standard deviations: pieces for it
    turns = kinks_v / (far * pairs.sv)[:, None]
    margin = (8 * sine / np.abs(far))[:, None]
    outer = np.concatenate([kinks_u / pairs.su[:, None], turns, turns - margin, turns + margin], axis=1)
    x, wx = gaussian_rule(np.zeros(n), pairs.su, outer, 10.0, points)
    mean = ((rho * pairs.sv)[:, None] * x).ravel()
    sd = np.repeat(np.maximum(sine * pairs.sv, TINY), x.shape[1])
    inner = (np.repeat(kinks_v, x.shape[1], axis=0) - mean[:, None]) / sd[:, None]
    y, wy = gaussian_rule(mean, sd, inner, 10.0, points)
    values = pairs.g.at((mean[:, None] + sd[:, None] * y).reshape(n, -1), pairs.cols).reshape(*x.shape, -1)
    conditional = np.einsum("nxy,nxy->nx", wy.reshape(values.shape), values)
    return np.asarray(np.sum(wx * pairs.f.at(pairs.su[:, None] * x, pairs.rows) * conditional, axis=1))
