"""The other side of the closed forms: integrals over (u, v) at 30 digits, one after the other, split at kinks.

It knows values of functions, densities and Gauss's nodes, and nothing of Stein's lemma, angles or tilted laws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import mpmath
from mpmath.calculus.quadrature import GaussLegendre

from tests.precision import Real

QUAD = mpmath.mp.clone()
QUAD.dps = 30
REACH = 12
"""Deviations kept of each variable: beyond, a Gaussian has 1e-32."""
DEGREE, PIECE = 5, 12
"""48 of Gauss's nodes on every 12 deviations: exact for powers up to 95, of which exp(-z²/2) there needs 60."""


def base_value(base: tuple[object, ...], z: Real) -> Real:
    """B(z)."""
    kind, *numbers = base
    match kind, numbers:
        case "one", []:
            return QUAD.one
        case "step", []:
            return QUAD.one if z > 0 else QUAD.zero if z < 0 else QUAD.one / 2
        case "erf", [a]:
            return QUAD.erf(a * z)
        case "exp", [alpha, beta]:
            return QUAD.exp((alpha * z + beta) * z)
        case "sin", [w]:
            return QUAD.sin(w * z)
        case "cos", [w]:
            return QUAD.cos(w * z)
    raise ValueError(base)


@cache
def _gauss() -> Sequence[tuple[Real, Real]]:
    return GaussLegendre(QUAD).calc_nodes(DEGREE, QUAD.prec)


def _nodes(points: Sequence[Real], piece: int = PIECE) -> list[tuple[Real, Real]]:
    """Standard normal quadrature between neighbouring points, in pieces of at most so many."""
    found = []
    for start, end in pairwise(points):
        pieces = int(QUAD.ceil((end - start) / piece)) or 1
        half = (end - start) / (2 * pieces)
        for i in range(pieces):
            middle = start + (2 * i + 1) * half
            for x, weight in _gauss():
                z = middle + half * x
                found.append((z, weight * half * QUAD.npdf(z)))
    return found


def single(functions: Sequence[Callable[[Real], Real]], p: Real) -> list[Real]:
    """E F(u) of each function, Var u = p; kinks only at 0."""
    root = QUAD.sqrt(p)
    nodes = [(root * z, weight) for z, weight in _nodes([QUAD.mpf(x) for x in (-REACH, 0, REACH)], 3)]
    return [QUAD.fsum(f(u) * weight for u, weight in nodes) for f in functions]


def double(
    left: Callable[[Real], Sequence[Real]], right: Callable[[Real], Sequence[Real]], p: Real, q: Real, correlation: Real
) -> list[list[Real]]:
    """E F(u) G(v) of each F on the left and G on the right: over u, inside over v given u; kinks only at 0."""
    root, rest = QUAD.sqrt(p), QUAD.sqrt(q * (1 - correlation**2))
    pull = correlation * QUAD.sqrt(q)
    if rest == 0:
        return _line(left, right, root, pull)
    width = REACH * rest / abs(pull) if pull else QUAD.inf  # of the layer where v's sign is not yet u's
    points = (-REACH, -width, 0, width, REACH) if 3 * width < REACH else (-REACH, 0, REACH)
    table: list[list[Real]] = []
    for z, weight in _nodes([QUAD.mpf(x) for x in points], 6):
        kink = -pull * z / rest
        inner = [-REACH, kink, REACH] if abs(kink) < REACH else [-REACH, REACH]
        given = _weighted(right, [(pull * z + rest * y, w) for y, w in _nodes([QUAD.mpf(x) for x in inner])])
        row = [[weight * f * g for g in given] for f in left(root * z)]
        table = (
            row if not table else [[a + b for a, b in zip(s, t, strict=True)] for s, t in zip(table, row, strict=True)]
        )
    return table


def _line(
    left: Callable[[Real], Sequence[Real]], right: Callable[[Real], Sequence[Real]], root: Real, pull: Real
) -> list[list[Real]]:
    nodes = _nodes([QUAD.mpf(x) for x in (-REACH, 0, REACH)], 3)
    values = [(left(root * z), right(pull * z), weight) for z, weight in nodes]
    sizes = len(values[0][0]), len(values[0][1])
    return [[QUAD.fsum(f[i] * g[j] * w for f, g, w in values) for j in range(sizes[1])] for i in range(sizes[0])]


def _weighted(functions: Callable[[Real], Sequence[Real]], nodes: Sequence[tuple[Real, Real]]) -> list[Real]:
    rows = [[value * w for value in functions(v)] for v, w in nodes]
    return [QUAD.fsum(column) for column in zip(*rows, strict=True)]
