"""The page of every shipped certificate, read as a browser and a screen reader would."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.documents.html.pages import NAMES, Reader, content_of, page_of, report_on, shipped
from tpproof.documents.derivation import document
from tpproof.documents.html import html_page


def data_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(content_of(name))
    return data


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_leads_to_the_one_place_that_bears_its_name(name: str) -> None:
    reader = Reader(shipped(name))
    assert len(reader.ids) == len(set(reader.ids))
    inside = [link[1:] for link in reader.links if link.startswith("#")]
    assert len(inside) > 10
    assert set(inside) - set(reader.ids) == set()
    assert set(reader.labelled_by) - set(reader.ids) == set()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_executed_and_nothing_is_fetched(name: str) -> None:
    page = shipped(name)
    reader = Reader(page)
    assert "script" not in reader.tags
    assert reader.tags.isdisjoint({"iframe", "object", "embed", "form", "base", "img", "audio", "video"})
    assert [key for key in reader.attributes if key.startswith("on")] == []
    assert [link[:40] for link in reader.links if not link.startswith(("#", "data:"))] == []
    assert "url(" not in reader.style
    assert "@import" not in reader.style
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


@pytest.mark.parametrize("name", NAMES)
def test_headings_are_nested_and_tables_have_captions_and_headers(name: str) -> None:
    reader = Reader(shipped(name))
    assert reader.headings[0] == 1
    assert reader.headings.count(1) == 1
    assert [(a, b) for a, b in pairwise(reader.headings) if b > a + 1] == []
    assert len(reader.tables) >= 3
    for table in reader.tables:
        assert table["caption"]
        assert table["columns"] >= 2
        assert set(table["rows"]) == {table["columns"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_is_well_formed_and_has_no_hidden_character(name: str) -> None:
    page = shipped(name)
    formulas = set(re.findall(r"<math>.*?</math>", page))
    assert len(formulas) >= 5
    for formula in formulas:
        ET.fromstring(formula)
    assert re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x00-\x08]", page) is None


@pytest.mark.parametrize("name", ["mlp", "rnn", "tied"])
def test_every_step_has_a_row_with_its_premises_rule_and_equation(name: str) -> None:
    page, data = shipped(name), data_of(name)
    rows = dict(re.findall(r'<tr id="step-(\d+)">(.*?)</tr>', page, re.DOTALL))
    assert {int(k) for k in rows} == {step["id"] for step in data["steps"]}
    for step in data["steps"]:
        row = rows[str(step["id"])]
        assert f'href="#rule-{step["rule"]}"' in row
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        assert [int(k) for k in re.findall(r'href="#step-(\d+)"', cells[0])] == step["premises"][:12]


def test_a_long_proof_is_folded_and_says_how_much_is_left_out() -> None:
    page = shipped("cnn2d")
    left_out = sum(int(n) for n in re.findall(r"(\d+) rows are left out here", page))
    rows = len(re.findall(r'<tr id="step-', page))
    assert left_out > 0
    steps = len(data_of("cnn2d")["steps"])
    assert rows < steps
    assert len(page) < 8_000_000


HOSTILE = [
    "</script><script>alert(1)</script>", "</style><style>*{display:none}", "\"><img src=x onerror=alert(1)>",
    r"\input{/etc/passwd}", "{{ 7*7 }}{% raw %}", "a\u202egnp.exe", "\u2066x\u2069\u200b", "x\x00y\x1b[31m",
    "--output=/etc/x", "\ud800", "&lt;b&gt;", "javascript:alert(1)", "' onmouseover='alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_from_a_stranger_is_text_and_never_more(name: str) -> None:
    data = copy.deepcopy(data_of("mlp"))
    data["evidence"]["name"] = name
    content = json.dumps(data).encode()
    page = page_of(data, content, report_on(data))
    reader, plain = Reader(page), Reader(shipped("mlp"))
    assert reader.tags == plain.tags
    assert reader.attributes == plain.attributes
    assert reader.style == plain.style
    assert [link for link in reader.links if not link.startswith(("#", "data:"))] == []
    assert re.search("[\x00-\x08\x0b-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page) is None
    page.encode("utf-8")
    assert re.search(r'download="[A-Za-z0-9_-]+\.cert\.json"', page)
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", page)[0]
    assert name.isascii() is False or "\x00" in name or name[:80] in reader.words() or "[U+" in page


def test_hidden_characters_are_written_out_by_their_code() -> None:
    data = copy.deepcopy(data_of("mlp"))
    data["evidence"]["name"] = "a\u202eb"
    page = page_of(data, json.dumps(data).encode(), None)
    assert "<h1>a[U+202E]b</h1>" in page


def test_a_text_in_the_evidence_is_escaped_as_a_name_is() -> None:
    data = copy.deepcopy(data_of("tied"))
    for failure in data["evidence"]["failures"]:
        failure["found"] = "</td></tr></table><script>alert(1)</script>\u202e"
    page = page_of(data, json.dumps(data).encode(), report_on(data))
    assert "script" not in Reader(page).tags


def test_a_template_of_the_users_own_takes_the_place_of_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "certificate.html").write_text("<p>ours: {{ document.name }}</p>")
    content = content_of("mlp")
    data = json.loads(content)
    page = html_page(document(data, length="theorem"), data, content, None, tmp_path)
    assert "<p>ours: mlp</p>" in page
    assert "Not checked" in page
    assert "Save the certificate" not in page


def test_the_same_certificate_gives_the_same_page() -> None:
    content = content_of("rnn")
    data = json.loads(content)
    assert page_of(data, content, report_on(data)) == shipped("rnn")
