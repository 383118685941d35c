"""Functions of a variance at many variances, from a few: Chebyshev interpolation in log q, checked between its nodes.

E F(u) and Hermite coefficients are analytic in log q, so that 33 or 65 nodes give all digits at thousands of inputs.
Where check points say otherwise, or there are few variances, every one is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tpproof.numerics.expectations.hermite import Expansion, expansion
from tpproof.numerics.expectations.quadrature import expectation_one
from tpproof.numerics.expectations.rules import Integrand
from tpproof.numerics.functions import Array

Columns = tuple[Array, Array]
"""(R, n): R numbers at each of n variances, and (n,): the error of each column in the Euclidean norm."""

FEW = 80
"""Below so many different variances nothing is gained."""
WIDEST = 1e5
"""Ratio of variances beyond which so few nodes are not tried."""
SIZES = (33, 65)
CHECKS = 9
CLOSE = 2e-14
"""Largest difference at a check point, relative to the column there: columns may span decades."""


def interpolated(compute: Callable[[Array], Columns], q: Array) -> Columns | None:
    """`compute` at every variance from its values at nodes; None where that is not good enough.

    Parameters
    ----------
    compute
        Variances (n,) → columns.
    q
        (N,) positive variances.
    """
    low, high = float(q.min()), float(q.max())
    if not 0 < low < high <= WIDEST * low:
        return None
    t = 2 * (np.log(q) - np.log(low)) / (np.log(high) - np.log(low)) - 1
    checks = np.cos(np.pi * (np.arange(CHECKS) + 0.37) / CHECKS)
    for size in SIZES:
        nodes = np.cos(np.pi * np.arange(size) / (size - 1))
        points = np.concatenate([nodes, checks])
        value, error = compute(low * (high / low) ** ((points + 1) / 2))
        guess = _barycentric(nodes, value[:, :size], checks)
        norms = np.sqrt(np.square(value).sum(axis=0))
        if not (norms > 0).all():
            return None
        off = float((np.sqrt(np.square(guess - value[:, size:]).sum(axis=0)) / norms[size:]).max())
        if off <= CLOSE:
            found = _barycentric(nodes, value[:, :size], t)
            relative = float((error / norms).max()) + 4 * off
            return found, relative * np.sqrt(np.square(found).sum(axis=0))
    return None


def _barycentric(nodes: Array, value: Array, t: Array) -> Array:
    """The polynomial through the Chebyshev–Lobatto nodes, at t."""
    weights = np.where(np.arange(len(nodes)) % 2 == 0, 1.0, -1.0)
    weights[[0, -1]] /= 2
    gaps = t[:, None] - nodes
    exact = gaps == 0
    terms = weights / np.where(exact, 1.0, gaps)
    terms[exact.any(axis=1)] = 0.0
    terms[exact] = 1.0
    found: Array = value @ (terms / terms.sum(axis=1, keepdims=True)).T
    return found


def mean(f: Integrand, q: Array) -> tuple[Array, Array]:
    """E f(u) at every variance, with errors: `expectation_one`, from few variances where there are many."""
    if not f.shared or len(q) < FEW:
        return expectation_one(f, q)

    def compute(some: Array) -> Columns:
        value, error = expectation_one(f, some)
        return value[None], error

    found = interpolated(compute, q)
    return expectation_one(f, q) if found is None else (found[0][0], found[1])


def coefficients(f: Integrand, q: Array, rtol: float, slope: Integrand | None) -> Expansion:
    """The Hermite expansion at every variance: `expansion`, from few variances where there are many."""
    if not f.shared or (slope is not None and not slope.shared) or len(q) < FEW:
        return expansion(f, q, rtol, slope=slope)
    made: list[Expansion] = []

    def compute(some: Array) -> Columns:
        made.append(expansion(f, some, rtol, slope=slope))
        return _stacked(made[-1]), made[-1].error

    found = interpolated(compute, q)
    return expansion(f, q, rtol, slope=slope) if found is None else _spread(made[-1], *found)


def _stacked(x: Expansion) -> Array:
    parts = [x.total[None], x.table]
    if x.slope_table is not None and x.slope_total is not None:
        parts += [x.slope_total[None], x.slope_table]
    return np.concatenate(parts)


def _spread(x: Expansion, columns: Array, error: Array) -> Expansion:
    """An expansion at all variances: what is left out is as large a part as it is at the worst node."""
    k = len(x.table)
    total, table = columns[0], columns[1 : k + 1]
    found = replace(
        x,
        table=table,
        total=total,
        tail=total * float(np.max(x.tail / x.total)),
        error=error,
        terms=np.full(len(total), int(x.terms.max())),
    )
    if x.slope_table is None or x.slope_total is None or x.slope_tail is None or x.slope_error is None:
        return found
    slope_total = columns[k + 1]
    return replace(
        found,
        slope_table=columns[k + 2 :],
        slope_total=slope_total,
        slope_tail=slope_total * float(np.max(x.slope_tail / x.slope_total)),
        slope_error=np.full(len(total), float(x.slope_error.max() + error.max())),
    )
