"""Closed forms of Gaussian expectations against integrals, against each other, and in several arithmetics."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numerics.expectations.gaussian_integrals import QUAD, base_value, double, single
from tests.precision import MP, Real
from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.closed import MACHINE, NumberPair, Terms, gaussian_pair

ONE, STEP, ERF = ("one",), ("step",), ("erf", 0.9)
BELL, TILT, SIN, COS = ("exp", -0.3, 0.0), ("exp", -0.2, 0.4), ("sin", 1.1), ("cos", 0.8)
BASES = (ONE, STEP, ERF, BELL, TILT, SIN, COS)
UNSUPPORTED = {frozenset((b, c)) for b, c in itertools.product((STEP, ERF), (TILT, SIN, COS))}
POWERS = range(4)
P, Q = 1.3, 0.7

RELU: Terms = ((1.0, 1, STEP),)
LEAKY: Terms = ((0.1, 1, ONE), (0.9, 1, STEP))
ABS: Terms = ((2.0, 1, STEP), (-1.0, 1, ONE))
SIGN: Terms = ((2.0, 0, STEP), (-1.0, 0, ONE))
GELU: Terms = ((0.5, 1, ONE), (0.5, 1, ("erf", 0.5**0.5)))
GELU_SLOPE: Terms = ((0.5, 0, ONE), (0.5, 0, ("erf", 0.5**0.5)), (1 / math.sqrt(2 * math.pi), 1, ("exp", -0.5, 0.0)))
ERFS: Terms = ((1.0, 0, ("erf", 1.0)),)
SNAKE: Terms = ((1.0, 1, ONE), (0.5, 0, ONE), (-0.5, 0, ("cos", 2.0)))
WAVES: Terms = ((1.5, 0, ("cos", 1.2)), (0.7, 0, ("sin", 1.2)), (-0.6, 1, ONE))
CUBIC: Terms = ((1.0, 3, ONE), (-0.5, 2, ONE), (0.3, 1, ONE))
KINK: Terms = ((2.0, 1, STEP), (-0.7, 1, ONE), (0.4, 0, STEP), (1.0, 0, ONE))
BUMP: Terms = ((1.0, 1, ("exp", -1.0, 0.0)),)
SQUARE: Terms = ((1.0, 2, STEP),)
XSIN: Terms = ((1.0, 1, ("sin", 1.0)),)
FUNCTIONS = {
    "relu": RELU, "leaky": LEAKY, "abs": ABS, "sign": SIGN, "gelu": GELU, "gelu slope": GELU_SLOPE, "erf": ERFS,
    "waves": WAVES, "cubic": CUBIC, "kink": KINK, "bump": BUMP, "relu squared": SQUARE, "x sin x": XSIN,
}  # fmt: skip


class Fifty:
    """The arithmetic of 50 digits."""

    pi = +MP.pi
    number = staticmethod(MP.mpf)
    sqrt, exp = staticmethod(MP.sqrt), staticmethod(MP.exp)
    sin, cos = staticmethod(MP.sin), staticmethod(MP.cos)
    sinh, cosh, asin = staticmethod(MP.sinh), staticmethod(MP.cosh), staticmethod(MP.asin)


def fifty_pair(p: Real, q: Real, c: Real) -> NumberPair:
    """A pair by the textbook's formulas, which 50 digits can afford."""
    p, q, c = MP.mpf(p), MP.mpf(q), MP.mpf(c)
    root = MP.sqrt(p * q)
    determinant = max(p * q - c * c, MP.zero)
    theta = MP.atan2(MP.sqrt(determinant), c) if root else MP.pi / 2
    relus = (MP.sin(theta) + (MP.pi - theta) * MP.cos(theta)) * root / (2 * MP.pi)
    return NumberPair(
        p=p, q=q, c=c, root=root, theta=theta, sine=MP.sin(theta), J0=(MP.pi - theta) / (2 * MP.pi), J1=relus,
        determinant=determinant, d=p + q - 2 * c, D1=(p + q) / 2 - 2 * relus,
    )  # fmt: skip


def fifty(left: Terms, right: Terms, p: Real, q: Real, c: Real) -> Real:
    return closed.two(left, right, fifty_pair(p, q, c), Fifty())


def term(base: tuple[object, ...], n: int = 0) -> Terms:
    return ((1.0, n, base),)


def values(z: Real) -> Sequence[Real]:
    """Every base times every power, at 30 digits."""
    powers = [z**n for n in POWERS]
    return [base * power for base in [base_value(base, z) for base in BASES] for power in powers]


