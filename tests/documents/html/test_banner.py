"""The verdict at the head of the page is the checker's, whatever the certificate says."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from typing import Any

import pytest

import tpproof as tp
from tests.documents.html.pages import Reader, content_of, page_of, report_on, shipped
from tpproof.certificate.checking import Report
from tpproof.documents.derivation import document
from tpproof.documents.html import html_summary
from tpproof.program.canonical import canonical_bytes


def head(page: str) -> tuple[str, str, str]:
    """Tone, verdict and the whole text of the banner."""
    found = re.search(r'<header class="banner (\w+)">(.*?)</header>', page, re.DOTALL)
    assert found
    verdict = re.search(r'<p class="verdict">.*?<strong>(.*?)</strong>', found[2], re.DOTALL)
    assert verdict
    return found[1], verdict[1], Reader(found[2]).words()


def case(name: str = "mlp") -> tuple[bytes, dict[str, Any]]:
    content = content_of(name)
    return content, json.loads(content)


@pytest.mark.parametrize(
    ("name", "tone", "word"),
    [
        ("mlp", "good", "Accepted: proved"),
        ("tied", "good", "Accepted: proved by execution"),
        ("resnet_post", "caution", "Accepted under a condition"),
        ("attention_root", "bad", "Refused: nothing is claimed"),
    ],
)  # fmt: skip
def test_each_verdict_has_its_words(name: str, tone: str, word: str) -> None:
    assert head(shipped(name))[:2] == (tone, word)


def test_the_answer_of_the_real_checker_is_what_is_shown() -> None:
    content, data = case()
    report = tp.check(content, as_stated=True)
    tone, word, text = head(page_of(data, content, report))
    assert (tone, word) == ("caution", "Accepted as stated: proved")
    assert f"{len(data['steps'])} of {len(data['steps'])}" in text
    assert "was not compared" in text


def test_a_certificate_that_nobody_checked_says_so() -> None:
    content, data = case()
    page = page_of(data, content, None)
    assert head(page)[:2] == ("unknown", "Not checked")
    assert "Accepted" not in page


@pytest.mark.parametrize("verdict", ["rejected", "unreadable"])
def test_what_the_checker_rejects_is_rejected_whatever_the_certificate_says(verdict: str) -> None:
    content, data = case()
    error = {"code": "rule", "step": 0, "rule": "path-start", "expected": "<b>κ</b>", "found": "\u202e1"}
    page = page_of(data, content, report_on(data, verdict, (error,)))
    tone, word, text = head(page)
    assert (tone, word) == ("bad", verdict.capitalize())
    assert "at step 0 (path-start): expected <b>κ</b>; found [U+202E]1" in text
    assert "Accepted" not in page


def test_what_the_checker_does_not_decide_is_declined() -> None:
    content, data = case("resnet_post")
    error = {"code": "declined", "step": None, "rule": None, "expected": "no extra assumptions", "found": "conditional"}
    tone, word, text = head(page_of(data, content, report_on(data, "declined", (error,))))
    assert (tone, word) == ("caution", "Declined")
    assert "no extra assumptions" in text


def test_an_answer_about_other_bytes_counts_for_nothing() -> None:
    content, data = case()
    other, _ = case("rnn")
    assert head(page_of(data, other, report_on(data)))[:2] == ("unknown", "Not checked")
    assert head(page_of(data, b"{", report_on(data)))[:2] == ("unknown", "Not checked")
    changed = copy.deepcopy(data)
    changed["steps"][0]["equation"] = "(96)"
    assert head(page_of(changed, content, report_on(data)))[:2] == ("unknown", "Not checked")


def test_an_answer_about_a_certificate_that_looks_the_same_counts_for_nothing() -> None:
    _, data = case()
    changed = copy.deepcopy(data)
    changed["steps"][0]["conclusion"][-1] = []
    content = canonical_bytes(changed)
    page = page_of(changed, content, report_on(data))
    summary = html_summary(document(changed, length="theorem"), report_on(data))
    assert head(page)[:2] == ("unknown", "Not checked")
    assert "Accepted" not in page + summary
    assert "Not checked" in summary


def test_what_is_declined_for_its_size_is_not_called_refused() -> None:
    content, data = case("attention_root")
    declined = report_on(data, "declined")
    assert head(page_of(data, content, declined))[1] == "Refused: nothing is claimed"
    too_large = dataclasses.replace(declined, certificate_verdict=None)
    assert head(page_of(data, content, too_large))[1] == "Declined"


@pytest.mark.parametrize(
    "change",
    [
        {"network_sha256": "0" * 64}, {"steps": 3}, {"certificate_verdict": "conditional"}, {"verdict": "wonderful"},
        {"certificate_sha256": "0" * 64}, {"certificate_sha256": None},
    ],
)
def test_an_answer_about_another_certificate_counts_for_nothing(change: dict[str, Any]) -> None:
    content, data = case()
    report: Report = dataclasses.replace(report_on(data), **change)
    page = page_of(data, content, report)
    assert head(page)[:2] == ("unknown", "Not checked")
    assert "Accepted" not in page


def test_a_refused_certificate_is_never_accepted() -> None:
    content, data = case("attention_root")
    assert head(page_of(data, content, report_on(data, "accepted")))[:2] == ("unknown", "Not checked")


def test_a_name_that_claims_a_verdict_stands_behind_the_checkers_and_as_a_name() -> None:
    _, data = case("attention_root")
    data["evidence"]["name"] = "Accepted: proved"
    report = report_on(data, "declined")
    page = page_of(data, canonical_bytes(data), report)
    summary = html_summary(document(data, length="theorem"), report)
    assert "<title>Refused: nothing is claimed – Accepted: proved</title>" in page
    assert "that its writer calls</p>\n<h1>Accepted: proved</h1>" in page
    assert "<strong>Refused: nothing is claimed</strong>: <code>Accepted: proved</code>" in summary
