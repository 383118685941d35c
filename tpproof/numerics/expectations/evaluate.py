"""A plan's numbers on arrays: those of each input, and those of any list of pairs, each with an error.

Expectations are taken in closed form where there is one, by Hermite expansions where both functions are smooth, by
adaptive two-dimensional quadrature where they are not. This is also the reference for the tiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.hermite import Expansion
from tpproof.numerics.expectations.integrands import integrand
from tpproof.numerics.expectations.interpolation import coefficients, mean
from tpproof.numerics.expectations.pair_law import PairLaw
from tpproof.numerics.expectations.parts import products_of_parts
from tpproof.numerics.expectations.rules import Integrand, squared
from tpproof.numerics.functions import Array, value
from tpproof.numerics.reduction.plan import Plan, Product, Slot, Step
from tpproof.numerics.reduction.shapes import halves, terms_of
from tpproof.numerics.reduction.stein import jumps
from tpproof.numerics.reduction.univariate import Library, Tree, Z, derivative, raised, times
from tpproof.program.constants import Constant, to_float
from tpproof.program.model import Node

EPS = float(np.finfo(float).eps)
NODES = np.linspace(-8.0, 8.0, 161)
"""Of a trapezoidal rule that is good to a few digits."""
WEIGHTS = np.exp(-np.square(NODES) / 2) * 0.1 / math.sqrt(2 * math.pi)
EXPECTATIONS = ("expect2", "difference", "ramp_excess")
Index = NDArray[np.intp]
Inputs = Sequence[Array]
"""For each input of the network an array (N, parts, d)."""


@dataclass
class Numbers:
    """The own numbers of N inputs: slot → (N,), with errors; and the norms of functions at their directions."""

    plan: Plan
    inputs: Inputs
    library: Library
    values: dict[Slot, Array] = field(default_factory=dict)
    errors: dict[Slot, Array] = field(default_factory=dict)
    _norms: dict[tuple[Slot, Tree], Array] = field(default_factory=dict)
    _sized: dict[tuple[Slot, Tree], Array] = field(default_factory=dict)
    _expansions: dict[tuple[Any, ...], Expansion] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """N."""
        return len(self.inputs[0])

    def norm(self, f: Tree, q: Slot) -> Array:
        """√(E F(u)²), u ~ N(0, q), for every input."""
        key = (q, f)
        if key not in self._norms:
            square, _ = self.expect1(raised(f, Fraction(2)), q)
            self._norms[key] = np.sqrt(np.maximum(square, 0.0))
        return self._norms[key]

    def expect1(self, f: Tree, q: Slot) -> tuple[Array, Array]:
        """E F(u) and the error of its method."""
        return self.expect(f, self.values[q])

    def expect(self, f: Tree, variance: Array, errors: bool = True) -> tuple[Array, Array]:
        """The same at any variances; a function with own numbers needs one for each input."""
        terms = terms_of(f)
        if terms is not None:
            exact = np.broadcast_to(closed.one(terms, variance, closed.MACHINE), variance.shape)
            size = closed.one(tuple((abs(c), n, b) for c, n, b in terms), variance, closed.MACHINE) if errors else 0.0
            return np.asarray(exact, dtype=float), 16 * EPS * np.abs(np.broadcast_to(size, variance.shape))
        product = self._expect_product(f, variance, errors)
        return mean(self.integrand(f), variance) if product is None else product

    def _expect_product(self, f: Tree, variance: Array, errors: bool) -> tuple[Array, Array] | None:
        """E[G(u) H(u)] in the closed form of two variables that are one, as for erf²."""
        for g, h in halves(f):
            left, right = terms_of(g), terms_of(h)
            if left is None or right is None:
                continue
            law = closed.gaussian_pair(variance, variance, variance, excess=np.zeros_like(variance))
            found = closed.two(left, right, law, closed.MACHINE)
            if found is not None:
                value = np.array(np.broadcast_to(found, variance.shape))
                if not errors:
                    return value, np.zeros_like(value)
                return value, (2 * (closed.operations(left, right) or 1) + 8) * EPS * self._sizes(g, h, variance)
        return None

    def _sizes(self, g: Tree, h: Tree, variance: Array) -> Array:
        """√(E G² E H²), to a few digits: bounds need no more."""
        first, second = (self._roughly(squared(self.integrand(t)), variance) for t in (g, h))
        return np.asarray(np.sqrt(first) * np.sqrt(second))

    def _roughly(self, f: Integrand, variance: Array) -> Array:
        """E f(u) to a few digits; where f has pieces, which may be narrow, as well as quadrature can."""
        if f.kinks:
            return mean(f, variance)[0]
        z = np.sqrt(variance)[:, None] * NODES
        return np.asarray(np.broadcast_to(f.at(z, np.arange(len(z))), z.shape) @ WEIGHTS)

    def magnitude(self, f: Tree, q: Slot) -> Array:
        """|E F(u)| to a few digits."""
        terms = terms_of(f)
        if terms is not None:
            found = np.abs(np.broadcast_to(closed.one(terms, self.values[q], closed.MACHINE), self.values[q].shape))
            return np.asarray(1.001 * found)
        return np.asarray(1.001 * np.abs(self._roughly(self.integrand(f), self.values[q])))

    def size(self, f: Tree, q: Slot) -> Array:
        """√(E F(u)²) to a few digits, and a little more than it: what bounds are made of."""
        key = (q, f)
        if key not in self._sized:
            self._sized[key] = 1.001 * self._size(f, q)
        return self._sized[key]

    def _size(self, f: Tree, q: Slot) -> Array:
        terms = terms_of(raised(f, Fraction(2)))
        if terms is not None:
            square = closed.one(terms, self.values[q], closed.MACHINE)
            return np.asarray(np.sqrt(np.maximum(np.broadcast_to(square, self.values[q].shape), 0.0)))
        return np.sqrt(self._sizes(f, f, self.values[q]))

    def expansion(self, f: Tree, q: Slot, rtol: float, slope: bool) -> Expansion:
        """The Hermite expansion of F at every input, with that of F' if asked for."""
        key = (f, q, slope)
        if key not in self._expansions:
            tree = derivative(f) if slope else None
            inner = None if tree is None else self.integrand(tree)
            self._expansions[key] = coefficients(self.integrand(f), self.values[q], rtol, inner)
        return self._expansions[key]

    def integrand(self, f: Tree) -> Integrand:
        """A function as quadrature sees it."""
        return integrand(f, self.values, self.library)