@cache
def integrals(correlation: float) -> Sequence[Sequence[Real]]:
    return double(values, values, QUAD.mpf(P), QUAD.mpf(Q), QUAD.mpf(correlation))


def check_all_products(correlation: float) -> None:
    table = integrals(correlation)
    names = [(base, n) for base in BASES for n in POWERS]
    c = correlation * MP.sqrt(MP.mpf(P) * MP.mpf(Q))
    pair = fifty_pair(P, Q, c)
    for (i, (b, n)), (j, (d, k)) in itertools.product(enumerate(names), repeat=2):
        value = closed.two(term(b, n), term(d, k), pair, Fifty())
        assert (value is None) == (frozenset((b, d)) in UNSUPPORTED)
        if value is not None:
            assert abs(value - MP.mpf(table[i][j])) < 1e-19 * (1 + abs(table[i][j])), (b, n, d, k)


# --- against integrals


@pytest.mark.parametrize("correlation", [1.0, -1.0, -0.8])
def test_every_supported_product_is_its_integral(correlation: float) -> None:
    check_all_products(correlation)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.3, 0.999999, -0.999])
def test_every_supported_product_is_its_integral_at_other_angles(correlation: float) -> None:
    check_all_products(correlation)


def test_without_correlation_expectations_multiply() -> None:
    pair = fifty_pair(P, Q, 0)
    for (b, n), (d, k) in itertools.product(itertools.product(BASES, POWERS), repeat=2):
        value = closed.two(term(b, n), term(d, k), pair, Fifty())
        if value is not None:
            expected = closed.one(term(b, n), MP.mpf(P), Fifty()) * closed.one(term(d, k), MP.mpf(Q), Fifty())
            assert abs(value - expected) < 1e-40


@pytest.mark.parametrize("base", BASES, ids=str)
def test_one_expectation_is_its_integral_up_to_the_twentieth_power(base: tuple[object, ...]) -> None:
    powers = (0, 1, 2, 5, 12, 20)
    expected = single([lambda z, n=n: base_value(base, z) * z**n for n in powers], QUAD.mpf(P))
    for n, integral in zip(powers, expected, strict=True):
        found = closed.one(term(base, n), MP.mpf(P), Fifty())
        size = MP.sqrt(closed.one(term(ONE, 2 * n), MP.mpf(P), Fifty()))  # of zⁿ: its tail beyond REACH grows with n
        assert abs(found - MP.mpf(integral)) < (1e-18 if n < 10 else 1e-12) * size


def test_the_comparison_notices_a_wrong_coefficient() -> None:
    value = fifty(GELU, GELU, P, Q, 0.4)
    wrong = ((0.5, 1, ONE), (0.5000001, 1, ("erf", 0.5**0.5)))
    assert abs(fifty(wrong, GELU, P, Q, 0.4) - value) > 1e-9
    other = ((0.5, 1, ONE), (0.5, 1, ("erf", 0.7071067)))
    assert abs(fifty(other, GELU, P, Q, 0.4) - value) > 1e-9


# --- doubles

VARIANCES = (0.0, 1e-9, 1.5, 1e4)
CORRELATIONS = (0.0, 1e-9, 0.3, -0.8, 0.999999, 1 - 1e-12, 1.0, -1.0)


def cases() -> Iterator[tuple[float, float, float]]:
    """Variances and covariances, none of which rounding has carried beyond √(p q)."""
    for p, q, r in itertools.product(VARIANCES, VARIANCES, CORRELATIONS):
        c = r * math.sqrt(p * q) if p != q else r * p
        yield p, q, c if MP.mpf(c) ** 2 <= MP.mpf(p) * MP.mpf(q) else math.nextafter(c, 0.0)


def machine_pair(p: float, q: float, c: float) -> NumberPair:
    return gaussian_pair(p, q, c, float(MP.mpf(p) + MP.mpf(q) - 2 * MP.mpf(c)))


def norm(terms: Terms, p: float) -> Real:
    return MP.sqrt(fifty(terms, terms, p, p, p))


def error(terms: Terms, p: float, q: float, c: float) -> float:
    """Of E[F F] in doubles, in units of √(E F(u)² E F(v)²), or of 1 where F has no size."""
    size = norm(terms, p) * norm(terms, q) or 1
    found = float(closed.two(terms, terms, machine_pair(p, q, c), MACHINE))
    return float(abs(found - fifty(terms, terms, p, q, c)) / size)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_doubles_keep_fourteen_digits_everywhere(name: str) -> None:
    assert np.max([error(FUNCTIONS[name], *case) for case in cases()]) < 1e-14


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("n", [2, 7, 12])
def test_high_powers_are_as_accurate(base: tuple[object, ...], n: int) -> None:
    assert np.max([error(term(base, n), 1.3, 0.7, r * math.sqrt(0.91)) for r in (-0.99, -0.5, 0.1, 0.9)]) < 1e-13


