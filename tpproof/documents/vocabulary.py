"""Vectors, atoms and sums of a certificate as formulas."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tpproof.documents.formula import (
    Call,
    Derivative,
    Formula,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Row,
    Sum,
    letter,
    product,
    total,
)
from tpproof.program.canonical import from_json
from tpproof.program.constants import Constant
from tpproof.program.model import GVAR_OPS, Kind, Parameter, Program

LAWS = ("sigma2", "kappa")
TERMS_SHOWN = 12
"""Terms of one step's sum that are written out."""


def constant(c: Constant) -> Formula:
    """An exact constant."""
    if isinstance(c, Fraction):
        return Number(str(c))
    if c[0] == "add":
        return Sum(tuple(constant(part) for part in c[1]))
    if c[0] == "mul":
        return Product(tuple(constant(part) for part in c[1]))
    return Power(constant(c[1]), str(c[2]))


class Vocabulary:
    """How the vectors and atoms of one certificate are written."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.program: Program = from_json(data["network"])
        self.atoms: list[list[Any]] = data["atoms"]
        self.steps: list[dict[str, Any]] = data["steps"]
        self.contracted = {step["conclusion"][1] for step in self.steps if step["rule"] == "contract"}
        self._atoms: dict[int, Formula] = {}
        self._laws: dict[tuple[str, int, bool], Constant] = {}
        values = [self.law_value(str(a[0]), a[1], a[2]) if a[0] in LAWS else None for a in self.atoms]
        self.unit = {k for k, value in enumerate(values) if value == 1}  # positions of atoms whose value is 1
        self.zero = {k for k, value in enumerate(values) if value == 0}

    def law_value(self, kind: str, p: int, transposed: int = 0) -> Constant:
        """The value of σ² ("sigma2") or κ ("kappa") of a parameter."""
        key = kind, p, bool(transposed)
        if key not in self._laws:
            parameter: Parameter = self.program.parameters[p]
            of = parameter.variance if kind == "sigma2" else parameter.rate
            self._laws[key] = of(bool(transposed))
        return self._laws[key]

    # vectors ----------------------------------------------------------------------------------------------

    def vector(self, r: int, tilde: bool = False) -> Formula:
        """g₄, x₅, or ĝ₄ for the hat of a contracted MatMul; θ₆; a constant."""
        if r < 0:
            return Name("g", str(~r), tilde, "hat")
        node = self.program.nodes[r]
        if node.op == "const":
            return constant(node.data[0])
        kind = "g" if node.op in GVAR_OPS else "θ" if self.program.kinds[r] is Kind.SCALAR else "x"
        return Name(kind, str(r), tilde)

    def parameter(self, p: int) -> Name:
        return Name(letter(self.program.parameters[p].name))

    def law(self, symbol: str, p: int, transposed: int = 0) -> Formula:
        """σ² or κ of a parameter."""
        name = self.parameter(p).text
        name += "ᵀ" if transposed and self.program.parameters[p].ratio(True) != 1 else ""
        return Name(symbol, name, above="2" if symbol == "σ" else "")

    def input(self, i: int, part: int, tilde: bool) -> Name:
        declared = self.program.inputs[i]
        return Name(letter(declared.name), str(part) if declared.count is not None else "", tilde)

    def value(self, x: int, tilde: bool) -> Formula:
        """A vector by its definition where that is one function call, else by its name."""
        node = self.program.nodes[x] if x >= 0 else None
        if node is None or node.op != "call":
            return self.vector(x, tilde)
        return Call(Name(letter(node.data[0])), tuple(self.vector(a, tilde) for a in node.args))

    def derivative(self, x: int, a: int, tilde: bool) -> Formula:
        """φ′(g) where x = φ(g), else ∂x/∂a."""
        node = self.program.nodes[x]
        if node.op == "call" and node.args == (a,):
            return Call(Name(letter(node.data[0])), (self.vector(a, tilde),), True)
        return Derivative(self.vector(x, tilde), self.vector(a, tilde))

    def definition(self, k: int) -> Formula:
        """The right side of an instruction."""
        node = self.program.nodes[k]
        args = [self.vector(a) for a in node.args]
        match node.op:
            case "ones":
                return Number("1")
            case "width":
                return Name("n")
            case "embed":
                return Row((self.parameter(node.data[0]), " ", self.input(node.data[1], node.data[2], False)))
            case "param":
                return self.parameter(node.data[0])
            case "matmul":
                matrix = self.parameter(node.data[0])
                return Row((matrix, "ᵀ " if node.data[1] else " ", *args))
            case "add":
                return total(args)
            case "mul":
                return product(args)
            case "pow":
                return Power(args[0], str(node.data[0]))
            case "mean":
                return Mean(args[0])
        return Call(Name(letter(node.data[0])), tuple(args))

    # atoms and sums ---------------------------------------------------------------------------------------

    def atom(self, position: int) -> Formula:
        """One atom of the table."""
        if position not in self._atoms:
            self._atoms[position] = self._atom(*self.atoms[position])
        return self._atoms[position]

    def _atom(self, kind: str, *r: int) -> Formula:
        match kind:
            case "sigma2" | "kappa":
                return self.law("σ" if kind == "sigma2" else "κ", r[0], r[1])
            case "gram":
                left, right = self.input(r[0], r[1], True), self.input(r[2], r[3], False)
                return Quotient(Row((left, "ᵀ", right)), Name("d"))
            case "moment2":
                return Mean(Product((self.value(r[0], True), self.value(r[1], False))))
            case "slope":
                return Mean(Product((self.derivative(r[0], r[1], True), self.derivative(r[2], r[3], False))))
            case "slope1" | "response":
                return Mean(self.derivative(r[1], r[2], r[0] == 0))
            case "scalar":
                return Name("θ", str(r[1]), r[0] == 0)
        return self.vector(r[0])

    def weight(self, atoms: Sequence[int]) -> list[Formula]:
        """A product of atoms, equal ones as powers, those whose value is 1 left out."""
        kept = [a for a in atoms if a not in self.unit]
        counted = {a: kept.count(a) for a in kept}
        return [self.atom(a) if n == 1 else Power(self.atom(a), str(n)) for a, n in counted.items()]

    def quantity(self, step: int, image: Sequence[int] = ()) -> Formula:
        """What an earlier step is called: C(ã, b), J(ã, b), D(ã, b); for an image of its pair, by that."""
        symbol, a, b = self.steps[step]["conclusion"][:3]
        a, b = image or (a, b)
        return Call(Name(symbol), (self.vector(a, True), self.vector(b)))

    def term(self, term: Sequence[Any]) -> Formula:
        """A product of atoms times an earlier quantity."""
        atoms, ref, *image = term
        return product([*self.weight(atoms), *([self.quantity(ref, *image)] if ref >= 0 else [])])

    def sum(self, terms: Sequence[Any], extra: Sequence[Formula] = ()) -> Formula:
        """A sum of terms, those with a factor 0 left out."""
        kept = [t for t in terms if not self.zero.intersection(t[0])]
        return total([*(self.term(t) for t in kept), *extra], TERMS_SHOWN)

    def left_out(self) -> list[str]:
        """Parameters whose σ² = κ = 1, factors that formulas leave out, and untrained ones, whose terms they do."""
        notes = []
        for symbol, values in (("σ²", [p.variance() for p in self.program.parameters]),
                               ("κ", [p.rate() for p in self.program.parameters])):  # fmt: skip
            names = [letter(p.name) for p, value in zip(self.program.parameters, values, strict=True) if value == 1]
            if names:
                notes.append(f"{symbol} = 1, not written: {', '.join(names)}")
        still = [p.name for p in self.program.parameters if not p.trained]
        if still:
            notes.append(f"κ = 0, not trained, terms left out: {', '.join(map(letter, still))}")
        return notes
