"""Networks with W and Wᵀ on one path (D.4.2): where (107) fails, and by how much the path sum misses the kernel.

Both kernels are written out over one vocabulary, expectations of products of *direct* derivatives ∂x/∂a (x as
written, a as it reads it), so that what they share cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from tpproof.errors import TpproofError
from tpproof.program.atoms import TEST, TRAIN, Atom, Pair, Ref, Terms, Weight, weight
from tpproof.program.model import Program
from tpproof.program.reduced import Form, LinearTerm, Reduced
from tpproof.proof.polynomial import Polynomial, expand
from tpproof.proof.text import atom_text, vector_name, weight_text

Factor: TypeAlias = tuple[int, int, Ref]
"""∂_a Z^x at instance s: (s, x, a)."""
Function: TypeAlias = dict[tuple[Weight, tuple[Factor, ...]], int]
"""An even function: coefficient atoms and a product of direct derivatives → how often."""
Step: TypeAlias = tuple[tuple[Weight, tuple[Factor, ...]], Ref]
"""(coefficient, direct derivative) times a vector."""
Expansion: TypeAlias = dict[tuple[Weight, tuple[tuple[Factor, ...], ...]], int]
"""A number: coefficient atoms and a product of expectations of products of direct derivatives → how often."""


class DirectDerivatives:
    """∂Z^x/∂r, contracted MatMuls unwound, as a sum of products of direct derivatives (chain rule)."""

    def __init__(self, plain: Reduced, contracted: Reduced, limit: int) -> None:
        self.plain, self.contracted, self.limit = plain, contracted, limit
        self._known: dict[tuple[int, Ref, Ref, frozenset[Ref]], Function] = {}

    def by_frontier(self, s: int, x: int, a: Ref) -> Function:
        """∂_a x, x written as a function of its frontier, whose other members are held fixed."""
        return self.of(s, x, a, frozenset(self.contracted.frontier(x)) - {a})

    def of(self, s: int, x: Ref, target: Ref, fixed: frozenset[Ref] = frozenset()) -> Function:
        """∂Z^x/∂(target) at instance s, with some vectors held fixed; E104 when it grows beyond the limit."""
        stack = [x]
        while stack:
            top = stack[-1]
            key = (s, top, target, fixed)
            if key in self._known:
                stack.pop()
                continue
            steps = [] if top == target or top in fixed else self._steps(s, top)
            missing = [below for _, below in steps if (s, below, target, fixed) not in self._known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._known[key] = {((), ()): 1} if top == target else self._sum(s, steps, target, fixed)
        return self._known[s, x, target, fixed]

    def _steps(self, s: int, x: Ref) -> list[Step]:
        """x as (coefficient, direct derivative) times what it reads first."""
        if x < 0 or self.contracted.form(x) is Form.BASE:
            return []
        if self.contracted.form(x) is Form.LINEAR:
            terms = self.contracted.terms(x)
            return [((weight(self.contracted.coefficient_atoms(t, s)), ()), t.vector) for t in terms]
        return [(((), ((s, x, a),)), a) for a in self.plain.frontier(x)]

    def _sum(self, s: int, steps: list[Step], target: Ref, fixed: frozenset[Ref]) -> Function:
        total: Function = {}
        for (coefficient, factors), below in steps:
            for (w, f), times in self._known[s, below, target, fixed].items():
                key = weight([*coefficient, *w]), tuple(sorted((*factors, *f)))
                total[key] = total.get(key, 0) + times
            if len(total) > self.limit:
                raise TpproofError("E104", f"more than {self.limit} products of derivatives", "a smaller network")
        return total


def _derivative_of(derivatives: DirectDerivatives, atom: Atom, plain: bool) -> Function | None:
    """What stands inside an atom's expectation, as direct derivatives; None where that is no derivative."""
    kind, *rest = atom
    r = [int(i) for i in rest]
    if kind == "response":
        return derivatives.of(r[0], r[1], r[2])
    if kind not in ("slope", "slope1"):
        return None
    parts = [(TEST, r[0], r[1]), (TRAIN, r[2], r[3])] if kind == "slope" else [(r[0], r[1], r[2])]
    product: Function = {((), ()): 1}
    for s, x, a in parts:
        own: Function = {((), ((s, x, a),)): 1} if plain else derivatives.by_frontier(s, x, a)
        product = _function_times(product, own)
    return product


def _function_times(first: Function, second: Function) -> Function:
    product: Function = {}
    for (w, f), m in first.items():
        for (u, g), n in second.items():
            key = weight([*w, *u]), tuple(sorted((*f, *g)))
            product[key] = product.get(key, 0) + m * n
    return product


