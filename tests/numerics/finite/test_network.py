"""Values, gradients and SGD of explicit finite networks are PyTorch's, for every architecture of the zoo."""

from __future__ import annotations

import ast
import tracemalloc
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tpproof.numerics.finite
from tests.dense.zoo import ARCHITECTURES, away_from_1, program
from tests.numerics.finite.helpers import batch_of, dense_twin, entries, inputs, torch_ntk, torch_outputs, torch_sgd
from tests.strategies import programs
from tests.test_architecture import imports_of
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels, train
from tpproof.numerics.finite.training import logistic_loss
from tpproof.program.model import Program

BATCH, STEPS, RATE = 2, 2, 0.3

MOMENTS = """
xi = input("xi")
eta = input("eta", 2)
U = embedding("U", std=3/2, lr=2)
V = embedding("V", rows=2)
W = matrix("W", rows=2, scale=3/4, lr=1/2)
v = readout("v", lr=3)
w = readout("w", rows=2)
b = bias("b")
x = tanh(U @ xi + b)
s = mean(x ** 2) + mean(b)
y = x * s / sqrt(s + 1) + s * ones()
z = silu(W @ y + V @ eta[1] * mean(W @ ones()))
u = gelu(W.T @ (z * (V @ eta[0])) + W.T @ z + U @ eta[0])
output(v @ u + w @ z + output_bias("c", lr=1/3))
output(v @ (x * u + b) + v @ (s * ones()))
output(w @ leaky_relu(W @ (s * ones()) + z))
"""
"""Scalars that move, matrices times constant vectors, W and Wᵀ, two widths, readouts shared and alone."""


def networks() -> dict[str, Program]:
    return {"moments": parse(MOMENTS, "test"), **{name: program(name, away_from_1(name)) for name in ARCHITECTURES}}


@pytest.fixture(scope="module")
def every() -> dict[str, Program]:
    return networks()


