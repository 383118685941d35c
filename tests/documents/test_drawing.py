"""The drawing shows the whole reduced program, in the paper's symbols, and nothing twice."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof import zoo
from tpproof.documents.drawing import svg
from tpproof.documents.figure import Symbol, figure
from tpproof.documents.layout import RADIUS, place, room
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.program.builder import Builder
from tpproof.program.model import Kind, Program

SVG = "{http://www.w3.org/2000/svg}"
NETWORKS = [two_hidden_layers(), residual(3), recurrent(3, every=True), tied(), parallel_transposes()]

EdgeKey = tuple[str, str, str]
"""From, to, and the matrix of a dashed one."""


def group(drawn: str, name: str) -> list[ET.Element]:
    return next(g for g in ET.fromstring(drawn) if g.get("id") == name).findall("*")


def drawn_nodes(drawn: str) -> Counter[str]:
    return Counter(str(g.get("data-node")) for g in group(drawn, "nodes"))


def drawn_edges(drawn: str) -> list[EdgeKey]:
    """Every line, with the matrix that stands at its end."""
    labels = iter(str(text.text) for text in group(drawn, "matrices"))
    return [
        (str(e.get("data-from")), str(e.get("data-to")), next(labels) if "dashed" in str(e.get("class")) else "")
        for e in group(drawn, "edges")
    ]


def wanted_edges(program: Program, nodes: set[str]) -> list[EdgeKey]:
    """What has to be drawn between these symbols, found from the instructions alone."""

    def below(k: int) -> set[int]:
        found: set[int] = set()
        for a in program.nodes[k].args:
            found |= {a} if str(a) in nodes else below(a)
        return found

    def matrix(p: int, transposed: bool) -> str:
        return program.parameters[p].name + ("ᵀ" if transposed else "")

    edges = []
    for k, node in enumerate(program.nodes):
        if str(k) in nodes:
            label = matrix(*node.data) if node.op == "matmul" else ""
            edges += [(str(a), str(k), label) for a in below(k)]
    for o, out in enumerate(program.outputs):
        edges += [(str(x), f"f{o}", matrix(v, True)) for v, x in out.terms]
    return edges


def unshown(program: Program, nodes: set[str]) -> list[int]:
    """Instructions that are neither symbols nor rightly part of one other instruction's."""
    found = []
    for k, node in enumerate(program.nodes):
        readers = [r for r, other in enumerate(program.nodes) if k in other.args]
        if str(k) in nodes or program.kinds[k] is Kind.CONSTANT or node.op == "ones":
            continue
        part = len(readers) == 1 and node.op not in ("embed", "param", "matmul", "mean")
        part = part and (program.kinds[readers[0]] is program.kinds[k] or program.nodes[readers[0]].op == "mean")
        if not part or any(k == x for out in program.outputs for _, x in out.terms):
            found.append(k)
    return found


def complete(program: Program, drawn: str) -> bool:
    nodes = drawn_nodes(drawn)
    right = Counter(drawn_edges(drawn)) == Counter(wanted_edges(program, set(nodes)))
    outputs = {f"f{o}" for o in range(len(program.outputs))}
    return right and max(nodes.values()) == 1 and outputs <= set(nodes) and not unshown(program, set(nodes))


@pytest.mark.parametrize("program", [*NETWORKS, *(load(f"zoo:{name}") for name in zoo.names())], ids=lambda p: p.name)
def test_every_symbol_and_edge_is_drawn_once_and_nothing_overlaps(program: Program) -> None:
    assert complete(program, svg(program))
    assert_readable(program)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_so_for_random_programs(program: Program) -> None:
    assert complete(program, svg(program))
    assert_readable(program)


