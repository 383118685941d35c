"""From a certificate to its document."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from tpproof.documents.blocks import Section
from tpproof.documents.derivation.audit import audit, parts
from tpproof.documents.derivation.backward import backward
from tpproof.documents.derivation.claims import claim_of, not_said, reading, theorem
from tpproof.documents.derivation.closed import ClosedForm, kernel
from tpproof.documents.derivation.conclusion import claim, proposition
from tpproof.documents.derivation.contraction import contraction
from tpproof.documents.derivation.evidence import numbers
from tpproof.documents.derivation.induction import base, families, in_conclusion, induction
from tpproof.documents.derivation.ledger import assumptions
from tpproof.documents.derivation.limits import limit
from tpproof.documents.derivation.paths import paths
from tpproof.documents.derivation.program import program
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.derivation.rules import rules
from tpproof.documents.document import Document, Length, Notation, Part
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
    with _collector_paused():
        return _document(data, length, notation)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A text is many small objects without cycles: looking for cycles among them would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _document(data: dict[str, Any], length: Length, notation: Notation) -> Document:
    r = Reading(data, notation, length)
    found = parts(r) if length == "audit" else ()
    return Document(
        name=r.name,
        verdict=r.verdict,
        claim=claim_of(r),
        network_sha256=str(data["network_sha256"]),
        certificate_sha256=sha256(canonical_bytes(data)).hexdigest(),
        version=str(r.evidence.get("version", ""))[:20],
        length=length,
        notation=notation,
        sections=tuple(_sections(r, length, found)),
        parts=found,
        step_count=len(r.steps),
    )


def _sections(r: Reading, length: Length, found: tuple[Part, ...]) -> list[Section]:
    """The sections of a length, in their order; of a refused network those that do not rest on steps."""
    form = None if r.refused else ClosedForm(r, r.names)
    first = [theorem(r, form), not_said(r), assumptions(r)]
    if form is None:
        return [*first, *([] if length == "theorem" else [program(r), numbers(r)]), reading(r)]
    middle = [] if length == "theorem" else _derivation(r)
    last = [audit(found, r.data), rules(r)] if length == "audit" else []
    return [*first, *middle, kernel(r, form), *last, *([] if length == "theorem" else [numbers(r)]), reading(r)]


def _derivation(r: Reading) -> list[Section]:
    """From the program to Claim 3.1."""
    some = families(r)
    sections = [program(r), limit(r), backward(r), base(r, some), induction(r, some)]
    sections += [contraction(r)] if r.contracted else []
    return [*sections, paths(r), proposition(r), claim(r, in_conclusion(r, some))]
