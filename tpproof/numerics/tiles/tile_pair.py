"""A Gaussian pair in registers, as closed forms read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from tpproof.numerics.tiles.builder import Builder, Functions, Value


class TileFunctions(Functions):
    """The namespace that closed forms call."""

    number = staticmethod(float)


@dataclass
class TilePair:
    """A Gaussian pair in registers, as closed forms read it; what they ask for is made once."""

    builder: Builder
    p: Value
    q: Value
    c: Value
    e: Value | None

    @cached_property
    def root(self) -> Value:
        return self.builder.unary("sqrt", self.p) * self.builder.unary("sqrt", self.q)

    @cached_property
    def arc(self) -> tuple[Value, ...]:
        """J1, J0 and, with an excess, what it becomes under relu."""
        if self.e is None:
            return self.builder.arc_fast(self.c, self.p, self.q)
        return self.builder.arc_careful(self.c, self.p, self.q, self.e)

    @property
    def J1(self) -> Value:
        return self.arc[0]

    @property
    def J0(self) -> Value:
        return self.arc[1]

    @cached_property
    def theta(self) -> Value:
        return math.pi - 2 * math.pi * self.J0

    @cached_property
    def sine(self) -> Value:
        return self.builder.sine(self.c, self.p, self.q, self.e)

    @cached_property
    def determinant(self) -> Value:
        return self.p * self.q * (self.sine * self.sine)

    @cached_property
    def d(self) -> Value | None:
        """Var(u − v) = e + (√p − √q)²."""
        if self.e is None:
            return None
        gap = self.builder.unary("sqrt", self.p) - self.builder.unary("sqrt", self.q)
        return self.e + gap * gap

    @cached_property
    def D1(self) -> Value:
        """E(relu u − relu v)²."""
        gap = self.builder.unary("sqrt", self.p) - self.builder.unary("sqrt", self.q)
        return self.arc[2] + 0.5 * (gap * gap)
