"""What is read off a finite network is what PyTorch finds in the same network, for every kind of quantity."""

from __future__ import annotations

import numpy as np
import pytest

from tests.dense.zoo import ARCHITECTURES
from tests.numerics.crosscheck.helpers import Reference, everything, setting
from tests.numerics.finite.helpers import dense_twin, torch_ntk
from tests.numerics.finite.test_network import networks
from tpproof.language.source import load
from tpproof.numerics.crosscheck.measured.measure import Measured, Measurement, measure
from tpproof.numerics.crosscheck.measured.one_step import STEPS
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.finite import FiniteNetwork, Space, train
from tpproof.program.model import Program

WIDTH, SEED = 16, 11
NETWORKS = ["moments", "tied", "rnn", "layernorm", "bottleneck"]


@pytest.fixture(scope="module")
def every() -> dict[str, Program]:
    return networks()


def agree(measured: Measured, quantities: list[Quantity], expected: list[float], rtol: float = 1e-9) -> None:
    assert len(expected) == len(quantities) > 0
    scale = np.abs(expected).max()
    np.testing.assert_allclose(measured.values, expected, rtol=rtol, atol=rtol * scale)


def of(quantities: list[Quantity], *kinds: Kind) -> list[Quantity]:
    return [q for q in quantities if q.kind in kinds]


@pytest.mark.parametrize("name", NETWORKS)
def test_averages_and_scalars(every: dict[str, Program], name: str) -> None:
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 60), Kind.MEAN, Kind.MOMENT2, Kind.MOMENT4, Kind.SCALAR)
    plain, expected = Reference(program, WIDTH, SEED, given), []
    for q in quantities:
        if q.kind is Kind.MOMENT2:
            x, y, i, j = q.key
            expected.append(float(np.mean(plain.vector(x, i) * plain.vector(y, j))))
        else:
            expected.append(float(np.mean(plain.vector(*q.key) ** (4 if q.kind is Kind.MOMENT4 else 1))))
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels(every: dict[str, Program], name: str) -> None:
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 60), Kind.KERNEL, Kind.PARAMETER)
    plain = Reference(program, WIDTH, SEED, given)
    x, expected = np.array(given.inputs), []
    for q in quantities:
        *parameter, o, p, i, j = q.key
        found = torch_ntk(plain.net, x, i, j)
        chosen = [program.parameters[parameter[0]].name] if parameter else list(found)
        expected.append(float(sum(found[n][o, p] for n in chosen)))
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_error_signals(every: dict[str, Program], name: str) -> None:
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 200), Kind.SIGNAL)
    plain = Reference(program, WIDTH, SEED, given)
    expected = [float(plain.signals[q.key[:3]] @ plain.signals[q.key[3:]]) for q in quantities]
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected)


@pytest.mark.parametrize("name", ["moments", "tied", "gru", "layernorm", "bottleneck"])
def test_slopes(every: dict[str, Program], name: str) -> None:
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 60), Kind.SLOPE)
    plain, expected = Reference(program, WIDTH, SEED, given), []
    for q in quantities:
        x, a, y, b, i, j = q.key
        expected.append(float(np.mean(plain.partial(x, a, i) * plain.partial(y, b, j))))
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected)


@pytest.mark.parametrize("name", [*NETWORKS, "attention"])
def test_weights_of_steps_of_paths(every: dict[str, Program], name: str) -> None:
    """κ hᵀk/n, σ² as ‖Wh‖²/‖h‖², factors in sums by autodiff, κ xᵀy/n and ‖v‖² of readouts."""
    program = every[name] if name in every else load(f"zoo:{name}", {}, {})
    given = setting(program)
    kinds = (Kind.START, Kind.MATMUL, Kind.SUM, Kind.READOUT_START, Kind.READOUT)
    quantities = of(everything(program, 3, 60), *kinds)
    assert {q.kind for q in quantities} >= {Kind.START, Kind.SUM, Kind.READOUT, Kind.READOUT_START}
    plain = Reference(program, WIDTH, SEED, given)
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities,
          [plain.weight(q) for q in quantities])  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step(every: dict[str, Program], name: str) -> None:
    """Changes of G-vars and outputs are those of SGD on the entries, by central differences."""
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 100), Kind.CHANGE, Kind.OUTPUT_CHANGE)
    plain = Reference(program, WIDTH, SEED, given)
    changes, expected = [plain.changes(j) for j in range(3)], []
    for q in quantities:
        if q.kind is Kind.OUTPUT_CHANGE:
            o, i, j = q.key
            expected.append(changes[j][i][1][o])
        else:
            g, i, k, p, j = q.key
            expected.append(float(plain.signals[k, p, j] @ changes[j][i][0][g]))
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected, 1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_responses_are_least_squares(every: dict[str, Program], name: str) -> None:
    """On error signals of length 1, shortest where they depend on each other."""
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3, 60), Kind.RESPONSE)
    plain = Reference(program, WIDTH, SEED, given)
    changes, expected = [plain.changes(j) for j in range(3)], []
    for q in quantities:
        g, i, k, p, j = q.key
        keys = [(h, r) for h in program.gvars if program.symbol(h) == program.symbol(g)
                for r in range(len(program.outputs))]  # fmt: skip
        columns = np.stack([plain.signals[h, r, j] for h, r in keys], axis=1)
        lengths = np.linalg.norm(columns, axis=0)
        lengths[lengths == 0] = np.inf
        found = np.linalg.lstsq(columns / lengths, changes[j][i][0][g], rcond=1e-6)[0] / lengths
        expected.append(float(found[keys.index((k, p))]))
    agree(measure(program, quantities, given, WIDTH, SEED, sampler="dense"), quantities, expected, 1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_trajectories(every: dict[str, Program], name: str) -> None:
    program, given = every[name], setting(every[name])
    quantities = of(everything(program, 3), Kind.TRAJECTORY)
    x, y = np.array(given.inputs), np.array(given.targets)
    net = FiniteNetwork(program, Space(WIDTH, seed=SEED), "dense")
    expected = train(net, x[1:], y[1:], x, given.steps, given.rate).tests
    found = measure(program, quantities, given, WIDTH, SEED, sampler="dense")
    np.testing.assert_allclose(found.trajectory, expected, rtol=1e-9)
    np.testing.assert_allclose(found.outputs, expected[0], rtol=1e-12)
    agree(found, quantities, [float(expected[t, i, o]) for t, o, i in (q.key for q in quantities)])


@pytest.mark.parametrize("name", ["moments", *ARCHITECTURES])
def test_the_exact_sampler_measures_a_network_of_explicit_matrices(every: dict[str, Program], name: str) -> None:
    """Every kind of quantity, on every architecture: what a dense network with the drawn products has."""
    program, given = every[name], setting(every[name])
    quantities = everything(program, 3, 12)
    exact = Measurement(program, quantities, given, Space(48, seed=SEED, threads=1), "exact")
    found = exact.run()
    twin = Measurement(program, quantities, given, Space(48, seed=SEED, threads=1), "dense")
    plan, twin.net = twin.net.plan, dense_twin(exact.net, 1)
    twin.net.plan = plan
    expected = twin.run()
    np.testing.assert_allclose(found.trajectory, expected.trajectory, rtol=1e-7, atol=1e-8)
    for kind in Kind:
        chosen = [n for n, q in enumerate(quantities) if q.kind is kind]
        scale = np.abs(expected.values[chosen]).max(initial=0.0)
        rtol = 1e-5 if kind in STEPS else 1e-7
        np.testing.assert_allclose(found.values[chosen], expected.values[chosen], rtol=rtol, atol=rtol * scale)
