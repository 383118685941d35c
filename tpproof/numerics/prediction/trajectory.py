"""f_t on training and test inputs at recorded times, put together from the coefficients of kernels.

Everything that (22) does stays in the span of the kernel: f_t = f₀ + K(·, X) α_t, α being the accumulated −η χ. So a
test trajectory costs one product for each recorded time, whatever the number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.losses import Loss
from tpproof.numerics.prediction.training import Problem, Spectrum, numbers

DIVERGED = 1e50
"""Outputs beyond this are reported as divergence: nothing bounded comes near, and overflow is not far."""


@dataclass(frozen=True)
class Trajectory:
    """The limit f̊_t along training.

    Attributes
    ----------
    times
        (T,): steps of gradient descent, or times of gradient flow in units of steps.
    train, test
        f̊_t at training and test inputs: (T, N) and (T, M), or (T, N, O) and (T, M, O).
    loss, test_loss
        (T,): the mean over examples of L(f̊_t, y), outputs summed; `test_loss` is None without test labels.
    error
        (T,): an estimate of the largest numerical error of f̊_t (rounding, or the error of the ODE solver).
    method
        "spectral" (closed form in the eigenbasis of K), "steps" or "ode".
    warnings
        What a reader of these numbers should know, one sentence each.
    """

    times: Array
    train: Array
    test: Array
    loss: Array
    test_loss: Array | None
    error: Array
    method: str
    warnings: tuple[str, ...] = ()


def trajectory(
    task: Problem, loss: Loss, times: Any, alphas: Array, error: Array, method: str, y_test: Any = None
) -> Trajectory:
    """From α at each recorded time, (T, n, c)."""
    steps, n, c = alphas.shape
    columns = alphas.transpose(1, 0, 2).reshape(n, steps * c)
    return assembled(task, loss, times, (task.train @ columns, task.test @ columns), error, method, y_test)


def assembled(
    task: Problem, loss: Loss, times: Any, changes: tuple[Array, Array], error: Array, method: str, y_test: Any
) -> Trajectory:
    """From f_t − f₀ at every time as columns, time before output: (n, T c) and (m, T c)."""
    c, outputs = task.start.shape[1], task.outputs

    def over_time(start: Array, change: Array, rows: int) -> Array:
        by_time = start + change.reshape(len(start), len(times), c).transpose(1, 0, 2)
        return by_time.reshape(len(times), rows, *outputs)

    train = over_time(task.start, changes[0], task.examples)
    refuse_divergence(times, np.max(np.abs(train.reshape(len(times), -1)), axis=1))
    test = over_time(task.start_test, changes[1], task.points)
    losses = np.array([loss.mean(f, task.labels) for f in train])
    return Trajectory(
        np.asarray(times), train, test, losses, _test_loss(loss, test, y_test), error, method, tuple(task.notes)
    )


def _test_loss(loss: Loss, test: Array, y_test: Any) -> Array | None:
    if y_test is None:
        return None
    labels = numbers(y_test, "y_test")
    if labels.shape != test.shape[1:]:
        raise TpproofError("E157", f"y_test of shape {labels.shape}", f"{test.shape[1:]}")
    if loss.labels(labels):
        raise TpproofError("E157", f"y_test: {loss.labels(labels)}", f"labels for the loss {loss.name}")
    return np.array([loss.mean(f, labels) for f in test])


def refuse_divergence(times: Any, sizes: Array) -> None:
    """E158 at the first time at which |f| is not finite or past all use."""
    wrong = ~(sizes < DIVERGED)
    if np.any(wrong):
        step = np.asarray(times)[np.argmax(wrong)]
        raise TpproofError("E158", f"|f| beyond {DIVERGED:g} by step {step:g}", "outputs that stay bounded")


def reduction_scale(reduction: str, examples: int) -> float:
    """What (22) divides a sum over a batch by: 1 for "sum", the size of the batch for "mean"."""
    if reduction not in ("sum", "mean"):
        raise TpproofError("E157", f"reduction {reduction!r}", '"mean" (over the batch) or "sum"')
    return float(examples) if reduction == "mean" else 1.0


def spectral(task: Problem, loss: Loss, spectrum: Spectrum, times: Any, weights: Array, y_test: Any) -> Trajectory:
    """Squared loss: α_t = V w_t(λ) Vᵀ(y − f₀) from the weights (T, n) of every direction and time.

    The eigendecomposition is that of K + E with ‖E‖ ≤ n ε λ_max; by Duhamel's formula E changes f_t(x) by about
    ‖E‖ ‖w_t(K) K(X, x)‖ ‖α_t‖, which is the error given.
    """
    n = len(spectrum.values)
    alphas = weights.T[:, :, None] * spectrum.residual[:, None, :]
    with np.errstate(over="ignore", invalid="ignore"):
        changes = (
            spectrum.vectors @ (spectrum.values[:, None, None] * alphas).reshape(n, -1),
            spectrum.test @ alphas.reshape(n, -1),
        )
        reach = np.ones(len(weights))
        if task.test.size:
            squares = spectrum.test**2
            reach = np.maximum(1.0, np.sqrt(np.max(squares @ (weights.T**2), axis=0)))
        size = np.sqrt(np.sum(alphas**2, axis=(0, 2)))
        error = n * np.finfo(np.float64).eps * spectrum.largest * reach * size
    return assembled(task, loss, times, changes, error, "spectral", y_test)
