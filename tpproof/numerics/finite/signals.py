"""Error signals of a finite network, remembered in the form that costs least, and their inner products."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tpproof.numerics.finite.matrices import DOMAIN, RANGE
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Sink
from tpproof.numerics.finite.space import Array, Small

Signal: TypeAlias = tuple[int, int]
"""(k, p): √n ∂f_p/∂k."""


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
        self.places: dict[Signal, Any] = {}
        self._inner: dict[tuple[int, int, int, int], Small] = {}

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
        if (g, o, k, p) not in self._inner:
            self._multiply(g, o, (k, p))
        return self._inner[g, o, k, p]

    def _multiply(self, g: int, o: int, key: Signal) -> None:
        """The signal of one vector with that of another; with those of all kept ones if it is kept itself."""
        symbol, first, second = self.net.program.symbol(g), self._known(g, o), self._known(*key)
        width = self.net.space.width
        if first is None or second is None:
            self._inner[g, o, *key] = np.zeros((self.count, self.count))
        elif self._multiplied(g) and symbol == self.net.program.symbol(key[0]):
            self._inner[g, o, *key] = self.net.matrix(symbol[0]).inner(self.side(g), first, second) / width
        else:
            if self._multiplied(g):
                first = self.net.matrix(symbol[0]).recall(self.side(g), [first], [np.eye(self.count)])
            same = self.net.program.widths[g]
            keys = {
                key,
                *((k, p) for k, found in self.kept.items() for p in found if self.net.program.widths[k] == same),
            }
            for (k, p), products in self.against(first, sorted(keys)).items():
                self._inner[g, o, k, p] = products / width

    def _multiplied(self, g: int) -> bool:
        return self.net.program.nodes[g].op == "matmul"

    def _known(self, g: int, o: int) -> Any:
        """What is kept of √n ∂f_o/∂g; None if f_o does not read g."""
        return self.places.get((g, o)) if self._multiplied(g) else self.kept.get(g, {}).get(o)

    def against(self, block: Array, keys: Collection[Signal]) -> dict[Signal, Small]:
        """Inner products of vectors with the error signals √n ∂f_p/∂k: (k, p) → ``[row, j]``."""
        found: dict[Signal, Small] = {}
        kept: dict[Signal, Array] = {}
        by_symbol: dict[tuple[int, bool], list[Signal]] = {}
        for k, p in keys:
            known = self._known(k, p)
            if known is None:
                found[k, p] = np.zeros((block.shape[0], self.count))
            elif self._multiplied(k):
                by_symbol.setdefault(self.net.program.symbol(k), []).append((k, p))
            else:
                kept[k, p] = known
        products = self.net.space.gram(block, list(kept.values())).reshape(block.shape[0], len(kept), self.count)
        found.update({key: products[:, n] for n, key in enumerate(kept)})
        for symbol, members in by_symbol.items():
            places = [self.places[key] for key in members]
            side = self.side(members[0][0])
            found.update(zip(members, self.net.matrix(symbol[0]).against(side, block, places), strict=True))
        return found
