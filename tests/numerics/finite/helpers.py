"""Networks, their parameters written out, and PyTorch's view of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.dense.interpreter import Dense
from tpproof.numerics.finite import FiniteNetwork, Space
from tpproof.numerics.finite.embedding import Embedding
from tpproof.numerics.finite.matrices import DenseMatrix, ExactMatrix
from tpproof.numerics.finite.streams import purpose
from tpproof.program.constants import to_float
from tpproof.program.model import Program

Array = NDArray[np.float64]


def inputs(program: Program, count: int, d: int = 3, seed: int = 0) -> Array:
    """(count, parts, d), neighbours close to each other so that their kernels are not small."""
    parts = sum(i.parts for i in program.inputs)
    x = np.random.default_rng(seed).standard_normal((count, parts, d))
    for i in range(1, count):
        x[i] = 0.6 * x[i - 1] + 0.8 * x[i]
    return x


def entries(net: FiniteNetwork, d: int) -> dict[str, Tensor]:
    """The trainable entries of a `dense` network, before training, as `tests.dense` takes them."""
    found = {}
    for p, parameter in enumerate(net.program.parameters):
        rows, cols = (net.space.length(c) for c in (parameter.rows, parameter.cols))
        shape = {"matrix": (rows, cols), "embedding": (rows, d), "output_bias": (1, 1)}.get(parameter.kind, (1, rows))
        space = Space(1, seed=net.space.seed) if parameter.kind == "output_bias" else net.space
        drawn = to_float(parameter.std) * space.normals(purpose(p, 2), 0, *shape)
        found[parameter.name] = torch.from_numpy(drawn if parameter.kind in ("matrix", "embedding") else drawn[0])[None]
    return found


def split_parts(program: Program, x: Array) -> list[Tensor]:
    """One input's parts, by inputs."""
    return list(torch.split(torch.from_numpy(x), [i.parts for i in program.inputs]))


def torch_ntk(net: FiniteNetwork, x: Array, i: int, j: int) -> dict[str, Array]:
    """The NTK between inputs i and j by PyTorch's autodiff, with the entries of `net`."""
    dense = Dense(net.program, net.space.width, x.shape[-1])
    one, two = (split_parts(net.program, x[k]) for k in (i, j))
    return {name: k[0].numpy() for name, k in dense.ntk(entries(net, x.shape[-1]), one, two).items()}


def torch_outputs(net: FiniteNetwork, given: dict[str, Tensor], x: Array) -> Array:
    """(B, outputs)."""
    dense = Dense(net.program, net.space.width, x.shape[-1])
    return np.stack([dense.outputs(given, split_parts(net.program, one))[0].detach().numpy() for one in x])


def torch_sgd(net: FiniteNetwork, x: Array, y: Array, rate: float, steps: int, batch: int) -> dict[str, Tensor]:
    """Entries after SGD on (f - y)²/2, steps of `batch` examples in turn, by autodiff on entries."""
    found = entries(net, x.shape[-1])
    rates = {p.name: to_float(p.lr) for p in net.program.parameters}
    dense = Dense(net.program, net.space.width, x.shape[-1])
    for t in range(steps):
        leaves = {name: e.clone().requires_grad_() for name, e in found.items()}
        loss = torch.zeros(())
        for i in batch_of(t, batch, len(x)):
            f = dense.outputs(leaves, split_parts(net.program, x[i]))[0]
            loss = loss + ((f - torch.from_numpy(y[i])) ** 2).sum() / 2 / batch
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        found = {n: e - rate * rates[n] * g for (n, e), g in zip(found.items(), gradients, strict=True)}
    return found


def batch_of(t: int, batch: int, count: int) -> list[int]:
    """The examples of step t."""
    return [(t + i) % count for i in range(batch)]


def completed(matrix: ExactMatrix, seed: int) -> Array:
    """A whole matrix, over its scale, that has all the products that were drawn; the rest drawn here.

    W = WQ Qᵀ + P (WᵀP)ᵀ (1 - QQᵀ) + (1 - PPᵀ) Z (1 - QQᵀ): if products are exact, this is iid Gaussian.
    """
    (q, p), shape = (_stacked(b.blocks, b.length) for b in matrix.bases), [b.length for b in matrix.bases]
    wq, wtp = (_stacked(images, shape[1 - i]) for i, images in enumerate(matrix.images))
    z = np.random.default_rng(seed).standard_normal((shape[1], shape[0]))
    off_q, off_p = np.eye(shape[0]) - q.T @ q, np.eye(shape[1]) - p.T @ p
    whole: Array = wq.T @ q + p.T @ wtp @ off_q + off_p @ z @ off_q
    return whole


def _stacked(blocks: list[Array], length: int) -> Array:
    return np.concatenate([np.zeros((0, length)), *blocks])


def dense_twin(net: FiniteNetwork, seed: int) -> FiniteNetwork:
    """A network of explicit matrices in which every product that an untrained exact network drew has its value."""
    twin = FiniteNetwork(net.program, net.space, "dense")
    for p, matrix in net.matrices.items():
        assert isinstance(matrix, ExactMatrix)
        made = twin.matrix(p)
        assert isinstance(made, DenseMatrix)
        made.entries = matrix.deviation * completed(matrix, seed + p)
    for p, embedding in net.embeddings.items():
        inner = embedding._matrix
        assert isinstance(inner, ExactMatrix)
        space = replace(net.space)
        other = Embedding(space, inner.bases[1].length, inner.bases[0].length, inner.deviation, p, dense=True)
        assert isinstance(other._matrix, DenseMatrix)
        other._matrix.entries = inner.deviation * completed(inner, seed + p)
        twin.embeddings[p] = other
    return twin
