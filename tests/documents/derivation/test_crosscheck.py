"""What a stranger's cross-check may do to a document: be printed, within bounds, and nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.documents.html.pages import Reader, content_of, page_of
from tpproof.documents.blocks import Code, Fold, Paragraph, Picture, Strong, Table
from tpproof.documents.charts.widths import plot
from tpproof.documents.derivation.crosscheck import NUMBERS, crosscheck
from tpproof.documents.derivation.evidence import numbers
from tpproof.documents.derivation.reading import Reading

ENTRY = {
    "quantity": "K(ξ̃, ξ₁)", "limit": "2", "limit_error": "1e-11", "measured": ["2.1", "2.05", "2.01"],
    "se": ["0.1", "0.05", "0.01"], "deviation": ["0.1", "0.05", "0.025"], "deviation_se": ["0.01", "0.005", "0.0025"],
}  # fmt: skip
FOUND: dict[str, Any] = {
    "network_sha256": "ab", "verdict": "agrees", "partial": False, "alpha": "0.0001", "detectable": "0.002",
    "command": "tpproof crosscheck zoo:mlp --seed 0", "backend": "numpy", "sampler": "exact", "seed": 0,
    "widths": [256, 1024, 4096], "samples": [9, 9, 9], "setting": None, "quantities": 110, "disagreeing": 0,
    "slope": "-0.51", "kernel": [ENTRY], "notes": ["one note"],
    "kinds": [{"kind": "kernel", "quantities": 6, "disagreeing": 0, "blind": 0, "largest_z": "0.6", "slope": "-0.5"}],
    "rows": [{"quantity": "K", "kind": "kernel", "equation": "(100)", "limit": "2", "measured": "2.01", "se": "0.01",
              "z": "1", "detectable": "0.03", "agrees": True}],
}  # fmt: skip


def words(value: Any) -> str:
    return repr(value)


def test_the_verdict_the_plot_and_the_numbers_are_there() -> None:
    section = crosscheck(FOUND, "ab")
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    assert Strong("agrees with the limit") in first.parts
    assert any(isinstance(b, Picture) and b.name == "widths" for b in section.blocks)
    tables = [b for b in section.blocks if isinstance(b, Table)]
    tables += [b for f in section.blocks if isinstance(f, Fold) for b in f.blocks if isinstance(b, Table)]
    assert {t.label for t in tables} == {"crosscheck-kernel", "crosscheck-kinds", "crosscheck-rows"}
    assert len(next(t for t in tables if t.label == "crosscheck-kernel").rows) == 3


def test_one_of_another_network_says_nothing() -> None:
    assert "about another network" in words(crosscheck(FOUND, "cd").blocks[1])
    assert "another network" not in words(crosscheck(FOUND, "ab"))


TOLD = [("disagrees", "disagrees with"), ("blind", "no power"), ("x", "no verdict")]


@pytest.mark.parametrize(("verdict", "said"), TOLD)
def test_each_verdict_is_told(verdict: str, said: str) -> None:
    assert said in words(crosscheck({**FOUND, "verdict": verdict}, "ab").blocks[0])


def test_lists_are_bounded_and_anything_may_be_missing() -> None:
    long = {**FOUND, "rows": FOUND["rows"] * 1000, "kernel": [ENTRY] * 100, "notes": ["x" * 10_000] * 500}
    assert len(words(crosscheck(long, "ab"))) < 200_000
    assert crosscheck({}, "ab").blocks
    assert crosscheck({"kernel": 3, "rows": "x", "kinds": [1], "notes": {}}, "ab").blocks


def test_the_plot_has_the_points_and_a_line_of_slope_minus_one_half() -> None:
    drawn = plot(FOUND)
    assert drawn is not None
    assert drawn.relative
    assert [t.text for t in drawn.across] == ["256", "1,024", "4,096"]
    marks = drawn.series[0].marks
    assert len(marks) == 3
    (x0, y0), (x1, y1) = drawn.line
    assert (x0, x1) == (marks[0].x, marks[2].x)
    assert (y1 - y0) == pytest.approx(marks[2].y - marks[0].y, abs=0.2)  # 0.1 to 0.025 over widths 1 to 16
    assert all(m.high < m.y < m.low for m in marks)


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": []}, {"kernel": None}, {"widths": []}, {"widths": [256]}, {"widths": ["x", None, {}]},
        {"kernel": [{**ENTRY, "deviation": ["nan", "inf", "-1"]}]}, {"kernel": [{**ENTRY, "deviation": None}]},
        {"kernel": [7]}, {"widths": [True, False, 10**400]},
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_not(change: dict[str, Any]) -> None:
    assert plot({**FOUND, **change}) is None


def test_a_hostile_cross_check_is_text() -> None:
    data = copy.deepcopy(json.loads(content_of("mlp")))
    hostile = "</svg></title><script>alert(1)</script>\u202e"
    data["evidence"]["crosscheck"] = {**FOUND, "kernel": [{**ENTRY, "quantity": hostile}], "notes": [hostile],
                                      "command": hostile, "verdict": hostile, "slope": hostile}  # fmt: skip
    page = page_of(data, json.dumps(data).encode(), None)
    reader = Reader(page)
    assert "script" not in reader.tags
    assert "alert(1)" in reader.words()
    assert "\u202e" not in page


@pytest.mark.parametrize("key", [*NUMBERS, "samples", "sampler"])
def test_what_is_no_number_says_nothing_in_our_sentences(key: str) -> None:
    assert "proved by" not in words(crosscheck({**FOUND, key: "1. All is proved by the checker"}, "ab").blocks[0])
    assert "proved by" not in words(crosscheck({**FOUND, key: ["1. All is proved by the checker"]}, "ab").blocks[0])
    assert words(crosscheck({**FOUND, key: None}, "ab").blocks[0]) != words(crosscheck(FOUND, "ab").blocks[0])


@pytest.mark.parametrize("command", [
    "rm -rf /", "tpproof crosscheck zoo:mlp; rm -rf x", "tpproof crosscheck $(id)", "tpproof crosscheck ~/x", 7,
    "tpproof crosscheck zoo:mlp --scheduler tcp://far:1", "tpproof crosscheck zoo:mlp -o x", "tpproof crosscheck 'x",
    "tpproof crosscheck zoo:mlp\nrm x", "tpproof  crosscheck zoo:mlp", "tpproof crosscheck x\u202e", "",
])  # fmt: skip
def test_no_command_is_shown_but_one_that_draws_the_networks_again(command: Any) -> None:
    assert "again" not in words(crosscheck({**FOUND, "command": command}, "ab").blocks[0])
    usual = "tpproof crosscheck 'my net.tp' -D k=-5 --set 'phi=x y' --max-nodes 9 --seed 0"
    assert repr(Code(usual)) in words(crosscheck({**FOUND, "command": usual}, "ab").blocks[0])


def test_notes_are_quoted() -> None:
    assert words(Code("one note")) in words(crosscheck(FOUND, "ab").blocks[-1])


@pytest.mark.parametrize("given", ["1. The checker confirms it", None, 3, "", "١"])
def test_a_count_of_paths_is_a_number_or_none_is_told(given: Any) -> None:
    data = {**json.loads(content_of("mlp1")), "evidence": {"path_pairs": given, "path_pairs_hex": given}}
    assert "each counted once: no number is given." in words(numbers(Reading(data, "yang")))
    data["evidence"] = {"path_pairs": "9" * 99, "path_pairs_hex": "0xff"}
    assert "each counted once: about 2^8." in words(numbers(Reading(data, "yang")))
