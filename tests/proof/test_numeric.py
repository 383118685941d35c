"""The proved kernel against dense finite networks written without any of the calculus."""

from __future__ import annotations

import numpy as np
import pytest

from tests.networks import parallel_transposes, recurrent, residual, tied
from tests.numeric import LimitSample, finite_ntk
from tpproof.program.builder import Builder
from tpproof.program.constants import Constant
from tpproof.program.model import Program
from tpproof.proof.prove import prove

D = 6


def gated() -> Program:
    """A gate of one layer by another, a Moment that normalises, two readouts, spreads away from 1."""
    from fractions import Fraction

    def number(text: str) -> Constant:
        return Fraction(text)

    b = Builder()
    xi = b.input("xi")
    u = b.parameter("embedding", "U", std=number("3/2"), scale=number("4/5"))
    w = b.parameter("matrix", "W", std=number("6/5"), lr=number("1/2"))
    m = b.parameter("matrix", "M", scale=number("7/5"))
    c, v, z = b.parameter("bias", "b"), b.parameter("readout", "v"), b.parameter("readout", "z", lr=number("2"))
    h = b.call("tanh", b.add(b.embed(u, xi), b.bias(c)))
    gate = b.call("sigmoid", b.matmul(w, False, h))
    x = b.mul(gate, b.call("tanh", b.matmul(m, False, h)))
    variance = b.add(b.mean(b.mul(x, x)), b.constant(number("1/10")))
    x = b.mul(x, b.power(variance, number("-1/2")))  # type: ignore[arg-type]
    y = b.call("sin", b.matmul(w, False, b.add(x, h)))
    b.output([(v, y), (z, b.add(x, b.bias(c)))], b.parameter("output_bias", "c0"))
    b.output([(v, x)])
    return b.program("gated")


def twice_contracted() -> Program:
    """Two nonlinear layers between W and Wᵀ, W used twice, a skip connection, spreads away from 1."""
    from fractions import Fraction

    b = Builder()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    w = b.parameter("matrix", "W", std=Fraction(6, 5))
    m = b.parameter("matrix", "M", scale=Fraction(4, 5))
    first = b.call("tanh", b.embed(u, b.input("xi")))
    inner = b.call("tanh", b.matmul(w, True, first))
    second = b.call("tanh", b.add(b.matmul(w, False, inner), b.embed(u, 0)))
    third = b.call("sin", b.add(b.matmul(w, True, second), b.matmul(m, False, inner)))
    b.output([(v, b.add(b.matmul(w, False, third), second))])
    return b.program("twice contracted")


def several_widths() -> Program:
    """Widths n, n/2 and 2n, W with Wᵀ on one path and W used twice, spreads away from 1, a gain without variance."""
    from fractions import Fraction

    b = Builder()
    half, two = Fraction(1, 2), Fraction(2)
    u, c = b.parameter("embedding", "U"), b.parameter("bias", "b", std=Fraction(0), rows=half)
    w = b.parameter("matrix", "W", std=Fraction(6, 5), rows=half)
    m = b.parameter("matrix", "M", scale=Fraction(4, 5), rows=two, cols=half)
    v, z = b.parameter("readout", "v"), b.parameter("readout", "z", rows=two, scale=Fraction(3, 2))
    x = b.call("tanh", b.embed(u, b.input("xi")))
    code = b.call("tanh", b.add(b.matmul(w, False, x), b.bias(c)))
    back = b.call("sin", b.matmul(w, True, code))
    again = b.call("tanh", b.matmul(w, False, back))
    b.output([(v, b.add(b.matmul(w, True, again), x)), (z, b.call("sin", b.matmul(m, False, again)))])
    b.output([(v, back)])
    return b.program("several widths")


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", [residual(2), residual(2, shared=True), recurrent(3, every=True), tied(), parallel_transposes(), gated(),
                twice_contracted(), several_widths()], ids=lambda p: p.name)  # fmt: skip
def test_the_proved_kernel_is_the_ntk_of_wide_dense_networks(program: Program) -> None:
    proof = prove(program)
    execution = proof.execution
    assert execution is not None
    random = np.random.default_rng(5)
    inputs = tuple([random.standard_normal((i.parts, D)) for i in program.inputs] for _ in range(2))
    gram = {
        (s, r, i, a, j, b): float(inputs[s][i][a] @ inputs[r][j][b]) / D
        for s in (0, 1) for r in (0, 1)
        for i, one in enumerate(program.inputs) for a in range(one.parts)
        for j, two in enumerate(program.inputs) for b in range(two.parts)
    }  # fmt: skip
    sample = LimitSample(execution.form, gram, 100_000, seed=1)
    width, seeds = 1200, 12
    drawn = [finite_ntk(program, inputs, width, seed) for seed in range(seeds)]  # type: ignore[arg-type]
    for outputs, terms in execution.kernels.items():
        limit = sample.kernel(execution.sums, terms)
        values = np.array([k[outputs] for k in drawn])
        error = values.std(ddof=1) / np.sqrt(seeds) + 0.005 * (1 + abs(limit))  # seeds; the sample, 1/n bias
        assert abs(values.mean() - limit) < 4 * error, (outputs, limit, values.mean(), error)
