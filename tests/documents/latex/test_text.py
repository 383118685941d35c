"""Whatever a name consists of, it is printed as text and does nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents.formula import Call, Formula, Limit, Name, Number, Power, Product, Row, Words
from tpproof.documents.latex.mathematics import math
from tpproof.documents.latex.symbols import MATH, TEXT, TEXT_ACCENTS
from tpproof.documents.latex.text import bookmark, escape

HOSTILE = [
    r"\input{/etc/passwd}", r"\end{document}", r"\write18{touch x}", "a%b", "$x$", "a_b^c~d#e&f", "{", "}", "}}{{",
    "\\", "^^5c^^41", "a\n\nb", "\x00\x07\x1b\x7f", "\u202eevil\u2066\u200b\ufeff", "名前", "😀", "é ñ ü Å č Ž ő",
    "i\u0302\u0323", "ξ̃ Ẑ Ż ĝ", "<a>--b---c``d''?`!`", '"quoted"', "a|b", "<<doc>> <%x%> <#x#> {{7*7}}", "∉≠²⁻¹₀",
    "\ud800", "\ue000\ue001", "x" * 300, "\u0301\u0302", "~", "`", "''", "%%%", "\r\n", "[a]", "]", "[", "*",
    "\\\\[1ex]", "ab/" * 40, "",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.text(st.sampled_from(r"\{}$&#%_^~-`'<>[]()/ an"), max_size=40))


def formulas(text: str) -> list[Formula]:
    """Formulas with a text at every place where a name may stand."""
    name = Name(text, text, True, "hat")
    return [
        name, Name("σ", "W", above=text), Number(text), Power(Name("x"), text), Words(text), Limit(name, text),
        Call(name, (name, name), True), Product((name, Words(text + " several words"), name)),
        Row(("lim ", name, text)),
    ]  # fmt: skip


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_text_holds_a_command_that_it_was_not_given(text: str) -> None:
    known = {"allowbreak", "char", "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater",
             "textbar", "textasciigrave"}  # fmt: skip
    symbols = {word for tex in (*MATH.values(), *TEXT.values()) for word in re.findall(r"\\([A-Za-z]+)", tex)}
    accents = set(TEXT_ACCENTS.values()) | {"tilde", "hat", "dot", "mathring", "grave", "acute", "bar", "breve", "ddot",
                                            "check"}  # fmt: skip
    for tex in (escape(text), bookmark(text)):
        assert tex.isascii()
        assert set(re.findall(r"\\([A-Za-z]+)", tex)) <= known | symbols | accents
        bare = re.sub(r"\\[^A-Za-z]", "", tex)
        assert bare.count("{") == bare.count("}")
        assert not set(bare) & set("%#&_")
        assert "\n" not in tex


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_formula_is_balanced_whatever_its_names_are(text: str) -> None:
    for formula in formulas(text):
        tex = math(formula)
        bare = re.sub(r"\\[^A-Za-z]", "", tex)
        assert tex.isascii()
        assert not set(bare) & set("%#&\n")
        assert bare.count("$") % 2 == 0
        depth = 0
        for character in bare:
            depth += (character == "{") - (character == "}")
            assert depth >= 0
        assert depth == 0


def printed(text: str) -> str:
    lines = [rf"\item {escape(text)} \texttt{{{escape(text, 8)}}}", *(f"${math(f)}$" for f in formulas(text))]
    return "\n\n".join(lines)


def test_hostile_names_compile_and_read_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tex"
    secret.write_text(r"\errmessage{read}")
    texts = [*HOSTILE, rf"\input{{{secret}}}", *(c for c in MATH), *(c for c in TEXT)]
    texts += [base + accent for base in "aiZξ1" for accent in TEXT_ACCENTS]
    log = compiled(tmp_path, texts)
    assert [line for line in complaints(log) if "Overfull" not in line] == []
    assert "read" not in re.findall(r"^! (.*)", log, re.MULTILINE)


def compiled(folder: Path, texts: list[str]) -> str:
    body = "\n".join(map(printed, texts))
    macros = r"\newcommand\tpptimes{\,}\newcommand\tppbreak{}\newcommand\tppcomma{,}"
    macros += r"\newcommand\tppplus{+}\newcommand\tppminus{-}"
    preamble = rf"\documentclass{{article}}\usepackage[T1]{{fontenc}}\usepackage{{amsmath,amssymb}}{macros}"
    return pdflatex(folder, rf"{preamble}\begin{{document}}\begin{{itemize}}{body}\end{{itemize}}END\end{{document}}")


def test_any_text_compiles(tmp_path: Path) -> None:
    texts: list[str] = []

    @given(TEXTS)
    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    log = compiled(tmp_path, texts)
    assert len(texts) > 100
    assert [line for line in complaints(log) if "Overfull" not in line] == []


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("ξ̃", r"$\tilde{\xi}$"), ("Ẑ", r"$\hat{Z}$"), ("é", r"\'{e}"), ("a--b", "a-{}-b"), ("a–b", "a--b"),
        ("50%", r"50\%"), ("\u202e", "{[}U+202E]"), ("名", "{[}U+540D]"), ("\x00", "{[}U+0000]"), ("a\n\nb", "a b"),
        ("x" * 26, "x" * 24 + r"\allowbreak{}xx"), (r"\input", r"\textbackslash{}input"),
    ],
)  # fmt: skip
def test_what_becomes_of_it(text: str, tex: str) -> None:
    assert escape(text) == tex
