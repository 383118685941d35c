"""The backward pass is the one of §4: who gives what to whom, in which kind of symbol, found here from the program."""

from __future__ import annotations

import pytest

from tests.documents.diagrams.legible import complaints
from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tpproof import zoo
from tpproof.documents.diagrams import draw
from tpproof.documents.diagrams.drawing import Drawing, Line, Role, Symbol
from tpproof.documents.diagrams.mirror import transposed
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.program.model import Kind, Program

NETWORKS = [two_hidden_layers(), residual(3), recurrent(3, every=True), tied(), parallel_transposes()]


def signalled(program: Program) -> set[int]:
    """The nodes with an error signal: an output depends on them other than through scalars."""
    found: set[int] = {x for out in program.outputs for _, x in out.terms}
    for k in range(len(program.nodes) - 1, -1, -1):
        if k in found and program.kinds[k] is Kind.VECTOR:
            found |= {a for a in program.nodes[k].args if program.kinds[a] is Kind.VECTOR}
    return {k for k in found if program.nodes[k].op != "ones"}


def lower(drawing: Drawing) -> dict[str, Symbol]:
    return {m.mark.key: m.mark.symbol for m in drawing.marks if m.mark.key.startswith("d")}


@pytest.mark.parametrize("program", [*NETWORKS, *(load(f"zoo:{n}") for n in ("lstm", "layernorm", "attention"))])
def test_every_symbol_that_has_a_signal_and_no_other_has_one_drawn(program: Program) -> None:
    drawing = draw(program, "backward")
    upper = {m.mark.key for m in drawing.marks if m.mark.key.isdigit()}
    assert set(lower(drawing)) == {f"d{k}" for k in signalled(program) if str(k) in upper}


@pytest.mark.parametrize("program", NETWORKS)
def test_signals_run_back_along_the_edges_of_the_forward_pass(program: Program) -> None:
    drawing = draw(program, "backward")
    edges = [(e.source, e.target, e.label.text if e.label else "") for e in drawing.edges if e.line is not Line.LINK]
    kinds = lower(drawing)
    back = sorted(e for e in edges if e[0] in kinds)
    forward = [e for e in edges if e[0].isdigit() and f"d{e[0]}" in kinds and f"d{e[1]}" in kinds]
    assert back == sorted((f"d{b}", f"d{a}", transposed(m) if m else "") for a, b, m in forward)


@pytest.mark.parametrize("program", NETWORKS)
def test_a_signal_is_a_g_var_if_it_is_one_product_and_an_x_var_if_not(program: Program) -> None:
    drawing = draw(program, "backward")
    for key, symbol in lower(drawing).items():
        k = key.removeprefix("d")
        read = [e for e in drawing.edges if e.source == k and (f"d{e.target}" in lower(drawing) or e.target[0] == "f")]
        assert (symbol is Symbol.GVAR) == (len(read) == 1 and read[0].label is not None)


def test_w_and_its_transpose_change_places() -> None:
    assert (transposed("W"), transposed("Wᵀ")) == ("Wᵀ", "W")
    labels = {e.label.text for e in draw(tied(), "backward").edges if e.label and e.source.startswith("d")}
    assert labels == {"W", "Wᵀ"}


def test_a_vector_read_by_several_gates_has_a_sum_with_an_entry_for_each() -> None:
    drawing = draw(load("zoo:rnn"), "backward")
    bias = next(m for m in drawing.marks if m.mark.name == "dg1")
    entries = [e.points[-1][1] for e in drawing.edges if e.target == bias.mark.key]
    assert len(set(entries)) == len(entries) == 3
    assert "+" in {t.text for t in bias.texts}


def test_gates_of_a_function_and_its_derivative_are_linked_and_sums_pass_signals_on() -> None:
    drawing = draw(residual(2), "backward")
    linked = {e.source for e in drawing.edges if e.line is Line.LINK}
    assert linked == {m.mark.key for m in drawing.marks if m.mark.key.isdigit() and m.mark.gate and not m.mark.linear}
    for edge in drawing.edges:
        if edge.line is Line.LINK:
            ends = [next(m for m in drawing.marks if m.mark.key == key).shapes[0] for key in (edge.source, edge.target)]
            for shape, (x, y) in zip(ends, (edge.points[0], edge.points[-1]), strict=True):
                assert abs(x - shape.x) < shape.width / 2
                assert abs(abs(y - shape.y) - shape.height / 2) < 0.2


@pytest.mark.parametrize(
    ("read", "forward", "backward"),
    [
        ("x + y", "+", None), ("x + 2 * y", "Σ", "×"), ("3 * x", "×3", "×3"), ("(x + y) / 2", "+ ×1/2", "×1/2"),
        ("x - mean(x) * ones()", "+", None), ("mean(x) * x", "×", "×"),
    ],
)  # fmt: skip
def test_linear_combinations_give_signals_on_with_their_factors(read: str, forward: str, backward: str | None) -> None:
    text = f'x = tanh(embedding("U") @ input("xi"))\ny = matrix("W") @ x\noutput(readout("v") @ ({read}))\n'
    drawing = draw(parse(text, "linear.tp"), "backward")
    upper = next(m for m in drawing.marks if m.mark.linear)
    lower = next(m for m in drawing.marks if m.mark.key == f"d{upper.mark.key}")
    assert upper.mark.gate == forward
    gates = [t.text for t in lower.texts if t.role is Role.GATE]
    assert gates == ([] if backward is None else [backward])


def test_no_signal_goes_through_a_moment() -> None:
    drawing = draw(load("zoo:layernorm"), "backward")
    assert all(symbol is not Symbol.SCALAR for symbol in lower(drawing).values())


def test_the_lower_half_runs_from_right_to_left() -> None:
    drawing = draw(load("zoo:lstm"), "backward")
    for edge in drawing.edges:
        if edge.line is not Line.LINK and edge.source in lower(drawing):
            xs = [x for x, _ in edge.points]
            assert xs == sorted(xs, reverse=True)


@pytest.mark.parametrize("name", [n for n in zoo.names() if not n.startswith(("cnn2d", "universal", "transformer"))])
def test_backward_passes_of_the_zoo_are_legible(name: str) -> None:
    assert complaints(draw(load(f"zoo:{name}"), "backward")) == []
