"""How vectors and outputs answer to one step of SGD (107), (122)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.signals import Signal, Signals
from tpproof.numerics.finite.space import Array, Small
from tpproof.numerics.finite.step import Step

STEPS = (Kind.CHANGE, Kind.RESPONSE, Kind.OUTPUT_CHANGE)
DEPENDENT = 1e-10
"""Of error signals scaled to length 1: eigenvalues of their inner products below this count as 0."""


def pairs_of(quantities: Sequence[Quantity]) -> list[tuple[int, int]]:
    """(i, j): where changes are looked at, what is trained on."""
    keys = [(q.key[1], q.key[-1]) for q in quantities if q.kind in STEPS]
    return sorted(set(keys))


class OneStep:
    """Reads CHANGE, RESPONSE and OUTPUT_CHANGE.

    Parameters
    ----------
    net, before, signals
        See `Step`.
    setting
        Whose slopes the step has.
    quantities
        Those of other kinds are left out.
    rate
        The step's; changes are divided by it. By default the root of n times the rounding error: vectors then change
        by the root of the rounding error, and what linearization and rounding lose is about as much, 1e-8.
    """

    def __init__(
        self,
        net: FiniteNetwork,
        before: Pass,
        signals: Signals,
        setting: Setting,
        quantities: Sequence[Quantity],
        rate: float | None = None,
    ) -> None:
        self.net, self.signals = net, signals
        self.quantities = [q for q in quantities if q.kind in STEPS]
        self.rate = math.sqrt(net.space.epsilon * net.space.width) if rate is None else rate
        self.pairs = pairs_of(self.quantities)
        self._wanted: dict[int, dict[Signal, None]] = {}
        self._products: dict[tuple[int, Signal], Small] = {}
        self._symbols: dict[tuple[int, bool], Small] = {}
        for q in self.quantities:
            if q.kind is not Kind.OUTPUT_CHANGE:
                g, _, k, p, _ = q.key
                keys = [(k, p)] if q.kind is Kind.CHANGE else self._family(g)
                self._wanted.setdefault(g, {}).update(dict.fromkeys(keys))
        self.step = Step(net, before, signals, setting.slopes, self.pairs, self.rate, self._look)

    def _family(self, g: int) -> list[Signal]:
        """The error signals that Z^δg is made of, by (107)."""
        program = self.net.program
        return [(k, p) for k in program.gvars if program.symbol(k) == program.symbol(g)
                for p in range(len(program.outputs))]  # fmt: skip

    def _look(self, g: int, change: Array) -> None:
        scale = math.sqrt(self.net.space.width) * self.rate
        for key, products in self.signals.against(change, self._wanted.get(g, {})).items():
            self._products[g, key] = (products * self.step.chosen).sum(axis=1) / scale

    def values(self) -> dict[Quantity, float]:
        """All of them."""
        outputs = self.step.run() / self.rate
        row = {pair: r for r, pair in enumerate(self.pairs)}
        nothing = np.zeros(len(self.pairs))
        found: dict[Quantity, float] = {}
        responses: dict[tuple[int, int, int], dict[Signal, float]] = {}
        for q in self.quantities:
            if q.kind is Kind.OUTPUT_CHANGE:
                o, i, j = q.key
                found[q] = float(outputs[row[i, j], o])
                continue
            g, i, k, p, j = q.key
            if q.kind is Kind.CHANGE:
                found[q] = float(self._products.get((g, (k, p)), nothing)[row[i, j]])
                continue
            if (g, i, j) not in responses:
                family = self._family(g)
                right = np.array([self._products.get((g, key), nothing)[row[i, j]] for key in family])
                solved = coefficients(self._grams(g)[j], right)
                responses[g, i, j] = dict(zip(family, map(float, solved), strict=True))
            found[q] = responses[g, i, j].get((k, p), 0.0)
        return found

    def _grams(self, g: int) -> Small:
        """The inner products of a symbol's error signals at input j, ``[j, ·, ·]``."""
        symbol, family = self.net.program.symbol(g), self._family(g)
        if symbol not in self._symbols:
            products = [[np.diag(self.signals.inner(*one, *two)) for two in family] for one in family]
            self._symbols[symbol] = np.moveaxis(np.array(products), 2, 0)
        return self._symbols[symbol]


def coefficients(gram: Small, right: Small) -> Small:
    """Least squares by the normal equations; of signals that depend on each other, the shortest combination.

    Parameters
    ----------
    gram
        Inner products of the signals.
    right
        Their inner products with what is projected.
    """
    lengths = np.sqrt(np.diag(gram))
    there = lengths > 0
    scale = np.where(there, lengths, 1.0)
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    kept = values > DEPENDENT * max(values.max(), 1.0)
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    found: Small = vectors @ (inverse * (vectors.T @ (right / scale))) / scale
    return np.where(there, found, 0.0)
