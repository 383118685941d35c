"""Moments of a program's limit variables over the Gaussian directions that its functions read.

Every number has a *side*: ``own`` (both vectors at one input) or ``pair`` (one at ξ̃, the row's input, one at ξ, the
column's). The same rules serve both; only inputs, own numbers and shared parameters differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from tpproof.numerics.reduction.monomials import (
    Expansion,
    Monomial,
    NotReducible,
    applied,
    collected,
    constant_expansion,
    powered,
    product,
    slopes,
)
from tpproof.numerics.reduction.plan import Product, Slot
from tpproof.numerics.reduction.questions import Ask, Questions
from tpproof.numerics.reduction.shapes import has_kinks, parity, terms_of
from tpproof.numerics.reduction.stein import lowest_polynomial, without_one_power
from tpproof.numerics.reduction.univariate import Tree, Z, number, plus, times
from tpproof.program.atoms import Ref
from tpproof.program.constants import ONE, ZERO, Constant, mul
from tpproof.program.model import Kind
from tpproof.program.reduced import Form

Variable: TypeAlias = tuple[int, Ref, Tree]
"""Instance (0: ξ̃ or the only one, 1: ξ), direction, function."""
TWO = Fraction(2)


class Directions(Questions):
    """Means, covariances, moments, expansions, expectations."""

    # means ----------------------------------------------------------------------------------------------

    def mean(self, x: Ref) -> Ask:
        """E Z^x, an own slot, None for 0."""
        if x >= 0 and self.program.nodes[x].op == "ones":
            return self.own.number(ONE)
        match self.form.form(x):
            case Form.BASE:
                return None
            case Form.LINEAR:
                products: list[Product] = []
                for constant, own, vector in (yield ("summands", x)):
                    inner = yield ("mean", vector)
                    if inner is not None:
                        products.append((constant, (*own, inner)))
                return self.own.total(products)
        expansion = yield ("expansion", x)
        return (yield from self.expected("own", expansion, (Monomial(ONE),)))

    def mean_slope(self, x: int, a: Ref) -> Ask:
        """E[∂_a Z^x], an own slot."""
        expansion = yield ("slope_expansion", x, a)
        return (yield from self.expected("own", expansion, (Monomial(ONE),)))

    def response(self, x: Ref, base: Ref) -> Ask:
        """E[∂Z^x/∂Ẑ], unwound through the frontier to the base Gaussians (Remark B.5)."""
        if not self.form.meets(x, base):
            return None
        match self.form.form(x):
            case Form.BASE:
                return self.own.number(ONE) if x == base else None
            case Form.LINEAR:
                parts = yield ("summands", x)
                products: list[Product] = []
                for constant, own, vector in parts:
                    inner = yield ("response", vector, base)
                    if inner is not None:
                        products.append((constant, (*own, inner)))
                return self.own.total(products)
        products = []
        for r in self.form.frontier(x):
            inner = yield ("response", r, base)
            slope = None if inner is None else (yield ("mean_slope", x, r))
            if inner is not None and slope is not None:
                products.append((ONE, (inner, slope)))
        return self.own.total(products)

    # covariances and moments ----------------------------------------------------------------------------

    def _depth(self, r: Ref) -> int:
        return 2 * r + 1 if r >= 0 else 2 * ~r

    def _ordered(self, name: str, side: str, x: Ref, y: Ref) -> tuple[Any, ...]:
        return (name, side, y, x) if side == "own" and self._depth(x) < self._depth(y) else (name, side, x, y)

    def covariance(self, side: str, r: Ref, s: Ref) -> Ask:
        """Cov(Z^r, Z^s) of linear combinations of G-vars."""
        if not self.form.meets(r, s):
            return None
        linear = self.form.form(r) is Form.LINEAR, self.form.form(s) is Form.LINEAR
        if any(linear):
            left = linear[0] and (not linear[1] or self._depth(r) >= self._depth(s))
            return (yield from self._bilinear("covariance", side, r, s, left))
        return (yield from self._base_covariance(side, r, s))

    def _bilinear(self, name: str, side: str, x: Ref, y: Ref, left: bool) -> Ask:
        """Expand the left or the right vector of a covariance or moment."""
        products: list[Product] = []
        for constant, own, vector in (yield ("summands", x if left else y)):
            inner = yield self._ordered(name, side, *((vector, y) if left else (x, vector)))
            if inner is not None:
                multiples = [self.broadcast(side, 0 if left else 1, s) for s in own]
                products.append((constant, (*multiples, inner)))
        return self.steps(side).total(products)

    def _base_covariance(self, side: str, r: Ref, s: Ref) -> Ask:
        """ZInit and ZHat (64)."""
        g, h = self.form.gvar(r), self.form.gvar(s)
        node, other = self.program.nodes[g], self.program.nodes[h]
        variance = self.program.parameters[node.data[0]].variance(self.program.symbol(g)[1])
        steps = self.steps(side)
        if variance == 0:
            return None
        if node.op == "embed":
            return steps.total([(variance, (steps.add("gram", (), node.data[1:] + other.data[1:]),))])
        if node.op == "param":
            return steps.number(variance)
        moment = yield self._ordered("moment", side, node.args[0], other.args[0])
        return None if moment is None else steps.total([(variance, (moment,))])

    def moment(self, side: str, x: Ref, y: Ref) -> Ask:
        """E[Z^x Z^y]."""
        if not self.form.meets(x, y):
            return (yield from self._product_of_means(side, x, y))
        if self.form.g_linear(x) and self.form.g_linear(y):
            covariance = yield self._ordered("covariance", side, x, y)
            means = yield from self._product_of_means(side, x, y)
            return self.steps(side).total([(ONE, (s,)) for s in (covariance, means) if s is not None])
        linear = [self.form.form(r) is Form.LINEAR and not self.form.g_linear(r) for r in (x, y)]
        if any(linear):
            left = linear[0] and (not linear[1] or self._depth(x) >= self._depth(y))
            return (yield from self._bilinear("moment", side, x, y, left))
        return (yield from self.expected(side, (yield ("expansion", x)), (yield ("expansion", y))))

    def _product_of_means(self, side: str, x: Ref, y: Ref) -> Ask:
        first = yield ("mean", x)
        second = None if first is None else (yield ("mean", y))
        if first is None or second is None:
            return None
        return self.steps(side).total([(ONE, (self.broadcast(side, 0, first), self.broadcast(side, 1, second)))])

    # expansions -----------------------------------------------------------------------------------------

    def expansion(self, x: Ref) -> Ask:
        """A vector as a sum of products of functions of one direction each."""
        if x >= 0 and self.program.nodes[x].op == "ones":
            return constant_expansion(ONE)
        if self.form.g_linear(x):
            return (yield from self._direction(x))
        if self.form.form(x) is Form.LINEAR:
            found: list[Monomial] = []
            for constant, own, vector in (yield ("summands", x)):
                inner = yield ("expansion", vector)
                found.extend(product([constant_expansion(constant, own), inner]))
            return collected(found)
        return (yield from self._nonlin_expansion(x))

    def _direction(self, r: Ref) -> Ask:
        """A linear combination of G-vars: its centred Gaussian, plus its mean."""
        mean = yield ("mean", r)
        tree: Tree = Z
        if mean is not None:
            value = self.own.value(mean)
            tree = plus(Z, number(value) if value is not None else ("own", mean))
        return (Monomial(ONE, (), ((r, tree),)),) if self.form.support(r) else self._constant_vector(mean)

    def _constant_vector(self, mean: Slot | None) -> Expansion:
        if mean is None:
            return ()
        value = self.own.value(mean)
        return constant_expansion(value) if value is not None else constant_expansion(ONE, (mean,))

    def _nonlin_expansion(self, x: int) -> Ask:
        node = self.program.nodes[x]
        expansions = []
        for a in node.args:
            if self.program.kinds[a] is Kind.VECTOR:
                expansions.append((yield ("expansion", a)))
            elif self.program.kinds[a] is Kind.CONSTANT:
                expansions.append(constant_expansion(self.program.nodes[a].data[0]))
            else:
                slot = yield ("scalar", a)
                expansions.append(() if slot is None else self._constant_vector(slot))
        if node.op == "mul":
            return product(expansions)
        if node.op == "pow":
            return powered(expansions[0], node.data[0], (yield from self._fixed(expansions[0])))
        slope = self.program.nodes[node.args[1]].data[0] if node.data[0] == "leaky_relu" else ZERO
        if node.data[0] != "leaky_relu" and len(expansions) > 1:
            raise NotReducible(f"{node.data[0]}, a function of {len(expansions)} arguments")
        return applied(node.data[0], expansions[0], slope, (yield from self._fixed(expansions[0])))

    def _fixed(self, expansion: Expansion) -> Ask:
        """The directions of variance 0: parameters that start at one value and are trained."""
        found = []
        for r in sorted({r for m in expansion for r, _ in m.factors}):
            if (yield ("covariance", "own", r, r)) is None:
                found.append(r)
        return tuple(found)

    def slope_expansion(self, x: int, a: Ref) -> Ask:
        """∂_a Z^x as such a sum."""
        return slopes((yield ("expansion", x)), a)

    # expectations ---------------------------------------------------------------------------------------

    def expected(self, side: str, left: Expansion, right: Expansion) -> Ask:
        """E[left · right], left at ξ̃ and right at ξ (or both at one input)."""
        products: list[Product] = []
        for m in left:
            for n in right:
                constant = mul(m.constant, n.constant)
                multiples = [self.broadcast(side, 0, s) for s in m.own] + [self.broadcast(side, 1, s) for s in n.own]
                variables = [(0, r, f) for r, f in m.factors] + [(int(side == "pair"), r, f) for r, f in n.factors]
                inner = yield ("joint", side, _merged(variables))
                if inner is not None:
                    products.append((constant, (*multiples, inner)))
        return self.steps(side).total(products)

    def joint(self, side: str, variables: tuple[Variable, ...]) -> Ask:
        """E Π F(z), group by independent group."""
        found: list[Slot] = []
        constant: Constant = ONE
        for _, _, f in variables:
            constant = mul(constant, f[1]) if f[0] == "number" else constant
        for group in self._groups([v for v in variables if v[2][0] != "number"]):
            if len(group) == 1:
                factor = yield from self._single(side, group[0])
            elif len(group) == 2:
                factor = yield from self._two(side, *group)
            else:
                factor = yield from self._stein(side, group)
            if factor is None:
                return None
            found.append(factor)
        return self.steps(side).total([(constant, tuple(found))])

    def _groups(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Variables that share a symbol, directly or through others."""
        groups: list[tuple[int, list[Variable]]] = []
        for v in variables:
            mask, members = self.form.support(v[1]), [v]
            apart = []
            for other_mask, others in groups:
                if other_mask & mask:
                    mask, members = mask | other_mask, others + members
                else:
                    apart.append((other_mask, others))
            groups = [*apart, (mask, members)]
        return [tuple(members) for _, members in groups]

    def _single(self, side: str, variable: Variable) -> Ask:
        instance, r, f = variable
        own = yield ("single", r, f)
        return None if own is None else self.broadcast(side, instance, own)

    def single(self, r: Ref, f: Tree) -> Ask:
        """E F(z_r), an own slot."""
        if f[0] == "number":
            return None if f[1] == 0 else self.own.number(f[1])
        if parity(f) == -1:
            return None
        q = yield ("covariance", "own", r, r)
        return self.own.add("expect1", (self._slot(q),), (f,))

    def regression(self, r: Ref, f: Tree) -> Ask:
        """E[z_r F(z_r)]/Var z_r: then E[u F(z_r)] is Cov(u, z_r) times this, for any Gaussian u."""
        q = yield ("covariance", "own", r, r)
        return self.own.add("regression", (self._slot(q),), (f,))

    def _slot(self, own: Slot | None) -> Slot:
        return self.own.number(ZERO) if own is None else own

    def _two(self, side: str, first: Variable, second: Variable) -> Ask:
        if first[0] != second[0]:
            (_, r, f), (_, s, g) = sorted((first, second))
            return (yield ("two", "pair", r, f, s, g))
        (instance, r, f), (_, s, g) = sorted((first, second), key=lambda v: self._depth(v[1]))
        own = yield ("two", "own", s, g, r, f)
        return None if own is None else self.broadcast(side, instance, own)

    def two(self, side: str, r: Ref, f: Tree, s: Ref, g: Tree) -> Ask:
        """E[F(u) G(v)] of two directions."""
        covariance = yield ("covariance", side, r, s)
        if covariance is None:
            factors = [(yield ("single", r, f)), (yield ("single", s, g))]
            if None in factors:
                return None
            return self.steps(side).total([(ONE, tuple(self.broadcast(side, i, x) for i, x in enumerate(factors)))])
        if parity(f) * parity(g) == -1:
            return None
        if f == Z and g == Z:
            return covariance
        if Z in (f, g) and terms_of(g if f == Z else f) is None:
            own = yield ("regression", *((s, g) if f == Z else (r, f)))
            return self.steps(side).total([(ONE, (covariance, self.broadcast(side, int(f == Z), own)))])
        p = self._slot((yield ("covariance", "own", r, r)))
        q = self._slot((yield ("covariance", "own", s, s)))
        excess = -1
        if has_kinks(f, self.library) or has_kinks(g, self.library):
            excess = yield ("excess", side, r, s)
        return self.steps(side).add("expect2", (covariance, p, q, excess), (f, g))

    def _stein(self, side: str, group: tuple[Variable, ...]) -> Ask:
        """E[z_a H] = Σ_b Cov(z_a, z_b) E[∂_b H], for the polynomial factor of the lowest degree."""
        chosen = lowest_polynomial([f for _, _, f in group], self.library)
        if chosen is None:
            raise NotReducible(f"a function of {len(group)} dependent directions")
        constant, lowered = without_one_power(group[chosen][2])
        products: list[Product] = []
        rest = [*group[:chosen], *group[chosen + 1 :]]
        instance, r, _ = group[chosen]
        if constant != 0:
            inner = yield ("joint", side, tuple(rest))
            products += [(constant, (inner,))] if inner is not None else []
        variables = _merged([(instance, r, lowered), *rest])
        for i, (other, s, f) in enumerate(variables):
            slope = slopes((Monomial(ONE, (), ((s, f),)),), s)
            pair = (side, r, s) if instance <= other else (side, s, r)
            covariance = yield from self._covariance_of(instance, other, *pair)
            if covariance is None:
                continue
            for m in slope:
                changed = [*variables[:i], *[(other, s, h) for _, h in m.factors], *variables[i + 1 :]]
                inner = yield ("joint", side, _merged(changed))
                if inner is not None:
                    products.append((m.constant, (covariance, inner)))
        return self.steps(side).total(products)

    def _covariance_of(self, first: int, second: int, side: str, r: Ref, s: Ref) -> Ask:
        """Of two directions at any two instances, among the numbers of a side."""
        if first != second:
            return (yield ("covariance", side, r, s))
        own = yield self._ordered("covariance", "own", r, s)
        return None if own is None else self.broadcast(side, first, own)


def _merged(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Functions of one direction at one instance multiplied, numbers dropped; in order."""
    found: dict[tuple[int, Ref], Tree] = {}
    for instance, r, f in variables:
        found[instance, r] = times(found[instance, r], f) if (instance, r) in found else f
    return tuple((instance, r, f) for (instance, r), f in sorted(found.items(), key=lambda item: item[0]))
