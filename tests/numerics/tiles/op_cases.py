"""One small code for each instruction, data for it, and what it means, to be computed with many digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from tpproof.numerics.tiles.arrays import Table
from tpproof.numerics.tiles.builder import Builder, Functions, Value
from tpproof.numerics.tiles.code import Code

Array = np.ndarray[Any, Any]
Formula = Callable[..., Any]  # of c, e, p, q, i, j (mpmath numbers and the entry's place)
DIGITS = 60
P = np.array([1.0, 0.3, 4.0, 1.0, 2.5, 1e-3])
Q = np.array([1.0, 2.0, 0.5, 1.0, 7.0, 1.0, 1.0, 3.0])
COSINES = np.array([0.0, 0.1, -0.3, 0.49, 0.51, 0.9, -0.51, -0.95])
ANGLES = np.array([0.0, 1e-150, 1e-12, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1, 1.0, 1.57])
NEAR_Q = np.array([1.0, 1.5, 1.0, 2.25, 1.0, 100.0, 1.75, 1.25, 0.3, 2.0])
A = np.array([[0.3, -0.2, 1.0, 0.5, 2.0, 0.1], [1.0, 0.4, -0.6, 0.2, 0.3, 0.9], [0.2, 0.1, 0.3, -0.8, 0.5, 0.7]])
B = np.array([[1.0, 0.5, -0.5, 0.2, 0.9, 0.3, 0.4, 0.8]] * 3) * np.array([[1.0], [-0.7], [0.3]])
E1, E2 = mp.mpf(0.7), mp.mpf(-1.3)


@dataclass(frozen=True)
class Case:
    """Code with data; formulas[k] is output k, its error is relative to scales[k]."""

    code: Code
    formulas: Sequence[Formula]
    scales: Sequence[Callable[[Case], Array]]
    rows: Array
    cols: Array
    grams: Array
    excesses: Array
    tables: Sequence[Table] = ()
    tolerance: float = 4e-15


def ones(case: Case) -> Array:
    return np.ones(case.grams.shape[1:])


def root(case: Case) -> Array:
    return np.asarray(np.sqrt(case.rows[0][:, None] * case.cols[0][None, :]))


def itself(k: int) -> Callable[[Case], Array]:
    return lambda case: np.abs(exact(case, case.formulas[k])) + 1e-300


def exact(case: Case, formula: Formula) -> Array:
    """A formula at every entry, with many digits, rounded once."""

    def entry(i: int, j: int) -> float:
        numbers = (case.grams[0, i, j], case.excesses[0, i, j], case.rows[0, i], case.cols[0, j])
        return float(formula(*(mp.mpf(float(x)) for x in numbers), i, j))

    with mp.workdps(DIGITS):
        return np.array([[entry(i, j) for j in range(case.cols.shape[1])] for i in range(case.rows.shape[1])])


def half_angle(c: Any, e: Any, p: Any, q: Any) -> Any:
    """sin^2(theta/2); of the two data, which differ by rounding, from the excess where the angle is acute."""
    scale = mp.sqrt(p * q)
    return e / (4 * scale) if e <= scale else (1 - c / scale) / 2


def theta_of(c: Any, e: Any, p: Any, q: Any) -> Any:
    return 2 * mp.asin(mp.sqrt(half_angle(c, e, p, q)))


def arc_of_c(c: Any, p: Any, q: Any) -> Any:
    return mp.acos(c / mp.sqrt(p * q))


def j1(theta: Any, p: Any, q: Any) -> Any:
    """E relu u relu v (Cho and Saul 2009)."""
    return mp.sqrt(p * q) * (mp.sin(theta) + (mp.pi - theta) * mp.cos(theta)) / (2 * mp.pi)


def relu_excess(theta: Any, p: Any, q: Any) -> Any:
    """2 (sqrt(E relu(u)^2 E relu(v)^2) - E relu u relu v), as it stands: 600 digits bear the cancellation."""
    with mp.workdps(600):
        return 2 * (mp.sqrt(p / 2) * mp.sqrt(q / 2) - j1(theta, p, q))


def precise_theta(c: Any, e: Any, p: Any, q: Any) -> Any:
    with mp.workdps(600):
        return theta_of(c, e, p, q)


CAREFUL: list[Formula] = [
    lambda c, e, p, q, i, j: j1(theta_of(c, e, p, q), p, q),
    lambda c, e, p, q, i, j: (mp.pi - theta_of(c, e, p, q)) / (2 * mp.pi),
    lambda c, e, p, q, i, j: relu_excess(precise_theta(c, e, p, q), p, q),
    lambda c, e, p, q, i, j: half_angle(c, e, p, q),
    lambda c, e, p, q, i, j: mp.sin(theta_of(c, e, p, q)),
]


def careful(b: Builder, m: Functions) -> Sequence[Value]:
    pair = b.gram(0), b.row(0), b.col(0), b.excess(0)
    return [*b.arc_careful(*pair), b.versine(*pair), b.sine(*pair)]


def excess_of(grams: Array, p: Array, q: Array) -> Array:
    """2 (sqrt(p q) - c), rounded once."""
    with mp.workdps(DIGITS):
        return np.array(
            [[float(2 * (mp.sqrt(mp.mpf(a) * mp.mpf(b)) - c)) for b, c in zip(q, row, strict=True)]
             for a, row in zip(p, grams, strict=True)]
        )  # fmt: skip


def near_excess() -> Array:
    """Excesses of the angles, between variances as different as they like."""
    return np.asarray(4 * np.sqrt(P[:, None] * NEAR_Q[None, :]) * np.sin(ANGLES / 2)[None, :] ** 2)


def case(
    build: Callable[..., Sequence[Value]],
    formulas: Sequence[Formula],
    scales: Sequence[Callable[[Case], Array]] | None = None,
    tolerance: float = 4e-15,
    tables: Sequence[Table] = (),
    excesses: Array | None = None,
    q: Array = Q,
    p: Array = P,
) -> Case:
    b = Builder()
    for value in build(b, Functions(b)):
        b.output(value)
    root_pq = np.sqrt(p[:, None] * q[None, :])
    grams = np.resize(COSINES, (len(q), len(p))).T * root_pq if excesses is None else root_pq - excesses / 2
    given = excess_of(grams, p, q) if excesses is None else excesses
    both = np.array([grams, np.abs(grams) * 0.3 + 0.2])
    return Case(
        b.build(), formulas, scales or [ones] * len(formulas), p[None], q[None], both, given[None], tables, tolerance
    )


def series(powers: Sequence[int]) -> tuple[Formula, Formula]:
    def value(c: Any, e: Any, p: Any, q: Any, i: int, j: int) -> Any:
        return sum(mp.mpf(A[k, i]) * mp.mpf(B[k, j]) * c**n for k, n in enumerate(powers))

    def slope(c: Any, e: Any, p: Any, q: Any, i: int, j: int) -> Any:
        return sum(mp.mpf(A[k, i]) * mp.mpf(B[k, j]) * n * c ** max(n - 1, 0) for k, n in enumerate(powers))

    return value, slope


def hermite_case(parity: int, powers: Sequence[int]) -> Case:
    return case(lambda b, m: b.hermite(b.gram(0), 0), series(powers), tables=[Table(A, B, parity)], tolerance=2e-13)


def unary_case(name: str, function: Callable[[Any], Any]) -> Case:
    return case(
        lambda b, m: [getattr(m, name)(b.gram(0) * (1 / 3.0))],
        [lambda c, e, p, q, i, j: function(c * mp.mpf(1 / 3.0))],
        [itself(0)],
    )


CASES = {
    "arithmetic": case(
        lambda b, m: [
            b.gram(0) * b.row(0) / b.col(0) - b.row(0) * b.col(0) + 2.0 * b.gram(0) * b.gram(1) - b.row(0) + 3.0,
            b.gram(0) / (b.gram(1) + b.col(0)),
            b.sum_of_products(
                [(0.1 * k, b.gram(0), b.gram(1) if k % 3 else None) for k in range(7)] + [(2.0, b.row(0), b.gram(0))]
            ),
            m.sqrt(b.gram(0) ** 2 + b.row(0) * b.row(0)),
            b.excess(0) * 0.5 + b.gram(0),
        ],
        [
            lambda c, e, p, q, i, j: c * p / q - p * q + 2 * c * other(i, j) - p + 3,
            lambda c, e, p, q, i, j: c / (other(i, j) + q),
            lambda c, e, p, q, i, j: (
                sum(mp.mpf(0.1 * k) * c * (other(i, j) if k % 3 else 1) for k in range(7)) + 2 * p * c
            ),
            lambda c, e, p, q, i, j: mp.sqrt(c * c + p * p),
            lambda c, e, p, q, i, j: mp.sqrt(p * q),
        ],
        tolerance=1e-13,
    ),
    "arc": case(
        lambda b, m: b.arc_fast(b.gram(0), b.row(0), b.col(0)),
        [
            lambda c, e, p, q, i, j: j1(arc_of_c(c, p, q), p, q),
            lambda c, e, p, q, i, j: (mp.pi - arc_of_c(c, p, q)) / (2 * mp.pi),
        ],
        [root, ones],
        tolerance=1e-15,
    ),
    "careful arc": case(careful, CAREFUL, [root, ones, itself(2), itself(3), ones], tolerance=3e-15),
    "careful arc, nearly parallel": case(
        careful, CAREFUL, [root, ones, itself(2), itself(3), itself(4)], excesses=near_excess(), q=NEAR_Q
    ),
    "sine": case(
        lambda b, m: [b.sine(b.gram(0), b.row(0), b.col(0)), b.correlation(b.gram(0), b.row(0), b.col(0))],
        [lambda c, e, p, q, i, j: mp.sqrt(1 - c * c / (p * q)), lambda c, e, p, q, i, j: c / mp.sqrt(p * q)],
        tolerance=2e-15,
    ),
    "erf": case(
        lambda b, m: b.erf_pair(b.gram(0), b.row(0), b.col(0), 0.7, -1.3),
        [
            lambda c, e, p, q, i, j: (
                2 / mp.pi * mp.asin(2 * E1 * E2 * c / mp.sqrt((1 + 2 * E1**2 * p) * (1 + 2 * E2**2 * q)))
            ),
            lambda c, e, p, q, i, j: (
                4 / mp.pi / mp.sqrt((1 + 2 * E1**2 * p) * (1 + 2 * E2**2 * q) - 4 * E1**2 * E2**2 * c**2)
            ),
        ],
    ),
    "even series": hermite_case(0, [0, 2, 4]),
    "odd series": hermite_case(1, [1, 3, 5]),
    "full series": hermite_case(2, [0, 1, 2]),
    "exp": unary_case("exp", mp.exp),
    "sin": unary_case("sin", mp.sin),
    "cos": unary_case("cos", mp.cos),
    "sinh": unary_case("sinh", mp.sinh),
    "cosh": unary_case("cosh", mp.cosh),
    "asin": case(
        lambda b, m: [m.asin(b.correlation(b.gram(0), b.row(0), b.col(0)))],
        [lambda c, e, p, q, i, j: mp.asin(c / mp.sqrt(p * q))],
        tolerance=2e-15,
    ),
    "log": case(lambda b, m: [m.log(b.gram(1))], [lambda c, e, p, q, i, j: mp.log(other(i, j))]),
}


def other(i: int, j: int) -> Any:
    """Gram input 1."""
    return mp.mpf(float(CASES["arithmetic"].grams[1, i, j]))
