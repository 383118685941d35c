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
from tpproof.program.reduced import Form, Reduced
from tpproof.proof.polynomial import Polynomial, expand
from tpproof.proof.text import atom_text, vector_name

Factor: TypeAlias = tuple[int, int, Ref]
"""∂_a Z^x at instance s: (s, x, a)."""
Function: TypeAlias = dict[tuple[Weight, tuple[Factor, ...]], int]
"""An even function: coefficient atoms and a product of direct derivatives → how often."""
Expansion: TypeAlias = dict[tuple[Weight, tuple[tuple[Factor, ...], ...]], int]
"""A number: coefficient atoms and a product of expectations of products of direct derivatives → how often."""


class DirectDerivatives:
    """∂Z^x/∂r, contracted MatMuls unwound, as a sum of products of direct derivatives (chain rule)."""

    def __init__(self, plain: Reduced, contracted: Reduced, limit: int) -> None:
        self.plain, self.contracted, self.limit = plain, contracted, limit
        self._known: dict[tuple[int, Ref, Ref], Function] = {}

    def of(self, s: int, x: Ref, target: Ref) -> Function:
        """∂Z^x/∂(target) at instance s; E104 when it grows beyond the limit."""
        stack = [x]
        while stack:
            top = stack[-1]
            key = (s, top, target)
            if key in self._known:
                stack.pop()
                continue
            steps = self._steps(s, top, target)
            missing = [below for _, below in steps if below != target and (s, below, target) not in self._known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._known[key] = self._sum(s, steps, target)
        return self._known[s, x, target]

    def _steps(self, s: int, x: Ref, target: Ref) -> list[tuple[tuple[Weight, tuple[Factor, ...]], Ref]]:
        """x as (coefficient, direct derivative) times what it reads first."""
        if x < 0:
            return []
        if self.contracted.form(x) is Form.LINEAR:
            terms = self.contracted.terms(x)
            return [((weight(self.contracted.coefficient_atoms(t, s)), ()), t.vector) for t in terms]
        if self.contracted.form(x) is Form.BASE:
            return []
        return [(((), ((s, x, a),)), a) for a in self.plain.frontier(x)]

    def _sum(
        self, s: int, steps: list[tuple[tuple[Weight, tuple[Factor, ...]], Ref]], target: Ref
    ) -> Function:
        total: Function = {}
        for (coefficient, factors), below in steps:
            part: Function = {((), ()): 1} if below == target else self._known[s, below, target]
            for (w, f), times in part.items():
                key = weight([*coefficient, *w]), tuple(sorted((*factors, *f)))
                total[key] = total.get(key, 0) + times
            if len(total) > self.limit:
                raise TpproofError("E104", f"more than {self.limit} products of derivatives", "a smaller network")
        return total


def _expectation_of(derivatives: DirectDerivatives, atom: Atom, plain: bool) -> Expansion | None:
    """An expectation of derivatives in the common vocabulary; None for any other atom."""
    kind, *rest = atom
    r = [int(i) for i in rest]
    if kind == "slope":
        parts = [(TEST, r[0], r[1]), (TRAIN, r[2], r[3])]
    elif kind in ("slope1", "response"):
        parts = [(r[0], r[1], r[2])]
    else:
        return None
    product: Function = {((), ()): 1}
    for s, x, a in parts:
        own: Function = {((), ((s, x, a),)): 1} if plain else derivatives.of(s, x, a)
        product = {
            (weight([*w, *u]), tuple(sorted((*f, *g)))): m * n
            for (w, f), m in product.items()
            for (u, g), n in own.items()
        }
    result: Expansion = {}
    for (w, factors), times in product.items():
        for key, n in _unfold(derivatives, w, plain).items():
            whole = key[0], tuple(sorted((*key[1], factors)))
            result[whole] = result.get(whole, 0) + n * times
    return result


def _unfold(derivatives: DirectDerivatives, product: Weight, plain: bool) -> Expansion:
    """A product of atoms in the common vocabulary."""
    total: Expansion = {((), ()): 1}
    for atom in product:
        own = _expectation_of(derivatives, atom, plain) or {((atom,), ()): 1}
        total = _times(total, own, derivatives.limit)
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


def missing_terms(program: Program, form: Reduced) -> list[tuple[int, str]]:
    """For every G-var at which (107) fails, in program order: the terms of Z^{δg̃} that are not of its form."""
    moves = moving(program)
    found = []
    for g in sorted(form.contractions):
        terms = [t for t in form.terms(g) if t.contraction is not None and moves[t.vector]]
        if terms:
            texts = []
            for t in terms:
                coefficient = "·".join(atom_text(program, a) for a in form.coefficient_atoms(t, TEST))
                texts.append(f"{coefficient}·Z^δ{vector_name(program, t.vector)}~")
            found.append((g, " + ".join(texts)))
    return found
