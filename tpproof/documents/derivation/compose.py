"""From a certificate to its document."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tpproof.documents.blocks import Section
from tpproof.documents.derivation.audit import audit, parts, rules
from tpproof.documents.derivation.claims import CLAIMS, not_said, reading, theorem
from tpproof.documents.derivation.closed import kernel
from tpproof.documents.derivation.evidence import numbers
from tpproof.documents.derivation.induct import backward, base, claim, contraction, induction, limit, proposition
from tpproof.documents.derivation.ledger import assumptions
from tpproof.documents.derivation.paths import paths
from tpproof.documents.derivation.program import program
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.document import Document, Length, Notation
from tpproof.program.canonical import canonical_bytes


def document(data: dict[str, Any], *, length: Length = "derivation", notation: Notation = "yang") -> Document:
    """What the page and the paper say about a certificate.

    Parameters
    ----------
    data
        A certificate's JSON value, as read from a file.
    length
        Theorem and kernel only, the derivation in prose, or everything step by step.
    notation
        Whose letters the covariances and kernels have.
    """
    r = Reading(data, notation)
    found = parts(r) if length == "audit" else ()
    return Document(
        name=r.name,
        verdict=r.verdict,
        claim=CLAIMS[r.verdict],
        network_sha256=str(data["network_sha256"]),
        certificate_sha256=sha256(canonical_bytes(data)).hexdigest(),
        version=str(r.evidence.get("version", ""))[:20],
        length=length,
        notation=notation,
        sections=tuple(_sections(r, length, found)),
        parts=found,
        step_count=len(r.steps),
    )


Writer = Callable[[Reading], Section]

_DERIVATION: tuple[Writer, ...] = (program, limit, backward, base, induction)
_CONCLUSION: tuple[Writer, ...] = (paths, proposition, claim)


def _sections(r: Reading, length: Length, found: Any) -> list[Section]:
    """The sections of a length, in their order; of a refused network those that do not rest on steps."""
    if r.refused:
        short: list[Writer] = [theorem, not_said, assumptions]
        return [write(r) for write in (*short, *([] if length == "theorem" else [program]), reading)]
    writers: list[Writer] = [theorem, not_said, assumptions]
    if length != "theorem":
        writers += [*_DERIVATION, *([contraction] if r.contracted else []), *_CONCLUSION]
    sections = [write(r) for write in (*writers, kernel)]
    if length == "audit":
        sections += [audit(found, len(r.steps)), rules(r)]
    return [*sections, *([numbers(r)] if length != "theorem" else []), reading(r)]