@pytest.mark.parametrize("terms", [GELU, ERFS, RELU, SIGN, CUBIC, SQUARE, BUMP], ids=str)
def test_where_the_angle_is_acute_the_value_itself_is_accurate(terms: Terms) -> None:
    for p, q, c in cases():
        expected = fifty(terms, terms, p, q, c)
        if c > 0.2 * math.sqrt(p * q) > 0:
            found = float(closed.two(terms, terms, machine_pair(p, q, c), MACHINE))
            assert abs(found - expected) < 1e-14 * expected


def test_a_value_of_arrays_is_the_array_of_values() -> None:
    p, q = np.array([[0.5], [1.0], [0.0]]), np.array([[1.0, 2.0]])
    pair = gaussian_pair(p, q, 0.4 * np.sqrt(p * q))
    for f, g in itertools.product(FUNCTIONS.values(), repeat=2):
        table = closed.two(f, g, pair, MACHINE)
        if table is not None:
            whole = np.broadcast_to(table, (3, 2))
            for i, j in np.ndindex(3, 2):
                alone = gaussian_pair(p[i, 0], q[0, j], pair.c[i, j])
                np.testing.assert_allclose(whole[i, j], closed.two(f, g, alone, MACHINE), rtol=1e-14, atol=1e-15)


def test_sums_that_cancel_at_small_variance_are_the_callers_choice() -> None:
    ripple: Terms = ((0.5, 0, ONE), (-0.5, 0, ("cos", 2.0)))  # sin², of size p, from terms of size 1
    assert max(error(ripple, p, p, 0.0) for p in (1e-5, 3e-5, 1e-4)) > 1e-10
    assert error(ripple, 1.0, 1.0, 0.0) < 1e-14


# --- differences

DIFFERENCES = ("relu", "leaky", "abs", "sign", "kink", "erf", "waves", "cubic")
MORE: dict[str, Terms] = {
    "line": ((2.0, 1, ONE), (1.0, 0, ONE)), "constant": ((3.0, 0, ONE),), "tent": ((1.0, 1, ONE), (-1.5, 1, STEP)),
    "jump": ((1.0, 1, ONE), (-0.4, 0, STEP)), "erf and line": ((1.5, 0, ERF), (-0.5, 1, ONE)),
    "sine and line": ((1.5, 0, SIN), (0.5, 1, ONE)), "fourth power": ((1.0, 4, ONE),), "snake": SNAKE,
}  # fmt: skip


def direct(terms: Terms, p: float, q: float, c: float) -> Real:
    """E(F(u) - F(v))² by the three expectations, which cancel."""
    return fifty(terms, terms, p, p, p) + fifty(terms, terms, q, q, q) - 2 * fifty(terms, terms, p, q, c)


@pytest.mark.parametrize("name", [*DIFFERENCES, *MORE])
def test_a_difference_is_made_of_three_expectations(name: str) -> None:
    terms = {**FUNCTIONS, **MORE}[name]
    for p, q, c in cases():
        if p * q == 0 and (0, STEP) in {(n, base) for _, n, base in terms}:
            continue  # a jump exactly where u is
        found = closed.difference(terms, fifty_pair(p, q, c), Fifty())
        assert abs(found - direct(terms, p, q, c)) < 1e-38 * (norm(terms, p) + norm(terms, q) + 1) ** 2, (p, q, c)


@pytest.mark.parametrize("name", [*DIFFERENCES, *MORE])
def test_a_difference_in_doubles_is_relatively_accurate(name: str) -> None:
    terms = {**FUNCTIONS, **MORE}[name]
    for p, q, c in cases():
        expected = direct(terms, p, q, c)
        if p * q == 0 and (0, STEP) in {(n, base) for _, n, base in terms}:
            continue
        if expected > 1e-36 * (norm(terms, p) + norm(terms, q)) ** 2:  # below, fifty digits are not enough
            found = float(closed.difference(terms, machine_pair(p, q, c), MACHINE))
            assert abs(found - expected) < 1e-13 * expected, (p, q, c)


