"""What a wide network's numbers have to satisfy among themselves: (107), (122) and both samplers' one law."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from tests.numerics.crosscheck.helpers import everything, frontier, quantity, setting
from tests.numerics.finite.test_laws import ALARM, p_values
from tpproof.language.source import load
from tpproof.numerics.crosscheck.measured.measure import Measured, measure
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.program.constants import to_float
from tpproof.program.model import GVAR_OPS, Program
from tpproof.program.model import Kind as NodeKind

OPTIONS = {
    "mlp": {"L": "2", "std_w": "3/2", "lr_w": "2/3", "lr_b": "1/2", "lr_u": "5/4"},
    "rnn": {"T": "3", "std_w": "5/4", "lr_w": "1/2", "lr_u": "3/2"},
    "bottleneck": {"std_w": "5/4", "lr_w": "3/4", "lr_u": "5/4"},
    "resmlp": {},
}
WIDTH, DRAWS = 40_000, 60


class PairGraph:
    """C(g̃, g) (95) with one finite network's own averages for the expectations."""

    def __init__(self, program: Program, given: Setting, values: dict[Quantity, float]) -> None:
        self.program, self.given, self.values = program, given, values

    def average(self, kind: Kind, *key: int) -> float:
        return self.values[quantity(kind, *key)]

    def c(self, a: int, b: int, i: int, j: int) -> float:
        nodes, kinds = self.program.nodes, self.program.kinds
        if nodes[a].op in GVAR_OPS and nodes[b].op in GVAR_OPS:
            return self.gvars(a, b, i, j) if self.program.symbol(a) == self.program.symbol(b) else 0.0
        for one, other, turned in ((a, b, False), (b, a, True)):
            if nodes[one].op not in GVAR_OPS and linear_op(self.program, one):
                vectors = [r for r in nodes[one].args if kinds[r] is NodeKind.VECTOR]
                weight = math.prod(to_float(nodes[r].data[0]) for r in nodes[one].args if r not in vectors)
                return weight * sum(self.c(other, r, i, j) if turned else self.c(r, other, i, j) for r in vectors)
        total = 0.0
        for r in frontier(self.program, a):
            for s in frontier(self.program, b):
                below = self.c(r, s, i, j)
                total += self.average(Kind.SLOPE, a, r, b, s, i, j) * below if below else 0.0
        return total

    def gvars(self, a: int, b: int, i: int, j: int) -> float:
        node, p = self.program.nodes[a], self.program.parameters[self.program.symbol(a)[0]]
        rate = to_float(p.rate(self.program.symbol(a)[1]))
        if node.op == "param":
            return rate
        if node.op == "embed":
            one, two = (np.array(self.given.inputs[n][self.program.nodes[k].data[2]]) for n, k in ((i, a), (j, b)))
            return rate * float(one @ two) / len(one)
        h, k = node.args[0], self.program.nodes[b].args[0]
        return rate * self.average(Kind.MOMENT2, h, k, i, j) + to_float(p.variance(node.data[1])) * self.c(h, k, i, j)


def linear_op(program: Program, k: int) -> bool:
    vectors = [a for a in program.nodes[k].args if program.kinds[a] is NodeKind.VECTOR]
    return program.nodes[k].op == "add" or (program.nodes[k].op == "mul" and len(vectors) == 1)


def measured(name: str, width: int) -> tuple[Program, Setting, list[Quantity], Measured]:
    program = load(f"zoo:{name}", OPTIONS[name], {})
    given = setting(program, 2)
    quantities = everything(program, 2)
    return program, given, quantities, measure(program, quantities, given, width, 5)


@cache
def deviations(name: str, width: int) -> dict[Kind, float]:
    """The largest departures from (107) and its consequences."""
    program, given, quantities, found = measured(name, width)
    values = dict(zip(quantities, map(float, found.values), strict=True))
    graph = PairGraph(program, given, values)
    [chi] = given.slopes
    worst = dict.fromkeys((Kind.CHANGE, Kind.RESPONSE, Kind.OUTPUT_CHANGE), 0.0)
    for q in quantities:
        if q.kind is Kind.OUTPUT_CHANGE:
            o, i, j = q.key
            expected = -chi * values[quantity(Kind.KERNEL, o, 0, i, j)]
        elif q.kind is Kind.CHANGE:
            g, i, k, _, j = q.key
            family = [h for h in program.gvars if program.symbol(h) == program.symbol(g)]
            expected = -chi * sum(graph.c(g, h, i, j) * values[quantity(Kind.SIGNAL, h, 0, j, k, 0, j)] for h in family)
        elif q.kind is Kind.RESPONSE:
            g, i, k, _, j = q.key
            expected = -chi * graph.c(g, k, i, j)
        else:
            continue
        worst[q.kind] = max(worst[q.kind], abs(values[q] - expected))
    return worst


@pytest.mark.parametrize("name", OPTIONS)
def test_changes_answer_to_error_signals_as_107_says(name: str) -> None:
    """δg = −χ Σ C dk up to hats that are independent of dk, so the averages agree within some 3 n^-1/2."""
    worst = deviations(name, WIDTH)
    assert worst[Kind.CHANGE] < 10 / math.sqrt(WIDTH)
    assert worst[Kind.RESPONSE] < 40 / math.sqrt(WIDTH)
    assert worst[Kind.OUTPUT_CHANGE] < 1e-5  # a step so small is the kernel's, at every width


def test_a_path_of_another_weight_would_be_seen() -> None:
    """Two per cent of σ² in C are more than the deviations."""
    program, given, quantities, found = measured("mlp", WIDTH)
    graph = PairGraph(program, given, dict(zip(quantities, map(float, found.values), strict=True)))
    g = max(g for g in program.gvars if program.nodes[g].op == "matmul")
    p, h = program.nodes[g].data[0], program.nodes[g].args[0]
    part = to_float(program.parameters[p].variance()) * graph.c(h, h, 1, 1)
    [chi] = given.slopes
    assert 0.02 * abs(chi) * part > 2 * deviations("mlp", WIDTH)[Kind.RESPONSE]


def test_plain_steps_deviate_by_their_linearization() -> None:
    """The paper's step, of rate 1: within O(n^-1/2) of the small one, and not within less."""
    program = load("zoo:mlp", OPTIONS["mlp"], {})
    given = setting(program, 2)
    quantities = [q for q in everything(program, 2) if q.kind in (Kind.CHANGE, Kind.OUTPUT_CHANGE)]
    small, plain = (measure(program, quantities, given, WIDTH, 5, step_rate=r).values for r in (None, 1.0))
    assert 1e-6 < np.abs(small - plain).max() < 20 / math.sqrt(WIDTH)


def drawn(program: Program, given: Setting, quantities: list[Quantity], sampler: str, seeds: range) -> np.ndarray:
    return np.array([measure(program, quantities, given, 8, s, sampler=sampler, threads=1).values for s in seeds])


@pytest.mark.parametrize("name", ["rnn", "tied_autoencoder"])
def test_both_samplers_have_one_law(name: str) -> None:
    """Kolmogorov–Smirnov for each quantity: some 100 tests at 1e-6 each."""
    program = load(f"zoo:{name}", {"T": "2"} if name == "rnn" else {}, {})
    given = setting(program, 2)
    quantities = [q for q in everything(program, 2, 4) if q.kind is not Kind.RESPONSE]
    exact = drawn(program, given, quantities, "exact", range(DRAWS))
    dense = drawn(program, given, quantities, "dense", range(10**6, 10**6 + DRAWS))
    random = exact.std(axis=0) > 1e-9
    assert p_values(exact[:, random], dense[:, random]).min() > ALARM
