"""A figure with coordinates: columns side by side, edges between them, the legend below."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from tpproof.documents.diagrams.drawing import Drawing, Figure
from tpproof.documents.diagrams.edges import Column, label_width, routed
from tpproof.documents.diagrams.layers import BELOW, Part, Place, laid_out
from tpproof.documents.diagrams.legend import legend
from tpproof.documents.diagrams.mirror import TRACK, Signal, mirrored, signals, turning
from tpproof.documents.diagrams.symbols import built, extent, room, rounded
from tpproof.limits import DEFAULT, Limits

BESIDE, MARGIN = 26.0, 16.0
"""Free space between columns, and around everything."""
LEAST_WIDTH = 450.0
STEEP = 0.09
"""Columns stand farther apart, by this share of the steepest edge's height, so that edges stay distinct."""
BETWEEN = 14.0
"""Between the forward and the backward pass."""



def place(figure: Figure, view: str = "program", limits: Limits = DEFAULT) -> Drawing:
    """Coordinates for a figure; for the view "backward", with the backward pass mirrored below it.

    Raises
    ------
    TpproofError
        E104 when its long edges pass so many columns that nobody could follow them.
    """
    back = signals(figure) if view == "backward" else {}
    rooms = {m.key: max(room(m), back[m.key].room if m.key in back else 0.0) for m in figure.marks}
    whole = _stacked(rooms, laid_out(figure, rooms, limits))
    columns = _columns(figure, whole, back)
    marks = {m.key: built(m, columns[whole.marks[m.key].column].x, whole.marks[m.key].y) for m in figure.marks}
    edges = routed(figure, marks, whole, columns)
    bottom = max([m.y + rooms[m.mark.key] for m in marks.values()] + whole.ys())
    placed, lines = [*marks.values()], [*edges]
    if back:
        turned = turning(figure, back, whole, bottom + BETWEEN)
        reflected = mirrored(figure, back, marks, columns, whole, turned)
        placed += reflected.marks
        lines += reflected.edges
        bottom = max([m.y + m.room for m in reflected.marks] + [y for e in reflected.edges for _, y in e.points])
    width = max(columns[-1].right + MARGIN, LEAST_WIDTH)
    entries = legend(placed, lines, figure.folds, width, bottom + MARGIN)
    height = entries[-1].text.y + MARGIN
    return Drawing(
        figure.name, view, rounded(width), rounded(height), tuple(placed), tuple(lines), entries, figure.folds,
        figure.stand_in,
    )  # fmt: skip


def _stacked(rooms: dict[str, float], parts: list[Part]) -> Part:
    """The connected parts, one below the other."""
    marks: dict[str, Place] = {}
    passes: dict[int, tuple[Place, ...]] = {}
    top = MARGIN
    for part in parts:
        upper = min([p.y - rooms[key] for key, p in part.marks.items()] + part.ys())
        moved = part.moved(top - upper)
        marks |= moved.marks
        passes |= moved.passes
        top = max([p.y + rooms[key] for key, p in moved.marks.items()] + moved.ys()) + BELOW
    return Part(marks, passes)


def _columns(figure: Figure, whole: Part, back: dict[str, Signal]) -> list[Column]:
    """The columns, as wide as their symbols ask, as far apart as the steepest edge between two of them asks."""
    count = 1 + max(p.column for p in whole.marks.values())
    before, after, steep = [0.0] * count, [0.0] * count, [0.0] * count
    entering: dict[str, float] = defaultdict(float)
    for edge in figure.edges:
        entering[edge.target] = max(entering[edge.target], label_width(edge.matrix))
    for mark in figure.marks:
        column, forward = whole.marks[mark.key].column, built(mark)
        left, right = extent(forward)
        left = max(left, entering[mark.key] - forward.left)
        if mark.key in back:
            lower = back[mark.key].extent()
            left, right = max(left, lower[0]), max(right, lower[1])
        before[column], after[column] = max(before[column], left), max(after[column], right)
    for e, edge in enumerate(figure.edges):
        places = (whole.marks[edge.source], *whole.passes[e], whole.marks[edge.target])
        for a, b in pairwise(places):
            steep[b.column] = max(steep[b.column], abs(a.y - b.y))
    tracks = [sum(s.linked and whole.marks[key].column == c for key, s in back.items()) for c in range(count)]
    columns, right = [], MARGIN - BESIDE
    for c in range(count):
        left = right + BESIDE + STEEP * steep[c] + TRACK * max(0, tracks[c] - 1)
        columns.append(Column(left, left + before[c], left + before[c] + after[c]))
        right = columns[-1].right
    return columns
