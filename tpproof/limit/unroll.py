"""T steps of SGD as a NETSOR⊤⁺ program (Appendix D.1.2, Algorithm 1), exact at every width n.

Instances: the test input ξ̃ ("~") and one training input for each step ("t" = 0, 1, …). W stays the initial matrix:
what training adds to it has low rank, (79)–(81) and (86)–(90). Signals are scaled as in the paper: dg = √n ∂f/∂g,
δg = √n (g_{t+1} − g_t), also for vectors of another length c·n, over which Moments and ⟨·,·⟩/n then average.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from tpproof.errors import TpproofError
from tpproof.limit.instructions import (
    MINUS,
    OVER_ROOT_N,
    ROOT_N,
    Add,
    Apply,
    Exact,
    Expr,
    Instruction,
    MatVec,
    Mean,
    Mul,
    Var,
    add,
    mul,
    names_in,
    needed,
    to_text,
)
from tpproof.limit.writer import TEST, Writer
from tpproof.limits import DEFAULT, Limits
from tpproof.program import constants
from tpproof.program.constants import ONE
from tpproof.program.listing import node_name
from tpproof.program.model import GVAR_OPS, Kind, Program

_EQUATIONS = {"embed": "(123)", "param": "(123)", "matmul": "(79)-(81)"}


class Signal(NamedTuple):
    """The error signal of output o at G-var k."""

    output: int
    gvar: int
    signal: Expr


@dataclass(frozen=True)
class Unrolled:
    """The program of T steps: what it is given, its instructions, and the changes of the outputs at ξ̃."""

    matrices: tuple[str, ...]
    vectors: tuple[str, ...]
    scalars: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[str, ...]

    def text(self) -> str:
        """A listing in the style of Algorithm 1."""
        given = [", ".join(names) for names in (self.matrices, self.vectors, self.scalars)]
        lines = [f"Input    W = {{{given[0]}}}, V = {{{given[1]}}}, C = {{{given[2]}}}"]
        wide = max((len(i.name) for i in self.instructions), default=0)
        for i in self.instructions:
            lines.append(f"{i.kind:<8} {i.name:<{wide}} := {to_text(i.formula)}    {i.equation}")
        return "\n".join([*lines, f"Output   {', '.join(self.outputs)}"]) + "\n"


def unroll(program: Program, steps: int = 1, limits: Limits = DEFAULT) -> Unrolled:
    """The program of `steps` steps of SGD with batch size 1, one fresh training input for each.

    Parameters
    ----------
    program
        The network.
    steps
        How many steps.
    limits
        Bounds on steps and instructions.

    Raises
    ------
    TpproofError
        E104 beyond ``limits.unroll_steps`` steps or ``limits.nodes`` instructions.
    """
    if not 1 <= steps <= limits.unroll_steps:
        raise TpproofError("E104", f"{steps} steps", f"1 to {limits.unroll_steps}")
    unroller = _Unroller(program, steps, limits)
    unroller.forward()
    for t in range(steps):
        unroller.step(t)
    kept = needed(unroller.out, set(unroller.outputs))
    used = dict.fromkeys(name for i in kept for name in names_in(i.formula))
    matrices = dict.fromkeys(i.formula.matrix for i in kept if isinstance(i.formula, MatVec))
    return Unrolled(
        tuple(matrices),
        tuple(name for name in used if name in unroller.given_vectors),
        tuple(name for name in used if name in unroller.given_scalars),
        kept,
        tuple(unroller.outputs),
    )


def lengths(program: Program) -> list[Fraction]:
    """The length of every vector over n; a constant vector's is that of what reads it (1 for what is no vector).

    Raises
    ------
    TpproofError
        E120 when vectors of different lengths read one constant vector, which is then two vectors.
    """
    found = list(program.widths)

    def read(a: int, length: Fraction | None) -> None:
        if program.kinds[a] is Kind.VECTOR and program.nodes[a].args and length is not None:
            if found[a] not in (None, length):
                raise TpproofError("E120", f"{node_name(program, a)} read by vectors of two lengths", "one length")
            found[a] = length

    for out in program.outputs:
        for v, x in out.terms:
            read(x, program.parameters[v].rows)
    for k in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[k]
        if node.op == "matmul":
            p = program.parameters[node.data[0]]
            read(node.args[0], p.rows if node.data[1] else p.cols)
        elif program.kinds[k] is Kind.VECTOR:
            for a in node.args:
                read(a, found[k])
    return [ONE if width is None else width for width in found]


class _Unroller(Writer):
    """Writes the instructions, instance by instance and step by step."""

    def __init__(self, program: Program, steps: int, limits: Limits) -> None:
        super().__init__(program, steps, limits)
        self.outputs: list[str] = []
        self.lengths = lengths(program)
        self.instances = [*map(str, range(steps)), TEST]
        self.value: dict[tuple[str, int], Expr] = {}  # (instance, node) → its value now
        self.seen: list[dict[int, Expr]] = []  # per step: values at its training input
        self.signals: list[dict[int, list[Signal]]] = []  # per step: parameter → error signals of its G-vars
        self.moved: dict[int, Expr] = {}  # δ of every node that moves, in the instance being changed
        self.losses: dict[tuple[int, int], Expr] = {}  # (step, output) → χ
        self.f_changes: dict[tuple[str, int], list[Expr]] = {}  # (instance, output) → f_{s+1} − f_s, s = 0, 1, …

    # forward ----------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Every instance at initialization; the loss derivative first, as in Algorithm 1."""
        self._losses(0)
        for k, node in enumerate(self.program.nodes):
            for i in self.instances:
                if node.op == "const":
                    self.value[i, k] = Exact(node.data[0])
                elif node.op in ("embed", "param"):
                    self.value[i, k] = self.vector(self.name(k, i))
                elif node.op == "matmul":
                    (p, transposed), x = node.data, self.value[i, node.args[0]]
                    self.value[i, k] = self.product(p, transposed, x, self.name(k, i), "Def. B.1")
                else:
                    formula = self.formula(k, [self.value[i, a] for a in node.args])
                    self.value[i, k] = self.emit(self.kind(k), self.name(k, i), formula, "(60)-(61)")

    # one step ---------------------------------------------------------------------------------------------

    def step(self, t: int) -> None:
        """Backpropagation at ξ_t, and what its update does to every instance that is still needed."""
        if t:
            self._losses(t)
        self.seen.append({k: self.value[str(t), k] for k in range(len(self.program.nodes))})
        self.signals.append({})
        for o in range(len(self.program.outputs)):
            self._backward(t, o)
        for i in self.instances[t + 1 :]:
            self._change(t, i)

    def _losses(self, t: int) -> None:
        """χ_o := L′_o(f_o(ξ_t)), f at time t as f_0 plus its changes."""
        for o in range(len(self.program.outputs)):
            where = self.where(str(t))
            f: Expr = self.scalar(f"f{o}{where}")
            if t:
                f = self.emit("MOMENT", f"f{o}{where}_{t}", add([f, *self.f_changes[str(t), o]]), "(22)")
            self.losses[t, o] = self.emit("MOMENT", f"χ{o}{where}", Apply(f"L{o}", (f,), 0), "Algorithm 1")

    def _backward(self, t: int, o: int) -> None:
        """dx = [v] + Σ Wᵀdg …, dg = Σ ∂ψ/∂g ⊙ dx (MATH §4), every term of finite width kept."""
        parts: dict[int, list[Expr]] = {}
        for v, x in self.program.outputs[o].terms:
            parts.setdefault(x, []).append(mul(self._over_root(self.program.parameters[v].rows), self.readout(v, t)))
        for k in range(len(self.program.nodes) - 1, -1, -1):
            if k in parts:
                self._spread(t, o, k, self._signal(t, o, k, parts[k]), parts)

    def readout(self, v: int, t: int) -> Expr:
        """v_t = v_0 + what the steps before t added."""
        p = self.program.parameters[v]
        now: Expr = self.vector(self.declared(p.name))
        added = [
            mul(MINUS, OVER_ROOT_N, self._over_root(p.rows), Exact(p.rate()), self.losses[s, o], self.seen[s][x])
            for s in range(t) for o, out in enumerate(self.program.outputs) for w, x in out.terms
            if w == v and p.trained
        ]  # fmt: skip
        if not added:
            return now
        return self.emit("NONLIN", f"{self.declared(p.name)}_{t}", add([now, *added]), "D.4.1")

    def _signal(self, t: int, o: int, k: int, parts: list[Expr]) -> Expr:
        if len(parts) == 1 and isinstance(parts[0], Var):
            signal: Expr = parts[0]
        else:
            which = "" if len(self.program.outputs) == 1 else str(o)
            scalar = self.program.kinds[k] is not Kind.VECTOR
            equation = "D.4.5, vanishes" if scalar else "(74)-(78)"
            name = f"d{which}{node_name(self.program, k)}{self.where(str(t))}"
            signal = self.emit(self.kind(k), name, add(parts), equation)
        node = self.program.nodes[k]
        if node.op in GVAR_OPS:
            self.signals[t].setdefault(node.data[0], []).append(Signal(o, k, signal))
        return signal

    def _spread(self, t: int, o: int, k: int, signal: Expr, parts: dict[int, list[Expr]]) -> None:
        """What an error signal gives to the arguments of its node."""
        node = self.program.nodes[k]
        args = [self.seen[t][a] for a in node.args]
        if node.op == "matmul":
            p, transposed = node.data
            back = self.product(p, not transposed, signal, None, "(78)")
            low = [mul(OVER_ROOT_N, term) for s in range(t) for term in self.update(s, p, not transposed, signal)]
            parts.setdefault(node.args[0], []).extend([back, *low])
        elif node.op == "mean":  # at every coordinate
            length = self.lengths[node.args[0]]
            parts.setdefault(node.args[0], []).append(Mul((signal, Exact(1 / length))))
        else:
            for position, a in enumerate(node.args):
                if self.program.kinds[a] is not Kind.CONSTANT:
                    parts.setdefault(a, []).append(self._through(k, position, args, signal))

    def _through(self, k: int, position: int, args: list[Expr], signal: Expr) -> Expr:
        """∂ψ/∂a ⊙ dx for a vector a; its average over coordinates for a scalar a of a vector node."""
        product = mul(self.partial(k, position, args), signal)
        to = self.program.nodes[k].args[position]
        if self.program.kinds[k] is Kind.VECTOR and self.program.kinds[to] is Kind.SCALAR:
            return mul(Exact(self.lengths[k]), Mean(product))
        return product

    def _over_root(self, width: Fraction) -> Exact:
        """1/√c for vectors of length c·n: signals are scaled by √n whatever their length."""
        return Exact(constants.power(width, Fraction(-1, 2)))

    def update(self, s: int, p: int, transposed: bool, y: Expr) -> list[Expr]:
        """√n (A_{s+1} − A_s) y for A = W or Wᵀ: −χκ Σ_{g=Ah} dg ⟨h,y⟩/n, and h ⟨dg,y⟩/n where g = Aᵀh."""
        parameter = self.program.parameters[p]
        rate = Exact(parameter.rate(transposed))
        terms: list[Expr] = []
        for o, k, signal in self.signals[s].get(p, ()) if parameter.trained else ():
            node = self.program.nodes[k]
            h = self.seen[s][node.args[0]]
            left, right = (signal, h) if node.data[1] == transposed else (h, signal)
            terms.append(mul(MINUS, rate, self.losses[s, o], self.moment(right, y), left))
        return terms

    # changes ----------------------------------------------------------------------------------------------

    def _change(self, t: int, i: str) -> None:
        """δ of every vector of an instance, its new value, and the change of the outputs."""
        old = {k: self.value[i, k] for k in range(len(self.program.nodes))}
        self.moved = {}
        for k in range(len(self.program.nodes)):
            if self.program.kinds[k] is Kind.VECTOR:
                self._vector_change(t, i, k, old)
            else:
                self._scalar_change(t, i, k, old)
        for o in range(len(self.program.outputs)):
            self._output_change(t, i, o, old)

    def _vector_change(self, t: int, i: str, k: int, old: dict[int, Expr]) -> None:
        terms = self._change_of(t, i, k, old)
        if terms:
            equation = _EQUATIONS.get(self.program.nodes[k].op, "(82)-(84)")
            name = self.name(k, i, t + 1)
            self.moved[k] = self.emit("NONLIN", f"δ{name}", add(terms), equation)
            self.value[i, k] = self.emit("NONLIN", name, self._fresh(i, k, old), "(86)")

    def _scalar_change(self, t: int, i: str, k: int, old: dict[int, Expr]) -> None:
        args = [self.value[i, a] for a in self.program.nodes[k].args]
        if args != [old[a] for a in self.program.nodes[k].args]:
            self.value[i, k] = self.emit("MOMENT", self.name(k, i, t + 1), self.formula(k, args), "(61)")

    def _change_of(self, t: int, i: str, k: int, old: dict[int, Expr]) -> list[Expr]:
        """The terms of δ(node k) at instance i."""
        node = self.program.nodes[k]
        if node.op in ("embed", "param"):
            return self._initial_change(t, i, k)
        if node.op == "matmul":
            return self._matmul_change(t, i, k, old)
        if node.op == "add":
            return [self.moved[a] for a in node.args if a in self.moved]
        fresh = [self._fresh(i, a, old) for a in node.args]
        if fresh == [old[a] for a in node.args]:
            return []
        return [mul(ROOT_N, Add((self.formula(k, fresh), mul(MINUS, old[k]))))]

    def _fresh(self, i: str, a: int, old: dict[int, Expr]) -> Expr:
        """h̃_t + δh̃/√n, or the new value of a scalar."""
        if a in self.moved:
            return Add((old[a], mul(OVER_ROOT_N, self.moved[a])))
        return self.value[i, a]

    def _initial_change(self, t: int, i: str, k: int) -> list[Expr]:
        node = self.program.nodes[k]
        parameter = self.program.parameters[node.data[0]]
        terms: list[Expr] = []
        for o, j, signal in self.signals[t].get(node.data[0], ()) if parameter.trained else ():
            gram = [self._gram(t, j, i, k)] if node.op == "embed" else []
            terms.append(mul(MINUS, Exact(parameter.rate()), self.losses[t, o], *gram, signal))
        return terms

    def _gram(self, t: int, j: int, i: str, k: int) -> Var:
        """ξ'ᵀξ̃/d, a scalar that the program is given."""

        def part(node: int, where: str) -> str:
            _, source, part = self.program.nodes[node].data
            declared = self.program.inputs[source]
            return f"{declared.name}{where}" + ("" if declared.count is None else f"[{part}]")

        return self.scalar(f"⟨{part(j, self.where(str(t)))},{part(k, self.where(i))}⟩/d")

    def _matmul_change(self, t: int, i: str, k: int, old: dict[int, Expr]) -> list[Expr]:
        """(79)–(81): W δh̃ + Σ_s (W_{s+1} − W_s) δh̃ + √n (W_{t+1} − W_t) h̃_t."""
        p, transposed = self.program.nodes[k].data
        h = self.program.nodes[k].args[0]
        terms: list[Expr] = []
        if h in self.moved:
            delta = self.moved[h]
            terms.append(self.product(p, transposed, delta, None, "(79)"))
            for s in range(t + 1):
                terms += [mul(OVER_ROOT_N, term) for term in self.update(s, p, transposed, delta)]
        return terms + self.update(t, p, transposed, old[h])

    def _output_change(self, t: int, i: str, o: int, old: dict[int, Expr]) -> None:
        """f_{t+1} − f_t = v_{t+1}ᵀδx̃/n + √n (v_{t+1} − v_t)ᵀx̃_t/n + the output bias's change."""
        terms: list[Expr] = []
        for v, x in self.program.outputs[o].terms:
            if x in self.moved:
                delta = self.moved[x]
                root = Exact(constants.power(self.program.parameters[v].rows, Fraction(1, 2)))
                terms.append(mul(root, Mean(mul(self.vector(self.matrix(v)), delta))))
                terms += [mul(OVER_ROOT_N, term) for s in range(t + 1) for term in self._readout_update(s, v, delta)]
            terms += self._readout_update(t, v, old[x])
        bias = self.program.outputs[o].bias
        for p, out in enumerate(self.program.outputs):
            if bias is not None and out.bias == bias and self.program.parameters[bias].trained:
                terms.append(mul(MINUS, Exact(self.program.parameters[bias].rate()), self.losses[t, p]))
        where = self.where(i)
        name = f"f{o}{where}_{t + 1} − f{o}{where}_{t}"
        change = self.emit("MOMENT", name, add(terms) if terms else Exact(Fraction(0)), "(121)")
        self.f_changes.setdefault((i, o), []).append(change)
        if i == TEST:
            self.outputs.append(name)

    def _readout_update(self, s: int, v: int, y: Expr) -> list[Expr]:
        """(v_{s+1} − v_s)ᵀy/√n = −χκ ⟨x_s, y⟩/n, summed over the outputs that read v."""
        parameter = self.program.parameters[v]
        return [
            mul(MINUS, Exact(parameter.rate()), self.losses[s, p], self.moment(self.seen[s][x], y))
            for p, out in enumerate(self.program.outputs) for w, x in out.terms
            if w == v and parameter.trained
        ]  # fmt: skip
