"""Questions and answers: rules are generators that ask for what they need, so that depth meets no recursion limit."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.plan import Slot, Steps
from tpproof.numerics.reduction.univariate import Library
from tpproof.program.atoms import Ref
from tpproof.program.constants import ONE, ZERO, Constant, mul
from tpproof.program.model import Kind
from tpproof.program.reduced import LinearTerm, Reduced

Ask: TypeAlias = Generator[tuple[Any, ...], Any, Any]


class Questions:
    """A memo and the two lists under construction, with the rules on coefficients and scalars; `solve` runs rules."""

    def __init__(self, form: Reduced, library: Library) -> None:
        self.form, self.program, self.library = form, form.program, library
        self.own, self.pair = Steps(), Steps()
        self._memo: dict[tuple[Any, ...], Any] = {}

    def solve(self, *want: Any) -> Any:
        """The answer to one question, asked and answered iteratively."""
        stack: list[tuple[tuple[Any, ...], Ask]] = [(want, getattr(self, want[0])(*want[1:]))]
        answer: Any = None
        while stack:
            question, rule = stack[-1]
            try:
                wanted = rule.send(answer)
            except StopIteration as stop:
                self._memo[question] = answer = stop.value
                stack.pop()
                continue
            if wanted in self._memo:
                answer = self._memo[wanted]
            else:
                stack.append((wanted, getattr(self, wanted[0])(*wanted[1:])))
                answer = None
        return answer

    def steps(self, side: str) -> Steps:
        """The list of one side."""
        return self.own if side == "own" else self.pair

    def broadcast(self, side: str, instance: int, own: Slot) -> Slot:
        """An own number among the numbers of a side."""
        if side == "own":
            return own
        value = self.own.value(own)
        return (
            self.pair.number(value)
            if value is not None
            else self.pair.add("row" if instance == 0 else "col", (), (own,))
        )

    # coefficients and scalars ---------------------------------------------------------------------------

    def coefficient(self, term: LinearTerm) -> Ask:
        """The multiple of a summand: (constant, own slots), or None for 0."""
        if term.contraction is not None:
            g, u = term.contraction
            node = self.program.nodes[g]
            response = yield ("response", node.args[0], self.form.base(u))
            sigma2 = self.program.parameters[node.data[0]].variance(bool(node.data[1]))
            return None if response is None or sigma2 == 0 else self._multiple(sigma2, response)
        constant: Constant = ONE
        own: list[Slot] = []
        for k in term.coefficients:
            if self.program.kinds[k] is Kind.CONSTANT:
                constant = mul(constant, self.program.nodes[k].data[0])
                continue
            slot = yield ("scalar", k)
            if slot is None:
                return None
            constant, more = self._multiple(constant, slot)
            own.extend(more)
        return None if constant == 0 else (constant, tuple(sorted(own)))

    def _multiple(self, constant: Constant, slot: Slot) -> tuple[Constant, tuple[Slot, ...]]:
        """A constant times an own number, which is folded into it where it is one too."""
        value = self.own.value(slot)
        return (constant, (slot,)) if value is None else (mul(constant, value), ())

    def summands(self, r: Ref) -> Ask:
        """(constant, own slots, vector) of a linear vector's terms that are not 0."""
        found = []
        for t in self.form.terms(r):
            multiple = yield from self.coefficient(t)
            if multiple is not None:
                found.append((*multiple, t.vector))
        return tuple(found)

    def scalar(self, k: int) -> Ask:
        """θ̊, the limit of a scalar: an own slot, None for 0."""
        node = self.program.nodes[k]
        if self.program.kinds[k] is Kind.CONSTANT:
            c = node.data[0]
            return None if c == 0 else self.own.number(c)
        if node.op == "mean":
            return (yield ("mean", node.args[0]))
        if node.op == "width":
            raise NotReducible("the width, which has no limit")
        args = []
        for a in node.args:
            slot = yield ("scalar", a)
            args.append(self.own.number(ZERO) if slot is None else slot)
        if node.op == "add":
            return self.own.total([(ONE, (a,)) for a in args])
        if node.op == "mul":
            return self.own.total([(ONE, tuple(args))])
        return self.own.add("function", args, (node.op, *node.data))
