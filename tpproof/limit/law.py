"""The forward pass at infinite width (Definition B.3): which MatMuls contract, by ZDot.

Z^{Wx} = Ẑ^{Wx} + σ² Σ_y Z^y E[∂Z^x/∂Ẑ^{Wᵀy}] (65), the sum over the Wᵀy introduced before x whose hat Z^x
depends on. What Z^x depends on is followed through the program, function by function; scalars are constants.
"""

from __future__ import annotations

from tpproof.program.atoms import Ref
from tpproof.program.model import GVAR_OPS, Kind, Program
from tpproof.program.reduced import Reduced


def zdot_terms(program: Program) -> dict[int, tuple[int, ...]]:
    """For every MatMul g = Wx with a non-zero Ż: the u = Wᵀy of (65), in program order."""
    tied = _matrices_used_both_ways(program)
    if not tied:
        return {}
    hats: list[int] = []  # per node: the tied MatMuls whose hats its Z depends on, as bits
    number: dict[int, int] = {}
    uses: dict[tuple[int, bool], list[int]] = {}
    found: dict[int, tuple[int, ...]] = {}
    for k, node in enumerate(program.nodes):
        reads = 0
        if program.kinds[k] is Kind.VECTOR and node.op != "matmul":
            for a in node.args:
                reads |= hats[a]
        elif node.op == "matmul" and node.data[0] in tied:
            parameter, transposed = node.data
            x = node.args[0]
            before = uses.get((parameter, not transposed), [])
            terms = tuple(u for u in before if hats[x] >> number[u] & 1)
            if terms:
                found[k] = terms
            number[k] = len(number)
            uses.setdefault((parameter, transposed), []).append(k)
            reads = 1 << number[k]
            for u in terms:
                reads |= hats[program.nodes[u].args[0]]
        hats.append(reads)
    return found


def _matrices_used_both_ways(program: Program) -> set[int]:
    ways: dict[int, set[bool]] = {}
    for node in program.nodes:
        if node.op == "matmul":
            ways.setdefault(node.data[0], set()).add(node.data[1])
    return {parameter for parameter, way in ways.items() if len(way) == 2}


class LimitForm(Reduced):
    """The reduced form in which every Z is written with hats, and which error signals its changes can answer to."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        zdots = zdot_terms(program)
        self._answers: list[int] = []
        bit: dict[tuple[int, bool], int] = {}
        for k in range(len(program.nodes)):
            self.extend(zdots.get(k, ()))
            self._answers.append(self._symbols_in_change(k, bit))
        self._hat_bits = {~g: 1 << bit[program.symbol(g)] for g in zdots}

    def _symbols_in_change(self, k: int, bit: dict[tuple[int, bool], int]) -> int:
        """The symbols of the G-vars whose dg may occur in Z^{δ(node k)}: its own, and those of what it is made of."""
        node = self.program.nodes[k]
        if self.program.kinds[k] is not Kind.VECTOR:
            return 0
        found = 0
        if node.op in GVAR_OPS:
            found = 1 << bit.setdefault(self.program.symbol(k), len(bit))
            made_of = [self.program.nodes[u].args[0] for u in self.contractions.get(k, ())]
        else:
            made_of = [a for a in node.args if self.program.kinds[a] is Kind.VECTOR]
        for a in made_of:
            found |= self._answers[a]
        return found

    def answers(self, a: Ref, b: Ref) -> bool:
        """Whether the change of a can contain an error signal that b's error signal feeds."""
        left, right = (self._hat_bits[r] if r < 0 else self._answers[r] for r in (a, b))
        return bool(left & right)


def limit_form(program: Program) -> LimitForm:
    """The limit law of a program, contracted MatMuls unwound by (65)."""
    return LimitForm(program)
