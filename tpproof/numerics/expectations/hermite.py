r"""Hermite expansions of functions of a Gaussian, and what they say about pairs of Gaussians.

With h_k the orthonormal Hermite polynomials and c_k(q) = E f(sqrt(q) x) h_k(x), x ~ N(0, 1), Mehler's formula gives

    E f(u) g(v) = sum_k a_k(p) b_k(q) rho^k,      (u, v) ~ N(0, [[p, c], [c, q]]),  rho = c/sqrt(p q),

and Price's theorem E f'(u) g'(v) = sum_k k a_k(p) b_k(q) rho^(k-1)/sqrt(p q) = sum_k a'_k(p) b'_k(q) rho^k with the
coefficients a'_k of f' themselves: a_k = sqrt(p/k) a'_(k-1). What is cut off after K is, by Cauchy and Schwarz, at
most |rho|^(K+1) sqrt(T(p) T(q)) with Parseval's tails T = E f^2 - sum_(k<=K) c_k^2.

**Tails.** T is a difference of two integrals computed on different grids by different code; its rounding errors are
about 1e-15 E f^2. A reported tail is |T| beyond the last computed coefficient, plus the estimated errors of both
integrals and rounding (together about 1e-14 E f^2 at least), plus the squares of the computed coefficients that were
cut off. Nothing is extrapolated from the decay of the coefficients: a tail T adds T itself, not its root, to
E f(u) f(v), so that this floor costs no digit that rounding has not taken already. A tail therefore also shows wrong
coefficients, and a derivative that is not one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tpproof.numerics.expectations.coefficients import coefficients, columns, hermite_functions
from tpproof.numerics.expectations.quadrature import expectation_one
from tpproof.numerics.expectations.rules import EPS, Index, Integrand, squared
from tpproof.numerics.functions import Array

__all__ = ["Expansion", "bounds", "coefficients", "difference", "evaluate", "expansion", "hermite_functions"]

FLOOR = 64 * EPS  # no tail below twice this is asked for, relative to E f^2
SAMPLE = 32  # so many inputs choose the number of terms, which all of them then confirm


@dataclass(frozen=True, eq=False)
class Expansion:
    """Hermite coefficients of one function at N variances, and what is known of the rest.

    Parameters
    ----------
    table : (K+1, N) array
        c_k(q_n); exact zeros where a parity says so.
    parity : int
        Of the function: 1 even, -1 odd, 0 neither.
    total, tail, error : (N,) arrays
        E f^2; a bound of E f^2 - sum_(k<=K) c_k^2, absolute; estimated Euclidean norm of the table's error.
    terms : (N,) array of int
        How many rows of the table input n needs for the asked tolerance (its own K + 1).
    reached : bool
        Whether every tail is within the tolerance that was asked for.
    slope_table : (K, N) array or None
        Coefficients of f', of the opposite parity: c_k = sqrt(q/k) slope_(k-1). They say more than the table where
        q is small or 0.
    slope_total, slope_tail, slope_error : (N,) arrays or None
        As above for f'.
    """

    table: Array
    parity: int
    total: Array
    tail: Array
    error: Array
    terms: Array
    reached: bool
    slope_table: Array | None = None
    slope_total: Array | None = None
    slope_tail: Array | None = None
    slope_error: Array | None = None

    @property
    def kmax(self) -> int:
        """The highest degree."""
        return len(self.table) - 1

    def cut(self, kmax: int) -> Expansion:
        """The expansion up to degree `kmax` <= self.kmax, with the tails that this leaves (`reached` is not judged)."""
        tail = self.tail + np.sum(np.square(self.table[kmax + 1 :]), axis=0)
        short = replace(self, table=self.table[: kmax + 1], tail=tail, terms=np.minimum(self.terms, kmax + 1))
        if self.slope_table is None or self.slope_tail is None:
            return short
        rest = self.slope_tail + np.sum(np.square(self.slope_table[kmax:]), axis=0)
        return replace(short, slope_table=self.slope_table[:kmax], slope_tail=rest)


def expansion(f: Integrand, q: Array, rtol: float, max_terms: int = 600, slope: Integrand | None = None) -> Expansion:
    """The Hermite expansion of f with as few terms as leave a tail of at most rtol.

    Parameters
    ----------
    f : Integrand
        The function.
    q : (N,) array
        Variances >= 0.
    rtol : float
        Wanted tails: T <= rtol E f^2, which is also the error of E f(u) f(v) relative to sqrt(E f(u)^2 E f(v)^2).
        Values below 2 `FLOOR` are taken as that.
    max_terms : int
        At most so many non-zero coefficients (a function with a parity reaches twice the degree).
    slope : Integrand, optional
        The derivative f', if its tails count as well: E f'^2 - sum k c_k^2/q <= rtol E f'^2. f must be the integral
        of f' (no jumps); the coefficients then come from those of f', so that small variances lose no digits.

    Returns
    -------
    Expansion
        With `reached` False, and the tails as they are, if max_terms came first.

    Raises
    ------
    TpproofError
        E152 where a function is not finite.
    """
    q = np.asarray(q, dtype=float)
    wanted = max(rtol, 2 * FLOOR)
    if f.shared and (slope is None or slope.shared):
        different, back = np.unique(q, return_inverse=True)
        if len(different) < len(q):
            return _spread(expansion(f, different, rtol, max_terms, slope), back)
    limit = max_terms - 1 if f.parity == 0 else 2 * max_terms - (1 if f.parity == -1 else 2)
    sample = np.sort(np.argsort(q)[np.unique(np.linspace(0, len(q) - 1, SAMPLE).astype(int))])
    everything = np.arange(len(q))
    degree, inputs = min(31, limit), sample
    while True:
        found = _expand(f.of(inputs), slope and slope.of(inputs), q[inputs], degree, wanted)
        whole = len(inputs) == len(q)
        if whole and found.reached:
            return found.cut(int(found.terms.max()) - 1)
        if whole and degree == limit:
            return found
        if found.reached:
            # a little more, as others may need more than the sample does
            degree, inputs = min(max(int(found.terms.max() * 1.1) + 1, 7), limit), everything
        elif degree == limit:
            inputs = everything
        else:
            degree = min(2 * degree + 1, limit)


def _expand(f: Integrand, slope: Integrand | None, q: Array, K: int, wanted: float) -> Expansion:
    """The expansion of given degree, with the number of terms that each input needs."""
    total, doubt = expectation_one(squared(f), q)
    if slope is None:
        table, error = columns(f, q, K)
        tail = _tail(total, doubt, table, error)
        terms, reached = _needed(table, tail, wanted * total)
        return Expansion(table, f.parity, total, tail, error, terms, reached)
    slopes, slope_error = columns(slope, q, max(K - 1, 0))
    slope_total, slope_doubt = expectation_one(squared(slope), q)
    slope_tail = _tail(slope_total, slope_doubt, slopes, slope_error)
    mean, error = expectation_one(f, q)
    table = np.vstack([mean, np.sqrt(q / np.arange(1, K + 1)[:, None]) * slopes[:K]])
    error = error + np.sqrt(q) * slope_error
    tail = _tail(total, doubt, table, error)
    terms, reached = _needed(table, tail, wanted * total)
    slope_terms, slope_reached = _needed(slopes, slope_tail, wanted * slope_total)
    return Expansion(table, f.parity, total, tail, error, np.maximum(terms, slope_terms + 1),
                     reached and slope_reached, slopes, slope_total, slope_tail, slope_error)  # fmt: skip


def _tail(total: Array, doubt: Array, table: Array, error: Array) -> Array:
    """Parseval's difference with everything that may be wrong with it."""
    missing = total - np.sum(np.square(table), axis=0)
    return np.asarray(np.abs(missing) + doubt + 2 * error * np.sqrt(total) + 8 * EPS * total)


