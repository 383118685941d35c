"""From a proof to numbered steps: every comparison becomes a step, every sum a list of terms.

The format is docs/certificate-format.md; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tpproof.limit.backward import Signal
from tpproof.limit.changes import RULES as CHANGE_RULES
from tpproof.limit.changes import Change
from tpproof.paths.graph import STEPS as PATH_RULES
from tpproof.program.atoms import Atom, Pair, Terms, Weight
from tpproof.program.model import Program
from tpproof.proof.prove import Execution

Step = dict[str, Any]


class StepWriter:
    """Appends steps; interns atoms; remembers where each pair's C, J and D stand."""

    def __init__(self, program: Program, execution: Execution) -> None:
        self.program, self.execution = program, execution
        self.atoms: dict[Atom, int] = {}
        self.steps: list[Step] = []
        self.c_step: dict[Pair, int] = {}
        self.j_step: dict[Pair, int] = {}
        self.d_step: dict[Pair, int] = {}
        self.contract_step: dict[int, int] = {}

    def add(self, rule: str, equation: str, conclusion: list[Any], premises: Iterable[int]) -> int:
        """Append a step and return its id."""
        step = {
            "id": len(self.steps),
            "rule": rule,
            "premises": sorted(set(premises)),
            "conclusion": conclusion,
            "equation": equation,
        }
        self.steps.append(step)
        return len(self.steps) - 1

    def product(self, atoms: Weight) -> list[int]:
        """A product as sorted positions in the table of atoms."""
        return sorted(self.atoms.setdefault(atom, len(self.atoms)) for atom in atoms)

    def terms(self, terms: Terms, where: dict[Pair, int]) -> tuple[list[list[Any]], list[int]]:
        """A sum as [[atoms, ref], …], and the steps it refers to."""
        rows = sorted([self.product(w), *self._reference(ref, where)] for w, ref in terms)
        return rows, [row[1] for row in rows if row[1] >= 0]

    def _reference(self, pair: Pair | None, where: dict[Pair, int]) -> list[Any]:
        """The step of a pair; with the pair itself where another one of its orbit has the step."""
        if pair is None:
            return [-1]
        stands = self.execution.orbits.representative(pair)
        return [where[stands]] if stands == pair else [where[stands], list(pair)]

    # the two sides ----------------------------------------------------------------------------------

    def path_sums(self) -> None:
        """The right side, in topological order: C."""
        for (a, b), terms in self.execution.sums.items():
            rule = self.execution.rules[a, b]
            written, refs = self.terms(terms, self.c_step)
            self.c_step[a, b] = self.add(rule, PATH_RULES[rule][1], ["C", a, b, written], refs)

    def changes(self) -> None:
        """The left side, in the order of its execution: J, each beside its C."""
        for (a, b), change in self.execution.changes.items():
            self.j_step[a, b] = self._change(a, b, change)

    def _change(self, a: int, b: int, change: Change) -> int:
        written, refs = self.terms(change.terms, self.j_step)
        c = self.c_step[a, b]
        return self.add(change.rule, CHANGE_RULES[change.rule][1], ["J", a, b, written, c], [*refs, c])

    def contractions(self) -> None:
        """ZDot of the forward pass (65)."""
        for g, uses in sorted(self.execution.form.contractions.items()):
            self.contract_step[g] = self.add("contract", "(65)", ["contract", g, list(uses)], [])

    def inductions(self) -> list[int]:
        """(107) for every G-var, or for one of each orbit."""
        form, orbits = self.execution.form, self.execution.orbits
        by_symbol: dict[tuple[int, bool], list[int]] = {}
        for g in self.program.gvars:
            by_symbol.setdefault(self.program.symbol(g), []).append(g)
        found = []
        for g in self.program.gvars:
            if not orbits.stands((form.base(g), form.base(g))):
                continue
            pairs = [(k, (form.base(g), form.base(k))) for k in by_symbol[self.program.symbol(g)]]
            rows = [[k, self.j_step[orbits.representative(pair)]] for k, pair in pairs]
            premises = [j for _, j in rows] + ([self.contract_step[g]] if g in self.contract_step else [])
            found.append(self.add("induction", "(107)", ["107", g, rows], premises))
        return found

    # the kernel -------------------------------------------------------------------------------------

    def error_signals(self) -> None:
        """(105)–(106), from the outputs back: D."""
        for pair in reversed(list(self.c_step)):
            self.d_step[pair] = self._signal(pair, self.execution.signals[pair])

    def _signal(self, pair: Pair, signal: Signal) -> int:
        written, refs = self.terms(signal.terms, self.d_step)
        reads = [list(read) for read in signal.reads]
        return self.add("backprop", "(105)-(106)", ["D", *pair, written, reads], refs)

    def ntk(self) -> int:
        """(100)."""
        written, refs = self.terms(self.execution.ntk.terms, self.d_step)
        reads = [list(read) for read in self.execution.ntk.reads]
        return self.add("ntk", "(100)", ["K100", written, reads], refs)

    def kernels(self) -> dict[tuple[int, int], int]:
        """(96) for every pair of outputs."""
        found = {}
        for (o, p), terms in self.execution.kernels.items():
            written, refs = self.terms(terms, self.c_step)
            found[o, p] = self.add("path-sum", "(96)", ["K96", o, p, written], refs)
        return found

    def limits(self, k96: dict[tuple[int, int], int]) -> list[int]:
        """(121)–(122) for every pair of outputs."""
        found = []
        for (o, p), terms in self.execution.output_changes.items():
            written, refs = self.terms(terms, self.j_step)
            conclusion = ["limit", o, p, written, k96[o, p]]
            found.append(self.add("limit", "(121)-(122)", conclusion, [*refs, k96[o, p]]))
        return found

    def listed(self) -> None:
        """The pairs p ≅ q one by one, where they are few."""
        for (o, p), pairs in sorted(self.execution.listed.items()):
            rows = [[list(first), list(second)] for first, second in pairs]
            self.add("listed", "(95)-(96)", ["listed", o, p, rows], [])


def write_steps(program: Program, execution: Execution) -> StepWriter:
    """All steps of a proof, the theorem last."""
    writer = StepWriter(program, execution)
    writer.path_sums()
    writer.contractions()
    writer.changes()
    inductions = writer.inductions()
    writer.error_signals()
    ntk = writer.ntk()
    k96 = writer.kernels()
    duality = writer.add("duality", "(96)=(100)", ["duality", ntk, list(k96.values())], [ntk, *k96.values()])
    limits = writer.limits(k96)
    writer.listed()
    premises = [*inductions, *writer.contract_step.values(), duality, *limits]
    writer.add("theorem", "Theorem 5.3", ["theorem"], premises)
    return writer


