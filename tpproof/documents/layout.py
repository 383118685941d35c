"""A figure with coordinates: the layered (Sugiyama) layout of grandalf, turned so that the computation flows right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx
from grandalf.graphs import Edge as Link
from grandalf.graphs import Vertex, graph_core
from grandalf.layouts import SugiyamaLayout

from tpproof.documents.figure import SMALLER, Edge, Figure, Mark, Symbol
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits

RADIUS = {
    Symbol.GVAR: 7.0, Symbol.XVAR: 7.0, Symbol.SUM: 6.0, Symbol.MULTIPLE: 6.0, Symbol.SCALAR: 6.0, Symbol.OUTPUT: 11.0,
}  # fmt: skip
"""Half the size of a symbol."""
LETTER, SMALL_LETTER = 6.4, 5.2
"""Widths of one letter of a label and of a name, on average: the printers choose fonts of that size."""
LINE, ROW = 12.0, 15.0
"""Heights of a line of text, and of a row of an output."""
BESIDE, BELOW, MARGIN = 26.0, 5.0, 16.0
"""Free space between columns, between rows, and around everything."""
STEEP = 0.09
"""Columns stand farther apart, by this share of the steepest edge's height, so that edges stay distinct."""
ROUNDS = (1, 2, 4, 8, 16)
"""Rounds of the ordering heuristic that are tried; the fewest crossings win."""

LEAST_WIDTH = 450.0
MEANINGS = {
    Symbol.GVAR: "G-var", Symbol.XVAR: "X-var, by NonLin", Symbol.SUM: "linear combination",
    Symbol.MULTIPLE: "multiple", Symbol.SCALAR: "scalar, by Moment", None: "MatMul, readout", Symbol.OUTPUT: "output",
}  # fmt: skip
"""The legend, of which a drawing shows what occurs in it; None is a dashed edge."""

Point = tuple[float, float]


@dataclass(frozen=True)
class PlacedMark:
    """A symbol and the place of its centre."""

    mark: Mark
    x: float
    y: float

    @property
    def radius(self) -> float:
        return RADIUS[self.mark.symbol]

    @property
    def half_height(self) -> float:
        """An output is as tall as its rows."""
        return max(self.radius, self.mark.rows * ROW / 2)


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a polyline that alternates between level pieces and pieces to be drawn as curves."""

    edge: Edge
    points: tuple[Point, ...]


@dataclass(frozen=True)
class LegendEntry:
    """A symbol or, where it is None, a dashed line, at (x, y), with what it means beside it."""

    symbol: Symbol | None
    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """Everything that a printer needs: no printer decides where something stands."""

    name: str
    width: float
    height: float
    marks: tuple[PlacedMark, ...]
    edges: tuple[PlacedEdge, ...]
    legend: tuple[LegendEntry, ...]


@dataclass(frozen=True)
class _Place:
    """Where a symbol, or a long edge that passes, stands: in which column, how far down."""

    column: int
    y: float


@dataclass
class _View:
    """What grandalf asks of a vertex. Its layers are rows and ours columns: its width is our height."""

    w: float
    h: float = 0.0
    xy: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Part:
    """A connected part, laid out: its symbols by key, and where edges, by number, pass the columns between."""

    marks: dict[str, _Place]
    passes: dict[int, tuple[_Place, ...]]
    crossings: int = 0

    def moved(self, down: float) -> _Part:
        marks = {key: _Place(p.column, p.y + down) for key, p in self.marks.items()}
        return _Part(marks, {e: tuple(_Place(p.column, p.y + down) for p in ps) for e, ps in self.passes.items()})

    def ys(self) -> list[float]:
        return [p.y for p in self.marks.values()] + [p.y for places in self.passes.values() for p in places]


@dataclass(frozen=True)
class _Column:
    """A column between its left and right border, its symbols' centres at x."""

    left: float
    x: float
    right: float


def place(figure: Figure, limits: Limits = DEFAULT) -> Drawing:
    """Coordinates for a figure.

    Raises
    ------
    TpproofError
        E104 when its long edges pass so many columns that nobody could follow them.
    """
    _bounded(figure, limits)
    whole = _stacked(figure, [_best(component) for component in _components(figure)])
    columns = _columns(figure, whole)
    marks = tuple(
        PlacedMark(m, _round(columns[whole.marks[m.key].column].x), _round(whole.marks[m.key].y)) for m in figure.marks
    )
    width = max(columns[-1].right + MARGIN, LEAST_WIDTH)
    legend = _legend(figure, width, max([m.y + room(m.mark) for m in marks] + whole.ys()) + MARGIN)
    edges = _routed(figure, marks, whole, columns)
    return Drawing(figure.name, _round(width), legend[-1].y + MARGIN, marks, edges, legend)


