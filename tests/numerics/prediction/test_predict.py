"""Predictions against other formulas for them, and against networks, linear in their parameters, really trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.losses import LOSSES, SQUARED, Loss, huber
from tpproof.numerics.prediction.predict import (
    gradient_descent,
    gradient_flow,
    kernel_regression,
    maximal_learning_rate,
)
from tpproof.numerics.prediction.schedules import constant, cosine, linear_warmup, minibatches, step_decay

N, M, D = 7, 4, 20


def features(seed: int = 0, rows: int = N + M, d: int = D) -> Array:
    """Random features of all inputs: f(x) = features(x) · w is a network linear in its parameters w."""
    return np.random.default_rng(seed).standard_normal((rows, d)) / math.sqrt(d)


def kernels(phi: Array, n: int = N) -> tuple[Array, Array]:
    return phi[:n] @ phi[:n].T, phi[n:] @ phi[:n].T


def labels(seed: int = 1, shape: tuple[int, ...] = (N,)) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


K, K_TEST = kernels(features())
Y = labels()
F0, F0_TEST = labels(2), labels(3, (M,))
START = {"f0_train": F0, "f0_test": F0_TEST}


def far(a: Array, b: Array) -> float:
    assert a.shape == b.shape
    return float(np.max(np.abs(a - b), initial=0.0))


def by_the_letter(
    k: Array,
    k_test: Array,
    chi: Callable[[Array, Array], Array],
    y: Array,
    batches: Sequence[Any],
    rates: Sequence[float],
) -> tuple[Array, Array]:
    """(22) written out with loops, batch mean: f at all inputs after the last step."""
    f, f_test = np.zeros(y.shape), np.zeros((len(k_test), *y.shape[1:]))
    for batch, rate in zip(batches, rates, strict=True):
        slope = {i: chi(f, y)[i] for i in batch}
        f, f_test = f.copy(), f_test.copy()
        for i in batch:
            for j in range(len(f)):
                f[j] -= (
                    rate / len(batch) * k[j, i] @ slope[i] if k.ndim == 4 else rate / len(batch) * k[j, i] * slope[i]
                )
            for j in range(len(f_test)):
                c = k_test[j, i]
                f_test[j] -= rate / len(batch) * (c @ slope[i] if k.ndim == 4 else c * slope[i])
    return f, f_test


# one answer by different ways -----------------------------------------------------------------------------------------


def test_the_three_ways_of_training_with_squared_loss_agree() -> None:
    times = [0.0, 0.7, 30.0, 200.0]
    by_formula = gradient_flow(K, K_TEST, Y, times, 0.3, **START)
    renamed = Loss("mine", SQUARED.value, SQUARED.derivative, 1.0)
    by_solver = gradient_flow(K, K_TEST, Y, times, 0.3, loss=renamed, **START)
    small = gradient_descent(K, K_TEST, Y, 2_000_000, 3e-5, record=[0, 7000, 300_000, 2_000_000], **START)
    assert (by_formula.method, by_solver.method, small.method) == ("spectral", "ode", "spectral")
    for part in ("train", "test", "loss"):
        assert far(getattr(by_formula, part), getattr(by_solver, part)) < 1e-8
        assert far(getattr(by_formula, part), getattr(small, part)) < 2e-5  # the step is 3e-5: first order
    assert far(by_formula.test, by_solver.test) <= 3 * np.max(by_solver.error) + 1e-14


def test_the_error_of_discretization_is_of_first_order_in_the_step() -> None:
    exact = gradient_flow(K, K_TEST, Y, [20.0]).test[0]
    errors = [far(gradient_descent(K, K_TEST, Y, 20 * k, 1 / k, record=[20 * k]).test[0], exact) for k in (50, 100)]
    assert 1.9 < errors[0] / errors[1] < 2.1


@pytest.mark.parametrize("rate", [0.5, 3.0, 6.0])
def test_powers_of_1_minus_eta_lambda_are_the_steps(rate: float) -> None:
    closed = gradient_descent(K, K_TEST, Y, 90, rate, method="spectral", **START)
    steps = gradient_descent(K, K_TEST, Y, 90, rate, method="steps", **START)
    powers = [np.linalg.matrix_power(np.eye(N) - rate / N * K, t) for t in range(91)]
    assert far(steps.train, np.array([Y + p @ (F0 - Y) for p in powers])) < 1e-12
    assert far(closed.train, steps.train) < 1e-12
    assert far(closed.test, steps.test) <= np.max(closed.error + steps.error) < 1e-10


def test_with_a_schedule_both_ways_agree_too() -> None:
    rates = linear_warmup(cosine(4.0, 60), 10)
    ways = [gradient_descent(K, K_TEST, Y, 60, rates, method=m) for m in ("spectral", "steps")]
    assert far(ways[0].test, ways[1].test) < 1e-13
    assert far(ways[0].test, gradient_descent(K, K_TEST, Y, 60, lambda t: rates[t]).test) < 1e-13


def test_a_billion_steps_cost_as_much_as_one() -> None:
    there = gradient_descent(K, K_TEST, Y, 10**9, 1.0)
    assert len(there.times) <= 202
    assert far(there.test[-1], kernel_regression(K, K_TEST, Y).test) < 1e-12


def test_gradient_flow_with_a_schedule_has_the_time_of_its_steps() -> None:
    rates = step_decay(0.4, 20, every=5, factor=0.5)
    scheduled = gradient_flow(K, K_TEST, Y, [0, 5, 7.5, 20], rates)
    plain = gradient_flow(K, K_TEST, Y, [0, 2.0, 2.0 + 0.5, 2 + 1 + 0.5 + 0.25])
    assert far(scheduled.test, plain.test) < 1e-14


def test_the_end_of_gradient_flow_is_kernel_regression() -> None:
    end = gradient_flow(K, K_TEST, Y, [1e9, np.inf], **START)
    regression = kernel_regression(K, K_TEST, Y, **START)
    inverse = F0_TEST + K_TEST @ np.linalg.inv(K) @ (Y - F0)
    assert far(end.test, np.array([inverse, inverse])) < 1e-11
    assert far(regression.test, inverse) < 1e-12
    assert far(regression.train, Y) < 1e-12
    assert regression.rank == N
    assert regression.warnings == ()


def test_ridge_is_added_to_the_diagonal() -> None:
    found = kernel_regression(K, K_TEST, Y, 0.3, **START)
    assert far(found.test, F0_TEST + K_TEST @ np.linalg.solve(K + 0.3 * np.eye(N), Y - F0)) < 1e-13
    assert found.residual < 1e-14
    assert found.condition == pytest.approx(np.linalg.cond(K + 0.3 * np.eye(N), 1), rel=0.5)


# networks that are trained --------------------------------------------------------------------------------------------


def trained(
    phi: Array, y: Array, loss: Loss, batches: Sequence[Any], rates: Sequence[float], mean: bool = True
) -> list[Array]:
    """Outputs at all inputs after every step of SGD on the parameters of f(x)_o = Σ_k phi[x, (o), k] w."""
    several = phi.ndim == 3
    w = np.zeros(phi.shape[-1]) if several or y.ndim == 1 else np.zeros((phi.shape[-1], y.shape[1]))
    found = [phi @ w]
    for batch, rate in zip(batches, rates, strict=True):
        slope = np.zeros_like(w)
        for i in batch:
            chi = loss.derivative((phi[i] @ w)[None], y[i][None])[0]
            slope = slope + (phi[i].T @ chi if several else np.multiply.outer(phi[i], chi))
        w = w - rate * slope / (len(batch) if mean else 1)
        found.append(phi @ w)
    return found


@pytest.mark.parametrize("size", [1, 3, N])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ["squared", "huber", "logistic"])
def test_sgd_on_parameters_is_22_on_the_same_batches(name: str, reduction: str, size: int) -> None:
    y = np.sign(Y) if name == "logistic" else 3 * Y
    rates = cosine(0.6, 40, final=0.1)
    found = gradient_descent(
        K, K_TEST, y, 40, rates, batches=size, seed=5, loss=name, reduction=reduction, method="steps"
    )
    batches = list(minibatches(N, size, 40, seed=5))
    outputs = np.array(trained(features(), y, LOSSES[name], batches, rates, reduction == "mean"))
    assert far(found.train, outputs[:, :N]) < 1e-13
    assert far(found.test, outputs[:, N:]) < 1e-13
    assert far(found.test, outputs[:, N:]) <= np.max(found.error)


def coupled(outputs: int = 3) -> tuple[Array, Array, Array]:
    """A network whose outputs share parameters, so that K has output axes: features, K, K(test, train)."""
    phi = np.random.default_rng(8).standard_normal((N + M, outputs, 25)) / 5
    kernel = np.einsum("iok,jpk->ijop", phi, phi[:N])
    return phi, kernel[:N], kernel[N:]


CLASSES = np.eye(3)[[0, 1, 2, 2, 1, 0, 1]]


@pytest.mark.parametrize("size", [1, 2, N])
def test_cross_entropy_with_coupled_outputs_is_the_training_of_the_network(size: int) -> None:
    phi, k, k_test = coupled()
    batches = list(minibatches(N, size, 50, seed=2))
    found = gradient_descent(k, k_test, CLASSES, 50, 1.3, batches=size, seed=2, loss="cross-entropy")
    outputs = np.array(trained(phi, CLASSES, LOSSES["cross-entropy"], batches, [1.3] * 50))
    assert found.train.shape == (51, N, 3)
    assert far(found.train, outputs[:, :N]) < 1e-13
    assert far(found.test, outputs[:, N:]) < 1e-13
    probability = np.exp(outputs[-1, :N]) / np.sum(np.exp(outputs[-1, :N]), axis=1, keepdims=True)
    assert found.loss[-1] == pytest.approx(-np.mean(np.log(np.sum(probability * CLASSES, axis=1))), rel=1e-12)


def test_outputs_with_heads_of_their_own_share_the_kernel_and_cross_entropy_couples_them() -> None:
    found = gradient_descent(K, K_TEST, CLASSES, 30, 0.9, batches=2, loss="cross-entropy")
    outputs = np.array(
        trained(features(), CLASSES, LOSSES["cross-entropy"], list(minibatches(N, 2, 30)), constant(0.9, 30))
    )
    assert far(found.test, outputs[:, N:]) < 1e-13
    diagonal = [k[:, :, None, None] * np.eye(3) for k in (K, K_TEST)]
    assert far(found.test, gradient_descent(*diagonal, CLASSES, 30, 0.9, batches=2, loss="cross-entropy").test) < 1e-13


def test_an_example_twice_in_a_batch_counts_twice() -> None:
    batches = [[0, 0, 3], [5, 1, 5], [2, 2, 2]]
    found = gradient_descent(K, K_TEST, Y, 3, 0.7, batches=batches)
    f, f_test = by_the_letter(K, K_TEST, lambda f, y: f - y, Y, batches, [0.7] * 3)
    assert far(found.train[-1], f) < 1e-15
    assert far(found.test[-1], f_test) < 1e-15


def test_22_by_the_letter_with_coupled_outputs() -> None:
    _, k, k_test = coupled()
    batches, chi = [[1, 4], [6, 0], [2, 3]], LOSSES["cross-entropy"].derivative
    found = gradient_descent(k, k_test, CLASSES, 3, 1.0, batches=np.array(batches), loss="cross-entropy")
    f, f_test = by_the_letter(k, k_test, chi, CLASSES, batches, [1.0] * 3)
    assert far(found.train[-1], f) < 1e-15
    assert far(found.test[-1], f_test) < 1e-15


def test_another_kernel_is_noticed_by_the_trained_network() -> None:
    wrong = K.copy()
    wrong[2, 3] = wrong[3, 2] = K[2, 3] + 1e-6
    found = gradient_descent(wrong, K_TEST, Y, 40, 0.6, batches=2, seed=5)
    outputs = np.array(trained(features(), Y, SQUARED, list(minibatches(N, 2, 40, seed=5)), [0.6] * 40))
    assert far(found.test, outputs[:, N:]) > 1e-9


@pytest.mark.parametrize("name", ["logistic", "cross-entropy", "huber"])
def test_the_solver_is_the_limit_of_small_steps_for_every_loss(name: str) -> None:
    y = {"logistic": np.sign(Y), "cross-entropy": CLASSES, "huber": 3 * Y}[name]
    flow = gradient_flow(K, K_TEST, y, [1.0, 10.0], loss=name)
    steps = [gradient_descent(K, K_TEST, y, 10 * k, 1 / k, loss=name, record=[k, 10 * k]).test for k in (200, 400)]
    assert far(2 * steps[1] - steps[0], flow.test) < 2e-6  # Richardson: the first order cancels
    assert far(steps[1], flow.test) < 1e-3
    tight = gradient_flow(K, K_TEST, y, [1.0, 10.0], loss=name, solver_rtol=1e-12, solver_atol=1e-13)
    assert far(flow.test, tight.test) <= np.max(flow.error) < 1e-6


def test_a_stiff_solution_agrees_with_the_formula() -> None:
    stretch = np.geomspace(1, 1e-4, N)
    q = np.linalg.qr(labels(4, (N, N)))[0]
    k = q * (stretch * 100) @ q.T
    k = (k + k.T) / 2
    renamed = Loss("mine", SQUARED.value, SQUARED.derivative, 1.0)
    times = [1.0, 1e3, 1e5]
    found = gradient_flow(k, k[:2], Y, times, loss=renamed)
    assert far(found.train, gradient_flow(k, k[:2], Y, times).train) < 1e-6


# properties -----------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 9), st.floats(0.05, 0.99), st.sampled_from(["squared", "huber", "logistic"])
)
def test_the_loss_decreases_below_the_largest_stable_rate(seed: int, n: int, part: float, name: str) -> None:
    k, k_test = kernels(features(seed, n + 2), n)
    y = labels(seed + 1, (n,))
    y = np.where(y < 0, -1.0, 1.0) if name == "logistic" else 4 * y
    rate = part * maximal_learning_rate(k, loss=name)
    found = gradient_descent(k, k_test, y, 30, rate, loss=name)
    assert np.all(np.diff(found.loss) <= 1e-14)
    assert found.warnings == ()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(N)), st.sampled_from(["squared", "huber"]))
def test_the_order_of_the_data_does_not_matter(order: list[int], name: str) -> None:
    p = np.array(order)
    mixed, plain = (
        gradient_descent(*data, 20, 0.8, loss=name) for data in ((K[np.ix_(p, p)], K_TEST[:, p], Y[p]), (K, K_TEST, Y))
    )
    assert far(mixed.test, plain.test) < 1e-13
    assert far(mixed.train, plain.train[:, p]) < 1e-13
    assert (
        far(kernel_regression(K[np.ix_(p, p)], K_TEST[:, p], Y[p]).test, kernel_regression(K, K_TEST, Y).test) < 1e-12
    )
    flows = [gradient_flow(K[np.ix_(p, p)], K_TEST[:, p], Y[p], [9.0]), gradient_flow(K, K_TEST, Y, [9.0])]
    assert far(flows[0].test, flows[1].test) < 1e-13


def test_the_largest_stable_rate_is_sharp() -> None:
    top = np.linalg.eigvalsh(K)[-1]
    assert maximal_learning_rate(K) == pytest.approx(2 * N / top, rel=1e-13)
    assert maximal_learning_rate(K, reduction="sum") == pytest.approx(2 / top, rel=1e-13)
    assert maximal_learning_rate(K, loss="logistic") == pytest.approx(8 * N / top, rel=1e-13)
    above = gradient_descent(K, K_TEST, Y, 300, 1.05 * maximal_learning_rate(K))
    assert above.loss[-1] > above.loss[0]
    assert "largest stable" in above.warnings[0]


@pytest.mark.parametrize("name", ["squared", "huber", "logistic", "cross-entropy"])
def test_chi_is_the_derivative_of_the_loss(name: str) -> None:
    y = {"logistic": np.sign(Y), "cross-entropy": CLASSES}.get(name, 2 * Y)
    f, h = labels(9, y.shape), 1e-6
    for place in np.ndindex(f.shape):
        up, down = f.copy(), f.copy()
        up[place], down[place] = f[place] + h, f[place] - h
        slope = (LOSSES[name].mean(up, y) - LOSSES[name].mean(down, y)) * N / (2 * h)
        assert LOSSES[name].chi(f, y)[place] == pytest.approx(slope, abs=1e-8)


def test_losses_do_not_overflow() -> None:
    far_out = np.array([-1e4, 1e4])
    assert LOSSES["logistic"].mean(far_out, np.array([1.0, 1.0])) == 5000
    assert LOSSES["logistic"].chi(far_out, np.array([1.0, 1.0])).tolist() == [-1, 0]
    assert LOSSES["cross-entropy"].mean(far_out[None], np.array([[1.0, 0.0]])) == 20000
    assert huber(0.5).chi(far_out, np.zeros(2)).tolist() == [-0.5, 0.5]


def test_named_schedules_are_their_rates() -> None:
    assert step_decay(1.0, 5, every=2, factor=0.5) == (1, 1, 0.5, 0.5, 0.25)
    assert cosine(1.0, 3) == pytest.approx((1, 0.5, 0))
    assert linear_warmup(constant(2.0, 4), over=4) == (0.5, 1, 1.5, 2)


def test_every_example_once_an_epoch() -> None:
    batches = list(minibatches(N, 3, 6, seed=1))
    assert [len(b) for b in batches] == [3, 3, 1] * 2
    assert sorted(np.concatenate(batches[:3])) == list(range(N))
    assert not np.array_equal(np.concatenate(batches[:3]), np.concatenate(batches[3:]))
