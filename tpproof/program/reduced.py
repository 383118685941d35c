"""The reduced form (Definition 5.4): what every vector is, to a NonLin that reads it.

A vector is *base* (a Gaussian G-var), *linear* (a linear combination, kept as such: MATH §7) or *nonlin*, a
function of its *frontier*, the linear combinations of G-vars met first below it. A MatMul g = Wx that is
contracted (its x depends on some Wᵀy, (65)) is linear too: its hat plus a multiple of each y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tpproof.program.atoms import Atom, Ref, coefficient, response, sigma2
from tpproof.program.model import GVAR_OPS, Kind, Program


class Form(Enum):
    """How a vector is built from the ones below it."""

    BASE = "base"
    LINEAR = "linear"
    NONLIN = "nonlin"


@dataclass(frozen=True)
class LinearTerm:
    """One summand: a product of constants and scalars, or a contraction's coefficient, times a vector."""

    vector: Ref
    coefficients: tuple[int, ...] = ()  # nodes of kind constant or scalar
    contraction: tuple[int, int] | None = None  # (g, u): σ² E[∂Z^x/∂Ẑ^u] for g = Wx, u = Wᵀy


class Reduced:
    """The reduced form of a program under given contractions; grows node by node, in program order.

    Parameters
    ----------
    program
        The network.

    Notes
    -----
    `extend` classifies the next node and takes the contractions of it when it is a MatMul, so that whoever
    decides the contractions (the limit calculus by (65), the paths by reachability) can do so on the way.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.contractions: dict[int, tuple[int, ...]] = {}
        self._forms: list[Form | None] = []
        self._terms: list[tuple[LinearTerm, ...]] = []
        self._frontiers: list[tuple[Ref, ...]] = []
        self._g_linear: list[bool] = []
        self._supports: list[int] = []
        self._symbols: dict[tuple[int, bool], int] = {}

    def extend(self, contractions: tuple[int, ...] = ()) -> None:
        """Classify the next node; `contractions` are the u = Wᵀy that a MatMul g = Wx contracts with."""
        k = len(self._forms)
        node = self.program.nodes[k]
        if self.program.kinds[k] is not Kind.VECTOR:
            return self._append(None, (), (), False, 0)
        if node.op in GVAR_OPS and not contractions:
            return self._append(Form.BASE, (), (), True, self._symbol_bit(k))
        terms = self._linear_terms(k, contractions)
        if terms is None:
            frontier = self._frontier(self._vector_args(k))
            return self._append(Form.NONLIN, (), frontier, False, self._union(frontier))
        vectors = tuple(t.vector for t in terms)
        g_linear = all(self.g_linear(r) for r in vectors)
        support = self._union(r for r in vectors if r != ~k)
        if contractions:
            self.contractions[k] = contractions
            support |= self._symbol_bit(k)
        return self._append(Form.LINEAR, terms, () if g_linear else self._frontier(vectors), g_linear, support)

    def _append(
        self, form: Form | None, terms: tuple[LinearTerm, ...], frontier: tuple[Ref, ...], g_linear: bool, support: int
    ) -> None:
        self._forms.append(form)
        self._terms.append(terms)
        self._frontiers.append(frontier)
        self._g_linear.append(g_linear)
        self._supports.append(support)

    def _symbol_bit(self, gvar: int) -> int:
        return 1 << self._symbols.setdefault(self.program.symbol(gvar), len(self._symbols))

    def _vector_args(self, k: int) -> tuple[int, ...]:
        kinds = self.program.kinds
        return tuple(a for a in self.program.nodes[k].args if kinds[a] is Kind.VECTOR)

    def _linear_terms(self, k: int, contractions: tuple[int, ...]) -> tuple[LinearTerm, ...] | None:
        node = self.program.nodes[k]
        if contractions:
            sources = [(u, self.program.nodes[u].args[0]) for u in contractions]
            return (LinearTerm(~k), *(LinearTerm(y, (), (k, u)) for u, y in sources))
        if node.op == "ones":
            return ()
        if node.op == "add":
            return tuple(LinearTerm(a) for a in node.args)
        vectors = self._vector_args(k)
        if node.op == "mul" and len(vectors) == 1:
            return (LinearTerm(vectors[0], tuple(a for a in node.args if a != vectors[0])),)
        return None

    def _frontier(self, vectors: tuple[Ref, ...]) -> tuple[Ref, ...]:
        """The frontier of a function of these vectors."""
        met: set[Ref] = set()
        for r in vectors:
            if self.g_linear(r):
                met.add(r)
            else:
                met.update(self._frontiers[r])
        return tuple(sorted(r for r in met if self.support(r)))

    def _union(self, refs: object) -> int:
        mask = 0
        for r in refs:  # type: ignore[attr-defined]
            mask |= self.support(r)
        return mask

    # reading ------------------------------------------------------------------------------------------

    def form(self, r: Ref) -> Form:
        """Base, linear or nonlin."""
        form = Form.BASE if r < 0 else self._forms[r]
        if form is None:
            raise ValueError(f"node {r} is no vector")
        return form

    def base(self, gvar: int) -> Ref:
        """The Gaussian of a G-var: its hat if it is contracted, itself if not."""
        return ~gvar if gvar in self.contractions else gvar

    def gvar(self, base: Ref) -> int:
        """The G-var of a base Gaussian."""
        return base if base >= 0 else ~base

    def g_linear(self, r: Ref) -> bool:
        """Whether a vector is a linear combination of base Gaussians."""
        return r < 0 or self._g_linear[r]

    def terms(self, r: Ref) -> tuple[LinearTerm, ...]:
        """The summands of a linear vector."""
        return self._terms[r]

    def frontier(self, x: int) -> tuple[Ref, ...]:
        """What a NonLin reads, ascending: linear combinations of base Gaussians."""
        return self._frontiers[x]

    def support(self, r: Ref) -> int:
        """A bit mask of the symbols of the base Gaussians below a vector."""
        return self._symbols_of_hat(r) if r < 0 else self._supports[r]

    def _symbols_of_hat(self, r: Ref) -> int:
        return self._symbol_bit(~r)

    def meets(self, a: Ref, b: Ref) -> bool:
        """Whether two vectors have a symbol in common; if not, no two of their paths are isomorphic."""
        return bool(self.support(a) & self.support(b))

    def coefficient_atoms(self, term: LinearTerm, instance: int) -> tuple[Atom, ...]:
        """The weight of a summand at ξ̃ (0) or ξ (1)."""
        if term.contraction is None:
            return tuple(coefficient(self.program, instance, k) for k in term.coefficients)
        g, u = term.contraction
        node = self.program.nodes[g]
        return sigma2(*node.data), response(instance, node.args[0], self.base(u))


def reduced(program: Program, contractions: Mapping[int, tuple[int, ...]] | None = None) -> Reduced:
    """The reduced form under contractions known beforehand (none: Definition 5.5 read literally)."""
    form = Reduced(program)
    for k in range(len(program.nodes)):
        form.extend((contractions or {}).get(k, ()))
    return form
