"""What a float cannot hold, and functions that are none, are errors and no numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tpproof as tp

X = np.random.default_rng(0).standard_normal((3, 4))


@pytest.mark.parametrize("scale", [1e-145, 1e-160, 1e-200, 1e-310])
def test_inputs_whose_squares_vanish_are_refused(scale: float) -> None:
    with pytest.raises(tp.TpproofError) as refused:
        tp.kernel_fn(tp.zoo.mlp(phi="erf"), backend="numpy")(X * scale)
    assert refused.value.code == "E152" and "largest entry" in str(refused.value)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_the_first_number_that_no_float_holds_is_named(backend: str) -> None:
    large = np.ones((40, 4))
    large[[35, 37]] = 1e150
    network = tp.load("zoo:mlp", {"phi": "relu", "L": "2", "lr_w": "10000000000"})
    with pytest.raises(tp.TpproofError) as refused:
        tp.kernel_fn(network, backend=backend)(large)
    assert refused.value.code == "E152" and "ntk[35, 35]" in str(refused.value)


def test_zeros_and_small_inputs_are_not() -> None:
    linear = tp.load("zoo:mlp", {"phi": "erf", "std_b": "1/10"})
    kernel = tp.kernel_fn(linear, backend="numpy")(np.concatenate([X * 1e-139, np.zeros((1, 4))]))
    assert kernel.reached and np.isfinite(kernel.ntk).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [lambda z: np.tanh(z)[:1], np.sum, lambda z: 1.0], ids=["cut", "summed", "one number"]
)
def test_a_function_that_is_not_vectorised_is_refused(value: Callable[[Any], Any]) -> None:
    functions = {"phi": tp.Callables(value, lambda z: 1 / np.cosh(z) ** 2)}
    with pytest.raises(tp.TpproofError) as refused:
        tp.kernel_fn(tp.zoo.mlp2(), functions, backend="numpy")(X)
    assert refused.value.code == "E142" and "vectorised" in str(refused.value)
