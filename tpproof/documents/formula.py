"""Formulas as trees, and their three printers: plain text, LaTeX and presentation MathML.

What a reader sees in the terminal, in the paper and on the page comes from one tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias


@dataclass(frozen=True)
class Name:
    """A letter or a word, with a subscript, at ξ̃ or ξ, hatted or dotted."""

    text: str
    below: str = ""
    tilde: bool = False
    accent: str = ""  # "hat", "dot" or "ring"
    above: str = ""  # a plain superscript


@dataclass(frozen=True)
class Number:
    """An integer, or a quotient of two."""

    text: str


@dataclass(frozen=True)
class Sum:
    """a + b + …; ``omitted`` terms are not written, and said so."""

    terms: tuple[Formula, ...]
    omitted: int = 0


@dataclass(frozen=True)
class Product:
    """a·b·…; coordinatewise products print the same."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True)
class Power:
    """base^exponent."""

    base: Formula
    exponent: str


@dataclass(frozen=True)
class Quotient:
    """top/bottom."""

    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Mean:
    """E[inside]."""

    inside: Formula


@dataclass(frozen=True)
class Call:
    """f(a, b, …), with a prime for a derivative."""

    function: Name
    args: tuple[Formula, ...]
    prime: bool = False


@dataclass(frozen=True)
class Derivative:
    """∂x/∂a."""

    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Limit:
    """Z^x, the limit law of a vector or of its change or error signal (``prefix`` δ or d)."""

    of: Formula
    prefix: str = ""
    accent: str = ""


@dataclass(frozen=True)
class Words:
    """Prose inside a formula, ASCII."""

    text: str


@dataclass(frozen=True)
class Row:
    """Parts side by side, plain text among them."""

    parts: tuple[Formula | str, ...]


Formula: TypeAlias = (
    Name | Number | Sum | Product | Power | Quotient | Mean | Call | Derivative | Limit | Words | Row
)

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_TEX_LETTER = {letter: f"\\{name}" for name, letter in GREEK.items()} | {"ε": r"\varepsilon", "φ": r"\varphi"}


def letter(name: str) -> str:
    """A Greek letter for its name."""
    return GREEK.get(name, name)


def product(factors: Sequence[Formula]) -> Formula:
    """A product, of one factor that factor, of none 1."""
    if len(factors) == 1:
        return factors[0]
    return Product(tuple(factors)) if factors else Number("1")


def total(terms: Sequence[Formula], limit: int = 10**9) -> Formula:
    """A sum, of one term that term, of none 0; beyond `limit` terms the others are counted, not written."""
    if len(terms) == 1:
        return terms[0]
    return Sum(tuple(terms[:limit]), max(0, len(terms) - limit)) if terms else Number("0")


# plain text -----------------------------------------------------------------------------------------------


_COMBINING = {"hat": "\u0302", "dot": "\u0307", "ring": "\u030a"}


def to_text(f: Formula) -> str:
    """Plain Unicode text."""
    match f:
        case Name():
            name = f.text + _COMBINING.get(f.accent, "") + f.below
            return name + ("~" if f.tilde else "") + (f"^{f.above}" if f.above else "")
        case Number():
            return f.text
        case Sum():
            more = f" + … ({f.omitted} more terms)" if f.omitted else ""
            return " + ".join(to_text(t) for t in f.terms) + more
        case Product():
            return "·".join(_inside(t, to_text) for t in f.factors)
        case Power():
            return f"{_base(f.base, to_text)}^{f.exponent if len(f.exponent) == 1 else f'({f.exponent})'}"
        case Quotient():
            return f"{_inside(f.top, to_text)}/{_inside(f.bottom, to_text)}"
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
        case Row():
            return "".join(p if isinstance(p, str) else to_text(p) for p in f.parts)


Printer: TypeAlias = Callable[[Formula], str]


def _is_loose(f: Formula) -> bool:
    """Whether a factor of a product stands in parentheses."""
    return isinstance(f, Sum) or (isinstance(f, Number) and f.text.startswith("-"))


