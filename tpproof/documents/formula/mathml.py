"""Formulas as presentation MathML."""

from __future__ import annotations

from collections.abc import Sequence
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


def to_mathml(f: Formula) -> str:
    """Presentation MathML, well-formed, every name escaped."""
    return f"<math>{_ml(f)}</math>"


def _mi(text: str) -> str:
    return f"<mi>{escape(text)}</mi>"


def _mo(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def _joined(parts: Sequence[str], operator: str) -> str:
    return f"<mrow>{_mo(operator).join(parts)}</mrow>"


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
            over = f"<munder>{_mo('∑')}<mtext>{escape(f.over)}</mtext></munder>"
            return f"<mrow>{over}{_ml_inside(f.body, isinstance(f.body, Sum))}</mrow>"
        case Product():
            return _joined([_ml_inside(t, is_loose(t)) for t in f.factors], "·")
        case Power():
            return f"<msup>{_ml_inside(f.base, is_compound(f.base))}<mn>{escape(f.exponent)}</mn></msup>"
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
            return f"<mtext>{escape(f.text)}</mtext>"
        case Indexed():
            return _ml_indexed(f)
        case Row():
            return f"<mrow>{''.join(_mo(p) if isinstance(p, str) else _ml(p) for p in f.parts)}</mrow>"


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


def _ml_inside(f: Formula, in_parentheses: bool) -> str:
    return f"<mrow>{_mo('(')}{_ml(f)}{_mo(')')}</mrow>" if in_parentheses else _ml(f)
