"""Functions of scalars in balls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tpproof.numerics.rigorous.balls import Ball, NoEnclosure, ball, constant, hull, power


def function_of_scalars(node: Sequence[Any], args: Sequence[Ball]) -> Ball:
    """A node (op, data) of scalars. Raises NoEnclosure for a function that is not known."""
    op, *data = node
    match op:
        case "const":
            return constant(data[0])
        case "add":
            return sum(args[1:], start=args[0])
        case "mul":
            return math.prod(args[1:], start=args[0])
        case "pow":
            return power(args[0], data[0])
        case "call" if data[0] in KNOWN:
            return KNOWN[data[0]](*args)
    raise NoEnclosure(f"the function {data[0] if data else op} of scalars")


def step(x: Ball) -> Ball:
    """0, 1/2 at 0, 1."""
    if x.is_zero():
        return ball(1) / 2
    if x > 0:
        return ball(1)
    return ball(0) if x < 0 else hull(ball(0), ball(1))


def ramp(x: Ball) -> Ball:
    """max(x, 0)."""
    return x.max(ball(0))


def sigmoid(x: Ball) -> Ball:
    return 1 / (1 + (-x).exp())


KNOWN: dict[str, Callable[..., Ball]] = {
    "tanh": lambda x: x.tanh(),
    "erf": lambda x: x.erf(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "exp": lambda x: x.exp(),
    "sigmoid": sigmoid,
    "softplus": lambda x: x.exp().log1p(),
    "gelu": lambda x: x * (1 + (x / ball(2).sqrt()).erf()) / 2,
    "silu": lambda x: x * sigmoid(x),
    "relu": ramp,
    "leaky_relu": lambda x, slope: ramp(x) - slope * ramp(-x),
    "abs": abs,
    "step": step,
}
"""The language's functions."""
