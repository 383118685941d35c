"""Backpropagation with vectors dropped at their last use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tpproof.numerics.finite.passes import Pass, Sink, Watch, joined, rows_of
from tpproof.numerics.finite.space import Array, Small
from tpproof.numerics.finite.stages import Key, Local, single_signals

if TYPE_CHECKING:
    from tpproof.numerics.finite.network import FiniteNetwork


class Backward:
    """One run of backpropagation (MATH §4), stage by stage from the last."""

    def __init__(
        self, net: FiniteNetwork, state: Pass, cotangents: Small, sink: Sink, final: bool, watch: Watch | None
    ) -> None:
        self.watch = watch
        self.net, self.state, self.sink, self.final = net, state, sink, final
        self.cotangents = cotangents
        self.program, self.plan, self.space = net.program, net.plan, net.space
        self.signals: dict[Key, Array] = {}
        self.scalars: dict[Key, Small] = {}
        self._uses: dict[int, int] = {}
        for stage in self.plan.stages:
            for (p, _), _ in stage.products:
                self._uses[p] = self._uses.get(p, 0) + 1

    def run(self) -> None:
        """From the outputs to the inputs."""
        for s in range(len(self.plan.stages) - 1, -1, -1):
            self._read_out(s)
            self._groups(s)
            self._singles(s)
            self._initial(s)
            for symbol, members in self.plan.stages[s].products:
                self._products(symbol, members)

    def _add(self, key: Key, part: Array) -> None:
        self.signals[key] = self.signals[key] + part if key in self.signals else part

    def _add_single(self, key: Key, part: Small) -> None:
        self.scalars[key] = self.scalars[key] + part if key in self.scalars else part

    def _flow(self, key: Key, part: Array) -> None:
        """An error signal (B, local) reaches a vector, or all coordinates of a constant one."""
        if not self.plan.wanted[key[1]]:
            return
        if self.plan.single[key[1]]:
            ones = self.space.xp.broadcast_to(self.space.asarray([[1.0]]), (1, part.shape[1]))
            self._add_single(key, self.space.gram(part, [ones]))
        else:
            self._add(key, part)

    def _read_out(self, s: int) -> None:
        root = math.sqrt(self.space.width)
        for o, out in enumerate(self.program.outputs):
            for p, x in out.terms:
                if self.plan.level[x] != s or not self.plan.wanted[x]:
                    continue
                for r, weights in enumerate(self.cotangents[:, o]):
                    if weights.any():
                        column = self.space.asarray(root * weights[:, None])
                        self._flow((r, x), column * self.state.readouts[p])
        below = {p for out in self.program.outputs for p, x in out.terms if self.plan.level[x] < s}
        for p in set(self.state.readouts) - below:
            del self.state.readouts[p]

    def _seen(self, arrived: Mapping[Key, Array]) -> None:
        for (r, k), part in arrived.items() if self.watch else ():
            self.watch(r, k, part)  # type: ignore[misc]

    def _taken(self, nodes: Sequence[int]) -> dict[Key, Array]:
        inside = set(nodes)
        return {key: self.signals.pop(key) for key in [key for key in self.signals if key[1] in inside]}

    def _groups(self, s: int) -> None:
        state = self.state
        for group in self.plan.stages[s].groups:
            arrived = self._taken(group.nodes)
            if arrived:
                found, sums = Local(self.space, self.plan, group, state.singles).backward(state.values, arrived)
                for key, part in found.items():
                    self._add(key, part)
                for key, total in sums.items():
                    self._add_single(key, total)
            del arrived
            for k in group.nodes:
                state.values.pop(k, None)

    def _singles(self, s: int) -> None:
        stage = self.plan.stages[s]
        for k in reversed(stage.scalars):
            for key in [key for key in self.scalars if key[1] == k]:
                passed = single_signals(self.plan, k, self.state.singles, self.scalars.pop(key))
                for a, part in passed.items():
                    self._add_single((key[0], a), part)
        for k in stage.means:
            x = self.program.nodes[k].args[0]
            for key in [key for key in self.scalars if key[1] == k]:
                d = self.scalars.pop(key)
                if not self.plan.wanted[x]:
                    continue
                if self.plan.single[x]:
                    self._add_single((key[0], x), d)
                    continue
                length = self.space.length(self.program.widths[x])  # type: ignore[arg-type]
                part = self.space.asarray(np.broadcast_to(d / length, (self.state.count, 1)))
                self._add((key[0], x), self.space.xp.broadcast_to(part, (part.shape[0], self.space.local(length))))

    def _initial(self, s: int) -> None:
        """Embedded inputs and vector parameters that nobody reads before this stage are done."""
        for k in self.plan.stages[0].initial:
            if self.plan.first[k] == s or s == 0:
                arrived = self._taken([k])
                self._seen(arrived)
                self.state.values.pop(k, None)
                if arrived:
                    self.sink.initial(k, {r: part for (r, _), part in arrived.items()})

    def _products(self, symbol: tuple[int, bool], members: Sequence[int]) -> None:
        p, transposed = symbol
        self._uses[p] -= 1
        arrived = self._taken(members)
        self._seen(arrived)
        for k in members:
            self.state.values.pop(k, None)
        if not arrived:
            return
        keys = list(arrived)
        block = joined(self.space, list(arrived.values()))
        counts = [part.shape[0] for part in arrived.values()]
        arrived.clear()
        matrix = self.net.matrix(p)
        product = matrix.product(block, not transposed, last=self.final and not self._uses[p])
        del block
        if self.final and not self._uses[p]:
            matrix.forget()
        for key, place in zip(keys, rows_of(product.place, counts), strict=True):
            self.sink.product(key[1], key[0], place)
        for key, part in zip(keys, rows_of(product.value, counts), strict=True):
            self._flow((key[0], self.program.nodes[key[1]].args[0]), part)
