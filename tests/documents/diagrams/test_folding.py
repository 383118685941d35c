"""Repetition is found by structure alone; what is drawn of it is right, and nothing that differs is folded."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.documents.diagrams.legible import complaints
from tpproof.documents.diagrams import draw, figure, svg
from tpproof.documents.diagrams.drawing import Figure, Symbol
from tpproof.documents.diagrams.folding import repetition
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.program.model import Program

DEEP = [
    ("mlp", {"L": "200"}, 199), ("resmlp", {"L": "200"}, 200), ("rnn", {"T": "80"}, 79), ("lstm", {"T": "40"}, 38),
    ("layernorm", {"L": "60"}, 59), ("gcn", {"L": "40"}, 39), ("stacked_rnn", {"L": "60"}, 58),
    ("stacked_rnn", {"T": "60"}, 58), ("transformer", {"L": "12", "T": "2"}, 10), ("universal", {"L": "8"}, 7),
]  # fmt: skip


def real(drawn: Figure) -> set[str]:
    return {m.key for m in drawn.marks if m.symbol is not Symbol.DOTS}


@pytest.mark.parametrize(("name", "overrides", "parts"), DEEP, ids=str)
def test_deep_and_long_networks_are_folded_and_legible(name: str, overrides: dict[str, str], parts: int) -> None:
    program = load(f"zoo:{name}", overrides)
    (fold,) = figure(program).folds
    assert (fold.parts, fold.omitted) == (parts, parts - 2)
    assert complaints(draw(program)) == []


@pytest.mark.parametrize(("name", "overrides", "parts"), DEEP[:4], ids=str)
def test_what_stays_is_as_it_was_and_dots_stand_for_the_rest(name: str, overrides: dict[str, str], parts: int) -> None:
    program = load(f"zoo:{name}", overrides)
    drawn = figure(program)
    assert drawn.folds
    stays = real(drawn)
    edges = {(e.source, e.target, e.matrix) for e in drawn.edges}
    for k, node in enumerate(program.nodes):
        if str(k) in stays and node.op == "matmul":
            source = next(a for a, b, m in edges if b == str(k))
            assert source == str(node.args[0]) or source.startswith("dots")
    for a, b, matrix in edges:
        if b.startswith("dots"):
            assert (a, matrix) == (b.removeprefix("dots"), "")
    hidden = {key for key, _ in drawn.stand_in}
    assert hidden
    assert not hidden & stays


def test_a_small_network_is_not_folded() -> None:
    assert figure(load("zoo:mlp", {"L": "20"})).folds == ()


def altered(program: Program, at: int, function: str) -> Program:
    nodes = list(program.nodes)
    calls = [k for k, node in enumerate(nodes) if node.op == "call"]
    nodes[calls[at]] = replace(nodes[calls[at]], data=(function,))
    return replace(program, nodes=tuple(nodes))


def test_a_layer_that_differs_is_not_folded_with_the_others() -> None:
    program = altered(load("zoo:mlp", {"L": "200"}), 100, "erf")
    other = str(next(k for k, node in enumerate(program.nodes) if node.data == ("erf",)))
    drawn = figure(program)
    assert other in real(drawn)
    (fold,) = drawn.folds
    assert fold.parts <= 101


def test_a_layer_of_another_variance_differs() -> None:
    program = load("zoo:mlp", {"L": "200"})
    parameters = [replace(p, std=2) if p.name == "W100" else p for p in program.parameters]
    (fold,) = figure(replace(program, parameters=tuple(parameters))).folds
    assert fold.parts <= 101


def test_what_reads_all_layers_before_it_is_no_repetition() -> None:
    program = load("zoo:densenet", {"L": "30"})
    standing = range(len(program.nodes))
    found = repetition(program, standing)
    assert found is None or sum(map(found.hides, standing)) < len(program.nodes) / 2


@pytest.mark.parametrize(("name", "constant"), [("densenet", "L=60"), ("attention", "T=30")])
def test_what_nobody_could_read_is_refused_at_once(name: str, constant: str) -> None:
    program = load(f"zoo:{name}", dict([constant.split("=")]))
    start = time.perf_counter()
    with pytest.raises(TpproofError, match="E104"):
        draw(program)
    assert time.perf_counter() - start < 5


def test_lines_that_pass_too_many_columns_are_refused() -> None:
    program = load("zoo:densenet", {"L": "8"})
    assert draw(program).marks
    with pytest.raises(TpproofError, match="edges pass"):
        draw(program, limits=replace(DEFAULT, drawn_bends=10))


def test_thousands_of_layers_are_drawn_in_seconds_with_their_number() -> None:
    program = load("zoo:resmlp", {"L": "3000"})
    start = time.perf_counter()
    drawn = svg(draw(program))
    assert time.perf_counter() - start < 10
    assert "2998 more of 3000 equal parts" in drawn
    assert "×2998" in drawn


def test_a_drawing_of_two_hundred_symbols_takes_seconds_and_is_legible() -> None:
    start = time.perf_counter()
    drawing = draw(load("zoo:transformer", {"L": "3", "T": "2"}))
    assert 150 < len(drawing.marks) < 250
    assert time.perf_counter() - start < 10
    assert complaints(drawing) == []
