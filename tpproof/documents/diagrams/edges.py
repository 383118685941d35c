"""Edges: level through the columns that they leave, pass and enter, curved between them, with a text at their end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tpproof.documents.diagrams.drawing import (
    Anchor,
    Figure,
    Line,
    PlacedEdge,
    PlacedMark,
    Point,
    Role,
    Symbol,
    Text,
    text_width,
)
from tpproof.documents.diagrams.layers import Part
from tpproof.documents.diagrams.symbols import ROW, rounded

LABEL_BESIDE, LABEL_ABOVE = 2.0, 4.0
"""From the end of an edge to the text on it."""


@dataclass(frozen=True)
class Column:
    """A column between its left and right border, its symbols' centres at x."""

    left: float
    x: float
    right: float


def label_width(matrix: str) -> float:
    """The room for the text at an edge's end."""
    return text_width(matrix, Role.MATRIX) + 2 * LABEL_BESIDE + 6 if matrix else 0.0


def placed_edge(
    source: str, target: str, matrix: str, points: Iterable[Point], leftward: bool = False
) -> PlacedEdge:
    """An edge with the text at its end."""
    found = tuple((rounded(x), rounded(y)) for x, y in points)
    x, y = found[-1]
    side, anchor = (1, Anchor.START) if leftward else (-1, Anchor.END)
    at = rounded(x + side * LABEL_BESIDE), rounded(y - LABEL_ABOVE)
    label = Text(matrix, *at, Role.MATRIX, anchor) if matrix else None
    return PlacedEdge(source, target, Line.MATMUL if matrix else Line.PLAIN, found, label)


def routed(
    figure: Figure, marks: Mapping[str, PlacedMark], whole: Part, columns: Sequence[Column]
) -> list[PlacedEdge]:
    """The edges of the forward pass, from left to right."""
    ends = _output_rows(figure, marks, whole)
    edges = []
    for e, edge in enumerate(figure.edges):
        source, target = marks[edge.source], marks[edge.target]
        points = [(source.right, source.y), (columns[whole.marks[edge.source].column].right, source.y)]
        for p in whole.passes[e]:
            points += [(columns[p.column].left, p.y), (columns[p.column].right, p.y)]
        end = ends.get(e, target.y)
        points += [(columns[whole.marks[edge.target].column].left, end), (target.left, end)]
        edges.append(placed_edge(edge.source, edge.target, edge.matrix, points))
    return edges


def in_rows(count: int, centre: float) -> list[float]:
    """The ordinates of so many rows around a centre, from above."""
    return [centre + (row - (count - 1) / 2) * ROW for row in range(count)]


def _output_rows(figure: Figure, marks: Mapping[str, PlacedMark], whole: Part) -> dict[int, float]:
    """Where on an output each of its edges ends, from above down as they come."""
    entering: dict[str, list[int]] = defaultdict(list)
    for e, edge in enumerate(figure.edges):
        if marks[edge.target].mark.symbol is Symbol.OUTPUT:
            entering[edge.target].append(e)
    found: dict[int, float] = {}
    for target, edges in entering.items():
        came = {e: whole.passes[e][-1].y if whole.passes[e] else marks[figure.edges[e].source].y for e in edges}
        ordered = sorted(edges, key=lambda e: (came[e], e))
        found |= dict(zip(ordered, in_rows(len(ordered), marks[target].y), strict=True))
    return found
