"""A network's limit as a straight-line list of numbers: what is computed once for each input, and what for each pair.

One plan, many meanings: evaluated on arrays and tiles, bounded, enclosed in balls, printed as a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from tpproof.numerics.reduction.shapes import slots
from tpproof.program.constants import ONE, ZERO, Constant, add, mul

FUNCTIONAL = ("expect1", "regression", "expect2", "difference", "ramp_excess")
"""Steps whose data are functions."""
Slot: TypeAlias = int
Product: TypeAlias = tuple[Constant, tuple[Slot, ...]]
"""A constant times numbers of the same list."""


@dataclass(frozen=True)
class Step:
    """One number; ``args`` are earlier slots.

    =========== ============== ======================= ==================================================
    op          args           data                    meaning
    =========== ============== ======================= ==================================================
    gram        ()             (i, a, j, b)            ξᵀξ'/d of part a of input i and part b of input j
    distance    ()             (i, a, j, b)            ‖ξ − ξ'‖²/d of the same
    excess      ()             (i, a, j, b)            2(‖ξ‖‖ξ'‖ − ξᵀξ')/d of the same
    differ      ()             ()                      pairs only: 0 where the two inputs are equal, else 1
    sum         every factor   (Product, …)            Σ constant · factors
    own: row    ()             (own slot,)             pairs only: the own number of the row's input
    own: col    ()             (own slot,)             pairs only: the own number of the column's input
    expect1     (q,)           (F,)                    own only: E F(u), u ~ N(0, q)
    regression  (q,)           (F,)                    own only: E[u F(u)]/q
    function    scalars        (node op, node data)    own only: a function of scalars
    share       (P_t, P)       ()                      own only: √P_t/P^(1/4), 0 where P = 0
    expect2     (c, p, q, e)   (F, G)                  E[F(u) G(v)], Var u = p, Var v = q, Cov = c, excess e
    difference  (c, p, q, e)   (F,)                    E(F(u) − F(v))²
    ramp_excess (c, p, q, e)   (F,)                    2(√(E F(u)² E F(v)²) − E[F(u) F(v)]), F(z) = αz + β relu(z)
    =========== ============== ======================= ==================================================

    In a pair's last three, p is an own slot at the row's input and q one at the column's. The excess e = 2(√(pq) − c)
    is known without cancellation; it is −1, no slot, where no function has a kink. Functions are trees of
    `tpproof.numerics.reduction.univariate`.
    """

    op: str
    args: tuple[Slot, ...] = ()
    data: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The numbers of one network.

    Attributes
    ----------
    own, pair
        The two lists; a slot is an index.
    kernels
        "ntk" and "nngp" → ``[o][p]``, the pair slot of outputs o (at the row's input) and p (at the column's), None
        where it is 0.
    """

    own: tuple[Step, ...]
    pair: tuple[Step, ...]
    kernels: Mapping[str, tuple[tuple[Slot | None, ...], ...]]

    @cached_property
    def own_groups(self) -> tuple[tuple[Slot, ...], ...]:
        """The own slots in an order of evaluation; slots of a group have one operation, and none rests on another."""
        depth: list[int] = []
        groups: dict[tuple[Any, ...], list[Slot]] = {}
        for slot, step in enumerate(self.own):
            depth.append(1 + max((depth[s] for s in (*step.args, *_read(step)) if s >= 0), default=-1))
            alike = step.op in ("share", "function") or (step.op == "expect1" and not _read(step))
            groups.setdefault((depth[slot], step.op, step.data) if alike else (depth[slot], slot), []).append(slot)
        return tuple(tuple(groups[key]) for key in sorted(groups, key=lambda key: (key[0], groups[key][0])))


def _read(step: Step) -> frozenset[Slot]:
    """The own numbers that the functions of a step read."""
    return frozenset().union(*(slots(f) for f in step.data)) if step.op in FUNCTIONAL else frozenset()


@dataclass
class Steps:
    """A list of steps under construction: equal steps are one, numbers are folded into the sums that read them."""

    steps: list[Step] = field(default_factory=list)
    _known: dict[Step, Slot] = field(default_factory=dict)

    def add(self, op: str, args: Sequence[Slot] = (), data: Sequence[Any] = ()) -> Slot:
        """The slot of a step."""
        step = Step(op, tuple(args), tuple(data))
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]

    def number(self, c: Constant) -> Slot:
        """The slot of a constant."""
        return self.add("sum", (), ((c, ()),))

    def value(self, slot: Slot) -> Constant | None:
        """The constant in a slot, or None if it is none."""
        step = self.steps[slot]
        return step.data[0][0] if step.op == "sum" and step.data and not step.args else None

    def total(self, products: Iterable[Product]) -> Slot | None:
        """The slot of a sum of products, None when it is 0."""
        collected: dict[tuple[Slot, ...], Constant] = {}
        for c, factors in products:
            factor, key = self._flat(c, factors)
            collected[key] = add(collected.get(key, ZERO), factor)
        kept = tuple((c, key) for key, c in collected.items() if c != 0)
        if not kept:
            return None
        if len(kept) == 1 and kept[0][0] == ONE and len(kept[0][1]) == 1:
            return kept[0][1][0]
        return self.add("sum", sorted({s for _, key in kept for s in key}), kept)

    def _flat(self, c: Constant, factors: tuple[Slot, ...]) -> tuple[Constant, tuple[Slot, ...]]:
        """A product with the one-term sums among its factors multiplied out."""
        key: list[Slot] = []
        for s in factors:
            step = self.steps[s]
            if step.op == "sum" and len(step.data) == 1:
                c = mul(c, step.data[0][0])
                key.extend(step.data[0][1])
            else:
                key.append(s)
        return c, tuple(sorted(key))
