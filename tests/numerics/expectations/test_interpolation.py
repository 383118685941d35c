"""Many variances from a few: the same numbers as one by one, and only where that is so."""

from __future__ import annotations

import numpy as np
import pytest

from tpproof.numerics.expectations import interpolation
from tpproof.numerics.expectations.hermite import expansion
from tpproof.numerics.expectations.interpolation import coefficients, interpolated, mean
from tpproof.numerics.expectations.quadrature import expectation_one
from tpproof.numerics.expectations.rules import Integrand
from tpproof.numerics.functions import Array

Q = np.random.default_rng(0).uniform(0.2, 3.0, 400)
SOFTPLUS = Integrand(lambda z, rows: np.logaddexp(0, z))
SIGMOID = Integrand(lambda z, rows: 1 / (1 + np.exp(-z)))


def test_means_are_those_of_every_variance() -> None:
    value, error = mean(SOFTPLUS, Q)
    exact, _ = expectation_one(SOFTPLUS, Q)
    assert np.abs(value - exact).max() <= 1e-14
    assert (np.abs(value - exact) <= error + 1e-15).all() and error.max() < 1e-13


def test_expansions_are_those_of_every_variance() -> None:
    few = coefficients(SOFTPLUS, Q, 1e-12, SIGMOID)
    each = expansion(SOFTPLUS, Q, 1e-12, slope=SIGMOID)
    assert few.reached and few.slope_table is not None and each.slope_table is not None
    k = min(len(few.table), len(each.table))
    assert np.abs(few.table[:k] - each.table[:k]).max() <= 1e-14
    assert np.abs(few.slope_table[: k - 1] - each.slope_table[: k - 1]).max() <= 1e-14
    assert np.abs(few.total - each.total).max() <= 1e-13
    assert (few.tail <= 1e-12 * few.total).all()


def test_a_function_that_is_not_smooth_in_log_q_is_noticed_at_the_check_points() -> None:
    def steps(q: Array) -> tuple[Array, Array]:
        return np.floor(4 * q)[None], np.zeros(len(q))

    assert interpolated(steps, Q) is None


@pytest.mark.parametrize("q", [np.append(Q, 0.0), np.append(Q, 1e9), np.ones(400)], ids=["zero", "wide", "equal"])
def test_variances_that_no_interval_holds_are_taken_one_by_one(q: Array) -> None:
    assert interpolated(lambda some: (some[None], np.zeros(len(some))), q) is None
    assert np.abs(mean(SIGMOID, q)[0] - expectation_one(SIGMOID, q)[0]).max() == 0


def test_a_function_with_numbers_of_each_input_is_not_interpolated(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = np.linspace(-1, 1, len(Q))

    def shifted(z: Array, rows: Array | None) -> Array:
        assert rows is not None
        return np.asarray(np.tanh(z + shifts[rows][:, None]))

    monkeypatch.setattr(interpolation, "interpolated", None)  # a call would fail
    f = Integrand(shifted, own=True)  # type: ignore[arg-type]
    assert np.array_equal(mean(f, Q)[0], expectation_one(f, Q)[0])
