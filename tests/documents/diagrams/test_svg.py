"""SVG: the same bytes each time, safe, accessible, on light and dark paper, several in a page."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tests.documents.diagrams.reading import SVG, group, words
from tests.networks import recurrent, two_hidden_layers
from tpproof.documents.diagrams import describe, draw, svg, tikz
from tpproof.documents.diagrams.drawing import Role, Text
from tpproof.documents.diagrams.spans import Style, spans
from tpproof.language.source import load
from tpproof.program.model import Program

HOSTILE = '<script>&"\'</svg>\x00\u202e{{ 7*7 }}\\input{/etc/passwd}'


def renamed() -> Program:
    program = recurrent(2)
    return replace(
        program,
        name=HOSTILE,
        inputs=tuple(replace(i, name=HOSTILE) for i in program.inputs),
        parameters=tuple(replace(p, name=HOSTILE + p.name) for p in program.parameters),
    )


def test_names_from_strangers_are_text() -> None:
    drawn = svg(draw(renamed()))
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}
    assert tags == {"svg", "title", "desc", "style", "rect", "g", "path", "circle", "text", "tspan"}
    assert "<script" not in drawn
    assert "{{ 7*7 }}" in drawn
    assert "\u202e" not in drawn
    assert r"\input" not in tikz(draw(renamed()))


def test_the_same_network_gives_the_same_bytes_in_another_process() -> None:
    code = "from tpproof.language.source import load; from tpproof.documents.diagrams import draw, svg\n"
    code += "import sys; sys.stdout.buffer.write(svg(draw(load('zoo:attention_untied'))).encode())"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout == svg(draw(load("zoo:attention_untied"))).encode()


def test_it_says_what_it_shows() -> None:
    root = ET.fromstring(svg(draw(two_hidden_layers()), prefix="a-"))
    assert root.get("role") == "img"
    labels = str(root.get("aria-labelledby")).split()
    said = {str(e.get("id")): words(e) for e in root if e.get("id") in labels}
    assert said["a-title"] == two_hidden_layers().name
    assert re.match(r"The program, from left to right: \d G-vars, \d X-vars, 1 output\.", said["a-desc"])


def test_several_drawings_in_a_page_have_ids_of_their_own_and_no_style_outside_themselves() -> None:
    ids = [
        {str(e.get("id")) for e in ET.fromstring(svg(draw(two_hidden_layers()), prefix=p)).iter() if e.get("id")}
        for p in ("one-", "two-")
    ]
    assert len(ids[0]) > 4
    assert not ids[0] & ids[1]
    style = re.search(r"<style>(.*?)</style>", svg(draw(two_hidden_layers())), re.DOTALL)
    assert style is not None
    selectors = re.findall(r"^([^@{}]+)\{", style[1], re.MULTILINE)
    assert selectors
    assert all(s.lstrip().startswith(".tpproof-drawing") for s in selectors)


def test_both_backgrounds_are_its_own_and_a_page_may_set_the_colours() -> None:
    light, dark = svg(draw(two_hidden_layers())).split("@media (prefers-color-scheme: dark)")
    for colour in ("paper", "ink", "soft", "line", "matmul", "p", "q"):
        assert f"--{colour}: var(--drawing-{colour}, #" in light
        assert f"--{colour}: var(--drawing-{colour}, #" in dark


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("g12", "slanted:g subscript:12"),
        ("W1_0ᵀ", "slanted:W subscript:1,0 superscript:⊤"),
        ("U_0_1 ξ", "slanted:U subscript:0,1 upright:_ slanted:ξ"),
        ("U ξ₂", "slanted:U upright:_ slanted:ξ subscript:2"),
        ("tanh", "upright:tanh"),
        ("gain0", "upright:gain subscript:0"),
        ("δx7~_1", "slanted:δx~ subscript:7,1"),
        ("×1/3", "upright:×1/3"),
    ],
)
def test_names_are_set_as_mathematics(text: str, pieces: str) -> None:
    found = spans(Text(text, 0, 0, Role.NAME))
    shown = [f"{s.style.value}:{s.text.replace(' ', '_')}{'~' if s.test else ''}" for s in found]
    assert " ".join(shown) == pieces
    assert spans(Text(text, 0, 0, Role.KEY)) == (type(found[0])(text, Style.UPRIGHT),)


def test_indices_return_to_the_line_that_they_left() -> None:
    drawn = svg(draw(load("zoo:cnn1d")))
    for text in group(drawn, "matrices"):
        moves = [float(t.get("dy", 0)) for t in text]
        assert len(moves) >= 2 or not moves or words(text) == "W"


def test_the_table_says_what_the_drawing_shows() -> None:
    rows = describe(draw(load("zoo:mlp", {"L": "2"})))
    assert ("G-var", "g4", "W1 x3", "x3 (W1)") in rows
    assert ("X-var", "x3", "tanh(g0 + g1)", "g0, g1") in rows
    assert rows[-1][:2] == ("output", "f0")
    backward = describe(draw(load("zoo:mlp", {"L": "2"}), "backward"))
    assert ("G-var", "dx3", "W1ᵀ dg4", "dg4 (W1ᵀ)") in backward
    assert ("X-var", "dg4", "tanh′⊙ dx7", "dx7") in backward
