"""Gradient descent in function space, (22): full batches or mini-batches, any loss, any learning rates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.losses import LOSSES, SQUARED, Loss, loss_named
from tpproof.numerics.prediction.schedules import Batches, Indices, Schedule, batch_list, is_constant, rate_function
from tpproof.numerics.prediction.training import (
    Problem,
    Spectrum,
    as_matrix,
    checked_kernel,
    descent_weights,
    entries,
    granted,
    largest_eigenvalue,
    numbers,
    problem,
    with_notes,
)
from tpproof.numerics.prediction.trajectory import Trajectory, reduction_scale, refuse_divergence, spectral, trajectory

ALL_RECORDED = 1000
"""Up to this many steps all are recorded unless `record` says otherwise; of more, `RECORDS`, evenly in log t."""
RECORDS = 200
LOOKED_AT = 64
"""Mini-batches whose largest eigenvalue is compared with the learning rate."""
WORTH_IT = 10
"""An eigendecomposition costs about as much as 10 N steps of N² each."""


def gradient_descent(
    k_train: Any,
    k_test: Any,
    y: Any,
    steps: int,
    learning_rate: Schedule = 1.0,
    *,
    batches: Batches = "full",
    seed: int = 0,
    loss: str | Loss = "squared",
    reduction: str = "mean",
    record: Sequence[int] | None = None,
    f0_train: Any = None,
    f0_test: Any = None,
    y_test: Any = None,
    method: str = "auto",
    rtol: float | None = None,
) -> Trajectory:
    """(22): f_{t+1} = f_t − (η_t/|B_t|) Σ_{i ∈ B_t} K(·, x_i) χ_i, with χ_i = L'(f_t(x_i), y_i).

    With several outputs K χ contracts over them too. The paper's Theorem 5.3 is batches of size 1, where both
    reductions agree.

    Parameters
    ----------
    k_train, k_test
        K(X, X), (N, N) or (N, N, O, O) with O outputs, and K(test, X), (M, N[, O, O]) or None.
    y
        Labels, (N,) or (N, O). With K (N, N) the outputs are independent, each with kernel K.
    steps
        Number of steps T.
    learning_rate
        η, or η_t for each step, or a function of t.
    batches, seed
        "full"; a batch size (shuffled epochs drawn from `seed`, see `schedules.minibatches`); or an array of example
        numbers for each step, in which a number twice counts twice.
    loss
        "squared", "logistic", "cross-entropy", "huber", or a `Loss`.
    reduction
        "mean": the sum over a batch is divided by its size; "sum": it is not.
    record
        Steps at which to give f_t, from 0 (before training) to T. All of them unless given; of more than 1000, 200
        evenly spaced in log t.
    f0_train, f0_test
        Initial outputs of the shapes of labels; 0 unless given.
    y_test
        Labels at the test inputs, for `test_loss`.
    method
        "steps" runs (22); "spectral" (squared loss, full batch) its closed form in the eigenbasis of K, where one rate
        for all steps makes T steps as cheap as one; "auto" takes the cheaper.
    rtol
        Relative error of the kernel's entries, see `kernel_regression`.

    Raises
    ------
    TpproofError
        E156 when k_train is no kernel, E157 on wrong shapes and values, E158 naming the step when training diverges.
    """
    task = problem(k_train, k_test, y, f0_train, f0_test, rtol)
    known = loss_named(loss, task.labels)
    steps, at = _checked_record(steps, record)
    task.room(len(at))
    reduction_scale(reduction, 1)  # refuses an unknown one
    full = isinstance(batches, str) and batches == "full"
    if _spectral_asked(method, known, full, steps, len(task.train), learning_rate):
        spectrum, scale = task.spectrum(), reduction_scale(reduction, task.examples)
        weights, top = _weights(spectrum, steps, learning_rate, scale, at)
        if top * spectrum.largest / scale > 2:
            task = with_notes(task, [_too_fast(top, 2 * scale / spectrum.largest)])
        return spectral(task, known, spectrum, at, weights, y_test)
    alphas, error, note = _run(task, known, steps, learning_rate, (batches, seed, reduction), at)
    return trajectory(with_notes(task, note), known, at, alphas, error, "steps", y_test)


def maximal_learning_rate(
    k_train: Any, *, loss: str | Loss = "squared", reduction: str = "mean", rtol: float | None = None
) -> float:
    """2/(c λ_max(K)), times N for the mean over examples: below it full-batch descent never raises the loss.

    c bounds L'' (1 for squared and Huber loss, 1/4 logistic, 1/2 cross-entropy); a `Loss` without it is refused
    (E157). Infinite for K = 0.
    """
    given = entries(k_train, "ntk")
    kernel = numbers(given, "k_train")
    if kernel.ndim not in (2, 4) or kernel.size == 0 or len(set(kernel.shape[:2])) > 1:
        raise TpproofError("E157", f"k_train of shape {kernel.shape}", "(N, N) or (N, N, O, O)")
    matrix, _ = checked_kernel(as_matrix(kernel), granted(given, rtol))
    known = LOSSES.get(loss) if isinstance(loss, str) else loss
    if known is None or known.curvature is None:
        raise TpproofError("E157", f"loss {loss!r}", "a loss whose second derivative has a known bound")
    top = known.curvature * largest_eigenvalue(matrix)
    return 2 * reduction_scale(reduction, len(kernel)) / top if top > 0 else np.inf


def _checked_record(steps: Any, record: Sequence[int] | None) -> tuple[int, Indices]:
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise TpproofError("E157", f"steps = {steps!r}", "a whole number of at least 0")
    steps = int(steps)
    if record is None:
        if steps <= ALL_RECORDED:
            return steps, np.arange(steps + 1)
        spaced = np.geomspace(1, steps, RECORDS)
        return steps, np.unique(np.concatenate([[0], np.rint(spaced), [steps]]).astype(np.int64))
    at = np.asarray(record)
    if at.dtype.kind not in "iu" or at.ndim != 1 or at.size == 0:
        raise TpproofError("E157", f"record = {record!r}", "a list of steps")
    if at[0] < 0 or at[-1] > steps or np.any(np.diff(at.astype(np.int64)) <= 0):
        raise TpproofError("E157", f"record = {record!r}", f"increasing steps from 0 to {steps}")
    return steps, at.astype(np.int64)


def _spectral_asked(method: str, loss: Loss, full: bool, steps: int, n: int, rate: Schedule) -> bool:
    if method not in ("auto", "steps", "spectral"):
        raise TpproofError("E157", f"method {method!r}", '"auto", "steps" or "spectral"')
    possible = loss is SQUARED and full
    if method == "spectral" and not possible:
        raise TpproofError("E157", f"method 'spectral' with the loss {loss.name}", "squared loss and full batches")
    return method == "spectral" or (method == "auto" and possible and steps > WORTH_IT * n)


def _weights(spectrum: Spectrum, steps: int, rate: Schedule, scale: float, at: Indices) -> tuple[Array, float]:
    """w_t of every direction at the recorded steps, (T, n): α̂_t = w_t(λ) Vᵀ(y − f₀); and the largest rate."""
    if is_constant(rate):
        eta = rate_function(rate, steps)(0)
        return np.array([descent_weights(spectrum.values, eta / scale, int(t)) for t in at]), eta
    eta_at = rate_function(rate, steps)
    weights, found, top = np.zeros_like(spectrum.values), np.empty((len(at), len(spectrum.values))), 0.0
    taken = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps + 1):
            if taken < len(at) and at[taken] == t:
                found[taken], taken = weights, taken + 1
            if t < steps:
                eta = eta_at(t)
                weights, top = weights + eta / scale * (1 - spectrum.values * weights), max(top, eta)
    return found, top


def _run(
    task: Problem, loss: Loss, steps: int, rate: Schedule, how: tuple[Batches, int, str], at: Indices
) -> tuple[Array, Array, list[str]]:
    """α at the recorded steps, (T, n, c), the estimated rounding error of f there, and what to warn of."""
    batches, seed, reduction = how
    alpha, eta_at = np.zeros_like(task.start), rate_function(rate, steps)
    found, error = np.empty((len(at), *alpha.shape)), np.zeros(len(at))
    watch = _Watch(task, loss)
    # every step rounds by at most n ε ‖K‖ ‖α‖, and gradient descent on a convex loss does not enlarge it
    unit = len(task.train) * np.finfo(np.float64).eps * task.largest_eigenvalue * max(1.0, _reach(task))
    largest = elapsed = 0.0
    taken = 0
    stream = batch_list(batches, task.examples, steps, seed)
    for t in range(steps + 1):
        if taken < len(at) and at[taken] == t:
            found[taken], error[taken] = alpha, unit * largest * max(1.0, elapsed)
            taken += 1
        if t == steps:
            break
        batch = next(stream)
        scale = eta_at(t) / reduction_scale(reduction, len(batch))
        watch.look(t, batch, scale)
        rows = task.rows(batch)
        many = 2 * len(rows) > len(alpha)  # then a product with all rows is cheaper than a copy of some
        f = task.start[rows] + ((task.train @ alpha)[rows] if many else task.train[rows] @ alpha)
        refuse_divergence([t], np.array([np.max(np.abs(f))]))
        chi = _chi(task, loss, f, batch)
        np.subtract.at(alpha, rows, scale * chi)  # an example that stands twice in a batch counts twice
        largest, elapsed = max(largest, float(np.linalg.norm(alpha))), elapsed + scale
    return found, error, watch.notes()


def _reach(task: Problem) -> float:
    """Largest norm of a row of K(test, X), relative to λ_max."""
    if not task.test.size or task.largest_eigenvalue <= 0:
        return 1.0
    return float(np.max(np.linalg.norm(task.test, axis=1))) / task.largest_eigenvalue


def _chi(task: Problem, loss: Loss, f: Array, batch: Indices) -> Array:
    users = f.reshape(len(batch), *task.outputs)
    return loss.chi(users, task.labels[batch]).reshape(f.shape)


class _Watch:
    """Is a step longer than 2/λ_max of its own batch's kernel?"""

    def __init__(self, task: Problem, loss: Loss) -> None:
        self.task, self.curvature = task, loss.curvature
        self.seen = itertools.count()
        self.worst, self.step = 0.0, 0
        self.full = task.largest_eigenvalue

    def look(self, step: int, batch: Indices, scale: float) -> None:
        """Compare; mini-batches only while few were looked at, because each costs an eigenvalue."""
        if self.curvature is None:
            return
        bound = self.full
        if len(batch) < self.task.examples and scale * self.curvature * self.full > 2:
            if next(self.seen) >= LOOKED_AT:
                return
            rows = self.task.rows(batch)
            bound = largest_eigenvalue(self.task.train[np.ix_(rows, rows)])
        if scale * self.curvature * bound > max(self.worst, 2.0):
            self.worst, self.step = scale * self.curvature * bound, step

    def notes(self) -> list[str]:
        if self.worst <= 2:
            return []
        times = f"{self.worst / 2:.3g} times the largest stable one of its batch"
        return [f"the learning rate of step {self.step} is {times}"]


def _too_fast(rate: float, stable: float) -> str:
    return f"the learning rate {rate:.3g} is above the largest stable one, {stable:.3g}"
