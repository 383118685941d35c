"""What is claimed, what is not, and what a reader still has to read."""

from __future__ import annotations

from tpproof.documents.blocks import (
    Block,
    Cite,
    Code,
    Display,
    Inlines,
    Items,
    Line,
    Paragraph,
    Ref,
    Section,
    Statement,
)
from tpproof.documents.derivation.closed import ClosedForm
from tpproof.documents.derivation.program import listing
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import Call, Formula, Name, Product, Row, Sum, total
from tpproof.documents.kernel import monomial, products

CLAIMS = {
    "proved": "For every step t of SGD, almost surely as n → ∞, f(t+1) − f(t) tends to −χ K(ξ~, ξ). Eq. (107) holds "
    "at every G-var, the path sum of Proposition D.3 is the kernel K of Eq. (100), and (122) follows.",
    "proved-by-execution": "For every step t of SGD, almost surely as n → ∞, f(t+1) − f(t) tends to −χ K(ξ~, ξ) with "
    "K of Eq. (100), found by executing the unrolled step with every ZDot term. W and its transpose meet on a path, "
    "so Eq. (107) and the path sum of Proposition D.3 are not claimed as the paper states them (D.4.2).",
    "conditional": "As for a proved network, under the assumptions marked conditional: Remark B.6 with rank stability.",
    "refused": "Nothing is claimed: an assumption of the theorem is violated.",
}


EXPANDED = 4
"""Terms up to which the theorem writes its kernel out."""
LINES, TERMS = 4, 6
"""Kernels, and terms of each, that stand in the theorem by their quantities; longer ones are referred to."""


def claim_of(r: Reading) -> str:
    """What the verdict claims, in a sentence or two."""
    if r.verdict == "conditional" and r.contracted:
        return f"{CLAIMS['proved-by-execution']} All this is under the assumptions marked conditional."
    return CLAIMS[r.verdict]


def theorem(r: Reading, form: ClosedForm | None) -> Section:
    """The theorem, with its kernel; or that there is none."""
    if form is None:
        return Section(("The theorem",), "theorem", (_nothing(r),))
    vectors = _vectors(r) if r.length == "theorem" else []
    return Section(("The theorem",), "theorem", (_statement(r, form), *vectors))


def _vectors(r: Reading) -> list[Block]:
    """The program, where no section has it: the kernel is written by its vectors."""
    text: Inlines = (
        "The kernel is written by the vectors of the program: with a tilde in its run at ", Name("ξ", tilde=True),
        ", without in its run at ", Name("ξ"), ".",
    )  # fmt: skip
    return [Paragraph(text), *listing(r)]


def _nothing(r: Reading) -> Block:
    rows = [row for row in r.data["assumptions"] if row["status"] == "violated"]
    violated = ", ".join(str(row["name"]) for row in rows)
    return Statement(
        "Remark",
        (
            Paragraph(
                (
                    "Nothing is claimed about this network: an assumption of the theorem is violated (",
                    Ref("assumptions", violated),
                    "), so there are no steps and no kernel. This is no statement that the network behaves otherwise.",
                )
            ),
        ),
        ("Refused",),
        "refused",
    )


def _statement(r: Reading, form: ClosedForm) -> Block:
    limits, lines = r.of("limit"), _kernel(r, form)
    short = len(lines) <= LINES and all(_terms(line.right) <= TERMS for line in lines)
    ids = tuple(step["id"] for step in [*limits, *r.of("theorem")])
    blocks: list[Block] = [
        Paragraph(
            (
                "Let f be the network with the hash ", Code(str(r.data["network_sha256"])[:16]), "…, given by ",
                r.to("program", "its program"), ", initialised and trained by SGD with batch size 1 as its "
                "parameters say, on any inputs, ", Name("ξ", "t"), " at step t, for a loss with continuous "
                "derivative. Then at every step, for every input ", Name("ξ", tilde=True), _outputs(r), ", almost "
                "surely as n → ∞,",
            )
        ),
        Display((Line(*training(r), steps=ids),), "training", "(122)"),
        Paragraph(
            (
                "where ", _loss(r), " is the limit of the loss derivative", *_at_output(r), " at step t and K the "
                "infinite-width NTK of ",
                Cite("(100)"), " at initialisation",
                *((",",) if short else (", written out in ", Ref("kernel"), ".", *_path_claim(r))),
            )
        ),
        *((Display(lines, "theorem-kernel", "" if r.contracted else "(96)"),
           Paragraph(("whose terms ", Ref("kernel"), " defines.", *_path_claim(r)))) if short else ()),
    ]  # fmt: skip
    return Statement("Theorem", tuple(blocks), ("NTK training dynamics of ", Code(r.name)), "main-theorem")


