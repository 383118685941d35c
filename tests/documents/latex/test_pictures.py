"""Drawings in the paper: the network, what rests on what, finite widths; told in words where there is none."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from tests.documents.latex.examples import data_of, of, shipped
from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents import latex
from tpproof.documents.blocks import Picture
from tpproof.documents.latex.pictures import curve

PICTURES = tuple(Picture(n, (f"The {n}.",), n, "In words.") for n in ("program", "backward", "steps", "widths", "none"))


def with_crosscheck() -> dict[str, object]:
    data = copy.deepcopy(data_of("mlp"))
    kernel = [
        {"quantity": f"K_{i}{{}}%", "limit": "1.5", "deviation": ["0.3", "0.2", "0.1"], "deviation_se": ["0.01"] * 3}
        for i in range(6)
    ]
    data["evidence"]["crosscheck"] = {"widths": [64, 128, 256], "kernel": kernel}
    return data


@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_every_drawing_compiles_and_fits(tmp_path: Path, columns: str) -> None:
    fragment = latex.fragment(of(*PICTURES), with_crosscheck())
    assert fragment.count(r"\begin{tikzpicture}") == 4
    tex = rf"\documentclass[{columns}]{{article}}{latex.preamble()}\begin{{document}}\input{{f}}\end{{document}}"
    log = pdflatex(tmp_path, tex, {"f.tex": fragment})
    assert complaints(log, first_run=True) == []


def test_what_is_not_drawn_is_told() -> None:
    fragment = latex.fragment(of(*PICTURES), data_of("mlp"))
    told = re.findall(r"\\tppfigure\{[^}]*:(\w+)\}\{.*In words\.\}", fragment)
    assert told == ["widths", "none"]


def test_what_the_marks_mean_stands_in_the_caption() -> None:
    fragment = latex.fragment(of(*PICTURES), with_crosscheck())
    captions = dict(re.findall(r"\\tppfigure\{[^}]*:(\w+)\}\{(.*)\}\{%", fragment))
    assert "dashed: rests on a condition" in captions["steps"]
    assert r"K\_5\{\}\%" in captions["widths"]
    assert captions["program"] == "The program."


def test_the_boxes_of_steps_lead_to_their_rows() -> None:
    fragment = latex.fragment(shipped("mlp", "audit"), data_of("mlp"))
    boxes = re.findall(r"\\node at .*\\hyperref\[tpp:mlp-\w+:(step-\d+)\]", fragment)
    assert len(boxes) == len(set(boxes)) == len(data_of("mlp")["steps"])


def test_an_edge_leaves_below_and_arrives_above() -> None:
    assert curve(((0.0, 0.0), (10.0, 48.0))) == "(0,11) .. controls (0,24) and (10,24) .. (10,37)"
