"""One document, made from a certificate and printed twice: what both the page and the paper say."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tpproof.documents.derivation.claims import CLAIMS
from tpproof.documents.derivation.steps import step_formula
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
class Step:
    """One step of the proof."""

    id: int
    rule: str
    equation: str
    formula: Formula
    premises: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """Steps of one part of the proof; ``omitted`` of them are in the JSON only."""

    title: str
    text: str
    steps: tuple[Step, ...]
    omitted: int


@dataclass(frozen=True)
class PathRow:
    """p ≅ q."""

    outputs: str
    p: str
    q: str


@dataclass(frozen=True)
class Assumption:
    """A row of the ledger."""

    name: str
    status: str
    title: str
    reason: str


@dataclass(frozen=True)
class Document:
    """Everything that both printers print."""

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
    paths: tuple[PathRow, ...]
    paths_omitted: int
    failures: tuple[dict[str, str], ...]
    sections: tuple[Section, ...]
    steps: int


def document(data: dict[str, Any]) -> Document:
    """The document of a certificate's JSON value."""
    vocabulary = Vocabulary(data)
    program, evidence = vocabulary.program, data["evidence"]
    equations, notes = kernel_equations(vocabulary) if data["steps"] else ([], [])
    instructions = _instructions(vocabulary)
    paths = _paths(vocabulary)
    return Document(
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
        paths=_folded(paths)[0],
        paths_omitted=_folded(paths)[1],
        failures=tuple({k: str(v)[:2000] for k, v in f.items()} for f in evidence.get("failures", ())),
        sections=_sections(vocabulary),
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


def _paths(vocabulary: Vocabulary) -> list[PathRow]:
    rows = []
    for step in vocabulary.steps:
        if step["rule"] == "listed":
            _, o, p, pairs = step["conclusion"]
            rows += [PathRow(f"{o}, {p}", _path(vocabulary, a), _path(vocabulary, b)) for a, b in pairs]
    return rows


def _path(vocabulary: Vocabulary, path: list[int]) -> str:
    """p⁰, p¹, …: X-vars and G-vars in turn."""
    program, names = vocabulary.program, []
    for g in path:
        node = program.nodes[g]
        start = f"x{node.args[0]}" if node.op == "matmul" else "1" if node.op == "param" else "ξ"
        names += [start, f"g{g}"]
    return " → ".join(names)


# the steps ------------------------------------------------------------------------------------------------


_SECTIONS = (
    ("The path sums", ("C",), "The right side: C(ã, b) is the sum of ⟨p, q⟩ over isomorphic paths to ã and b (95)."),
    ("Contractions", ("contract",), "Where W meets its transpose, ZDot (65) does not vanish in the forward pass."),
    ("The unrolled step", ("J",), "The left side: E[∂Z^δa/∂Z^db] = −χ J(ã, b), each found by the rules of SGD and "
     "ZDot, (108)–(120), and equal to C(ã, b)."),
    ("The induction", ("107",), "Eq. (107) at every G-var, modulo the hats of its own matrix."),
    ("Backpropagation and the NTK", ("D", "K100"), "D(ã, b) = E[Z^da Z^db] from the outputs back, (105)–(106), and the "
     "kernel by its definition (100); α and χ are formal weights of the outputs."),
    ("The kernel", ("K96", "duality"), "Proposition D.3, (96), and its equality with (100) by the duality lemma."),
    ("The conclusion", ("limit", "listed", "theorem"), "(121)–(122): how the outputs move."),
)  # fmt: skip


_STRETCHES = (
    "Here a path may also take a contracted stretch (65), which Definition 5.5 does not know: without these "
    "the sum is not the kernel."
)


_SYMMETRIES = (
    "The network has symmetries ({count} generators, the exchange of ξ~ and ξ among them): a step for a pair stands "
    "for every pair that they make of it."
)


def _sections(vocabulary: Vocabulary) -> tuple[Section, ...]:
    sections = []
    for title, kinds, text in _SECTIONS:
        steps = [s for s in vocabulary.steps if s["conclusion"][0] in kinds]
        shown, omitted = _folded(steps)
        if shown:
            stretched = vocabulary.contracted and kinds[0] in ("C", "K96")
            more = [_STRETCHES] if stretched else []
            if vocabulary.data["symmetries"] and kinds[0] == "C":
                more.append(_SYMMETRIES.format(count=len(vocabulary.data["symmetries"])))
            steps_shown = tuple(_step(vocabulary, s) for s in shown)
            sections.append(Section(title, " ".join([text, *more]), steps_shown, omitted))
    return tuple(sections)


def _step(vocabulary: Vocabulary, step: dict[str, Any]) -> Step:
    return Step(step["id"], step["rule"], step["equation"], step_formula(vocabulary, step), tuple(step["premises"]))
