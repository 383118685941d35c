"""The backward pass below the forward one (Figure 6): every symbol has its error signal, every edge is run back.

dx = [v] + Σ Wᵀdg, dg = Σ ∂ψ/∂g ⊙ dx. So an empty circle stands below a filled one and a filled one below an empty
one, the gate of ∂ψ ⊙ below that of ψ, linked to it because both have the same arguments. Nothing flows back
through Moments (D.4.5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tpproof.documents.diagrams.drawing import (
    Anchor,
    Figure,
    Line,
    Mark,
    PlacedEdge,
    PlacedMark,
    Point,
    Role,
    Shape,
    Symbol,
    Text,
)
from tpproof.documents.diagrams.edges import Column, in_rows, label_width, placed_edge
from tpproof.documents.diagrams.layers import Part
from tpproof.documents.diagrams.symbols import (
    GAP,
    GATE_HEIGHT,
    GATE_WIDTH,
    HALF,
    LINE,
    OVER,
    ROW,
    UNDER,
    extent,
    gate,
    gate_width,
    rounded,
)

SMALL = 9.0
"""The width of the G-vars that enter a sum."""
TRACK = 5.0
"""Between the tracks in which links run down beside a column."""
_CORNER = 4.0


@dataclass(frozen=True)
class Entry:
    """What a signal is a sum of: the forward edge that is run back, its matrix, whether that is a readout."""

    edge: int
    matrix: str
    readout: bool


@dataclass(frozen=True)
class Signal:
    """The error signal of a symbol: what it is the sum of, and the gate that its own gate becomes."""

    mark: Mark
    entries: tuple[Entry, ...]
    gate: str | None
    linked: bool

    @property
    def single(self) -> bool:
        return len(self.entries) == 1 or self.mark.symbol is Symbol.DOTS

    @property
    def tall(self) -> float:
        """The height of the sum's gate."""
        return max(GATE_HEIGHT, (len(self.entries) - 1) * ROW + 12)

    @property
    def room(self) -> float:
        return (GATE_HEIGHT if self.single else self.tall) / 2 + LINE

    def extent(self) -> tuple[float, float]:
        """How far it reaches to both sides, with the texts at the ends of its edges."""
        left, right = extent(self.built(0.0, 0.0))
        labels = [label_width(e.matrix) for e in self.entries if not e.readout]
        return left, max(right, self.entry(0.0) + max(labels, default=0.0))

    def entry(self, x: float) -> float:
        """Where edges with a matrix end."""
        return x + HALF[self.mark.symbol] + (0.0 if self.single else GAP + GATE_WIDTH + GAP + SMALL)

    def built(self, x: float, y: float) -> PlacedMark:
        """The symbol at a place: from right to left what enters, the sum, the circle, the gate."""
        x, y, half = rounded(x), rounded(y), HALF[self.mark.symbol]
        shapes = [Shape(self.mark.symbol.value, x, y, 2 * half, 2 * half)]
        texts = [Text(self.mark.name, x, rounded(y + half + UNDER), Role.NAME)]
        stems: list[tuple[Point, Point]] = []
        if self.mark.label:
            texts.append(Text(self.mark.label, x, rounded(y - half - OVER), Role.LABEL))
        if self.gate:
            shape, text = gate("gate", self.gate, x - half - GAP - gate_width(self.gate), y, leftward=True)
            shapes.insert(0, shape)
            texts.append(text)
            stems.append(((x - half, y), (rounded(x - half - GAP), y)))
        if not self.single:
            self._sum(x, y, shapes, stems, texts)
        return PlacedMark(self.mark, x, y, tuple(shapes), tuple(stems), tuple(texts), self.room)

    def _sum(
        self, x: float, y: float, shapes: list[Shape], stems: list[tuple[Point, Point]], texts: list[Text]
    ) -> None:
        """The gate of a sum and the G-vars that enter it."""
        end = rounded(x + HALF[self.mark.symbol] + GAP)
        flat = rounded(end + GATE_WIDTH)
        shapes.append(Shape("gate", rounded(end + GATE_WIDTH / 2), y, GATE_WIDTH, self.tall, True))
        texts.append(Text("+", rounded(end + GATE_WIDTH / 2 + 2), rounded(y + 3.5), Role.GATE))
        stems.append(((rounded(end), y), (rounded(end - GAP), y)))
        for entry, row in zip(self.entries, in_rows(len(self.entries), y), strict=True):
            if entry.matrix:
                middle = rounded(flat + GAP + SMALL / 2)
                shapes.append(Shape("gvar", middle, rounded(row), SMALL, SMALL))
                stems.append(((rounded(flat + GAP), rounded(row)), (flat, rounded(row))))
            if entry.readout:
                at = rounded(flat + GAP + SMALL + 3), rounded(row + 4)
                texts.append(Text(entry.matrix.removesuffix("ᵀ"), *at, Role.LABEL, Anchor.START))