def _kernel(r: Reading, form: ClosedForm) -> tuple[Line, ...]:
    """K in full where that is short, else by the quantities of the closed form."""
    steps = r.of("K96")
    expanded = products(r.names, steps[0], EXPANDED) if len(steps) == 1 else None
    if not expanded or sum(expanded.values()) > EXPANDED:
        return tuple(form.output_lines(r.outputs))
    right = total([monomial(r.names, atoms, times) for atoms, times in sorted(expanded.items())])
    rests = {k for e in [*form.recursion.named, *form.recursion.kernels] for k in e.steps}
    return (Line(Call(Name("K"), (Name("ξ", tilde=True), Name("ξ"))), "=", right, (), tuple(sorted(rests))),)


def _terms(f: Formula) -> int:
    return len(f.terms) + f.omitted if isinstance(f, Sum) else 1


def _outputs(r: Reading) -> str:
    return " and every output o" if r.outputs > 1 else ""


def _loss(r: Reading) -> Formula:
    return Name("χ", "p,t" if r.outputs > 1 else "t", accent="ring")


def _at_output(r: Reading) -> Inlines:
    return (" with respect to output p",) if r.outputs > 1 else ()


def training(r: Reading) -> tuple[Formula, str, Formula]:
    """lim f_{t+1} − f_t = −χ̊ K, the sides and the relation."""
    several = r.outputs > 1
    at = (Name("ξ", tilde=True),)
    f = [Call(Name("f", f"o,{t}" if several else t), at) for t in ("t+1", "t")]
    kernel = Call(Name("K", "op" if several else ""), (*at, Name("ξ", "t")))
    right = Product((_loss(r), kernel))
    return Row(("lim (", f[0], " − ", f[1], ")")), "=", Row(("−Σ_p " if several else "−", right))


def _path_claim(r: Reading) -> Inlines:
    conditional: Inlines = ()
    if r.verdict == "conditional":
        conditional = (
            " All this is under the assumption marked conditional in ", Ref("assumptions"), ": ", Cite("Remark B.6"),
            " with rank stability.",
        )  # fmt: skip
    if r.contracted:
        return (
            " It is found by executing the unrolled step with every ZDot term ", Cite("(65)"), ". A matrix meets its "
            "transpose on one path, so neither ", Cite("(107)"), " nor the path sum ", Cite("(96)"),
            " is claimed as the paper states it", *_see(r), ".", *conditional,
        )  # fmt: skip
    return (
        " Moreover ", Cite("(107)"), " holds at every G-var, and K is the path sum ", Cite("(96)"),
        " of Proposition D.3.", *conditional,
    )  # fmt: skip


def _see(r: Reading) -> Inlines:
    return () if r.length == "theorem" else (": see ", Ref("contraction"))


def not_said(r: Reading) -> Section:
    """What the theorem does not say."""
    rows: list[tuple[str | Cite | Ref, ...]] = [
        ("Nothing at finite width: no rate, no width from which on the limit is near.",),
        ("Nothing uniform in time: t is fixed while n → ∞, and the steps are discrete.",),
        ("Nothing about other optimisers, or learning rates other than those of the parameters.",),
        ("Nothing about generalisation, or about how small the loss becomes.",),
        ("What ", Ref("axioms"), " lists is used here and not proved: axioms of the paper, and lemmas of ours."),
    ]  # fmt: skip
    if r.declared:
        rows.append(("What is marked declared in ", Ref("assumptions"), " is the word of whoever uses the theorem."))
    if r.refused:
        rows = [("Nothing is said about training this network, neither that the theorem holds nor that it fails.",)]
    return Section(("What it does not say",), "not-said", (Items(tuple(rows)),))


_LEFT: tuple[Inlines, ...] = (
    ("the theorem's statement, and what it does not say;",),
    ("the axioms that are relied on, and the assumptions that are declared or conditional.",),
)
_LEFT_REFUSED: tuple[Inlines, ...] = (("the assumptions marked violated, and what is said to repair them.",),)


def reading(r: Reading) -> Section:
    """What an accepted certificate tells, and what it leaves to the reader."""
    told: Inlines = (
        "This text is made from a certificate and proves nothing by itself. When the independent checker (",
        Code("tpproof check"), ") accepts the certificate, every one of its steps follows by its rule from earlier "
        "ones, about the network whose hash is ", Code(str(r.data["network_sha256"])), ", and the steps are complete "
        "for the claim.",
    )  # fmt: skip
    if r.refused:
        told = (
            "The certificate of a refused network records which assumption is violated and where; the checker "
            "decides the same from its own code, declines, and claims nothing. The network's hash is ",
            Code(str(r.data["network_sha256"])), ".",
        )  # fmt: skip
    left = Items(
        (
            ("whether that network is yours: ", Code("tpproof check --network"), " compares;"),
            *(_LEFT_REFUSED if r.refused else _LEFT),
        )
    )
    blocks = (Paragraph(told), Paragraph(("You still have to read",)), left)
    return Section(("What an accepted certificate tells you, and what you still have to read",), "reading", blocks)
