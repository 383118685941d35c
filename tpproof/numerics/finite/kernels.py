"""The empirical NTK, in all and by parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tpproof.numerics.finite.matrices import DOMAIN, RANGE, Matrix
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.space import Array, Small
from tpproof.program.constants import to_float
from tpproof.program.model import Parameter


@dataclass(frozen=True)
class Kernels:
    """The NTK of one finite network at B inputs.

    Attributes
    ----------
    outputs
        ``[i, o]``: f_o at input i.
    ntk
        ``[o, p, i, j]``: Σ lr·∇f_o(ξ_i)·∇f_p(ξ_j), over trainable entries.
    by_parameter
        Parameter name → its part of it, for trained parameters.
    """

    outputs: Small
    ntk: Small
    by_parameter: dict[str, Small]


class KernelSink:
    """Turns error signals into inner products as soon as it can, and keeps only what must wait."""

    def __init__(self, net: FiniteNetwork, state: Pass, rows: int) -> None:
        self.net, self.state, self.rows = net, state, rows
        self.found: dict[int, Small] = {}
        self._initial: dict[int, list[tuple[int, dict[int, Array]]]] = {}
        self._places: dict[int, list[tuple[int, int, object]]] = {}
        nodes = net.program.nodes
        self._uses = [sum(n.op in ("embed", "param") and n.data[0] == p for n in nodes)
                      for p in range(len(net.program.parameters))]  # fmt: skip

    def initial(self, node: int, signals: Mapping[int, Array]) -> None:
        """See `Sink`."""
        p = self.net.program.nodes[node].data[0]
        self._uses[p] -= 1
        if not self.net.program.parameters[p].trained:
            return
        self._initial.setdefault(p, []).append((node, dict(signals)))
        if not self._uses[p]:
            self._finish_initial(p)

    def product(self, node: int, r: int, place: object) -> None:
        """See `Sink`."""
        p, _ = self.net.program.symbol(node)
        if self.net.program.parameters[p].trained:
            self._places.setdefault(p, []).append((node, r, place))

    def _finish_initial(self, p: int) -> None:
        parameter, space, count = self.net.program.parameters[p], self.net.space, self.state.count
        uses = [(node, r, part) for node, signals in self._initial.pop(p) for r, part in signals.items()]
        if not uses:
            return
        if parameter.kind != "embedding":
            merged: dict[int, Array] = {}
            for _, r, part in uses:
                merged[r] = merged[r] + part if r in merged else part
            uses = [(0, r, part) for r, part in merged.items()]
        blocks = [part for _, _, part in uses]
        gram = np.concatenate([space.gram(block, blocks) for block in blocks]) / space.width
        if parameter.kind == "embedding":
            xi = np.concatenate([self.net.part(self.state, node) for node, _, _ in uses])
            gram = gram * (xi @ xi.T) / xi.shape[1]
        self.found[p] = self._rate(parameter) * _by_rows(gram, [r for _, r, _ in uses], self.rows, count)

    def _rate(self, parameter: Parameter) -> float:
        return to_float(parameter.lr) * to_float(parameter.scale) ** 2

    def finish(self) -> dict[int, Small]:
        """Parameter → ``[r, s, i, j]``."""
        for p in list(self._initial):
            self._finish_initial(p)
        for p, uses in self._places.items():
            parameter, matrix = self.net.program.parameters[p], self.net.matrix(p)
            ranges, domains = [], []
            for node, _, place in uses:
                sides = gradient_sides(self.net, self.state, node, place)
                ranges.append(sides[0])
                domains.append(sides[1])
            gram = inner_products(matrix, RANGE, ranges) * inner_products(matrix, DOMAIN, domains)
            scale = self._rate(parameter) / self.net.space.length(parameter.cols) / self.net.space.width
            self.found[p] = scale * _by_rows(gram, [r for _, r, _ in uses], self.rows, self.state.count)
        return self.found


def gradient_sides(net: FiniteNetwork, state: Pass, node: int, place: Any) -> tuple[Any, Any]:
    """A use's part of the gradient of W is Σ y xᵀ: the places of y and x, for W h (dg, h) and for Wᵀ h (h, dg)."""
    forward = state.places[node]
    if forward.shape[0] == 1 and state.count > 1:  # one vector for all inputs
        xp = np if isinstance(forward, np.ndarray) else net.space.xp
        forward = xp.broadcast_to(forward, (state.count, forward.shape[1]))
    return (forward, place) if net.program.symbol(node)[1] else (place, forward)


