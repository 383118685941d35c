"""The paths one by one (Definition 5.5): enumeration, isomorphism classes, ⟨p, q⟩ of (95)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.paths.count import PathSpace, counts
from tpproof.paths.graph import source_weight
from tpproof.program.atoms import Pair, Ref, Weight, sigma2, weight
from tpproof.program.model import Program

Path = tuple[int, ...]
"""A path by its G-vars: each reads the one before through the X-var between them."""


@dataclass(frozen=True)
class PathPair:
    """p ≅ q with ⟨p, q⟩ as a sum of products of atoms."""

    p: Path
    q: Path
    weight: tuple[Weight, ...]


def symbols(program: Program, path: Path) -> tuple[str, ...]:
    """The sequence of matrices that decides isomorphism: W and Wᵀ differ; a D.4.1 start counts."""
    names = []
    for g in path:
        p, transposed = program.symbol(g)
        names.append(program.parameters[p].name + ("ᵀ" if transposed else ""))
    return tuple(names)


def paths(program: Program, limits: Limits = DEFAULT) -> Iterator[Path]:
    """Every path that ends in a G-var read by an output's X-var, one at a time (there may be 2^L)."""
    space = PathSpace(program, limits)
    stack: list[Path] = [(g,) for g in reversed(space.read_gvars)]
    while stack:
        path = stack.pop()
        first = path[0]
        if space.starts(first):
            yield path
        if program.nodes[first].op == "matmul":
            below = space.gvars_below(program.nodes[first].args[0])
            stack.extend((g, *path) for g in reversed(below))


def isomorphic_pairs(
    space: PathSpace, ends: list[tuple[int, int]], limit: int
) -> list[tuple[Path, Path]]:
    """All p ≅ q that end in the given pairs of G-vars, ascending; E104 beyond `limit`."""
    program = space.program
    found: list[tuple[Path, Path]] = []
    stack: list[tuple[Path, Path]] = [((a,), (b,)) for a, b in ends]
    while stack:
        p, q = stack.pop()
        if space.starts(p[0]):
            found.append((p, q))
            if len(found) > limit:
                raise TpproofError("E104", f"more than {limit} path pairs", "use the count, or raise --limit")
        if program.nodes[p[0]].op == "matmul":
            below = [space.gvars_below(program.nodes[g].args[0]) for g in (p[0], q[0])]
            stack.extend(((a, *p), (b, *q)) for a, b in space.same_symbol_pairs(*below))
    return sorted(found)


def derivative_products(space: PathSpace, start: Pair, end: Pair) -> tuple[Weight, ...]:
    """E[∂Z^h̃/∂Z^g̃ · ∂Z^k/∂Z^g] for G-vars (g̃, g) read by (h̃, k): a sum over ways through linear combinations."""
    if (start, end) in space.known:
        return space.known[start, end]
    found: list[Weight] = []
    stack: list[tuple[Pair, Weight]] = [(end, ())]
    while stack:
        pair, so_far = stack.pop()
        if pair == start:
            found.append(weight(so_far))
            continue
        if space.graph.nodes[pair]["rule"] in ("path-start", "path-extend"):
            continue
        for _, _, steps in space.graph.in_edges(pair, data="steps"):
            for before, w in steps:
                if space.reads[before[0]] >> start[0] & 1 and space.reads[before[1]] >> start[1] & 1:
                    stack.append((before, (*so_far, *w)))
    space.known[start, end] = tuple(found)
    return space.known[start, end]


def inner_product(space: PathSpace, p: Path, q: Path) -> tuple[Weight, ...]:
    """⟨p, q⟩ (95) as a sum of products of atoms (one product where no linear combination merges)."""
    nodes = space.program.nodes
    products: list[Weight] = [source_weight(space.form, p[0], q[0])]
    for i in range(1, len(p)):
        into = (nodes[p[i]].args[0], nodes[q[i]].args[0])
        steps = derivative_products(space, (p[i - 1], q[i - 1]), into)
        variance = sigma2(*nodes[p[i]].data)
        products = [weight([*w, variance, *step]) for w in products for step in steps]
    return tuple(products)


def readout_pairs(space: PathSpace, o: int, p: int) -> list[Pair]:
    """The pairs of vectors that outputs o and p read with a common readout."""
    other = dict(space.program.outputs[p].terms)
    return [(x, other[v]) for v, x in space.program.outputs[o].terms if v in other]


def end_pairs(space: PathSpace, vectors: list[Pair]) -> list[Pair]:
    """The pairs of G-vars with one symbol that pairs of vectors read."""
    found: set[Pair] = set()
    for x, y in vectors:
        found.update(space.same_symbol_pairs(space.gvars_below(x), space.gvars_below(y)))
    return sorted(found)


def listed(program: Program, limit: int = DEFAULT.listed_paths) -> tuple[PathPair, ...]:
    """All p ≅ q of the network with their ⟨p, q⟩. Raises E104 beyond `limit`."""
    space = PathSpace(program)
    ends = space.same_symbol_pairs(space.read_gvars, space.read_gvars)
    total = sum(counts(space)[pair] for pair in ends)
    if total > limit:
        raise TpproofError("E104", f"{total} path pairs", f"at most {limit} to list them; raise --limit")
    return tuple(PathPair(p, q, inner_product(space, p, q)) for p, q in isomorphic_pairs(space, ends, limit))


def output_pairs_listed(space: PathSpace, o: int, p: int, limit: int) -> list[tuple[Path, Path]]:
    """All p ≅ q of Prop. D.3 for outputs o and p."""
    return isomorphic_pairs(space, end_pairs(space, readout_pairs(space, o, p)), limit)


def path_sum(space: PathSpace, x: Ref, y: Ref, pairs: list[tuple[Path, Path]]) -> tuple[Weight, ...]:
    """(96), (133): Σ ⟨p, q⟩ E[∂Z^x̃/∂Z^{p⁻¹} ∂Z^y/∂Z^{q⁻¹}] over listed pairs, as a sum of products."""
    found: list[Weight] = []
    for p, q in pairs:
        if space.reads[x] >> p[-1] & 1 and space.reads[y] >> q[-1] & 1:
            last = derivative_products(space, (p[-1], q[-1]), (x, y))
            found += [weight([*w, *step]) for w in inner_product(space, p, q) for step in last]
    return tuple(found)
