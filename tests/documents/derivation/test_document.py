"""A document from every certificate of the zoo: complete, in order, and naming only what exists."""

from __future__ import annotations

import copy
import hashlib
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings

import tpproof as tp
from tests.strategies import programs
from tpproof.certificate.write import certificate_of
from tpproof.documents.blocks import Code, Display, Inference, Ref, Section, Table, TableRow
from tpproof.documents.derivation import document
from tpproof.documents.derivation.evidence import numbers
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.document import LENGTHS, NOTATIONS
from tpproof.documents.formula import Formula, to_text
from tpproof.documents.latex import article
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.program.model import Program
from tpproof.proof.prove import prove

SHIPPED = Path(__file__).parents[3] / "certificates"
NAMES = sorted(path.name.removesuffix(".cert.json") for path in SHIPPED.glob("*.cert.json"))
ORDER = [
    "theorem", "not-said", "assumptions", "program", "limit", "backward", "base", "induction", "contraction", "paths",
    "proposition", "claim", "kernel", "audit", "rules", "numbers", "reading",
]  # fmt: skip
LENGTH_ONLY = {"theorem": {"theorem", "not-said", "assumptions", "kernel", "reading"}}


@lru_cache(maxsize=64)
def shipped(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SHIPPED / f"{name}.cert.json").read_bytes())
    return data


def blocks_of(value: Any) -> Iterator[Any]:
    """Every block and inline part of a document, at any depth."""
    if isinstance(value, tuple):
        for part in value:
            yield from blocks_of(part)
    elif hasattr(value, "__dataclass_fields__"):
        yield value
        for name in value.__dataclass_fields__:
            yield from blocks_of(getattr(value, name))


@pytest.mark.parametrize("name", NAMES)
def test_every_network_of_the_zoo_has_a_document_in_every_length_and_notation(name: str) -> None:
    data = shipped(name)
    for length, notation in [*((length, NOTATIONS[0]) for length in LENGTHS), *(("theorem", n) for n in NOTATIONS[1:])]:
        doc = document(data, length=length, notation=notation)
        assert (doc.length, doc.notation) == (length, notation)
        labels = [s.label for s in doc.sections]
        assert labels == [label for label in ORDER if label in labels]
        if length == "theorem":
            assert set(labels) <= LENGTH_ONLY["theorem"]
        assert {"theorem", "not-said", "assumptions", "reading"} <= set(labels)
        assert ("kernel" in labels) == (data["verdict"] != "refused")


LISTED_IN_FULL = [
    "mlp", "mlp1", "mlp2", "rnn", "rnn_average", "resmlp", "densenet", "gru", "lstm", "tied", "tied_autoencoder", "deq",
    "multi_output", "resnet", "resnet_post", "siamese", "batch", "twice", "square", "layernorm",
]  # fmt: skip
STATED = {  # the section that states the steps of each kind
    "C": {"paths"}, "J": {"base", "induction", "claim"}, "D": {"backward"}, "107": {"base", "induction"},
    "K100": {"proposition"}, "K96": {"proposition"}, "limit": {"claim"}, "contract": {"contraction"},
}  # fmt: skip


def stated(section: Section) -> list[int]:
    """The steps that the displays of a section state."""
    displays = [d for d in blocks_of(section) if isinstance(d, Display)]
    return [step for d in displays for line in d.lines for step in line.steps]


@pytest.mark.parametrize("name", LISTED_IN_FULL)
def test_every_step_is_stated_once_where_it_belongs(name: str) -> None:
    data = shipped(name)
    where = {s.label: Counter(stated(s)) for s in document(data).sections}
    for step in data["steps"]:
        kind = step["conclusion"][0]
        if kind in STATED:
            assert sum(where[label][step["id"]] for label in STATED[kind] & where.keys()) == 1, step


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_has_a_target(name: str) -> None:
    data = shipped(name)
    for length in LENGTHS:
        sections = document(data, length=length).sections
        targets = {b.label for b in blocks_of(sections) if getattr(b, "label", "")}
        for ref in (b for b in blocks_of(sections) if isinstance(b, Ref)):
            kind, _, number = ref.target.partition("-")
            if kind == "step":
                assert 0 <= int(number) < len(data["steps"])
            else:
                assert ref.target in targets, (length, ref)


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_different(name: str) -> None:
    labels = [b.label for b in blocks_of(document(shipped(name), length="audit").sections) if getattr(b, "label", "")]
    assert [label for label, n in Counter(labels).items() if n > 1] == []


