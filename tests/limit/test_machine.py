"""The abstract machine agrees with both kernels of the proof, with every ZDot term and without any lemma."""

from __future__ import annotations

import pytest
from hypothesis import assume, event, given, settings

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.limit.law import zdot_terms
from tpproof.limit.machine import Machine
from tpproof.limits import Limits
from tpproof.program.model import Program
from tpproof.program.reduced import reduced
from tpproof.proof.difference import DirectDerivatives, output_polynomial, written_out
from tpproof.proof.prove import prove


def proved_kernel(program: Program, o: int, p: int) -> dict[object, int]:
    """The prover's K_op over direct derivatives."""
    execution = prove(program).execution
    assert execution is not None
    derivatives = DirectDerivatives(reduced(program), execution.form, 20_000)
    polynomial = output_polynomial(execution.sums, execution.kernels[o, p], 20_000)
    return {key: n for key, n in written_out(derivatives, polynomial, False).items() if n}


def agree(program: Program) -> None:
    machine = Machine(program, Limits(machine_work=200_000))
    outputs = range(len(program.outputs))
    for o in outputs:
        for p in outputs:
            assert machine.kernel_122(o, p) == machine.kernel_100(o, p)
            assert machine.kernel_122(o, p) == proved_kernel(program, o, p)


TWICE = """
x = tanh(embedding("U") @ input("xi"))
W = matrix("W")
y = sin(W.T @ x) * x
z = erf(W @ y + x)
output(readout("v") @ tanh(W @ tanh(W.T @ z)))
"""


@pytest.mark.parametrize(
    "program",
    [
        two_hidden_layers(),
        residual(2, shared=True),
        recurrent(3, every=True),
        tied(),
        parallel_transposes(),
        parse(TWICE, "twice.tp"),
    ],
    ids=lambda p: p.name,
)
def test_the_machine_agrees(program: Program) -> None:
    agree(program)


@settings(max_examples=60, deadline=None)
@given(programs(transposes=True, max_size=7))
def test_the_machine_agrees_on_random_programs(program: Program) -> None:
    try:
        agree(program)
    except TpproofError as error:  # too large for it
        assert error.code == "E104"
        assume(False)
    event("contracted" if zdot_terms(program) else "plain")


def test_without_zdot_it_would_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ż dropped everywhere: the hats alone miss the kernel."""

    def hat_only(self: Machine, name: tuple[object, ...], vector: object, symbol: object, uses: object) -> object:
        self._vectors[name] = vector  # type: ignore[assignment]
        return {("hat", *symbol, name): {((), (), ()): 1}}  # type: ignore[misc]

    monkeypatch.setattr(Machine, "_matmul", hat_only)
    machine = Machine(two_hidden_layers())
    assert machine.kernel_122(0, 0) != machine.kernel_100(0, 0)
    assert Machine(tied()).kernel_100(0, 0) != proved_kernel(tied(), 0, 0)


def test_it_finds_the_term_that_the_paper_misses() -> None:
    """tied: E[ψ′]² E[φ′φ′], from Z^v E[ψ′] in Z^{du} (MATH §7)."""
    squares = [means for (_, means), n in Machine(tied()).kernel_122(0, 0).items() if len(means) == 3]
    assert squares == [(((0, 1, 0), (1, 1, 0)), ((0, 3, 2),), ((1, 3, 2),))]


def test_it_stops_at_its_limit() -> None:
    with pytest.raises(TpproofError, match="abstract machine"):
        Machine(residual(12, shared=True), Limits(machine_work=1000)).kernel_122(0, 0)
