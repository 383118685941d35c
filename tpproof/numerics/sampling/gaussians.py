"""Base Gaussians and the directions that functions really read, each drawn when it is first read.

tanh(W x + U ξ + b) reads one Gaussian, not three: a linear combination of base Gaussians is kept as its coefficients
until a NonLin reads it; only then is it drawn, conditionally on what is drawn, one coordinate of the points for each
new dimension. A direction that the earlier ones determine (a repeated input, a shared bias, more parts than d)
takes none.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from tpproof.numerics.functions import Array

DEPENDENT = 1e-10
"""A direction whose variance, given those before it, is a smaller part than this adds no dimension."""


class Gaussians:
    """Jointly Gaussian base variables and samples of their linear combinations.

    Parameters
    ----------
    bases
        How many base variables there will be.
    normals
        Standard normal points, one row a dimension.

    Attributes
    ----------
    covariance
        Of the base variables; the owner fills it in as they come.
    """

    def __init__(self, bases: int, normals: Array) -> None:
        self.covariance = np.zeros((bases, bases))
        self._normals = normals
        self._pivots = np.zeros((len(normals), bases))  # the combinations that brought a new dimension each
        self._root = np.zeros((len(normals), len(normals)))  # lower triangular: pivots in terms of the normals
        self.dimensions = 0

    def draw(self, combination: Array) -> Array:
        """A sample of a linear combination of base variables."""
        image = self.covariance @ combination
        variance = float(combination @ image)
        row = self._along_pivots(image)
        rest = variance - float(row @ row)
        if rest > DEPENDENT * variance:
            row = np.append(row, np.sqrt(rest))
            self._root[self.dimensions, : len(row)] = row
            self._pivots[self.dimensions] = combination
            self.dimensions += 1
        read = np.flatnonzero(row)  # hats of one matrix know nothing of those of another
        sample: Array = row[read] @ self._normals[read] if 2 * len(read) < len(row) else row @ self._normals[: len(row)]
        return sample

    def _along_pivots(self, image: Array) -> Array:
        """What the pivots determine of the combination: forward substitution."""
        n = self.dimensions
        if n == 0:
            return np.zeros(0)
        row: Array = solve_triangular(self._root[:n, :n], self._pivots[:n] @ image, lower=True)
        return row
