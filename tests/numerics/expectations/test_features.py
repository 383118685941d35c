"""Narrow features are found where a tree says they are, and quadrature sees them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import tpproof as tp
from tpproof.numerics.expectations.evaluate import own_numbers
from tpproof.numerics.expectations.features import narrow_features, steepness
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.univariate import Z, called, derivative, number, plus, raised, times

ONE_INPUT = np.array([[1.0, 1.0]])


def scaled(a: int, b: int) -> Any:
    return plus(times(number(Fraction(a)), Z), number(Fraction(b)))


def network(function: Callable[[Any], Any]) -> tp.Network:
    @tp.network
    def narrow() -> None:
        tp.output(tp.readout("v") @ function(tp.embedding("U") @ tp.input("xi")))

    return narrow


@pytest.mark.parametrize("a", [100, 1000, 10**5])
def test_a_narrow_bump_far_from_zero_is_seen(a: int) -> None:
    one = tp.ones
    kernel = tp.kernel_fn(network(lambda x: tp.tanh(x) + (one() + (a * x - Fraction(a, 3) * one()) ** 2) ** -4))

    def value(z: float) -> float:
        return float(np.tanh(z) + (1 + (a * z - a / 3) ** 2) ** -4.0)

    def slope(z: float) -> float:
        return float(np.cosh(z) ** -2.0 - 8 * a * (a * z - a / 3) * (1 + (a * z - a / 3) ** 2) ** -5.0)

    points = [1 / 3 + s * w / a for w in (0, 1, 3, 10, 100) for s in (-1, 1)]

    def mean_square(f: Callable[[float], float]) -> float:
        density = (2 * np.pi) ** -0.5
        options: dict[str, Any] = {"points": points, "limit": 2000, "epsabs": 0.0, "epsrel": 1e-12}
        return float(integrate.quad(lambda z: f(z) ** 2 * np.exp(-z * z / 2) * density, -10, 10, **options)[0])

    found = kernel(ONE_INPUT)
    expected = mean_square(value) + mean_square(slope)
    assert found.ntk is not None and abs(found.ntk[0, 0] / expected - 1) < 1e-10
    # an error of the variance moves the bump against the density: the bound grows with its slope, and says so
    assert found.relative_error["ntk"] < 1e-13 * a**2
    assert found.reached == (found.relative_error["ntk"] <= 1e-10)


def test_places_and_widths_come_from_the_arguments() -> None:
    bump = called("tanh", scaled(1000, -300))
    marks = narrow_features(bump)
    assert min(abs(m - 0.3) for m in marks) < 1e-12 and min(abs(m - 0.301) for m in marks) < 1e-12
    assert narrow_features(called("tanh", times(number(Fraction(1000)), Z))) == ()  # around 0 grids are fine
    assert narrow_features(called("tanh", scaled(1, 1))) == ()
    assert narrow_features(raised(plus(number(Fraction(1)), raised(scaled(1000, -300), Fraction(2))), Fraction(-1)))


def test_a_steep_function_of_a_function_is_left_to_samples() -> None:
    inner = plus(times(number(Fraction(50)), called("tanh", Z)), number(Fraction(-20)))
    assert steepness(inner) == 50
    with pytest.raises(NotReducible):
        narrow_features(called("tanh", inner))
    assert narrow_features(called("tanh", called("tanh", Z))) == ()


def test_bounds_see_narrow_features_too() -> None:
    """√E f'² of a steep step is about √(a/…), not what a coarse grid finds: errors of c are multiplied by it."""
    a = 10**4
    bump = called("tanh", scaled(a, -3000))
    net = network(lambda x: tp.tanh(a * x - 3000 * tp.ones()))
    function = tp.kernel_fn(net)
    assert function.plan is not None
    numbers = own_numbers(function.plan, [ONE_INPUT[:, None, :]], {})
    [variance] = [s for s, step in enumerate(function.plan.own) if step.op == "gram"]
    size = numbers.size(derivative(bump), variance)[0]  # type: ignore[arg-type]
    exact = a * 4 / 3 * np.exp(-0.045) / np.sqrt(2 * np.pi)  # a² ∫ sech⁴(a z − 3000) over the density at 0.3
    assert abs(size**2 / exact - 1) < 0.01
