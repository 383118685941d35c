"""Values and slopes of coordinatewise nodes over any array namespace; kinks take the derivative almost everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tpproof.program.constants import to_float
from tpproof.program.model import Node

Array: TypeAlias = Any
Value: TypeAlias = Callable[..., Array]

ROOT_2 = math.sqrt(2.0)
ROOT_2PI = math.sqrt(2.0 * math.pi)


def erf(xp: Any, z: Array) -> Array:
    """erf, which the standard lacks: SciPy's, CuPy's, or SciPy's by way of the host."""
    name = getattr(xp, "__name__", "")
    if "cupy" in name:
        from cupyx.scipy.special import erf as device_erf  # type: ignore[import-not-found]

        return device_erf(z)
    from scipy.special import erf as host_erf

    if isinstance(z, np.ndarray):
        return host_erf(z)
    return xp.asarray(host_erf(np.asarray(z)))


def sigmoid(xp: Any, z: Array) -> Array:
    """1/(1 + e^-z), without overflow."""
    return 0.5 * xp.tanh(0.5 * z) + 0.5


def softplus(xp: Any, z: Array) -> Array:
    """log(1 + e^z), without overflow."""
    return xp.log1p(xp.exp(-xp.abs(z))) + 0.5 * (z + xp.abs(z))


def normal_cdf(xp: Any, z: Array) -> Array:
    """P(Z <= z)."""
    return 0.5 * erf(xp, z / ROOT_2) + 0.5


def step(xp: Any, z: Array) -> Array:
    """1, 1/2, 0."""
    return 0.5 * xp.sign(z) + 0.5


VALUES: dict[str, Value] = {
    "tanh": lambda xp, z: xp.tanh(z),
    "erf": erf,
    "sin": lambda xp, z: xp.sin(z),
    "cos": lambda xp, z: xp.cos(z),
    "exp": lambda xp, z: xp.exp(z),
    "sigmoid": sigmoid,
    "softplus": softplus,
    "gelu": lambda xp, z: z * normal_cdf(xp, z),
    "silu": lambda xp, z: z * sigmoid(xp, z),
    "relu": lambda xp, z: 0.5 * (z + xp.abs(z)),
    "leaky_relu": lambda xp, z, slope: (0.5 + 0.5 * slope) * z + (0.5 - 0.5 * slope) * xp.abs(z),
    "abs": lambda xp, z: xp.abs(z),
    "step": step,
}
"""(xp, arguments) → value."""


def _sigmoid_slope(xp: Any, f: Array, z: Array) -> Array:
    return f * (1.0 - f)


def _silu_slope(xp: Any, f: Array, z: Array) -> Array:
    return (s := sigmoid(xp, z)) + f * (1.0 - s)


SLOPES: dict[str, Value] = {
    "tanh": lambda xp, f, z: 1.0 - f * f,
    "erf": lambda xp, f, z: 2.0 / math.sqrt(math.pi) * xp.exp(-z * z),
    "sin": lambda xp, f, z: xp.cos(z),
    "cos": lambda xp, f, z: -xp.sin(z),
    "exp": lambda xp, f, z: f,
    "sigmoid": _sigmoid_slope,
    "softplus": lambda xp, f, z: sigmoid(xp, z),
    "gelu": lambda xp, f, z: normal_cdf(xp, z) + z * xp.exp(-0.5 * z * z) / ROOT_2PI,
    "silu": _silu_slope,
    "relu": lambda xp, f, z: step(xp, z),
    "leaky_relu": lambda xp, f, z, slope: slope + (1.0 - slope) * step(xp, z),
    "abs": lambda xp, f, z: xp.sign(z),
    "step": lambda xp, f, z: xp.zeros_like(z),
}
"""(xp, value, arguments) → derivative by the first argument."""


def value(xp: Any, node: Node, args: Sequence[Any]) -> Any:
    """A coordinatewise node, or a function of scalars, from its arguments' values (arrays, or floats for constants)."""
    match node.op:
        case "add":
            return sum(args[1:], start=args[0])
        case "mul":
            return math.prod(args[1:], start=args[0])
        case "pow":
            return args[0] ** float(node.data[0])
        case "call":
            return VALUES[node.data[0]](xp, *args)
        case "const":
            return to_float(node.data[0])
        case "ones":
            return 1.0
    raise ValueError(f"{node.op} is not coordinatewise")


def slope(xp: Any, node: Node, result: Any, args: Sequence[Any], i: int) -> Any:
    """∂(node)/∂(argument i); None for 1."""
    match node.op:
        case "add":
            return None
        case "mul":
            others = [*args[:i], *args[i + 1 :]]
            return math.prod(others[1:], start=others[0])
        case "pow":
            exponent = float(node.data[0])
            return exponent * args[0] ** (exponent - 1)
        case "call" if i == 0:
            return SLOPES[node.data[0]](xp, result, *args)
    raise ValueError(f"{node.op} has no slope by its argument {i}")
