"""Paths, isomorphism classes and ⟨p, q⟩ (Definition 5.5, Figures 2–3, (95)–(96))."""

from __future__ import annotations

from itertools import product

import pytest

from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tpproof.errors import TpproofError
from tpproof.paths import count, listed, paths
from tpproof.paths.listing import symbols
from tpproof.program.model import Program

NETWORKS = [
    two_hidden_layers(),
    two_hidden_layers(train_input=False),
    residual(4),
    residual(3, shared=True),
    recurrent(3),
    recurrent(3, every=True),
    tied(),
    parallel_transposes(),
]


def brute_force(program: Program) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every pair of paths, compared symbol by symbol."""
    every = list(paths(program))
    return sorted((p, q) for p, q in product(every, every) if symbols(program, p) == symbols(program, q))


@pytest.mark.parametrize("program", NETWORKS, ids=lambda p: p.name)
def test_the_listed_pairs_are_all_pairs_of_isomorphic_paths(program: Program) -> None:
    assert [(row.p, row.q) for row in listed(program)] == brute_force(program)


@pytest.mark.parametrize("program", NETWORKS, ids=lambda p: p.name)
def test_the_count_is_the_number_of_pairs(program: Program) -> None:
    assert count(program) == len(brute_force(program))


def test_figure_3_paths_of_an_rnn_through_the_same_matrix_are_isomorphic_at_different_times() -> None:
    program = recurrent(3)
    w = [k for k in program.gvars if program.nodes[k].op == "matmul"]
    pairs = {(row.p, row.q) for row in listed(program)}
    assert ((w[1],), (w[1],)) in pairs
    assert ((w[0], w[1]), (w[0], w[1])) in pairs
    assert {p for p, q in pairs if q == (w[1],)} == {(w[1],)}  # a path of one step is not one of two
    every = {(row.p, row.q) for row in listed(recurrent(3, every=True))}
    assert ((w[0],), (w[1],)) in every  # W at time 2 and W at time 3


def test_figure_3_paths_of_an_mlp_through_different_matrices_are_not_isomorphic() -> None:
    program = residual(2)
    first, second = (k for k in program.gvars if program.nodes[k].op == "matmul")
    assert ((first,), (second,)) not in {(row.p, row.q) for row in listed(program)}


def test_w_and_its_transpose_are_different_symbols() -> None:
    program = parallel_transposes()
    w, w_transposed = (k for k in program.gvars if program.nodes[k].op == "matmul")
    assert ((w,), (w_transposed,)) not in {(row.p, row.q) for row in listed(program)}


def test_a_path_starts_at_an_embedding_only_if_that_is_trained() -> None:
    assert count(two_hidden_layers()) == 2
    assert count(two_hidden_layers(train_input=False)) == 1


def test_the_inner_product_of_the_two_layer_network_is_that_of_eq_95() -> None:
    whole, short = (row.weight for row in listed(two_hidden_layers()))
    assert whole == ((("gram", 0, 0, 0, 0), ("kappa", 0, 0), ("sigma2", 1, 0), ("slope", 1, 0, 1, 0)),)
    assert short == ((("kappa", 1, 0), ("moment2", 1, 1)),)


def test_a_residual_stream_has_exponentially_many_pairs_counted_exactly() -> None:
    assert count(residual(100)) == 2**101 - 1


def test_more_pairs_than_the_limit_are_refused_with_their_number() -> None:
    with pytest.raises(TpproofError) as refusal:
        listed(residual(20), limit=100)
    assert refusal.value.code == "E104"
    assert str(2**21 - 1) in refusal.value.found
