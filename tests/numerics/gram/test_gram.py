"""Grams by every way that the plan allows: tiles, arrays, quadrature pair by pair, samples; several outputs."""

from __future__ import annotations

import numpy as np
import pytest

import tpproof as tp
from tests.numerics.gram.kernels import hard_inputs, of
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.gram import Gram, Settings, Values, joined
from tpproof.numerics.gram.inputs import as_inputs
from tpproof.numerics.gram.kernel import KernelFunction
from tpproof.numerics.sampling.sampled import SampleSettings, sampled_values
from tpproof.program.model import Program

TWO_OUTPUTS = (
    'xi = input("xi")\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nz = readout("z")\nx = relu(U @ xi)\n'
    "output(v @ x)\noutput(v @ relu(W @ x) + v @ cos(W @ x) + z @ erf(W @ x))"
)


def gram_of(function: KernelFunction, x: Array, y: Array | None = None, backend: str = "numba") -> Gram:
    assert function.plan is not None
    first = as_inputs(x, function.program.inputs, DEFAULT)
    second = None if y is None else as_inputs(y, function.program.inputs, DEFAULT)
    return Gram(function.plan, function.library, first, second, ("ntk", "nngp"), Settings(backend=backend))


@pytest.mark.parametrize(
    "text", [TWO_OUTPUTS, TWO_OUTPUTS.replace("relu", "softplus"), TWO_OUTPUTS.replace("erf", "tanh")]
)
def test_several_outputs_are_symmetric_as_a_whole(text: str) -> None:
    """K_op(x, x') = K_po(x', x), below and above the diagonal, by tiles, arrays and with x2 given."""
    function, inputs = tp.kernel_fn(parse(text, "test")), hard_inputs(1)[:, 0]
    for found in (
        gram_of(function, inputs),
        gram_of(function, inputs, inputs),
        gram_of(function, inputs, None, "numpy"),
    ):
        for values in found.values().values():
            assert values.value.shape == (len(inputs), len(inputs), 2, 2) == values.errors().shape
            np.testing.assert_allclose(values.value, np.transpose(values.value, (1, 0, 3, 2)), rtol=1e-12, atol=1e-12)
    ntk = gram_of(function, inputs).values()["ntk"].value
    assert np.abs(ntk - np.transpose(ntk, (0, 1, 3, 2))).max() > 1e-2  # not symmetric in the outputs alone


def test_a_gram_is_positive() -> None:
    inputs = hard_inputs(1, seed=5)[:, 0]
    for phi in ("relu", "erf", "tanh"):
        for values in gram_of(tp.kernel_fn(tp.zoo.mlp(phi=phi, L=3)), inputs).values().values():
            eigenvalues = np.linalg.eigvalsh(values.value[:, :, 0, 0])
            assert eigenvalues[0] > -1e-11 * eigenvalues[-1]


@pytest.mark.parametrize("text", ["v @ relu(tanh(x))", "v @ abs(tanh(W @ relu(x)) - 1/2 * ones())"])
def test_pair_by_pair_is_symmetric_and_whole(text: str) -> None:
    function, inputs = of(f"output({text})"), hard_inputs(1)[[0, 1, 3, 8, 9], 0]
    found = gram_of(function, inputs)
    assert found.code is None and found.method == "quadrature"
    alone, both = found.values(), gram_of(function, inputs, inputs).values()
    for name in ("ntk", "nngp"):
        assert np.array_equal(alone[name].value, np.swapaxes(alone[name].value, 0, 1))
        assert (np.abs(alone[name].value - both[name].value) <= alone[name].errors() + both[name].errors()).all()


def test_rows_and_columns_are_independent_of_their_neighbours() -> None:
    """A block of a closed-form Gram is the Gram of a block."""
    function, inputs = tp.kernel_fn(tp.zoo.cnn1d(phi="relu")), hard_inputs(4)
    whole, part = gram_of(function, inputs).values(), gram_of(function, inputs[2:5], inputs[6:]).values()
    for name in ("ntk", "nngp"):
        np.testing.assert_allclose(part[name].value, whole[name].value[2:5, 6:], rtol=1e-14)


