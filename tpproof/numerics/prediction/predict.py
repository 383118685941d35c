"""What a network of infinite width predicts: kernel regression, gradient flow, and gradient descent by (22).

Theorem 5.3: with χ = L', training follows f_{t+1} = f_t − η_t K(·, X_B) χ. These functions take the kernels as arrays,
or as objects with the attribute `ntk`, and labels and initial outputs (0 unless given).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate, linalg

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.descent import gradient_descent, maximal_learning_rate
from tpproof.numerics.prediction.losses import SQUARED, Loss, loss_named
from tpproof.numerics.prediction.schedules import Schedule, elapsed
from tpproof.numerics.prediction.training import Problem, flow_weights, number, problem
from tpproof.numerics.prediction.trajectory import Trajectory, reduction_scale, spectral, trajectory

__all__ = [
    "Prediction", "Trajectory", "gradient_descent", "gradient_flow", "kernel_regression", "maximal_learning_rate",
]  # fmt: skip

EPS = float(np.finfo(np.float64).eps)
STIFF = 5000.0
"""λ_max τ beyond which an implicit method is cheaper: an explicit one takes some λ_max τ/6 steps."""
LOOSER = 30.0
"""The second run, whose distance estimates the error, has tolerances this much larger."""


@dataclass(frozen=True)
class Prediction:
    """The limit t → ∞ of squared loss.

    Attributes
    ----------
    train, test
        f̊_∞ at training and test inputs, (N[, O]) and (M[, O]).
    condition
        Condition number of K + ridge (in the directions that float64 resolves, if it is singular).
    residual
        max |y − f₀ − (K + ridge) α|: rounding, or what is never learnt when K is singular.
    error
        Of the shape of `test`: an estimate of the error that rounding, and an error `rtol` of the kernel's entries
        if given, make in each number.
    rank
        Number of directions in which something is learnt, NO unless K is singular to working precision.
    warnings
        What a reader of these numbers should know.
    """

    train: Array
    test: Array
    condition: float
    residual: float
    error: Array
    rank: int
    warnings: tuple[str, ...] = ()


def kernel_regression(
    k_train: Any,
    k_test: Any,
    y: Any,
    ridge: float = 0.0,
    f0_train: Any = None,
    f0_test: Any = None,
    *,
    rtol: float | None = None,
) -> Prediction:
    """f̊_∞ = f₀ + K(·, X) (K + ridge)⁻¹ (y − f₀): where gradient flow of squared loss ends.

    When K is singular to working precision, (…)⁻¹ is the pseudo-inverse, which is where gradient flow from f₀ goes:
    what y − f₀ has outside the range of K is never learnt. The result says so.

    Parameters
    ----------
    k_train, k_test
        K(X, X), (N, N) or (N, N, O, O) with O outputs, and K(test, X), (M, N[, O, O]) or None.
    y
        Labels, (N,) or (N, O). With K (N, N) the outputs are independent, each with kernel K.
    ridge
        Added to the diagonal of K.
    f0_train, f0_test
        Initial outputs of the shapes of labels; 0 unless given.
    rtol
        Relative error of the kernel's entries: bounds how far from symmetric and positive K may be (1e-10 unless
        given, 1e-5 in float32) and, if given, enters `error`.

    Raises
    ------
    TpproofError
        E156 when k_train is no kernel (not symmetric, a negative eigenvalue), E157 on wrong shapes and values.
    """
    task = problem(k_train, k_test, y, f0_train, f0_test, rtol)
    ridge = number(ridge, "ridge")
    target = task.in_columns(task.labels) - task.start
    matrix = task.train + ridge * np.eye(len(task.train)) if ridge else task.train
    alpha, dual, condition, rank, notes = inverse_applied(matrix, target, task.test)
    left = target - matrix @ alpha
    rounding = (len(matrix) + 1) * EPS * (np.abs(matrix) @ np.abs(alpha))
    wrong = rounding + (np.abs(left) if rank == len(matrix) else 0.0)
    error = np.abs(dual) @ wrong + len(matrix) * EPS * (np.abs(task.test) @ np.abs(alpha))
    if rtol:
        error = error + rtol * _entry_error(task, alpha, dual)
    return Prediction(
        task.in_users_shape(task.start + task.train @ alpha),
        task.in_users_shape(task.start_test + task.test @ alpha),
        condition,
        float(np.max(np.abs(left))),
        task.in_users_shape(error),
        rank,
        (*task.notes, *notes),
    )


Solution = tuple[Array, Array, float, int, tuple[str, ...]]
"""α, K(test, X)(K + ridge)⁻¹, condition, rank, notes."""


def inverse_applied(matrix: Array, target: Array, test: Array) -> Solution:
    """matrix⁻¹ target and test matrix⁻¹, with the pseudo-inverse of a singular matrix."""
    return _by_cholesky(matrix, target, test) or _by_eigenvectors(matrix, target, test)


def _by_cholesky(matrix: Array, target: Array, test: Array) -> Solution | None:
    """None when the matrix is singular to working precision."""
    try:
        factor = linalg.cho_factor(matrix, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    inverse, _ = linalg.lapack.dpocon(factor[0], np.linalg.norm(matrix, 1), uplo="L")
    if inverse < len(matrix) * EPS:
        return None
    alpha, dual = linalg.cho_solve(factor, target), linalg.cho_solve(factor, test.T).T
    return alpha, dual, 1 / float(inverse), len(matrix), ()


def _by_eigenvectors(matrix: Array, target: Array, test: Array) -> Solution:
    values, vectors = linalg.eigh(matrix)
    kept = values > len(values) * EPS * max(values[-1], 0.0)
    inverse = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    dual = (test @ vectors * inverse) @ vectors.T
    lost = vectors[:, ~kept].T @ target
    rank = int(np.sum(kept))
    notes = [
        f"k_train is singular to working precision (rank {rank} of {len(values)}): this is the minimum-norm solution, "
        f"and a component of y - f0 of norm {np.linalg.norm(lost):.3g} is never learnt"
    ]
    outside = test @ vectors[:, ~kept]
    if np.any(np.abs(outside) > 1e-4 * np.linalg.norm(test, axis=1, keepdims=True)):
        notes.append("k_test leaves the range of k_train: the two are not of one kernel, or not on the same inputs")
    condition = float(values[-1] / np.min(values[kept])) if rank else np.inf
    return (vectors * inverse) @ (vectors.T @ target), dual, condition, rank, tuple(notes)


def _entry_error(task: Problem, alpha: Array, dual: Array) -> Array:
    """First-order effect of entries wrong by √(K_ii K_jj); K at a test point is estimated from its row (0 if alone)."""
    root = np.sqrt(np.diagonal(task.train))
    ratio = np.abs(task.test) / np.where(root > 0, root, 1.0)
    own = np.max(ratio, axis=1, initial=0.0) + np.abs(dual) @ root
    return np.asarray(own[:, None] * (root @ np.abs(alpha)))


def gradient_flow(
    k_train: Any,
    k_test: Any,
    y: Any,
    times: Any,
    learning_rate: Schedule = 1.0,
    *,
    loss: str | Loss = "squared",
    reduction: str = "mean",
    f0_train: Any = None,
    f0_test: Any = None,
    y_test: Any = None,
    solver_rtol: float = 1e-9,
    solver_atol: float = 1e-9,
    rtol: float | None = None,
) -> Trajectory:
    """df_t/dt = −η K(·, X) χ/N: (22) on all examples with infinitely small steps.

    Times are counted in steps of gradient descent with the same `learning_rate` (one, or a schedule) and `reduction`,
    so that `gradient_flow(…, times=[0, 10, 100], learning_rate=η)` stands beside `gradient_descent` at these steps.
    Squared loss is solved in closed form, f_t = f₀ + K(·, X) (1 − exp(−τK))/K (y − f₀), exact at eigenvalue 0 and
    allowing t = inf; any other loss by an adaptive ODE solver, whose `error` is the distance from a second, looser run.

    Parameters
    ----------
    k_train, k_test, y, f0_train, f0_test, rtol
        As in `kernel_regression`.
    times
        (T,), at least 0 and increasing.
    learning_rate
        η, or η_t for each step, or a function of t: piecewise constant in time.
    loss
        "squared", "logistic", "cross-entropy", "huber", or a `Loss`.
    reduction
        "mean": χ summed over the examples and divided by N; "sum": not divided.
    y_test
        Labels at the test inputs, for `test_loss`.
    solver_rtol, solver_atol
        Relative and absolute (for f) tolerance of the ODE solver in every step.

    Raises
    ------
    TpproofError
        E156 when k_train is no kernel, E157 on wrong shapes and values, E158 when the solver does not get through.
    """
    task = problem(k_train, k_test, y, f0_train, f0_test, rtol)
    known = loss_named(loss, task.labels)
    when = checked_times(times, known)
    task.room(len(when))
    tau = elapsed(learning_rate, when) / reduction_scale(reduction, task.examples)
    if known is SQUARED:
        spectrum = task.spectrum()
        weights = np.array([flow_weights(spectrum.values, spectrum.resolved, t) for t in tau])
        return spectral(task, known, spectrum, when, weights.reshape(len(when), -1), y_test)
    alphas, error = _by_solver(task, known, tau, solver_rtol, solver_atol)
    return trajectory(task, known, when, alphas, error, "ode", y_test)


def checked_times(times: Any, loss: Loss) -> Array:
    try:
        when = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise TpproofError("E157", "times that are no numbers", "an increasing list of numbers") from None
    if when.ndim != 1 or when.size == 0 or not np.all(when >= 0) or np.any(np.diff(when) <= 0):
        raise TpproofError("E157", f"times = {times!r}", "an increasing list of numbers of at least 0")
    if np.isinf(when[-1]) and loss is not SQUARED:
        raise TpproofError("E157", f"an infinite time with the loss {loss.name}", "finite times")
    return when


def _by_solver(task: Problem, loss: Loss, tau: Array, rtol: float, atol: float) -> tuple[Array, Array]:
    """α at each τ, (T, n, c), and the estimated error of f."""
    rtol, atol = number(rtol, "solver_rtol"), number(atol, "solver_atol")
    if not (0 < rtol < 1 and atol > 0):
        raise TpproofError("E157", f"solver_rtol = {rtol}, solver_atol = {atol}", "positive tolerances")
    size = task.start.size
    weight = task.largest_eigenvalue or 1.0

    def slope(_: float, state: Array) -> Array:
        f = state[:size].reshape(task.start.shape)
        chi = loss.chi(task.in_users_shape(f), task.labels).reshape(f.shape)
        return -np.concatenate([(task.train @ chi).ravel(), weight * chi.ravel()])

    # f is part of the state so that its own error is controlled; λ_max α is of the size of f
    start = np.concatenate([task.start.ravel(), np.zeros(size)])
    stiff = (loss.curvature or 1.0) * task.largest_eigenvalue * tau[-1] > STIFF
    fine, coarse = (
        _integrated(slope, start, tau, "LSODA" if stiff else "DOP853", rtol * k, atol * k)[:, size:] / weight
        for k in (1.0, LOOSER)
    )
    fine, coarse = (a.reshape(len(tau), *task.start.shape) for a in (fine, coarse))
    change = np.abs(np.concatenate([task.train, task.test]) @ (fine - coarse))
    return fine, np.max(change, axis=(1, 2))


def _integrated(
    slope: Callable[[float, Array], Array], start: Array, tau: Array, method: str, rtol: float, atol: float
) -> Array:
    """The state at each τ, (T, length)."""
    distinct, place = np.unique(np.concatenate([[0.0], tau]), return_inverse=True)
    if len(distinct) == 1:
        return np.tile(start, (len(tau), 1))
    found = integrate.solve_ivp(
        slope, (0.0, distinct[-1]), start, method=method, t_eval=distinct, rtol=max(rtol, 1e-13), atol=atol
    )
    if not found.success or not np.all(np.isfinite(found.y)):
        raise TpproofError("E158", f"the solver stopped at {found.t[-1]:g}: {found.message}", "a loss that is bounded")
    return np.asarray(found.y.T[place[1:]])
