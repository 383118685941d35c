"""Proofs with one wrong number, for tests and studies of power: would the cross-check see it?

What is altered is no proof any more: its verdict stands as it was, and only the crosscheck's evaluation reads it.
Kernels, changes and responses that rest on the altered pair become wrong; error signals do not rest on C.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.expected.limit_values import every_signal
from tpproof.program.atoms import Pair, Term, Terms
from tpproof.program.symmetry import NO_SYMMETRY
from tpproof.proof.prove import Execution, Proof


def with_altered_weight(proof: Proof, pair: Pair, term: int, factor: Fraction | str) -> Proof:
    """The proof with one term of one C(a, b), an edge or a start of paths, times a factor.

    Parameters
    ----------
    proof
        What was found about the network.
    pair
        (a, b), a key of ``proof.execution.every_sum``.
    term
        Which term of the sum.
    factor
        Such as "1.02".

    Raises
    ------
    TpproofError
        E150 for a refused network, E151 when there is no such term.
    """
    execution, terms = _found(proof, pair, term)
    changed = _times(terms[term], Fraction(factor))
    return _with_sum(proof, execution, pair, (*terms[:term], changed, *terms[term + 1 :]))


def with_altered_kernel(proof: Proof, outputs: tuple[int, int], term: int, factor: Fraction | str) -> Proof:
    """The proof with one term of the kernel K_op itself, in Proposition D.3's sum, times a factor."""
    execution = proof.execution
    terms = () if execution is None else execution.kernels.get(outputs, ())
    if execution is None or not 0 <= term < len(terms):
        raise TpproofError("E151", f"term {term} of K{outputs}", f"one of its {len(terms)} terms")
    changed = (*terms[:term], _times(terms[term], Fraction(factor)), *terms[term + 1 :])
    return replace(proof, execution=replace(execution, kernels={**execution.kernels, outputs: changed}))


def with_dropped_term(proof: Proof, pair: Pair, term: int) -> Proof:
    """The proof without one term of one C(a, b). Parameters and errors as in `with_altered_weight`."""
    execution, terms = _found(proof, pair, term)
    return _with_sum(proof, execution, pair, (*terms[:term], *terms[term + 1 :]))


def _times(term: Term, factor: Fraction) -> Term:
    weight, ref = term
    return (*weight, ("factor", factor.numerator, factor.denominator)), ref


def has_factor(execution: Execution) -> bool:
    """Whether a weight was altered: then only samples evaluate it."""
    sums = (*execution.sums.values(), *execution.kernels.values())
    return any(atom[0] == "factor" for terms in sums for weight, _ in terms for atom in weight)


def _found(proof: Proof, pair: Pair, term: int) -> tuple[Execution, Terms]:
    execution = proof.execution
    if execution is None:
        raise TpproofError("E150", "a refused network", "one with a proof")
    terms = execution.every_sum.get(pair, ())
    if not 0 <= term < len(terms):
        raise TpproofError("E151", f"term {term} of C{pair}", f"one of its {len(terms)} terms")
    return execution, terms


def _with_sum(proof: Proof, execution: Execution, pair: Pair, terms: Terms) -> Proof:
    """Every pair written out, so that the images of an altered pair under symmetries stay right."""
    sums = {**execution.every_sum, pair: terms}
    changed = replace(execution, orbits=NO_SYMMETRY, sums=sums, signals=every_signal(execution))
    return replace(proof, execution=changed)
