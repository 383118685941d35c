"""Parametrizations: which keep the network, and what the others do to the kernel."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.closed_forms import ClosedForms
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.network import Network
from tpproof.language.source import load
from tpproof.program.constants import ONE, ZERO
from tpproof.program.model import Program
from tpproof.program.parametrization import PARAMETRIZATIONS, reparametrized
from tpproof.proof.prove import prove

PAGE = (Path(__file__).parent.parent.parent / "docs" / "parametrizations.md").read_text()
KEEPING = [name for name, (_, keeps) in PARAMETRIZATIONS.items() if keeps]
CHANGING = [name for name, (_, keeps) in PARAMETRIZATIONS.items() if not keeps]


def forward(program: Program) -> list[object]:
    return [p.variance() for p in program.parameters]


def trained(program: Program) -> list[object]:
    return [p.rate() for p in program.parameters]


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_one_keeps_the_forward_pass(program: Program) -> None:
    for name in PARAMETRIZATIONS:
        other = reparametrized(program, name)
        assert forward(other) == forward(program)
        assert other.nodes == program.nodes
        assert [p.trained for p in program.parameters if p.lr == 0] == [
            q.trained for p, q in zip(program.parameters, other.parameters, strict=True) if p.lr == 0
        ]


@settings(max_examples=60, deadline=None)
@given(programs())
def test_those_that_only_write_it_otherwise_keep_the_training_too(program: Program) -> None:
    for name in KEEPING:
        assert trained(reparametrized(program, name)) == trained(program)


def test_the_number_that_a_form_names_becomes_1() -> None:
    text = 'xi = input("xi")\nU = embedding("U", std=3/2, scale=-4/5, lr=1/2)\noutput(readout("v") @ (U @ xi))'
    program = parse(text, "scaled.tp")
    for name in KEEPING:
        key = name.partition("=")[0]
        assert getattr(reparametrized(program, name).parameters[0], key) == 1


def test_gains_that_start_at_0_and_untrained_parameters_stay() -> None:
    program = load("zoo:layernorm")
    for name in PARAMETRIZATIONS:
        for p, q in zip(program.parameters, reparametrized(program, name).parameters, strict=True):
            assert (q.std == 0) == (p.std == 0)
    still = load("zoo:mlp1")
    for name in PARAMETRIZATIONS:
        assert reparametrized(still, name).parameters[1].lr == 0


def test_the_rates_of_the_conventions() -> None:
    program = load("zoo:bottleneck", {"std_w": "3/2", "std_b": "1/2"})
    names = [p.name for p in program.parameters]
    rates = {c: dict(zip(names, trained(reparametrized(program, c)), strict=True)) for c in CHANGING}
    assert set(rates["yang"].values()) == {ONE}
    sigma2 = [p.variance() for p in program.parameters]
    assert list(rates["ntk"].values()) == sigma2
    assert rates["standard"] == {
        "U": ZERO, "b0": ZERO, "W1": ONE, "b1": ZERO, "W2": Fraction(1, 4), "b2": ZERO, "v": Fraction(2)
    }  # fmt: skip


def _row(name: str) -> list[float]:
    """The page's numbers for a parametrization."""
    line = next(line for line in PAGE.splitlines() if re.match(rf"\| `{name}`[^|]*\| [−0-9]", line))
    return [float(cell.replace("−", "-")) for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize("name", CHANGING)
def test_the_table_of_the_page_is_what_the_proved_kernels_say(name: str) -> None:
    text = re.findall(r"```tp\n(.*?)```", PAGE, re.DOTALL)[0]
    execution = prove(reparametrized(parse(text, "page"), name)).execution
    assert execution is not None
    diagonal, off = (
        ClosedForms(execution, {(s, r, 0, 0, 0, 0): 1 if s == r else rho for s in (0, 1) for r in (0, 1)})
        for rho in (1, Fraction(-3, 10))
    )
    found = [diagonal.kernel(0, 0), off.kernel(0, 0), *(off.kernel(0, 0, only=[p]) for p in "Ubvc")]
    assert _row(name) == pytest.approx([float(k) for k in found], abs=1e-6)
    assert float(diagonal.nngp(0, 0)) == pytest.approx(1.477039, abs=1e-6)
    assert float(off.nngp(0, 0)) == pytest.approx(-0.207180, abs=1e-6)


def test_a_network_in_python_is_converted_with_its_constants() -> None:
    mlp = Network(lambda **constants: load("zoo:mlp", {k: str(v) for k, v in constants.items()}), "mlp")
    assert mlp.parametrized("ntk")(L=2).sha256 == mlp(L=2).parametrized("ntk").sha256
    with pytest.raises(TpproofError, match="E103"):
        _ = mlp.parametrized("mup").program
