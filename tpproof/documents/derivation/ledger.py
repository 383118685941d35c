"""The assumption ledger and the axioms."""

from __future__ import annotations

from typing import Any

from tpproof.documents.blocks import Block, Code, Column, Inlines, Paragraph, Section, Strong, Table, TableRow
from tpproof.documents.derivation.reading import Reading
from tpproof.proof.ledger import ASSUMPTION_TITLES, AXIOM_TITLES, explain


def assumptions(r: Reading) -> Section:
    """Every hypothesis with its status and reason; then what is taken from the literature."""
    rows = tuple(_row(r, row) for row in r.data["assumptions"])
    columns = (Column("status"), Column("assumption", 0.45), Column("reason", 0.45))
    blocks: list[Block] = [
        Paragraph(
            (
                "Each hypothesis is decided for this network: ", Strong("proved"), " by the rule named, ",
                Strong("declared"), " by whoever uses the theorem, ", Strong("conditional"),
                " on an extra assumption, or ", Strong("violated"), ".",
            )
        ),
        Table(columns, rows, ("The assumption ledger.",), "ledger"),
    ]  # fmt: skip
    if not r.refused:
        relied = "Relied on, and not derived by the steps; the lemmas of docs/proof.md are proved there:"
        blocks += [Paragraph((relied,)), _axioms(r)]
    return Section(("Assumptions",), "assumptions", tuple(blocks))


def _row(r: Reading, row: dict[str, Any]) -> TableRow:
    title: Inlines = (Code(row["name"]), ": ", ASSUMPTION_TITLES[row["name"]])
    reason: Inlines = (explain(row, r.program),)
    if row["node"] is not None:
        reason = (*reason, " (at ", r.to(f"node-{row['node']}", f"instruction {row['node']}", "program"), ")")
    return TableRow(((row["status"],), title, reason), f"assumption-{row['name']}", row["status"])


def _axioms(r: Reading) -> Table:
    rows = []
    for name in r.data["axioms"]:
        title, place, content = AXIOM_TITLES[name]
        rows.append(TableRow(((title,), (place,), (content,)), f"axiom-{name}"))
    columns = (Column("axiom", 0.3), Column("source", 0.25), Column("what it says", 0.45))
    return Table(columns, tuple(rows), ("What is relied on.",), "axioms")
