"""A forward pass and what backpropagation hands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np

from tpproof.numerics.finite.space import Array, Small, Space


@dataclass
class Pass:
    """A forward pass over B inputs, with what backpropagation needs.

    Attributes
    ----------
    outputs
        (B, outputs), on the host.
    values
        Vectors (B or 1, local) that later work reads.
    singles
        Scalars: floats, or (B, 1) on the host.
    places
        MatMul node → what the matrix remembers of the vectors that it multiplied.
    readouts
        Readout → (1, local).
    inputs
        One array (B, parts, d) an input.
    """

    inputs: list[Small]
    outputs: Small = field(default_factory=lambda: np.zeros((0, 0)))
    values: dict[int, Array] = field(default_factory=dict)
    singles: dict[int, Any] = field(default_factory=dict)
    places: dict[int, Any] = field(default_factory=dict)
    readouts: dict[int, Array] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """B."""
        return len(self.inputs[0]) if self.inputs else 1


Watch: TypeAlias = Callable[[int, int, Array], None]
"""Looks at vectors as they come and must not keep those that are large: (row of the cotangents, node, block)."""


class Sink(Protocol):
    """Who takes the gradients as they come, so that no vector is kept longer than needed.

    An error signal is √n ∂f/∂g; r numbers the combinations of outputs that are differentiated.
    """

    def initial(self, node: int, signals: Mapping[int, Array]) -> None:
        """An embedded input or a vector parameter: r → (B, local)."""

    def product(self, node: int, r: int, place: Any) -> None:
        """A matrix product: what the matrix remembers of its error signals."""


def joined(space: Space, blocks: Sequence[Array]) -> Array:
    """Blocks as one."""
    return blocks[0] if len(blocks) == 1 else space.xp.concat(list(blocks))


def rows_of(block: Array, counts: Sequence[int]) -> list[Array]:
    """One block as many, of so many rows each."""
    if len(counts) == 1:
        return [block]
    ends = np.cumsum([0, *counts])
    return [block[int(a) : int(b), :] for a, b in pairwise(ends)]
