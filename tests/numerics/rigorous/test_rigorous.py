"""Enclosures contain what independent high-precision computations find, and the check can fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.closed_forms import ClosedForms
from tests.precision import MP, Real
from tests.zoo.tools import proved
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.expectations.evaluate import Pairs, own_numbers
from tpproof.numerics.reduction.compile import compiled
from tpproof.numerics.reduction.plan import Plan, Step
from tpproof.numerics.reduction.univariate import Callables, Tree, Z, called, number, plus, raised, times
from tpproof.proof.prove import prove

flint = pytest.importorskip("flint")

from tpproof.numerics import rigorous  # noqa: E402
from tpproof.numerics.rigorous import balls, certificate_text, decimal, enclose, integrals  # noqa: E402
from tpproof.numerics.rigorous.expect import Side, _near, _series, expectation, mean  # noqa: E402
from tpproof.numerics.rigorous.gauss import law, one, two  # noqa: E402
from tpproof.numerics.rigorous.integrals import Gaussian  # noqa: E402
from tpproof.numerics.rigorous.smooth import Function  # noqa: E402
from tpproof.numerics.rigorous.terms import terms_of  # noqa: E402

Inputs = NDArray[np.float64]
D = 3
KINDS = {"generic": (0, 1), "equal": (0, 0), "near": (0, 2), "copy": (0, 3), "opposite": (0, 4), "longer": (0, 5)}


@cache
def inputs(parts: int, seed: int = 0) -> Inputs:
    """Two inputs, a near-duplicate, a copy, the negative and twice the first."""
    x = np.random.default_rng(seed).standard_normal((6, parts, D))
    x[2] = x[0] + 1e-6 * x[2]
    x[3], x[4], x[5] = x[0], -x[0], 2 * x[0]
    return x


def gram(x: Inputs, row: int, col: int) -> dict[tuple[int, ...], Real]:
    """ξᵀξ'/d of every two parts at both instances, exactly to 50 digits."""
    sides = [(s, a, [MP.mpf(float(v)) for v in x[i, a]]) for s, i in ((0, row), (1, col)) for a in range(x.shape[1])]
    return {(s, r, 0, a, 0, b): MP.fdot(u, v) / D for s, a, u in sides for r, b, v in sides}


def contains(interval: tuple[Fraction, Fraction], value: Real, digits: int = 40) -> bool:
    """Whether an interval meets a number known to so many digits."""
    known = Fraction(mpmath.libmp.to_str(MP.mpf(value)._mpf_, 50))
    slack = abs(known) / 10**digits
    return bool(interval[0] - slack <= known <= interval[1] + slack)


CLOSED = [
    ("zoo:mlp", {"phi": "relu", "L": "10"}, 1, 36),
    ("zoo:mlp", {"phi": "erf", "L": "10"}, 1, 40),
    ("zoo:mlp", {"phi": "sin"}, 1, 40),
    ("zoo:mlp", {"phi": "abs", "std_w": "sqrt(2)", "std_b": "1/3"}, 1, 36),
    ("zoo:resmlp", {"phi": "relu"}, 1, 36),
    ("zoo:rnn", {"phi": "erf"}, 3, 40),
    ("zoo:rnn", {"phi": "relu"}, 3, 36),
    ("zoo:densenet", {"phi": "relu"}, 1, 36),
    ("zoo:square", {}, 1, 40),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("network", "constants", "parts", "digits"), CLOSED)
def test_closed_forms_of_fifty_digits_are_inside(
    network: str, constants: dict[str, str], parts: int, digits: int, kind: str
) -> None:
    execution = proved(network, **constants)
    x, pair = inputs(parts), KINDS[kind]
    (found,) = enclose(compiled(execution), [x], [pair])
    other = ClosedForms(execution, gram(x, *pair))
    digits = digits if kind not in ("equal", "copy", "opposite", "longer") else 22  # 50 digits lose half at 0 and π
    assert contains(found.ntk, other.kernel(), digits)
    assert contains(found.nngp, other.nngp(), digits)
    assert found.width < 1e-20


# functions without closed forms -------------------------------------------------------------------------

QUAD = mpmath.mp.clone()
QUAD.dps = 25


