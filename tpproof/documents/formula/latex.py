"""Formulas as LaTeX."""

from __future__ import annotations

from tpproof.documents.formula.tree import (
    GREEK,
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
    is_loose,
)

_TEX_LETTER = {letter: f"\\{name}" for name, letter in GREEK.items()} | {"ε": r"\varepsilon", "φ": r"\varphi"}

_TEX_CAPITAL = {"Σ": r"\Sigma", "Θ": r"\Theta", "𝒦": r"\mathcal{K}"}


def _tex_word(text: str) -> str:
    if len(text) == 1:
        return _TEX_LETTER.get(text, _TEX_CAPITAL.get(text, text))
    return r"\mathrm{" + "".join(_TEX_LETTER.get(c, "\\_" if c == "_" else c) for c in text) + "}"


_TEX_ACCENTS = {"hat": "hat", "dot": "dot", "ring": "mathring"}
_TEX_SYMBOLS = {
    "·": r"\cdot ", "≡": r"\equiv ", "Σ": r"\sum ", "Π": r"\prod ", "−": "-", "α": r"\alpha ", "χ": r"\chi ",
    "√n": r"\sqrt{n}", "ᵀ": r"^{\top}", "⊙": r"\odot ", "…": r"\dots ", "δ": r"\delta ", "lim ": r"\lim ",
    "ξ": r"\xi ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "→": r"\to ", "•": r"\bullet ", "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "∂": r"\partial ", "κ": r"\kappa ", "σ": r"\sigma ", "γ": r"\gamma ", "η": r"\eta ", "²": "^{2}", " mod ": r"\ "
    r"\mathrm{mod}\ ",
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
            name = _tex_word(f.text)
            name = f"\\{_TEX_ACCENTS[f.accent]}{{{name}}}" if f.accent else name
            name = f"\\tilde{{{name}}}" if f.tilde else name
            name += f"_{{{tex_symbols(f.below.replace('_', chr(92) + '_'))}}}" if f.below else ""
            return name + (f"^{{{tex_symbols(f.above)}}}" if f.above else "")
        case Number():
            top, _, bottom = f.text.partition("/")
            return f"\\tfrac{{{top}}}{{{bottom}}}" if bottom else f.text
        case Sum():
            more = f" + \\dots\\ (\\text{{{f.omitted} more terms}})" if f.omitted else ""
            return " + ".join(to_latex(t) for t in f.terms) + more
        case BigSum():
            return f"\\sum_{{{tex_symbols(f.over)}}} {braced(f.body, to_latex)}"
        case Product():
            return r"\,".join(f"({to_latex(t)})" if is_loose(t) else to_latex(t) for t in f.factors)
        case Power():
            return f"{{{base(f.base, to_latex)}}}^{{{f.exponent}}}"
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
        case Indexed():
            below = f"_{{{to_latex(f.below)}}}" if f.below else ""
            return to_latex(f.base) + below + (f"^{{{to_latex(f.above)}}}" if f.above else "")
        case Row():
            return "".join(tex_symbols(p) if isinstance(p, str) else to_latex(p) for p in f.parts)
