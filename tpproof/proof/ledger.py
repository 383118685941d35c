"""The assumption ledger (MATH §7): every hypothesis of the theorem, decided, with its derivation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import GVAR_OPS, Kind, Program
from tpproof.proof.smoothness import KINKED, VIOLATED, NodeClass, bound_text, classify

ASSUMPTION_TITLES: dict[str, str] = {
    "program": "well-formed NETSOR⊤⁺ program (Def. B.1)",
    "readout": "Simple GIA Check: readouts independent, zero-mean, used only at the end",
    "smooth": "NonLins and their derivatives pseudo-Lipschitz (Setup 5.2, B.7, B.8)",
    "scalars": "functions of scalars continuous (B.8.1)",
    "moments": "Moments even in the readouts, with deterministic limits (Setup B.2)",
    "loss": "loss derivative continuous (Theorem 5.3)",
    "A1": "input and output layers, biases untrained (A1), or D.4.1",
    "A2": "no matrix used with its transpose (A2), or never on one path (D.4.2), or execution",
    "A3": "one output (A3), or D.4.3",
    "A4": "the embedding is a G-var (A4), or D.4.4",
}

AXIOM_TITLES: dict[str, tuple[str, str, str]] = {
    "master-theorem": ("NETSOR⊤⁺ Master Theorem", "Theorem B.4", "averages over coordinates converge to E of the Z's"),
    "conditioning": ("Conditioning on f₀", "D.1.1, (69)–(72)", "v may be replaced by v̂, with Z^v̂ = Z^v"),
    "linearization": ("Linearization of SGD", "(79)–(94)", "which terms of the unrolled step vanish as n → ∞"),
    "duality-lemma": ("Duality lemma", "docs/proof.md", "Σ S·D = Σ R·C on an acyclic graph"),
    "decontraction-lemma": ("Decontraction lemma", "docs/proof.md", "ZDot of changes and signals is ZDot forward"),
    "stein": ("Stein's lemma with rank stability", "Remark B.6", "kinked nonlinearities have expected derivatives"),
}

_REASONS: dict[str, str] = {
    "structural": "decided by the structure of the program",
    "closure": "derived by closure rules, node by node",
    "parity": "no Moment reads a readout, so each is even in v",
    "user": "declared by whoever uses the theorem",
    "holds": "holds as the paper assumes it",
    "D.4.1": "relaxed by D.4.1: trained input layers, vector parameters or readouts",
    "D.4.2": "W and Wᵀ meet on one path: D.4.2 does not hold as written; proved by direct execution instead",
    "D.4.3": "relaxed by D.4.3: several outputs",
    "D.4.4": "relaxed by D.4.4: the embedding is an X-var",
    "no-contraction": "a matrix is used with its transpose, but never on one path",
    "abstract": "an abstract nonlinearity is declared smooth with polynomially bounded derivatives",
    "kink": "a nonlinearity has a kink: Setup 5.2 does not cover it; Remark B.6 with rank stability does",
    "unbounded-exp": "exp of an unbounded vector grows faster than every polynomial",
    "not-bounded-away": "a root or quotient of a vector that is not bounded away from 0",
    "undefined-power": "a root of something that may be negative",
    "division": "division by a scalar that may be 0",
    "diverges": "the width n is used as a number: it has no limit, and neither has a scalar such as √n·mean(q*k)",
    "discontinuous": "a step is not continuous",
}

_REPAIRS: dict[str, str] = {
    "kink": "accept the extra assumption with --allow-conditional, or use a smooth nonlinearity (gelu, softplus)",
    "unbounded-exp": "bound the argument from above; for attention, scale the logits by 1/n: "
    "softmax of scalars mean(q*k), not of vectors",
    "not-bounded-away": "add an ε inside: … + ε*ones(), ε > 0",
    "undefined-power": "take the root of something that is never negative, such as a square plus ε",
    "division": "add an ε to the denominator: … + 1/100000",
    "diverges": "scale by 1/n: mean(q*k) is qᵀk/n. Scaled by 1/√n, attention logits stay random (q, k independent) "
    "or grow (q, k tied), so they are no scalars of a program",
    "discontinuous": "use a smooth nonlinearity such as sigmoid(10*x)",
}


@dataclass(frozen=True)
class Assumption:
    """One entry: ``status`` is proved, declared, conditional or violated; ``node`` the first node to blame."""

    name: str
    status: str
    reason: str
    node: int | None = None
    derivation: tuple[tuple[int, NodeClass], ...] | None = None


def ledger(program: Program, contracted: tuple[int, ...]) -> tuple[Assumption, ...]:
    """Every assumption, decided.

    Parameters
    ----------
    program
        The network.
    contracted
        Its contracted G-vars (65), ascending.
    """
    classes = classify(program)
    return (
        Assumption("program", "proved", "structural"),
        Assumption("readout", "proved", "structural"),
        _smooth(program, classes),
        _scalars(program, classes),
        Assumption("moments", "proved", "parity"),
        Assumption("loss", "declared", "user"),
        Assumption("A1", "proved", "D.4.1" if _trains_outer_layers(program) else "holds"),
        _a2(program, contracted),
        Assumption("A3", "proved", "holds" if len(program.outputs) == 1 else "D.4.3"),
        Assumption("A4", "proved", "holds" if _embedding_is_gvar(program) else "D.4.4"),
    )


def _first(program: Program, classes: Iterable[NodeClass], kind: Kind, name: str) -> int | None:
    matching = (k for k, c in enumerate(classes) if program.kinds[k] is kind and c.name == name)
    return next(matching, None)


def _smooth(program: Program, classes: tuple[NodeClass, ...]) -> Assumption:
    derivation = tuple(enumerate(classes))
    violated = _first(program, classes, Kind.VECTOR, VIOLATED)
    if violated is not None:
        return Assumption("smooth", "violated", _root_reason(program, classes, violated), violated, derivation)
    kinked = _first(program, classes, Kind.VECTOR, KINKED)
    if kinked is not None:
        return Assumption("smooth", "conditional", "kink", kinked, derivation)
    abstract = next((k for k, n in enumerate(program.nodes) if n.op == "call" and n.data[0] not in FUNCTIONS), None)
    if abstract is not None:
        return Assumption("smooth", "declared", "abstract", abstract, derivation)
    return Assumption("smooth", "proved", "closure", None, derivation)


def _root_reason(program: Program, classes: tuple[NodeClass, ...], node: int) -> str:
    """The reason of a violated node, which may be that of a scalar that it reads."""
    while not classes[node].reason:
        node = next(a for a in program.nodes[node].args if classes[a].name == VIOLATED)
    return classes[node].reason


def _scalars(program: Program, classes: tuple[NodeClass, ...]) -> Assumption:
    violated = _first(program, classes, Kind.SCALAR, VIOLATED)
    if violated is not None:
        return Assumption("scalars", "violated", _root_reason(program, classes, violated), violated)
    return Assumption("scalars", "proved", "closure")


def _trains_outer_layers(program: Program) -> bool:
    used = {n.data[0] for n in program.nodes if n.op in ("embed", "param")}
    used |= {p for p, parameter in enumerate(program.parameters) if parameter.kind in ("readout", "output_bias")}
    return any(program.parameters[p].trained for p in used)


def _a2(program: Program, contracted: tuple[int, ...]) -> Assumption:
    if contracted:
        return Assumption("A2", "proved", "D.4.2", contracted[0])
    ways = {program.symbol(g) for g in program.gvars if program.nodes[g].op == "matmul"}
    both = any((p, not transposed) in ways for p, transposed in ways)
    return Assumption("A2", "proved", "no-contraction" if both else "holds")


def _embedding_is_gvar(program: Program) -> bool:
    return all(program.nodes[x].op in GVAR_OPS for out in program.outputs for _, x in out.terms)


def axioms(program: Program, contracted: tuple[int, ...], entries: tuple[Assumption, ...]) -> tuple[str, ...]:
    """The axioms that the proof of this network relies on."""
    names = ["master-theorem", "conditioning", "linearization", "duality-lemma"]
    if contracted:
        names.append("decontraction-lemma")
    if any(entry.status == "conditional" for entry in entries):
        names.append("stein")
    return tuple(names)


def verdict_of(entries: tuple[Assumption, ...], contracted: tuple[int, ...]) -> str:
    """What may be claimed once both sides agree."""
    statuses = {entry.status for entry in entries}
    if "violated" in statuses:
        return "refused"
    if "conditional" in statuses:
        return "conditional"
    return "proved-by-execution" if contracted else "proved"


def to_json(entry: Assumption) -> dict[str, Any]:
    """An entry as the certificate writes it."""
    rows = None
    if entry.derivation is not None:
        rows = [[k, c.name, bound_text(c.lo), bound_text(c.hi), c.positive] for k, c in entry.derivation]
    return {
        "name": entry.name,
        "status": entry.status,
        "reason": entry.reason,
        "node": entry.node,
        "derivation": rows,
    }


def explain_reason(reason: str) -> str:
    """A reason as a sentence, with its repair where there is one."""
    repair = _REPAIRS.get(reason)
    return _REASONS.get(reason, reason) + (f"; repair: {repair}" if repair else "")


def explain(row: Mapping[str, Any], program: Program) -> str:
    """The human sentence for a row of `to_json`: the reason, the repair, the place in the source."""
    node = row["node"] if row["status"] != "proved" else None
    place = program.place(node) if node is not None else None
    return explain_reason(str(row["reason"])) + (f" (at {place})" if place else "")