def integral(f: Callable[[Real], Real], p: Real) -> Real:
    """E f(u), Var u = p."""
    s = QUAD.sqrt(p)
    return QUAD.quad(lambda z: f(s * z) * QUAD.npdf(z), [-13, -8, -5, -2, 0, 2, 5, 8, 13])


def double_integral(f: Callable[[Real], Real], p: Real, c: Real, q: Real) -> Real:
    """E f(u) f(v) by Gauss and Legendre's rule in both variables."""
    s, pull, rest = QUAD.sqrt(p), c / QUAD.sqrt(p), QUAD.sqrt(q - c * c / p)
    nodes = mpmath.calculus.quadrature.GaussLegendre(QUAD).calc_nodes(3, QUAD.prec)
    points = [(i + (1 + x) / 2, w / 2) for i in range(-8, 8) for x, w in nodes]
    weights = [(z, w * QUAD.npdf(z)) for z, w in points]
    return QUAD.fsum(w * f(s * z) * QUAD.fsum(v * f(pull * z + rest * y) for y, v in weights) for z, w in weights)


def sigmoid(z: Real) -> Real:
    return 1 / (1 + QUAD.exp(-z))


SMOOTH: dict[str, tuple[Callable[[Real], Real], Callable[[Real], Real]]] = {
    "tanh": (QUAD.tanh, lambda z: 1 - QUAD.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "softplus": (lambda z: QUAD.log1p(QUAD.exp(z)), sigmoid),
    "gelu": (
        lambda z: z * (1 + QUAD.erf(z / QUAD.sqrt(2))) / 2,
        lambda z: (1 + QUAD.erf(z / QUAD.sqrt(2))) / 2 + z * QUAD.npdf(z),
    ),
}


@pytest.mark.parametrize("phi", SMOOTH)
def test_diagonals_by_integrals_in_one_variable_are_inside(phi: str) -> None:
    """Three layers with biases: Σ_l = 1 + E φ², Θ_l = Σ_l + Θ_(l−1) E φ'²."""
    f, slope = SMOOTH[phi]
    x = inputs(1)
    variance = sum((Fraction(float(v)) ** 2 for v in x[0, 0]), start=Fraction(0)) / D + 1
    sigma = kernel = QUAD.mpf(variance.numerator) / variance.denominator
    for _ in range(3):
        kernel = kernel * integral(lambda z: slope(z) ** 2, sigma)
        sigma = integral(lambda z: f(z) ** 2, sigma) + 1
        kernel = kernel + sigma
    plan = compiled(proved("zoo:mlp", phi=phi, L="3"))
    (found,) = enclose(plan, [x], [(0, 0)])
    assert contains(found.ntk, kernel, 20)
    assert contains(found.nngp, sigma, 20)
    assert found.width < 1e-20


@pytest.mark.parametrize("phi", ["tanh", pytest.param("sigmoid", marks=pytest.mark.slow)])
def test_an_entry_by_integrals_in_two_variables_is_inside(phi: str) -> None:
    """One layer with biases: Σ = 1 + E φφ, Θ = Σ + c E φ'φ'."""
    x, one_layer = inputs(1), compiled(proved("zoo:mlp", phi=phi, L="1"))
    exact = {k: QUAD.mpf(v) + 1 for k, v in gram(x, 0, 1).items()}
    p, c, q = exact[0, 0, 0, 0, 0, 0], exact[0, 1, 0, 0, 0, 0], exact[1, 1, 0, 0, 0, 0]
    sigma, slope = (double_integral(f, p, c, q) for f in SMOOTH[phi])
    (found,) = enclose(one_layer, [x], [(0, 1)])
    assert contains(found.nngp, sigma + 1, 13)
    assert contains(found.ntk, sigma + 1 + c * slope, 13)
    assert not contains(found.ntk, sigma + 1 + c * slope * (1 + QUAD.mpf("1e-11")), 13)


TREES: dict[str, Tree] = {
    "tanh": called("tanh", Z),
    "softplus": called("softplus", Z),
    "mish": times(Z, called("tanh", called("softplus", Z))),
    "tanh of tanh": called("tanh", called("tanh", Z)),
    "root": raised(plus(number(Fraction(1)), times(Z, Z)), Fraction(1, 2)),
    "exp of tanh": called("exp", called("tanh", Z)),
    "exp": called("exp", Z),
    "with a number": called("tanh", times(("own", 0), Z)),
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("bits", [10, 20, 40])
def test_a_coarse_grid_pays_for_its_error(name: str, bits: int) -> None:
    """At few bits the rule's error, not rounding, is what the balls are made of: they contain the fine grid's."""

    def coefficients(precision: int) -> list[Any]:
        with balls.precision(precision):
            third = balls.ball(Fraction(4, 3))
            gaussian = Gaussian(Function(TREES[name], lambda k: third), balls.root(third))
            return [*gaussian.coefficients(24), gaussian.square]

    coarse, fine = coefficients(bits), coefficients(160)
    assert all(a.contains(b) for a, b in zip(coarse, fine, strict=True))
    assert max(float(b.rad()) for b in fine) < 1e-40 < max(float(a.rad()) for a in coarse)


@pytest.mark.parametrize("reach", [4, 6, 9])
def test_a_line_that_is_cut_early_pays_for_what_is_beyond(reach: int) -> None:
    with balls.precision(128):
        third = balls.ball(Fraction(4, 3))
        whole, cut = (Gaussian(Function(TREES["softplus"], lambda k: third), balls.root(third)) for _ in range(2))
        cut.__dict__["reach"] = reach
        for k, (a, b) in enumerate(zip(cut.coefficients(24), whole.coefficients(24), strict=True)):
            assert a.contains(b), k
            assert float(a.rad()) > 1e12 * float(b.rad())
        assert cut.square.contains(whole.square)


def test_a_wide_step_pays_for_the_poles_beside_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """tanh(3x) has poles at iπ/6: at h = 1/2 the rule is wrong by about exp(−2π²/3)."""
    with balls.precision(128):
        three = balls.ball(3)
        fine = Gaussian(Function(TREES["tanh"], lambda k: three), three)
        expected = [*fine.coefficients(20), fine.square]
        monkeypatch.setattr(integrals, "_grid", lambda widest, reach: integrals.Grid(1, 1, 2 * reach))
        coarse = Gaussian(Function(TREES["tanh"], lambda k: three), three)
        found = [*coarse.coefficients(20), coarse.square]
    assert all(a.contains(b) for a, b in zip(found, expected, strict=True))
    assert not all(flint.arb(a.mid(), 1e-4).contains(b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("k", [0, 3, 10])
@pytest.mark.parametrize("name", ["softplus", "exp"])
def test_each_part_of_the_error_of_a_short_line_is_bounded(name: str, k: int) -> None:
    """On [−L, L] by the rule's error, beyond by the tail's: each is there, and each bound holds."""
    f = {"softplus": lambda z: MP.log1p(MP.exp(z)), "exp": MP.exp}[name]
    with balls.precision(128):
        one_ball = balls.ball(1)
        gaussian = Gaussian(Function(TREES[name], lambda k: one_ball), one_ball)
        gaussian.__dict__["reach"] = 5
        grid, strip, _, _ = gaussian.rule(k + 1)
        on, beyond = (gaussian._error(grid, strip, k, 1), gaussian._beyond(grid, 1))

    def integrand(z: Real) -> Real:
        return f(z) * MP.hermite(k, z / MP.sqrt(2)) / MP.sqrt(2**k * MP.factorial(k)) * MP.npdf(z)

    h, end = MP.mpf(grid.numerator) / 2**grid.halvings, MP.mpf(float(grid.end))
    rule = h * MP.fsum(integrand(n * h) for n in range(-grid.last, grid.last + 1))
    inside = MP.quad(integrand, MP.linspace(-end, end, 13))
    outside = MP.quad(integrand, [end, end + 2, end + 5, 30]) + MP.quad(integrand, [-30, -end - 5, -end - 2, -end])
    assert 1e-30 < abs(rule - inside) < float(on)
    assert 1e-30 < abs(outside) < float(beyond)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("exponent", [17, 30])
def test_taylor_s_formula_near_perfect_correlation(sign: int, exponent: int) -> None:
    """For erf, Williams' closed form is inside, at the distance from the middle that the remainder says."""
    erf = called("erf", Z)
    with balls.precision(128):
        p, q = balls.ball(Fraction(3, 2)), balls.ball(Fraction(4, 5))
        c = sign * balls.root(p * q) * (1 - balls.ball(Fraction(1, 2**exponent)))
        left, right = (Side(v, lambda k: p, i, {}, {}) for i, v in enumerate((p, q)))
        pair = law(p, q, c)
        found = _near(erf, erf, pair, left, right)
        terms = terms_of(erf, lambda k: p) or []
        expected = two(terms, terms, pair)
        assert found is not None
        assert found.contains(expected)
        assert abs(found.mid() - expected) > found.rad() / 100
        assert float(found.rad()) < 4.0**-exponent


def test_series_and_closed_form_agree() -> None:
    erf = called("erf", Z)
    with balls.precision(128):
        p, q = balls.ball(Fraction(3, 2)), balls.ball(Fraction(4, 5))
        left, right = (Side(v, lambda k: p, i, {}, {}) for i, v in enumerate((p, q)))
        for cosine in (Fraction(9, 10), Fraction(-1, 3)):
            pair = law(p, q, balls.root(p * q) * balls.ball(cosine))
            terms = terms_of(erf, lambda k: p) or []
            series = _series(left.gaussian(erf), right.gaussian(erf), balls.ball(cosine))
            assert series.overlaps(two(terms, terms, pair))
            assert float(series.rad()) < 1e-20


def test_hermite_coefficients_of_exp_are_known() -> None:
    """E exp(σx) h_k(x) = exp(σ²/2) σ^k/√k!."""
    with balls.precision(128):
        sigma = balls.ball(Fraction(5, 4))
        found = Gaussian(Function(TREES["exp"], lambda k: sigma), sigma).coefficients(40)
        for k, c in enumerate(found):
            expected = (sigma * sigma / 2).exp() * sigma**k / flint.arb(k).fac().sqrt()
            assert c.overlaps(expected)
            assert float(c.rad()) < 1e-33


# closed forms -------------------------------------------------------------------------------------------

PIECES: dict[str, Tree] = {
    "z": Z,
    "relu": called("relu", Z),
    "step": called("step", Z),
    "z² step": times(Z, Z, called("step", Z)),
    "erf": called("erf", times(number(Fraction(2, 3)), Z)),
    "z erf": times(Z, called("erf", Z)),
    "bell": called("bell", Z),
    "z bell": times(Z, called("bell", Z)),
    "sin": called("sin", plus(Z, number(Fraction(1, 3)))),
    "z cos": times(Z, called("cos", times(number(Fraction(3, 2)), Z))),
    "exp": called("exp", times(number(Fraction(1, 2)), Z)),
}
VALUES: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "z": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "step": lambda z: (z > 0) * 1.0,
    "z² step": lambda z: z * z * (z > 0),
    "erf": lambda z: np.vectorize(mpmath.fp.erf)(2 * z / 3),
    "z erf": lambda z: z * np.vectorize(mpmath.fp.erf)(z),
    "bell": lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z),
    "z bell": lambda z: 2 / np.sqrt(np.pi) * z * np.exp(-z * z),
    "sin": lambda z: np.sin(z + 1 / 3),
    "z cos": lambda z: z * np.cos(1.5 * z),
    "exp": lambda z: np.exp(z / 2),
}


def polar(left: str, right: str, p: float, q: float, cosine: float) -> float:
    """E F(u) G(v) in polar coordinates, cut where u or v changes its sign."""
    turn = np.arccos(cosine)
    cuts = np.sort(np.mod([np.pi / 2, 3 * np.pi / 2, turn + np.pi / 2, turn + 3 * np.pi / 2, 0], 2 * np.pi))
    nodes, weights = np.polynomial.legendre.leggauss(90)
    radius, radial = 7 * (nodes + 1), 7 * weights
    total = 0.0
    for low, high in zip(cuts, [*cuts[1:], 2 * np.pi], strict=True):
        psi, angular = (low + high + (high - low) * nodes) / 2, (high - low) / 2 * weights
        u, v = (np.sqrt(a) * np.outer(radius, np.cos(psi - t)) for a, t in ((p, 0.0), (q, turn)))
        density = np.outer(radial * radius * np.exp(-(radius**2) / 2), angular) / (2 * np.pi)
        total += float(np.sum(density * VALUES[left](u) * VALUES[right](v)))
    return total


@pytest.mark.parametrize("cosine", [-0.7, 0.4])
@pytest.mark.parametrize("left", PIECES)
def test_closed_forms_are_integrals(left: str, cosine: float) -> None:
    p, q = 1.25, 0.75
    with balls.precision(128):
        c = balls.root(balls.ball(p) * balls.ball(q)) * balls.ball(cosine)
        pair = law(balls.ball(p), balls.ball(q), c)
        for right in PIECES:
            first, second = (terms_of(PIECES[t], lambda k: balls.ball(1)) or [] for t in (left, right))
            found = two(first, second, pair)
            if found is not None:
                assert float(found.rad()) < 1e-34
                assert abs(float(found) - polar(left, right, p, q, cosine)) < 1e-10, right


def test_an_exponent_that_may_be_zero_is_not_taken_for_zero() -> None:
    with balls.precision(64):
        p, nearly = balls.ball(1), flint.arb(0, 1e-3)
        left = terms_of(called("step", Z), lambda k: nearly)
        right = terms_of(called("exp", times(("own", 0), Z)), lambda k: nearly)
        assert left is not None
        assert right is not None
        assert two(left, right, law(p, p, balls.ball(Fraction(1, 2)))) is None


def test_a_jump_is_not_expanded_at_the_end() -> None:
    """F = step · bell has a closed form at c = √(pq); F' would miss a point mass, so F is refused beside it."""
    jump = times(called("bell", Z), called("step", Z))
    with balls.precision(64):
        p = balls.ball(1)
        side = Side(p, lambda k: p, 0, {}, {})
        assert float(mean(times(jump, Z), side)) > 0
        with pytest.raises(rigorous.NoEnclosure, match="kink"):
            expectation(jump, Z, law(p, p, 1 - balls.ball(Fraction(1, 2**20))), side, side)


def test_a_function_of_one_variable_and_a_pair_that_is_one_variable_agree() -> None:
    with balls.precision(128):
        p = balls.ball(Fraction(7, 5))
        pair = law(p, p, p, balls.ball(0))
        for tree in PIECES.values():
            terms = terms_of(tree, lambda k: p) or []
            product = terms_of(times(tree, tree), lambda k: p)
            if product is not None:
                assert one(product, p).overlaps(two(terms, terms, pair))


LARGER = ("attention", "cnn1d")

# against floats, and where the check fails -----------------------------------------------------------------


@pytest.mark.parametrize(
    "network", ["zoo:multi_output", "zoo:tied", *(pytest.param(f"zoo:{n}", marks=pytest.mark.slow) for n in LARGER)]
)
def test_floats_are_within_their_claimed_errors(network: str) -> None:
    plan = compiled(prove(load(network)))
    x = inputs(1 + max(s.data[1] for s in plan.pair if s.op == "gram"))
    pairs = [(0, 1), (0, 0), (0, 2)]
    numbers = own_numbers(plan, [x], {})
    rows, cols = np.array(pairs).T
    entries = [(o, p) for o in range(len(plan.kernels["ntk"])) for p in range(len(plan.kernels["ntk"]))]
    found = iter(enclose(plan, [x], pairs))
    slots = [plan.kernels["ntk"][o][p] for o, p in entries]
    values, errors = Pairs(numbers, numbers, rows, cols).numbers([s for s in slots if s is not None])
    for m, pair in enumerate(pairs):
        for (o, p), slot in zip(entries, slots, strict=True):
            enclosure = next(found)
            assert (enclosure.row, enclosure.col, enclosure.outputs) == (*pair, (o, p))
            value, error = (0.0, 0.0) if slot is None else (float(values[slot][m]), float(errors[slot][m]))
            assert enclosure.ntk[0] - Fraction(error) <= Fraction(value) <= enclosure.ntk[1] + Fraction(error)


def changed(plan: Plan, by: Fraction) -> Plan:
    """The plan with the first constant of its last sum a little larger."""
    last = max(i for i, s in enumerate(plan.pair) if s.op == "sum" and s.args)
    (c, slots), *rest = plan.pair[last].data
    step = Step("sum", plan.pair[last].args, ((c + by, slots), *rest))
    return replace(plan, pair=(*plan.pair[:last], step, *plan.pair[last + 1 :]))


@pytest.mark.parametrize("phi", ["relu", "tanh"])
def test_one_changed_constant_is_seen(phi: str) -> None:
    plan = compiled(proved("zoo:mlp", phi=phi, L="2"))
    (first,) = enclose(plan, [inputs(1)], [(0, 1)])
    (second,) = enclose(changed(plan, Fraction(1, 10**17)), [inputs(1)], [(0, 1)])
    disjoint = [getattr(first, k)[1] < getattr(second, k)[0] for k in ("ntk", "nngp")]
    assert any(disjoint)


def test_more_bits_give_less_width_inside_the_old_interval() -> None:
    plan = compiled(proved("zoo:mlp", phi="relu", L="4"))
    few, many = (enclose(plan, [inputs(1)], [(0, 1)], bits=b, width=1.0)[0] for b in (64, 256))
    assert few.ntk[0] <= many.ntk[0] <= many.ntk[1] <= few.ntk[1]
    assert many.width < 1e-60 < few.width
    (asked,) = enclose(plan, [inputs(1)], [(0, 1)], bits=64, width=1e-50)
    assert asked.width < 1e-50
    assert asked.bits == 256


# what is refused ----------------------------------------------------------------------------------------


NETWORK = 'xi = input("xi")\nU = embedding("U")\nv = readout("v")\n{}output(v @ {})'


def test_users_functions_and_kinks_without_closed_forms_are_refused() -> None:
    library = {"mine": Callables(np.tanh, lambda z: 1 - np.tanh(z) ** 2)}
    abstract = NETWORK.format('mine = nonlinearity("mine")\n', "mine(U @ xi)")
    with pytest.raises(rigorous.NoEnclosure, match="the user's function mine"):
        enclose(compiled(proved(abstract), library), [inputs(1)], [(0, 1)], library=library)
    with pytest.raises(rigorous.NoEnclosure, match="kink"):
        enclose(compiled(proved(NETWORK.format("", "tanh(relu(U @ xi))"))), [inputs(1)], [(0, 1)])
    with pytest.raises(rigorous.NoEnclosure, match="growth"):
        Function(called("exp", raised(called("softplus", Z), Fraction(2))), lambda k: None).growth()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = compiled(proved("zoo:mlp", phi="relu"))
    balls.flint.cache_clear()
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(TpproofError, match="python-flint"):
        enclose(plan, [inputs(1)], [(0, 1)])
    monkeypatch.undo()
    assert balls.flint() is flint


def test_inputs_that_are_not_finite_are_refused() -> None:
    x = inputs(1).copy()
    x[1, 0, 0] = np.inf
    with pytest.raises(TpproofError, match="E152"):
        enclose(compiled(proved("zoo:mlp", phi="relu")), [x], [(0, 1)])


# text ---------------------------------------------------------------------------------------------------


@given(st.fractions(), st.integers(-30, 30), st.integers(1, 25))
@settings(max_examples=300, deadline=None)
def test_decimals_are_rounded_outwards(x: Fraction, exponent: int, digits: int) -> None:
    x = x * Fraction(10) ** exponent
    low, high = (Fraction(decimal(x, digits, up=up)) for up in (False, True))
    assert low <= x <= high
    assert high - low <= abs(x) / Fraction(10) ** (digits - 1)


def test_a_certificate_says_what_it_contains() -> None:
    (found,) = enclose(compiled(proved("zoo:mlp", phi="relu")), [inputs(1)], [(0, 1)])
    text = certificate_text(found, 12)
    assert text.startswith("K(ξ, ξ') ∈ [")
    low, high = (Fraction(t) for t in text.partition("[")[2].rstrip("]").split(", "))
    assert low <= found.ntk[0] < found.ntk[1] <= high
    assert high - low < Fraction(2, 10**11)
    assert certificate_text(found, which="nngp").startswith("Σ(ξ, ξ') ∈ [")
