"""Hypothesis strategies for networks: random, well-typed programs within the theorem's assumptions.

Every program drawn is valid, and neither refused nor conditional: functions are smooth, and scalars are
only divided by what is positive. On failure Hypothesis prints the program as text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import note
from hypothesis import strategies as st

from tpproof.limit.law import LimitForm, limit_form
from tpproof.program import constants
from tpproof.program.builder import Builder
from tpproof.program.constants import ONE, ZERO, Constant
from tpproof.program.model import Node, Program

KNOWN = ("tanh", "erf", "sin", "sigmoid", "gelu")
ROOT_2 = constants.power(Fraction(2), Fraction(1, 2))
SIZES: tuple[Constant, ...] = (ONE, ONE, Fraction(3, 2), Fraction(1, 3), ROOT_2)  # std and |scale|
RATES: tuple[Constant, ...] = (ONE, ONE, ZERO, Fraction(1, 2), Fraction(2))
FACTORS: tuple[Constant, ...] = (Fraction(2), Fraction(-1), Fraction(1, 2), Fraction(-3, 4), ROOT_2)


def show(program: Program) -> str:
    """A program as text, one declaration or instruction a line."""
    lines = [f"input {i.name}" + ("" if i.count is None else f"[{i.count}]") for i in program.inputs]
    for p in program.parameters:
        numbers = (f"{key}={constants.text(getattr(p, key))}" for key in ("std", "scale", "lr"))
        lines.append(f"{p.kind} {p.name}: " + ", ".join(numbers))
    lines += [f"nonlinearity {name}/{arity}" for name, arity in program.functions]
    lines += [f"x{k} = {_node_text(program, node)}" for k, node in enumerate(program.nodes)]
    names = [p.name for p in program.parameters]
    for out in program.outputs:
        terms = [f"{names[v]} @ x{x}" for v, x in out.terms]
        lines.append("output " + " + ".join(terms + ([names[out.bias]] if out.bias is not None else [])))
    return "\n".join(lines)


def _node_text(program: Program, node: Node) -> str:
    args = [f"x{a}" for a in node.args]
    match node.op:
        case "const":
            return constants.text(node.data[0])
        case "embed":
            p, i, part = node.data
            return f"{program.parameters[p].name} @ {program.inputs[i].name}[{part}]"
        case "param":
            return program.parameters[node.data[0]].name
        case "matmul":
            return f"{program.parameters[node.data[0]].name}{'.T' if node.data[1] else ''} @ {args[0]}"
        case "add":
            return " + ".join(args)
        case "mul":
            return " * ".join(args)
        case "pow":
            return f"{args[0]} ** ({node.data[0]})"
        case "call":
            return f"{node.data[0]}({', '.join(args)})"
        case _:
            return f"{node.op}({', '.join(args)})"


@dataclass
class _Growth:
    """A program under construction, and what may be read next."""

    draw: st.DrawFn
    known: Sequence[str]
    transposes: bool
    b: Builder = field(default_factory=Builder)
    embeddings: list[int] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)  # (input, part)
    matrices: list[int] = field(default_factory=list)
    biases: list[int] = field(default_factory=list)
    abstract: list[tuple[str, int]] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)
    scalars: list[int] = field(default_factory=list)

    def one_of(self, choices: Sequence[int]) -> int:
        return self.draw(st.sampled_from(choices))

    def vector(self) -> int:
        """Any vector; the latest ones more often, so that programs get deep."""
        return self.one_of(3 * self.vectors[-3:] + self.vectors)

    def parameter(self, kind: str, name: str) -> int:
        std, scale = self.draw(st.sampled_from(SIZES)), self.draw(st.sampled_from((*SIZES, Fraction(-1, 2))))
        return self.b.parameter(kind, name, std, scale, self.draw(st.sampled_from(RATES)))

    def declare(self, abstract: bool) -> None:
        draw, b = self.draw, self.b
        for name in ("xi", "eta")[: draw(st.sampled_from([1, 1, 2]))]:
            count = draw(st.sampled_from([None, 1, 2]))
            i = b.input(name, count)
            self.parts += [(i, part) for part in range(count or 1)]
        self.embeddings = [self.parameter("embedding", f"U{i}") for i in range(draw(st.integers(1, 2)))]
        self.matrices = [self.parameter("matrix", f"W{i}") for i in range(draw(st.sampled_from([1, 1, 2])))]
        self.biases = [self.parameter("bias", f"b{i}") for i in range(draw(st.integers(0, 2)))]
        if abstract:
            arities = draw(st.lists(st.integers(1, 3), max_size=2))
            self.abstract = [(b.nonlinearity(f"phi{i}", arity), arity) for i, arity in enumerate(arities)]

    # steps: each adds a vector or a scalar ------------------------------------------------------------

    def embed(self) -> None:
        self.vectors.append(self.b.embed(self.one_of(self.embeddings), *self.draw(st.sampled_from(self.parts))))

    def bias(self) -> None:
        self.vectors.append(self.b.bias(self.one_of(self.biases)) if self.biases else self.b.ones())

    def matmul(self) -> None:
        transposed = self.transposes and self.draw(st.booleans())
        self.vectors.append(self.b.matmul(self.one_of(self.matrices), transposed, self.vector()))

    def layer(self) -> None:
        """φ(W x)."""
        self.matmul()
        self.vectors.append(self.b.call(self.draw(st.sampled_from(self.known)), self.vectors[-1]))

    def tied(self) -> None:
        """W φ(Wᵀ x), which contracts."""
        w, transposed = self.one_of(self.matrices), self.draw(st.booleans())
        inner = self.b.call(self.draw(st.sampled_from(self.known)), self.b.matmul(w, transposed, self.vector()))
        self.vectors.append(self.b.matmul(w, not transposed, inner))

    def call(self) -> None:
        choices = [(name, 1) for name in self.known] + 3 * self.abstract
        name, arity = self.draw(st.sampled_from(choices))
        self.vectors.append(self.b.call(name, *(self.vector() for _ in range(arity))))

    def product(self) -> None:
        self.vectors.append(self.b.mul(self.vector(), self.vector()))

    def gate(self) -> None:
        """φ(x) φ(x + y): a function that reads a vector and also a sum with that vector in it."""
        x, y = self.vector(), self.vector()
        first, second = (self.draw(st.sampled_from(self.known)) for _ in range(2))
        self.vectors.append(self.b.mul(self.b.call(first, x), self.b.call(second, self.b.add(x, y))))

    def square(self) -> None:
        self.vectors.append(self.b.power(self.vector(), Fraction(self.draw(st.integers(2, 3)))))

    def skip(self) -> None:
        """x + y, as residual streams have it."""
        self.vectors.append(self.b.add(self.vector(), self.vector()))

    def combination(self) -> None:
        """Σ c x with constants c and, now and then, a constant vector."""
        factors = self.draw(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=3))
        terms = [self.b.mul(self.b.constant(c), self.vector()) for c in factors]
        if self.draw(st.sampled_from([False, False, True])):
            terms.append(self.b.mul(self.b.constant(Fraction(1, 4)), self.b.ones()))
        self.vectors.append(self.b.add(*terms))

    def rescale(self) -> None:
        """θ x with a scalar θ; made first if there is none."""
        if not self.scalars:
            self.moment()
        self.vectors.append(self.b.mul(self.one_of(self.scalars), self.vector()))

    def shift(self) -> None:
        """x + θ 1."""
        if not self.scalars:
            self.moment()
        self.vectors.append(self.b.add(self.vector(), self.b.mul(self.one_of(self.scalars), self.b.ones())))

    def moment(self) -> None:
        """mean(x y)."""
        theta = self.b.mean(self.b.mul(self.vector(), self.vector()))
        if self.b.kinds[theta].value == "scalar":
            self.scalars.append(theta)

    def normaliser(self) -> None:
        """(mean(x²) + ε)^(−1/2), as layer normalisation has it."""
        x = self.vector()
        variance = self.b.add(self.b.mean(self.b.power(x, Fraction(2))), self.b.constant(Fraction(1, 10)))
        self.scalars.append(self.b.power(variance, Fraction(-1, 2)))

    def scalar_function(self) -> None:
        """A function of scalars: a sum, a product, a known function."""
        if not self.scalars:
            self.moment()
        first, second = self.one_of(self.scalars), self.one_of(self.scalars)
        kind = self.draw(st.sampled_from(["add", "mul", "call"]))
        if kind == "call":
            found = self.b.call(self.draw(st.sampled_from(self.known)), first)
        elif kind == "mul":
            found = self.b.mul(first, second)
        else:
            found = self.b.add(first, self.b.mul(self.b.constant(Fraction(1, 3)), second))
        self.scalars.append(found)

    def step(self) -> None:
        choices: list[Callable[[], None]] = [
            self.matmul, self.matmul, self.layer, self.layer, self.call, self.call, self.skip, self.product,
            self.combination, self.embed, self.bias, self.rescale, self.shift, self.gate, self.square,
            self.moment, self.normaliser, self.scalar_function, *([self.tied] if self.transposes else []),
        ]  # fmt: skip
        self.draw(st.sampled_from(choices))()

    def outputs(self) -> None:
        draw = self.draw
        readouts = [self.parameter("readout", f"v{i}") for i in range(draw(st.sampled_from([1, 1, 2])))]
        offset = self.parameter("output_bias", "c") if draw(st.booleans()) else None
        for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
            count = draw(st.sampled_from([1, 1, 2]))  # a readout drawn twice reads a sum
            terms = [(self.one_of(readouts), self.vector()) for _ in range(count)]
            if draw(st.booleans()):  # much of what has been made, so that little of it is dead
                terms.append((terms[0][0], self.b.add(*self.vectors[-4:])))
            self.b.output(terms, offset if draw(st.booleans()) else None)


@st.composite
def programs(
    draw: st.DrawFn,
    transposes: bool = False,
    abstract: bool = True,
    max_size: int = 12,
    known: Sequence[str] = KNOWN,
) -> Program:
    """Random networks of at most `max_size` steps (an input layer comes first); with `transposes`, Wᵀ anywhere."""
    growth = _Growth(draw, known, transposes)
    growth.declare(abstract)
    growth.embed()
    growth.layer()
    for _ in range(draw(st.integers(min(2, max_size), max_size))):
        growth.step()
    growth.outputs()
    program = growth.b.program()
    note(show(program))
    return program


def reduced_programs(
    transposes: bool = False, abstract: bool = True, max_size: int = 12
) -> st.SearchStrategy[LimitForm]:
    """The same in reduced form, contracted MatMuls unwound."""
    return programs(transposes, abstract, max_size).map(limit_form)
