"""How wide the columns of a table are: TeX measures the longest cells of the narrow ones."""

from __future__ import annotations

from tpproof.documents.blocks import Code, Inline, Inlines, Ref, Strong, Table
from tpproof.documents.formula import to_text

MEASURED = 3
"""Cells of a narrow column that TeX measures: those that look longest."""
ROOM = 40
"""Letters that a narrow column has at most; a wider one shares the rest of the line."""


def length(cell: Inlines) -> int:
    """About how many letters a cell has."""
    return sum(_length(part) for part in cell)


def _length(part: Inline) -> int:
    match part:
        case str():
            return len(part)
        case Code() | Strong():
            return len(part.text)
        case Ref():
            return len(part.text or part.target)
    return len(part.place) if hasattr(part, "place") else len(to_text(part))


def longest(table: Table, column: int) -> list[Inlines]:
    """The cells that decide how wide a column is."""
    cells = sorted((row.cells[column] for row in table.rows if column < len(row.cells)), key=length, reverse=True)
    return cells[:MEASURED]


def shares(table: Table) -> list[float]:
    """Each column's share of what the narrow columns (share 0) leave, 1 in all."""
    wanted = [_wanted(table, k) for k in range(len(table.columns))]
    whole = sum(wanted)
    return [round(share / whole, 4) if whole else 0.0 for share in wanted]


def _wanted(table: Table, column: int) -> float:
    share = table.columns[column].share
    if share:
        return share
    widest = max((length(cell) for cell in longest(table, column)), default=0)
    return 0.3 if widest > ROOM else 0.0
