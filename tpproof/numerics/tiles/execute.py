"""Code run over tiles that stay in a core's cache: all layers of a kernel's recursion before the next entries.

`evaluate` runs one block, `Engine` a whole Gram matrix by blocks: a block's Gram inputs are matrix products, its tiles
run in threads, and tiles in which a fast arc met a small angle run again with the careful code, from excesses.
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
"""Bytes of registers and columns that should stay in a core's second-level cache."""
SHORT = 2**18
"""Multiplications of a matrix product that OpenBLAS does in the calling thread."""
TASKS = 6
"""Tasks for each thread, so that no thread waits long for the last."""
MASK = 2**32 - 1
"""The part of a tile's count that is of small angles."""


def tile_shape(code: Code, itemsize: int) -> tuple[int, int]:
    """Height and width of the tiles: full lines of SIMD lanes, as many as the registers leave room for.

    Square tiles have few entries next to the diagonal, which run twice; a Hermite series wants long lines.
    """
    columns, registers = len(code.cols.keep), max(code.registers, 1)
    best = (16, 128) if code.tables else (32, 256 // itemsize)
    for height, width in (best, (16, 64), (8, 64), (8, 32), (4, 32)):
        if (columns + registers * height) * width * itemsize <= CACHE:
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

    def work(self, shape: tuple[int, int]) -> tuple[Array, int, int]:
        """A thread's memory, where its registers begin, and a register's size."""
        base = len(self.cols) * shape[1]
        size = shape[0] * shape[1]
        room = np.empty(base + self.code.registers * size + shape[1] + 64 // self.dtype.itemsize, dtype=self.dtype)
        shift = (-room.ctypes.data % 64) // self.dtype.itemsize
        return room[shift : len(room) - 64 // self.dtype.itemsize + shift], base, size


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
class Job:
    """One block to run: where its tiles read and write.

    Attributes
    ----------
    arrays
        Gram inputs (ng, N1, N2), excesses (nd, N1, N2) or none, outputs (no, M1, M2), all contiguous.
    places
        What to add to a tile's row and column for each of the three.
    products
        For each Gram input that the tasks shall make, its two factors (N1, d) and (N2, d).
    mirror
        See tile_run.run_tiles; places of outputs are then those in the whole matrix.
    points
        (x, y, p, q) of tile_run.run_near_tiles, and for each excess (gram, part, part); or None.
    """

    arrays: tuple[Array, Array, Array]
    places: Ints
    products: Sequence[tuple[Array, Array]] = ()
    mirror: Sequence[int] = ()
    points: tuple[Any, Ints] | None = None


def _run(
    bound: Bound,
    tiles: Ints,
    shape: tuple[int, int],
    job: Job,
    near: tuple[Any, Ints] | None,
    limit: float,
) -> Ints:
    """One task: some tiles, one after the other. Returns how many close entries each has."""
    from tpproof.numerics.tiles import tile_run

    work, base, size = bound.work(shape)
    close = np.zeros(len(tiles), dtype=np.int64)
    grams, excesses, outputs = job.arrays
    mirror = np.array(job.mirror, dtype=np.int64)
    points, pairs = near or _nothing(bound.dtype)
    if len(pairs):
        excesses = np.empty((len(pairs), *shape), dtype=bound.dtype)
    data = (bound.rows, grams, excesses, outputs, *bound.tables)
    ends = (limit, close, points, pairs, NEAR, mirror)
    tile_run.run_tiles(bound.program, data, bound.cols, tiles, job.places.copy(), work, base, size, *ends)
    return close


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
    return [part for part in np.array_split(tiles, count) if len(part)]


def execute(
    fast: Bound | None,
    careful: Bound | None,
    job: Job,
    tiles: Ints,
    shapes: tuple[tuple[int, int], tuple[int, int]],
    pool: ThreadPoolExecutor | None,
    count: int,
    limit: float,
) -> tuple[int, int]:
    """Runs the fast code, then the careful one where it has to.

    Returns how many tiles were run twice, and how many angles were close to pi (1 + cos below `CLOSE`): covariances
    tell those badly.

    The tiles are those of the fast code's shape (the careful one's if there is no fast code).
    """

    def task(part: Ints) -> tuple[int, int]:
        opposite = again = 0
        _multiply(job, part)
        if fast is not None:
            close = _run(fast, part, shapes[0], job, None, limit)
            small = (close & MASK) > 0
            part, again = part[small], int(small.sum())
            kept = close if careful is None else close[~small]  # the careful code counts the others
            opposite = int((kept >> 32).sum())
        if careful is not None and len(part):
            opposite += int((_run(careful, _cut(part, shapes[1]), shapes[1], job, job.points, CLOSE) >> 32).sum())
        return again, opposite

    parts = _chunks(tiles, 1 if pool is None else TASKS * count)
    waiting = deque(parts)

    def work() -> tuple[int, int]:
        twice = opposite = 0
        while True:
            try:
                part = waiting.popleft()
            except IndexError:
                return twice, opposite
            again, near = task(part)
            twice, opposite = twice + again, opposite + near

    others = [] if pool is None else [pool.submit(work) for _ in range(count - 1)]
    found = [work(), *(other.result() for other in others)]  # the caller works too
    return sum(twice for twice, _ in found), sum(opposite for _, opposite in found)


def _multiply(job: Job, tiles: Ints) -> None:
    """Gram inputs of some tiles, in products so short that the BLAS starts no threads, which would wait in the way."""
    for j0 in np.unique(tiles[:, 2]):
        panel = tiles[tiles[:, 2] == j0]
        cols = slice(j0, j0 + panel[0, 3])
        start, stop = panel[0, 0], panel[-1, 0] + panel[-1, 1]
        for k, (x, y) in enumerate(job.products):
            step = max(1, SHORT // (y.shape[1] * int(panel[0, 3])))
            for i in range(start, stop, step):
                rows = slice(i, min(i + step, stop))
                np.matmul(x[rows], y[cols].T, out=job.arrays[0][k, rows, cols])


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
    job = Job(arrays, np.zeros(6, dtype=np.int64))
    if count == 1:
        return outputs, execute(first, second, job, tiles, shapes, None, 1, limit)[0]
    with ThreadPoolExecutor(count) as pool:
        return outputs, execute(first, second, job, tiles, shapes, pool, count, limit)[0]
