"""Two numerical views of a network for tests, sharing nothing: a sample of the limit law, and a dense finite network.

`LimitSample` draws the Z's of Definition B.3 coordinate by coordinate and gives numbers to atoms; `finite_ntk` is plain
backpropagation on explicit matrices. Neither uses C, J or D.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tpproof.program.atoms import Atom, Pair, Ref, Terms
from tpproof.program.constants import to_float
from tpproof.program.model import Node, Program
from tpproof.program.reduced import Form, Reduced

Array = NDArray[np.float64]


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sin": (np.sin, np.cos),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "exp": (np.exp, np.exp),
}


def forward_one(node: Node, args: list[Array]) -> Array:
    """One coordinatewise node, from its arguments' values."""
    if node.op == "add":
        return sum(args)  # type: ignore[return-value]
    if node.op == "mul":
        return math.prod(args)  # type: ignore[return-value]
    if node.op == "pow":
        return args[0] ** float(node.data[0])
    if node.op == "call":
        return FUNCTIONS[node.data[0]][0](args[0])
    if node.op == "mean":
        return np.mean(args[0])  # type: ignore[return-value]
    if node.op == "const":
        return np.array(to_float(node.data[0]))
    raise ValueError(node.op)


def partials(node: Node, args: list[Array]) -> list[Array]:
    """∂(node)/∂(argument) for every argument."""
    if node.op == "add":
        return [np.array(1.0) for _ in args]
    if node.op == "mul":
        return [math.prod(args[:i] + args[i + 1 :], start=np.array(1.0)) for i in range(len(args))]
    if node.op == "pow":
        e = float(node.data[0])
        return [e * args[0] ** (e - 1)]
    if node.op == "call":
        return [FUNCTIONS[node.data[0]][1](args[0])]
    return [np.array(0.0) for _ in args]  # mean and const: no derivative in the limit


class LimitSample:
    """A large sample of the Z's of a network at two inputs with the given Gram matrices ξᵀξ'/d."""

    def __init__(self, form: Reduced, gram: Mapping[tuple[int, ...], float], size: int, seed: int) -> None:
        self.form, self.program, self.gram, self.size = form, form.program, gram, size
        self.random = np.random.default_rng(seed)
        self.z: dict[tuple[int, Ref], Array] = {}
        self._drawn: dict[tuple[int, bool], list[tuple[int, int]]] = {}
        self._normals: dict[tuple[int, bool], list[Array]] = {}
        for k in range(len(self.program.nodes)):
            for s in (0, 1):
                self._draw(s, k)

    def _draw(self, s: int, k: int) -> None:
        node, form = self.program.nodes[k], self.form
        if node.op in ("embed", "param", "matmul"):
            base = form.base(k)
            self.z[s, base] = self._gaussian(s, k)
            if base != k:
                self.z[s, k] = self.z[s, base] + sum(
                    math.prod(self.atom(a) for a in form.coefficient_atoms(t, s)) * self.z[s, t.vector]
                    for t in form.terms(k)[1:]
                )
        elif node.op == "ones":
            self.z[s, k] = np.ones(self.size)
        else:
            self.z[s, k] = forward_one(node, [self.z[s, a] for a in node.args])

    def _covariance(self, s: int, k: int, r: int, j: int) -> float:
        node, other = self.program.nodes[k], self.program.nodes[j]
        variance = to_float(self.program.parameters[node.data[0]].variance(node.op == "matmul" and node.data[1]))
        if node.op == "param":
            return variance
        if node.op == "embed":
            return variance * self.gram[s, r, *node.data[1:], *other.data[1:]]
        return variance * float(np.mean(self.z[s, node.args[0]] * self.z[r, other.args[0]]))

    def _gaussian(self, s: int, k: int) -> Array:
        symbol = self.program.symbol(k)
        drawn = self._drawn.setdefault(symbol, [])
        drawn.append((s, k))
        normals = self._normals.setdefault(symbol, [])
        normals.append(self.random.standard_normal(self.size))
        covariance = np.array([[self._covariance(*x, *y) for y in drawn] for x in drawn])
        values, vectors = np.linalg.eigh(covariance)
        del values, vectors
        root = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(drawn)))
        return sum(root[-1, i] * z for i, z in enumerate(normals))  # type: ignore[return-value]

    def derivative(self, s: int, x: Ref, target: Ref, stop_at_frontier: bool) -> Array:
        """∂Z^x/∂(target): by its frontier variable, or unwound to its base Gaussians."""
        known: dict[Ref, Array] = {target: np.ones(self.size)}
        frontier = set(self.form.frontier(x)) if stop_at_frontier and x >= 0 else set()
        for k in range(x + 1):
            if k in known or (s, k) not in self.z or np.ndim(self.z[s, k]) == 0:
                continue
            known[k] = np.zeros(self.size) if k in frontier else self._tangent(s, k, known)
        return known[x]

    def _tangent(self, s: int, k: int, known: Mapping[Ref, Array]) -> Array:
        node, zero = self.program.nodes[k], np.zeros(self.size)
        if self.form.form(k) is Form.LINEAR and node.op == "matmul":
            parts = [
                math.prod(self.atom(a) for a in self.form.coefficient_atoms(t, s)) * known.get(t.vector, zero)
                for t in self.form.terms(k)
            ]
            return sum(parts)  # type: ignore[return-value]
        if node.op in ("embed", "param", "matmul", "ones"):
            return zero
        slopes = partials(node, [self.z[s, a] for a in node.args])
        return sum(d * known.get(a, zero) for d, a in zip(slopes, node.args, strict=True))  # type: ignore[return-value]

    def atom(self, atom: Atom) -> float:
        """The sample's value of an atom."""
        kind, *rest = atom
        r = [int(i) for i in rest]
        parameters = self.program.parameters
        match kind:
            case "sigma2":
                return to_float(parameters[r[0]].variance(bool(r[1])))
            case "kappa":
                return to_float(parameters[r[0]].rate(bool(r[1])))
            case "gram":
                return self.gram[0, 1, *r]
            case "moment2":
                return float(np.mean(self.z[0, r[0]] * self.z[1, r[1]]))
            case "slope":
                first = self.derivative(0, r[0], r[1], True)
                return float(np.mean(first * self.derivative(1, r[2], r[3], True)))
            case "slope1":
                return float(np.mean(self.derivative(r[0], r[1], r[2], True)))
            case "response":
                return float(np.mean(self.derivative(r[0], r[1], r[2], False)))
            case "scalar":
                return float(self.z[r[0], r[1]])
            case _:
                return to_float(self.program.nodes[r[0]].data[0])

    def kernel(self, sums: Mapping[Pair, Terms], kernel: Terms) -> float:
        """K_op from path sums and Proposition D.3's terms."""
        values: dict[Pair, float] = {}
        atoms: dict[Atom, float] = {}

        def total(terms: Terms) -> float:
            result = 0.0
            for weight, ref in terms:
                for atom in weight:
                    atoms.setdefault(atom, self.atom(atom))
                result += math.prod(atoms[a] for a in weight) * (values[ref] if ref is not None else 1.0)
            return result

        for pair, terms in sums.items():
            values[pair] = total(terms)
        return total(kernel)


