"""The drawings of a page, by their names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from jinja2 import Environment

from tpproof.documents.charts.dependencies import graph
from tpproof.documents.charts.widths import plot
from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.dependencies import nodes
from tpproof.documents.diagrams import Drawing, Pair, draw, pairs, svg
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
        if name in ("program", "backward"):
            return svg(draw(self.program, name), prefix=f"{name}-")
        if name == "steps" and self.data["steps"]:
            placed = graph(nodes(self.data, PARTS))
            return self.templates.get_template("dependencies.svg").render(graph=placed)
        if name == "widths" and (drawn := plot(self.data["evidence"].get("crosscheck"))):
            return self.templates.get_template("widths.svg").render(plot=drawn)
        return ""

    @cached_property
    def _pairs(self) -> dict[int, Pair]:
        """The listed pairs of paths, if there is a drawing to show them in."""
        return {pair.index: pair for pair in pairs(self.data)} if self._drawing is not None else {}

    @cached_property
    def _drawing(self) -> Drawing | None:
        try:
            return draw(self.program)
        except TpproofError:
            return None

    def drawn_pairs(self) -> frozenset[int]:
        """The pairs of paths that the picker can show."""
        return frozenset(self._pairs)

    def picker(self, chosen: Iterable[int]) -> str:
        """The program with pairs of paths over it, all hidden until one is chosen."""
        return svg(self._drawing, [self._pairs[k] for k in chosen], "pairs-") if self._drawing is not None else ""
