"""Kernels of networks whose expectations do not reduce (LSTM, GRU): samples, pair by pair, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpproof.limits import Limits
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.gram import Values
from tpproof.numerics.gram.inputs import InputArrays
from tpproof.numerics.sampling.sample import kernel_by_sampling
from tpproof.proof.prove import Proof


@dataclass(frozen=True)
class SampleSettings:
    """Points of each replicate (a power of 2), independent replicates, and the seed of the scramblings."""

    points: int = 2**14
    replicates: int = 8
    seed: int = 0


def sampled_values(
    proof: Proof,
    names: tuple[str, ...],
    x1: InputArrays,
    x2: InputArrays | None,
    settings: SampleSettings,
    limits: Limits,
) -> dict[str, Values]:
    """Every kernel with standard errors; the same pair has the same numbers wherever it stands."""
    count = len(proof.program.outputs)
    shape = (len(x1), len(x1 if x2 is None else x2), count, count)
    value = {name: np.empty(shape) for name in names}
    error = {name: np.empty(shape) for name in names}
    for i in range(shape[0]):
        for j in range(i if x2 is None else 0, shape[1]):
            gram = _gram(x1, i, x1 if x2 is None else x2, j)
            found = kernel_by_sampling(proof, gram, settings.points, settings.replicates, settings.seed, limits)
            numbers = {"ntk": (found.value, found.error), "nngp": (found.nngp, found.nngp_error)}
            for name in names:
                value[name][i, j], error[name][i, j] = numbers[name]
                if x2 is None:
                    value[name][j, i], error[name][j, i] = (part.T for part in numbers[name])
    return {name: Values(value[name], error=error[name]) for name in names}


def _gram(x1: InputArrays, i: int, x2: InputArrays, j: int) -> Array:
    """``gram[s, a, r, b]`` = ξᵀξ'/d over all parts of all inputs in order; parts of different d meet nowhere."""
    blocks = [np.stack([a[i], b[j]]) for a, b in zip(x1.arrays, x2.arrays, strict=True)]
    parts = sum(b.shape[1] for b in blocks)
    gram = np.zeros((2, parts, 2, parts))
    start = 0
    for first in blocks:
        other = 0
        for second in blocks:
            if first.shape[2] == second.shape[2]:
                rows, cols = slice(start, start + first.shape[1]), slice(other, other + second.shape[1])
                gram[:, rows, :, cols] = np.einsum("sad,rbd->sarb", first, second) / first.shape[2]
            other += second.shape[1]
        start += first.shape[1]
    return gram
