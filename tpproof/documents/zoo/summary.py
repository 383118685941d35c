"""What a page of the zoo says of a certificate, in short."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tpproof.documents.derivation.claims import CLAIMS
from tpproof.documents.formula import Formula, Name, Number, Power, Row, product, total
from tpproof.documents.kernel import Equation, kernel_equations
from tpproof.documents.vocabulary import Vocabulary
from tpproof.program import constants
from tpproof.program.model import GVAR_OPS, Kind
from tpproof.proof.ledger import ASSUMPTION_TITLES, AXIOM_TITLES, explain

FIRST_SHOWN, LAST_SHOWN = 200, 50
"""Rows of one section that are written out, from its beginning and its end."""


@dataclass(frozen=True)
class Instruction:
    """One line of the program."""

    number: int
    kind: str
    left: Formula
    right: Formula
    place: str


@dataclass(frozen=True)
class Assumption:
    """A row of the ledger."""

    name: str
    status: str
    title: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """What the page prints."""

    name: str
    sha256: str
    version: str
    verdict: str
    claim: str
    declarations: tuple[tuple[str, str, str], ...]
    instructions: tuple[Instruction, ...]
    instructions_omitted: int
    outputs: tuple[tuple[Formula, Formula], ...]
    assumptions: tuple[Assumption, ...]
    axioms: tuple[tuple[str, str, str], ...]
    kernel: tuple[Equation, ...]
    notes: tuple[str, ...]
    path_pairs: str
    failures: tuple[dict[str, str], ...]
    steps: int


def summary(data: dict[str, Any]) -> Summary:
    """The summary of a certificate's JSON value."""
    vocabulary = Vocabulary(data)
    program, evidence = vocabulary.program, data["evidence"]
    equations, notes = kernel_equations(vocabulary) if data["steps"] else ([], [])
    instructions = _instructions(vocabulary)
    return Summary(
        name=str(evidence.get("name", "network"))[:80],
        sha256=str(data["network_sha256"]),
        version=str(evidence.get("version", ""))[:20],
        verdict=str(data["verdict"]),
        claim=CLAIMS[data["verdict"]],
        declarations=_declarations(vocabulary),
        instructions=_folded(instructions)[0],
        instructions_omitted=_folded(instructions)[1],
        outputs=tuple(_output(vocabulary, o) for o in range(len(program.outputs))),
        assumptions=tuple(
            Assumption(r["name"], r["status"], ASSUMPTION_TITLES[r["name"]], _reason(vocabulary, r))
            for r in data["assumptions"]
        ),
        axioms=tuple(AXIOM_TITLES[name] for name in data["axioms"]),
        kernel=tuple(equations),
        notes=tuple(notes),
        path_pairs=_path_pairs(evidence),
        failures=tuple({k: str(v)[:2000] for k, v in f.items()} for f in evidence.get("failures", ())),
        steps=len(data["steps"]),
    )


def _reason(vocabulary: Vocabulary, row: dict[str, Any]) -> str:
    node = row["node"]
    blamed = f" (at instruction {node})" if node is not None else ""
    return explain(row, vocabulary.program) + blamed


def _path_pairs(evidence: dict[str, Any]) -> str:
    written = evidence.get("path_pairs")
    if isinstance(written, str) and len(written) <= 60:
        return written
    return f"about 2^{4 * (len(str(evidence.get('path_pairs_hex', '0x0'))) - 2)}"


def _folded(rows: list[Any]) -> tuple[tuple[Any, ...], int]:
    """The first and the last rows, and how many stand between them."""
    if len(rows) <= FIRST_SHOWN + LAST_SHOWN:
        return tuple(rows), 0
    return (*rows[:FIRST_SHOWN], *rows[-LAST_SHOWN:]), len(rows) - FIRST_SHOWN - LAST_SHOWN


# the program ----------------------------------------------------------------------------------------------


def _declarations(vocabulary: Vocabulary) -> tuple[tuple[str, str, str], ...]:
    program = vocabulary.program
    rows = [("input", i.name, "" if i.count is None else f"{i.count} parts") for i in program.inputs]
    for p in program.parameters:
        numbers = [f"{key} {constants.text(getattr(p, key))}" for key in ("std", "scale", "lr")]
        numbers += [f"{key} {getattr(p, key)}" for key in ("rows", "cols") if getattr(p, key) != 1]
        rows.append((p.kind.replace("_", " "), p.name, ", ".join(numbers)))
    return (*rows, *(("nonlinearity", name, f"of {arity}") for name, arity in program.functions))


def _instructions(vocabulary: Vocabulary) -> list[Instruction]:
    program = vocabulary.program
    rows = []
    for k, node in enumerate(program.nodes):
        if node.op != "const":
            place = program.place(k)
            left, right = vocabulary.vector(k), vocabulary.definition(k)
            rows.append(Instruction(k, _kind(vocabulary, k), left, right, str(place) if place else ""))
    return rows


def _kind(vocabulary: Vocabulary, k: int) -> str:
    node = vocabulary.program.nodes[k]
    if node.op in GVAR_OPS:
        return "MatMul" if node.op == "matmul" else "Init"
    if node.op == "mean":
        return "Moment"
    return "Scalar" if vocabulary.program.kinds[k] is Kind.SCALAR else "NonLin"


def _output(vocabulary: Vocabulary, o: int) -> tuple[Formula, Formula]:
    out = vocabulary.program.outputs[o]
    terms: list[Formula] = [
        Row((vocabulary.parameter(v), "ᵀ", vocabulary.vector(x), *_over_root(vocabulary.program.parameters[v].rows)))
        for v, x in out.terms
    ]
    terms += [vocabulary.parameter(out.bias)] if out.bias is not None else []
    return Name("f", str(o)), total(terms)


def _over_root(width: Fraction) -> tuple[Formula | str, ...]:
    """Divided by the root of a readout's length."""
    if width == 1:
        return ("/√n",)
    return ("·", Power(product([Number(str(width)), Name("n")]), "-1/2"))
