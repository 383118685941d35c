"""Addresses that a program's structure gives, and PyTorch's view of each quantity on a dense network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.dense.interpreter import Dense
from tests.numerics.finite.helpers import entries, inputs, split_parts
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.finite import FiniteNetwork, Space
from tpproof.program.constants import to_float
from tpproof.program.model import GVAR_OPS, Program
from tpproof.program.model import Kind as NodeKind

Array = NDArray[np.float64]
D = 3


def setting(program: Program, count: int = 3, steps: int = 2, rate: float = 0.3) -> Setting:
    """Inputs, targets and slopes of no particular kind."""
    outputs = len(program.outputs)
    y = np.random.default_rng(3).standard_normal((count, outputs))
    x = inputs(program, count, D)
    rows = tuple(tuple(tuple(map(float, part)) for part in one) for one in x)
    targets = tuple(tuple(map(float, row)) for row in y)
    return Setting(rows, targets, tuple(0.7 - 0.4 * o for o in range(outputs)), steps, rate)


def quantity(kind: Kind, *key: int) -> Quantity:
    return Quantity(kind, key, f"{kind.value} {key}", "")


def read(program: Program) -> list[int]:
    """G-vars, and what matrices, readouts and Moments read."""
    found = {a for n in program.nodes if n.op in ("matmul", "mean") for a in n.args} | set(program.gvars)
    return sorted(found | {x for out in program.outputs for _, x in out.terms})


def linear(program: Program, k: int) -> bool:
    """Whether a vector is a linear combination of G-vars."""
    node = program.nodes[k]
    vectors = [a for a in node.args if program.kinds[a] is NodeKind.VECTOR]
    if node.op in (*GVAR_OPS, "ones"):
        return True
    return (node.op == "add" or (node.op == "mul" and len(vectors) == 1)) and all(linear(program, a) for a in vectors)


def frontier(program: Program, x: int) -> set[int]:
    """The linear combinations of G-vars that are met first below a vector; constant vectors are none."""
    if linear(program, x):
        return {x} if program.widths[x] is not None else set()
    vectors = [a for a in program.nodes[x].args if program.kinds[a] is NodeKind.VECTOR]
    return set().union(*(frontier(program, a) for a in vectors))


def symbol_pairs(program: Program) -> list[tuple[int, int]]:
    return [(g, k) for g, k in product(program.gvars, repeat=2) if program.symbol(g) == program.symbol(k)]


def summands(program: Program) -> list[tuple[int, int]]:
    """(x, a): vectors that are sums or multiples, and what they are sums and multiples of; others with themselves."""
    vector = {k for k, kind in enumerate(program.kinds) if kind is NodeKind.VECTOR}
    found = []
    for x in vector:
        node = program.nodes[x]
        inside = [a for a in node.args if a in vector]
        if (node.op == "add" or (node.op == "mul" and len(inside) == 1)) and program.widths[x] is not None:
            found += [(x, a) for a in sorted(set(inside))]
    return found + [(x, x) for x in sorted(vector) if program.widths[x] is not None][:3]


def readouts(program: Program) -> list[tuple[int, int, int, int]]:
    """(o, x, p, y) that one readout reads."""
    outputs = list(enumerate(program.outputs))
    return sorted({(o, x, p, y) for (o, one), (p, two) in product(outputs, repeat=2)
                   for v, x in one.terms for w, y in two.terms if v == w})  # fmt: skip


def everything(program: Program, count: int, most: int = 10**9, seed: int = 0) -> list[Quantity]:
    """Addresses of every kind; at most so many of each, chosen at random."""
    outputs, every = range(len(program.outputs)), range(count)
    nodes = read(program)
    both = list(product(every, repeat=2))
    functions = {x: frontier(program, x) for x in nodes if not linear(program, x)}
    sums = summands(program)
    matmuls = [(g, k) for g, k in symbol_pairs(program) if program.nodes[g].op == "matmul"]
    found: dict[Kind, list[tuple[int, ...]]] = {
        Kind.KERNEL: [(o, p, *ij) for o in outputs for p in outputs for ij in both],
        Kind.PARAMETER: [(q, o, p, *ij) for q in range(len(program.parameters)) for o in outputs for p in outputs
                         for ij in both],
        Kind.MEAN: [(x, i) for x in nodes for i in every],
        Kind.MOMENT2: [(x, y, *ij) for x in nodes for y in nodes for ij in both
                       if program.widths[x] == program.widths[y]],
        Kind.MOMENT4: [(x, i) for x in nodes for i in every],
        Kind.SCALAR: [(k, i) for k, kind in enumerate(program.kinds) if kind is NodeKind.SCALAR for i in every],
        Kind.SIGNAL: [(g, o, i, k, p, j) for g, k in symbol_pairs(program) for o in outputs for p in outputs
                      for i, j in both],
        Kind.SLOPE: [(x, a, y, b, *ij) for x in functions for y in functions for ij in both
                     for a in functions[x] for b in functions[y] if program.widths[x] == program.widths[y]],
        Kind.START: [(g, k, i, j) for g, k in symbol_pairs(program) for i, j in both],
        Kind.MATMUL: [*matmuls],
        Kind.SUM: [(x, a, y, b, i, j) for x, a in sums for y, b in sums for i, j in both
                   if program.widths[x] == program.widths[y]],
        Kind.READOUT_START: [(o, x, p, y, i, j) for o, x, p, y in readouts(program) for i, j in both],
        Kind.READOUT: [*readouts(program)],
        Kind.CHANGE: [(g, i, k, p, j) for g, k in symbol_pairs(program) for p in outputs for i in every
                      for j in every[1:]],
        Kind.RESPONSE: [(g, i, k, p, j) for g, k in symbol_pairs(program) for p in outputs for i in every
                        for j in every[1:]],
        Kind.OUTPUT_CHANGE: [(o, i, j) for o in outputs for i in every for j in every[1:]],
        Kind.TRAJECTORY: [(t, o, i) for t in (1, 2) for o in outputs for i in every],
    }  # fmt: skip
    random = np.random.default_rng(seed)
    chosen = []
    for kind, keys in found.items():
        order = random.permutation(len(keys))[:most]
        chosen += [quantity(kind, *keys[n]) for n in sorted(order)]
    return chosen


@dataclass(frozen=True)
class Reference:
    """The network that a dense sampler draws, as PyTorch sees it."""

    program: Program
    width: int
    seed: int
    setting: Setting

    @cached_property
    def net(self) -> FiniteNetwork:
        return FiniteNetwork(self.program, Space(self.width, seed=self.seed), "dense")

    @cached_property
    def given(self) -> dict[str, Tensor]:
        """The entries that the sampler draws."""
        return entries(self.net, D)

    @cached_property
    def dense(self) -> Dense:
        return Dense(self.program, self.width, D)

    def parts(self, i: int) -> list[Tensor]:
        return split_parts(self.program, np.array(self.setting.inputs[i]))

    def nodes(self, given: dict[str, Tensor], i: int) -> list[Any]:
        values: list[Any] = []
        for k, node in enumerate(self.program.nodes):
            values.append(self.dense._value(k, node, values, given, self.parts(i)))
        return values

    def outputs(self, given: dict[str, Tensor], values: list[Any]) -> list[Tensor]:
        parameters, found = self.program.parameters, []
        for out in self.program.outputs:
            f = torch.zeros(())
            for v, x in out.terms:
                f = f + self.dense.multiplier(parameters[v]) * (given[parameters[v].name] * values[x]).sum()
            if out.bias is not None:
                f = f + self.dense.multiplier(parameters[out.bias]) * given[parameters[out.bias].name].sum()
            found.append(f)
        return found

    @cached_property
    def values(self) -> list[list[Tensor]]:
        """[input][node]."""
        return [self.nodes(self.given, i) for i in range(len(self.setting.inputs))]

    def vector(self, k: int, i: int) -> Array:
        """A vector, written out."""
        width = self.program.widths[k]
        n = self.width if width is None else int(width * self.width)
        value = torch.as_tensor(self.values[i][k])
        return np.broadcast_to(value.detach().numpy().reshape(-1), (n,))

    @cached_property
    def signals(self) -> dict[tuple[int, int, int], Array]:
        """(g, o, i) → ∂f_o/∂g at ξ_i."""
        found = {}
        leaves = {name: e.clone().requires_grad_() for name, e in self.given.items()}
        for i in range(len(self.setting.inputs)):
            values = self.nodes(leaves, i)
            wanted = [values[g] for g in self.program.gvars]
            for o, f in enumerate(self.outputs(leaves, values)):
                parts = [None] * len(wanted)
                if f.requires_grad:
                    parts = torch.autograd.grad(f, wanted, retain_graph=True, allow_unused=True)
                for g, part in zip(self.program.gvars, parts, strict=True):
                    n = int(self.program.widths[g] * self.width)  # type: ignore[operator]
                    found[g, o, i] = np.zeros(n) if part is None else part.numpy()[0]
        return found

    def partial(self, x: int, a: int, i: int) -> Array:
        """∂_a x by autodiff, every linear combination of G-vars and every scalar a variable of its own."""
        values: dict[int, Any] = {}
        variable: dict[int, Tensor] = {}

        def visit(k: int) -> Any:
            if k in values:
                return values[k]
            node = self.program.nodes[k]
            if self.program.kinds[k] is not NodeKind.VECTOR or linear(self.program, k):
                values[k] = self.values[i][k]
                if k == a:
                    values[k] = variable[a] = values[k].detach().clone().requires_grad_()
            else:
                whole = [visit(n) if n in node.args else None for n in range(k)]
                values[k] = self.dense._value(k, node, whole, {}, [])
            return values[k]

        [slope] = torch.autograd.grad(visit(x).sum(), [variable[a]])
        return slope.numpy()[0]

    def weight(self, q: Quantity) -> float:
        """That of a step of a path that is no slope, from entries and PyTorch's values."""
        nodes, parameters, key = self.program.nodes, self.program.parameters, q.key
        match q.kind:
            case Kind.START:
                g, k, i, j = key
                p = self.program.symbol(g)[0]
                return self.rate(p) * self.product_read(g, k, i, j)
            case Kind.MATMUL:
                uses = {*key}
                every = range(len(self.setting.inputs))
                after = sum(float(np.mean(self.vector(k, i) ** 2)) for k in uses for i in every)
                return after / sum(float(np.mean(self.vector(nodes[k].args[0], i) ** 2)) for k in uses for i in every)
            case Kind.SUM:
                x, a, y, b, i, j = key
                return self.factor(x, a, i) * self.factor(y, b, j)
        shared = [v for v, x in self.program.outputs[key[0]].terms if x == key[1]
                  and (v, key[3]) in self.program.outputs[key[2]].terms]  # fmt: skip
        if q.kind is Kind.READOUT_START:
            _, x, _, y, i, j = key
            return sum(self.rate(v) for v in shared) * float(np.mean(self.vector(x, i) * self.vector(y, j)))
        entries_ = [self.dense.multiplier(parameters[v]) * self.given[parameters[v].name].numpy() for v in shared]
        return float(sum(np.sum(e**2) for e in entries_))

    def rate(self, p: int) -> float:
        parameter = self.program.parameters[p]
        return to_float(parameter.lr) * to_float(parameter.scale) ** 2

    def product_read(self, g: int, k: int, i: int, j: int) -> float:
        """Of what two G-vars of one symbol read: the gradient's other factor."""
        node, other = self.program.nodes[g], self.program.nodes[k]
        if node.op == "param":
            return 1.0
        if node.op == "embed":
            one, two = (self.dense_part(n, s) for n, s in ((node, i), (other, j)))
            return float(one @ two) / len(one)
        cols = int(self.program.parameters[node.data[0]].cols * self.width)
        return float(self.vector(node.args[0], i) @ self.vector(other.args[0], j)) / cols

    def dense_part(self, node: Any, i: int) -> Array:
        """The input of an embedding."""
        _, number, part = node.data
        start = sum(declared.parts for declared in self.program.inputs[:number])
        return np.array(self.setting.inputs[i][start + part])

    def factor(self, x: int, a: int, i: int) -> float:
        """∂x/∂a, the same in all coordinates, by autodiff of the node alone."""
        if x == a:
            return 1.0
        values = list(self.values[i])
        leaf = torch.as_tensor(values[a]).detach().clone().requires_grad_()
        values[a] = leaf
        [slope] = torch.autograd.grad(self.dense._value(x, self.program.nodes[x], values, {}, []).sum(), [leaf])
        per_coordinate = slope.numpy().reshape(-1)
        assert np.ptp(per_coordinate) <= 1e-12 * np.abs(per_coordinate).max()
        return float(per_coordinate[0])

    def stepped(self, j: int, rate: float) -> dict[str, Tensor]:
        """Entries after a step on ξ_j with the setting's χ."""
        leaves = {name: e.clone().requires_grad_() for name, e in self.given.items()}
        outputs = self.outputs(leaves, self.nodes(leaves, j))
        loss = sum((chi * f for chi, f in zip(self.setting.slopes, outputs, strict=True)), torch.zeros(()))
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True, allow_unused=True)
        rates = {p.name: to_float(p.lr) for p in self.program.parameters}
        return {n: e - rate * rates[n] * g for (n, e), g in zip(self.given.items(), gradients, strict=True)}

    def changes(self, j: int, rate: float = 1e-4) -> list[tuple[dict[int, Array], list[float]]]:
        """[i]: the change of every G-var, and of every output, at ξ_i, over the rate: central differences."""
        found = []
        for i in range(len(self.setting.inputs)):
            both = []
            for sign in (1, -1):
                given = self.stepped(j, sign * rate)
                values = self.nodes(given, i)
                both.append(({g: values[g].numpy()[0] for g in self.program.gvars},
                             [float(f) for f in self.outputs(given, values)]))  # fmt: skip
            (one, f), (two, h) = both
            found.append(({g: (one[g] - two[g]) / (2 * rate) for g in one},
                          [(a - b) / (2 * rate) for a, b in zip(f, h, strict=True)]))  # fmt: skip
        return found