NAMES = ["moments", *ARCHITECTURES]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_kernels_are_pytorchs(every: dict[str, Program], name: str) -> None:
    net = FiniteNetwork(every[name], Space(16, seed=5), "dense")
    x = inputs(every[name], 2)
    found = empirical_kernels(net, x)
    np.testing.assert_allclose(found.outputs, torch_outputs(net, entries(net, 3), x), rtol=1e-11, atol=1e-12)
    for i, j in ((0, 1), (1, 1)):
        expected = torch_ntk(net, x, i, j)
        trained = {p.name for p in every[name].parameters if p.trained}
        assert set(found.by_parameter) == trained
        for parameter in trained:
            scale = np.abs(expected[parameter]).max()
            difference = np.abs(found.by_parameter[parameter][:, :, i, j] - expected[parameter]).max()
            assert difference <= 1e-10 * scale, parameter
        np.testing.assert_allclose(found.ntk[:, :, i, j], sum(expected.values()), rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_sgd_is_sgd_on_the_entries(every: dict[str, Program], name: str) -> None:
    net = FiniteNetwork(every[name], Space(16, seed=6), "dense")
    x = inputs(every[name], 3)
    y = np.random.default_rng(1).standard_normal((3, len(every[name].outputs)))
    found = train(net, x, y, x, STEPS, RATE, lambda t: batch_of(t, BATCH, 3))
    moved = torch_outputs(net, torch_sgd(net, x, y, RATE, STEPS, BATCH), x)
    assert np.abs(found.tests[-1] - found.tests[0]).max() > 1e-3
    np.testing.assert_allclose(found.tests[-1], moved, rtol=1e-10, atol=1e-11 * np.abs(moved).max())


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_sampler_is_a_network_of_explicit_matrices(every: dict[str, Program], name: str) -> None:
    """Kernels and trained outputs are those of a matrix that has the products which were drawn."""
    net = FiniteNetwork(every[name], Space(24, seed=7), "exact")
    x = inputs(every[name], 2)
    found = empirical_kernels(net, x, final=False)
    expected = empirical_kernels(dense_twin(net, 1), x)
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-9, atol=1e-10)
    for parameter, kernel in expected.by_parameter.items():
        scale = np.abs(kernel).max()
        np.testing.assert_allclose(found.by_parameter[parameter], kernel, rtol=1e-9, atol=1e-9 * scale)
    again = empirical_kernels(FiniteNetwork(every[name], Space(24, seed=7), "exact"), x, final=True)
    np.testing.assert_allclose(again.ntk, found.ntk, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_training_with_low_rank_updates_is_training(every: dict[str, Program], name: str) -> None:
    x = inputs(every[name], 3)
    y = np.random.default_rng(1).standard_normal((3, len(every[name].outputs)))
    net = FiniteNetwork(every[name], Space(24, seed=8), "exact")
    found = train(net, x[:2], y[:2], x[1:], STEPS, RATE)
    expected = train(dense_twin(net, 2), x[:2], y[:2], x[1:], STEPS, RATE)
    scale = np.abs(expected.tests).max()
    np.testing.assert_allclose(found.tests, expected.tests, rtol=1e-8, atol=1e-9 * scale)


@pytest.mark.parametrize("sampler", ["exact", "dense"])
@pytest.mark.parametrize("name", ["moments", "tied", "layernorm", "gru"])
def test_any_array_namespace_gives_the_same_numbers(every: dict[str, Program], name: str, sampler: str) -> None:
    x = inputs(every[name], 2)
    y = np.ones((2, len(every[name].outputs)))
    both = []
    for xp in (np, array_api_strict):
        net = FiniteNetwork(every[name], Space(16, xp=xp, seed=3), sampler)
        kernels = empirical_kernels(FiniteNetwork(every[name], Space(16, xp=xp, seed=3), sampler), x)
        both.append((kernels.ntk, train(net, x, y, x, 2, RATE).tests))
    for one, two in zip(*both, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)


def test_every_function_has_pytorchs_value_and_slope() -> None:
    from tpproof.program.functions import FUNCTIONS

    for function in set(FUNCTIONS) - {"step"}:
        call = f"{function}(x, 1/5)" if function == "leaky_relu" else f"{function}(x)"
        text = f'U = embedding("U")\nxi = input("xi")\nx = U @ xi\noutput(readout("v") @ {call})'
        net = FiniteNetwork(parse(text, "test"), Space(32, seed=2), "dense")
        x = inputs(net.program, 2)
        found, expected = empirical_kernels(net, x), torch_ntk(net, x, 0, 1)
        np.testing.assert_allclose(found.ntk[0, 0, 0, 1], sum(expected.values())[0, 0], rtol=1e-12)


def test_nothing_of_the_proof_is_imported() -> None:
    for path in Path(tpproof.numerics.finite.__file__).parent.glob("*.py"):
        for module in imports_of(path.read_text(), ["tpproof", "numerics", "finite"]):
            allowed = ("tpproof.program.", "tpproof.errors.", "tpproof.numerics.finite.")
            assert module.startswith(allowed) or not module.startswith("tpproof."), f"{path.name}: {module}"
        assert "tpproof.program.reduced" not in path.read_text()
        assert "tpproof.program.atoms" not in path.read_text()
        assert not any(isinstance(node, ast.Global) for node in ast.walk(ast.parse(path.read_text())))


def error(call: object, *args: object, **more: object) -> TpproofError:
    with pytest.raises(TpproofError) as raised:
        call(*args, **more)  # type: ignore[operator]
    return raised.value


def test_impossible_sizes_are_refused_before_allocation_with_what_they_need() -> None:
    mlp = load("zoo:mlp", {}, {})
    refused = error(FiniteNetwork(mlp, Space(10**7), "dense").forward, np.ones((2, 3)))
    assert refused.code == "E104" and "GiB" in refused.found and "exact sampler" in str(refused.suggestion)
    refused = error(FiniteNetwork(mlp, Space(10**11)).forward, np.ones((2, 3)))
    assert refused.code == "E104" and "1.64e+04 GiB" in refused.found
    # 22 vectors of 745 GiB: 8 in bases and images, 9 that nonlinearities read, the readout, 4 at work
    assert error(FiniteNetwork(mlp, Space(10**6), memory=10**8).forward, np.ones((2, 3))).code == "E104"
    net = FiniteNetwork(mlp, Space(10**4), memory=10**8)
    net.forward(np.ones((2, 3)))
    refused = error(train, net, np.ones((2, 3)), np.ones(2), np.ones((2, 3)), 2000)
    assert refused.code == "E104" and "2000 steps" in refused.found


def test_wrong_inputs_and_abstract_functions_are_refused() -> None:
    rnn = load("zoo:rnn", {}, {})
    net = FiniteNetwork(rnn, Space(8))
    for wrong in (np.ones((2, 4)), np.ones((2, 2, 4)), np.full((2, 3, 4), np.nan), [np.ones((2, 3, 4))] * 2):
        assert error(net.forward, wrong).code == "E151"
    assert error(train, net, np.ones((2, 3, 4)), np.ones(3), np.ones((2, 3, 4)), 1).code == "E151"
    text = 'phi = nonlinearity("phi")\nU = embedding("U")\noutput(readout("v") @ phi(U @ input("xi")))'
    assert error(FiniteNetwork, parse(text, "test"), Space(8)).code == "E150"
    assert error(FiniteNetwork, rnn, Space(8), "sparse").code == "E151"
    assert error(Space, 8, seed=-1).code == "E151"
    half = parse('U = embedding("U", rows=1/2)\noutput(readout("v", rows=1/2) @ (U @ input("xi")))', "test")
    assert error(FiniteNetwork(half, Space(7)).forward, np.ones((2, 3))).code == "E151"


@pytest.mark.parametrize("sampler", ["exact", "dense"])
def test_diverging_training_names_the_step(sampler: str) -> None:
    text = 'U = embedding("U")\nx = U @ input("xi")\nW = matrix("W")\noutput(readout("v") @ (W @ (x ** 2)) ** 3)'
    net = FiniteNetwork(parse(text, "test"), Space(64, seed=1), sampler)
    raised = error(train, net, np.ones((2, 3)), np.ones(2), np.ones((1, 3)), 50, 10.0)
    assert raised.code == "E152" and "after" in raised.found and "of 50 steps" in raised.found


def test_vectors_can_be_watched_as_they_come(every: dict[str, Program]) -> None:
    """Forward vectors and error signals of the tied network: the identities of §4 between them."""
    net = FiniteNetwork(every["tied"], Space(500, seed=3), every_signal=True)
    values: dict[int, np.ndarray] = {}
    signals: dict[int, np.ndarray] = {}
    state = net.forward(inputs(net.program, 2), rows=1, watch=lambda _, k, block: values.update({k: block.copy()}))

    class Nobody:
        def initial(self, node: int, signals: object) -> None: ...
        def product(self, node: int, r: int, place: object) -> None: ...

    net.backward(state, np.ones((1, 1, 2)), Nobody(), watch=lambda _, k, d: signals.update({k: d.copy()}))
    nodes = net.program.nodes
    assert set(signals) == set(net.program.gvars) and set(signals) <= set(values)
    u, down, up = net.program.gvars  # U ξ, Wᵀ h, W a
    [(v, _)] = net.program.outputs[0].terms
    readout = net.vector(v) * 500**0.5
    np.testing.assert_allclose(signals[up], np.broadcast_to(readout, (2, 500)), rtol=1e-12)
    slope = 1 - np.tanh(values[down]) ** 2
    w = next(iter(net.matrices.values()))
    np.testing.assert_allclose(signals[down], slope * w.apply_transposed(signals[up]), atol=1e-10)
    slope = 1 - np.tanh(values[u]) ** 2
    np.testing.assert_allclose(signals[u], slope * w.apply(signals[down]), atol=1e-10)
    assert nodes[up].op == nodes[down].op == "matmul"


def test_the_kernel_of_a_wide_network_takes_few_vectors() -> None:
    """Of n numbers, at the peak; 26 of them at n = 10^7 would be 2 GiB."""
    mlp, width = load("zoo:mlp", {}, {}), 400_000
    tracemalloc.start()
    try:
        empirical_kernels(FiniteNetwork(mlp, Space(width)), np.eye(2, 5))
        peak = tracemalloc.get_traced_memory()[1] / (8 * width)
    finally:
        tracemalloc.stop()
    assert peak < 23


@given(programs(transposes=True, abstract=False), st.integers(0, 2**32), st.integers(2, 20))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_programs_are_pytorchs_and_both_samplers_agree(program: Program, seed: int, width: int) -> None:
    x = inputs(program, 3)
    dense = FiniteNetwork(program, Space(width, seed=seed), "dense")
    found, expected = empirical_kernels(dense, x), torch_ntk(dense, x, 0, 2)
    scale = max((np.abs(k).max() for k in expected.values()), default=0.0)
    np.testing.assert_allclose(found.ntk[:, :, 0, 2], sum(expected.values()), rtol=1e-8, atol=1e-9 * scale)
    net = FiniteNetwork(program, Space(width, seed=seed), "exact")
    kernels = empirical_kernels(net, x, final=False)
    twin = empirical_kernels(dense_twin(net, seed), x)
    scale = np.abs(twin.ntk).max()
    np.testing.assert_allclose(kernels.ntk, twin.ntk, rtol=1e-6, atol=1e-7 * scale)


def test_schedules_losses_and_looks(every: dict[str, Program]) -> None:
    """Rates and batches by step, the logistic loss, outputs looked at now and then: the same training."""
    x, y = inputs(every["rnn"], 3), np.array([1.0, -1.0, 1.0])

    def net() -> FiniteNetwork:
        return FiniteNetwork(every["rnn"], Space(40, seed=2), "dense")

    def batches(t: int) -> list[int]:
        return [t % 3, (t + 2) % 3]

    often = train(net(), x, y, x, 4, lambda t: 1 / (1 + t), batches, logistic_loss)
    seldom = train(net(), x, y, x, 4, lambda t: 1 / (1 + t), batches, logistic_loss, follow=[4, 2])
    assert often.steps == (0, 1, 2, 3, 4) and seldom.steps == (2, 4)
    np.testing.assert_allclose(seldom.tests, often.tests[[2, 4]], rtol=1e-12)
    np.testing.assert_allclose(often.batches[3], often.tests[3][batches(3)], rtol=1e-12)
    f, t = often.batches[3][:, 0], y[batches(3)]
    np.testing.assert_allclose(often.slopes[3][:, 0], -t / (1 + np.exp(t * f)), rtol=1e-12)
    assert np.abs(train(net(), x, y, x, 4, 1.0, batches, logistic_loss).tests[-1] - often.tests[-1]).max() > 1e-3
