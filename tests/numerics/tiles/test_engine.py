"""Whole matrices by blocks: excess inputs, and the ReLU NTK of near-duplicates and multiples, against many digits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from tests.numerics.tiles.relu_reference import BIAS, relu_code, relu_exact
from tpproof.numerics.tiles.arrays import Table, run_arrays
from tpproof.numerics.tiles.builder import Builder
from tpproof.numerics.tiles.engine import DIFFER, Engine
from tpproof.numerics.tiles.execute import evaluate

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(4)


def excess(x: Array, y: Array) -> Array:
    """2 (|x| |y| - x.y) of every pair, as a sum of squares."""
    s, t = np.linalg.norm(x, axis=1)[:, None], np.linalg.norm(y, axis=1)[None]
    across = np.sum((t[..., None] * x[:, None] - s[..., None] * y[None]) ** 2, axis=-1)
    return np.asarray(np.divide(across, s * t, out=np.zeros_like(across), where=s * t > 0))


# -- excess inputs ----------------------------------------------------------------------------------------------------


def excess_engine(x: Array, y: Array | None, pairs: list[tuple[int, int]], **options: Any) -> Engine:
    """Its outputs are its excess inputs."""
    b = Builder()
    for k in range(len(pairs)):
        b.output(b.excess(k))
    return Engine(None, b.build(), x, y, [], pairs, **options)


def half_sines(excesses: Array, x: Array, y: Array) -> Array:
    """sin(theta/2), the scale on which angles are as wrong as excesses; 0 where there is no angle."""
    both = 4 * np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)[None]
    return np.asarray(np.sqrt(np.divide(excesses, both, out=np.zeros_like(excesses), where=both > 0)))


def exact_excess(x: Array, y: Array) -> Array:
    with mp.workdps(60):
        rows, cols = ([[mp.mpf(float(v)) for v in vector] for vector in z] for z in (x, y))

        def one(u: Any, v: Any) -> float:
            return float(2 * (mp.sqrt(mp.fdot(u, u)) * mp.sqrt(mp.fdot(v, v)) - mp.fdot(u, v)))

        return np.array([[one(u, v) for v in cols] for u in rows])


def awkward(distance: float) -> tuple[Array, Array]:
    """Inputs with near-duplicates, multiples, opposites and 0 among them."""
    x = np.concatenate([RNG.normal(size=(5, 3)), np.zeros((1, 3))])
    y = np.concatenate([x + distance * RNG.normal(size=x.shape), 2.3 * x, 1e-3 * x, 2 * x, -x])
    return x, y


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("distance", [0.3, 1e-1, 1e-2, 1e-3, 1e-6, 1e-9, 1e-12])
def test_excess_inputs_tell_angles_to_rounding(distance: float, dtype: Any) -> None:
    x, y = (z.astype(dtype).astype(float) for z in awkward(distance))
    found = excess_engine(x[:, None], y[:, None], [(0, 0)], dtype=dtype).run()[0].astype(float)
    error = half_sines(found, x, y) - half_sines(np.maximum(exact_excess(x, y), 0), x, y)
    assert np.max(np.abs(error)) < 8 * np.finfo(dtype).eps
    assert (found[5] == 0).all() and (found >= 0).all()
    assert (np.diag(found[:, 18:24]) == 0).all()  # 2x


def test_a_difference_of_products_would_not_do() -> None:
    x, y = awkward(1e-6)
    naive = 2 * (np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)[None] - x @ y.T)
    error = half_sines(np.maximum(naive, 0), x, y) - half_sines(np.maximum(exact_excess(x, y), 0), x, y)
    assert np.max(np.abs(error)) > 1e-10


def test_inputs_differ_if_a_number_of_a_part_does() -> None:
    x = RNG.normal(size=(70, 3, 2))
    y = x.copy()
    y[1, 2, 1] = np.nextafter(y[1, 2, 1], 9)
    y[2] = 0.0
    x[2] = -0.0
    y[3] = 2 * x[3]
    found = excess_engine(x, y, [DIFFER, (1, 2)], memory=2**12).run()
    truth = (x[:, None] != y[None]).any(axis=(2, 3))
    assert (found[0] == truth).all()
    assert np.diag(truth)[:4].tolist() == [False, True, False, True]
    assert np.allclose(found[1], excess(x[:, 1], y[:, 2]), rtol=1e-12, atol=0)
    both = excess_engine(x, None, [DIFFER], memory=2**12).run()
    assert (both[0] == 1 - np.eye(70)).all()


def test_what_tells_equal_inputs_apart_needs_no_product() -> None:
    engine = excess_engine(np.ones((2, 1, 3)), None, [DIFFER, (0, 0)])
    assert engine._pairs() == [(0, 0)]


# -- what is watched --------------------------------------------------------------------------------------------------


def circle(angles: list[float]) -> Array:
    return np.array([[np.cos(a), np.sin(a)] for a in angles])


@pytest.mark.parametrize("which", ["fast", "careful", "both"])
def test_angles_near_pi_are_counted_once(which: str) -> None:
    x = circle([0.0, 0.5, 1.0, 1.0 + 1e-7])
    y = circle([np.pi, np.pi + 0.03, np.pi + 0.06, 2.0, 0.5])  # 1 + cos < 1e-3 within 0.0447
    norms = np.ones((1, 4)), np.ones((1, 5))
    fast, careful = (relu_code(1, kind, weight=1.0, bias=0.0) for kind in (False, True))
    engine = Engine(
        fast if which != "careful" else None,
        careful if which != "fast" else None,
        x[:, None],
        y[:, None],
        [(0, 0)],
        [(0, 0)],
        *norms,
    )
    opposite = engine.watched()[1].opposite
    assert opposite == 2


def test_nothing_is_counted_where_no_angle_is_near_pi() -> None:
    x = circle([0.0, 0.5, 1.0, 1.0 + 1e-7])
    opposite = relu_engine(x, 3).watched()[1].opposite
    assert opposite == 0
    opposite = relu_engine(np.concatenate([x, -x]), 3, bias=0.0).watched()[1].opposite
    assert opposite > 0
    # a bias bends opposites together
    opposite = relu_engine(np.concatenate([x, -x]), 3, bias=3.0).watched()[1].opposite
    assert opposite == 0


# -- kernels ----------------------------------------------------------------------------------------------------------


def relu_engine(x: Array, depth: int = 10, y: Array | None = None, *, bias: float = BIAS, **options: Any) -> Engine:
    """Of inputs (N, d)."""
    norms = np.sum(x * x, axis=1)[None]
    others = None if y is None else np.sum(y * y, axis=1)[None]
    return Engine(
        relu_code(depth, False, bias=bias),
        relu_code(depth, True, bias=bias),
        x[:, None, :],
        None if y is None else y[:, None, :],
        [(0, 0)],
        [(0, 0)],
        norms,
        others,
        **options,
    )


def clustered(distance: float) -> Array:
    """Inputs of which neighbours are at the distance, and one that is 0."""
    x = RNG.normal(size=(6, 4))
    y = x + distance * RNG.normal(size=x.shape) / 2
    return np.concatenate([x, y, x[:2], np.zeros((1, 4))])


@pytest.mark.parametrize("distance", [1.0, 1e-1, 1e-2, 1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 0.0])
def test_near_duplicates_are_as_exact_as_others(distance: float) -> None:
    x = clustered(distance)
    values = relu_engine(x).run()
    for i in range(len(x)):
        for j in (i, (i + 6) % len(x), (i + 1) % len(x), 12, 14):
            for value, truth in zip(values[:, i, j], relu_exact(x[i], x[j], 10), strict=True):
                assert abs(value - float(truth)) <= 1e-13 * float(truth)


@pytest.mark.parametrize("bias", [0.0, 0.125])
@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-8, 1e-5, 1e-3])
def test_multiples_of_an_input_are_as_exact_as_others(bias: float, distance: float) -> None:
    x = RNG.normal(size=(6, 4))
    y = np.concatenate([2 * x, 2.3 * x]) + distance * RNG.normal(size=(12, 4))
    values = relu_engine(x, 10, y, bias=bias).run()
    joint = relu_engine(np.concatenate([x, y]), 10, bias=bias).run()[:, :6, 6:]
    for i in range(6):
        for j in (i, i + 6, (i + 1) % 6):
            for k, truth in enumerate(relu_exact(x[i], y[j], 10, bias)):
                assert abs(values[k, i, j] - float(truth)) <= 2e-13 * float(truth)
                assert abs(joint[k, i, j] - float(truth)) <= 2e-13 * float(truth)


def test_without_excesses_near_duplicates_are_wrong() -> None:
    x = clustered(1e-7)
    engine = relu_engine(x)
    blind = Engine(engine.fast, None, engine.x1, None, engine.grams, (), engine.rows)
    assert np.max(np.abs(blind.run() / engine.run() - 1)) > 1e-10


@pytest.mark.parametrize("memory", [2**28, 2**16, 2**12])
@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_make_the_same_matrix(memory: int, threads: int) -> None:
    x = np.concatenate([clustered(1e-6) for _ in range(14)])
    whole = relu_engine(x, 3).run()
    engine = relu_engine(x, 3, memory=memory, threads=threads)
    for rows, cols, values in engine.blocks():
        assert np.allclose(values, whole[:, rows, cols], rtol=1e-14, atol=0)
        assert np.allclose(engine.mirrored(values), whole[:, cols, rows], rtol=1e-14, atol=0)
    assert np.allclose(engine.run(), whole, rtol=1e-14, atol=0)


def test_one_triangle_is_the_mirror_of_the_other() -> None:
    x = RNG.normal(size=(300, 5))
    values = relu_engine(x, 2, memory=2**13).run()
    both = relu_engine(x, 2, x).run()
    assert (values == values.transpose(0, 2, 1)).all()
    assert np.allclose(values, both, rtol=1e-13, atol=0)
    assert np.allclose(relu_engine(x, 2).block(slice(40, 90), slice(7, 200)), both[:, 40:90, 7:200], rtol=1e-13, atol=0)


def test_an_output_may_be_the_transpose_of_another() -> None:
    b = Builder()
    for k in range(2):
        b.output(b.unary("exp", b.gram(k)))
    x = RNG.normal(size=(70, 2, 3)) / 3
    engine = Engine(b.build(), None, x, None, [(0, 1), (1, 0)], transposes=(1, 0), memory=2**12)
    truth = np.exp(x[:, 0] @ x[:, 1].T)
    values = engine.run()
    assert np.allclose(values[0], truth, rtol=1e-14)
    assert np.allclose(values[1], truth.T, rtol=1e-14)


@pytest.mark.parametrize("length", [3, 300])
@pytest.mark.parametrize("memory", [2**28, 2**12])
def test_every_part_of_the_data_is_cut_with_its_block(length: int, memory: int) -> None:
    b = Builder()
    rho = b.gram(0) * b.row(1) / b.col(0) + 0.3 * b.gram(1)
    value, slope = b.hermite(rho, 1)
    b.output(value + b.excess(0) * b.excess(1))
    b.output(slope - b.hermite(rho, 0)[0] * b.row(0))
    code = b.build()
    n1, n2 = 90, 141
    x, y = RNG.normal(size=(n1, 2, length)) / length, RNG.normal(size=(n2, 3, length)) / length
    rows, cols = RNG.uniform(1, 2, (2, n1)), RNG.uniform(1, 2, (1, n2))
    tables = [Table(RNG.normal(size=(k, n1)), RNG.normal(size=(k, n2)), k % 3) for k in (4, 7)]
    engine = Engine(None, code, x, y, [(0, 2), (1, 1)], [(1, 0), (0, 2)], rows, cols, tables, memory=memory)
    grams = [x[:, 0] @ y[:, 2].T, x[:, 1] @ y[:, 1].T]
    excesses = [excess(x[:, a], y[:, c]) for a, c in ((1, 0), (0, 2))]
    truth, _, _ = run_arrays(np, code, rows, cols, grams, excesses, tables)
    assert np.allclose(engine.run(), truth, rtol=1e-12, atol=1e-13)


def test_given_excesses_serve_the_careful_code() -> None:
    x = clustered(1e-6)
    norms, excesses = np.sum(x * x, axis=1)[None], excess(x, x)[None]
    fast, careful = relu_code(5, False), relu_code(5, True)
    values, close = evaluate(fast, norms, norms, (x @ x.T)[None], excesses, careful=careful)
    truth, _, _ = run_arrays(np, careful, norms, norms, [x @ x.T], list(excesses))
    assert close > 0
    assert np.allclose(values, np.stack(truth), rtol=1e-14, atol=0)
    unwatched, none = evaluate(fast, norms, norms, (x @ x.T)[None], excesses, careful=careful, limit=-1.0)
    assert none == 0
    assert np.max(np.abs(unwatched / values - 1)) > 1e-12


def test_equal_inputs_give_equal_rows() -> None:
    x = RNG.normal(size=(200, 6))
    x[150] = x[3]
    values = relu_engine(x).run()
    assert np.allclose(values[:, 150], values[:, 3], rtol=2e-14, atol=0)


def test_what_is_not_finite_stays_so() -> None:
    x = RNG.normal(size=(40, 3))
    x[7, 1] = np.inf
    with np.errstate(all="ignore"):
        values = relu_engine(x, 2).run()
    assert not np.isfinite(values[:, 7]).any()
    assert np.isfinite(np.delete(np.delete(values, 7, 1), 7, 2)).all()


@pytest.mark.parametrize("name", ["fast", "careful", "both"])
def test_whether_all_numbers_are_finite_is_known_without_another_look(name: str) -> None:
    x = RNG.normal(size=(70, 3))
    engine = relu_engine(x, 2)
    engine = replace(engine, **{"fast": {"careful": None}, "careful": {"fast": None}, "both": {}}[name])
    assert engine.watched()[1].infinite == 0
    for value in (np.inf, -np.inf, np.nan):
        x[69, 1] = value
        with np.errstate(all="ignore"):
            values, met = replace(engine, x1=x[:, None]).watched()
        assert not np.isfinite(values).all() and met.infinite > 0


# -- products ---------------------------------------------------------------------------------------------------------


def product_engine(x: Array, y: Array | None, **options: Any) -> Engine:
    """Its outputs are the inner products of the first parts, and of the last one of x and the first one of y."""
    b = Builder()
    for k in range(2):
        b.output(b.gram(k))
    return Engine(b.build(), None, x, y, [(0, 0), (x.shape[1] - 1, 0)], **options)


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (5, 15), (37, 61), (70, 130)])
@pytest.mark.parametrize(("parts", "d"), [(1, 1), (2, 3), (3, 32), (1, 513)])
@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
def test_inner_products_are_those_of_many_digits(shape: tuple[int, int], parts: int, d: int, dtype: Any) -> None:
    x, y = (RNG.normal(size=(n, parts, d)).astype(dtype) for n in shape)
    found = product_engine(x, y, dtype=dtype, memory=2**14).run()
    for got, a in zip(found, (0, parts - 1), strict=True):
        exact = x[:, a].astype(np.longdouble) @ y[:, 0].astype(np.longdouble).T
        size = np.linalg.norm(x[:, a], axis=1)[:, None] * np.linalg.norm(y[:, 0], axis=1)
        assert np.max(np.abs(got - exact) / size) < 8 * np.finfo(dtype).eps


def test_both_triangles_are_written_wherever_rows_begin() -> None:
    for n in (1, 7, 33, 65, 131):
        x = RNG.normal(size=(n, 1, 5))
        found = product_engine(x, None).run()
        assert np.allclose(found, (x[:, 0] @ x[:, 0].T)[None], rtol=1e-12, atol=1e-14)
        assert (found == found.transpose(0, 2, 1)).all()
