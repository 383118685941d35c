"""Where the two sides meet: (107) at every pair of G-vars, (105)–(106), and (96) against (100).

Each comparison puts a sum that the limit calculus executed beside one that the pair graph gave. Under the
induction hypothesis J = C at earlier pairs, equal terms mean equal sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx

from tpproof.limit.backward import Kernel100, Signal
from tpproof.limit.changes import Change
from tpproof.program.atoms import Pair, Terms, Weight, sorted_terms
from tpproof.program.model import Program
from tpproof.proof.polynomial import value
from tpproof.proof.text import gvar_text, sum_text, vector_name


@dataclass(frozen=True)
class Failure:
    """A computed identity that does not hold: where, what was expected, what was found, and a witness."""

    vector: int  # the G-var, or the vector, at ξ̃
    equation: str
    expected: str
    found: str
    witness: str = ""

    def to_json(self, program: Program) -> dict[str, str]:
        name = gvar_text(program, self.vector) if self.vector in program.gvars else vector_name(program, self.vector)
        return {
            "gvar": name,
            "equation": self.equation,
            "expected": self.expected,
            "found": self.found,
            "witness": self.witness,
        }


def terms_text(program: Program, terms: Terms, symbol: str) -> str:
    """A sum of terms whose references are written symbol(a~, b)."""
    parts = []
    for factor, ref in sorted_terms(terms):
        text = sum_text(program, [(factor, 1)])
        if ref is not None:
            name = f"{symbol}({vector_name(program, ref[0])}~,{vector_name(program, ref[1])})"
            text = name if not factor else f"{text}·{name}"
        parts.append(text)
    return " + ".join(parts) or "0"


def _witness(expected: Mapping[Pair, Terms], found: Terms, pair: Pair) -> str:
    """Both sums at one made-up assignment of the atoms, lower sums as the right side has them."""
    known: dict[Pair, Fraction] = {}
    wanted = [ref for terms in (expected[pair], found) for _, ref in terms if ref is not None]
    for ref in wanted:
        known[ref] = Fraction(hash(ref) % 97 + 1, 7)
    left, right = value(found, known), value(expected[pair], known)
    return f"at made-up values of the atoms: found {left}, expected {right}"


def compare_changes(
    program: Program, changes: Mapping[Pair, Change], sums: Mapping[Pair, Terms]
) -> list[Failure]:
    """(107), (110)–(116): J = C at every pair, in the order in which the left side was executed."""
    failures = []
    for pair, change in changes.items():
        if pair not in sums:
            failures.append(Failure(pair[0], "(107)", "no pair of paths", terms_text(program, change.terms, "J")))
        elif sorted_terms(change.terms) != sorted_terms(sums[pair]):
            expected, found = terms_text(program, sums[pair], "C"), terms_text(program, change.terms, "J")
            failures.append(Failure(pair[0], "(107)", expected, found, _witness(sums, change.terms, pair)))
    for pair in sums.keys() - changes.keys():
        failures.append(Failure(pair[0], "(107)", terms_text(program, sums[pair], "C"), "no change there"))
    return failures


def compare_signals(
    program: Program, signals: Mapping[Pair, Signal], back: Mapping[Pair, Terms]
) -> list[Failure]:
    """(105)–(106): backpropagation gives the transposed recursion D = R + Σ M·D."""
    failures = []
    for pair, terms in back.items():
        signal = signals.get(pair)
        if signal is None:
            failures.append(Failure(pair[0], "(105)-(106)", terms_text(program, terms, "D"), "no such pair"))
        elif sorted_terms(signal.terms) != sorted_terms(terms):
            expected, found = terms_text(program, terms, "D"), terms_text(program, signal.terms, "D")
            failures.append(Failure(pair[0], "(105)-(106)", expected, found))
    return failures


def compare_sources(program: Program, kernel: Kernel100, graph: nx.DiGraph) -> list[Failure]:
    """(96) against (100): the sources of the pair graph are the gradients' inner products S."""
    left: dict[Pair, Weight] = {ref: factor for factor, ref in kernel.terms if ref is not None}
    right: dict[Pair, Weight] = {pair: source for pair, source in graph.nodes(data="source") if source is not None}
    failures = []
    for pair in sorted(left.keys() | right.keys(), key=str):
        if left.get(pair) != right.get(pair):
            expected = terms_text(program, ((right[pair], None),) if pair in right else (), "C")
            found = terms_text(program, ((left[pair], None),) if pair in left else (), "C")
            failures.append(Failure(pair[0], "(96)=(100)", expected, found))
    return failures
