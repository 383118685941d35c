"""Excesses and differences of functions of a pair, in balls."""

from __future__ import annotations

from tpproof.numerics.reduction.univariate import Tree, times
from tpproof.numerics.rigorous.balls import Ball, NoEnclosure, ball, flint, hull, segment
from tpproof.numerics.rigorous.expect import Side, expectation, mean
from tpproof.numerics.rigorous.gauss import Law
from tpproof.numerics.rigorous.terms import ONE, STEP, terms_of


def ramp_excess(f: Tree, pair: Law, excess: Ball, side: Side) -> Ball:
    """2(√(E F(u)² E F(v)²) − E F(u) F(v)), F(z) = αz + β relu(z): (α² + αβ + β²/2) e − β² √(pq) S(θ)/π.

    For √(E F(u)² E F(v)²) = (α² + αβ + β²/2)√(pq) and E relu relu = c/2 + √(pq) S(θ)/2π.
    """
    terms = terms_of(f, side.own)
    if terms is None or any(n != 1 or base not in (ONE, STEP) for _, n, base in terms):
        raise NoEnclosure("the excess of a function that is no ramp")
    if excess.is_zero():
        return ball(0)
    line = sum((c for c, _, base in terms if base == ONE), start=ball(0))
    ramp = sum((c for c, _, base in terms if base == STEP), start=ball(0))
    reach = pair.deviations[0] * pair.deviations[1]
    found = (line * line + line * ramp + ramp * ramp / 2) * excess
    return not_negative(found - ramp * ramp * reach * segment(pair.theta) / flint().arb.pi())


def difference(f: Tree, pair: Law, first: Side, second: Side) -> Ball:
    """E(F(u) − F(v))², by its three expectations: what cancels is paid in bits."""
    square = times(f, f)
    return not_negative(mean(square, first) + mean(square, second) - 2 * expectation(f, f, pair, first, second))


def not_negative(x: Ball) -> Ball:
    """A number that is at least 0, from a ball around it."""
    if x.is_zero() or not x.lower() < 0 or not x.is_finite():
        return x
    return hull(ball(0), x.upper().max(ball(0)))
