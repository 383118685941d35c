"""One document, made from a certificate and printed twice: what both the page and the paper say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tpproof.documents.formula import Call, Formula, Limit, Mean, Name, Number, Power, Row, Words, product, total
from tpproof.documents.kernel import Equation, kernel_equations
from tpproof.documents.vocabulary import TERMS_SHOWN, Vocabulary
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


CLAIMS = {
    "proved": "For every step t of SGD, almost surely as n → ∞, f(t+1) − f(t) tends to −χ K(ξ~, ξ). Eq. (107) holds at "
    "every G-var, the path sum of Proposition D.3 is the kernel K of Eq. (100), and (122) follows.",
    "proved-by-execution": "For every step t of SGD, almost surely as n → ∞, f(t+1) − f(t) tends to −χ K(ξ~, ξ) with "
    "K of Eq. (100), found by executing the unrolled step with every ZDot term. W and its transpose meet on a path, so "
    "Eq. (107) and the path sum of Proposition D.3 are not claimed as the paper states them (D.4.2).",
    "conditional": "As for a proved network, under the assumptions marked conditional: Remark B.6 with rank stability.",
    "refused": "Nothing is claimed: an assumption of the theorem is violated.",
}


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


def _equals(left: Formula, right: Formula, *more: Formula | str) -> Formula:
    return Row((left, " = ", right, *more))


def _path_sum(v: Vocabulary, c: list[Any]) -> Formula:
    return _equals(Call(Name("C"), (v.vector(c[1], True), v.vector(c[2]))), v.sum(c[3]))


def _change(v: Vocabulary, c: list[Any]) -> Formula:
    name = Call(Name("J"), (v.vector(c[1], True), v.vector(c[2])))
    return _equals(name, v.sum(c[3]), " = ", v.quantity(c[4]))


def _reads(v: Vocabulary, reads: list[list[int]]) -> list[Formula]:
    """σ_v² α_o χ_p for every readout that reads both."""
    return [
        product([Name("σ", v.parameter(r).text, above="2"), Name("α", str(o)), Name("χ", str(p))]) for r, o, p in reads
    ]


def _signal(v: Vocabulary, c: list[Any]) -> Formula:
    name = Call(Name("D"), (v.vector(c[1], True), v.vector(c[2])))
    return _equals(name, v.sum(c[3], _reads(v, c[4])))


def _contraction(v: Vocabulary, c: list[Any]) -> Formula:
    terms = []
    for u in c[2]:
        y, x = v.program.nodes[u].args[0], v.program.nodes[c[1]].args[0]
        variance = Name("σ", v.parameter(v.program.nodes[u].data[0]).text, above="2")
        response = Mean(v.derivative(x, u, False)) if x != u else Number("1")
        terms.append(product([variance, response, Limit(v.vector(y))]))
    return _equals(Limit(v.vector(c[1]), "", "dot"), total(terms))


def _induction(v: Vocabulary, c: list[Any]) -> Formula:
    g = c[1]
    terms = [
        product([v.quantity(v.steps[j]["conclusion"][4]), Limit(v.vector(k), "d")]) for k, j in c[2]
    ]
    hats = Name("Z", accent="hat")
    moved: tuple[Formula | str, ...] = (" + ", Words("changes through its contraction")) if g in v.contracted else ()
    change = Limit(v.vector(g, True), "δ")
    return Row((change, " ≡ −", _loss("t"), "(", total(terms, TERMS_SHOWN), ")", *moved, " mod ", hats))


def _loss(below: str) -> Formula:
    """The limit of the loss derivative."""
    return Name("χ", below, accent="ring")


def _ntk(v: Vocabulary, c: list[Any]) -> Formula:
    extra = [
        product([Name("κ", v.parameter(r).text), *_second_moment(v, x, y), Name("α", str(o)), Name("χ", str(p))])
        for r, x, y, o, p in c[2]
    ]
    each = Words(", where each term stands for the sum over the images of its pair, once each")
    images = [each] if v.data["symmetries"] else []
    return _equals(Name("K"), v.sum(c[1], extra), *images)


def _second_moment(v: Vocabulary, x: int, y: int) -> list[Formula]:
    return [Mean(product([v.value(x, True), v.value(y, False)]))] if x >= 0 else []


def _kernel(v: Vocabulary, c: list[Any]) -> Formula:
    return _equals(Name("K", f"{c[1]}{c[2]}"), v.sum(c[3]))


def _duality(v: Vocabulary, c: list[Any]) -> Formula:
    more = f" and {len(c[2]) - TERMS_SHOWN} more" if len(c[2]) > TERMS_SHOWN else ""
    steps = ", ".join(map(str, c[2][:TERMS_SHOWN])) + more
    return Row(("Σ S D = Σ R C", Words(f": the kernel of step {c[1]} is that of the steps {steps}")))


def _limit(v: Vocabulary, c: list[Any]) -> Formula:
    chi, kernel = _loss(str(c[2])), Name("K", f"{c[1]}{c[2]}")
    return Row(("lim δ", Name("f", str(c[1])), " = −", chi, "(", v.sum(c[3]), ") = −", chi, kernel))


def _listed(v: Vocabulary, c: list[Any]) -> Formula:
    return Words(f"{len(c[3])} pairs of isomorphic paths for outputs {c[1]} and {c[2]}, in the table of paths")


def _theorem(v: Vocabulary, c: list[Any]) -> Formula:
    kernel = Call(Name("K"), (Name("ξ", tilde=True), Name("ξ", "t")))
    return Row(("lim (", Name("f", "t+1"), " − ", Name("f", "t"), ") = −", _loss("t"), kernel))


Writer = Callable[[Vocabulary, list[Any]], Formula]

_FORMULAS: dict[str, Writer] = {
    "C": _path_sum, "J": _change, "D": _signal, "contract": _contraction, "107": _induction, "K100": _ntk,
    "K96": _kernel, "duality": _duality, "limit": _limit, "listed": _listed, "theorem": _theorem,
}  # fmt: skip

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
    formula = _FORMULAS[step["conclusion"][0]](vocabulary, step["conclusion"])
    return Step(step["id"], step["rule"], step["equation"], formula, tuple(step["premises"]))
