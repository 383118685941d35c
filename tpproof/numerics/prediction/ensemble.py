"""Gaussian laws of predictions: Bayesian inference with the NNGP kernel, and the ensemble of trained networks.

At initialization f₀ is a Gaussian process with covariance Σ, the NNGP kernel; training with squared loss is an affine
map of f₀ given by the NTK Θ, so f_t over random initializations is Gaussian too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.losses import SQUARED
from tpproof.numerics.prediction.predict import checked_times, inverse_applied
from tpproof.numerics.prediction.schedules import Schedule, elapsed
from tpproof.numerics.prediction.training import (
    Problem,
    as_matrix,
    checked_kernel,
    entries,
    flow_weights,
    granted,
    number,
    numbers,
    problem,
)
from tpproof.numerics.prediction.trajectory import reduction_scale


@dataclass(frozen=True)
class Posterior:
    """Gaussian law of the outputs at the test inputs.

    Attributes
    ----------
    mean
        (M,) or (M, O).
    covariance
        (M, M), the same for every output; with a kernel between outputs (M, M, O, O).
    condition
        Condition number of Σ(X, X) + noise.
    residual
        max |y − (Σ + noise) α|.
    warnings
        What a reader of these numbers should know.
    """

    mean: Array
    covariance: Array
    condition: float
    residual: float
    warnings: tuple[str, ...] = ()

    @property
    def std(self) -> Array:
        """Standard deviation of every output, (M,) or (M, O)."""
        return deviation(self.covariance)


@dataclass(frozen=True)
class Ensemble:
    """Gaussian law of f_t at each time, over random initializations of networks of infinite width.

    Attributes
    ----------
    times
        (T,), in steps.
    train_mean, test_mean
        (T, N[, O]) and (T, M[, O]).
    train_covariance, test_covariance
        (T, N, N) and (T, M, M), the same for every output; with kernels between outputs (T, N, N, O, O), …
    warnings
        What a reader of these numbers should know.
    """

    times: Array
    train_mean: Array
    test_mean: Array
    train_covariance: Array
    test_covariance: Array
    warnings: tuple[str, ...] = ()

    @property
    def train_std(self) -> Array:
        """(T, N) or (T, N, O)."""
        return deviation(self.train_covariance, 1)

    @property
    def test_std(self) -> Array:
        """(T, M) or (T, M, O)."""
        return deviation(self.test_covariance, 1)


def deviation(covariance: Array, first: int = 0) -> Array:
    """Roots of the diagonal over inputs (axes `first`, `first` + 1) and, if there are, over outputs."""
    diagonal = np.diagonal(covariance, axis1=first, axis2=first + 1)
    if covariance.ndim == first + 4:
        diagonal = np.diagonal(diagonal, axis1=first, axis2=first + 1)  # each puts the diagonal last
    return np.sqrt(np.maximum(diagonal, 0.0))


def nngp_posterior(
    k_train: Any, k_test: Any, k_test_test: Any, y: Any, noise: float = 0.0, *, rtol: float | None = None
) -> Posterior:
    """Bayesian inference: mean Σ_* (Σ + noise)⁻¹ y, covariance Σ_** − Σ_* (Σ + noise)⁻¹ Σ_*ᵀ.

    With noise = 0 it is also the law of networks of which gradient flow of squared loss trained the readout alone.

    Parameters
    ----------
    k_train, k_test, k_test_test
        Σ(X, X), Σ(test, X), Σ(test, test), or objects with the attribute `nngp`.
    y
        (N,) or (N, O): several outputs are independent unless the kernels have output axes.
    noise
        Variance of the labels' noise.
    rtol
        Relative error of the kernel's entries, see `kernel_regression`.

    Raises
    ------
    TpproofError
        E156 when the kernels on train and test are not of one kernel: a posterior variance is negative.
    """
    given = entries(k_train, "nngp")
    rtol = granted(given, rtol)
    task = problem(given, entries(k_test, "nngp"), y, rtol=rtol)
    noise = number(noise, "noise")
    prior = _test_kernel(k_test_test, task, rtol)
    matrix = task.train + noise * np.eye(len(task.train)) if noise else task.train
    target = task.in_columns(task.labels)
    alpha, dual, condition, _, notes = inverse_applied(matrix, target, task.test)
    covariance = _consistent(prior - dual @ task.test.T, prior, np.abs(dual) @ np.sqrt(np.diagonal(task.train)), rtol)
    return Posterior(
        task.in_users_shape(task.test @ alpha),
        _output_axes(covariance, task),
        condition,
        float(np.max(np.abs(target - matrix @ alpha))),
        (*task.notes, *notes),
    )


def gradient_flow_ensemble(
    train: Any,
    test: Any,
    test_test: Any,
    y: Any,
    times: Any,
    learning_rate: Schedule = 1.0,
    *,
    reduction: str = "mean",
    rtol: float | None = None,
) -> Ensemble:
    """Mean and covariance of f_t under gradient flow of squared loss, over initializations f₀ ~ GP(0, Σ).

    f_t(x) = f₀(x) − A_t f₀(X) + A_t y with A_t = Θ(x, X) (1 − exp(−τΘ))/Θ, so the mean is A_t y and
    the covariance Σ(x, x') − A_t Σ(X, x') − Σ(x, X) A_tᵀ + A_t Σ(X, X) A_tᵀ.

    Parameters
    ----------
    train, test, test_test
        Kernels on (X, X), (test, X), (test, test): objects with `ntk` and `nngp`, or pairs (Θ, Σ); of the last one
        only Σ is used, which may be given alone.
    y
        (N,) or (N, O).
    times, learning_rate, reduction
        As in `gradient_flow`; inf is allowed.
    rtol
        Relative error of the kernel's entries, see `kernel_regression`.

    Raises
    ------
    TpproofError
        E156 when a kernel on one data set is no kernel, E157 on wrong shapes and values.
    """
    (theta, sigma), (theta_test, sigma_test) = _both(train), _both(test)
    rtol = granted(theta, rtol)
    task = problem(theta, theta_test, y, rtol=rtol)
    prior = problem(sigma, sigma_test, y, rtol=rtol)
    if prior.train.shape != task.train.shape or prior.test.shape != task.test.shape:
        raise TpproofError("E157", "an NTK and an NNGP kernel of different shapes", "both on the same inputs")
    sigma_test_test = _test_kernel(test_test[1] if isinstance(test_test, tuple) else test_test, task, rtol)
    when = checked_times(times, SQUARED)
    tau = elapsed(learning_rate, when) / reduction_scale(reduction, task.examples)
    task.room(len(when) * (1 + len(task.train) + len(task.test)) // task.start.shape[1] + 1)
    spectrum, target = task.spectrum(), task.in_columns(task.labels)
    means: tuple[list[Array], list[Array]] = ([], [])
    covariances: tuple[list[Array], list[Array]] = ([], [])
    basis = ((task.train @ spectrum.vectors, prior.train, prior.train), (spectrum.test, prior.test, sigma_test_test))
    for t in tau:
        weights = flow_weights(spectrum.values, spectrum.resolved, t)
        for k, (side, cross, own) in enumerate(basis):
            a = (side * weights) @ spectrum.vectors.T
            mixed = a @ cross.T
            covariances[k].append(_output_axes(own - mixed - mixed.T + a @ prior.train @ a.T, task))
            means[k].append(task.in_users_shape(a @ target))
    mean, covariance = [np.array(x) for x in means], [np.array(x) for x in covariances]
    return Ensemble(when, mean[0], mean[1], covariance[0], covariance[1], (*task.notes, *prior.notes))


def _both(kernel: Any) -> tuple[Any, Any]:
    if isinstance(kernel, tuple) and len(kernel) == 2:
        return kernel
    if not (hasattr(kernel, "ntk") and hasattr(kernel, "nngp")):
        raise TpproofError("E157", "one kernel", "an object with ntk and nngp, or a pair (NTK, NNGP kernel)")
    return entries(kernel, "ntk"), entries(kernel, "nngp")


def _test_kernel(given: Any, task: Problem, rtol: float) -> Array:
    found = numbers(entries(given, "nngp"), "k_test_test")
    expected = (task.points, task.points) + task.outputs * 2 * task.output_axes
    if task.points == 0 or found.shape != expected:
        raise TpproofError("E157", f"k_test_test of shape {found.shape}", f"{expected}, M at least 1")
    return checked_kernel(as_matrix(found), rtol)[0]


def _consistent(covariance: Array, prior: Array, reach: Array, rtol: float) -> Array:
    """The symmetric part of a posterior covariance, refused (E156) where a variance is negative beyond its error.

    Entries wrong by rtol √(K_ii K_jj) change a variance by at most rtol (√K_mm + Σ_j |w_j| √K_jj)².
    """
    variance = np.diagonal(covariance).copy()
    excess = -variance - rtol * (np.sqrt(np.diagonal(prior)) + reach) ** 2
    if np.max(excess) > 0:
        m = int(np.argmax(excess))
        found = f"a posterior variance of {variance[m]:.6g} at test point {m}"
        raise TpproofError("E156", found, "k_train, k_test and k_test_test of one kernel")
    symmetric = (covariance + covariance.T) / 2
    np.fill_diagonal(symmetric, np.maximum(variance, 0.0))
    return np.asarray(symmetric)


def _output_axes(covariance: Array, task: Problem) -> Array:
    """(MO, MO) → (M, M, O, O) where the kernel has output axes."""
    if not task.output_axes:
        return covariance
    o = task.block
    return covariance.reshape(-1, o, len(covariance) // o, o).transpose(0, 2, 1, 3)