def signals(figure: Figure) -> dict[str, Signal]:
    """The error signals of all symbols that an output depends on other than through Moments, by key."""
    marks = {m.key: m for m in figure.marks}
    reached = _reached(figure, marks)
    leaving: dict[str, list[int]] = defaultdict(list)
    for e, edge in enumerate(figure.edges):
        if edge.target in reached:
            leaving[edge.source].append(e)
    found: dict[str, Signal] = {}

    def signal(key: str) -> Signal:
        if key not in found:
            found[key] = _signal(figure, marks, key, leaving[key], signal)
        return found[key]

    wanted = [key for key in marks if key in reached and marks[key].symbol is not Symbol.OUTPUT]
    for key in reversed(wanted):
        signal(key)
    return {key: found[key] for key in wanted}


def _reached(figure: Figure, marks: Mapping[str, Mark]) -> set[str]:
    """What an output depends on other than through Moments, but for the vector of ones."""
    before: dict[str, list[str]] = defaultdict(list)
    for edge in figure.edges:
        before[edge.target].append(edge.source)
    reached = {key for key, mark in marks.items() if mark.symbol is Symbol.OUTPUT}
    todo = [*reached]
    while todo:
        for key in before[todo.pop()]:
            constant = marks[key].symbol is Symbol.XVAR and marks[key].gate is None
            if key not in reached and marks[key].symbol is not Symbol.SCALAR and not constant:
                reached.add(key)
                todo.append(key)
    return reached


def _signal(
    figure: Figure, marks: Mapping[str, Mark], key: str, edges: Sequence[int], signal: Callable[[str], Signal]
) -> Signal:
    """A G-var if it is one readout or one Wᵀdg, a NonLin of what it is the sum of if not."""
    mark = marks[key]
    entries = []
    for e in edges:
        edge = figure.edges[e]
        entries.append(Entry(e, edge.matrix, marks[edge.target].symbol is Symbol.OUTPUT))
    symbol, label = Symbol.XVAR, ""
    if len(entries) == 1:
        target = marks[figure.edges[entries[0].edge].target]
        like = signal(target.key).entries if target.symbol is Symbol.DOTS else tuple(entries)
        symbol = Symbol.GVAR if len(like) == 1 and like[0].matrix else Symbol.XVAR
        label = entries[0].matrix.removesuffix("ᵀ") if entries[0].readout else ""
    if mark.symbol is Symbol.DOTS:
        symbol = Symbol.DOTS
    name = mark.name if symbol is Symbol.DOTS else f"d{mark.name}"
    terms = " + ".join(_term(figure, marks, entry) for entry in entries)
    title = mark.title if symbol is Symbol.DOTS else f"{name} := {terms}"
    own = None if mark.gate is None else _derivative(mark)
    linked = mark.gate is not None and not mark.linear
    return Signal(Mark(f"d{key}", symbol, name, label, title), tuple(entries), own, linked)


def _term(figure: Figure, marks: Mapping[str, Mark], entry: Entry) -> str:
    """What one entry gives, in words."""
    target = marks[figure.edges[entry.edge].target]
    if entry.readout:
        return entry.matrix.removesuffix("ᵀ")
    if entry.matrix:
        return f"{transposed(entry.matrix)} d{target.name}"
    return f"{_derivative(target) or ''} d{target.name}".strip() if target.gate else f"d{target.name}"


def transposed(matrix: str) -> str:
    """Wᵀ for W and W for Wᵀ."""
    return matrix.removesuffix("ᵀ") if matrix.endswith("ᵀ") else f"{matrix}ᵀ"


def _derivative(mark: Mark) -> str | None:
    """What stands in the gate of the derivative: none where a sum gives its signal on as it is."""
    gate_text = mark.gate or ""
    if mark.linear and gate_text == "Σ":
        return "×"
    if mark.linear:
        return gate_text.removeprefix("+").strip() or None
    return f"{gate_text}′⊙" if gate_text.isalnum() else "∂⊙"