@pytest.mark.parametrize("terms", [GELU, BUMP, XSIN, SQUARE, ((1.0, 0, SIN), (1.0, 0, ("sin", 2.0)))], ids=str)
def test_other_differences_are_not_known(terms: Terms) -> None:
    assert closed.difference(terms, gaussian_pair(1.0, 1.0, 0.3), MACHINE) is None


# --- laws that expectations obey

eighths = st.integers(-16, 16).filter(bool).map(lambda i: i / 8)  # sums of them are exact
atoms = st.tuples(eighths, st.integers(0, 3), st.sampled_from(BASES))
sums = st.lists(atoms, min_size=1, max_size=3).map(tuple)
pairs = st.tuples(st.floats(0.05, 4), st.floats(0.05, 4), st.floats(-1, 1)).map(
    lambda x: (x[0], x[1], x[2] * math.sqrt(x[0] * x[1]))
)


@given(sums, sums, pairs)
def test_the_order_of_the_two_does_not_matter(f: Terms, g: Terms, law: tuple[float, float, float]) -> None:
    p, q, c = law
    there, back = fifty(f, g, p, q, c), fifty(g, f, q, p, c)
    assert (there is None) == (back is None)
    assert there is None or abs(there - back) < 1e-40


@settings(max_examples=40)
@given(sums, sums, sums, pairs)
def test_expectations_are_bilinear(f: Terms, g: Terms, h: Terms, law: tuple[float, float, float]) -> None:
    parts = fifty(f, h, *law), fifty(g, h, *law)
    if None not in parts:
        twice = tuple((2 * a, n, base) for a, n, base in g)
        assert abs(fifty(f + twice, h, *law) - parts[0] - 2 * parts[1]) < 1e-40


@settings(max_examples=40)
@given(sums, sums, pairs)
def test_no_covariance_is_beyond_the_norms(f: Terms, g: Terms, law: tuple[float, float, float]) -> None:
    p, q, c = law
    pair = gaussian_pair(p, q, c)
    whole = [closed.two(f, f, gaussian_pair(p, p, p), MACHINE), closed.two(g, g, gaussian_pair(q, q, q), MACHINE)]
    mixed = closed.two(f, g, pair, MACHINE)
    if mixed is not None and None not in whole:
        sizes = [sum(abs(a) * float(norm(term(base, n), v)) for a, n, base in t) for t, v in ((f, p), (g, q))]
        assert abs(mixed) <= math.sqrt(max(whole[0] * whole[1], 0)) + 1e-13 * sizes[0] * sizes[1]


def derivative(terms: Terms) -> Terms:
    """F', by the rules of the schoolbook."""
    found: list[tuple[float, int, tuple[object, ...]]] = []
    for a, n, base in terms:
        if n:
            found.append((a * n, n - 1, base))
        match base:
            case ("sin", w):
                found.append((a * w, n, ("cos", w)))
            case ("cos", w):
                found.append((-a * w, n, ("sin", w)))
            case ("exp", alpha, beta):
                found += [(2 * a * alpha, n + 1, base), (a * beta, n, base)]
            case ("erf", w):
                found.append((2 * a * w / math.sqrt(math.pi), n, ("exp", -w * w, 0.0)))
            case ("step",):
                assert n > 0  # else a point mass
    return tuple(found)


@pytest.mark.parametrize("left", BASES, ids=str)
@pytest.mark.parametrize("right", BASES, ids=str)
def test_the_derivative_by_the_covariance_is_the_expectation_of_derivatives(
    left: tuple[object, ...], right: tuple[object, ...]
) -> None:
    f, g = term(left, 1 + (left == STEP)), term(right, 1)
    if fifty(f, g, P, Q, 0.4) is not None:
        step = MP.mpf("1e-12")
        slope = (fifty(f, g, P, Q, 0.4 + step) - fifty(f, g, P, Q, 0.4 - step)) / (2 * step)
        assert abs(slope - fifty(derivative(f), derivative(g), P, Q, 0.4)) < 1e-15


def test_a_wrong_derivative_is_noticed() -> None:
    step = MP.mpf("1e-12")
    slope = (fifty(GELU, GELU, P, Q, 0.4 + step) - fifty(GELU, GELU, P, Q, 0.4 - step)) / (2 * step)
    assert abs(slope - fifty(GELU_SLOPE, GELU_SLOPE, P, Q, 0.4)) < 1e-15
    assert abs(slope - fifty(GELU_SLOPE[:2], GELU_SLOPE, P, Q, 0.4)) > 1e-2


# --- other arithmetics


