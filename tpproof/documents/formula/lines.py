"""Formulas as MathML in pieces, between which a line of text may break: long sums fit a narrow page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from tpproof.documents.formula.mathml import Item, element, row_items, sigma, to_mathml
from tpproof.documents.formula.text import to_text
from tpproof.documents.formula.tree import BigSum, Formula, Product, Row, Sum, Words, is_loose

LONG = 24
"""Letters of a formula that is broken; a shorter one stays on its line."""


def to_mathml_lines(f: Formula) -> str:
    """MathML elements with breaks between them, and prose as text; every name escaped."""
    if not _is_long(f) and not _has_prose(f):
        return to_mathml(f)
    return " ".join(_term(items) for items in _split(_items(f), _starts_term))


def _has_prose(f: Formula) -> bool:
    return isinstance(f, Words) or (isinstance(f, Row) and any(isinstance(part, Words) for part in f.parts))


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
        case BigSum() if _is_long(f.body) and not isinstance(f.body, Sum):
            first, *rest = _items(f.body)
            return [Item(sigma(f)), Item(first.markup), *rest]
        case Words():
            return [Item(escape(f.text), prose=True)]
    return [Item(element(f))]


def _factor(f: Formula) -> list[Item]:
    return [Item(element(f, True))] if is_loose(f) else _items(f)


def _after(items: list[Item], operator: str) -> list[Item]:
    return [Item(f'<mo form="infix">{operator}</mo>', breaks=1 if operator == "·" else 2), *items] if items else []


def _joined(groups: Iterable[list[Item]], operator: str) -> list[Item]:
    found: list[Item] = []
    for items in groups:
        found += _after(items, operator) if found else items
    return found


def _starts_term(item: Item, before: Item) -> bool:
    return item.breaks > 1 or item.prose or before.prose


def _starts_factor(item: Item, before: Item) -> bool:
    return item.breaks > 0


def _split(items: list[Item], starts: Callable[[Item, Item], bool]) -> list[list[Item]]:
    pieces: list[list[Item]] = [[]]
    for item in items:
        if pieces[-1] and starts(item, pieces[-1][-1]):
            pieces.append([])
        pieces[-1].append(item)
    return pieces


def _math(items: list[Item]) -> str:
    if len(items) == 1:
        return f"<math>{items[0].markup}</math>"
    return f"<math><mrow>{''.join(item.markup for item in items)}</mrow></math>"


def _term(items: list[Item]) -> str:
    """A term, which a page keeps on one line where it has one: it breaks inside only if it is longer than that."""
    if items[0].prose:
        return items[0].markup.strip()
    factors = [_math(piece) for piece in _split(items, _starts_factor)]
    return factors[0] if len(factors) == 1 else f'<span class="term">{" ".join(factors)}</span>'
