"""The forward pass at infinite width (Definition B.3): which MatMuls contract, by ZDot.

Z^{Wx} = Ẑ^{Wx} + σ² Σ_y Z^y E[∂Z^x/∂Ẑ^{Wᵀy}] (65), the sum over the Wᵀy introduced before x whose hat Z^x
depends on. What Z^x depends on is followed through the program, function by function; scalars are constants.
"""

from __future__ import annotations

from tpproof.program.model import Kind, Program
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


def limit_form(program: Program) -> Reduced:
    """The reduced form in which every Z is written with hats, contracted MatMuls unwound by (65)."""
    zdots = zdot_terms(program)
    form = Reduced(program)
    for k in range(len(program.nodes)):
        form.extend(zdots.get(k, ()))
    return form
