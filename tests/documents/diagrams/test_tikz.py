"""TikZ: whatever the network, LaTeX compiles it, with the libraries named and nothing left defined."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from tests.documents.diagrams.reading import plain
from tpproof.cli.unrolled import instructions
from tpproof.documents.diagrams import Pair, draw, draw_listing, tikz
from tpproof.documents.diagrams.pictures import standalone
from tpproof.documents.tex import TOOLS, compile_pdf
from tpproof.language.source import load
from tpproof.program.model import Program

NAMES = ("attention", "batch", "cnn1d", "densenet", "gcn", "layernorm", "mlp2", "multi_output", "resnet", "tied")
needs_latex = pytest.mark.skipif(any(shutil.which(t) is None for t in TOOLS), reason="LaTeX is not installed")


def strange() -> Program:
    """Names that mean something to TeX."""
    program = load("zoo:rnn")
    evil = r"\input{x}%$&#_^~{}\csname end"
    return replace(program, name=evil, parameters=tuple(replace(p, name=f"{p.name}{evil}") for p in program.parameters))


@needs_latex
def test_drawings_compile_in_one_document_on_pages_of_their_own() -> None:
    drawn = [tikz(draw(load(f"zoo:{name}"))) for name in NAMES]
    drawn += [tikz(draw(load(f"zoo:{name}"), "backward")) for name in ("mlp", "lstm")]
    drawn.append(tikz(draw_listing("mlp2", instructions(load("zoo:mlp2")))))
    drawn.append(tikz(draw(load("zoo:rnn")), Pair(0, (5, 8), (5, 8))))
    drawn.append(tikz(draw(strange())))
    drawn.append(tikz(draw(load("zoo:resmlp", {"L": "100"}))))
    pdf = compile_pdf(standalone(drawn))
    counts = [int(n) for n in re.findall(rb"/Count (\d+)", pdf)]
    assert not counts or max(counts) == len(drawn)


def test_it_draws_every_symbol_and_line_of_the_drawing() -> None:
    drawing = draw(load("zoo:attention"), "backward")
    drawn = tikz(drawing)
    shapes = sum(len(m.shapes) for m in drawing.marks) + sum(len(e.shapes) for e in drawing.legend)
    paths = re.findall(r"\\path\[tp(gvar|xvar|scalar|output|gate|moment)\]", drawn)
    assert len(paths) == shapes
    lines = re.findall(r"\\path\[tp(plain|matmul|link)\]", drawn)
    assert len(lines) == len(drawing.edges) + sum(e.stem is not None for e in drawing.legend)
    texts = sum(len(m.texts) for m in drawing.marks) + sum(e.label is not None for e in drawing.edges)
    assert drawn.count(r"\node[") == texts + len(drawing.legend)


def test_names_are_mathematics_and_nothing_is_defined() -> None:
    drawn = tikz(draw(load("zoo:cnn1d"), "backward"))
    for name in ("$W_{1,0}$", r"$W_{1,0}^{\top}$", r"$U_{0}$ $\xi_{2}$", "$g_{12}$", "$dx_{5}$"):
        assert name in drawn.replace(r"\xi _", r"\xi_")
    assert not re.search(r"\\(def|newcommand|tikzset|usetikzlibrary|pgfkeys)", drawn)
    assert drawn.isascii()
    assert plain("W1_0") == "W10"
