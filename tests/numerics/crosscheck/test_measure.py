"""What is read off a finite network is what PyTorch finds in the same network, for every kind of quantity."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.crosscheck.helpers import Reference, everything, setting
from tests.numerics.finite.helpers import torch_ntk
from tests.numerics.finite.test_network import networks
from tpproof.numerics.crosscheck.measure import Measured, measure
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
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