def own_numbers(plan: Plan, inputs: Inputs, library: Library, errors: bool = True) -> Numbers:
    """The numbers of each input, with their errors if asked for. Raises E152 where one is not finite."""
    numbers = Numbers(plan, inputs, library)
    with np.errstate(all="ignore"):  # what is not finite is seen below
        for group in plan.own_groups:
            if len(group) > 1 and not errors:
                numbers.values.update(zip(group, _together(numbers, group), strict=True))
                continue
            for slot in group:
                step = plan.own[slot]
                found, error = _own_step(numbers, step) if errors else (_own_value(numbers, step), 0.0)
                numbers.values[slot] = np.array(np.broadcast_to(found, (numbers.count,)), dtype=float)
                if errors:
                    numbers.errors[slot] = np.array(np.broadcast_to(error, (numbers.count,)), dtype=float)
    for slot in range(len(plan.own)):
        if not np.isfinite(numbers.values[slot]).all():
            first = int(np.flatnonzero(~np.isfinite(numbers.values[slot]))[0])
            raise TpproofError("E152", f"a limit of input {first} that is not finite", "values that a float can hold")
    return numbers


def _together(numbers: Numbers, group: tuple[Slot, ...]) -> Array:
    """The values (slots, N) of steps of one operation: one call for all of them."""
    steps = [numbers.plan.own[slot] for slot in group]
    args = [np.concatenate([numbers.values[s.args[k]] for s in steps]) for k in range(len(steps[0].args))]
    match steps[0].op:
        case "expect1":
            found = numbers.expect(steps[0].data[0], args[0], False)[0]
        case "share":
            found = _share(*args)
        case _:
            found = _called(steps[0], args)
    return np.array(np.broadcast_to(found, args[0].shape), dtype=float).reshape(len(group), numbers.count)


