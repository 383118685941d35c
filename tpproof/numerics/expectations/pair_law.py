"""One centred Gaussian pair at each of a list of pairs of inputs: expectations, differences, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.quadrature import expectation_two
from tpproof.numerics.functions import Array
from tpproof.numerics.reduction.plan import Slot
from tpproof.numerics.reduction.shapes import terms_of
from tpproof.numerics.reduction.stein import jumps
from tpproof.numerics.reduction.univariate import Tree, Z, derivative, times

if TYPE_CHECKING:
    from tpproof.numerics.expectations.evaluate import Pairs

EPS = float(np.finfo(float).eps)


@dataclass
class PairLaw:
    """(u, v): variances ``p`` (own slot of the row's input) and ``q`` (of the column's), covariance, excess."""

    pairs: Pairs
    p: Slot
    q: Slot
    c: Array
    e: Array | None

    @cached_property
    def variances(self) -> tuple[Array, Array]:
        """p and q of every pair."""
        pairs = self.pairs
        return pairs.left.values[self.p][pairs.rows], pairs.right.values[self.q][pairs.cols]

    @cached_property
    def closed_pair(self) -> closed.NumberPair:
        """The pair as closed forms read it."""
        return closed.gaussian_pair(*self.variances, self.c, excess=self.e)

    def norms(self, f: Tree, g: Tree) -> tuple[Array, Array]:
        """√E F(u)² and √E G(v)²."""
        pairs = self.pairs
        return pairs.left.norm(f, self.p)[pairs.rows], pairs.right.norm(g, self.q)[pairs.cols]

    def sizes(self, f: Tree, g: Tree) -> tuple[Array, Array]:
        """The same to a few digits, for bounds."""
        pairs = self.pairs
        return pairs.left.size(f, self.p)[pairs.rows], pairs.right.size(g, self.q)[pairs.cols]

    def expectation(self, f: Tree, g: Tree) -> tuple[Array, Array]:
        """E[F(u) G(v)] and the error of its method."""
        left, right = terms_of(f), terms_of(g)
        if left is not None and right is not None:
            exact = closed.two(left, right, self.closed_pair, closed.MACHINE)
            if exact is not None:
                operations = closed.operations(left, right) or 1
                sizes = np.multiply(*self.sizes(f, g))
                return np.broadcast_to(exact, self.c.shape), (2 * operations + 8) * EPS * sizes
        pairs = self.pairs
        first, second = pairs.left.integrand(f), pairs.right.integrand(g)
        return expectation_two(
            first, second, *self.variances, self.c, self.distance, pairs.rtol, pairs.rows, pairs.cols
        )

    @cached_property
    def distance(self) -> Array | None:
        """Var(u − v) = e + (√p − √q)²."""
        p, q = map(np.sqrt, self.variances)
        return None if self.e is None else np.asarray(self.e + np.square(p - q))

    def carried(self, f: Tree, g: Tree, error_c: Array, error_e: Array | None) -> Array:
        """What the errors of c, e, p and q make of E[F(u) G(v)].

        Through the smooth parts: ∂/∂c is E[F' G'], and a relative change δ of p is one of δ/2 in the scale of u. Where
        an excess is known c is √(pq) − e/2. A jump is read through the angle.
        """
        through = error_c if error_e is None else np.maximum(error_c, 0.5 * error_e)
        pairs = self.pairs
        slopes = derivative(f), derivative(g)
        left, right = self.sizes(f, g)
        relative_p = _ratio(pairs.left.errors[self.p], pairs.left.values[self.p])[pairs.rows]
        relative_q = _ratio(pairs.right.errors[self.q], pairs.right.values[self.q])[pairs.cols]
        first, second = (slope if slope is not None else h for slope, h in zip(slopes, (f, g), strict=True))
        stretched = self.sizes(times(Z, first), times(Z, second))
        found = through * np.multiply(*self.sizes(first, second))
        found = found + 0.5 * (relative_p * stretched[0] * right + relative_q * left * stretched[1])
        library = pairs.left.library
        if self.e is not None and (jumps(f, library) or jumps(g, library)):
            moved = 2 * self.error_of_angle(error_c, error_e) + relative_p + relative_q
            found = found + moved * left * right
        return np.asarray(found)

    def error_of_angle(self, error_c: Array, error_e: Array | None) -> Array:
        """Of θ: e tells it near 0, c elsewhere."""
        root = np.multiply(*map(np.sqrt, self.variances))
        safe = np.where(root > 0, root, 1.0)
        sine = np.maximum(self.closed_pair.sine, 1e-300)
        relative_c = error_c / safe
        by_c = np.minimum(relative_c / sine, np.sqrt(2 * relative_c))
        if error_e is None:
            return np.asarray(by_c + 8 * EPS)
        relative_e = error_e / safe
        by_e = np.minimum(relative_e / sine, np.sqrt(2 * relative_e))
        return np.asarray(np.minimum(by_c, by_e) + 8 * EPS)

    def ramp_excess(self, f: Tree, error_e: Array) -> tuple[Array, Array]:
        """2(√(E F(u)² E F(v)²) − E[F(u) F(v)]) of F(z) = αz + β relu(z): (α² + αβ) e + β² √(pq)(1 − cos θ − S(θ)/π)."""
        pair = self.closed_pair
        line, ramp = ramp_of(f)
        found = (line * line + line * ramp) * pair.e + ramp * ramp * pair.ramp_excess
        return np.asarray(found), np.asarray(np.abs(found) * (_ratio(error_e, self.e) + 8 * EPS))

    def difference(self, f: Tree, error_c: Array, error_e: Array) -> tuple[Array, Array]:
        """E(F(u) − F(v))² and its error."""
        terms = terms_of(f)
        known = None if terms is None else closed.difference(terms, self.closed_pair, closed.MACHINE)
        size = sum(np.square(n) for n in self.norms(f, f))
        if known is not None:
            found = np.asarray(np.maximum(np.broadcast_to(known, self.c.shape), 0.0))
            relative = _ratio(error_e, self.e)
            return found, 8 * found * (relative + 8 * EPS) + EPS**2 * size
        moments = [self._square(f, side) for side in (0, 1)]
        both, error = self.expectation(f, f)
        carried = self.carried(f, f, error_c, error_e)
        return np.maximum(moments[0] + moments[1] - 2 * both, 0.0), 2 * (error + carried) + 4 * EPS * size

    def _square(self, f: Tree, side: int) -> Array:
        return np.square(self.norms(f, f)[side])


def ramp_of(f: Tree) -> tuple[float, float]:
    """(α, β) of F(z) = αz + β relu(z)."""
    terms = terms_of(f) or ()
    coefficients = {base[0]: c for c, _, base in terms}
    return coefficients.get("one", 0.0), coefficients.get("step", 0.0)


def _ratio(x: Array, y: Array | None) -> Array:
    assert y is not None
    return np.divide(x, y, out=np.zeros_like(x), where=y > 0)
