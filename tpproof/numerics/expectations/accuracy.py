"""How wrong the numbers of pairs can be: one bound for all entries, of the form ε · s_i · s'_j, step by step.

Every pair number is a Gram entry of something, so Cauchy–Schwarz bounds it, its slopes and its errors by numbers of the
two inputs: |E F(u) G(v)| ≤ √E F(u)² √E G(v)², and what an error of c does to it by √E F'(u)² √E G'(v)². Rounding errors
are carried to first order; angles, on which jumps depend, are as wrong as excesses are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.evaluate import EPS, Numbers, as_float, needed
from tpproof.numerics.expectations.parts import rounding
from tpproof.numerics.functions import Array
from tpproof.numerics.reduction.plan import Plan, Slot, Step
from tpproof.numerics.reduction.shapes import terms_of
from tpproof.numerics.reduction.stein import jumps
from tpproof.numerics.reduction.univariate import Tree, Z, derivative, times

NEAR = 1e-2
"""An excess input above this part of 2√(pq) is a difference of products.

Its relative error is 1/NEAR of theirs, and that of the angle, for which it counts, 1/√NEAR."""


@dataclass(frozen=True)
class Bound:
    """|value_ij| ≤ left_i · right_j, and |error_ij| ≤ error · left_i · right_j."""

    left: Array
    right: Array
    error: float


CLOSE = 1e-3
"""Covariances tell an angle where both 1 − cos θ and 1 + cos θ are above this; excesses tell those near 0."""


class Accuracy:
    """Bounds of all pair numbers of a plan, for given data.

    Parameters
    ----------
    plan, left, right
        The numbers.
    tails
        (f, p, g, q, …) → what a Hermite expansion leaves out, relative to √(E f² E g²).
    opposite
        Whether the run met angles near π, which covariances tell badly and nothing else does.
    eps
        The unit of rounding of the pair numbers.
    """

    def __init__(
        self,
        plan: Plan,
        left: Numbers,
        right: Numbers,
        tails: Mapping[tuple[Any, ...], float],
        opposite: bool,
        eps: float = EPS,
    ) -> None:
        self.plan, self.left, self.right = plan, left, right
        self.tails = {(f, p, g, q): tail for (f, p, g, q, _), tail in tails.items()}
        self.opposite, self.eps = opposite, eps
        self._bounds: dict[Slot, Bound] = {}
        self._relatives: dict[Slot, float | None] = {}

    def of(self, wanted: Sequence[Slot]) -> dict[Slot, Bound]:
        """The bounds of some slots."""
        for slot in needed(self.plan, wanted):  # in order: what a number rests on comes before it
            self._bounds[slot] = self._bound(self.plan.pair[slot])
            self.relative(slot)
        return {s: self._bounds[s] for s in wanted}

    def _bound(self, step: Step) -> Bound:
        match step.op:
            case "gram":
                i, a, j, b = step.data
                x, y = self.left.inputs[i][:, a], self.right.inputs[j][:, b]
                d = x.shape[-1]
                return Bound(_length(x), _length(y), rounding(d) * self.eps / EPS)
            case "row":
                return self._own(self.left, step.data[0], True)
            case "col":
                return self._own(self.right, step.data[0], False)
            case "sum":
                return self._sum(step)
            case "expect2":
                return self._expectation(step)
        return Bound(np.ones(self.left.count), np.ones(self.right.count), math.inf)  # excesses: see `_excess`

    def _own(self, numbers: Numbers, slot: Slot, row: bool) -> Bound:
        value = np.abs(numbers.values[slot])
        error = _largest(numbers.errors[slot], value) + self.eps
        ones = np.ones((self.right if row else self.left).count)
        return Bound(value, ones, error) if row else Bound(ones, value, error)

    def _sum(self, step: Step) -> Bound:
        left, right = np.zeros(self.left.count), np.zeros(self.right.count)
        error = 0.0
        for c, slots in step.data:
            size = math.sqrt(abs(as_float(c)))
            bounds = [self._bounds[s] for s in slots]
            left = left + np.square(math.prod((b.left for b in bounds), start=size * np.ones(self.left.count)))
            right = right + np.square(math.prod((b.right for b in bounds), start=size * np.ones(self.right.count)))
            error = max(error, sum(b.error for b in bounds) + (len(slots) + 1) * self.eps)
        return Bound(np.sqrt(left), np.sqrt(right), error + math.sqrt(len(step.data)) * self.eps)

    def _expectation(self, step: Step) -> Bound:
        f, g = step.data
        c, p, q, excess = step.args
        left, right = self.left.size(f, p), self.right.size(g, q)
        covariance = self._bounds[c]
        slopes = [h if slope is None else slope for h, slope in ((f, derivative(f)), (g, derivative(g)))]
        error = self._method(f, p, g, q)
        through = _largest(covariance.left * self.left.size(slopes[0], p), left)
        through *= _largest(covariance.right * self.right.size(slopes[1], q), right)
        error += covariance.error * through
        if excess >= 0:  # near angle 0 it stands for the covariance
            steep = _largest(np.sqrt(self.left.values[p]) * self.left.size(slopes[0], p), left)
            steep *= _largest(np.sqrt(self.right.values[q]) * self.right.size(slopes[1], q), right)
            relative = self.relative(excess)
            error += steep * (0.5 * self._absolute(p, q) if relative is None else CLOSE * relative)
        error += 0.5 * self._relative(self.left, p) * _largest(self.left.size(times(Z, slopes[0]), p), left)
        error += 0.5 * self._relative(self.right, q) * _largest(self.right.size(times(Z, slopes[1]), q), right)
        if jumps(f, self.left.library) or jumps(g, self.left.library):
            error += self._error_of_angle(step)
        return Bound(left, right, error)

    def _method(self, f: Tree, p: Slot, g: Tree, q: Slot) -> float:
        if (f, p, g, q) in self.tails:
            return self.tails[f, p, g, q] + 64 * self.eps
        left, right = terms_of(f), terms_of(g)
        operations = closed.operations(left, right) if left is not None and right is not None else None
        return (2 * (operations or 0) + 16) * self.eps

    def _relative(self, numbers: Numbers, slot: Slot) -> float:
        return _largest(numbers.errors[slot], np.abs(numbers.values[slot])) + self.eps

    # angles ---------------------------------------------------------------------------------------------

    def _error_of_angle(self, step: Step) -> float:
        """Of θ: from c where it is large, from the excess where it is small."""
        c, p, q, excess = step.args
        covariance = self._bounds[c]
        cosine = covariance.error * _largest(covariance.left, np.sqrt(self.left.values[p]))
        cosine *= _largest(covariance.right, np.sqrt(self.right.values[q]))
        cosine += self._relative(self.left, p) + self._relative(self.right, q)
        by_c = math.sqrt(2 * cosine) if self.opposite else min(cosine / math.sqrt(CLOSE), math.sqrt(2 * cosine))
        return max(by_c, self._small_angle(excess, p, q)) + 8 * self.eps

    def _small_angle(self, excess: Slot, p: Slot, q: Slot) -> float:
        relative = self.relative(excess)
        return math.sqrt(2 * self._absolute(p, q)) if relative is None else 2 * relative

    def _absolute(self, p: Slot, q: Slot) -> float:
        """The error, relative to √(pq), of an excess that is a difference of products."""
        sizes = [np.sqrt(n.values[s][n.values[s] > 0]) for n, s in ((self.left, p), (self.right, q))]
        if not all(len(s) for s in sizes):
            return 0.0
        spread = max(sizes[0].max() / sizes[1].min(), sizes[1].max() / sizes[0].min())
        return float(64 * self.eps * (2 + 2 * spread))

    def relative(self, excess: Slot) -> float | None:
        """The relative error of an excess that is a sum of positive parts; None for a difference."""
        if excess not in self._relatives:
            self._relatives[excess] = self._relative_of(excess)
        return self._relatives[excess]

    def _relative_of(self, excess: Slot) -> float | None:
        step = self.plan.pair[excess]
        match step.op:
            case "excess":
                d = self.left.inputs[step.data[0]].shape[-1]
                return rounding(d) * self.eps / EPS / math.sqrt(NEAR)
            case "ramp_excess":
                inner = self.relative(step.args[3])
                return None if inner is None else inner + 8 * self.eps
            case "row":
                return self._own(self.left, step.data[0], True).error
            case "col":
                return self._own(self.right, step.data[0], False).error
            case "sum":
                return self._relative_sum(step)
        return None

    def _relative_sum(self, step: Step) -> float | None:
        worst = 0.0
        for c, slots in step.data:
            if as_float(c) < 0:
                return None
            if len(slots) == 2 and slots[0] == slots[1]:
                continue  # a square of what vanishes where the angle does
            parts = [self.relative(s) for s in slots]
            if any(part is None for part in parts):
                return None
            worst = max(worst, sum(part for part in parts if part is not None))
        return worst + 4 * self.eps


def _length(x: Array) -> Array:
    """‖ξ‖/√d."""
    return np.asarray(np.sqrt(np.square(x).sum(axis=-1) / x.shape[-1]))


def _largest(x: Array, size: Array) -> float:
    return float(np.max(np.divide(x, size, out=np.zeros_like(x), where=size > 0), initial=0.0))
