"""A statement that was edited after it was checked is noticed when it is compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents.latex.examples import every_block, of, shipped
from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents import latex
from tpproof.documents.blocks import Paragraph, Statement
from tpproof.documents.latex.seal import detokenized

NOTICED = "was edited after it was checked"


def log_of(folder: Path, fragment: str) -> str:
    preamble = r"\documentclass{article}" + latex.preamble()
    return pdflatex(folder, preamble + r"\begin{document}\input{fragment}\end{document}", {"fragment.tex": fragment})


STATEMENT = of(Statement("Theorem", (Paragraph(("The limit exists, and is 1.",)),), (), "main"))


def test_a_statement_as_printed_is_not_noticed(tmp_path: Path) -> None:
    log = log_of(tmp_path, latex.fragment(every_block(), {}))
    assert NOTICED not in log
    assert complaints(log, first_run=True) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("and is 1", "and is 2", "this statement"),
        ("The limit", "The  limit, as a rule,", "this statement"),
        (r"\tppstatus{proved}", r"\tppstatus{refused}", "the verdict"),
        (r"\tppsealed{proved}", r"\tppsealed{conditional}", "this statement"),
        (r"\tppsealed{proved}{cd", r"\tppsealed{proved}{ab", "this statement"),
    ],
)
def test_an_edit_is_noticed(tmp_path: Path, old: str, new: str, where: str) -> None:
    fragment = latex.fragment(STATEMENT, {})
    assert fragment.count(old) == 1
    log = log_of(tmp_path, fragment.replace(old, new))
    assert log.count(f"{where} {NOTICED}") == 1
    assert complaints(log, first_run=True) == [line for line in log.splitlines() if NOTICED in line]


def test_breaking_lines_anew_is_no_edit(tmp_path: Path) -> None:
    fragment = latex.fragment(STATEMENT, {}).replace("limit exists, and", "limit\n   exists, % why not\n and")
    assert "why not" in fragment
    assert NOTICED not in log_of(tmp_path, fragment)


def test_a_seal_says_which_certificate(tmp_path: Path) -> None:
    document = shipped("mlp", "theorem")
    assert rf"\tppstatus{{proved}}{{{document.certificate_sha256}}}" in latex.fragment(document, {})


PIECES = st.lists(
    st.sampled_from([r"\word", r"\W", r"\,", r"\{", r"\}", "\\\\", r"\%", "{}", " ", "  ", "\n", "\n\n", "%c\n", "a",
                     "1", "~", "$x$", "&", r"\ b", "^{2}", "_"]), max_size=12,
)  # fmt: skip


def test_we_read_what_tex_reads(tmp_path: Path) -> None:
    bodies: list[str] = []

    @given(PIECES)
    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    def collect(pieces: list[str]) -> None:
        bodies.append("\n" + "".join(pieces) + "\n")

    collect()
    macro = r"\newcommand\tell[1]{\immediate\write-1{[\detokenize{#1}]}}"
    shown = "\n".join(f"\\tell{{%{body}}}" for body in bodies)
    log = pdflatex(tmp_path, rf"\documentclass{{article}}{macro}\begin{{document}}{shown}\end{{document}}")
    assert re.findall(r"^\[(.*)\]$", log, re.MULTILINE) == [detokenized(body) for body in bodies]
