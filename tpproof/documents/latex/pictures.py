"""Drawings, as TikZ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tpproof.documents.blocks import Picture
from tpproof.documents.diagrams import draw, tikz
from tpproof.documents.latex.text import Tex
from tpproof.errors import TpproofError
from tpproof.program.canonical import from_json


def pictures(data: dict[str, Any]) -> Callable[[Picture], Tex]:
    """A function that draws a picture of the certificate's network; empty where it is too large to be drawn."""

    def drawn(picture: Picture) -> Tex:
        if picture.name not in ("program", "backward") or not data:
            return Tex("")
        try:
            return Tex(tikz(draw(from_json(data["network"]), picture.name)))
        except TpproofError:
            return Tex("")

    return drawn
