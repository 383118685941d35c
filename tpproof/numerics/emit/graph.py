"""A plan as one graph of numbers, own and pair ones together, sorted by layer; and the layers that repeat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tpproof.numerics.reduction.plan import Plan, Slot, Step
from tpproof.program.constants import Constant

Key: TypeAlias = tuple[str, Slot]
"""("own", slot) or ("pair", slot)."""

EXPECTATIONS = ("expect1", "regression", "expect2", "difference", "ramp_excess")
PERIODS = 6
"""The longest repetition that is looked for, in layers."""


@dataclass(frozen=True)
class Ref:
    """What a step reads: a number by its key, as it is or at the row's or the column's input, or a constant."""

    key: Key | None
    mode: str = ""
    constant: Constant | None = None


@dataclass(frozen=True)
class Node:
    """A step with its references; ``data`` of a sum are the constants and the number of factors of each product."""

    key: Key
    op: str
    refs: tuple[Ref, ...]
    data: tuple[Any, ...]

    @property
    def side(self) -> str:
        """Which list it is of."""
        return self.key[0]


@dataclass(frozen=True)
class Loop:
    """Layers ``start`` to ``start + turns · period``, the same steps in every turn.

    Attributes
    ----------
    segments
        The nodes of every turn, in corresponding order.
    carried
        Position in a segment → what stands for it before the first turn.
    """

    start: int
    period: int
    segments: tuple[tuple[Node, ...], ...]
    carried: dict[int, Ref]

    @property
    def end(self) -> int:
        """The layer after the last turn."""
        return self.start + self.period * len(self.segments)


@dataclass
class Graph:
    """The numbers that the kernels rest on, by layer: how many expectations stand between a number and the inputs."""

    plan: Plan
    nodes: dict[Key, Node] = field(default_factory=dict)
    levels: dict[Key, int] = field(default_factory=dict)
    layers: list[list[Node]] = field(default_factory=list)

    def step(self, key: Key) -> Step:
        """The plan's step."""
        return (self.plan.own if key[0] == "own" else self.plan.pair)[key[1]]

    def outputs(self) -> list[Key]:
        """The keys of all kernels that are not 0."""
        tables = self.plan.kernels.values()
        return [("pair", slot) for table in tables for row in table for slot in row if slot is not None]


def graph_of(plan: Plan) -> Graph:
    """The graph of what a plan's kernels need."""
    graph = Graph(plan)
    wanted = _needed(graph)
    for side in ("own", "pair"):
        for slot in sorted(s for kind, s in wanted if kind == side):
            key = (side, slot)
            if graph.step(key).op not in ("row", "col"):
                _add(graph, key)
    depth = max(graph.levels.values(), default=0)
    graph.layers = [[] for _ in range(depth + 1)]
    for key in sorted(graph.nodes):
        graph.layers[graph.levels[key]].append(graph.nodes[key])
    return graph


def _needed(graph: Graph) -> set[Key]:
    todo: list[Key] = list(graph.outputs())
    found: set[Key] = set()
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            todo += [ref.key for ref in _references(graph, key) if ref.key is not None]
    return found


def _references(graph: Graph, key: Key) -> tuple[Ref, ...]:
    step, side = graph.step(key), key[0]
    if step.op in ("row", "col"):
        return (Ref(("own", step.data[0])),)
    if step.op == "sum":
        return tuple(reference(graph, (side, s)) for _, slots in step.data for s in slots)
    if step.op in ("expect2", "difference", "ramp_excess"):
        c, p, q, e = step.args
        modes = ("row", "col") if side == "pair" else ("", "")
        own = [reference(graph, ("own", s), mode) for s, mode in zip((p, q), modes, strict=True)]
        excess = [reference(graph, (side, e))] if e >= 0 else []
        return (reference(graph, (side, c)), *own, *excess)
    return tuple(reference(graph, (side, s)) for s in step.args)


def reference(graph: Graph, key: Key, mode: str = "") -> Ref:
    """What a slot stands for: an own number at one of the inputs, a constant, or itself."""
    step = graph.step(key)
    if step.op in ("row", "col"):
        return reference(graph, ("own", step.data[0]), step.op)
    if step.op == "sum" and step.data and not step.args:
        return Ref(None, "", step.data[0][0])
    return Ref(key, mode)


def _add(graph: Graph, key: Key) -> None:
    step = graph.step(key)
    refs = _references(graph, key)
    below = max((graph.levels[r.key] for r in refs if r.key is not None), default=0)
    level = below + (step.op in EXPECTATIONS)
    graph.levels[key] = level
    data = step.data
    if step.op == "sum":
        refs, data = _sorted_sum(graph, step, refs, level)
    graph.nodes[key] = Node(key, step.op, refs, data)


