"""`kernel_fn` against 50-digit closed forms; its arguments, variants and users' functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tpproof as tp
from tests.numerics.gram.kernels import Array, hard_inputs, numbers, of, worst
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.reduction.plan import Plan, Step

PAIRS = [(0, j) for j in range(8)] + [(0, 8), (8, 8), (4, 5), (6, 7), (8, 9)]
PHIS = ("relu", "abs", "erf", "sin", "cos", "identity")


@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("depth", ["1", "3"])
def test_mlps_are_exact_to_twelve_digits(phi: str, depth: str) -> None:
    """Equal rows, parallel rows and near-duplicates down to 1e-10 included."""
    found = worst("zoo:mlp", hard_inputs(1), PAIRS, phi=phi, L=depth, std_w="5/4", std_b="1/3")
    assert max(found.values()) < 1e-14


@pytest.mark.slow
@pytest.mark.parametrize("phi", PHIS)
def test_ten_layers_are_exact_to_twelve_digits(phi: str) -> None:
    found = worst("zoo:mlp", hard_inputs(1), PAIRS, phi=phi, L="10", std_w="5/4", std_b="1/3")
    assert max(found.values()) < 1e-13


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("cnn1d", {"phi": "relu"}),
        ("rnn", {"phi": "relu"}),
        ("resnet", {"phi": "relu"}),
        ("densenet", {"phi": "relu"}),
        ("stacked_rnn", {"phi": "erf", "T": "2"}),
        ("square", {}),
    ],
)
def test_structured_networks_are_exact_to_twelve_digits(network: str, options: dict[str, str]) -> None:
    parts = load(f"zoo:{network}", options).inputs[0].parts
    found = worst(f"zoo:{network}", hard_inputs(parts), [(0, 0), (0, 3), (0, 6), (0, 8), (8, 9)], **options)
    assert max(found.values()) < 1e-13


def test_the_default_tolerance_is_reached_by_ten_relu_layers() -> None:
    kernel = tp.kernel_fn(tp.zoo.mlp(phi="relu", L=10))(hard_inputs(1)[:, 0])
    assert kernel.method == "closed-form" and kernel.reached
    assert kernel.relative_error["ntk"] < 1e-10 and kernel.relative_error["nngp"] < 1e-12


# other sides of one number --------------------------------------------------------------------------------


def tanh_slope(z: Any) -> Any:
    return 1 - np.tanh(z) ** 2


TANH = tp.Callables(np.tanh, tanh_slope)
RELU = tp.Callables(lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, (0.0,))
ABS = tp.Callables(np.abs, np.sign, (0.0,))
SAME = [
    ("v @ phi(W @ phi(x))", "v @ tanh(W @ tanh(x))", TANH),
    ("v @ phi(W @ phi(x))", "v @ tanh(W @ tanh(x))", (np.tanh, tanh_slope)),
    ("v @ phi(W @ phi(x))", "v @ tanh(W @ tanh(x))", "tanh"),
    ("v @ phi(W @ phi(x) + b)", "v @ relu(W @ relu(x) + b)", RELU),
    ("v @ phi(x + ones())", "v @ relu(x + ones())", RELU),
    ("v @ phi(x + mean(x * x) * ones())", "v @ relu(x + mean(x * x) * ones())", RELU),
    ("v @ phi(tanh(x))", "v @ relu(tanh(x))", RELU),
    ("v @ relu(phi(x))", "v @ relu(tanh(x))", TANH),
    ("v @ phi(x)", "v @ abs(x)", ABS),
]


@pytest.mark.parametrize(("users", "known", "function"), SAME)
def test_a_user_s_function_is_the_known_one(users: str, known: str, function: Any) -> None:
    """Generic pairs agree to 1e-12; near-duplicates within what both say of themselves."""
    inputs = hard_inputs(1)[[0, 3, 8, 9], 0]
    theirs, ours = of(f"output({users})", {"phi": function})(inputs), of(f"output({known})")(inputs)
    for name in ("ntk", "nngp"):
        (a, error_a), (b, error_b) = numbers(theirs, name), numbers(ours, name)
        assert (np.abs(a - b) <= error_a + error_b).all()
        assert np.abs(a - b)[2:].max() < 1e-11


def test_a_wrong_slope_is_another_kernel() -> None:
    wrong = tp.Callables(np.tanh, lambda z: 1 - np.tanh(z))
    inputs = hard_inputs(1)[[0, 8], 0]
    found, right = of("output(v @ phi(x))", {"phi": wrong})(inputs), of("output(v @ tanh(x))")(inputs)
    assert np.abs(found.ntk - right.ntk).max() > 1e-2


@pytest.mark.parametrize("phi", ["relu", "erf", "tanh"])
def test_backends_agree(phi: str) -> None:
    inputs = hard_inputs(1)[:, 0]
    tiles, arrays = (tp.kernel_fn(tp.zoo.mlp(phi=phi, L=3), backend=name)(inputs) for name in ("numba", "numpy"))
    for name in ("ntk", "nngp"):
        (a, error_a), (b, error_b) = numbers(tiles, name), numbers(arrays, name)
        assert (np.abs(a - b) <= error_a + error_b).all()
        assert np.abs(a - b).max() < 1e-12


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_single_precision_is_within_its_bound(phi: str) -> None:
    inputs = hard_inputs(1)[:, 0].astype(np.float32).astype(float)
    small = tp.kernel_fn(tp.zoo.mlp(phi=phi, L=3), dtype=np.float32)(inputs)
    large = tp.kernel_fn(tp.zoo.mlp(phi=phi, L=3))(inputs)
    for name in ("ntk", "nngp"):
        value, error = numbers(small, name)
        assert value.dtype == np.float32
        assert (np.abs(value - getattr(large, name)) <= error).all() and error.max() < 1e-2


def test_what_is_asked_for_does_not_change_the_numbers() -> None:
    function, inputs = tp.kernel_fn(tp.zoo.mlp(phi="relu", L=2)), hard_inputs(1)[:, 0]
    both = function(inputs)
    for name, other in (("ntk", "nngp"), ("nngp", "ntk")):
        one = function(inputs, get=name)
        assert np.array_equal(getattr(one, name), getattr(both, name)) and getattr(one, other) is None
        assert set(one.relative_error) == set(one.error) == {name}
    assert np.array_equal(both.ntk, both.ntk.T)


def test_equal_inputs_are_recognised_wherever_they_stand() -> None:
    """x2 = x1 gives the matrix of x2 = None, the diagonal included; a transposed question a transposed answer."""
    inputs = hard_inputs(1)[:, 0]
    for phi in ("relu", "erf", "tanh"):
        function = tp.kernel_fn(tp.zoo.mlp(phi=phi, L=3, std_b="1/3"))
        alone, twice = function(inputs), function(inputs, inputs.copy())
        swapped = function(inputs[3:], inputs[:3])
        for name in ("ntk", "nngp"):
            a, b, c = (getattr(k, name) for k in (alone, twice, swapped))
            np.testing.assert_allclose(a, b, rtol=2e-15)
            error = alone.error[name][3:, :3] + swapped.error[name]  # expansions may differ: they follow the data
            assert (np.abs(a[3:, :3] - c) <= error).all() and np.abs(a[3:, :3] - c).max() < 1e-11
            assert np.diag(b) == pytest.approx(np.diag(a), rel=1e-15)


def two_sizes() -> Any:
    text = (
        'xi = input("xi")\neta = input("eta")\nU = embedding("U")\nV = embedding("V")\nW = matrix("W")\n'
        'v = readout("v")\noutput(v @ tanh(W @ erf(U @ xi + V @ eta)))'
    )
    from tpproof.language.interpreter import parse

    return parse(text, "test")


def test_several_inputs_of_different_dimensions() -> None:
    """K depends on each input through ξᵀξ'/d alone: padding with zeros and rescaling changes nothing."""
    random = np.random.default_rng(0)
    xi, eta = random.standard_normal((4, 3)), random.standard_normal((4, 6))
    padded = np.pad(xi * np.sqrt(2), ((0, 0), (0, 3)))
    function = tp.kernel_fn(two_sizes())
    found, same = function({"xi": xi, "eta": eta}), function({"xi": padded, "eta": eta})
    np.testing.assert_allclose(found.ntk, same.ntk, rtol=1e-13)
    assert np.abs(function({"xi": xi, "eta": eta[::-1]}).ntk - found.ntk).max() > 1e-3


