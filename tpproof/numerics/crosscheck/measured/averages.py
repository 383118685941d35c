"""Averages over the coordinates of forward vectors (Theorem B.4), taken as the vectors come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.space import Array, Small

SEEN = "a G-var, or a vector that a matrix, a readout, a Moment or a NonLin of another stage reads"


class Averages:
    """Reads MEAN, MOMENT2, MOMENT4 and SCALAR; its `see` is the `watch` of a forward pass.

    A vector is kept until the last second moment that it takes part in, no longer.
    """

    def __init__(self, net: FiniteNetwork, quantities: Sequence[Quantity]) -> None:
        self.net = net
        self.quantities = [q for q in quantities if q.kind in READERS]
        single, pairs = net.plan.single, [q.key[:2] for q in self.quantities if q.kind is Kind.MOMENT2]
        self._partners: dict[int, set[int]] = {}
        for x, y in pairs:
            if not (single[x] or single[y]):
                self._partners.setdefault(x, set()).add(y)
                self._partners.setdefault(y, set()).add(x)
        self._powers = {q.key[0] for q in self.quantities if q.kind in (Kind.MEAN, Kind.MOMENT4)}
        self._powers |= {k for pair in pairs for k in pair if single[pair[0]] != single[pair[1]]}
        self._kept: dict[int, Array] = {}
        self._sums: dict[int, tuple[Small, Small]] = {}  # Σ x and Σ x⁴ over the length, (B or 1,)
        self._grams: dict[tuple[int, int], Small] = {}

    def see(self, _: int, k: int, block: Array) -> None:
        """A vector (B or 1, local) has come."""
        if k in self._powers:
            self._sums[k] = self._power_sums(k, block)
        if k not in self._partners:
            return
        self._kept[k] = block
        others = [other for other in self._kept if other in self._partners[k]]
        if not others:
            return
        ends = np.cumsum([self._kept[other].shape[0] for other in others])[:-1]
        products = self.net.space.gram(block, [self._kept[other] for other in others]) / self._length(k)
        for other, part in zip(others, np.split(products, ends, axis=1), strict=True):
            self._grams[k, other], self._grams[other, k] = part, part.T
            self._partners[k].discard(other)
            self._partners[other].discard(k)
        for done in [other for other in self._kept if not self._partners[other]]:
            del self._kept[done]

    def _length(self, k: int) -> int:
        return self.net.space.length(self.net.program.widths[k])  # type: ignore[arg-type]

    def _power_sums(self, k: int, block: Array) -> tuple[Small, Small]:
        xp = self.net.space.xp

        def work(_: slice, blocks: list[Array]) -> tuple[list[Array], list[Any]]:
            square = blocks[0] * blocks[0]
            return [], [xp.sum(blocks[0], axis=1), xp.sum(square * square, axis=1)]

        _, (one, four) = self.net.space.coordinatewise(work, [block], block.shape[1])
        return one / self._length(k), four / self._length(k)

    # reading ------------------------------------------------------------------------------------------

    def values(self, state: Pass) -> dict[Quantity, float]:
        """All of them, after the pass."""
        return {q: READERS[q.kind](self, state, *q.key) for q in self.quantities}

    def _single(self, state: Pass, k: int, i: int) -> float:
        return at(np.reshape(np.asarray(state.singles[k], dtype=float), -1), i)

    def _sum(self, k: int, power: int, i: int) -> float:
        if k not in self._sums:
            raise TpproofError("E151", f"node {k}, which nobody reads", SEEN)
        return at(self._sums[k][power], i)

    def mean(self, state: Pass, x: int, i: int) -> float:
        """xᵀ1/n."""
        return self._single(state, x, i) if self.net.plan.single[x] else self._sum(x, 0, i)

    def fourth(self, state: Pass, x: int, i: int) -> float:
        """Σ_α x_α⁴/n."""
        return self._single(state, x, i) ** 4 if self.net.plan.single[x] else self._sum(x, 1, i)

    def second(self, state: Pass, x: int, y: int, i: int, j: int) -> float:
        """xᵀy/n."""
        if self.net.plan.single[x] or self.net.plan.single[y]:
            return self.mean(state, x, i) * self.mean(state, y, j)
        if (x, y) not in self._grams:
            raise TpproofError("E151", f"nodes {x} and {y}, one of which nobody reads", SEEN)
        return at(self._grams[x, y], i, j)


def at(numbers: Small, *places: int) -> float:
    """An entry; an axis of length 1 is the same for all inputs."""
    return float(numbers[tuple(i if size > 1 else 0 for i, size in zip(places, numbers.shape, strict=True))])


READERS: dict[Kind, Callable[..., float]] = {
    Kind.MEAN: Averages.mean,
    Kind.MOMENT2: Averages.second,
    Kind.MOMENT4: Averages.fourth,
    Kind.SCALAR: Averages._single,
}
