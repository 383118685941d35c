"""Kernels of smooth and kinked functions against integrals, and what errors of numbers become."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import special

import tpproof as tp
from tests.numerics.gram.kernels import of
from tpproof.language.source import load

Function = Callable[[Any], Any]
D = 4


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def cdf(z: Any) -> Any:
    return special.erfc(-z / math.sqrt(2)) / 2


def bell(z: Any) -> Any:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda z: np.cosh(z) ** -2.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "softplus": (lambda z: np.log1p(np.exp(-abs(z))) + np.maximum(z, 0), sigmoid),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "gelu": (lambda z: z * cdf(z), lambda z: cdf(z) + z * bell(z)),
}
VARIANCES = (0.1, 1.0, 3.0, 10.0)
LENGTHS = np.array([[2.0, 0.0, 0.0, 0.0], [1.0, math.sqrt(3.0), 0.0, 0.0], [1.5, 1.5, 0.0, 0.0]])


def integral(f: Function, g: Function, p: float, q: float, c: float, nodes: int = 500) -> float:
    """E f(u) g(v), u = √p x, v = (c/√p) x + √(q − c²/p) y: the trapezoidal rule on ±11 converges exponentially."""
    z = np.linspace(-11.0, 11.0, nodes + 1)
    w = (z[1] - z[0]) * bell(z)
    across = math.sqrt(max(q - c * c / p, 0.0))
    inner = g(c / math.sqrt(p) * z[:, None] + across * z) @ w if across > 1e-6 else g(math.sqrt(q) * z)
    return float(np.sum(w * f(math.sqrt(p) * z) * inner))


@pytest.mark.parametrize("phi", FUNCTIONS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_smooth_functions_reach_ten_digits(phi: str, variance: float) -> None:
    """One layer, without biases: NNGP is E φφ, NTK is E φφ + c E φ'φ'. Generic pairs and equal ones."""
    f, slope = FUNCTIONS[phi]
    inputs = math.sqrt(variance) * LENGTHS
    kernel = of(f"output(v @ {phi}(x))")(inputs)
    assert kernel.reached
    for i, j in ((0, 1), (0, 0), (1, 2), (2, 2)):
        p, q, c = (float(x @ y) / D for x, y in ((inputs[i],) * 2, (inputs[j],) * 2, (inputs[i], inputs[j])))
        one, two = integral(f, f, p, q, c), integral(slope, slope, p, q, c)
        for name, expected in (("nngp", one), ("ntk", one + c * two)):
            found = float(getattr(kernel, name)[i, j])
            assert found == pytest.approx(expected, rel=1e-11), (name, i, j)
            assert abs(found - expected) <= kernel.error[name][i, j] + 1e-14 * expected


@pytest.mark.parametrize("phi", ["tanh", "gelu"])
def test_depth_and_biases_keep_the_digits(phi: str) -> None:
    """The textbook's recursion K ← σ² E φφ + b², Θ ← E φφ + 1 + σ² E φ'φ' Θ over the other side's integrals."""
    f, slope = FUNCTIONS[phi]
    w, b = 25 / 16, 1 / 4
    before = LENGTHS[:2] @ LENGTHS[:2].T / D
    ntk, k = before + 1, w * before + b
    for layer in range(3):
        laws = [[(k[i, i], k[j, j], k[i, j]) for j in (0, 1)] for i in (0, 1)]
        value, slopes = (np.array([[integral(h, h, *law) for law in row] for row in laws]) for h in (f, slope))
        ntk, k = value + 1 + (w if layer < 2 else 1) * slopes * ntk, w * value + b  # the readout has σ² = 1
    kernel = tp.kernel_fn(load("zoo:mlp", {"phi": phi, "L": "3", "std_u": "5/4", "std_w": "5/4", "std_b": "1/2"}))
    found = kernel(LENGTHS[:2])
    np.testing.assert_allclose(found.nngp, value + 1, rtol=1e-11)
    np.testing.assert_allclose(found.ntk, ntk, rtol=1e-11)


def pieces_of(kinks: Sequence[float], reach: float = 9.5) -> list[tuple[float, float]]:
    inside = sorted(k for k in kinks if abs(k) < reach)
    return list(pairwise([-reach, *inside, reach]))


def broken(f: Any, g: Any, kinks: Sequence[float], p: float, q: float, c: float) -> float:
    """E f(u) g(v) by Gauss's nodes on every piece between kinks, in u and, given u, in v."""
    x, w = np.polynomial.legendre.leggauss(60)

    def rule(breaks: Sequence[float]) -> tuple[Any, Any]:
        found = [((b - a) / 2 * x + (a + b) / 2, (b - a) / 2 * w) for a, b in pieces_of(breaks)]
        z, m = (np.concatenate([part[k] for part in found]) for k in (0, 1))
        return z, m * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    across = math.sqrt(q - c * c / p)
    total = 0.0
    for z, m in zip(*rule([k / math.sqrt(p) for k in kinks]), strict=True):
        mean = c / math.sqrt(p) * z
        y, n = rule([(k - mean) / across for k in kinks])
        total += m * float(f(math.sqrt(p) * z)) * float(np.sum(n * g(mean + across * y)))
    return total


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


KINKED = {
    "relu(tanh(x))": (lambda z: relu(np.tanh(z)), lambda z: (z > 0) / np.cosh(z) ** 2, [0.0]),
    "relu(x ** 2 - ones())": (lambda z: relu(z * z - 1), lambda z: (z * z > 1) * 2 * z, [-1.0, 1.0]),
    "relu(x - 1/2 * ones())": (lambda z: relu(z - 0.5), lambda z: (z > 0.5) * 1.0, [0.5]),
    "abs(tanh(x) - 1/2 * ones())": (
        lambda z: abs(np.tanh(z) - 0.5),
        lambda z: np.sign(np.tanh(z) - 0.5) / np.cosh(z) ** 2,
        [math.atanh(0.5)],
    ),
}


@pytest.mark.parametrize("text", KINKED)
def test_kinks_of_compositions_are_found(text: str) -> None:
    f, slope, kinks = KINKED[text]
    inputs = np.array([[2.2, 0.0, 0.0, 0.0], [1.0, 1.5, 0.0, 0.0]])
    kernel = of(f"output(v @ {text})")(inputs)
    assert kernel.method == "quadrature" and kernel.reached
    p, q, c = (float(x @ y) / D for x, y in ((inputs[0],) * 2, (inputs[1],) * 2, tuple(inputs)))
    one, two = broken(f, f, kinks, p, q, c), broken(slope, slope, kinks, p, q, c)
    assert float(kernel.nngp[0, 1]) == pytest.approx(one, rel=1e-11)
    assert float(kernel.ntk[0, 1]) == pytest.approx(one + c * two, rel=1e-11)


def test_the_other_side_would_see_a_wrong_number() -> None:
    for f, slope in FUNCTIONS.values():
        right = integral(f, f, 3.0, 3.0, 1.5)
        assert integral(f, f, 3.0, 3.0, 1.5, 700) == pytest.approx(right, rel=1e-14)
        assert abs(integral(f, f, 3.0, 3.0, 1.5 * (1 + 1e-8)) - right) > 1e-10 * right
        step = 1e-5  # Price: ∂/∂c E f f = E f' f'
        change = (integral(f, f, 1.0, 1.0, 0.5 + step) - integral(f, f, 1.0, 1.0, 0.5 - step)) / (2 * step)
        assert change == pytest.approx(integral(slope, slope, 1.0, 1.0, 0.5), rel=1e-8)