def _needed(table: Array, tail: Array, allowed: Array) -> tuple[Array, bool]:
    """How many coefficients of each column leave a tail of at most `allowed`; whether there are enough of them."""
    left = tail + np.cumsum(np.square(table[::-1]), axis=0)[::-1]  # without the coefficients from k on
    return np.asarray(np.maximum((left > allowed).sum(axis=0), 1)), bool((tail <= allowed).all())


def _spread(found: Expansion, back: Index) -> Expansion:
    """The expansion whose input n is input back[n] of `found`."""
    taken: dict[str, Any] = {}
    for part in fields(found):
        value = getattr(found, part.name)
        taken[part.name] = value[..., back] if isinstance(value, np.ndarray) else value
    return Expansion(**taken)


def evaluate(row: Expansion, col: Expansion, rho: Array) -> tuple[Array, Array | None]:
    """The expectations E f(u) g(v) and E f'(u) g'(v) for all pairs of inputs (plain NumPy: a reference).

    Parameters
    ----------
    row, col : Expansion
        Of f at N1 variances and of g at N2.
    rho : (N1, N2) array
        Correlations.

    Returns
    -------
    value, slope : (N1, N2) arrays
        The second is None unless both expansions have a slope table.
    """
    value = _horner(row.table, col.table, rho)
    if row.slope_table is None or col.slope_table is None:
        return value, None
    return value, _horner(row.slope_table, col.slope_table, rho)


