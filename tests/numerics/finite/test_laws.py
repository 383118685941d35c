"""Both samplers have one law: kernels, outputs and trained outputs of small networks over many seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.numerics.finite.helpers import Array, inputs
from tests.numerics.finite.test_matrices import Forgetful
from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels, network, train
from tpproof.program.model import Program

ALARM = 1e-6
"""A test of one quantity; some 20 quantities and 3 networks: 6e-5 in all."""
NETWORKS: dict[str, dict[str, str]] = {"mlp": {"L": "2", "phi": "relu"}, "tied": {}, "rnn": {"T": "2", "phi": "erf"}}
WIDTH = 4


def drawn(program: Program, sampler: str, seeds: range) -> Array:
    """(seed, quantity): every kernel entry of every parameter, outputs, outputs after a step of SGD."""
    x, rows = inputs(program, 2), []
    for seed in seeds:
        kernels = empirical_kernels(FiniteNetwork(program, Space(WIDTH, seed=seed, threads=1), sampler), x)
        net = FiniteNetwork(program, Space(WIDTH, seed=seed, threads=1), sampler)
        trained = train(net, x[:1], np.ones(1), x, 1, 0.5)
        entries = [k[0, 0, i, j] for k in kernels.by_parameter.values() for i, j in ((0, 0), (0, 1))]
        rows.append([*entries, *kernels.outputs[:, 0], *trained.tests[1, :, 0]])
    found = np.array(rows)
    return found[:, found.std(axis=0) > 1e-9]  # an output bias's kernel is a number


def p_values(one: Array, two: Array) -> Array:
    """Two-sample Kolmogorov–Smirnov of every quantity, and of products with random signs: dependences count too."""
    both = np.concatenate([one, two])
    centre, spread = np.median(both, axis=0), np.subtract(*np.percentile(both, [75, 25], axis=0))
    a, b = (one - centre) / spread, (two - centre) / spread
    mixing = np.random.default_rng(0).standard_normal((one.shape[1], 8))
    pairs = [(a, b), (a @ mixing, b @ mixing), (a[:, 1:] * a[:, :-1], b[:, 1:] * b[:, :-1])]
    return np.array([stats.ks_2samp(s[:, i], t[:, i]).pvalue for s, t in pairs for i in range(s.shape[1])])


def compared(name: str, draws: int) -> float:
    program = load(f"zoo:{name}", NETWORKS[name], {})
    one, two = drawn(program, "exact", range(draws)), drawn(program, "dense", range(10**6, 10**6 + draws))
    return float(p_values(one, two).min())


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_outputs_and_trained_outputs_have_one_law(name: str) -> None:
    assert compared(name, 200) > ALARM


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_over_more_seeds(name: str) -> None:
    assert compared(name, 2500) > ALARM


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tied"])
def test_a_sampler_that_forgets_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Callable[..., object] = Forgetful
    monkeypatch.setattr(network, "ExactMatrix", made)
    assert compared(name, 400) < ALARM
