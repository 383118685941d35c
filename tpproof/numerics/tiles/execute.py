"""Code run over tiles that stay in a core's cache: all layers of a kernel's recursion before the next entries.

`evaluate` runs one block, `Engine` a whole Gram matrix by blocks: tiles run in threads, make their Gram inputs from
short factors, and run again with the careful code, from excesses, where a fast arc met a small angle.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tpproof.numerics.tiles.arrays import Table, own_values
from tpproof.numerics.tiles.code import Code, Ints, OwnProgram

Array = NDArray[Any]

CLOSE = 1e-3
"""Below this 1 - cos theta the careful code runs: the fast one loses a factor 1/sqrt of it in theta."""
NEAR = 1e-2
"""Below this part of 2 |x| |y| an excess is a sum of squares."""
CACHE = 512 * 1024
"""Bytes of registers and columns that stay in a core's second-level cache."""
ROOM = 8 * 2**20
"""Bytes of them at most. Out of the second-level cache they are fetched in time; small tiles lose more, being many."""
TASKS, FEW = 16, 2
"""Tasks for each thread, so that no thread waits long for the last, and tiles that are not worth two tasks."""
MASK = 2**32 - 1
"""The part of a tile's count that is of small angles."""


def tile_shape(code: Code, itemsize: int) -> tuple[int, int]:
    """Height and width of the tiles: full lines of SIMD lanes, as many as the registers leave room for.

    Long lines, which a Hermite series wants most, cost less for each entry; square tiles have few entries next to the
    diagonal, which run twice.
    """
    columns, registers = len(code.cols.keep), max(code.registers, 1)
    best = ((16, 128), ROOM) if code.tables else ((32, 512 // itemsize), CACHE)
    for (height, width), room in (best, *(((height, 256 // itemsize), ROOM) for height in (32, 16, 8, 4))):
        if (columns + registers * height) * width * itemsize <= room:
            return height, width
    return 4, 16


def tiles_of(n1: int, n2: int, shape: tuple[int, int], upper: int | None = None) -> Ints:
    """Tiles (i0, h, j0, m) that cover an n1 x n2 block, panel by panel.

    Parameters
    ----------
    n1, n2
        Size of the block.
    shape
        Of a tile.
    upper
        If given, only tiles with an entry i <= j + upper: the upper triangle of a larger matrix, whose column
        `upper` + (the matrix' row that is the block's row 0) is the block's column 0.
    """
    tall, wide = shape
    down, right = np.arange(0, n1, tall), np.arange(0, n2, wide)
    i, j = np.tile(down, len(right)), np.repeat(right, len(down))
    tiles = np.stack([i, np.minimum(tall, n1 - i), j, np.minimum(wide, n2 - j)], axis=1).astype(np.int64)
    if upper is None:
        return tiles
    return np.ascontiguousarray(tiles[tiles[:, 0] <= tiles[:, 2] + tiles[:, 3] - 1 + upper])


@dataclass(frozen=True)
class Bound:
    """Code with the data of one block, ready for the interpreter.

    Attributes
    ----------
    program, cols, data
        Of tile_run.run_tile; `data` without outputs and excesses.
    """

    code: Code
    program: tuple[Array, Array, Array]
    rows: Array
    cols: Array
    tables: tuple[Array, Array, Array]
    dtype: np.dtype[Any]


def vectors(program: OwnProgram, given: Array) -> Array:
    """What the tiles read of a program's values, an array (k, N)."""
    with np.errstate(all="ignore"):  # what is not finite is the caller's to find, in the result
        values = own_values(np, program, given)
    return np.array(values, dtype=np.float64).reshape(len(values), given.shape[1])


def bind(code: Code, rows: Array, cols: Array, tables: Sequence[Table], dtype: DTypeLike) -> Bound:
    """Code with the vectors of a block, as `vectors` gives them."""
    kind = np.dtype(dtype)
    row_vectors, col_vectors = (np.ascontiguousarray(v, dtype=kind) for v in (rows, cols))
    ends = np.cumsum([0, *(len(table.rows) for table in tables)])
    meta = np.array([[a, b, t.parity] for a, b, t in zip(ends[:-1], ends[1:], tables, strict=True)], dtype=np.int64)
    left = [table.rows for table in tables] or [np.zeros((0, rows.shape[1]))]
    right = [table.cols for table in tables] or [np.zeros((0, cols.shape[1]))]
    joined = (np.concatenate(left).astype(kind), np.concatenate(right).astype(kind), meta.reshape(-1, 3))
    program = (code.instructions, code.terms, code.coefficients.astype(kind))
    return Bound(code, program, row_vectors, col_vectors, joined, kind)


@dataclass(frozen=True)
class Factors:
    """What tiles make their Gram inputs from; without numbers they are read.

    Attributes
    ----------
    x, y
        Parts (a, N1, d), and the coordinates of all parts of the columns (b d, N2); both contiguous.
    numbers
        For each Gram input the two parts, int64 (ng, 2).
    """

    x: Array
    y: Array
    numbers: Ints


def no_factors(n2: int, kind: np.dtype[Any]) -> Factors:
    """Gram inputs are read."""
    return Factors(np.zeros((0, 0, 0), dtype=kind), np.zeros((0, n2), dtype=kind), np.zeros((0, 2), dtype=np.int64))


@dataclass(frozen=True)
class Job:
    """One block to run: where its tiles read and write.

    Attributes
    ----------
    arrays
        Gram inputs (ng, N1, N2) or none, excesses (nd, N1, N2) or none, outputs (no, M1, M2), all contiguous.
    places
        What to add to a tile's row and column for each of the three.
    factors
        Of Gram inputs that are not read.
    mirror
        See tile_run.run_tiles; places of outputs are then those in the whole matrix.
    points
        (x, y, p, q) of tile_run.make_excess, and for each excess (gram, part, part); or None.
    """

    arrays: tuple[Array, Array, Array]
    places: Ints
    factors: Factors
    mirror: Sequence[int] = ()
    points: tuple[Any, Ints] | None = None


@dataclass(frozen=True)
class Met:
    """What tiles met.

    Attributes
    ----------
    again
        How many ran twice.
    opposite
        How many angles were close to pi (1 + cos below `CLOSE`): covariances tell those badly.
    infinite
        How many entries of outputs were not finite, or a few more: those of tiles that ran twice count twice.
    """

    again: int = 0
    opposite: int = 0
    infinite: int = 0

    def __add__(self, other: Met) -> Met:
        return Met(self.again + other.again, self.opposite + other.opposite, self.infinite + other.infinite)


def _work(bound: Bound, lines: int, shape: tuple[int, int]) -> tuple[Array, int, int]:
    """A thread's memory, where its registers begin behind so many lines of a panel, and a register's size."""
    base, size, line = lines * shape[1], shape[0] * shape[1], 64 // bound.dtype.itemsize
    room = np.empty(base + bound.code.registers * size + shape[1] + line, dtype=bound.dtype)
    shift = (-room.ctypes.data % 64) // bound.dtype.itemsize
    return room[shift : len(room) - line + shift], base, size


def _run(
    bound: Bound,
    tiles: Ints,
    shape: tuple[int, int],
    job: Job,
    near: tuple[Any, Ints] | None,
    limit: float,
) -> tuple[Ints, int]:
    """One task: some tiles, one after the other. Returns how many close entries each has, and how many not finite."""
    from tpproof.numerics.tiles import tile_run

    factors = (job.factors.x, job.factors.y, job.factors.numbers)
    memory = _work(bound, len(bound.cols) + len(factors[1]), shape)
    close = np.zeros(len(tiles), dtype=np.int64)
    mirror = np.array(job.mirror, dtype=np.int64)
    ends = (limit, close, *(near or _nothing(bound.dtype)), NEAR, mirror)
    data = (bound.rows, factors, *job.arrays, *bound.tables)
    infinite = tile_run.run_tiles(bound.program, data, bound.cols, tiles, job.places, *memory, *ends)
    return close, infinite


def _nothing(kind: np.dtype[Any]) -> tuple[Any, Ints]:
    """No excesses to be made."""
    parts, norms = np.zeros((0, 0, 0), dtype=kind), np.zeros((0, 0), dtype=kind)
    return (parts, parts, norms, norms), np.zeros((0, 3), dtype=np.int64)


def workers(threads: int | None) -> int:
    """How many threads: those asked for, or one for each processor that this process may use."""
    if threads is not None:
        return max(1, threads)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(tiles: Ints, count: int) -> list[Ints]:
    return np.array_split(tiles, max(1, min(count, len(tiles) // FEW)))


def execute(
    fast: Bound | None,
    careful: Bound | None,
    job: Job,
    tiles: Ints,
    shapes: tuple[tuple[int, int], tuple[int, int]],
    pool: ThreadPoolExecutor | None,
    count: int,
    limit: float,
) -> Met:
    """Runs the fast code, then the careful one where it has to.

    The tiles are those of the fast code's shape (the careful one's if there is no fast code).
    """

    def task(part: Ints) -> Met:
        met = Met()
        if fast is not None:
            close, infinite = _run(fast, part, shapes[0], job, None, limit)
            small = (close & MASK) > 0
            kept = close if careful is None else close[~small]  # the careful code counts the others
            part, met = part[small], Met(int(small.sum()), int((kept >> 32).sum()), infinite)
        if careful is not None and len(part):
            close, infinite = _run(careful, _cut(part, shapes[1]), shapes[1], job, job.points, CLOSE)
            met += Met(0, int((close >> 32).sum()), infinite)
        return met

    waiting = deque(_chunks(tiles, 1 if pool is None else TASKS * count))

    def work() -> Met:
        met = Met()
        while True:
            try:
                part = waiting.popleft()
            except IndexError:
                return met
            met += task(part)

    others = [] if pool is None else [pool.submit(work) for _ in range(count - 1)]
    return sum((other.result() for other in others), work())  # the caller works too


def _cut(tiles: Ints, shape: tuple[int, int]) -> Ints:
    """The same area in tiles of another shape."""
    found = []
    for i0, h, j0, m in tiles.tolist():
        if h <= shape[0] and m <= shape[1]:
            found.append([[i0, h, j0, m]])
            continue
        small = tiles_of(h, m, shape)
        found.append((small + np.array([i0, 0, j0, 0])).tolist())
    return np.array([tile for some in found for tile in some], dtype=np.int64)


def evaluate(
    code: Code,
    rows: Array,
    cols: Array,
    grams: Array,
    excesses: Array | None = None,
    *,
    tables: Sequence[Table] = (),
    careful: Code | None = None,
    upper: bool = False,
    threads: int | None = None,
    dtype: DTypeLike = np.float64,
    limit: float = CLOSE,
) -> tuple[Array, int]:
    """Runs code on one block of entries.

    Parameters
    ----------
    code
        The fast code, or the only one.
    rows, cols
        (m, N1) and (m', N2): the vectors given from outside (m may be 0).
    grams
        (number of Gram inputs, N1, N2).
    excesses
        (number of excess inputs, N1, N2), if some code reads them.
    tables
        Of the Hermite instructions, in both codes.
    careful
        Code for the tiles in which `code` met 1 - cos theta below `limit` (with the same outputs). Without it the
        fast code's values stay.
    upper
        Only tiles with an entry i <= j; the other entries of the result are 0.
    threads, dtype
        How many threads (all processors by default); float64 or float32.
    limit
        See `CLOSE`.

    Returns
    -------
    The outputs (number of outputs, N1, N2), and how many tiles had a close entry.
    """
    kind = np.dtype(dtype)
    n1, n2 = rows.shape[1], cols.shape[1]
    outputs = (np.zeros if upper else np.empty)((code.outputs, n1, n2), dtype=kind)
    given = np.zeros((0, 1, 1), dtype=kind) if excesses is None else np.ascontiguousarray(excesses, dtype=kind)
    arrays = (np.ascontiguousarray(grams, dtype=kind), given, outputs)
    first, second = (
        None if some is None else bind(some, vectors(some.rows, rows), vectors(some.cols, cols), tables, kind)
        for some in (code, careful)
    )
    shapes = (tile_shape(code, kind.itemsize), tile_shape(careful or code, kind.itemsize))
    tiles = tiles_of(n1, n2, shapes[0], 0 if upper else None)
    count = workers(threads)
    job = Job(arrays, np.zeros(6, dtype=np.int64), no_factors(n2, kind))
    if count == 1:
        return outputs, execute(first, second, job, tiles, shapes, None, 1, limit).again
    with ThreadPoolExecutor(count) as pool:
        return outputs, execute(first, second, job, tiles, shapes, pool, count, limit).again
