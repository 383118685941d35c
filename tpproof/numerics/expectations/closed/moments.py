"""E[zⁿ B(z)] and E[uⁿ B(u) vᵏ C(v)], by Stein's lemma; inside, None is an exact zero.

E[u H] = E u · E H + p E[∂H/∂u] + c E[∂H/∂v] takes one power away at a time. A derivative of erf is a Gaussian, which
tilts the law; one of step is a point mass, where the other side keeps a smaller variance. What is left has no powers:
angles (step, erf), exponentials (sin, cos). Every value is computed once.
"""

from __future__ import annotations

import math

from tpproof.numerics.expectations.closed.arithmetic import Namespace, add, arc, tanh, times
from tpproof.numerics.expectations.closed.laws import Line, Plane
from tpproof.numerics.expectations.closed.terms import ONE, STEP, TRIG, Base, Number

ODD = ("sin", "erf")


def slope(base: Base, m: Namespace) -> tuple[Number, Base] | None:
    """(factor, base) of a base's derivative; None where it vanishes, or is a point mass."""
    match base[0]:
        case "erf":
            return 2 * m.number(base[1]) / m.sqrt(m.pi), ("bell", base[1])
        case "sin":
            return m.number(base[1]), ("cos", base[1])
        case "cos":
            return -m.number(base[1]), ("sin", base[1])
    return None


