"""Exact constants against Python's own exact and high-precision numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tpproof.errors import TpproofError
from tpproof.program.constants import (
    ONE,
    ZERO,
    Constant,
    add,
    enclosure,
    from_float,
    from_json,
    mul,
    power,
    sign,
    text,
    to_float,
    to_json,
)

HALF = Fraction(1, 2)
FRACTIONS = st.fractions(-20, 20, max_denominator=30)
POSITIVE = st.fractions(Fraction(1, 30), 20, max_denominator=30)
EXPONENTS = st.sampled_from([Fraction(e) for e in ("-2", "-1", "-1/2", "1/3", "1/2", "2/3", "3/2", "2", "3")])


def sqrt(x: int | Fraction) -> Constant:
    return power(Fraction(x), HALF)


@pytest.fixture(autouse=True, scope="module")
def eighty_digits() -> Iterator[None]:
    with localcontext() as context:
        context.prec = 80
        yield


def value(c: Constant) -> Decimal:
    """A constant's value to 80 digits, read off its structure."""
    if isinstance(c, Fraction):
        return Decimal(c.numerator) / Decimal(c.denominator)
    if c[0] == "pow":
        base, exponent = value(c[1]), c[2]
        if exponent.denominator == 1:
            return base ** int(exponent)
        return (base.ln() * Decimal(exponent.numerator) / Decimal(exponent.denominator)).exp()
    parts = [value(part) for part in c[1]]
    return sum(parts, Decimal(0)) if c[0] == "add" else math.prod(parts, start=Decimal(1))


def close(x: Decimal, y: Decimal) -> bool:
    return abs(x - y) <= Decimal(10) ** -40 * (1 + abs(x))


@st.composite
def surds(draw: st.DrawFn, operations: int = 3) -> Constant:
    """A constant made by a few additions, multiplications and powers; never one that cannot be told from 0."""
    pool: list[Constant] = [draw(FRACTIONS), draw(POSITIVE)]
    for _ in range(draw(st.integers(0, operations))):
        kind = draw(st.sampled_from(["add", "mul", "pow"]))
        first, second = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        if kind == "pow":
            if abs(value(first)) > Decimal("1e-6") and value(first) < 10**6:
                exponent = draw(EXPONENTS)
                positive = value(first) > 0 or exponent.denominator == 1
                pool.append(power(first if positive else mul(-ONE, first), exponent))
        else:
            pool.append((add if kind == "add" else mul)(first, second))
    c = pool[-1]
    assume(c == 0 or Decimal("1e-9") < abs(value(c)) < Decimal("1e9"))
    return c


# rational arithmetic is exact -------------------------------------------------------------------------


@given(st.lists(FRACTIONS, min_size=1, max_size=5))
def test_sums_and_products_of_fractions_are_fractions(parts: list[Fraction]) -> None:
    assert add(*parts) == sum(parts)
    assert mul(*parts) == math.prod(parts)


@given(FRACTIONS, st.integers(-4, 4))
def test_integer_powers_of_fractions_are_fractions(base: Fraction, exponent: int) -> None:
    assume(base != 0 or exponent >= 0)
    assert power(base, Fraction(exponent)) == base**exponent


@given(st.fractions(0, 50, max_denominator=50), st.sampled_from([2, 3, 5]))
def test_exact_roots_are_fractions(root: Fraction, degree: int) -> None:
    assert power(root**degree, Fraction(1, degree)) == root


@given(POSITIVE, st.integers(2, 5))
def test_a_root_undoes_its_power(base: Fraction, degree: int) -> None:
    assert power(power(base, Fraction(1, degree)), Fraction(degree)) == base


def test_empty_sums_and_products() -> None:
    assert (add(), mul()) == (ZERO, ONE)


# surds ------------------------------------------------------------------------------------------------


def test_surds_of_one_base_are_collected() -> None:
    assert mul(sqrt(2), sqrt(2)) == 2
    assert add(sqrt(2), sqrt(2)) == mul(Fraction(2), sqrt(2))
    assert add(sqrt(2), mul(-ONE, sqrt(2))) == 0
    assert mul(sqrt(3), power(Fraction(3), -HALF)) == 1
    assert mul(sqrt(2), power(Fraction(2), Fraction(1, 3))) == power(Fraction(2), Fraction(5, 6))
    assert power(Fraction(2), Fraction(3, 2)) == mul(Fraction(2), sqrt(2))
    assert power(Fraction(2), -HALF) == mul(HALF, sqrt(2))


