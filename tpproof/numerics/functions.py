"""Values and derivatives of coordinatewise nodes, on samples; kinks take the derivative almost everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tpproof.errors import TpproofError
from tpproof.program.constants import to_float
from tpproof.program.model import Node, Program

Array: TypeAlias = NDArray[np.float64]
Function: TypeAlias = Callable[..., Any]


def _density(z: Array) -> Any:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _sigmoid_slope(z: Array) -> Any:
    s = special.expit(z)
    return s * (1 - s)


def _silu_slope(z: Array) -> Any:
    s = special.expit(z)
    return s * (1 + z * (1 - s))


KNOWN: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "erf": (special.erf, lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
    "exp": (np.exp, np.exp),
    "sigmoid": (special.expit, _sigmoid_slope),
    "softplus": (lambda z: np.logaddexp(0, z), special.expit),
    "gelu": (lambda z: z * special.ndtr(z), lambda z: special.ndtr(z) + z * _density(z)),
    "silu": (lambda z: z * special.expit(z), _silu_slope),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 0.5)),
    "leaky_relu": (lambda z, slope: np.where(z > 0, z, slope * z), lambda z, slope: np.where(z > 0, 1.0, slope)),
    "abs": (np.abs, np.sign),
    "step": (lambda z: np.heaviside(z, 0.5), np.zeros_like),
}
"""Name → (value, derivative by the first argument)."""


def require_known(program: Program, given: Collection[str] = ()) -> None:
    """Raise E150 when a nonlinearity is abstract and not given: it has a proof, and no number."""
    for name, _ in program.functions:
        if name in given:
            continue
        raise TpproofError("E150", f"the abstract nonlinearity {name}", f"a known function: --set {name}=tanh")


def value(node: Node, args: Sequence[Any]) -> Any:
    """A coordinatewise node, or a function of scalars, from its arguments' values."""
    match node.op:
        case "const":
            return to_float(node.data[0])
        case "add":
            return sum(args[1:], start=args[0])
        case "mul":
            return math.prod(args[1:], start=args[0])
        case "pow":
            return args[0] ** float(node.data[0])
        case "call":
            return KNOWN[node.data[0]][0](*args)
    raise ValueError(f"{node.op} is not coordinatewise")


def slope(node: Node, args: Sequence[Any], i: int) -> Any:
    """∂(node)/∂(argument i), coordinatewise."""
    match node.op:
        case "add":
            return 1.0
        case "mul":
            return math.prod([*args[:i], *args[i + 1 :]], start=1.0)
        case "pow":
            exponent = float(node.data[0])
            return exponent * args[0] ** (exponent - 1)
        case "call":
            return KNOWN[node.data[0]][1](*args)
    raise ValueError(f"{node.op} is not coordinatewise")