class Moments:
    """Expectations under one or more laws, each computed once."""

    def __init__(self, m: Namespace) -> None:
        self.m = m
        self._lines: dict[tuple[Line, int, Base], Number] = {}
        self._planes: dict[tuple[Plane, int, int, Base, Base], Number] = {}
        self._waves: dict[tuple[Plane, float, float], Number] = {}

    # --- one variable

    def line(self, law: Line, n: int, base: Base) -> Number:
        """E[zⁿ B(z)]."""
        key = law, n, base
        if key not in self._lines:
            self._lines[key] = self._line(law, n, base)
        return self._lines[key]

    def _line(self, law: Line, n: int, base: Base) -> Number:
        if base[0] in ("exp", "bell"):
            factor, tilted = law.tilted(base)
            return times(factor, self.line(tilted, n, ONE))
        if base == STEP:
            return self._half(law, n)
        if law.mean is None and (n + (base[0] in ODD)) % 2:
            return None
        if n == 0:
            return self._base(law, base)
        bent = slope(base, self.m)
        inner = None if bent is None else times(bent[0], self.line(law, n - 1, bent[1]))
        shorter = times(n - 1, self.line(law, n - 2, base)) if n > 1 else None
        mean = None if law.mean is None else times(law.mean, self.line(law, n - 1, base))
        return add(mean, times(law.variance, add(shorter, inner)))

    def _half(self, law: Line, n: int) -> Number:
        """E[zⁿ; z > 0], z centred."""
        count = math.prod(range(n - 1, 1, -2))
        power = None if n < 2 else law.variance ** (n // 2)
        factors = [] if power is None else [power]
        if n % 2:
            return times(*factors, law.deviation, count / self.m.sqrt(2 * self.m.pi))
        return times(*factors, self.m.number(count) / 2)

    def _base(self, law: Line, base: Base) -> Number:
        """E B(z) of 1, sin and cos."""
        if base == ONE:
            return 1
        w = self.m.number(base[1])
        size = self.m.exp(-(w * w) * law.variance / 2)
        if law.mean is None:
            return size
        return size * (self.m.sin if base[0] == "sin" else self.m.cos)(w * law.mean)

    # --- two variables

    def plane(self, law: Plane, n: int, k: int, left: Base, right: Base) -> Number:
        """E[uⁿ B(u) vᵏ C(v)]."""
        key = law, n, k, left, right
        if key not in self._planes:
            self._planes[key] = self._plane(law, n, k, left, right)
        return self._planes[key]

    def _plane(self, law: Plane, n: int, k: int, left: Base, right: Base) -> Number:
        if left == ONE and n == 0:
            return self.line(law.marginals[1], k, right)
        if right == ONE and k == 0:
            return self.line(law.marginals[0], n, left)
        tilts = [base[0] in ("exp", "bell") for base in (left, right)]
        if any(tilts):
            factor, tilted = law.tilted(left, right)
            inner = self.plane(tilted, n, k, ONE if tilts[0] else left, ONE if tilts[1] else right)
            return times(factor, inner)
        odd = n + k + (left[0] in ODD) + (right[0] in ODD)
        if odd % 2 and law.mean == (None, None) and STEP not in (left, right):
            return None
        if left == right == STEP and n == k and n < 2:
            return law.pair.J1 if n else law.pair.J0
        if n == k == 0:
            return self._pure(law, left, right)
        return self._stein(law, n, k, left, right)

    def _stein(self, law: Plane, n: int, k: int, left: Base, right: Base) -> Number:
        """One power less, of the side that has nothing but powers if there is one."""
        side = 1 if n == 0 or (right == ONE and k > 0) else 0
        powers = (n - 1, k) if side == 0 else (n, k - 1)
        drift = law.mean[side]
        mean = None if drift is None else times(drift, self.plane(law, *powers, left, right))
        own = times(law.lines[side].variance, self._derivative(law, side, powers, (left, right)))
        point = self._point(law, side, side, powers, (left, right))
        cross = times(law.c, self._derivative(law, 1 - side, powers, (left, right)))
        far = self._point(law, side, 1 - side, powers, (left, right))
        return add(mean, own, point, cross, far)

    def _derivative(self, law: Plane, side: int, powers: tuple[int, int], bases: tuple[Base, Base]) -> Number:
        """E of the derivative of uⁿ B(u) vᵏ C(v) along a side, without point masses."""
        n, k = powers
        count = powers[side]
        shorter = None
        if count:
            shorter = times(count, self.plane(law, n - (side == 0), k - (side == 1), *bases))
        bent = slope(bases[side], self.m)
        if bent is None:
            return shorter
        left, right = (bent[1], bases[1]) if side == 0 else (bases[0], bent[1])
        return add(shorter, times(bent[0], self.plane(law, n, k, left, right)))

    def _point(self, law: Plane, side: int, at: int, powers: tuple[int, int], bases: tuple[Base, Base]) -> Number:
        """Cov(side, at) E[δ(at) · the other side's factor]: the part of a step's derivative in Stein's lemma."""
        if bases[at] != STEP or powers[at] > 0:
            return None
        # Cov(side, at)/√Var(at): a deviation where the sides are one, else √Var cos θ
        reach = law.lines[at].deviation if side == at else law.slopes[side]
        other = self.line(law.rests[1 - at], powers[1 - at], bases[1 - at])
        return times(reach / self.m.sqrt(2 * self.m.pi), other)

    def _pure(self, law: Plane, left: Base, right: Base) -> Number:
        """E[B(u) C(v)]: erf with erf or step, sin and cos with each other."""
        if left[0] in TRIG:
            return self._wave(law, left, right)
        m = self.m
        if STEP in (left, right):
            side = 0 if right == STEP else 1
            b = m.number((left, right)[side][1])
            rest, reach = law.rests[side].variance, law.slopes[side]
            return arc(m.sqrt(m.number(2.0)) * b * reach, 1 + 2 * b * b * rest, m) / m.pi
        a, b = m.number(left[1]), m.number(right[1])
        p, q = (2 * x * x * line.variance for x, line in zip((a, b), law.lines, strict=True))
        k2 = 1 + p + q + 4 * a * a * b * b * law.determinant
        return 2 / m.pi * arc(2 * a * b * law.c, k2, m)

    def _wave(self, law: Plane, left: Base, right: Base) -> Number:
        """E[cos cos] = M, E[sin sin] = M tanh(w w' c), M = (exp(-Var(w u - w' v)/2) + exp(-Var(w u + w' v)/2))/2."""
        m = self.m
        w, x = m.number(left[1]), m.number(right[1])
        key = law, left[1], right[1]
        if key not in self._waves:
            p, q = (line.variance for line in law.lines)
            plain, mixed = w * w * p + x * x * q, 2 * w * x * law.c
            d = law.pair.d if left[1] == right[1] else None
            near = plain - mixed if d is None else w * w * d
            self._waves[key] = (m.exp(-near / 2) + m.exp(-(plain + mixed) / 2)) / 2
        mean = self._waves[key]
        return mean if left[0] == "cos" else mean * tanh(w * x * law.c, m)
