"""Formulas as trees: what a reader sees in the terminal, in the paper and on the page comes from one tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
class BigSum:
    """Σ over indices, in words as "i, j = 0, …, 3", of a body."""

    over: str
    body: Formula


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
class Indexed:
    """A formula with formulas as its sub- and superscript."""

    base: Formula
    below: Formula | None = None
    above: Formula | None = None


@dataclass(frozen=True)
class Row:
    """Parts side by side, plain text among them."""

    parts: tuple[Formula | str, ...]


Formula: TypeAlias = (
    Name | Number | Sum | BigSum | Product | Power | Quotient | Mean | Call | Derivative | Limit | Words | Indexed | Row
)

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip


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


# what stands in parentheses ---------------------------------------------------------------------------------


Printer: TypeAlias = Callable[[Formula], str]


def is_loose(f: Formula) -> bool:
    """Whether a factor of a product stands in parentheses."""
    return isinstance(f, (Sum, BigSum)) or (isinstance(f, Number) and f.text.startswith("-"))


def is_compound(f: Formula) -> bool:
    """Whether a base of a power stands in parentheses."""
    if isinstance(f, Number):
        return not f.text.isdigit()
    if isinstance(f, (Name, Indexed)):
        return bool(f.above)
    return not isinstance(f, (Mean, Call))


def inside(f: Formula, printer: Printer) -> str:
    text = printer(f)
    return f"({text})" if is_loose(f) or (isinstance(f, Number) and "/" in f.text) else text


def base(f: Formula, printer: Printer) -> str:
    text = printer(f)
    return f"({text})" if is_compound(f) else text


def braced(f: Formula, printer: Printer) -> str:
    """A body, in parentheses where it is a sum itself."""
    return f"({printer(f)})" if isinstance(f, Sum) else printer(f)
