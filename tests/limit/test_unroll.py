"""`unroll`: Algorithm 1, and at every width exactly what SGD does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy.special import erf, expit

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.limit.instructions import Add, Apply, Exact, Expr, MatVec, Mean, Mul, Pow, Var, Width, names_in, to_text
from tpproof.limit.unroll import Unrolled, unroll
from tpproof.limits import Limits
from tpproof.program import constants
from tpproof.program.model import Parameter, Program

Array = Any
WIDTH, DIMENSION = 6, 3
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "erf": (erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: expit(z) * expit(-z)),
    "gelu": (
        lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
        lambda z: (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
}


class Dense:
    """A network of finite width with its parameters as arrays, trained by plain SGD (gradients by complex steps)."""

    def __init__(self, program: Program, rng: np.random.Generator) -> None:
        self.program = program
        self.trained = [rng.normal(size=self.shape(p)) * constants.to_float(p.std) for p in program.parameters]

    def shape(self, p: Parameter) -> tuple[int, ...]:
        rows, cols = (int(WIDTH * c) for c in (p.rows, p.cols))
        return {"embedding": (rows, DIMENSION), "matrix": (rows, cols), "output_bias": ()}.get(p.kind, (rows,))

    def effective(self, trained: list[Array]) -> list[Array]:
        """W = γ w/√n, n the length of its rows, U = γ u/√d, b = γ β, v = γ ν."""
        return [
            constants.to_float(p.scale) / (w.shape[1] ** 0.5 if w.ndim == 2 else 1) * w
            for p, w in zip(self.program.parameters, trained, strict=True)
        ]

    def nodes(self, inputs: list[Array], trained: list[Array]) -> list[Array]:
        weights, values = self.effective(trained), []
        for node in self.program.nodes:
            args = [values[a] for a in node.args]
            match node.op:
                case "const":
                    values.append(constants.to_float(node.data[0]))
                case "ones":
                    values.append(np.ones(1))  # of any length
                case "embed":
                    values.append(weights[node.data[0]] @ inputs[node.data[1]][node.data[2]])
                case "param":
                    values.append(weights[node.data[0]])
                case "matmul":
                    w = weights[node.data[0]]
                    w = w.T if node.data[1] else w
                    values.append(w @ np.broadcast_to(args[0], w.shape[1:]))
                case "add":
                    values.append(sum(args))
                case "mul":
                    values.append(np.prod(np.broadcast_arrays(*args), axis=0))
                case "pow":
                    values.append(args[0] ** float(node.data[0]))
                case "mean":
                    values.append(np.mean(args[0]))
                case _:
                    values.append(FUNCTIONS[node.data[0]][0](args[0]))
        return values

    def outputs(self, inputs: list[Array], trained: list[Array]) -> list[Array]:
        weights, values = self.effective(trained), self.nodes(inputs, trained)
        found = []
        for out in self.program.outputs:
            f = sum(np.sum(weights[v] * values[x]) / len(weights[v]) ** 0.5 for v, x in out.terms)
            found.append(f + (weights[out.bias] if out.bias is not None else 0))
        return found

    def step(self, inputs: list[Array]) -> None:
        """One step of SGD on Σ_o L_o(f_o), L_o′(f) = f − o − 1/2."""
        losses = [loss(o)(f) for o, f in enumerate(self.outputs(inputs, self.trained))]
        gradients = []
        for p, w in enumerate(self.trained):
            gradient = np.zeros(np.shape(w))
            for index in np.ndindex(*np.shape(w)):
                bumped = [np.array(x, dtype=complex) for x in self.trained]
                bumped[p][index] += 1e-30j
                values = self.outputs(inputs, bumped)
                gradient[index] = sum(chi * f.imag for chi, f in zip(losses, values, strict=True)) / 1e-30
            gradients.append(gradient)
        rates = [constants.to_float(p.lr) for p in self.program.parameters]
        self.trained = [w - rate * g for w, rate, g in zip(self.trained, rates, gradients, strict=True)]


def loss(o: int) -> Callable[[Array], Array]:
    return lambda f: f - o - 0.5


def evaluate(e: Expr, known: dict[str, Array], matrices: dict[str, Array]) -> Array:
    """A formula with NumPy."""

    def part(x: Expr) -> Array:
        return evaluate(x, known, matrices)

    match e:
        case Var():
            return known[e.name]
        case Exact():
            return constants.to_float(e.value)
        case Width():
            return WIDTH ** float(e.exponent)
        case Add():
            return sum(part(t) for t in e.terms)
        case Mul():
            return np.prod(np.broadcast_arrays(*(part(f) for f in e.factors)), axis=0)
        case Pow():
            return part(e.base) ** float(e.exponent)
        case Apply(function=name) if name[0] == "L":
            return loss(int(name[1:]))(part(e.args[0]))
        case Apply():
            return FUNCTIONS[e.function][0 if e.prime is None else 1](part(e.args[0]))
        case Mean():
            return np.mean(part(e.of))
        case MatVec():
            w = matrices[e.matrix]
            w = w.T if e.transposed else w
            return w @ np.broadcast_to(part(e.vector), w.shape[1:])


def run(unrolled: Unrolled, dense: Dense, train: list[list[Array]], test: list[Array]) -> list[float]:
    """Execute the instructions at finite width, from the initial weights."""
    program = dense.program
    weights = dense.effective(dense.trained)
    matrices = {p.name: w for p, w in zip(program.parameters, weights, strict=True) if p.kind == "matrix"}
    known: dict[str, Array] = {}
    single = len(train) == 1
    marked = [("" if single else f"({t})", x) for t, x in enumerate(train)] + [("~", test)]
    for where, inputs in marked:
        values = dense.nodes(inputs, dense.trained)
        for g in program.gvars:
            shared = program.nodes[g].op == "param"
            known[f"g{g}{'' if shared else where}"] = values[g]
        for o, f in enumerate(dense.outputs(inputs, dense.trained)):
            known[f"f{o}{where}"] = f
        for other, more in marked:
            for i, left in enumerate(program.inputs):
                for k, right in enumerate(program.inputs):
                    for a in range(left.parts):
                        for b in range(right.parts):
                            names = [
                                f"{x.name}{w}" + ("" if x.count is None else f"[{part}]")
                                for x, w, part in ((left, where, a), (right, other, b))
                            ]
                            known[f"⟨{names[0]},{names[1]}⟩/d"] = inputs[i][a] @ more[k][b] / DIMENSION
    for p, w in zip(program.parameters, weights, strict=True):
        if p.kind == "readout":
            known[p.name] = w
    given = {name: known[name] for name in (*unrolled.vectors, *unrolled.scalars)}
    for instruction in unrolled.instructions:
        given[instruction.name] = evaluate(instruction.formula, given, matrices)
    return [float(given[name]) for name in unrolled.outputs]


def compare(program: Program, steps: int, may_diverge: bool = False) -> None:
    rng = np.random.default_rng(0)
    dense = Dense(program, rng)
    train = [[rng.normal(size=(i.parts, DIMENSION)) for i in program.inputs] for _ in range(steps)]
    test = [rng.normal(size=(i.parts, DIMENSION)) for i in program.inputs]
    found = run(unroll(program, steps), dense, train, test)
    initial = dense.trained
    expected = trained(dense, train, test)
    if may_diverge:  # chaotic steps blow rounding errors up: the same run with inputs moved by 1e-9 tells
        dense.trained = initial
        moved = trained(dense, [[(1 + 1e-9) * x for x in inputs] for inputs in train], test)
        assume(np.all(np.isfinite([*expected, *moved])) and np.max(np.abs(expected)) < 100)
        assume(np.max(np.abs(np.subtract(moved, expected))) < 1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def trained(dense: Dense, train: list[list[Array]], test: list[Array]) -> list[float]:
    """What each step of SGD changes in the outputs at the test input."""
    changes = []
    for inputs in train:
        before = dense.outputs(test, dense.trained)
        dense.step(inputs)
        after = dense.outputs(test, dense.trained)
        changes += [float(b - a) for a, b in zip(before, after, strict=True)]
    return changes


GATED = """
xi = input("xi", 2)
U = embedding("U", std=3/2, lr=1/2)
W = matrix("W", scale=2, std=1/3)
b = bias("b", lr=1/3)
v = readout("v", scale=1/2)
c = output_bias("c", lr=2)
h = tanh(U @ xi[0] + b)
x = W @ h
m = mean(x * x)
y = x / sqrt(m + 1/10) * sigmoid(W @ tanh(U @ xi[1]))
output(v @ (y + 1/2 * h) + c)
output(v @ gelu(x) + readout("w", trained=False) @ h)
"""
NETWORKS = {
    "w alone": lambda: parse(ALGORITHM_1, "a.tp"),
    "residual": lambda: residual(2),
    "shared": lambda: residual(2, shared=True),
    "recurrent": lambda: recurrent(3),
    "every state": lambda: recurrent(2, every=True),
    "tied": tied,
    "parallel": parallel_transposes,
    "widths": lambda: parse(WIDTHS, "widths.tp"),
    "gated": lambda: parse(GATED, "gated.tp"),
}
WIDTHS = """
xi = input("xi")
U = embedding("U", rows=2)
W = matrix("W", rows=1/2, cols=2, std=3/2)
V = matrix("V", rows=3/2, cols=1/2, scale=2)
v = readout("v", rows=2, scale=1/2)
w = readout("w", rows=3/2)
x = tanh(U @ xi + bias("b", rows=2))
y = sin(W @ x)
s = mean(y * y)
y = y - s * ones() + bias("c", rows=1/2, std=0)
z = tanh(W.T @ y) + mean(y) * tanh(W.T @ sin(W @ x)) - mean(x * x) * ones()
output(v @ (z + x) + w @ sin(V @ y))
"""
ALGORITHM_1 = """
g = embedding("U", trained=False) @ input("xi")
output(readout("v", trained=False) @ tanh(matrix("W") @ tanh(g)))
"""


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_exactly_sgd_at_finite_width(name: str, steps: int) -> None:
    compare(NETWORKS[name](), steps)


@settings(max_examples=12, deadline=None)
@given(programs(transposes=True, abstract=False, max_size=6))
def test_random_programs_are_exactly_sgd_too(program: Program) -> None:
    if {n.data[0] for n in program.nodes if n.op == "call"} <= set(FUNCTIONS):
        with np.errstate(all="ignore"):
            compare(program, 2, may_diverge=True)


def test_a_lost_term_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without (W_{s+1} − W_s)δh̃, which vanishes in the limit only, finite SGD is missed."""
    monkeypatch.setattr("tpproof.limit.unroll.OVER_ROOT_N", Exact(constants.ZERO))
    with pytest.raises(AssertionError):
        compare(residual(2), 2)


