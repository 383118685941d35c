"""A NETSOR⊤⁺ program (Definition B.1) as an immutable list of instructions.

Vectors, scalars and exact constants are *nodes*, numbered in program order; a node reads earlier ones only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Any

from tpproof.errors import Place
from tpproof.program.constants import ONE, Constant, mul, power


class Kind(Enum):
    """What a node's value is."""

    VECTOR = "vector"  # in R^n
    SCALAR = "scalar"  # a Moment, or a function of scalars
    CONSTANT = "constant"  # an exact number


@dataclass(frozen=True)
class Input:
    """One input vector in R^d (``count`` None), or a tuple of ``count`` of them."""

    name: str
    count: int | None = None

    @property
    def parts(self) -> int:
        return 1 if self.count is None else self.count


@dataclass(frozen=True)
class Parameter:
    """A parameter tensor: trainable entries N(0, std²), forward multiplier ``scale``, learning-rate multiplier ``lr``.

    ``kind`` is "embedding" (n×d, entries scale·u/√d), "matrix" (n×n, scale·w/√n), "bias" (scale·β),
    "readout" (scale·ν, used as vᵀx/√(rows·n)) or "output_bias" (a trained scalar). Setup 5.2, MATH §1.
    ``rows`` and ``cols`` are widths over n (extension 2): a matrix is rows·n × cols·n with entries
    scale·w/√(cols·n), any other vector of entries has length rows·n.
    """

    name: str
    kind: str
    std: Constant = ONE
    scale: Constant = ONE
    lr: Constant = ONE
    rows: Fraction = ONE
    cols: Fraction = ONE

    def variance(self, transposed: bool = False) -> Constant:
        """σ² = scale²·std², the forward variance; that of Wᵀ is rows/cols times that of W, docs/proof.md."""
        return mul(power(self.scale, ONE + ONE), power(self.std, ONE + ONE), self.ratio(transposed))

    def rate(self, transposed: bool = False) -> Constant:
        """κ = lr·scale²: how strongly training moves the parameter; used as Wᵀ, rows/cols times as strongly."""
        return mul(self.lr, power(self.scale, ONE + ONE), self.ratio(transposed))

    def ratio(self, transposed: bool) -> Fraction:
        """The length of what W or Wᵀ multiplies, over cols·n."""
        return self.rows / self.cols if transposed else ONE

    @property
    def trained(self) -> bool:
        return self.lr != 0


@dataclass(frozen=True)
class Node:
    """One instruction.

    ======== =============== ============================= ==========================
    op       args            data                          meaning
    ======== =============== ============================= ==========================
    const    ()              (Constant,)                   exact number
    ones     ()              ()                            the vector (1, …, 1)
    embed    ()              (parameter, input, part)      G-var U ξ_part
    param    ()              (parameter,)                  G-var b
    matmul   (x,)            (parameter, transposed)       G-var W x or Wᵀ x
    add      (k, …)          ()                            sum of ≥ 2
    mul      (k, …)          ()                            product of ≥ 2, coordinatewise
    pow      (k,)            (Fraction,)                   rational power
    call     (k, …)          (function name,)              known or abstract function
    mean     (x,)            ()                            Moment: (1/n) Σ_α x_α
    width    ()              ()                            the number n, which has no limit
    ======== =============== ============================= ==========================
    """

    op: str
    args: tuple[int, ...] = ()
    data: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Output:
    """f = Σ vᵀx/√(rows·n) (+ output bias). ``terms``: (readout parameter, vector node), one term a readout."""

    terms: tuple[tuple[int, int], ...]
    bias: int | None = None


SCALAR_OPS = ("mean", "width")
GVAR_OPS = ("embed", "param", "matmul")


@dataclass(frozen=True)
class Program:
    """An immutable network. Two programs are equal when their canonical forms are."""

    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    functions: tuple[tuple[str, int], ...]  # abstract nonlinearities: name, arity
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    name: str = field(default="network", compare=False)
    places: tuple[Place | None, ...] = field(default=(), compare=False, repr=False)

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The kind of every node."""
        return kinds_of(self.nodes)

    @cached_property
    def gvars(self) -> tuple[int, ...]:
        """The G-vars (Def. 5.4), in program order."""
        return tuple(k for k, node in enumerate(self.nodes) if node.op in GVAR_OPS)

    @cached_property
    def widths(self) -> tuple[Fraction | None, ...]:
        """The length of every vector over n; None for constant vectors, which have any, and for what is no vector."""
        found: list[Fraction | None] = []
        for node in self.nodes:
            found.append(width_of(node, self.parameters, [found[k] for k in node.args]))
        return tuple(found)

    @cached_property
    def symbol_pairs(self) -> int:
        """How many pairs of G-vars have one symbol."""
        return sum(n * n for n in Counter(map(self.symbol, self.gvars)).values())

    def symbol(self, gvar: int) -> tuple[int, bool]:
        """A G-var's defining symbol: (parameter, transposed). W and Wᵀ are different symbols (Def. 5.5)."""
        node = self.nodes[gvar]
        return node.data[0], node.op == "matmul" and node.data[1]

    def place(self, node: int) -> Place | None:
        return self.places[node] if node < len(self.places) else None


def width_of(node: Node, parameters: Sequence[Parameter], read: list[Fraction | None]) -> Fraction | None:
    """The length over n of a node's value, from the lengths of what it reads."""
    if node.op in GVAR_OPS:
        p: Parameter = parameters[node.data[0]]
        return p.cols if node.op == "matmul" and node.data[1] else p.rows
    return None if node.op == "mean" else next((w for w in read if w is not None), None)


def length_text(width: Fraction | None) -> str:
    """A length: n, 2·n, (1/2)·n."""
    return "n" if width == 1 else f"{width}·n" if width is not None and width.denominator == 1 else f"({width})·n"


def root_text(width: Fraction) -> str:
    """The root of a length, by which a readout is divided."""
    return "√n" if width == 1 else f"√({length_text(width)})"


def kinds_of(nodes: tuple[Node, ...]) -> tuple[Kind, ...]:
    """Kinds in one pass: anything that reads a vector coordinatewise is a vector."""
    kinds: list[Kind] = []
    for node in nodes:
        if node.op in ("ones", *GVAR_OPS):
            kinds.append(Kind.VECTOR)
        elif node.op in SCALAR_OPS:
            kinds.append(Kind.SCALAR)
        else:
            read = {kinds[k] for k in node.args}
            wide = Kind.VECTOR if Kind.VECTOR in read else Kind.SCALAR if Kind.SCALAR in read else Kind.CONSTANT
            kinds.append(wide)
    return tuple(kinds)
