"""A drawing as a TikZ picture for a paper: standard libraries only, names set as mathematics."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tpproof.documents.diagrams.drawing import Anchor, Drawing, Line, PlacedEdge, Shape, Text
from tpproof.documents.diagrams.overlay import Pair, overlay
from tpproof.documents.diagrams.spans import Span, Style, spans
from tpproof.documents.diagrams.symbols import BAR, ROUND
from tpproof.documents.formula import GREEK

TIKZ_LIBRARIES: tuple[str, ...] = ()
"""What ``\\usetikzlibrary`` has to load: nothing, plain TikZ does."""
POINTS = 0.75
"""Points in a unit of a drawing's coordinates."""
_LETTERS = {letter: name for name, letter in GREEK.items()} | {"Δ": "Delta"}
_ANCHORS = {Anchor.START: "base west", Anchor.MIDDLE: "base", Anchor.END: "base east"}


def tikz(drawing: Drawing, pair: Pair | None = None) -> str:
    """The drawing as a ``tikzpicture``.

    Parameters
    ----------
    drawing
        What is drawn.
    pair
        A path pair that is marked.

    Notes
    -----
    It needs the package tikz with `TIKZ_LIBRARIES`, and amssymb; its styles are its own.
    """
    marked = overlay(drawing, pair) if pair is not None else None
    return environment().get_template("diagrams/drawing.tikz").render(drawing=drawing, overlay=marked)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; what no filter has made LaTeX is escaped."""
    from tpproof.documents.latex.text import Tex, escape  # not above: papers import drawings

    def latex(of: Callable[[Any], str]) -> Callable[[Any], Tex]:
        return lambda value: Tex(of(value))

    made = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=False, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, block_start_string="<%", block_end_string="%>",
        variable_start_string="<<", variable_end_string=">>", comment_start_string="<#", comment_end_string="#>",
        finalize=escape,
    )  # fmt: skip
    filters: dict[str, Callable[[Any], str]] = {"curve": _curve, "shape": _shape, "text": _text, "verbatim": str}
    made.filters |= {name: latex(of) for name, of in filters.items()}
    made.filters["anchor"] = _ANCHORS.__getitem__
    made.globals |= {"Line": Line, "POINTS": POINTS}
    return made


def _at(x: float, y: float) -> str:
    return f"({x:g},{y:g})"


def _points(length: float) -> str:
    return f"{length * POINTS:g}pt"


def _curve(edge: PlacedEdge) -> str:
    """As in SVG: every second piece level, curves between them."""
    parts = [_at(*edge.points[0])]
    for k, ((x, y), (to_x, to_y)) in enumerate(pairwise(edge.points)):
        if edge.line is Line.LINK or k % 2 == 0 or y == to_y:
            parts.append(f"-- {_at(to_x, to_y)}")
        else:
            middle = round((x + to_x) / 2, 1)
            parts.append(f".. controls {_at(middle, y)} and {_at(middle, to_y)} .. {_at(to_x, to_y)}")
    return " ".join(parts)


def _shape(shape: Shape) -> str:
    """The path of a shape."""
    half, tall = shape.width / 2, shape.height / 2
    if shape.kind in ("gate", "moment"):
        return _gate(shape)
    if shape.kind == "dots":
        return " ".join(f"{_at(round(shape.x + 6 * k, 1), shape.y)} circle[radius=1.2pt]" for k in (-1, 0, 1))
    if shape.kind in ("scalar", "output", "frame"):
        top, foot = round(shape.y - tall, 1), round(shape.y + tall, 1)
        return f"{_at(round(shape.x - half, 1), top)} rectangle {_at(round(shape.x + half, 1), foot)}"
    return f"{_at(shape.x, shape.y)} circle[radius={_points(half)}]"


def _gate(shape: Shape) -> str:
    sign = -1 if shape.leftward else 1
    bar = BAR if shape.kind == "moment" else 0.0
    flat, end = shape.x - sign * shape.width / 2, shape.x + sign * (shape.width / 2 - bar)
    top, foot = round(shape.y - shape.height / 2, 1), round(shape.y + shape.height / 2, 1)
    bend = round(end - sign * ROUND, 1)
    start, stop = (90, 270) if shape.leftward else (90, -90)
    arc = f"arc[start angle={start},end angle={stop},x radius={_points(ROUND)},y radius={_points(shape.height / 2)}]"
    path = f"{_at(round(flat, 1), top)} -- {_at(bend, top)} {arc} -- {_at(round(flat, 1), foot)} -- cycle"
    right = round(end + sign * bar, 1)
    return f"{path} {_at(right, top)} -- {_at(right, foot)}" if bar else path


def _text(text: Text) -> str:
    """A text, its letters and their indices in mathematics."""
    return "".join(_span(span) for span in _grouped(text))


def _grouped(text: Text) -> list[tuple[Span, ...]]:
    """Each piece with the indices that follow it."""
    groups: list[tuple[Span, ...]] = []
    for span in spans(text):
        if span.style in (Style.SUBSCRIPT, Style.SUPERSCRIPT) and groups:
            groups[-1] = (*groups[-1], span)
        else:
            groups.append((span,))
    return groups


def _span(group: tuple[Span, ...]) -> str:
    first, *indices = group
    if first.style is Style.UPRIGHT and not indices and not first.test:
        return plain(first.text)
    if first.style is Style.SLANTED:
        letters = [rf"\{_LETTERS[c]} " if c in _LETTERS else _mathematics(c) for c in first.text]
        base = "".join([*letters[:-1], rf"\tilde{{{letters[-1]}}}" if first.test else letters[-1]])
    else:
        base = rf"\mathrm{{{_mathematics(first.text)}}}"
    below = "".join(i.text for i in indices if i.style is Style.SUBSCRIPT)
    above = r"^{\top}" if any(i.style is Style.SUPERSCRIPT for i in indices) else ""
    return f"${base}{f'_{{{below}}}' if below else ''}{above}$"


def plain(text: str) -> str:
    """Any text as LaTeX text."""
    from tpproof.documents.latex.text import escape

    return escape(text)


def _mathematics(text: str) -> str:
    """Letters inside mathematics; what is none is text there."""
    return text if text.isascii() and text.isalnum() else rf"\text{{{plain(text)}}}"