def inner_products(matrix: Matrix, side: int, places: Sequence[Any]) -> Small:
    """Inner products of all rows of all places."""
    return np.block([[matrix.inner(side, one, two) for two in places] for one in places])


def _by_rows(gram: Small, rows: Sequence[int], total: int, count: int) -> Small:
    """Sums ``gram[(use, i), (use', j)]`` over the uses of each row: ``[r, s, i, j]``."""
    member = np.zeros((total, len(rows)))
    member[list(rows), range(len(rows))] = 1.0
    blocks = gram.reshape(len(rows), count, len(rows), count)
    found: Small = np.einsum("ra,aibj,sb->rsij", member, blocks, member, optimize=len(rows) > 4)
    return found


def readout_kernels(net: FiniteNetwork, state: Pass) -> dict[int, Small]:
    """What training readouts and outputs' biases contributes: parameter → ``[o, p, i, j]``."""
    program, space, count = net.program, net.space, state.count
    outputs = range(len(program.outputs))
    found: dict[int, Small] = {}
    for p, parameter in enumerate(program.parameters):
        rate = to_float(parameter.lr) * to_float(parameter.scale) ** 2
        terms = [(o, x) for o in outputs for q, x in program.outputs[o].terms if q == p]
        if not parameter.trained:
            continue
        if terms:
            wide = [net.whole(state, x, parameter.rows) for _, x in terms]
            full = [space.xp.broadcast_to(x, (count, x.shape[1])) if x.shape[0] < count else x for x in wide]
            gram = np.concatenate([space.gram(x, full) for x in full]) / space.length(parameter.rows)
            found[p] = rate * _by_rows(gram, [o for o, _ in terms], len(outputs), count)
        elif parameter.kind == "output_bias":
            member = np.array([float(program.outputs[o].bias == p) for o in outputs])
            found[p] = rate * np.einsum("o,p,ij->opij", member, member, np.ones((count, count)))
    return found


def empirical_kernels(net: FiniteNetwork, inputs: ArrayLike | Sequence[ArrayLike], final: bool = True) -> Kernels:
    """The NTK between all pairs of inputs and outputs, by backpropagation.

    Parameters
    ----------
    net
        The network.
    inputs
        B inputs, see `FiniteNetwork.inputs`.
    final
        The network is not used afterwards: its matrices are forgotten on the way, which saves memory.

    Raises
    ------
    TpproofError
        E104 when memory does not suffice, E151 for inputs of wrong shapes, E152 when a kernel is not finite.
    """
    rows = len(net.program.outputs)
    state = net.forward(inputs, rows=rows, shown=True)
    found = readout_kernels(net, state)
    net.release(state)
    for embedding in net.embeddings.values() if final else ():
        embedding.forget()
    sink = KernelSink(net, state, rows)
    cotangents = np.repeat(np.eye(rows)[:, :, None], state.count, axis=2)
    net.backward(state, cotangents, sink, final)
    found.update(sink.finish())
    net.require_finite([state.outputs, *found.values()], "a kernel")
    names = [p.name for p in net.program.parameters]
    shape = (rows, rows, state.count, state.count)
    total = sum(found.values(), start=np.zeros(shape))
    by_parameter = {n: found.get(p, np.zeros(shape)) for p, n in enumerate(names) if net.program.parameters[p].trained}
    return Kernels(state.outputs, total, by_parameter)
