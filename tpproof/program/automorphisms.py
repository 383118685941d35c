"""Finding the symmetries of a program: colour refinement and individualization, as graph isomorphism tools do it.

The program is a graph whose vertices are parameters, input parts, nodes and outputs. Vertices that the refinement
cannot tell apart are tried as images of each other; whatever is found is verified before it is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Program
from tpproof.program.symmetry import Symmetry, exchange, parts_of

Colouring = list[int]
Edge = tuple[int, str]
"""(vertex, role of the edge)."""


@dataclass(frozen=True)
class _Graph:
    """Vertices in an order in which everything comes after what it reads."""

    program: Program

    @cached_property
    def starts(self) -> dict[str, int]:
        """The number of the first vertex of each sort."""
        sizes = {
            "parameter": len(self.program.parameters),
            "part": len(parts_of(self.program)),
            "node": len(self.program.nodes),
            "term": sum(len(out.terms) for out in self.program.outputs),
            "output": len(self.program.outputs),
        }
        starts, total = {}, 0
        for sort, size in sizes.items():
            starts[sort], total = total, total + size
        return {**starts, "end": total}

    @cached_property
    def reads(self) -> list[list[Edge]]:
        """What each vertex is made of."""
        at, parts = self.starts, {part: k for k, part in enumerate(parts_of(self.program))}
        found: list[list[Edge]] = [[] for _ in range(at["node"])]
        for node in self.program.nodes:
            ordered = node.op == "call"
            edges = [(at["node"] + a, f"argument {i}" if ordered else "argument") for i, a in enumerate(node.args)]
            if node.op in ("embed", "param", "matmul"):
                edges.append((node.data[0], "parameter"))
            if node.op == "embed":
                edges.append((at["part"] + parts[node.data[1:]], "part"))
            found.append(edges)
        for out in self.program.outputs:
            found += [[(v, "readout"), (at["node"] + x, "vector")] for v, x in out.terms]
        term = at["term"]
        for out in self.program.outputs:
            edges = [(term + i, "term") for i in range(len(out.terms))]
            term += len(out.terms)
            found.append(edges + ([] if out.bias is None else [(out.bias, "bias")]))
        return found

    @cached_property
    def size(self) -> int:
        """Vertices and edges."""
        return len(self.reads) + sum(map(len, self.reads))

    @cached_property
    def read_by(self) -> list[list[Edge]]:
        found: list[list[Edge]] = [[] for _ in self.reads]
        for v, edges in enumerate(self.reads):
            for u, role in edges:
                found[u].append((v, role))
        return found

    def labels(self) -> list[object]:
        """What a vertex is, names and neighbours left out."""
        labels: list[object] = [
            ("parameter", p.kind, p.std, p.scale, p.lr, p.rows, p.cols) for p in self.program.parameters
        ]
        labels += ["part"] * (self.starts["node"] - self.starts["part"])
        for node in self.program.nodes:
            kept = {"embed": (), "param": (), "matmul": node.data[1:]}.get(node.op, node.data)
            labels.append((node.op, kept))
        labels += ["term"] * (self.starts["output"] - self.starts["term"])
        return labels + ["output"] * (self.starts["end"] - self.starts["output"])


class _TooLong(Exception):
    """The search has looked at as many edges as it may."""


class _Search:
    """Refinements of one graph whose colours can be compared with each other."""

    def __init__(self, graph: _Graph, work: int) -> None:
        self.graph = graph
        self.work = work  # edges that may still be looked at
        self._colours: dict[object, int] = {}
        self.start = self.refined([self.colour(label) for label in graph.labels()])

    def colour(self, description: object) -> int:
        return self._colours.setdefault(description, len(self._colours))

    def refined(self, colours: Colouring) -> Colouring:
        """Told apart by the colours of what they read and of what reads them, until nothing more is."""
        classes = len(set(colours))
        while True:
            self.work -= 2 * self.graph.size
            if self.work < 0:
                raise _TooLong
            colours = self._swept(colours, self.graph.reads, range(len(colours)))
            colours = self._swept(colours, self.graph.read_by, range(len(colours) - 1, -1, -1))
            now = len(set(colours))
            if now == classes:
                return colours
            classes = now

    def _swept(self, colours: Colouring, edges: list[list[Edge]], order: Iterable[int]) -> Colouring:
        """One pass in an order in which neighbours have their new colours already."""
        new = list(colours)
        for v in order:
            new[v] = self.colour((new[v], tuple(sorted((role, new[u]) for u, role in edges[v]))))
        return new

    def singled_out(self, colours: Colouring, v: int, depth: int) -> Colouring:
        """The refinement in which v has a colour of its own."""
        marked = list(colours)
        marked[v] = self.colour(("singled out", depth, colours[v]))
        return self.refined(marked)


def _first_class(graph: _Graph, colours: Colouring) -> list[int] | None:
    """The vertices of the first colour that several have; input parts first, which tell most about the rest."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    first_part = graph.starts["part"]
    for v in (*range(first_part, len(colours)), *range(first_part)):
        members[colours[v]].append(v)
    return next((vertices for vertices in members.values() if len(vertices) > 1), None)


