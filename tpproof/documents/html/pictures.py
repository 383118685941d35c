"""The drawings of a page, by their names."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from jinja2 import Environment

from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.dependencies import nodes
from tpproof.documents.drawing import svg
from tpproof.documents.html.graph import graph
from tpproof.documents.html.plot import plot
from tpproof.errors import TpproofError
from tpproof.program.canonical import from_json
from tpproof.program.model import Program


class Pictures:
    """Draws what a document's pictures name."""

    def __init__(self, data: dict[str, Any], templates: Environment) -> None:
        self.data, self.templates = data, templates

    @cached_property
    def program(self) -> Program:
        return from_json(self.data["network"])

    def draw(self, name: str) -> str:
        """The drawing as SVG, or nothing where it cannot be drawn: the page then prints its alternative."""
        try:
            return self._draw(name)
        except TpproofError:
            return ""

    def _draw(self, name: str) -> str:
        if name == "program":
            return svg(self.program)
        if name == "steps" and self.data["steps"]:
            placed = graph(nodes(self.data, PARTS))
            return self.templates.get_template("dependencies.svg").render(graph=placed)
        if name == "widths" and (drawn := plot(self.data["evidence"].get("crosscheck"))):
            return self.templates.get_template("widths.svg").render(plot=drawn)
        return ""

    def drawn_pairs(self) -> tuple[int, ...]:
        """The pairs of paths that the picker shows."""
        return ()

    def picker(self) -> str:
        """The program with every pair of paths over it, all hidden until one is chosen."""
        return ""
