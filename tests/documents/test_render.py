"""One route from a checked certificate to every document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tpproof as tp
from tests.networks import tied, two_hidden_layers
from tpproof.documents.html import certificate_in
from tpproof.documents.render import FORMATS, Renderer, Style
from tpproof.errors import TpproofError


def rendered(form: str, style: Style | None = None) -> str:
    certificate = tp.prove(two_hidden_layers())
    return Renderer(certificate.to_json(), tp.check(certificate, as_stated=True), style).content_of(form).decode()


def test_the_page_is_the_whole_audit_and_the_paper_the_derivation() -> None:
    assert 'id="step-0"' in rendered("html")
    assert ":step-0}" not in rendered("tex")
    assert ":step-0}" in rendered("tex", Style("audit"))
    assert 'id="step-0"' not in rendered("html", Style("theorem"))


def test_the_verdict_of_a_page_is_the_checkers() -> None:
    certificate = tp.prove(two_hidden_layers())
    content = certificate.to_json()
    assert "Accepted: proved" in Renderer(content, tp.check(certificate, two_hidden_layers())).html()
    assert "Not checked" in Renderer(content, None).html()
    assert "Accepted: proved" not in Renderer(content, tp.check(certificate, tied())).html()
    assert "Accepted: proved" not in Renderer(content, tp.check(tp.prove(tied()), tied())).html()


def test_a_certificate_asks_the_checker_before_it_shows_itself() -> None:
    certificate = tp.prove(two_hidden_layers())
    wrong = tp.Certificate({**certificate.data, "verdict": "proved-by-execution"})
    assert "Accepted as stated" in certificate.to_html()
    assert "Accepted as stated" in certificate._repr_html_()
    for shown in (wrong.to_html(), wrong._repr_html_()):
        assert "Accepted" not in shown
        assert "Rejected" in shown


def test_an_answer_that_rejects_is_not_asked_again_about_less() -> None:
    certificate = tp.prove(two_hidden_layers())
    mine = tp.check(certificate, tied())
    assert "Accepted" not in certificate.to_html(mine)
    with pytest.raises(TpproofError, match="E177"):
        certificate.to_latex(mine)


def test_there_is_no_paper_of_what_the_checker_did_not_accept() -> None:
    certificate = tp.prove(two_hidden_layers())
    steps = [{**step, "equation": "(96)"} for step in certificate.steps]
    wrong = tp.Certificate({**certificate.data, "steps": steps})
    with pytest.raises(TpproofError, match="E177"):
        wrong.to_latex()
    for report in (None, tp.check(wrong, as_stated=True), tp.check(certificate, as_stated=True)):
        for form in ("tex", "fragment", "bib", "pdf"):
            with pytest.raises(TpproofError, match="E177"):
                Renderer(wrong.to_json(), report).content_of(form)


@pytest.mark.parametrize("change", [
    {"steps": None}, {"evidence": []}, {"network": None}, {"verdict": "wonderful"}, {"assumptions": [{}]},
    {"steps": [{"id": 7, "premises": [7], "rule": "x", "equation": "", "conclusion": ["C", 0]}]},
])  # fmt: skip
def test_nothing_that_the_checker_rejects_makes_a_traceback(change: dict[str, object]) -> None:
    certificate = tp.prove(two_hidden_layers())
    wrong = tp.Certificate({**certificate.data, **change})
    for shown in (wrong.to_html, wrong._repr_html_):
        try:
            text = shown()
        except TpproofError as error:
            text = error.report()
        assert ("error E" in text or "Rejected" in text, "Accepted" in text) == (True, False)
    with pytest.raises(TpproofError):
        wrong.to_latex()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_certificate_has_no_documents(content: bytes) -> None:
    with pytest.raises(TpproofError, match="E177"):
        Renderer(content, tp.check(content)).content_of("html")


def test_of_a_refused_network_there_is_a_paper_that_says_so() -> None:
    assert "refused" in tp.prove(tp.zoo.mlp(phi="step")).to_latex(length="theorem")


def test_the_page_of_a_certificate_carries_it() -> None:
    certificate = tp.prove(two_hidden_layers())
    assert certificate_in(certificate.to_html().encode()) == certificate.to_json()


def test_a_fragment_is_the_article_without_its_frame() -> None:
    certificate = tp.prove(two_hidden_layers())
    fragment, article = certificate.to_latex(fragment=True), certificate.to_latex()
    assert fragment.strip() in article
    assert r"\documentclass" not in fragment


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "pdf"])
def test_notation_changes_letters_and_nothing_else(form: str) -> None:
    yang, lee = rendered(form), rendered(form, Style(notation="lee"))
    assert (yang == lee) == (form == "bib")
    numbers = [re.findall(r"step-\d+", text) for text in (yang, lee)]
    assert numbers[0] == numbers[1]


def test_templates_of_the_users_go_before_ours(tmp_path: Path) -> None:
    for folder, name in (("html", "page.html"), ("latex", "article.tex")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("only this")
    style = Style(templates=tmp_path)
    assert rendered("html", style) == rendered("tex", style) == "only this"
    assert "only this" not in rendered("fragment", style)


@pytest.mark.parametrize("text", [
    "{% if %}", "{{ nothing.of.that }}", "{{ document.nothing }}", "{{ 1 / 0 }}", "{{ document.name + 1 }}",
    "{% include 'page.html' %}", "\udcff",
])
def test_a_template_that_does_not_work_is_e176(tmp_path: Path, text: str) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "page.html").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TpproofError) as caught:
        rendered("html", Style(templates=tmp_path))
    assert caught.value.code == "E176"
