"""The words of the language: declarations and functions that build the program being read or traced."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from linecache import getline

from tpproof.errors import Place, TpproofError
from tpproof.language.values import (
    Embedding,
    Expression,
    Function,
    InputVector,
    Matrix,
    Operand,
    OutputSum,
    Readout,
    combine,
    constant_of,
    describe,
    divide,
    total,
    whole,
)
from tpproof.limits import DEFAULT, Limits
from tpproof.program.builder import Builder
from tpproof.program.constants import ONE, ZERO, Constant
from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import Program

_BUILDER: ContextVar[Builder] = ContextVar("tpproof_builder")


@contextmanager
def building(builder: Builder) -> Iterator[Builder]:
    """Within it, declarations go to `builder`."""
    token = _BUILDER.set(builder)
    try:
        yield builder
    finally:
        _BUILDER.reset(token)


def _builder() -> Builder:
    builder = _BUILDER.get(None)
    if builder is None:
        raise TpproofError("E102", "a declaration outside of a network", "a function decorated with @network")
    return builder


class TracingBuilder(Builder):
    """A builder whose place is the line of the user's Python code that runs now."""

    @property
    def place(self) -> Place | None:
        frame = sys._getframe(1)
        while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("tpproof."):
            if frame.f_back is None:
                return None
            frame = frame.f_back
        file, line = frame.f_code.co_filename, frame.f_lineno
        text = getline(file, line).rstrip("\n")
        return Place(file, line, len(text) - len(text.lstrip()) + 1, text)

    @place.setter
    def place(self, place: Place | None) -> None:
        pass


def trace(function: Callable[[], object], name: str, limits: Limits = DEFAULT) -> Program:
    """The program that a Python function builds."""
    with building(TracingBuilder(limits)) as builder:
        function()
        return builder.program(name)


# declarations -----------------------------------------------------------------------------------------------


def input(name: str, count: Operand = None) -> InputVector:
    """One input vector in R^d, or with a count a tuple of them, indexed ``xi[t]``."""
    builder = _builder()
    number = whole(count)
    if count is not None and number is None:
        raise TpproofError("E112", f"count={describe(count)}", "a positive integer", builder.place)
    return InputVector(builder, builder.input(name, number))


def _parameter(
    kind: str, name: str, std: Operand, scale: Operand, lr: Operand, trained: Operand,
    rows: Operand = 1, cols: Operand = 1,
) -> int:  # fmt: skip
    builder = _builder()
    if trained not in (True, False):
        raise TpproofError("E112", f"trained={describe(trained)}", "True or False", builder.place)
    if not trained and lr not in (None, 0):
        raise TpproofError("E112", f"trained=False with lr={describe(lr)}", "one of the two", builder.place)
    values: list[Constant] = []
    rate = (ONE if trained else ZERO) if lr is None else lr
    for label, value in (("std", std), ("scale", scale), ("lr", rate), ("rows", rows), ("cols", cols)):
        exact = constant_of(value)
        if exact is None:
            raise TpproofError("E112", f"{label}={describe(value)} for {name!r}", "an exact number", builder.place)
        values.append(exact)
    return builder.parameter(kind, name, *values)


def embedding(
    name: str, *, std: Operand = 1, scale: Operand = 1, lr: Operand = None, trained: Operand = True, rows: Operand = 1
) -> Embedding:
    """A rows·n × d matrix with entries scale·u/√d, u ~ N(0, std²)."""
    return Embedding(_builder(), _parameter("embedding", name, std, scale, lr, trained, rows))


def matrix(
    name: str, *, std: Operand = 1, scale: Operand = 1, lr: Operand = None, trained: Operand = True,
    rows: Operand = 1, cols: Operand = 1,
) -> Matrix:  # fmt: skip
    """A rows·n × cols·n matrix with entries scale·w/√(cols·n), w ~ N(0, std²)."""
    return Matrix(_builder(), _parameter("matrix", name, std, scale, lr, trained, rows, cols))


