"""An author writes a two-column article and includes what was proved of three networks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.latex.examples import data_of, shipped
from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents import latex
from tpproof.documents.tex.compile import compile_pdf

NAMES = ("mlp", "square", "tied")
DOCUMENTS = [shipped(name) for name in NAMES]
ARTICLE = Path(__file__).parent / "author.tex"


def files() -> dict[str, str]:
    made = {f"{name}.tex": latex.fragment(d, data_of(name)) for name, d in zip(NAMES, DOCUMENTS, strict=True)}
    return {**made, "tpproof.bib": latex.bibliography(*DOCUMENTS), "packages.tex": latex.preamble()}


def article(columns: str = "twocolumn") -> str:
    prefixes = dict(zip(("FIRST", "SECOND", "THIRD"), map(latex.prefix, DOCUMENTS), strict=True))
    text = ARTICLE.read_text().replace("twocolumn", columns)
    return re.sub("FIRST|SECOND|THIRD", lambda found: prefixes[found[0]], text)


@pytest.mark.parametrize("columns", ["twocolumn", "onecolumn"])
def test_three_fragments_live_together(tmp_path: Path, columns: str) -> None:
    works = r"\begin{thebibliography}{1}\bibitem{tpp:YangLittwin2021}Y\end{thebibliography}"
    tex = re.sub(r"\\bibliography\{tpproof\}", lambda _: works, article(columns))
    log = pdflatex(tmp_path, tex, files(), runs=3)
    assert complaints(log) == []


def test_the_article_becomes_a_pdf_with_its_bibliography() -> None:
    pdf = compile_pdf(article(), files={name: text.encode() for name, text in files().items()})
    assert pdf.startswith(b"%PDF")


def test_no_label_and_no_macro_clashes() -> None:
    made = [latex.fragment(d, data_of(name)) for name, d in zip(NAMES, DOCUMENTS, strict=True)]
    labels = [set(re.findall(r"\{(tpp:[^}]*)\}", text)) for text in made]
    assert all(labels)
    assert labels[0] & labels[1] == labels[0] & labels[2] == labels[1] & labels[2] == {"tpp:YangLittwin2021"}
    for text in made:
        defined = re.findall(r"\\(?:providecommand|newcommand|newenvironment|newtheorem)\{\\?(\w+)\}", text)
        defined += re.findall(r"\\def\\(?:csname )?([A-Za-z@]+)", text)
        assert len(defined) > 30
        assert [name for name in defined if not name.startswith("tpp")] == []


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    packages = latex.preamble().replace(",longtable", "")
    tex = rf"\documentclass{{article}}{packages}\begin{{document}}\input{{mlp}}\end{{document}}"
    log = pdflatex(tmp_path, tex, files())
    assert complaints(log)[0] == "! Package tpproof Error: The package longtable is missing."
