"""What one step of SGD changes, vector by vector, as differences (MATH §3).

After a step g is W'h' with W' = W + ΔW and h' = h + Δh. Multiplying W by h' and subtracting would lose digits, and the
exact sampler would meet pairs of nearly equal vectors. So differences are propagated: Δg = W Δh + ΔW h', Δx =
ψ(g + Δg) − ψ(g). Nothing is linearized.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tpproof.numerics.finite.kernels import gradient_sides
from tpproof.numerics.finite.matrices import DOMAIN, RANGE
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass, joined, rows_of
from tpproof.numerics.finite.schedule import Group
from tpproof.numerics.finite.signals import Signals
from tpproof.numerics.finite.space import Array, Small
from tpproof.numerics.finite.stages import Local, single_value
from tpproof.numerics.finite.training import speed

Look: TypeAlias = Callable[[int, Array], None]
"""Looks at the change (pairs, local) of a G-var as it comes."""


class Step:
    """Changes at ξ_i by one step on ξ_j alone, from one and the same network, for pairs (i, j).

    Parameters
    ----------
    net
        The network. Its parameters are not changed; its matrices learn what they do to the changes.
    before
        Its forward pass, with the vectors that NonLins and outputs read.
    signals
        All error signals of G-vars of trained parameters, of every output.
    slopes
        χ_o: the step is minus the rate times each parameter's multiplier times the gradient of Σ_o χ_o f_o(ξ_j).
    pairs
        (i, j).
    rate
        The learning rate. Differences are over vectors' lengths of the order of rate/√n.
    look
        Sees the change of every G-var that changes.
    """

    def __init__(
        self,
        net: FiniteNetwork,
        before: Pass,
        signals: Signals,
        slopes: Sequence[float],
        pairs: Sequence[tuple[int, int]],
        rate: float,
        look: Look,
    ) -> None:
        self.net, self.before, self.signals, self.slopes, self.rate, self.look = (
            net, before, signals, slopes, rate, look)  # fmt: skip
        self.program, self.plan, self.space = net.program, net.plan, net.space
        self.tests = np.array([i for i, _ in pairs], dtype=np.int64)
        self.chosen = np.zeros((len(pairs), before.count))  # 1 where a pair trains
        self.chosen[range(len(pairs)), [j for _, j in pairs]] = 1.0
        self.changes: dict[int, Array] = {}
        self.singles: dict[int, Small] = {}

    def run(self) -> Small:
        """From the inputs to the outputs, whose changes (pairs, outputs) are returned."""
        for s, stage in enumerate(self.plan.stages):
            for k in stage.initial:
                self._initial(k)
            for symbol, members in stage.products:
                self._products(symbol, members)
            for k in stage.means:
                self._mean(k)
            for k in stage.scalars:
                self._scalar(k)
            for group in stage.groups:
                self._group(group)
            for k in [k for k in self.changes if self.plan.last[k] <= s]:
                del self.changes[k]
        return self._outputs()

    def _rows(self, block: Any, xp: Any = np) -> Any:
        """A block with a row for every input as one with a row for every pair."""
        if block.shape[0] == 1:
            return xp.broadcast_to(block, (len(self.tests), block.shape[1]))
        return xp.take(block, self.tests if xp is np else xp.asarray(self.tests), axis=0)

    def _moved(self, k: int, change: Array) -> None:
        self.changes[k] = change
        self.look(k, change)

    def _initial(self, k: int) -> None:
        """Δ(U ξ_i) = -rate κ Σ_{g' = U ξ'} ∂f/∂g' ξ'_jᵀξ_i/d, and Δb = -rate κ ∂f/∂b."""
        p = self.program.symbol(k)[0]
        if not self.program.parameters[p].trained:
            return
        step = -self.rate * speed(self.net, p) / math.sqrt(self.space.width)
        terms = []
        for g, signals in self.signals.kept.items():
            if self.program.symbol(g)[0] == p:
                weights = step * self.chosen
                if self.program.nodes[k].op == "embed":
                    one, two = self._rows(self.net.part(self.before, k)), self.net.part(self.before, g)
                    weights = weights * (one @ two.T) / one.shape[1]
                terms += [(self.slopes[o] * weights, [signal]) for o, signal in signals.items()]
        if terms:
            count = self.space.local(self.space.length(self.program.parameters[p].rows))
            self._moved(k, self.space.combine(terms, len(self.tests), count))

    def _whole(self, k: int, ratio: Any) -> Array:
        """The change of a node as vectors."""
        count = self.space.local(self.space.length(ratio))
        if k in self.changes:
            return self.changes[k]
        number = self.space.asarray(self.singles.get(k, np.zeros((len(self.tests), 1))))
        return self.space.xp.broadcast_to(number, (len(self.tests), count))

    def _products(self, symbol: tuple[int, bool], members: Sequence[int]) -> None:
        """Δg = W Δh + ΔW (h + Δh)."""
        p, transposed = symbol
        parameter, matrix = self.program.parameters[p], self.net.matrix(p)
        read = [self.program.nodes[k].args[0] for k in members]
        near = RANGE if transposed else DOMAIN
        change, moved_places = None, None
        if any(x in self.changes or x in self.singles for x in read):
            ratio = parameter.rows if transposed else parameter.cols
            product = matrix.product(joined(self.space, [self._whole(x, ratio) for x in read]), transposed)
            change, moved_places = product.value, product.place
        sides = self._gradient(p)
        if sides:
            xp = np if isinstance(sides[0][0], np.ndarray) else self.space.xp
            forward = [self._rows(self.before.places[k], xp) for k in members]
            places = (
                forward[0] if len(forward) == 1 else xp.concat(forward) if xp is not np else np.concatenate(forward)
            )
            chosen = np.tile(self.chosen, (len(members), 1))
            step = -self.rate * speed(self.net, p) / self.space.length(parameter.cols) / math.sqrt(self.space.width)
            weights = []
            for pair in sides:
                inner = matrix.inner(near, places, pair[near])
                if moved_places is not None:
                    inner = inner + matrix.inner(near, moved_places, pair[near])
                weights.append(step * chosen * inner)
            update = matrix.recall(1 - near, [pair[1 - near] for pair in sides], weights)
            change = update if change is None else change + update
        if change is not None:
            for k, part in zip(members, rows_of(change, [len(self.tests)] * len(members)), strict=True):
                self._moved(k, part)

    def _gradient(self, p: int) -> list[tuple[Any, Any]]:
        """The places (x, y), on sides `DOMAIN` and `RANGE`, of every use's part y xᵀ of the gradient of Σ χ_o f_o."""
        if not self.program.parameters[p].trained:
            return []
        uses: dict[int, Any] = {}
        for (g, o), place in self.signals.places.items():
            if self.program.symbol(g)[0] == p:
                part = self.slopes[o] * place
                uses[g] = uses[g] + part if g in uses else part
        return [gradient_sides(self.net, self.before, g, place)[::-1] for g, place in uses.items()]

    def _mean(self, k: int) -> None:
        x = self.program.nodes[k].args[0]
        if x in self.singles:
            self.singles[k] = self.singles[x]
        elif x in self.changes:
            change = self.changes[x]
            ones = self.space.xp.broadcast_to(self.space.asarray([[1.0]]), (1, change.shape[1]))
            length = self.space.length(self.program.widths[x])  # type: ignore[arg-type]
            self.singles[k] = self.space.gram(change, [ones]) / length

    def _numbers(self, nodes: Sequence[int], after: bool) -> dict[int, Any]:
        """Scalars and constants before or after the step, a row for every pair."""
        found = {}
        for a in nodes:
            number = self.before.singles[a]
            found[a] = number if isinstance(number, float) else self._rows(np.asarray(number))
            if after and a in self.singles:
                found[a] = found[a] + self.singles[a]
        return found

    def _scalar(self, k: int) -> None:
        args = self.program.nodes[k].args
        if any(a in self.singles for a in args):
            now, was = (single_value(self.plan, k, self._numbers(args, after), self.space.width)
                        for after in (True, False))  # fmt: skip
            self.singles[k] = np.broadcast_to(now - was, (len(self.tests), 1))

    def _group(self, group: Group) -> None:
        moved = {*self.changes, *self.singles}
        for k in group.nodes:
            if not moved.isdisjoint(self.program.nodes[k].args):
                moved.add(k)
        keeps = [k for k in group.keeps if k in moved]
        if not keeps:
            return
        read = sorted({a for k in group.nodes for a in self.program.nodes[k].args if self.plan.single[a]})
        was, now = (Local(self.space, self.plan, group, self._numbers(read, after)) for after in (False, True))
        numbers = was.numbers(), now.numbers()
        moving = [a for a in group.reads if a in self.changes]

        def work(_: slice, blocks: list[Array]) -> tuple[list[Array], list[Any]]:
            rows = [self._rows(block, self.space.xp) for block in blocks[: len(group.reads)]]
            old = {**numbers[0], **dict(zip(group.reads, rows, strict=True))}
            new = {**old, **numbers[1]}
            for a, change in zip(moving, blocks[len(group.reads) :], strict=True):
                new[a] = old[a] + change
            was.evaluate(old)
            now.evaluate(new)
            return [new[k] - old[k] for k in keeps], []

        given = [self.before.values[a] for a in group.reads] + [self.changes[a] for a in moving]
        found, _ = self.space.coordinatewise(work, given, self.space.local(self.space.length(group.width)))
        self.changes.update(zip(keeps, found, strict=True))

    def _outputs(self) -> Small:
        """Δ(vᵀx) = vᵀΔx + Δvᵀ(x + Δx), and outputs' biases."""
        found = np.zeros((len(self.tests), len(self.program.outputs)))
        for o, out in enumerate(self.program.outputs):
            for p, x in out.terms:
                ratio = self.program.parameters[p].rows
                change = self._whole(x, ratio)
                found[:, o] += self.space.gram(change, [self.net.vector(p)])[:, 0]
                found[:, o] += self._readout_change(p, x, change)
            if out.bias is not None:
                slope = sum(s for s, other in zip(self.slopes, self.program.outputs, strict=True)
                            if other.bias == out.bias)  # fmt: skip
                found[:, o] -= self.rate * speed(self.net, out.bias) * slope
        return found

    def _readout_change(self, p: int, x: int, change: Array) -> Small:
        """Δvᵀ(x + Δx)."""
        parameter, total = self.program.parameters[p], np.zeros(len(self.tests))
        if not parameter.trained:
            return total
        step = -self.rate * speed(self.net, p) / self.space.length(parameter.rows)
        whole = self.net.whole(self.before, x, parameter.rows)
        for slope, out in zip(self.slopes, self.program.outputs, strict=True):
            for y in (y for q, y in out.terms if q == p):
                other = self.net.whole(self.before, y, parameter.rows)
                gram = self._rows(self.space.gram(whole, [other])) + self.space.gram(change, [other])
                total += step * slope * (np.broadcast_to(gram, self.chosen.shape) * self.chosen).sum(axis=1)
        return total
