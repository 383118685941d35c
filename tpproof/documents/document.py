"""The document: what the page and the paper both say, before either is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tpproof.documents.blocks import Section
from tpproof.documents.formula import Formula

Length = Literal["theorem", "derivation", "audit"]
"""Theorem and kernel only; the derivation in prose; everything, step by step."""
Notation = Literal["yang", "jacot", "lee"]
"""Whose letters the covariances and kernels have."""

LENGTHS: tuple[Length, ...] = get_args(Length)
NOTATIONS: tuple[Notation, ...] = get_args(Notation)


@dataclass(frozen=True)
class StepRow:
    """One checked step: from its premises, by its rule, its conclusion; and the steps that use it."""

    id: int
    rule: str
    equation: str
    formula: Formula
    premises: tuple[int, ...]
    used_by: tuple[int, ...]
    part: str  # the part of the proof that it belongs to


@dataclass(frozen=True)
class Part:
    """The steps of one part of the proof, first and last of them; ``omitted`` are in the certificate only."""

    key: str
    title: str
    steps: tuple[StepRow, ...]
    omitted: int = 0


@dataclass(frozen=True)
class Document:
    """Everything that is printed, in order.

    Parameters
    ----------
    name, verdict, claim
        The network's name, the certificate's verdict and what it claims in words.
    network_sha256, certificate_sha256, version
        Hashes of the canonical network and of the certificate's canonical bytes; tpproof's version.
    length, notation
        What the document was asked to be.
    sections
        The text. The sections' labels are those of `documents/derivation`.
    parts, step_count
        The steps by parts of the proof, for tables of them; how many there are in all.
    """

    name: str
    verdict: str
    claim: str
    network_sha256: str
    certificate_sha256: str
    version: str
    length: Length
    notation: Notation
    sections: tuple[Section, ...]
    parts: tuple[Part, ...]
    step_count: int
