"""Proposition D.3 and Claim 3.1."""

from __future__ import annotations

from collections.abc import Callable

from tpproof.documents.blocks import Block, Cite, Inlines, Line, Paragraph, Ref, Section, Statement
from tpproof.documents.derivation.claims import training
from tpproof.documents.derivation.folding import fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import CHI, displayed, quantity_line, step_sum
from tpproof.documents.derivation.reading import Reading, Step
from tpproof.documents.formula import BigSum, Call, Formula, Limit, Mean, Name, Product, Row, Sum, product

S, D, R, C = (Name(letter) for letter in "SDRC")


def proposition(r: Reading) -> Section:
    """K of (100) is the path sum (96), by the duality lemma."""
    k100 = r.of("K100")[0]
    images: Inlines = ("each term for all images of its pair, once each",) if r.data["symmetries"] else ()
    definition = Line(Name("K"), "=", _ntk(r.names, k100), images, (k100["id"],))
    duality = r.of("duality")[0]
    sums = [Line(_k(r, s), "=", step_sum(r.names, s), (), (s["id"], duality["id"])) for s in r.of("K96")]
    stretches: Inlines = ()
    if r.contracted:
        stretches = (
            "Here C and D know the contracted stretches of ", Ref("contraction"), ", so this is not the sum of "
            "Proposition D.3 as the paper states it.",
        )  # fmt: skip
    blocks: list[Block] = [
        Paragraph(
            (
                "The infinite-width NTK is by definition ", Cite("(100)"), " the sum over all parameters of κ times "
                "the second moments of error signals times those of what the parameter multiplies:",
            )
        ),
        *displayed([definition], "ntk", "(100)"),
        Paragraph(
            (
                *_weighted(r), "The sum over paths ", Cite("(95)-(96)"), " gathers the same products from the other "
                "end. In the pair graph let S be what a pair starts with and R what the readouts put on it; C solves "
                "the recursion forward from S, D backward from R, so ", Row(("Σ", S, D, " = Σ", R, C)), " (duality "
                "lemma), and",
            )
        ),
        *displayed(sums, "path-sum", "" if r.contracted else "(96)"),
        Paragraph(
            (
                *(("for every pair of outputs",) if r.outputs > 1 else ("is the same number",)), " (",
                Ref(f"step-{duality['id']}", f"step {duality['id']}"), "). ", *stretches,
            )
        ),
    ]  # fmt: skip
    title: Inlines = ("The kernel is a sum over paths",) if not r.contracted else ("The kernel, by the pair graph",)
    return Section(("Proposition D.3",), "proposition", (Statement("Proposition", tuple(blocks), title, "D.3"),))


def _weighted(r: Reading) -> Inlines:
    """How the weights of the outputs, which the D contain, are to be read."""
    if r.outputs == 1:
        return ("with both weights ", Row((Name("α", "0"), " = ", Name("χ", "0"), " = 1")), ". ")
    return (
        "which holds all pairs of outputs: the kernel ", Name("K", "op"), " of outputs o and p is the coefficient of ",
        Product((Name("α", "o"), Name("χ", "p"))), " in it. ",
    )  # fmt: skip


def _ntk(names: Names, step: Step) -> Formula:
    _, terms, reads = step["conclusion"]

    def writer(v: int, x: int, y: int, o: int, p: int) -> Callable[[Names], Formula]:
        moment = [Mean(Product((names.value(x, True), names.value(y, False))))] if x >= 0 else []
        return lambda at: product([*at.rate(v), *moment, Name("α", str(o)), Name("χ", str(p))])

    trained = [row for row in reads if names.program.parameters[row[0]].trained]
    return step_sum(names, step, [writer(*row) for row in trained], terms)


def _k(r: Reading, step: Step) -> Name:
    o, p = step["conclusion"][1:3]
    return Name("K", f"{o}{p}" if r.outputs > 1 else "")


def claim(r: Reading, rest: list[Step]) -> Section:
    """(121)–(122): what the outputs do."""
    lines = fold([quantity_line(r.names, step, True) for step in rest], r.names)
    limits = [_limit(r, step) for step in r.of("limit")]
    theorem = r.of("theorem")[0]
    blocks: list[Block] = [
        Paragraph(
            (
                "An output changes through its readout's own update and through the change of what the readout reads "
                "(at ξ̃; one readout v of one vector x of one output, for several the sum): ",
                Cite("(121), (124)"), " lim (", Name("f", "t+1"), " − ", Name("f", "t"), ") = ",
                Mean(Product((Limit(Name("v")), Limit(Name("x", tilde=True), "δ")))), " − ",
                CHI, Name("κ", "v"), Mean(Product((Limit(Name("x", tilde=True)), Limit(Name("x"))))),
                *((". For what is read,",) if lines else (".",)),
            )
        ),
        *displayed(lines, "read-changes"),
        Paragraph(_hence(r)),
        *displayed(limits, "limit-of-change", "(122)"),
        Paragraph(
            (
                "Together with the induction and the proposition before this, it is the theorem of ",
                Ref("theorem"), " (",
                Ref(f"step-{theorem['id']}", f"step {theorem['id']}"), "). ∎",
            )
        ),
    ]  # fmt: skip
    return Section(("Claim 3.1: how the outputs move",), "claim", tuple(blocks))


def _hence(r: Reading) -> Inlines:
    if r.outputs == 1:
        return ("Hence",)
    left, relation, right = training(r)
    return ("Hence ", Row((left, f" {relation} ", right)), ", the sum over p of")


def _limit(r: Reading, step: Step) -> Line:
    """Of one output the limit; of several what the loss at output p adds to that of output o."""
    _, o, p, _, k96 = step["conclusion"]
    several = r.outputs > 1
    at = (Name("ξ", tilde=True),)
    chi = Name("χ", f"{p},t" if several else "t", accent="ring")
    kernel = Row(("−", chi, Call(_k(r, r.steps[k96]), (*at, Name("ξ", "t")))))
    moved = step_sum(r.names, step)
    found = Row(("−", chi, " ", Row(("(", moved, ")")) if isinstance(moved, (Sum, BigSum)) else moved))
    if several:
        return Line(found, "=", kernel, (f"what the loss at output {p} adds to output {o}",), (step["id"],))
    f = [Call(Name("f", t), at) for t in ("t+1", "t")]
    return Line(Row(("lim (", f[0], " − ", f[1], ")")), "=", Row((found, " = ", kernel)), (), (step["id"],))


__all__ = ["claim", "proposition"]
