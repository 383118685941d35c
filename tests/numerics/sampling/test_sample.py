"""Sampled kernels against closed forms, against the tests' own sample of the limit law, and their error bars."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.numeric import LimitSample
from tests.proof.test_numeric import gated, several_widths, twice_contracted
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.numerics.functions import KNOWN, Array
from tpproof.numerics.sampling.gaussians import Gaussians
from tpproof.numerics.sampling.sample import SampledKernel, gram_matrix, kernel_by_sampling
from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import Program
from tpproof.proof.prove import Execution, prove

W2, B2 = 25 / 16, 9 / 25
AWAY_FROM_1 = {"std_u": "5/4", "std_w": "5/4", "std_b": "3/5"}


def inputs(parts: int, d: int = 5, seed: int = 3) -> Array:
    """Two inputs, the second near the first so that their kernel is not small."""
    random = np.random.default_rng(seed)
    first, second = random.standard_normal((2, parts, d))
    return np.stack([first, 0.6 * first + 0.8 * second])


def executed(program: Program) -> Execution:
    execution = prove(program).execution
    assert execution is not None
    return execution


def erf_dual(a: float, b: float, c: float) -> tuple[float, float]:
    """E erf(u)erf(v) and E erf'(u)erf'(v) for Var u = a, Var v = b, Cov = c (Williams 1997)."""
    both = (1 + 2 * a) * (1 + 2 * b)
    return 2 / math.pi * math.asin(2 * c / math.sqrt(both)), 4 / math.pi / math.sqrt(both - 4 * c * c)


def relu_dual(a: float, b: float, c: float) -> tuple[float, float]:
    """The arc-cosine kernels of degree 1 and 0 (Cho & Saul 2009)."""
    angle = math.acos(c / math.sqrt(a * b))
    value = math.sqrt(a * b) / (2 * math.pi) * (math.sin(angle) + (math.pi - angle) * math.cos(angle))
    return value, (math.pi - angle) / (2 * math.pi)


DUALS = {"erf": erf_dual, "relu": relu_dual}


def closed_form(phi: str, depth: int, gram: Array) -> dict[str, float]:
    """The NTK of zoo:mlp by parameters, written by the textbook's two recursions."""
    dual = DUALS[phi]
    a, b, c = gram[0, 0, 0, 0], gram[1, 0, 1, 0], gram[0, 0, 1, 0]
    before, moments, slopes = [c], [], []
    for _ in range(depth):
        a, b, c = W2 * a + B2, W2 * b + B2, W2 * c + B2
        moment, slope = dual(a, b, c)
        a, b, c = dual(a, a, a * (1 - 1e-15))[0], dual(b, b, b * (1 - 1e-15))[0], moment
        moments.append(moment)
        slopes.append(slope)
        before.append(moment)
    found = {"c": 1.0, "v": moments[-1]}
    back = 1.0  # E[Z^dg̃ Z^dg], from the readout down
    for layer in range(depth - 1, -1, -1):
        back *= slopes[layer]
        found[f"b{layer}"] = back
        found["U" if layer == 0 else f"W{layer}"] = back * before[layer]
        back *= W2
    return found


def sampled(program: Program, seed: int, points: int = 2**10, replicates: int = 16) -> SampledKernel:
    return kernel_by_sampling(executed(program), gram_matrix(*inputs(1)), points, replicates, seed)


@pytest.mark.parametrize("phi", DUALS)
@pytest.mark.parametrize("depth", [1, 2])
def test_error_bars_are_honest_against_closed_forms(phi: str, depth: int) -> None:
    program = load("zoo:mlp", {"L": str(depth), "phi": phi, **AWAY_FROM_1})
    exact = closed_form(phi, depth, gram_matrix(*inputs(1)))
    scores = []
    for seed in range(20):
        kernel = sampled(program, seed)
        assert set(kernel.by_parameter) == set(exact)
        both = [(kernel.value[0, 0], kernel.error[0, 0], sum(exact.values()))]
        both += [(value[0, 0], error[0, 0], exact[name]) for name, (value, error) in kernel.by_parameter.items()]
        scores.append([(value - limit) / error for value, error, limit in both if error > 0])
        assert all(value == pytest.approx(limit, rel=1e-14) for value, error, limit in both if error == 0)
    z = np.array(scores)
    # Student's t with 15 degrees of freedom: beyond 4 with probability 0.12 %; variance 15/13
    assert np.mean(np.abs(z) > 4) <= 0.02
    assert 0.5 < np.mean(z**2) < 2.2


