"""The action of a random matrix without the matrix (`exact`), and with it (`dense`). MATH §9.

Both multiply blocks of row vectors and remember what a product was of, so that inner products of what went in and
SGD's low-rank updates need no second look at the vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.finite.basis import Basis, append
from tpproof.numerics.finite.space import Array, Small, Space
from tpproof.numerics.finite.streams import purpose

DOMAIN, RANGE = 0, 1
"""What W multiplies, and what Wᵀ multiplies."""


@dataclass(frozen=True)
class Product:
    """W x or Wᵀ y for a block, and where the block itself is.

    Attributes
    ----------
    value
        (k, local) the product.
    place
        What the matrix remembers of the block; `inner` and `update` take it.
    """

    value: Array
    place: Any


class Matrix(Protocol):
    """A random matrix, rows × cols, that low-rank updates may change."""

    def product(self, x: Array, transposed: bool = False, last: bool = False) -> Product:
        """W x, or Wᵀ x, for every row x; `last`: no product follows, nothing need be kept."""

    def inner(self, side: int, first: Any, second: Any) -> Small:
        """Inner products of blocks that were multiplied, from their places."""

    def against(self, side: int, x: Array, places: Sequence[Any]) -> list[Small]:
        """Inner products of any vectors with blocks that were multiplied, from their places."""

    def recall(self, side: int, places: Sequence[Any], weights: Sequence[Small]) -> Array:
        """Σ weights·block, (rows of each of the weights, local), for blocks that were multiplied."""

    def update(self, ranges: Any, domains: Any, weights: Small) -> None:
        """W += Σ weights[i, j]·yᵢ xⱼᵀ for a block y that Wᵀ multiplied and a block x that W multiplied."""

    def forget(self) -> None:
        """Free the memory: no product follows."""


class ExactMatrix:
    """An iid Gaussian matrix of which only products exist: each new one is drawn given all earlier ones.

    With W Q and Wᵀ P known for orthonormal Q and P, a unit q ⟂ Q has W q = P (WᵀP)ᵀ q + (1 − P Pᵀ) z with
    z ~ N(0, σ²): exactly the conditional law. Memory O(n·m), time O(n·m²) for m vectors.

    Parameters
    ----------
    space
        Where the coordinates are.
    rows, cols
        Shape, over all workers.
    deviation
        σ of the entries of W.
    parameter
        The number of the parameter: it keys the random numbers, with the number of the basis vector. The images of
        the first, second … direction that is multiplied are thus looked up, and the order in which *directions* come
        is the only thing that the numbers depend on.
    domain
        The space of what W multiplies, if it is another one (an embedding's inputs).
    """

    def __init__(
        self, space: Space, rows: int, cols: int, deviation: float, parameter: int, domain: Space | None = None
    ) -> None:
        self.space, self.deviation, self.parameter = space, deviation, parameter
        self.bases = (Basis(domain or space, cols), Basis(space, rows))
        self.images: tuple[list[Array], list[Array]] = ([], [])  # of W Q and of Wᵀ P, over σ
        self.trained = np.zeros((0, 0))  # W_t = W_0 + Pᵀ·trained·Q
        self._closed = False

    def apply(self, x: Array) -> Array:
        """W x for every row x of a block (k, local cols)."""
        return self.product(x).value

    def apply_transposed(self, y: Array) -> Array:
        """Wᵀ y for every row y of a block (k, local rows)."""
        return self.product(y, transposed=True).value

    def product(self, x: Array, transposed: bool = False, last: bool = False) -> Product:
        """See `Matrix`."""
        if self._closed:
            raise ValueError("a product after the last one")
        side = RANGE if transposed else DOMAIN
        own, other = self.bases[side], self.bases[1 - side]
        coordinates, added = own.split(x)
        images = self.images[side]
        old = coordinates.shape[1] - sum(block.shape[0] for block in added)
        terms = [(self.deviation * coordinates[:, :old], list(images))]
        at = old
        while added:
            block = added.pop(0)
            z, correction = self._drawn(side, block, at)
            part = self.deviation * coordinates[:, at : at + block.shape[0]]
            at += block.shape[0]
            if last:
                del block  # two vectors less at the peak
                terms += [(part, [z]), (part @ correction, other.blocks)]
            else:
                if other.blocks:
                    one = np.eye(len(correction))
                    z = other.space.combine([(one, [z]), (correction, other.blocks)], len(one), z.shape[1])
                append(other.space, images, z)
                append(own.space, own.blocks, block)
                terms.append((part, [z]))
        self._closed = last
        terms.append((self._moved(coordinates, side), other.blocks))
        count = other.space.local(other.length)
        return Product(other.space.combine(terms, x.shape[0], count), coordinates)

    def _drawn(self, side: int, block: Array, first: int) -> tuple[Array, Small]:
        """Fresh normals for the images of new directions, and what conditioning adds to them in the other basis."""
        other = self.bases[1 - side]
        z = other.space.normals(purpose(self.parameter, side), first, block.shape[0], other.length)
        if not other.blocks:
            return z, np.zeros((block.shape[0], 0))
        known = self.bases[side].space.gram(block, self.images[1 - side])
        return z, known - other.space.gram(z, other.blocks)

    def _moved(self, coordinates: Small, side: int) -> Small:
        """What training adds to a product, in the other basis."""
        core = self.trained if side == DOMAIN else self.trained.T
        other = self.bases[1 - side].size
        result = np.zeros((len(coordinates), other))
        used = coordinates[:, : core.shape[1]]
        result[:, : len(core)] = used @ core[:, : used.shape[1]].T
        return result

    def inner(self, side: int, first: Small, second: Small) -> Small:
        """See `Matrix`."""
        shared = min(first.shape[1], second.shape[1])
        return first[:, :shared] @ second[:, :shared].T

    def against(self, side: int, x: Array, places: Sequence[Small]) -> list[Small]:
        """See `Matrix`."""
        products = self.space.gram(x, self.bases[side].blocks)
        return [products[:, : place.shape[1]] @ place.T for place in places]

    def recall(self, side: int, places: Sequence[Small], weights: Sequence[Small]) -> Array:
        """See `Matrix`."""
        basis = self.bases[side]
        coordinates = np.zeros((len(weights[0]), basis.size))
        for place, part in zip(places, weights, strict=True):
            coordinates[:, : place.shape[1]] += part @ place
        return self.space.combine([(coordinates, basis.blocks)], len(coordinates), self.space.local(basis.length))

    def update(self, ranges: Small, domains: Small, weights: Small) -> None:
        """See `Matrix`."""
        grown = np.zeros((self.bases[RANGE].size, self.bases[DOMAIN].size))
        grown[: self.trained.shape[0], : self.trained.shape[1]] = self.trained
        grown[: ranges.shape[1], : domains.shape[1]] += ranges.T @ weights @ domains
        self.trained = grown

    def forget(self) -> None:
        """See `Matrix`."""
        for side in (DOMAIN, RANGE):
            self.bases[side].blocks.clear()
            self.images[side].clear()
        self._closed = True


class DenseMatrix:
    """An explicit iid Gaussian matrix: the reference, for widths of some thousands.

    Parameters
    ----------
    space
        Where the coordinates are, all of them.
    rows, cols
        Shape.
    deviation
        σ of the entries.
    parameter
        The number of the parameter, which keys the random numbers.
    """

    def __init__(self, space: Space, rows: int, cols: int, deviation: float, parameter: int) -> None:
        if space.share[1] > 1:
            raise TpproofError("E151", "an explicit matrix split over workers", "the exact sampler")
        self.space = space
        self.entries = deviation * space.normals(purpose(parameter, 2), 0, rows, cols)

    def apply(self, x: Array) -> Array:
        """W x for every row x of a block (k, cols)."""
        return self.product(x).value

    def apply_transposed(self, y: Array) -> Array:
        """Wᵀ y for every row y of a block (k, rows)."""
        return self.product(y, transposed=True).value

    def product(self, x: Array, transposed: bool = False, last: bool = False) -> Product:
        """See `Matrix`."""
        with np.errstate(all="ignore"):  # what is not finite is seen in the outputs
            return Product(x @ (self.entries if transposed else self.entries.T), x)

    def inner(self, side: int, first: Array, second: Array) -> Small:
        """See `Matrix`."""
        return self.space.host(first @ second.T)

    def against(self, side: int, x: Array, places: Sequence[Array]) -> list[Small]:
        """See `Matrix`."""
        return [self.space.host(x @ place.T) for place in places]

    def recall(self, side: int, places: Sequence[Array], weights: Sequence[Small]) -> Array:
        """See `Matrix`."""
        parts = [self.space.asarray(part) @ place for place, part in zip(places, weights, strict=True)]
        return sum(parts[1:], start=parts[0])

    def update(self, ranges: Array, domains: Array, weights: Small) -> None:
        """See `Matrix`."""
        self.entries = self.entries + ranges.T @ (self.space.asarray(weights) @ domains)

    def forget(self) -> None:
        """See `Matrix`."""
        self.entries = self.entries[:0, :0]
