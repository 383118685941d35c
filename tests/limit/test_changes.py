"""(107) on the paper's own examples: the coefficients of error signals in changes."""

from __future__ import annotations

import pytest

from tests.networks import parallel_transposes, tied, two_hidden_layers
from tpproof.errors import TpproofError
from tpproof.limit.backward import error_signals, kernel_100
from tpproof.limit.changes import changes, wanted_pairs
from tpproof.limit.law import limit_form, zdot_terms
from tpproof.program.builder import Builder


def test_the_first_layers_change_is_eq_54() -> None:
    form = limit_form(two_hidden_layers())
    (terms,) = (changes(form, [(0, 0)])[0, 0].terms,)
    assert terms == (((("gram", 0, 0, 0, 0), ("kappa", 0, 0)), None),)  # Z^δg = −χ ξᵀξ̃ Z^dg


def test_the_second_layers_change_is_eqs_55_to_59() -> None:
    form = limit_form(two_hidden_layers())
    found = changes(form, [(2, 2)])
    assert found[2, 2].terms == (
        ((("kappa", 1, 0), ("moment2", 1, 1)), None),  # −χ E[Z^z Z^z̃] Z^dh (55)
        ((("sigma2", 1, 0),), (1, 1)),  # G − χ Z^dh E[φ′φ′]ξᵀξ̃ (58)–(59)
    )
    assert found[1, 1].terms == (((("slope", 1, 0, 1, 0),), (0, 0)),)  # (19)


def test_zdot_finds_the_contraction_of_a_tied_autoencoder_and_none_in_parallel_branches() -> None:
    assert zdot_terms(tied()) == {4: (2,)}
    assert zdot_terms(parallel_transposes()) == {}


def test_the_error_signal_of_a_tied_encoder_has_the_square_of_the_mean_derivative() -> None:
    form = limit_form(tied())
    pairs = changes(form, wanted_pairs(form))
    terms = error_signals(form, pairs)[1, 1].terms
    assert (((("response", 0, 3, 2), ("response", 1, 3, 2), ("sigma2", 1, 0), ("sigma2", 1, 0)), (4, 4))) in terms
    assert ((("sigma2", 1, 1),), (2, 2)) in terms


def test_the_ntk_by_its_definition_sums_over_every_parameter() -> None:
    form = limit_form(two_hidden_layers())
    ntk = kernel_100(form, changes(form, wanted_pairs(form)))
    assert {ref for _, ref in ntk.terms} == {(0, 0), (2, 2)}
    assert ntk.reads == ((2, 3, 3, 0, 0),)


def test_pairs_are_counted_before_they_are_made() -> None:
    b = Builder()
    xi, u = b.input("xi", 2000), b.parameter("embedding", "U")
    b.output([(b.parameter("readout", "v"), b.add(*(b.embed(u, xi, k) for k in range(2000))))])
    with pytest.raises(TpproofError, match="4000000 pairs"):
        wanted_pairs(limit_form(b.program()))
