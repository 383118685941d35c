"""E F(u) and E F(u) G(v) of trees in balls: closed forms, else integrals and Hermite series of analytic functions.

Series: E f(u) g(v) = Σ_{k<K} c_k c'_k ρ^k within √(T T') |ρ|^K, T = E f² − Σ c_k² (Parseval, Cauchy–Schwarz). Near
ρ = ±1 instead Taylor's formula in the covariance: ∂/∂c E f(u) g(v) = E f'(u) g'(v) (Price), and the last derivative is
at most √(E f''² E g''²) all the way to c = ±√(pq), where the expectations are integrals in one variable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from tpproof.numerics.reduction.plan import Slot
from tpproof.numerics.reduction.univariate import Tree, derivative, number, times
from tpproof.numerics.rigorous.balls import Ball, around, ball, bits_now, meet, root
from tpproof.numerics.rigorous.gauss import Law, one, two
from tpproof.numerics.rigorous.integrals import COUNTS, Gaussian
from tpproof.numerics.rigorous.smooth import Both, Function
from tpproof.numerics.rigorous.terms import terms_of
from tpproof.program.constants import ONE

NEAR = 2.0**-16
"""From this 1 − |ρ| on Taylor's formula is tried."""


@dataclass(frozen=True, eq=False)
class Side:
    """A direction at one input: its variance, the input's numbers, and what was integrated before."""

    variance: Ball
    own: Callable[[int], Ball]
    slot: Slot
    functions: dict[tuple[Tree, Slot], Any]
    means: dict[tuple[Tree, Slot], Ball]

    def gaussian(self, f: Tree) -> Gaussian:
        """f of the direction, for integrals."""
        key = f, self.slot
        if key not in self.functions:
            function = Function(f, self.own)
            function.require()
            self.functions[key] = Gaussian(function, root(self.variance))
        found: Gaussian = self.functions[key]
        return found


def mean(f: Tree, side: Side) -> Ball:
    """E F(u)."""
    key = f, side.slot
    if key not in side.means:
        side.means[key] = _mean(f, side)
    return side.means[key]


def _mean(f: Tree, side: Side) -> Ball:
    terms = terms_of(f, side.own)
    if terms is not None:
        return one(terms, side.variance)
    variance = side.variance
    for left, right in _splits(f):
        first, second = terms_of(left, side.own), terms_of(right, side.own)
        if first is None or second is None:
            continue
        found = two(first, second, Law(variance, variance, variance, ball(0)))
        if found is not None:
            return found
    gaussian = side.gaussian(f)
    return gaussian.f(ball(0)) if variance.is_zero() else gaussian.mean


def _splits(f: Tree) -> list[tuple[Tree, Tree]]:
    """A product as a product of two."""
    if f[0] == "pow" and f[2].denominator == 1 and f[2] % 2 == 0:
        half = ("pow", f[1], f[2] / 2) if f[2] > 2 else f[1]
        return [(half, half)]
    if f[0] != "mul" or len(f) > 7:
        return []
    found = []
    for choice in product((False, True), repeat=len(f) - 2):
        rest = [s for s, right in zip(f[2:], choice, strict=True) if not right]
        other = [s for s, right in zip(f[2:], choice, strict=True) if right]
        if other:
            found.append((times(number(ONE), f[1], *rest), times(number(ONE), *other)))
    return found


def expectation(f: Tree, g: Tree, pair: Law, left: Side, right: Side) -> Ball:
    """E[F(u) G(v)]."""
    first, second = terms_of(f, left.own), terms_of(g, right.own)
    if first is not None and second is not None:
        found = two(first, second, pair)
        if found is not None:
            return found
    if pair.p.is_zero() or pair.q.is_zero() or pair.c.is_zero():
        return mean(f, left) * mean(g, right)
    series = left.gaussian(f), right.gaussian(g)  # refused here if they have kinks
    rho = pair.c / (pair.deviations[0] * pair.deviations[1])
    if not abs(rho) > 1 - NEAR:
        return _series(*series, rho)
    near = _near(f, g, pair, left, right)
    if near is None or float(near.rad()) > _wish() * float(abs(near).upper()):
        found = _series(*series, rho)
        return found if near is None else meet(found, near)
    return near


def _wish() -> float:
    """What a remainder may be, relative to the norms: a little more than half the digits of a ball."""
    return math.pow(2, -0.55 * bits_now())


def _series(f: Gaussian, g: Gaussian, rho: Ball) -> Ball:
    size = min(ball(1), abs(rho).upper(), key=float)
    wish = ball(_wish()) * root(f.square * g.square)
    found, count = None, COUNTS[0]
    while True:
        first, second = f.coefficients(count), g.coefficients(count)
        rests = _tail(f, first), _tail(g, second)
        tails = root(rests[0] * rests[1]) * size**count
        total = ball(0)
        for a, b in zip(reversed(first), reversed(second), strict=True):
            total = total * rho + a * b
        series = around(total, tails)
        found = series if found is None else meet(found, series)
        rounded = all(
            t <= 8 * h.square.rad() for t, h in zip(rests, (f, g), strict=True)
        )  # nothing but rounding is left
        if tails <= wish or rounded or count == COUNTS[-1]:
            return found
        sizes = [float(abs(a * b).upper()) for a, b in zip(first, second, strict=True)]
        count = _next(sizes, float(size), float(wish))


def _next(sizes: list[float], rho: float, wish: float) -> int:
    """The next length, by how the coefficients' products fall: a guess, only speed depends on it."""
    count = len(sizes)
    early, late = max(sizes[count // 4 : count // 2]), max(sizes[3 * count // 4 :])
    falls = math.log(max(late, 1e-300) / max(early, 1e-300)) / (count / 2) + math.log(max(rho, 1e-300))
    wanted = math.log(max(wish, 1e-300) / max(late, 1e-300)) / falls if falls < 0 else math.inf
    return next((c for c in COUNTS if c > count and c >= wanted), COUNTS[-1])


def _tail(f: Gaussian, coefficients: list[Ball]) -> Ball:
    """A bound on E f² − Σ c_k², which is not negative."""
    rest = f.square - sum((c * c for c in coefficients), start=ball(0))
    return rest.upper().max(ball(0))


def _near(f: Tree, g: Tree, pair: Law, left: Side, right: Side) -> Ball | None:
    """Taylor's formula from c = ±√(pq), whichever is near; None for functions without second derivatives."""
    trees = [(f, g)]
    for _ in range(2):
        slopes = derivative(trees[-1][0]), derivative(trees[-1][1])
        if slopes[0] is None or slopes[1] is None:
            return None
        trees.append((slopes[0], slopes[1]))
    sign = 1 if pair.c > 0 else -1
    gap = pair.c - sign * pair.deviations[0] * pair.deviations[1]
    total = ball(0)
    for order, (a, b) in enumerate(trees[:2]):
        total = total + gap**order * _at_end(a, b, sign, left, right)
    rest = left.gaussian(trees[2][0]).square * right.gaussian(trees[2][1]).square
    return around(total, root(rest) * gap * gap / 2)


def _at_end(f: Tree, g: Tree, sign: int, left: Side, right: Side) -> Ball:
    """E f(√p x) g(±√q x)."""
    if sign > 0 and left.means is right.means and left.slot == right.slot:
        return mean(times(f, g), left)
    both = Both(Function(f, left.own), root(left.variance), Function(g, right.own), sign * root(right.variance))
    return Gaussian(both, ball(1)).mean