def _horner(a: Array, b: Array, rho: Array) -> Array:
    found = np.zeros_like(rho)
    for k in range(min(len(a), len(b)) - 1, -1, -1):
        found = found * rho + np.multiply.outer(a[k], b[k])
    return found


def bounds(row: Expansion, col: Expansion, rho: Array | float = 1.0) -> tuple[Array, Array | None]:
    """Bounds of the errors of `evaluate` (N1, N2): what was cut off, and the errors of the tables.

    The first part is |rho|^(K+1) sqrt(T(p) T(q)), the second follows from Cauchy and Schwarz as well. Rounding of the
    evaluation itself, about 1e-16 sqrt(E f^2 E g^2), is not in it.
    """
    degree = min(row.kmax, col.kmax)
    row, col = row.cut(degree), col.cut(degree)
    power = np.abs(rho) ** degree
    value = np.abs(rho) * power * _outer_root(row.tail, col.tail)
    value = value + _table_error(row.error, row.total, col.error, col.total)
    if row.slope_tail is None or col.slope_tail is None:
        return value, None
    slope = power * _outer_root(row.slope_tail, col.slope_tail)
    return value, slope + _table_error(row.slope_error, row.slope_total, col.slope_error, col.slope_total)


def _outer_root(a: Array, b: Array) -> Array:
    return np.asarray(np.multiply.outer(np.sqrt(a), np.sqrt(b)))


def _table_error(da: Array | None, aa: Array | None, db: Array | None, bb: Array | None) -> Array:
    """Bound of what errors of two tables do to sum_k a_k b_k rho^k."""
    assert da is not None and aa is not None and db is not None and bb is not None
    left, right = np.multiply.outer(da, np.sqrt(bb) + db), np.multiply.outer(np.sqrt(aa), db)
    return np.asarray(left + right)


def difference(row: Expansion, col: Expansion, one_minus_rho: Array) -> Array:
    """The expectation E (f(u) - f(v))^2 = sum_k [(a_k - b_k)^2 + 2 a_k b_k (1 - rho^k)], without cancellation.

    Parameters
    ----------
    row, col : Expansion
        Of one function f at N1 and N2 variances.
    one_minus_rho : (N1, N2) array
        1 - rho in [0, 2], to full relative accuracy.

    Returns
    -------
    (N1, N2) array
        What was cut off is at most (sqrt T(p) + sqrt T(q))^2, and near rho = 1, p = q at most 2 p (1 - rho) times the
        tail of f'.
    """
    rho = 1 - one_minus_rho
    lost = np.zeros_like(rho)  # 1 - rho^k, by 1 - rho^(k+1) = (1 - rho) + rho (1 - rho^k)
    found = np.zeros_like(rho)
    for a, b in zip(row.table, col.table, strict=False):
        found += np.square(np.subtract.outer(a, b)) + 2 * np.multiply.outer(a, b) * lost
        lost = one_minus_rho + rho * lost
    return found
