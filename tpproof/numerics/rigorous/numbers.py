"""A plan's numbers in balls: those of one input, and those of one pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tpproof.numerics.expectations.evaluate import Inputs, needed
from tpproof.numerics.reduction.plan import Plan, Product, Slot, Step
from tpproof.numerics.reduction.univariate import Tree, Z, times
from tpproof.numerics.rigorous.balls import Ball, NoEnclosure, ball, constant, dot, finite, power, root
from tpproof.numerics.rigorous.excess import difference, ramp_excess
from tpproof.numerics.rigorous.expect import Side, expectation, mean
from tpproof.numerics.rigorous.gauss import law
from tpproof.numerics.rigorous.scalars import function_of_scalars
from tpproof.program.constants import ZERO, add


@dataclass(eq=False)
class Own:
    """The own numbers of one input at one precision."""

    plan: Plan
    inputs: Inputs
    row: int
    values: dict[Slot, Ball] = field(default_factory=dict)
    functions: dict[tuple[Tree, Slot], Any] = field(default_factory=dict)
    means: dict[tuple[Tree, Slot], Ball] = field(default_factory=dict)

    def part(self, i: int, a: int) -> list[float]:
        """A part of one of the network's inputs."""
        return [float(x) for x in self.inputs[i][self.row, a]]

    def side(self, variance: Slot) -> Side:
        """A direction at this input."""
        return Side(self.values[variance], self.values.__getitem__, variance, self.functions, self.means)


def own_numbers(plan: Plan, inputs: Inputs, row: int) -> Own:
    """Every own number of one input. Raises NoEnclosure where one has none."""
    own = Own(plan, inputs, row)
    for slot, step in enumerate(plan.own):
        found = _own_step(own, step)
        if not finite(found):
            raise Unbounded(f"own number {slot}, {step.op}")
        own.values[slot] = found
    return own


class Unbounded(NoEnclosure):
    """A ball without bounds: more bits may help."""


def _own_step(own: Own, step: Step) -> Ball:
    match step.op:
        case "gram" | "distance" | "excess":
            return _parts(step, own, own)
        case "sum":
            return _sum(step.data, own.values)
        case "expect1":
            return mean(step.data[0], own.side(step.args[0]))
        case "regression":
            side = own.side(step.args[0])
            return ball(0) if side.variance.is_zero() else mean(times(Z, step.data[0]), side) / side.variance
        case "share":
            part, total = (own.values[s] for s in step.args)
            return ball(0) if total.is_zero() else root(part) / power(total, Fraction(1, 4))
        case "function":
            return function_of_scalars(step.data, [own.values[s] for s in step.args])
    return _expectation(step, own.values, own, own)


def _parts(step: Step, left: Own, right: Own) -> Ball:
    """ξᵀξ'/d and what is made of it, the products of floats taken exactly."""
    i, a, j, b = step.data
    x, y = left.part(i, a), right.part(j, b)
    both, d = dot(x, y), len(x)
    if step.op == "gram":
        return ball(both / d)
    first, second = dot(x, x), dot(y, y)
    if step.op == "distance":
        return ball((first + second - 2 * both) / d)
    across = first * second - both * both  # zero for parallel vectors, exactly
    sizes = ball(first * second).sqrt()
    if both <= 0:
        return 2 * (sizes - ball(both)) / d
    return 2 * ball(across) / (sizes + ball(both)) / d


def _sum(products: tuple[Product, ...], values: Mapping[Slot, Ball]) -> Ball:
    total = ball(0)
    for c, slots in products:
        value = constant(c)
        for s in slots:
            value = value * values[s]
        total = total + value
    return total


def _expectation(step: Step, values: Mapping[Slot, Ball], left: Own, right: Own) -> Ball:
    """expect2, difference, ramp_excess."""
    c, p, q, e = step.args
    pair = law(left.values[p], right.values[q], values[c], values[e] if e >= 0 else None)
    first, second = left.side(p), right.side(q)
    if step.op == "ramp_excess":
        return ramp_excess(step.data[0], pair, values[e], first)
    if step.op == "difference":
        if left is right and p == q and values[e].is_zero():
            return ball(0)
        return difference(step.data[0], pair, first, second)
    f, g = step.data
    return expectation(f, g, pair, first, second)


@dataclass
class Pair:
    """The numbers of one pair of inputs, `left` and `right` the same object where the inputs are the same."""

    left: Own
    right: Own
    values: dict[Slot, Ball] = field(default_factory=dict)
    _names: dict[Slot, Any] = field(default_factory=dict)

    def run(self, wanted: list[Slot]) -> Mapping[Slot, Ball]:
        """The numbers that `wanted` rest on."""
        plan = self.left.plan
        for slot in needed(plan, wanted):
            step = plan.pair[slot]
            found = self._step(step)
            if not finite(found):
                raise Unbounded(f"pair number {slot}, {step.op}")
            self.values[slot] = found
            self._names[slot] = self._name(slot, step)
        return self.values

    def _name(self, slot: Slot, step: Step) -> Any:
        """The same for slots whose numbers are surely the same: an own number at the row and at the column."""
        return ("own", step.data[0]) if step.op in ("row", "col") and self.left is self.right else ("pair", slot)

    def _step(self, step: Step) -> Ball:
        match step.op:
            case "gram" | "distance" | "excess":
                return _parts(step, self.left, self.right)
            case "differ":
                return ball(0 if self.left is self.right else 1)
            case "sum":
                return _sum(self._cancelled(step.data), self.values)
            case "row":
                return self.left.values[step.data[0]]
            case "col":
                return self.right.values[step.data[0]]
        return _expectation(step, self.values, self.left, self.right)

    def _cancelled(self, products: tuple[Product, ...]) -> tuple[Product, ...]:
        """Products of the same numbers collected exactly, zeros left out: an excess of an input to itself is 0."""
        if self.left is not self.right:
            return products
        found: dict[tuple[Any, ...], Product] = {}
        for c, slots in products:
            if any(self.values[s].is_zero() for s in slots):
                continue
            key = tuple(sorted((self._names[s] for s in slots), key=repr))
            found[key] = (add(found[key][0] if key in found else ZERO, c), slots)
        return tuple((c, slots) for c, slots in found.values() if c != 0)
