"""Singular kernels, kernels that are none, what may be given and what may not."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.numerics.prediction.test_predict import (
    CLASSES,
    F0,
    F0_TEST,
    K_TEST,
    START,
    K,
    M,
    N,
    Y,
    coupled,
    far,
    features,
    kernels,
    labels,
)  # fmt: skip
from tpproof.errors import TpproofError
from tpproof.numerics.prediction.losses import SQUARED, Loss, huber
from tpproof.numerics.prediction.predict import (
    gradient_descent,
    gradient_flow,
    kernel_regression,
    maximal_learning_rate,
)
from tpproof.numerics.prediction.schedules import cosine, step_decay

# singular and ill-conditioned kernels ---------------------------------------------------------------------------------


def test_what_the_kernel_cannot_reach_is_never_learnt_and_this_is_said() -> None:
    phi = features(d=4)
    k, k_test = kernels(phi)
    found = kernel_regression(k, k_test, Y, **START)
    parameters = np.linalg.lstsq(phi[:N], Y - F0, rcond=None)[0]  # minimum norm, from the features themselves
    assert far(found.test, F0_TEST + phi[N:] @ parameters) < 1e-12
    assert far(found.train, F0 + phi[:N] @ parameters) < 1e-12
    assert found.rank == 4
    assert found.residual > 0.1
    assert "never learnt" in found.warnings[0]
    assert len(found.warnings) == 1
    assert far(gradient_flow(k, k_test, Y, [np.inf], **START).test[0], found.test) < 1e-12
    assert far(gradient_flow(k, k_test, Y, [1e6], **START).test[0], found.test) < 1e-9


def test_the_same_example_twice_with_different_labels_learns_their_mean() -> None:
    k = np.ones((2, 2))
    found = kernel_regression(k, k[:1], [0.0, 1.0])
    assert found.train.tolist() == pytest.approx([0.5, 0.5])
    assert found.test.tolist() == pytest.approx([0.5])


def test_a_kernel_that_is_zero_learns_nothing() -> None:
    nothing = np.zeros((2, 2))
    assert kernel_regression(nothing, nothing, [1.0, 2.0]).test.tolist() == [0, 0]
    assert maximal_learning_rate(nothing) == math.inf
    assert not np.any(gradient_descent(nothing, nothing, [1.0, 2.0], 3).test)
    assert not np.any(gradient_flow(nothing, nothing, [1.0, 2.0], [1.0, np.inf]).train)


@pytest.mark.parametrize("smallest", [1e-4, 1e-9, 1e-12])
def test_the_error_is_not_smaller_than_what_high_precision_finds(smallest: float) -> None:
    import mpmath

    q = np.linalg.qr(labels(4, (N, N)))[0]
    k = q * np.geomspace(1, smallest, N) @ q.T
    k = (k + k.T) / 2
    k_test = labels(6, (2, N)) @ k  # in the range: combinations of training examples
    found = kernel_regression(k, k_test, Y)
    with mpmath.workdps(60):
        exact = mpmath.matrix(k_test.tolist()) * mpmath.lu_solve(mpmath.matrix(k.tolist()), mpmath.matrix(Y.tolist()))
        gap = np.array([float(abs(exact[i] - found.test[i])) for i in range(2)])
    assert np.all(gap <= found.error)
    assert np.all(found.error <= 1e5 * np.finfo(float).eps / smallest)


def test_entries_with_an_error_make_the_prediction_wrong_by_no_more_than_stated() -> None:
    rng = np.random.default_rng(11)
    noise = rng.uniform(-1, 1, (N, N))
    root = np.sqrt(np.diag(K))
    wrong = K + 1e-7 * np.outer(root, root) * (noise + noise.T) / 2
    found = kernel_regression(wrong, K_TEST, Y, rtol=1e-7)
    gap = np.abs(found.test - kernel_regression(K, K_TEST, Y).test)
    assert np.all(gap <= found.error)
    assert np.max(found.error) < 1e-4


# what is given --------------------------------------------------------------------------------------------------------


def test_a_kernel_object_is_its_ntk() -> None:
    train, test = SimpleNamespace(ntk=K, nngp=None), SimpleNamespace(ntk=K_TEST, nngp=None)
    assert far(gradient_descent(train, test, Y, 5).test, gradient_descent(K, K_TEST, Y, 5).test) == 0
    assert maximal_learning_rate(train) == maximal_learning_rate(K)
    with pytest.raises(TpproofError, match="without ntk"):
        kernel_regression(SimpleNamespace(ntk=None, nngp=K), test, Y)


def test_test_inputs_are_optional_and_have_a_loss_when_their_labels_are_known() -> None:
    assert gradient_descent(K, None, Y, 3).test.shape == (4, 0)
    assert kernel_regression(K, None, Y).test.shape == (0,)
    found = gradient_flow(K, K_TEST, Y, [0.0, 4.0], y_test=np.ones(M))
    assert found.test_loss is not None
    assert found.test_loss == pytest.approx(np.mean((found.test - 1) ** 2, axis=1) / 2)


def test_recorded_steps_are_those_of_the_whole_run() -> None:
    every = gradient_descent(K, K_TEST, Y, 12, 0.5, batches=2)
    some = gradient_descent(K, K_TEST, Y, 12, 0.5, batches=2, record=[0, 5, 12])
    assert some.times.tolist() == [0, 5, 12]
    assert far(every.test[[0, 5, 12]], some.test) == 0


def test_a_large_kernel_s_stable_rate_is_found_by_lanczos() -> None:
    k = kernels(features(rows=601, d=30), 600)[0]
    assert maximal_learning_rate(k, reduction="sum") == pytest.approx(2 / np.linalg.eigvalsh(k)[-1], rel=1e-12)


def test_a_wrong_kernel_entry_is_noticed() -> None:
    asymmetric, indefinite, negative = K.copy(), K.copy(), K.copy()
    asymmetric[2, 5] += 1e-7
    indefinite[2, 5] = indefinite[5, 2] = 1.2 * math.sqrt(K[2, 2] * K[5, 5])
    negative[3, 3] *= -1
    for wrong, found in (
        (asymmetric, r"K\[[25], [25]\]"), (indefinite, "eigenvalue -"), (negative, r"K\[3, 3\] = -")
    ):  # fmt: skip
        for use in (
            lambda k: kernel_regression(k, K_TEST, Y), lambda k: gradient_flow(k, K_TEST, Y, [1.0]),
            lambda k: gradient_descent(k, K_TEST, Y, 3), maximal_learning_rate,
        ):  # fmt: skip
            with pytest.raises(TpproofError, match=f"(?s)E156.*{found}"):
                use(wrong)


def test_rounding_is_no_wrong_entry_and_single_precision_is_granted_more() -> None:
    phi = features(d=3)
    k = kernels(phi)[0]
    q = np.linalg.eigh(k)[1][:, 0]
    noted = gradient_descent(k - 1e-12 * np.outer(q, q), None, Y, 3)
    assert "negative eigenvalues within its error" in noted.warnings[0]
    single = kernels(phi.astype(np.float32))[0]
    assert gradient_descent(single.astype(np.float32), None, Y, 3).train.dtype == np.float64


def test_a_test_row_that_is_of_another_kernel_is_remarked_on() -> None:
    k, k_test = kernels(features(d=4))
    assert any("not of one kernel" in w for w in kernel_regression(k, k_test + 0.1 * labels(7, (M, N)), Y).warnings)


def test_divergence_names_the_step() -> None:
    rate = 10 * maximal_learning_rate(K)
    for method in ("steps", "spectral"):
        with pytest.raises(TpproofError, match=r"(?s)E158.*by step 4\d") as caught:
            gradient_descent(K, K_TEST, Y, 500, rate, method=method)
        assert caught.value.code == "E158"


@pytest.mark.parametrize(
    "call",
    [
        lambda: kernel_regression(K[:, :3], K_TEST, Y),
        lambda: kernel_regression(K, K_TEST[:, :3], Y),
        lambda: kernel_regression(K, K_TEST, Y[:3]),
        lambda: kernel_regression(K, K_TEST, Y, f0_train=F0[:2]),
        lambda: kernel_regression(K, K_TEST, Y, f0_test=F0),
        lambda: kernel_regression(K, K_TEST, Y, -1.0),
        lambda: kernel_regression(np.zeros((0, 0)), None, []),
        lambda: kernel_regression(K * np.nan, K_TEST, Y),
        lambda: kernel_regression(K, K_TEST * np.inf, Y),
        lambda: kernel_regression(K.astype(object), K_TEST, Y),
        lambda: kernel_regression([[1, 2], [1]], None, [1, 2]),
        lambda: kernel_regression(K * 1j, K_TEST, Y),
        lambda: kernel_regression(K, K_TEST, ["a"] * N),
        lambda: kernel_regression(K[0], K_TEST, Y),
        lambda: kernel_regression(coupled()[1], coupled()[2], Y),
        lambda: kernel_regression(K, K_TEST, Y, rtol=-1),
        lambda: gradient_flow(K, K_TEST, Y, [-1.0]),
        lambda: gradient_flow(K, K_TEST, Y, [2.0, 1.0]),
        lambda: gradient_flow(K, K_TEST, Y, []),
        lambda: gradient_flow(K, K_TEST, Y, [np.nan]),
        lambda: gradient_flow(K, K_TEST, Y, ["now"]),
        lambda: gradient_flow(K, K_TEST, Y, [np.inf], loss="huber"),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], loss="hinge"),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], -1.0),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], loss="huber", solver_rtol=0),
        lambda: gradient_flow(K, K_TEST, Y, [3], [1, 1]),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], loss="logistic"),
        lambda: gradient_flow(K, K_TEST, Y, [np.inf], [1.0]),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], loss="cross-entropy"),
        lambda: gradient_flow(K, K_TEST, Y, [1.0], y_test=Y),
        lambda: gradient_flow(K, K_TEST, CLASSES * 2, [1.0], loss="cross-entropy"),
        lambda: gradient_descent(K, K_TEST, Y, -1),
        lambda: gradient_descent(K, K_TEST, Y, 2.5),
        lambda: gradient_descent(K, K_TEST, Y, True),
        lambda: gradient_descent(K, K_TEST, Y, 3, [0.1, 0.1]),
        lambda: gradient_descent(K, K_TEST, Y, 3, [0.1, np.nan, 1]),
        lambda: gradient_descent(K, K_TEST, Y, 3, "fast"),
        lambda: gradient_descent(K, K_TEST, Y, 3, lambda t: -t),
        lambda: gradient_descent(K, K_TEST, Y, 3, lambda t: None),
        lambda: gradient_descent(K, K_TEST, Y, 3, batches=0),
        lambda: gradient_descent(K, K_TEST, Y, 3, batches=N + 1),
        lambda: gradient_descent(K, K_TEST, Y, 3, batches="half"),
        lambda: gradient_descent(K, K_TEST, Y, 3, batches=[[0], [1]]),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=[[N]]),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=[[]]),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=[[-1]]),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=[[0.5]]),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=True),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=None),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=2.5),
        lambda: gradient_descent(K, K_TEST, Y, 1, batches=2, seed=-1),
        lambda: gradient_flow(K, K_TEST, Y, [1e12], lambda t: 1.0),
        lambda: kernel_regression(K, K_TEST, Y, [1.0, 2.0]),
        lambda: kernel_regression(K, K_TEST, Y, rtol="small"),
        lambda: gradient_descent(K, K_TEST, Y, 3, reduction="median"),
        lambda: gradient_descent(K, K_TEST, Y, 3, method="magic"),
        lambda: gradient_descent(K, K_TEST, Y, 3, method="spectral", loss="huber"),
        lambda: gradient_descent(K, K_TEST, Y, 3, record=[4]),
        lambda: gradient_descent(K, K_TEST, Y, 3, record=[2, 1]),
        lambda: gradient_descent(K, K_TEST, Y, 3, record=[]),
        lambda: gradient_descent(K, K_TEST, Y, 3, loss=Loss("mine", SQUARED.value, lambda f, y: 1.0)),
        lambda: maximal_learning_rate(K, loss="mine"),
        lambda: maximal_learning_rate(Y),
        lambda: huber(0),
        lambda: step_decay(1.0, 5, every=0),
        lambda: cosine(1.0, -1),
    ],
)
def test_wrong_use_is_one_clear_error(call: Callable[[], Any]) -> None:
    with pytest.raises(TpproofError) as caught:
        call()
    assert caught.value.code == "E157"
    assert caught.value.expected


def test_a_result_that_would_not_fit_is_refused_before_it_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpproof.numerics.prediction.training.MOST_NUMBERS", 1000)
    assert gradient_descent(K, K_TEST, Y, 80).test.size == 81 * M
    for call in (lambda: gradient_descent(K, K_TEST, Y, 100), lambda: gradient_flow(K, K_TEST, Y, np.arange(100.0))):
        with pytest.raises(TpproofError, match="record fewer steps"):
            call()
