"""The drawings of a page, by their names."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tpproof.documents.drawing import svg
from tpproof.errors import TpproofError
from tpproof.program.canonical import from_json
from tpproof.program.model import Program


class Pictures:
    """Draws what a document's pictures name."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @cached_property
    def program(self) -> Program:
        return from_json(self.data["network"])

    def draw(self, name: str) -> str:
        """The drawing as SVG, or nothing where it cannot be drawn: the page then prints its alternative."""
        try:
            return svg(self.program) if name == "program" else ""
        except TpproofError:
            return ""

    def drawn_pairs(self) -> tuple[int, ...]:
        """The pairs of paths that the picker shows."""
        return ()

    def picker(self) -> str:
        """The program with every pair of paths over it, all hidden until one is chosen."""
        return ""
