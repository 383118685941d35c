"""`tpproof render`: documents from a certificate alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tpproof as tp
from tests.cli.tools import inside, tpproof
from tests.networks import two_hidden_layers


def written(folder: Path, program: object = None) -> Path:
    """A certificate in a folder."""
    path = folder / "net.cert.json"
    path.write_bytes(tp.prove(program or two_hidden_layers()).to_json())  # type: ignore[arg-type]
    return path


def test_documents_lie_beside_the_certificate_and_are_those_of_prove(tmp_path: Path) -> None:
    inside(tmp_path, "prove", "zoo:mlp2", "--out", "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/mlp2.cert.json").write_bytes((tmp_path / "a/mlp2.cert.json").read_bytes())
    ran = inside(tmp_path, "render", "b/mlp2.cert.json", "--network", "zoo:mlp2", "--format", "html,tex")
    assert ran.status == 0
    for name in ("mlp2.html", "mlp2.tex"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_a_network_the_page_says_that_it_was_not_compared(tmp_path: Path) -> None:
    written(tmp_path)
    ran = inside(tmp_path, "render", "net.cert.json", "--format", "html", "--json")
    assert ran.object["verdict"] == "accepted-as-stated"
    assert "was not compared" in (tmp_path / "net.html").read_text()


def test_a_rejected_certificate_is_not_printed(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = json.loads(path.read_bytes())
    data["steps"][3]["conclusion"][3] = []
    path.write_bytes(tp.Certificate(data).to_json())
    ran = inside(tmp_path, "render", "net.cert.json")
    assert ran.status == 1
    assert "E177" in ran.err
    assert "step 3" in ran.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.cert.json"]


def test_a_certificate_of_another_network_is_not_printed(tmp_path: Path) -> None:
    written(tmp_path)
    ran = inside(tmp_path, "render", "net.cert.json", "--network", "zoo:mlp", "-D", "L=7")
    assert ran.status == 1
    assert not (tmp_path / "net.html").exists()


def test_a_refused_network_is_printed_with_its_reasons(tmp_path: Path) -> None:
    written(tmp_path, tp.zoo.mlp(phi="step"))
    ran = inside(tmp_path, "render", "net.cert.json", "--format", "html,fragment")
    assert ran.status == 3
    for name in ("net.html", "net.fragment.tex"):
        text = (tmp_path / name).read_text()
        assert "refused" in text
        assert "not continuous" in text


def test_a_pdf_is_a_pdf(tmp_path: Path) -> None:
    written(tmp_path)
    assert inside(tmp_path, "render", "net.cert.json", "--format", "pdf", "--length", "theorem").status == 0
    assert (tmp_path / "net.pdf").read_bytes().startswith(b"%PDF")


def test_without_latex_it_is_said_what_to_install_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for arguments in (["render", "none.cert.json", "--format", "pdf"], ["prove", "zoo:mlp", "--format", "json,pdf"]):
        ran = inside(tmp_path, *arguments)
        assert ran.status == 2
        assert "E170" in ran.err
        assert "texlive" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "phrase"),
    [
        (["nowhere.json"], 2, "No such file"),
        (["."], 2, "E100"),
        (["text.json"], 2, "unreadable"),
        (["text.json", "--format", "docx"], 2, "'docx'"),
        (["text.json", "--format", ""], 2, "none"),
        (["text.json", "-D", "L=3"], 2, "--network"),
        (["/dev/zero"], 3, "E104"),
    ],
)
def test_what_is_no_certificate_is_said(tmp_path: Path, arguments: list[str], status: int, phrase: str) -> None:
    (tmp_path / "text.json").write_text("{")
    ran = tpproof(tmp_path, "render", *arguments)
    assert (ran.status, phrase in ran.err) == (status, True), ran.err


@pytest.mark.parametrize("command", ["render", "check"])
def test_the_name_of_a_file_forges_no_line_and_steers_no_terminal(tmp_path: Path, command: str) -> None:
    name = "a\nmine.cert.json: accepted\x1b[2J\u202e.cert.json"
    written(tmp_path).rename(tmp_path / name)
    ran = inside(tmp_path, command, name)
    assert "\\nmine.cert.json: accepted\\x1b[2J\\u202e.cert.json: accepted-as-stated" in ran.out
    assert "\x1b" not in ran.out
    assert "\nmine" not in ran.out


def test_a_folder_is_not_left_behind_where_nothing_can_be_printed(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "own/latex").mkdir(parents=True)
    (tmp_path / "own/latex/article.tex").write_text("<< 1 / 0 >>")
    ran = inside(tmp_path, "render", "net.cert.json", "--out", "new/one", "--templates", "own")
    assert (ran.status, "E176" in ran.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_condition_is_no_success_unless_it_is_allowed(tmp_path: Path) -> None:
    written(tmp_path, tp.zoo.mlp(phi="relu", depth=1))
    for more, status in (([], 3), (["--allow-conditional"], 0)):
        ran = inside(tmp_path, "render", "net.cert.json", "--format", "html", *more)
        assert (ran.status, "(conditional)" in ran.out) == (status, True)
        assert "Accepted as stated under a condition" in (tmp_path / "net.html").read_text()
