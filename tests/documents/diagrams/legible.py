"""What makes a drawing legible: nothing overlaps, no line runs through a symbol or a text of another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tpproof.documents.diagrams.drawing import Drawing, Line, PlacedEdge, Point
from tpproof.documents.diagrams.symbols import Box, shape_box, text_box

_NEAR = 0.2  # coordinates are rounded
_STEPS = 24


def boxes(drawing: Drawing) -> list[tuple[str, Box]]:
    """The rectangles of all shapes and texts, with whose they are; texts in shapes go with these."""
    found: list[tuple[str, Box]] = []
    for m in drawing.marks:
        found += [(m.mark.key, shape_box(s)) for s in m.shapes]
        found += [(m.mark.key, text_box(t)) for t in m.texts]
    found += [(f"at {e.target}", text_box(e.label)) for e in drawing.edges if e.label]
    found += [("legend", text_box(e.text)) for e in drawing.legend]
    return found


def overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    """Pairs of things of different owners whose rectangles overlap."""
    found = []
    everything = sorted(boxes(drawing), key=lambda b: b[1][0])
    for k, (owner, (_, right, top, foot)) in enumerate(everything):
        for other, (left, _, upper, lower) in everything[k + 1 :]:
            if left >= right - _NEAR:
                break
            if owner != other and upper < foot - _NEAR and top < lower - _NEAR:
                found.append((owner, other))
    return found


def outside(drawing: Drawing) -> list[str]:
    """What leaves the paper."""
    found = [o for o, (a, b, c, d) in boxes(drawing) if a < 0 or c < 0 or b > drawing.width or d > drawing.height]
    for edge in drawing.edges:
        found += [edge.source for x, y in edge.points if not (0 < x < drawing.width and 0 < y < drawing.height)]
    return found


def curve(edge: PlacedEdge) -> Iterator[Point]:
    """Points on an edge as the printers draw it: every second piece level, Bézier curves between."""
    for k, ((x, y), (to_x, to_y)) in enumerate(pairwise(edge.points)):
        for step in range(_STEPS + 1):
            t = step / _STEPS
            if edge.line is Line.LINK or k % 2 == 0 or y == to_y:
                yield x + t * (to_x - x), y + t * (to_y - y)
            else:
                middle = (x + to_x) / 2
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                yield a * x + (b + c) * middle + d * to_x, (a + b) * y + (c + d) * to_y


def struck(drawing: Drawing) -> list[tuple[str, str, str]]:
    """Edges that run through a symbol that is neither their start nor their end."""
    shapes = [(m.mark.key, shape_box(s)) for m in drawing.marks for s in m.shapes]
    found = []
    for edge in drawing.edges:
        points = list(curve(edge))
        start, end = min(x for x, _ in points), max(x for x, _ in points)
        upper, lower = min(y for _, y in points), max(y for _, y in points)
        for key, (left, right, top, foot) in shapes:
            if left > end or right < start or top > lower or foot < upper:
                continue
            if key not in (edge.source, edge.target):
                inside = (left + 1 < x < right - 1 and top + 1 < y < foot - 1 for x, y in points)
                if any(inside):
                    found.append((edge.source, edge.target, key))
    return found


def complaints(drawing: Drawing) -> list[object]:
    """All that makes a drawing hard to read."""
    return [*overlapping(drawing), *outside(drawing), *struck(drawing)]
