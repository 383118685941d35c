"""What an expression of the language can be, and the operations on it.

The interpreter of `.tp` text and the tracing of Python functions both end here, so that the same words build the
same program. Plain numbers are `int` and `Fraction`; `Number` is an exact constant that is neither, such as sqrt(2).
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering
from typing import Any, TypeAlias

from tpproof.errors import TpproofError
from tpproof.program import constants
from tpproof.program.builder import Builder
from tpproof.program.constants import Constant
from tpproof.program.model import Kind

Operand: TypeAlias = Any
"""A `Value`, or a plain number."""


class Value:
    """Python's operators, meaning the language's."""

    __array_ufunc__ = None  # NumPy arrays leave the operators to us

    def __add__(self, other: Operand) -> Operand:
        return add(self, other)

    def __radd__(self, other: Operand) -> Operand:
        return add(other, self)

    def __sub__(self, other: Operand) -> Operand:
        return subtract(self, other)

    def __rsub__(self, other: Operand) -> Operand:
        return subtract(other, self)

    def __mul__(self, other: Operand) -> Operand:
        return multiply(self, other)

    def __rmul__(self, other: Operand) -> Operand:
        return multiply(other, self)

    def __truediv__(self, other: Operand) -> Operand:
        return divide(self, other)

    def __rtruediv__(self, other: Operand) -> Operand:
        return divide(other, self)

    def __pow__(self, other: Operand) -> Operand:
        return power(self, other)

    def __rpow__(self, other: Operand) -> Operand:
        return power(other, self)

    def __matmul__(self, other: Operand) -> Operand:
        return matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Operand:
        return matmul(other, self)

    def __neg__(self) -> Operand:
        return negate(self)

    def __pos__(self) -> Operand:
        return add(self, Fraction(0))

    def __abs__(self) -> Operand:
        return Function("abs")(self)

    def __bool__(self) -> bool:
        raise TpproofError("E102", f"{describe(self)} as a condition", "a condition on constants")


@total_ordering
@dataclass(frozen=True)
class Number(Value):
    """An exact constant that is no fraction."""

    value: Constant

    def __lt__(self, other: object) -> bool:
        exact = constant_of(other)
        return NotImplemented if exact is None else constants.compare(self.value, exact) < 0

    def __bool__(self) -> bool:
        return constants.sign(self.value) != 0

    def __str__(self) -> str:
        return constants.text(self.value)


@dataclass(frozen=True, eq=False)
class Expression(Value):
    """A vector or a scalar of the program."""

    builder: Builder
    node: int

    @property
    def kind(self) -> Kind:
        return self.builder.kinds[self.node]


@dataclass(frozen=True, eq=False)
class Matrix(Value):
    """An n×n matrix, or its transpose."""

    builder: Builder
    parameter: int
    transposed: bool = False

    @property
    def T(self) -> Matrix:
        """The transpose."""
        return Matrix(self.builder, self.parameter, not self.transposed)


@dataclass(frozen=True, eq=False)
class Embedding(Value):
    """An n×d matrix, applied to inputs."""

    builder: Builder
    parameter: int


@dataclass(frozen=True, eq=False)
class Readout(Value):
    """A readout vector."""

    builder: Builder
    parameter: int


@dataclass(frozen=True, eq=False)
class OutputSum(Value):
    """A sum of readout terms, with an output bias or none: what `output` takes."""

    builder: Builder
    terms: tuple[tuple[int, int], ...] = ()
    biases: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class InputVector(Value):
    """One input vector, or a tuple of ``count`` of them."""

    builder: Builder
    index: int
    part: int | None = None

    @property
    def count(self) -> int | None:
        return None if self.part is not None else self.builder.inputs[self.index].count

    def __len__(self) -> int:
        if self.count is None:
            raise TpproofError("E124", "len of one input vector", "an input with a count", self.builder.place)
        return self.count

    def __getitem__(self, part: Operand) -> InputVector:
        return InputVector(self.builder, self.index, index_in(part, len(self), self.builder))

    def __iter__(self) -> Iterator[InputVector]:
        return (self[part] for part in range(len(self)))

    def __bool__(self) -> bool:
        return Value.__bool__(self)


@dataclass(frozen=True)
class Function:
    """A known or declared coordinatewise function."""

    name: str

    def __call__(self, *args: Operand) -> Operand:
        values = [constant_of(a) for a in args]
        if self.name == "identity" and len(args) == 1 and values[0] is not None:
            return args[0]
        if self.name == "sqrt" and len(args) == 1 and values[0] is not None:
            return number(constants.power(values[0], Fraction(1, 2)))
        if self.name == "abs" and len(args) == 1 and values[0] is not None:
            return number(constants.mul(Fraction(constants.sign(values[0])), values[0]))
        builder = builder_of(args)
        if builder is None:
            found = ", ".join(describe(a) for a in args) or "nothing"
            raise TpproofError("E123", f"{self.name} of {found}", "a vector or a scalar")
        return Expression(builder, builder.apply(self.name, *(node_of(builder, a, self.name) for a in args)))

    def __str__(self) -> str:
        return self.name


def describe(value: object) -> str:
    """A value in a message."""
    match value:
        case Expression():
            return f"a {value.kind.value}"
        case Matrix():
            name = value.builder.parameters[value.parameter].name
            return f"the matrix {name}{'.T' if value.transposed else ''}"
        case Embedding() | Readout():
            return f"the {type(value).__name__.lower()} {value.builder.parameters[value.parameter].name}"
        case OutputSum():
            return "a readout term (v @ x)"
        case InputVector():
            return f"the input {value.builder.inputs[value.index].name}"
        case Function():
            return f"the function {value.name}"
        case Number():
            return f"the constant {value}"
        case bool() | None:
            return str(value)
        case str():
            return f"the text {value[:60]!r}"
        case list() | tuple():
            return f"a {type(value).__name__} of {len(value)}"
        case numbers.Rational():
            return f"the number {str(value)[:60]}"
    return f"{'the number ' if isinstance(value, float) else ''}{str(value)[:60]}"


# numbers --------------------------------------------------------------------------------------------------


def constant_of(value: object) -> Constant | None:
    """The exact constant that a value is, or None.

    A float (from Python, never from `.tp` text) is the simplest fraction that rounds to it, or its decimal digits
    when they are few; otherwise it is refused, because nobody can know what was meant.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool | str):
        return None
    if isinstance(value, Number):
        return value.value
    if isinstance(value, numbers.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return constants.from_float(float(value)) if isinstance(value, float) else None


def number(value: Constant) -> int | Fraction | Number:
    """An exact constant as the language hands it on; whole ones are `int`, so that Python counts with them."""
    return Number(value) if not isinstance(value, Fraction) else int(value) if value.denominator == 1 else value


def whole(value: object) -> int | None:
    """The integer that a value is, or None."""
    exact = constant_of(value)
    return exact.numerator if isinstance(exact, Fraction) and exact.denominator == 1 else None


def index_in(value: object, length: int, builder: Builder | None = None) -> int:
    """An index counted from the front; negative ones count from the end. Raises E124."""
    position = whole(value)
    if position is None or not -length <= position < length:
        place = builder.place if builder else None
        found = str(position) if position is not None else describe(value)
        raise TpproofError("E124", f"index {found}", f"an integer from 0 to {length - 1}", place)
    return position % length


# nodes ----------------------------------------------------------------------------------------------------


def builder_of(values: Iterable[object]) -> Builder | None:
    """The one program that these values belong to. Raises E102 when there are two."""
    found: Builder | None = None
    for value in values:
        builder = getattr(value, "builder", None)
        if builder is not None and found is not None and builder is not found:
            raise TpproofError("E102", "values of two different networks", "values of one network", found.place)
        found = found or builder
    return found


def node_of(builder: Builder, value: object, where: str) -> int:
    """The node of an operand. Raises E120, E121 or E122 for what is neither vector, scalar nor constant."""
    if isinstance(value, Expression):
        return value.node
    exact = constant_of(value)
    if exact is not None:
        return builder.constant(exact)
    hints = {Matrix: "W @ x", Embedding: "U @ xi", InputVector: "U @ xi, an embedded input"}
    if isinstance(value, Readout | OutputSum):
        raise TpproofError("E122", f"{describe(value)} in {where}", "readouts in output(v @ x) only", builder.place)
    expected = next((h for cls, h in hints.items() if isinstance(value, cls)), "a vector, a scalar or a constant")
    raise TpproofError("E120", f"{describe(value)} in {where}", expected, builder.place)


def combine(where: str, values: Sequence[object]) -> tuple[Builder, list[int]]:
    """The operands of one operation as nodes of one program."""
    builder = builder_of(values)
    if builder is None:
        found = " and ".join(describe(v) for v in values)
        raise TpproofError("E120", f"{found} in {where}", "vectors, scalars or constants")
    return builder, [node_of(builder, v, where) for v in values]


# operations -----------------------------------------------------------------------------------------------


def total(values: Sequence[Operand]) -> Operand:
    """The sum of several values in one instruction; 0 + x is x, so that a sum may start at 0."""
    exact = [constant_of(v) for v in values]
    if all(c is not None for c in exact):
        return number(constants.add(*(c for c in exact if c is not None)))
    rest = [v for v, c in zip(values, exact, strict=True) if c != 0]
    if any(isinstance(v, OutputSum) for v in rest):
        return _output_total(rest)
    if len(rest) == 1 and isinstance(rest[0], Expression):
        return rest[0]
    builder, nodes = combine("a sum", rest)
    return Expression(builder, builder.add(*nodes))


def _output_total(values: Sequence[Operand]) -> OutputSum:
    builder = builder_of(values)
    assert builder is not None
    terms: list[tuple[int, int]] = []
    biases: list[int] = []
    for value in values:
        if not isinstance(value, OutputSum):
            found = f"a readout term plus {describe(value)}"
            raise TpproofError("E122", found, "a sum of readout terms and one output bias", builder.place)
        terms += value.terms
        biases += value.biases
    return OutputSum(builder, tuple(terms), tuple(biases))


def add(a: Operand, b: Operand) -> Operand:
    """a + b."""
    return total([a, b])


def negate(a: Operand) -> Operand:
    """-a."""
    return multiply(Fraction(-1), a)


def subtract(a: Operand, b: Operand) -> Operand:
    """a - b."""
    return total([a, negate(b)])


def multiply(a: Operand, b: Operand) -> Operand:
    """a * b, coordinatewise."""
    x, y = constant_of(a), constant_of(b)
    if x is not None and y is not None:
        return number(constants.mul(x, y))
    builder, nodes = combine("a product", [a, b])
    return Expression(builder, builder.mul(*nodes))


def divide(a: Operand, b: Operand) -> Operand:
    """a / b, coordinatewise."""
    return multiply(a, power(b, Fraction(-1)))


def power(a: Operand, b: Operand) -> Operand:
    """a ** b with a rational b."""
    exponent = constant_of(b)
    builder = builder_of([a, b])
    if not isinstance(exponent, Fraction):
        place = builder.place if builder else None
        raise TpproofError("E123", f"the exponent {describe(b)}", "a rational number; exp for powers of e", place)
    base = constant_of(a)
    if base is not None:
        return number(constants.power(base, exponent))
    builder, nodes = combine("a power", [a])
    return Expression(builder, builder.power(nodes[0], exponent))


def matmul(a: Operand, b: Operand) -> Operand:
    """W @ x, W.T @ x, U @ xi, v @ x."""
    builder = builder_of([a, b])
    place = builder.place if builder else None
    match a, b:
        case Matrix(), Expression():
            return Expression(a.builder, a.builder.matmul(a.parameter, a.transposed, b.node))
        case Embedding(), InputVector():
            if b.count is not None:
                name = b.builder.inputs[b.index].name
                raise TpproofError("E121", f"{describe(b)}, a tuple of {b.count}", f"one of them: {name}[0]", place)
            return Expression(a.builder, a.builder.embed(a.parameter, b.index, b.part or 0))
        case Readout(), Expression():
            if b.kind is Kind.VECTOR:
                return OutputSum(a.builder, ((a.parameter, b.node),))
    expected = {Matrix: "W @ x with a vector x (and W @ (V @ x) for two)", Embedding: "U @ xi with an input xi"}
    allowed = next((e for cls, e in expected.items() if isinstance(a, cls)), "W @ x, U @ xi or v @ x")
    raise TpproofError("E121", f"{describe(a)} @ {describe(b)}", allowed, place)
