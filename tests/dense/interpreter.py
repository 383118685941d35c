"""A program as a dense network of explicit matrices, many draws at once; gradients by PyTorch's autodiff alone.

Nothing of the calculus is used: no limit, no paths, no proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tpproof.program.constants import to_float
from tpproof.program.model import GVAR_OPS, Node, Parameter, Program

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "gelu": F.gelu,
    "silu": F.silu,
    "relu": torch.relu,
    "leaky_relu": lambda z, slope: F.leaky_relu(z, float(slope)),
    "abs": torch.abs,
}


@dataclass(frozen=True)
class Dense:
    """A program at one width; every tensor of weights has the draws as its first axis.

    Parameters
    ----------
    program
        The network.
    width
        n; a parameter of rows c has c·n of them.
    d
        Length of each input vector.
    """

    program: Program
    width: int
    d: int

    def draw(self, draws: int, seed: int) -> dict[str, Tensor]:
        """The trainable entries w, u, β, ν ~ N(0, std²)."""
        generator = torch.Generator().manual_seed(seed)
        found = {}
        for p in self.program.parameters:
            rows, cols = (self._length(c) for c in (p.rows, p.cols))
            shape = {"matrix": (rows, cols), "embedding": (rows, self.d), "output_bias": (1,)}.get(p.kind, (rows,))
            found[p.name] = to_float(p.std) * torch.randn(draws, *shape, generator=generator)
        return found

    def _length(self, ratio: object) -> int:
        length = self.width * ratio  # type: ignore[operator]
        if length != int(length):
            raise ValueError(f"width {self.width} times {ratio}")
        return int(length)

    def multiplier(self, p: Parameter) -> float:
        """From entries to what multiplies: W = scale·w/√cols, U = scale·u/√d, b = scale·β, v = scale·ν/√rows."""
        fan_in = {"matrix": self._length(p.cols), "embedding": self.d, "readout": self._length(p.rows)}.get(p.kind, 1)
        return to_float(p.scale) / math.sqrt(fan_in)

    def weights(self, entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors that multiply, W, U, b, v."""
        return {p.name: entries[p.name] * self.multiplier(p) for p in self.program.parameters}

    def outputs(self, entries: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Tensor:
        """``[draw, output]``; ``inputs[i]`` is (parts, d)."""
        values: list[Tensor | float] = []
        for k, node in enumerate(self.program.nodes):
            values.append(self._value(k, node, values, entries, inputs))
        parameters = self.program.parameters
        found = []
        for out in self.program.outputs:
            terms = [(parameters[v], values[x]) for v, x in out.terms]
            f = sum(self.multiplier(p) * (entries[p.name] * x).sum(dim=1) for p, x in terms)
            if out.bias is not None:
                f = f + self.multiplier(parameters[out.bias]) * entries[parameters[out.bias].name][:, 0]
            found.append(f)
        return torch.stack(found, dim=1)  # type: ignore[arg-type]

    def _value(
        self, k: int, node: Node, values: list[Any], entries: Mapping[str, Tensor], inputs: Sequence[Tensor]
    ) -> Any:
        args = [values[a] for a in node.args]
        if node.op in GVAR_OPS:
            p = self.program.parameters[node.data[0]]
            return self.multiplier(p) * _product(node, entries[p.name], args, inputs)
        match node.op:
            case "const":
                return to_float(node.data[0])
            case "ones":
                return torch.ones(1, self._length(self.program.widths[k] or 1))
            case "mean":
                return args[0].mean(dim=1, keepdim=True)
            case "add":
                return sum(args[1:], start=args[0])
            case "mul":
                return math.prod(args[1:], start=args[0])
            case "pow":
                return args[0] ** float(node.data[0])
            case "call":
                return FUNCTIONS[node.data[0]](*args)
        raise ValueError(node.op)

    def ntk(self, entries: Mapping[str, Tensor], test: Sequence[Tensor], train: Sequence[Tensor]) -> dict[str, Tensor]:
        """lr·∇f̃_o·∇f_p for every parameter: ``[draw, o, p]``."""
        leaves = {name: e.clone().requires_grad_() for name, e in entries.items()}
        rates = {p.name: to_float(p.lr) for p in self.program.parameters}
        second = list(self._gradients(leaves, train))
        rows: list[list[list[Tensor]]] = []  # [o][p][parameter]
        for one in self._gradients(leaves, test):
            rows.append([[_inner(a, b) for a, b in zip(one, two, strict=True)] for two in second])
        return {
            name: rates[name] * torch.stack([torch.stack([entry[i] for entry in row], 1) for row in rows], 1)
            for i, name in enumerate(leaves)
        }

    def _gradients(self, leaves: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
        """∂f_o/∂(every parameter's entries), output by output; draws do not meet, so their sum has them all."""
        f = self.outputs(leaves, inputs).sum(dim=0)
        for o in range(len(f)):
            yield torch.autograd.grad(f[o], list(leaves.values()), retain_graph=True, materialize_grads=True)


def _product(node: Node, entries: Tensor, args: list[Any], inputs: Sequence[Tensor]) -> Tensor:
    """w x, wᵀx, u ξ or β."""
    if node.op == "embed":
        return entries @ inputs[node.data[1]][node.data[2]]
    if node.op == "param":
        return entries
    x = args[0].expand(len(entries), entries.shape[1 if node.data[1] else 2])
    if node.data[1]:
        return (entries * x[:, :, None]).sum(dim=1)  # five times as fast as torch.bmm with a vector
    return (entries * x[:, None, :]).sum(dim=2)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of two gradients, draw by draw."""
    return torch.linalg.vecdot(a.flatten(1), b.flatten(1))