@pytest.mark.parametrize("name", ["mlp2", "rnn", "tied"])
def test_the_audit_has_every_step_with_what_it_rests_on_and_what_rests_on_it(name: str) -> None:
    data = shipped(name)
    doc = document(data, length="audit")
    rows = {row.id: row for part in doc.parts for row in part.steps}
    assert sorted(rows) == [step["id"] for step in data["steps"]]
    for step in data["steps"]:
        assert rows[step["id"]].premises == tuple(step["premises"])
        for premise in step["premises"]:
            assert step["id"] in rows[premise].used_by
    labels = {b.label for b in blocks_of(doc.sections) if isinstance(b, (TableRow, Inference))}
    assert {f"step-{k}" for k in rows} <= labels
    assert {f"rule-{row.rule}" for row in rows.values()} <= labels


@pytest.mark.parametrize("name", ["mlp", "rnn", "tied", "gru"])
def test_the_lengths_say_the_same_where_they_say_anything(name: str) -> None:
    audit, derivation = (document(shipped(name), length=length).sections for length in ("audit", "derivation"))
    assert tuple(s for s in audit if s.label not in ("audit", "rules")) == derivation
    kernel = next(s for s in derivation if s.label == "kernel")
    assert kernel in document(shipped(name), length="theorem").sections