def test_a_square_of_a_sum_is_written_out() -> None:
    assert power(add(ONE, sqrt(2)), Fraction(2)) == add(Fraction(3), mul(Fraction(2), sqrt(2)))
    assert mul(add(ONE, sqrt(2)), add(ONE, sqrt(2))) == add(Fraction(3), mul(Fraction(2), sqrt(2)))


def test_an_even_root_of_an_even_power_is_the_absolute_value() -> None:
    negative = add(ONE, mul(-ONE, sqrt(2)))
    fifth = power(power(negative, Fraction(8)), Fraction(1, 8))
    assert close(value(fifth), abs(value(negative)))
    assert sign(fifth) == 1


@pytest.mark.parametrize("c, expected", [
    (ZERO, 0), (Fraction(-1, 7), -1), (sqrt(2), 1), (mul(-ONE, sqrt(2)), -1),
    (add(sqrt(2), Fraction(-14142, 10000)), 1), (add(sqrt(2), Fraction(-14143, 10000)), -1),
    (add(sqrt(2), sqrt(3), mul(-ONE, power(Fraction(10), HALF))), -1),
])  # fmt: skip
def test_signs(c: Constant, expected: int) -> None:
    assert sign(c) == expected


def test_a_sign_that_cannot_be_told_is_an_error_and_not_a_guess() -> None:
    nested = power(add(Fraction(3), mul(Fraction(2), sqrt(2))), HALF)
    zero = add(nested, -ONE, mul(-ONE, sqrt(2)))  # 0, but by no rule of these constants
    with pytest.raises(TpproofError) as error:
        sign(zero)
    assert error.value.code == "E125"


@pytest.mark.parametrize("base, exponent", [(ZERO, -ONE), (ZERO, -HALF), (-ONE, HALF), (-sqrt(4), HALF)])
def test_powers_without_a_value_are_refused(base: Constant, exponent: Fraction) -> None:
    with pytest.raises(TpproofError) as error:
        power(base, exponent)
    assert error.value.code == "E125"


@pytest.mark.parametrize("make", [
    lambda: mul(*[Fraction(10**20)] * 4),
    lambda: power(Fraction(10**20), Fraction(4)),
    lambda: power(Fraction(2), Fraction(65)),
    lambda: power(Fraction(2), Fraction(1, 65)),
    lambda: add(Fraction(1, 10**40), Fraction(1, 10**40 + 1)),
])  # fmt: skip
def test_constants_beyond_the_limits_are_refused(make: Any) -> None:
    with pytest.raises(TpproofError) as error:
        make()
    assert error.value.code == "E104"


@settings(max_examples=200, deadline=None)
@given(surds(), surds())
def test_operations_on_surds_have_the_right_value(a: Constant, b: Constant) -> None:
    assert close(value(add(a, b)), value(a) + value(b))
    assert close(value(mul(a, b)), value(a) * value(b))
    if value(a) > 0:
        assert close(value(power(a, HALF)), value(a).sqrt())


@settings(max_examples=200, deadline=None)
@given(surds(), surds())
def test_sums_and_products_do_not_depend_on_the_order(a: Constant, b: Constant) -> None:
    assert add(a, b) == add(b, a)
    assert mul(a, b) == mul(b, a)


@settings(max_examples=200, deadline=None)
@given(surds())
def test_an_enclosure_holds_the_value_and_is_narrow(c: Constant) -> None:
    lo, hi = enclosure(c)
    exact = value(c)
    assert value(lo) - Decimal("1e-60") <= exact <= value(hi) + Decimal("1e-60")
    assert math.isclose(to_float(c), float(exact), rel_tol=1e-5, abs_tol=1e-8)


@settings(max_examples=200, deadline=None)
@given(surds())
def test_the_sign_is_that_of_the_value(c: Constant) -> None:
    try:
        found = sign(c)
    except TpproofError:
        assert abs(value(c)) < Decimal("1e-3")
    else:
        assert found == (value(c) > 0) - (value(c) < 0)


@settings(max_examples=200, deadline=None)
@given(surds())
def test_constants_are_read_back_from_json(c: Constant) -> None:
    assert from_json(to_json(c)) == c