def _own_value(numbers: Numbers, step: Step) -> Any:
    """A number without its error."""
    values = numbers.values
    match step.op:
        case "expect1":
            return numbers.expect(step.data[0], values[step.args[0]], False)[0]
        case "sum":
            return sum((math.prod([values[s] for s in slots], start=as_float(c)) for c, slots in step.data), start=0.0)
        case "share":
            return _share(values[step.args[0]], values[step.args[1]])
        case "function":
            return _called(step, [values[s] for s in step.args])
        case "gram":
            i, a, j, b = step.data
            x, y = numbers.inputs[i][:, a], numbers.inputs[j][:, b]
            return (x * y).sum(axis=-1) / x.shape[-1]
        case "expect2":
            c, p, q, e = step.args
            everything = np.arange(numbers.count)
            pairs = Pairs(numbers, numbers, everything, everything)
            return PairLaw(pairs, p, q, values[c], values.get(e)).expectation(*step.data)[0]
    zeros = {s: np.zeros(numbers.count) for s in step.args}
    return _own_step(replace(numbers, errors=zeros), step)[0]


def _share(part: Array, total: Array) -> Array:
    """√P_t/P^(1/4), 0 where P = 0."""
    return np.asarray(np.divide(np.sqrt(part), total**0.25, out=np.zeros_like(part), where=total > 0))


def _called(step: Step, args: list[Array]) -> Any:
    """A function of scalars; the roots that excesses are made of are common."""
    op, *data = step.data
    if op == "pow" and data[0] == Fraction(1, 2):
        return np.sqrt(args[0])
    return value(Node(op, tuple(range(len(args))), tuple(data)), args)


def _own_step(numbers: Numbers, step: Step) -> tuple[Any, Any]:
    match step.op:
        case "gram" | "distance" | "excess":
            i, a, j, b = step.data
            return products_of_parts(step.op, numbers.inputs[i][:, a], numbers.inputs[j][:, b])
        case "sum":
            return summed(step.data, numbers.values, numbers.errors)
        case "expect1":
            return _expect1(numbers, step.data[0], step.args[0])
        case "regression":
            return _regression(numbers, step.data[0], step.args[0])
        case "function":
            return _function(numbers, step)
        case "share":
            found = _share(*(numbers.values[s] for s in step.args))
            return found, 8 * EPS * found
    everything = np.arange(numbers.count)
    e = numbers.values.get(step.args[3])
    return Pairs(numbers, numbers, everything, everything).expectation(step, numbers.values, numbers.errors, e)


@lru_cache(maxsize=1 << 16)
def as_float(c: Constant) -> float:
    """An exact constant as a float: plans repeat few of them often."""
    return to_float(c)


def summed(products: Sequence[Product], values: Mapping[Slot, Array], errors: Mapping[Slot, Array]) -> tuple[Any, Any]:
    """Σ constant · factors and its error to first order, roundings included."""
    total: Any = 0.0
    error: Any = 0.0
    for c, slots in products:
        constant = as_float(c)
        factors = [values[s] for s in slots]
        product = math.prod(factors, start=constant)
        total = total + product
        error = error + (len(slots) + 2) * EPS * np.abs(product)
        for i, s in enumerate(slots):
            rest = math.prod([*factors[:i], *factors[i + 1 :]], start=constant)
            error = error + np.abs(rest) * errors[s]
    return total, error + EPS * np.abs(total)


def _expect1(numbers: Numbers, f: Tree, q: Slot) -> tuple[Array, Array]:
    """E F(u); a relative change δ of q moves it by δ/2 · E[u F'(u)], or at most δ/√2 · √E F²."""
    found, error = numbers.expect1(f, q)
    slope = derivative(f)
    if slope is None or jumps(f, numbers.library):
        return found, error + math.sqrt(0.5) * _relative(numbers, q) * numbers.size(f, q)
    return found, error + 0.5 * _relative(numbers, q) * numbers.magnitude(times(Z, slope), q)


def _relative(numbers: Numbers, q: Slot) -> Array:
    variance, error = numbers.values[q], numbers.errors[q]
    return np.divide(error, variance, out=np.zeros_like(error), where=variance > 0)


def _regression(numbers: Numbers, f: Tree, q: Slot) -> tuple[Array, Array]:
    """E[u F(u)]/q, the slope of F's regression on u; F'(0) where q = 0, which nobody reads."""
    moment, error = _expect1(numbers, times(Z, f), q)
    variance = numbers.values[q]
    ratio = np.divide(moment, variance, out=np.zeros_like(moment), where=variance > 0)
    error = np.divide(
        error + np.abs(ratio) * numbers.errors[q], variance, out=np.zeros_like(moment), where=variance > 0
    )
    return ratio, error


