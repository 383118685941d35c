"""A certificate as those who write about it read it."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any

from tpproof.documents.blocks import Inline, Ref
from tpproof.documents.derivation.names import Names
from tpproof.documents.document import Length, Notation
from tpproof.documents.vocabulary import Vocabulary

NAME_LENGTH = 80
FIRST_SHOWN, LAST_SHOWN = 200, 50
"""Rows of one table that are written out, from its beginning and its end."""

SHORT = ("theorem", "not-said", "assumptions", "kernel", "reading")
"""The sections of the shortest length."""

Step = dict[str, Any]


class Reading:
    """The certificate, its steps by what they conclude, and how its vectors are written."""

    def __init__(self, data: dict[str, Any], notation: Notation, length: Length = "derivation") -> None:
        self.data, self.notation, self.length = data, notation, length
        self.vocabulary = Vocabulary(data)
        self.program = self.vocabulary.program
        self.names = Names(self.vocabulary)
        self.steps: list[Step] = data["steps"]
        self.evidence: dict[str, Any] = data["evidence"]
        self.name = str(self.evidence.get("name", "network"))[:NAME_LENGTH]
        self.verdict = str(data["verdict"])
        self.outputs = len(self.program.outputs)
        self._kinds: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            self._kinds[step["conclusion"][0]].append(step)

    def to(self, target: str, text: str, within: str = "") -> Inline:
        """A reference to another section, or a block within one; its words only where that is not printed."""
        return text if self.length == "theorem" and (within or target) not in SHORT else Ref(target, text)

    @property
    def refused(self) -> bool:
        return not self.steps

    @property
    def contracted(self) -> bool:
        """Whether a matrix meets its transpose on one path."""
        return bool(self.of("contract"))

    @property
    def declared(self) -> bool:
        return any(row["status"] == "declared" for row in self.data["assumptions"])

    def of(self, kind: str) -> list[Step]:
        """The steps whose conclusion is of one kind: "C", "J", "107", …"""
        return self._kinds.get(kind, [])

    @cached_property
    def used_by(self) -> list[list[int]]:
        """The steps that each step is a premise of."""
        found: list[list[int]] = [[] for _ in self.steps]
        for step in self.steps:
            for premise in step["premises"]:
                found[premise].append(step["id"])
        return found


def ends(rows: list[Any]) -> tuple[list[Any], int]:
    """The first and the last rows, and how many stand between them."""
    if len(rows) <= FIRST_SHOWN + LAST_SHOWN:
        return rows, 0
    return [*rows[:FIRST_SHOWN], *rows[-LAST_SHOWN:]], len(rows) - FIRST_SHOWN - LAST_SHOWN
