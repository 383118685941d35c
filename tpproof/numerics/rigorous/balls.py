"""Real balls: what the enclosures need beyond flint's arithmetic. flint is imported when the first ball is made.

Everything here keeps the promise of ball arithmetic: the result's ball contains the value at every point of the
arguments' balls (where it is defined: roots take the part of a ball that is not negative).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, TypeAlias

from tpproof.errors import TpproofError
from tpproof.program.constants import Constant

Ball: TypeAlias = Any
"""A real or complex ball of flint."""


class NoEnclosure(TpproofError):
    """What is asked for cannot be enclosed here: E141, with the reason."""

    def __init__(self, found: str, expected: str = "numbers with an enclosure") -> None:
        super().__init__("E141", found, expected)


@cache
def flint() -> Any:
    """The library. Raises E141 where it is not installed."""
    try:
        return importlib.import_module("flint")
    except ImportError as missing:
        raise TpproofError("E141", "enclosures without python-flint", "pip install tpproof[rigorous]") from missing


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """So many bits within a block; what was set before is restored."""
    context = flint().ctx
    before = context.prec
    context.prec = bits
    try:
        yield
    finally:
        context.prec = before


def bits_now() -> int:
    """The working precision."""
    return int(flint().ctx.prec)


def ball(x: int | float | Fraction | Ball) -> Ball:
    """The ball of an exact number: an integer or a float as it is, a fraction to the working precision."""
    if isinstance(x, Fraction):
        return flint().arb(flint().fmpq(x.numerator, x.denominator))
    return flint().arb(x)


def complex_ball(real: Ball, imaginary: Ball) -> Ball:
    """A complex ball."""
    return flint().acb(real, imaginary)


def hull(a: Ball, b: Ball) -> Ball:
    """A ball that contains two."""
    return a.union(b)


def constant(c: Constant) -> Ball:
    """An exact constant, as `tpproof.program.constants` writes it: its structure is followed in balls."""
    return _constant(c, bits_now())


@lru_cache(maxsize=4096)
def _constant(c: Constant, bits: int) -> Ball:
    if isinstance(c, Fraction):
        return ball(c)
    if c[0] == "add":
        return sum((constant(part) for part in c[1]), start=ball(0))
    if c[0] == "mul":
        return math.prod((constant(part) for part in c[1]), start=ball(1))
    return power(constant(c[1]), c[2])


def root(x: Ball) -> Ball:
    """√x for the part of a ball that is not negative."""
    return x.sqrt() if x.lower() > 0 or x.is_zero() else _from_zero(x, lambda y: y.sqrt())


def _from_zero(x: Ball, increasing: Any) -> Ball:
    top = x.upper()
    if top < 0:
        raise NoEnclosure(f"the root of {x}, a negative number")
    if not top.is_finite():
        raise NoEnclosure("a number without bounds")
    return hull(ball(0), increasing(top))


def power(x: Ball, exponent: Fraction) -> Ball:
    """x^exponent; of a number that is not negative where the exponent is no integer."""
    if exponent.denominator == 1:
        n = int(exponent)
        return x**n if n >= 0 else 1 / x ** (-n)
    if exponent < 0:
        return 1 / power(x, -exponent)
    if x.lower() > 0:
        if exponent.denominator > 4:
            return (x.log() * ball(exponent)).exp()
        return x.root(exponent.denominator) ** exponent.numerator
    if x.is_zero():
        return x
    return _from_zero(x, lambda y: y if y.is_zero() else power(y, exponent))


def positive(x: Ball) -> bool:
    """Whether every number of a ball is greater than 0."""
    return bool(x.lower() > 0)


def finite(x: Ball) -> bool:
    """Whether a ball is bounded."""
    return bool(x.is_finite())


def meet(a: Ball, b: Ball) -> Ball:
    """A number that is in both balls, enclosed: the one if they do not help each other."""
    if not finite(a):
        return b
    if not finite(b):
        return a
    return a.intersection(b)


def around(x: Ball, radius: Ball) -> Ball:
    """x and everything within a radius of it."""
    size = abs(radius).upper()
    if not size.is_finite():
        raise NoEnclosure("a number without bounds")
    return x + hull(-size, size)


def angle(sine: Ball, cosine: Ball) -> Ball:
    """The angle in [0, π] with these as its sine (at least 0) and its cosine, times a common positive number."""
    arb, pi = flint().arb, flint().arb.pi()
    if positive(cosine):
        return arb.atan2(sine, cosine)
    if positive(-cosine):
        return pi - arb.atan2(sine, -cosine)
    return arb.atan2(sine, cosine) if positive(sine) else hull(ball(0), pi)


def segment(t: Ball) -> Ball:
    """S(t) = sin t − t cos t on [0, π], where it increases: so its values at the ball's ends enclose it."""
    if t.is_zero():
        return t
    low, high, pi = t.lower(), t.upper(), flint().arb.pi()
    return hull(ball(0) if low <= 0 else _segment(low), _segment(high) if high < pi else pi)


def _segment(t: Ball) -> Ball:
    """At a point: about t³/3 where t is small, so the working precision is raised by what cancels."""
    lost = 3 * max(0, -math.frexp(float(abs(t).upper()))[1]) + 8
    with precision(bits_now() + min(lost, 8192)):
        return t.sin() - t * t.cos()


def ends(x: Ball) -> tuple[Fraction, Fraction]:
    """The ends of a ball, rounded outwards, as fractions."""
    return _fraction(x.lower()), _fraction(x.upper())


def _fraction(x: Ball) -> Fraction:
    mantissa, exponent = (int(n) for n in x.man_exp())
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def integers(x: Sequence[float]) -> tuple[list[int], int]:
    """Floats as integers over one power of two: (numerators, denominator)."""
    pairs = [float(v).as_integer_ratio() for v in x]
    denominator = max((d for _, d in pairs), default=1)
    return [n * (denominator // d) for n, d in pairs], denominator


def dot(x: Sequence[float], y: Sequence[float]) -> Fraction:
    """xᵀy of floats, exactly."""
    (a, d), (b, e) = integers(x), integers(y)
    return Fraction(sum(m * n for m, n in zip(a, b, strict=True)), d * e)
