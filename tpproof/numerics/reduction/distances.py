"""Squared distances E(Z^x − Z^y)² at the two inputs, without cancellation where the vectors are built alike."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

from tpproof.numerics.reduction.directions import Directions
from tpproof.numerics.reduction.plan import Product, Slot
from tpproof.numerics.reduction.questions import Ask
from tpproof.numerics.reduction.shapes import slots
from tpproof.numerics.reduction.univariate import number, times
from tpproof.program.atoms import Ref
from tpproof.program.constants import ONE, ZERO, Constant, mul
from tpproof.program.reduced import Form

TWO = Fraction(2)
Summand: TypeAlias = tuple[Constant, tuple[Slot, ...], Ref]
"""A constant and own numbers times a vector."""
Couple: TypeAlias = tuple[Summand | None, Summand | None]
"""A summand of one sum and one of another; None where one has none."""


class Distances(Directions):
    """The rules on distances."""

    def distance(self, side: str, r: Ref, s: Ref) -> Ask:
        """Var(u − v) of linear combinations of G-vars, without cancellation where they are built alike."""
        if not self.form.meets(r, s):
            variances = [(yield ("covariance", "own", r, r)), (yield ("covariance", "own", s, s))]
            parts = [(ONE, (self.broadcast(side, i, v),)) for i, v in enumerate(variances) if v is not None]
            return self._zero_or(side, self.steps(side).total(parts))
        if self.form.form(r) is Form.BASE and self.form.form(s) is Form.BASE:
            return self._zero_or(side, (yield from self._of_bases("distance", "square", side, r, s)))
        if (yield ("aligned", r, s)) is not None:
            return (yield from self._summed_distances("distance", side, r, s))
        return (yield from self._subtracted("covariance", side, r, s))

    def _zero_or(self, side: str, slot: Slot | None) -> Slot:
        return self.steps(side).number(ZERO) if slot is None else slot

    def _of_bases(self, of_inputs: str, of_vectors: str, side: str, r: Ref, s: Ref) -> Ask:
        """Of two base Gaussians of one symbol: σ² times that of what is multiplied; 0 for one shared parameter."""
        g, h = self.form.gvar(r), self.form.gvar(s)
        node, other = self.program.nodes[g], self.program.nodes[h]
        if node.op == "param":
            return None
        variance = self.program.parameters[node.data[0]].variance(self.program.symbol(g)[1])
        steps = self.steps(side)
        if node.op == "embed":
            return steps.total([(variance, (steps.add(of_inputs, (), node.data[1:] + other.data[1:]),))])
        inner = yield (of_vectors, side, node.args[0], other.args[0])
        return steps.total([(variance, (inner,))])

    def square(self, side: str, x: Ref, y: Ref) -> Ask:
        """E(Z^x − Z^y)²."""
        if self.form.g_linear(x) and self.form.g_linear(y):
            distance = yield ("distance", side, x, y)
            means = yield from self._difference_of_means(side, (ONE, (), x), (ONE, (), y))
            return self._zero_or(side, self.steps(side).total([(ONE, (distance,)), *_squared(means)]))
        if (yield ("aligned", x, y)) is not None:
            return (yield from self._summed_distances("square", side, x, y))
        function = yield from self._common_function(x, y)
        if function is None:
            return (yield from self._subtracted("moment", side, x, y))
        r, f, s = function
        covariance = yield ("covariance", side, r, s)
        p, q = (yield ("covariance", "own", r, r)), (yield ("covariance", "own", s, s))
        excess = yield ("excess", side, r, s)
        args = (self._zero_or(side, covariance), self._slot(p), self._slot(q), excess)
        return self.steps(side).add("difference", args, (f,))

    def _common_function(self, x: Ref, y: Ref) -> Ask:
        """(direction, function, direction) when both vectors are one function of one direction each."""
        left, right = (yield ("expansion", x)), (yield ("expansion", y))
        if len(left) != 1 or len(right) != 1 or left[0].own or right[0].own:
            return None
        if len(left[0].factors) != 1 or len(right[0].factors) != 1 or left[0].constant != right[0].constant:
            return None
        (r, f), (s, g) = left[0].factors[0], right[0].factors[0]
        return (r, times(number(left[0].constant), f), s) if f == g and not slots(f) else None

    def aligned(self, x: Ref, y: Ref) -> Ask:
        """The summands of two sums in pairs of equal coefficients, whose places are independent; or None.

        Summands are matched by what they are made of, in whatever order they stand, and one may be missing: at two
        pixels of a convolution the taps come in other orders, and at the edge there are fewer.
        """
        if self.form.form(x) is not Form.LINEAR or self.form.form(y) is not Form.LINEAR:
            return None
        pairs = self._matched((yield ("summands", x)), (yield ("summands", y)))
        seen = 0
        for pair in pairs or ():
            mask = 0
            for summand in pair:
                mask |= 0 if summand is None else self.form.support(summand[2])
            if mask & seen:
                return None
            seen |= mask
        return pairs

    def _matched(self, left: Sequence[Summand], right: Sequence[Summand]) -> tuple[Couple, ...] | None:
        place: dict[tuple[Constant, tuple[Slot, ...], int], list[Summand]] = {}
        for b in reversed(right):
            place.setdefault((b[0], b[1], self.form.support(b[2])), []).append(b)
        pairs: list[Couple] = []
        for a in left:
            waiting = place.get((a[0], a[1], self.form.support(a[2])))
            pairs.append((a, waiting.pop() if waiting else None))
        if any(None not in pair for pair in pairs):
            return (*pairs, *((None, b) for waiting in place.values() for b in reversed(waiting)))
        alike = len(left) == len(right) and all(a[:2] == b[:2] for a, b in zip(left, right, strict=True))
        return tuple(zip(left, right, strict=True)) if alike else None

    def _alone(self, name: str, side: str, instance: int, summand: Summand) -> Ask:
        """E(α a)² of a summand that the other sum has not."""
        constant, own, a = summand
        square = yield ("covariance" if name == "distance" else "moment", "own", a, a)
        if square is None:
            return []
        return [(mul(constant, constant), tuple(self.broadcast(side, instance, s) for s in (*own, *own, square)))]

    def _summed_distances(self, name: str, side: str, x: Ref, y: Ref) -> Ask:
        """Of aligned sums Σ α_i a_i and Σ α'_i b_i, α and α' the same constant times own numbers of each side."""
        products: list[Product] = []
        means: list[list[Product]] = []
        for first, second in (yield ("aligned", x, y)):
            if first is None or second is None:
                products += yield from self._alone(name, side, int(first is None), first or second)
            else:
                (constant, own, a), (_, _, b) = first, second
                distance = yield (name, side, a, b)
                products += yield from self._scaled(name, side, constant, own, a, b, distance)
            if name == "square":
                means.append((yield from self._difference_of_means(side, first, second)))
        for i, first in enumerate(means):
            for second in means[:i]:
                products += [(mul(TWO, c, e), (*s, *t)) for c, s in first for e, t in second]
        return self._zero_or(side, self.steps(side).total(products))

    def _scaled(
        self, name: str, side: str, constant: Constant, own: tuple[Slot, ...], a: Ref, b: Ref, distance: Slot
    ) -> Ask:
        """E(αu − α'v)² = αα' E(u − v)² + (α − α')(α E u² − α' E v²)."""
        square = mul(constant, constant)
        row = tuple(self.broadcast(side, 0, s) for s in own)
        col = tuple(self.broadcast(side, 1, s) for s in own)
        found: list[Product] = [(square, (*row, *col, distance))]
        if row == col:
            return found
        kind = "covariance" if name == "distance" else "moment"
        first, second = (yield (kind, "own", a, a)), (yield (kind, "own", b, b))
        steps = self.steps(side)
        gap = steps.total([(ONE, row), (-ONE, col)])
        parts = [] if first is None else [(ONE, (*row, self.broadcast(side, 0, first)))]
        parts += [] if second is None else [(-ONE, (*col, self.broadcast(side, 1, second)))]
        rest = steps.total(parts)
        return found if gap is None or rest is None else [*found, (square, (gap, rest))]

    def _difference_of_means(self, side: str, first: Summand | None, second: Summand | None) -> Ask:
        """α E a − α' E b as products."""
        found: list[Product] = []
        for instance, summand, sign in ((0, first, ONE), (1, second, -ONE)):
            mean = None if summand is None else (yield ("mean", summand[2]))
            if summand is not None and mean is not None:
                slots = tuple(self.broadcast(side, instance, s) for s in (*summand[1], mean))
                found.append((mul(sign, summand[0]), slots))
        return found

    def _subtracted(self, name: str, side: str, x: Ref, y: Ref) -> Ask:
        """E x² + E y² − 2 E xy: what is left when the two are not built alike."""
        first, second = (yield (name, "own", x, x)), (yield (name, "own", y, y))
        both = yield self._ordered(name, side, x, y)
        own = enumerate((first, second))
        parts: list[Product] = [(ONE, (self.broadcast(side, i, s),)) for i, s in own if s is not None]
        parts += [] if both is None else [(mul(-ONE, TWO), (both,))]
        found = self._zero_or(side, self.steps(side).total(parts))
        if x == y and side == "pair":  # rounding must not tell equal inputs apart
            found = self._zero_or(side, self.pair.total([(ONE, (found, self.pair.add("differ")))]))
        return found


def _squared(products: list[Product]) -> list[Product]:
    """(Σ …)² multiplied out."""
    return [(mul(c, e), (*s, *t)) for c, s in products for e, t in products]
