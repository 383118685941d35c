"""Tile code over whole blocks of an array namespace: a GPU through CuPy, NumPy without a compiler, any strict one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tpproof.errors import TpproofError
from tpproof.numerics.expectations.accuracy import CLOSE
from tpproof.numerics.functions import Array
from tpproof.numerics.tiles.arrays import Table, run_arrays
from tpproof.numerics.tiles.code import Code
from tpproof.numerics.tiles.engine import DIFFER
from tpproof.numerics.tiles.lower import Lowered

BLOCK_BYTES = 64 * 2**20
"""Registers, Gram inputs and outputs of one block."""
SMALLEST = 8
"""The side of the smallest block that is tried when memory runs out."""
NEAR = 1e-2
"""Below this part of 2‖x‖‖y‖ an excess is a sum of squares."""
Place = tuple[slice, slice]


def has_gpu() -> bool:
    """Whether CuPy and a device are there."""
    try:
        import cupy

        return bool(cupy.is_available())
    except Exception:  # a CuPy that is there but does not fit the driver or NumPy raises errors of many kinds
        return False


def namespace(backend: str) -> Any:
    """The array namespace of a backend."""
    if backend == "numpy":
        return np
    import cupy

    return cupy


@dataclass(frozen=True)
class Work:
    """What every block reads: see `run_code`. ``names`` numbers the inputs of both sides, equal ones alike."""

    xp: Any
    code: Lowered
    program: Code
    x1: Array
    x2: Array
    kind: np.dtype[Any]
    memory: int
    names: tuple[Array, Array]

    @property
    def side(self) -> int:
        """Of a block whose arrays should fit the memory."""
        arrays = self.program.registers + len(self.code.grams) + len(self.code.excesses) + self.program.outputs + 8
        return max(int((self.memory / (arrays * self.kind.itemsize)) ** 0.5), 1)


def run_code(
    xp: Any, code: Lowered, x1: Array, x2: Array, dtype: DTypeLike, memory: int = BLOCK_BYTES
) -> tuple[Array, bool]:
    """All outputs (outputs, N1, N2), block by block; the careful code where there is one.

    Blocks for which the device has no memory are halved.

    Parameters
    ----------
    xp
        An array namespace.
    code
        What to run.
    x1, x2
        Inputs (N, parts, d) in NumPy.
    dtype
        Of the numbers of pairs.
    memory
        Bytes for one block.

    Returns
    -------
    The outputs, and whether angles of relus and steps were close to π.

    Raises
    ------
    TpproofError
        E104 when not even the smallest block fits.
    """
    kind = np.dtype(dtype)
    names = _names(x1, x2, kind) if DIFFER in code.excesses else (np.zeros(len(x1)), np.zeros(len(x2)))
    work = Work(xp, code, code.careful or code.fast, x1, x2, kind, memory, names)
    out = np.empty((work.program.outputs, len(x1), len(x2)), dtype=kind)
    opposite, side = False, work.side
    todo = _cut(slice(0, len(x1)), slice(0, len(x2)), side)
    while todo:
        rows, cols = todo.pop()
        size = max(rows.stop - rows.start, cols.stop - cols.start)
        if size > side:
            todo += _cut(rows, cols, side)
            continue
        found = _attempt(work, rows, cols)
        if found is None:
            side = _halved(size)
            todo.append((rows, cols))
            continue
        out[:, rows, cols] = found[0]
        opposite = opposite or found[1]
    return out, opposite


def _cut(rows: slice, cols: slice, side: int) -> list[Place]:
    """Blocks of a side that cover a larger one."""
    return [
        (slice(i, min(i + side, rows.stop)), slice(j, min(j + side, cols.stop)))
        for i in range(rows.start, rows.stop, side)
        for j in range(cols.start, cols.stop, side)
    ]


def _halved(size: int) -> int:
    if size <= SMALLEST:
        raise TpproofError("E104", f"the device's memory: a block of {size} inputs does not fit", "--backend numba")
    return max(size // 2, SMALLEST)


def _attempt(work: Work, rows: slice, cols: slice) -> tuple[Array, bool] | None:
    """A block on the host, None when memory runs out. Temporary arrays are gone when this returns."""
    try:
        return _block(work, rows, cols)
    except Exception as error:
        if not (isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"):
            raise
    if hasattr(work.xp, "get_default_memory_pool"):
        work.xp.get_default_memory_pool().free_all_blocks()
    return None


def _block(work: Work, rows: slice, cols: slice) -> tuple[Array, bool]:
    xp, code = work.xp, work.code

    def there(a: Array) -> Any:
        return xp.asarray(np.ascontiguousarray(a, dtype=work.kind))

    x, y = ([there(v[:, a]) for a in range(v.shape[1])] for v in (work.x1[rows], work.x2[cols]))
    grams = [x[a] @ y[b].T for a, b in code.grams]
    excesses: list[Any] = []
    for a, b in code.excesses if code.careful is not None else ():
        if (a, b) == DIFFER:
            excesses.append(_differ(xp, there(work.names[0][rows]), there(work.names[1][cols])))
        else:
            excesses.append(_excess(xp, x[a], y[b], work.memory))
    tables = [Table(there(t.rows[:, rows]), there(t.cols[:, cols]), t.parity) for t in code.tables]
    own = there(code.rows[:, rows]), there(code.cols[:, cols])
    outputs, _, opposite = run_arrays(xp, work.program, *own, grams, excesses, tables)
    return np.stack([to_numpy(value) for value in outputs]), bool(xp.min(opposite) < CLOSE)


def _names(x1: Array, x2: Array, kind: np.dtype[Any]) -> tuple[Array, Array]:
    """A number for every input, the same for inputs that are equal in all parts, and for no others."""
    known: dict[bytes, int] = {}
    found = []
    for x in (x1, x2):
        rows = np.ascontiguousarray(x, dtype=kind) + kind.type(0)  # -0 is 0
        found.append(np.array([known.setdefault(row.tobytes(), len(known)) for row in rows], dtype=float))
    return found[0], found[1]


def _differ(xp: Any, left: Any, right: Any) -> Any:
    """0 where two names are one, 1 elsewhere."""
    equal = xp.reshape(left, (-1, 1)) == xp.reshape(right, (1, -1))
    one = xp.ones((1, 1), dtype=left.dtype)
    return xp.where(equal, xp.zeros_like(one), one)


def _excess(xp: Any, u: Any, v: Any, memory: int) -> Any:
    """2(‖x‖‖y‖ − xᵀy) of every pair, as a sum of squares where the difference cancels."""
    s, t = xp.sqrt(xp.sum(u * u, axis=1)), xp.sqrt(xp.sum(v * v, axis=1))
    root = xp.reshape(s, (-1, 1)) * xp.reshape(t, (1, -1))
    excess = 2.0 * (root - u @ v.T)
    near = excess < 2.0 * NEAR * root
    i, j = xp.nonzero(near)
    direct = xp.zeros((i.shape[0],), dtype=u.dtype)
    step = max(memory // (4 * 8 * max(u.shape[1], 1)), 1)  # numbers of one dimension, all pairs may be near
    for k in range(0, i.shape[0], step):
        some = slice(k, min(k + step, i.shape[0]))
        direct[some] = _squares(xp, u, v, s, t, i[some], j[some])
    excess[near] = direct
    return excess


def _squares(xp: Any, u: Any, v: Any, s: Any, t: Any, i: Any, j: Any) -> Any:
    """‖ ‖y‖x − ‖x‖y ‖²/(‖x‖‖y‖) of the pairs (i, j)."""
    p, q = xp.take(s, i), xp.take(t, j)
    both = p * q
    root = xp.sqrt(xp.where(both > 0.0, both, xp.ones_like(both)))  # first: the squares might vanish
    across = xp.reshape(q / root, (-1, 1)) * xp.take(u, i, axis=0) - xp.reshape(p / root, (-1, 1)) * xp.take(
        v, j, axis=0
    )
    return xp.sum(across * across, axis=1)


def to_numpy(a: Any) -> Array:
    """An array on the host."""
    return np.asarray(a.get() if hasattr(a, "get") else a)
