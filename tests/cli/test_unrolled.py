"""One step of SGD as it is drawn: the lines of Algorithm 1, none more and none less, and legible."""

from __future__ import annotations

import pytest

from tests.documents.diagrams.legible import complaints
from tpproof.cli.unrolled import instructions
from tpproof.documents.diagrams import draw_listing
from tpproof.documents.diagrams.drawing import Symbol
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.limit.unroll import unroll

NAMES = ("mlp1", "mlp2", "mlp", "rnn", "resmlp", "tied", "layernorm", "multi_output", "square")


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_a_symbol_that_reads_earlier_ones(name: str) -> None:
    program = load(f"zoo:{name}")
    listing, unrolled = instructions(program), unroll(program, 1)
    assert len(listing) == len(unrolled.vectors) + len(unrolled.scalars) + len(unrolled.instructions)
    seen: set[str] = set()
    for line in listing:
        assert set(line.reads) <= seen, line.name
        assert (line.kind in ("vector", "scalar") or line.text == "1") == (not line.reads)
        assert line.name not in seen
        seen.add(line.name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_legibly_each_kind_in_its_symbol(name: str) -> None:
    listing = instructions(load(f"zoo:{name}"))
    drawing = draw_listing(name, listing)
    assert complaints(drawing) == []
    kinds = {"vector": Symbol.GVAR, "MATMUL": Symbol.GVAR, "NONLIN": Symbol.XVAR}
    drawn = {m.mark.name: m.mark for m in drawing.marks}
    for line in listing:
        mark = drawn[line.name]
        assert mark.symbol is kinds.get(line.kind, Symbol.SCALAR)
        assert (mark.gate is not None) == (line.kind in ("NONLIN", "MOMENT"))


def test_both_instances_and_the_change_are_there() -> None:
    lines = {line.name: line for line in instructions(load("zoo:mlp2"))}
    assert lines["g0"].text == "U ξ"
    assert lines["g0~"].text == "U ξ~"
    parts = {line.name: line for line in instructions(load("zoo:rnn", {"T": "2"}))}
    assert parts["g0~"].text == "U ξ~₀"
    assert "⟨ξ₁,ξ~₀⟩/d" in parts
    assert lines["dg2"].reads == ("g2", "v")
    assert lines["δx3~_1"].text == "Δφ"


def test_a_step_with_too_many_lines_is_refused() -> None:
    with pytest.raises(TpproofError, match="E104"):
        draw_listing("lstm", instructions(load("zoo:lstm", {"T": "9"})))
