"""The left side of (121)–(122): how the outputs move in one step, at infinite width."""

from __future__ import annotations

from tpproof.limit.law import LimitForm
from tpproof.program.atoms import Term, Terms, kappa, moment2, sigma2, sorted_terms


def change_of_output(form: LimitForm, o: int, p: int) -> Terms:
    """lim δf_o = Σ_p −χ̊_p (…): E[Z^v Z^{δx̃}] = −χ̊ σ_v² J(x̃, x) (Stein in Z^v, which no even variable contains),
    the readout's own update −χ̊ κ_v E[Z^x̃Z^x] (123)–(124), and −χ̊ κ_c for an output bias.
    """
    terms: list[Term] = []
    for v, x in form.program.outputs[o].terms:
        for w, y in form.program.outputs[p].terms:
            if v != w:  # independent readouts: E[Z^v Z^w] = 0
                continue
            terms.append(((kappa(v), moment2(x, y)), None))
            if form.answers(x, y):
                terms.append(((sigma2(v),), (x, y)))
    biases = {out.bias for out in (form.program.outputs[o], form.program.outputs[p])}
    shared = biases.pop()
    if shared is not None and not biases:
        terms.append(((kappa(shared),), None))
    return sorted_terms(terms)