def _completed(search: _Search, left: Colouring, right: Colouring, depth: int, tries: int) -> list[int] | None:
    """A renaming that takes the vertices of `left` to those of `right` with the same colours."""
    while Counter(left) == Counter(right):
        several = _first_class(search.graph, left)
        if several is None:
            where = {colour: v for v, colour in enumerate(right)}
            return [where[colour] for colour in left]
        v = several[0]
        candidates = [w for w in range(len(right)) if right[w] == left[v]]
        candidates.sort(key=lambda w: w != v)  # what can stay where it is stays
        left = search.singled_out(left, v, depth)
        for w in candidates[:tries]:
            tried = search.singled_out(right, w, depth)
            if Counter(tried) == Counter(left):
                right, depth = tried, depth + 1
                break
        else:
            return None
    return None


def _symmetry(graph: _Graph, renaming: Sequence[int]) -> Symmetry:
    at = graph.starts

    def moved(sort: str, following: str) -> tuple[int, ...]:
        return tuple(w - at[sort] for w in renaming[at[sort] : at[following]])

    return Symmetry(
        inputs=moved("part", "node"),
        nodes=moved("node", "term"),
        outputs=moved("output", "end"),
        parameters=moved("parameter", "part"),
        parts=parts_of(graph.program),
    )


def _orbit(v: int, renamings: list[list[int]]) -> set[int]:
    orbit, todo = {v}, [v]
    while todo:
        u = todo.pop()
        fresh = {renaming[u] for renaming in renamings} - orbit
        orbit |= fresh
        todo += fresh
    return orbit


def symmetries(program: Program, limits: Limits = DEFAULT) -> tuple[Symmetry, ...]:
    """Generators of symmetries of a program, the exchange of ξ̃ and ξ first.

    All are verified; not all need be found: beyond ``limits.symmetry_searches`` renamings, or ``limits.symmetry_work``
    edges looked at, no more are looked for.
    """
    found = [exchange(program)]
    try:
        for symmetry in _renamings(_Graph(program), limits):
            found.append(symmetry)
    except _TooLong:
        pass
    return tuple(found)


def _renamings(graph: _Graph, limits: Limits) -> Iterator[Symmetry]:
    """Generators of the renamings, each verified."""
    search = _Search(graph, limits.symmetry_work)
    chain = [search.start]  # each with one more vertex singled out, until all are told apart
    fixed: list[list[int]] = []
    while (several := _first_class(graph, chain[-1])) is not None and len(fixed) < limits.symmetry_searches:
        fixed.append(several)
        chain.append(search.singled_out(chain[-1], several[0], len(fixed)))
    renamings: list[list[int]] = []
    searches = 0
    for depth in range(len(fixed) - 1, -1, -1):  # deepest first: what is found there moves more at the others
        v, *others = fixed[depth]
        for w in others:
            if w in _orbit(v, renamings) or searches >= limits.symmetry_searches:
                continue
            searches += 1
            moved = search.singled_out(chain[depth], w, depth + 1)
            renaming = _completed(search, chain[depth + 1], moved, depth + 2, tries=4)
            if renaming is not None and (symmetry := _symmetry(graph, renaming)).holds(graph.program):
                renamings.append(renaming)
                yield symmetry
