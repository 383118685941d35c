"""The left side of (107): one unrolled SGD step at infinite width (MATH §3, §6).

For a vector a at ξ̃ and a vector b at ξ_t, J(a, b) is defined by E[∂Z^{δã}/∂Z^{db}] = −χ̊ J(a, b): how the change
of a answers to the error signal at b. For G-vars it is the coefficient of Z^{db} in Z^{δã}. Each is found
from the update rules of SGD and ZDot, in program order; nothing here knows paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tpproof.errors import TpproofError
from tpproof.limit.law import LimitForm
from tpproof.limits import DEFAULT, Limits
from tpproof.program.atoms import (
    TEST,
    TRAIN,
    Pair,
    Ref,
    Term,
    Terms,
    Weight,
    gram,
    kappa,
    moment2,
    sigma2,
    slope,
    slope1,
    weight,
)
from tpproof.program.reduced import Form
from tpproof.program.symmetry import NO_SYMMETRY, Orbits


@dataclass(frozen=True)
class Change:
    """J(a, b) by one rule: the rule's name and the terms."""

    rule: str
    terms: Terms


def update_initial(form: LimitForm, a: Ref, b: Ref) -> Terms:
    """δ(Uξ̃) = −χκ Σ_{g'=Uξ'} dg' ξ'ᵀξ̃/d and δb = −χκ db (D.3.1 with D.4.1, (123))."""
    node = form.program.nodes[a]
    rate = kappa(node.data[0])
    if node.op == "embed":
        return ((weight([rate, gram(form.program, a, b)]), None),)
    return ((weight([rate]), None),)


def zdot_of_change(form: LimitForm, symbol: tuple[int, bool], h: Ref, k: Ref) -> Terms:
    """(109): Ż^{Wδh̃} holds σ² Z^{dg} E[∂Z^{δh̃}/∂Ẑ^{Wᵀdg}], g = Wk; Ẑ^{Wᵀdg} enters through Z^{dk}."""
    if not form.answers(h, k):
        return ()
    return ((weight([sigma2(*symbol)]), (h, k)),)


def update_gvar(form: LimitForm, a: Ref, b: Ref) -> Terms:
    """(91), (108): Z^{δg̃} = Z^{Wδh̃} − χκ Σ_{g=Wk} Z^{dg} E[Z^h̃ Z^k], and ZDot in Z^{Wδh̃}."""
    node = form.program.nodes[form.gvar(a)]
    h, k = node.args[0], form.program.nodes[form.gvar(b)].args[0]
    update: Term = (weight([kappa(*node.data), moment2(h, k)]), None)
    return (update, *zdot_of_change(form, node.data, h, k))


def _parts_of_change(form: LimitForm, r: Ref, instance: int) -> tuple[tuple[Weight, Ref], ...]:
    """A linear vector's change (at ξ̃), or what its error signal feeds (at ξ), summand by summand."""
    if form.form(r) is not Form.LINEAR:
        return (((), r),)
    return tuple((form.coefficient_atoms(t, instance), t.vector) for t in form.terms(r))


def change_linear(form: LimitForm, a: Ref, b: Ref) -> Terms:
    """(111) for Z^{δh} = Σ α_i Z^{δh_i}; and d(b_j) receives β_j db when b = Σ β_j b_j (117)."""
    moved = _parts_of_change(form, a, TEST)
    fed = _parts_of_change(form, b, TRAIN)
    terms = [(weight([*w, *u]), (i, j)) for w, i in moved for u, j in fed if form.answers(i, j)]
    return tuple(terms)


def change_nonlin(form: LimitForm, a: Ref, b: Ref) -> Terms:
    """(93), (111)–(112): Z^{δx̃} = Σ_i ∂_iψ Z^{δã_i}; (117)–(120): db_j receives ∂_jψ dx."""
    if form.form(b) is Form.BASE:
        return tuple((weight([slope1(TEST, a, i)]), (i, b)) for i in form.frontier(a) if form.answers(i, b))
    if form.form(a) is Form.BASE:
        return tuple((weight([slope1(TRAIN, b, j)]), (a, j)) for j in form.frontier(b) if form.answers(a, j))
    return tuple(
        (weight([slope(a, i, b, j)]), (i, j)) for i in form.frontier(a) for j in form.frontier(b) if form.answers(i, j)
    )


RULES: dict[str, tuple[Callable[[LimitForm, Ref, Ref], Terms], str]] = {
    "update-initial": (update_initial, "D.3.1, (123)"),
    "update-gvar": (update_gvar, "(108)-(110)"),
    "change-linear": (change_linear, "(111), linear"),
    "change-nonlin": (change_nonlin, "(111)-(120)"),
}
"""Rule → (function, the paper's equation)."""


def rule_for(form: LimitForm, a: Ref, b: Ref) -> str:
    """Which rule gives J(a, b)."""
    forms = form.form(a), form.form(b)
    if Form.LINEAR in forms:
        return "change-linear"
    if forms == (Form.BASE, Form.BASE):
        return "update-gvar" if form.program.nodes[form.gvar(a)].op == "matmul" else "update-initial"
    return "change-nonlin"


def changes(
    form: LimitForm, wanted: Iterable[Pair], limits: Limits = DEFAULT, orbits: Orbits = NO_SYMMETRY
) -> dict[Pair, Change]:
    """J for every wanted pair and for every pair that it rests on, each after those it rests on.

    Of each orbit only the pair that stands for it is executed; terms refer to the pairs that they mean.

    Raises
    ------
    TpproofError
        E104 when more than ``limits.pairs`` pairs are needed.
    """
    found: dict[Pair, Change] = {}
    open_: dict[Pair, Change] = {}
    for start in map(orbits.representative, wanted):
        stack = [start] if start not in found else []
        while stack:
            pair = stack[-1]
            if pair in found:
                stack.pop()
                continue
            change = open_.get(pair)
            if change is None:
                rule = rule_for(form, *pair)
                change = open_[pair] = Change(rule, RULES[rule][0](form, *pair))
                needed = [orbits.representative(ref) for _, ref in change.terms if ref is not None]
                missing = [ref for ref in needed if ref not in found]
                if missing:
                    stack.extend(missing)
                    continue
            found[pair] = open_.pop(pair)
            stack.pop()
            if len(found) > limits.pairs:
                raise TpproofError("E104", f"more than {limits.pairs} vector pairs", "a smaller network")
    return found


def wanted_pairs(form: LimitForm, limits: Limits = DEFAULT) -> list[Pair]:
    """Every pair of G-vars of one symbol, and every pair of vectors that one readout reads.

    Raises
    ------
    TpproofError
        E104 when more than ``limits.pairs`` pairs of G-vars have one symbol, before any is made.
    """
    if form.program.symbol_pairs > limits.pairs:
        found = f"{form.program.symbol_pairs} pairs of G-vars with one symbol"
        raise TpproofError("E104", found, f"at most {limits.pairs}: a smaller network, or --max-pairs")
    by_symbol: dict[tuple[int, bool], list[int]] = {}
    for g in form.program.gvars:
        by_symbol.setdefault(form.program.symbol(g), []).append(g)
    pairs = [
        (form.base(g), form.base(k)) for g in form.program.gvars for k in by_symbol[form.program.symbol(g)]
    ]
    return pairs + read_pairs(form)


def read_pairs(form: LimitForm) -> list[Pair]:
    """Pairs of vectors that outputs with a common readout read, where they can have paths at all."""
    terms = sorted({term for out in form.program.outputs for term in out.terms})
    return [(x, y) for v, x in terms for w, y in terms if v == w and form.answers(x, y)]
