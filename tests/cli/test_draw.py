"""`tpproof draw`: every view in every format, on the screen or in a file, and a plain word where something is wrong."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.tools import inside, tpproof
from tpproof.documents.tex.compile import TOOLS

CERTIFICATES = Path(__file__).parents[2] / "certificates"
needs_latex = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (*TOOLS, "pdftoppm")), reason="LaTeX or pdftoppm is not installed"
)


def test_it_prints_svg(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "draw", "zoo:mlp", "-D", "L=2")
    assert (ran.status, ran.err) == (0, "")
    assert ET.fromstring(ran.out).tag.endswith("svg")
    assert list(tmp_path.iterdir()) == []


def test_it_writes_a_file(tmp_path: Path) -> None:
    ran = inside(tmp_path, "draw", "zoo:tied", "-o", "new/tied.svg")
    assert (ran.status, ran.out) == (0, "")
    ET.parse(tmp_path / "new" / "tied.svg")


def test_a_certificate_is_drawn_like_its_network(tmp_path: Path) -> None:
    drawn = [inside(tmp_path, "draw", net).out for net in (str(CERTIFICATES / "rnn.cert.json"), "zoo:rnn")]
    assert drawn[0].replace("rnn.cert", "rnn") == drawn[1]


def test_the_backward_pass_and_a_path_pair_are_drawn(tmp_path: Path) -> None:
    drawn = inside(tmp_path, "draw", "zoo:mlp", "--backward", "--path", "1").out
    assert 'data-node="dg4"' in drawn.replace('"d4"', '"dg4"')
    assert 'class="pair pair-1 shown"' in drawn


def test_tikz_is_text_and_the_file_s_ending_says_the_format(tmp_path: Path) -> None:
    drawn = inside(tmp_path, "draw", "zoo:mlp", "--format", "tikz").out
    assert drawn.startswith(r"\begin{tikzpicture}")
    inside(tmp_path, "draw", "zoo:mlp", "-o", "mlp.tikz")
    assert (tmp_path / "mlp.tikz").read_text() == drawn


@needs_latex
def test_pdf_and_png(tmp_path: Path) -> None:
    assert inside(tmp_path, "draw", "zoo:mlp1", "-o", "mlp1.png").status == 0
    assert (tmp_path / "mlp1.png").read_bytes().startswith(b"\x89PNG")
    ran = inside(tmp_path, "draw", "zoo:mlp1", "--format", "pdf", "-o", "made")
    assert ran.status == 0
    assert (tmp_path / "made").read_bytes().startswith(b"%PDF")


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for form, code, wanted in (("pdf", "E170", "latexmk"), ("png", "E172", "poppler-utils")):
        ran = inside(tmp_path, "draw", "zoo:mlp", "--format", form, "-o", "mlp")
        assert (ran.status, code in ran.err, wanted in ran.err) == (2, True, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("zoo:rnn", "--path", "8"), 2, "0 to 7"),
        (("zoo:mlp1", "-D", "lr_u=0", "--path", "0"), 2, "E173"),
        (("zoo:densenet", "-D", "L=16", "--path", "0"), 3, "at most 2000"),
        (("zoo:rnn", "--unrolled", "--path", "1"), 2, "--unrolled"),
        (("zoo:rnn", "--path", "-1"), 2, "--path"),
        (("zoo:densenet", "-D", "L=60", "-o", "large.svg"), 3, "at most 400"),
    ],
)
def test_what_cannot_be_drawn_says_why(tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    ran = inside(tmp_path, "draw", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "E140" in inside(tmp_path, "draw", "zoo:mlp", "-o", "file/mlp.svg").err
