"""Text → program → text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof import zoo
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.language.write import write
from tpproof.program.builder import Builder
from tpproof.program.listing import listing
from tpproof.program.model import Program


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_comes_back(name: str) -> None:
    program = load(f"zoo:{name}")
    assert parse(write(program), "w.tp") == program


@settings(max_examples=150, deadline=None)
@given(programs(transposes=True))
def test_every_program_comes_back(program: Program) -> None:
    text = write(program)
    assert parse(text, "w.tp") == program
    assert write(parse(text, "w.tp")) == text


def test_wide_sums_and_names_that_are_words_come_back() -> None:
    b = Builder()
    xi = b.input("range")
    vectors = [b.embed(b.parameter("embedding", name), xi) for name in ("input", "len", "lambda", "g3", "x1")]
    vectors += [b.embed(b.parameter("embedding", f"U{i}"), xi) for i in range(60)]
    f = b.nonlinearity("output", 2)
    b.output([(b.parameter("readout", "for"), b.call(f, b.add(*vectors), b.mul(*vectors)))])
    program = b.program()
    assert parse(write(program), "w.tp") == program


@pytest.mark.parametrize("program", [two_hidden_layers(), residual(3), recurrent(3), tied(), parallel_transposes()])
def test_the_listing_has_every_gvar_and_output(program: Program) -> None:
    lines = listing(program).splitlines()
    assert len([line for line in lines if line.split()[:1] in (["Init"], ["MatMul"])]) == len(program.gvars)
    assert len([line for line in lines if line.startswith("Output ")]) == len(program.outputs)


def test_the_listing_of_tied() -> None:
    assert listing(tied()) == (
        "Input         xi         ∈ R^d\n"
        "Embedding     U          n×d\n"
        "Matrix        W          n×n\n"
        "Readout       v          n\n"
        "\n"
        "Init    g0     := U xi\n"
        "NonLin  x1     := tanh(g0)\n"
        "MatMul  g2     := Wᵀ x1\n"
        "NonLin  x3     := tanh(g2)\n"
        "MatMul  g4     := W x3\n"
        "Output  f0     := vᵀ g4/√n\n"
    )
