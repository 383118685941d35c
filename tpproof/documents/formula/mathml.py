"""Formulas as presentation MathML."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

from tpproof.documents.formula.tree import (
    BigSum,
    Call,
    Derivative,
    Formula,
    Indexed,
    Limit,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Row,
    Sum,
    Words,
    is_compound,
    is_loose,
)

NO_BREAK = "\u00a0"
"""The only space that MathML keeps at the ends of a text."""


def to_mathml(f: Formula) -> str:
    """Presentation MathML, well-formed, every name escaped."""
    return f"<math>{_ml(f)}</math>"


def _mi(text: str) -> str:
    return f"<mi>{escape(text)}</mi>"


def _mo(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def _joined(parts: Sequence[str], operator: str) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{_mo(operator).join(parts)}</mrow>"


def _ml(f: Formula) -> str:
    match f:
        case Name():
            return _ml_name(f)
        case Number():
            top, _, bottom = f.text.partition("/")
            number = f"<mn>{escape(top)}</mn>"
            return f"<mfrac>{number}<mn>{escape(bottom)}</mn></mfrac>" if bottom else number
        case Sum():
            more = [f"<mtext>… ({f.omitted} more terms)</mtext>"] if f.omitted else []
            return _joined([*(_ml(t) for t in f.terms), *more], "+")
        case BigSum():
            return f"<mrow>{sigma(f)}{element(f.body, isinstance(f.body, Sum))}</mrow>"
        case Product():
            return _joined([element(t, is_loose(t)) for t in f.factors], "·")
        case Power():
            return f"<msup>{element(f.base, is_compound(f.base))}<mn>{escape(f.exponent)}</mn></msup>"
        case Quotient():
            return f"<mfrac>{_ml(f.top)}{_ml(f.bottom)}</mfrac>"
        case Mean():
            return f"<mrow><mi>𝔼</mi>{_mo('[')}{_ml(f.inside)}{_mo(']')}</mrow>"
        case Call():
            prime = _mo("′") if f.prime else ""
            return f"<mrow>{_ml(f.function)}{prime}{_mo('(')}{_joined([_ml(a) for a in f.args], ',')}{_mo(')')}</mrow>"
        case Derivative():
            top, bottom = (f"<mrow>{_mo('∂')}{_ml(part)}</mrow>" for part in (f.top, f.bottom))
            return f"<mfrac>{top}{bottom}</mfrac>"
        case Limit():
            z = _accented(_mi("Z"), f.accent)
            return f"<msup>{z}<mrow>{_mi(f.prefix) if f.prefix else ''}{_ml(f.of)}</mrow></msup>"
        case Words():
            return f"<mtext>{escape(f.text.replace(' ', NO_BREAK))}</mtext>"
        case Indexed():
            return _ml_indexed(f)
        case Row():
            return f"<mrow>{''.join(item.markup for item in row_items(f, lambda part: [Item(_ml(part))]))}</mrow>"


# text between formulas --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """An element on the outermost level of a formula; a line may break before it (2), or rather not (1, a factor)."""

    markup: str
    breaks: int = 0
    prose: bool = False


_TOKENS = re.compile(r"[ΣΠ]_\{[^}]*\}|[ΣΠ]_\w|√n|lim\b|mod\b|[^\W\d_]+|\d+|\s+|.")
_RELATIONS, _SIGNS, _OPENING = frozenset("=≡≅≤≥<>→≈∈"), frozenset("+−-"), frozenset("([⟨")
_FIXED = {
    "√n": "<msqrt><mi>n</mi></msqrt>", "mod": '<mo form="infix" lspace="0.6em" rspace="0.5em">mod</mo>',
    "lim": '<mi>lim</mi><mspace width="0.2em"></mspace>',
}  # fmt: skip


def row_items(row: Row, printed: Callable[[Formula], list[Item]]) -> list[Item]:
    """The parts of a row; text between formulas becomes operators, words and a transpose's sign."""
    items: list[Item] = []
    before = ""  # the last token of text, if no formula followed it
    for part in row.parts:
        if not isinstance(part, str):
            items += printed(part)
            before = "formula"
            continue
        for token in _TOKENS.findall(part):
            if token == "ᵀ" and items:
                items[-1] = replace(items[-1], markup=f"<msup>{items[-1].markup}{_mo('⊤')}</msup>")
            elif not token.isspace():
                items.append(_token(token, before))
                before = token
    return items


def _token(token: str, before: str) -> Item:
    if token in _RELATIONS:
        return Item(f'<mo form="infix">{escape(token)}</mo>', breaks=2)
    if token in _SIGNS:
        sign = token.replace("-", "−")
        if not before or before in _RELATIONS or before in _OPENING:
            return Item(f'<mo form="prefix">{sign}</mo>')
        return Item(f'<mo form="infix">{sign}</mo>', breaks=2)
    if token[0] in _BIG:
        return Item(_big(token))
    if token in _FIXED:
        return Item(_FIXED[token])
    if token.isdigit():
        return Item(f"<mn>{token}</mn>")
    return Item(_mi(token) if token.isalpha() else _mo(token))


def sigma(f: BigSum) -> str:
    """The sign of a sum, with what it runs over."""
    return f"<munder>{_mo('∑')}<mtext>{escape(f.over.replace(' ', NO_BREAK))}</mtext></munder>"


_BIG = {"Σ": "∑", "Π": "∏"}


def _big(token: str) -> str:
    """The sign of a sum or product in a line of text, its indices beside it."""
    sign, below = f'<mo largeop="false" rspace="0.15em">{_BIG[token[0]]}</mo>', token[2:].strip("{}")
    return f"<msub>{sign}{_mi(below)}</msub>" if below else sign


_ACCENTS = {"hat": "^", "dot": "˙", "ring": "˚", "tilde": "~"}


def _accented(base: str, accent: str) -> str:
    return f'<mover accent="true">{base}{_mo(_ACCENTS[accent])}</mover>' if accent else base


def _ml_name(f: Name) -> str:
    base = _accented(_mi(f.text), f.accent)
    base = _accented(base, "tilde" if f.tilde else "")
    if f.below and f.above:
        return f"<msubsup>{base}{_mi(f.below)}{_mi(f.above)}</msubsup>"
    if f.below:
        return f"<msub>{base}{_mi(f.below)}</msub>"
    return f"<msup>{base}{_mi(f.above)}</msup>" if f.above else base


def _ml_indexed(f: Indexed) -> str:
    base = _ml(f.base)
    if f.below and f.above:
        return f"<msubsup>{base}{_ml(f.below)}{_ml(f.above)}</msubsup>"
    if f.below:
        return f"<msub>{base}{_ml(f.below)}</msub>"
    return f"<msup>{base}{_ml(f.above)}</msup>" if f.above else base


def element(f: Formula, in_parentheses: bool = False) -> str:
    """One element, without the math element around it."""
    return f"<mrow>{_mo('(')}{_ml(f)}{_mo(')')}</mrow>" if in_parentheses else _ml(f)
