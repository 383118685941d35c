"""Columns and their order: the layered (Sugiyama) layout of grandalf, turned so that the computation flows right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx
from grandalf.graphs import Edge as Link
from grandalf.graphs import Vertex, graph_core
from grandalf.layouts import SugiyamaLayout

from tpproof.documents.diagrams.drawing import Figure, Symbol
from tpproof.documents.diagrams.figure import SMALLER
from tpproof.documents.diagrams.rows import Chain, rows
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits

BELOW = 5.0
"""Free space between what stands in one column."""
ROUNDS = (1, 2, 4, 8, 16)
"""Rounds of the ordering heuristic that are tried; the fewest crossings win."""


@dataclass(frozen=True)
class Place:
    """Where a symbol, or a long edge that passes, stands: in which column, how far down."""

    column: int
    y: float


@dataclass(frozen=True)
class Part:
    """A connected part, laid out: its symbols by key, and where edges, by number, pass the columns between."""

    marks: dict[str, Place]
    passes: dict[int, tuple[Place, ...]]

    def moved(self, down: float) -> Part:
        marks = {key: Place(p.column, p.y + down) for key, p in self.marks.items()}
        return Part(marks, {e: tuple(Place(p.column, p.y + down) for p in ps) for e, ps in self.passes.items()})

    def ys(self) -> list[float]:
        return [p.y for p in self.marks.values()] + [p.y for places in self.passes.values() for p in places]


@dataclass
class _View:
    """What grandalf asks of a vertex. Its layers are rows and ours columns: its width is our height."""

    w: float
    h: float = 0.0


def laid_out(figure: Figure, rooms: Mapping[str, float], limits: Limits = DEFAULT) -> list[Part]:
    """The connected parts of a figure, each laid out; `rooms` are half the heights that the symbols need.

    Raises
    ------
    TpproofError
        E104 when its long edges pass so many columns that nobody could follow them.
    """
    _bounded(figure, limits)
    return [_placed(figure, component, rooms) for component in _components(figure, rooms)]


def _bounded(figure: Figure, limits: Limits) -> None:
    graph = nx.DiGraph((e.source, e.target) for e in figure.edges)
    rank = {key: r for r, keys in enumerate(nx.topological_generations(graph)) for key in keys}
    passed = sum(rank[e.target] - rank[e.source] - 1 for e in figure.edges)
    if passed > limits.drawn_bends:
        found = f"a drawing whose edges pass {passed} columns"
        raise TpproofError("E104", found, f"at most {limits.drawn_bends}; {SMALLER}")


def _components(figure: Figure, rooms: Mapping[str, float]) -> list[Any]:
    """The connected parts as grandalf's graphs, in program order, which its own search for parts would not keep."""
    vertices = {m.key: Vertex(m.key) for m in figure.marks}
    for mark in figure.marks:
        vertices[mark.key].view = _View(2 * rooms[mark.key])
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


def _placed(figure: Figure, component: Any, rooms: Mapping[str, float]) -> Part:
    """The part with the fewest crossings of those that several runs of the ordering heuristic give, in rows."""
    layout = SugiyamaLayout(component)
    sources = [v for v in component.sV if not v.e_in()]
    layout.init_all(roots=sources, inverted_edges=[], optimize=True)  # optimize: sources stand near their readers
    layers = _ordered(layout)
    heights = [[rooms[v.data] if isinstance(v, Vertex) else BELOW / 2 for v in layer] for layer in layers]
    ys = rows(heights, _chains(figure, component, layout, layers), BELOW)
    y = {v: ys[column][k] for column, layer in enumerate(layers) for k, v in enumerate(layer)}
    marks = {v.data: Place(layout.grx[v].rank, y[v]) for v in component.sV}
    passes: dict[int, tuple[Place, ...]] = {}
    for link in component.sE:
        inner = sorted(layout.ctrls.get(link, {}).items())[1:-1]
        passes |= dict.fromkeys(link.data, tuple(Place(column, y[dummy]) for column, dummy in inner))
    return Part(marks, passes)


def _ordered(layout: Any) -> list[list[Any]]:
    """The order in each layer, after as many rounds of the heuristic as give the fewest crossings."""
    best: list[list[Any]] = []
    fewest: int | None = None
    for done in range(1, ROUNDS[-1] + 1):
        for _ in layout.ordering_step():
            pass
        if done in ROUNDS:
            crossings = _crossings(layout)
            if fewest is None or crossings < fewest:
                best, fewest = [list(layer) for layer in layout.layers], crossings
    return best


def _crossings(layout: Any) -> int:
    layout.dag, layout.dirv = True, -1  # counted against the layer before, by what grandalf's ordering counts with
    found: int = sum(layer._cc() for layer in layout.layers)
    layout.dag = False
    return found


def _chains(figure: Figure, component: Any, layout: Any, layers: list[list[Any]]) -> list[Chain]:
    """The pieces of edges between neighbouring columns; the longest paths are to be the straightest."""
    symbols = {m.key: m.symbol for m in figure.marks}
    sources = {v.data for v in component.sV if not v.e_in()}
    index = {v: (column, k) for column, layer in enumerate(layers) for k, v in enumerate(layer)}
    links = sorted(component.sE, key=lambda link: min(link.data))
    spine = _spine([(link.v[0].data, link.v[1].data) for link in links])
    chains: list[Chain] = []
    for link in links:
        a, b = link.v
        stops = [v for _, v in sorted(layout.ctrls[link].items())] if link in layout.ctrls else [a, b]
        own = 0.4 if a.data in sources else 1.0 if symbols[b.data] is Symbol.SCALAR else 2.0
        own = 8.0 if (a.data, b.data) in spine else own
        for v, w in pairwise(stops):
            bends = isinstance(v, Vertex) + isinstance(w, Vertex)
            chains.append(Chain(index[v], index[w], own * (8.0, 2.0, 1.0)[bends]))
    return chains


def _spine(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges of a longest path, of a longest path in what it leaves, and so on: each becomes a row."""
    graph = nx.DiGraph(edges)
    found: set[tuple[str, str]] = set()
    while graph.number_of_edges():
        path = nx.dag_longest_path(graph)
        found.update(pairwise(path))
        graph.remove_nodes_from(path)
    return found
