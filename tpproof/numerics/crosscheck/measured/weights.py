"""Weights of the steps of paths that are no slopes, read off a finite network: starts, matrices, sums, readouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tpproof.numerics.crosscheck.measured.averages import at
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.finite.matrices import DOMAIN, RANGE
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.space import Small
from tpproof.numerics.finite.training import speed
from tpproof.program.model import Program

WEIGHTS = (Kind.START, Kind.MATMUL, Kind.SUM, Kind.READOUT_START, Kind.READOUT)


def moments_for(program: Program, quantities: Sequence[Quantity], count: int) -> list[Quantity]:
    """Second moments that weights are made of."""
    uses = {g for q in quantities if q.kind is Kind.MATMUL for g in q.key}
    found = {(x, x, i, i) for g in uses for x in (g, program.nodes[g].args[0]) for i in range(count)}
    starts = (q.key for q in quantities if q.kind is Kind.READOUT_START)
    found.update((x, y, i, j) for _, x, _, y, i, j in starts)
    return [Quantity(Kind.MOMENT2, key, "", "") for key in sorted(found)]


class Weights:
    """Reads `WEIGHTS` after the forward pass.

    Parameters
    ----------
    net, state
        The network and its forward pass.
    moments
        Those of `moments_for`.
    """

    def __init__(self, net: FiniteNetwork, state: Pass, moments: Mapping[Quantity, float]) -> None:
        self.net, self.state, self.program = net, state, net.program
        self._moments = {q.key: value for q, value in moments.items() if q.kind is Kind.MOMENT2}
        self._starts: dict[tuple[int, int], Small] = {}
        self._rates = [speed(net, p) for p in range(len(net.program.parameters))]
        self._readers: dict[Kind, Callable[..., float]] = {
            Kind.START: self.start,
            Kind.MATMUL: self.variance,
            Kind.SUM: self.in_sum,
            Kind.READOUT_START: self.readout_start,
            Kind.READOUT: self.readout,
        }

    def values(self, quantities: Sequence[Quantity]) -> dict[Quantity, float]:
        """All of them."""
        return {q: self._readers[q.kind](*q.key) for q in quantities if q.kind in WEIGHTS}

    def start(self, g: int, k: int, i: int, j: int) -> float:
        """What training the symbol of g and k makes of the kernel, for each unit of dgᵀdk: κ hᵀh'/n, κ ξᵀξ'/d, κ."""
        if (g, k) not in self._starts:
            p = self.program.symbol(g)[0]
            self._starts[g, k] = self._rates[p] * self._products(g, k)
        return at(self._starts[g, k], i, j)

    def _products(self, g: int, k: int) -> Small:
        """``[i, j]``: hᵀh'/n, ξᵀξ'/d or 1."""
        p, transposed = self.program.symbol(g)
        match self.program.nodes[g].op:
            case "param":
                return np.ones((1, 1))
            case "embed":
                one, two = self.net.part(self.state, g), self.net.part(self.state, k)
                gram: Small = one @ two.T / one.shape[1]
                return gram
        side = RANGE if transposed else DOMAIN
        found = self.net.matrix(p).inner(side, self.state.places[g], self.state.places[k])
        by_length: Small = found / self.net.space.length(self.program.parameters[p].cols)
        return by_length

    def variance(self, g: int, k: int) -> float:
        """‖Wh‖² over ‖h‖², each over its length, from both products and all inputs."""
        squares = [[self._moments[x, x, i, i] for x in (r, self.program.nodes[r].args[0])]
                   for r in sorted({g, k}) for i in range(self.state.count)]  # fmt: skip
        after, before = np.sum(squares, axis=0)
        return float(after / before) if before > 0 else 0.0

    def in_sum(self, x: int, a: int, y: int, b: int, i: int, j: int) -> float:
        """The factor with which a stands in x at ξ_i, times that of b in y at ξ_j."""
        return self._factor(x, a, i) * self._factor(y, b, j)

    def _factor(self, x: int, a: int, i: int) -> float:
        node = self.program.nodes[x]
        if x == a:
            return 1.0
        if node.op == "add":
            return float(node.args.count(a))
        others = list(node.args)
        others.remove(a)
        numbers = (np.reshape(np.asarray(self.state.singles[k], dtype=float), -1) for k in others)
        return float(np.prod([at(number, i) for number in numbers]))

    def readout_start(self, o: int, x: int, p: int, y: int, i: int, j: int) -> float:
        """What training readouts of both makes of K_op: κ xᵀy/n."""
        rates = [self._rates[v] for v in self._shared(o, x, p, y)]
        return sum(rates) * self._moments[x, y, i, j]

    def readout(self, o: int, x: int, p: int, y: int) -> float:
        """‖v‖² of readouts of both, as they stand in f = vᵀx."""
        vectors = [self.net.vector(v) for v in self._shared(o, x, p, y)]
        return sum(float(self.net.space.gram(v, [v])[0, 0]) for v in vectors)

    def _shared(self, o: int, x: int, p: int, y: int) -> list[int]:
        outputs = self.program.outputs
        return [v for v, read in outputs[o].terms if read == x and (v, y) in outputs[p].terms]
