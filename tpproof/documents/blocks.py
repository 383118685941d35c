"""What a document is made of. Both printers print these blocks, so that the paper and the page say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tpproof.documents.formula import Formula

# inline ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ref:
    """A reference to a labelled block, or to a step of the certificate ("step-12")."""

    target: str
    text: str = ""  # shown; the number or title of the target if empty


@dataclass(frozen=True)
class Code:
    """A name, a command or a hash, as typed."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that carry weight."""

    text: str


@dataclass(frozen=True)
class Cite:
    """An equation, theorem or section of the source, as "(107)" or "Theorem 5.3"."""

    place: str


Inline: TypeAlias = "str | Formula | Ref | Code | Strong | Cite"
Inlines: TypeAlias = tuple[Inline, ...]

# blocks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """Prose."""

    parts: Inlines


@dataclass(frozen=True)
class Line:
    """One line of a display: left (relation) right; ``steps`` of the certificate are what it states."""

    left: Formula | None
    relation: str
    right: Formula
    note: Inlines = ()  # why, beside the line
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Display:
    """Displayed formulas, aligned at their relations; ``tag`` is the equation of the paper that they are."""

    lines: tuple[Line, ...]
    label: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Items:
    """A list."""

    rows: tuple[Inlines, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and its share of the width (0: as narrow as its cells)."""

    title: str
    share: float = 0.0
    right: bool = False  # numbers are aligned to the right


@dataclass(frozen=True)
class TableRow:
    """A row; ``label`` makes it a target, ``kind`` lets a printer colour it (a status, never the only sign of it)."""

    cells: tuple[Inlines, ...]
    label: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``omitted`` rows are in the certificate only, and said so, after the first ``before`` rows."""

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    caption: Inlines = ()
    label: str = ""
    omitted: int = 0
    before: int = 0


@dataclass(frozen=True)
class Statement:
    """A theorem, proposition, lemma, claim, definition, remark or proof."""

    kind: str
    blocks: tuple[Block, ...]
    title: Inlines = ()
    label: str = ""


@dataclass(frozen=True)
class Fold:
    """Blocks that a page folds under their summary; a paper prints them in their place."""

    summary: Inlines
    blocks: tuple[Block, ...]
    open: bool = False


@dataclass(frozen=True)
class Picture:
    """A drawing, by name: "program", "backward", "unrolled", "steps", "widths" …; printers know how to draw it."""

    name: str
    caption: Inlines
    label: str = ""
    alternative: str = ""  # what a reader who does not see it is told


@dataclass(frozen=True)
class Inference:
    """An inference figure: premises over a line over a conclusion, beside it the rule, below its side condition."""

    rule: str
    premises: tuple[Formula, ...]
    conclusion: Formula
    equation: str = ""
    condition: Inlines = ()
    label: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the document, with parts of its own."""

    title: Inlines
    label: str
    blocks: tuple[Block, ...] = field(default=())


Block: TypeAlias = "Paragraph | Display | Items | Table | Statement | Fold | Picture | Inference | Section"

__all__ = [
    "Block", "Cite", "Code", "Column", "Display", "Fold", "Inference", "Inline", "Inlines", "Items", "Line",
    "Paragraph", "Picture", "Ref", "Section", "Statement", "Strong", "Table", "TableRow",
]  # fmt: skip
