"""At width 10^4 to 10^5, finite networks are where the proved limit says; the two sides share nothing.

Kernels of M networks are compared by z = (mean - limit)/standard error. The bias of a kernel is O(1/n) and its spread
O(n^-1/2), so it moves z by O((M/n)^1/2): 0.02 here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from tests.numerics.finite.helpers import Array, inputs
from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels, train
from tpproof.numerics.sampling.sample import gram_matrix, kernel_by_sampling
from tpproof.program.model import Program
from tpproof.proof.prove import prove

WIDTH, SEEDS = 20_000, 8


def drawn(program: Program, x: Array, width: int = WIDTH, seeds: int = SEEDS) -> dict[str, Array]:
    """Parameter → K(ξ̃, ξ) of every network; "total"."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        kernels = empirical_kernels(FiniteNetwork(program, Space(width, seed=seed)), x)
        found.setdefault("total", []).append(kernels.ntk[0, 0, 0, 1])
        for name, kernel in kernels.by_parameter.items():
            found.setdefault(name, []).append(kernel[0, 0, 0, 1])
    return {name: np.array(values) for name, values in found.items()}


def scores(program: Program, scale: float = 1.0) -> dict[str, float]:
    """z-scores of kernels by parameters against the proved limit, times `scale`."""
    x = inputs(program, 2, d=5)
    limit = kernel_by_sampling(prove(program), gram_matrix(x[0], x[1]), 2**12, 16)
    expected = {**limit.by_parameter, "total": (limit.value, limit.error)}
    found = {}
    for name, values in drawn(program, x).items():
        value, error = expected[name][0][0, 0], expected[name][1][0, 0]
        spread = math.hypot(values.std(ddof=1) / math.sqrt(len(values)), error)
        if spread > 0:
            found[name] = float((values.mean() - scale * value) / spread)
        else:
            assert values.mean() == value
    return found


@pytest.mark.parametrize("name", ["mlp", "rnn", "tied", "densenet", "cnn1d", "layernorm"])
def test_kernels_tend_to_the_proved_limit(name: str) -> None:
    """Student's t with 7 degrees of freedom or more: beyond 8 with probability 1e-4, for each of some 40 scores."""
    found = scores(load(f"zoo:{name}", {}, {}))
    assert max(map(abs, found.values())) < 8, found
    assert np.mean(np.square(list(found.values()))) < 6


def test_a_limit_that_is_two_per_cent_off_is_seen() -> None:
    assert abs(scores(load("zoo:mlp", {}, {}), 1.02)["total"]) > 8


def test_the_contracted_network_has_the_number_of_the_mathematics() -> None:
    """A's part of K(ξ, ξ) for vᵀ W tanh(Wᵀ tanh(A ξ)) is 0.566364, not the path sum's 0.295613 (MATH §7)."""
    z, w = hermegauss(120)
    w = w / w.sum()
    slope = w @ (1 - np.tanh(z) ** 2) ** 2  # E φ'(Z)² for Z ~ N(0, 1)
    s = math.sqrt(w @ np.tanh(z) ** 2)  # the deviation of Wᵀ u
    second, first = w @ (1 - np.tanh(s * z) ** 2) ** 2, w @ (1 - np.tanh(s * z) ** 2)
    corrected, paths = (second + first**2) * slope, second * slope
    assert corrected == pytest.approx(0.566364, abs=1e-6)
    program = load("zoo:tied", {}, {})
    x = np.ones((2, 1, 3))  # ‖ξ‖²/d = 1
    values = drawn(program, x, 10**5, 10)["U"]
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - corrected) < 7 * error < 0.02  # Student's t, 9 degrees of freedom: 6e-5
    assert abs(values.mean() - paths) > 50 * error


def test_fluctuations_shrink_as_the_root_of_the_width() -> None:
    """log2 of the ratio of deviations at n and 64 n is 3, with standard error 0.2."""
    program = load("zoo:mlp", {"L": "2"}, {})
    x = inputs(program, 2)
    small, large = (drawn(program, x, n, 50)["total"].std(ddof=1) for n in (128, 8192))
    assert math.log2(small / large) == pytest.approx(3, abs=0.9)


def test_training_is_kernel_gradient_descent_in_the_limit() -> None:
    """f_{t+1} = f_t - χ K(·, ξ_t)/b with the limit's kernel, three steps, within 3 n^-1/2."""
    program = load("zoo:mlp", {"L": "2"}, {})
    x, y = inputs(program, 3), np.array([1.0, -1.0, 0.5])
    width, rate = 2 * 10**5, 0.5
    proof = prove(program)
    limit = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            limit[i, j] = kernel_by_sampling(proof, gram_matrix(x[i], x[j]), 2**12, 4).value[0, 0]
    found = train(FiniteNetwork(program, Space(width, seed=1)), x[:2], y[:2], x, 3, rate).tests[:, :, 0]
    expected = found[0]
    for t in range(3):
        expected = expected - rate / 2 * limit[:, :2] @ (expected[:2] - y[:2])
        assert np.abs(found[t + 1] - expected).max() < 3 / math.sqrt(width), t
    assert np.abs(found[3] - found[0]).max() > 100 * 3 / math.sqrt(width)
