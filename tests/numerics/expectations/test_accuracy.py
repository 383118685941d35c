"""Bounds hold for every entry, are of a useful size, and are exceeded by numbers that are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import tpproof as tp
from tests.closed_forms import ClosedForms, Unsupported
from tests.numerics.gram.kernels import hard_inputs, of
from tests.precision import MP
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.expectations.accuracy import Accuracy
from tpproof.numerics.expectations.evaluate import Pairs, own_numbers
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.inputs import as_inputs
from tpproof.program.model import Program
from tpproof.proof.prove import prove

KNOWN = ("erf", "sin", "relu", "cos", "abs")
RANDOM = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


def every_pair(program: Program, inputs: Array) -> list[tuple[int, int, Any, Any]]:
    """(i, j, NTK, NNGP) to 45 digits where closed forms are known to the other side."""
    execution = prove(program).execution
    assert execution is not None
    rows = [[[MP.mpf(float(t)) for t in part] for part in x] for x in inputs]
    parts = [(i, a) for i, one in enumerate(program.inputs) for a in range(one.parts)]
    found = []
    for i in range(len(rows)):
        for j in range(i, len(rows)):
            both = (rows[i], rows[j])
            gram = {
                (s, r, *one, *two): MP.fdot(both[s][m], both[r][n]) / inputs.shape[2]
                for s in (0, 1) for r in (0, 1) for m, one in enumerate(parts) for n, two in enumerate(parts)
            }  # fmt: skip
            forms = ClosedForms(execution, gram)
            count = range(len(program.outputs))
            ntk, nngp = ([[one(o, p) for p in count] for o in count] for one in (forms.kernel, forms.nngp))
            found.append((i, j, ntk, nngp))
    return found


def as_data(program: Program, x: Array) -> dict[str, Array]:
    found, start = {}, 0
    for i in program.inputs:
        found[i.name] = x[:, start : start + i.parts] if i.count is not None else x[:, start]
        start += i.parts
    return found


@RANDOM
@given(programs(transposes=False, abstract=False, max_size=4, known=KNOWN), st.integers(0, 99))
def test_random_programs_are_within_their_bounds(program: Program, seed: int) -> None:
    """Generic, equal, parallel and nearly equal inputs, against 50 digits."""
    assume(prove(program).execution is not None)
    inputs = hard_inputs(sum(i.parts for i in program.inputs), seed=seed)[[0, 1, 3, 5, 6, 8]]
    try:
        exact = every_pair(program, inputs)
    except Unsupported:
        assume(False)
    function = tp.kernel_fn(program)
    assert function.plan is not None
    kernel = function(as_data(program, inputs))
    count = len(program.outputs)
    for name, k in (("ntk", 2), ("nngp", 3)):
        value, error = (
            a.reshape(len(inputs), len(inputs), count, count) for a in (getattr(kernel, name), kernel.error[name])
        )
        for pair in exact:
            i, j = pair[:2]
            for o in range(count):
                for p in range(count):
                    gap = abs(MP.mpf(float(value[i, j, o, p])) - pair[k][o][p])
                    assert gap <= error[i, j, o, p] + 1e-300, (name, pair[:2], o, p)


@pytest.mark.parametrize("network", ["mlp", "cnn1d", "rnn", "resnet", "densenet", "attention", "gcn", "transformer"])
@pytest.mark.parametrize("phi", ["erf", "tanh"])
def test_bounds_of_ordinary_networks_are_small(network: str, phi: str) -> None:
    options = {"T": "2"} if network in ("attention", "transformer") else {}
    program = load(f"zoo:{network}", options if network == "attention" else {**options, "phi": phi})
    inputs = hard_inputs(program.inputs[0].parts)[[0, 1, 3, 8]]
    kernel = tp.kernel_fn(program)(as_data(program, inputs))
    assert kernel.reached
    assert max(kernel.relative_error.values()) < (1e-11 if kernel.method == "closed-form" else 1e-10)


@pytest.mark.parametrize("network", ["mlp", "cnn1d", "rnn", "resnet", "densenet", "stacked_rnn"])
def test_bounds_of_relu_networks_are_small(network: str) -> None:
    program = load(f"zoo:{network}", {"phi": "relu"})
    inputs = hard_inputs(program.inputs[0].parts)
    kernel = tp.kernel_fn(program)(as_data(program, inputs))
    assert kernel.reached and kernel.relative_error["nngp"] < 1e-12


def test_the_bound_of_all_entries_is_no_smaller_than_that_of_each() -> None:
    """`Accuracy` bounds what `Pairs` finds, entry by entry."""
    function = tp.kernel_fn(tp.zoo.mlp(phi="relu", L=3, std_b="1/3"))
    assert function.plan is not None
    x = as_inputs(hard_inputs(1)[:, 0], function.program.inputs, function.limits)
    left = own_numbers(function.plan, x.arrays, {})
    i, j = (part.ravel() for part in np.indices((len(x), len(x))))
    slot = function.plan.kernels["ntk"][0][0]
    assert slot is not None
    values, errors = Pairs(left, left, i, j).numbers([slot])
    bound = Accuracy(function.plan, left, left, {}, False).of([slot])[slot]
    assert (np.abs(values[slot]) <= bound.left[i] * bound.right[j] * (1 + 1e-12)).all()
    assert (errors[slot] <= 20 * bound.error * bound.left[i] * bound.right[j]).all()
    assert bound.error < 1e-10


def test_noise_in_the_inputs_numbers_is_carried_to_the_kernel() -> None:
    """An own number that is wrong by 1e-7, and says so, gives a kernel whose bound covers what that does."""
    function = tp.kernel_fn(tp.zoo.mlp(phi="relu", L=3, std_b="1/3"))
    plan = function.plan
    assert plan is not None
    x = as_inputs(hard_inputs(1)[[0, 8, 9], 0], function.program.inputs, function.limits)
    right = own_numbers(plan, x.arrays, {})
    slot = plan.kernels["nngp"][0][0]
    assert slot is not None
    i, j = np.array([0, 1, 0]), np.array([1, 2, 2])
    before, _ = Pairs(right, right, i, j).numbers([slot])
    for changed in range(len(plan.own)):
        wrong = own_numbers(plan, x.arrays, {})
        wrong.values[changed] = wrong.values[changed] * (1 + 1e-7)
        wrong.errors[changed] = wrong.errors[changed] + 1.1e-7 * np.abs(wrong.values[changed])
        after, errors = Pairs(wrong, wrong, i, j).numbers([slot])
        assert (np.abs(after[slot] - before[slot]) <= errors[slot]).all(), changed


@pytest.mark.parametrize(
    "text", ["v @ relu(W @ relu(x) + b)", "v @ erf(W @ erf(x))", "v @ tanh(x)", "v @ relu(tanh(x))"]
)
def test_a_wrong_number_exceeds_its_bound(text: str) -> None:
    """Inputs that differ by 1e-8 have kernels that differ by more than both bounds."""
    inputs = hard_inputs(1)[[0, 8], 0]
    right, wrong = of(f"output({text})")(inputs), of(f"output({text})")(inputs * (1 + 1e-8))
    for name in ("ntk", "nngp"):
        gap = np.abs(getattr(right, name) - getattr(wrong, name))
        assert (gap > right.error[name] + wrong.error[name]).any()


@pytest.mark.parametrize(
    ("phi", "bias"), [("relu", "0"), ("relu", "1/3"), ("abs", "0"), ("erf", "0"), ("erf", "1/3"), ("cos", "0")]
)
def test_opposite_orthogonal_tiny_and_huge_inputs_are_within_their_bounds(phi: str, bias: str) -> None:
    """Where digits are lost it is said: angles near π, variances of 1e8 for erf."""
    random = np.random.default_rng(1)
    x, y = random.standard_normal((2, 5))
    y -= x * (x @ y) / (x @ x)
    sizes = [1e-6] + ([10.0] if phi == "cos" else [1e4])
    rows = [x, -x, -x * (1 + 1e-8 * y), -x * (1 + 1e-4 * y), y, x + 1e-12 * y, x + 0.03 * y, x + 0.06 * y]
    inputs = np.stack([*rows, *(s * x for s in sizes), sizes[1] * (x + 1e-9 * y)])[:, None]
    program = load("zoo:mlp", {"phi": phi, "L": "2", "std_b": bias})
    kernel = tp.kernel_fn(program)(inputs[:, 0])
    for i, j, ntk, nngp in every_pair(program, inputs):
        for name, expected in (("ntk", ntk), ("nngp", nngp)):
            gap = abs(MP.mpf(float(getattr(kernel, name)[i, j])) - expected[0][0])
            assert gap <= kernel.error[name][i, j], (name, i, j)


@pytest.mark.parametrize("phi", ["relu", "erf", "tanh", "cos"])
def test_an_input_of_zeros_is_an_input(phi: str) -> None:
    """Without biases every angle with it is undefined, and its kernel the limit of those of small inputs."""
    x = np.array([[0.0, 0.0], [1.0, 2.0]])
    function = tp.kernel_fn(load("zoo:mlp", {"phi": phi, "L": "3", "std_b": "1/4"}))
    zero, small = function(x), function(x + np.array([[1e-9, -1e-9], [0.0, 0.0]]))
    for name in ("ntk", "nngp"):
        np.testing.assert_allclose(getattr(zero, name), getattr(small, name), rtol=1e-7)
        assert np.isfinite(kernel_of(phi, x, name)).all()


def kernel_of(phi: str, x: Array, name: str) -> Array:
    return np.asarray(getattr(tp.kernel_fn(load("zoo:mlp", {"phi": phi, "std_b": "0"}))(x), name))


def test_what_overflows_is_said() -> None:
    with pytest.raises(TpproofError, match="E152"):
        of("output(v @ x ** 4)")(1e90 * np.eye(2))
