"""Rows and columns: recurrences and layers are aligned, lines are straight, and what is not legible would be seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.documents.diagrams.legible import complaints, outside, overlapping, struck
from tpproof.documents.diagrams import Drawing, draw, place
from tpproof.documents.diagrams.drawing import Edge, Figure, Mark, PlacedMark, Symbol
from tpproof.documents.diagrams.rows import Chain, rows
from tpproof.documents.diagrams.symbols import built
from tpproof.language.source import load
from tpproof.program.builder import Builder


def xvars(drawing: Drawing) -> list[PlacedMark]:
    return [m for m in drawing.marks if m.mark.symbol is Symbol.XVAR]


@pytest.mark.parametrize(("name", "overrides"), [("mlp", {"L": "6"}), ("rnn", {"T": "6"}), ("resmlp", {"L": "5"})])
def test_a_computation_is_one_straight_row_in_equal_steps(name: str, overrides: dict[str, str]) -> None:
    states = [m for m in xvars(draw(load(f"zoo:{name}", overrides))) if m.mark.gate == "tanh"]
    assert len(states) >= 5
    assert len({m.y for m in states}) == 1
    steps = [round(b.x - a.x, 1) for a, b in pairwise(states[1:-1])]
    assert max(steps) - min(steps) < 10  # matrices' names may have different lengths


def test_time_runs_in_columns_and_each_recurrent_layer_has_its_row() -> None:
    program = load("zoo:stacked_rnn", {"L": "2", "T": "4"})
    drawing = draw(program)
    marks = {m.mark.key: m for m in drawing.marks}
    into = {e.target: (e.source, e.label.text if e.label else "") for e in drawing.edges}
    recurrent = [(marks[g], marks[x]) for g, (x, matrix) in into.items() if matrix in ("W0", "W1")]
    assert len(recurrent) == 6
    straight = [g.y == x.y for g, x in recurrent]
    assert straight.count(True) >= 5  # where a layer begins, its row may bend once
    assert len({x.y for _, x in recurrent}) <= 3


def test_a_convolution_s_positions_are_rows() -> None:
    drawing = draw(load("zoo:cnn1d", {"L": "2", "P": "4"}))
    heights = sorted({m.x: [] for m in xvars(drawing)})
    lower, upper = ([m.y for m in xvars(drawing) if m.x == x] for x in heights)
    assert len(set(lower) & set(upper)) >= 2


def test_connected_parts_stand_below_each_other() -> None:
    b = Builder()
    for k in range(2):
        b.output([(b.parameter("readout", f"v{k}"), b.embed(b.parameter("embedding", f"U{k}"), b.input(f"xi{k}")))])
    drawing = draw(b.program("two"))
    assert len({m.x for m in drawing.marks}) == 2
    assert len({m.y for m in drawing.marks}) == 2


def test_each_readout_of_an_output_has_its_own_row() -> None:
    drawing = draw(load("zoo:cnn2d_flatten", {"rows": "2", "columns": "2"}))
    ends = [e.points[-1][1] for e in drawing.edges if e.target == "f0"]
    assert len(set(ends)) == len(ends) == 4


def test_edges_begin_and_end_at_their_symbols_and_never_turn_back() -> None:
    drawing = draw(load("zoo:attention"))
    marks = {m.mark.key: m for m in drawing.marks}
    for edge in drawing.edges:
        xs = [x for x, _ in edge.points]
        assert xs == sorted(xs)
        assert edge.points[0] == (marks[edge.source].right, marks[edge.source].y)
        assert edge.points[-1][0] == marks[edge.target].left


def test_rows_are_the_straightest_that_leave_room() -> None:
    chains = [Chain((0, 0), (1, 1), 1.0), Chain((0, 1), (1, 0), 3.0)]
    ((a, b), (c, d)) = rows([[10.0, 10.0], [5.0, 5.0]], chains, 2.0)
    assert b - a >= 22 - 1e-6
    assert d - c >= 12 - 1e-6
    assert b == pytest.approx(c)  # the heavier one is straight
    assert rows([[3.0]], [], 1.0) == [[0.0]]


@pytest.mark.parametrize("name", ["attention", "cnn1d", "lstm", "transformer_post"])
def test_another_solver_finds_the_same_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(load(f"zoo:{name}"))
    monkeypatch.setattr("tpproof.documents.diagrams.rows.METHOD", "highs-ipm")
    assert draw(load(f"zoo:{name}")) == drawn


def test_what_overlaps_leaves_or_strikes_would_be_seen() -> None:
    drawing = draw(load("zoo:mlp"))
    assert complaints(drawing) == []
    first, *others = drawing.marks
    onto = built(first.mark, others[0].x + 4, others[0].y)
    assert overlapping(replace(drawing, marks=(onto, *others)))
    assert outside(replace(drawing, marks=(built(first.mark, 3, 3), *others)))
    between = next(e for e in drawing.edges if e.label)
    middle = (between.points[0][0] + between.points[-1][0]) / 2
    stranger = built(Mark("9", Symbol.GVAR, "g9", "", ""), middle, first.y)
    assert struck(replace(drawing, marks=(*drawing.marks, stranger)))


def test_wide_labels_make_their_columns_wide() -> None:
    long = "a long label, so"
    marks = (Mark("0", Symbol.GVAR, "g0", long, ""), Mark("f0", Symbol.OUTPUT, "f0", long, ""))
    drawing = place(Figure("wide", marks, (Edge("0", "f0", long),)))
    assert complaints(drawing) == []
