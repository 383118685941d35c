"""A pair of isomorphic paths p ≅ q, marked in the one drawing of the program: p at ξ̃ and q at ξ (Figures 2 and 3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tpproof.documents.diagrams.drawing import (
    Anchor,
    Drawing,
    Line,
    PlacedEdge,
    PlacedMark,
    Role,
    Shape,
    Symbol,
    Text,
)
from tpproof.documents.diagrams.symbols import rounded

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Pair:
    """p ≅ q, each by its G-vars; ``index`` counts the pairs of a certificate."""

    index: int
    p: tuple[int, ...]
    q: tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """What is marked of one path: edges, frames around symbols, and p⁰, p¹, …"""

    letter: str
    edges: tuple[PlacedEdge, ...]
    frames: tuple[Shape, ...]
    tags: tuple[Text, ...]


@dataclass(frozen=True)
class Overlay:
    """A pair as it is marked."""

    index: int
    p: Way
    q: Way


def pairs(data: Mapping[str, Any]) -> tuple[Pair, ...]:
    """All pairs that a certificate lists, in its order.

    Parameters
    ----------
    data
        The certificate's JSON value.
    """
    listed = (pair for step in data["steps"] if step["rule"] == "listed" for pair in step["conclusion"][3])
    return tuple(Pair(index, tuple(p), tuple(q)) for index, (p, q) in enumerate(listed))


def overlay(drawing: Drawing, pair: Pair) -> Overlay:
    """What is marked of a pair."""
    return Overlay(pair.index, _way(drawing, "p", pair.p), _way(drawing, "q", pair.q))


def _way(drawing: Drawing, letter: str, path: tuple[int, ...]) -> Way:
    marks = {m.mark.key: m for m in drawing.marks}
    shown = dict(drawing.stand_in)
    stops: list[tuple[str, str]] = []  # symbols with their tags
    edges: dict[PlacedEdge, None] = {}
    for step, gvar in enumerate(path):
        key = shown.get(str(gvar), str(gvar))
        if key not in marks:  # left out, and handed on by no dots of its own
            continue
        into = next((e for e in drawing.edges if e.target == key and e.line is Line.MATMUL), None)
        if stops:
            way = _between(drawing, marks, stops[-1][0], key if into is None else into.source)
            edges |= dict.fromkeys(way)
            stops += [(e.target, "") for e in way[:-1]]
        if into is not None:
            stops.append((into.source, f"{letter}{2 * step}"))
            edges[into] = None
        stops.append((key, f"{letter}{2 * step + 1}"))
    tagged: dict[str, str] = {}
    for key, tag in stops:
        tagged[key] = tagged.get(key) or tag
    frames = tuple(_frame(marks[key], 4.5 if letter == "p" else 1.5) for key in tagged)
    tags = tuple(_tag(marks[key], tag) for key, tag in tagged.items() if tag)
    return Way(letter, tuple(edges), frames, tags)


def _between(drawing: Drawing, marks: Mapping[str, PlacedMark], start: str, end: str) -> list[PlacedEdge]:
    """The shortest way from a G-var to the X-var that reads it, through other gates but no Moments."""
    leaving: dict[str, list[PlacedEdge]] = {}
    for edge in drawing.edges:
        if edge.line is Line.PLAIN and marks[edge.target].mark.symbol is not Symbol.SCALAR:
            leaving.setdefault(edge.source, []).append(edge)
    came: dict[str, PlacedEdge | None] = {start: None}
    todo = deque([start])
    while todo and end not in came:
        for edge in leaving.get(todo.popleft(), ()):
            if edge.target not in came:
                came[edge.target] = edge
                todo.append(edge.target)
    return list(_back(came, end))[::-1]


def _back(came: Mapping[str, PlacedEdge | None], end: str) -> Iterator[PlacedEdge]:
    edge = came.get(end)
    while edge is not None:
        yield edge
        edge = came[edge.source]


def _frame(placed: PlacedMark, around: float) -> Shape:
    left, right = placed.left - around, placed.right + around
    tall = max(s.height for s in placed.shapes) + 2 * around
    return Shape("frame", rounded((left + right) / 2), placed.y, rounded(right - left), rounded(tall))


def _tag(placed: PlacedMark, tag: str) -> Text:
    """To the right of a symbol, p above the edge that leaves it and q below."""
    shown = tag[0] + tag[1:].translate(_SUPERSCRIPTS)
    down = -3.0 if tag.startswith("p") else 11.0
    return Text(shown, rounded(placed.right + 6), rounded(placed.y + down), Role.TAG, Anchor.START)
