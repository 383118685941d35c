"""The drawing shows the whole reduced program, in the paper's symbols, and nothing twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from tests.documents.diagrams.legible import complaints
from tests.documents.diagrams.reading import SVG, complete, edges, group, words
from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof import zoo
from tpproof.documents.diagrams import draw, figure, svg
from tpproof.documents.diagrams.drawing import Symbol
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.program.model import Kind, Program

NETWORKS = [two_hidden_layers(), residual(3), recurrent(3, every=True), tied(), parallel_transposes()]


@pytest.mark.parametrize("program", [*NETWORKS, *(load(f"zoo:{name}") for name in zoo.names())], ids=lambda p: p.name)
def test_every_symbol_and_edge_is_drawn_once_and_legibly(program: Program) -> None:
    drawing = draw(program)
    assert complete(program, svg(drawing)) or drawing.folds
    assert complaints(drawing) == []


@settings(max_examples=30, deadline=None)
@given(programs())
def test_so_for_random_programs_and_their_backward_passes(program: Program) -> None:
    drawing = draw(program)
    assert complete(program, svg(drawing))
    assert complaints(drawing) == []
    assert complaints(draw(program, "backward")) == []


@pytest.mark.parametrize("name", ["rnn", "attention", "tied"])
def test_a_dropped_or_doubled_line_or_symbol_would_be_seen(name: str) -> None:
    program = load(f"zoo:{name}")
    drawn = svg(draw(program))
    lines = re.findall(r'<path class="edge[^\n]*data-from[^\n]*\n', drawn)
    assert len(lines) == len(edges(drawn)) > 4
    for line in lines:
        if "matmul" not in line:
            assert not complete(program, drawn.replace(line, "", 1))
            assert not complete(program, drawn.replace(line, line * 2, 1))
    for symbol in re.findall(r'<g class="node".*?</g>', drawn, re.DOTALL):
        assert not complete(program, drawn.replace(symbol, "", 1))


def test_the_notation() -> None:
    program = load("zoo:transformer", {"T": "2"})
    drawn = svg(draw(program))
    by_name = {str(g.get("data-node")): g for g in group(drawn, "nodes")}
    for mark in figure(program).marks:
        shapes = [str(e.get("class")).split() for e in by_name[mark.key] if "shape" in str(e.get("class"))]
        gate = ["shape", "moment" if mark.symbol is Symbol.SCALAR else "gate"]
        assert ["shape", mark.symbol.value] in shapes
        assert (gate in shapes) == (mark.gate is not None)
        assert len(shapes) == 1 + (mark.gate is not None)
    shown = {m.symbol for m in figure(program).marks}
    assert shown >= {Symbol.GVAR, Symbol.XVAR, Symbol.SCALAR, Symbol.OUTPUT}
    tags = {e.tag.removeprefix(SVG) for g in by_name.values() for e in g}
    assert tags == {"title", "circle", "rect", "path", "text"}
    assert {"NonLin", "scalar", "Moment"} <= {words(e) for e in group(drawn, "legend")}


def test_the_kinds_of_symbols_are_those_of_the_instructions() -> None:
    for name in zoo.names():
        program = load(f"zoo:{name}")
        for mark in figure(program).marks:
            if mark.symbol not in (Symbol.OUTPUT, Symbol.DOTS):
                k = int(mark.key)
                assert (mark.symbol is Symbol.GVAR) == (k in program.gvars)
                assert (mark.symbol is Symbol.SCALAR) == (program.kinds[k] is Kind.SCALAR)
                assert (mark.gate is None) == (k in program.gvars or program.nodes[k].op == "ones")


def test_matrices_are_told_from_their_transposes() -> None:
    assert sorted(m for _, _, m in edges(svg(draw(load("zoo:tied")))) if m) == ["W", "W⊤", "v⊤"]


X = 'x = tanh(embedding("U") @ input("xi"))\n'


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ('output(readout("v") @ ones())', "1 f0"),
        (X + 'output(readout("v") @ x + readout("u") @ x)', "Uξ tanh f0"),
        (X + 'output(readout("v") @ (x + ones()))', "Uξ tanh + f0"),
        (X + 'output(readout("v") @ (x + matrix("W") @ ones()))', "Uξ tanh 1 g + f0"),
        (X + 'output(readout("v") @ (2 * x))', "Uξ tanh ×2 f0"),
        (X + 'output(readout("v") @ (x * mean(x) / sqrt(mean(x * x) + 1)))', "Uξ tanh mean ()² 1/√() × f0"),
        (X + 'output(readout("v") @ (x * mean(x * tanh(x))))', "Uξ tanh tanh × f0"),
        (X + 'output(readout("v") @ tanh(sin(x) * x))', "Uξ tanh tanh,sin f0"),
        (X + 'output(readout("v") @ (x / sqrt(width()) * mean(x)))', "Uξ tanh mean 1/√n × f0"),
    ],
)
def test_small_networks_and_their_symbols(text: str, symbols: str) -> None:
    program = parse(text, "small.tp")
    signs = {Symbol.GVAR: "g", Symbol.OUTPUT: ""}
    marks = figure(program).marks
    found = [m.label or m.gate or signs[m.symbol] or m.name for m in marks]
    assert sorted(label.replace(" ", "") for label in found) == sorted(symbols.split())
    assert complete(program, svg(draw(program)))
    assert complaints(draw(program)) == []
