"""Kernels of dense networks at several widths, extrapolated to infinite width, with errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.dense.interpreter import Dense
from tpproof.program.model import Program

Array = NDArray[np.float64]
CHUNK = 2**18
"""Entries of one matrix for all draws made at once: more do not fit the processor's cache."""


@dataclass(frozen=True)
class Simulated:
    """The infinite-width limit of one quantity from dense networks: value and standard error, for outputs (o, p)."""

    value: Array
    error: Array

    def scores(self, limit: Array, limit_error: Array) -> Array:
        """z-scores against a limit with an error of its own; an exact quantity must be met exactly."""
        error = np.hypot(self.error, limit_error)
        difference = self.value - limit
        exact = error <= 1e-12 * (1 + np.abs(limit))
        wrong = np.abs(difference) > 1e-9 * (1 + np.abs(limit))
        return np.where(exact, np.where(wrong, np.inf, 0.0), difference / np.where(exact, 1.0, error))


def drawn_kernels(program: Program, width: int, draws: int, seed: int, inputs: Array) -> dict[str, Array]:
    """Parameter → ``[draw, o, p]``, and "total"."""
    dense = Dense(program, width, inputs.shape[-1])
    test, train = (_split(program, torch.from_numpy(x)) for x in inputs)
    largest = max(float(p.rows * p.cols) for p in program.parameters)
    chunk = max(2, int(CHUNK / (largest * width**2)))
    found: dict[str, list[Array]] = {}
    for first in range(0, draws, chunk):
        entries = dense.draw(min(chunk, draws - first), seed + first)
        for name, kernel in dense.ntk(entries, test, train).items():
            found.setdefault(name, []).append(kernel.numpy())
    kernels = {name: np.concatenate(parts) for name, parts in found.items()}
    return {**kernels, "total": np.sum(list(kernels.values()), axis=0)}


def _split(program: Program, parts: Tensor) -> list[Tensor]:
    return list(torch.split(parts, [i.parts for i in program.inputs]))


def extrapolated(program: Program, draws: Mapping[int, int], inputs: Array, seed: int = 0) -> dict[str, Simulated]:
    """Every parameter's part of the NTK, and the total, at infinite width.

    Parameters
    ----------
    program
        The network.
    draws
        Width → how many networks.
    inputs
        ``[instance, part, d]``.
    seed
        Of the first network.

    Notes
    -----
    Means over draws are fitted by K + b/n + c/n², least squares with weights draws·n, fixed beforehand (a kernel's
    variance shrinks as 1/n); the intercept is then a fixed linear combination of the means, and its error that
    combination of their standard errors, whatever their variances really are.
    """
    combination = intercept(draws)
    kernels = [drawn_kernels(program, n, count, seed + 10**6 * n, inputs) for n, count in draws.items()]
    return {name: _combined([k[name] for k in kernels], combination) for name in kernels[0]}


def intercept(draws: Mapping[int, int]) -> Array:
    """The weights of the means in the fitted value at 1/n = 0."""
    n = np.array(list(draws), dtype=float)
    root = np.sqrt(n * np.array(list(draws.values())))
    design = np.stack([np.ones_like(n), 1 / n, 1 / n**2], axis=1)
    weights: Array = np.linalg.pinv(design * root[:, None])[0] * root
    return weights


def _combined(kernels: Sequence[Array], combination: Array) -> Simulated:
    means = np.array([k.mean(axis=0) for k in kernels])
    errors = np.array([k.std(axis=0, ddof=1) / math.sqrt(len(k)) for k in kernels])
    value = np.tensordot(combination, means, axes=1)
    return Simulated(value, np.sqrt(np.tensordot(combination**2, errors**2, axes=1)))
