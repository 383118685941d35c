"""Writing instructions: names for every variable of every instance, formulas of nodes and of their derivatives."""

from __future__ import annotations

import re
from fractions import Fraction

from tpproof.errors import TpproofError
from tpproof.limit.instructions import Add, Apply, Exact, Expr, Instruction, MatVec, Mean, Pow, Var, Width, mul, to_text
from tpproof.limits import Limits
from tpproof.program.listing import node_name
from tpproof.program.model import Kind, Program

TEST = "~"
_LOOKS_LIKE_A_NODE = re.compile(r"(d[0-9]*)?[gxfL][0-9]")


class Writer:
    """Appends instructions, each name once; knows what the program is given."""

    def __init__(self, program: Program, steps: int, limits: Limits) -> None:
        self.program, self.steps, self.limits = program, steps, limits
        self.out: list[Instruction] = []
        self.given_vectors: dict[str, None] = {}
        self.given_scalars: dict[str, None] = {}
        self._formulas: dict[str, Expr] = {}
        self._moments: dict[tuple[str, str], Var] = {}

    def emit(self, kind: str, name: str, formula: Expr, equation: str) -> Var:
        """Append ``name := formula`` unless it stands there already."""
        if self._formulas.setdefault(name, formula) != formula:
            raise AssertionError(f"two meanings of {name}")
        if len(self._formulas) > len(self.out):
            self.out.append(Instruction(kind, name, formula, equation))
        if len(self.out) > self.limits.nodes:
            raise TpproofError("E104", f"more than {self.limits.nodes} instructions", "fewer steps")
        return Var(name)

    def name(self, k: int, instance: str, time: int = 0) -> str:
        """g3~, g3(0); after step t g3~_t. A bias is the same in every instance."""
        where = "" if self.program.nodes[k].op == "param" or instance == "" else self.where(instance)
        return node_name(self.program, k) + where + (f"_{time}" if time else "")

    def where(self, instance: str) -> str:
        """How an instance is marked."""
        if instance == TEST:
            return TEST
        return "" if self.steps == 1 else f"({instance})"

    def declared(self, name: str) -> str:
        """A declared name, primed where it looks like a variable of the program."""
        return f"{name}'" if _LOOKS_LIKE_A_NODE.match(name) else name

    def matrix(self, p: int) -> str:
        return self.declared(self.program.parameters[p].name)

    def product(self, p: int, transposed: bool, x: Expr, name: str | None, equation: str) -> Var:
        """MatMul: W x, or Wᵀ x."""
        assert isinstance(x, Var)  # vectors are always named
        matrix = self.matrix(p)
        called = name or f"{matrix}{'ᵀ' if transposed else ''}{x.name}"
        return self.emit("MATMUL", called, MatVec(matrix, transposed, x), equation)

    def vector(self, name: str) -> Var:
        """A vector that the program is given."""
        self.given_vectors[name] = None
        return Var(name)

    def scalar(self, name: str) -> Var:
        """A scalar that the program is given."""
        self.given_scalars[name] = None
        return Var(name)

    def moment(self, a: Expr, b: Expr) -> Var:
        """⟨a, b⟩/n, once for each pair."""
        key = (to_text(a), to_text(b))
        if key not in self._moments:
            self._moments[key] = self.emit("MOMENT", f"μ{len(self._moments)}", Mean(mul(a, b)), "⟨·,·⟩/n")
        return self._moments[key]

    def kind(self, k: int) -> str:
        """NONLIN for a vector, MOMENT for a scalar."""
        return "NONLIN" if self.program.kinds[k] is Kind.VECTOR else "MOMENT"

    def formula(self, k: int, args: list[Expr]) -> Expr:
        """A node as a function of the values of what it reads."""
        node = self.program.nodes[k]
        match node.op:
            case "ones":
                return Exact(Fraction(1))
            case "width":
                return Width(Fraction(1))
            case "add":
                return Add(tuple(args))
            case "mul":
                return mul(*args)
            case "pow":
                return Pow(args[0], node.data[0])
            case "mean":
                return Mean(args[0])
        return Apply(self.declared(node.data[0]), tuple(args))

    def partial(self, k: int, position: int, args: list[Expr]) -> Expr:
        """The derivative of a node by one of its arguments."""
        node = self.program.nodes[k]
        match node.op:
            case "add":
                return Exact(Fraction(1))
            case "mul":
                return mul(*(a for i, a in enumerate(args) if i != position))
            case "pow":
                return mul(Exact(node.data[0]), Pow(args[0], node.data[0] - 1))
        return Apply(self.declared(node.data[0]), tuple(args), position)
