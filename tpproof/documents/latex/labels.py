"""What can be referred to, and how it is called. Every label carries the certificate's name and hash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tpproof.documents.blocks import Block, Display, Fold, Picture, Section, Statement, Table
from tpproof.documents.document import Document
from tpproof.documents.latex.text import Tex, escape

NUMBERED = {Section: "Section", Display: "Equation", Table: "Table", Picture: "Figure"}
"""Blocks that have a number, and the word before it."""


def prefix(document: Document) -> str:
    """The beginning of every label: two certificates never share one."""
    name = re.sub("[^A-Za-z0-9]+", "-", document.name)[:30].strip("-") or "network"
    return f"tpp:{name}-{document.certificate_sha256[:8]}"


def label_key(label: str) -> Tex:
    """A label as LaTeX keeps it: letters, digits and hyphens."""
    return Tex(re.sub("[^A-Za-z0-9-]+", "-", label))


def printed_labels(document: Document) -> dict[str, str]:
    """Every label that is printed, with the word before its number; rows of tables are called by their own text."""
    return {label: word for block in _blocks(document.sections) for label, word in _labels(block)}


def _blocks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, (Section, Statement, Fold)):
            yield from _blocks(block.blocks)


def _labels(block: Block) -> Iterator[tuple[str, str]]:
    label = getattr(block, "label", "")
    if isinstance(block, Table):
        yield from ((row.label, "") for row in block.rows if row.label)
        if label:
            yield label, "Table" if block.caption else ""
    elif isinstance(block, Statement) and label:
        yield label, block.kind.capitalize()
    elif label:
        yield label, NUMBERED.get(type(block), "")


def reference(start: str, printed: dict[str, str], target: str, text: str) -> Tex:
    """A link with its text or number; plain text where the target is not printed."""
    shown = escape(text or target.replace("-", " "))
    if target not in printed:
        return shown
    word, label = printed[target], f"{start}:{label_key(target)}"
    if not text and word and word != "Proof":
        return Tex(f"\\hyperref[{label}]{{{word}~\\ref*{{{label}}}}}")
    return Tex(f"\\hyperref[{label}]{{{shown}}}")