def room(mark: Mark) -> float:
    """Half the height of a symbol with the text above and below it."""
    return max(RADIUS[mark.symbol], mark.rows * ROW / 2) + LINE


def _round(number: float) -> float:
    return round(number, 1)


def _bounded(figure: Figure, limits: Limits) -> None:
    graph = nx.DiGraph((e.source, e.target) for e in figure.edges)
    rank = {key: r for r, keys in enumerate(nx.topological_generations(graph)) for key in keys}
    passed = sum(rank[e.target] - rank[e.source] - 1 for e in figure.edges)
    if passed > limits.drawn_bends:
        found = f"a drawing whose edges pass {passed} columns"
        raise TpproofError("E104", found, f"at most {limits.drawn_bends}; {SMALLER}")


# by grandalf ----------------------------------------------------------------------------------------------


def _components(figure: Figure) -> list[Any]:
    """The connected parts as grandalf's graphs, in program order, which its own search for parts would not keep."""
    vertices = {m.key: Vertex(m.key) for m in figure.marks}
    for mark in figure.marks:
        vertices[mark.key].view = _View(2 * room(mark))
    between: dict[tuple[str, str], list[int]] = defaultdict(list)  # grandalf knows one edge between two vertices
    for e, edge in enumerate(figure.edges):
        between[edge.source, edge.target].append(e)
    graph = nx.Graph(list(between))
    graph.add_nodes_from(vertices)
    parts, order = [], {key: k for k, key in enumerate(vertices)}
    for keys in sorted(nx.connected_components(graph), key=lambda keys: min(order[key] for key in keys)):
        links = [Link(vertices[a], vertices[b], 1, edges) for (a, b), edges in between.items() if a in keys]
        parts.append(graph_core([v for key, v in vertices.items() if key in keys], links))
    return parts


def _best(component: Any) -> _Part:
    """The part with the fewest crossings of those that several runs of the ordering heuristic give."""
    try:
        return min((_laid_out(component, rounds) for rounds in ROUNDS), key=lambda part: part.crossings)
    except RecursionError:  # grandalf places blocks of symbols recursively
        raise TpproofError("E104", "a drawing that is nested too deeply", SMALLER) from None


def _laid_out(component: Any, rounds: int) -> _Part:
    layout = SugiyamaLayout(component)
    layout.xspace, layout.dw = BELOW, BELOW
    sources = [v for v in component.sV if not v.e_in()]
    layout.init_all(roots=sources, inverted_edges=[], optimize=True)  # optimize: sources stand near their readers
    layout.draw(rounds)
    ys = {v: y for layer in layout.layers for v, y in zip(layer, _apart(layer), strict=True)}
    marks = {v.data: _Place(layout.grx[v].rank, ys[v]) for v in component.sV}
    passes: dict[int, tuple[_Place, ...]] = {}
    for link in component.sE:
        inner = sorted(layout.ctrls.get(link, {}).items())[1:-1]
        passes |= dict.fromkeys(link.data, tuple(_Place(column, ys[dummy]) for column, dummy in inner))
    return _Part(marks, passes, _crossings(layout))


def _apart(layer: Any) -> list[float]:
    """The places in one column with room between them, each moved as little as can be: grandalf's may overlap."""
    least, needed = [], 0.0  # how far below the first one each has to stand at least
    for k, v in enumerate(layer):
        needed += (layer[k - 1].view.w + v.view.w) / 2 + BELOW if k else 0
        least.append(needed)
    blocks: list[tuple[float, int]] = []  # mean wish and number of neighbours that move together
    for v, offset in zip(layer, least, strict=True):
        wish, count = v.view.xy[0] - offset, 1
        while blocks and blocks[-1][0] > wish:
            before, many = blocks.pop()
            wish, count = (before * many + wish * count) / (many + count), many + count
        blocks.append((wish, count))
    starts = [wish for wish, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, least, strict=True)]


def _crossings(layout: Any) -> int:
    layout.dag, layout.dirv = True, -1  # counted against the layer before, by what grandalf's ordering counts with
    found: int = sum(layer._cc() for layer in layout.layers)
    layout.dag = False
    return found


