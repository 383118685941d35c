"""The paper's graphical notation of a program (Figures 1 to 7), printed as SVG."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from jinja2 import Environment, PackageLoader, StrictUndefined

from tpproof.documents.figure import figure
from tpproof.documents.layout import Point, place
from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Program


def svg(program: Program, limits: Limits = DEFAULT) -> str:
    """The program drawn: the same network gives the same bytes.

    Raises
    ------
    TpproofError
        E104 for a network too large to be read as a drawing.
    """
    drawing = place(figure(program, limits), limits)
    return _environment().get_template("drawing.svg").render(drawing=drawing)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["curve"] = _curve
    return environment


def _curve(points: tuple[Point, ...]) -> str:
    """A path: every second piece is level and straight, those between leave and arrive level."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for k, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        if k % 2 == 0 or y == to_y:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            middle = round((x + to_x) / 2, 1)
            parts.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
    return "".join(parts)
