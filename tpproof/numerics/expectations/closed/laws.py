"""A pair of Gaussian numbers, and the same pair under a density exp(α u² + β u + α' v² + β' v).

Everything is computed when it is first read and then kept: a register machine gets each number once, and only the
numbers that the formula needs. No covariance is inverted, so perfectly correlated pairs are nothing special.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from tpproof.numerics.expectations.closed.arithmetic import Namespace, add
from tpproof.numerics.expectations.closed.terms import Base, Number


class Pair(Protocol):
    """Centred Gaussian u, v; the angle θ between them in [0, π].

    At p = 0 or q = 0 any θ is right for the formulas if it is π/2. `d` and `D1` are read by `difference`;
    `d` also, where it is not None, by products of sines and cosines of one frequency.

    Attributes
    ----------
    p, q, c
        Var u, Var v, Cov(u, v).
    root, theta, sine
        √(p q), θ, sin θ.
    J0, J1
        E[step u step v] = (π - θ)/2π, E[relu u relu v].
    determinant
        p q sin²θ.
    d, D1
        Var(u - v), E(relu u - relu v)², or None.
    """

    @property
    def p(self) -> Any: ...
    @property
    def q(self) -> Any: ...
    @property
    def c(self) -> Any: ...
    @property
    def root(self) -> Any: ...
    @property
    def theta(self) -> Any: ...
    @property
    def sine(self) -> Any: ...
    @property
    def J0(self) -> Any: ...
    @property
    def J1(self) -> Any: ...
    @property
    def determinant(self) -> Any: ...
    @property
    def d(self) -> Any: ...
    @property
    def D1(self) -> Any: ...


def tilt_of(base: Base, m: Namespace) -> tuple[Number, Number]:
    """(2α, β) of exp(α z² + β z), as constants of the arithmetic; None for a zero and for what is no exponential."""
    if base[0] == "bell":
        a = m.number(base[1])
        return -2 * a * a, None
    if base[0] == "exp":
        return 2 * m.number(base[1]) if base[1] else None, m.number(base[2]) if base[2] else None
    return None, None


class Line:
    """One Gaussian number.

    Attributes
    ----------
    variance, mean
        The mean is None for a centred one.
    """

    def __init__(self, m: Namespace, variance: Number, mean: Number = None) -> None:
        self.m, self.variance, self.mean = m, variance, mean
        self._tilted: dict[Base, tuple[Number, Line]] = {}

    @cached_property
    def deviation(self) -> Number:
        """The standard deviation."""
        return self.m.sqrt(self.variance)

    def tilted(self, base: Base) -> tuple[Number, Line]:
        """(E B(z), the law of a centred z under the density B), B an exponential."""
        if base not in self._tilted:
            self._tilted[base] = self._tilt(base)
        return self._tilted[base]

    def _tilt(self, base: Base) -> tuple[Number, Line]:
        a, beta = tilt_of(base, self.m)
        factor, variance = 1, self.variance
        if a is not None:
            scale = 1 / (1 - a * variance)
            factor, variance = self.m.sqrt(scale), variance * scale
        if beta is None:
            return factor, Line(self.m, variance)
        mean = beta * variance
        return factor * self.m.exp(beta * mean / 2), Line(self.m, variance, mean)


class Plane:
    """A centred pair; u and v are the two `sides`, 0 and 1."""

    def __init__(self, pair: Pair, m: Namespace) -> None:
        self.pair, self.m, self.c = pair, m, pair.c
        self._tilted: dict[tuple[Base, Base], tuple[Number, Tilted]] = {}

    @cached_property
    def mean(self) -> tuple[Number, Number]:
        """E u and E v; None where 0."""
        return None, None

    @cached_property
    def lines(self) -> tuple[Line, Line]:
        """The marginals, centred."""
        return Line(self.m, self.pair.p), Line(self.m, self.pair.q)

    @cached_property
    def marginals(self) -> tuple[Line, Line]:
        """The sides with their means."""
        centred = zip(self.lines, self.mean, strict=True)
        left, right = (line if mean is None else Line(self.m, line.variance, mean) for line, mean in centred)
        return left, right

    @cached_property
    def determinant(self) -> Number:
        """p q - c²."""
        return self.pair.determinant

    @cached_property
    def rests(self) -> tuple[Line, Line]:
        """Each side where the other is 0: the variances p sin²θ and q sin²θ."""
        square = self.pair.sine * self.pair.sine
        return Line(self.m, self.pair.p * square), Line(self.m, self.pair.q * square)

    @cached_property
    def slopes(self) -> tuple[Number, Number]:
        """Each side's covariance with the other side divided by its deviation: √p cos θ and √q cos θ."""
        cosine = self.m.cos(self.pair.theta)
        return self.lines[0].deviation * cosine, self.lines[1].deviation * cosine

    def tilted(self, left: Base, right: Base) -> tuple[Number, Tilted]:
        """(E B(u) C(v), the law under the density B C), each an exponential or taken as 1."""
        key = left, right
        if key not in self._tilted:
            law = Tilted(self, tilt_of(left, self.m), tilt_of(right, self.m))
            self._tilted[key] = law.factor, law
        return self._tilted[key]


