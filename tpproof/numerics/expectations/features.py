"""Where a function bends faster than a grid of points would notice: places that quadrature has to know.

tanh(1000 z − 300), and (1 + (z − 300)²)⁻¹ where Var z is 10⁶, are smooth and bend between the points of any grid that
did not know. A tree says what its functions are applied to, so the places and widths can be read from it.
"""

from __future__ import annotations

import numpy as np

from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.shapes import polynomial
from tpproof.numerics.reduction.univariate import Tree
from tpproof.program.constants import ZERO, to_float

NARROW = 0.125
"""Features narrower than this times √(1 + z²), which is how grids are spaced, are marked."""
STEEP = 32.0
"""Slope of an argument that is no polynomial, beyond which nothing is known of its features."""
WIDE = 2.0
BOUND = 12.0
"""Of |z| where slopes are estimated."""
SLOPES = {"tanh": 1.0, "sigmoid": 0.25, "erf": 1.13, "sin": 1.0, "cos": 1.0, "softplus": 1.0, "bell": 0.97}


def narrow_features(t: Tree) -> tuple[float, ...]:
    """Points between which a function has no features narrower than `NARROW`.

    Raises
    ------
    NotReducible
        When a function is applied to what is steep and no polynomial: its features cannot be told.
    """
    found: set[float] = set()
    todo, seen = [t], set()
    while todo:
        s = todo.pop()
        if s in seen or s[0] in ("z", "number", "own"):
            continue
        seen.add(s)
        argument = s[1] if s[0] == "pow" else s[2] if s[0] in ("call", "slope") else None
        if argument is None:
            todo += s[1:]
            continue
        todo.append(argument)
        if s[0] == "call" and s[1] == "step":
            continue  # a kink, which is known as such
        if s[0] == "pow" and s[2].denominator == 1 and s[2] > 0:
            continue  # a product, which bends where its factors do
        found.update(_marks(argument))
    return tuple(sorted(found))


def _marks(argument: Tree) -> list[float]:
    powers = polynomial(argument)
    if powers is None:
        if steepness(argument) > STEEP:
            raise NotReducible("a function whose features may be too narrow for quadrature")
        return []
    if max(powers, default=0) == 1 and 0 not in powers:
        return []  # quadrature is fine around 0
    p = np.polynomial.Polynomial([to_float(powers.get(n, ZERO)) for n in range(max(powers, default=0) + 1)])
    slope = p.deriv()
    places = {float(x) for x in np.real([*p.roots(), *slope.roots()])}
    found: list[float] = []
    for x in places:
        fast, bent = abs(slope(x)), abs(slope.deriv()(x)) / 2
        width = 1 / max(fast, np.sqrt(bent), 1e-300)
        grid = np.hypot(1.0, x)
        if width < NARROW * grid:
            steps = width * 4.0 ** np.arange(int(np.ceil(np.log(WIDE * grid / width) / np.log(4.0))) + 1)
            found += [x, *(x + steps), *(x - steps)]
    return found


def steepness(t: Tree) -> float:
    """About the largest slope of a function for |z| up to 12."""
    return _slope_and_size(t)[0]


def _slope_and_size(t: Tree) -> tuple[float, float]:
    match t[0]:
        case "z":
            return 1.0, BOUND
        case "number":
            return 0.0, abs(to_float(t[1]))
        case "own":
            return 0.0, 1.0
        case "add":
            parts = [_slope_and_size(s) for s in t[1:]]
            return sum(p[0] for p in parts), sum(p[1] for p in parts)
        case "mul":
            slope, size = 0.0, 1.0
            for inner, bound in map(_slope_and_size, t[1:]):
                slope, size = slope * bound + size * inner, size * bound
            return slope, size
        case "pow":
            slope, size = _slope_and_size(t[1])
            n = max(abs(float(t[2])), 1.0)
            return n * slope * max(size, 1.0) ** max(n - 1, 0.0), max(size, 1.0) ** n
    slope, size = _slope_and_size(t[2])
    return SLOPES.get(t[1], 1.0) * slope, 1.0 if t[1] in SLOPES and t[1] != "softplus" else max(size, 1.0)
