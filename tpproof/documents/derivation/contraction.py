"""Where a matrix meets its transpose on one path (D.4.2)."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Paragraph, Ref, Section, Strong
from tpproof.documents.derivation.folding import Sides, Written, fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import contracted_terms, displayed
from tpproof.documents.derivation.reading import Reading, Step
from tpproof.documents.formula import Limit, Row


def contraction(r: Reading) -> Section:
    """The contracted G-vars, what (107) misses there, and where the kernel has it."""
    first = r.of("contract")[0]
    g = first["conclusion"][1]
    blocks: list[Block] = [
        Paragraph(
            (
                "A matrix is used in both orientations, and the two uses lie on one path. ZDot ", Cite("(65)"),
                " then does not vanish in the forward pass:",
            )
        ),
        *displayed(fold([_dot(r, step) for step in r.of("contract")], r.names), "dots", "(65)"),
        Paragraph(
            (
                Strong("Where (107) fails."), " ", "The change of such a G-var inherits the same term, with the "
                "change in place of the vector (decontraction lemma). First at ", r.names.vector(g), ":",
            )
        ),
        *displayed(fold([_change(r, step) for step in r.of("contract")], r.names), "extra"),
        Paragraph(
            (
                "The terms after the first are not of the form that ", Cite("(107)"), " allows: there the "
                "coefficients stand before error signals of uses of the same matrix, up to its hats. So ",
                Cite("(107)"), " is stated for the hat, and not claimed for the G-var as the paper states it. ",
                Cite("D.4.2"), " argues in ", Cite("(129)-(130)"), " that the expectations which ZDot of a change "
                "gains vanish. Those of products with forward vectors do; those of products with the changes of "
                "forward vectors, as above, do not, and D.4.2 has no term for them. Backward, error signals flow "
                "along the same terms.",
            )
        ),
        Paragraph(
            (
                Strong("The corrected kernel."), " ", "Read such a G-var as its hat plus these multiples of other "
                "vectors, a linear combination. Then the induction goes through for the hats, and the kernel ",
                Cite("(100)"),
                ", with every ZDot term, is again a sum over paths, in which a path may also take a contracted "
                "stretch, from what is contracted straight to the G-var, with these coefficients. It is written out "
                "in ",
                Ref("kernel"), ". How it differs from the path sum of Definition 5.5 is no step of the certificate; "
                "the prover's account of it stands in ", Ref("numbers"), ".",
            )
        ),
    ]  # fmt: skip
    return Section(("Where the paper's path sum fails",), "contraction", tuple(blocks))


def _dot(r: Reading, step: Step) -> Written:
    g = step["conclusion"][1]

    def write(at: Names) -> Sides:
        return Limit(at.vector(g), "", "dot"), "=", contracted_terms(at, g, False)

    return Written((None, r.names.index(g)), (step["id"],), write)


def _change(r: Reading, step: Step) -> Written:
    g = step["conclusion"][1]

    def write(at: Names) -> Sides:
        hat = Row(("δ", at.vector(~g, True)))
        return Limit(at.vector(g, True), "δ"), "=", Row((Limit(hat), " + ", contracted_terms(at, g, True)))

    return Written((r.names.index(g), None), (), write)