# what is said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"rtol": 0}, "E142"), ({"rtol": 1.5}, "E142"), ({"rtol": float("nan")}, "E142"), ({"rtol": "x"}, "E142"),
     ({"backend": "x"}, "E142"), ({"dtype": np.int32}, "E142"), ({"dtype": "x"}, "E142"), ({"threads": -1}, "E142"),
     ({"points": 2.5}, "E142"), ({"seed": -1}, "E142"), ({"functions": {"phi": "erf"}}, "E106")],
)  # fmt: skip
def test_wrong_settings_are_one_clear_error(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(TpproofError) as caught:
        tp.kernel_fn(tp.zoo.mlp(phi="erf"), **settings)
    assert caught.value.code == code


@pytest.mark.parametrize("network", ["attention_root", "mlp2"])
def test_a_network_without_numbers_says_so(network: str) -> None:
    with pytest.raises(TpproofError) as caught:
        tp.kernel_fn(load(f"zoo:{network}"))
    assert caught.value.code == "E150"
    if network == "mlp2":
        assert tp.kernel_fn(load("zoo:mlp2"), {"phi": "erf"})(np.eye(2)).reached


@pytest.mark.parametrize("get", ["x", (), ("ntk", "x"), 3])
def test_wrong_kernels_are_refused(get: Any) -> None:
    with pytest.raises(TpproofError):
        tp.kernel_fn(tp.zoo.mlp(phi="erf"))(np.eye(2), get=get)


def test_a_tolerance_that_is_not_reached_is_said() -> None:
    for phi in ("erf", "tanh"):
        kernel = tp.kernel_fn(tp.zoo.mlp(phi=phi), rtol=1e-16)(np.eye(2))
        assert not kernel.reached and max(kernel.relative_error.values()) > 1e-16
        assert tp.kernel_fn(tp.zoo.mlp(phi=phi))(np.eye(2)).reached


def test_an_altered_plan_exceeds_its_bounds() -> None:
    """A coefficient that is wrong by 1e-9 is far outside every bound: bounds are no formality."""
    inputs: Array = hard_inputs(1)[:, 0]
    function = tp.kernel_fn(tp.zoo.mlp(phi="relu", L=3, std_b="1/3"))
    right = function(inputs)
    assert function.plan is not None
    own, pair = (tuple(map(altered, steps)) for steps in (function.plan.own, function.plan.pair))
    function.plan = Plan(own, pair, function.plan.kernels)
    wrong = function(inputs)
    for name in ("ntk", "nngp"):
        value, error = numbers(wrong, name)
        assert (np.abs(value - getattr(right, name)) > error).all()


def altered(step: Step) -> Step:
    """A bias of 1/9 that is a little larger."""
    from fractions import Fraction

    if step.op != "sum":
        return step
    data = tuple((c + Fraction(1, 10**8) if not slots and c == Fraction(1, 9) else c, slots) for c, slots in step.data)
    return Step(step.op, step.args, data)


def test_replicates_without_end_are_refused() -> None:
    with pytest.raises(TpproofError) as caught:
        tp.kernel_fn(tp.zoo.mlp(phi="erf"), replicates=10**11)
    assert caught.value.code == "E142"
