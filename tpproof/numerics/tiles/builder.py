"""Straight-line programs over the entries of a Gram tile: a builder with operators, and the immutable code it makes.

A kernel's recursion is arithmetic between numbers of one input (variances), which cost O(N), and numbers of a pair of
inputs, which cost O(N^2). The builder keeps them apart by kind: *constants* are folded, *rows* (one number for each
row input) and *cols* (one for each column input) become two small programs that run once over whole vectors, and only
what depends on a pair becomes instructions over *tiles*. Equal expressions are shared, what no output needs is dropped,
and registers are given back at the last use, so that a tile of the whole recursion fits a core's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tpproof.numerics.tiles.code import Code, Op

Key = tuple[Any, ...]
Part = tuple[float, int, int]

CONST, ROW, COL, TILE = 0, 1, 2, 3
SECOND = "second"
UNARY = {
    "sqrt": Op.SQRT,
    "exp": Op.EXP,
    "sin": Op.SIN,
    "cos": Op.COS,
    "sinh": Op.SINH,
    "cosh": Op.COSH,
    "asin": Op.ASIN,
    "log": Op.LOG,
}


@dataclass(frozen=True)
class Value:
    """A number that the builder knows: of no input, of the row input, of the column input, or of the pair."""

    builder: Builder
    id: int

    @property
    def kind(self) -> int:
        """CONST, ROW, COL or TILE."""
        return self.builder.kinds[self.id]

    def __add__(self, other: Operand) -> Value:
        return self.builder.sum_of_products([(1.0, self, None), (1.0, other, None)])

    def __sub__(self, other: Operand) -> Value:
        return self.builder.sum_of_products([(1.0, self, None), (-1.0, other, None)])

    def __rsub__(self, other: Operand) -> Value:
        return self.builder.sum_of_products([(1.0, other, None), (-1.0, self, None)])

    def __mul__(self, other: Operand) -> Value:
        return self.builder.sum_of_products([(1.0, self, other)])

    def __neg__(self) -> Value:
        return self.builder.sum_of_products([(-1.0, self, None)])

    def __truediv__(self, other: Operand) -> Value:
        return self.builder.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.builder.divide(other, self)

    def __pow__(self, exponent: int) -> Value:
        """A whole power, by repeated squaring."""
        if exponent < 0:
            return 1.0 / self**-exponent
        power, square = self.builder.constant(1.0), self
        while exponent:
            power = power * square if exponent & 1 else power
            exponent >>= 1
            square = square * square if exponent else square
        return power

    __radd__ = __add__
    __rmul__ = __mul__


Operand = Value | float
Term = tuple[float, Operand, Operand | None]


class Builder:
    """Records a program. Equal expressions give the same `Value`.

    Attributes
    ----------
    kinds
        Of every value, by its id.
    """

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.nodes: list[Key] = []  # (op, arguments...); ids in them are of earlier nodes
        self.outputs: list[int] = []
        self._ids: dict[Key, int] = {}

    # -- leaves -------------------------------------------------------------------------------------------------------

    def constant(self, number: float) -> Value:
        """A number that does not depend on the inputs."""
        return self._node(CONST, ("const", float(number)))

    def row(self, number: int) -> Value:
        """Vector `number` of those given for the row inputs."""
        return self._node(ROW, (Op.LOAD, number, ROW))

    def col(self, number: int) -> Value:
        """Vector `number` of those given for the column inputs."""
        return self._node(COL, (Op.LOAD, number, COL))

    def gram(self, number: int) -> Value:
        """Gram input `number`: an inner product for each pair."""
        return self._node(TILE, (Op.GRAM, number))

    def excess(self, number: int) -> Value:
        """Excess input `number`: a 2(|x| |y| - x.y) for each pair, without cancellation."""
        return self._node(TILE, (Op.EXCESS, number))

    def output(self, value: Operand) -> int:
        """Makes `value` an output (spread over the tile if it is of one input) and returns its number."""
        self.outputs.append(self._tile(self._value(value)).id)
        return len(self.outputs) - 1

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def sum_of_products(self, terms: Iterable[Term]) -> Value:
        """sum of coefficient * a * b over the terms (b may be None); a and b of any kind."""
        rest, parts = 0.0, []
        for number, a, b in terms:
            coefficient, ids = self._factors(float(number), a, b)
            if not ids:
                rest += coefficient
            elif coefficient != 0.0:
                parts.append((coefficient, ids[0], ids[1] if len(ids) > 1 else -1))
        if not parts:
            return self.constant(rest)
        if len(parts) == 1 and rest == 0.0 and parts[0][0] == 1.0 and parts[0][2] == -1:
            return Value(self, parts[0][1])
        kind = self._join([i for _, a, b in parts for i in (a, b) if i >= 0])
        if kind == TILE:  # a tile reads vectors one at a time: products of two are made beforehand
            parts = [self._one_vector(part) for part in parts]
        if rest != 0.0:
            parts.append((rest, -1, -1))
        return self._sum(kind, parts)

    def divide(self, a: Operand, b: Operand) -> Value:
        """a / b: a product with the reciprocal where b does not depend on the pair."""
        a, b = self._value(a), self._value(b)
        if b.kind == CONST:
            return self.sum_of_products([(1.0, a, None)]) if self._number(b) == 1.0 else self._scaled(a, b)
        kind = self._join([a.id, b.id])
        if kind == TILE and b.kind != TILE:
            return a * self._node(b.kind, (Op.DIV, self.constant(1.0).id, b.id))
        if kind == TILE:
            a = self._tile(a)
        return self._node(kind, (Op.DIV, a.id, b.id))

    def unary(self, name: str, a: Operand) -> Value:
        """sqrt, exp, sin, cos, sinh, cosh, asin or log."""
        a = self._value(a)
        if a.kind == CONST:
            function: Callable[[float], float] = getattr(math, name)
            return self.constant(function(self._number(a)))
        return self._node(a.kind, (UNARY[name], a.id))

    # -- expectations -------------------------------------------------------------------------------------------------

    def arc_fast(self, c: Operand, p: Operand, q: Operand) -> tuple[Value, Value]:
        """(E relu u relu v, E step u step v) from the covariance; counts entries with 1 - cos theta below the limit.

        Parameters
        ----------
        c, p, q
            Covariance of (u, v), variance of u (a row number or constant), of v (a column number or constant). Where
            a variance is 0, step(0) = 1/2 and theta = pi/2.
        """
        (sp, rp), (sq, rq) = self._roots(p, ROW), self._roots(q, COL)
        node = self._node(TILE, (Op.ARC, self._tile(self._value(c)).id, sp, rp, sq, rq))
        return node, self._second(node)

    def arc_careful(self, c: Operand, p: Operand, q: Operand, e: Operand) -> tuple[Value, Value, Value]:
        """(E relu u relu v, E step u step v, excess of (relu u, relu v)) from an excess, exact to rounding for any.

        The excess of (u, v) is 2(sqrt(p q) - c): it scales as c does, and is 0 where the angle is.

        Parameters
        ----------
        c, p, q
            As for `arc_fast`; c only matters where the angle is not small.
        e
            The excess of (u, v).
        """
        h = self.versine(c, p, q, e)
        (sp, rp), (sq, rq) = self._roots(p, ROW), self._roots(q, COL)
        node = self._node(TILE, (Op.ARC_VERSINE, h.id, sp, rp, sq, rq))
        gap = self._node(TILE, (Op.GAP, h.id, sp, rp, sq, rq))
        return node, self._second(node), gap

    def versine(self, c: Operand, p: Operand, q: Operand, e: Operand) -> Value:
        """(1 - cos theta)/2, in [0, 1], from the excess unless c has smaller errors; 1/2 where a variance is 0."""
        (sp, rp), (sq, rq) = self._roots(p, ROW), self._roots(q, COL)
        c, e = self._tile(self._value(c)), self._tile(self._value(e))
        return self._node(TILE, (Op.VERSINE, e.id, sp, rp, sq, rq, c.id))

    def sine(self, c: Operand, p: Operand, q: Operand, e: Operand | None = None) -> Value:
        """sin theta; relatively exact near theta = 0 if the excess is given."""
        if e is None:
            rho = self.correlation(c, p, q)
            return self.unary("sqrt", (1.0 - rho) * (1.0 + rho))
        h = self.versine(c, p, q, e)
        return 2.0 * self.unary("sqrt", h * (1.0 - h))

    def correlation(self, c: Operand, p: Operand, q: Operand) -> Value:
        """c/sqrt(p q), clipped to [-1, 1]; 0 where a variance is 0."""
        rp, rq = Value(self, self._roots(p, ROW)[1]), Value(self, self._roots(q, COL)[1])
        return self._node(TILE, (Op.CLIP, self._tile(self._value(c) * (rp * rq)).id))

    def erf_pair(self, c: Operand, p: Operand, q: Operand, a: float, b: float) -> tuple[Value, Value]:
        """(E erf(a u) erf(b v), E erf'(a u) erf'(b v)), where erf'(x) = 2/sqrt(pi) exp(-x^2) (Williams 1997)."""
        row, col = self._own(p, ROW), self._own(q, COL)
        r = self._node(ROW, (Op.RSQRT, self._own(1.0 + 2.0 * a * a * row, ROW).id))
        s = self._node(COL, (Op.RSQRT, self._own(1.0 + 2.0 * b * b * col, COL).id))
        c = self._tile(self._value(c))
        node = self._node(TILE, (Op.ERF, c.id, (2.0 * a * r).id, r.id, (b * s).id, s.id))
        return node, self._second(node)

    def hermite(self, rho: Operand, table: int) -> tuple[Value, Value]:
        """(sum_k a_k[i] b_k[j] rho^k, sum_k k a_k[i] b_k[j] rho^(k-1)) with table `table` of those given to the run."""
        node = self._node(TILE, (Op.HERMITE, self._tile(self._value(rho)).id, table))
        return node, self._second(node)

    def second(self, node: int) -> int:
        """The node of the second result of an instruction with two, -1 if nobody asked for it."""
        return self._ids.get((SECOND, node), -1)

    def build(self) -> Code:
        """The code of what was recorded."""
        from tpproof.numerics.tiles.assemble import assemble

        return assemble(self)

    # -- the record ---------------------------------------------------------------------------------------------------

    def _node(self, kind: int, key: Key) -> Value:
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.nodes)
            self.nodes.append(key)
            self.kinds.append(kind)
        return Value(self, found)

    def _second(self, node: Value) -> Value:
        return self._node(TILE, (SECOND, node.id))

    def _value(self, a: Operand) -> Value:
        return a if isinstance(a, Value) else self.constant(a)

    def _number(self, a: Value) -> float:
        number = self.nodes[a.id][1]
        assert isinstance(number, float)
        return number

    def _scaled(self, a: Value, b: Value) -> Value:
        if a.kind == CONST:
            return self.constant(self._number(a) / self._number(b))
        return self.sum_of_products([(1.0 / self._number(b), a, None)])

    def _join(self, ids: Sequence[int]) -> int:
        kinds = {self.kinds[i] for i in ids} - {CONST}
        return TILE if len(kinds) > 1 else kinds.pop() if kinds else CONST

    def _factors(self, coefficient: float, a: Operand, b: Operand | None) -> tuple[float, list[int]]:
        """Constants moved into the coefficient; two numbers of one input into one; the rest in a fixed order."""
        ids = []
        for factor in (a, b):
            if isinstance(factor, Value) and factor.kind != CONST:
                ids.append(factor.id)
            elif factor is not None:
                coefficient *= self._number(factor) if isinstance(factor, Value) else factor
        if len(ids) == 2 and self.kinds[ids[0]] > self.kinds[ids[1]]:
            ids.reverse()
        elif len(ids) == 2 and self.kinds[ids[0]] == self.kinds[ids[1]]:
            ids.sort()
        return coefficient, ids

    def _sum(self, kind: int, parts: Sequence[Part]) -> Value:
        return self._node(kind, (Op.SUM, kind, *parts))

    def _one_vector(self, part: Part) -> Part:
        coefficient, a, b = part
        if b < 0 or self.kinds[a] != self.kinds[b] or self.kinds[a] == TILE:
            return part
        return coefficient, self._sum(self.kinds[a], [(1.0, a, b)]).id, -1

    def _tile(self, a: Value) -> Value:
        """The value spread over the tile."""
        if a.kind == TILE:
            return a
        return self._sum(TILE, [(self._number(a), -1, -1) if a.kind == CONST else (1.0, a.id, -1)])

    def _own(self, a: Operand, kind: int) -> Value:
        """The value as a number of one input."""
        a = self._value(a)
        if a.kind == kind:
            return a
        if a.kind != CONST:
            raise ValueError("a variance belongs to its own input: p to the row, q to the column")
        return self._sum(kind, [(self._number(a), -1, -1)])

    def _roots(self, p: Operand, kind: int) -> tuple[int, int]:
        p = self._own(p, kind)
        return self._node(kind, (Op.SQRT, p.id)).id, self._node(kind, (Op.RSQRT, p.id)).id


class Functions:
    """The functions that formulas call, on builder values: m.sqrt(x) and so on, as of the module math."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.pi = math.pi

    def __getattr__(self, name: str) -> Callable[[Operand], Value]:
        if name not in UNARY:
            raise AttributeError(name)
        return lambda a: self.builder.unary(name, a)
