"""The known coordinatewise functions: names and arities. What is known *about* them lives with its user
(smoothness in `proof`, derivatives in `limit`)."""

from __future__ import annotations

from fractions import Fraction

FUNCTIONS: dict[str, int] = {
    "tanh": 1,
    "erf": 1,
    "sin": 1,
    "cos": 1,
    "exp": 1,
    "sigmoid": 1,
    "softplus": 1,
    "gelu": 1,
    "silu": 1,
    "relu": 1,
    "leaky_relu": 2,  # the argument and the slope on the left, a constant
    "abs": 1,
    "step": 1,
}
"""Canonical functions. ``identity``, ``sqrt``, ``softmax``, quotients and differences are written with other nodes."""

LEAKY_SLOPE = Fraction(1, 100)
"""The slope of ``leaky_relu(x)`` when none is written."""