@dataclass(frozen=True)
class Reflection:
    """The lower half of the drawing."""

    marks: tuple[PlacedMark, ...]
    edges: tuple[PlacedEdge, ...]


def mirrored(
    figure: Figure, back: Mapping[str, Signal], marks: Mapping[str, PlacedMark], columns: Sequence[Column],
    whole: Part, turned: float,
) -> Reflection:
    """Every signal at its symbol's place, y turned into ``turned − y``, and every edge from right to left."""

    def below(key: str) -> float:
        return turned - marks[key].y

    ordered = {key: _in_order(figure, signal, whole) for key, signal in back.items()}
    placed = {key: signal.built(marks[key].x, below(key)) for key, signal in ordered.items()}
    edges: list[PlacedEdge] = []
    for key, signal in ordered.items():
        ends = [below(key)] * len(signal.entries) if signal.single else in_rows(len(signal.entries), below(key))
        for entry, end in zip(signal.entries, ends, strict=True):
            if not entry.readout:
                source = placed[figure.edges[entry.edge].target]
                at = source.mark.key.removeprefix("d"), key
                right, left = (columns[whole.marks[k].column] for k in at)
                points = [(source.left, source.y), (right.left, source.y)]
                for p in reversed(whole.passes[entry.edge]):
                    points += [(columns[p.column].right, turned - p.y), (columns[p.column].left, turned - p.y)]
                into = signal.entry(marks[key].x) - (SMALL + GAP if not signal.single and not entry.matrix else 0)
                points += [(left.right, end), (into, end)]
                matrix = transposed(entry.matrix) if entry.matrix else ""
                edges.append(placed_edge(source.mark.key, placed[key].mark.key, matrix, points, leftward=True))
    return Reflection(tuple(placed.values()), (*edges, *_links(ordered, marks, placed, columns, whole)))


def _in_order(figure: Figure, signal: Signal, whole: Part) -> Signal:
    """The entries in the order in which they come from the right, readouts last."""

    def height(entry: Entry) -> tuple[bool, float, int]:
        if entry.readout:
            return True, 0.0, entry.edge
        passes = whole.passes[entry.edge]
        came = passes[0] if passes else whole.marks[figure.edges[entry.edge].target]
        return False, -came.y, entry.edge

    return replace(signal, entries=tuple(sorted(signal.entries, key=height)))


def turning(figure: Figure, back: Mapping[str, Signal], whole: Part, top: float) -> float:
    """The sum of the ordinates of a symbol and its signal, so that the lower half begins at `top`."""
    lowest = [whole.marks[key].y + signal.room for key, signal in back.items()]
    for signal in back.values():
        lowest += [p.y for entry in signal.entries if not entry.readout for p in whole.passes[entry.edge]]
    return top + max(lowest)


def _links(
    back: Mapping[str, Signal], marks: Mapping[str, PlacedMark], placed: Mapping[str, PlacedMark],
    columns: Sequence[Column], whole: Part,
) -> list[PlacedEdge]:
    """From each gate to that of its derivative: straight down from the lowest, beside the column from the others."""
    lowest: dict[int, float] = defaultdict(float)
    for key, mark in marks.items():
        lowest[whole.marks[key].column] = max(lowest[whole.marks[key].column], mark.y)
    tracks: dict[int, int] = defaultdict(int)
    edges = []
    for key in sorted((k for k, s in back.items() if s.linked), key=lambda k: -marks[k].y):
        column = whole.marks[key].column
        upper, lower = marks[key].shapes[0], placed[key].shapes[0]
        top, end = upper.y + upper.height / 2, lower.y - lower.height / 2
        if marks[key].y == lowest[column]:
            middle = marks[key].x - HALF[marks[key].mark.symbol] - GAP - min(upper.width, lower.width) / 2
            points = [(middle, top), (middle, end)]
        else:
            tracks[column] += 1
            beside = columns[column].left - TRACK * tracks[column]
            corner = upper.x - upper.width / 2 + _CORNER
            points = [(corner, top), (corner, top + _CORNER), (beside, top + _CORNER), (beside, end - _CORNER),
                      (corner, end - _CORNER), (corner, end)]  # fmt: skip
        found = tuple((rounded(x), rounded(y)) for x, y in points)
        edges.append(PlacedEdge(key, f"d{key}", Line.LINK, found))
    return edges
