"""A drawing as SVG: readable by machines and by screen readers, light and dark, several of them in one page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from jinja2 import Environment, PackageLoader, StrictUndefined

from tpproof.documents.diagrams.drawing import Drawing, Line, PlacedEdge, Point, Shape
from tpproof.documents.diagrams.overlay import Pair, Way, overlay
from tpproof.documents.diagrams.spans import Style, spans
from tpproof.documents.diagrams.symbols import BAR, ROUND
from tpproof.documents.diagrams.table import description


def svg(drawing: Drawing, pairs: Iterable[Pair] = (), prefix: str = "", shown: int | None = None) -> str:
    """The drawing as an ``<svg>`` element: the same drawing gives the same bytes.

    Parameters
    ----------
    drawing
        What is drawn.
    pairs
        Path pairs, each marked in a group of class ``pair-K`` that is not displayed until somebody's style says so.
    prefix
        What all ids begin with: several drawings can stand in one page.
    shown
        The pair that is displayed.
    """
    overlays = [overlay(drawing, pair) for pair in pairs]
    ways = [way for one in overlays for way in (one.p, one.q)]
    edges, frames = (dict.fromkeys(part for way in ways for part in parts(way)) for parts in (_edges, _frames))
    numbers = {part: f"{prefix}way{k}" for k, part in enumerate((*edges, *frames))}  # each is written once, used often
    return _environment().get_template("diagrams/drawing.svg").render(
        drawing=drawing, overlays=overlays, prefix=prefix, shown=shown, described=description(drawing), edges=edges,
        frames=frames, numbers=numbers,
    )  # fmt: skip


def _edges(way: Way) -> tuple[PlacedEdge, ...]:
    return way.edges


def _frames(way: Way) -> tuple[Shape, ...]:
    return way.frames


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"curve": curve, "gate": gate_path, "spans": spans}
    environment.globals |= {"Style": Style, "Line": Line, "BAR": BAR}
    return environment


def curve(edge: PlacedEdge) -> str:
    """A path: every second piece is level and straight, those between leave and arrive level; links are straight."""
    points: tuple[Point, ...] = edge.points
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for k, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        if edge.line is Line.LINK or k % 2 == 0 or y == to_y:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            middle = round((x + to_x) / 2, 1)
            parts.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
    return "".join(parts)


def gate_path(shape: Shape) -> str:
    """A gate: flat where it is entered, round where it is left, there with a bar if it is a Moment's."""
    sign = -1 if shape.leftward else 1
    bar = BAR if shape.kind == "moment" else 0.0
    flat, end = shape.x - sign * shape.width / 2, shape.x + sign * (shape.width / 2 - bar)
    top, tall = shape.y - shape.height / 2, shape.height
    bend = f"A{ROUND:g} {tall / 2:g} 0 0 {0 if shape.leftward else 1} {end - sign * ROUND:g} {top + tall:g}"
    path = f"M{flat:g} {top:g}H{end - sign * ROUND:g}{bend}H{flat:g}Z"
    return path if not bar else f"{path}M{end + sign * bar:g} {top:g}v{tall:g}"
