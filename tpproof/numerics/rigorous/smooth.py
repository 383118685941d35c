"""One function of one variable in balls: its values, complex boxes on which it is analytic, and how it grows.

A tree is refused where it has a kink, reads a user's function, or grows in a way that no rule bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from tpproof.numerics.reduction.univariate import Tree
from tpproof.numerics.rigorous.balls import Ball, NoEnclosure, ball, constant, flint, power
from tpproof.numerics.rigorous.terms import Own


class NotAnalytic(Exception):
    """On a box: it may be analytic on a smaller one."""


@dataclass(frozen=True)
class Growth:
    """|f(z)| ≤ size · (1 + |z|)^degree · exp(rate |z|) for all real z."""

    size: Ball
    degree: Fraction = Fraction(0)
    rate: Ball = 0

    def __mul__(self, other: Growth) -> Growth:
        return Growth(self.size * other.size, self.degree + other.degree, self.rate + other.rate)

    def __add__(self, other: Growth) -> Growth:
        rate = ball(self.rate).max(ball(other.rate))
        return Growth(self.size + other.size, max(self.degree, other.degree), rate)


@dataclass(frozen=True)
class Function:
    """A tree with the numbers that it reads, at the working precision."""

    tree: Tree
    own: Own

    def __call__(self, z: Ball) -> Ball:
        """Its value at a real ball."""
        return self._real(z)

    def on(self, box: Ball) -> Ball:
        """Its values on a complex box, where it is analytic. Raises NotAnalytic where that is not sure."""
        found = self._complex(box)
        if not found.is_finite():
            raise NotAnalytic
        return found

    @cached_property
    def _real(self) -> Program:
        return _program(self.tree, self.own, _REAL)

    @cached_property
    def _complex(self) -> Program:
        return _program(self.tree, self.own, _COMPLEX)

    def require(self) -> None:
        """Raise NoEnclosure if the tree has a kink or reads a user's function."""
        assert self._real is not None
        assert self._complex is not None

    def growth(self) -> Growth:
        """A bound on the real line. Raises NoEnclosure where no rule gives one."""
        return _growth(self.tree, self.own)


@dataclass(frozen=True)
class Both:
    """f(sx) g(tx)."""

    f: Function
    s: Ball
    g: Function
    t: Ball

    def __call__(self, x: Ball) -> Ball:
        """Its value at a real ball."""
        return self.f(self.s * x) * self.g(self.t * x)

    def on(self, box: Ball) -> Ball:
        """Its values on a complex box."""
        return self.f.on(self.s * box) * self.g.on(self.t * box)

    def growth(self) -> Growth:
        """A bound on the real line."""
        return _scaled(self.f.growth(), self.s) * _scaled(self.g.growth(), self.t)


def _scaled(growth: Growth, s: Ball) -> Growth:
    """(1 + |sz|) ≤ max(1, |s|)(1 + |z|)."""
    spread = abs(s).max(ball(1))
    return Growth(growth.size * power(spread, growth.degree), growth.degree, growth.rate * abs(s))


Rules = dict[str, Callable[[Ball], Ball]]


def _right_half(z: Ball) -> Ball:
    if not z.real.lower() > 0:
        raise NotAnalytic
    return z


def _bell(z: Ball) -> Ball:
    return 2 / flint().arb.pi().sqrt() * (-z * z).exp()


_REAL: Rules = {
    "tanh": lambda z: z.tanh(),
    "sigmoid": lambda z: 1 / (1 + (-z).exp()),
    "softplus": lambda z: z.exp().log1p(),
    "erf": lambda z: z.erf(),
    "exp": lambda z: z.exp(),
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "bell": _bell,
}

_COMPLEX: Rules = {
    **_REAL,
    "sigmoid": lambda z: (1 + (z / 2).tanh()) / 2,
    "softplus": lambda z: _right_half(1 + z.exp()).log(),
}


Instruction = tuple[Callable[..., Any], tuple[int, ...]]


@dataclass(frozen=True)
class Program:
    """A tree as a list: every subtree is computed once."""

    instructions: list[Instruction]

    def __call__(self, z: Any) -> Any:
        """Its value at a ball."""
        values: list[Any] = [z]
        for operation, args in self.instructions:
            values.append(operation(*[values[i] for i in args]))
        return values[-1]


def _program(t: Tree, own: Own, rules: Rules) -> Program:
    places: dict[Tree, int] = {("z",): 0}
    instructions: list[Instruction] = []

    def place(s: Tree) -> int:
        if s not in places:
            operation, args = _instruction(s, own, rules)
            inner = tuple(place(a) for a in args)
            instructions.append((operation, inner))
            places[s] = len(instructions)
        return places[s]

    place(t)
    return Program(instructions)


def _instruction(t: Tree, own: Own, rules: Rules) -> tuple[Callable[..., Any], tuple[Tree, ...]]:
    match t[0]:
        case "number" | "own":
            known = constant(t[1]) if t[0] == "number" else own(t[1])
            return lambda: known, ()
        case "add":
            return lambda *parts: sum(parts[1:], start=parts[0]), t[1:]
        case "mul":
            return lambda *parts: math.prod(parts[1:], start=parts[0]), t[1:]
        case "pow":
            return lambda x: _power(x, t[2], rules), (t[1],)
        case "call" if t[1] in rules:
            return rules[t[1]], (t[2],)
    raise _refused(t[1])


def _refused(name: str) -> NoEnclosure:
    if name == "step":
        return NoEnclosure("a function with a kink and without a closed form")
    return NoEnclosure(
        f"a function whose growth no rule bounds: {name}" if name in _REAL else f"the user's function {name}"
    )


def _power(x: Any, exponent: Fraction, rules: Rules) -> Any:
    if exponent.denominator == 1:
        n = int(exponent)
        return x**n if n >= 0 else 1 / x ** (-n)
    if rules is _REAL or not isinstance(x, flint().acb):
        return power(x, exponent)
    return (_right_half(x).log() * ball(exponent)).exp()


def _growth(t: Tree, own: Own) -> Growth:
    match t[0]:
        case "z":
            return Growth(ball(1), Fraction(1))
        case "number":
            return Growth(abs(constant(t[1])))
        case "own":
            return Growth(abs(own(t[1])))
        case "add":
            return sum((_growth(s, own) for s in t[2:]), start=_growth(t[1], own))
        case "mul":
            return math.prod((_growth(s, own) for s in t[2:]), start=_growth(t[1], own))
        case "pow" if t[2] > 0:
            inner = _growth(t[1], own)
            return Growth(power(inner.size, t[2]), inner.degree * t[2], inner.rate * ball(t[2]))
        case "call":
            return _growth_of_call(t[1], t[2], own)
        case "slope":
            raise _refused(t[1])
    raise NoEnclosure("a function whose growth no rule bounds")


def _growth_of_call(name: str, t: Tree, own: Own) -> Growth:
    match name:
        case "tanh" | "sigmoid" | "erf" | "sin" | "cos":
            return Growth(ball(1))
        case "bell":
            return Growth(2 / flint().arb.pi().sqrt())
        case "softplus":  # log(1 + exp t) ≤ |t| + log 2
            return _growth(t, own) + Growth(ball(2).log())
        case "exp":  # of what is bounded by a + b|z|
            inner = _growth(t, own)
            if inner.degree <= 1 and inner.rate == 0:
                return Growth(inner.size.exp(), Fraction(0), inner.size if inner.degree > 0 else ball(0))
    raise _refused(name)
