"""Vectors as sums of products of functions of one Gaussian direction each: tanh(u)·v², not tanh(u·v).

A *direction* is a linear combination of G-vars that a NonLin reads. What is no such sum (tanh of a sum of two
NonLins, say) is `NotReducible`: its expectations are left to samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from tpproof.numerics.reduction.plan import Slot
from tpproof.numerics.reduction.shapes import polynomial
from tpproof.numerics.reduction.univariate import Tree, Z, called, derivative, number, plus, raised, substituted, times
from tpproof.program.atoms import Ref
from tpproof.program.constants import ONE, Constant, mul

MAX_MONOMIALS = 64


class NotReducible(Exception):
    """An expectation that reads several directions at once in a way that no rule here takes apart."""


@dataclass(frozen=True)
class Monomial:
    """constant · own numbers · Π F_r(z_r), directions r in ascending order; z_r is centred."""

    constant: Constant
    own: tuple[Slot, ...] = ()
    factors: tuple[tuple[Ref, Tree], ...] = ()

    def function(self, r: Ref) -> Tree:
        """The factor of a direction, 1 when it does not occur."""
        return dict(self.factors).get(r, number(ONE))


Expansion: TypeAlias = tuple[Monomial, ...]


def constant_expansion(c: Constant, own: tuple[Slot, ...] = ()) -> Expansion:
    """A number times the vector of ones."""
    return (Monomial(c, own),) if c != 0 else ()


def product(expansions: Iterable[Expansion]) -> Expansion:
    """The product, multiplied out."""
    found: Expansion = (Monomial(ONE),)
    for expansion in expansions:
        found = collected([_times(m, n) for m in found for n in expansion])
    return found


def _times(m: Monomial, n: Monomial) -> Monomial:
    factors = dict(m.factors)
    for r, f in n.factors:
        factors[r] = times(factors[r], f) if r in factors else f
    return Monomial(mul(m.constant, n.constant), tuple(sorted(m.own + n.own)), tuple(sorted(factors.items(), key=_ref)))


def _ref(item: tuple[Ref, Tree]) -> Ref:
    return item[0]


def collected(monomials: Iterable[Monomial]) -> Expansion:
    """What reads one direction only becomes one monomial for it; raises NotReducible when there are too many."""
    single: dict[tuple[Ref, tuple[Slot, ...]], list[Tree]] = {}
    rest: list[Monomial] = []
    for m in monomials:
        if len(m.factors) == 1:
            (r, f) = m.factors[0]
            single.setdefault((r, m.own), []).append(times(number(m.constant), f))
        else:
            rest.append(m)
    for (r, own), trees in single.items():
        tree = plus(*trees)
        if tree[0] == "number":
            rest.extend(constant_expansion(tree[1], own))
        else:
            rest.append(Monomial(ONE, own, ((r, tree),)))
    if len(rest) > MAX_MONOMIALS:
        raise NotReducible(f"a sum of {len(rest)} products")
    return tuple(rest)


def applied(name: str, argument: Expansion, slope: Constant, fixed: Collection[Ref] = ()) -> Expansion:
    """φ of an expansion that reads one direction at most, besides `fixed` ones, whose variance is 0."""
    return _composed(argument, lambda tree: called(name, tree, slope), name, fixed)


def powered(argument: Expansion, exponent: Fraction, fixed: Collection[Ref] = ()) -> Expansion:
    """A power: of one direction's function, or a small integer power multiplied out."""
    if exponent.denominator == 1 and 0 < exponent <= 4 and len(_directions(argument)) > 1:
        return product([argument] * int(exponent))
    return _composed(argument, lambda tree: raised(tree, exponent), "a power", fixed)


def _directions(expansion: Expansion) -> set[Ref]:
    return {r for m in expansion for r, _ in m.factors}


def _composed(argument: Expansion, function: Callable[[Tree], Tree], name: str, fixed: Collection[Ref]) -> Expansion:
    """F of an expansion; a direction that is fixed at 0 is kept to first order: gains that are 1 can be moved."""
    directions = _directions(argument)
    moved = directions & set(fixed)
    live = directions - moved
    if len(live) > 1:
        raise NotReducible(f"{name} of a function of {len(live)} directions")
    tree = _sum([_at_zero(m, moved) for m in argument])
    composed = function(tree)
    found = [_function_of(live, composed)]
    slope = derivative(function(Z)) if moved else None
    for r in sorted(moved):
        inner = _sum([_slope_at_zero(m, r, moved) for m in argument])
        if slope is None:
            raise NotReducible("the second derivative of a function that was given with one")
        outer = times(substituted(slope, tree), inner)
        if outer[0] != "number" or outer[1] != 0:
            found.append(product([((Monomial(ONE, (), ((r, Z),))),), _function_of(live, outer)]))
    return collected([m for expansion in found for m in expansion])


def _sum(trees: Iterable[Tree]) -> Tree:
    parts = list(trees)
    return plus(*parts) if parts else number(Fraction(0))


def _function_of(live: Collection[Ref], tree: Tree) -> Expansion:
    """A tree in the one direction that is not fixed, or in none."""
    if tree[0] == "number":
        return constant_expansion(tree[1])
    if not live:
        return (_of_ones(tree),)
    return (Monomial(ONE, (), ((next(iter(live)), tree),)),)


def _at_zero(m: Monomial, fixed: Collection[Ref]) -> Tree:
    """A monomial with its fixed directions at 0."""
    constant = m.constant
    for r, f in m.factors:
        constant = mul(constant, _coefficient(f, 0)) if r in fixed else constant
    live = tuple((r, f) for r, f in m.factors if r not in fixed)
    return _tree(Monomial(constant, m.own, live))


def _slope_at_zero(m: Monomial, direction: Ref, fixed: Collection[Ref]) -> Tree:
    """∂/∂z of a fixed direction at 0."""
    factors = dict(m.factors)
    if direction not in factors:
        return number(Fraction(0))
    rest = Monomial(
        mul(m.constant, _coefficient(factors.pop(direction), 1)), m.own, tuple(sorted(factors.items(), key=_ref))
    )
    return _at_zero(rest, fixed)


def _coefficient(f: Tree, power: int) -> Constant:
    powers = polynomial(f)
    if powers is None:
        raise NotReducible("a function of a direction whose variance is 0")
    return powers.get(power, Fraction(0))


def _of_ones(tree: Tree) -> Monomial:
    raise NotReducible("a function of constant vectors")


def _tree(m: Monomial) -> Tree:
    """A monomial of one direction as a tree."""
    own = [("own", s) for s in m.own]
    return times(number(m.constant), *own, *[f for _, f in m.factors])


def slopes(expansion: Expansion, direction: Ref) -> Expansion:
    """∂/∂z of one direction. Raises NotReducible for the second derivative of a user's function."""
    found: list[Monomial] = []
    for m in expansion:
        for i, (r, f) in enumerate(m.factors):
            if r != direction:
                continue
            slope = derivative(f)
            if slope is None:
                raise NotReducible("the second derivative of a function that was given with one")
            rest = (*m.factors[:i], *m.factors[i + 1 :])
            if slope[0] == "number":
                factor = slope[1]
                found += [Monomial(mul(m.constant, factor), m.own, rest)] if factor != 0 else []
            else:
                found.append(Monomial(m.constant, m.own, tuple(sorted((*rest, (r, slope)), key=_ref))))
    return collected(found)