def test_a_wrong_rate_or_a_dropped_term_is_seen() -> None:
    execution = executed(load("zoo:mlp", {"L": "2", "phi": "erf", **AWAY_FROM_1}))
    exact = sum(closed_form("erf", 2, gram_matrix(*inputs(1))).values())

    def score(changed: Execution) -> float:
        kernel = kernel_by_sampling(changed, gram_matrix(*inputs(1)), 2**10, 16)
        return float(abs(kernel.value[0, 0] - exact) / kernel.error[0, 0])

    assert score(execution) < 4
    pair, terms = next((p, t) for p, t in execution.sums.items() if len(t) == 2)
    assert score(replace(execution, sums={**execution.sums, pair: terms[:1]})) > 100
    bias = next(i for i, p in enumerate(execution.form.program.parameters) if p.kind == "bias")
    start = ((("kappa", bias, 0),), None)
    pair = next(p for p, terms in execution.sums.items() if start in terms)
    doubled = (*execution.sums[pair], start)
    assert score(replace(execution, sums={**execution.sums, pair: doubled})) > 100


def test_contracted_networks_have_the_number_of_the_mathematics() -> None:
    """MATH §7's example, 0.566364: U's part of the kernel of vᵀ W tanh(Wᵀ tanh(U ξ)) at ‖ξ‖²/d = 1."""
    execution = executed(load("zoo:tied"))
    kernel = kernel_by_sampling(execution, np.ones((2, 1, 2, 1)))
    value, error = kernel.by_parameter["U"]
    assert abs(value[0, 0] - 0.566364) < 5e-7 + 4 * error[0, 0]
    assert error[0, 0] < 1e-5


@pytest.mark.parametrize(
    "program",
    [gated(), twice_contracted(), several_widths(), load("zoo:transformer", {"T": "2", "phi": "tanh"}),
     load("zoo:gru", {"form": '"torch"'}), load("zoo:batchnorm", {"eps": "1/2"})],
    ids=lambda p: p.name,
)  # fmt: skip
def test_it_agrees_with_the_other_sample_of_the_limit_law(program: Program) -> None:
    execution = executed(program)
    parts = [i.parts for i in program.inputs]
    gram = gram_matrix(*inputs(sum(parts)))
    kernel = kernel_by_sampling(execution, gram, 2**12, 8)
    keys = {(i, a): n for n, (i, a) in enumerate((i, a) for i, count in enumerate(parts) for a in range(count))}
    table = {(s, r, *one, *two): gram[s, keys[one], r, keys[two]]
             for s in (0, 1) for r in (0, 1) for one in keys for two in keys}  # fmt: skip
    others = [LimitSample(execution.form, table, 20_000, seed) for seed in range(6)]
    for (o, p), terms in execution.kernels.items():
        drawn = [sample.kernel(execution.sums, terms) for sample in others]
        error = math.hypot(np.std(drawn, ddof=1) / math.sqrt(len(drawn)), kernel.error[o, p])
        assert abs(np.mean(drawn) - kernel.value[o, p]) < 5 * error + 1e-12, (o, p)


def test_parameters_add_up_to_the_kernel_and_untrained_ones_to_nothing() -> None:
    kernel = sampled(load("zoo:mlp2", functions={"phi": "tanh"}), 0)
    assert sum(value for value, _ in kernel.by_parameter.values()) == pytest.approx(kernel.value, rel=1e-12)
    assert kernel.by_parameter["v"][0] == 0 and kernel.by_parameter["U"][0] > 0


