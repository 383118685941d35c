"""The unrolled step at one G-var, before its parts are collected: as in Appendix A.2."""

from __future__ import annotations

from tpproof.documents.blocks import Cite
from tpproof.documents.derivation.folding import Sides, Written
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import CHI
from tpproof.documents.derivation.reading import Reading, Step
from tpproof.documents.formula import Formula, Limit, Number, Row, product, total
from tpproof.program.atoms import TEST
from tpproof.program.model import GVAR_OPS
from tpproof.program.reduced import Form


def unrolled(r: Reading, step: Step) -> list[Written]:
    """(91)–(93) and (109) at a G-var that is its matrix's only use, and not contracted."""
    g, uses = step["conclusion"][1:3]
    if len(uses) > 1 or g in r.names.contracted:
        return []
    h, index = r.program.nodes[g].args[0], (r.names.index(g), r.names.index(g))
    kept = [t for t in r.steps[uses[0][1]]["conclusion"][3] if not r.names.zero.intersection(t[0])]
    update, flow = [t for t in kept if t[1] < 0], [t for t in kept if t[1] >= 0]

    def product_of(at: Names, accent: str) -> Formula:
        node = r.program.nodes[g]
        matrix = (at.parameter(node.data[0]), "ᵀδ" if node.data[1] else "δ", at.vector(h, True))
        return Limit(Row(matrix), "", accent)

    def change(at: Names) -> Sides:
        moved = [" − ", CHI, *[at.term(t) for t in update], Limit(at.vector(g), "d")] if update else []
        right = Row((product_of(at, "hat"), " + ", product_of(at, "dot"), *moved))
        return Limit(at.vector(g, True), "δ"), "=", right

    def dot(at: Names) -> Sides:
        terms = [part for t in flow for part in (at.term(t), Limit(at.vector(g), "d"))]
        return product_of(at, "dot"), "=", Row(("−", CHI, *terms)) if flow else Number("0")

    lines = [Written(index, (), change, (Cite("(91)-(92)"),)), Written(index, (), dot, (Cite("(109)"),))]
    chain = Written((r.names.index(h), None), (), lambda at: _chain(at, h), (Cite("(93)"),))
    return [lines[0], *([chain] if r.program.nodes[h].op not in GVAR_OPS else []), lines[1]]


def _chain(at: Names, h: int) -> Sides:
    """The change of a vector by those of what it reads."""
    if at.reduced.form(h) is Form.LINEAR:
        terms = [product([*at.weights(t, TEST), Limit(at.vector(t.vector, True), "δ")]) for t in at.reduced.terms(h)]
    else:
        terms = [product([at.derivative(h, a, True), Limit(at.vector(a, True), "δ")]) for a in at.reduced.frontier(h)]
    return Limit(at.vector(h, True), "δ"), "=", total(terms)