@settings(max_examples=200, deadline=None)
@given(surds())
def test_the_text_is_an_expression_with_that_value(c: Constant) -> None:
    found = eval(text(c).replace("sqrt", "math.sqrt"), {"math": math})
    assert math.isclose(found, float(value(c)), rel_tol=1e-9, abs_tol=1e-9)


def test_texts() -> None:
    assert [text(c) for c in (Fraction(3), Fraction(-1, 2), sqrt(2))] == ["3", "-1/2", "sqrt(2)"]
    assert text(mul(Fraction(3, 2), sqrt(2))) == "(3/2)*sqrt(2)"
    assert text(power(Fraction(2), Fraction(1, 3))) == "2**(1/3)"


@pytest.mark.parametrize("wrong", [
    1, 1.0, None, True, "", "1/0", "2/4", "+1", " 1", "1/-2", "01", "-0", "1.5", "1e3", "٣", "1/2/3", "nan", [],
    ["add"], ["add", "1"], ["pow", "2"], ["pow", "2", 2], ["sub", ["1", "2"]], {"add": []}, ["mul", ["1", 2]],
    "1" * 200,
])  # fmt: skip
def test_what_is_no_canonical_constant_is_refused(wrong: object) -> None:
    with pytest.raises(TpproofError) as error:
        from_json(wrong)
    assert error.value.code == "E105"


def test_constants_nested_too_deeply_are_refused_not_recursed_into() -> None:
    deep: Any = "2"
    for _ in range(10_000):
        deep = ["pow", deep, "1/2"]
    with pytest.raises(TpproofError) as error:
        from_json(deep)
    assert error.value.code == "E105"


def test_zero_is_read_back_from_json() -> None:
    assert from_json(to_json(ZERO)) == ZERO


def test_roots_have_one_normal_form() -> None:
    assert sqrt(8) == mul(Fraction(2), sqrt(2))
    assert sqrt(Fraction(1, 2)) == mul(HALF, sqrt(2))
    assert mul(sqrt(2), sqrt(HALF)) == 1
    assert mul(sqrt(2), sqrt(3)) == sqrt(6)
    assert power(Fraction(4), Fraction(1, 3)) == power(Fraction(2), Fraction(2, 3))
    assert add(sqrt(50), sqrt(8)) == mul(Fraction(7), sqrt(2))
    assert sqrt(1009 * 1009 * 2) == mul(Fraction(1009), sqrt(2))  # a square of a prime beyond the table


POWERS = st.lists(st.tuples(POSITIVE, EXPONENTS), min_size=2, max_size=4)


@settings(max_examples=200, deadline=None)
@given(POWERS, st.permutations(range(8)))
def test_a_product_of_roots_does_not_depend_on_how_it_is_made(
    powers: list[tuple[Fraction, Fraction]], order: list[int]
) -> None:
    halves = [power(base, e / 2) for base, e in powers for _ in range(2)]
    product = ONE
    for i in order:
        product = mul(product, halves[i]) if i < len(halves) else product
    assert product == mul(*(power(base, e) for base, e in powers))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300))
def test_small_roots_are_enclosed(numerator: int, digits: int) -> None:
    tiny = sqrt(Fraction(numerator, 10 ** (digits % 58)))
    lo, hi = enclosure(tiny)
    assert value(lo) <= value(tiny) * (1 + Decimal("1e-70")) and value(tiny) <= value(hi) * (1 + Decimal("1e-70"))
    assert hi < lo * (1 + Fraction(1, 10**6))


def test_the_sign_of_a_small_root_minus_a_larger_number() -> None:
    assert sign(add(sqrt(Fraction(1, 10**59)), Fraction(-1, 10**13))) == -1


@pytest.mark.parametrize("number, expected", [
    (0.5, "1/2"), (1 / 3, "1/3"), (0.1, "1/10"), (-1.5, "-3/2"), (2.0, "2"), (1e-7, "1/10000000"), (0.0, "0"),
])  # fmt: skip
def test_a_float_means_the_simplest_fraction(number: float, expected: str) -> None:
    assert from_float(number) == Fraction(expected)


@pytest.mark.parametrize("number", [math.sqrt(2), math.pi, math.nan, math.inf, 1e300])
def test_a_float_that_means_nothing_exact_is_refused(number: float) -> None:
    with pytest.raises(TpproofError) as error:
        from_float(number)
    assert error.value.code == "E125"