def text_of(value: Any) -> str:
    """Everything that is said, formulas as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return " ".join(map(text_of, value))
    if isinstance(value, get_args(Formula)):
        return to_text(value)
    if hasattr(value, "__dataclass_fields__"):
        skipped = ("label", "target", "kind", "name", "relation", "indices", "instances", "steps")
        return " ".join(text_of(getattr(value, f)) for f in value.__dataclass_fields__ if f not in skipped)
    return ""


def section(name: str, label: str, **how: Any) -> str:
    return text_of(next(s for s in document(shipped(name), **how).sections if s.label == label))


def test_a_refused_network_says_that_nothing_is_claimed_and_why() -> None:
    for length in LENGTHS:
        theorem = section("attention_root", "theorem", length=length)
        assert "Nothing is claimed" in theorem
        assert "smooth, scalars" in theorem
        assert "lim" not in theorem
        assert "scale by 1/n" in section("attention_root", "assumptions", length=length)
    assert document(shipped("attention_root")).claim.startswith("Nothing is claimed")


def test_tied_shows_where_107_fails_and_the_corrected_kernel() -> None:
    contraction = section("tied", "contraction")
    assert "Z\u0307^{g4}" in contraction
    assert "E[tanh′(g2~)]·Z^{δx1~}" in contraction
    assert "E[tanh′(g2~)]·E[tanh′(g2)]·Σ\u0307(x1~, x1)·C(g0~, g0)" in section("tied", "kernel")
    theorem = section("tied", "theorem")
    assert "neither (107)" in " ".join(theorem.split())
    assert "holds at every G-var" not in theorem
    assert "holds at every G-var" in section("mlp", "theorem")


def test_a_conditional_network_says_under_what() -> None:
    assert "under the assumption marked conditional" in section("resnet_post", "theorem")
    assert "Remark B.6" in section("resnet_post", "assumptions")


def test_rnn_tells_of_isomorphic_paths_at_different_uses() -> None:
    paths = section("rnn", "paths")
    assert "x~^0 → h~^1" in paths
    assert "x^1 → h^2" in paths
    assert "Figure 3" in paths
    assert "p and q are different" in " ".join(section("rnn_average", "paths").split())


def test_the_recursion_of_an_mlp_is_that_of_the_literature() -> None:
    jacot, lee = section("mlp", "kernel", notation="jacot"), section("mlp", "kernel", notation="lee")
    assert "Σ^{(l)}(ξ~, ξ) E[tanh(z~^{l−1})·tanh(z^{l−1})] + 1" in jacot
    assert "Θ^{(l)}(ξ~, ξ) Σ^{(l)}(ξ~, ξ) + Σ\u0307^{(l)}(ξ~, ξ)·Θ^{(l−1)}(ξ~, ξ)" in jacot
    assert "Θ^l(ξ~, ξ) 𝒦^l(ξ~, ξ) + 𝒦\u0307^l(ξ~, ξ)·Θ^{l−1}(ξ~, ξ)" in lee


def test_two_hidden_layers_read_like_appendix_a_2() -> None:
    theorem = section("mlp2", "theorem")
    assert "ξ~ᵀξ/d·E[φ′(g0~)·φ′(g0)]·E[φ′(g2~)·φ′(g2)] + E[φ(g0~)·φ(g0)]·E[φ′(g2~)·φ′(g2)]" in theorem


def test_where_one_pair_stands_for_its_orbit_it_is_said() -> None:
    data = certificate_of(prove(load("zoo:cnn1d"), replace(DEFAULT, explicit_pairs=0))).data
    sections = {s.label: " ".join(text_of(s).split()) for s in document(data).sections}
    assert "the exchange of ξ̃ and ξ and renamings of vectors" in sections["program"]
    assert "each term for all images of its pair" in sections["proposition"]
    assert "what a symmetry of the network makes of one that is" in sections["kernel"]
    assert "symmetr" not in text_of(document(shipped("cnn1d")).sections)


@settings(max_examples=25, deadline=None)
@given(programs(transposes=True, max_size=7))
def test_any_proof_has_a_text_that_states_every_step_once(program: Program) -> None:
    data = certificate_of(prove(program)).data
    sections = document(data, length="audit").sections
    if any("left out here" in text_of(s) for s in sections):
        return
    where = {s.label: Counter(stated(s)) for s in sections}
    for step in data["steps"]:
        kind = step["conclusion"][0]
        if kind in STATED:
            assert sum(where[label][step["id"]] for label in STATED[kind] & where.keys()) == 1, step


def test_of_millions_of_numbers_in_the_evidence_only_the_first_are_written() -> None:
    data = {**shipped("mlp1"), "evidence": {"few": [], "many": [0] * 10**6} | {f"x{k}": k for k in range(10**5)}}
    reading = Reading(data, "yang")
    tracemalloc.start()
    table = numbers(reading).blocks[-1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(table, Table)
    assert peak < 20e6
    assert len(table.rows) == 40
    assert table.omitted == 1 + 10**6 + 10**5 - 40
    assert [row.cells[0] for row in table.rows[:2]] == [(Code("few"),), (Code("many 0"),)]


def test_numbers_from_evidence_stand_under_evidence_only() -> None:
    data = copy.deepcopy(shipped("tied"))
    data["evidence"]["enclosures"] = [{"lower": "123454321", "upper": "987656789"}]
    data["evidence"]["failures"][0]["found"] = "that plus 424242"
    for length in LENGTHS:
        for s in document(data, length=length).sections:
            told = text_of(s)
            assert all((number in told) == (s.label == "numbers") for number in ("123454321", "424242"))


def test_names_of_strangers_are_bounded_and_only_text() -> None:
    data = copy.deepcopy(shipped("mlp2"))
    data["evidence"] = {"name": "<b>" * 1000, "version": "9" * 1000, "x" * 1000: "y" * 100_000}
    doc = document(data)
    assert (len(doc.name), len(doc.version)) == (80, 20)
    assert max(len(b.text) for b in blocks_of(doc.sections) if isinstance(b, Code)) <= 80
    assert len(text_of(doc.sections)) < 40_000


@pytest.mark.parametrize("crosscheck", [
    {"verdict": "agrees", "quantities": 7, "disagreeing": 0, "widths": [64, 128], "rows": [{"quantity": "K",
    "z": "0.5"}]},
    {"verdict": ["x"], "widths": "9" * 9999, "rows": [3, {"quantity": {"a": "b" * 9999}}] * 99, "kinds": "no"},
])  # fmt: skip
def test_a_crosscheck_is_told_as_it_is_whatever_it_holds(crosscheck: dict[str, Any]) -> None:
    data = copy.deepcopy(shipped("mlp2"))
    data["evidence"]["crosscheck"] = crosscheck
    told = text_of(next(s for s in document(data).sections if s.label == "numbers"))
    assert "It is about another network than this certificate." in told
    assert len(told) < 20_000
    assert ("agrees with the limit" in told) == (crosscheck["verdict"] == "agrees")


def test_the_hashes_are_those_of_the_bytes() -> None:
    doc = document(shipped("mlp2"))
    assert doc.certificate_sha256 == hashlib.sha256((SHIPPED / "mlp2.cert.json").read_bytes()).hexdigest()
    assert doc.network_sha256 == shipped("mlp2")["network_sha256"]


def test_a_long_certificate_is_as_long_to_read_and_takes_time_in_proportion() -> None:
    lengths = []
    for depth in (30, 700):
        data = tp.prove(tp.zoo.resmlp(depth=depth)).data
        began = time.process_time()
        doc = document(data)
        assert time.process_time() - began < 1 + 0.002 * len(data["steps"])
        prose = [s for s in doc.sections if s.label in ("backward", "base", "induction", "proposition", "claim",
        "kernel")]
        lengths.append(len(text_of(tuple(prose))))
    assert lengths[1] < 1.2 * lengths[0]


@pytest.mark.parametrize("name", ["mlp", "tied", "gru", "attention", "layernorm", "rnn_lengths", "attention_root"])
def test_the_paper_knows_every_letter(name: str) -> None:
    for notation in NOTATIONS:
        doc = document(shipped(name), length="audit", notation=notation)
        assert "[U+" not in str(article(doc, shipped(name)))
