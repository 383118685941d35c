"""Trees as sums of terms with balls for coefficients: coefficient · zⁿ · B(z), for the closed forms.

B is ("one",), ("step",), ("erf", a), or ("wave", α, β): exp(αz² + βz) with α real and β complex, which is exp, sin and
cos at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

from tpproof.numerics.reduction.shapes import MAX_POWER, MAX_TERMS, polynomial
from tpproof.numerics.reduction.univariate import Tree
from tpproof.numerics.rigorous.balls import Ball, ball, complex_ball, constant, flint

Base: TypeAlias = tuple[Any, ...]
Term: TypeAlias = tuple[Ball, int, Base]
Own: TypeAlias = Callable[[int], Ball]
"""The number of one input that a tree reads by its slot."""

ONE: Base = ("one",)
STEP: Base = ("step",)


def terms_of(t: Tree, own: Own) -> list[Term] | None:
    """The terms of a tree; None where it has none."""
    match t[0]:
        case "z":
            return [(ball(1), 1, ONE)]
        case "number":
            return [(constant(t[1]), 0, ONE)]
        case "own":
            return [(own(t[1]), 0, ONE)]
        case "add":
            found: list[Term] = []
            for s in t[1:]:
                part = terms_of(s, own)
                if part is None:
                    return None
                found += part
            return _collected(found)
        case "mul":
            return _product([terms_of(s, own) for s in t[1:]])
        case "pow" if t[2].denominator == 1 and 0 < t[2] <= MAX_POWER:
            return _product([terms_of(t[1], own)] * int(t[2]))
        case "call":
            return _call(t[1], t[2], own)
    return None


def _collected(terms: list[Term]) -> list[Term] | None:
    """Terms of bases without parameters are added up; the others stand as they are."""
    plain: dict[tuple[int, Base], Ball] = {}
    rest: list[Term] = []
    for c, n, base in terms:
        if len(base) == 1:
            plain[n, base] = plain[n, base] + c if (n, base) in plain else c
        else:
            rest.append((c, n, base))
    found = [(c, n, base) for (n, base), c in plain.items() if not c.is_zero()] + rest
    return found if len(found) <= MAX_TERMS and all(n <= MAX_POWER for _, n, _ in found) else None


def _product(parts: list[list[Term] | None]) -> list[Term] | None:
    found: list[Term] = [(ball(1), 0, ONE)]
    for part in parts:
        if part is None:
            return None
        products = [(c * e, n + k, _times(a, b)) for c, n, a in found for e, k, b in part]
        kept = [(c, n, base) for c, n, base in products if base is not None]
        collected = _collected(kept) if len(kept) == len(products) else None
        if collected is None:
            return None
        found = collected
    return found


def _times(a: Base, b: Base) -> Base | None:
    if a == ONE:
        return b
    if b == ONE:
        return a
    if a == b == STEP:
        return a
    if a[0] == b[0] == "wave":
        return _wave(a[1] + b[1], a[2] + b[2])
    return None


def _wave(alpha: Ball, beta: Ball) -> Base:
    return ONE if alpha == 0 and beta == 0 else ("wave", alpha, beta)


def inner_polynomial(t: Tree, own: Own) -> dict[int, Ball] | None:
    """The coefficients by power of a polynomial, its zeros left out: exact where the tree reads no own number."""
    exact = polynomial(t)
    if exact is not None:
        return {n: constant(c) for n, c in exact.items()}
    terms = terms_of(t, own)
    if terms is None or any(base != ONE for _, _, base in terms):
        return None
    return {n: c for c, n, _ in terms}


def _call(name: str, t: Tree, own: Own) -> list[Term] | None:
    inner = inner_polynomial(t, own)
    if inner is None or max(inner, default=0) > 2:
        return None
    level, slope, square = (inner[n] if n in inner else ball(0) for n in range(3))
    if name == "exp":
        return [(level.exp(), 0, _wave(square, complex_ball(slope, 0)))]
    if name in ("sin", "cos") and 2 not in inner:
        return _oscillation(name, level, slope)
    if 0 in inner or 2 in inner or not (slope > 0 or slope < 0):
        return None
    match name:
        case "step":
            return [(ball(1), 0, STEP)] if slope > 0 else [(ball(1), 0, ONE), (ball(-1), 0, STEP)]
        case "erf":
            return [(ball(1), 0, ("erf", slope))]
        case "bell":
            return [(2 / flint().arb.pi().sqrt(), 0, ("wave", -slope * slope, complex_ball(ball(0), 0)))]
    return None


def _oscillation(name: str, level: Ball, slope: Ball) -> list[Term]:
    """cos(a + wz) and sin(a + wz) by Euler's formula."""
    turn = complex_ball(level.cos(), level.sin())
    up: Base = _wave(ball(0), complex_ball(ball(0), slope))
    down: Base = _wave(ball(0), complex_ball(ball(0), -slope))
    if name == "cos":
        return [(turn / 2, 0, up), (turn.conjugate() / 2, 0, down)]
    half = complex_ball(ball(0), ball(Fraction(-1, 2)))  # 1/(2i)
    return [(turn * half, 0, up), (-turn.conjugate() * half, 0, down)]


def double_factorial(n: int) -> int:
    """n!!, 1 for n < 1."""
    return math.prod(range(n, 0, -2))
