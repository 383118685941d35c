"""From a plan to tile code: closed forms and Hermite expansions written out in arithmetic of rows, columns and tiles.

Two codes come of one plan: a fast one that knows covariances only, and a careful one that carries excesses as well and
runs where an angle is small. Expectations that have neither a closed form nor a useful expansion are `NotTileable`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.evaluate import Numbers, as_float, needed, read_by
from tpproof.numerics.expectations.hermite import Expansion
from tpproof.numerics.expectations.pair_law import ramp_of
from tpproof.numerics.functions import Array
from tpproof.numerics.reduction.plan import Plan, Slot, Step
from tpproof.numerics.reduction.shapes import has_kinks, parity, terms_of
from tpproof.numerics.reduction.univariate import Library, Tree, derivative
from tpproof.numerics.tiles.arrays import Table
from tpproof.numerics.tiles.builder import Builder, Value
from tpproof.numerics.tiles.code import Code
from tpproof.numerics.tiles.engine import DIFFER
from tpproof.numerics.tiles.tile_pair import TileFunctions, TilePair

Key: TypeAlias = tuple[Any, ...]


class NotTileable(Exception):
    """An expectation that tiles cannot take; arrays can (`tpproof.numerics.expectations.evaluate`)."""


@dataclass(frozen=True)
class Lowered:
    """Code and the data that it reads, ready for an engine.

    Attributes
    ----------
    fast, careful
        The two codes; ``careful`` is None when no function has a kink.
    grams, excesses
        Parts (a, b), counted through all inputs in order, of each Gram input and each excess input.
    rows, cols
        Vectors of the left and of the right inputs.
    tables
        Of the Hermite instructions.
    tails
        (f, p, g, q) → what the expansion leaves out, relative to √(E f² E g²), and the same of the slopes.
    """

    fast: Code
    careful: Code | None
    grams: tuple[tuple[int, int], ...]
    excesses: tuple[tuple[int, int], ...]
    rows: Array
    cols: Array
    tables: tuple[Table, ...]
    tails: dict[Key, float]


@dataclass(frozen=True)
class Template:
    """Both codes of a plan, and what they read, by name: the same for all data of given dimensions."""

    fast: Code
    careful: Code | None
    grams: tuple[tuple[int, int], ...]
    excesses: tuple[tuple[int, int], ...]
    vectors: tuple[tuple[Key, ...], tuple[Key, ...]]
    tables: tuple[tuple[Tree, Slot, Tree, Slot, bool], ...]


@dataclass
class Names:
    """What both codes read, numbered as it is first asked for.

    Attributes
    ----------
    dimensions, first
        Of every input its d, and the number of its first part among all parts.
    """

    dimensions: tuple[int, ...]
    first: tuple[int, ...]
    library: Library
    vectors: tuple[dict[Key, int], dict[Key, int]] = field(default_factory=lambda: ({}, {}))
    parts: dict[str, dict[tuple[int, int], int]] = field(default_factory=lambda: {"gram": {}, "excess": {}})
    tables: dict[tuple[Tree, Slot, Tree, Slot, bool], int] = field(default_factory=dict)

    def vector(self, side: int, key: Key) -> int:
        """The number of a row vector (side 0) or column vector (side 1)."""
        return self.vectors[side].setdefault(key, len(self.vectors[side]))

    def part(self, kind: str, step: Step) -> int:
        """The number of a Gram or excess input."""
        i, a, j, b = step.data
        key = (self.first[i] + a, self.first[j] + b)
        return self.parts[kind].setdefault(key, len(self.parts[kind]))

    def table(self, f: Tree, p: Slot, g: Tree, q: Slot, slope: bool) -> int:
        """The number of the table of E f(u) g(v) (with its slopes: divided by √(pq), and without the means)."""
        return self.tables.setdefault((f, p, g, q, slope), len(self.tables))


def _vector(numbers: Numbers, key: Key) -> Array:
    match key[0]:
        case "own":
            return numbers.values[key[1]]
        case "mean":
            return np.broadcast_to(numbers.expect1(key[1], key[2])[0], (numbers.count,))
    return np.square(numbers.norm(key[1], key[2]))


def _table(row: Expansion, col: Expansion, sign: int, slope: bool) -> Table:
    """Coefficients of one parity only where one function has it; with slopes, those of f' divided by √k."""
    first, second = (_with_slopes(x) if slope else x.table for x in (row, col))
    kind = {-1: 1, 1: 0, 0: 2}[sign]
    step = slice(kind, None, 2) if kind < 2 else slice(None)
    size = min(len(first[step]), len(second[step]))
    return Table(np.ascontiguousarray(first[step][:size]), np.ascontiguousarray(second[step][:size]), kind)


