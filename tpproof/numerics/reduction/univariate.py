"""Functions of one Gaussian variable z, as trees: values and derivatives.

A tree is a nested tuple: ``("z",)``, ``("number", c)`` with an exact constant, ``("own", k)`` (a number that each input
has for itself: slot k of the plan), ``("add", …)``, ``("mul", …)``, ``("pow", t, exponent)``, ``("call", name, t)``
with a name of `PRIMITIVES` or of a user's function, and ``("slope", name, t)``, the derivative of a user's function.
The other functions of the language are made of these: relu(z) = z·step(z), gelu(z) = z (1 + erf(z/√2))/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tpproof.errors import TpproofError
from tpproof.program.constants import ONE, ZERO, Constant, add, mul, power, sign, to_float

Tree: TypeAlias = tuple[Any, ...]
Array: TypeAlias = NDArray[np.float64]

Z: Tree = ("z",)
HALF = Fraction(1, 2)

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

PRIMITIVES: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "softplus": lambda z: np.logaddexp(0.0, z),
    "erf": special.erf,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "step": lambda z: np.heaviside(z, 0.5),
    "bell": lambda z: TWO_OVER_ROOT_PI * np.exp(-z * z),
}
"""Name → values on arrays; bell is the derivative of erf."""


@dataclass(frozen=True)
class Callables:
    """What a Python user gives for an abstract nonlinearity: values and derivatives on arrays, and kinks.

    Attributes
    ----------
    value, slope
        Vectorised functions of an array.
    kinks
        Points where the value or the derivative jumps.
    """

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    kinks: tuple[float, ...] = ()


Library: TypeAlias = Mapping[str, Callables]


# making trees -------------------------------------------------------------------------------------------


def number(c: Constant) -> Tree:
    """A constant function."""
    return ("number", c)


def plus(*trees: Tree) -> Tree:
    """A sum: numbers are added up, zeros dropped, equal summands collected."""
    constant: Constant = ZERO
    rest: dict[Tree, Constant] = {}
    for t in trees:
        for part in t[1:] if t[0] == "add" else (t,):
            factor, body = _split(part)
            if body is None:
                constant = add(constant, factor)
            else:
                rest[body] = add(rest.get(body, ZERO), factor)
    parts = [times(number(c), body) if c != ONE else body for body, c in rest.items() if c != 0]
    if constant != 0 or not parts:
        parts.insert(0, number(constant))
    return parts[0] if len(parts) == 1 else ("add", *parts)


def times(*trees: Tree) -> Tree:
    """A product: numbers are multiplied up, a number is the first factor."""
    factor: Constant = ONE
    rest: list[Tree] = []
    for t in trees:
        for part in t[1:] if t[0] == "mul" else (t,):
            if part[0] == "number":
                factor = mul(factor, part[1])
            else:
                rest.append(part)
    if factor == 0 or not rest:
        return number(factor)
    if factor != 1:
        rest.insert(0, number(factor))
    return rest[0] if len(rest) == 1 else ("mul", *rest)


def _split(t: Tree) -> tuple[Constant, Tree | None]:
    if t[0] == "number":
        return t[1], None
    if t[0] == "mul" and t[1][0] == "number":
        return t[1][1], times(*t[2:])
    return ONE, t


def raised(t: Tree, exponent: Fraction) -> Tree:
    """A rational power."""
    if exponent == 1:
        return t
    if t[0] == "number" and (exponent.denominator == 1 or sign(t[1]) > 0):
        return number(power(t[1], exponent))
    return ("pow", t, exponent)


def called(name: str, t: Tree, slope: Constant = ZERO) -> Tree:
    """φ(t) for a function of the language, written with the primitives; `slope` is that of leaky_relu."""
    match name:
        case "relu":
            return times(t, called("step", t))
        case "leaky_relu":
            return plus(times(number(slope), t), times(number(add(ONE, mul(-ONE, slope))), t, called("step", t)))
        case "abs":
            return plus(times(number(Fraction(2)), t, called("step", t)), times(number(-ONE), t))
        case "gelu":
            bell = called("erf", times(number(power(HALF, HALF)), t))
            return plus(times(number(HALF), t), times(number(HALF), t, bell))
        case "silu":
            return times(t, called("sigmoid", t))
    return ("call", name, t)


def substituted(t: Tree, z: Tree) -> Tree:
    """A function of the value of another."""
    match t[0]:
        case "z":
            return z
        case "number" | "own":
            return t
        case "add":
            return plus(*[substituted(s, z) for s in t[1:]])
        case "mul":
            return times(*[substituted(s, z) for s in t[1:]])
        case "pow":
            return raised(substituted(t[1], z), t[2])
    return (t[0], t[1], substituted(t[2], z))


# reading them -------------------------------------------------------------------------------------------


def value(t: Tree, z: Any, own: Callable[[int], Any], library: Library) -> Any:
    """The function at `z`, an array; `own(k)` gives the number k of each input, shaped to broadcast with `z`."""
    match t[0]:
        case "z":
            return z
        case "number":
            return to_float(t[1])
        case "own":
            return own(t[1])
        case "add":
            return sum((value(s, z, own, library) for s in t[2:]), start=value(t[1], z, own, library))
        case "mul":
            return math.prod((value(s, z, own, library) for s in t[2:]), start=value(t[1], z, own, library))
        case "pow":
            return value(t[1], z, own, library) ** _exponent(t[2])
        case "call":
            function = PRIMITIVES[t[1]] if t[1] in PRIMITIVES else _checked(t[1], library[t[1]].value)
            return function(value(t[2], z, own, library))
        case "slope":
            return _checked(t[1], library[t[1]].slope)(value(t[2], z, own, library))
    raise ValueError(f"{t[0]} is no tree")


def _checked(name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A user's function; one number for many, which would spread over all of them, is an error (E142)."""

    def call(z: Any) -> Any:
        found = function(z)
        if np.shape(found) != np.shape(z):
            returned = f"{name}, which returns an array of shape {np.shape(found)} for one of shape {np.shape(z)}"
            raise TpproofError("E142", returned, "a vectorised function: one number for each")
        return found

    return call