def assert_readable(program: Program) -> None:
    """Symbols with their texts are apart, and edges run from left to right between the right symbols."""
    drawing = place(figure(program))
    boxes = [(m.x - m.radius, m.x + m.radius, m.y - room(m.mark), m.y + room(m.mark)) for m in drawing.marks]
    for (a, b, c, d), (e, f, g, h) in itertools.combinations(boxes, 2):
        assert b < e or f < a or d < g or h < c
    assert all(a > 0 and b < drawing.width and c > 0 and d < drawing.height for a, b, c, d in boxes)
    centres = {m.mark.key: m for m in drawing.marks}
    for placed in drawing.edges:
        xs = [x for x, _ in placed.points]
        assert xs == sorted(xs)
        start, end = centres[placed.edge.source], centres[placed.edge.target]
        assert placed.points[0] == (pytest.approx(start.x + start.radius), start.y)
        assert placed.points[-1][0] == pytest.approx(end.x - end.radius)
        assert abs(placed.points[-1][1] - end.y) <= end.half_height
        assert all(0 < y < drawing.height for _, y in placed.points)


@pytest.mark.parametrize("name", ["rnn", "attention", "tied"])
def test_a_dropped_or_doubled_line_or_symbol_would_be_seen(name: str) -> None:
    program = load(f"zoo:{name}")
    drawn = svg(program)
    lines = re.findall(r'<path class="edge[^\n]*data-from[^\n]*\n', drawn)
    assert len(lines) == len(drawn_edges(drawn)) > 4
    for line in lines:
        if "dashed" not in line:
            assert not complete(program, drawn.replace(line, "", 1))
            assert not complete(program, drawn.replace(line, line * 2, 1))
    for symbol in re.findall(r'<g class="node".*?</g>', drawn, re.DOTALL):
        assert not complete(program, drawn.replace(symbol, "", 1))


def test_the_notation() -> None:
    program = load("zoo:transformer", {"T": "2"})
    drawn = svg(program)
    by_name = {str(g.get("data-node")): g for g in group(drawn, "nodes")}
    for mark in figure(program).marks:
        shapes = [(e.tag.removeprefix(SVG), e.get("class")) for e in by_name[mark.key]]
        expected = {
            Symbol.GVAR: ("circle", "gvar"), Symbol.XVAR: ("circle", "xvar"), Symbol.SUM: ("circle", "sum"),
            Symbol.MULTIPLE: ("circle", "multiple"), Symbol.SCALAR: ("rect", "scalar"),
            Symbol.OUTPUT: ("rect", "output"),
        }[mark.symbol]  # fmt: skip
        assert expected in shapes
        assert (("path", "plus") in shapes) == (mark.symbol in (Symbol.SUM, Symbol.MULTIPLE))
    shown = {m.symbol for m in figure(program).marks}
    assert shown >= {Symbol.GVAR, Symbol.XVAR, Symbol.SUM, Symbol.SCALAR, Symbol.OUTPUT}
    assert {"linear combination", "scalar, by Moment"} <= {e.text for e in group(drawn, "legend")}


def test_the_kinds_of_symbols_are_those_of_the_instructions() -> None:
    for name in zoo.names():
        program = load(f"zoo:{name}")
        for mark in figure(program).marks:
            if mark.symbol is not Symbol.OUTPUT:
                k = int(mark.key)
                assert (mark.symbol is Symbol.GVAR) == (k in program.gvars)
                assert (mark.symbol is Symbol.SCALAR) == (program.kinds[k] is Kind.SCALAR)


def test_matrices_are_told_from_their_transposes() -> None:
    assert sorted(m for _, _, m in drawn_edges(svg(load("zoo:tied"))) if m) == ["W", "Wᵀ", "vᵀ"]


def test_each_readout_of_an_output_has_its_own_row() -> None:
    drawing = place(figure(load("zoo:cnn2d_flatten", {"rows": "2", "columns": "2"})))
    ends = [e.points[-1][1] for e in drawing.edges if e.edge.target == "f0"]
    assert len(set(ends)) == len(ends) == 4