def _with_slopes(x: Expansion) -> Array:
    assert x.slope_table is not None
    k = np.arange(1, len(x.slope_table) + 1)[:, None]
    return np.vstack([np.zeros_like(x.slope_table[:1]), x.slope_table / np.sqrt(k)])


def _tail(a: Array, size_a: Array, b: Array, size_b: Array) -> float:
    """√(T_f T_g) relative to √(E f² E g²), at its largest."""
    return math.sqrt(_largest(a, size_a) * _largest(b, size_b))


def _largest(a: Array, size: Array) -> float:
    return float(np.max(np.divide(a, size, out=np.zeros_like(a), where=size > 0), initial=0.0))


def _errors(row: Expansion, col: Expansion) -> float:
    return sum(math.sqrt(_largest(np.square(x.error), x.total)) for x in (row, col))


def _slope_tail(row: Expansion, col: Expansion) -> float:
    found = 0.0
    tails, sizes, errors = [], [], []
    for x in (row, col):
        assert x.slope_tail is not None and x.slope_total is not None and x.slope_error is not None
        tails.append(x.slope_tail)
        sizes.append(x.slope_total)
        errors.append(math.sqrt(_largest(np.square(x.slope_error), x.slope_total)))
    found = _tail(tails[0], sizes[0], tails[1], sizes[1])
    return found + sum(errors)


