"""The program of one step of SGD as a listing that can be drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tpproof.documents.diagrams import Instruction
from tpproof.documents.formula import GREEK
from tpproof.limit.instructions import (
    Add,
    Apply,
    Exact,
    Expr,
    MatVec,
    Mean,
    Mul,
    Width,
    children,
    names_in,
    to_text,
)
from tpproof.limit.instructions import Instruction as Line
from tpproof.limit.unroll import unroll
from tpproof.limits import DEFAULT, Limits
from tpproof.program.listing import gvar_formula
from tpproof.program.model import Program

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_GIVEN = re.compile(r"g(?P<node>\d+)(?P<test>~?)\Z")


def instructions(program: Program, limits: Limits = DEFAULT) -> tuple[Instruction, ...]:
    """Algorithm 1 for a program: what it is given, then its lines in order."""
    unrolled = unroll(program, 1, limits)
    moments = [i.name for i in unrolled.instructions if i.kind == "MOMENT"]
    scalars = {*unrolled.scalars, *moments}
    given = [*(_vector(program, name) for name in unrolled.vectors), *map(_scalar, unrolled.scalars)]
    return (*given, *(_line(i, scalars) for i in unrolled.instructions))


def _line(i: Line, scalars: set[str]) -> Instruction:
    reads = tuple(dict.fromkeys(map(_letters, names_in(i.formula))))
    return Instruction(i.kind, _letters(i.name), to_text(i.formula), reads[::-1], _text(i.formula, scalars))


def _letters(name: str) -> str:
    """A name with Greek letters for their names, its part as an index."""
    name = re.sub(r"[A-Za-z]+", lambda match: GREEK.get(match[0], match[0]), name)
    return re.sub(r"\[(\d+)\]", lambda match: match[1].translate(_SUBSCRIPTS), name)


def _vector(program: Program, name: str) -> Instruction:
    """An initial vector of the network, or a readout."""
    match = _GIVEN.match(name)
    what = name
    if match:
        formula = gvar_formula(program, int(match["node"]))
        what = re.sub(r"(\[\d+\])?\Z", rf"{match['test']}\1", formula, count=1)
    return Instruction("vector", _letters(name), what, (), _letters(what) if match else "")


def _scalar(name: str) -> Instruction:
    return Instruction("scalar", _letters(name), _letters(name))


def _text(formula: Expr, scalars: set[str]) -> str:
    """What is applied: W, the functions of a gate, + or ⊙; Δ before the change of a function."""
    if isinstance(formula, MatVec):
        return f"{formula.matrix}{'ᵀ' if formula.transposed else ''}"
    applied = [e for e in _parts(formula) if isinstance(e, Apply)]
    functions = [_letters(e.function) + "′" * (e.prime is not None) for e in applied]
    if functions:
        changed = isinstance(formula, Mul) and any(isinstance(e, Width) for e in formula.factors)
        return ("Δ" if changed else "") + ", ".join(dict.fromkeys(functions))
    if isinstance(formula, Exact):
        return to_text(formula)
    inner = formula.of if isinstance(formula, Mean) else formula
    if isinstance(inner, Add):
        return "+"
    return "⊙" if len({*names_in(inner)} - scalars) > 1 else "×"


def _parts(formula: Expr) -> Iterator[Expr]:
    todo = [formula]
    while todo:
        top = todo.pop()
        yield top
        todo.extend(reversed(children(top)))