def _is_compound(f: Formula) -> bool:
    """Whether a base of a power stands in parentheses."""
    if isinstance(f, Number):
        return not f.text.isdigit()
    return bool(f.above) if isinstance(f, Name) else not isinstance(f, (Mean, Call))


def _inside(f: Formula, printer: Printer) -> str:
    text = printer(f)
    return f"({text})" if _is_loose(f) or (isinstance(f, Number) and "/" in f.text) else text


def _base(f: Formula, printer: Printer) -> str:
    text = printer(f)
    return f"({text})" if _is_compound(f) else text


# LaTeX ----------------------------------------------------------------------------------------------------


def _tex_word(text: str) -> str:
    if len(text) == 1:
        return _TEX_LETTER.get(text, text)
    return r"\mathrm{" + "".join(_TEX_LETTER.get(c, "\\_" if c == "_" else c) for c in text) + "}"


_TEX_ACCENTS = {"hat": "hat", "dot": "dot", "ring": "mathring"}
_TEX_SYMBOLS = {
    "·": r"\cdot ", "≡": r"\equiv ", "Σ": r"\sum ", "−": "-", "α": r"\alpha ", "χ": r"\chi ",
    "√n": r"\sqrt{n}", "ᵀ": r"^{\top}", "⊙": r"\odot ", "…": r"\dots ", "δ": r"\delta ", "lim ": r"\lim ",
    "ξ": r"\xi ", " mod ": r"\ \mathrm{mod}\ ",
}  # fmt: skip


def tex_symbols(text: str) -> str:
    """Mathematical text between formulas."""
    for symbol, command in _TEX_SYMBOLS.items():
        text = text.replace(symbol, command)
    return text


def to_latex(f: Formula) -> str:
    """LaTeX, for math mode."""
    match f:
        case Name():
            base = _tex_word(f.text)
            base = f"\\{_TEX_ACCENTS[f.accent]}{{{base}}}" if f.accent else base
            base = f"\\tilde{{{base}}}" if f.tilde else base
            base += f"_{{{tex_symbols(f.below.replace('_', chr(92) + '_'))}}}" if f.below else ""
            return base + (f"^{{{f.above}}}" if f.above else "")
        case Number():
            top, _, bottom = f.text.partition("/")
            return f"\\tfrac{{{top}}}{{{bottom}}}" if bottom else f.text
        case Sum():
            more = f" + \\dots\\ (\\text{{{f.omitted} more terms}})" if f.omitted else ""
            return " + ".join(to_latex(t) for t in f.terms) + more
        case Product():
            return r"\,".join(f"({to_latex(t)})" if _is_loose(t) else to_latex(t) for t in f.factors)
        case Power():
            return f"{{{_base(f.base, to_latex)}}}^{{{f.exponent}}}"
        case Quotient():
            return f"\\frac{{{to_latex(f.top)}}}{{{to_latex(f.bottom)}}}"
        case Mean():
            return f"\\mathbb{{E}}[{to_latex(f.inside)}]"
        case Call():
            prime = "'" if f.prime else ""
            return f"{to_latex(f.function)}{prime}({', '.join(to_latex(a) for a in f.args)})"
        case Derivative():
            return f"\\frac{{\\partial {to_latex(f.top)}}}{{\\partial {to_latex(f.bottom)}}}"
        case Limit():
            letter_z = f"\\{_TEX_ACCENTS[f.accent]}{{Z}}" if f.accent else "Z"
            return f"{letter_z}^{{{tex_symbols(f.prefix)}{to_latex(f.of)}}}"
        case Words():
            return f"\\text{{{f.text}}}"
        case Row():
            return "".join(tex_symbols(p) if isinstance(p, str) else to_latex(p) for p in f.parts)


# MathML ---------------------------------------------------------------------------------------------------


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
        case Product():
            return _joined([_ml_inside(t, _is_loose(t)) for t in f.factors], "·")
        case Power():
            return f"<msup>{_ml_inside(f.base, _is_compound(f.base))}<mn>{escape(f.exponent)}</mn></msup>"
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


def _ml_inside(f: Formula, in_parentheses: bool) -> str:
    return f"<mrow>{_mo('(')}{_ml(f)}{_mo(')')}</mrow>" if in_parentheses else _ml(f)
