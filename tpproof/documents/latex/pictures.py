"""Drawings, as TikZ: from the same placed drawings as those of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from tpproof.documents.blocks import Picture
from tpproof.documents.charts.dependencies import HEIGHT, graph
from tpproof.documents.charts.widths import plot
from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.dependencies import nodes
from tpproof.documents.diagrams import draw, tikz
from tpproof.documents.latex.environment import environment
from tpproof.documents.latex.inline import Lines
from tpproof.documents.tex.text import Tex
from tpproof.errors import TpproofError
from tpproof.program.canonical import from_json
from tpproof.program.model import Program


@dataclass(frozen=True)
class Pictures:
    """Draws what a document's pictures name."""

    data: dict[str, Any]
    lines: Lines
    templates: Path | None = None

    def tex(self, picture: Picture) -> Tex:
        """The drawing; empty where there is none, or one too large to be read."""
        if self.data and picture.name in ("program", "backward"):
            return self._network(picture.name)
        return self._filled(picture, key=False)

    def key(self, picture: Picture) -> Tex:
        """What the marks of a drawing mean, for its caption, where the drawing itself does not say."""
        return self._filled(picture, key=True)

    def _filled(self, picture: Picture, key: bool) -> Tex:
        found = self._placed(picture.name)
        if found is None:
            return Tex("")
        template, values = found
        made = environment(self.templates).get_template(template)
        return Tex(made.render(values, key=key, curve=curve, lines=self.lines).rstrip())

    def _placed(self, name: str) -> tuple[str, dict[str, object]] | None:
        """A template and what it draws."""
        if name == "steps" and self.data and self.data["steps"]:
            return "dependencies.tex", {"graph": graph(nodes(self.data, PARTS))}
        if name == "widths" and self.data and (drawn := plot(self.data["evidence"].get("crosscheck"))):
            return "widths.tex", {"plot": drawn}
        return None

    @cached_property
    def _program(self) -> Program:
        return from_json(self.data["network"])

    def _network(self, view: str) -> Tex:
        try:
            return Tex(tikz(draw(self._program, view)))
        except TpproofError:
            return Tex("")


def curve(points: tuple[tuple[float, float], ...]) -> Tex:
    """An edge from below its first point to above its last, through every row between."""
    half = HEIGHT / 2
    parts = [f"({points[0][0]:g},{points[0][1] + half:g})"]
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        parts.append(f".. controls ({x:g},{middle:g}) and ({to_x:g},{middle:g}) .. ({to_x:g},{to_y - half:g})")
        parts.append(f"-- ({to_x:g},{to_y + half:g})")
    return Tex(" ".join(parts[:-1]))