def test_algorithm_1_instruction_for_instruction() -> None:
    """χ; z, z̃; h, h̃; x̃; dh; θ = ⟨z,z̃⟩/n; δh̃ = −χθ dh; δx̃; f̃₁ − f̃ (w alone trained, two hidden layers)."""
    found = unroll(two_hidden_layers(train_input=False, train_readout=False))
    assert (found.matrices, found.vectors, found.scalars) == (("W",), ("g0", "g0~", "v"), ("f0",))
    assert [(i.kind, i.name, to_text(i.formula)) for i in found.instructions] == [
        ("MOMENT", "χ0", "L0′(f0)"),
        ("NONLIN", "x1", "phi(g0)"),
        ("NONLIN", "x1~", "phi(g0~)"),
        ("MATMUL", "g2", "W x1"),
        ("MATMUL", "g2~", "W x1~"),
        ("NONLIN", "x3~", "phi(g2~)"),
        ("NONLIN", "dg2", "phi′(g2)·v"),
        ("MOMENT", "μ0", "(1/n) Σ_α [x1·x1~]_α"),
        ("NONLIN", "δg2~_1", "−χ0·μ0·dg2"),
        ("NONLIN", "δx3~_1", "√n·(phi(g2~ + (1/√n)·δg2~_1) − x3~)"),
        ("MOMENT", "f0~_1 − f0~_0", "(1/n) Σ_α [v·δx3~_1]_α"),
    ]
    assert found.outputs == ("f0~_1 − f0~_0",)


def test_every_instruction_reads_what_stands_before_it() -> None:
    found = unroll(recurrent(3, every=True), 3)
    known = {*found.vectors, *found.scalars}
    for instruction in found.instructions:
        assert set(names_in(instruction.formula)) <= known
        assert instruction.name not in known
        known.add(instruction.name)
    assert set(found.outputs) <= known


def test_a_parameter_named_like_a_variable_is_told_apart() -> None:
    program = parse('g0 = readout("g0")\noutput(g0 @ tanh(embedding("x3") @ input("xi")))\n', "n.tp")
    compare_names = unroll(program)
    assert "g0'" in compare_names.vectors


def test_its_bounds_are_kept() -> None:
    with pytest.raises(TpproofError, match="steps"):
        unroll(tied(), 65)
    with pytest.raises(TpproofError, match="instructions"):
        unroll(recurrent(3), 5, Limits(nodes=100))
