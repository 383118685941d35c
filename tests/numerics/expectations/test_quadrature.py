"""Gaussian expectations against mpmath, against closed forms, and against their own error estimates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erf, expit

from tpproof.errors import TpproofError
from tpproof.numerics.expectations.quadrature import expectation_one, expectation_two, one_minus_rho
from tpproof.numerics.expectations.rules import Integrand, squared
from tpproof.numerics.functions import Array

VARIANCES = np.array([1e-8, 0.1, 1.0, 10.0, 100.0, 1e4])


def plain(value: Callable[[Array], Any], kinks: tuple[float, ...] = (), parity: int = 0) -> Integrand:
    return Integrand(lambda z, rows: value(z), kinks, parity)


def elu(z: Array) -> Array:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


TANH = plain(np.tanh, parity=-1)
RELU = plain(lambda z: np.maximum(z, 0), (0.0,))
STEP = plain(lambda z: np.where(z > 0, 1.0, 0.0), (0.0,))
ERF = plain(erf, parity=-1)
ONE = {
    "tanh^2": (plain(lambda z: np.tanh(z) ** 2, parity=1), lambda z: mp.tanh(z) ** 2),
    "sigmoid": (plain(expit), lambda z: 1 / (1 + mp.exp(-z))),
    "softplus * z": (plain(lambda z: z * np.logaddexp(0, z)), lambda z: z * (mp.log1p(mp.exp(-abs(z))) + max(z, 0))),
    "tanh(z - 3)": (plain(lambda z: np.tanh(z - 3)), lambda z: mp.tanh(z - 3)),
    "relu(z - 1)": (plain(lambda z: np.maximum(z - 1, 0), (1.0,)), lambda z: max(z - 1, mp.mpf(0))),
    "elu": (plain(elu, (0.0,)), lambda z: z if z > 0 else mp.expm1(z)),
    "hard tanh": (plain(lambda z: np.clip(z + 0.3, -1, 1), (-1.3, 0.7)), lambda z: min(max(z + mp.mpf(0.3), -1), 1)),
}


def by_mpmath(f: Callable[[Any], Any], variance: float, kinks: tuple[float, ...]) -> Any:
    """The expectation at 30 digits: pieces between kinks and powers of ten, in units of the standard deviation."""
    with mp.workdps(30):
        s = mp.sqrt(mp.mpf(variance))
        powers = [mp.mpf(10) ** k * x for k in range(-3, 1) for x in (1, 4)]
        ends = {mp.mpf(0), *powers, *(-x for x in powers), *(mp.mpf(k) / s for k in kinks), mp.mpf(-16), mp.mpf(16)}
        return mp.quad(lambda x: f(s * x) * mp.npdf(x), sorted(x for x in ends if abs(x) <= 16))


@pytest.mark.parametrize("name", ONE)
def test_expectations_of_one_variable_are_right_to_the_reported_error_which_is_small(name: str) -> None:
    f, exact = ONE[name]
    value, error = expectation_one(f, VARIANCES)
    scale = np.sqrt(expectation_one(squared(f), VARIANCES)[0])
    assert (error <= 1e-13 * scale).all()
    for n, variance in enumerate(VARIANCES):
        # what mpmath itself leaves at the smallest variance is absolute
        assert abs(value[n] - by_mpmath(exact, variance, f.kinks)) <= error[n] + 1e-22


@pytest.mark.parametrize("variance", [1e-6, 0.3, 7.0, 400.0])
def test_moments_exponentials_and_waves_have_their_closed_forms(variance: float) -> None:
    q = np.array([variance])
    for power, factor in ((2, 1), (4, 3), (8, 105), (12, 10395)):
        value, error = expectation_one(plain(lambda z, n=power: z**n, parity=1), q)
        assert abs(value[0] / (factor * variance ** (power / 2)) - 1) <= 1e-13
        assert abs(value[0] - factor * variance ** (power / 2)) <= 2 * error[0]
    value, error = expectation_one(plain(lambda z: np.cos(3 * z)), q)
    assert abs(value[0] - math.exp(-4.5 * variance)) <= error[0] <= 1e-13
    value, error = expectation_one(plain(np.exp), np.minimum(q, 30.0))
    assert abs(value[0] / math.exp(min(variance, 30) / 2) - 1) <= 1e-13


def test_variance_zero_takes_the_value_that_the_function_gives_at_zero() -> None:
    assert expectation_one(plain(lambda z: np.where(z >= 0, 5.0, 1.0), (0.0,)), np.zeros(2))[0].tolist() == [5.0, 5.0]
    assert expectation_one(plain(lambda z: np.where(z > 0, 5.0, 1.0), (0.0,)), np.zeros(2))[0].tolist() == [1.0, 1.0]
    assert expectation_one(TANH, np.array([0.0, 2.0]))[0].tolist() == [0.0, 0.0]


def test_a_parameter_and_a_kink_for_each_input() -> None:
    shift = np.linspace(-2, 2, 9)
    q = np.array([0.0, 1.0, 1.0, 4.0, 0.25, 9.0, 1.0, 1e-4, 2.0])
    f = Integrand(lambda z, rows: np.maximum(z - shift[rows, None], 0), (shift,), 0, own=True)
    value, error = expectation_one(f, q)
    s = np.sqrt(np.maximum(q, 1e-30))
    upper = 0.5 * (1 + erf(-shift / s / math.sqrt(2)))
    exact = s * np.exp(-((shift / s) ** 2) / 2) / math.sqrt(2 * math.pi) - shift * upper
    assert (np.abs(value - exact) <= error + 1e-15).all()
    assert (error <= 1e-13).all()


@pytest.mark.parametrize("where", [0.0, 0.1, 0.7391])
def test_an_undeclared_kink_shows_in_the_reported_error(where: float) -> None:
    q = np.linspace(0.3, 5, 40)
    for hidden in (plain(lambda z: np.abs(z - where)), plain(lambda z: np.where(z > where, 1.0, 0.0))):
        value, error = expectation_one(hidden, q)
        truth = expectation_one(Integrand(hidden.value, (where,)), q)[0]
        assert (np.abs(value - truth) <= error).all()
        assert error.max() > 1e-12


def test_a_function_that_is_not_finite_is_refused() -> None:
    for f in (plain(lambda z: np.exp(z * z)), plain(lambda z: z + math.inf)):
        with pytest.raises(TpproofError, match="E152"):
            expectation_one(f, np.array([3.0]))


# ---------------------------------------------------------------------------------------------- two variables


def pairs(count: int, seed: int) -> tuple[Array, Array, Array, Array, Array]:
    """Variances in [0.1, 10], correlations of every kind up to 1 - 1e-14 and 1: p, q, c, d, 1 - rho."""
    random = np.random.default_rng(seed)
    p, q = 10 ** random.uniform(-1, 1, (2, count))
    gap = random.uniform(0, 2, count)
    near = count // 4
    gap[:near] = 10 ** random.uniform(-14, 0, near)
    q[:near] = p[:near]  # where d says more than c does
    gap[near : near + 4] = [0, 2, 1, 1e-3]
    c = (1 - gap) * np.sqrt(p * q)
    d = ((p - q) / (np.sqrt(p) + np.sqrt(q))) ** 2 + 2 * np.sqrt(p * q) * gap
    return p, q, c, d, gap


def scales(f: Integrand, g: Integrand, p: Array, q: Array) -> Array:
    return np.sqrt(expectation_one(squared(f), p)[0] * expectation_one(squared(g), q)[0])


def test_arc_cosine_and_arc_sine_kernels_also_for_near_duplicates() -> None:
    p, q, c, d, gap = pairs(200, 1)
    theta = 2 * np.arcsin(np.sqrt(gap / 2))
    t = np.pi - theta
    # sin t - t cos t, where t is small by its series
    sine = np.where(t < 0.02, t**3 / 3 - t**5 / 30, np.sin(t) - t * np.cos(t))
    cases = [
        (RELU, np.sqrt(p * q) / (2 * np.pi) * sine),
        (STEP, t / (2 * np.pi)),
        (ERF, 2 / np.pi * np.arcsin(2 * c / np.sqrt((1 + 2 * p) * (1 + 2 * q)))),
    ]
    for f, exact in cases:
        value, error = expectation_two(f, f, p, q, c, d)
        scale = scales(f, f, p, q)
        assert (error <= 1.1e-10 * scale).all()
        # at large angles the angle itself carries the rounding of 1 - rho
        slack = 1e-14 * scale if f is not STEP else np.where(gap < 1.9, 1e-14, 1e-7)
        assert (np.abs(value - exact) <= error + slack).all()


def test_a_small_angle_needs_the_variance_of_the_difference() -> None:
    p, gap = np.ones(1), np.array([3.3e-13])
    exact = (np.pi - 2 * np.arcsin(np.sqrt(gap / 2))) / (2 * np.pi)
    with_d = expectation_two(STEP, STEP, p, p, 1 - gap, 2 * gap)[0]
    without = expectation_two(STEP, STEP, p, p, 1 - gap)[0]
    assert abs(with_d - exact)[0] < 1e-14
    assert abs(without - exact)[0] > 1e-12
    assert one_minus_rho(p, p, 1 - gap, 2 * gap)[0] == gap[0]


SHIFTS = [(1.0, 1.0), (0.5, -2.0), (0.0, 1.0)]


@pytest.mark.parametrize("shift", SHIFTS)
def test_kinks_away_from_zero_against_one_integral_by_mpmath(shift: tuple[float, float]) -> None:
    a, b = shift
    f, g = (plain(lambda z, k=k: np.maximum(z - k, 0), (k,)) for k in shift)
    p, q, c, d, _ = np.array([(1.0, 1.0, 0.5, 1.0, 0.5), (4.0, 0.3, -0.6, 5.5, 0), (0.2, 9.0, 0.0, 9.2, 1.0),
                                (2.0, 2.0, 2.0 * (1 - 1e-9), 4e-9, 1e-9), (1.0, 1.0, 1.0, 0.0, 0.0)]).T  # fmt: skip
    value, error = expectation_two(f, g, p, q, c, d)
    assert (error <= 1.1e-10 * scales(f, g, p, q)).all()
    for n in range(len(p)):
        with mp.workdps(25):
            su, rho = mp.sqrt(p[n]), 1 - one_minus_rho(p[n], q[n], c[n], d[n])
            sine2 = mp.mpf(float(d[n])) / (2 * q[n]) if n == 3 else 1 - mp.mpf(c[n]) ** 2 / (mp.mpf(p[n]) * q[n])
            sd, slope = mp.sqrt(max(sine2 * (2 - sine2) if n == 3 else sine2, mp.mpf(10) ** -40) * q[n]), c[n] / p[n]

            def inner(u: Any, slope: Any = slope, sd: Any = sd) -> Any:
                m = slope * u - b
                return sd * mp.npdf(m / sd) + m * mp.ncdf(m / sd)

            turn = mp.mpf(b) / slope if slope else mp.mpf(b)
            ends = {
                mp.mpf(a),
                *(turn + k * sd / (abs(slope) or 1) for k in (-20, -4, 0, 4, 20)),
                15 * su,
                3 * su,
                6 * su,
            }
            inside = sorted(x for x in ends if a <= x <= 15 * su)
            exact = mp.quad(lambda u, s=su: (u - a) * inner(u) * mp.npdf(u / s) / s, inside)
        assert abs(value[n] - exact) <= error[n], (n, float(rho))


def test_smooth_pairs_of_large_variance_and_of_mixed_kind() -> None:
    # E tanh(u) step(v) is half of E tanh(u) sign(v): one integral over u
    p, q, c = np.array([0.5, 3.0, 400.0]), np.array([2.0, 0.1, 900.0]), np.array([0.7, -0.4, 300.0])
    value, error = expectation_two(TANH, STEP, p, q, c)
    for n in range(3):

        def integrand(z: Array, n: int = n) -> Array:
            sd = math.sqrt((q[n] - c[n] ** 2 / p[n]) * 2)
            return np.tanh(z) * (1 + erf(c[n] / p[n] * z / sd)) / 2

        exact, doubt = expectation_one(plain(integrand), p[n : n + 1])
        assert abs(value[n] - exact[0]) <= error[n] + doubt[0] <= 1e-10
    value, error = expectation_two(ERF, ERF, 100 * p, 100 * q, 100 * c)
    exact = 2 / np.pi * np.arcsin(200 * c / np.sqrt((1 + 200 * p) * (1 + 200 * q)))
    assert (np.abs(value - exact) <= error).all()


def test_tanh_of_two_variables_against_two_nested_integrals_by_mpmath() -> None:
    p, q, c = np.array([1.0]), np.array([2.5]), np.array([1.2])
    value, error = expectation_two(TANH, TANH, p, q, c, rtol=1e-12)
    h = mp.mpf(1) / 5  # the trapezoidal rule, at 20 digits: poles at distance 1.57/sd beat the step
    with mp.workdps(20):
        slope, sd = mp.mpf(1.2), mp.sqrt(mp.mpf(2.5) - mp.mpf(1.2) ** 2)
        grid = [(h * j, mp.npdf(h * j) * h) for j in range(-45, 46)]
        exact = mp.fsum(w * mp.tanh(x) * mp.fsum(k * mp.tanh(slope * x + sd * y) for y, k in grid) for x, w in grid)
    assert abs(value[0] - exact) <= error[0] <= 1e-12


def test_a_constant_factors_out_and_perfect_correlation_is_one_integral() -> None:
    f = plain(elu, (0.0,))
    p = np.array([0.0, 2.0, 0.0, 3.0, 3.0])
    q = np.array([2.0, 0.0, 0.0, 12.0, 12.0])
    c = np.array([0.0, 0.0, 0.0, 6.0, -6.0])
    value, error = expectation_two(f, plain(expit), p, q, c)
    means = expectation_one(f, np.array([2.0]))[0][0]
    joint = [
        expectation_one(plain(lambda z, s=s: elu(z) * expit(s * z), (0.0,)), np.array([3.0]))[0][0] for s in (2, -2)
    ]
    assert np.abs(value - [0.0, means / 2, 0.0, *joint]).max() <= 1e-10
    assert (np.abs(value - [0.0, means / 2, 0.0, *joint]) <= error + 1e-16).all()


def test_entries_take_the_parameters_of_their_inputs() -> None:
    shift = np.array([0.5, -1.0, 0.0])
    f = Integrand(lambda z, rows: np.maximum(z - shift[rows, None], 0), (shift,), 0, own=True)
    rows, cols = (part.ravel() for part in np.meshgrid([0, 1, 2], [0, 1, 2], indexing="ij"))
    one, c = np.ones(9), np.full(9, 0.4)
    value, _ = expectation_two(f, f, one, one, c, rows=rows, cols=cols)
    for m in range(9):
        g, h = (plain(lambda z, k=shift[i]: np.maximum(z - k, 0), (shift[i],)) for i in (rows[m], cols[m]))
        assert abs(value[m] - expectation_two(g, h, one[:1], one[:1], c[:1])[0][0]) <= 1e-10


def test_the_work_limit_is_reported_as_an_error_that_is_true() -> None:
    p, q, c, d, _ = pairs(60, 5)
    rough, error = expectation_two(TANH, TANH, 30 * p, 30 * q, 30 * c, 30 * d, rtol=1e-14, levels=3)
    exact, small = expectation_two(TANH, TANH, 30 * p, 30 * q, 30 * c, 30 * d, rtol=1e-11, levels=10)
    assert error.max() > 1e-8
    assert small.max() < 1e-10
    assert (np.abs(rough - exact) <= error + small).all()