class Tilted(Plane):
    """A pair under the density exp(a u²/2 + β u + b v²/2 + β' v), a = 2α, b = 2α'.

    In terms of Δ = det(1 - diag(a, b) Σ) = 1 - a p - b q + a b (p q - c²), in which nothing cancels for a, b ≤ 0, the
    covariance is [[p - b det, c], [c, q - a det]]/Δ, and the density has mean Δ^(-1/2) exp(βᵀ Σ' β/2).
    """

    def __init__(self, parent: Plane, left: tuple[Number, Number], right: tuple[Number, Number]) -> None:
        super().__init__(parent.pair, parent.m)
        self.parent, self.a, self.b, self.betas = parent, left[0], right[0], (left[1], right[1])
        self.c = parent.c * self.scale

    @cached_property
    def scale(self) -> Number:
        """1/Δ."""
        p, q = (line.variance for line in self.parent.lines)
        delta: Number = 1
        if self.a is not None:
            delta = delta - self.a * p
        if self.b is not None:
            delta = delta - self.b * q
        if self.a is not None and self.b is not None:
            delta = delta + self.a * self.b * self.parent.determinant
        return 1 if self.a is None and self.b is None else 1 / delta

    @cached_property
    def lines(self) -> tuple[Line, Line]:
        left, right = self._narrowed(0, self.b), self._narrowed(1, self.a)
        return Line(self.m, left * self.scale), Line(self.m, right * self.scale)

    def _narrowed(self, side: int, tilt: Number) -> Number:
        variance = self.parent.lines[side].variance
        return variance if tilt is None else variance - tilt * self.parent.determinant

    @cached_property
    def determinant(self) -> Number:
        return self.parent.determinant * self.scale

    @cached_property
    def rests(self) -> tuple[Line, Line]:
        left, right = (line.variance for line in self.parent.rests)
        return Line(self.m, left / self._loss(0)), Line(self.m, right / self._loss(1))

    @cached_property
    def slopes(self) -> tuple[Number, Number]:
        left, right = self.parent.slopes
        return left * self.m.sqrt(self.scale / self._loss(0)), right * self.m.sqrt(self.scale / self._loss(1))

    def _loss(self, side: int) -> Number:
        """By what the rest of a side shrinks: 1 - a Var(u | v = 0)."""
        tilt = (self.a, self.b)[side]
        return 1 if tilt is None else 1 - tilt * self.parent.rests[side].variance

    @cached_property
    def mean(self) -> tuple[Number, Number]:
        """Σ' (β, β')."""
        variances = [None if b is None else self.lines[i].variance * b for i, b in enumerate(self.betas)]
        crossed = [None if b is None else self.c * b for b in reversed(self.betas)]
        return add(variances[0], crossed[0]), add(variances[1], crossed[1])

    @cached_property
    def factor(self) -> Number:
        """The density's mean."""
        factor = 1 if self.a is None and self.b is None else self.m.sqrt(self.scale)
        exponent = None
        for beta, mean in zip(self.betas, self.mean, strict=True):
            if beta is not None:
                exponent = add(exponent, beta * mean)
        return factor if exponent is None else factor * self.m.exp(exponent / 2)
