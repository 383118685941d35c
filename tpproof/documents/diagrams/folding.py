"""Repetition: layers or time steps that are alike, found in an order of the nodes, so that two stand for all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

from tpproof.program import constants
from tpproof.program.model import Parameter, Program

LEAST_PARTS = 4
"""Parts of a repetition that is worth being folded: the first and the last stay."""
_CANDIDATES = 12
_CLASSES = 8
_LAGS = 16
_SAMPLE = 64
_FEW = 30


@dataclass(frozen=True)
class Repetition:
    """Nodes at places ``start`` to ``start + period·parts`` of an order, in equal parts; all but two are left out."""

    order: Sequence[int] = field(repr=False)
    place: Sequence[int] = field(repr=False)
    start: int
    period: int
    parts: int

    def hides(self, k: int) -> bool:
        """Whether a node is in a part that is left out."""
        return self.start + self.period <= self.place[k] < self.start + self.period * (self.parts - 1)

    def first(self, k: int) -> int:
        """The node of the first part that a hidden node is like."""
        return self.order[self.start + (self.place[k] - self.start) % self.period]

    def ends(self) -> tuple[int, int]:
        """The first node and the last one."""
        return self.order[self.start], self.order[self.start + self.period * self.parts - 1]

    def hidden(self) -> Sequence[int]:
        """The nodes that are left out."""
        return self.order[self.start + self.period : self.start + self.period * (self.parts - 1)]


def repetition(program: Program, standing: Sequence[int]) -> Repetition | None:
    """The repetition that leaves the fewest symbols, its dots counted, if there is one."""
    signatures = _signatures(program)
    best, fewest = None, len(standing)
    for order in _orders(program, signatures):
        search = _Search(program, signatures, order, frozenset(standing))
        for period in search.periods():
            for found in search.repetitions(period):
                left = len(standing) - sum(map(found.hides, standing)) + search.crossing[found.start + found.period]
                if left < fewest:
                    best, fewest = found, left
            if fewest <= _FEW:
                return best
    return best


def _signatures(program: Program) -> list[int]:
    """What a node does, but for what it reads and for the name of its parameter: the same number for the same."""
    numbers: dict[Any, int] = {}
    likeness = [numbers.setdefault(_likeness(p), len(numbers)) for p in program.parameters]
    found: list[int] = []
    for node in program.nodes:
        data: tuple[Any, ...] = node.data
        if node.op == "const":
            data = (constants.text(node.data[0]),)
        elif node.op == "embed":
            data = (likeness[node.data[0]], node.data[1])
        elif node.op in ("param", "matmul"):
            data = (likeness[node.data[0]], *node.data[1:])
        found.append(numbers.setdefault((node.op, len(node.args), data), len(numbers)))
    return found


def _likeness(p: Parameter) -> tuple[Any, ...]:
    return (p.kind, p.std, p.scale, p.lr, p.rows, p.cols)


def _orders(program: Program, signatures: list[int]) -> Iterator[list[int]]:
    """Orders in which parts stay together.

    In two of them a node comes as late as can be, what it reads of greatest depth first; in one by its depth, and
    there in the order of what it reads.
    """
    depth: list[int] = []
    for node in program.nodes:
        depth.append(1 + max((depth[a] for a in node.args), default=-1))
    for sign in (1, -1):
        order: list[int] = []
        seen = [False] * len(depth)
        todo = [x for out in reversed(program.outputs) for _, x in reversed(out.terms)]
        while todo:
            k = todo.pop()
            if k < 0:
                order.append(~k)
            elif not seen[k]:
                seen[k] = True
                args = dict.fromkeys(program.nodes[k].args)
                todo += [~k, *sorted(args, key=lambda a: (depth[a], -sign * a))]
        yield order
    yield _by_depth(program, signatures, depth)


def _by_depth(program: Program, signatures: list[int], depth: list[int]) -> list[int]:
    """Layer by layer, sources with what reads them first; in a layer alike nodes in the order of what they read."""
    late = list(depth)
    for k in range(len(depth) - 1, -1, -1):
        for a in program.nodes[k].args:
            if not program.nodes[a].args:
                late[a] = late[k] - 1 if late[a] == depth[a] else min(late[a], late[k] - 1)
    levels: dict[int, list[int]] = defaultdict(list)
    for k, level in enumerate(late):
        levels[level].append(k)
    place: dict[int, int] = {}
    for level in sorted(levels):
        def key(k: int) -> tuple[Any, ...]:
            node = program.nodes[k]
            return signatures[k], sorted(place.get(a, -1) for a in node.args), k
        for k in sorted(levels[level], key=key):
            place[k] = len(place)
    return list(place)


class _Search:
    """Looks for parts that are alike in one order."""

    def __init__(self, program: Program, signatures: list[int], order: list[int], standing: frozenset[int]) -> None:
        self.program = program
        self.standing = standing
        self.order = order
        self.place = [len(order)] * len(program.nodes)
        for place, k in enumerate(order):
            self.place[k] = place
        self.signatures = [signatures[k] for k in order]
        self.reads = [self._reads(k) for k in order]

    def _reads(self, k: int) -> list[int]:
        """Where what a node reads stands; sums and products have no order."""
        node = self.program.nodes[k]
        places = [self.place[a] for a in node.args]
        return sorted(places) if node.op in ("add", "mul") else places

    def periods(self) -> list[int]:
        """Distances at which nodes are alike, or new parameters and input parts come in, if they may cover much."""
        alike: dict[Any, list[int]] = defaultdict(list)
        new: dict[Any, dict[Any, int]] = defaultdict(dict)  # kind of news → what is new → where it first is
        for place, k in enumerate(self.order):
            node = self.program.nodes[k]
            alike[self.signatures[place]].append(place)
            if node.op in ("embed", "param", "matmul"):
                new[self.signatures[place]].setdefault(node.data, place)
                new["any"].setdefault(node.data[0], place)
        rarest = sorted((places for places in alike.values() if len(places) >= LEAST_PARTS), key=len)[:_CLASSES]
        found: set[int] = set()
        for places in [*rarest, *(list(firsts.values()) for firsts in new.values())]:
            for lag in range(1, _LAGS):
                found |= _commonest(b - a for a, b in zip(places, places[lag:], strict=False))
        worth = [p for p in sorted(found) if p * LEAST_PARTS <= len(self.order)]
        return [p for p in worth if self._plausible(p)][:_CANDIDATES]

    def _plausible(self, period: int) -> bool:
        """Whether a third of some nodes are like those one period before."""
        sample = range(period, len(self.order), max(1, len(self.order) // _SAMPLE))
        return 3 * sum(self._repeats(place, period) for place in sample) >= len(sample)

    def _repeats(self, place: int, period: int) -> bool:
        if self.signatures[place] != self.signatures[place - period]:
            return False
        for a, b in zip(self.reads[place], self.reads[place - period], strict=True):
            if a != b and a - b != period:
                return False
        return True

    def repetitions(self, period: int) -> Iterator[Repetition]:
        """The runs of nodes that are each like the node one period before."""
        begin = None
        for place in range(period, len(self.order) + 1):
            if place < len(self.order) and self._repeats(place, period):
                begin = place if begin is None else begin
            elif begin is not None:
                yield from self._cut(begin - period, place, period)
                begin = None

    def _cut(self, start: int, end: int, period: int) -> Iterator[Repetition]:
        """The parts of a run, cut where the fewest vectors cross."""
        if end - start >= LEAST_PARTS * period:
            middle = start + period * ((end - start) // period // 2)
            start += min(range(period), key=lambda shift: (self.crossing[middle + shift], shift))
            parts = (end - start) // period
            if parts >= LEAST_PARTS:
                yield Repetition(self.order, self.place, start, period, parts)

    @cached_property
    def crossing(self) -> list[int]:
        """How many symbols before each place are read at it or after it, by what is part of a later symbol too."""
        last = list(range(len(self.order)))
        for place in range(len(last) - 1, -1, -1):
            reader = last[place] if self.order[place] not in self.standing else place
            for a in self.reads[place]:
                last[a] = max(last[a], reader)
        changes = [0] * (len(self.order) + 1)
        for place, read in enumerate(last):
            if self.order[place] in self.standing:
                changes[place + 1] += 1
                changes[min(read + 1, len(self.order))] -= 1
        return list(accumulate(changes))


def _commonest(distances: Iterable[int]) -> set[int]:
    return {distance for distance, _ in Counter(distances).most_common(1)}
