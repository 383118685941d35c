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
_ENOUGH = 0.9


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
    """The repetition that hides most symbols, if there is one."""
    signatures = _signatures(program)
    best, most = None, 0
    for order in _orders(program):
        search = _Search(program, signatures, order)
        for period in search.periods():
            for found in search.repetitions(period):
                hidden = sum(map(found.hides, standing))
                if hidden > most:
                    best, most = found, hidden
            if most > _ENOUGH * len(standing):
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


def _orders(program: Program) -> Iterator[list[int]]:
    """Orders in which a node comes as late as can be, what it reads of greatest depth first: parts stay together."""
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


class _Search:
    """Looks for parts that are alike in one order."""

    def __init__(self, program: Program, signatures: list[int], order: list[int]) -> None:
        self.program = program
        self.order = order
        self.place = [len(order)] * len(program.nodes)
        for place, k in enumerate(order):
            self.place[k] = place
        self.signatures = [signatures[k] for k in order]
        self.reads = [[self.place[a] for a in program.nodes[k].args] for k in order]

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
            start += min(range(period), key=lambda shift: (self._crossing[middle + shift], shift))
            parts = (end - start) // period
            if parts >= LEAST_PARTS:
                yield Repetition(self.order, self.place, start, period, parts)

    @cached_property
    def _crossing(self) -> list[int]:
        """How many nodes before each place are read at it or after it."""
        changes = [0] * (len(self.order) + 1)
        last = list(range(len(self.order)))
        for place, reads in enumerate(self.reads):
            for a in reads:
                last[a] = place
        for place, read in enumerate(last):
            changes[place + 1] += 1
            changes[min(read + 1, len(self.order))] -= 1
        return list(accumulate(changes))


def _commonest(distances: Iterable[int]) -> set[int]:
    return {distance for distance, _ in Counter(distances).most_common(1)}
