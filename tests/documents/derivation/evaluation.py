"""The printed kernel, evaluated: formula trees and Gauss–Hermite quadrature, no certificate and no code of the "
"prover."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tpproof.documents.blocks import Display, Line, Section
from tpproof.documents.formula import (
    BigSum,
    Call,
    Derivative,
    Formula,
    Indexed,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Row,
    Sum,
)

Array = Any
NODES = {0: 1, 1: 60, 2: 50, 3: 30, 4: 18}
"""Nodes in each direction, by the number of directions."""
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sin": (np.sin, np.cos), "φ": (np.sin, np.cos), "exp": (np.exp, np.exp),
}  # fmt: skip


# folded lines -----------------------------------------------------------------------------------------------


def instantiate(value: Any, env: Mapping[str, int]) -> Any:
    """A formula with numbers for its indices: "l−1" and "(i,j)" become "1" and "(2,3)"."""
    if isinstance(value, tuple):
        return tuple(instantiate(part, env) for part in value)
    if isinstance(value, Name):
        return replace(value, below=_numbers(value.below, env), above=_numbers(value.above, env))
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{f.name: instantiate(getattr(value, f.name), env) for f in fields(value)})
    return value


def _numbers(text: str, env: Mapping[str, int]) -> str:
    def number(found: re.Match[str]) -> str:
        offset = int((found[2] or "0").replace("−", "-"))
        return str(env[found[1]] + offset)

    letters = "".join(env)
    if not letters or not re.fullmatch(rf"\(?[{letters}0-9−+,]*\)?", text):
        return text
    return re.sub(rf"([{letters}])([−+]\d+)?", number, text)


def unfolded(line: Line) -> Iterator[tuple[Formula | None, Formula]]:
    """The lines that a line stands for."""
    for values in line.instances or ((),):
        env = dict(zip(line.indices, values, strict=True))
        yield instantiate(line.left, env), instantiate(line.right, env)


def terms_of(f: BigSum) -> list[Formula]:
    """The terms that a summation sign stands for."""
    names, values = indices_in(f.over)
    return [instantiate(f.body, dict(zip(names, v, strict=True))) for v in values]


def indices_in(words: str) -> tuple[list[str], list[tuple[int, ...]]]:
    """The letters of a summation sign, and their values: "i, j = 0, …, 3", "i = 0, 1 and j = 2"."""
    if "<" in words or ">" in words:
        low, first, second, high = re.fullmatch(r"(\d+) [≤≥] (\w) [<>] (\w) [≤≥] (\d+)",
        words).groups()  # type: ignore[union-attr]
        a, b = sorted((int(low), int(high)))
        pairs = [(i, j) for i in range(a, b + 1) for j in range(a, b + 1) if (i < j if "<" in words else i > j)]
        return [first, second], pairs
    names: list[str] = []
    ranges: list[list[int]] = []
    for part in words.split(" and "):
        left, _, right = part.partition(" = ")
        ends = [int(k) for k in re.findall(r"\d+", right)]
        span = list(range(ends[0], ends[-1] + 1)) if "…" in right else ends
        for name in left.split(", "):
            names.append(name)
            ranges.append(span)
    return names, list(itertools.product(*ranges))


# evaluation -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """The input at ξ̃ and the one at ξ: parts × d, for each input's name."""

    tilde: str
    plain: str


