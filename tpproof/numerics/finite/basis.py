"""An orthonormal basis that grows by blocks of vectors, whatever depends on whatever."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.finite.space import TILE, Array, Small, Space

ROUNDS = 12
"""Far more than are needed: each one shrinks what is left by half of the digits at least."""

MERGED_NUMBERS = 2**22
"""Blocks are put together up to this size, and up to `space.TILE` rows: few products cost less than many."""


def append(space: Space, blocks: list[Array], block: Array) -> None:
    """Adds vectors to a list of blocks, as a binary counter adds: every vector is copied a few times only."""
    blocks.append(block)
    while len(blocks) > 1 and blocks[-2].shape[0] <= blocks[-1].shape[0]:
        rows = blocks[-2].shape[0] + blocks[-1].shape[0]
        if rows > TILE or rows * block.shape[1] > MERGED_NUMBERS:
            return
        last = blocks.pop()
        blocks[-1] = space.xp.concat([blocks[-1], last])


@dataclass
class Basis:
    """Orthonormal vectors in R^length, kept as blocks of rows.

    Attributes
    ----------
    space
        Where the coordinates are.
    length
        Over all workers.
    blocks
        The vectors.

    Notes
    -----
    A vector is split into its part in the basis and what is left. Left-over vectors that are clearly independent of
    the basis and of those before them (to make them orthonormal multiplies errors of squares by less than eps^(-1/4)/8)
    are made orthonormal and added; what then remains of the others is computed anew, orthogonalised again and treated
    likewise, until nothing is left that exceeds 1000 eps of the vector itself: that is rounding, and dropped. So
    vectors that differ by one part in 10^12 still get their own direction, and every direction that was much shorter
    than its vector is orthogonalised at least twice. Departures from orthonormality stay below about eps^(3/4): 1e-12,
    for float32 7e-6.
    """

    space: Space
    length: int
    blocks: list[Array] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many vectors there are."""
        return sum(block.shape[0] for block in self.blocks)

    def split(self, x: Array) -> tuple[Small, list[Array]]:
        """Coordinates of vectors in the basis, and the new vectors that it needs for that (not added yet).

        Parameters
        ----------
        x
            (k, local): the vectors.

        Returns
        -------
        tuple
            Coordinates (k, size + new), and blocks of new vectors, orthonormal to each other and to the basis.

        Raises
        ------
        TpproofError
            E152 when a vector is not finite.
        """
        space = self.space
        added: list[Array] = []
        coordinates = np.zeros((x.shape[0], self.size))
        norms: Small | None = None
        left = x
        for _ in range(ROUNDS):
            known = [*self.blocks, *added]
            products = space.gram(left, [*known, left])
            if not np.isfinite(products).all():
                raise TpproofError("E152", "a vector that is not finite", "smaller inputs, variances or learning rates")
            inside, gram = products[:, : coordinates.shape[1]], products[:, coordinates.shape[1] :]
            coordinates += inside
            gram = gram - inside @ inside.T
            lengths = np.sqrt(np.maximum(np.diag(products[:, coordinates.shape[1] :]), 0.0))
            norms = lengths if norms is None else norms
            alive = lengths > 1000 * space.epsilon * norms
            if not alive.any():
                break
            whiten, spread, complete = _independent(gram, lengths, alive, 8 * space.epsilon**0.25)
            if len(whiten):
                added.append(space.combine([(whiten, [left]), (-whiten @ inside, known)], len(whiten), left.shape[1]))
                coordinates = np.concatenate([coordinates, spread], axis=1)
                known = [*known, added[-1]]
                inside = np.concatenate([inside, spread], axis=1)
            if complete:
                break
            one = np.diag(alive.astype(float))
            left = space.combine([(one, [left]), (-one @ inside, known)], len(one), left.shape[1])
        return coordinates, added


def _independent(gram: Small, lengths: Small, alive: NDArray[np.bool_], floor: float) -> tuple[Small, Small, bool]:
    """Which left-over vectors bring a basis vector each: Gram–Schmidt in their order, by Cholesky.

    Eigenvectors would do as well, but turn round at the least rounding, and random numbers belong to directions.

    Returns
    -------
    tuple
        T with T·left (less its part in the basis) orthonormal, the coordinates of the left-over vectors in those, and
        whether nothing else is left.
    """
    rows = np.flatnonzero(alive)
    scaled = gram[np.ix_(rows, rows)] / np.outer(lengths[rows], lengths[rows])
    kept: list[int] = []
    factor, inverse = np.zeros((len(rows), 0)), np.zeros((0, 0))
    for i in range(len(rows)):
        pivot = scaled[i, i] - factor[i] @ factor[i]
        along = factor[i] @ inverse
        if pivot > floor * (1 + along @ along):
            last = np.append(-along, 1.0)[None, :] / np.sqrt(pivot)
            inverse = np.concatenate([np.pad(inverse, ((0, 0), (0, 1))), last])
            column = (scaled[:, i] - factor @ factor[i]) / np.sqrt(pivot)
            column[kept] = 0.0
            kept.append(i)
            factor = np.concatenate([factor, column[:, None]], axis=1)
    whiten = np.zeros((len(kept), len(gram)))
    whiten[:, rows[kept]] = np.linalg.inv(factor[kept]) / lengths[rows[kept]]
    spread = np.zeros((len(gram), len(kept)))
    spread[rows] = lengths[rows, None] * factor
    return whiten, spread, len(kept) == len(rows)
