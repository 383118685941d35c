"""The pair graph (MATH §5): its directed paths are the pairs of isomorphic paths p ≅ q of Definition 5.5.

A node is a pair (vector at ξ̃, vector at ξ); linear combinations and X-vars are nodes of their own between the
pairs of G-vars, so that a stream of L residual blocks costs L edges and not L². Edges carry the weights of (95).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import networkx as nx

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program.atoms import (
    Atom,
    Pair,
    Ref,
    Term,
    Terms,
    Weight,
    gram,
    kappa,
    moment2,
    sigma2,
    slope,
    slope1,
    weight,
)
from tpproof.program.reduced import Form, Reduced
from tpproof.program.symmetry import NO_SYMMETRY, Orbits

Edge = tuple[Pair, Weight]


def source_weight(form: Reduced, a: Ref, b: Ref) -> Weight:
    """κ E[Z^{p⁰}Z^{q⁰}] of (95) for the shortest pair that ends in the G-vars (a, b)."""
    program, first, second = form.program, form.gvar(a), form.gvar(b)
    op, parameter = program.nodes[first].op, program.nodes[first].data[0]
    starts: dict[str, list[Atom]] = {"param": []}
    if op == "embed":
        starts["embed"] = [gram(program, first, second)]
    elif op == "matmul":
        starts["matmul"] = [moment2(program.nodes[first].args[0], program.nodes[second].args[0])]
    return weight([kappa(parameter, program.symbol(first)[1]), *starts[op]])


def step_matmul(form: Reduced, a: Ref, b: Ref) -> Iterator[Edge]:
    """(h̃, k) → (g̃ = Wh̃, g = Wk), weight σ_W²: the same symbol W on both sides (p ≅ q)."""
    nodes = form.program.nodes
    first, second = nodes[form.gvar(a)], nodes[form.gvar(b)]
    if first.op == "matmul":
        yield (first.args[0], second.args[0]), (sigma2(*first.data),)


def step_linear(form: Reduced, a: Ref, b: Ref) -> Iterator[Edge]:
    """Bilinearity: through h = Σ a_i hⁱ no expectation is taken."""
    for left, left_atoms in _summands(form, a, 0):
        for right, right_atoms in _summands(form, b, 1):
            yield (left, right), weight(left_atoms + right_atoms)


def _summands(form: Reduced, r: Ref, instance: int) -> Iterator[tuple[Ref, tuple[Atom, ...]]]:
    if form.form(r) is Form.LINEAR:
        yield from ((term.vector, form.coefficient_atoms(term, instance)) for term in form.terms(r))
    else:
        yield r, ()


def step_nonlin(form: Reduced, a: Ref, b: Ref) -> Iterator[Edge]:
    """(aⁱ, bʲ) → (x̃, y), weight E[∂Z^x̃/∂Z^{aⁱ} · ∂Z^y/∂Z^{bʲ}]; a G-var counts as its own identity NonLin."""
    if form.form(a) is Form.BASE:
        yield from (((a, j), (slope1(1, b, j),)) for j in form.frontier(b))
    elif form.form(b) is Form.BASE:
        yield from (((i, b), (slope1(0, a, i),)) for i in form.frontier(a))
    else:
        yield from (((i, j), (slope(a, i, b, j),)) for i in form.frontier(a) for j in form.frontier(b))


STEPS = {
    "path-start": (None, "(95), D.4.1"),
    "path-extend": (step_matmul, "(95)"),
    "path-linear": (step_linear, "(95), linear"),
    "path-nonlin": (step_nonlin, "(95), NonLin"),
}
"""Rule → (how a pair is reached from earlier pairs, the paper's equation)."""


def step_name(form: Reduced, pair: Pair) -> str:
    """The kind of step that enters a pair."""
    a, b = (form.form(r) for r in pair)
    if a is Form.LINEAR or b is Form.LINEAR:
        return "path-linear"
    if a is Form.BASE and b is Form.BASE:
        initial = form.program.nodes[form.gvar(pair[0])].op != "matmul"
        return "path-start" if initial else "path-extend"
    return "path-nonlin"


def path_symbol(form: Reduced, gvar: int) -> tuple[int, bool]:
    """What p ≅ q compares at a G-var: the matrix, or the embedding or vector parameter; W is not Wᵀ."""
    return form.program.symbol(gvar)


def ends(form: Reduced) -> list[Pair]:
    """Where the graph must reach: pairs of G-vars with one symbol, and vectors that share a readout."""
    classes: dict[tuple[int, bool], list[Ref]] = {}
    for g in form.program.gvars:
        classes.setdefault(path_symbol(form, g), []).append(form.base(g))
    pairs = [(a, b) for members in classes.values() for a in members for b in members]
    read: dict[int, set[int]] = {}
    for out in form.program.outputs:
        for v, x in out.terms:
            read.setdefault(v, set()).add(x)
    pairs += [(x, y) for v in sorted(read) for x in sorted(read[v]) for y in sorted(read[v]) if form.meets(x, y)]
    return pairs


def pair_graph(form: Reduced, limits: Limits = DEFAULT, orbits: Orbits = NO_SYMMETRY) -> nx.DiGraph:
    """The pair graph: node attributes ``rule`` and ``source`` (a Weight or None), edge attribute ``steps``.

    Of each orbit only the pair that stands for it is a node. ``steps`` lists the (pair, weight) that an edge is for:
    pairs of the orbit of the node that it leaves.

    Raises
    ------
    TpproofError
        E104 beyond ``limits.pairs`` nodes.
    """
    graph: nx.DiGraph = nx.DiGraph()
    if form.program.symbol_pairs > limits.pairs:
        found = f"{form.program.symbol_pairs} pairs of G-vars with one symbol"
        raise TpproofError("E104", found, f"at most {limits.pairs}: a smaller network, or --max-pairs")
    queue: deque[Pair] = deque(map(orbits.representative, ends(form)))
    while queue:
        pair = queue.popleft()
        if pair in graph and "rule" in graph.nodes[pair]:
            continue
        name = step_name(form, pair)
        starts = name in ("path-start", "path-extend")
        graph.add_node(pair, rule=name, source=source_weight(form, *pair) if starts else None)
        step = STEPS[name][0]
        for before, edge_weight in step(form, *pair) if step else ():
            if not form.meets(*before):
                continue
            node = orbits.representative(before)
            if graph.has_edge(node, pair):
                graph.edges[node, pair]["steps"].append((before, edge_weight))
            else:
                graph.add_edge(node, pair, steps=[(before, edge_weight)])
                queue.append(node)
        if len(graph) > limits.pairs:
            raise TpproofError("E104", f"more than {limits.pairs} vector pairs", "a smaller network")
    return graph


def path_sums(graph: nx.DiGraph) -> dict[Pair, Terms]:
    """C = S + Σ M·C, forward: the sum over p → a, q → b, p ≅ q of ⟨p, q⟩ (95), in topological order."""
    sums: dict[Pair, Terms] = {}
    for pair in nx.topological_sort(graph):
        source = graph.nodes[pair]["source"]
        terms = [(source, None)] if source is not None else []
        for _, _, steps in graph.in_edges(pair, data="steps"):
            terms += [(w, before) for before, w in steps]
        sums[pair] = tuple(terms)
    return sums


def back_sums(graph: nx.DiGraph, orbits: Orbits = NO_SYMMETRY) -> dict[Pair, Terms]:
    """D = R + Σ M·D, backward along the same edges and their images (R is added by the caller)."""
    found: dict[Pair, list[Term]] = {pair: [] for pair in graph}
    for pair in graph:
        steps = [(w, before) for _, _, edge in graph.in_edges(pair, data="steps") for before, w in edge]
        for after, images in orbits.images(pair, tuple(steps)):
            for w, before in images:
                if before in found:
                    found[before].append((w, after))
    return {pair: tuple(terms) for pair, terms in found.items()}