class Lowering:
    """One code of a plan: fast (without excesses) or careful."""

    def __init__(self, plan: Plan, names: Names, careful: bool) -> None:
        self.plan, self.names, self.careful = plan, names, careful
        self.builder = Builder()
        self.functions = TileFunctions(self.builder)
        self.values: dict[Slot, Value | float] = {}
        self.pairs: dict[tuple[Slot, ...], TilePair] = {}
        self.parents: dict[tuple[Any, ...], tuple[Tree, Tree]] = {}

    def code(self, wanted: Sequence[Slot | None]) -> Code:
        """The code whose outputs are the wanted slots (None: 0)."""
        slots = needed(self.plan, [s for s in wanted if s is not None], self.careful)
        self._find_parents(slots)
        for slot in slots if self.careful else self._layered(slots):
            self.values[slot] = self._step(self.plan.pair[slot])
        for s in wanted:
            self.builder.output(0.0 if s is None else self.values[s])
        return self.builder.build()

    def _layered(self, slots: Sequence[Slot]) -> list[Slot]:
        """Slots layer by layer: fewer numbers wait to be read than when one output after another is traced back.

        Not so with excesses, whose first parts rest on numbers of single inputs only and would all come first.
        """
        depth: dict[Slot, int] = {}
        for slot in slots:
            depth[slot] = 1 + max((depth[s] for s in read_by(self.plan.pair[slot], self.careful)), default=0)
        return sorted(slots, key=lambda slot: (depth[slot], slot))

    def _find_parents(self, slots: Sequence[Slot]) -> None:
        """For E f' g' the functions f and g, where E f g is expanded at the same pair."""
        steps = [self.plan.pair[s] for s in slots if self.plan.pair[s].op == "expect2"]
        for step in steps:
            f, g = step.data
            if has_kinks(f, self.names.library) or has_kinks(g, self.names.library):
                continue
            slope = derivative(f), derivative(g)
            if None not in slope:
                self.parents[(*step.args, *slope)] = (f, g)

    def _step(self, step: Step) -> Value | float:
        builder, names = self.builder, self.names
        match step.op:
            case "gram" | "excess":
                number = names.part(step.op, step)
                value = builder.gram(number) if step.op == "gram" else builder.excess(number)
                scaled: Value = value * (1.0 / names.dimensions[step.data[0]])
                return scaled
            case "row" | "col":
                side = int(step.op == "col")
                return self._vector(side, ("own", step.data[0]))
            case "sum":
                return self._sum(step)
            case "differ":
                return builder.excess(names.parts["excess"].setdefault(DIFFER, len(names.parts["excess"])))
            case "distance":
                raise NotTileable("a distance of inputs")
        pair = self._pair(step)
        if step.op == "expect2":
            return self._expectation(step, pair)
        return self._ramp_excess(step, pair) if step.op == "ramp_excess" else self._difference(step, pair)

    def _vector(self, side: int, key: tuple[Any, ...]) -> Value:
        number = self.names.vector(side, key)
        return self.builder.row(number) if side == 0 else self.builder.col(number)

    def _sum(self, step: Step) -> Value | float:
        terms: list[tuple[float, Value | float, Value | float | None]] = []
        for c, slots in step.data:
            factors = [self.values[s] for s in slots]
            while len(factors) > 2:
                first, second, *rest = factors
                factors = [first * second, *rest]
            terms.append((as_float(c), factors[0] if factors else 1.0, factors[1] if len(factors) > 1 else None))
        return self.builder.sum_of_products(terms)

    def _pair(self, step: Step) -> TilePair:
        c, p, q, excess = step.args
        if step.args not in self.pairs:
            e = self.values[excess] if self.careful and excess >= 0 else None
            row, col = self._vector(0, ("own", p)), self._vector(1, ("own", q))
            values = [v if v is None or isinstance(v, Value) else self.builder.constant(v) for v in (self.values[c], e)]
            self.pairs[step.args] = TilePair(self.builder, row, col, values[0], values[1])  # type: ignore[arg-type]
        return self.pairs[step.args]

    def _expectation(self, step: Step, pair: TilePair) -> Value | float:
        f, g = step.data
        left, right = terms_of(f), terms_of(g)
        if left is not None and right is not None:
            found = self._error_functions(left, right, pair)
            if found is None:
                found = closed.two(left, right, pair, self.functions)
            if found is not None:
                return self._number(found)
        library = self.names.library
        if has_kinks(f, library) or has_kinks(g, library):
            raise NotTileable("a function with kinks and without a closed form")
        return self._hermite(step, pair)

    def _number(self, found: Any) -> Value | float:
        return found if isinstance(found, Value) else float(found)

    def _error_functions(self, left: closed.Terms, right: closed.Terms, pair: TilePair) -> Value | None:
        """The fused instruction for erf with erf, and for their slopes."""
        if len(left) != 1 or len(right) != 1 or left[0][1] or right[0][1]:
            return None
        (a, _, f), (b, _, g) = left[0], right[0]
        found: Value
        if f[0] == g[0] == "erf":
            found = self.builder.erf_pair(pair.c, pair.p, pair.q, f[1], g[1])[0] * (a * b)
            return found
        if f[0] == g[0] == "exp" and f[2] == g[2] == 0 and f[1] < 0 and g[1] < 0:
            scale = math.sqrt(-f[1]), math.sqrt(-g[1])
            found = self.builder.erf_pair(pair.c, pair.p, pair.q, *scale)[1] * (a * b * math.pi / 4)
            return found
        return None

    def _hermite(self, step: Step, pair: TilePair) -> Value:
        """Σ c_k(f) c_k(g) ρ^k; E f' g' is the second result of the instruction for E f g where that is expanded too."""
        f, g = step.data
        _, p, q, _ = step.args
        rho = self.builder.correlation(pair.c, pair.p, pair.q)
        parents = self.parents.get((*step.args, f, g))
        if parents is not None:
            return self.builder.hermite(rho, self.names.table(*_order(parents, p, q), True))[1]
        slope = (*step.args, derivative(f), derivative(g)) in self.parents
        value = self.builder.hermite(rho, self.names.table(f, p, g, q, slope))[0]
        if not slope:
            return value
        found = self.builder.unary("sqrt", pair.p) * self.builder.unary("sqrt", pair.q) * value
        if parity(f) == -1 or parity(g) == -1:
            return found
        return found + self._vector(0, ("mean", f, p)) * self._vector(1, ("mean", g, q))

    def _ramp_excess(self, step: Step, pair: TilePair) -> Value | float:
        line, ramp = ramp_of(step.data[0])
        assert pair.e is not None
        return self.builder.sum_of_products(
            [(line * line + line * ramp, pair.e, None), *([(ramp * ramp, pair.arc[2], None)] if ramp else [])]
        )

    def _difference(self, step: Step, pair: TilePair) -> Value | float:
        f = step.data[0]
        terms = terms_of(f)
        known = None if terms is None else closed.difference(terms, pair, self.functions)
        if known is not None:
            return self._number(known)
        both = self._expectation(Step("expect2", step.args, (f, f)), pair)
        _, p, q, _ = step.args
        return self._vector(0, ("square", f, p)) + self._vector(1, ("square", f, q)) - 2.0 * both


