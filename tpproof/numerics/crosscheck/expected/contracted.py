"""One step of a network with W and Wᵀ on one path, as linear forms in odd Gaussians: E[Z^dk Z^δg] there.

By the decontraction lemma (docs/proof.md) Z^g = Ẑ^g + Σ c_k Z^{y_k} and Z^{δg} = Z^{δĝ} + Σ c_k Z^{δy_k}, dy_k
receives c_k Z^dg, and Z^{δĝ} = Ẑ^{Wδx} − Σ_p χ_p Σ_k C(ĝ, k̂) Z^{dᵖk}. What (107) leaves out as "modulo hats" counts
here: W du, for u = Wᵀy, is a part of dy, and Ẑ^{Wdu} is correlated with Ẑ^{Wδx}.

Every Z^δ and Z^d is a linear form in readouts and hats whose coefficients are functions of even variables, so
E[form · form'] = Σ E[a a'] Cov(B, B') (the parity lemma), with E[a a'] from the points of one `Law`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from tpproof.numerics.crosscheck.expected.limit_values import PairNumbers
from tpproof.numerics.functions import Array
from tpproof.program.atoms import TEST, TRAIN, Ref
from tpproof.program.constants import to_float
from tpproof.program.model import GVAR_OPS, Kind

Odd: TypeAlias = tuple[str, int, int]
"""("readout", v, 0); ("signal", g, o): the hat by which dᵒg reaches x, g = Wx; ("change", g, 0): Ẑ^{Wδx}."""
Form: TypeAlias = dict[Odd, Array | float]


class StepForms:
    """The step that trains on input j alone, seen at input i.

    Parameters
    ----------
    numbers
        Of the pair (i, j).
    slopes
        χ of every output.
    """

    def __init__(self, numbers: PairNumbers, slopes: tuple[float, ...]) -> None:
        self.numbers, self.law, self.slopes = numbers, numbers.law, slopes
        self.program, self.form = numbers.program, numbers.law.form
        self._classes: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for g in self.program.gvars:
            self._classes[self.program.symbol(g)].append(g)
        self._known: dict[tuple[Odd, Odd], float] = {}
        outputs = range(len(self.program.outputs))
        self._signals = [self._signal_forms(o) for o in outputs]
        self._covariances_of_signals()
        self._changes = self._change_forms()
        self._covariances_of_changes()

    def change(self, g: int, k: int, p: int) -> float:
        """E[Z^{dᵖk} Z^{δg}], k at input j and g at input i."""
        return self._expected(self._changes.get(g, {}), self._signals[p].get(k, {}))

    def signal(self, g: int, o: int, k: int, p: int) -> float:
        """E[Z^{dᵒg} Z^{dᵖk}], both at input j."""
        return self._expected(self._signals[o].get(g, {}), self._signals[p].get(k, {}))

    # forms --------------------------------------------------------------------------------------------

    def _passes(self, k: int) -> bool:
        """Whether a vector is made of others without a matrix: a NonLin, a sum, or a contracted MatMul."""
        initial = self.program.nodes[k].op in GVAR_OPS and k not in self.form.contractions
        return self.program.kinds[k] is Kind.VECTOR and not initial

    def _signal_forms(self, o: int) -> dict[Ref, Form]:
        """Z^{dᵒb} of every vector at input j, from the last to the first (MATH §4)."""
        found: dict[Ref, Form] = {}
        for v, x in self.program.outputs[o].terms:
            _add(found.setdefault(x, {}), {("readout", v, 0): 1.0}, 1.0)
        for k in range(len(self.program.nodes) - 1, -1, -1):
            if k not in found:
                continue
            for r, slope in self.law.reads(TRAIN, k) if self._passes(k) else ():
                _add(found.setdefault(r, {}), found[k], slope)
            node = self.program.nodes[k]
            if node.op == "matmul":
                _add(found.setdefault(node.args[0], {}), {("signal", k, o): 1.0}, 1.0)
        return found

    def _change_forms(self) -> dict[Ref, Form]:
        """Z^{δa} of every vector at input i, in program order (MATH §3)."""
        found: dict[Ref, Form] = {}
        for k, node in enumerate(self.program.nodes):
            if node.op in GVAR_OPS:
                base = self.form.base(k)
                form = self._update(k)
                if node.op == "matmul" and found.get(node.args[0]):
                    form["change", k, 0] = 1.0
                found[base] = form
            if self._passes(k):
                form = {}
                for r, slope in self.law.reads(TEST, k):
                    _add(form, found.get(r, {}), slope)
                found[k] = form
        return found

    def _update(self, g: int) -> Form:
        """−Σ_p χ_p Σ_k C(ĝ, k̂) Z^{dᵖk}: (107), from the proof's path sums."""
        form: Form = {}
        for k in self._classes[self.program.symbol(g)]:
            answer = self.numbers.path_sum(self.form.base(g), self.form.base(k))
            for p, slope in enumerate(self.slopes):
                if answer and slope:
                    _add(form, self._signals[p].get(k, {}), -slope * answer)
        return form

    # covariances --------------------------------------------------------------------------------------

    def _covariances_of_signals(self) -> None:
        """Cov(Ẑ^{Aᵀdᵒg}, Ẑ^{Aᵀdᵖk}) = σ_A² E[Z^{dᵒg}Z^{dᵖk}], later G-vars first."""
        outputs = range(len(self.program.outputs))
        for v, parameter in enumerate(self.program.parameters):
            self._known[("readout", v, 0), ("readout", v, 0)] = to_float(parameter.variance())
        later: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for g in reversed([g for g in self.program.gvars if self.program.nodes[g].op == "matmul"]):
            symbol = self.program.symbol(g)
            later[symbol].append(g)
            for k in later[symbol]:
                for o in outputs:
                    for p in outputs:
                        found = self._variance(g) * self.signal(g, o, k, p)
                        self._known[("signal", g, o), ("signal", k, p)] = found
                        self._known[("signal", k, p), ("signal", g, o)] = found

    def _covariances_of_changes(self) -> None:
        """Ẑ^{Wδx} and the hat Ẑ^{Wdu} by which u = Wᵀy sends its error signal to y: σ² E[Z^{δx}Z^{du}]."""
        for g in self.program.gvars:
            node = self.program.nodes[g]
            if node.op != "matmul":
                continue
            moved = self._changes.get(node.args[0], {})
            p, transposed = self.program.symbol(g)
            for u in self._classes.get((p, not transposed), ()):
                for o in range(len(self.program.outputs)):
                    found = self._variance(u) * self._expected(moved, self._signals[o].get(u, {}))
                    self._known[("change", g, 0), ("signal", u, o)] = found

    def _variance(self, g: int) -> float:
        """σ_A² of g = Ax."""
        p, transposed = self.program.symbol(g)
        return to_float(self.program.parameters[p].variance(transposed))

    def _expected(self, one: Form, two: Form) -> float:
        """E[form · form'], the second an error signal's."""
        total = 0.0
        for a, left in one.items():
            for b, right in two.items():
                covariance = self._known.get((a, b), 0.0)
                if covariance:
                    total += covariance * float(np.mean(left * right))
        return total


def _add(into: Form, form: Mapping[Odd, Array | float], times: Array | float) -> None:
    for odd, coefficient in form.items():
        into[odd] = into.get(odd, 0.0) + times * coefficient
