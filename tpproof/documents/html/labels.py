"""What references lead to: numbers of sections, statements, tables and figures, and the rows that are printed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tpproof.documents.blocks import Block, Display, Fold, Inference, Picture, Ref, Section, Statement, Table
from tpproof.documents.document import Document

NUMBERED = frozenset({"Theorem", "Proposition", "Lemma", "Claim", "Corollary", "Definition"})
"""Statements that have numbers, one sequence for all."""
_ROWS = {"node": "instruction"} | {kind: kind for kind in ("pair", "step", "rule", "axiom", "assumption")}


@dataclass(frozen=True)
class Target:
    """Where a reference leads, if it leads anywhere in this page, and what it is called."""

    text: str
    there: bool


class Labels:
    """The labels of a document and what the blocks that bear them are called."""

    def __init__(self, document: Document) -> None:
        self._names: dict[str, str] = {}
        self._blocks: dict[int, str] = {}  # by identity: two blocks may be equal
        self._counters: Counter[str] = Counter()
        self.sections = document.sections
        for number, section in enumerate(document.sections, 1):
            self._section(section, str(number))

    def name(self, block: Block) -> str:
        """What a block is called: "Theorem 1", "Table 3"; nothing if it has no number."""
        return self._blocks.get(id(block), "")

    def target(self, ref: Ref) -> Target:
        """A reference's text, and whether its target is printed."""
        there = ref.target in self._names
        return Target(ref.text or self._names.get(ref.target) or _spoken(ref.target), there)

    def ids(self) -> Iterator[str]:
        """Every label that is printed."""
        return iter(self._names)

    def _section(self, section: Section, number: str) -> None:
        self._called(section, section.label, f"Section {number}")
        children = 0
        for block in section.blocks:
            children += isinstance(block, Section)
            self._block(block, f"{number}.{children}")

    def _block(self, block: Block, number: str) -> None:
        match block:
            case Section():
                self._section(block, number)
            case Statement():
                self._statement(block, number)
            case Fold():
                self._all(block.blocks, number)
            case Table():
                self._counted(block, "Table")
                for row in block.rows:
                    self._label(row.label, _spoken(row.label))
            case Picture():
                self._counted(block, "Figure")
            case Display():
                self._called(block, block.label, block.tag or "the display")
            case Inference():
                self._called(block, block.label, f"rule {block.rule}")

    def _all(self, blocks: tuple[Block, ...], number: str) -> None:
        for block in blocks:
            self._block(block, number)

    def _statement(self, block: Statement, number: str) -> None:
        if block.kind in NUMBERED:
            self._counters["statement"] += 1
            self._called(block, block.label, f"{block.kind} {self._counters['statement']}")
        else:
            self._called(block, block.label, block.kind)
        self._all(block.blocks, number)

    def _counted(self, block: Table | Picture, kind: str) -> None:
        if block.label or block.caption:
            self._counters[kind] += 1
            self._called(block, block.label, f"{kind} {self._counters[kind]}")

    def _called(self, block: Block, label: str, name: str) -> None:
        self._blocks[id(block)] = name
        self._label(label, name)

    def _label(self, label: str, name: str) -> None:
        if label:
            self._names.setdefault(label, name)


def _spoken(label: str) -> str:
    """ "step 12" for "step-12"."""
    kind, _, rest = label.partition("-")
    return f"{_ROWS[kind]} {rest}" if kind in _ROWS and rest else re.sub("-", " ", label)