def test_relative_errors_are_relative_to_the_diagonal() -> None:
    function, inputs = tp.kernel_fn(tp.zoo.mlp(phi="relu")), hard_inputs(1)[:, 0]
    for found in (gram_of(function, inputs), gram_of(function, inputs[:3], inputs[3:])):
        values = found.values()
        relative = found.relative_errors(values)
        for name, v in values.items():
            diagonal = np.diag(gram_of(function, inputs).values()[name].value[:, :, 0, 0])
            row, col = (diagonal, diagonal) if found.x2 is None else (diagonal[:3], diagonal[3:])
            largest = (v.errors()[:, :, 0, 0] / np.sqrt(np.multiply.outer(row, col))).max()
            assert relative[name] >= largest * (1 - 1e-12) and relative[name] < 1e-10


def test_inputs_of_several_dimensions_are_padded() -> None:
    declared = parse(
        'xi = input("xi", 2)\neta = input("eta")\nU = embedding("U")\nV = embedding("V")\nv = readout("v")\n'
        "output(v @ erf(U @ xi[0] + U @ xi[1] + V @ eta))",
        "test",
    ).inputs
    x = as_inputs({"xi": np.ones((3, 2, 2)), "eta": np.ones((3, 4))}, declared, DEFAULT)
    assert joined(x).shape == (3, 3, 4) and joined(x)[:, :2, 2:].max() == 0


# samples ------------------------------------------------------------------------------------------------


def sampled(program: Program, inputs: Array, seed: int, points: int = 2**9) -> dict[str, Values]:
    x = as_inputs(inputs, program.inputs, DEFAULT)
    return sampled_values(
        tp.kernel_fn(program).proof, ("ntk", "nngp"), x, None, SampleSettings(points, 8, seed), DEFAULT
    )


@pytest.mark.parametrize("network", ["mlp", "rnn"])
def test_samples_are_within_their_errors_of_known_answers(network: str) -> None:
    """Networks that reduce, sampled all the same: of many seeds hardly one is beyond 4 standard errors."""
    program = load(f"zoo:{network}", {"phi": "erf", "L": "2"} if network == "mlp" else {"phi": "erf", "T": "2"})
    inputs = hard_inputs(program.inputs[0].parts)[[0, 8]]
    data = inputs if program.inputs[0].count is not None else inputs[:, 0]
    known = tp.kernel_fn(program)(data)
    scores = []
    for seed in range(25):
        for name, values in sampled(program, data, seed).items():
            gap = np.abs(values.value[:, :, 0, 0] - getattr(known, name))
            scores.append((gap / np.maximum(values.errors()[:, :, 0, 0], 1e-15))[np.triu_indices(2)])
    z = np.concatenate(scores)
    # Student's t with 7 degrees of freedom: beyond 4 with probability 0.5 %, beyond 9 with 4e-5; variance 7/5
    assert np.mean(z > 4) <= 0.03 and z.max() < 9
    assert 0.5 < np.mean(z**2) < 3


@pytest.mark.parametrize(
    ("network", "options"), [("lstm", {"T": "1"}), ("gru", {"T": "2"}), ("batchnorm", {"L": "1", "eps": "1/2"})]
)
def test_networks_that_do_not_reduce_are_sampled(network: str, options: dict[str, str]) -> None:
    program = load(f"zoo:{network}", options)
    inputs = hard_inputs(program.inputs[0].parts)[[0, 1, 8]]
    function = tp.kernel_fn(program, points=2**9)
    first, second, rows = function(inputs), function(inputs), function(inputs[:1], inputs[2:])
    assert first.method == "qmc" and first.reached and function.reason
    assert not tp.kernel_fn(program, points=2**9, rtol=1e-12)(inputs).reached
    for name in ("ntk", "nngp"):
        value, error = getattr(first, name), first.error[name]
        assert np.array_equal(value, getattr(second, name))
        np.testing.assert_allclose(
            value, np.moveaxis(value, 0, 1) if value.ndim == 2 else np.transpose(value, (1, 0, 3, 2))
        )
        np.testing.assert_allclose(getattr(rows, name)[0, 0], value[0, 2], rtol=1e-12)
        assert (error >= 0).all() and error.max() < 0.1 * np.abs(value).max()
        other = tp.kernel_fn(program, points=2**9, seed=1)(inputs, get=name)
        gap = np.abs(getattr(other, name) - value) / np.maximum(np.hypot(error, other.error[name]), 1e-12)
        assert 0 < gap.max() < 7


def test_what_no_quadrature_takes_is_sampled() -> None:
    """A kink whose place depends on the input is met when the data are there."""
    function, inputs = of("output(v @ relu(tanh(x) - mean(sin(x) * x)/4 * ones()))"), hard_inputs(1)[[0, 8], 0]
    assert function.plan is not None
    kernel = function(inputs)
    assert kernel.method == "qmc" and (kernel.error["ntk"] > 0).all()