def _function(numbers: Numbers, step: Step) -> tuple[Array, Array]:
    """A function of scalars; its slopes by differences, as they only carry errors on."""
    op, *data = step.data
    node = Node(op, tuple(range(len(step.args))), tuple(data))
    args = [numbers.values[s] for s in step.args]
    found = value(node, args)
    error = 8 * EPS * np.abs(found)
    for i, s in enumerate(step.args):
        h = np.maximum(1e-6 * np.abs(args[i]), 1e-30)
        shifted = value(node, [*args[:i], args[i] + h, *args[i + 1 :]])
        error = error + 2 * np.abs(shifted - found) / h * numbers.errors[s]
    return found, error


@dataclass
class Pairs:
    """A list of pairs: input ``rows[m]`` on the left, ``cols[m]`` on the right."""

    left: Numbers
    right: Numbers
    rows: Index
    cols: Index
    rtol: float = 1e-11

    def numbers(self, wanted: Sequence[Slot]) -> tuple[dict[Slot, Array], dict[Slot, Array]]:
        """The pair numbers that `wanted` rest on, with their errors."""
        plan = self.left.plan
        values: dict[Slot, Array] = {}
        errors: dict[Slot, Array] = {}
        for slot in needed(plan, wanted):
            step = plan.pair[slot]
            e = values.get(step.args[3]) if step.op in EXPECTATIONS else None
            with np.errstate(all="ignore"):
                found, error = self._step(step, values, errors, e)
            values[slot] = np.broadcast_to(found, self.rows.shape)
            errors[slot] = np.broadcast_to(error, self.rows.shape)
        return values, errors

    def _step(self, step: Step, values: dict[Slot, Array], errors: dict[Slot, Array], e: Array | None) -> Any:
        match step.op:
            case "gram" | "distance" | "excess":
                i, a, j, b = step.data
                left, right = self.left.inputs[i][self.rows, a], self.right.inputs[j][self.cols, b]
                return products_of_parts(step.op, left, right)
            case "differ":
                return self._differ(), 0.0
            case "sum":
                return summed(step.data, values, errors)
            case "row":
                return self.left.values[step.data[0]][self.rows], self.left.errors[step.data[0]][self.rows]
            case "col":
                return self.right.values[step.data[0]][self.cols], self.right.errors[step.data[0]][self.cols]
        return self.expectation(step, values, errors, e)

    def _differ(self) -> Array:
        """1 where the two inputs of a pair differ in any part."""
        found = np.zeros(self.rows.shape, dtype=bool)
        for x, y in zip(self.left.inputs, self.right.inputs, strict=True):
            found |= (x[self.rows] != y[self.cols]).any(axis=(1, 2))
        return found.astype(float)

    def expectation(
        self, step: Step, values: Mapping[Slot, Array], errors: Mapping[Slot, Array], e: Array | None
    ) -> tuple[Any, Any]:
        """An expectation and its error: the method's, and what those of c, e, p and q make of it."""
        c, p, q, excess = step.args
        law = PairLaw(self, p, q, values[c], e)
        if step.op == "ramp_excess":
            return law.ramp_excess(step.data[0], errors[excess])
        if step.op == "difference":
            return law.difference(step.data[0], errors[c], errors[excess])
        f, g = step.data
        found, error = law.expectation(f, g)
        return found, error + law.carried(f, g, errors[c], errors.get(excess))


def needed(plan: Plan, wanted: Sequence[Slot], careful: bool = True) -> list[Slot]:
    """The pair slots that some rest on, in order; without excesses if not `careful`."""
    todo, found = list(wanted), set()
    while todo:
        slot = todo.pop()
        if slot not in found:
            found.add(slot)
            todo += read_by(plan.pair[slot], careful)
    return sorted(found)


def read_by(step: Step, careful: bool) -> list[Slot]:
    """The pair slots that a pair's step reads."""
    if step.op in EXPECTATIONS:
        return [s for s in (step.args[0], step.args[3] if careful else -1) if s >= 0]
    return list(step.args) if step.op == "sum" else []
