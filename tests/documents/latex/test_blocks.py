"""Every block is printed, and what is printed has its labels."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from tests.documents.latex.examples import data_of, every_block, of, shipped
from tests.documents.latex.running import complaints, pdflatex
from tpproof.documents import latex
from tpproof.documents.blocks import (
    Code,
    Column,
    Items,
    Paragraph,
    Picture,
    Ref,
    Section,
    Statement,
    Table,
    TableRow,
)
from tpproof.documents.latex.labels import printed_labels
from tpproof.errors import TpproofError

WORKS = r"\begin{thebibliography}{1}\bibitem{tpp:YangLittwin2021}Y\end{thebibliography}"


@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_every_block_compiles_without_a_complaint(tmp_path: Path, columns: str) -> None:
    tex = rf"\documentclass[{columns}]{{article}}{latex.preamble()}\begin{{document}}\input{{f}}{WORKS}\end{{document}}"
    log = pdflatex(tmp_path, tex, {"f.tex": latex.fragment(every_block(), {})}, runs=3)
    assert complaints(log) == []


def test_every_label_is_prefixed_and_every_reference_has_its_label() -> None:
    document = every_block()
    text = latex.fragment(document, {})
    labels = re.findall(r"\\(?:label|tppanchor|tppdisplay)\{([^}]+)\}|\\tppfigure\{(tpp[^}]+)\}", text)
    found = {a or b for a, b in labels} | set(re.findall(r"\\begin\{tpptable\}\{([^}]+)\}", text))
    found |= set(re.findall(r"\{(tpp:[^}]*:figure)\}", text))
    body = {label for label in found if "#" not in label}
    assert {label for label in body if not label.startswith("tpp:example-cdcdcdcd:")} == set()
    assert {label.rpartition(":")[2] for label in body} == set(printed_labels(document))
    assert set(re.findall(r"\\hyperref\[([^\]]+)\]", text)) <= body


def test_a_reference_to_what_is_not_printed_is_text() -> None:
    text = latex.fragment(of(Paragraph((Ref("step-7"), " and ", Ref("nowhere", "here")))), {})
    assert "step 7 and here" in text


def test_rows_that_are_left_out_are_counted_in_their_place() -> None:
    rows = tuple(TableRow(((str(k),),)) for k in range(2))
    text = latex.fragment(of(Table((Column("k"),), rows, omitted=98, before=1)), {})
    assert re.search(r"\\tpprow\{0\}\n\\tppomitted\{98 rows are left out here.*\}\n\\tpprow\{1\}", text)


def test_statements_but_proofs_and_remarks_are_sealed() -> None:
    kinds = ("Theorem", "Proposition", "Lemma", "Claim", "Definition", "Remark", "Proof")
    text = latex.fragment(of(*(Statement(kind, (Paragraph((kind,)),)) for kind in kinds)), {})
    body = text[text.index(r"\begingroup\tppsetup") :]
    assert re.findall(r"\\begin\{(?:tpp)?(\w+)\}\n\n?\\tppsealed", body) == [kind.lower() for kind in kinds[:5]]


@pytest.mark.parametrize("name", [r"\input{x}", "\\end{document}", "a%b", "\u202e名", "<<doc.name>>", "}", "a\n\n\nb"])
def test_a_hostile_name_is_text_wherever_it_stands(tmp_path: Path, name: str) -> None:
    section = Section((name,), "x", (Paragraph((name,)), Items(((name,),)), Picture("program", (name,), "p")))
    statement = Statement("Theorem", (Paragraph((name, Code(name))),), (name,), "main")
    document = of(section, statement, Table((Column(name),), (TableRow(((name,),)),), (name,)), name=name)
    tex = latex.article(document, {})
    assert rf"\input{{{name}" not in tex
    assert tex.count(r"\end{document}") == 1
    log = pdflatex(tmp_path, tex)
    assert complaints(log, first_run=True) == []


def test_a_name_that_the_templates_would_read_stays_a_name() -> None:
    assert r"\textless{}\textless{}doc.name" in latex.article(of(name="<<doc.name>>"), {})


def test_a_users_template_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "article.tex").write_text("<< doc.name >>!\n<% include 'packages.tex' %>")
    made = latex.article(of(name="a_b"), {}, tmp_path)
    assert made.startswith("a\\_b!\n\\usepackage")
    assert latex.article(of(name="a_b"), {}).startswith(r"\documentclass")


@pytest.mark.parametrize("template", ["<< doc.__class__.__mro__ >>", "<% if %>", "<< unknown >>", "<% include 'x' %>"])
def test_a_users_template_runs_nothing_and_its_errors_are_told(tmp_path: Path, template: str) -> None:
    (tmp_path / "article.tex").write_text(template)
    with pytest.raises(TpproofError, match="E176") as raised:
        latex.article(of(), {}, tmp_path)
    assert raised.value.found.startswith("article.tex")


def test_the_article_says_the_verdict_the_certificate_and_the_sources() -> None:
    document = shipped("mlp")
    text = latex.article(document, data_of("mlp"))
    assert document.certificate_sha256 in text
    assert r"\bibitem{tpp:YangLittwin2021}" in text
    assert re.search(r"\\title\{.*proved\}", text)


def test_entries_for_a_bibliography_are_one_for_each_certificate_and_two_for_the_sources() -> None:
    documents = [shipped("mlp"), shipped("rnn"), of(name="a{b}%\\")]
    text = latex.bibliography(*documents)
    keys = re.findall(r"@\w+\{(.*),", text)
    assert keys == ["tpp:YangLittwin2021", "tpp:tpproof", *map(latex.prefix, documents)]
    assert documents[0].certificate_sha256 in text.replace(r"\allowbreak{}", "")
    assert r"a\textbraceleft{}b\textbraceright{}\%\textbackslash{}" in text


@pytest.mark.parametrize("name", ["}}, note = 7, title = 8", "{", "\\}", "}@misc{x,", "\\{\\", "e\u0301}"])
def test_a_name_ends_no_field_of_a_bibliography(name: str) -> None:
    hostile = replace(of(), name=name, version=name)
    text = latex.bibliography(hostile)
    depths = list(accumulate((c == "{") - (c == "}") for c in text))
    plain = latex.bibliography(replace(hostile, name="a", version="a"))
    assert min(depths) == depths[-1] == 0
    assert fields_of(text)[-4:] == ["author", "title", "year", "note"]
    assert fields_of(text) == fields_of(plain)


def fields_of(text: str) -> list[str]:
    """The names of fields: what stands before an equals sign where BibTeX counts one open brace."""
    depths = accumulate(((c == "{") - (c == "}") for c in text), initial=0)
    outside = "".join(c for c, depth in zip(text, depths, strict=False) if depth == 1)
    return re.findall(r"([A-Za-z]+) *=", outside)
