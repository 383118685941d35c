"""Functions as trees: values, derivatives, parity, terms, zeros and jumps say what the functions do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from tpproof.numerics.functions import KNOWN, Array
from tpproof.numerics.reduction.shapes import nonnegative, parity, polynomial, terms_of, zeros
from tpproof.numerics.reduction.stein import jumps, lowest_polynomial, without_one_power
from tpproof.numerics.reduction.univariate import (
    Callables,
    Tree,
    Z,
    called,
    derivative,
    number,
    plus,
    raised,
    times,
    value,
)
from tpproof.program.constants import to_float
from tpproof.program.functions import FUNCTIONS

UNARY = tuple(name for name, count in FUNCTIONS.items() if count == 1)
GRID = np.linspace(-2.9, 3.1, 61) + 0.0123
Q = Fraction
COEFFICIENTS = st.sampled_from([Q(1), Q(-1), Q(2), Q(-3, 2), Q(1, 3)])


def at(t: Tree, z: Array, own: dict[int, float] | None = None) -> Array:
    found = value(t, z, lambda k: (own or {})[k], {})
    return np.asarray(np.broadcast_to(found, z.shape), dtype=float)


def leaves() -> st.SearchStrategy[Tree]:
    return st.one_of(st.just(Z), st.builds(number, COEFFICIENTS))


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(plus, inner, inner),
        st.builds(times, inner, inner),
        st.builds(lambda t, n: raised(t, Q(n)), inner, st.integers(1, 3)),
        st.builds(called, st.sampled_from(["tanh", "erf", "sin", "cos", "relu", "sigmoid", "softplus", "abs"]), inner),
    )


TREES = st.recursive(leaves(), grown, max_leaves=5)
CHECK = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", UNARY)
def test_every_known_function_is_a_tree(name: str) -> None:
    """Against the sampler's values and derivatives, which are written differently."""
    f, slope = KNOWN[name]
    tree = called(name, Z)
    found = derivative(tree)
    assert found is not None
    np.testing.assert_allclose(at(tree, GRID), f(GRID), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(at(found, GRID), slope(GRID), rtol=1e-12, atol=1e-14)


def test_a_leaky_relu_has_its_slope() -> None:
    tree = called("leaky_relu", Z, Q(1, 5))
    np.testing.assert_allclose(at(tree, GRID), np.where(GRID > 0, GRID, GRID / 5), rtol=1e-14)


@CHECK
@given(TREES)
def test_derivatives_are_limits_of_differences(tree: Tree) -> None:
    """By Richardson's extrapolation, away from kinks."""
    slope = derivative(tree)
    assert slope is not None
    h = 1e-4
    d1, d2 = ((at(tree, GRID + s) - at(tree, GRID - s)) / (2 * s) for s in (h, 2 * h))
    expected, found = (4 * d1 - d2) / 3, at(slope, GRID)
    size = 1 + np.abs(at(tree, GRID)) + np.abs(found)
    settled = np.abs(d1 - d2) < 1e-4 * size
    with np.errstate(all="ignore"):
        wrong = settled & ~(np.abs(found - expected) < 2e-5 * size)
    assert not wrong[np.isfinite(expected)].any()
    assert (settled | ~np.isfinite(expected)).mean() > 0.5 or np.abs(found).max() > 1e3


@CHECK
@given(TREES)
def test_parities_and_signs_are_true(tree: Tree) -> None:
    sign = parity(tree)
    assert not nonnegative(tree) or at(tree, GRID).min() >= 0
    if sign:
        np.testing.assert_allclose(at(tree, -GRID), sign * at(tree, GRID), rtol=1e-12, atol=1e-12)


@CHECK
@given(TREES)
def test_polynomials_and_terms_are_the_function(tree: Tree) -> None:
    powers = polynomial(tree)
    size = 1 + np.abs(at(tree, GRID))
    if powers is not None:
        found = sum((to_float(c) * GRID**n for n, c in powers.items()), start=np.zeros_like(GRID))
        assert (np.abs(found - at(tree, GRID)) < 1e-9 * size).all()
        constant, quotient = without_one_power(tree)
        assert (np.abs(to_float(constant) + GRID * at(quotient, GRID) - at(tree, GRID)) < 1e-9 * size).all()
    terms = terms_of(tree)
    if terms is not None:
        bases = {"one": np.ones_like, "step": lambda z: (z > 0) * 1.0}
        total = np.zeros_like(GRID)
        for c, n, base in terms:
            match base[0]:
                case "erf":
                    b = special.erf(base[1] * GRID)
                case "exp":
                    b = np.exp(base[1] * GRID**2 + base[2] * GRID)
                case "sin":
                    b = np.sin(base[1] * GRID)
                case "cos":
                    b = np.cos(base[1] * GRID)
                case _:
                    b = bases[base[0]](GRID)
            total += c * GRID**n * b
        assert (np.abs(total - at(tree, GRID)) < 1e-9 * size).all()


@pytest.mark.parametrize(
    ("tree", "places"),
    [
        (Z, [0.0]),
        (plus(times(number(Q(3)), Z), number(Q(2))), [-2 / 3]),
        (called("sin", Z), None),
        (plus(raised(Z, Q(2)), number(Q(-2))), [-(2**0.5), 2**0.5]),
        (plus(called("tanh", Z), number(Q(-1, 2))), [np.arctanh(0.5)]),
        (plus(raised(Z, Q(2)), number(Q(1))), []),
        (called("relu", Z), [0.0]),
        (plus(called("relu", Z), number(Q(-1))), [1.0]),
        (plus(raised(Z, Q(3)), times(number(Q(-1)), Z)), [-1.0, 0.0, 1.0]),
    ],
)
def test_zeros_are_where_signs_change(tree: Tree, places: list[float] | None) -> None:
    found = zeros(tree, {})
    if places is None:
        places = [k * np.pi for k in range(-19, 20)]
    assert list(found) == pytest.approx(places, abs=1e-9)


def test_jumps_are_told_from_corners() -> None:
    relu, step = called("relu", Z), called("step", Z)
    users = {"f": Callables(np.abs, np.sign, (0.0,)), "g": Callables(np.tanh, np.cosh)}
    for tree in (relu, times(Z, relu), called("abs", plus(Z, number(Q(1)))), called("tanh", Z), called("relu", relu)):
        assert not jumps(tree, users), tree
    for tree in (step, times(called("cos", Z), step), called("step", plus(Z, number(Q(-1)))), ("call", "f", Z)):
        assert jumps(tree, users), tree
    assert not jumps(("call", "g", Z), users) and jumps(called("step", ("call", "g", plus(Z, number(Q(1))))), users)


def test_stein_takes_the_polynomial_of_the_lowest_degree_and_no_jumps() -> None:
    square, line, relu, step = raised(Z, Q(2)), plus(Z, number(Q(1))), called("relu", Z), called("step", Z)
    assert lowest_polynomial([square, line, relu], {}) == 1
    assert lowest_polynomial([relu, square], {}) == 1
    assert lowest_polynomial([relu, called("tanh", Z)], {}) is None
    assert lowest_polynomial([line, relu, step], {}) is None


def test_users_functions_have_one_derivative() -> None:
    first = derivative(("call", "f", raised(Z, Q(2))))
    assert first is not None and derivative(first) is None
    library = {"f": Callables(np.sin, np.cos)}
    found = value(first, GRID, lambda k: 0.0, library)
    np.testing.assert_allclose(found, 2 * GRID * np.cos(GRID**2), rtol=1e-12)
