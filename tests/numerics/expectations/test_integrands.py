"""Where quadrature is told that kinks are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tpproof.numerics.expectations.integrands import integrand
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.univariate import Callables, Tree, Z, called, number, plus, raised, times

HALF = number(Fraction(-1, 2))
RELU = Callables(lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, (0.0,))
STEEP = Callables(lambda z: np.tanh(3 * z) - 0.5, lambda z: 3 / np.cosh(3 * z) ** 2)

PLACES = [
    (called("relu", Z), [0.0]),
    (called("relu", plus(Z, HALF)), [0.5]),
    (called("abs", plus(times(number(Fraction(2)), Z), number(Fraction(1)))), [-0.5]),
    (called("relu", plus(called("tanh", Z), HALF)), [math.atanh(0.5)]),
    (called("relu", plus(raised(Z, Fraction(2)), number(Fraction(-1)))), [-1.0, 1.0]),
    (called("relu", called("tanh", Z)), [0.0]),
    (times(called("relu", Z), called("abs", plus(Z, HALF))), [0.0, 0.5]),
    (called("tanh", Z), []),
    (("call", "mine", plus(called("tanh", Z), HALF)), [math.atanh(0.5)]),
    (("slope", "mine", plus(Z, HALF)), [0.5]),
    (called("relu", ("call", "steep", Z)), [math.atanh(0.5) / 3]),
]


@pytest.mark.parametrize(("tree", "kinks"), PLACES)
def test_kinks_are_where_they_are(tree: Tree, kinks: list[float]) -> None:
    found = integrand(tree, {}, {"mine": RELU, "steep": STEEP})
    assert list(found.kinks) == pytest.approx(kinks, abs=1e-12)
    assert found.shared


def test_every_input_has_kinks_of_its_own() -> None:
    own = {7: np.array([0.5, -1.0, 2.0])}
    found = integrand(called("relu", plus(times(number(Fraction(2)), Z), ("own", 7))), own, {})
    (kink,) = found.kinks
    assert np.allclose(kink, -own[7] / 2) and not found.shared
    z = np.array([[0.0], [1.0], [-3.0]])
    assert np.allclose(found.at(z, np.arange(3))[:, 0], [0.5, 1.0, 0.0])


def test_a_kink_that_cannot_be_told_is_left_to_samples() -> None:
    with pytest.raises(NotReducible):
        integrand(called("relu", plus(called("tanh", Z), ("own", 7))), {7: np.array([0.5])}, {})