@pytest.mark.parametrize("name", ["lstm", "rnn", "cnn1d"])
def test_degenerate_inputs_take_no_dimension(name: str) -> None:
    """The same input twice, all of its parts equal: embeddings coincide, K(ξ, ξ) is symmetric and positive."""
    program = load(f"zoo:{name}", {"read": '"flatten"'} if name == "cnn1d" else {"read": '"every"'})
    parts = program.inputs[0].parts
    same = np.ones((2, parts, 2, parts))
    kernel = kernel_by_sampling(executed(program), same, 2**8)
    assert np.allclose(kernel.value, kernel.value.T, rtol=1e-9)
    assert np.linalg.eigvalsh(kernel.value)[0] > 0
    apart = 0.999999 * same + 0.000001 * np.eye(2 * parts).reshape(same.shape)
    near = kernel_by_sampling(executed(program), apart, 2**8)
    assert np.allclose(kernel.value, near.value, rtol=0.05)


def test_a_direction_that_is_determined_gets_no_dimension() -> None:
    normals = np.random.default_rng(0).standard_normal((3, 1000))
    gaussians = Gaussians(3, normals)
    gaussians.covariance[:] = [[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 2.0]]
    one, two, three = (gaussians.draw(row) for row in np.eye(3))
    assert np.allclose(one, two, atol=1e-5) and gaussians.dimensions == 2
    assert np.allclose(gaussians.draw(np.array([1.0, 1.0, 1.0])), one + two + three, atol=1e-5)
    assert np.allclose(three, 0.5 * normals[0] + math.sqrt(1.75) * normals[1])


@pytest.mark.slow
def test_the_lstm_of_ten_steps_has_a_number() -> None:
    execution = executed(load("zoo:lstm", {"T": "10", **AWAY_FROM_1, "std_u": "3/4"}))
    kernel = kernel_by_sampling(execution, gram_matrix(*inputs(10)))
    assert kernel.error[0, 0] < 0.01 * kernel.value[0, 0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_known_function_has_its_derivative(name: str) -> None:
    function, derivative = KNOWN[name]
    z = np.linspace(-3, 3, 100)  # without 0
    more = (0.3,) * (FUNCTIONS[name] - 1)
    step = 1e-6
    numerical = (function(z + step, *more) - function(z - step, *more)) / (2 * step)
    assert np.allclose(derivative(z, *more), numerical, atol=1e-8)
    assert set(KNOWN) == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("network", "changes", "code"),
    [("mlp2", {}, "E150"), ("attention_root", {}, "E150"), ("mlp", {"points": 1000}, "E151"),
     ("mlp", {"replicates": 1}, "E151"), ("mlp", {"gram": np.ones((2, 2))}, "E151"),
     ("mlp", {"gram": np.array([1.0, 2, 2, 1]).reshape(2, 1, 2, 1)}, "E151"),
     ("mlp", {"gram": np.array([1.0, 0, 0.5, 1]).reshape(2, 1, 2, 1)}, "E151"),
     ("mlp", {"gram": np.full((2, 1, 2, 1), np.nan)}, "E151"),
     ("mlp", {"limits": replace(DEFAULT, sample_numbers=10_000)}, "E104")],
)  # fmt: skip
def test_what_has_no_number_says_why(network: str, changes: dict[str, object], code: str) -> None:
    proof = prove(load(f"zoo:{network}"))
    arguments = {"gram": np.ones((2, 1, 2, 1)), **changes}
    with pytest.raises(TpproofError) as caught:
        kernel_by_sampling(proof, **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["cnn1d", "attention", "gcn", "batch", "tied_autoencoder"])
def test_a_proof_by_orbits_has_the_numbers_of_the_one_by_pairs(name: str) -> None:
    program = load(f"zoo:{name}")
    gram = gram_matrix(*inputs(sum(i.parts for i in program.inputs)))
    kernels = [
        kernel_by_sampling(prove(program, replace(DEFAULT, explicit_pairs=pairs)), gram, 2**6, 2)
        for pairs in (0, DEFAULT.pairs)
    ]
    np.testing.assert_allclose(kernels[0].value, kernels[1].value, rtol=1e-12)
    np.testing.assert_allclose(kernels[0].error, kernels[1].error, rtol=1e-6, atol=1e-12)


def test_a_number_that_is_not_finite_is_reported() -> None:
    text = 'xi = input("xi")\nU = embedding("U")\noutput(readout("v") @ ((U @ xi) ** 3))'
    execution = executed(parse(text, "cube.tp"))
    with pytest.raises(TpproofError, match="E152"):
        kernel_by_sampling(execution, gram_matrix(*inputs(1)) * 1e200, 2**6, 2)
