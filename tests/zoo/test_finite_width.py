"""Every zoo kernel against dense networks that PyTorch differentiates: each parameter, each pair of outputs.

The limit comes from the proof and the sampler; the networks from an interpreter that knows neither. Spreads and
multipliers are away from 1, where most published mistakes hide. All seeds are fixed. Were they drawn anew, a run in
which everything is right would fail with probability `FALSE_ALARM` (Bonferroni over all entries of all networks).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from scipy import stats

from tests.dense.widths import Array, extrapolated, intercept
from tests.dense.zoo import program
from tests.zoo.cases import CASES, DRAWS, Case, case, executed, limit_of, scores, simulated
from tpproof import zoo
from tpproof.numerics.sampling.sample import SampledKernel
from tpproof.paths.graph import pair_graph, path_sums
from tpproof.paths.kernel import path_kernel
from tpproof.program.constants import mul
from tpproof.program.model import Program
from tpproof.program.reduced import reduced
from tpproof.proof.prove import Execution

FALSE_ALARM = 1e-3
ENTRIES = 1000
"""At least as many as are compared in all (counted by a test)."""
THRESHOLD = float(stats.norm.isf(FALSE_ALARM / (2 * ENTRIES)))


@cache
def limit(one: Case) -> SampledKernel:
    return limit_of(executed(one.program()), one.inputs)


def worst(found: dict[str, Array]) -> tuple[float, str]:
    """The largest |z| and whose it is."""
    return max((float(np.abs(z).max()), name) for name, z in found.items())


@pytest.mark.slow
@pytest.mark.parametrize("one", CASES, ids=str)
def test_the_proved_kernel_is_that_of_wide_dense_networks(one: Case) -> None:
    score, name = worst(scores(one, limit(one)))
    assert score < THRESHOLD, (name, score)
    whole = np.diagonal(limit(one).value)
    for parameter, found in simulated(one).items():  # the comparison means something: errors of a few per cent
        part = np.diagonal(found.value)
        assert np.all((np.diagonal(found.error) < 0.08 * np.abs(part)) | (part < 2e-3 * whole)), parameter


def test_every_network_that_is_not_refused_is_compared() -> None:
    assert {one.network for one in CASES} == set(zoo.names()) - {"attention_root"}
    networks = [one.program() for one in CASES]
    entries = sum((len(network.parameters) + 1) * len(network.outputs) ** 2 for network in networks)
    assert 0.5 * ENTRIES < entries <= ENTRIES


@pytest.mark.parametrize("one", CASES, ids=str)
def test_nothing_is_at_1(one: Case) -> None:
    for p in one.program().parameters:
        assert p.std != 1 and p.lr != 1 and p.variance() != 1, p


def test_the_fit_finds_what_it_fits() -> None:
    widths = np.array(list(DRAWS), dtype=float)
    assert intercept(DRAWS) @ (3 + 5 / widths - 70 / widths**2) == pytest.approx(3)
    assert abs(intercept(DRAWS) @ (1000 / widths**3)) < 0.002  # what is left of a bias of 1000/n³


@pytest.mark.slow
def test_a_second_set_of_seeds_agrees_too() -> None:
    """The extrapolation and its error are those of independent draws."""
    one = case("mlp", L=2)
    first, second = simulated(one), extrapolated(one.program(), DRAWS, one.inputs, seed=10**9)
    for name, found in first.items():
        assert np.all(np.abs(found.scores(second[name].value, second[name].error)) < 4)
        assert np.all(found.value != second[name].value) or name == "c"


# wrong kernels are seen -------------------------------------------------------------------------------


def changed(network: Program, name: str, **factors: Fraction) -> Program:
    """One parameter's constants multiplied."""
    parameters = tuple(
        replace(p, **{key: mul(getattr(p, key), factor) for key, factor in factors.items()}) if p.name == name else p
        for p in network.parameters
    )
    return replace(network, parameters=parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "name"),
    [(case("mlp", L=2), "W1"), (case("mlp", L=2), "b0"), (case("mlp1", lr_v=1), "U"), (case("rnn"), "W"),
     (case("rnn"), "v"), (case("deq", L=3), "W"), (case("tied"), "U"), (case("tied_autoencoder"), "W0"),
     (case("gcn_pool"), "U")],
    ids=str,
)  # fmt: skip
def test_a_rate_that_is_ten_per_cent_wrong_is_seen(one: Case, name: str) -> None:
    wrong = limit_of(executed(changed(one.program(), name, lr=Fraction(11, 10))), one.inputs)
    assert np.abs(scores(one, wrong)[name]).max() > THRESHOLD
    assert np.abs(scores(one, limit(one))[name]).max() < THRESHOLD


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "name"),
    [(case("mlp1", lr_v=1), "U"), (case("rnn"), "U"),
     (case("tied"), "W"), (case("tied_autoencoder"), "W0"), (case("square"), "U")],
    ids=str,
)  # fmt: skip
def test_a_variance_that_is_ten_per_cent_wrong_is_seen(one: Case, name: str) -> None:
    wrong = limit_of(executed(changed(one.program(), name, std=Fraction(21, 20))), one.inputs)
    assert worst(scores(one, wrong))[0] > THRESHOLD


def without_contractions(network: Program) -> Execution:
    """Definition 5.5 read literally: W and Wᵀ as if they were independent (96)."""
    form = reduced(network)
    kernels = {pair: path_kernel(form, *pair) for pair in executed(network).kernels}
    return replace(executed(network), form=form, sums=path_sums(pair_graph(form)), kernels=kernels)


def without_weights(execution: Execution) -> Execution:
    """Path sums in which a step through a matrix has the weight 1 and not σ²: the same numbers at σ = 1."""
    sums = {
        pair: tuple((tuple(a for a in weight if a[0] != "sigma2"), ref) for weight, ref in terms)
        for pair, terms in execution.sums.items()
    }
    return replace(execution, sums=sums)


def one_step_at_a_time(execution: Execution) -> Execution:
    """Path sums without pairs of different vectors, as if every step of a recurrent network had weights of its own."""
    return replace(execution, sums={(a, b): terms if a == b else () for (a, b), terms in execution.sums.items()})


@pytest.mark.slow
@pytest.mark.parametrize("one", [case("tied"), case("tied_autoencoder")], ids=str)
def test_a_contracted_stretch_that_is_dropped_is_seen(one: Case) -> None:
    wrong = limit_of(without_contractions(one.program()), one.inputs)
    assert worst(scores(one, wrong))[0] > THRESHOLD


@pytest.mark.slow
def test_a_mistake_that_hides_at_1_is_seen() -> None:
    one = case("mlp", L=2)
    wrong = limit_of(without_weights(executed(one.program())), one.inputs)
    assert worst(scores(one, wrong))[0] > THRESHOLD
    plain = executed(program("mlp", {"L": 2}))
    assert limit_of(without_weights(plain), one.inputs).value == pytest.approx(limit_of(plain, one.inputs).value)


@pytest.mark.slow
def test_weights_that_are_not_shared_over_time_are_seen() -> None:
    one = case("rnn_average", T=2)
    wrong = limit_of(one_step_at_a_time(executed(one.program())), one.inputs)
    assert worst(scores(one, wrong))[0] > THRESHOLD
