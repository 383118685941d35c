"""The abstract machine: backpropagation and one unrolled SGD step executed over the even/odd algebra (MATH §2–§4).

Every error signal and every change is a linear form in odd Gaussians (Z^v, and hats of odd vectors), its coefficients
even functions: sums of products of direct derivatives ∂x/∂a. Nothing is known here of pairs, of paths, or of the
decontraction lemma: MatMuls give Ẑ and, by (65), Ż over *every* Aᵀy introduced before, y forward, backward or a change.
Exact, and exponential: for small networks, where it is a third opinion on both sides of the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program.atoms import TEST, TRAIN, Atom, Ref, Weight, gram, kappa, moment2, sigma2, weight
from tpproof.program.model import Kind, Program
from tpproof.program.reduced import Form, Reduced, reduced

Factor: TypeAlias = tuple[int, int, Ref]
"""∂_a Z^x at instance s: (s, x, a)."""
Means: TypeAlias = tuple[tuple[Factor, ...], ...]
"""A product of expectations of products of factors."""
Even: TypeAlias = dict[tuple[Weight, Means, tuple[Factor, ...]], int]
"""An even random variable: numbers and expectations, times a product of factors → how often."""
Expansion: TypeAlias = dict[tuple[Weight, Means], int]
"""A number."""
OddBase: TypeAlias = tuple[object, ...]
"""("v", readout), or ("hat", parameter, transposed, name of the odd vector it multiplies)."""
Odd: TypeAlias = dict[OddBase, Even]
"""An odd random variable: a linear form in odd Gaussians."""
Name: TypeAlias = tuple[object, ...]
"""("d", instance, output, G-var) for an error signal, ("δ", output, vector) for a change."""

Uses: TypeAlias = dict[tuple[int, bool], list[Name]]
"""For each matrix, W and Wᵀ apart, the odd vectors that it has been applied to so far."""

_ONE: Even = {((), (), ()): 1}


@dataclass
class Machine:
    """Executes one network. Its answers are `kernel_122` and `kernel_100`."""

    program: Program
    limits: Limits = DEFAULT
    plain: Reduced = field(init=False)
    spent: int = 0

    def __post_init__(self) -> None:
        self.plain = reduced(self.program)
        self._signals: dict[tuple[int, int], dict[int, Odd]] = {}
        self._vectors: dict[Name, Odd] = {}
        self._uses: dict[tuple[int, int], Uses] = {}
        self._covariances: dict[tuple[Name, Name], Expansion] = {}

    # the algebra ------------------------------------------------------------------------------------------

    def _spend(self, terms: int) -> None:
        self.spent += terms
        if self.spent > self.limits.machine_work:
            found = f"more than {self.limits.machine_work} terms in the abstract machine"
            raise TpproofError("E104", found, "a smaller network")

    def _times(self, x: Even, y: Even) -> Even:
        product: Even = {}
        self._spend(len(x) * len(y))
        for (w, m, f), i in x.items():
            for (u, n, g), j in y.items():
                key = weight([*w, *u]), tuple(sorted((*m, *n))), tuple(sorted((*f, *g)))
                product[key] = product.get(key, 0) + i * j
        return product

    def _mean(self, x: Even) -> Expansion:
        """E of an even variable; E[1] = 1."""
        found: Expansion = {}
        for (w, m, f), i in x.items():
            key = w, tuple(sorted((*m, f))) if f else m
            found[key] = found.get(key, 0) + i
        return found

    def _add(self, total: Odd, form: Odd, by: Even) -> None:
        """total += by · form."""
        for base, coefficient in form.items():
            into = total.setdefault(base, {})
            for key, i in self._times(by, coefficient).items():
                into[key] = into.get(key, 0) + i

    def _matmul(self, name: Name, vector: Odd, symbol: tuple[int, bool], uses: Uses) -> Odd:
        """Z^{Ay} = Ẑ^{Ay} + Ż^{Ay} for an odd y: (64)–(65). Only hats of odd vectors have expectations."""
        parameter, transposed = symbol
        found: Odd = {("hat", parameter, transposed, name): dict(_ONE)}
        for other in uses.get((parameter, not transposed), ()):
            coefficient = vector.get(("hat", parameter, not transposed, other))
            if coefficient:
                self._add(found, self._vectors[other], _even([sigma2(*symbol)], self._mean(coefficient)))
        self._vectors[name] = vector
        uses.setdefault(symbol, []).append(name)
        return found

    # backpropagation --------------------------------------------------------------------------------------

    def signals(self, instance: int, o: int) -> dict[int, Odd]:
        """Z^{dg} of output o for every vector, at one instance (MATH §4)."""
        if (instance, o) not in self._signals:
            uses = self._uses.setdefault((instance, o), {})
            found: dict[int, Odd] = {}
            for v, x in self.program.outputs[o].terms:
                self._add(found.setdefault(x, {}), {("v", v): dict(_ONE)}, _ONE)
            for k in range(len(self.program.nodes) - 1, -1, -1):
                if k in found:
                    self._spread(instance, o, k, found, uses)
            self._signals[instance, o] = found
        return self._signals[instance, o]

    def _spread(self, s: int, o: int, k: int, found: dict[int, Odd], uses: Uses) -> None:
        node, form = self.program.nodes[k], self.plain.form(k)
        if form is Form.BASE:
            if node.op == "matmul":
                p, transposed = node.data
                back = self._matmul(("d", s, o, k), found[k], (p, not transposed), uses)
                self._add(found.setdefault(node.args[0], {}), back, _ONE)
            return
        for r, by in self._reads(s, k):
            self._add(found.setdefault(r, {}), found[k], by)

    def _reads(self, s: int, k: int) -> list[tuple[Ref, Even]]:
        """What a vector reads, with ∂(vector)/∂(what it reads)."""
        if self.plain.form(k) is Form.LINEAR:
            return [(t.vector, _even(self.plain.coefficient_atoms(t, s))) for t in self.plain.terms(k)]
        return [(a, {((), (), ((s, k, a),)): 1}) for a in self.plain.frontier(k)]

    # one SGD step -----------------------------------------------------------------------------------------

    def changes(self, p: int) -> dict[int, Odd]:
        """Z^{δg̃}/(−χ̊_p) for every vector that moves, by the update of output p."""
        signals = self.signals(TRAIN, p)
        uses = {symbol: list(names) for symbol, names in self._uses[TRAIN, p].items()}
        found: dict[int, Odd] = {}
        for k, node in enumerate(self.program.nodes):
            if self.program.kinds[k] is not Kind.VECTOR:
                continue
            change: Odd = {}
            if self.plain.form(k) is not Form.BASE:
                for r, by in self._reads(TEST, k):
                    self._add(change, found.get(r, {}), by)
            else:
                if node.op == "matmul" and found.get(node.args[0]):
                    moved = found[node.args[0]]
                    self._add(change, self._matmul(("δ", p, node.args[0]), moved, self.program.symbol(k), uses), _ONE)
                for g, source in self._sources(k):  # (91), (123)
                    self._add(change, signals.get(g, {}), _even(source))
            if change:
                found[k] = change
        return found

    def _sources(self, k: int) -> Iterable[tuple[int, list[Atom]]]:
        """The update of a G-var: κ E[Z^h̃ Z^h'], κ ξ̃ᵀξ'/d or κ for every G-var of its symbol."""
        node = self.program.nodes[k]
        for g in self.program.gvars:
            if self.program.symbol(g) == self.program.symbol(k):
                other, rate = self.program.nodes[g], kappa(*self.program.symbol(k))
                if node.op == "matmul":
                    yield g, [rate, moment2(node.args[0], other.args[0])]
                else:
                    yield g, [rate, gram(self.program, k, g)] if node.op == "embed" else [rate]

    # the two kernels --------------------------------------------------------------------------------------

    def kernel_122(self, o: int, p: int) -> Expansion:
        """(121)–(122): E[Z^v Z^{δx̃}]/(−χ̊_p) and the updates of readouts and output biases."""
        changes, total = self.changes(p), self._readouts(o, p)
        for v, x in self.program.outputs[o].terms:
            coefficient = changes.get(x, {}).get(("v", v), {})
            _accumulate(total, [sigma2(v)], self._mean(coefficient))
        return {key: n for key, n in total.items() if n}

    def kernel_100(self, o: int, p: int) -> Expansion:
        """(100): Σ_W κ E[Z^{dg̃}Z^{dg}] E[Z^h̃Z^h], and the readouts' and output biases' own."""
        test, train, total = self.signals(TEST, o), self.signals(TRAIN, p), self._readouts(o, p)
        for k in self.program.gvars:
            for g, source in self._sources(k):
                _accumulate(total, source, self._covariance(test.get(k, {}), train.get(g, {})))
        return {key: n for key, n in total.items() if n}

    def _readouts(self, o: int, p: int) -> Expansion:
        total: Expansion = {}
        one, other = self.program.outputs[o], self.program.outputs[p]
        for v, x in one.terms:
            for w, y in other.terms:
                if v == w:
                    _accumulate(total, [kappa(v), moment2(x, y)], {((), ()): 1})
        if one.bias is not None and one.bias == other.bias:
            _accumulate(total, [kappa(one.bias)], {((), ()): 1})
        return total

    def _covariance(self, x: Odd, y: Odd) -> Expansion:
        """E[xy]: Cov(Z^v, Z^v) = σ_v², Cov(Ẑ^{Ax}, Ẑ^{Ay}) = σ² E[Z^x Z^y] (64), everything else independent."""
        total: Expansion = {}
        for a, c in x.items():
            for b, e in y.items():
                if a[:-1] != b[:-1] or (a[0] == "v" and a != b):
                    continue
                variance = sigma2(int(str(a[1])), a[0] == "hat" and not a[2])  # Wᵀdg is the backward pass of W
                base: Expansion = {((), ()): 1} if a[0] == "v" else self._hats(a[-1], b[-1])
                for (w, m), i in self._mean(self._times(c, e)).items():
                    for (u, n), j in base.items():
                        key = weight([*w, *u, variance]), tuple(sorted((*m, *n)))
                        total[key] = total.get(key, 0) + i * j
        return total

    def _hats(self, x: object, y: object) -> Expansion:
        assert isinstance(x, tuple) and isinstance(y, tuple)
        if (x, y) not in self._covariances:
            self._covariances[x, y] = self._covariance(self._vectors[x], self._vectors[y])
        return self._covariances[x, y]


def _even(atoms: Iterable[Atom], means: Expansion | None = None) -> Even:
    """A number as an even variable."""
    w = weight(atoms)
    return {(weight([*w, *u]), m, ()): i for (u, m), i in (means or {((), ()): 1}).items()} if means != {} else {}


def _accumulate(total: Expansion, atoms: Iterable[Atom], by: Expansion) -> None:
    """total += (product of atoms) · by."""
    w = weight(atoms)
    for (u, m), i in by.items():
        key = weight([*w, *u]), m
        total[key] = total.get(key, 0) + i