# columns and edges ----------------------------------------------------------------------------------------


def _stacked(figure: Figure, parts: list[_Part]) -> _Part:
    """The connected parts, one below the other."""
    rooms = {m.key: room(m) for m in figure.marks}
    marks: dict[str, _Place] = {}
    passes: dict[int, tuple[_Place, ...]] = {}
    top = MARGIN
    for part in parts:
        upper = min([p.y - rooms[key] for key, p in part.marks.items()] + part.ys())
        moved = part.moved(top - upper)
        marks |= moved.marks
        passes |= moved.passes
        top = max([p.y + rooms[key] for key, p in moved.marks.items()] + moved.ys()) + BELOW
    return _Part(marks, passes)


def _columns(figure: Figure, whole: _Part) -> list[_Column]:
    """The columns, as far apart as the steepest edge between two of them asks."""
    count = 1 + max(p.column for p in whole.marks.values())
    before, after, steep = [0.0] * count, [0.0] * count, [0.0] * count
    matrices = {e.target: e.matrix for e in figure.edges if e.dashed}
    for mark in figure.marks:
        column, text = whole.marks[mark.key].column, max(len(mark.label) * LETTER, len(mark.name) * SMALL_LETTER) / 2
        radius = RADIUS[mark.symbol]
        beside = radius + (LETTER * len(matrices[mark.key]) + 10 if mark.key in matrices else 0)
        before[column] = max(before[column], text, beside)
        after[column] = max(after[column], text, radius)
    for e, edge in enumerate(figure.edges):
        places = (whole.marks[edge.source], *whole.passes[e], whole.marks[edge.target])
        for a, b in pairwise(places):
            steep[b.column] = max(steep[b.column], abs(a.y - b.y))
    columns, right = [], MARGIN - BESIDE
    for c in range(count):
        left = right + BESIDE + STEEP * steep[c]
        columns.append(_Column(left, left + before[c], left + before[c] + after[c]))
        right = columns[-1].right
    return columns


def _legend(figure: Figure, width: float, top: float) -> tuple[LegendEntry, ...]:
    """The meanings of what occurs, in as many lines as the width asks."""
    occurring = {m.symbol for m in figure.marks} | {None for e in figure.edges if e.dashed}
    entries: list[LegendEntry] = []
    x, y = MARGIN, top
    for symbol, text in MEANINGS.items():
        if symbol in occurring:
            long = 24 + LETTER * len(text)
            if x > MARGIN and x + long > width - MARGIN:
                x, y = MARGIN, y + 1.5 * LINE
            entries.append(LegendEntry(symbol, text, _round(x), _round(y)))
            x += long + MARGIN
    return tuple(entries)


def _routed(
    figure: Figure, marks: tuple[PlacedMark, ...], whole: _Part, columns: list[_Column]
) -> tuple[PlacedEdge, ...]:
    """Each edge: level through the columns that it leaves, passes and enters, curved between them."""
    placed = {m.mark.key: m for m in marks}
    rows = _rows(figure, placed)
    edges = []
    for e, edge in enumerate(figure.edges):
        source, target = placed[edge.source], placed[edge.target]
        points = [(source.x + source.radius, source.y), (columns[whole.marks[edge.source].column].right, source.y)]
        for p in whole.passes[e]:
            points += [(columns[p.column].left, p.y), (columns[p.column].right, p.y)]
        end = rows.get(e, target.y)
        points += [(columns[whole.marks[edge.target].column].left, end), (target.x - target.radius, end)]
        edges.append(PlacedEdge(edge, tuple((_round(x), _round(y)) for x, y in points)))
    return tuple(edges)


def _rows(figure: Figure, placed: dict[str, PlacedMark]) -> dict[int, float]:
    """Where on an output each of its edges ends, from above down as they come."""
    entering: dict[str, list[int]] = defaultdict(list)
    for e, edge in enumerate(figure.edges):
        if placed[edge.target].mark.symbol is Symbol.OUTPUT:
            entering[edge.target].append(e)
    found: dict[int, float] = {}
    for target, edges in entering.items():
        ordered = sorted(edges, key=lambda e: (placed[figure.edges[e].source].y, e))
        first = placed[target].y - (len(ordered) - 1) * ROW / 2
        found |= {e: first + row * ROW for row, e in enumerate(ordered)}
    return found
