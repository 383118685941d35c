"""Embeddings: W for inputs in R^d. Only products U ξ are drawn, so their law is that of the inputs' Gram matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpproof.numerics.finite.matrices import DenseMatrix, ExactMatrix
from tpproof.numerics.finite.space import Array, Small, Space, alone


class Embedding:
    """U, n × d, as what it does to inputs; inputs may come at any time.

    Parameters
    ----------
    space
        Where the coordinates of U ξ are.
    rows, d
        Shape of U.
    deviation
        Of the entries of U (with the 1/√d).
    parameter
        The number of the parameter.
    dense
        Whether U is an explicit matrix.
    """

    def __init__(self, space: Space, rows: int, d: int, deviation: float, parameter: int, dense: bool) -> None:
        self.space = space
        self._inputs = space if dense else replace(space, xp=np, dtype="float64", share=(0, 1), reduce=alone)
        self._matrix: DenseMatrix | ExactMatrix
        if dense:
            self._matrix = DenseMatrix(space, rows, d, deviation, parameter)
        else:
            self._matrix = ExactMatrix(space, rows, d, deviation, parameter, self._inputs)
        self._moved: tuple[Array, Small] | None = None  # what training adds: factors (r, n) and (r, d)

    def apply(self, inputs: Small) -> Array:
        """U ξ for every row ξ of a block (k, d)."""
        value = self._matrix.apply(self._inputs.asarray(inputs))
        if self._moved is None:
            return value
        ranges, domains = self._moved
        return value + self.space.asarray(inputs @ domains.T) @ ranges

    def forget(self) -> None:
        """Free the memory: no product follows."""
        self._matrix.forget()

    def update(self, ranges: Array, domains: Small, weights: Small) -> None:
        """U += Σ weights[i, j]·yᵢ ξⱼᵀ."""
        if isinstance(self._matrix, DenseMatrix):
            self._matrix.update(ranges, self.space.asarray(domains), weights)
            return
        moved = weights @ domains
        if self._moved is not None:
            ranges = self.space.xp.concat([self._moved[0], ranges])
            moved = np.concatenate([self._moved[1], moved])
        d = moved.shape[1]
        if len(moved) > d:  # more factors than U has columns: keep the columns
            ranges, moved = self.space.combine([(moved.T, [ranges])], d, ranges.shape[1]), np.eye(d)
        self._moved = ranges, moved
