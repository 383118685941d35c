"""Coordinatewise work of one stage, piece by piece: values forward, error signals backward.

Backward, what a stage computed inside is computed again from what it read: that costs less than keeping it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.numerics.finite.functions import slope, value
from tpproof.numerics.finite.schedule import Group, Schedule
from tpproof.numerics.finite.space import Array, Small, Space

Key = tuple[int, int]
"""(row of the cotangents, node)."""


@dataclass(frozen=True)
class Local:
    """The nodes of one group, with the numbers that they read.

    Attributes
    ----------
    space
        Where the coordinates are.
    plan
        The schedule.
    group
        Which nodes.
    singles
        Values of scalars and constants: floats, or (B, 1) on the host.
    """

    space: Space
    plan: Schedule
    group: Group
    singles: Mapping[int, Any]

    def numbers(self) -> dict[int, Any]:
        """Scalars that the group reads, as the namespace's arrays."""
        nodes, single = self.plan.program.nodes, self.plan.single
        read = {a for k in self.group.nodes for a in nodes[k].args if single[a]}
        found = {}
        for a in read:
            number = self.singles[a]
            found[a] = number if isinstance(number, float) else self.space.asarray(number)
        return found

    def evaluate(self, values: dict[int, Any]) -> None:
        for k in self.group.nodes:
            node = self.plan.program.nodes[k]
            values[k] = value(self.space.xp, node, [values[a] for a in node.args])

    @property
    def _count(self) -> int:
        return self.space.local(self.space.length(self.group.width))

    def forward(self, given: Mapping[int, Array]) -> dict[int, Array]:
        """The values that somebody else reads."""
        group, numbers = self.group, self.numbers()

        def work(_: slice, blocks: list[Array]) -> tuple[list[Array], list[Any]]:
            values = {**numbers, **dict(zip(group.reads, blocks, strict=True))}
            self.evaluate(values)
            return [values[k] for k in group.keeps], []

        blocks, _ = self.space.coordinatewise(work, [given[k] for k in group.reads], self._count)
        return dict(zip(group.keeps, blocks, strict=True))

    def backward(
        self, given: Mapping[int, Array], signals: Mapping[Key, Array]
    ) -> tuple[dict[Key, Array], dict[Key, Small]]:
        """Error signals of what the group reads: of vectors, and (B, 1) of scalars, which are sums over coordinates.

        Parameters
        ----------
        given
            Values of what the group reads.
        signals
            Error signals of the group's nodes, from later stages.
        """
        numbers, incoming = self.numbers(), list(signals)
        rows = sorted({r for r, _ in incoming})
        keys: list[Key] = []
        sum_keys: list[Key] = []

        def work(_: slice, blocks: list[Array]) -> tuple[list[Array], list[Any]]:
            values = {**numbers, **dict(zip(self.group.reads, blocks, strict=False))}
            self.evaluate(values)
            slopes: dict[Key, Any] = {}
            found: dict[Key, Array] = {}
            sums: dict[Key, Array] = {}
            back = dict(zip(incoming, blocks[len(self.group.reads) :], strict=True))
            for r in rows:
                one = {k: d for (row, k), d in back.items() if row == r}
                self.reverse(values, slopes, one, lambda a, s, r=r: _accumulate(sums, (r, a), s))
                found.update({(r, k): d for k, d in one.items()})
            keys[:], sum_keys[:] = list(found), list(sums)
            return list(found.values()), list(sums.values())

        blocks = [*(given[k] for k in self.group.reads), *signals.values()]
        found, sums = self.space.coordinatewise(work, blocks, self._count)
        return dict(zip(keys, found, strict=True)), dict(zip(sum_keys, sums, strict=True))

    def reverse(self, values: Mapping[int, Any], slopes: dict[Key, Any], back: dict[int, Array], scalar: Any) -> None:
        """One reverse sweep: `back` loses the group's nodes and gains what they read."""
        plan, xp = self.plan, self.space.xp
        for k in reversed(self.group.nodes):
            d = back.pop(k, None)
            if d is None:
                continue
            node = plan.program.nodes[k]
            args = [values[a] for a in node.args]
            for i, a in enumerate(node.args):
                if not plan.wanted[a]:
                    continue
                if (k, i) not in slopes:
                    slopes[k, i] = slope(xp, node, values[k], args, i)
                part = d if slopes[k, i] is None else d * slopes[k, i]
                if plan.single[a]:
                    scalar(a, xp.sum(part, axis=1, keepdims=True))
                else:
                    _accumulate(back, a, part)


def _accumulate(store: dict[Any, Array], key: Any, part: Array) -> None:
    store[key] = store[key] + part if key in store else part


def single_value(plan: Schedule, k: int, singles: Mapping[int, Any], width: int) -> Any:
    """A function of scalars, or the common coordinate of a constant vector: a float, or (B, 1) on the host."""
    node = plan.program.nodes[k]
    if node.op == "width":
        return float(width)
    return value(np, node, [np.asarray(singles[a]) if node.op == "call" else singles[a] for a in node.args])


def single_signals(plan: Schedule, k: int, singles: Mapping[int, Any], d: Small) -> dict[int, Small]:
    """What a scalar's error signal passes to the scalars that it reads."""
    node = plan.program.nodes[k]
    args = [np.asarray(singles[a], dtype=float) for a in node.args]
    found: dict[int, Small] = {}
    for i, a in enumerate(node.args):
        if plan.wanted[a]:
            part = slope(np, node, np.asarray(singles[k], dtype=float), args, i)
            _accumulate(found, a, d if part is None else d * part)
    return found
