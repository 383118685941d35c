"""Smoothness by closure rules over expression trees (MATH §7), exact and in one pass.

Every node gets a class, an enclosure [lo, hi] of its values and whether it is always positive. For vectors
``smooth`` means: the function and its derivatives are pseudo-Lipschitz (Definition B.7) in vectors and
parameters; ``kinked``: pseudo-Lipschitz, its derivative is not; for scalars ``smooth`` means continuous (B.8.1).
The rules are those of docs/certificate-format.md; the checker derives them again, from its own code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TypeAlias

from tpproof.program.constants import Constant
from tpproof.program.model import Kind, Node, Program

SMOOTH, KINKED, VIOLATED = "smooth", "kinked", "violated"
_RANK = {SMOOTH: 0, KINKED: 1, VIOLATED: 2}
Bound: TypeAlias = Fraction | None
"""A finite bound; None is −∞ as a lower and +∞ as an upper bound."""
ZERO, ONE = Fraction(0), Fraction(1)
_LARGEST = 10**60


@dataclass(frozen=True)
class NodeClass:
    """What the closure rules know of a node."""

    name: str = SMOOTH
    lo: Bound = None
    hi: Bound = None
    positive: bool = False
    reason: str = ""


def classify(program: Program) -> tuple[NodeClass, ...]:
    """The class of every node, in program order."""
    found: list[NodeClass] = []
    for k, node in enumerate(program.nodes):
        args = [found[a] for a in node.args]
        own = _own(program, node, args, program.kinds[k] is Kind.VECTOR)
        worst = max([own.name, *(a.name for a in args)], key=_RANK.__getitem__)
        name = own.name if node.op == "mean" else worst
        lo, hi = _trimmed(own.lo, own.hi)
        found.append(NodeClass(name, lo, hi, own.positive, own.reason))
    return tuple(found)


def _trimmed(lo: Bound, hi: Bound) -> tuple[Bound, Bound]:
    """Bounds with too many digits are weakened, never kept."""
    if lo is not None and _is_large(lo):
        lo = ZERO if lo >= 0 else None
    if hi is not None and _is_large(hi):
        hi = None
    return lo, hi


def _is_large(x: Fraction) -> bool:
    return abs(x.numerator) > _LARGEST or x.denominator > _LARGEST


def _own(program: Program, node: Node, args: list[NodeClass], is_vector: bool) -> NodeClass:
    match node.op:
        case "const":
            return constant_class(node.data[0])
        case "ones":
            return NodeClass(SMOOTH, ONE, ONE, True)
        case "width":
            return NodeClass(VIOLATED, ONE, None, True, "diverges")
        case "embed" | "param" | "matmul":
            return NodeClass()
        case "mean":
            return NodeClass(SMOOTH, args[0].lo, args[0].hi, args[0].positive)
        case "add":
            return sum_class(args)
        case "mul":
            return product_class(node.args, args)
        case "pow":
            return power_class(args[0], node.data[0], is_vector)
        case _:
            rule = CALLS.get(node.data[0])
            return rule(args[0], is_vector) if rule else NodeClass()  # abstract: smooth, declared


def constant_class(c: Constant) -> NodeClass:
    """An exact number; a surd is bounded below only where every fraction in it is positive."""
    if isinstance(c, Fraction):
        return NodeClass(SMOOTH, c, c, c > 0)
    low = evident(c)
    return NodeClass(SMOOTH, low, None, low is not None)


def evident(c: Constant) -> Bound:
    """A lower bound of a constant all of whose fractions (outside exponents) are positive; else None."""
    if isinstance(c, Fraction):
        return c if c > 0 else None
    if c[0] == "pow":
        base, e = evident(c[1]), c[2]
        if base is None:
            return None
        return min(base, ONE) ** ceil(abs(e)) if e > 0 else ZERO
    parts = [evident(part) for part in c[1]]
    if any(part is None for part in parts):
        return None
    total = ZERO if c[0] == "add" else ONE
    for part in parts:
        assert part is not None
        total = total + part if c[0] == "add" else total * part
    return total


def sum_class(args: list[NodeClass]) -> NodeClass:
    """Sums: pseudo-Lipschitz functions form a vector space; enclosures add."""
    lo = hi = ZERO
    low: Bound = None if any(a.lo is None for a in args) else sum((a.lo for a in args if a.lo is not None), lo)
    high: Bound = None if any(a.hi is None for a in args) else sum((a.hi for a in args if a.hi is not None), hi)
    nonnegative = all(a.lo is not None and a.lo >= 0 for a in args)
    positive = (low is not None and low > 0) or (nonnegative and any(a.positive for a in args))
    return NodeClass(SMOOTH, low, high, positive)


def product_class(nodes: tuple[int, ...], args: list[NodeClass]) -> NodeClass:
    """Products: of polynomially bounded functions with polynomially bounded derivatives, again such."""
    powers: dict[int, tuple[NodeClass, int]] = {}
    for k, a in zip(nodes, args, strict=True):
        powers[k] = (a, powers[k][1] + 1 if k in powers else 1)
    lo: Bound = ONE
    hi: Bound = ONE
    for a, m in powers.values():
        lo, hi = interval_product((lo, hi), interval_power(a.lo, a.hi, m))
    return NodeClass(SMOOTH, lo, hi, all(a.positive for a in args))


def interval_product(x: tuple[Bound, Bound], y: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    """[x]·[y] with 0·∞ = 0."""
    lows: list[Bound] = []
    highs: list[Bound] = []
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            low, high = _end_product(a, i == 0, b, j == 0)
            lows.append(low)
            highs.append(high)
    lo = None if None in lows else min(v for v in lows if v is not None)
    hi = None if None in highs else max(v for v in highs if v is not None)
    return lo, hi


def _end_product(a: Bound, a_is_low: bool, b: Bound, b_is_low: bool) -> tuple[Bound, Bound]:
    """One product of end points, as a candidate for the lower and the upper bound (None: that end is infinite)."""
    if a is not None and b is not None:
        return a * b, a * b
    sign = _end_sign(a, a_is_low) * _end_sign(b, b_is_low)
    if sign == 0:
        return ZERO, ZERO
    return (_FAR, None) if sign > 0 else (None, -_FAR)


_FAR = Fraction(10**400)  # stands for +∞ as a candidate for a minimum, −_FAR for a maximum


def _end_sign(x: Bound, is_low: bool) -> int:
    if x is None:
        return -1 if is_low else 1
    return (x > 0) - (x < 0)


def interval_power(lo: Bound, hi: Bound, m: int) -> tuple[Bound, Bound]:
    """[lo, hi]^m for an integer m ≥ 1."""
    up = None if hi is None else hi**m
    if m % 2 or (lo is not None and lo >= 0):
        return (None if lo is None else lo**m), up
    down = None if lo is None else lo**m
    if hi is not None and hi <= 0:
        return hi**m, down
    return ZERO, (None if up is None or down is None else max(up, down))


def power_class(base: NodeClass, e: Fraction, is_vector: bool) -> NodeClass:
    """x^e: a polynomial for e = 0, 1, 2, …; otherwise smooth where x stays away from 0."""
    if e.denominator == 1 and e >= 0:
        lo, hi = interval_power(base.lo, base.hi, int(e)) if e else (ONE, ONE)
        return NodeClass(SMOOTH, lo, hi, base.positive or e == 0)
    name, reason = _power_domain(base, e, is_vector)
    lo, hi, positive = _power_bounds(base, e)
    return NodeClass(name, lo, hi, positive, reason)


def _power_domain(base: NodeClass, e: Fraction, is_vector: bool) -> tuple[str, str]:
    negative = base.hi is not None and base.hi < 0 and e.denominator == 1
    if is_vector:
        if (base.lo is not None and base.lo > 0) or negative:
            return SMOOTH, ""
        near_zero = e < 0 or (base.lo is not None and base.lo >= 0)
        return VIOLATED, "not-bounded-away" if near_zero else "undefined-power"
    if e < 0:
        return (SMOOTH, "") if base.positive or negative else (VIOLATED, "division")
    return (SMOOTH, "") if base.lo is not None and base.lo >= 0 else (VIOLATED, "undefined-power")


def _power_bounds(base: NodeClass, e: Fraction) -> tuple[Bound, Bound, bool]:
    if base.lo is not None and base.lo >= 0:
        m = ceil(abs(e))
        low, high = base.lo, base.hi
        if e.denominator != 1:  # x ≥ min(x,1)^⌈e⌉ and x ≤ max(x,1)^⌈e⌉
            low, high = min(low, ONE), None if high is None else max(high, ONE)
        lo, hi = low**m, None if high is None else high**m
        if e > 0:
            return lo, hi, base.positive
        return (ZERO if hi is None or hi == 0 else 1 / hi), (None if lo == 0 else 1 / lo), base.positive
    if base.hi is not None and base.hi < 0 and e.denominator == 1:
        below, above = interval_power(base.lo, base.hi, int(-e))
        lo = ZERO if above is None else 1 / above
        hi = ZERO if below is None else 1 / below
        return lo, hi, e.numerator % 2 == 0
    return None, None, False


def _bounded_call(lo: Bound, hi: Bound, positive: bool) -> Callable[[NodeClass, bool], NodeClass]:
    def rule(x: NodeClass, is_vector: bool) -> NodeClass:
        """A base function all of whose derivatives are bounded (or polynomially so)."""
        return NodeClass(SMOOTH, lo, hi, positive)

    return rule


def exp_class(x: NodeClass, is_vector: bool) -> NodeClass:
    """exp of a vector is polynomially bounded only where its argument is bounded above."""
    above = ONE if x.hi is not None and x.hi <= 0 else None
    if is_vector and x.hi is None:
        return NodeClass(VIOLATED, ZERO, above, True, "unbounded-exp")
    return NodeClass(SMOOTH, ZERO, above, True)


def relu_class(x: NodeClass, is_vector: bool) -> NodeClass:
    """A kink at 0, unless the argument is positive."""
    lo = ZERO if x.lo is None else max(x.lo, ZERO)
    hi = None if x.hi is None else max(x.hi, ZERO)
    kinked = is_vector and not (x.positive and x.lo is not None and x.lo >= 0)
    return NodeClass(KINKED if kinked else SMOOTH, lo, hi, x.positive)


def leaky_relu_class(x: NodeClass, is_vector: bool) -> NodeClass:
    """A kink at 0."""
    return NodeClass(KINKED if is_vector else SMOOTH)


def abs_class(x: NodeClass, is_vector: bool) -> NodeClass:
    """A kink at 0, unless the argument keeps its sign."""
    signed = x.positive or (x.hi is not None and x.hi < 0)
    return NodeClass(SMOOTH if signed or not is_vector else KINKED, ZERO, None, signed)


def step_class(x: NodeClass, is_vector: bool) -> NodeClass:
    """Not continuous."""
    return NodeClass(VIOLATED, ZERO, ONE, False, "discontinuous")


_WAVE = _bounded_call(-ONE, ONE, False)
_ALMOST_LINEAR = _bounded_call(-ONE, None, False)
CALLS: dict[str, Callable[[NodeClass, bool], NodeClass]] = {
    "tanh": _WAVE,
    "erf": _WAVE,
    "sin": _WAVE,
    "cos": _WAVE,
    "sigmoid": _bounded_call(ZERO, ONE, True),
    "softplus": _bounded_call(ZERO, None, True),
    "gelu": _ALMOST_LINEAR,
    "silu": _ALMOST_LINEAR,
    "exp": exp_class,
    "relu": relu_class,
    "leaky_relu": leaky_relu_class,
    "abs": abs_class,
    "step": step_class,
}
"""Known function → closure rule."""


def bound_text(x: Bound) -> str | None:
    """A bound as the certificate writes it."""
    return None if x is None else str(x)


__all__ = ["CALLS", "KINKED", "SMOOTH", "VIOLATED", "NodeClass", "bound_text", "classify", "evident"]
