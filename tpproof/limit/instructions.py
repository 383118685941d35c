"""NETSOR⊤⁺ instructions that are no network: formulas over named vectors and scalars, and a listing of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from tpproof.program import constants
from tpproof.program.constants import Constant


@dataclass(frozen=True)
class Var:
    """A vector or scalar by its name."""

    name: str


@dataclass(frozen=True)
class Exact:
    """An exact constant; among vectors, that multiple of the vector of ones."""

    value: Constant


@dataclass(frozen=True)
class Width:
    """A power of the width n: the scalars √n and 1/√n of (82)."""

    exponent: Fraction


@dataclass(frozen=True)
class Add:
    """A sum."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True)
class Mul:
    """A coordinatewise product."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True)
class Pow:
    """A rational power."""

    base: Expr
    exponent: Fraction


@dataclass(frozen=True)
class Apply:
    """A function, or its derivative by the argument number ``prime``."""

    function: str
    args: tuple[Expr, ...]
    prime: int | None = None


@dataclass(frozen=True)
class Mean:
    """(1/n) Σ_α of a vector."""

    of: Expr


@dataclass(frozen=True)
class MatVec:
    """A x for an initial matrix A = W or Wᵀ."""

    matrix: str
    transposed: bool
    vector: Var


Expr: TypeAlias = Var | Exact | Width | Add | Mul | Pow | Apply | Mean | MatVec

MINUS = Exact(Fraction(-1))
ROOT_N, OVER_ROOT_N = Width(Fraction(1, 2)), Width(Fraction(-1, 2))


@dataclass(frozen=True)
class Instruction:
    """``name := formula`` by one of the rules NonLin⁺, MatMul, Moment; the paper's equation that it implements."""

    kind: str  # NONLIN, MATMUL, MOMENT
    name: str
    formula: Expr
    equation: str


def children(e: Expr) -> tuple[Expr, ...]:
    """The parts of a formula."""
    match e:
        case Add():
            return e.terms
        case Mul():
            return e.factors
        case Pow():
            return (e.base,)
        case Apply():
            return e.args
        case Mean():
            return (e.of,)
        case MatVec():
            return (e.vector,)
    return ()


def names_in(e: Expr) -> Iterator[str]:
    """The names that a formula reads."""
    todo = [e]
    while todo:
        top = todo.pop()
        if isinstance(top, Var):
            yield top.name
        todo.extend(children(top))


def needed(instructions: list[Instruction], outputs: set[str]) -> tuple[Instruction, ...]:
    """The instructions that the outputs rest on, in order."""
    wanted, kept = set(outputs), []
    for instruction in reversed(instructions):
        if instruction.name in wanted:
            kept.append(instruction)
            wanted.update(names_in(instruction.formula))
    return tuple(reversed(kept))


def add(terms: list[Expr]) -> Expr:
    """A sum; of one term that term."""
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def mul(*factors: Expr) -> Expr:
    """A product, nested ones flattened and ones left out."""
    flat: list[Expr] = []
    for f in factors:
        flat.extend(f.factors if isinstance(f, Mul) else (f,) if f != Exact(Fraction(1)) else ())
    if MINUS in flat:
        signs = flat.count(MINUS) % 2
        flat = [MINUS] * signs + [f for f in flat if f != MINUS]
    return flat[0] if len(flat) == 1 else Mul(tuple(flat)) if flat else Exact(Fraction(1))


def to_text(e: Expr) -> str:
    """Plain Unicode text."""
    match e:
        case Var():
            return e.name
        case Exact():
            text = constants.text(e.value)
            return text if text.isdigit() else f"({text})"
        case Width():
            return {Fraction(1, 2): "√n", Fraction(-1, 2): "(1/√n)"}.get(e.exponent, f"n^({e.exponent})")
        case Add():
            return " + ".join(to_text(t) for t in e.terms).replace("+ −", "− ")
        case Mul():
            sign = "−" if e.factors[0] == MINUS else ""
            return sign + "·".join(_factor(f) for f in e.factors[1 if sign else 0 :])
        case Pow():
            return f"{_factor(e.base)}^({e.exponent})"
        case Apply():
            prime = "" if e.prime is None else "′" if len(e.args) == 1 or e.function == "leaky_relu" else f"′{e.prime}"
            return f"{e.function}{prime}({', '.join(to_text(a) for a in e.args)})"
        case Mean():
            return f"(1/n) Σ_α [{to_text(e.of)}]_α"
        case MatVec():
            return f"{e.matrix}{'ᵀ' if e.transposed else ''} {e.vector.name}"


def _factor(e: Expr) -> str:
    text = to_text(e)
    return f"({text})" if isinstance(e, Add | Mean) or (isinstance(e, Mul) and e.factors[0] == MINUS) else text
