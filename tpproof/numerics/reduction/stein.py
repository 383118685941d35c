"""Stein's lemma E[z_a H] = Σ_b Cov(z_a, z_b) E[∂_b H], made ready: which factor gives the power away."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tpproof.numerics.reduction.shapes import has_kinks, kink_sources, polynomial, slots, value_at, zeros
from tpproof.numerics.reduction.univariate import Library, Tree, Z, number, plus, raised, times
from tpproof.program.constants import ONE, ZERO, Constant

JUMP = 1e-9
"""How far from a kink both sides are looked at."""


def lowest_polynomial(functions: Sequence[Tree], library: Library) -> int | None:
    """The polynomial of the lowest degree, if the lemma holds: the others have no jumps."""
    degrees = {}
    for i, f in enumerate(functions):
        powers = polynomial(f)
        if powers is not None:
            degrees[i] = max(powers, default=0)
        elif jumps(f, library):
            return None
    return min(degrees, key=lambda i: degrees[i]) if degrees else None


def jumps(f: Tree, library: Library) -> bool:
    """Whether a function is, or may be, discontinuous."""
    if not has_kinks(f, library):
        return False
    sources, users = kink_sources(f, library)
    if slots(f) or users:
        return True
    points = [x for s in sources for x in zeros(s, library)]

    def at(x: float) -> float:
        return value_at(f, x, library)

    return any(abs(at(x + JUMP) - at(x - JUMP)) > 1e3 * JUMP * (1 + abs(at(x))) for x in points)


def without_one_power(f: Tree) -> tuple[Constant, Tree]:
    """P(z) = c + z · Q(z): (c, Q)."""
    powers = polynomial(f)
    assert powers is not None
    quotient = [
        times(number(c), raised(Z, Fraction(n - 1)) if n > 1 else number(ONE)) for n, c in powers.items() if n > 0
    ]
    return powers.get(0, ZERO), plus(*quotient) if quotient else number(ZERO)
