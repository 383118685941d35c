"""Mutations of the prover: each one makes the two sides disagree, and `prove` says `refuted`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tpproof.limit import backward, changes, law, outputs
from tpproof.paths import graph, kernel, listing, stretches
from tpproof.program.model import Program
from tpproof.proof.prove import prove


def equations(program: Program) -> set[str]:
    proof = prove(program)
    assert proof.verdict == "refuted"
    assert all(failure.expected != failure.found for failure in proof.failures)
    return {failure.equation for failure in proof.failures}


def replace_rule(monkeypatch: pytest.MonkeyPatch, table: dict, name: str, rule: Callable) -> None:
    monkeypatch.setitem(table, name, (rule, table[name][1]))


def test_a_dropped_zdot_term_is_caught_at_107(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "zdot_of_change", lambda *_: ())
    assert "(107)" in equations(two_hidden_layers())


def test_a_lost_update_term_is_caught_at_107(monkeypatch: pytest.MonkeyPatch) -> None:
    true = changes.update_gvar
    replace_rule(monkeypatch, changes.RULES, "update-gvar", lambda f, a, b: true(f, a, b)[1:])
    assert "(107)" in equations(two_hidden_layers())


def test_a_missed_path_is_caught_at_107(monkeypatch: pytest.MonkeyPatch) -> None:
    true = graph.step_linear
    replace_rule(monkeypatch, graph.STEPS, "path-linear", lambda f, a, b: list(true(f, a, b))[:-1])
    assert "(107)" in equations(residual(3))


def test_a_lost_variance_is_caught_at_107(monkeypatch: pytest.MonkeyPatch) -> None:
    true = graph.step_matmul
    replace_rule(monkeypatch, graph.STEPS, "path-extend", lambda f, a, b: [(s, ()) for s, _ in true(f, a, b)])
    assert "(107)" in equations(recurrent(2))


def test_a_wrong_matrix_in_the_isomorphism_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "path_symbol", lambda form, g: (form.program.symbol(g)[0], False))
    assert "(107)" in equations(parallel_transposes())


def test_a_wrong_derivative_in_the_chain_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    true = changes.change_nonlin
    replace_rule(
        monkeypatch, changes.RULES, "change-nonlin", lambda f, a, b: tuple((w * 2, r) for w, r in true(f, a, b))
    )
    assert "(107)" in equations(two_hidden_layers())


def test_a_lost_error_signal_is_caught_at_105(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backward, "RULES", backward.RULES[:-1])
    assert equations(two_hidden_layers()) == {"(105)-(106)"}


def test_a_wrong_gradient_in_the_ntk_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backward, "gradient_source", lambda *_: (("kappa", 0, 0),))
    assert equations(two_hidden_layers()) == {"(96)=(100)"}


def test_an_untransposed_symbol_in_zdot_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law, "zdot_terms", lambda _: {})
    assert "(65)" in equations(tied())


def test_a_missed_stretch_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "contracted_stretches", lambda _: {})
    assert "(65)" in equations(tied())


def test_a_lost_readout_update_is_caught_at_122(monkeypatch: pytest.MonkeyPatch) -> None:
    from tpproof.proof import prove as module

    true = outputs.change_of_output
    monkeypatch.setattr(module, "change_of_output", lambda f, o, p: true(f, o, p)[1:])
    assert equations(two_hidden_layers()) == {"(121)-(122)"}


def test_a_lost_term_of_proposition_d3_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from tpproof.proof import prove as module

    true = kernel.path_kernel
    monkeypatch.setattr(module, "path_kernel", lambda f, o, p: true(f, o, p)[:-1])
    assert "(121)-(122)" in equations(two_hidden_layers())


def test_a_path_missing_from_the_list_is_caught_at_96(monkeypatch: pytest.MonkeyPatch) -> None:
    from tpproof.proof import prove as module

    true = listing.output_pairs_listed
    monkeypatch.setattr(module, "output_pairs_listed", lambda *args: true(*args)[:-1])
    assert equations(two_hidden_layers()) == {"(96)"}


def test_a_wrong_weight_of_a_listed_path_is_caught_at_96(monkeypatch: pytest.MonkeyPatch) -> None:
    true = listing.inner_product
    monkeypatch.setattr(listing, "inner_product", lambda s, p, q: tuple(w[1:] for w in true(s, p, q)))
    assert equations(two_hidden_layers()) == {"(96)"}


@pytest.mark.parametrize("program", [two_hidden_layers(), residual(3), residual(3, shared=True), recurrent(3, True)])
def test_without_a_mutation_the_same_networks_are_proved(program: Program) -> None:
    proof = prove(program)
    assert (proof.verdict, proof.failures) == ("proved", ())


def test_when_both_sides_forget_zdot_the_abstract_machine_still_refutes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prove(tied()).machine
    monkeypatch.setattr(law, "zdot_terms", lambda _: {})
    monkeypatch.setattr(stretches, "contracted_stretches", lambda _: {})
    proof = prove(tied())
    assert proof.verdict == "refuted"
    assert {failure.equation for failure in proof.failures} == {"(122), outputs 0 and 0"}
