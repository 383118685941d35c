"""The limiting kernel between all inputs of a setting, and what kernel gradient descent (22) makes of f_0."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.crosscheck.expected.altered import has_factor
from tpproof.numerics.crosscheck.expected.limit_values import Sampling, checked_inputs, replicates
from tpproof.numerics.crosscheck.quantities import Setting
from tpproof.numerics.functions import Array, require_known
from tpproof.numerics.gram.gram import Gram, Settings
from tpproof.numerics.gram.inputs import as_inputs
from tpproof.numerics.reduction.compile import compiled
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.proof.prove import Execution, Proof

RTOL = 1e-10
"""Wanted of kernels without samples."""


@dataclass(frozen=True)
class Kernels:
    """K and the covariance of f_0 between all N inputs and O outputs of a setting.

    Attributes
    ----------
    drawn
        ``[r, i, o, j, p]``: K_op(ξ_i, ξ_j) of every replicate; one replicate where no sample is needed.
    bound
        ``[i, o, j, p]``: of the error, without samples; None with them.
    nngp
        ``[i, o, j, p]``: E[f_o(ξ_i) f_p(ξ_j)] at the start.
    """

    drawn: Array
    bound: Array | None
    nngp: Array

    @property
    def value(self) -> Array:
        """``[i, o, j, p]``."""
        mean: Array = self.drawn.mean(axis=0)
        return mean

    @property
    def matrix(self) -> Array:
        """K as (N·O, N·O); row i·O + o is output o at input i."""
        size = self.value.shape[0] * self.value.shape[1]
        return self.value.reshape(size, size)

    @property
    def error(self) -> Array:
        """``[i, o, j, p]``: standard errors, or bounds."""
        return standard_error(self.drawn) if self.bound is None else self.bound


def standard_error(drawn: Array) -> Array:
    """Of the mean over the first axis; 0 where the replicates agree to rounding."""
    spread = drawn.std(axis=0, ddof=1) / math.sqrt(len(drawn))
    rounding = 4 * np.finfo(np.float64).eps * np.abs(drawn).max(axis=0)
    found: Array = np.where(spread <= rounding, 0.0, spread)
    return found


def execution_of(proof: Proof) -> Execution:
    """What was proved. Raises E150 for a refused network."""
    if proof.execution is None:
        raise TpproofError("E150", "a refused network", "one with a proof")
    return proof.execution


def kernels(
    proof: Proof, setting: Setting, sampling: Sampling | None = None, limits: Limits = DEFAULT, sampled: bool = False
) -> Kernels:
    """The kernels between all inputs, without samples where expectations reduce.

    Parameters
    ----------
    proof
        What was found about the network.
    setting
        Its inputs.
    sampling
        Where they do not reduce.
    limits
        Bounds on the sample.
    sampled
        Sample in any case.

    Raises
    ------
    TpproofError
        E150 for a refused network or an abstract nonlinearity, E151 for a setting that does not fit, E152 for a
        kernel that is not finite.
    """
    execution = execution_of(proof)
    inputs = checked_inputs(proof.program, setting)
    require_known(proof.program)
    found = None
    if not sampled and not has_factor(execution):
        with contextlib.suppress(NotReducible):
            found = _reduced(proof, inputs, limits)
    if found is None:
        found = _sampled(execution, setting, sampling or Sampling(), limits)
    if not np.isfinite(found.drawn).all():
        raise TpproofError("E152", "a kernel that is not finite", "vectors whose values a float can hold")
    return found


def _reduced(proof: Proof, inputs: Array, limits: Limits) -> Kernels:
    program, data, start = proof.program, {}, 0
    for declared in program.inputs:
        part = inputs[:, start : start + declared.parts]
        data[declared.name] = part[:, 0] if declared.count is None else part
        start += declared.parts
    settings = Settings(RTOL, "numpy", np.float64, 1)
    plan = compiled(proof)
    with np.errstate(all="ignore"):  # what is not finite is seen above
        values = Gram(plan, {}, as_inputs(data, program.inputs, limits), None, ("ntk", "nngp"), settings).values()
        ntk, bound, nngp = values["ntk"].value, values["ntk"].errors(), values["nngp"].value
    return Kernels(_by_input(ntk)[None], _by_input(bound), _by_input(nngp))


def _by_input(values: Array) -> Array:
    """``[i, j, o, p]`` as ``[i, o, j, p]``."""
    return np.ascontiguousarray(values.transpose(0, 2, 1, 3))


def _sampled(execution: Execution, setting: Setting, sampling: Sampling, limits: Limits) -> Kernels:
    count, outputs = len(setting.inputs), len(setting.slopes)
    shape = (sampling.replicates, count, outputs, count, outputs)
    ntk, nngp = np.zeros(shape), np.zeros(shape)
    pairs = list(combinations_with_replacement(range(count), 2))
    for r, numbers in enumerate(replicates(execution, setting, pairs, sampling, limits)):
        for (i, j), at in numbers.items():
            ntk[r, i, :, j, :], nngp[r, i, :, j, :] = at.kernel.sum(axis=0), at.output_moments
            ntk[r, j, :, i, :], nngp[r, j, :, i, :] = ntk[r, i, :, j, :].T, nngp[r, i, :, j, :].T
    return Kernels(ntk, None, nngp.mean(axis=0))


@dataclass(frozen=True)
class Descent:
    """(22) with the square loss on the full batch of inputs 1, 2, …: f_t is affine in f_0.

    Attributes
    ----------
    step
        (N·O, N·O): f_{t+1} = f_t − step (f_t − y), K times rate/batch in the columns of the batch, 0 in those of ξ̃.
    targets
        (N·O,): y.
    steps
        T.
    shape
        (N, O).
    """

    step: Array
    targets: Array
    steps: int
    shape: tuple[int, int]

    def __call__(self, start: Array) -> Array:
        """f_0, f_1, …, f_T, (T + 1, N, O), from f_0 (N, O)."""
        f = np.asarray(start, dtype=np.float64).ravel()
        found = [f]
        for _ in range(self.steps):
            f = f - self.step @ (f - self.targets)
            found.append(f)
        return np.stack(found).reshape(-1, *self.shape)


def descent(kernel: Array, setting: Setting) -> Descent:
    """Kernel gradient descent of a setting.

    Parameters
    ----------
    kernel
        (N·O, N·O), as `Kernels.matrix`.
    setting
        Targets, steps and rate; the loss is the mean of (f − y)²/2 over the batch, summed over outputs.
    """
    count, outputs = len(setting.inputs), len(setting.slopes)
    step = np.array(kernel, dtype=np.float64)
    step[:, :outputs] = 0.0
    if count > 1:
        step *= setting.rate / (count - 1)
    return Descent(step, np.array(setting.targets, dtype=np.float64).ravel(), setting.steps, (count, outputs))


def descent_error(found: Kernels, setting: Setting) -> Array:
    """(T + 1, N, O): how far an error of K moves the prediction, for f_0 of the limit's law.

    To first order, f_t moves by Σ_e err_e ∂f_t/∂K_e; its root mean square over f_0 ~ N(0, nngp), added up over the
    entries e as if all errors pointed the same way.
    """
    count, outputs = len(setting.inputs), len(setting.slopes)
    size = count * outputs
    error, nngp = found.error.reshape(size, size), found.nngp.reshape(size, size)
    plain = descent(found.matrix, setting)
    scale = setting.rate / max(1, count - 1)
    root = _root(nngp)
    total = np.zeros((setting.steps + 1, size))
    starts = np.concatenate([np.zeros((size, 1)), root], axis=1)  # f_0 = 0, and directions of its law
    weights = np.array([0.0, *[1.0] * root.shape[1]])
    slopes = [plain.targets[:, None] * (1 - weights) - f for f in _paths(plain, starts, weights)]
    for row in range(size):
        for col in range(outputs, size):
            if error[row, col] == 0:
                continue
            moved = np.zeros_like(starts)
            for t in range(setting.steps):
                moved = moved - plain.step @ moved
                moved[row] += scale * slopes[t][col]
                total[t + 1] += error[row, col] * np.sqrt((moved**2).sum(axis=1))
    return total.reshape(-1, count, outputs)


def _paths(plain: Descent, starts: Array, weights: Array) -> list[Array]:
    """f_t of the affine part (column 0) and of the linear part at each direction."""
    f, found = starts, []
    for _ in range(plain.steps):
        found.append(f)
        f = f - plain.step @ (f - plain.targets[:, None] * (1 - weights))
    return found


def _root(matrix: Array) -> Array:
    """A with A Aᵀ = the matrix, up to rounding."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    found: Array = vectors * np.sqrt(np.maximum(values, 0.0))
    return found
