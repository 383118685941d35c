"""E F(u) and E F(u) G(v) in balls, F and G sums of terms: exponentials tilt the law, Stein's lemma takes powers away.

The angle of a pair is known from its covariance c and its determinant pq − c², so that what is known of the excess
without cancellation stays known. Written for balls and independently of `tpproof.numerics.expectations.closed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tpproof.numerics.rigorous.balls import Ball, angle, ball, complex_ball, flint, meet, positive, root, segment
from tpproof.numerics.rigorous.terms import ONE, STEP, Base, Term, double_factorial


@dataclass(frozen=True, eq=False)
class Law:
    """(u, v) centred Gaussian: Var u = p, Var v = q, Cov = c, and det = pq − c² ≥ 0."""

    p: Ball
    q: Ball
    c: Ball
    det: Ball

    @cached_property
    def deviations(self) -> tuple[Ball, Ball]:
        """√p and √q."""
        return root(self.p), root(self.q)

    @cached_property
    def theta(self) -> Ball:
        """The angle of u and v."""
        return angle(root(self.det), self.c)


def law(p: Ball, q: Ball, c: Ball, excess: Ball | None = None) -> Law:
    """A pair, with its excess 2(√(pq) − c) if that is known better than c tells: det = (excess/2)(√(pq) + c)."""
    det = p * q - c * c
    if excess is not None:
        better = excess * (root(p) * root(q) + c) / 2
        det = better if excess.is_zero() else meet(det, better)
    return Law(p, q, c, det)


def real(x: Ball) -> Ball:
    """The real part."""
    return x.real


# one variable -------------------------------------------------------------------------------------------


def one(terms: list[Term], p: Ball) -> Ball:
    """E F(u), Var u = p."""
    return real(sum((c * line(p, n, base) for c, n, base in terms), start=ball(0)))


def line(p: Ball, n: int, base: Base) -> Ball:
    """E[zⁿ B(z)]."""
    match base[0]:
        case "one":
            return ball(0) if n % 2 else double_factorial(n - 1) * p ** (n // 2)
        case "step":
            half = double_factorial(n - 1) * p ** (n // 2)
            return half * root(p) / _root_two_pi() if n % 2 else half / 2
        case "erf":
            return _line_erf(p, n, base[1])
    keep = 1 - 2 * base[1] * p
    if not positive(keep):
        return flint().arb.nan()
    tilted, factor = p / keep, 1 / keep.sqrt()
    mean = base[2] * tilted
    return factor * (base[2] * mean / 2).exp() * _moments(n, 0, (mean, ball(0)), (tilted, ball(0), ball(0)))


def _line_erf(p: Ball, n: int, a: Ball) -> Ball:
    """Stein: E[zⁿ erf(az)] = p ((n−1) E[z^(n−2) erf(az)] + E[z^(n−1) erf'(az)])."""
    if n % 2 == 0:
        return ball(0)
    keep = 1 + 2 * a * a * p
    bell = 2 * a / flint().arb.pi().sqrt() / keep.sqrt() * line(p / keep, n - 1, ONE)
    return p * (bell if n == 1 else (n - 1) * _line_erf(p, n - 2, a) + bell)


def _root_two_pi() -> Ball:
    return (2 * flint().arb.pi()).sqrt()


def _moments(n: int, k: int, mean: tuple[Ball, Ball], covariance: tuple[Ball, Ball, Ball]) -> Ball:
    """E[uⁿ vᵏ] of a pair with a (complex) mean and the covariance (uu, uv, vv)."""
    uu, uv, vv = covariance
    table: dict[tuple[int, int], Ball] = {(0, 0): ball(1)}
    for j in range(1, k + 1):
        table[0, j] = mean[1] * table[0, j - 1] + ((j - 1) * vv * table[0, j - 2] if j > 1 else 0)
    for i in range(1, n + 1):
        for j in range(k + 1):
            value = mean[0] * table[i - 1, j]
            if i > 1:
                value = value + (i - 1) * uu * table[i - 2, j]
            table[i, j] = value + (j * uv * table[i - 1, j - 1] if j else 0)
    return table[n, k]


# two variables ------------------------------------------------------------------------------------------


def two(left: list[Term], right: list[Term], pair: Law) -> Ball | None:
    """E[F(u) G(v)], None where a product of bases has no closed form here."""
    if not all(_supported(a[2], b[2]) for a in left for b in right):
        return None
    values = (a * b * plane(pair, (n, k), (s, t)) for a, n, s in left for b, k, t in right)
    return real(sum(values, start=ball(0)))


def _supported(a: Base, b: Base) -> bool:
    """A wave with a linear part meets nothing but waves and powers."""
    kinds = {a[0], b[0]}
    bent = any(base[0] == "wave" and not base[2].is_zero() for base in (a, b))
    return not (bent and kinds & {"step", "erf"})


def plane(pair: Law, powers: tuple[int, int], bases: tuple[Base, Base]) -> Ball:
    """E[uⁿ B(u) vᵏ C(v)]."""
    (n, k), (left, right) = powers, bases
    if left == ONE and n == 0:
        return line(pair.q, k, right)
    if right == ONE and k == 0:
        return line(pair.p, n, left)
    if pair.p.is_zero():
        return _at_zero(n, left) * line(pair.q, k, right)
    if pair.q.is_zero():
        return _at_zero(k, right) * line(pair.p, n, left)
    if "wave" in (left[0], right[0]):
        return _tilted(pair, powers, bases)
    if left == right == STEP and n == k == 1:
        reach = pair.deviations[0] * pair.deviations[1]
        return pair.c / 2 + reach * segment(pair.theta) / (2 * flint().arb.pi())
    return _pure(pair, left, right) if n == k == 0 else _stein(pair, powers, bases)


def _at_zero(n: int, base: Base) -> Ball:
    """zⁿ B(z) at 0."""
    if n or base[0] == "erf":
        return ball(0)
    return ball(1) / 2 if base == STEP else ball(1)


def _tilted(pair: Law, powers: tuple[int, int], bases: tuple[Base, Base]) -> Ball:
    """Under the density exp(αu² + βu + α'v² + β'v): a pair again, with Δ = 1 − ap − bq + ab det, a = 2α, b = 2α'."""
    (a, beta), (b, other) = (_tilt(base) for base in bases)
    delta = 1 - a * pair.p - b * pair.q + a * b * pair.det
    if not (positive(delta) and positive(2 - a * pair.p - b * pair.q)):
        return flint().arb.nan()
    uu, uv, vv = (pair.p - b * pair.det) / delta, pair.c / delta, (pair.q - a * pair.det) / delta
    factor = 1 / delta.sqrt()
    kinds = tuple(ONE if base[0] == "wave" else base for base in bases)
    if kinds != (ONE, ONE):
        return factor * plane(Law(uu, vv, uv, pair.det / delta), powers, (kinds[0], kinds[1]))
    mean = uu * beta + uv * other, uv * beta + vv * other
    return factor * ((beta * mean[0] + other * mean[1]) / 2).exp() * _moments(*powers, mean, (uu, uv, vv))


def _tilt(base: Base) -> tuple[Ball, Ball]:
    return (2 * base[1], base[2]) if base[0] == "wave" else (ball(0), complex_ball(ball(0), 0))


def _stein(pair: Law, powers: tuple[int, int], bases: tuple[Base, Base]) -> Ball:
    """E[u H] = p E[∂H/∂u] + c E[∂H/∂v] for the side that has nothing but powers, if there is one."""
    n, k = powers
    side = 1 if n == 0 or (bases[1] == ONE and k > 0) else 0
    lower = (n - 1, k) if side == 0 else (n, k - 1)
    own = (pair.p, pair.q)[side]
    return own * _slope(pair, side, lower, bases) + pair.c * _slope(pair, 1 - side, lower, bases)


def _slope(pair: Law, side: int, powers: tuple[int, int], bases: tuple[Base, Base]) -> Ball:
    """E of the derivative of uⁿ B(u) vᵏ C(v) along a side; a step's is a point mass."""
    power, base, total = powers[side], bases[side], ball(0)
    if power:
        fewer = (power - 1, powers[1]) if side == 0 else (powers[0], power - 1)
        total = total + power * plane(pair, fewer, bases)
    if base == STEP and power == 0:
        deviation, variance = pair.deviations[side], (pair.p, pair.q)[side]
        total = total + line(pair.det / variance, powers[1 - side], bases[1 - side]) / (deviation * _root_two_pi())
    if base[0] == "erf":
        a = base[1]
        bell: Base = ("wave", -a * a, complex_ball(ball(0), 0))
        total = total + 2 * a / flint().arb.pi().sqrt() * plane(
            pair, powers, (bell, bases[1]) if side == 0 else (bases[0], bell)
        )
    return total


def _pure(pair: Law, left: Base, right: Base) -> Ball:
    """E[B(u) C(v)] of steps and erfs: erf(az) = E sgn(√2 az − w), so all are angles (Sheppard)."""
    pi = flint().arb.pi()
    if left == right == STEP:
        return (pi - pair.theta) / (2 * pi)
    if STEP in (left, right):
        a, p = (right[1], pair.p) if left == STEP else (left[1], pair.q)
        return (ball(2).sqrt() * a * pair.c / (p + 2 * a * a * pair.det).sqrt()).atan() / pi
    a, b = left[1], right[1]
    square = 1 + 2 * a * a * pair.p + 2 * b * b * pair.q + 4 * a * a * b * b * pair.det
    return 2 / pi * (2 * a * b * pair.c / square.sqrt()).atan()
