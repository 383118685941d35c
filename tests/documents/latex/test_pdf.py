"""The article as a PDF, where LaTeX is installed; what to install, where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.latex.examples import data_of, of, shipped
from tpproof.documents import latex
from tpproof.documents.blocks import Paragraph
from tpproof.errors import TpproofError


def test_a_certificate_becomes_a_pdf() -> None:
    assert latex.pdf(latex.article(shipped("mlp", "theorem"), data_of("mlp"))).startswith(b"%PDF")


def test_where_latex_is_missing_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TpproofError, match="E170") as raised:
        latex.pdf("")
    for package in ("latexmk", "texlive-latex-recommended", "texlive-latex-extra", "texlive-pictures", "lmodern"):
        assert package in raised.value.expected


def test_an_error_of_a_template_is_told(tmp_path: Path) -> None:
    (tmp_path / "latex").mkdir()
    template = r"\documentclass{article}\begin{document}\nonsense << doc.name >>\end{document}"
    (tmp_path / "latex" / "article.tex").write_text(template)
    with pytest.raises(TpproofError, match="E171") as raised:
        latex.pdf(latex.article(of(Paragraph(("x",))), {}, tmp_path))
    assert "Undefined control sequence" in raised.value.found