class Register:
    """A value that a machine will have later: it has a number only for the test, and nothing may look at it."""

    made: ClassVar[int] = 0

    def __init__(self, number: float) -> None:
        self.hidden = float(number)
        Register.made += 1

    @staticmethod
    def of(function: Callable[..., float]) -> Callable[..., Register]:
        return lambda *args: Register(function(*(a.hidden if isinstance(a, Register) else a for a in args)))

    __add__ = of(lambda a, b: a + b)
    __sub__ = of(lambda a, b: a - b)
    __mul__ = of(lambda a, b: a * b)
    __truediv__ = of(lambda a, b: a / b)
    __pow__ = of(lambda a, b: a**b)
    __neg__ = of(lambda a: -a)
    __radd__, __rmul__ = __add__, __mul__
    __rsub__ = of(lambda a, b: b - a)
    __rtruediv__ = of(lambda a, b: b / a)

    def __bool__(self) -> bool:
        raise AssertionError("a branch on data")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __float__ = __bool__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Machinery:
    """The namespace of registers."""

    pi = math.pi
    number = staticmethod(float)

    def __getattr__(self, name: str) -> Callable[..., object]:
        function = getattr(math, name)
        return lambda x: Register.of(function)(x) if isinstance(x, Register) else function(x)


def register_pair(pair: NumberPair) -> NumberPair:
    return NumberPair(**{name: Register(value) for name, value in vars(pair).items()})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_registers_are_never_looked_at(name: str) -> None:
    terms, pair = FUNCTIONS[name], gaussian_pair(P, Q, 0.4)
    registers, machinery = register_pair(pair), Machinery()
    Register.made = 0
    found = closed.two(terms, terms, registers, machinery)  # type: ignore[arg-type]
    assert Register.made == closed.operations(terms, terms) < 100
    assert found.hidden == pytest.approx(float(closed.two(terms, terms, pair, MACHINE)), rel=1e-14)
    gap = closed.difference(terms, registers, machinery)  # type: ignore[arg-type]
    if gap is not None:
        assert gap.hidden == pytest.approx(float(closed.difference(terms, pair, MACHINE)), rel=1e-14)


def test_the_test_notices_a_branch_on_data() -> None:
    with pytest.raises(AssertionError, match="branch"):
        bool(Register(1.0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_balls_contain_the_value_and_are_small(name: str) -> None:
    flint = pytest.importorskip("flint")

    class Balls:
        number = staticmethod(flint.arb)

        def __getattr__(self, function: str) -> Callable[..., object]:
            return lambda x: getattr(flint.arb(x), function)()

    with flint.ctx.workprec(200):
        Balls.pi = flint.arb.pi()  # type: ignore[attr-defined]
        pair = fifty_pair(P, Q, 0.4)
        balls = NumberPair(
            **{key: flint.arb(MP.nstr(value, 45)) for key, value in vars(pair).items() if value is not None}
        )
        found = closed.two(FUNCTIONS[name], FUNCTIONS[name], balls, Balls())
        expected = fifty(FUNCTIONS[name], FUNCTIONS[name], P, Q, 0.4)
        assert found.rad() < 1e-35
        assert abs(found - flint.arb(MP.nstr(expected, 45))) < 1e-30


# --- the language of terms


def test_operations_are_not_counted_where_there_is_no_form() -> None:
    assert closed.operations(term(STEP), term(SIN)) is None
    assert closed.operations(GELU, GELU) > closed.operations(RELU, RELU) == 0  # J1 is the pair's own


@pytest.mark.parametrize(
    "base", [("erf", -0.9), ("sin", -1.1), ("cos", -0.8), ("erf", 0.0), ("cos", 0.0), ("exp", 0.0, 0.0)]
)
def test_parameters_of_any_sign_mean_what_they_say(base: tuple[object, ...]) -> None:
    for n in (0, 1):
        integral = single([lambda z, n=n: base_value(base, z) * z**n], QUAD.mpf(P))[0]
        assert abs(closed.one(term(base, n), MP.mpf(P), Fifty()) - MP.mpf(integral)) < 1e-18


@pytest.mark.parametrize(
    "bad", [(1.0, -1, ONE), (1.0, 0.5, ONE), (1.0, 0, ("tanh",)), (1.0, 0, ("erf",)), (math.nan, 0, ONE)]
)
def test_what_is_no_term_is_refused(bad: tuple[float, int, tuple[object, ...]]) -> None:
    with pytest.raises(ValueError, match="not "):
        closed.one((bad,), 1.0, MACHINE)
