"""Contracted stretches (MATH §7): from y straight to W x when x depends on Wᵀy, found by reachability.

On the right side a path may take such a stretch, of weight σ² E[∂x/∂(Wᵀy)], besides the steps of Definition 5.5.
"""

from __future__ import annotations

import networkx as nx

from tpproof.program.model import Kind, Program
from tpproof.program.reduced import Reduced, reduced


def contracted_stretches(program: Program) -> dict[int, tuple[int, ...]]:
    """For every g = Wx with a stretch into it: the MatMuls u = Wᵀy from whose y it may start."""
    flow: nx.DiGraph = nx.DiGraph()
    stretches: dict[int, tuple[int, ...]] = {}
    other_side: dict[tuple[int, bool], set[int]] = {}
    for g in program.gvars:
        p, transposed = program.symbol(g)
        if program.nodes[g].op == "matmul":
            other_side.setdefault((p, not transposed), set()).add(g)
    if not any(key in other_side for key in {(p, not t) for p, t in other_side}):
        return {}
    for k, node in enumerate(program.nodes):
        if program.kinds[k] is not Kind.VECTOR:
            continue
        if node.op != "matmul":
            flow.add_edges_from((a, k) for a in node.args if program.kinds[a] is Kind.VECTOR)
            continue
        candidates = other_side.get(program.symbol(k), set())
        x = node.args[0]
        if candidates and x in flow:
            below = candidates & (nx.ancestors(flow, x) | {x})
            if below:
                stretches[k] = tuple(sorted(below))
                flow.add_edges_from((program.nodes[u].args[0], k) for u in stretches[k])
        elif x in candidates:
            stretches[k] = (x,)
            flow.add_edge(program.nodes[x].args[0], k)
    return stretches


def stretched_form(program: Program) -> Reduced:
    """The reduced form in which paths may take contracted stretches."""
    return reduced(program, contracted_stretches(program))
