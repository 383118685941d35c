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
        self._solvers: dict[tuple[tuple[int, bool], int], Small] = {}
        self._families: dict[tuple[int, bool], list[Signal]] = {}
        for k in net.program.gvars:
            outputs = range(len(net.program.outputs))
            self._families.setdefault(net.program.symbol(k), []).extend((k, p) for p in outputs)
        for q in self.quantities:
            if q.kind is not Kind.OUTPUT_CHANGE:
                g, _, k, p, _ = q.key
                keys = [(k, p)] if q.kind is Kind.CHANGE else self._family(g)
                self._wanted.setdefault(g, {}).update(dict.fromkeys(keys))
        self.step = Step(net, before, signals, setting.slopes, self.pairs, self.rate, self._look)

    def _family(self, g: int) -> list[Signal]:
        """The error signals that Z^δg is made of, by (107)."""
        return self._families[self.net.program.symbol(g)]

    def _look(self, g: int, change: Array) -> None:
        scale = math.sqrt(self.net.space.width) * self.rate
        for key, products in self.signals.against(change, self._wanted.get(g, {})).items():
            self._products[g, key] = (products * self.step.chosen).sum(axis=1) / scale

    def values(self) -> dict[Quantity, float]:
        """All of them."""
        outputs: Small = self.step.run() / self.rate
        row = {pair: r for r, pair in enumerate(self.pairs)}
        found: dict[Quantity, float] = {}
        responses: dict[tuple[int, int, int], dict[Signal, float]] = {}
        for q in self.quantities:
            if q.kind is Kind.OUTPUT_CHANGE:
                o, i, j = q.key
                found[q] = float(outputs[row[i, j], o])
                continue
            g, i, k, p, j = q.key
            if q.kind is Kind.CHANGE:
                found[q] = self._product(g, (k, p), row[i, j])
                continue
            if (g, i, j) not in responses:
                family = self._family(g)
                right = np.array([self._product(g, key, row[i, j]) for key in family])
                responses[g, i, j] = dict(zip(family, map(float, self._solver(g, j) @ right), strict=True))
            found[q] = responses[g, i, j].get((k, p), 0.0)
        return found

    def _product(self, g: int, key: Signal, r: int) -> float:
        """dkᵀδg over their length; 0 if g does not change."""
        return float(self._products[g, key][r]) if (g, key) in self._products else 0.0

    def _solver(self, g: int, j: int) -> Small:
        """Inner products of δg with the error signals of its symbol at ξ_j → coefficients."""
        key, family = (self.net.program.symbol(g), j), self._family(g)
        if key not in self._solvers:
            gram = np.array([[self.signals.inner(*one, *two)[j, j] for two in family] for one in family])
            self._solvers[key] = solver(gram)
        return self._solvers[key]


def solver(gram: Small) -> Small:
    """What makes coefficients of inner products, by least squares.

    Of signals that depend on each other, each scaled to length 1, it finds the combination with the least coefficients.

    Parameters
    ----------
    gram
        Inner products of the signals.
    """
    lengths = np.sqrt(np.diag(gram))
    there = lengths > 0
    scale = np.where(there, 1.0 / np.where(there, lengths, 1.0), 0.0)
    values, vectors = np.linalg.eigh(gram * np.outer(scale, scale))
    kept = values > DEPENDENT * max(values.max(), 1.0)
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    found: Small = (scale[:, None] * vectors * inverse) @ (vectors.T * scale)
    return found