def finite_ntk(
    program: Program, inputs: tuple[list[Array], list[Array]], width: int, seed: int
) -> dict[tuple[int, int], float]:
    """∇f̃_o · ∇f_p of a dense network of the given width, by backpropagation: every parameter, every output pair."""
    random = np.random.default_rng(seed)
    entries = {}
    for p, parameter in enumerate(program.parameters):
        d = inputs[0][0].shape[1]
        rows, cols = (int(width * c) for c in (parameter.rows, parameter.cols))
        shape = {"matrix": (rows, cols), "embedding": (rows, d), "output_bias": ()}.get(parameter.kind, (rows,))
        entries[p] = to_float(parameter.std) * random.standard_normal(shape)
    gradients = [_gradients(program, entries, x, width) for x in inputs]
    rates = {p: to_float(parameter.lr) for p, parameter in enumerate(program.parameters)}
    outputs = range(len(program.outputs))
    return {
        (o, q): sum(rates[p] * float(np.sum(g * gradients[1][q][p])) for p, g in gradients[0][o].items()
                    if p in gradients[1][q])
        for o in outputs for q in outputs
    }  # fmt: skip


def _gradients(
    program: Program, entries: Mapping[int, Array], inputs: list[Array], width: int
) -> list[dict[int, Array]]:
    """∂f_o/∂(trainable entries) for every output, by reverse accumulation (Moments are differentiated too)."""
    scale = {p: to_float(parameter.scale) for p, parameter in enumerate(program.parameters)}
    values: list[Array] = []
    for k, node in enumerate(program.nodes):
        if node.op == "embed":
            p, i, part = node.data
            values.append(scale[p] * entries[p] @ inputs[i][part] / math.sqrt(inputs[i].shape[1]))
        elif node.op == "param":
            values.append(scale[node.data[0]] * entries[node.data[0]])
        elif node.op == "matmul":
            w = entries[node.data[0]] * (scale[node.data[0]] / math.sqrt(entries[node.data[0]].shape[1]))
            values.append((w.T if node.data[1] else w) @ values[node.args[0]])
        elif node.op == "ones":
            values.append(np.ones(int(width * (program.widths[k] or 1))))
        else:
            values.append(forward_one(node, [values[a] for a in node.args]))
    return [_backward(program, entries, inputs, values, scale, width, o) for o in range(len(program.outputs))]


def _backward(
    program: Program, entries: Mapping[int, Array], inputs: list[Array], values: list[Array],
    scale: Mapping[int, float], width: int, o: int,
) -> dict[int, Array]:  # fmt: skip
    found: dict[int, Array] = {}
    signal: list[Array] = [np.zeros_like(v) for v in values]

    def add(p: int, gradient: Array) -> None:
        found[p] = found.get(p, np.array(0.0)) + gradient

    for v, x in program.outputs[o].terms:
        add(v, scale[v] * values[x] / math.sqrt(len(entries[v])))
        signal[x] = signal[x] + scale[v] * entries[v] / math.sqrt(len(entries[v]))
    if program.outputs[o].bias is not None:
        add(program.outputs[o].bias, np.array(scale[program.outputs[o].bias]))  # type: ignore[arg-type,index]
    for k in range(len(program.nodes) - 1, -1, -1):
        node, d = program.nodes[k], signal[k]
        if node.op == "embed":
            p, i, part = node.data
            add(p, scale[p] * np.outer(d, inputs[i][part]) / math.sqrt(inputs[i].shape[1]))
        elif node.op == "param":
            add(node.data[0], scale[node.data[0]] * d)
        elif node.op == "matmul":
            p, transposed = node.data
            x = node.args[0]
            outer = np.outer(values[x], d) if transposed else np.outer(d, values[x])
            add(p, scale[p] * outer / math.sqrt(len(entries[p].T)))
            w = entries[p] if transposed else entries[p].T
            signal[x] = signal[x] + scale[p] * w @ d / math.sqrt(len(entries[p].T))
        elif node.op == "mean":
            signal[node.args[0]] = signal[node.args[0]] + d / np.size(values[node.args[0]])
        else:
            args = [values[a] for a in node.args]
            for a, slope in zip(node.args, partials(node, args), strict=True):
                back = d * slope
                signal[a] = signal[a] + (back if np.ndim(values[a]) else np.sum(back))
    return found
