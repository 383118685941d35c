"""What is drawn, unplaced (a figure) and placed (a drawing), and the sizes that both sides agree on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Point = tuple[float, float]


class Symbol(Enum):
    """What a node looks like."""

    GVAR = "gvar"  # an empty circle
    XVAR = "xvar"  # a filled circle, behind its gate
    SCALAR = "scalar"  # a square, behind its bar-gate
    OUTPUT = "output"  # a rounded box with a row for each readout
    DOTS = "dots"  # what is left out of a repetition


@dataclass(frozen=True)
class Mark:
    """One symbol.

    Parameters
    ----------
    key
        Its node's number, "f0" for an output, "dots3" for what is left out.
    symbol, name, label, title
        Its shape; the texts below and above it; its formula.
    gate
        The function in its gate; None where it has no gate.
    linear
        Whether the gate is a linear combination, through which error signals pass unchanged but for a factor.
    rows
        How many lines that enter it have rows of their own.
    """

    key: str
    symbol: Symbol
    name: str
    label: str
    title: str
    gate: str | None = None
    linear: bool = False
    rows: int = 1


class Line(Enum):
    """What a line means."""

    PLAIN = "plain"  # solid: a NonLin or Moment reads its start
    MATMUL = "matmul"  # dashed: multiplied by a matrix or readout
    LINK = "link"  # dotted: the gates at its ends have the same arguments


@dataclass(frozen=True)
class Edge:
    """A line between two symbols: dashed and labelled by its matrix or readout, or solid and unlabelled."""

    source: str
    target: str
    matrix: str = ""


@dataclass(frozen=True)
class Fold:
    """A repetition of which the first and the last part are drawn: how many there are, how many are left out."""

    parts: int
    omitted: int
    first: str
    last: str

    @property
    def text(self) -> str:
        return f"{self.omitted} more of {self.parts} equal parts: {self.first} … {self.last}"


@dataclass(frozen=True)
class Figure:
    """All symbols, in program order, and all edges between them; ``stand_in`` says which dots hide a node."""

    name: str
    marks: tuple[Mark, ...]
    edges: tuple[Edge, ...]
    folds: tuple[Fold, ...] = ()
    stand_in: tuple[tuple[str, str], ...] = ()


class Role(Enum):
    """What a text is: it decides its size and colour."""

    LABEL = "label"
    NAME = "name"
    GATE = "gate"
    MATRIX = "matrix"
    KEY = "key"
    TAG = "tag"


class Anchor(Enum):
    """Where a text's (x, y) is, on its base line."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True)
class Text:
    """A text on its base line."""

    text: str
    x: float
    y: float
    role: Role
    anchor: Anchor = Anchor.MIDDLE


@dataclass(frozen=True)
class Shape:
    """One closed shape around its centre; a gate's round side is where the computation goes."""

    kind: str  # gvar, xvar, scalar, output, gate, moment, dots
    x: float
    y: float
    width: float
    height: float
    leftward: bool = False


@dataclass(frozen=True)
class PlacedMark:
    """A symbol with all its shapes, the lines between them and its texts; (x, y) is the centre of its last shape."""

    mark: Mark
    x: float
    y: float
    shapes: tuple[Shape, ...]
    stems: tuple[tuple[Point, Point], ...]
    texts: tuple[Text, ...]
    room: float

    @property
    def left(self) -> float:
        return min(s.x - s.width / 2 for s in self.shapes)

    @property
    def right(self) -> float:
        return max(s.x + s.width / 2 for s in self.shapes)


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a polyline that alternates between level pieces and pieces to be drawn as curves."""

    source: str
    target: str
    line: Line
    points: tuple[Point, ...]
    label: Text | None = None


@dataclass(frozen=True)
class LegendEntry:
    """Shapes or a line, and what they mean beside them."""

    shapes: tuple[Shape, ...]
    stem: tuple[Point, Point] | None
    line: Line | None
    text: Text


@dataclass(frozen=True)
class Drawing:
    """Everything that a printer needs: no printer decides where something stands."""

    name: str
    view: str
    width: float
    height: float
    marks: tuple[PlacedMark, ...]
    edges: tuple[PlacedEdge, ...]
    legend: tuple[LegendEntry, ...]
    folds: tuple[Fold, ...] = ()
    stand_in: tuple[tuple[str, str], ...] = ()


SIZE = {
    Role.LABEL: 11.0, Role.NAME: 9.0, Role.GATE: 10.0, Role.MATRIX: 11.0, Role.KEY: 11.0, Role.TAG: 9.0,
}  # fmt: skip
"""Heights of letters, which the printers choose."""
LETTER = 0.58
"""The width of a letter, on average, over its height."""


def text_width(text: str, role: Role) -> float:
    """The width of a text in any of the printers' fonts, at most."""
    return LETTER * SIZE[role] * len(text)
