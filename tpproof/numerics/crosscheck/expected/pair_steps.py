"""The steps of pairs of isomorphic paths, MATH §5, as the program alone decides them: every term of every sum C(a, b).

A proof's sums are not looked at: a term that it lost is here, and its weight is 0 there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from tpproof.numerics.crosscheck.expected.structure import Structure
from tpproof.program.atoms import Pair, Ref
from tpproof.program.model import Kind
from tpproof.program.reduced import Form, Reduced


@dataclass(frozen=True)
class PairSteps:
    """Of one program. Steps through a contraction are left out: the decontraction lemma adds terms there."""

    form: Reduced
    structure: Structure

    @property
    def starts(self) -> Iterator[Pair]:
        """G-vars of one trained symbol: κ E[Z^h Z^k], κ ξᵀξ'/d or κ begins a pair of paths, to their Gaussians."""
        return (pair for pair in self._alike if self.structure.moved_alone(*pair))

    @property
    def through_matrices(self) -> Iterator[Pair]:
        """G-vars (Wh, Wk), not contracted, into which pairs of paths come from (h, k), with σ²."""
        for pair in self._alike:
            read = self._read_by(pair)
            if read and not {*pair} & {*self.form.contractions} and self.structure.moved_together(*read):
                yield pair

    @property
    def through_sums(self) -> Iterator[tuple[Pair, Pair]]:
        """Linear combinations, and summands from which pairs of paths come into them."""
        return (step for step in self._steps(Form.LINEAR) if not {*step[0]} & {*self.form.contractions})

    @property
    def through_nonlins(self) -> Iterator[tuple[Pair, Pair]]:
        """NonLins (or one, and a G-var), and what they read, with E[∂Z^x ∂Z^y]."""
        return (step for step in self._steps(Form.NONLIN) if not any(map(self._contracts, step[0])))

    @cached_property
    def readouts(self) -> list[tuple[int, Ref, int, Ref]]:
        """(o, x, p, y): vectors that one readout multiplies in outputs o and p."""
        by_readout: dict[int, list[tuple[int, Ref]]] = defaultdict(list)
        for o, out in enumerate(self.form.program.outputs):
            for v, x in out.terms:
                by_readout[v].append((o, x))
        return sorted({(*one, *two) for members in by_readout.values() for one, two in product(members, repeat=2)})

    def _steps(self, kind: Form) -> Iterator[tuple[Pair, Pair]]:
        for pair in self._met:
            if kind is self._entered_by(pair):
                for before in self._before(pair):
                    if min(before) >= 0 and self.structure.moved_together(*before):
                        yield pair, before

    @cached_property
    def _alike(self) -> list[Pair]:
        """Pairs of G-vars of one symbol."""
        by_symbol: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for g in self.form.program.gvars:
            by_symbol[self.form.program.symbol(g)].append(g)
        return sorted((g, k) for members in by_symbol.values() for g, k in product(members, repeat=2))

    @cached_property
    def _met(self) -> list[Pair]:
        """All pairs that paths to the kernel, or to a (107), go through: backwards from these. What is proved of a
        contracted G-var is proved of its Gaussian.
        """
        ends: list[Pair] = [pair for pair in self._alike if not {*pair} & {*self.form.contractions}]
        ends += [read for pair in self._alike if (read := self._read_by(pair))]
        ends += [(x, y) for _, x, _, y in self.readouts]
        found, stack = set(ends), ends
        while stack:
            fresh = {p for p in self._before(stack.pop()) if min(p) >= 0 and self.form.meets(*p)} - found
            found |= fresh
            stack += fresh
        return sorted(found)

    def _entered_by(self, pair: Pair) -> Form:
        forms = {self.form.form(r) for r in pair}
        return Form.LINEAR if Form.LINEAR in forms else Form.NONLIN if Form.NONLIN in forms else Form.BASE

    def _before(self, pair: Pair) -> list[Pair]:
        """Pairs from which one step leads to this one."""
        a, b = pair
        match self._entered_by(pair):
            case Form.LINEAR:
                return sorted({*product(self._summands(a), self._summands(b))})
            case Form.NONLIN:
                return list(product(self._read(a), self._read(b)))
        return []  # of matrices: `_read_by`, whence `_met` starts

    def _read_by(self, pair: Pair) -> Pair | None:
        """(h, k) of two MatMuls Wh and Wk."""
        first, second = (self.form.program.nodes[g] for g in pair)
        return (first.args[0], second.args[0]) if first.op == "matmul" else None

    def _summands(self, r: Ref) -> list[Ref]:
        return [term.vector for term in self.form.terms(r)] if self.form.form(r) is Form.LINEAR else [r]

    def _read(self, r: Ref) -> list[Ref]:
        return list(self.form.frontier(r)) if self.form.form(r) is Form.NONLIN else [r]

    def _contracts(self, x: Ref) -> bool:
        """Whether a contracted MatMul lies between a vector and the Gaussians that it is made of."""
        stack, seen = [x], {x}
        while stack:
            k = stack.pop()
            if k in self.form.contractions:
                return True
            if self.form.program.kinds[k] is not Kind.VECTOR or self.form.g_linear(k):
                continue
            fresh = [a for a in self.form.program.nodes[k].args if a not in seen]
            seen.update(fresh)
            stack += fresh
        return False
