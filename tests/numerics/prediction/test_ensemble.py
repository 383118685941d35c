"""Gaussian laws of predictions against many networks that are drawn and trained, and against direct conditioning."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.numerics.prediction.test_predict import K_TEST, K, M, N, Y, far, features, labels
from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.ensemble import gradient_flow_ensemble, nngp_posterior
from tpproof.numerics.prediction.predict import gradient_flow

K_TEST_TEST = features()[N:] @ features()[N:].T
SIGMA = np.cov(features(21, 60, N + M), rowvar=False)  # some other kernel on the same inputs
SIGMAS = SIGMA[:N, :N], SIGMA[N:, :N], SIGMA[N:, N:]
ENSEMBLE = ((K, SIGMAS[0]), (K_TEST, SIGMAS[1]), SIGMAS[2])


def small_steps(theta: Array, f: Array, y: Array, tau: float, steps: int) -> Array:
    """Gradient flow of every column of f at all inputs by the classical Runge-Kutta method."""

    def slope(g: Array) -> Array:
        return -theta @ (g[: len(y)] - y[:, None])

    h = tau / steps
    for _ in range(steps):
        a = slope(f)
        b = slope(f + h / 2 * a)
        c = slope(f + h / 2 * b)
        f = f + h / 6 * (a + 2 * b + 2 * c + slope(f + h * c))
    return f


def test_the_ensemble_is_the_law_of_networks_drawn_and_trained() -> None:
    """f(x) = Σ-part that is not trained + φ(x)·w: NTK φφᵀ, NNGP kernel of the drawn f₀ whatever it is."""
    count = 20000
    root = np.linalg.cholesky(SIGMA)
    start = root @ np.random.default_rng(5).standard_normal((N + M, count))
    theta = np.concatenate([K, K_TEST]) / N
    law = gradient_flow_ensemble(*ENSEMBLE, Y, [0.0, 15.0], 0.8)
    for t, trained in enumerate((start, small_steps(theta, start, Y, 0.8 * 15, 60))):
        mean, covariance = np.mean(trained, axis=1), np.cov(trained)
        for part, m, c in (
            (slice(0, N), law.train_mean[t], law.train_covariance[t]),
            (slice(N, None), law.test_mean[t], law.test_covariance[t]),
        ):
            variance = np.diag(c)
            z = (mean[part] - m) / np.sqrt(variance / count)
            spread = np.sqrt((np.outer(variance, variance) + c**2) / count)
            assert np.max(np.abs(z)) < 4
            assert np.max(np.abs(covariance[part, part] - c) / spread) < 4.5
            wrong = (covariance[part, part] - 1.1 * c) / spread
            assert np.max(np.abs(wrong)) > 4.5  # a covariance wrong by a tenth is noticed


def test_its_mean_is_gradient_flow_from_0_and_its_start_is_the_prior() -> None:
    law = gradient_flow_ensemble(*ENSEMBLE, Y, [0.0, 3.0, np.inf], 0.5)
    flow = gradient_flow(K, K_TEST, Y, [0.0, 3.0, np.inf], 0.5)
    assert far(law.test_mean, flow.test) < 1e-14
    assert far(law.train_mean, flow.train) < 1e-14
    assert far(law.test_covariance[0], SIGMAS[2]) < 1e-15
    assert far(law.train_covariance[0], SIGMAS[0]) < 1e-15
    assert np.max(law.train_std[-1]) < 1e-6


def test_training_the_readout_alone_ends_in_the_posterior() -> None:
    """Then the NTK is the NNGP kernel, and trained networks are samples of the posterior."""
    law = gradient_flow_ensemble((K, K), (K_TEST, K_TEST), K_TEST_TEST, Y, [np.inf])
    posterior = nngp_posterior(K, K_TEST, K_TEST_TEST, Y)
    assert far(law.test_mean[0], posterior.mean) < 1e-12
    assert far(law.test_covariance[0], posterior.covariance) < 1e-12
    assert far(law.test_std[0], posterior.std) < 1e-10


def test_the_posterior_is_that_of_the_parameters() -> None:
    """Bayesian linear regression: w ~ N(0, 1), precision 1 + ΦᵀΦ/noise, in the space of parameters."""
    phi, noise = features(), 0.2
    covariance = np.linalg.inv(np.eye(phi.shape[1]) + phi[:N].T @ phi[:N] / noise)
    found = nngp_posterior(SimpleNamespace(nngp=K), SimpleNamespace(nngp=K_TEST), K_TEST_TEST, Y, noise)
    assert far(found.mean, phi[N:] @ covariance @ phi[:N].T @ Y / noise) < 1e-13
    assert far(found.covariance, phi[N:] @ covariance @ phi[N:].T) < 1e-13
    assert found.std == pytest.approx(np.sqrt(np.diag(found.covariance)))


def test_what_was_seen_without_noise_is_known() -> None:
    found = nngp_posterior(K, K, K, Y)
    assert far(found.mean, Y) < 1e-12
    assert np.max(found.std) < 1e-6


def test_outputs_with_axes_of_their_own_agree_with_independent_ones() -> None:
    y, eye = labels(7, (N, 2)), np.eye(2)
    plain = gradient_flow_ensemble(*ENSEMBLE, y, [4.0])
    axes = [tuple(k[:, :, None, None] * eye for k in pair) for pair in ENSEMBLE[:2]]
    both = gradient_flow_ensemble(*axes, SIGMAS[2][:, :, None, None] * eye, y, [4.0])
    assert far(both.test_mean, plain.test_mean) < 1e-13
    assert far(both.test_covariance, plain.test_covariance[..., None, None] * eye) < 1e-13
    assert both.test_std.shape == (1, M, 2)
    assert far(both.test_std[..., 1], plain.test_std) < 1e-13
    posterior = nngp_posterior(axes[0][1], axes[1][1], SIGMAS[2][:, :, None, None] * eye, y)
    assert far(posterior.std[:, 0], nngp_posterior(*SIGMAS, y).std) < 1e-13


def test_a_wrong_entry_between_train_and_test_is_noticed() -> None:
    wrong = K_TEST.copy()
    wrong[1, 4] += 3 * math.sqrt(K_TEST_TEST[1, 1] * K[4, 4])
    with pytest.raises(TpproofError, match=r"(?s)E156.*test point 1"):
        nngp_posterior(K, wrong, K_TEST_TEST, Y)
    with pytest.raises(TpproofError, match="E156"):
        nngp_posterior(K, K_TEST, -K_TEST_TEST, Y)


def test_wrong_use_is_one_clear_error() -> None:
    for call in (
        lambda: nngp_posterior(K, K_TEST, K, Y),
        lambda: nngp_posterior(K, K_TEST, K_TEST_TEST, Y, -1.0),
        lambda: nngp_posterior(K, None, K_TEST_TEST, Y),
        lambda: gradient_flow_ensemble(K, K_TEST, K_TEST_TEST, Y, [1.0]),
        lambda: gradient_flow_ensemble((K, K[:3, :3]), (K_TEST, K_TEST), K_TEST_TEST, Y, [1.0]),
        lambda: gradient_flow_ensemble((K, K), (K_TEST, K_TEST[:2]), K_TEST_TEST, Y, [1.0]),
        lambda: gradient_flow_ensemble(*ENSEMBLE, Y, [-1.0]),
    ):
        with pytest.raises(TpproofError) as caught:
            call()
        assert caught.value.code == "E157"
