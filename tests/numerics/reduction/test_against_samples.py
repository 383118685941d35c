"""Plans of random programs against samples of the limit law: whatever rule was used, the numbers are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import tpproof as tp
from tests.blocks import compositions
from tests.numerics.gram.kernels import HEAD
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.kernel import Kernel
from tpproof.numerics.sampling.sample import SampledKernel, gram_matrix, kernel_by_sampling
from tpproof.program.model import Program
from tpproof.proof.prove import prove

CLOSED = ("erf", "sin", "relu", "cos", "abs", "exp")
SMOOTH = ("tanh", "gelu", "softplus", "sigmoid", "silu")
RANDOM = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@cache
def parts_of(count: int) -> Array:
    first, second = np.random.default_rng(0).standard_normal((2, count, 4))
    return np.stack([first, 0.6 * first + 0.8 * second])


def as_data(program: Program, x: Array) -> dict[str, Array]:
    found, start = {}, 0
    for i in program.inputs:
        found[i.name] = x[None, start : start + i.parts] if i.count is not None else x[None, start]
        start += i.parts
    return found


@dataclass(frozen=True)
class BothSides:
    """A kernel of the plan and the samples that it must agree with."""

    kernel: Kernel
    program: Program
    gram: Array

    def sampled(self, points: int, seed: int) -> SampledKernel:
        return kernel_by_sampling(prove(self.program), self.gram, points, 16, seed)

    def scores(self, sampled: SampledKernel) -> float:
        count = len(self.program.outputs)
        worst = 0.0
        for name, value, error in (
            ("ntk", sampled.value, sampled.error),
            ("nngp", sampled.nngp, sampled.nngp_error),
        ):
            found = getattr(self.kernel, name).reshape(count, count)
            rounding = 1e-11 * (1 + np.abs(value)) + self.kernel.error[name].reshape(count, count)
            worst = max(worst, float(np.max(np.abs(found - value) / np.hypot(error, rounding))))
        return worst

    def agree(self) -> bool:
        """Within 4.5 standard errors; heavy tails get a second look with many more points."""
        return self.scores(self.sampled(2**10, 1)) < 4.5 or self.scores(self.sampled(2**14, 2)) < 4.5


def both_sides(program: Program, diagonal: bool = False) -> BothSides | None:
    """None for what a plan does not reduce or no float holds."""
    x = parts_of(sum(i.parts for i in program.inputs))
    function = tp.kernel_fn(program)
    if function.plan is None:
        return None
    try:
        kernel = function(as_data(program, x[0]), as_data(program, x[0 if diagonal else 1]))
    except TpproofError as error:
        assert error.code == "E152"
        return None
    return BothSides(kernel, program, gram_matrix(x[0], x[0 if diagonal else 1]))


def check(program: Program) -> None:
    assume(prove(program).execution is not None)
    for diagonal in (False, True):
        found = both_sides(program, diagonal)
        assume(found is not None)
        assert found is not None and found.agree()


@RANDOM
@given(programs(transposes=True, abstract=False, max_size=6, known=CLOSED))
def test_random_programs_of_closed_forms(program: Program) -> None:
    check(program)


@pytest.mark.slow
@RANDOM
@given(compositions(transposes=True, max_blocks=2, known=("erf", "relu", "sin"), abstract=False))
def test_random_networks_of_blocks(program: Program) -> None:
    check(program)


@pytest.mark.slow
@settings(RANDOM, max_examples=30)
@given(programs(transposes=True, abstract=False, max_size=7, known=(*CLOSED, *SMOOTH)))
def test_many_random_programs(program: Program) -> None:
    check(program)


# near-duplicates ---------------------------------------------------------------------------------------

CAREFUL = {  # text → how far K(x, x + h y) may be from a parabola in h
    "v @ relu(W @ (relu(x) / sqrt(mean(relu(x) * relu(x)) + 1)) + b)": 1e-12,
    "v @ relu(W @ relu(W.T @ x) + b)": 1e-12,
    "v @ (W @ relu(W @ relu(x) + x) + relu(x))": 1e-12,
    "v @ (W @ relu(x + 1/2 * ones()) + relu(b))": 1e-12,
    "v @ (relu(W @ x + b) + relu(b + W @ x))": 1e-12,
}


@pytest.mark.parametrize("text", CAREFUL)
def test_kernels_of_near_duplicates_are_smooth_to_the_last_digits(text: str) -> None:
    """K(x, x) − K(x, x + h y) = a h + b h² + …: errors of angles would show as soon as h < 1e-5."""
    x, y = np.random.default_rng(0).standard_normal((2, 5))
    h = np.array([1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9])
    function = tp.kernel_fn(parse(HEAD + f"output({text})", "test"))
    kernel = function(x[None], x + h[:, None] * y)
    gap = float(function(x[None]).ntk[0, 0]) - kernel.ntk[0]  # type: ignore[index]
    a, b = np.linalg.solve(np.stack([h[:2], h[:2] ** 2]).T, gap[:2])
    assert np.abs(gap - a * h - b * h * h).max() < CAREFUL[text]
    assert kernel.reached and abs(gap[0]) > 1e-7


@pytest.mark.parametrize("text", ["v @ relu(W @ (relu(x) + ones()) + b)", "v @ relu(W @ (relu(x) + ones()))"])
def test_angles_that_are_differences_say_so(text: str) -> None:
    """Sums with means have an angle by subtraction only: half the digits, and a bound."""
    x, y = np.random.default_rng(0).standard_normal((2, 5))
    kernel = tp.kernel_fn(parse(HEAD + f"output({text})", "test"))(np.stack([x, x + 1e-6 * y, y]))
    assert not kernel.reached and 1e-10 < kernel.relative_error["ntk"] < 1e-5


# what each rule is for --------------------------------------------------------------------------------

RULES = {
    "a mean": "v @ relu(x + ones())",
    "means of both": "v @ (W @ (relu(x) + ones()) + relu(x))",
    "a scalar shift": "v @ erf(W @ relu(x) + mean(x * x) * ones())",
    "a shared bias": "v @ (relu(x + b) + sin(W @ x + b))",
    "two directions": "v @ (relu(x + b) * erf(W @ x))",
    "Stein": "v @ (x * sin(x + b))",
    "Stein with powers": "v @ (x ** 2 * sin(x + b) * b)",
    "normalised": "v @ relu(W @ (relu(x) / sqrt(mean(relu(x) * relu(x)) + 1)) + b)",
    "a negative scalar": "v @ relu(W @ (mean(sin(x) * x - 2 * ones()) * x) + x + b)",
    "contracted": "v @ (W @ tanh(W.T @ tanh(x)))",
    "contracted and kinked": "v @ relu(W @ relu(W.T @ x) + b)",
    "contracted twice": "v @ (W @ (W.T @ (W @ erf(W.T @ x))))",
    "a residual sum": "v @ (W @ relu(W @ relu(x) + x) + relu(x))",
    "summands in another order": "v @ (relu(W @ x + b) + relu(b + W @ x))",
    "one matrix, many uses": "v @ (W @ erf(W @ relu(W @ x)))",
    "a readout used for a sum": "v @ relu(x) + v @ erf(W @ x)",
    "readouts of their own": "v @ relu(x) + readout('z') @ erf(W @ x)",
    "an output bias": "v @ relu(x) + output_bias('c')",
    "nested": "v @ relu(tanh(relu(x) - 1/2 * ones()))",
    "a kink off zero": "v @ relu(x ** 2 - ones())",
    "constants only": "v @ (x + 2 * ones())",
    "a leaky one": "v @ leaky_relu(W @ leaky_relu(x + b, 1/5), 1/3)",
}


@pytest.mark.parametrize("text", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("diagonal", [False, True])
def test_each_rule_agrees_with_samples(text: str, diagonal: bool) -> None:
    found = both_sides(parse(HEAD + f"output({text})", "test"), diagonal)
    assert found is not None and found.agree()


WIDE = 'W = matrix("A", rows=2, cols=1/2)\nV = matrix("B", rows=1/2)\nv = readout("v", rows=2)\n'
WIDTHS = {
    "ratios of widths": WIDE + 'output(v @ relu(W @ relu(V @ (embedding("U") @ xi))))',
    "a transpose of ratios": WIDE + 'output(v @ erf(W @ (W.T @ (W @ erf(V @ (embedding("U") @ xi))))))',
}


@pytest.mark.parametrize("text", WIDTHS.values(), ids=list(WIDTHS))
def test_widths_of_other_ratios(text: str) -> None:
    found = both_sides(parse('xi = input("xi")\n' + text, "test"))
    assert found is not None and found.agree()


TWO = (
    'xi = input("xi", 2)\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nz = readout("z")\n'
    "x = U @ xi[0]\ny = U @ xi[1]\n"
)
OUTPUTS: Sequence[str] = (
    "output(v @ relu(x))\noutput(z @ relu(W @ y))\noutput(v @ erf(y) + z @ erf(W @ x))",
    "output(v @ (relu(x) + erf(W @ y)))\noutput(v @ relu(W @ (x + y) + y))",
)


@pytest.mark.parametrize("text", OUTPUTS)
def test_several_outputs_and_parts(text: str) -> None:
    found = both_sides(parse(TWO + text, "test"))
    assert found is not None and found.agree()
    ntk: Any = found.kernel.ntk
    assert np.abs(ntk[0, 0] - ntk[0, 0].T).max() > 1e-3  # K_op of two inputs is not symmetric


@pytest.mark.parametrize("network", ["attention", "gcn", "cnn1d", "densenet", "tied", "transformer"])
def test_zoo_networks_agree_with_samples(network: str) -> None:
    options = {"T": "2"} if network in ("attention", "transformer") else {}
    program = load(f"zoo:{network}", {**options, "phi": "relu"} if network != "attention" else options)
    found = both_sides(program)
    assert found is not None and found.agree()


@pytest.mark.parametrize("network", ["layernorm", "rmsnorm"])
def test_parameters_that_start_at_one_value_are_moved_all_the_same(network: str) -> None:
    """Gains and biases of variance 0: they cost no direction, and train."""
    found, frozen = both_sides(load(f"zoo:{network}", {})), both_sides(load(f"zoo:{network}", {"lr_g": "0"}))
    assert found is not None and found.agree()
    assert frozen is not None and frozen.agree()
    assert (np.diag(found.kernel.ntk) > 1.01 * np.diag(frozen.kernel.ntk)).all()


def test_a_wrong_number_is_seen() -> None:
    found = both_sides(parse(HEAD + "output(v @ relu(W @ relu(x) + b))", "test"))
    other = both_sides(parse(HEAD + "output(v @ relu(W @ relu(x) + x))", "test"))
    assert found is not None and other is not None
    assert not BothSides(found.kernel, other.program, other.gram).agree()
    assert not BothSides(found.kernel, found.program, 1.01 * found.gram).agree()
