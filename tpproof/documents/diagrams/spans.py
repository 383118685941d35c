"""Texts of a drawing as the pieces that a printer sets: slanted letters, subscripts, superscripts, upright words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from tpproof.documents.diagrams.drawing import Role, Text


class Style(Enum):
    """How a piece of text is set."""

    UPRIGHT = "upright"
    SLANTED = "slanted"
    SUBSCRIPT = "subscript"
    SUPERSCRIPT = "superscript"


@dataclass(frozen=True)
class Span:
    """A piece of a text; ``test`` for a letter with a tilde."""

    text: str
    style: Style
    test: bool = False


_NAME = re.compile(
    r"(?P<word>[^\W\d_ᵀ₀-₉]+)(?P<tilde>~?)(?P<sub>_?\d+(?:_\d+)*|[₀-₉]+)?(?P<late>~?)(?P<time>(?:_\d+)?)(?P<transposed>ᵀ?)"
)
_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
LETTERS = 2
"""A longer word is no symbol."""


def spans(text: Text) -> tuple[Span, ...]:
    """The pieces of a text, in order: "g4" is a slanted g with subscript 4, "tanh" a word; the legend is prose."""
    return (Span(text.text, Style.UPRIGHT),) if text.role in (Role.KEY, Role.TAG) else _pieces(text.text)


def _pieces(text: str) -> tuple[Span, ...]:
    found: list[Span] = []
    end = 0
    for match in _NAME.finditer(text):
        if match.start() > end:
            found.append(Span(text[end : match.start()], Style.UPRIGHT))
        found += _name(match)
        end = match.end()
    if end < len(text):
        found.append(Span(text[end:], Style.UPRIGHT))
    return tuple(found)


def _name(match: re.Match[str]) -> list[Span]:
    word, sub = match["word"], (match["sub"] or "").translate(_DIGITS)
    style = Style.SLANTED if len(word) <= LETTERS else Style.UPRIGHT
    found = [Span(word, style, bool(match["tilde"] or match["late"]))]
    below = ",".join(part for part in (sub.lstrip("_").replace("_", ","), match["time"].removeprefix("_")) if part)
    if below:
        found.append(Span(below, Style.SUBSCRIPT))
    if match["transposed"]:
        found.append(Span("⊤", Style.SUPERSCRIPT))
    return found
