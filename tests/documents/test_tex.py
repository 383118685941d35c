"""LaTeX runs in a folder of its own, reads and runs nothing else, and ends."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tpproof.documents.tex import DEBIAN_PACKAGES, TOOLS, compile_pdf
from tpproof.errors import TpproofError

needs_latex = pytest.mark.skipif(any(shutil.which(t) is None for t in TOOLS), reason="LaTeX is not installed")


def document(body: str) -> str:
    return "\\documentclass{article}\\pdftrailerid{}\\begin{document}" + body + "\\end{document}\n"


@needs_latex
def test_a_document_with_a_file_and_references_becomes_a_pdf_the_same_bytes_each_time() -> None:
    text = document(r"\section{A}\label{a}\ref{a}, \input{part.tex}")
    made = [compile_pdf(text, files={"part.tex": b"a part"}) for _ in range(2)]
    assert made[0].startswith(b"%PDF")
    assert made[0] == made[1]


@needs_latex
def test_the_first_error_is_told_with_its_line() -> None:
    with pytest.raises(TpproofError, match="E171") as raised:
        compile_pdf(document("\n\n\\undefined\n\\other"))
    assert raised.value.found == "line 3: Undefined control sequence."


@needs_latex
def test_nothing_outside_is_read_written_or_run(tmp_path: Path) -> None:
    secret, written = tmp_path / "secret.tex", tmp_path / "written.tex"
    secret.write_text("secret")
    with pytest.raises(TpproofError, match="E171"):
        compile_pdf(document(rf"\input{{{secret}}}"))
    with pytest.raises(TpproofError, match="E171"):
        compile_pdf(document(rf"\newwrite\w\immediate\openout\w={written} \immediate\write\w{{x}}"))
    compile_pdf(document(rf"\immediate\write18{{touch {written}}}x"))
    assert not written.exists()


@needs_latex
def test_a_document_that_never_ends_is_ended() -> None:
    start = time.perf_counter()
    with pytest.raises(TpproofError, match="not done after 2 seconds"):
        compile_pdf(document(r"\loop\iftrue\repeat"), seconds=2)
    assert time.perf_counter() - start < 10


def test_what_is_missing_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TpproofError, match="E170") as raised:
        compile_pdf(document("x"))
    assert raised.value.found == "no latexmk and no pdflatex"
    assert DEBIAN_PACKAGES in raised.value.expected
