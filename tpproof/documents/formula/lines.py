"""Formulas as MathML in pieces, between which a line of text may break: long sums fit a narrow page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tpproof.documents.formula.mathml import Item, element, row_items, to_mathml
from tpproof.documents.formula.text import to_text
from tpproof.documents.formula.tree import Formula, Product, Row, Sum, Words, is_loose

LONG = 24
"""Letters of a formula that is broken; a shorter one stays on its line."""


def to_mathml_lines(f: Formula) -> str:
    """MathML elements with breaks between them, and prose as text; every name escaped."""
    if not _is_long(f):
        return to_mathml(f)
    return " ".join(_piece(items) for items in _pieces(_items(f)))


def _is_long(f: Formula) -> bool:
    return len(to_text(f)) > LONG


def _items(f: Formula) -> list[Item]:
    """The elements of a formula on its outermost level."""
    match f:
        case Row():
            return row_items(f, _items)
        case Sum():
            more = [Item(f"… ({f.omitted} more terms)", prose=True)] if f.omitted else []
            return [*_joined(map(_items, f.terms), "+"), *_after(more, "+")]
        case Product() if _is_long(f):
            return _joined(map(_factor, f.factors), "·")
        case Words():
            return [Item(escape(f.text), prose=True)]
    return [Item(element(f))]


def _factor(f: Formula) -> list[Item]:
    return [Item(element(f, True))] if is_loose(f) else _items(f)


def _after(items: list[Item], operator: str) -> list[Item]:
    return [Item(f'<mo form="infix">{operator}</mo>', breaks=True), *items] if items else []


def _joined(groups: Iterable[list[Item]], operator: str) -> list[Item]:
    found: list[Item] = []
    for items in groups:
        found += _after(items, operator) if found else items
    return found


def _pieces(items: list[Item]) -> list[list[Item]]:
    pieces: list[list[Item]] = [[]]
    for item in items:
        if pieces[-1] and (item.breaks or item.prose or pieces[-1][-1].prose):
            pieces.append([])
        pieces[-1].append(item)
    return pieces


def _piece(items: list[Item]) -> str:
    if items[0].prose:
        return items[0].markup.strip()
    return f"<math><mrow>{''.join(item.markup for item in items)}</mrow></math>"
