"""Where the coordinates live: an array namespace, a share of the coordinates, and sums over all of them.

Vectors are rows of blocks ``(k, n)``. Everything coordinatewise is done here in pieces that fit the processor's
cache, by several threads; everything else is a small matrix of inner products, which is all that workers with
different coordinates have to share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.finite.streams import GRAIN, device_normals, generator

Array: TypeAlias = Any
"""An array of the namespace in use."""
Small: TypeAlias = NDArray[np.float64]
"""A small matrix on the host: inner products, coordinates in a basis."""
Piece: TypeAlias = Callable[[slice, list[Array]], tuple[list[Array], list[Any]]]
T = TypeVar("T")

PIECE_NUMBERS = 2**14
"""Numbers of one block that a thread multiplies at once: 128 KiB."""
LONGEST_PRODUCT = 2**13
TILE = 16
"""Coordinates, and rows of one block, that are multiplied at once. TILE·PIECE_NUMBERS multiplications (of single rows:
products of 10000 coordinates) are the most that OpenBLAS does without threads of its own, which next to ours would wait
for each other (for minutes, on a busy machine)."""
WORK_NUMBERS = 2**15
"""Numbers of one block that a thread works on at once coordinate by coordinate."""


SMALLEST = 2**16
"""Coordinates of the smallest piece that is tried on a device whose memory runs out."""


def alone(sums: Small) -> Small:
    """The `reduce` of a single worker."""
    return sums


@dataclass(frozen=True)
class Space:
    """Vectors of a network of width n, or one worker's share of their coordinates.

    Attributes
    ----------
    width
        n.
    xp
        An array namespace of the standard: numpy, cupy, array_api_strict.
    dtype
        "float64" or "float32". Inner products are summed in float64 either way.
    seed
        Of all random numbers; 0 <= seed < 2**64.
    share
        (i, m): this is worker i of m. Vectors are split at multiples of `streams.GRAIN`, so the random numbers are
        the same for any m.
    reduce
        Sums an array of float64 over all workers and gives every one the sum. It is called in the same order by all.
    threads
        At work on pieces of one array (NumPy only); the results do not depend on it.
    """

    width: int
    xp: Any = np
    dtype: str = "float64"
    seed: int = 0
    share: tuple[int, int] = (0, 1)
    reduce: Callable[[Small], Small] = alone
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    def __post_init__(self) -> None:
        if not (0 <= self.seed < 2**64 and self.width > 0 and self.dtype in ("float64", "float32")):
            found = f"seed {self.seed}, width {self.width}, {self.dtype}"
            raise TpproofError("E151", found, "0 <= seed < 2**64, a width above 0, float64 or float32")

    @cached_property
    def plain(self) -> bool:
        """Whether the namespace is NumPy, where pieces and threads pay."""
        return self.xp is np or getattr(self.xp, "__name__", "") == "array_api_compat.numpy"

    @property
    def on_device(self) -> bool:
        """Whether the namespace is CuPy (or array-api-compat's)."""
        return "cupy" in getattr(self.xp, "__name__", "")

    @cached_property
    def kind(self) -> Any:
        """The namespace's dtype."""
        return getattr(self.xp, self.dtype)

    @cached_property
    def epsilon(self) -> float:
        """The rounding error of one operation."""
        return float(np.finfo(self.dtype).eps)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    # lengths ------------------------------------------------------------------------------------------

    def length(self, ratio: Fraction) -> int:
        """ratio·n, all workers together."""
        length = ratio * self.width
        if length.denominator != 1:
            raise TpproofError("E151", f"width {self.width} and vectors of {ratio}·n", "a width that makes it whole")
        return int(length)

    def span(self, length: int) -> tuple[int, int]:
        """The coordinates of a vector that are here: from, to."""
        worker, workers = self.share
        grains = -(-length // GRAIN)
        return min(length, grains * worker // workers * GRAIN), min(length, grains * (worker + 1) // workers * GRAIN)

    def local(self, length: int) -> int:
        """How many coordinates of a vector are here."""
        start, stop = self.span(length)
        return stop - start

    # pieces -------------------------------------------------------------------------------------------

    def pieces(self, count: int, rows: int, most: int = LONGEST_PRODUCT, numbers: int = PIECE_NUMBERS) -> list[slice]:
        """`count` coordinates in pieces, whose ends do not depend on threads."""
        if not self.plain:
            return [slice(0, count)]
        size = most
        while size > 1024 and size * rows > numbers:
            size //= 2
        return [slice(a, min(a + size, count)) for a in range(0, max(count, 1), size)]

    def _tiles(self, block: Array) -> list[slice]:
        """Rows that are multiplied at once."""
        step = TILE if self.plain else max(1, block.shape[0])
        return [slice(a, min(a + step, block.shape[0])) for a in range(0, block.shape[0], step)]

    def each(self, work: Callable[[slice], T], pieces: Sequence[slice]) -> Iterator[T]:
        """Results in the order of the pieces. What is not finite is seen by whoever sums."""

        def quiet(piece: slice) -> T:
            with np.errstate(all="ignore"):
                return work(piece)

        if len(pieces) < 4 or self.threads == 1:
            return map(quiet, pieces)
        return self._pool.map(quiet, pieces)

    def asarray(self, values: Any) -> Array:
        """Host numbers as an array of the namespace, in the dtype of the space."""
        host = np.asarray(values, dtype=self.dtype)
        return host if self.xp is np else self.xp.asarray(host)

    def host(self, values: Array) -> Small:
        """An array as float64 on the host."""
        if hasattr(values, "get"):  # CuPy copies only when asked to
            values = values.get()
        return np.asarray(values, dtype=np.float64)

    def empty(self, rows: int, count: int) -> Array:
        return self.xp.empty((rows, count), dtype=self.kind)

    # the three operations -----------------------------------------------------------------------------

    def gram(self, first: Array, second: Sequence[Array]) -> Small:
        """Inner products of the rows of `first` with those of all the blocks `second`, over all workers."""
        total = self.local_gram(first, second)
        return self.reduce(total)

    def local_gram(self, first: Array, second: Sequence[Array]) -> Small:
        """The same over the coordinates that are here."""
        if not second:
            return np.zeros((first.shape[0], 0))

        ends = np.cumsum([0, *(two.shape[0] for two in second)])
        tiles = [(a, two, b, int(end)) for end, two in zip(ends[:-1], second, strict=True)
                 for a in self._tiles(first) for b in self._tiles(two)]  # fmt: skip

        def products(piece: slice) -> Small:
            found = np.empty((first.shape[0], int(ends[-1])))
            for a, two, b, end in tiles:
                found[a, end + b.start : end + b.stop] = self.host(first[a, piece] @ two[b, piece].T)
            return found

        pieces = self.pieces(first.shape[1], first.shape[0])
        total: Small = np.sum(list(self.each(products, pieces)), axis=0, dtype=np.float64)
        return total

    def combine(self, terms: Sequence[tuple[Small, Sequence[Array]]], rows: int, count: int) -> Array:
        """The sum of coefficients (rows, m) times blocks of m vectors in all."""
        parts = []
        for coefficients, blocks in terms:
            at = 0
            for block in blocks:
                for tile in self._tiles(block):
                    part = coefficients[:, at + tile.start : at + tile.stop]
                    if part.any():
                        parts.append((self.asarray(part), block, tile))
                at += block.shape[0]
        if not parts:
            return self.xp.zeros((rows, count), dtype=self.kind)
        if not self.plain:
            return self._on_device(count, lambda pieces: self._combined(parts, rows, count, pieces))
        result = self.empty(rows, count)

        def piece_of(piece: slice) -> None:
            for row in self._tiles(result):
                target = result[row, piece]
                (part, block, tile), *others = parts
                _product(part[row], block[tile, piece], target)
                for part, block, tile in others:
                    target += _product(part[row], block[tile, piece])

        list(self.each(piece_of, self.pieces(count, rows)))
        return result

    def _combined(self, parts: list[tuple[Array, Array, slice]], rows: int, count: int, pieces: list[slice]) -> Array:
        result = self.empty(rows, count) if len(pieces) > 1 else None
        for piece in pieces:
            total = self.xp.matmul(parts[0][0], parts[0][1][:, piece])
            for part, block, _ in parts[1:]:
                total += self.xp.matmul(part, block[:, piece])
            if result is None:
                return total
            result[:, piece] = total
        return result

    def _on_device(self, count: int, attempt: Callable[[list[slice]], T]) -> T:
        """`attempt` with all coordinates at once, or in the fewest pieces for which the device's memory suffices.

        Raises
        ------
        MemoryError
            When pieces of `SMALLEST` coordinates are too large.
        """
        size = max(count, 1)
        while True:
            try:
                return attempt([slice(a, min(a + size, count)) for a in range(0, max(count, 1), size)])
            except MemoryError:  # CuPy's is one
                if size <= SMALLEST:
                    raise
            if self.on_device:  # here, where the failed attempt's arrays are let go
                self.xp.get_default_memory_pool().free_all_blocks()
            size = -(-size // 2)

    def normals(self, why: int, first: int, rows: int, length: int) -> Array:
        """Standard normals: `rows` vectors, numbered from `first`, of one purpose."""
        start, stop = self.span(length)
        if self.on_device:
            drawn = self.empty(rows, stop - start)
            for i in range(rows):
                drawn[i, :] = device_normals(self.seed, why, first + i, start, stop - start, self.dtype)
            return drawn
        result = np.empty((rows, stop - start), dtype=self.dtype)
        grains = [slice(a, min(a + GRAIN, stop - start)) for a in range(0, stop - start, GRAIN)]

        def draw(grain: slice) -> None:
            stretch = (start + grain.start) // GRAIN
            for i in range(rows):
                source = generator(self.seed, why, first + i, stretch)
                source.standard_normal(out=result[i, grain], dtype=result.dtype.type)

        list(self.each(draw, grains))
        return result if self.xp is np else self.xp.asarray(result)

    def coordinatewise(self, work: Piece, given: Sequence[Array], count: int) -> tuple[list[Array], list[Small]]:
        """Runs `work` on pieces of the given blocks.

        Parameters
        ----------
        work
            (where, blocks) → (blocks, sums). Blocks that it returns as one and the same object are stored once. The
            sums are small arrays, over the piece's coordinates.
        given
            Blocks of `count` local coordinates.
        count
            Local coordinates.

        Returns
        -------
        tuple
            The blocks, and the sums over all workers.
        """
        rows = max((block.shape[0] for block in given), default=1)
        if self.plain:
            pieces = self.pieces(count, 2 * rows, WORK_NUMBERS, WORK_NUMBERS)
            blocks, partial = self._pieced(work, given, count, pieces)
        else:
            blocks, partial = self._on_device(count, lambda pieces: self._pieced(work, given, count, pieces))
        return blocks, self._summed(partial)

    def _pieced(
        self, work: Piece, given: Sequence[Array], count: int, pieces: list[slice]
    ) -> tuple[list[Array], list[list[Small]]]:
        """The blocks, and the sums of every piece."""
        with np.errstate(all="ignore"):
            blocks, sums = work(pieces[0], [block[:, pieces[0]] for block in given])
        if len(pieces) == 1:
            return blocks, [[self.host(s) for s in sums]]
        same = [next(j for j, other in enumerate(blocks) if other is block) for block in blocks]
        result = {i: self.empty(blocks[i].shape[0], count) for i in set(same)}

        def store(piece: slice, found: list[Array], partial: list[Any]) -> list[Small]:
            for i, whole in result.items():
                whole[:, piece] = found[i]
            return [self.host(s) for s in partial]

        def more(piece: slice) -> list[Small]:
            return store(piece, *work(piece, [block[:, piece] for block in given]))

        partial = [store(pieces[0], blocks, sums), *self.each(more, pieces[1:])]
        return [result[i] for i in same], partial

    def _summed(self, partial: list[list[Small]]) -> list[Small]:
        if not partial[0]:
            return []
        sums = [np.sum(column, axis=0) for column in zip(*partial, strict=True)]
        flat = self.reduce(np.concatenate([s.ravel() for s in sums]))
        ends = np.cumsum([s.size for s in sums])[:-1]
        return [part.reshape(s.shape) for part, s in zip(np.split(flat, ends), sums, strict=True)]


def _product(part: Array, block: Array, out: Array | None = None) -> Array:
    """A product of NumPy's matrices; with one vector, a matrix product takes five times as long."""
    return np.multiply(part, block, out=out) if len(block) == 1 else np.matmul(part, block, out=out)
