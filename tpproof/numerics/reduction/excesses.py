"""Excesses 2(√(E x² E y²) − E xy) = 2√(E x² E y²)(1 − cos θ), without cancellation: small angles rest on them.

An excess scales as a product does, so that nearly parallel inputs of different lengths are as accurate as
near-duplicates; sums of independent parts add the excesses of the parts and what Cauchy–Schwarz leaves of the norms.
"""

from __future__ import annotations

from fractions import Fraction

from tpproof.numerics.reduction.distances import TWO, Distances, Summand
from tpproof.numerics.reduction.plan import Product, Slot
from tpproof.numerics.reduction.questions import Ask
from tpproof.numerics.reduction.shapes import nonnegative, terms_of
from tpproof.numerics.reduction.univariate import Tree
from tpproof.program.atoms import Ref
from tpproof.program.constants import ONE, ZERO, Constant, mul, to_float
from tpproof.program.reduced import Form

HALF = Fraction(1, 2)


class Excesses(Distances):
    """The rules on excesses."""

    def excess(self, side: str, r: Ref, s: Ref) -> Ask:
        """2(√(Var u Var v) − Cov(u, v)) of linear combinations of G-vars."""
        if not self.form.meets(r, s):
            roots = [(yield from self._root("covariance", r)), (yield from self._root("covariance", s))]
            product = (TWO, tuple(self.broadcast(side, i, x) for i, x in enumerate(roots)))
            return self._zero_or(side, self.steps(side).total([product]))  # 0 for constant vectors
        if self.form.form(r) is Form.BASE and self.form.form(s) is Form.BASE:
            return self._zero_or(side, (yield from self._of_bases("excess", "moment_excess", side, r, s)))
        if (yield ("aligned", r, s)) is not None:
            return (yield from self._summed_excesses("covariance", side, r, s))
        distance = yield ("distance", side, r, s)
        return (yield from self._beyond_norms("covariance", side, r, s, distance))

    def _root(self, name: str, x: Ref) -> Ask:
        """√Var Z^x or √E(Z^x)², an own slot."""
        square = yield (name, "own", x, x)
        return self.own.number(ZERO) if square is None else self.own.add("function", (square,), ("pow", HALF))

    def moment_excess(self, side: str, x: Ref, y: Ref) -> Ask:
        """2(√(E x² E y²) − E xy) of any two vectors."""
        centred = (yield ("mean", x)) is None and (yield ("mean", y)) is None
        if self.form.g_linear(x) and self.form.g_linear(y) and centred:
            return (yield ("excess", side, x, y))
        if (yield ("aligned", x, y)) is not None and (centred or len((yield ("summands", x))) == 1):
            return (yield from self._summed_excesses("moment", side, x, y))
        function = yield from self._common_function(x, y)
        if function is not None and _ramp(function[1]):
            return (yield from self._excess_of_ramp(side, *function))
        square = yield ("square", side, x, y)
        return (yield from self._beyond_norms("moment", side, x, y, square))

    def _excess_of_ramp(self, side: str, r: Ref, f: Tree, s: Ref) -> Ask:
        covariance = yield ("covariance", side, r, s)
        p, q = (yield ("covariance", "own", r, r)), (yield ("covariance", "own", s, s))
        excess = yield ("excess", side, r, s)
        args = (self._zero_or(side, covariance), self._slot(p), self._slot(q), excess)
        return self.steps(side).add("ramp_excess", args, (f,))

    def _beyond_norms(self, name: str, side: str, x: Ref, y: Ref, distance: Slot) -> Ask:
        """E(x − y)² − (√E x² − √E y²)²."""
        steps = self.steps(side)
        roots = [(yield from self._root(name, x)), (yield from self._root(name, y))]
        gap = steps.total(
            [(c, (self.broadcast(side, i, s),)) for i, (c, s) in enumerate(zip((ONE, -ONE), roots, strict=True))]
        )
        found = steps.total([(ONE, (distance,)), *([] if gap is None else [(-ONE, (gap, gap))])])
        if x == y and side == "pair" and found is not None:  # rounding must not tell equal inputs apart
            found = self.pair.total([(ONE, (found, self.pair.add("differ")))])
        return self._zero_or(side, found)

    def _summed_excesses(self, name: str, side: str, x: Ref, y: Ref) -> Ask:
        """Of sums Σ α_t a_t and Σ α'_t b_t of orthogonal parts, with P_t = α_t² E a_t² and Q_t = α'_t² E b_t².

        Σ_t of the parts' excesses, plus 2(√(Σ P_t Σ Q_t) − Σ √(P_t Q_t)) = Σ_t (A_t B − A B_t)² where
        A = (Σ P_t)^(1/4), A_t = √P_t/A and B, B_t the same of Q.
        """
        products: list[Product] = []
        pairs = yield ("aligned", x, y)
        for first, second in pairs:
            if first is None or second is None:
                continue  # nothing and anything have no angle: the norms say all
            (constant, own, a), (_, _, b) = first, second
            inner = yield ("excess" if name == "covariance" else "moment_excess", side, a, b)
            products += yield from self._scaled_excess(name, side, constant, own, a, b, inner)
        if len(pairs) > 1:
            row = yield from self._shares(name, x, tuple(a for a, _ in pairs))
            col = yield from self._shares(name, y, tuple(b for _, b in pairs))
            steps = self.steps(side)
            for a, b in zip(row[1:], col[1:], strict=True):
                first = (self.broadcast(side, 0, a), self.broadcast(side, 1, col[0]))
                second = (self.broadcast(side, 0, row[0]), self.broadcast(side, 1, b))
                gap = steps.total([(ONE, first), (-ONE, second)])
                products += [] if gap is None else [(ONE, (gap, gap))]
        return self._zero_or(side, self.steps(side).total(products))

    def _shares(self, name: str, x: Ref, summands: tuple[Summand | None, ...]) -> Ask:
        """A and every A_t, own slots."""
        total = self._slot((yield (name, "own", x, x)))
        found = [self.own.add("function", (total,), ("pow", HALF * HALF))]
        for summand in summands:
            if summand is None:
                found.append(self.own.add("share", (self.own.number(ZERO), total)))
                continue
            constant, own, vector = summand
            square = yield (name, "own", vector, vector)
            part = None if square is None else self.own.total([(mul(constant, constant), (*own, *own, square))])
            found.append(self.own.add("share", (self._slot(part), total)))
        return tuple(found)

    def _positive(self, slot: Slot) -> bool:
        """Whether an own number is known to be no less than 0: those of normalisations above all."""
        step = self.own.steps[slot]
        if step.op == "sum":
            return all(to_float(c) >= 0 and all(self._positive(s) for s in slots) for c, slots in step.data)
        if step.op == "expect1":
            return nonnegative(step.data[0])
        if step.op != "function":
            return False
        if step.data[0] == "pow":
            exponent = step.data[1]
            even = exponent.denominator % 2 == 0 or (exponent.denominator == 1 and exponent % 2 == 0)
            return even or self._positive(step.args[0])
        return step.data in (("call", "abs"), ("call", "exp"), ("call", "sigmoid"), ("call", "softplus"))

    def _scaled_excess(
        self, name: str, side: str, constant: Constant, own: tuple[Slot, ...], a: Ref, b: Ref, inner: Slot
    ) -> Ask:
        """|α α'| times the excess, plus 2(|α α'| − α α')√(E a² E b²) where the multiples may differ in sign."""
        square = mul(constant, constant)
        signed = tuple(s for s in own if not self._positive(s))
        if not signed:
            known = [self.broadcast(side, i, s) for i in (0, 1) for s in own]
            return [(square, (*known, inner))]
        sizes = [self.own.add("function", (s,), ("call", "abs")) if s in signed else s for s in own]
        both = [
            (*(self.broadcast(side, 0, s) for s in some), *(self.broadcast(side, 1, s) for s in some))
            for some in (sizes, own)
        ]
        roots = [(yield from self._root(name, a)), (yield from self._root(name, b))]
        rest = tuple(self.broadcast(side, i, s) for i, s in enumerate(roots))
        double = mul(TWO, square)
        return [(square, (*both[0], inner)), (double, (*both[0], *rest)), (mul(-ONE, double), (*both[1], *rest))]


def _ramp(f: Tree) -> bool:
    """Whether a function is αz + β relu(z)."""
    terms = terms_of(f)
    return terms is not None and all(n == 1 and base in (("one",), ("step",)) for _, n, base in terms)
