"""Code run over whole arrays: NumPy, CuPy or any array namespace of the standard. The second way, and the plain one.

Every instruction acts on a block of entries at once, with the namespace's own acos, exp and so on; nothing is shared
with the tiles except the code, so that each checks the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.numerics.tiles.code import Code, Op, OwnProgram
from tpproof.numerics.tiles.fused import fused

Array = Any
"""An array of the namespace in use."""

ELEMENTWISE = {
    Op.SQRT: "sqrt",
    Op.EXP: "exp",
    Op.SIN: "sin",
    Op.COS: "cos",
    Op.SINH: "sinh",
    Op.COSH: "cosh",
    Op.ASIN: "asin",
    Op.LOG: "log",
}
SMALL_ANGLE = 0.7
SERIES = 14


@dataclass(frozen=True)
class Table:
    """Coefficients of a power series in the correlation, one for each input.

    Attributes
    ----------
    rows, cols
        Arrays (K, N1) and (K, N2): the k-th of those stored.
    parity
        0: powers 0, 2, 4, ...; 1: powers 1, 3, 5, ...; 2: powers 0, 1, 2, ...
    """

    rows: Array
    cols: Array
    parity: int = 2


def own_values(xp: Any, program: OwnProgram, given: Array) -> list[Array]:
    """The vectors that the tile code reads.

    Parameters
    ----------
    xp
        Array namespace.
    program
        `Code.rows` or `Code.cols`.
    given
        (m, N): the vectors given from outside; one with m = 0 still says N.
    """
    size = given.shape[1]
    values: list[Array | None] = []
    kept = set(program.keep)
    ends: dict[int, list[int]] = {}
    for position, last in enumerate(program.last_use):
        ends.setdefault(last, []).append(position)
    roots = _roots(program, given) if xp is np else {}
    for position, (op, args) in enumerate(program.steps):
        values.append(roots[position] if position in roots else _own_step(xp, op, args, values, given, size))
        for done in ends.get(position, []):
            if done not in kept:
                values[done] = None  # thousands of layers of a convolution would otherwise stay
    return [values[position] for position in program.keep]


def _roots(program: OwnProgram, given: Array) -> dict[int, Array]:
    """The roots, and their reciprocals, of vectors given from outside: most of what tiles read, taken together."""
    found: dict[int, Array] = {}
    for op in (Op.SQRT, Op.RSQRT):
        steps = [(k, program.steps[args[0]]) for k, (other, args) in enumerate(program.steps) if other == op]
        loaded = [(k, step[1][0]) for k, step in steps if step[0] == Op.LOAD]
        if loaded:
            chosen = given[[number for _, number in loaded]]
            roots = np.sqrt(chosen) if op == Op.SQRT else reciprocal_root(np, chosen)
            found |= {k: roots[n] for n, (k, _) in enumerate(loaded)}
    return found


def _own_step(xp: Any, op: int, args: tuple[Any, ...], values: list[Any], given: Array, size: int) -> Array:
    if op == Op.LOAD:
        return given[args[0], :]
    if op == Op.SUM:
        total = xp.zeros((size,), dtype=given.dtype)
        for coefficient, a, b in args:
            if a < 0:
                total = total + coefficient
            else:
                total = total + coefficient * (values[a] if b < 0 else values[a] * values[b])
        return total
    a = values[args[0]] if isinstance(args[0], int) else args[0]
    if op == Op.DIV:
        return a / values[args[1]]
    if op == Op.RSQRT:
        return reciprocal_root(xp, a)
    return function(xp, ELEMENTWISE[Op(op)])(a)


def function(xp: Any, name: str) -> Any:
    """A function of the namespace by its name in the array standard; before NumPy 2 and CuPy 14 two had another."""
    return getattr(xp, name, None) or getattr(xp, f"arc{name[1:]}")


def reciprocal_root(xp: Any, a: Array) -> Array:
    """1/sqrt(a), and 0 where a is 0: a correlation with a number that is always 0 is 0."""
    zero = a == 0.0
    return xp.where(zero, xp.zeros_like(a), 1.0 / xp.sqrt(xp.where(zero, xp.ones_like(a), a)))


def run_arrays(
    xp: Any,
    code: Code,
    rows: Array,
    cols: Array,
    grams: Sequence[Array],
    excesses: Sequence[Array] = (),
    tables: Sequence[Table] = (),
) -> tuple[list[Array], Array, Array]:
    """Runs code on one block.

    Parameters
    ----------
    xp
        Array namespace: numpy, cupy, array_api_strict ...
    code
        From `Builder.build`.
    rows, cols
        (m, N1) and (m', N2): the vectors given from outside; with m = 0 they still say N1 and N2 and the type.
    grams, excesses
        Arrays (N1, N2), as many as the code reads.
    tables
        As many as the code reads.

    Returns
    -------
    The outputs, arrays (N1, N2), and the least 1 - cos theta and the least 1 + cos theta of an entry, arrays (N1, N2)
    (2 where there are no arcs): a covariance tells the angle well if neither is small, an excess if the second is not.
    """
    state = _Block(xp, code, rows, cols, grams, excesses, tables)
    for instruction in code.instructions.tolist():
        state.step(instruction)
    return state.outputs, state.least, state.opposite


class _Block:
    def __init__(
        self,
        xp: Any,
        code: Code,
        rows: Array,
        cols: Array,
        grams: Sequence[Array],
        excesses: Sequence[Array],
        tables: Sequence[Table],
    ) -> None:
        self.xp, self.code, self.grams, self.excesses, self.tables = xp, code, grams, excesses, tables
        self.rows = [xp.reshape(v, (-1, 1)) for v in own_values(xp, code.rows, rows)]
        self.cols = [xp.reshape(v, (1, -1)) for v in own_values(xp, code.cols, cols)]
        self.shape = (rows.shape[1], cols.shape[1])
        self.registers: list[Array] = [None] * code.registers
        self.outputs: list[Array] = [None] * code.outputs
        self.least = self.opposite = xp.full(self.shape, 2.0, dtype=rows.dtype)
        self.dtype = rows.dtype

    def step(self, instruction: list[int]) -> None:
        op, dst, dst2, *args = instruction
        if op == Op.OUTPUT:
            self.outputs[args[0]] = self.registers[args[1]]
            return
        result = self._value(op, args)
        if dst2 >= 0:
            self.registers[dst], self.registers[dst2] = result
        else:
            self.registers[dst] = result

    def _value(self, op: int, args: list[int]) -> Any:
        xp, r = self.xp, self.registers
        if op == Op.GRAM:
            return self.grams[args[0]]
        if op == Op.EXCESS:
            return self.excesses[args[0]]
        if op == Op.SUM:
            return self._sum(args[0], args[1])
        if op == Op.DIV:
            return r[args[0]] / r[args[1]]
        if op == Op.CLIP:
            return clipped(xp, r[args[0]])
        if op == Op.HERMITE:
            return self._hermite(r[args[0]], self.tables[args[1]])
        if op in ELEMENTWISE:
            return function(xp, ELEMENTWISE[Op(op)])(r[args[0]])
        return self._expectation(op, r[args[0]], args)

    def _expectation(self, op: int, x: Array, args: list[int]) -> Any:
        xp = self.xp
        s, t = self.rows[args[1]], self.cols[args[3]]  # sqrt p and sqrt q, or the factors of erf
        if op == Op.ARC:
            cosine = x * (self.rows[args[2]] * self.cols[args[4]])
            self._watch(1.0 - cosine)
            return arc(xp, clipped(xp, cosine), s * t)
        if op == Op.ERF:
            return erf_pair(xp, x * (s * t), self.rows[args[2]] * self.cols[args[4]])
        if op == Op.ARC_VERSINE:
            return arc_versine(xp, x, s * t)
        if op == Op.GAP:
            return gap(xp, x, s * t)
        both = self.rows[args[2]] * self.cols[args[4]]
        far = 0.5 - 0.5 * self.registers[args[5]] * both
        half = xp.clip(xp.where((x * both > 1.0) | (both == 0.0), far, 0.25 * x * both), 0.0, 1.0)
        self._watch(2.0 * half)
        return half

    def _watch(self, versine: Array) -> None:
        self.least = self.xp.minimum(self.least, versine)
        self.opposite = self.xp.minimum(self.opposite, 2.0 - versine)

    def _sum(self, start: int, stop: int) -> Array:
        xp = self.xp
        total = xp.zeros(self.shape, dtype=self.dtype)
        for (row, *vectors), coefficient in zip(
            self.code.terms[start:stop].tolist(), self.code.coefficients[start:stop].tolist(), strict=True
        ):
            term = coefficient * self.rows[row] if row >= 0 else coefficient
            for v in vectors:
                if v != -1:
                    term = term * (self.registers[v] if v >= 0 else self.cols[-2 - v])
            total = total + term
        return total

    def _hermite(self, rho: Array, table: Table) -> tuple[Array, Array]:
        xp = self.xp
        first, stride = (0, 1) if table.parity == 2 else (table.parity, 2)
        value = slope = xp.zeros(self.shape, dtype=self.dtype)
        found = fused(xp, "series", table.rows, table.cols, table.rows.shape[0], *self.shape, rho**stride)
        if found is not None:
            value, slope = found  # P and P' at r = rho^2 (or rho)
            if table.parity == 2:
                return value, slope
            slope = 2.0 * rho * slope
            return (rho * value, value + rho * slope) if first else (value, slope)
        step, power = rho**stride, (rho if first else xp.ones_like(rho))
        lower = rho if table.parity == 0 else xp.ones_like(rho)  # rho^(n - 1) for the first n > 0
        for k in range(table.rows.shape[0]):
            n = first + stride * k
            both = xp.reshape(table.rows[k, :], (-1, 1)) * xp.reshape(table.cols[k, :], (1, -1))
            value, power = value + both * power, power * step
            if n > 0:
                slope, lower = slope + n * both * lower, lower * step
        return value, slope


def clipped(xp: Any, x: Array) -> Array:
    """x in [-1, 1]."""
    return xp.clip(x, -1.0, 1.0)


def lune(xp: Any, t: Array) -> Array:
    """S(t) = sin t - t cos t, for small t by its series sum_k (-1)^(k+1) 2k t^(2k+1)/(2k+1)!."""
    small = t < SMALL_ANGLE
    u = xp.where(small, t, xp.zeros_like(t))
    series = xp.zeros_like(t)
    for k in range(SERIES, 0, -1):
        series = (-1.0) ** (k + 1) * 2.0 * k / math.factorial(2 * k + 1) + u * u * series
    return xp.where(small, u * u * u * series, xp.sin(t) - t * xp.cos(t))


def arc(xp: Any, cosine: Array, scale: Array) -> tuple[Array, Array]:
    """(E relu u relu v, E step u step v) from the cosine and sqrt(p q) (Cho and Saul 2009)."""
    found = fused(xp, "arc", cosine, scale)
    if found is not None:
        return found[0], found[1]
    rest = function(xp, "acos")(-cosine)  # pi - theta
    return scale * lune(xp, rest) / (2.0 * math.pi), rest / (2.0 * math.pi)


def arc_versine(xp: Any, h: Array, scale: Array) -> tuple[Array, Array]:
    """The same from h = (1 - cos theta)/2."""
    theta = 2.0 * function(xp, "asin")(xp.sqrt(h))
    rest = math.pi - theta
    value = xp.where(h < 0.5, math.pi * (1.0 - 2.0 * h) + lune(xp, theta), lune(xp, rest))
    return scale * value / (2.0 * math.pi), rest / (2.0 * math.pi)


def gap(xp: Any, h: Array, scale: Array) -> Array:
    """The excess 2 (sqrt(E relu(u)^2 E relu(v)^2) - E relu u relu v) from h."""
    theta = 2.0 * function(xp, "asin")(xp.sqrt(h))
    return scale * (2.0 * h - lune(xp, theta) / math.pi)


def erf_pair(xp: Any, x: Array, scale: Array) -> tuple[Array, Array]:
    """2/pi asin x and 4/pi scale/sqrt(1 - x^2)."""
    found = fused(xp, "erf_pair", x, scale)
    if found is not None:
        return found[0], found[1]
    return 2.0 / math.pi * function(xp, "asin")(x), 4.0 / math.pi * scale / xp.sqrt((1.0 - x) * (1.0 + x))
