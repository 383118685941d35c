"""A cross-check with finite networks, as `evidence.crosscheck` reports it: a stranger's words, bounded."""

from __future__ import annotations

from typing import Any

from tpproof.documents.blocks import Block, Code, Column, Inlines, Paragraph, Table, TableRow
from tpproof.documents.derivation.reading import Reading

LENGTH = 200
ROWS_SHOWN = 40
KINDS = (
    ("kind", "kind"), ("quantities", "quantities"), ("disagreeing", "disagree"), ("largest_z", "largest z"),
    ("detectable", "detectable error"), ("slope", "slope"),
)  # fmt: skip
TESTS = (
    ("quantity", "quantity"), ("equation", "equation"), ("limit", "limit"), ("measured", "measured, n → ∞"),
    ("se", "standard error"), ("z", "z"),
)  # fmt: skip
VERDICTS = {
    "agrees": "agrees with the limit",
    "disagrees": "disagrees with the limit",
    "blind": "says nothing: its tests had no power",
}


def crosscheck(r: Reading) -> list[Block]:
    """What was measured, and how it compares."""
    found = r.evidence.get("crosscheck")
    if not isinstance(found, dict):
        return []
    other = found.get("network_sha256") != r.data["network_sha256"]
    where: Inlines = (" It is about another network than this certificate.",) if other else ()
    verdict = VERDICTS.get(str(found.get("verdict")), "has no verdict")
    widths, samples = (_numbers(found.get(key)) for key in ("widths", "samples"))
    text: Inlines = (
        f"A cross-check with finite networks {verdict}: {_text(found.get('disagreeing'))} of "
        f"{_text(found.get('quantities'))} quantities disagree, at widths {widths} with {samples} networks each; seed "
        f"{_text(found.get('seed'))}, {_text(found.get('sampler'))} sampling, chance of a false alarm "
        f"{_text(found.get('alpha'))}, smallest relative error of the kernel that it would have seen "
        f"{_text(found.get('detectable'))}. Fluctuations go like n to the power {_text(found.get('slope'))}, where "
        "−1/2 is expected.",
        *((" It was interrupted.",) if found.get("partial") is True else ()), *where,
    )  # fmt: skip
    blocks: list[Block] = [Paragraph(text)]
    if isinstance(found.get("command"), str):
        blocks.append(Paragraph(("Drawn again by ", Code(_text(found["command"])), " (to be read first).")))
    blocks += _table(found.get("kinds"), KINDS, ("By the kind of what is compared.",), "crosscheck-kinds")
    blocks += _table(found.get("rows"), TESTS, ("Single tests, the largest deviations among them.",), "crosscheck-rows")
    return blocks


def _table(rows: Any, keys: tuple[tuple[str, str], ...], caption: Inlines, label: str) -> list[Block]:
    kept = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if not kept:
        return []
    columns = tuple(Column(title, 0.3 if k == 0 else 0.0, k > 1) for k, (_, title) in enumerate(keys))
    cells = (tuple((_text(row.get(key)),) for key, _ in keys) for row in kept[:ROWS_SHOWN])
    shown = tuple(TableRow(c) for c in cells)
    return [Table(columns, shown, caption, label, len(kept) - len(shown), len(shown) if len(kept) > len(shown) else 0)]


def _numbers(values: Any) -> str:
    return ", ".join(map(_text, values[:64])) if isinstance(values, list) else _text(values)


def _text(value: Any) -> str:
    return "none" if value is None else str(value)[:LENGTH]
