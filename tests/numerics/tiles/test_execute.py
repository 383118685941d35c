"""Tiles against many digits, and against whole arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numerics.tiles.op_cases import CASES, Case, exact
from tests.numerics.tiles.relu_reference import relu_code
from tpproof.numerics.tiles.arrays import Table, run_arrays
from tpproof.numerics.tiles.builder import Builder, Functions, Value
from tpproof.numerics.tiles.code import Op
from tpproof.numerics.tiles.execute import CLOSE, evaluate, tile_shape, tiles_of

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(4)


def run(case: Case, **options: Any) -> Array:
    return evaluate(case.code, case.rows, case.cols, case.grams, case.excesses, tables=case.tables, **options)[0]


@pytest.mark.parametrize("name", CASES)
def test_an_instruction_is_what_it_says(name: str) -> None:
    case = CASES[name]
    for output, formula, scale in zip(run(case), case.formulas, case.scales, strict=True):
        assert np.max(np.abs(output - exact(case, formula)) / scale(case)) < case.tolerance


@pytest.mark.slow  # compiles everything once more
@pytest.mark.parametrize("name", CASES)
def test_single_precision_is_single_precision(name: str) -> None:
    case = CASES[name]
    for output, formula, scale in zip(run(case, dtype=np.float32), case.formulas, case.scales, strict=True):
        error = np.max((np.abs(output - exact(case, formula)) / scale(case))[scale(case) > 1e-37])
        assert output.dtype == np.float32
        assert 1e-9 < error < 1e9 * case.tolerance


def test_every_instruction_has_a_case() -> None:
    found = {row[0] for case in CASES.values() for row in case.code.instructions.tolist()}
    own = {op for case in CASES.values() for program in (case.code.rows, case.code.cols) for op, _ in program.steps}
    assert found | own == set(Op)


def test_a_wrong_coefficient_is_seen() -> None:
    case = CASES["careful arc, nearly parallel"]
    wrong = replace(case.code, coefficients=case.code.coefficients * (1 + 1e-13))
    assert len(wrong.coefficients)
    values = run(replace(case, code=wrong))
    assert np.max(np.abs(values[4] - exact(case, case.formulas[4])) / case.scales[4](case)) > 2 * case.tolerance


@pytest.mark.parametrize("xp", ["tiles", "arrays"])
def test_without_variance_there_is_a_right_angle_and_rounding_does_not_leave_the_range(xp: str) -> None:
    b = Builder()
    for value in (
        *b.arc_careful(b.gram(0), b.row(0), b.col(0), b.excess(0)),
        b.versine(b.gram(0), b.row(0), b.col(0), b.excess(0)),
    ):
        b.output(value)
    code = b.build()
    rows, cols = np.array([[0.0, 1.0]]), np.array([[0.0, 4.0, 1.0]])
    grams, excesses = (
        np.array([[[0.0] * 3, [0.0, 2.0000001, -1.0000001]]]),
        np.array([[[0.0] * 3, [0.0, -1e-30, 4.0000001]]]),
    )
    if xp == "tiles":
        found = evaluate(code, rows, cols, grams, excesses)[0]
    else:
        found = np.stack(run_arrays(np, code, rows, cols, list(grams), list(excesses))[0])
    right = [0.0, 0.25, 0.0, 0.5]
    for i, j in ((0, 0), (0, 1), (0, 2), (1, 0)):
        assert found[:, i, j].tolist() == pytest.approx(right, abs=1e-16)
    assert found[:, 1, 1].tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-15)
    assert found[:, 1, 2].tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0], abs=1e-15)


# -- what is watched --------------------------------------------------------------------------------------------------


def turned(angles: Array) -> tuple[Array, Array]:
    """Gram and excess inputs of unit vectors at the angles, in one row."""
    return np.cos(angles)[None, None, :], (4 * np.sin(angles / 2) ** 2)[None, None, :]


EDGE = float(np.arccos(1 - CLOSE))
ANGLES = np.array([0.0, 1e-9, 0.99 * EDGE, 1.01 * EDGE, 1.0, np.pi - 1.01 * EDGE, np.pi - 0.99 * EDGE, np.pi])


@pytest.mark.parametrize("careful", [False, True])
def test_arrays_say_how_near_angles_come_to_0_and_to_pi(careful: bool) -> None:
    code = relu_code(1, careful, weight=1.0, bias=0.0)
    grams, excesses = turned(ANGLES)
    unit = np.ones((1, 1)), np.ones((1, len(ANGLES)))
    _, least, opposite = run_arrays(np, code, *unit, list(grams), list(excesses))
    assert np.allclose(least[0], 1 - np.cos(ANGLES), atol=1e-15)
    assert np.allclose(opposite[0], 1 + np.cos(ANGLES), atol=1e-15)
    assert (opposite[0] < CLOSE).tolist() == [False] * 6 + [True] * 2
    assert (least[0] < CLOSE).tolist() == [True] * 3 + [False] * 5


def test_the_nearest_of_all_layers_counts() -> None:
    b = Builder()
    arcs = [b.arc_fast(factor * b.gram(0), b.row(0), b.col(0)) for factor in (0.5, 0.999, -0.9999)]
    b.output(arcs[0][0] + arcs[1][0] + arcs[2][1])
    one = np.ones((1, 1))
    _, least, opposite = run_arrays(np, b.build(), one, one, [one])
    assert least[0, 0] == pytest.approx(1e-3, rel=1e-10)
    assert opposite[0, 0] == pytest.approx(1e-4, rel=1e-10)
    b = Builder()
    b.output(b.gram(0))
    _, least, opposite = run_arrays(np, b.build(), one, one, [one])
    assert least[0, 0] == opposite[0, 0] == 2.0


@pytest.mark.parametrize("angle", ANGLES)
def test_a_tile_runs_again_exactly_when_an_angle_is_small(angle: float) -> None:
    fast, careful = (relu_code(1, kind, weight=1.0, bias=0.0) for kind in (False, True))
    angles = np.full(100, 1.3)
    angles[70] = angle
    grams, excesses = turned(angles)
    unit = np.ones((1, 1)), np.ones((1, 100))
    values, again = evaluate(fast, *unit, grams, excesses, careful=careful)
    assert again == (angle < EDGE)
    if angle < 2:
        theta = angle if angle > 0 else 0.0
        truth = np.cos(theta) * (np.pi - theta) / (2 * np.pi)
        assert values[0, 0, 70] - values[1, 0, 70] == pytest.approx(truth, rel=1e-14)


# -- tiles and arrays -------------------------------------------------------------------------------------------------


@st.composite
def codes(draw: st.DrawFn) -> Any:
    """Random code with values that stay near 1; what is drawn last is built from all that came before."""
    b = Builder()
    m = Functions(b)
    values: list[Value] = [b.gram(0), b.gram(1), b.row(0), b.col(0), b.row(1), b.col(1), b.constant(0.5)]
    p, q = 1.0 + b.row(0) * b.row(0), 1.0 + b.col(0) * b.col(0)
    for _ in range(draw(st.integers(1, 12))):
        x, y, z = (draw(st.sampled_from(values)) for _ in range(3))
        tame = m.sin(x * y)  # in [-1, 1], so that it is a covariance for p, q >= 1
        new: list[Value] = draw(
            st.sampled_from(
                [
                    [b.sum_of_products([(0.3, x, y), (-0.4, z, None), (0.2, y, z), (0.1, 1.0, None)])],
                    [b.sum_of_products([(0.1 * k, values[k % len(values)], None) for k in range(1, 9)])],
                    [m.cos(x), m.sqrt(1.0 + y * y)],
                    [x / (2.0 + m.cos(z)), m.exp(tame)],
                    [m.asin(0.9 * tame)],
                    list(b.arc_fast(tame, p, q)),
                    list(b.arc_careful(tame, p, q, 2.0 * (m.sqrt(p) * m.sqrt(q) - tame))),
                    list(b.arc_careful(tame, p, q, b.excess(0))),
                    list(b.erf_pair(tame, p, q, 0.4, 1.1)),
                    list(b.hermite(tame, 0)),
                    [b.correlation(x, p, q), b.sine(tame, p, q)],
                ]
            )
        )
        values += new
    for value in values[-3:]:
        b.output(value)
    return b.build()


@settings(max_examples=60, deadline=None)
@given(code=codes(), n1=st.integers(1, 40), n2=st.integers(1, 70), threads=st.sampled_from([1, 2]))
def test_tiles_and_arrays_agree_on_any_code(code: Any, n1: int, n2: int, threads: int) -> None:
    rng = np.random.default_rng(n1 + 100 * n2)
    rows, cols, grams = rng.uniform(-1, 1, (2, n1)), rng.uniform(-1, 1, (2, n2)), rng.uniform(-1, 1, (2, n1, n2))
    tables = [Table(rng.uniform(-0.3, 0.3, (5, n1)), rng.uniform(-0.3, 0.3, (5, n2)), n1 % 3)]
    excesses = rng.uniform(0, 1, (1, n1, n2))
    whole, _, _ = run_arrays(np, code, rows, cols, list(grams), list(excesses), tables)
    tiled, _ = evaluate(code, rows, cols, grams, excesses, tables=tables, threads=threads)
    for a, b in zip(tiled, whole, strict=True):
        assert np.max(np.abs(a - b) / (1.0 + np.abs(b))) < 1e-11


def test_another_code_gives_other_numbers() -> None:
    case, wrong = CASES["odd series"], CASES["full series"]
    outputs = evaluate(wrong.code, case.rows, case.cols, case.grams, tables=wrong.tables)[0]
    assert np.max(np.abs(outputs[0] - exact(case, case.formulas[0]))) > 1e-3


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (32, 32), (100, 257)])
@pytest.mark.parametrize("shape", [(32, 32), (16, 128), (4, 16)])
def test_tiles_cover_a_block_once(size: tuple[int, int], shape: tuple[int, int]) -> None:
    count = np.zeros(size, dtype=int)
    for i, h, j, m in tiles_of(*size, shape).tolist():
        count[i : i + h, j : j + m] += 1
    assert (count == 1).all()
    upper = np.zeros(size, dtype=int)
    for i, h, j, m in tiles_of(*size, shape, 0).tolist():
        upper[i : i + h, j : j + m] += 1
    assert (upper[np.triu_indices(size[0], 0, size[1])] == 1).all()
    assert upper.max() == 1


def test_many_registers_make_small_tiles() -> None:
    b = Builder()
    tiles = [b.gram(k) for k in range(2000)]
    for k in range(2000):
        b.output(b.sum_of_products([(1.0, tiles[k], None), (0.5, tiles[(7 * k + 3) % 2000], None)]))
    code = b.build()
    grams = RNG.normal(size=(2000, 3, 5))
    assert code.registers > 1000
    assert tile_shape(code, 8) == (16, 32) and tile_shape(code, 4) == (16, 64)
    outputs, _ = evaluate(code, np.zeros((0, 3)), np.zeros((0, 5)), grams)
    assert np.abs(outputs - grams - 0.5 * grams[(7 * np.arange(2000) + 3) % 2000]).max() < 1e-15
