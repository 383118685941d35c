"""The formulas that the checked steps state, one writer a kind of conclusion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tpproof.documents.formula import Call, Formula, Limit, Mean, Name, Number, Row, Words, product, total
from tpproof.documents.vocabulary import TERMS_SHOWN, Vocabulary


def step_formula(v: Vocabulary, step: dict[str, Any]) -> Formula:
    """What one step states."""
    return _FORMULAS[step["conclusion"][0]](v, step["conclusion"])


def _equals(left: Formula, right: Formula, *more: Formula | str) -> Formula:
    return Row((left, " = ", right, *more))


def _path_sum(v: Vocabulary, c: list[Any]) -> Formula:
    return _equals(Call(Name("C"), (v.vector(c[1], True), v.vector(c[2]))), v.sum(c[3]))


def _change(v: Vocabulary, c: list[Any]) -> Formula:
    name = Call(Name("J"), (v.vector(c[1], True), v.vector(c[2])))
    return _equals(name, v.sum(c[3]), " = ", v.quantity(c[4]))


def _reads(v: Vocabulary, reads: list[list[int]]) -> list[Formula]:
    """σ_v² α_o χ_p for every readout that reads both."""
    return [product([v.law("σ", r), Name("α", str(o)), Name("χ", str(p))]) for r, o, p in reads]


def _signal(v: Vocabulary, c: list[Any]) -> Formula:
    name = Call(Name("D"), (v.vector(c[1], True), v.vector(c[2])))
    return _equals(name, v.sum(c[3], _reads(v, c[4])))


def _contraction(v: Vocabulary, c: list[Any]) -> Formula:
    terms = []
    for u in c[2]:
        y, x = v.program.nodes[u].args[0], v.program.nodes[c[1]].args[0]
        variance = v.law("σ", v.program.nodes[u].data[0])
        response = Mean(v.derivative(x, u, False)) if x != u else Number("1")
        terms.append(product([variance, response, Limit(v.vector(y))]))
    return _equals(Limit(v.vector(c[1]), "", "dot"), total(terms))


def _induction(v: Vocabulary, c: list[Any]) -> Formula:
    g = c[1]
    terms = [product([v.quantity(v.steps[j]["conclusion"][4]), Limit(v.vector(k), "d")]) for k, j in c[2]]
    hats = Name("Z", accent="hat")
    moved: tuple[Formula | str, ...] = (" + ", Words("changes through its contraction")) if g in v.contracted else ()
    change = Limit(v.vector(g, True), "δ")
    return Row((change, " ≡ −", _loss("t"), "(", total(terms, TERMS_SHOWN), ")", *moved, " mod ", hats))


def _loss(below: str) -> Formula:
    """The limit of the loss derivative."""
    return Name("χ", below, accent="ring")


def _ntk(v: Vocabulary, c: list[Any]) -> Formula:
    extra = [
        product([v.law("κ", r), *_second_moment(v, x, y), Name("α", str(o)), Name("χ", str(p))])
        for r, x, y, o, p in c[2]
    ]
    each = Words(", where each term stands for the sum over the images of its pair, once each")
    images = [each] if v.data["symmetries"] else []
    return _equals(Name("K"), v.sum(c[1], extra), *images)


def _second_moment(v: Vocabulary, x: int, y: int) -> list[Formula]:
    return [Mean(product([v.value(x, True), v.value(y, False)]))] if x >= 0 else []


def _kernel(v: Vocabulary, c: list[Any]) -> Formula:
    return _equals(Name("K", f"{c[1]}{c[2]}"), v.sum(c[3]))


def _duality(v: Vocabulary, c: list[Any]) -> Formula:
    more = f" and {len(c[2]) - TERMS_SHOWN} more" if len(c[2]) > TERMS_SHOWN else ""
    steps = ", ".join(map(str, c[2][:TERMS_SHOWN])) + more
    return Row(("Σ S D = Σ R C", Words(f": the kernel of step {c[1]} is that of the steps {steps}")))


def _limit(v: Vocabulary, c: list[Any]) -> Formula:
    chi, kernel = _loss(str(c[2])), Name("K", f"{c[1]}{c[2]}")
    part = Words(f", what output {c[2]} adds,") if len(v.program.outputs) > 1 else ""
    return Row(("lim δ", Name("f", str(c[1])), part, " = −", chi, "(", v.sum(c[3]), ") = −", chi, kernel))


def _listed(v: Vocabulary, c: list[Any]) -> Formula:
    return Words(f"{len(c[3])} pairs of isomorphic paths for outputs {c[1]} and {c[2]}, in the table of paths")


def _theorem(v: Vocabulary, c: list[Any]) -> Formula:
    kernel = Call(Name("K"), (Name("ξ", tilde=True), Name("ξ", "t")))
    return Row(("lim (", Name("f", "t+1"), " − ", Name("f", "t"), ") = −", _loss("t"), kernel))


Writer = Callable[[Vocabulary, list[Any]], Formula]

_FORMULAS: dict[str, Writer] = {
    "C": _path_sum, "J": _change, "D": _signal, "contract": _contraction, "107": _induction, "K100": _ntk,
    "K96": _kernel, "duality": _duality, "limit": _limit, "listed": _listed, "theorem": _theorem,
}  # fmt: skip
