"""Trees as quadrature sees them: values on arrays, kinks, parity, the numbers of each input filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tpproof.numerics.expectations.features import narrow_features
from tpproof.numerics.expectations.rules import Integrand
from tpproof.numerics.functions import Array
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.shapes import kink_sources, parity, slots, zeros
from tpproof.numerics.reduction.univariate import Library, Tree, number, plus, value


def integrand(tree: Tree, own: Mapping[int, Array], library: Library) -> Integrand:
    """A function of one direction.

    Parameters
    ----------
    tree
        The function.
    own
        Slot → the numbers of the N inputs.
    library
        Users' functions.

    Raises
    ------
    NotReducible
        Where a kink's place cannot be told.
    """
    read = slots(tree)

    def values(z: Array, rows: Any) -> Any:
        return value(tree, z, lambda k: own[k][:, None] if rows is None else own[k][rows][:, None], library)

    pieces = (*_kinks(tree, own, library), *narrow_features(tree))
    return Integrand(values, pieces, parity(tree), bool(read))


def _kinks(tree: Tree, own: Mapping[int, Array], library: Library) -> list[Any]:
    sources, users = kink_sources(tree, library)
    found: list[Any] = []
    for source in sources:
        found += _crossings(source, 0.0, own, library)
    for source, points in users:
        for point in points:
            found += _crossings(source, point, own, library)
    return sorted(set(found)) if all(np.ndim(x) == 0 for x in found) else found


def _crossings(source: Tree, point: float, own: Mapping[int, Array], library: Library) -> Sequence[Any]:
    """Where a function meets a point."""
    if slots(source):
        return [_affine_zero(source, point, own, library)]
    return zeros(plus(source, number(Fraction(-point))) if point else source, library)


def _affine_zero(source: Tree, point: float, own: Mapping[int, Array], library: Library) -> Any:
    """Where a + b z meets a point, for each input."""

    def at(z: float) -> Any:
        return value(source, np.float64(z), lambda k: own[k], library)

    a, slope = at(0.0), at(1.0) - at(0.0)
    if not np.allclose(at(2.0) - at(1.0), slope, rtol=1e-12, atol=1e-300):
        raise NotReducible("a kink whose place depends on the input")
    zero = (point - a) / np.where(slope == 0, 1.0, slope)
    return float(zero) if np.ndim(zero) == 0 else np.asarray(zero)