def bias(
    name: str, *, std: Operand = 1, scale: Operand = 1, lr: Operand = None, trained: Operand = True, rows: Operand = 1
) -> Expression:
    """A vector parameter of length rows·n with entries scale·β, β ~ N(0, std²): biases, gains."""
    builder = _builder()
    return Expression(builder, builder.bias(_parameter("bias", name, std, scale, lr, trained, rows)))


def readout(
    name: str, *, std: Operand = 1, scale: Operand = 1, lr: Operand = None, trained: Operand = True, rows: Operand = 1
) -> Readout:
    """A readout v = scale·ν, ν ~ N(0, std²), used as vᵀx/√n, x of length rows·n (then n is rows·n)."""
    return Readout(_builder(), _parameter("readout", name, std, scale, lr, trained, rows))


def output_bias(
    name: str, *, std: Operand = 1, scale: Operand = 1, lr: Operand = None, trained: Operand = True
) -> OutputSum:
    """A trained scalar that is added to an output."""
    return OutputSum(_builder(), (), (_parameter("output_bias", name, std, scale, lr, trained),))


def nonlinearity(name: str, arity: Operand = 1) -> Function:
    """An abstract nonlinearity, smooth with polynomially bounded derivatives."""
    builder = _builder()
    count = whole(arity)
    if count is None:
        raise TpproofError("E112", f"arity={describe(arity)}", "an integer from 1 to 8", builder.place)
    return Function(builder.nonlinearity(name, count))


def ones() -> Expression:
    """The vector (1, …, 1)."""
    return Expression(_builder(), _builder().ones())


def zeros() -> Expression:
    """The vector (0, …, 0)."""
    return Expression(_builder(), _builder().zeros())


def sum(values: object) -> Operand:
    """The sum of a list, in one instruction."""
    if not hasattr(values, "__iter__"):
        raise TpproofError("E123", f"sum of {describe(values)}", "sum([a, b, …])", _builder().place)
    items = list(values)
    return total(items) if items else ZERO


def softmax(values: Sequence[Operand]) -> list[Operand]:
    """exp(s_i) / Σ_j exp(s_j)."""
    if not isinstance(values, list | tuple) or not values:
        raise TpproofError("E123", f"softmax of {describe(values)}", "softmax([s1, s2, …])")
    exps = [Function("exp")(s) for s in values]
    denominator = total(exps) if len(exps) > 1 else exps[0]
    return [divide(e, denominator) for e in exps]


def mean(x: Operand) -> Expression:
    """Moment: (1/n) Σ_α x_α."""
    builder, nodes = combine("mean", [x])
    return Expression(builder, builder.mean(nodes[0]))


def width() -> Expression:
    """The number n. What depends on it, such as sqrt(width())*mean(q*k), has no limit and is refused."""
    return Expression(_builder(), _builder().width())


def output(term: Operand) -> None:
    """Declare an output: a sum of readout terms, with an output bias or none."""
    builder = _builder()
    if not isinstance(term, OutputSum):
        raise TpproofError("E131", f"output of {describe(term)}", "output(v @ x)", builder.place)
    if len(term.biases) > 1:
        raise TpproofError("E131", f"{len(term.biases)} output biases", "at most one", builder.place)
    builder.output(list(term.terms), term.biases[0] if term.biases else None)


KNOWN_FUNCTIONS: dict[str, Function] = {name: Function(name) for name in (*FUNCTIONS, "identity", "sqrt")}

DECLARATIONS: dict[str, Callable[..., Operand]] = {
    "input": input,
    "embedding": embedding,
    "matrix": matrix,
    "bias": bias,
    "readout": readout,
    "output_bias": output_bias,
    "nonlinearity": nonlinearity,
    "ones": ones,
    "zeros": zeros,
    "mean": mean,
    "width": width,
    "softmax": softmax,
    "sum": sum,
    "output": output,
}
"""Every word but the known functions; `range` and `len` are the interpreter's own."""
