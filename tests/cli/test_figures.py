"""The paper's figures in docs/: today's drawings, by the commands that stand beside them, in the paper's symbols."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.tools import inside
from tests.documents.diagrams.reading import edges, group, words
from tpproof.cli.figures import FIGURES, Figure, write_all

DOCS = Path(__file__).parents[2] / "docs"


def drawn(name: str) -> str:
    return (DOCS / "figures" / f"{name}.svg").read_text()


def test_they_are_what_make_pages_writes(tmp_path: Path) -> None:
    write_all(tmp_path)
    made = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {f"figures/{path.name}" for path in (DOCS / "figures").iterdir()} | {"figures.md"}
    assert shipped == set(made)
    for name, content in made.items():
        assert (DOCS / name).read_bytes() == content, f"{name}: run make pages"


def test_every_figure_of_the_paper_is_there() -> None:
    assert {f.number for f in FIGURES} - {""} == set("1234567")
    assert {f.net for f in FIGURES if f.number == "1"} == {"mlp", "rnn"}
    assert {f.net for f in FIGURES if f.number == "4"} == {"layernorm", "attention"}


def test_the_commands_beside_them_draw_them(tmp_path: Path) -> None:
    page = (DOCS / "figures.md").read_text()
    commands = re.findall(r"^tpproof (draw .*)$", page, re.MULTILINE)
    assert len(commands) == len(FIGURES)
    for figure, command in zip(FIGURES, commands, strict=True):
        assert f"](figures/{figure.name}.svg)" in page
        assert inside(tmp_path, *shlex.split(command)).out == drawn(figure.name)


def test_in_figure_6_every_edge_is_run_back_and_circles_change_their_filling() -> None:
    lines = set(edges(drawn("backpropagation")))
    forward = [(a, b, m) for a, b, m in lines if not a.startswith("d") and not b.startswith(("d", "f"))]
    assert len(forward) == 8
    for a, b, matrix in forward:
        assert (f"d{b}", f"d{a}", f"{matrix}⊤" if matrix else "") in lines
    kinds = {
        str(g.get("data-node")): {str(e.get("class")).split()[-1] for e in g if "shape" in str(e.get("class"))}
        for g in group(drawn("backpropagation"), "nodes")
    }
    other = {"gvar": "xvar", "xvar": "gvar"}
    for key in {a for a, _, _ in forward} | {b for _, b, _ in forward}:
        kind = next(iter(kinds[key] & set(other)))
        assert other[kind] in kinds[f"d{key}"]


def test_figure_7_ends_in_the_change_of_the_test_output_and_has_both_inputs() -> None:
    nodes = group(drawn("algorithm-1"), "nodes")
    names = [words(text) for g in nodes for text in g if "name" in str(text.get("class"))]
    for wanted in ("g0", "g̃0", "x1", "x̃1", "χ0", "dg2", "δg̃2,1", "δx̃3,1", "v", "f̃0,1 − f̃0,0"):
        assert wanted in names
    matmuls = [m for _, _, m in edges(drawn("algorithm-1")) if m]
    assert matmuls == ["W", "W"]


@pytest.mark.parametrize("figure", [f for f in FIGURES if f.path is not None], ids=lambda f: f.name)
def test_figures_2_and_3_show_their_pair(figure: Figure) -> None:
    root = ET.fromstring(drawn(figure.name))
    pair = next(g for g in root.iter() if "pair" in str(g.get("class")))
    assert pair.get("class") == f"pair pair-{figure.path} shown"
    assert {"p¹", "q¹"} <= {words(text) for text in pair.iter() if "tag" in str(text.get("class"))}
