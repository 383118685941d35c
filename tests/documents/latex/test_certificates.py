"""Every shipped certificate is printed, compiled, and fits its page, in one column and in two."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.latex.examples import NAMES, data_of, shipped
from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents import latex
from tpproof.documents.document import LENGTHS, Length


@pytest.mark.parametrize(
    ("name", "length"), [("mlp", "audit"), ("tied", "audit"), ("rnn", "derivation"), ("attention", "theorem")]
)
def test_an_article_compiles_without_a_complaint(tmp_path: Path, name: str, length: Length) -> None:
    log = pdflatex(tmp_path, latex.article(shipped(name, length), data_of(name)), runs=3)
    assert complaints(log) == []


@pytest.mark.slow
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_all_of_them_fit_one_article(tmp_path: Path, length: Length, columns: str) -> None:
    """One run for all: the labels and macros of all of them live together."""
    files = {f"{name}.tex": latex.fragment(shipped(name, length), data_of(name)) for name in NAMES}
    included = "\n".join(f"\\section{{{name.replace('_', ' ')}}}\\input{{{name}}}" for name in NAMES)
    tex = rf"\documentclass[{columns}]{{article}}{latex.preamble()}\begin{{document}}{included}\end{{document}}"
    log = pdflatex(tmp_path, tex, files)
    assert complaints(log, first_run=True) == []
    assert len(NAMES) > 30
