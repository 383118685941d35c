"""Exact constants: fractions, rational powers of them, and what the four operations make of those.

A constant is a `Fraction` or a nested tuple ``("add", (c, …))``, ``("mul", (c, …))``,
``("pow", c, Fraction)`` whose value is not known to be rational.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT

Constant: TypeAlias = Fraction | tuple[Any, ...]

ZERO = Fraction(0)
ONE = Fraction(1)


def _bounded(value: Fraction) -> Fraction:
    largest = 10**DEFAULT.constant_digits
    if abs(value.numerator) > largest or value.denominator > largest:
        raise TpproofError("E104", "a constant with too many digits", f"at most {DEFAULT.constant_digits}")
    return value


def from_float(value: float) -> Fraction:
    """The fraction that a float of Python code means.

    The simplest one that rounds to it, or its decimal digits when they are few; otherwise E125, because nobody can
    know what was meant. (Numbers in `.tp` text are read exactly and never pass through here.)
    """
    if math.isfinite(value) and abs(value) < 1e15:
        simple = Fraction(value).limit_denominator(1000)
        if float(simple) == value:
            return simple
        digits = repr(value)
        if len(digits.partition("e")[0].replace(".", "").strip("-0")) <= 12:
            return _bounded(Fraction(digits))
    raise TpproofError("E125", f"the float {value!r}", "an exact number: an int, a Fraction, or sqrt(2) for a root")


def _depth(c: Constant) -> int:
    if isinstance(c, Fraction):
        return 0
    parts = c[1] if c[0] != "pow" else (c[1],)
    return 1 + max(_depth(p) for p in parts)


def _shallow(c: Constant) -> Constant:
    if _depth(c) > DEFAULT.constant_depth:
        raise TpproofError("E104", "a constant nested too deeply", f"depth at most {DEFAULT.constant_depth}")
    return c


def add(*terms: Constant) -> Constant:
    """The sum, with equal terms collected and the rational part first."""
    coefficients: dict[Constant, Fraction] = {}
    for term in terms:
        for part in term[1] if isinstance(term, tuple) and term[0] == "add" else (term,):
            factor, rest = _split(part)
            coefficients[rest] = _bounded(coefficients.get(rest, ZERO) + factor)
    parts = [mul(f, rest) for rest, f in coefficients.items() if f != 0]
    parts.sort(key=lambda c: (not isinstance(c, Fraction), text(c)))
    if not parts:
        return ZERO
    return parts[0] if len(parts) == 1 else _shallow(("add", tuple(parts)))


def _split(c: Constant) -> tuple[Fraction, Constant]:
    """A constant as (rational factor, the rest)."""
    if isinstance(c, Fraction):
        return c, ONE
    if c[0] == "mul" and isinstance(c[1][0], Fraction):
        rest = c[1][1:]
        return c[1][0], rest[0] if len(rest) == 1 else ("mul", rest)
    return ONE, c


def mul(*factors: Constant) -> Constant:
    """The product, powers of equal bases collected and the rational factor first."""
    rational = ONE
    exponents: dict[Constant, Fraction] = {}
    todo = list(factors)
    while todo:
        factor = todo.pop()
        if isinstance(factor, Fraction):
            rational = _bounded(rational * factor)
        elif factor[0] == "mul":
            todo.extend(factor[1])
        else:
            base, exponent = (factor[1], factor[2]) if factor[0] == "pow" else (factor, ONE)
            exponents[base] = exponents.get(base, ZERO) + exponent
    if rational == 0:
        return ZERO
    outside, parts = _radicals((b, e) for b, e in exponents.items() if isinstance(b, Fraction))
    rational = _bounded(rational * outside)
    for base, exponent in exponents.items():
        if not isinstance(base, Fraction):
            factor, rest = _split(power(base, exponent))
            rational = _bounded(rational * factor)
            parts += [rest] if rest != ONE else []
    return _product(rational, parts)


def _product(rational: Fraction, parts: list[Constant]) -> Constant:
    parts.sort(key=text)
    if not parts:
        return rational
    if rational != 1:
        parts.insert(0, rational)
    return parts[0] if len(parts) == 1 else _shallow(("mul", tuple(parts)))


_PRIMES = tuple(p for p in range(2, 1000) if all(p % q for q in range(2, math.isqrt(p) + 1)))


def _factored(value: int) -> list[tuple[int, int]]:
    """value ≥ 1 as powers: of primes below 1000, and of what is left, which counts as prime."""
    found = []
    for p in _PRIMES:
        times = 0
        while value % p == 0:
            value, times = value // p, times + 1
        if times:
            found.append((p, times))
    for degree in range(value.bit_length() // 9, 1, -1):
        root = _root(value, degree)
        if root**degree == value:
            return [*found, (root, degree)]
    return [*found, (value, 1)] if value > 1 else found


def _radicals(powers: Iterable[tuple[Fraction, Fraction]]) -> tuple[Fraction, list[Constant]]:
    """A product of powers of positive fractions: a fraction, and one root for each exponent between 0 and 1."""
    exponents: dict[int, Fraction] = {}
    for base, e in powers:
        for part, signed in ((base.numerator, e), (base.denominator, -e)):
            for p, times in _factored(part):
                exponents[p] = exponents.get(p, ZERO) + times * signed
    rational, inside = ONE, dict[Fraction, Fraction]()
    for p, e in exponents.items():
        whole = e.numerator // e.denominator
        rational = _bounded(rational * Fraction(p) ** whole)
        if e != whole:
            inside[e - whole] = _bounded(inside.get(e - whole, ONE) * p)
    return rational, [("pow", base, _small(e)) for e, base in inside.items()]


def _small(exponent: Fraction) -> Fraction:
    largest = DEFAULT.exponent
    if abs(exponent.numerator) > largest or exponent.denominator > largest:
        raise TpproofError("E104", f"the exponent {exponent}", f"numerator and denominator at most {largest}")
    return exponent


def _root(value: int, degree: int) -> int:
    """The integer part of the degree-th root of value >= 0 (Newton, exact)."""
    if value < 2 or degree == 1:
        return value
    if degree == 2:
        return math.isqrt(value)
    guess = 1 << -(-value.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + value // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def power(base: Constant, exponent: Fraction) -> Constant:
    """base**exponent; an exact root becomes a fraction. Raises E125 where there is no real value."""
    _small(exponent)
    if exponent == 0:
        return ONE
    if exponent == 1:
        return base
    if sign(base) == 0:
        if exponent < 0:
            raise TpproofError("E125", "0 to a negative power")
        return ZERO
    if exponent.denominator != 1 and sign(base) < 0:
        raise TpproofError("E125", f"({text(base)})**({exponent})", "a base that is not negative")
    if isinstance(base, Fraction):
        return _rational_power(base, exponent)
    if base[0] == "pow":  # the inner base may be negative under an even power only: (c²)^(1/2) = |c|
        inner = mul(-ONE, base[1]) if sign(base[1]) < 0 and base[2].numerator % 2 == 0 else base[1]
        return power(inner, base[2] * exponent)
    if exponent.denominator == 1 and base[0] == "mul":
        return mul(*(power(part, exponent) for part in base[1]))
    if exponent.denominator == 1 and 0 < exponent.numerator <= 4:
        return _expand(base, exponent.numerator)
    return _shallow(("pow", base, exponent))


def _expand(base: Constant, times: int) -> Constant:
    parts = base[1] if isinstance(base, tuple) and base[0] == "add" else (base,)
    result: Constant = base
    for _ in range(times - 1):
        terms = result[1] if isinstance(result, tuple) and result[0] == "add" else (result,)
        result = add(*(mul(p, q) for p in parts for q in terms))
    return result


def _rational_power(base: Fraction, exponent: Fraction) -> Constant:
    if exponent.denominator == 1:
        size = max(abs(base.numerator), base.denominator).bit_length() * abs(exponent.numerator)
        if size > 4 * DEFAULT.constant_digits:
            raise TpproofError("E104", "a constant with too many digits", f"at most {DEFAULT.constant_digits}")
        return _bounded(base**exponent.numerator)
    rational, parts = _radicals([(base, exponent)])
    return _product(rational, parts)


def enclosure(c: Constant) -> tuple[Fraction, Fraction]:
    """Fractions lo <= c <= hi, close together."""
    if isinstance(c, Fraction):
        return c, c
    if c[0] == "add":
        bounds = [enclosure(part) for part in c[1]]
        return sum((b[0] for b in bounds), ZERO), sum((b[1] for b in bounds), ZERO)
    if c[0] == "mul":
        lo, hi = ONE, ONE
        for part in c[1]:
            ends = [x * y for x in (lo, hi) for y in enclosure(part)]
            lo, hi = min(ends), max(ends)
        return lo, hi
    lo, hi = enclosure(c[1])
    exponent: Fraction = c[2]
    if lo <= 0:  # an integer power of something that may be negative: fall back on repeated products
        if exponent.numerator > 0 and exponent.denominator == 1:
            ends = [ONE, ONE]
            for _ in range(exponent.numerator):
                products = [x * y for x in ends for y in (lo, hi)]
                ends = [min(products), max(products)]
            return ends[0], ends[1]
        if hi >= 0:
            raise TpproofError("E125", f"({text(c[1])})**({exponent})", "a base whose sign is known")
        return tuple(sorted((hi**exponent.numerator, lo**exponent.numerator)))  # type: ignore[return-value]
    low, high = _power_bounds(lo, abs(exponent))[0], _power_bounds(hi, abs(exponent))[1]
    return (low, high) if exponent > 0 else (1 / high, 1 / low)


def _power_bounds(x: Fraction, exponent: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds on x**exponent for x > 0, exponent > 0, to at least 100 significant bits: a float has 53."""
    raised = x**exponent.numerator
    degree = exponent.denominator
    zeros = max(raised.denominator.bit_length() - raised.numerator.bit_length(), 0)
    scale = 1 << 101 + zeros // degree + 1
    low = _root(raised.numerator * scale**degree // raised.denominator, degree)
    return Fraction(low, scale), Fraction(low + 1, scale)


def sign(c: Constant) -> int:
    """-1, 0 or 1. Raises E125 when the enclosure cannot tell a surd's sign from 0."""
    lo, hi = enclosure(c)
    if lo > 0:
        return 1
    if hi < 0:
        return -1
    if lo == hi == 0:
        return 0
    raise TpproofError("E125", f"{text(c)}, which cannot be told from 0", "a constant whose sign is clear")


def compare(a: Constant, b: Constant) -> int:
    """The sign of a - b."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return (a > b) - (a < b)
    return sign(add(a, mul(Fraction(-1), b)))


def to_float(c: Constant) -> float:
    lo, hi = enclosure(c)
    return float((lo + hi) / 2)


def text(c: Constant) -> str:
    """As written in a .tp file; `constants` parses back to the same value."""
    if isinstance(c, Fraction):
        return str(c) if c.denominator == 1 else f"{c.numerator}/{c.denominator}"
    if c[0] == "add":
        return " + ".join(_group(part) for part in c[1])
    if c[0] == "mul":
        return "*".join(_group(part) for part in c[1])
    if c[2] == Fraction(1, 2):
        return f"sqrt({text(c[1])})"
    return f"{_group(c[1])}**({c[2]})"


def _group(c: Constant) -> str:
    plain = isinstance(c, Fraction) and c.denominator == 1 and c >= 0
    root = isinstance(c, tuple) and c[0] == "pow" and c[2] == Fraction(1, 2)
    return text(c) if plain or root else f"({text(c)})"


def to_json(c: Constant) -> object:
    if isinstance(c, Fraction):
        return str(c)
    if c[0] == "pow":
        return ["pow", to_json(c[1]), str(c[2])]
    return [c[0], [to_json(part) for part in c[1]]]


def from_json(value: object, depth: int = 0) -> Constant:
    """The constant written by `to_json`. Raises E105 for anything else."""
    expected = '"p/q", ["add" or "mul", […]] or ["pow", c, "p/q"]'
    wrong = TpproofError("E105", f"the constant {reprlib.repr(value)[:80]}", expected)
    if depth > DEFAULT.constant_depth:
        raise wrong
    if isinstance(value, str):
        return fraction_from_json(value)
    if not isinstance(value, list) or not value:
        raise wrong
    if value[0] == "pow" and len(value) == 3:
        return power(from_json(value[1], depth + 1), fraction_from_json(value[2]))
    if value[0] in ("add", "mul") and len(value) == 2 and isinstance(value[1], list):
        parts = [from_json(part, depth + 1) for part in value[1]]
        return (add if value[0] == "add" else mul)(*parts)
    raise wrong


def fraction_from_json(value: object) -> Fraction:
    """A canonical fraction "p" or "p/q" in ASCII digits."""
    if isinstance(value, str) and 0 < len(value) <= 2 * DEFAULT.constant_digits + 2:
        match = re.fullmatch("(-?[0-9]+)(?:/([1-9][0-9]*))?", value)
        fraction = Fraction(int(match[1]), int(match[2] or 1)) if match else None
        if fraction is not None and str(fraction) == value:
            return _bounded(fraction)
    raise TpproofError("E105", f"the number {reprlib.repr(value)[:80]}", 'a reduced fraction such as "3/10"')
