"""Hermite coefficients of functions of one Gaussian variable, many variances at a time.

Analytic functions: the trapezoidal rule on one grid for all inputs, so that the coefficients are products of a
matrix of Hermite functions and matrices of values. It converges exponentially, as soon as the step resolves both the
Hermite functions (frequency sqrt(K)) and the function (poles at a distance of 1/sqrt(q)). Functions with kinks:
Gauss-Legendre rules between the kinks, on nodes of each input's own (shared ones, if 0 is the only kink).
"""

from __future__ import annotations

import math

import numpy as np

from tpproof.numerics.expectations.quadrature import expectation_one
from tpproof.numerics.expectations.rules import CHUNK, Index, Integrand, gaussian_rule, refine, squared, unit_rule
from tpproof.numerics.functions import Array

REACH = 15.0  # |x| <= REACH: |h_k| exp(-x^2/4) is bounded for every k, and exp(-REACH^2/4) < 1e-24


def hermite_functions(x: Array, count: int) -> Array:
    """The functions h_k(x) exp(-x^2/4), k < count: an array (count, *x.shape); |values| < 1.1.

    By the three-term recursion sqrt(k+1) h_(k+1) = x h_k - sqrt(k) h_(k-1), which is stable in this direction.
    """
    found = np.empty((count, *x.shape))
    found[0] = np.exp(-x * x / 4)
    if count > 1:
        found[1] = x * found[0]
    for k in range(1, count - 1):
        found[k + 1] = (x * found[k] - math.sqrt(k) * found[k - 1]) / math.sqrt(k + 1)
    return found


def coefficients(f: Integrand, q: Array, K: int) -> tuple[Array, Array]:
    """Hermite coefficients c_k(n) = E f(sqrt(q_n) x) h_k(x), k = 0..K, and E f^2.

    Parameters
    ----------
    f : Integrand
        The function.
    q : (N,) array
        Variances >= 0.
    K : int
        Highest degree.

    Returns
    -------
    table : (K+1, N) array
        Where f has a parity, the other coefficients are exactly 0.
    total : (N,) array
        E f^2, by another quadrature.

    Raises
    ------
    TpproofError
        E152 where f is not finite.
    """
    q = np.asarray(q, dtype=float)
    return columns(f, q, K)[0], expectation_one(squared(f), q)[0]


def columns(f: Integrand, q: Array, K: int) -> tuple[Array, Array]:
    """Coefficients (K+1, N) and the estimated Euclidean norms (N,) of the errors of their columns."""
    table, error = np.zeros((K + 1, len(q))), np.zeros(len(q))
    still = q == 0
    table[0, still] = f.at(np.zeros((int(still.sum()), 1)), np.flatnonzero(still))[:, 0]
    # one grid serves variances within a factor of 4; functions with kinks have a grid for each variance
    octave = np.where(still, -1, np.ceil(np.log2(np.maximum(q, 1.0)) / 2)).astype(int)
    for mine in [np.flatnonzero(octave == o) for o in np.unique(octave[~still])]:
        at_zero = f.shared and all(kink == 0 for kink in f.kinks)
        method = _smooth if not f.kinks else _halves if at_zero else _kinked
        table[:, mine], error[mine] = method(f.of(mine), np.sqrt(q[mine]), K)
    if f.parity:
        table[(1 if f.parity == 1 else 0) :: 2] = 0.0
    return table, error


