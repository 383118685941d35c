"""Proposition D.3 (96), with X-var embedding and trained readout (125), (133): the kernel as a sum over paths."""

from __future__ import annotations

from tpproof.program.atoms import Term, Terms, kappa, moment2, sigma2, sorted_terms
from tpproof.program.reduced import Reduced


def path_kernel(form: Reduced, o: int, p: int) -> Terms:
    """K_op = Σ_v κ_v E[Z^x̃Z^y] + σ_v² C(x̃, y) + κ_c over the readouts and the output bias that o and p share."""
    first, second = form.program.outputs[o], form.program.outputs[p]
    read_second = dict(second.terms)
    terms: list[Term] = []
    for v, x in first.terms:
        if v in read_second:
            y = read_second[v]
            terms.append(((kappa(v), moment2(x, y)), None))
            if form.meets(x, y):
                terms.append(((sigma2(v),), (x, y)))
    if first.bias is not None and first.bias == second.bias:
        terms.append(((kappa(first.bias),), None))
    return sorted_terms(terms)
