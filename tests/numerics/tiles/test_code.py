"""The builder keeps kinds apart, shares, drops, and gives registers back."""

from __future__ import annotations

import time

import pytest

from tests.numerics.tiles.relu_reference import relu_code
from tpproof.numerics.tiles.builder import COL, CONST, ROW, TILE, Builder, Functions
from tpproof.numerics.tiles.code import Op


def test_kinds_are_joined() -> None:
    b = Builder()
    p, q, c, k = b.row(0), b.col(0), b.gram(0), b.constant(2.0)
    assert [v.kind for v in (k * 3, p * k, q + 1, p * q, p * p, c * p, p / q, q / 2, -c)] == [
        CONST,
        ROW,
        COL,
        TILE,
        ROW,
        TILE,
        TILE,
        COL,
        TILE,
    ]


def test_constants_are_folded() -> None:
    b = Builder()
    m = Functions(b)
    value = (b.constant(3.0) * 2 - 1) / 10 + m.sqrt(b.constant(4.0)) + m.exp(0.0) ** 3
    assert value == b.constant(3.5)
    assert b.gram(0) * 0.0 == b.constant(0.0)
    assert b.gram(0) * 1.0 == b.gram(0)
    assert b.gram(0) ** 0 == b.constant(1.0)


def test_equal_expressions_are_one_value() -> None:
    b = Builder()
    p, c = b.row(0), b.gram(0)
    assert p * c == c * p
    assert b.arc_fast(c, p, b.col(0)) == b.arc_fast(c, p, b.col(0))
    assert p / 2 != b.col(0) / 2


def test_what_no_output_needs_is_dropped() -> None:
    b = Builder()
    c = b.gram(1)
    b.unary("exp", c * b.row(5))
    b.output(c + 1)
    code = b.build()
    assert [row[0] for row in code.instructions.tolist()] == [Op.GRAM, Op.SUM, Op.OUTPUT]
    assert (code.grams, code.excesses, code.rows.steps) == (2, 0, ())


def test_numbers_of_one_input_do_not_reach_the_tiles() -> None:
    b = Builder()
    p, q = b.row(0), b.col(0)
    p = 1.0 / b.unary("sqrt", 1.0 + 2.0 * p * p)
    b.output(b.gram(0) * (p * q))
    code = b.build()
    assert len(code.rows.keep) == len(code.cols.keep) == 1


def test_depth_costs_no_registers() -> None:
    assert relu_code(30, careful=True).registers == relu_code(3, careful=True).registers <= 8


def test_a_register_is_never_read_after_it_is_given_back() -> None:
    code = relu_code(3, careful=True)
    written: set[int] = set()
    for op, dst, dst2, *_ in code.instructions.tolist():
        if op != Op.OUTPUT:
            assert dst not in (dst2,)
            written |= {dst, dst2} - {-1}
    assert written == set(range(code.registers))


def test_building_is_linear_in_the_length() -> None:
    def seconds(length: int) -> float:
        start = time.process_time()
        b = Builder()
        tiles = [b.gram(k) for k in range(50)]
        for k in range(length):
            tiles[k % 50] = b.sum_of_products([(0.5, tiles[k % 50], None), (0.25, tiles[(k * 7 + 1) % 50], None)])
        for tile in tiles:
            b.output(tile)
        b.build()
        return time.process_time() - start

    seconds(1000)
    assert seconds(20000) < 12 * seconds(5000) + 0.1


def test_a_variance_of_the_wrong_input_is_refused() -> None:
    b = Builder()
    with pytest.raises(ValueError, match="belongs to its own input"):
        b.arc_fast(b.gram(0), b.col(0), b.col(0))


def test_only_functions_that_tiles_have_are_offered() -> None:
    with pytest.raises(AttributeError):
        Functions(Builder()).gamma(1.0)
