"""Repeated layers: a run of instructions that is the same again and again, up to renaming.

It only gives names: node k is member ``position`` of repetition ``index``. Whether steps about them are equal up to
that renaming is decided step by step (`folding`), and where they are not they are written one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tpproof.program.model import GVAR_OPS, Node, Parameter, Program

ANCHORS = (0.5, 0.75, 0.9, 1.0)
"""Where in the program a repetition is looked for."""
PERIODS_TRIED = 40


@dataclass(frozen=True)
class Repetition:
    """The run, and what in it goes up by 1 from one repetition to the next.

    Parameters
    ----------
    roles
        Node → (position in its repetition, index of the repetition).
    first, last
        Indices of the first and last whole repetition.
    period
        Instructions of one repetition.
    members
        Position → the node that has it in the first whole repetition.
    parameters
        Parameters whose trailing number goes up.
    inputs
        Inputs whose part goes up.
    """

    roles: dict[int, tuple[int, int]]
    first: int
    last: int
    period: int
    members: dict[int, int]
    parameters: frozenset[int] = field(default=frozenset())
    inputs: frozenset[int] = field(default=frozenset())


def repetition(program: Program) -> Repetition | None:
    """The repetition that covers most of the program; None where none covers half of it."""
    search = _Search(program)
    best: tuple[int, int, int] | None = None  # start, end, period
    for anchor in sorted({min(int(share * len(program.nodes)), len(program.nodes) - 1) for share in ANCHORS}):
        for period in search.periods(anchor):
            start, end = search.run(anchor, period)
            if end - start >= 2 * period and (best is None or end - start > best[1] - best[0]):
                best = start, end, period
            if best is not None and 2 * (best[1] - best[0]) >= len(program.nodes):
                return search.named(*best)
    return None


def stem(name: str) -> tuple[str, int | None]:
    """A name without its trailing number, and that number."""
    found = re.fullmatch(r"(.*?[A-Za-z_])([0-9]{1,6})", name)
    return (found[1], int(found[2])) if found and str(int(found[2])) == found[2] else (name, None)


class _Search:
    """Which nodes are equal up to renaming with the node one period later."""

    def __init__(self, program: Program) -> None:
        self.program, self.nodes = program, program.nodes
        self._kinds = [(n.op, len(n.args), n.data if n.op in ("call", "pow") else ()) for n in program.nodes]

    def periods(self, anchor: int) -> list[int]:
        """Distances to the nearest earlier instructions of the same kind."""
        kind, found = self._kinds[anchor], []
        for k in range(anchor - 1, -1, -1):
            if self._kinds[k] == kind:
                found.append(anchor - k)
                if len(found) == PERIODS_TRIED:
                    break
        return found

    def run(self, anchor: int, period: int) -> tuple[int, int]:
        """The longest run of nodes around the anchor in which everything comes again a period later."""
        end = anchor - period
        while end + period < len(self.nodes) and self.equal(end, period):
            end += 1
        start = anchor - period
        while start > 0 and self.equal(start - 1, period):
            start -= 1
        if end <= start:
            return 0, 0
        for k in range(start, end):  # what stays fixed has to stand before the run
            fixed = [a for a, b in zip(self.nodes[k].args, self.nodes[k + period].args, strict=True) if a == b]
            start = max([start, *(a + 1 for a in fixed if a >= start)])
        return (start, end + period) if end > start else (0, 0)

    def equal(self, k: int, period: int) -> bool:
        """Whether node k and the one a period later are equal up to renaming."""
        a, b = self.nodes[k], self.nodes[k + period]
        if self._kinds[k] != self._kinds[k + period] or not self._same_data(a, b):
            return False
        return all(y in (x, x + period) for x, y in zip(a.args, b.args, strict=True))

    def _same_data(self, a: Node, b: Node) -> bool:
        if a.op in GVAR_OPS:
            return self._same_parameter(a.data[0], b.data[0]) and self._same_place(a, b)
        return a.data == b.data

    def _same_parameter(self, p: int, q: int) -> bool:
        return p == q or (_next(self.program.parameters[p], self.program.parameters[q]))

    @staticmethod
    def _same_place(a: Node, b: Node) -> bool:
        """The orientation of a matrix; the input of an embedding, of the same part or of the next."""
        if a.op == "embed":
            return bool(a.data[1] == b.data[1] and b.data[2] - a.data[2] in (0, 1))
        return a.data[1:] == b.data[1:]

    # names ------------------------------------------------------------------------------------------------

    def named(self, start: int, end: int, period: int) -> Repetition | None:
        """The run cut into repetitions where least crosses the cut, and numbered as its parameters are."""
        cut = self._cut(start, end, period)
        whole = (end - cut) // period
        if whole < 2 or all(self.nodes[k].op != "matmul" for k in range(cut, cut + period)):
            return None
        position = {k: ((k - cut) % period, (k - cut) // period) for k in range(start, end)}
        entries = self._entries(position, start, period)
        position |= entries
        parameters, inputs = self._counted(start, end, period)
        first = self._first(cut, period, parameters, inputs, any(index < 0 for _, index in position.values()))
        roles = {k: (p, index + first) for k, (p, index) in position.items()}
        members = {k - cut: k for k in range(cut, cut + period)}
        return Repetition(roles, first, first + whole - 1, period, members, parameters, inputs)

    def _cut(self, start: int, end: int, period: int) -> int:
        """Where a repetition begins: what crosses is little, and a G-var follows."""
        candidates = range(start, min(start + period, end - 2 * period + 1))
        crossing = {cut: len(self._read_before(cut, period)) for cut in candidates}
        return min(candidates, key=lambda cut: (crossing[cut], self.nodes[cut].op != "matmul", cut), default=start)

    def _read_before(self, cut: int, period: int) -> set[int]:
        """What the second repetition reads of the first."""
        second = range(cut + period, min(cut + 2 * period, len(self.nodes)))
        return {a for k in second for a in self.nodes[k].args if cut <= a < cut + period}

    def _entries(self, position: dict[int, tuple[int, int]], start: int, period: int) -> dict[int, tuple[int, int]]:
        """Nodes before the run that stand where later ones do, and what these read likewise."""
        found: dict[int, tuple[int, int]] = {}
        taken = set(position.values())

        def enter(k: int, like: int) -> bool:
            role = (position[like][0], position[like][1] - 1) if like in position else None
            if role is None or role in taken or k in position or k in found:
                return False
            found[k] = role
            taken.add(role)
            return True

        todo = [
            (a, b) for k in range(start, start + period)
            for a, b in zip(self.nodes[k].args, self.nodes[k + period].args, strict=True) if a < start and a != b
        ]  # fmt: skip
        while todo:
            k, like = todo.pop()
            if like < len(self.nodes) and self._kinds[k][0] != "const" and enter(k, like):
                todo += self._alike(k, like)
        return found

    def _alike(self, k: int, like: int) -> list[tuple[int, int]]:
        """Arguments of two nodes that are of one kind."""
        a, b = self.nodes[k], self.nodes[like]
        return [
            (x, y) for x in a.args for y in b.args
            if x != y and self.nodes[x].op == self.nodes[y].op and self._same_data(self.nodes[x], self.nodes[y])
        ]  # fmt: skip

    def _counted(self, start: int, end: int, period: int) -> tuple[frozenset[int], frozenset[int]]:
        """Parameters whose numbers, and inputs whose parts, go up."""
        parameters, inputs = set(), set()
        for k in range(start, end - period):
            a, b = self.nodes[k], self.nodes[k + period]
            if a.op in GVAR_OPS and a.data[0] != b.data[0]:
                parameters |= {a.data[0], b.data[0]}
            if a.op == "embed" and a.data[2] != b.data[2]:
                inputs.add(a.data[1])
        return frozenset(parameters), frozenset(inputs)

    def _first(self, cut: int, period: int, parameters: frozenset[int], inputs: frozenset[int], entered: bool) -> int:
        """The first index: the number of a matrix or of a part of the input where they have one."""
        least = 1 if entered else 0
        block = [self.nodes[k] for k in range(cut, cut + period)]
        for node in sorted(block, key=lambda n: n.op != "matmul"):
            if node.op in GVAR_OPS and node.data[0] in parameters:
                return max(least, stem(self.program.parameters[node.data[0]].name)[1] or 0)
        parts = [node.data[2] for node in block if node.op == "embed" and node.data[1] in inputs]
        return max(least, parts[0]) if parts else 1 + least


def _next(p: Parameter, q: Parameter) -> bool:
    """Whether two parameters have one law, and the second the next number."""
    (name, number), (other, following) = stem(p.name), stem(q.name)
    numbered = number is not None and following == number + 1 and name == other
    laws = [(x.kind, x.std, x.scale, x.lr, x.rows, x.cols) for x in (p, q)]
    return numbered and laws[0] == laws[1]
