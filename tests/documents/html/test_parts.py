"""Parts of the page, one by one: formulas in pieces, labels, the graph, the fragment for notebooks."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from tests.documents.html.pages import Reader, content_of, report_on
from tpproof.documents.blocks import (
    Block,
    Code,
    Column,
    Display,
    Fold,
    Inference,
    Items,
    Line,
    Paragraph,
    Picture,
    Ref,
    Section,
    Statement,
    Strong,
    Table,
    TableRow,
)  # fmt: skip
from tpproof.documents.charts.dependencies import HEIGHT, graph, path
from tpproof.documents.derivation import document
from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.dependencies import nodes
from tpproof.documents.derivation.steps import step_formula
from tpproof.documents.document import Document
from tpproof.documents.formula import Formula, Name, Number, Row, Sum, Words, to_mathml, to_mathml_lines
from tpproof.documents.html import html_page, html_summary
from tpproof.documents.html.hidden import shown
from tpproof.documents.html.labels import Labels
from tpproof.documents.vocabulary import Vocabulary


def data_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(content_of(name))
    return data


def formulas(name: str) -> Iterator[Formula]:
    vocabulary = Vocabulary(data_of(name))
    yield from (step_formula(vocabulary, step) for step in vocabulary.steps)


def letters(markup: str) -> str:
    return re.sub(r"\s+", "", Markup(markup).striptags().replace("\u00a0", ""))


@pytest.mark.parametrize("name", ["mlp", "rnn", "tied", "layernorm", "attention"])
def test_a_formula_in_pieces_has_the_letters_of_the_formula_in_one(name: str) -> None:
    broken = 0
    for formula in formulas(name):
        whole, pieces = to_mathml(formula), to_mathml_lines(formula)
        assert letters(whole) == letters(pieces)
        broken += pieces.count("<math>") > 1
    assert broken > 10


def test_a_long_sum_breaks_before_each_term_and_a_short_one_not_at_all() -> None:
    terms = tuple(Name("g", f"{k}{k}{k}{k}{k}") for k in range(5))
    assert to_mathml_lines(Sum(terms)).count("<math>") == 5
    assert to_mathml_lines(Sum(terms[:2])).count("<math>") == 1


def test_text_between_formulas_becomes_operators() -> None:
    left: tuple[Formula | str, ...] = (Name("K"), " = −", Name("χ"), " Σ_{k} ", Number("2"), " − ")
    row = Row((*left, Name("v"), "ᵀ", Name("x"), " mod ", Name("Z")))
    assert to_mathml(row) == (
        '<math><mrow><mi>K</mi><mo form="infix">=</mo><mo form="prefix">−</mo><mi>χ</mi>'
        '<msub><mo largeop="false" rspace="0.15em">∑</mo><mi>k</mi></msub><mn>2</mn><mo form="infix">−</mo>'
        "<msup><mi>v</mi><mo>⊤</mo></msup><mi>x</mi>"
        '<mo form="infix" lspace="0.6em" rspace="0.5em">mod</mo><mi>Z</mi></mrow></math>'
    )


def test_prose_in_a_formula_wraps_as_prose_and_is_escaped() -> None:
    assert to_mathml_lines(Words("a <b> c")) == "a &lt;b&gt; c"


@pytest.mark.parametrize("mark", "\u202e\u2066\u200b\x00\x7f\x85\xad\u061c\ufeff\U000e0041\ud800")
def test_a_hidden_character_is_shown_by_its_code(mark: str) -> None:
    assert shown(f"a{mark}b") == f"a[U+{ord(mark):04X}]b"


def test_what_is_seen_stays_as_it_is() -> None:
    text = "K(ξ̃, ξ) = 𝔼[Z] ≅ ∑ ⟨p, q⟩\n\t–“” κᵀ"
    assert shown(text) == text


# a document of every block --------------------------------------------------------------------------------

BLOCKS: tuple[Block, ...] = (
    Paragraph(("See ", Ref("second"), ", ", Ref("law"), ", ", Ref("data"), ", ", Ref("row-1", "the row"), ", ",
               Ref("step-7"), ", ", Ref("eq"), " & ", Code("<code>"), Strong("strong"))),
    Statement("Theorem", (Paragraph(("One.",)),), ("named",), "law"),
    Statement("Lemma", (Display((Line(Name("a"), "=", Number("1"), ("why",), (7, 8)),), "eq", "(107)"),), (), "lemma"),
    Statement("Proof", (Items((("first",), ("second",)), True),)),
    Table((Column("one", right=True), Column("two", 0.5)), (TableRow((("1",), ("x",)), "row-1", "proved"),
          TableRow((("9",), ("y",)))), ("Numbers.",), "data", 1234, 1),
    Fold((Strong("more"),), (Paragraph(("inside",)), Section(("Deep",), "deep", ())), True),
    Picture("unheard-of", ("A drawing.",), "drawing", "What it shows."),
    Inference("cut", (Name("p"), Name("q")), Name("r"), "(1)", ("if so",), "rule-cut"),
)  # fmt: skip


def made(blocks: tuple[Block, ...]) -> Document:
    first = Section(("First",), "first", blocks)
    plain = document(data_of("mlp"), length="theorem")
    return dataclasses.replace(plain, sections=(first, Section(("Second",), "second", ())))


@pytest.fixture(scope="module")
def page() -> str:
    return html_page(made(BLOCKS), data_of("mlp"), content_of("mlp"), None)


def test_references_are_called_what_their_targets_are(page: str) -> None:
    assert '<a href="#second">Section 2</a>, <a href="#law">Theorem 1</a>, <a href="#data">Table 1</a>' in page
    assert '<a href="#row-1">the row</a>, step 7, <a href="#eq">(107)</a> &amp; <code>&lt;code&gt;</code>' in page
    labels = Labels(made(BLOCKS))
    assert labels.target(Ref("lemma")).text == "Lemma 2"
    assert labels.target(Ref("drawing")).text == "Figure 1"
    assert not labels.target(Ref("nowhere")).there


def test_every_block_is_printed(page: str) -> None:
    words = Reader(page).words()
    for text in ("Theorem 1 (named).", "Lemma 2.", "Proof.", "why", "steps 7, 8", "inside", "What it shows.", "if so"):
        assert text in words
    assert '<details open>\n<summary><strong>more</strong></summary>' in page
    assert "<ol>\n<li>first</li>" in page


def test_rows_that_are_left_out_are_counted_where_they_are_missing(page: str) -> None:
    first, missing, last = (page.index(t) for t in ('id="row-1"', "1234 rows are left out here", ">9<"))
    assert first < missing < last


def test_a_status_is_a_word_and_not_only_a_colour() -> None:
    data = data_of("tied")
    page = html_page(document(data), data, content_of("tied"), None)
    rows = re.findall(r'<tr id="assumption-\w+" class="kind-(\w+)"><th scope="row" class="status">.*?>(\w+)<', page)
    assert len(rows) == 10
    assert all(kind == word for kind, word in rows)


# the graph ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "tied", "square", "rnn", "cnn2d"])
def test_each_step_stands_below_its_premises_and_no_two_overlap(name: str) -> None:
    placed = graph(nodes(data_of(name), PARTS))
    where = {box.node.key: box for box in placed.boxes}
    for box in placed.boxes:
        assert 0 <= box.x - box.width / 2 <= box.x + box.width / 2 <= placed.width
        assert all(where[k].y <= box.y - HEIGHT for k in box.node.premises)
    for a, b in combinations(placed.boxes, 2):
        assert abs(a.y - b.y) >= HEIGHT or abs(a.x - b.x) >= (a.width + b.width) / 2
    assert len(placed.edges) == sum(len(box.node.premises) for box in placed.boxes)


def test_an_edge_begins_below_its_premise_and_ends_above_what_follows() -> None:
    assert path([(10, 20), (30, 80)]) == "M10 31C10 50 30 50 30 69"


# notebooks ------------------------------------------------------------------------------------------------


def test_a_notebook_shows_verdict_theorem_and_kernel_and_touches_nothing_else() -> None:
    data = data_of("mlp")
    summary = html_summary(document(data), report_on(data))
    reader = Reader(summary)
    assert reader.ids == []
    assert reader.links == []
    assert reader.tags.isdisjoint({"style", "script", "link", "meta", "svg"})
    assert "Accepted: proved: mlp" in reader.words()
    assert "Theorem 1" in reader.words()
    assert summary.count("<details") == 2


def test_a_notebook_says_when_nobody_checked_and_when_nothing_is_claimed() -> None:
    assert "Not checked" in html_summary(document(data_of("mlp")), None)
    refused = data_of("attention_root")
    assert "nothing is claimed" in html_summary(document(refused), report_on(refused, "declined"))


def test_a_notebook_takes_templates_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "summary.html").write_text("{{ banner.word }} by {{ document.name }}")
    assert html_summary(document(data_of("mlp")), None, tmp_path) == "Not checked by mlp"


def test_a_pair_of_paths_can_be_chosen_and_has_its_overlay_and_style() -> None:
    data = data_of("mlp")
    page = html_page(document(data, length="derivation"), data, content_of("mlp"), None)
    radio = r'<input type="radio" name="pair" id="pick-(\d+)" aria-label="show pair (\d+) in the drawing">'
    picks = re.findall(radio, page)
    assert [int(a) for a, b in picks if a == b] == list(range(6))
    assert re.findall(r'class="pair pair-(\d+)"', page) == [a for a, _ in picks]
    assert re.findall(r"section:has\(#pick-(\d+):checked\) \.pair-\1 ", page) == [a for a, _ in picks]
    assert page.count(" checked>") == 1
