"""Error signals of a finite network, remembered in the form that costs least, and their inner products."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tpproof.numerics.finite.matrices import DOMAIN, RANGE
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Sink
from tpproof.numerics.finite.space import Array, Small


class Signals:
    """A sink that remembers error signals, and hands them on to other sinks.

    A MatMul's error signals are multiplied by its matrix, which remembers them: their *places* are enough. Those of
    embedded inputs and vector parameters are kept, if they are wanted.

    Attributes
    ----------
    kept
        Node → output → √n ∂f/∂g, (B, local), of the embedded inputs and vector parameters that are wanted.
    places
        (MatMul node, output) → the place of √n ∂f/∂g.
    """

    def __init__(self, net: FiniteNetwork, count: int, wanted: Collection[int], others: Sequence[Sink] = ()) -> None:
        self.net, self.count, self.wanted, self.others = net, count, wanted, others
        self.kept: dict[int, dict[int, Array]] = {}
        self.places: dict[tuple[int, int], Any] = {}

    def initial(self, node: int, signals: Mapping[int, Array]) -> None:
        """See `Sink`."""
        if node in self.wanted:
            self.kept[node] = dict(signals)
        for sink in self.others:
            sink.initial(node, signals)

    def product(self, node: int, r: int, place: Any) -> None:
        """See `Sink`."""
        self.places[node, r] = place
        for sink in self.others:
            sink.product(node, r, place)

    # inner products -----------------------------------------------------------------------------------

    def side(self, g: int) -> int:
        """The side of its matrix on which a MatMul's error signals are multiplied."""
        return DOMAIN if self.net.program.symbol(g)[1] else RANGE

    def inner(self, g: int, o: int, k: int, p: int) -> Small:
        """∂f_o/∂g (ξ_i)·∂f_p/∂k (ξ_j), ``[i, j]``: dgᵀdk over their length."""
        space, nothing = self.net.space, np.zeros((self.count, self.count))
        if self.net.program.nodes[g].op != "matmul":
            one = self.kept.get(g, {}).get(o)
            return nothing if one is None else self.against(one, k, p) / space.width
        first = self.places.get((g, o))
        if first is None:
            return nothing
        if self.net.program.nodes[k].op != "matmul":
            return self.inner(k, p, g, o).T
        if self.net.program.symbol(g) == self.net.program.symbol(k):
            second = self.places.get((k, p))
            matrix = self.net.matrix(self.net.program.symbol(g)[0])
            return nothing if second is None else matrix.inner(self.side(g), first, second) / space.width
        matrix = self.net.matrix(self.net.program.symbol(g)[0])
        whole = matrix.recall(self.side(g), first, np.eye(self.count))
        return self.against(whole, k, p) / space.width

    def against(self, block: Array, k: int, p: int) -> Small:
        """Inner products of vectors with the error signals √n ∂f_p/∂k, ``[row, j]``."""
        if self.net.program.nodes[k].op != "matmul":
            signal = self.kept.get(k, {}).get(p)
            return np.zeros((len(block), self.count)) if signal is None else self.net.space.gram(block, [signal])
        place = self.places.get((k, p))
        if place is None:
            return np.zeros((len(block), self.count))
        return self.net.matrix(self.net.program.symbol(k)[0]).against(self.side(k), block, place)
