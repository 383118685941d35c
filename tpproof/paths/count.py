"""How many pairs p ≅ q there are, exactly, without listing them (Definitions 5.4, 5.5, D.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.paths.graph import pair_graph
from tpproof.program.atoms import Pair, Ref, Weight
from tpproof.program.automorphisms import symmetries
from tpproof.program.model import Program
from tpproof.program.reduced import Form, Reduced, reduced
from tpproof.program.symmetry import NO_SYMMETRY, Orbits


@dataclass(frozen=True)
class PathSpace:
    """The reduced program as paths see it: what every vector reads, and the pair graph without stretches."""

    program: Program
    limits: Limits = DEFAULT
    orbits: Orbits = NO_SYMMETRY

    @cached_property
    def form(self) -> Reduced:
        return reduced(self.program)

    @cached_property
    def graph(self) -> nx.DiGraph:
        return pair_graph(self.form, self.limits, self.orbits)

    @cached_property
    def known(self) -> dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[Weight, ...]]:
        """Products of atoms that were worked out before: of ways between pairs, and of pairs of paths."""
        return {}

    @cached_property
    def reads(self) -> tuple[int, ...]:
        """For every vector node the G-vars below it, as a bit mask over node numbers (0 for scalars)."""
        masks: list[int] = []
        for k in range(len(self.program.nodes)):
            form = self.form
            if self.program.kinds[k].value != "vector":
                masks.append(0)
            elif form.form(k) is Form.BASE:
                masks.append(1 << k)
            else:
                mask = 0
                for r in self.children(k):
                    mask |= masks[r]
                masks.append(mask)
        return tuple(masks)

    def children(self, k: Ref) -> tuple[Ref, ...]:
        """What a linear vector adds up, or what a NonLin reads."""
        if self.form.form(k) is Form.LINEAR:
            return tuple(t.vector for t in self.form.terms(k))
        return self.form.frontier(k) if self.form.form(k) is Form.NONLIN else (k,)

    def gvars_below(self, k: Ref) -> list[int]:
        """The G-vars that a vector reads in the reduced program, ascending."""
        mask, found = self.reads[k], []
        while mask:
            low = mask & -mask
            found.append(low.bit_length() - 1)
            mask ^= low
        return found

    def is_disjoint(self, k: Ref) -> bool:
        """Whether no G-var is read twice by way of different children."""
        seen = 0
        for r in self.children(k):
            if seen & self.reads[r]:
                return False
            seen |= self.reads[r]
        return True

    def starts(self, gvar: int) -> int:
        """1 if a path may begin at this G-var: at the X-var it multiplies, or at a trained initial G-var."""
        node = self.program.nodes[gvar]
        return int(node.op == "matmul" or self.program.parameters[node.data[0]].trained)

    def same_symbol_pairs(self, left: list[int], right: list[int]) -> list[Pair]:
        """All (g̃, g) with one defining symbol."""
        by_symbol: dict[tuple[int, bool], list[int]] = {}
        for g in right:
            by_symbol.setdefault(self.program.symbol(g), []).append(g)
        return [(a, b) for a in left for b in by_symbol.get(self.program.symbol(a), ())]

    @cached_property
    def read_gvars(self) -> list[int]:
        """The G-vars read by some output's X-var."""
        mask = 0
        for out in self.program.outputs:
            for _, x in out.terms:
                mask |= self.reads[x]
        return [k for k in range(mask.bit_length()) if mask >> k & 1]


def counts(space: PathSpace) -> dict[Pair, int]:
    """For every pair of vectors that stands for its orbit: the number of p ≅ q ending in G-vars that they read."""
    disjoint: dict[Ref, bool] = {}
    found: dict[Pair, int] = {}
    visited = 0
    for pair in nx.topological_sort(space.graph):
        a, b = pair
        rule = space.graph.nodes[pair]["rule"]
        before = {s: node for node, _, steps in space.graph.in_edges(pair, data="steps") for s, _ in steps}
        if rule in ("path-start", "path-extend"):
            found[pair] = space.starts(a) + sum(found[node] for node in before.values())
            continue
        for r in pair:
            if r not in disjoint:
                disjoint[r] = space.is_disjoint(r)
        if disjoint[a] and disjoint[b]:
            found[pair] = sum(found[node] for node in before.values())
            continue
        pairs = space.same_symbol_pairs(space.gvars_below(a), space.gvars_below(b))
        visited += len(pairs)
        if visited > space.limits.reads:
            raise TpproofError("E104", f"more than {space.limits.reads} G-var pairs while counting paths", "fewer")
        found[pair] = total(space, found, pairs)
    return found


def total(space: PathSpace, found: Mapping[Pair, int], pairs: Iterable[Pair]) -> int:
    """How many p ≅ q end in these pairs of G-vars."""
    return sum(found[space.orbits.representative(pair)] for pair in pairs)


def count(program: Program, limits: Limits = DEFAULT) -> int:
    """The number of ordered pairs p ≅ q, both ending in a G-var that an output's X-var reads."""
    few = min(limits.explicit_pairs, limits.pairs)
    space = PathSpace(program, replace(limits, pairs=few))
    try:
        found = counts(space)
    except TpproofError:
        if few == limits.pairs:
            raise
        space = PathSpace(program, limits, Orbits(symmetries(program, limits)))
        found = counts(space)
    ends = space.read_gvars
    return total(space, found, space.same_symbol_pairs(ends, ends))
