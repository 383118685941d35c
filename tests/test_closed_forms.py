"""The closed forms against quadrature, and what `ClosedForms` refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from tests.closed_forms import JOINT, MEAN, MEAN_SLOPE, ClosedForms, Unsupported, joint, slope_of
from tests.precision import MP, relative_error
from tests.zoo.inputs import NEAR, as_mapping
from tests.zoo.inputs import joint as joint_gram
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.proof.prove import prove

Array = NDArray[np.float64]

FUNCTIONS: dict[str, Callable[[Array], NDArray[Any]]] = {
    "1": np.ones_like,
    "z": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "step": lambda z: (z > 0) * 1.0,
    "erf": erf,
    "bell": lambda z: np.exp(-z * z),
    "sin": np.sin,
    "cos": np.cos,
    "z2": lambda z: z * z,
}
PAIRS = [*JOINT, *((g, f) for f, g in JOINT), *(("z", f) for f in FUNCTIONS), *((f, "1") for f in FUNCTIONS)]


def quadrature(first: str, second: str, q: float, k: float, r: float) -> float:
    """E F(u) G(v) in polar coordinates, the angle cut where u or v changes its sign: Gauss–Legendre in every piece."""
    turn = np.arccos(k / np.sqrt(q * r))  # u = √q ρ cos ψ, v = √r ρ cos(ψ − turn)
    cuts = np.sort(np.mod([np.pi / 2, 3 * np.pi / 2, turn + np.pi / 2, turn + 3 * np.pi / 2, 0], 2 * np.pi))
    nodes, weights = np.polynomial.legendre.leggauss(80)
    radius, radial = 6.5 * (nodes + 1), 6.5 * weights
    total = 0.0
    for low, high in zip(cuts, [*cuts[1:], 2 * np.pi], strict=True):
        psi, angular = (low + high + (high - low) * nodes) / 2, (high - low) / 2 * weights
        u, v = (np.sqrt(a) * np.outer(radius, np.cos(psi - t)) for a, t in ((q, 0.0), (r, turn)))
        density = np.outer(radial * radius * np.exp(-(radius**2) / 2), angular) / (2 * np.pi)
        total += float(np.sum(density * FUNCTIONS[first](u) * FUNCTIONS[second](v)))
    return total


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize(("q", "k", "r"), [(1.3, 0.7, 0.6), (0.8, -0.9, 2.1), (1.0, 0.0, 1.0)])
def test_joint_expectations_are_integrals(first: str, second: str, q: float, k: float, r: float) -> None:
    found = float(joint(first, second, MP.mpf(q), MP.mpf(k), MP.mpf(r)))
    assert abs(found - quadrature(first, second, q, k, r)) < 1e-11


@pytest.mark.parametrize("piece", MEAN)
def test_a_slope_is_the_derivative_of_the_mean_in_the_mean(piece: str) -> None:
    q = MP.mpf("0.7")
    assert abs(float(MEAN_SLOPE[piece](q)) * 0.7 - quadrature("z", piece, 0.7, 0.7 - 1e-13, 0.7)) < 1e-11
    if piece not in ("step", "bell"):
        expected = MP.fsum(c * MEAN[f](q) for f, c in slope_of({piece: MP.one}).items())
        assert abs(expected - MEAN_SLOPE[piece](q)) < 1e-40


@pytest.mark.parametrize("piece", ["relu", "erf", "sin", "cos", "z2"])
def test_price_s_theorem(piece: str) -> None:
    """∂/∂k E F(u)F(v) = E F'(u)F'(v): a value and its derivative cannot be wrong together."""
    q, r = MP.mpf("1.1"), MP.mpf("0.4")
    for k in (MP.mpf("0.3"), MP.sqrt(q * r) * MP.cos(NEAR)):
        slope = slope_of({piece: MP.one})
        expected = MP.fsum(c * d * joint(f, g, q, k, r) for f, c in slope.items() for g, d in slope.items())
        h = MP.mpf("1e-22")
        found = (joint(piece, piece, q, k + h, r) - joint(piece, piece, q, k - h, r)) / (2 * h)
        assert relative_error(found, expected) < 1e-10


def test_the_diagonal_and_near_duplicates_lose_nothing() -> None:
    q = MP.mpf("1.7")
    assert relative_error(joint("relu", "relu", q, q, q), q / 2) < 1e-40
    assert relative_error(joint("step", "step", q, q, q), MP.one / 2) < 1e-20
    near = joint("step", "step", q, q * MP.cos(NEAR), q)
    assert relative_error(MP.one / 2 - near, NEAR / (2 * MP.pi)) < 1e-20


HEAD = 'phi = relu\nxi = input("xi")\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nx = phi(U @ xi)\n'


def evaluated(text: str, phi: str = "relu") -> ClosedForms:
    execution = prove(parse(HEAD + text, "test", {"phi": phi})).execution
    assert execution is not None
    return ClosedForms(execution, as_mapping(joint_gram("generic", 1)))


@pytest.mark.parametrize(
    "text",
    [
        "output(v @ phi(W @ x + x))",  # two directions: W x, and U ξ inside φ
        "output(v @ phi(phi(U @ xi)))",  # a function of a function
        "output(v @ ((U @ xi) * (W @ x)))",  # a product of two
        "output(v @ phi(W @ x / sqrt(mean(x * x) + 1)))",  # a Moment
        "output(v @ phi(U @ xi + ones()))",  # a mean
        "output(v @ (U @ xi) ** 3)",  # a cube
        "output(v @ tanh(W @ x))",  # no closed form
    ],
)
def test_more_than_one_direction_is_refused(text: str) -> None:
    with pytest.raises(Unsupported):
        evaluated(text).kernel()


def test_a_contraction_is_refused() -> None:
    execution = prove(load("zoo:tied", {"phi": "erf"})).execution
    assert execution is not None
    with pytest.raises(Unsupported):
        ClosedForms(execution, {})


@pytest.mark.parametrize("phi", ["relu", "erf", "sin", "cos", "abs", "leaky_relu", "identity"])
def test_the_parameters_share_the_kernel(phi: str) -> None:
    """K is the sum of what each parameter contributes, for every function that is known here."""
    forms = evaluated("output(v @ phi(W @ x))", phi)
    parts = [forms.kernel(only=[name]) for name in ("U", "W", "v")]
    assert all(part != 0 for part in parts)
    assert relative_error(MP.fsum(parts), forms.kernel()) < 1e-40


@pytest.mark.parametrize("text", ["(W @ x) ** 2", "(W @ x) * (W @ x)", "(1/3) * ((W @ x) * (W @ x) * 3)"])
def test_every_spelling_of_a_square(text: str) -> None:
    forms, linear = evaluated(f"output(v @ ({text}))"), evaluated("output(v @ (W @ x))")
    x = linear.program.outputs[0].terms[0][1]
    q, k, r = (linear.covariance(s, x, t, x) for s, t in ((0, 0), (0, 1), (1, 1)))
    assert relative_error(forms.nngp(), q * r + 2 * k * k) < 1e-40