def test_connected_parts_stand_below_each_other() -> None:
    b = Builder()
    for k in range(2):
        b.output([(b.parameter("readout", f"v{k}"), b.embed(b.parameter("embedding", f"U{k}"), b.input(f"xi{k}")))])
    drawing = place(figure(b.program("two")))
    assert len({m.x for m in drawing.marks}) == 2
    assert len({m.y for m in drawing.marks}) == 2


X = 'x = tanh(embedding("U") @ input("xi"))\n'


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ('output(readout("v") @ ones())', "1 f0"),
        (X + 'output(readout("v") @ x + readout("u") @ x)', "Uξ tanh f0"),
        (X + 'output(readout("v") @ (x + ones()))', "Uξ tanh + f0"),
        (X + 'output(readout("v") @ (x + matrix("W") @ ones()))', "Uξ tanh 1 g + f0"),
        (X + 'output(readout("v") @ (2 * x))', "Uξ tanh ×2 f0"),
        (X + 'output(readout("v") @ (x * mean(x) / sqrt(mean(x * x) + 1)))', "Uξ tanh mean mean⊙ 1/√() × f0"),
        (X + 'output(readout("v") @ tanh(sin(x) * x))', "Uξ tanh tanh,sin f0"),
        (X + 'output(readout("v") @ (x / sqrt(width()) * mean(x)))', "Uξ tanh mean 1/√n × f0"),
    ],
)
def test_small_networks_and_their_symbols(text: str, symbols: str) -> None:
    program = parse(text, "small.tp")
    signs = {Symbol.SUM: "+", Symbol.MULTIPLE: "×", Symbol.GVAR: "g", Symbol.OUTPUT: ""}
    marks = figure(program).marks
    found = [m.label or signs[m.symbol] or m.name for m in marks]
    assert sorted(label.replace(" ", "") for label in found) == sorted(symbols.split())
    assert complete(program, svg(program))
    assert_readable(program)


HOSTILE = '<script>&"\'</svg>\x00\u202e{{ 7*7 }}'


def test_names_from_strangers_are_text() -> None:
    program = recurrent(2)
    renamed = replace(
        program,
        name=HOSTILE,
        inputs=tuple(replace(i, name=HOSTILE) for i in program.inputs),
        parameters=tuple(replace(p, name=HOSTILE + p.name) for p in program.parameters),
    )
    drawn = svg(renamed)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}
    assert tags == {"svg", "title", "style", "rect", "g", "path", "circle", "text"}
    assert "<script" not in drawn
    assert "{{ 7*7 }}" in drawn
    assert "\u202e" not in drawn


def test_the_same_network_gives_the_same_bytes_in_another_process() -> None:
    code = "from tpproof.language.source import load; from tpproof.documents.drawing import svg\n"
    code += "import sys; sys.stdout.buffer.write(svg(load('zoo:attention_untied')).encode())"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout == svg(load("zoo:attention_untied")).encode()


@pytest.mark.parametrize(("name", "constant"), [("resmlp", "L=1000"), ("rnn", "T=120"), ("densenet", "L=60")])
def test_what_nobody_could_read_is_refused_at_once(name: str, constant: str) -> None:
    program = load(f"zoo:{name}", dict([constant.split("=")]))
    start = time.perf_counter()
    with pytest.raises(TpproofError, match="E104"):
        svg(program)
    assert time.perf_counter() - start < 5


def test_a_drawing_of_two_hundred_symbols_takes_seconds() -> None:
    start = time.perf_counter()
    assert svg(load("zoo:universal", {"L": "4", "T": "2"})).count('class="node"') > 200
    assert time.perf_counter() - start < 10


def test_both_backgrounds_are_its_own() -> None:
    drawn = svg(two_hidden_layers())
    light, dark = drawn.split("@media (prefers-color-scheme: dark)")
    assert all(".paper" in half for half in (light, dark))
    assert set(RADIUS) == set(Symbol)
