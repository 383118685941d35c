"""Numbers that stand outside the proof."""

from __future__ import annotations

from tpproof.documents.blocks import Items, Paragraph, Section
from tpproof.documents.derivation.reading import Reading


def numbers(r: Reading) -> Section:
    """What the certificate's `evidence` holds; the checker does not read it."""
    rows = []
    if r.evidence.get("machine") is True:
        rows.append(("The abstract machine executed backpropagation and one unrolled step, and agreed.",))
    text = Paragraph(("The checker does not read this part of the certificate, and nothing above rests on it.",))
    return Section(("Evidence, not proof",), "numbers", (text, Items(tuple(rows))))
