"""A whole kernel matrix by blocks: tiles in threads, one triangle if symmetric, long inputs' products by the BLAS.

Memory beyond the result is one block: its outputs and, if they are not made in the tiles, its Gram inputs. An excess
2(|x| |y| - x.y) is only formed in tiles where the fast code met a small angle (or where only careful code is given):
from the Gram input where that does not cancel, as a sum of squares where it would, so that parallel inputs have an
excess of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tpproof.numerics.tiles.arrays import Table
from tpproof.numerics.tiles.code import Code
from tpproof.numerics.tiles.execute import (
    CLOSE,
    Array,
    Bound,
    Factors,
    Job,
    Met,
    bind,
    execute,
    no_factors,
    tile_shape,
    tiles_of,
    vectors,
    workers,
)

MEMORY = 256 * 2**20
"""Bytes for the Gram inputs and outputs of one block."""
DIFFER = (-1, -1)
"""The parts of an excess input that is 0 where the two inputs are equal in all parts, and 1 where they are not."""
SIDE, WIDEST = 1024, 8192
"""A block's side at most: beyond it nothing is gained. Where a block has no memory of its own, each is one more wait
of all threads for the last."""
LINE = 64
"""Bytes of a line of the caches."""
LONG = 512
"""Coordinates of all parts of an input; longer inputs are multiplied by the BLAS, shorter ones in the tiles."""

Owns = tuple["Own | None", "Own | None"]


@dataclass(frozen=True)
class Engine:
    """What a kernel matrix is computed from.

    Attributes
    ----------
    fast, careful
        Code from covariances, and code that may read excesses, for tiles where the fast one met a small angle. At
        least one; with the same outputs. Without `careful` the fast code's values stay, without `fast` every tile
        runs the careful code.
    x1, x2
        Inputs (N1, parts, d) and (N2, parts', d); x2 = None: the same inputs, and a symmetric result.
    grams, excesses
        For each Gram input of the code the parts (a, b) of which it is the inner product <x1[i, a], x2[j, b]>, and
        for each excess input those of which it is 2(|x1[i, a]| |x2[j, b]| - <x1[i, a], x2[j, b]>), or `DIFFER`.
        Neither is scaled.
    rows, cols
        Vectors given from outside, (m, N1) and (m', N2); cols = None with x2 = None: those of the rows.
    tables
        For the Hermite instructions.
    transposes
        For x2 = None: for each output k the output l with out_k[i, j] = out_l[j, i]; None: every output is symmetric.
    dtype, threads, memory, limit
        float64 or float32; threads (None: all processors); bytes for a block; see `tiles.CLOSE`.
    """

    fast: Code | None
    careful: Code | None
    x1: Array
    x2: Array | None
    grams: Sequence[tuple[int, int]]
    excesses: Sequence[tuple[int, int]] = ()
    rows: Array | None = None
    cols: Array | None = None
    tables: Sequence[Table] = ()
    transposes: Sequence[int] | None = None
    dtype: DTypeLike = np.float64
    threads: int | None = None
    memory: int = MEMORY
    limit: float = CLOSE

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the result: outputs, N1, N2."""
        return self._some().outputs, len(self.x1), len(self.x1 if self.x2 is None else self.x2)

    def side(self, in_place: bool = False) -> int:
        """The side of a block: as large as the memory allows, a multiple of 128 where there is room.

        `in_place`: of a block without outputs of its own; without Gram inputs either, its memory is that of its inputs.
        """
        size = np.dtype(self.dtype).itemsize
        if in_place and not self._long():
            parts, d = self.x1.shape[1:]
            side = min(WIDEST, int(self.memory // (2 * parts * d * size)))
        else:
            entry = ((len(self._pairs()) if self._long() else 0) + self._some().outputs) * size
            side = min(SIDE, math.isqrt(max(self.memory // entry, 1)))
        return side - side % 128 if side >= 128 else max(side, 1)

    def places(self, in_place: bool = False) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the blocks: of all, or of the upper triangle if x2 is None."""
        _, n1, n2 = self.shape
        side = self.side(in_place)
        for i in range(0, n1, side):
            for j in range(i if self.x2 is None else 0, n2, side):
                yield slice(i, min(i + side, n1)), slice(j, min(j + side, n2))

    def blocks(self) -> Iterator[tuple[slice, slice, Array]]:
        """Rows, columns and values (outputs, n1, n2) of every block of `places`; each is a new array."""
        owns = self._owns()
        with ThreadPoolExecutor(workers(self.threads)) as pool:
            for rows, cols in self.places():
                values = self._new(rows, cols)
                self._block(rows, cols, values, (0, 0), pool, owns, False)
                yield rows, cols, values

    def block(self, rows: slice, cols: slice) -> Array:
        """The values (outputs, n1, n2) of any block, of any size; the slices have both ends."""
        values = self._new(rows, cols)
        owns = self._owns(ahead=False)
        with ThreadPoolExecutor(workers(self.threads)) as pool:
            self._block(rows, cols, values, (0, 0), pool, owns, False)
        return values

    def run(self) -> Array:
        """The whole result (outputs, N1, N2), with both triangles."""
        return self.watched()[0]

    def watched(self) -> tuple[Array, Met]:
        """The whole result, and what its tiles met."""
        out = aligned(self.shape, self.dtype)
        owns = self._owns()
        met = Met()
        with ThreadPoolExecutor(workers(self.threads)) as pool:
            for rows, cols in self.places(in_place=True):
                met += self._block(rows, cols, out, (rows.start, cols.start), pool, owns, self.x2 is None)
        return out, met

    def mirrored(self, values: Array) -> Array:
        """The block below the diagonal that belongs to one above it (a view)."""
        flipped: Array = values.transpose(0, 2, 1)
        return flipped if self.transposes is None else flipped[list(self.transposes)]

    # -- one block ----------------------------------------------------------------------------------------------------

    def _some(self) -> Code:
        code = self.fast or self.careful
        if code is None:
            raise ValueError("an engine needs code")
        return code

    def _new(self, rows: slice, cols: slice) -> Array:
        return np.empty((self.shape[0], rows.stop - rows.start, cols.stop - cols.start), dtype=self.dtype)

    def _long(self) -> bool:
        """Whether products are for the BLAS."""
        given = (self.x1,) if self.x2 is None else (self.x1, self.x2)
        return any(x.shape[1] * x.shape[2] > LONG for x in given)

    def _pairs(self) -> list[tuple[int, int]]:
        """The parts of every Gram input, and after them of those that only excesses need."""
        known = {*self.grams, DIFFER}
        return [*self.grams, *(pair for pair in dict.fromkeys(self.excesses) if pair not in known)]

    def _block(
        self,
        rows: slice,
        cols: slice,
        out: Array,
        at: tuple[int, int],
        pool: ThreadPoolExecutor,
        owns: Owns,
        both: bool,
    ) -> Met:
        """Computes a block into out[:, at[0]:, at[1]:], and if `both` what lies across the diagonal of `out` too."""
        kind = np.dtype(self.dtype)
        x, y = _parts(self.x1, rows, kind), _parts(self.x1 if self.x2 is None else self.x2, cols, kind)
        pairs = self._pairs()
        grams, factors = (_products if self._long() else _factors)(x, y, pairs)
        fast, careful = (self._bind(own, rows, cols) for own in owns)
        same = self.x2 is None and rows == cols
        points = (x, y, np.einsum("pnd,pnd->pn", x, x), np.einsum("pnd,pnd->pn", y, y))
        numbers = np.array([(-1 if p == DIFFER else pairs.index(p), *p) for p in self.excesses], dtype=np.int64)
        numbers = numbers.reshape(-1, 3)
        where = np.array([0, 0, 0, 0, *at], dtype=np.int64)
        mirror = list(np.argsort(self.transposes or range(len(out)))) if same or both else []
        job = Job((grams, np.zeros((0, 1, 1), dtype=kind), out), where, factors, mirror, (points, numbers))
        shape = tile_shape(self._some(), kind.itemsize)
        other = tile_shape(self.careful or self._some(), kind.itemsize)
        tiles = tiles_of(x.shape[1], y.shape[1], shape, 0 if same else None)
        count = workers(self.threads)
        return execute(fast, careful, job, tiles, (shape, other), pool, count, self.limit)

    def _bind(self, own: Own | None, rows: slice, cols: slice) -> Bound | None:
        if own is None:
            return None
        tables = [Table(t.rows[:, rows], t.cols[:, cols], t.parity) for t in self.tables]
        return bind(own.code, own.of_rows(rows), own.of_cols(cols), tables, self.dtype)

    def _owns(self, ahead: bool = True) -> Owns:
        """The numbers of one input of both codes, if wanted and possible computed ahead."""
        rows = self.rows if self.rows is not None else np.zeros((0, len(self.x1)))
        cols = self.cols
        if cols is None:
            cols = rows if self.x2 is None else np.zeros((0, len(self.x2)))

        def own(code: Code | None) -> Own | None:
            if code is None:
                return None
            room = 8 * (len(code.rows.steps) * rows.shape[1] + len(code.cols.steps) * cols.shape[1]) <= self.memory
            whole = (vectors(code.rows, rows), vectors(code.cols, cols)) if ahead and room else None
            return Own(code, rows, cols, whole)

        return own(self.fast), own(self.careful)


@dataclass(frozen=True)
class Own:
    """The vectors that code reads: of all inputs where there is memory for them, else computed for every block.

    Attributes
    ----------
    code, rows, cols
        Whose they are, and the vectors given from outside.
    whole
        Row vectors (k, N1) and column vectors (k', N2), or None.
    """

    code: Code
    rows: Array
    cols: Array
    whole: tuple[Array, Array] | None

    def of_rows(self, part: slice) -> Array:
        """Row vectors of some inputs."""
        return self.whole[0][:, part] if self.whole else vectors(self.code.rows, self.rows[:, part])

    def of_cols(self, part: slice) -> Array:
        """Column vectors of some inputs."""
        return self.whole[1][:, part] if self.whole else vectors(self.code.cols, self.cols[:, part])


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An empty array that begins with a line of the caches: where all rows do, tiles write none in two pieces."""
    count = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(count + LINE, dtype=np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + count].view(dtype).reshape(shape)


def _products(x: Array, y: Array, pairs: Sequence[tuple[int, int]]) -> tuple[Array, Factors]:
    """Gram inputs of a block, (n, N1, N2), and no factors."""
    grams = np.empty((max(len(pairs), 1), x.shape[1], y.shape[1]), dtype=x.dtype)
    for gram, (a, b) in zip(grams, pairs, strict=False):
        np.matmul(x[a], y[b].T, out=gram)
    return grams, no_factors(y.shape[1], x.dtype)


def _factors(x: Array, y: Array, pairs: Sequence[tuple[int, int]]) -> tuple[Array, Factors]:
    """No Gram inputs, and what tiles make them from."""
    lines = np.ascontiguousarray(y.transpose(0, 2, 1)).reshape(-1, y.shape[1])
    numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return np.zeros((0, 1, 1), dtype=x.dtype), Factors(x, lines, numbers)


def _parts(x: Array, part: slice, kind: np.dtype[Any]) -> Array:
    """(parts, n, d), each part contiguous."""
    return np.ascontiguousarray(x[part].transpose(1, 0, 2), dtype=kind)