def _exponent(exponent: Fraction) -> int | float:
    return int(exponent) if exponent.denominator == 1 else float(exponent)


@lru_cache(maxsize=4096)
def derivative(t: Tree) -> Tree | None:
    """dF/dz; kinks take it almost everywhere. None for the second derivative of a user's function."""
    match t[0]:
        case "z":
            return number(ONE)
        case "number" | "own":
            return number(ZERO)
        case "add":
            parts = [derivative(s) for s in t[1:]]
            return None if None in parts else plus(*[p for p in parts if p is not None])
        case "mul":
            return _product_rule(t)
        case "pow":
            outer = times(number(t[2]), raised(t[1], t[2] - 1))
        case "call":
            outer = _slope(t[1], t[2])
        case _:
            return None
    inner = derivative(t[1] if t[0] == "pow" else t[2])
    return None if inner is None else times(outer, inner)


def _product_rule(t: Tree) -> Tree | None:
    summands = []
    for i, s in enumerate(t[1:], 1):
        inner = derivative(s)
        if inner is None:
            return None
        summands.append(times(*t[1:i], inner, *t[i + 1 :]))
    return plus(*summands)


def _slope(name: str, t: Tree) -> Tree:
    """φ'(t) of a primitive or a user's function."""
    itself = ("call", name, t)
    match name:
        case "tanh":
            return plus(number(ONE), times(number(-ONE), raised(itself, Fraction(2))))
        case "sigmoid":
            return plus(itself, times(number(-ONE), raised(itself, Fraction(2))))
        case "softplus":
            return called("sigmoid", t)
        case "erf":
            return called("bell", t)
        case "bell":
            return times(number(Fraction(-2)), t, itself)
        case "exp":
            return itself
        case "sin":
            return called("cos", t)
        case "cos":
            return times(number(-ONE), called("sin", t))
        case "step":
            return number(ZERO)
    return ("slope", name, t)
