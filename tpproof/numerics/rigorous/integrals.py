"""Gaussian integrals of analytic functions in balls: the trapezoidal rule with a proved error.

With x standard normal, σ = √p, f(σx) and the orthonormal Hermite polynomials h_k, the numbers E f(σx) h_k(x), k ≤ K,
and E f(σx)² are sums over x = nh, |n| ≤ N. Let L = (N + 1/2)h, Q = [−L, L] × [−a, a], f(σ·) analytic on Q, and
F = f(σz) h_k(z) φ(z). By the residue theorem with 1/(1 − exp(−2πiz/h)), whose modulus on Re z = ±L is below
exp(−2π|Im z|/h) after the integral itself is taken off, the rule differs from the integral over [−L, L] by at most

    (∫ |F(x + ia)| + |F(x − ia)| dx)/(exp(2πa/h) − 1) + (2h/π) max |F(±L + iy)|.

With M the maximum of |f(σz)| exp(−(Re z)²/16), Cauchy–Schwarz and E h_k(x + ia)² = Σ_j C(k, j) a^(2j)/j! bound each
integral by M exp(a²/2) (4/3)^(1/4) times the root of that sum. Cramér's |h_k(x)| ≤ 1.0865 exp(x²/4) and Taylor's
formula h_k(x + iy) = Σ_j √(C(k, j)/j!) (iy)^j h_(k−j)(x) bound the ends, Cramér's inequality and f's growth what is
beyond L.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache

from tpproof.numerics.rigorous.balls import (
    Ball,
    NoEnclosure,
    around,
    ball,
    bits_now,
    complex_ball,
    flint,
    hull,
    precision,
)
from tpproof.numerics.rigorous.smooth import Both, Function, NotAnalytic

CRAMER = Fraction(10865, 10000)
HEIGHTS = (3.0, 2.25, 1.5, 1.125, 0.75, 0.5, 0.375, 0.25, 0.1875, 0.125, 0.09375, 0.0625, 0.03125)
COUNTS = (48, 112, 224, 400, 768)
"""Lengths of series that are tried; each has its own grid."""
WIDTH = 0.5
DEPTH = 9


@dataclass(frozen=True)
class Strip:
    """A height a, M of f and of f² on Q, and the same at the ends of Q, L in [reach, reach + 1]."""

    height: float
    sizes: tuple[Ball, Ball]
    ends: tuple[Ball, Ball]


@dataclass(frozen=True)
class Grid:
    """x = nh, |n| ≤ N, h = 2^-halvings · numerator."""

    halvings: int
    numerator: int
    last: int

    @property
    def step(self) -> Fraction:
        """h."""
        return Fraction(self.numerator, 1 << self.halvings)

    @property
    def end(self) -> Fraction:
        """L."""
        return self.step * (2 * self.last + 1) / 2


def _grid(widest: float, reach: int) -> Grid:
    """The grid of the largest h = 2^-m or 3/2 · 2^-m that is at most `widest` (≤ 1/2), with reach ≤ L ≤ reach + 1."""
    m = math.ceil(-math.log2(widest))
    halvings, numerator = (m + 1, 3) if 1.5 * 2.0**-m <= widest else (m, 1)
    return Grid(halvings, numerator, math.ceil(reach / numerator * 2**halvings))


@lru_cache(maxsize=16)
def basis(grid: Grid, count: int, bits: int) -> tuple[Ball, Ball]:
    """h · h_k(nh) φ(nh) for k < count, even k and odd k apart, and 0 ≤ n ≤ N (halved at n = 0): two matrices.

    The recurrence h_(k+1) = (x h_k − √k h_(k−1))/√(k+1) loses digits where x is large or k is: it gets more of them.
    """
    spare = 16 + math.ceil(0.7 * float(grid.end) * math.sqrt(count))
    with precision(bits + spare):
        arb = flint().arb
        steps = [(1 / arb(k + 1).sqrt(), (arb(k) / arb(k + 1)).sqrt()) for k in range(count)]
        weight = ball(grid.step) / (2 * arb.pi()).sqrt()
        columns = [_hermite(ball(n * grid.step), weight / (1 if n else 2), steps, bits) for n in range(grid.last + 1)]
    rows = [[[column[k] for column in columns] for k in range(start, count, 2)] for start in (0, 1)]
    even, odd = (flint().arb_mat(len(r), grid.last + 1, [v for row in r for v in row]) if r else None for r in rows)
    return even, odd


def _hermite(x: Ball, weight: Ball, steps: list[tuple[Ball, Ball]], bits: int) -> list[Ball]:
    """weight · h_k(x) exp(−x²/2), rounded to so many bits."""
    before, now = ball(0), weight * (-x * x / 2).exp()
    found = []
    for first, second in steps:
        found.append(now)
        before, now = now, x * first * now - second * before
    with precision(bits):
        return [v + 0 for v in found]


def _larger(a: tuple[Ball, Ball], b: tuple[Ball, Ball]) -> tuple[Ball, Ball]:
    return a[0].max(b[0]), a[1].max(b[1])


@dataclass(eq=False)
class Gaussian:
    """f(σx) for x standard normal.

    Parameters
    ----------
    f
        The function.
    sigma
        σ, a narrow ball.
    """

    f: Function | Both
    sigma: Ball
    _rules: dict[int, tuple[Grid, Strip, list[Ball], list[Ball]]] = field(default_factory=dict)
    _coefficients: dict[int, list[Ball]] = field(default_factory=dict)

    @cached_property
    def reach(self) -> int:
        """Where the line is cut: exp(−3L²/16) is below the working precision, and f's growth is past its turn."""
        growth = self.f.growth()
        rate = float(abs(ball(growth.rate) * self.sigma).upper())
        least = math.sqrt(16 / 3 * math.log(2) * (bits_now() + 16))
        return math.ceil(max(least, math.sqrt(4 * float(growth.degree)) + 1, 16 * rate + 1))

    def _strip(self, height: float) -> Strip:
        """Boxes over Q; f takes conjugate values at conjugate points."""
        sizes = ends = ball(0), ball(0)
        rows = math.ceil(height)
        for i in range(2 * (self.reach + 1)):  # from the middle outwards: poles are near it
            for left in (i * WIDTH, -(i + 1) * WIDTH):
                for j in range(rows):
                    low, high = height * j / rows, height * (j + 1) / rows
                    found = self._box(left, left + WIDTH, low, high, 0)
                    sizes = _larger(sizes, found)
                    if (i + 1) * WIDTH >= self.reach:
                        ends = _larger(ends, found)
        return Strip(height, sizes, ends)

    def _box(self, left: float, right: float, low: float, high: float, depth: int) -> tuple[Ball, Ball]:
        x, y = hull(ball(left), ball(right)), hull(ball(low), ball(high))
        try:
            value = self.f.on(complex_ball(self.sigma * x, self.sigma * y))
            found = abs(value).upper()
            near = min(abs(left), abs(right)) if left * right > 0 else 0.0
            weight = (-(ball(near) ** 2) / 16).exp()
            return (found * weight).upper(), (found * found * weight).upper()
        except NotAnalytic:
            if depth == DEPTH:
                raise
        if right - left > high - low:
            middle = (left + right) / 2
            parts = [(left, middle, low, high), (middle, right, low, high)]
        else:
            middle = (low + high) / 2
            parts = [(left, right, low, middle), (left, right, middle, high)]
        first, second = (self._box(*part, depth + 1) for part in parts)
        return _larger(first, second)

    @cached_property
    def strips(self) -> list[Strip]:
        """Strips of analyticity, the highest first, until lower ones promise nothing more."""
        found: list[Strip] = []
        best = 0.0
        for height in HEIGHTS:
            try:
                strip = self._strip(height)
            except NotAnalytic:
                continue
            found.append(strip)
            if self._wanted(strip, 100) <= best:
                break
            best = self._wanted(strip, 100)
        if not found:
            raise NoEnclosure("a function that is not analytic near the real line")
        return found

    def rule(self, count: int) -> tuple[Grid, Strip, list[Ball], list[Ball]]:
        """The grid for k < count with f(σx) + f(−σx) and f(σx) − f(−σx) on it."""
        count = next((c for c in COUNTS if c >= count), count)
        if count not in self._rules:
            strip = max(self.strips, key=lambda s: self._wanted(s, count))
            grid = _grid(min(self._wanted(strip, count), 0.5), self.reach)
            points = [self.sigma * ball(n * grid.step) for n in range(grid.last + 1)]
            values = [(self.f(x), self.f(-x)) for x in points]
            self._rules[count] = grid, strip, [a + b for a, b in values], [a - b for a, b in values]
        return self._rules[count]

    def _wanted(self, strip: Strip, count: int) -> float:
        """h such that the rule's error is about a rounding."""
        a = strip.height
        size = max(float(x.log()) for x in strip.sizes) if all(x > 0 for x in strip.sizes) else 0.0
        digits = (bits_now() + 8) * math.log(2) + a * a / 2 + 2 * a * math.sqrt(count) + max(0.0, size)
        return 2 * math.pi * a / digits

    def coefficients(self, count: int) -> list[Ball]:
        """E f(σx) h_k(x), k < count."""
        if count not in self._coefficients:
            grid, strip, plus, minus = self.rule(count)
            matrix = flint().arb_mat
            column = [matrix(len(v), 1, v) for v in (plus, minus)]
            found: list[Ball] = [ball(0)] * count
            for start, rows in enumerate(basis(grid, count, bits_now())):
                if rows is not None:
                    found[start::2] = (rows * column[start]).entries()
            beyond = self._beyond(grid, 1)
            self._coefficients[count] = [
                around(c, self._error(grid, strip, k, 1) + beyond) for k, c in enumerate(found)
            ]
        return self._coefficients[count]

    @cached_property
    def mean(self) -> Ball:
        """E f(σx)."""
        return self.coefficients(1)[0]

    @cached_property
    def square(self) -> Ball:
        """E f(σx)²."""
        grid, strip, plus, minus = self.rule(1)
        weights, _ = basis(grid, 1, bits_now())
        squares = [(a * a + b * b) / 2 for a, b in zip(plus, minus, strict=True)]  # f(σx)² + f(−σx)²
        total = (weights * flint().arb_mat(len(squares), 1, squares)).entries()[0]
        return around(total, self._error(grid, strip, 0, 2) + self._beyond(grid, 2))

    def _error(self, grid: Grid, strip: Strip, k: int, power: int) -> Ball:
        """The rule's error on [−L, L] for f h_k or f² h_k."""
        size, last = strip.sizes[power - 1], strip.ends[power - 1]
        a, h, end = ball(strip.height), ball(grid.step), ball(grid.end)
        lift, pi = (a * a / 2).exp(), flint().arb.pi()
        sides = 2 * size * lift * (ball(4) / 3).root(4) * _laguerre(k, strip.height, bits_now()).sqrt()
        sides = sides / ((2 * pi * a / h).exp() - 1)
        exponent = (-3 * end * end / 16).exp()  # of exp(L²/16 + L²/4 − L²/2)
        top = last * lift * ball(CRAMER) * _taylor(k, strip.height, bits_now()) * exponent / (2 * pi).sqrt()
        return sides + 2 * h / pi * top

    def _beyond(self, grid: Grid, power: int) -> Ball:
        """∫_{|x| > L} |f(σx)|^power |h_k(x)| φ(x) dx, from ∫_L^∞ exp(−x²/8) dx ≤ (4/L) exp(−L²/8)."""
        growth, end, pi = self.f.growth(), ball(grid.end), flint().arb.pi()
        spread = self.sigma.max(ball(1))  # (1 + σx) ≤ max(1, σ)(1 + x)
        degree, rate = ball(growth.degree) * power, ball(growth.rate) * self.sigma * power
        if not degree / (1 + end) + rate - end / 4 < 0:
            raise NoEnclosure("a function that grows too fast")
        size = growth.size**power * (degree * (spread * (1 + end)).log() + rate * end).exp()
        return ball(CRAMER) * size * (-end * end / 4).exp() * 8 / end / (2 * pi).sqrt()


@lru_cache(maxsize=4096)
def _laguerre(k: int, a: float, bits: int) -> Ball:
    """E |h_k(x + ia)|² = Σ_j C(k, j) a^(2j)/j!."""
    square = ball(a) ** 2
    term = total = ball(1)
    for j in range(1, k + 1):
        term = term * square * (k - j + 1) / (j * j)
        total = total + term
    return total


@lru_cache(maxsize=4096)
def _taylor(k: int, a: float, bits: int) -> Ball:
    """Σ_j √(C(k, j)/j!) a^j."""
    term = total = ball(1)
    for j in range(1, k + 1):
        term = term * ball(a) * (ball(k - j + 1)).sqrt() / j
        total = total + term
    return total
