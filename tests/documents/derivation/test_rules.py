"""The glossary of rules, against the checker's own table."""

from __future__ import annotations

import pytest

from tpproof.checker.rules import RULES
from tpproof.documents.blocks import Inference, Section
from tpproof.documents.derivation.rules import GROUPS, rules_section
from tpproof.documents.formula import to_latex, to_mathml, to_text

FIGURES = {rule.name: rule for _, _, rules in GROUPS for rule in rules}


def figures(section: Section) -> list[Inference]:
    parts = [block for block in section.blocks if isinstance(block, Section)]
    return [block for part in parts for block in part.blocks if isinstance(block, Inference)]


def test_the_rules_are_the_checkers_with_their_equations() -> None:
    assert {name: rule.equation for name, rule in FIGURES.items()} == {n: r.equation for n, r in RULES.items()}
    assert [f.rule for f in figures(rules_section({}))] == list(FIGURES)


def test_every_figure_is_a_target_and_says_how_often_its_rule_is_used() -> None:
    found = {f.rule: f for f in figures(rules_section({"ntk": 1, "path-start": 3}))}
    assert all(f.label == f"rule-{name}" for name, f in found.items())
    assert str(found["ntk"].condition[-1]).endswith("Used by 1 step.")
    assert str(found["path-start"].condition[-1]).endswith("Used by 3 steps.")
    assert str(found["listed"].condition[-1]).endswith("Not used here.")


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "listed"])
def test_every_rule_but_the_list_has_premises_and_can_be_printed_three_ways(name: str) -> None:
    rule = FIGURES[name]
    assert rule.premises
    for formula in (*rule.premises, rule.conclusion):
        assert to_text(formula)
        assert to_latex(formula).count("{") == to_latex(formula).count("}")
        assert to_mathml(formula).startswith("<math>")


def test_the_two_sides_have_the_same_figures_with_j_for_c() -> None:
    sides = {"path-extend": "update-gvar", "path-linear": "change-linear", "path-nonlin": "change-nonlin"}
    for path, change in sides.items():
        left = to_text(FIGURES[path].conclusion).replace("C(", "J(")
        assert to_text(FIGURES[change].conclusion) == f"{left} = C(a~, b)"
