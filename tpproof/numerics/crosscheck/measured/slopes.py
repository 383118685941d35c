"""Averages of products of derivatives, the weights of a path's edges (95), by reverse mode coordinate by coordinate."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.measured.averages import at
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.schedule import Group
from tpproof.numerics.finite.space import Array, Small
from tpproof.numerics.finite.stages import Local
from tpproof.program.model import GVAR_OPS, Program
from tpproof.program.model import Kind as NodeKind

Slot = tuple[int, int]
"""(x, a): ∂_a x."""
TOGETHER = 4
"""Inner products of so many pairs cost as much as a product of matrices makes of one."""


def slopes(net: FiniteNetwork, state: Pass, quantities: Sequence[Quantity]) -> dict[Quantity, float]:
    """Σ_α (∂_a x)_α (∂_b y)_α over the length, for every SLOPE, between the forward pass and backpropagation.

    Parameters
    ----------
    net
        A network with ``every_signal``.
    state
        Its forward pass, which holds the G-vars that NonLins read.
    quantities
        Those of other kinds are left out. The variables a of x are the linear combinations of G-vars met first below
        x, each a variable of its own; ~g means a G-var g that stands alone although linear combinations read it.
        Scalars are constants.

    Raises
    ------
    TpproofError
        E151 when a is no variable of x.
    """
    wanted = [q for q in quantities if q.kind is Kind.SLOPE]
    alone = {~a for q in wanted for a in (q.key[1], q.key[3]) if a < 0}
    variables = combinations(net.program, alone) if wanted else set()
    grams: dict[tuple[Slot, Slot], Small] = {}
    for nodes in _connected([(q.key[0], q.key[2]) for q in wanted]):
        pairs = {(_slot(q, 0), _slot(q, 2)) for q in wanted if q.key[0] in nodes}
        grams.update(Chains(net, state, nodes, variables).grams(sorted(pairs)))
    return {q: at(grams[_slot(q, 0), _slot(q, 2)], *q.key[4:]) for q in wanted}


def _slot(q: Quantity, first: int) -> Slot:
    x, a = q.key[first : first + 2]
    return x, a if a >= 0 else ~a


def _connected(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Sets of nodes with no pair between two of them."""
    found: list[set[int]] = []
    for x, y in pairs:
        met = {x, y}
        apart = []
        for nodes in found:
            if nodes & met:
                met |= nodes
            else:
                apart.append(nodes)
        found = [*apart, met]
    return found


def combinations(program: Program, alone: Collection[int] = ()) -> set[int]:
    """G-vars, and linear combinations of them in which those of `alone` do not occur."""
    found: set[int] = set()
    for k, node in enumerate(program.nodes):
        if program.kinds[k] is NodeKind.VECTOR:
            vectors = [a for a in node.args if program.kinds[a] is NodeKind.VECTOR]
            combined = node.op == "add" or (node.op == "mul" and len(vectors) == 1)
            if node.op in (*GVAR_OPS, "ones") or (combined and found.issuperset(vectors) and not {*alone} & {*vectors}):
                found.add(k)
    return found


@dataclass(frozen=True)
class Chains:
    """What lies between some NonLins and the variables that they are functions of.

    Attributes
    ----------
    net, state
        The network and its forward pass.
    tops
        The NonLins.
    variables
        Where the functions end.
    """

    net: FiniteNetwork
    state: Pass
    tops: set[int]
    variables: Collection[int]

    def _below(self) -> list[int]:
        """The vectors below the tops that are no G-vars, down to G-vars, in program order."""
        nodes, single = self.net.program.nodes, self.net.plan.single
        met = {x for x in self.tops if nodes[x].op not in GVAR_OPS}
        stack = list(met)
        while stack:
            k = stack.pop()
            for a in () if nodes[k].op in GVAR_OPS else nodes[k].args:
                if a not in met and not single[a]:
                    met.add(a)
                    stack.append(a)
        return sorted(met)

    def grams(self, pairs: Sequence[tuple[Slot, Slot]]) -> dict[tuple[Slot, Slot], Small]:
        """``[i, j]`` for every pair of derivatives."""
        below = self._below()
        [width] = {self.net.program.widths[k] for k in self.tops}
        reads = tuple(k for k in below if self.net.program.nodes[k].op in GVAR_OPS)
        inside = [k for k in below if k not in reads]
        plan, space, singles = self.net.plan, self.net.space, self.state.singles
        values_of = Local(space, plan, Group(width, tuple(inside), reads, ()), singles)  # type: ignore[arg-type]
        functions = tuple(k for k in inside if k not in self.variables)
        back = Local(space, plan, Group(width, functions, (), ()), singles)  # type: ignore[arg-type]
        numbers = values_of.numbers()
        slots = sorted({slot for pair in pairs for slot in pair})
        together = TOGETHER * len(pairs) > len(slots) ** 2

        def work(_: slice, blocks: list[Array]) -> tuple[list[Array], list[Any]]:
            values = {**numbers, **dict(zip(reads, blocks, strict=True))}
            values_of.evaluate(values)
            known: dict[tuple[int, int], Any] = {}
            found: dict[Slot, Array] = {}
            for x in sorted(self.tops):
                arrived = {x: space.xp.ones_like(values[x] if x in values else blocks[0])}
                back.reverse(values, known, arrived, lambda _a, _s: None)
                found.update({(x, a): arrived[a] for y, a in slots if y == x and a in arrived})
            missing = [slot for slot in slots if slot not in found]
            if missing:
                raise TpproofError("E151", f"the derivative of node {missing[0][0]} by node {missing[0][1]}",
                                   "a linear combination of G-vars that it reads")  # fmt: skip
            if together:
                rows = space.xp.concat([spread(found[slot]) for slot in slots])
                return [], [rows @ rows.T]
            return [], [found[one] @ found[two].T for one, two in pairs]

        def spread(slope: Array) -> Array:
            """A row for each input."""
            return space.xp.broadcast_to(slope, (self.state.count, slope.shape[1]))

        given = [self.state.values[k] for k in reads]
        length = space.length(width)  # type: ignore[arg-type]
        _, sums = space.coordinatewise(work, given, space.local(length))
        if not together:
            return dict(zip(pairs, (s / length for s in sums), strict=True))
        place = {slot: slice(n * self.state.count, (n + 1) * self.state.count) for n, slot in enumerate(slots)}
        return {(one, two): sums[0][place[one], place[two]] / length for one, two in pairs}
