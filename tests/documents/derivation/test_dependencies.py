"""What steps rest on: transitive, complete at the theorem, and honest about what nobody proved."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.documents.html.pages import NAMES, content_of
from tpproof.checker.rules import RULES
from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.dependencies import AXIOMS, RELIES, SMALL, Node, nodes


def data_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(content_of(name))
    return data


def by_rule(data: dict[str, Any]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes(data, PARTS):
        found.setdefault(node.kind, []).append(node)
    return found


def test_every_rule_says_what_it_relies_on() -> None:
    assert set(RELIES) == set(RULES)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "attention_root"])
def test_the_theorem_rests_on_all_axioms_and_on_every_assumption_that_is_not_proved(name: str) -> None:
    data = data_of(name)
    unproved = [row["name"] for row in data["assumptions"] if row["status"] != "proved"]
    assert list(nodes(data, PARTS)[-1].rests) == [*data["axioms"], *unproved]


def test_definitions_rest_on_nothing_and_the_theorem_on_what_is_declared() -> None:
    found = by_rule(data_of("mlp"))
    assert {n.rests for n in found["path-start"]} == {()}
    assert {n.status for n in found["path-nonlin"]} == {AXIOMS}
    assert found["theorem"][0].status == "declared"
    assert found["duality"][0].rests == ("master-theorem", "duality-lemma")


def test_a_kink_makes_conditional_what_has_its_derivative_and_whatever_follows() -> None:
    data = data_of("resnet_post")
    assert len(data["steps"]) <= SMALL
    found = by_rule(data)
    assert {n.status for n in found["path-start"]} == {AXIOMS}
    assert {n.status for n in found["path-nonlin"]} == {"conditional"}
    assert "stein" in found["path-nonlin"][0].rests
    by_key = {n.key: n for nodes_of in found.values() for n in nodes_of}
    for node in by_key.values():
        if any(by_key[k].status == "conditional" for k in node.premises):
            assert node.status == "conditional"
    assert found["theorem"][0].status == "conditional"


def test_an_abstract_nonlinearity_makes_declared_what_has_its_derivative() -> None:
    data = copy.deepcopy(data_of("mlp"))
    row = next(r for r in data["assumptions"] if r["name"] == "smooth")
    row["status"] = "declared"
    found = by_rule(data)
    assert found["path-nonlin"][0].status == "declared"
    assert found["path-start"][0].status == AXIOMS


def test_a_long_proof_is_summed_up_by_its_parts() -> None:
    data = data_of("cnn2d")
    found = nodes(data, PARTS)
    assert len(data["steps"]) > SMALL
    assert sum(n.steps for n in found) == len(data["steps"])
    assert found[0].key == "steps-path-sums"
    assert len(found) <= len(PARTS)
    earlier: set[str] = set()
    for node in found:
        assert set(node.premises) <= earlier
        earlier.add(node.key)


def test_each_step_names_its_premises() -> None:
    data = data_of("tied")
    named = [tuple(f"step-{k}" for k in step["premises"]) for step in data["steps"]]
    assert [n.premises for n in nodes(data, PARTS)] == named
