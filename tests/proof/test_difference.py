"""D.4.2's gap (MATH §7): the failing G-var, the missing terms, and their size."""

from __future__ import annotations

import numpy as np
import pytest

from tests.networks import parallel_transposes, tied
from tpproof.limit.law import limit_form
from tpproof.paths.count import PathSpace
from tpproof.paths.graph import path_sums
from tpproof.paths.kernel import path_kernel
from tpproof.program.atoms import Atom
from tpproof.program.builder import Builder
from tpproof.program.constants import ZERO
from tpproof.program.model import Program
from tpproof.proof.difference import DirectDerivatives, Expansion, output_polynomial, subtract, written_out
from tpproof.proof.prove import Execution, prove

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def mean(values: np.ndarray) -> float:
    return float(WEIGHTS @ values)


def contribution_of_u(expansion: Expansion) -> float:
    """Products with κ_U at ‖ξ‖²/d = 1, unit variances, tanh: quadrature written for this network."""
    derivative = lambda z: 1 - np.tanh(z) ** 2  # noqa: E731
    spread = np.sqrt(mean(np.tanh(NODES) ** 2))  # of Wᵀ tanh(Uξ)
    argument = {1: NODES, 3: spread * NODES}
    total = 0.0
    for (atoms, expectations), times in expansion.items():
        if ("kappa", 0, 0) in atoms:
            value = float(times)
            for factors in expectations:
                value *= mean(np.prod([derivative(argument[x]) for _, x, _ in factors], axis=0))
            total += value
    return total


def both_kernels(program: Program) -> tuple[Expansion, Expansion]:
    proof, space = prove(program), PathSpace(program)
    assert isinstance(proof.execution, Execution)
    derivatives = DirectDerivatives(space.form, proof.execution.form, 10_000)
    whole = output_polynomial(proof.execution.sums, proof.execution.kernels[0, 0], 10_000)
    plain = output_polynomial(path_sums(space.graph), path_kernel(space.form, 0, 0), 10_000)
    return written_out(derivatives, whole, False), written_out(derivatives, plain, True)


def test_the_tied_networks_kernel_is_0_566364_where_the_path_sum_is_0_295613() -> None:
    kernel, path_sum = both_kernels(tied())
    assert contribution_of_u(path_sum) == pytest.approx(0.295613, abs=1e-6)
    assert contribution_of_u(kernel) == pytest.approx(0.566364, abs=1e-6)


def test_the_missing_term_is_the_squared_mean_of_psi_prime_times_the_first_layers_slope() -> None:
    difference = subtract(*both_kernels(tied()))
    (((atoms, expectations), times),) = difference.items()
    assert times == 1
    assert expectations == (((0, 1, 0), (1, 1, 0)), ((0, 3, 2),), ((1, 3, 2),))
    sigmas: tuple[Atom, ...] = (("sigma2", 1, 0), ("sigma2", 1, 0), ("sigma2", 2, 0))
    assert atoms == (("gram", 0, 0, 0, 0), ("kappa", 0, 0), *sigmas)


def test_the_first_failing_gvar_is_the_one_that_contracts() -> None:
    proof = prove(tied())
    assert proof.verdict == "proved-by-execution"
    first = proof.failures[0]
    assert (first.vector, first.equation) == (4, "(107)")
    assert "E[∂x3~/∂g2~]·Z^δx1~" in first.found


def test_parallel_branches_with_w_and_its_transpose_are_proved() -> None:
    proof = prove(parallel_transposes())
    assert (proof.verdict, proof.failures) == ("proved", ())
    assert not limit_form(parallel_transposes()).contractions


def test_an_untrained_encoder_below_the_contraction_leaves_the_path_sum_right() -> None:
    b = Builder()
    u, w, v = b.parameter("embedding", "U", lr=ZERO), b.parameter("matrix", "W"), b.parameter("readout", "v")
    first = b.call("tanh", b.embed(u, b.input("xi")))
    b.output([(v, b.matmul(w, False, b.call("tanh", b.matmul(w, True, first))))])
    proof = prove(b.program())
    assert (proof.verdict, proof.failures) == ("proved-by-execution", ())
