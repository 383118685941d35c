"""What the formulas need of numbers: a namespace of functions; and sums in which a zero costs nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tpproof.numerics.expectations.closed.terms import Number


class Namespace(Protocol):
    """The functions of one arithmetic; each takes its numbers and constants, and gives such back.

    ``number`` makes a constant of a float, exactly; ``pi`` is a constant. For machine numbers and for registers
    these are ``float`` and ``math.pi``, and functions of constants should give constants.
    """

    @property
    def pi(self) -> Any: ...

    def number(self, x: float, /) -> Any: ...
    def sqrt(self, x: Any, /) -> Any: ...
    def exp(self, x: Any, /) -> Any: ...
    def sin(self, x: Any, /) -> Any: ...
    def cos(self, x: Any, /) -> Any: ...
    def sinh(self, x: Any, /) -> Any: ...
    def cosh(self, x: Any, /) -> Any: ...
    def asin(self, x: Any, /) -> Any: ...


@dataclass(frozen=True)
class Machine:
    """Floats and NumPy arrays of them."""

    pi: float = math.pi

    number = staticmethod(float)
    sqrt = staticmethod(np.sqrt)
    exp = staticmethod(np.exp)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    asin = staticmethod(np.arcsin)


MACHINE = Machine()
"""The arithmetic of NumPy."""


def add(*values: Number) -> Number:
    """The sum of those that are not None; None, which is zero, if all are."""
    total = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total


def times(*factors: Number) -> Number:
    """The product; None, which is zero, if a factor is; Python's ones are left out."""
    if any(factor is None for factor in factors):
        return None
    product = None
    for factor in factors:
        if isinstance(factor, int | float) and factor == 1:
            continue
        product = factor if product is None else product * factor
    return 1 if product is None else product


def tanh(x: Number, m: Namespace) -> Number:
    """tanh x for |x| < 180000, by doubling the argument eight times: no rounding is enlarged, nothing overflows."""
    y = x / 256
    t = m.sinh(y) / m.cosh(y)
    for _ in range(8):
        t = 2 * t / (1 + t * t)
    return t


def arc(x: Number, k2: Number, m: Namespace) -> Number:
    """The angle in [-π/2, π/2] whose sine and cosine are as x to √k2; accurate where the sine is near ±1, too."""
    r2 = x * x + k2
    return 2 * m.asin(x / m.sqrt(2 * (r2 + m.sqrt(r2 * k2))))
