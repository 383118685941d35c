"""Limit variables, backward pass, base case, induction, and what follows."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Display, Fold, Inlines, Items, Line, Paragraph, Picture, Section
from tpproof.documents.derivation.reading import Reading, Step, ends
from tpproof.documents.derivation.steps import step_formula
from tpproof.documents.formula import Formula, Limit, Mean, Name, Product

BASE_RULES = ("update-initial",)


def _lines(r: Reading, steps: list[Step]) -> tuple[Block, ...]:
    """What the first and last of the steps state, and how many are between."""
    shown, omitted = ends(steps)
    lines = tuple(Line(None, "", step_formula(r.vocabulary, s), (), (s["id"],)) for s in shown)
    more = Paragraph((f"{omitted} more of the same kind are in the certificate only.",))
    return (Display(lines), *([more] if omitted else []))


def limit(r: Reading) -> Section:
    """Definition B.3 for this program."""
    rows: tuple[Inlines, ...] = (
        (Cite("ZInit"), ": initial vectors are Gaussian, independent between parameters, with variance σ²; those of an "
         "embedding have covariance σ² ξᵀξ'/d, a vector parameter is the same variable in both runs."),
        (Cite("ZNonLin"), " ", Cite("(62)"), ", ", Cite("ZMoment"), " ", Cite("(63)"), ": coordinatewise functions are "
         "applied to the limits, averages become expectations."),
        (Cite("ZHat"), " ", Cite("(64)"), ": the Gaussian parts of the results of a matrix have covariance σ² times "
         "the second moment of what it multiplies; a matrix and its transpose count as two."),
        (Cite("ZDot"), " ", Cite("(65)"), ": what a matrix and its transpose have to do with each other."),
    )  # fmt: skip
    intro = Paragraph(("Every vector has a limit variable Z, every scalar a limit (", Cite("Definition B.3"), "):"))
    return Section(("Limit variables",), "limit", (intro, Items(rows)))


def backward(r: Reading) -> Section:
    """Backpropagation and the steps that state it."""
    signals = Mean(Product((Limit(Name("a", tilde=True), "d"), Limit(Name("b"), "d"))))
    text = Paragraph(
        (
            "D(ã, b) = ", signals, ", from the outputs back, ", Cite("(105)-(106)"),
            "; α and χ are formal weights of the outputs.",
        )
    )  # fmt: skip
    picture = Picture("backward", ("The backward pass.",), "figure-backward", "The program read backwards.")
    return Section(("Backward pass",), "backward", (text, *_lines(r, r.of("D")), picture))


def base(r: Reading) -> Section:
    """(107) at initial G-vars."""
    steps = [s for s in r.of("J") if s["rule"] in BASE_RULES]
    return Section(
        ("Base case",), "base", (Paragraph(("The initial G-vars ", Cite("(D.3.1)"), ":")), *_lines(r, steps))
    )


def induction(r: Reading) -> Section:
    """Each G-var's inductive step."""
    blocks: list[Block] = []
    shown, omitted = ends(r.of("107"))
    for step in shown:
        pairs = [r.steps[j] for _, j in step["conclusion"][2]]
        name = r.vocabulary.vector(step["conclusion"][1])
        blocks.append(Fold((Cite("(107)"), " at ", name), (*_lines(r, pairs), *_lines(r, [step]))))
    if omitted:
        blocks.append(Paragraph((f"{omitted} more G-vars are in the certificate only.",)))
    return Section(("Induction",), "induction", tuple(blocks))


def proposition(r: Reading) -> Section:
    """Proposition D.3."""
    steps = [*r.of("K100"), *r.of("K96"), *r.of("duality")]
    return Section(("Proposition D.3",), "proposition", _lines(r, steps))


def claim(r: Reading) -> Section:
    """Claim 3.1, (121)–(122)."""
    return Section(("Claim 3.1",), "claim", _lines(r, [*r.of("limit"), *r.of("theorem")]))


def contraction(r: Reading) -> Section:
    """Where (107) fails."""
    text = Paragraph(("A matrix meets its transpose on one path, so D.4.2 does not apply as written.",))
    return Section(("Where the paper's path sum fails",), "contraction", (text, *_lines(r, r.of("contract"))))


def equals(left: Formula, right: Formula, steps: tuple[int, ...]) -> Line:
    return Line(left, "=", right, (), steps)
