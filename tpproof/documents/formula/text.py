"""Formulas as plain text."""

from __future__ import annotations

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
    base,
    braced,
    inside,
)

_COMBINING = {"hat": "\u0302", "dot": "\u0307", "ring": "\u030a"}


def to_text(f: Formula) -> str:
    """Plain Unicode text."""
    match f:
        case Name():
            name = f.text + _COMBINING.get(f.accent, "") + _below(f.below)
            return name + ("~" if f.tilde else "") + _above(f.above)
        case Number():
            return f.text
        case Sum():
            more = f" + … ({f.omitted} more terms)" if f.omitted else ""
            return " + ".join(to_text(t) for t in f.terms) + more
        case BigSum():
            return f"Σ_{{{f.over}}} {braced(f.body, to_text)}"
        case Product():
            return "·".join(inside(t, to_text) for t in f.factors)
        case Power():
            return f"{base(f.base, to_text)}^{f.exponent if len(f.exponent) == 1 else f'({f.exponent})'}"
        case Quotient():
            return f"{inside(f.top, to_text)}/{inside(f.bottom, to_text)}"
        case Mean():
            return f"E[{to_text(f.inside)}]"
        case Call():
            return f"{to_text(f.function)}{'′' if f.prime else ''}({', '.join(to_text(a) for a in f.args)})"
        case Derivative():
            return f"∂{to_text(f.top)}/∂{to_text(f.bottom)}"
        case Limit():
            return f"Z{_COMBINING.get(f.accent, '')}^{{{f.prefix}{to_text(f.of)}}}"
        case Words():
            return f.text
        case Indexed():
            return to_text(f.base) + (to_text(f.below) if f.below else "") + _above(to_text(f.above) if f.above else "")
        case Row():
            return "".join(p if isinstance(p, str) else to_text(p) for p in f.parts)


def _above(text: str) -> str:
    """A superscript, in braces where it is longer than a letter."""
    return f"^{text if len(text) == 1 else f'{{{text}}}'}" if text else ""


def _below(text: str) -> str:
    """A subscript, in braces where it is a sum."""
    return f"_{{{text}}}" if "−" in text or "+" in text else text