def _expectation_of(derivatives: DirectDerivatives, atom: Atom, plain: bool) -> Expansion | None:
    """An expectation of derivatives in the common vocabulary; None for any other atom."""
    inside = _derivative_of(derivatives, atom, plain)
    if inside is None:
        return None
    result: Expansion = {}
    for (w, factors), times in inside.items():
        for (atoms, expectations), n in _unfold(derivatives, w, plain).items():
            mine = (factors,) if factors else ()  # E[1] = 1
            key = atoms, tuple(sorted((*expectations, *mine)))
            result[key] = result.get(key, 0) + n * times
    return result


def _unfold(derivatives: DirectDerivatives, product: Weight, plain: bool) -> Expansion:
    """A product of atoms in the common vocabulary."""
    total: Expansion = {((), ()): 1}
    for atom in product:
        own = _expectation_of(derivatives, atom, plain)
        total = _times(total, {((atom,), ()): 1} if own is None else own, derivatives.limit)
    return total


def _times(first: Expansion, second: Expansion, limit: int) -> Expansion:
    product: Expansion = {}
    for (w, f), m in first.items():
        for (u, g), n in second.items():
            key = weight([*w, *u]), tuple(sorted((*f, *g)))
            product[key] = product.get(key, 0) + m * n
    if len(product) > limit:
        raise TpproofError("E104", f"more than {limit} products of derivatives", "a smaller network")
    return product


def written_out(derivatives: DirectDerivatives, polynomial: Polynomial, plain: bool) -> Expansion:
    """A kernel in the common vocabulary."""
    total: Expansion = {}
    for product, times in polynomial.items():
        for key, n in _unfold(derivatives, product, plain).items():
            total[key] = total.get(key, 0) + n * times
    return total


def subtract(first: Expansion, second: Expansion) -> Expansion:
    """first − second, zeros dropped."""
    keys = dict.fromkeys([*first, *second])
    values = {key: first.get(key, 0) - second.get(key, 0) for key in keys}
    return {key: value for key, value in values.items() if value}


def output_polynomial(sums: Mapping[Pair, Terms], kernel: Terms, limit: int) -> Polynomial:
    """K_op written out over the sums that its terms refer to."""
    total: Polynomial = {}
    for factor, ref in kernel:
        for product, times in (expand(sums, ref, limit) if ref is not None else {(): 1}).items():
            key = weight([*factor, *product])
            total[key] = total.get(key, 0) + times
    return total


def expansion_text(program: Program, expansion: Expansion) -> str:
    """A difference as text: every product with its sign."""
    parts = []
    for (w, expectations), times in sorted(expansion.items(), key=str):
        factors = [atom_text(program, atom) for atom in w] + [_expectation_text(program, e) for e in expectations]
        sign = "" if times == 1 else "−" if times == -1 else f"{times}·"
        parts.append(sign + "·".join(factors))
    return " + ".join(parts) or "0"


def _expectation_text(program: Program, factors: tuple[Factor, ...]) -> str:
    names = []
    for s, x, a in factors:
        tilde = "~" if s == TEST else ""
        names.append(f"∂{vector_name(program, x)}{tilde}/∂{vector_name(program, a)}{tilde}")
    return f"E[{'·'.join(names)}]"


def moving(program: Program) -> tuple[bool, ...]:
    """For every node, whether training moves it: some parameter below it is trained."""
    moves: list[bool] = []
    for node in program.nodes:
        own = node.op in ("embed", "param", "matmul") and program.parameters[node.data[0]].trained
        moves.append(node.op != "mean" and (own or any(moves[a] for a in node.args)))
    return tuple(moves)


def missing_terms(program: Program, derivatives: DirectDerivatives) -> list[tuple[int, str]]:
    """For every G-var at which (107) fails, in program order: the terms of Z^{δg̃} that are not of its form."""
    moves, form = moving(program), derivatives.contracted
    found = []
    for g in sorted(form.contractions):
        terms = [t for t in form.terms(g) if t.contraction is not None and moves[t.vector]]
        texts = [f"{_coefficient_text(program, derivatives, t)}·Z^δ{vector_name(program, t.vector)}~" for t in terms]
        if texts:
            found.append((g, " + ".join(texts)))
    return found


def _coefficient_text(program: Program, derivatives: DirectDerivatives, term: LinearTerm) -> str:
    atoms = weight(derivatives.contracted.coefficient_atoms(term, TEST))
    try:
        expansion = written_out(derivatives, {atoms: 1}, False)
    except TpproofError:  # too long: as one expectation
        return weight_text(program, atoms)
    text = expansion_text(program, expansion)
    return text if len(expansion) == 1 else f"({text})"
