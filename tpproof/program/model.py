"""A NETSOR⊤⁺ program (Definition B.1) as an immutable list of instructions.

Vectors, scalars and exact constants are *nodes*, numbered in program order; a node reads earlier ones only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
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
    "readout" (scale·ν, used as vᵀx/√n) or "output_bias" (a trained scalar). Setup 5.2, MATH §1.
    """

    name: str
    kind: str
    std: Constant = ONE
    scale: Constant = ONE
    lr: Constant = ONE

    @property
    def variance(self) -> Constant:
        """σ² = scale²·std², the forward variance."""
        two = ONE + ONE
        return mul(power(self.scale, two), power(self.std, two))

    @property
    def rate(self) -> Constant:
        """κ = lr·scale²: how strongly training moves the parameter."""
        return mul(self.lr, power(self.scale, ONE + ONE))

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
    ======== =============== ============================= ==========================
    """

    op: str
    args: tuple[int, ...] = ()
    data: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Output:
    """f = Σ vᵀx/√n (+ output bias). ``terms``: (readout parameter, vector node), one term a readout."""

    terms: tuple[tuple[int, int], ...]
    bias: int | None = None


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

    def symbol(self, gvar: int) -> tuple[int, bool]:
        """A G-var's defining symbol: (parameter, transposed). W and Wᵀ are different symbols (Def. 5.5)."""
        node = self.nodes[gvar]
        return node.data[0], node.op == "matmul" and node.data[1]

    def place(self, node: int) -> Place | None:
        return self.places[node] if node < len(self.places) else None


def kinds_of(nodes: tuple[Node, ...]) -> tuple[Kind, ...]:
    """Kinds in one pass: anything that reads a vector coordinatewise is a vector."""
    kinds: list[Kind] = []
    for node in nodes:
        if node.op in ("ones", *GVAR_OPS):
            kinds.append(Kind.VECTOR)
        elif node.op == "mean":
            kinds.append(Kind.SCALAR)
        else:
            read = {kinds[k] for k in node.args}
            wide = Kind.VECTOR if Kind.VECTOR in read else Kind.SCALAR if Kind.SCALAR in read else Kind.CONSTANT
            kinds.append(wide)
    return tuple(kinds)