def _order(parents: tuple[Tree, Tree], p: Slot, q: Slot) -> tuple[Tree, Slot, Tree, Slot]:
    return parents[0], p, parents[1], q


def template(
    plan: Plan, wanted: Sequence[Slot | None], dimensions: tuple[int, ...], parts: Sequence[int], library: Library
) -> Template:
    """Both codes of a plan, for data of given dimensions.

    Parameters
    ----------
    plan, wanted
        The outputs are the wanted pair slots (None: 0).
    dimensions, parts
        Of every input.
    library
        Users' functions.

    Raises
    ------
    NotTileable
        When an expectation has neither a closed form nor an expansion.
    """
    names = Names(dimensions, tuple(int(k) for k in np.cumsum([0, *parts])), library)
    fast = Lowering(plan, names, False).code(wanted)
    some = [s for s in wanted if s is not None]
    kinked = any(plan.pair[s].op == "expect2" and plan.pair[s].args[3] >= 0 for s in needed(plan, some, False))
    careful = Lowering(plan, names, True).code(wanted) if kinked else None
    vectors = tuple(names.vectors[0]), tuple(names.vectors[1])
    grams, excesses = tuple(names.parts["gram"]), tuple(names.parts["excess"])
    return Template(fast, careful, grams, excesses, vectors, tuple(names.tables))


def bound(made: Template, left: Numbers, right: Numbers, rtol: float) -> Lowered:
    """A template with the data that it reads. Raises NotTileable when an expansion is too long."""
    tails: dict[Key, float] = {}
    tables = tuple(_made(key, left, right, rtol, tails) for key in made.tables)
    rows, cols = (_stacked(n, keys) for n, keys in zip((left, right), made.vectors, strict=True))
    return Lowered(made.fast, made.careful, made.grams, made.excesses, rows, cols, tables, tails)


def _made(
    key: tuple[Tree, Slot, Tree, Slot, bool], left: Numbers, right: Numbers, rtol: float, tails: dict[Key, float]
) -> Table:
    f, p, g, q, slope = key
    row, col = left.expansion(f, p, rtol, slope), right.expansion(g, q, rtol, slope)
    if not (row.reached and col.reached):
        raise NotTileable("a function whose Hermite expansion is too long")
    tails[key] = _tail(row.tail, row.total, col.tail, col.total) + _errors(row, col)
    if slope:
        tails[derivative(f), p, derivative(g), q, slope] = _slope_tail(row, col)
    return _table(row, col, parity(f) or parity(g), slope)


def _stacked(numbers: Numbers, keys: Sequence[Key]) -> Array:
    found = [_vector(numbers, key) for key in keys]
    return np.stack(found) if found else np.zeros((0, numbers.count))
