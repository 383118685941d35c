"""What every prediction starts from: kernels, labels and initial outputs, checked and brought to one layout.

One output, or several with a kernel between inputs only, are matrices f (N, O) and K (N, N). A kernel between outputs
too, K (N, N, O, O), becomes one matrix (NO, NO) with f one column: (22) contracts over examples and outputs alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg, sparse, special

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.schedules import Indices

KERNEL_ERROR, KERNEL_ERROR_SINGLE = 1e-10, 1e-5
"""Relative error granted to the entries of a kernel in float64 and in float32."""
ROWS = 512
"""Rows compared at a time, so that a check needs no second matrix."""
DENSE = 500
"""Up to this size all eigenvalues are as cheap as the largest one."""
MOST_NUMBERS = 2**28
"""Floats of one result: 2 GB."""


@dataclass(frozen=True)
class Spectrum:
    """K = V diag(λ) Vᵀ with what prediction needs in its basis: Vᵀ(y − f₀) and K(test, train) V."""

    values: Array
    vectors: Array
    residual: Array
    test: Array

    @property
    def largest(self) -> float:
        return float(self.values[-1]) if self.values.size else 0.0

    @property
    def resolved(self) -> Any:
        """The directions whose eigenvalue is more than rounding: n ε λ_max."""
        return self.values > len(self.values) * np.finfo(np.float64).eps * self.largest


@dataclass(frozen=True)
class Problem:
    """Checked arrays in one layout: n rows of training data, m of test data, c columns.

    `outputs` is the shape of one output as the user has it, () or (O,); `output_axes` says whether the kernel
    has them too, and `block` is the number of rows of one example.
    """

    train: Array
    test: Array
    labels: Array
    start: Array
    start_test: Array
    examples: int
    points: int
    outputs: tuple[int, ...]
    output_axes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def block(self) -> int:
        return len(self.train) // self.examples

    def rows(self, batch: Indices) -> Indices:
        """The rows of the examples of a batch."""
        if self.block == 1:
            return batch
        return np.asarray((batch[:, None] * self.block + np.arange(self.block)).ravel())

    def in_users_shape(self, f: Array) -> Array:
        """(n, c) or (m, c) → (N,), (N, O), (M,) or (M, O)."""
        return f.reshape(-1, *self.outputs)

    def in_columns(self, f: Array) -> Array:
        return f.reshape(-1, self.start.shape[1])

    @cached_property
    def largest_eigenvalue(self) -> float:
        return largest_eigenvalue(self.train)

    def spectrum(self) -> Spectrum:
        """One eigendecomposition; eigenvalues below 0, which can only be rounding, are 0."""
        values, vectors = linalg.eigh(self.train)
        residual = vectors.T @ (self.in_columns(self.labels) - self.start)
        return Spectrum(np.maximum(values, 0.0), vectors, residual, self.test @ vectors)

    def room(self, records: int) -> None:
        """Would the result fit? E157 otherwise."""
        numbers = records * (self.start.size + self.start_test.size)
        if numbers > MOST_NUMBERS:
            size = f"a result of {numbers * 8 / 2**30:.0f} GiB"
            raise TpproofError("E157", size, "at most 2 GiB: record fewer steps")


def problem(
    k_train: Any, k_test: Any, y: Any, f0_train: Any = None, f0_test: Any = None, rtol: float | None = None
) -> Problem:
    """Check everything and bring it to one layout (E156: no kernel; E157: shapes, NaN, empty)."""
    given = entries(k_train, "ntk")
    rtol = granted(given, rtol)
    train, labels = numbers(given, "k_train"), numbers(y, "y")
    if train.ndim not in (2, 4) or train.shape[0] != train.shape[1] or train.shape[2:3] != train.shape[3:4]:
        raise TpproofError("E157", f"k_train of shape {train.shape}", "(N, N) or (N, N, O, O)")
    if train.size == 0:
        raise TpproofError("E157", "no training data", "at least one example")
    examples, outputs = len(train), labels.shape[1:]
    fits = labels.ndim in (1, 2) and len(labels) == examples and labels.size > 0
    if not fits or (train.ndim == 4 and outputs != train.shape[2:3]):
        expected = f"{(examples, *train.shape[2:3])}" if train.ndim == 4 else f"({examples},) or ({examples}, O)"
        raise TpproofError("E157", f"y of shape {labels.shape}", expected)
    test = np.zeros((0, *train.shape[1:])) if k_test is None else numbers(entries(k_test, "ntk"), "k_test")
    if test.ndim != train.ndim or test.shape[1:] != train.shape[1:]:
        raise TpproofError("E157", f"k_test of shape {test.shape}", f"{('M', *train.shape[1:])}")
    points, columns = len(test), 1 if train.ndim == 4 else labels.size // examples
    checked, notes = checked_kernel(as_matrix(train), rtol)
    return Problem(
        train=checked,
        test=as_matrix(test),
        labels=labels,
        start=_initial(f0_train, (examples, *outputs), "f0_train").reshape(-1, columns),
        start_test=_initial(f0_test, (points, *outputs), "f0_test").reshape(-1, columns),
        examples=examples,
        points=points,
        outputs=outputs,
        output_axes=train.ndim == 4,
        notes=notes,
    )


def entries(kernel: Any, which: str) -> Any:
    """The array `which` ("ntk" or "nngp") of a Kernel, or the array itself."""
    if not (hasattr(kernel, "ntk") or hasattr(kernel, "nngp")):
        return kernel
    found = getattr(kernel, which, None)
    if found is None:
        raise TpproofError("E157", f"a kernel without {which}", f"one computed with {which}")
    return found


def numbers(given: Any, name: str) -> Array:
    """A float64 array of finite numbers (E157 otherwise)."""
    try:
        found = np.asarray(given)
    except (TypeError, ValueError) as problem:
        raise TpproofError("E157", f"{name}: {problem}", "an array of numbers in this machine's memory") from None
    if found.dtype.kind not in "fiub":
        raise TpproofError("E157", f"{name} of type {found.dtype}", "an array of real numbers")
    found = found.astype(np.float64, copy=False)
    if not np.all(np.isfinite(found)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
        raise TpproofError("E157", f"{name}{list(place)} = {found[place]}", "finite numbers")
    return found


def granted(kernel: Any, rtol: float | None) -> float:
    """The relative error that entries of this kernel may have (of √(K_ii K_jj))."""
    if rtol is None:
        single = str(getattr(kernel, "dtype", "")).endswith("float32")
        return KERNEL_ERROR_SINGLE if single else KERNEL_ERROR
    found = number(rtol, "rtol")
    if found >= 1:
        raise TpproofError("E157", f"rtol = {rtol}", "a number from 0 to 1")
    return found


def number(given: Any, name: str) -> float:
    """A finite number of at least 0 (E157 otherwise)."""
    found = numbers(given, name)
    if found.ndim or found < 0:
        raise TpproofError("E157", f"{name} = {given!r}", "a number of at least 0")
    return float(found)


def _initial(given: Any, shape: tuple[int, ...], name: str) -> Array:
    found = np.zeros(shape) if given is None else numbers(given, name)
    if found.shape != shape:
        raise TpproofError("E157", f"{name} of shape {found.shape}", f"{shape}")
    return found


def as_matrix(kernel: Array) -> Array:
    """(M, N, O, O) → (MO, NO); a matrix stays."""
    if kernel.ndim == 2:
        return kernel
    m, n, o = kernel.shape[:3]
    return kernel.transpose(0, 2, 1, 3).reshape(m * o, n * o)


def checked_kernel(kernel: Array, rtol: float) -> tuple[Array, tuple[str, ...]]:
    """The symmetric part of a kernel on one data set, if it is a kernel (E156 otherwise).

    Entries with an error of `rtol` √(K_ii K_jj) can be asymmetric by twice that, and can push no eigenvalue below
    −`rtol` · trace: what is beyond either was not caused by rounding.
    """
    diagonal = np.diagonal(kernel)
    if np.any(diagonal < 0):
        i = int(np.argmin(diagonal))
        raise TpproofError("E156", f"K[{i}, {i}] = {diagonal[i]:.6g}", "a diagonal of at least 0")
    root = np.sqrt(diagonal)
    asymmetric = False
    for first in range(0, len(kernel), ROWS):
        rows = slice(first, first + ROWS)
        gap = np.abs(kernel[rows] - kernel[:, rows].T)
        asymmetric = asymmetric or bool(np.any(gap))
        excess = gap - 2 * rtol * np.outer(root[rows], root)
        if np.max(gap) > 0 and np.max(excess) > 0:
            i, j = (int(k) for k in np.unravel_index(np.argmax(excess), excess.shape))
            found = f"K[{first + i}, {j}] = {kernel[first + i, j]:.12g}, its mirror image {kernel[j, first + i]:.12g}"
            raise TpproofError("E156", found, "a symmetric matrix")
    if asymmetric:
        kernel = (kernel + kernel.T) / 2
    return kernel, _positive(kernel, rtol)


def _positive(kernel: Array, rtol: float) -> tuple[str, ...]:
    """Has the matrix no eigenvalue below −rtol · trace? A note if it has one below 0 by more than rounding."""
    trace = float(np.trace(kernel))
    rounding = len(kernel) * float(np.finfo(np.float64).eps) * trace
    if _shifted_factors(kernel, rounding):
        return ()
    allowed = max(rtol * trace, rounding)
    if _shifted_factors(kernel, allowed):
        return (f"the kernel has negative eigenvalues within its error, at least {-allowed:.2g}: they are taken as 0",)
    least = linalg.eigh(kernel, eigvals_only=True, subset_by_index=[0, 0])[0]
    raise TpproofError("E156", f"a matrix with the eigenvalue {least:.6g}", f"none below -{allowed:.2g}")


def _shifted_factors(kernel: Array, shift: float) -> bool:
    shifted = kernel.copy()
    shifted.flat[:: len(kernel) + 1] += shift
    try:
        linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return not np.any(kernel)  # the zero kernel is one: nothing is ever learnt
    return True


def largest_eigenvalue(matrix: Array) -> float:
    """λ_max of a symmetric positive matrix; by Lanczos when it is large."""
    n = len(matrix)
    if n > DENSE:
        start = np.random.default_rng(0).standard_normal(n)
        return float(sparse.linalg.eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    return float(linalg.eigh(matrix, eigvals_only=True, subset_by_index=[n - 1, n - 1])[0])


def flow_weights(values: Array, resolved: Any, tau: float) -> Array:
    """∫₀^τ exp(−λs) ds = (1 − exp(−λτ))/λ; at τ = ∞ it is 1/λ, and 0 for eigenvalues that are only rounding."""
    if np.isinf(tau):
        return np.where(resolved, 1 / np.where(resolved, values, 1.0), 0.0)
    return np.asarray(tau * special.exprel(-values * tau))


def descent_weights(values: Array, rate: float, step: int) -> Array:
    """Σ_{s<t} η (1 − ηλ)^s = (1 − (1 − ηλ)^t)/λ, without cancellation for small λ."""
    x = rate * values
    small = x < 0.5
    inside = np.where(small, x, 0.0)
    power = step * np.log1p(-inside)
    safe = np.where(inside > 0, inside, 1.0)
    ratio = np.where(inside > 0, np.log1p(-inside) / -safe, 1.0)
    with np.errstate(over="ignore"):
        large = rate * (1 - (1 - x) ** step) / np.where(small, 1.0, x)
    return np.asarray(np.where(small, rate * step * ratio * special.exprel(power), large))


def with_notes(task: Problem, notes: Sequence[str]) -> Problem:
    return replace(task, notes=(*task.notes, *notes))
