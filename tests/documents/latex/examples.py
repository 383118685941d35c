"""Documents to be printed: one with every block, and those of shipped certificates."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tpproof.documents.blocks import (
    Block,
    Cite,
    Code,
    Column,
    Display,
    Fold,
    Inference,
    Inlines,
    Items,
    Line,
    Paragraph,
    Picture,
    Ref,
    Section,
    Statement,
    Strong,
    Table,
    TableRow,
)
from tpproof.documents.derivation import document
from tpproof.documents.document import Document, Length
from tpproof.documents.formula import Call, Formula, Mean, Name, Number, Product, Quotient, Row, Sum, Words

CERTIFICATES = Path(__file__).parents[3] / "certificates"
NAMES = sorted(path.name.removesuffix(".cert.json") for path in CERTIFICATES.glob("*.cert.json"))


@cache
def data_of(name: str) -> dict[str, Any]:
    """The JSON value of a shipped certificate."""
    data: dict[str, Any] = json.loads((CERTIFICATES / f"{name}.cert.json").read_bytes())
    return data


@cache
def shipped(name: str, length: Length = "derivation") -> Document:
    """The document of a shipped certificate."""
    return document(data_of(name), length=length)


def of(*blocks: Block, name: str = "example", verdict: str = "proved") -> Document:
    """A document of one section with these blocks."""
    section = Section(("A section",), "section", blocks)
    return Document(
        name, verdict, "It holds.", "ab" * 32, "cd" * 32, "0.1.0", "derivation", "yang", (section,), (), 7
    )  # fmt: skip


def long_sum(terms: int) -> Formula:
    """A sum that fits no line."""
    g = Name("g", "12", tilde=True)
    factor = Mean(Product((Call(Name("tanh"), (g,), True), Call(Name("tanh"), (Name("g", "7"),), True))))
    gram = Quotient(Row((Name("ξ", tilde=True), "ᵀ", g)), Name("d"))
    term = Product((Name("σ", "W", above="2"), factor, factor, gram))
    return Sum((*[term] * terms, Number("1/2"), Words("and some words that stand inside of a formula")), 5)


WORDS = "Words that are as long as those of a reason, an assumption or a rule, so that they take some lines. "
CELLS: tuple[Inlines, ...] = (
    (WORDS, long_sum(1)),
    (Code("ab" * 32), " ", WORDS),
    (Ref("narrow-row-1", "1"), " ", Ref("step-2", "2"), " and 12 more"),
)
INLINES: Inlines = (
    "Text, ", Strong("strong"), ", ", Code("tpproof check --network a_b.tp"), ", ", Cite("(107)"), ", ",
    Name("ξ", tilde=True), ", ", Ref("main"), ", ", Ref("display"), ", ", Ref("step-99"), ", ",
    Ref("narrow", "a table"), ", ", Ref("narrow-row-1", "row 1"), ", ", Ref("section"), ", ", Ref("inner"), ", ",
    Ref("drawn"), ", ", Ref("wide"), ". ", WORDS * 3,
)  # fmt: skip
LINES = (Line(Name("x"), "=", Number("1"), ("because of ", Cite("(1)"))), Line(None, "≤", Name("y"), steps=(3,)))
KINDS = ("Theorem", "Proposition", "Lemma", "Claim", "Definition", "Remark", "Proof")


def table(columns: tuple[Column, ...], rows: int, label: str, caption: Inlines = ("A table",)) -> Table:
    """A table with formulas, words and references."""

    def cell(column: Column, k: int) -> Inlines:
        return CELLS[k % 2 if column.share > 0.2 else 2] if column.share else (str(k),)

    made = tuple(TableRow(tuple(cell(c, k) for c in columns), f"{label}-row-{k}") for k in range(rows))
    return Table(columns, made, caption, label, 12, rows - 1)


def statement(kind: str) -> Statement:
    """A statement with a display; the theorem is the main one."""
    label = "main" if kind == "Theorem" else f"statement-{kind}"
    blocks = (Paragraph(INLINES), Display(LINES, "display" if kind == "Theorem" else "", "(96)"))
    return Statement(kind, blocks, ("of ", Code("a_b")), label)


def every_block() -> Document:
    """Every kind of block, inline and statement."""
    many = tuple(Line(Call(Name("f", str(k)), (Name("x"),)), "=", Name("y")) for k in range(70))
    narrow = table((Column("no.", right=True), Column("what", 0.6), Column("why", 0.4)), 4, "narrow")
    wide = (Column("step", right=True), Column("from", 0.1), Column("conclusion", 0.5), Column("equation", 0.2),
            Column("used by", 0.2))  # fmt: skip
    bare = replace(narrow, label="bare", caption=(), rows=(replace(narrow.rows[0], label=""),), omitted=0)
    return of(
        Paragraph(INLINES), Display(LINES), Display((Line(Name("K"), "=", long_sum(9)),), "long", "(100)"),
        Display(many), *map(statement, KINDS), Items((INLINES, INLINES)), Items((INLINES,), numbered=True), Items(()),
        narrow, table(wide, 9, "wide"), bare, Fold(("Folded ", Name("g")), (Paragraph(INLINES), Display(LINES))),
        Picture("program", ("A picture",), "drawn", "said in words"),
        Inference("path-extend", (Name("A"), Name("B")), Name("C"), "(95)", ("where ", Name("A"), " holds"), "figure"),
        Section(("Inner ", Name("g"), " and ", Code("a_b")), "inner", (Paragraph(INLINES),)),
    )  # fmt: skip
