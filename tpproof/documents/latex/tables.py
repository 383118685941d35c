"""How wide the columns of a table are: TeX measures the longest cells of narrow ones, the longest pieces of others."""

from __future__ import annotations

import re

from tpproof.documents.blocks import Cite, Code, Inline, Inlines, Ref, Strong, Table
from tpproof.documents.formula import to_text
from tpproof.documents.latex.mathematics import math, unbroken
from tpproof.documents.latex.text import Tex, escape

MEASURED = 6
"""Cells, or pieces, of a column that TeX measures: those that look longest."""
ROOM = 40
"""Letters that a narrow column has at most; a wider one shares the rest of the line."""
CODE_PIECE = 12
"""Letters of a hash or a name as typed after which a line may end."""
_ENDS = re.compile(r" |\\allowbreak\{\}|(?<=-)(?!\$)")


def longest(table: Table, column: int) -> list[Inlines]:
    """The cells that decide how wide a narrow column is."""
    return sorted(_cells(table, column), key=_length, reverse=True)[:MEASURED]


def pieces(table: Table, column: int) -> list[Tex]:
    """The parts of a column's cells that no line breaks, those that look longest: words, names, factors."""
    parts = dict.fromkeys(part for cell in _cells(table, column) for part in cell)
    found = dict.fromkeys(piece for part in parts for piece in _unbroken(part))
    title = _ENDS.split(escape(table.columns[column].title))
    return sorted([*map(Tex, title), *found], key=_glyphs, reverse=True)[:MEASURED]


def shares(table: Table) -> list[float]:
    """Each column's share of what the narrow columns (share 0) leave, 1 in all."""
    wanted = [_wanted(table, k) for k in range(len(table.columns))]
    whole = sum(wanted)
    return [round(share / whole, 4) if whole else 0.0 for share in wanted]


def _wanted(table: Table, column: int) -> float:
    share = table.columns[column].share
    if share:
        return share
    widest = max(map(_length, _cells(table, column)), default=0)
    return 0.3 if widest > ROOM else 0.0


def _cells(table: Table, column: int) -> list[Inlines]:
    """The cells of a column, equal ones once."""
    return list(dict.fromkeys(row.cells[column] for row in table.rows if column < len(row.cells)))


def _unbroken(part: Inline) -> list[Tex]:
    match part:
        case Code():
            return [Tex(f"\\tppcode{{{piece}}}") for piece in _ENDS.split(escape(part.text, CODE_PIECE))]
        case str() | Strong() | Cite() | Ref():
            return [Tex(piece) for piece in _ENDS.split(escape(_text(part)))]
    return [Tex(f"${piece}$") for piece in unbroken(math(part))]


def _text(part: str | Strong | Code | Cite | Ref) -> str:
    match part:
        case str():
            return part
        case Cite():
            return part.place
        case Ref():
            return part.text or part.target
    return part.text


def _length(cell: Inlines) -> int:
    """About how many letters a cell has."""
    words = (str, Strong, Code, Cite, Ref)
    return sum(len(_text(part)) if isinstance(part, words) else len(to_text(part)) for part in cell)


def _glyphs(piece: str) -> int:
    """About how many letters are printed."""
    return len(re.sub(r"\\[A-Za-z]+ ?|[{}^_$]", "x", piece))
