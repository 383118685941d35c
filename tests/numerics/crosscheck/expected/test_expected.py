"""What the limit says, against an evaluator that knows nothing of it: an MLP's recursion, with trapezoids."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.numerics.crosscheck.helpers import setting
from tpproof.language.source import load
from tpproof.numerics.crosscheck.expected.altered import with_altered_weight, with_dropped_term
from tpproof.numerics.crosscheck.expected.choice import choose
from tpproof.numerics.crosscheck.expected.expected import limits
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.proof.prove import Proof, prove
from tpproof.zoo import names

NODES = np.linspace(-9, 9, 601)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()  # trapezoids: 1e-15 for functions with such strips
SIGMA2 = 1.5  # of every matrix


def proof_of(name: str, **constants: str) -> Proof:
    program = load(f"zoo:{name}", constants, {})
    known = {n: "tanh" for n, _ in program.functions}
    return prove(load(f"zoo:{name}", constants, known) if known else program)


def mean_of(function, p: float, c: float, q: float) -> float:  # type: ignore[no-untyped-def]
    """E f(u, v) for (u, v) ~ N(0, [[p, c], [c, q]])."""
    u = math.sqrt(p) * NODES
    rest = math.sqrt(max(q - c * c / p, 0.0))
    v = c / p * u[:, None] + rest * NODES[None, :]
    return float(WEIGHTS @ function(u[:, None], v) @ WEIGHTS)


def slope(z):  # type: ignore[no-untyped-def]
    return 1 - np.tanh(z) ** 2


def product_mean(p: float, c: float, q: float) -> float:
    """E tanh(u) tanh(v)."""
    return mean_of(lambda u, v: np.tanh(u) * np.tanh(v), p, c, q)


class ByHand:
    """zoo:mlp with L = 2, tanh, biases everywhere, written out: x1 of Uξ + b0, x2 of Wx1 + b1, f = vᵀx2 + c."""

    def __init__(self, given: Setting, i: int, j: int) -> None:
        x = np.array(given.inputs)[:, 0]
        gram = x @ x.T / x.shape[1]
        first = gram + 1.0
        self.xi = gram[i, j]
        self.p1, self.c1, self.q1 = first[i, i], first[i, j], first[j, j]
        self.p2 = SIGMA2 * product_mean(self.p1, self.p1, self.p1) + 1.0
        self.c2 = SIGMA2 * product_mean(self.p1, self.c1, self.q1) + 1.0
        self.q2 = SIGMA2 * product_mean(self.q1, self.q1, self.q1) + 1.0
        self.slope1 = mean_of(lambda u, v: slope(u) * slope(v), self.p1, self.c1, self.q1)
        self.slope2 = mean_of(lambda u, v: slope(u) * slope(v), self.p2, self.c2, self.q2)
        self.x1 = (self.c2 - 1.0) / SIGMA2
        self.x2 = product_mean(self.p2, self.c2, self.q2)

    @property
    def parts(self) -> dict[str, float]:
        """K by parameters."""
        below = self.slope2 * SIGMA2 * self.slope1
        upper = {"W1": self.slope2 * self.x1, "b1": self.slope2, "v": self.x2, "c": 1.0}
        return {"U": below * self.xi, "b0": below, **upper}


def mlp() -> Proof:
    return proof_of("mlp", L="2", phi="tanh", std_w="sqrt(3/2)", lr_w="1")


def by_kind(proof: Proof, given: Setting, seed: int = 0) -> dict[Quantity, tuple[float, float]]:
    chosen = choose(proof, given).quantities
    found = limits(proof, chosen, given, seed=seed)
    return dict(zip(chosen, zip(found.values.tolist(), found.errors.tolist(), strict=True), strict=True))


def test_kernels_their_parts_and_signals_are_those_of_the_recursion_written_out() -> None:
    proof, given = mlp(), setting(mlp().program)
    names_of = [p.name for p in proof.program.parameters]
    compared = set()
    for q, (value, error) in by_kind(proof, given).items():
        if q.kind is Kind.KERNEL:
            wanted = sum(ByHand(given, *q.key[2:]).parts.values())
        elif q.kind is Kind.PARAMETER:
            wanted = ByHand(given, *q.key[3:]).parts[names_of[q.key[0]]]
        elif q.kind is Kind.OUTPUT_CHANGE:
            wanted = -given.slopes[0] * sum(ByHand(given, *q.key[1:]).parts.values())
        elif q.kind is Kind.SLOPE:
            hand = ByHand(given, *q.key[4:])
            wanted = min((hand.slope1, hand.slope2), key=lambda s: abs(s - value))
        elif q.kind is Kind.SIGNAL and q.key[0] == q.key[3]:
            hand = ByHand(given, q.key[2], q.key[5])
            wanted = min((hand.slope2, hand.slope2 * SIGMA2 * hand.slope1), key=lambda s: abs(s - value))
        else:
            continue
        compared.add(q.kind)
        assert abs(value - wanted) <= 6 * error + 1e-9, (q.name, value, wanted, error)
        assert error < 2e-3 * abs(wanted)
    assert compared == {Kind.KERNEL, Kind.PARAMETER, Kind.OUTPUT_CHANGE, Kind.SLOPE, Kind.SIGNAL}


def test_the_change_that_107_gives_is_minus_chi_c_d_written_out() -> None:
    """At h = W x1: C = κ E[x1 x1] + σ² E[φ'φ'](ξᵀξ'/d + 1), and E[dh dh] = E[φ'φ'] at the training input."""
    proof, given = mlp(), setting(mlp().program)
    [h] = [g for g in proof.program.gvars if proof.program.nodes[g].op == "matmul"]
    found = by_kind(proof, given)
    for kind in (Kind.CHANGE, Kind.RESPONSE):
        mine = {q: v for q, v in found.items() if q.kind is kind and q.key[0] == h}
        assert mine
        for q, (value, error) in mine.items():
            hand, own = ByHand(given, q.key[1], q.key[4]), ByHand(given, q.key[4], q.key[4])
            c = hand.x1 + SIGMA2 * hand.slope1 * (hand.xi + 1.0)
            wanted = -given.slopes[0] * c * (own.slope2 if kind is Kind.CHANGE else 1.0)
            assert abs(value - wanted) <= 6 * error + 1e-9, (q.name, value, wanted, error)


@pytest.mark.parametrize("name", ["rnn", "layernorm", "twice"])
def test_errors_are_what_other_seeds_differ_by(name: str) -> None:
    """z of one seed against another: standard normal, up to Student's tails of 15 degrees of freedom."""
    proof = proof_of(name)
    given = setting(proof.program)
    drawn = [by_kind(proof, given, seed) for seed in range(6)]
    z = []
    for q in drawn[0]:
        values, errors = (np.array([d[q][k] for d in drawn]) for k in (0, 1))
        if (errors > 0).all() and q.kind is not Kind.TRAJECTORY and len(set(values)) > 1:
            z += ((values[::2] - values[1::2]) / np.hypot(errors[::2], errors[1::2])).tolist()
    assert len(z) > 60
    assert 0.5 < np.sqrt(np.mean(np.square(z))) < 1.5
    assert np.max(np.abs(z)) < 7


def test_kernels_without_samples_are_the_sampled_ones() -> None:
    proof = mlp()
    given = setting(proof.program)
    chosen = [q for q in choose(proof, given).quantities if q.kind is Kind.KERNEL]
    exact, drawn = limits(proof, chosen, given), limits(proof, chosen, given, sampled=True)
    assert np.all(exact.errors < 1e-9)
    assert np.all(np.abs(exact.values - drawn.values) < 6 * drawn.errors)


@pytest.mark.parametrize("name", ["mlp", "rnn", "tied", "multi_output", "layernorm"])
def test_what_is_tested_does_not_depend_on_what_the_proof_says(name: str) -> None:
    """A proof that lost every term of every sum keeps its tests: no term takes its own test away."""
    right = proof_of(name)
    assert right.execution is not None
    given = setting(right.program)
    wrong = right
    for pair, terms in right.execution.every_sum.items():
        for _ in terms:
            wrong = with_dropped_term(wrong, pair, 0)
    assert wrong.execution is not None
    assert all(terms == () for terms in wrong.execution.every_sum.values())
    nothing = replace(wrong, execution=replace(wrong.execution, signals={
        pair: replace(signal, terms=(), reads=()) for pair, signal in wrong.execution.signals.items()}))  # fmt: skip
    kept = {q for q in choose(right, given).quantities if q.kind not in (Kind.SLOPE, Kind.RESPONSE)}
    assert {Kind.KERNEL, Kind.PARAMETER, Kind.SIGNAL, Kind.CHANGE, Kind.OUTPUT_CHANGE} <= {q.kind for q in kept}
    for proof in (wrong, nothing):
        assert {q for q in choose(proof, given).quantities if q.kind not in (Kind.SLOPE, Kind.RESPONSE)} == kept


def test_an_altered_weight_changes_what_rests_on_it_and_nothing_else() -> None:
    right = mlp()
    given = setting(right.program)
    [h] = [g for g in right.program.gvars if right.program.nodes[g].op == "matmul"]
    before, after = by_kind(right, given), by_kind(with_altered_weight(right, (h, h), 1, "1.02"), given)
    moved = {q.kind for q in before if abs(after[q][0] - before[q][0]) > 6 * (before[q][1] + after[q][1]) + 1e-12}
    assert moved == {Kind.MATMUL, Kind.KERNEL, Kind.PARAMETER, Kind.CHANGE, Kind.RESPONSE, Kind.OUTPUT_CHANGE}


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_network_of_the_zoo_has_numbers_with_names_of_their_own(name: str) -> None:
    proof = proof_of(name)
    if proof.execution is None:
        pytest.skip("refused")
    given = setting(proof.program)
    chosen = choose(proof, given).quantities
    found = limits(proof, chosen, given, points=2**8, replicates=4)
    assert np.isfinite(found.values).all() and (found.errors >= 0).all()
    assert len({q.name for q in chosen}) == len(chosen)