def _smooth(f: Integrand, sd: Array, K: int) -> tuple[Array, Array]:
    """By the trapezoidal rule on a grid of x >= 0 that all inputs share: products of a basis and two value matrices."""
    step = math.pi / (math.sqrt(K) + 4) / max(1.0, float(sd.max()) / 2)
    count = math.ceil(REACH / step)
    step = REACH / count

    def compute(rows: Index, level: int) -> tuple[Array, Array]:
        fine = step / (1 << level)
        # at level 0 all nodes, later the new ones only
        x = np.asarray(np.arange(count + 1) if level == 0 else np.arange(1, count << level, 2), dtype=float) * fine
        w = np.full(len(x), fine)
        w[0] *= 0.5 if level == 0 else 1.0  # x = 0 counts twice in _project
        return _project(f.of(rows), sd[rows], x, w, K)

    held: dict[str, Array] = {}

    def nested(rows: Index, level: int) -> tuple[Array, Array]:
        new, scale = compute(rows, level)
        if level == 0:
            held["sum"], held["square"] = new.copy(), scale
        else:
            held["sum"][rows] = held["sum"][rows] / 2 + new
            held["square"][rows] = held["square"][rows] / 2 + scale
        return held["sum"][rows], np.sqrt(held["square"][rows])

    value, error = refine(nested, len(sd), 9, 1e-15)
    return value.T, error


def _project(f: Integrand, sd: Array, x: Array, w: Array, K: int) -> tuple[Array, Array]:
    """Sums over the nodes +-x of f h_k and f^2 with the Gaussian weight: arrays (n, K+1) and (n,)."""
    found, square = np.zeros((len(sd), K + 1)), np.zeros(len(sd))
    root = w * np.exp(-x * x / 4) / math.sqrt(2 * math.pi)
    basis = hermite_functions(x, K + 1)
    size = max(1, CHUNK // len(x))
    for i in range(0, len(sd), size):
        part = slice(i, i + size)
        z, mine = sd[part, None] * x, np.arange(len(sd))[part]
        right = f.at(z, mine) * root
        left = f.parity * right if f.parity else f.at(-z, mine) * root
        if f.parity != -1:
            found[part, ::2] = (right + left) @ basis[::2].T
        if f.parity != 1:
            found[part, 1::2] = (right - left) @ basis[1::2].T
        square[part] = (right * right + left * left) @ (math.sqrt(2 * math.pi) / w)
    return found, square


def _halves(f: Integrand, sd: Array, K: int) -> tuple[Array, Array]:
    """A kink at 0 only: Gauss-Legendre panels on x >= 0 and x <= 0 that all inputs share."""
    start = 24 * math.ceil((math.sqrt(K) + 4) * max(1.0, float(sd.max()) / 2) * REACH / 36)

    def compute(rows: Index, level: int) -> tuple[Array, Array]:
        node, share = unit_rule(start << level)
        found, square = _project(f, sd[rows], REACH * node, REACH * share, K)
        return found, np.sqrt(square)

    value, error = refine(compute, len(sd), 6, 1e-15)
    return value.T, error


def _kinked(f: Integrand, sd: Array, K: int) -> tuple[Array, Array]:
    """By Gauss-Legendre rules between the kinks, with nodes of each input's own."""
    kinks = f.breaks(np.arange(len(sd))) / sd[:, None]
    start = 16 * math.ceil((math.sqrt(K) + 4) / 8)

    def compute(rows: Index, level: int) -> tuple[Array, Array]:
        found, scale = np.empty((len(rows), K + 1)), np.empty(len(rows))
        size = max(1, CHUNK // ((start << level) * (1 + kinks.shape[1])) // 4)
        for i in range(0, len(rows), size):
            part = rows[i : i + size]
            x, w = gaussian_rule(np.zeros(len(part)), sd[part], kinks[part], REACH, start << level)
            values = f.at(sd[part, None] * x, part)
            scale[i : i + size] = np.sqrt(np.einsum("nm,nm,nm->n", w, values, values))
            found[i : i + size] = _moments(x, w * values * np.exp(x * x / 4), K)
        return found, scale

    value, error = refine(compute, len(sd), 7, 1e-15)
    return value.T, error


def _moments(x: Array, weighted: Array, K: int) -> Array:
    """Sums over the last axis of `weighted` times h_k(x) exp(-x^2/4), k = 0..K: an array (n, K+1)."""
    found = np.empty((len(x), K + 1))
    before, now = np.zeros_like(x), np.exp(-x * x / 4)
    for k in range(K + 1):
        found[:, k] = np.einsum("nm,nm->n", weighted, now)
        before, now = now, (x * now - math.sqrt(k) * before) / math.sqrt(k + 1)
    return found
