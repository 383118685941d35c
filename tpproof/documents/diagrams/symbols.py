"""The symbols with their gates and texts, each built around the centre of its circle, square or box."""

from __future__ import annotations

from collections.abc import Iterable

from tpproof.documents.diagrams.drawing import (
    Anchor,
    Mark,
    PlacedMark,
    Point,
    Role,
    Shape,
    Symbol,
    Text,
    text_width,
)

HALF = {Symbol.GVAR: 7.0, Symbol.XVAR: 7.0, Symbol.SCALAR: 6.0, Symbol.OUTPUT: 11.0, Symbol.DOTS: 10.0}
"""Half the width of a symbol without its gate."""
GATE_HEIGHT, GATE_WIDTH, ROUND = 18.0, 20.0, 9.0
BAR = 3.0
"""From the round side of a bar-gate to its bar."""
GAP = 5.0
"""Between a gate and its symbol."""
LINE, ROW = 12.0, 15.0
"""Heights of a line of text, and of a row of what has several entries."""
UNDER, OVER = 9.0, 4.0
"""From a symbol to the base lines of the texts below and above it."""


def rounded(number: float) -> float:
    """Coordinates have one decimal place: enough, and the same everywhere."""
    return round(number, 1) + 0.0  # no −0


def half_height(mark: Mark) -> float:
    """Half the height of a symbol: an output is as tall as its rows."""
    if mark.symbol is Symbol.OUTPUT:
        return max(HALF[Symbol.OUTPUT], mark.rows * ROW / 2)
    return max(HALF[mark.symbol], GATE_HEIGHT / 2 if mark.gate is not None else 0.0)


def room(mark: Mark) -> float:
    """Half the height of a symbol with the texts above and below it."""
    return half_height(mark) + LINE


def gate_width(text: str) -> float:
    return max(GATE_WIDTH, rounded(text_width(text, Role.GATE) + ROUND + 4))


def gate(kind: str, text: str, end: float, y: float, leftward: bool = False) -> tuple[Shape, Text]:
    """A gate with its text, the round side (or bar) at `end`."""
    away = 1 if leftward else -1
    width = gate_width(text) + (BAR if kind == "moment" else 0.0)
    centre = end + away * width / 2
    middle = centre + away * (2.0 + (BAR / 2 if kind == "moment" else 0.0))
    shape = Shape(kind, rounded(centre), rounded(y), width, GATE_HEIGHT, leftward)
    return shape, Text(text, rounded(middle), rounded(y + 3.5), Role.GATE)


def built(mark: Mark, x: float = 0.0, y: float = 0.0) -> PlacedMark:
    """A symbol of the forward pass, its gate to the left of it."""
    x, y = rounded(x), rounded(y)
    half, half_width = half_height(mark), HALF[mark.symbol]
    height = 2 * half if mark.symbol is Symbol.OUTPUT else 2 * half_width
    shapes = [Shape(mark.symbol.value, x, y, 2 * half_width, height)]
    stems: list[tuple[Point, Point]] = []
    texts = [Text(mark.name, x, rounded(y + _below(mark)), Role.NAME)]
    if mark.label:
        texts.append(Text(mark.label, x, rounded(y - half - OVER), Role.LABEL))
    if mark.gate is not None:
        kind = "moment" if mark.symbol is Symbol.SCALAR else "gate"
        shape, text = gate(kind, mark.gate, x - half_width - GAP, y)
        shapes.insert(0, shape)
        texts.append(text)
        stems.append(((rounded(x - half_width - GAP), y), (rounded(x - half_width), y)))
    return PlacedMark(mark, x, y, tuple(shapes), tuple(stems), tuple(texts), room(mark))


def _below(mark: Mark) -> float:
    """From a symbol's centre to its name: below it, below its gate too if it is wide, in the middle of an output."""
    if mark.symbol is Symbol.OUTPUT:
        return 3.0
    wide = text_width(mark.name, Role.NAME) / 2 > HALF[mark.symbol] + GAP
    return (half_height(mark) + 1 if wide else HALF[mark.symbol]) + UNDER


Box = tuple[float, float, float, float]
"""Left, right, top, bottom."""


def shape_box(shape: Shape) -> Box:
    """The rectangle around a shape."""
    half, tall = shape.width / 2, shape.height / 2
    return shape.x - half, shape.x + half, shape.y - tall, shape.y + tall


def text_box(text: Text) -> Box:
    """The rectangle around a text."""
    width = text_width(text.text, text.role)
    left = text.x - {Anchor.START: 0.0, Anchor.MIDDLE: width / 2, Anchor.END: width}[text.anchor]
    return left, left + width, text.y - UNDER, text.y + 2


def extent(placed: PlacedMark) -> tuple[float, float]:
    """How far a symbol with its texts reaches to the left and to the right of its centre."""
    boxes: Iterable[Box] = [*map(shape_box, placed.shapes), *map(text_box, placed.texts)]
    lefts, rights, _, _ = zip(*boxes, strict=True)
    return placed.x - min(lefts), max(rights) - placed.x
