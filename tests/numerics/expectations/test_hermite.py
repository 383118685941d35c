"""Hermite expansions against mpmath, against two-dimensional quadrature, and against their own claims."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erf, expit, ndtr

from tpproof.errors import TpproofError
from tpproof.numerics.expectations.hermite import (
    Expansion,
    bounds,
    coefficients,
    difference,
    evaluate,
    expansion,
    hermite_functions,
)
from tpproof.numerics.expectations.quadrature import expectation_one, expectation_two
from tpproof.numerics.expectations.rules import Integrand
from tpproof.numerics.functions import Array


def density(z: Array) -> Any:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def plain(value: Callable[[Array], Any], parity: int = 0, kinks: tuple[float, ...] = ()) -> Integrand:
    return Integrand(lambda z, rows: value(z), kinks, parity)


PAIRS = {  # f and f'
    "tanh": (plain(np.tanh, -1), plain(lambda z: 1 / np.cosh(np.minimum(np.abs(z), 300)) ** 2, 1)),
    "sigmoid": (plain(expit), plain(lambda z: expit(z) * expit(-z), 1)),
    "gelu": (plain(lambda z: z * ndtr(z)), plain(lambda z: ndtr(z) + z * density(z))),
    "silu": (plain(lambda z: z * expit(z)), plain(lambda z: expit(z) * (1 + z * expit(-z)))),
    "softplus": (plain(lambda z: np.logaddexp(0, z)), plain(expit)),
}
EXACT = {
    "tanh": (mp.tanh, lambda z: mp.sech(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + mp.exp(-z)), lambda z: 1 / (2 + mp.exp(z) + mp.exp(-z))),
    "gelu": (lambda z: z * mp.ncdf(z), lambda z: mp.ncdf(z) + z * mp.npdf(z)),
    "silu": (lambda z: z / (1 + mp.exp(-z)), lambda z: (1 + mp.exp(-z) + z * mp.exp(-z)) / (1 + mp.exp(-z)) ** 2),
    "softplus": (lambda z: mp.log(1 + mp.exp(z)), lambda z: 1 / (1 + mp.exp(-z))),
}
ERF = (plain(erf, -1), plain(lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z), 1))
VARIANCES = np.array([0.1, 0.5, 1.0, 2.5, 10.0])


def grid(step: float, reach: float = 10.5) -> list[tuple[Any, Any]]:
    """mpmath's side: nodes and weights of the trapezoidal rule for N(0, 1), at the working precision."""
    h = mp.mpf(step)
    count = int(reach / step)
    return [(h * j, h * mp.npdf(h * j)) for j in range(-count, count + 1)]


def joint(p: Array, q: Array, gap: Array) -> tuple[Array, Array]:
    """Covariance and Var(u - v) of pairs."""
    both = np.sqrt(p * q)
    return (1 - gap) * both, ((p - q) / (np.sqrt(p) + np.sqrt(q))) ** 2 + 2 * both * gap


def scale(e: Expansion, other: Expansion) -> tuple[Array, Array]:
    """The units of the errors: roots of the diagonals' products."""
    assert e.slope_total is not None and other.slope_total is not None
    value = np.sqrt(np.multiply.outer(e.total, other.total))
    return value, np.sqrt(np.multiply.outer(e.slope_total, other.slope_total))


# ---------------------------------------------------------------------------------------------- coefficients


def test_hermite_functions_are_orthonormal_up_to_high_degree() -> None:
    x = np.arange(-70, 70, 0.02)
    basis = hermite_functions(x, 601)
    assert np.abs(basis @ basis.T * 0.02 / math.sqrt(2 * math.pi) - np.eye(601)).max() < 1e-12


@pytest.mark.parametrize("name", PAIRS)
def test_coefficients_against_mpmath(name: str) -> None:
    f = PAIRS[name][0]
    table, total = coefficients(f, np.array([0.3, 4.0]), 24)
    with mp.workdps(30):
        nodes = grid(1 / 32, 12.5)
        for n, variance in enumerate((0.3, 4.0)):
            values = [w * EXACT[name][0](mp.sqrt(mp.mpf(variance)) * x) for x, w in nodes]
            before, now = [mp.mpf(0)] * len(nodes), [mp.mpf(1)] * len(nodes)
            for k in range(25):
                exact = mp.fsum(v * h for v, h in zip(values, now, strict=True))
                assert abs(table[k, n] - exact) <= 2e-15 * math.sqrt(total[n])
                now, before = [(x * b - mp.sqrt(k) * a) / mp.sqrt(k + 1)
                               for (x, _), a, b in zip(nodes, before, now, strict=True)], now  # fmt: skip


