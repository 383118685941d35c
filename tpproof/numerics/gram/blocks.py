"""A Gram matrix in blocks: what computes one block, and which blocks there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.gram.inputs import InputArrays, require_alike

FLOAT64: np.dtype[Any] = np.dtype(np.float64)
Numbers = NDArray[Any]
Values = Mapping[str, Numbers]
"""What is known of one block: for every name an array of shape (rows, cols, *trailing)."""

Engine = Callable[[InputArrays, InputArrays | None], Values]
"""Computes a kernel between two sets of inputs; between the first and itself when the second is None."""


class KernelBlocks(Protocol):
    """A matrix of N1 × N2 entries of shape ``trailing`` for every name, which is computed block by block.

    ``symmetric`` says that both sets of inputs are one: then only blocks on and above the diagonal are asked for, and
    ``mirror`` makes those below of them. ``fingerprint`` is a hash of everything that the numbers depend on.
    """

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def symmetric(self) -> bool: ...
    @property
    def trailing(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def fingerprint(self) -> str: ...

    def block(self, rows: slice, cols: slice) -> Values: ...

    def mirror(self, name: str, block: Numbers) -> Numbers: ...


def transposed(block: Numbers) -> Numbers:
    """K_op(x, x') = K_po(x', x): the two axes of inputs change places, and the two of outputs, if there are any."""
    turned = np.swapaxes(block, 0, 1)
    return np.swapaxes(turned, 2, 3) if block.ndim == 4 else turned


@dataclass(frozen=True)
class RowBlocks:
    """The blocks of a kernel whose entry (i, j) depends on rows i of X1 and j of X2 only.

    Attributes
    ----------
    engine
        Computes a kernel between some rows and others, or between some rows and themselves (None). The same rows give
        the same bits, with the same number of threads of the BLAS.
    recipe
        The hash of what the engine was made from, so that another one is not taken for it.
    names, trailing, dtype
        As in `KernelBlocks`.
    x1, x2
        The inputs; ``x2`` None makes the matrix symmetric.

    Raises
    ------
    TpproofError
        E153 when the two do not fit together.
    """

    engine: Engine
    recipe: str
    names: tuple[str, ...]
    x1: InputArrays
    x2: InputArrays | None = None
    trailing: tuple[int, ...] = ()
    dtype: np.dtype[Any] = FLOAT64

    def __post_init__(self) -> None:
        if self.x2 is not None:
            require_alike(self.x1, self.x2)

    @property
    def symmetric(self) -> bool:
        return self.x2 is None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x1), len(self.x1 if self.x2 is None else self.x2)

    @cached_property
    def fingerprint(self) -> str:
        """Reads all inputs once."""
        second = "" if self.x2 is None else self.x2.fingerprint()
        parts = (self.recipe, self.x1.fingerprint(), second, self.names, self.trailing, self.dtype.str)
        return sha256(repr(parts).encode()).hexdigest()

    def pair(self, rows: slice, cols: slice) -> tuple[InputArrays, InputArrays | None]:
        """The inputs that a block reads; None for a block on the diagonal of a symmetric matrix."""
        if self.x2 is None and rows == cols:
            return self.x1.rows(rows), None
        return self.x1.rows(rows), (self.x1 if self.x2 is None else self.x2).rows(cols)

    def block(self, rows: slice, cols: slice) -> Values:
        return self.engine(*self.pair(rows, cols))

    def mirror(self, name: str, block: Numbers) -> Numbers:
        return transposed(block)


@dataclass(frozen=True)
class Block:
    """Block (i, j) of the grid, and the entries it holds."""

    i: int
    j: int
    rows: slice
    cols: slice

    @property
    def key(self) -> tuple[int, int]:
        return self.i, self.j


def grid(shape: tuple[int, int], symmetric: bool, size: int) -> Iterator[Block]:
    """The blocks to compute, row by row, every other row backwards: neighbours share inputs."""
    across = -(-shape[1] // size)
    for i in range(-(-shape[0] // size)):
        row = range(i if symmetric else 0, across)
        for j in row if i % 2 == 0 else reversed(row):
            rows = slice(i * size, min((i + 1) * size, shape[0]))
            yield Block(i, j, rows, slice(j * size, min((j + 1) * size, shape[1])))


def grid_size(shape: tuple[int, int], symmetric: bool, size: int) -> int:
    """How many blocks `grid` yields."""
    down, across = -(-shape[0] // size), -(-shape[1] // size)
    return down * (down + 1) // 2 if symmetric else down * across


def checked(block: Block, values: Values, blocks: KernelBlocks) -> dict[str, Numbers]:
    """The values of a block in the type asked for.

    Raises
    ------
    TpproofError
        E152 when one is not finite, naming its entry.
    ValueError
        When names or shapes are not those that were promised: an error of ours.
    """
    shape = (block.rows.stop - block.rows.start, block.cols.stop - block.cols.start, *blocks.trailing)
    found = {}
    for name in blocks.names:
        with np.errstate(over="ignore"):
            value = np.asarray(values[name], dtype=blocks.dtype)
        if value.shape != shape:
            raise ValueError(f"block {block.key} of {name} has shape {value.shape}, not {shape}")
        finite = np.isfinite(value)
        if not finite.all():
            at = [int(k) for k in np.unravel_index(int(np.argmin(finite)), shape)]
            entry = (at[0] + block.rows.start, at[1] + block.cols.start, *at[2:])
            raise TpproofError("E152", f"{name}: {value[tuple(at)]} at entry {entry}", "a finite kernel")
        found[name] = value
    return found