class Printed:
    """A kernel section in the notation `yang`, and two inputs."""

    def __init__(self, section: Section, inputs: Mapping[str, Mapping[str, Array]], laws: Mapping[Any, float]) -> None:
        self.inputs, self.laws = inputs, laws
        self.right: dict[Formula, Formula] = {}
        for block in section.blocks:
            if isinstance(block, Display):
                for line in block.lines:
                    for left, right in unfolded(line):
                        assert left is not None and left not in self.right, left
                        self.right[left] = right
        self._known: dict[tuple[Formula, Inputs], float] = {}

    def kernel(self, at: Inputs, outputs: str = "") -> float:
        """K(ξ̃, ξ)."""
        return self.number(Call(Name("K", outputs), (Name("ξ", tilde=True), Name("ξ"))), at)

    def number(self, f: Formula, at: Inputs) -> float:
        """A formula without random variables outside of expectations."""
        match f:
            case Number():
                top, _, bottom = f.text.partition("/")
                return float(top) / float(bottom or 1)
            case Sum():
                assert not f.omitted
                return sum(self.number(t, at) for t in f.terms)
            case BigSum():
                return sum(self.number(t, at) for t in terms_of(f))
            case Product():
                return float(np.prod([self.number(t, at) for t in f.factors]))
            case Power():
                top, _, bottom = f.exponent.partition("/")
                return float(self.number(f.base, at) ** (float(top) / float(bottom or 1)))
            case Quotient(top=Row(parts=(Name() as a, "ᵀ", Name() as b))):
                x, y = self._part(a, at), self._part(b, at)
                return float(x @ y) / len(x)
            case Mean() if f not in self.right:
                return self.mean(f.inside, at)
            case Call(function=Name(text=text), args=(arg,)) if text in FUNCTIONS:
                return float(FUNCTIONS[text][0](self.number(arg, at)))
            case Indexed() | Name(text="σ" | "κ"):
                return self.laws[f]
            case Name(tilde=True):  # a scalar at ξ̃
                return self.number(replace(f, tilde=False), Inputs(at.tilde, at.tilde))
            case Name(text="θ"):
                return self._line(f, Inputs(at.plain, at.plain))
        return self._line(f, at)

    def _line(self, left: Formula, at: Inputs) -> float:
        if (left, at) not in self._known:
            self._known[left, at] = self.number(self.right[left], at)
        return self._known[left, at]

    def _part(self, name: Name, at: Inputs) -> Array:
        return self.inputs[at.tilde if name.tilde else at.plain][name.text + name.below]

    # expectations -------------------------------------------------------------------------------------------

    def mean(self, inside: Formula, at: Inputs) -> float:
        """E[inside], sums taken apart."""
        return sum(self._product(factors, at) for factors in self._expanded(inside))

    def _expanded(self, f: Formula) -> list[list[Formula]]:
        """A sum of products."""
        match f:
            case Sum():
                return [p for t in f.terms for p in self._expanded(t)]
            case Product():
                return [list(itertools.chain(*c)) for c in itertools.product(*map(self._expanded, f.factors))]
            case Name() if self._definition(f) is not None and not self._gaussian(f):
                right = self._at(self._definition(f), f.tilde)
                return self._expanded(right) if isinstance(right, (Sum, Product, Name)) else [[f]]
        return [[f]]

    def _product(self, factors: list[Formula], at: Inputs) -> float:
        variables = sorted({v for f in factors for v in self._variables(f)}, key=repr)
        assert len(variables) <= 4, f"{len(variables)} Gaussian variables"
        covariance = np.array([[self._covariance(a, b, at) for b in variables] for a in variables]).reshape(
            len(variables), len(variables)
        )
        values, vectors = np.linalg.eigh(covariance) if variables else (np.zeros(0), np.zeros((0, 0)))
        root = vectors * np.sqrt(np.clip(values, 0, None))
        root = root[:, values > 1e-13]
        nodes, one = np.polynomial.hermite_e.hermegauss(NODES[root.shape[1]])
        grid = np.meshgrid(*[nodes] * root.shape[1], indexing="ij")
        weight = np.ones(())
        for _ in range(root.shape[1]):
            weight = np.multiply.outer(weight, one / one.sum())
        point = {
            v: self._mean_of(v, at) + sum((root[k, m] * grid[m] for m in range(root.shape[1])), np.zeros(weight.shape))
            for k, v in enumerate(variables)
        }
        total = weight
        for f in factors:
            total = total * self._random(f, point, at, None)[0]
        return float(np.sum(total))

    def _definition(self, name: Name) -> Formula | None:
        return self.right.get(replace(name, tilde=False))

    def _at(self, f: Formula, tilde: bool) -> Formula:
        """A definition at ξ̃: its vectors and scalars with a tilde."""
        if isinstance(f, Name):
            return replace(f, tilde=tilde)
        if isinstance(f, Mean):
            return Mean(self._at(f.inside, tilde))
        if isinstance(f, (Sum, Product, Power, Call)):
            changed = {
                x.name: tuple(self._at(p, tilde) for p in getattr(f, x.name)) if isinstance(getattr(f, x.name), tuple)
                else self._at(getattr(f, x.name), tilde) if x.name == "base" else getattr(f, x.name)
                for x in fields(f)
            }  # fmt: skip
            return replace(f, **changed)
        return f

    def _gaussian(self, name: Name) -> bool:
        return self._sigma(replace(name, tilde=True), replace(name, tilde=False)) in self.right

    @staticmethod
    def _sigma(a: Formula, b: Formula) -> Formula:
        return Call(Name("Σ"), (a, b))

    def _variables(self, f: Formula) -> Iterator[Name]:
        match f:
            case Name():
                if self._gaussian(f):
                    yield f
                elif self._definition(f) is not None and f.text != "θ":
                    yield from self._variables(self._at(self.right[replace(f, tilde=False)], f.tilde))
            case Sum(terms=parts) | Product(factors=parts) | Call(args=parts):
                for part in parts:
                    yield from self._variables(part)
            case Power():
                yield from self._variables(f.base)
            case Derivative():
                yield from self._variables(f.top)
            case _:
                return

    def _covariance(self, a: Name, b: Name, at: Inputs) -> float:
        first, second = (at.tilde if v.tilde else at.plain for v in (a, b))
        forward = self._sigma(replace(a, tilde=True), replace(b, tilde=False))
        backward = self._sigma(replace(b, tilde=True), replace(a, tilde=False))
        if forward in self.right:
            return self._line(forward, Inputs(first, second))
        return self._line(backward, Inputs(second, first)) if backward in self.right else 0.0

    def _mean_of(self, v: Name, at: Inputs) -> float:
        right = self.right.get(Mean(replace(v, tilde=False)))
        here = at.tilde if v.tilde else at.plain
        return 0.0 if right is None else self.number(right, Inputs(here, here))

    def _random(self, f: Formula, point: Mapping[Name, Array], at: Inputs, by: Name | None) -> tuple[Array, Array]:
        """A random variable and its derivative by a Gaussian one."""
        match f:
            case Name() if f in point:
                return point[f], float(f == by)
            case Name() if self._definition(f) is not None and f.text != "θ":
                return self._random(self._at(self.right[replace(f, tilde=False)], f.tilde), point, at, by)
            case Sum():
                parts = [self._random(t, point, at, by) for t in f.terms]
                return sum(v for v, _ in parts), sum(d for _, d in parts)
            case Product():
                value, derivative = 1.0, 0.0
                for t in f.factors:
                    v, d = self._random(t, point, at, by)
                    value, derivative = value * v, value * d + derivative * v
                return value, derivative
            case Power():
                base, d = self._random(f.base, point, at, by)
                top, _, bottom = f.exponent.partition("/")
                e = float(top) / float(bottom or 1)
                return base**e, e * base ** (e - 1) * d
            case Call(function=Name(text=text), args=(arg,)) if text in FUNCTIONS:
                v, d = self._random(arg, point, at, by)
                value, slope = FUNCTIONS[text]
                return (slope(v), np.nan) if f.prime else (value(v), slope(v) * d)
            case Derivative(top=top, bottom=Name() as bottom):
                return self._random(top, point, at, bottom)[1], np.nan
        here = at
        return self.number(f, here), 0.0
