"""What stands beside a line of a display, in the paper as on the page."""

from __future__ import annotations

from tpproof.documents.blocks import Inlines, Line, Ref
from tpproof.documents.derivation.folding import steps_text


def beside(line: Line) -> Inlines:
    """Why the line holds: its note, and the steps that it states unless the note has them."""
    told = any(isinstance(part, Ref) and part.target.startswith("step-") for part in line.note)
    if told or not line.steps:
        return line.note
    steps = steps_text(line.steps)
    return (*line.note, " (", *steps, ")") if line.note else steps
