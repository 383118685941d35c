"""Every step: the parts of the proof, their tables, and a glossary of the rules."""

from __future__ import annotations

from typing import Any

from tpproof.documents.blocks import Block, Cite, Column, Inlines, Paragraph, Ref, Section, Table, TableRow
from tpproof.documents.derivation.dependencies import dependencies
from tpproof.documents.derivation.reading import Reading, Step, ends
from tpproof.documents.derivation.steps import step_formula
from tpproof.documents.document import Part, StepRow

PREMISES_SHOWN = 12

PARTS = (
    ("path-sums", "The path sums (95)", ("C",)),
    ("contractions", "Contractions (65)", ("contract",)),
    ("unrolled", "The unrolled step (108)–(120)", ("J",)),
    ("induction", "The induction (107)", ("107",)),
    ("backpropagation", "Backpropagation and the NTK (100), (105)–(106)", ("D", "K100")),
    ("kernel", "Proposition D.3 (96)", ("K96", "duality")),
    ("conclusion", "The conclusion (121)–(122)", ("limit", "listed", "theorem")),
)


def parts(r: Reading) -> tuple[Part, ...]:
    """The steps by parts of the proof, the first and last of each written out."""
    found = []
    for key, title, kinds in PARTS:
        shown, omitted = ends(sorted((s for kind in kinds for s in r.of(kind)), key=lambda s: int(s["id"])))
        if shown:
            found.append(Part(key, title, tuple(_row(r, step, key) for step in shown), omitted))
    return tuple(found)


def _row(r: Reading, step: Step, part: str) -> StepRow:
    formula = step_formula(r.vocabulary, step)
    premises, used_by = tuple(step["premises"]), tuple(r.used_by[step["id"]])
    return StepRow(step["id"], step["rule"], step["equation"], formula, premises, used_by, part)


def audit(parts: tuple[Part, ...], data: dict[str, Any]) -> Section:
    """Step | from | rule | conclusion | equation | used by."""
    count = len(data["steps"])
    blocks: list[Block] = [
        Paragraph((f"The certificate has {count} steps. Each follows by its rule from those that it names.",))
    ]
    blocks += [dependencies(data, PARTS), *(_table(part) for part in parts)]
    return Section(("Every step",), "audit", tuple(blocks))


COLUMNS = (
    Column("step", right=True), Column("from", 0.1), Column("rule", 0.12), Column("conclusion", 0.5),
    Column("equation", 0.14), Column("used by", 0.1),
)  # fmt: skip


def _table(part: Part) -> Table:
    rows = tuple(_cells(row) for row in part.steps)
    before = len(rows) if not part.omitted else len(rows) - min(len(rows), 50)
    return Table(COLUMNS, rows, (part.title,), f"steps-{part.key}", part.omitted, before)


def _cells(row: StepRow) -> TableRow:
    rule = Ref(f"rule-{row.rule}", row.rule)
    cells: tuple[Inlines, ...] = (
        (str(row.id),), links(row.premises), (rule,), (row.formula,), (Cite(row.equation),), links(row.used_by),
    )  # fmt: skip
    return TableRow(cells, f"step-{row.id}")


def links(ids: tuple[int, ...]) -> Inlines:
    """References to steps, the first of many."""
    shown: list[str | Ref] = []
    for k in ids[:PREMISES_SHOWN]:
        shown += [" "] if shown else []
        shown.append(Ref(f"step-{k}", str(k)))
    more = len(ids) - PREMISES_SHOWN
    return (*shown, f" and {more} more") if more > 0 else tuple(shown)