def _sorted_sum(graph: Graph, step: Step, refs: tuple[Ref, ...], level: int) -> tuple[tuple[Ref, ...], tuple[Any, ...]]:
    """Factors in an order that corresponding layers share: those of the sum's own layer first."""
    products: list[tuple[Constant, list[Ref]]] = []
    rest = list(refs)
    for c, slots in step.data:
        taken, rest = rest[: len(slots)], rest[len(slots) :]
        taken.sort(key=lambda r: (r.key is None or graph.levels[r.key] != level, r.key or ("", 0), r.mode))
        products.append((c, taken))
    return tuple(r for _, factors in products for r in factors), tuple((c, len(factors)) for c, factors in products)


# repeated layers ------------------------------------------------------------------------------------------


def loops_of(graph: Graph) -> list[Loop]:
    """Repeated layers, found greedily: what saves most first, then before and after it."""
    readers = _readers(graph)
    found: list[Loop] = []
    todo = [(1, len(graph.layers))]
    while todo:
        low, high = todo.pop()
        best = _best(graph, readers, low, high)
        if best is not None:
            found.append(best)
            todo += [(low, best.start), (best.end, high)]
    return sorted(found, key=lambda loop: loop.start)


def _readers(graph: Graph) -> dict[Key, list[Key | None]]:
    """Who reads a number; None for the result."""
    found: dict[Key, list[Key | None]] = {key: [] for key in graph.nodes}
    for key, node in graph.nodes.items():
        for ref in node.refs:
            if ref.key is not None:
                found[ref.key].append(key)
    for key in graph.outputs():
        if key in found:
            found[key].append(None)
    return found


def _best(graph: Graph, readers: dict[Key, list[Key | None]], low: int, high: int) -> Loop | None:
    best, saved = None, 0
    for period in range(1, min(PERIODS, (high - low) // 2) + 1):
        start = low
        while start + 2 * period <= high:
            loop = _loop_at(graph, readers, start, period, high)
            gain = 0 if loop is None else (len(loop.segments) - 1) * len(loop.segments[0])
            if gain > saved:
                best, saved = loop, gain
            start = start + 1 if loop is None else max(loop.end - period, start + 1)
    return best


def _segment(graph: Graph, start: int, period: int) -> tuple[Node, ...]:
    return tuple(node for layer in graph.layers[start : start + period] for node in layer)


def _loop_at(graph: Graph, readers: dict[Key, list[Key | None]], start: int, period: int, high: int) -> Loop | None:
    segments = [_segment(graph, start, period)]
    shape: list[Any] | None = None
    at = start + period
    while at + period <= high:
        following = _segment(graph, at, period)
        found = _shape(following, segments[-1])
        if not _alike(following, segments[-1]) or (shape is not None and found != shape):
            break
        shape = found
        segments.append(following)
        at += period
    while shape is not None and len(segments) > 1:
        carried = _carried(segments[0], shape)
        if carried is not None and _closed(readers, segments):
            return Loop(start, period, tuple(segments), carried)
        if carried is None:
            return None
        segments.pop()
    return None


def _alike(a: Sequence[Node], b: Sequence[Node]) -> bool:
    return len(a) == len(b) and all(
        (x.op, x.side, len(x.refs)) == (y.op, y.side, len(y.refs)) and _data(x) == _data(y)
        for x, y in zip(a, b, strict=True)
    )


def _data(node: Node) -> Any:
    return None if node.op in ("row", "col") else node.data


def _positions(segment: Iterable[Node]) -> dict[Key, int]:
    return {node.key: i for i, node in enumerate(segment)}


def _shape(segment: Sequence[Node], previous: Sequence[Node]) -> list[Any]:
    """For every reference whether it is to this turn, to the one before, or to something that stays."""
    own, before = _positions(segment), _positions(previous)
    found: list[Any] = []
    for node in segment:
        for ref in node.refs:
            if ref.key in own:
                found.append(("in", own[ref.key], ref.mode))
            elif ref.key in before:
                found.append(("prev", before[ref.key], ref.mode))
            else:
                found.append(("out", ref))
    return found


def _carried(first: Sequence[Node], shape: Sequence[Any]) -> dict[int, Ref] | None:
    """What stands for the turn before in the first turn; None where it does not repeat the others."""
    own = _positions(first)
    found: dict[int, Ref] = {}
    for ref, wanted in zip((ref for node in first for ref in node.refs), shape, strict=True):
        inside = ref.key is not None and ref.key in own
        if wanted[0] == "in":
            if not inside or (own[ref.key], ref.mode) != wanted[1:]:  # type: ignore[index]
                return None
        elif inside:
            return None
        elif wanted[0] == "out":
            if ref != wanted[1]:
                return None
        elif ref.key is None or ref.mode != wanted[2] or found.setdefault(wanted[1], Ref(ref.key)) != Ref(ref.key):
            return None
    return found


def _closed(readers: dict[Key, list[Key | None]], segments: Sequence[Sequence[Node]]) -> bool:
    """Whether nothing but the last turn is read from outside."""
    inside = {node.key for segment in segments for node in segment}
    return all(reader in inside for segment in segments[:-1] for node in segment for reader in readers[node.key])