def test_the_coefficients_of_relu_and_of_a_shifted_step_with_kinks() -> None:
    q = np.array([0.5, 1.0, 9.0])
    table, total = coefficients(plain(lambda z: np.maximum(z, 0), 0, (0.0,)), q, 40)
    assert np.abs(total - q / 2).max() < 1e-14
    even = [1 / math.sqrt(2 * math.pi)]
    for k in range(2, 41, 2):  # c_k = (-1)^(k/2+1) (k-3)!! / sqrt(2 pi k!)
        double = math.prod(range(k - 3, 0, -2))
        even.append((-1) ** (k // 2 + 1) * double / math.sqrt(2 * math.pi * math.factorial(k)))
    assert np.abs(table[::2] - np.multiply.outer(even, np.sqrt(q))).max() < 1e-14
    assert np.abs(table[1] - np.sqrt(q) / 2).max() < 1e-14
    assert np.abs(table[3::2]).max() < 1e-14
    table, _ = coefficients(plain(lambda z: np.where(z > 1, 1.0, 0.0), 0, (1.0,)), q, 30)
    a = 1 / np.sqrt(q)  # c_k = phi(a) h_(k-1)(a) / sqrt k
    exact = hermite_functions(a, 30) * np.exp(-a * a / 4) / math.sqrt(2 * math.pi)
    assert np.abs(table[1:] - exact / np.sqrt(np.arange(1, 31))[:, None]).max() < 1e-14


def test_parity_gives_exact_zeros_and_variance_zero_a_constant() -> None:
    table, total = coefficients(PAIRS["tanh"][0], np.array([0.0, 2.0]), 20)
    assert not table[::2].any()
    assert not table[:, 0].any()
    assert total[0] == 0
    table, total = coefficients(PAIRS["sigmoid"][0], np.array([0.0, 2.0]), 20)
    assert table[:, 0].tolist() == [0.5] + [0.0] * 20
    assert total[0] == 0.25


def test_a_parameter_for_each_input() -> None:
    shift, q = np.array([0.0, 1.0, -0.5, 1.0]), np.array([1.0, 2.0, 3.0, 0.5])
    own = Integrand(lambda z, rows: np.tanh(z - shift[rows, None]), (), 0, own=True)
    slope = Integrand(lambda z, rows: 1 - np.tanh(z - shift[rows, None]) ** 2, (), 0, own=True)
    found = expansion(own, q, 1e-11, slope=slope)
    assert found.reached
    for n in range(4):
        table, _ = coefficients(plain(lambda z, n=n: np.tanh(z - shift[n])), q[n : n + 1], found.kmax)
        assert np.abs(found.table[:, n] - table[:, 0]).max() < 1e-14


# ---------------------------------------------------------------------------------------------- expansions


@pytest.mark.parametrize("name", PAIRS)
def test_both_expectations_to_1e_12_for_all_correlations_and_variances(name: str) -> None:
    f, slope = PAIRS[name]
    found = expansion(f, VARIANCES, 1e-12, slope=slope)
    assert found.reached
    unit, slope_unit = scale(found, found)
    value_bound, slope_bound = bounds(found, found)
    assert slope_bound is not None
    assert (value_bound <= 1.1e-12 * unit).all()
    assert (slope_bound <= 1.1e-12 * slope_unit).all()
    # rho = 1: one integral
    for i, p in enumerate(VARIANCES):
        for j, q in enumerate(VARIANCES):
            value, derived = evaluate(found, found, np.ones((5, 5)))
            assert derived is not None
            ratio = math.sqrt(q / p)
            for h, got, one, bound in ((f, value, unit, value_bound), (slope, derived, slope_unit, slope_bound)):
                product = plain(lambda z, h=h, r=ratio: h.value(z, None) * h.value(r * z, None))
                exact = expectation_one(product, np.array([p]))[0][0]
                assert abs(got[i, j] - exact) <= bound[i, j] + 1e-14 * one[i, j]


@pytest.mark.parametrize("name", PAIRS)
def test_one_entry_of_each_function_against_two_nested_sums_by_mpmath(name: str) -> None:
    p, q, rho = 1.5, 0.6, 0.7
    row, col = (expansion(PAIRS[name][0], np.array([v]), 1e-13, slope=PAIRS[name][1]) for v in (p, q))
    got = evaluate(row, col, np.array([[rho]]))
    assert got[1] is not None
    with mp.workdps(20):
        su, along, across = mp.sqrt(mp.mpf(p)), mp.sqrt(mp.mpf(q)) * mp.mpf(rho), mp.sqrt(q * (1 - mp.mpf(rho) ** 2))
        nodes = grid(0.2, 9.5)
        for h, found in zip(EXACT[name], got, strict=True):
            exact = mp.fsum(w * h(su * x) * mp.fsum(k * h(along * x + across * y) for y, k in nodes) for x, w in nodes)
            assert abs(found[0, 0] - exact) <= 1e-13


@pytest.mark.parametrize("name", [*PAIRS, "erf"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_the_bounds_hold_against_two_dimensional_quadrature(name: str, rtol: float) -> None:
    f, slope = ERF if name == "erf" else PAIRS[name]
    random = np.random.default_rng(len(name))
    q = 10 ** random.uniform(-1, 1, 3)
    found = expansion(f, q, rtol, slope=slope)
    i, j = (part.ravel() for part in np.meshgrid(range(3), range(3), indexing="ij"))
    unit, slope_unit = scale(found, found)
    for gap in (0.0, 1e-6, 0.03, 0.4, 1.3, 2.0):
        rho = np.full((3, 3), 1 - gap)
        c, d = joint(q[i], q[j], np.full(9, gap))
        got, limit = evaluate(found, found, rho), bounds(found, found, rho)
        for h, value, bound, one in zip((f, slope), got, limit, (unit, slope_unit), strict=True):
            assert value is not None and bound is not None
            exact, error = expectation_two(h, h, q[i], q[j], c, d, rtol=1e-11, levels=9)
            assert (np.abs(value.ravel() - exact) <= bound.ravel() + error + 1e-14 * one.ravel()).all()


def test_the_arc_sine_kernel() -> None:
    p, q = np.linspace(0.1, 10, 7), np.linspace(0.2, 9, 5)
    row, col = (expansion(ERF[0], v, 1e-12, slope=ERF[1]) for v in (p, q))
    rho = np.random.default_rng(2).uniform(-1, 1, (7, 5))
    c, det = rho * np.sqrt(np.multiply.outer(p, q)), np.multiply.outer(1 + 2 * p, 1 + 2 * q)
    value, slope = evaluate(row, col, rho)
    unit, slope_unit = scale(row, col)
    assert (np.abs(value - 2 / np.pi * np.arcsin(2 * c / np.sqrt(det))) <= 1e-12 * unit).all()
    assert slope is not None
    assert (np.abs(slope - 4 / np.pi / np.sqrt(det - 4 * c * c)) <= 1.1e-12 * slope_unit).all()


def test_a_table_that_is_cut_too_early_says_so_by_its_tail() -> None:
    f, slope = PAIRS["tanh"]
    q = np.array([1.0, 4.0])
    found = expansion(f, q, 1e-12, slope=slope)
    short = found.cut(30)
    exact = evaluate(found, found, np.ones((2, 2)))
    wrong = evaluate(short, short, np.ones((2, 2)))
    for a, b, bound in zip(exact, wrong, bounds(short, short), strict=True):
        assert a is not None and b is not None and bound is not None
        missing = np.abs(a - b)
        assert (missing <= bound).all()
        assert (np.diag(missing) >= 0.99 * np.diag(bound)).all()
        assert np.diag(missing).min() > 1e-9
    poor = expansion(f, q, 1e-12, max_terms=16, slope=slope)
    assert not poor.reached
    assert poor.kmax == 31
    assert (poor.tail > 1e-12 * poor.total).any()


def test_the_number_of_terms_is_the_smallest_and_is_known_for_each_input() -> None:
    q = np.array([0.1, 0.5, 1.0, 2.0, 4.0, 10.0])
    for name, expected in (("tanh", [14, 38, 66, 122, 226, 524]), ("sigmoid", [6, 14, 20, 34, 60, 136])):
        found = expansion(PAIRS[name][0], q, 1e-10)
        assert found.terms.tolist() == expected
        assert found.kmax == expected[-1] - 1
        alone = expansion(PAIRS[name][0], q[2:3], 1e-10)
        assert alone.kmax == expected[2] - 1
        assert alone.cut(alone.kmax - 2).tail[0] > 1e-10 * alone.total[0]


def test_a_derivative_that_is_not_one_is_noticed() -> None:
    found = expansion(PAIRS["gelu"][0], np.array([1.0]), 1e-10, slope=plain(ndtr))
    assert not found.reached
    assert found.tail[0] > 1e-3 * found.total[0]


def test_a_function_with_a_kink_reports_what_is_left() -> None:
    found = expansion(plain(np.abs, 1, (0.0,)), np.array([1.0, 3.0]), 1e-10, max_terms=60)
    assert not found.reached
    value, _ = evaluate(found, found, np.ones((2, 2)))
    missing = np.sqrt(np.multiply.outer([1.0, 3.0], [1.0, 3.0])) - value
    assert (np.abs(missing) <= bounds(found, found)[0]).all()
    assert missing.min() > 1e-6


def test_small_variances_lose_no_digits_of_the_slope() -> None:
    f, slope = PAIRS["sigmoid"]
    q = np.array([0.0, 1e-20, 1e-9, 1e-3])
    found = expansion(f, q, 1e-12, slope=slope)
    assert found.reached
    rho = np.random.default_rng(4).uniform(-1, 1, (4, 4))
    derived = evaluate(found, found, rho)[1]
    assert derived is not None
    assert np.abs(derived[:3, :3] - 1 / 16).max() < 1e-10
    assert abs(derived[0, 0] - 1 / 16) < 1e-17
    assert np.abs(found.table[1] - np.sqrt(q) * expectation_one(slope, q)[0]).max() <= 1e-16 * math.sqrt(1e-3)


@pytest.mark.parametrize("name", PAIRS)
def test_matrices_are_symmetric_and_positive_semidefinite(name: str) -> None:
    random = np.random.default_rng(8)
    x = random.standard_normal((40, 9))
    x[20:] = x[:20] * random.uniform(0.5, 1.5, (20, 1)) + 1e-7 * x[20:]
    gram = x @ x.T / 9
    q = np.diag(gram).copy()
    rho = np.clip(gram / np.sqrt(np.multiply.outer(q, q)), -1, 1)
    np.fill_diagonal(rho, 1)
    found = expansion(PAIRS[name][0], q, 1e-12, slope=PAIRS[name][1])
    for matrix in evaluate(found, found, rho):
        assert matrix is not None
        assert (matrix == matrix.T).all()
        assert np.linalg.eigvalsh(matrix).min() >= -1e-13 * np.trace(matrix)


@pytest.mark.parametrize("name", ["tanh", "softplus"])
def test_differences_of_near_duplicates_keep_their_digits(name: str) -> None:
    f, slope = PAIRS[name]
    p = np.array([0.5, 2.0])
    found = expansion(f, p, 1e-12, slope=slope)
    squares = np.sum(np.square(found.slope_table), axis=0)
    for gap in (1e-14, 1e-9, 1e-5):
        # E (f(u) - f(v))^2 = Var(u - v) E f'^2 (1 + O(gap)) on the diagonal
        got = np.diag(difference(found, found, np.full((2, 2), gap)))
        assert np.abs(got / (2 * p * gap * squares) - 1).max() <= 40 * gap + 1e-13
    for gap in (0.02, 0.7, 1.9):
        value, _ = evaluate(found, found, np.full((2, 2), 1 - gap))
        plainly = np.add.outer(found.total, found.total) - 2 * value
        assert np.abs(difference(found, found, np.full((2, 2), gap)) / plainly - 1).max() < 1e-10
    other = expansion(f, p * (1 + 1e-7), 1e-12, slope=slope)
    got = np.diag(difference(found, other, np.zeros((2, 2))))
    shift = expectation_one(plain(lambda z: np.square(z * slope.value(z, None))), p)[0] * (0.5e-7) ** 2
    assert np.abs(got / shift - 1).max() < 1e-5


def test_many_equal_variances_cost_as_much_as_one_and_tables_are_spread() -> None:
    calls: list[int] = []

    def counted(z: Array) -> Any:
        calls.append(len(z))
        return np.tanh(z)

    found = expansion(plain(counted, -1), np.tile([0.7, 1.3], 500), 1e-10)
    assert max(calls) <= 2
    assert found.table.shape == (found.kmax + 1, 1000)
    assert (found.table[:, ::2] == found.table[:, :1]).all()


def test_a_function_that_is_not_finite_is_refused() -> None:
    with pytest.raises(TpproofError, match="E152"):
        expansion(plain(lambda z: np.exp(z * z)), np.array([30.0]), 1e-10)
