"""A program drawn as SVG, for the page until it calls `tpproof.documents.diagrams` itself."""

from __future__ import annotations

from tpproof.documents import diagrams
from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Program


def svg(program: Program, limits: Limits = DEFAULT) -> str:
    """The program drawn: the same network gives the same bytes. Raises E104 where it is too large."""
    return diagrams.svg(diagrams.draw(program, limits=limits))
