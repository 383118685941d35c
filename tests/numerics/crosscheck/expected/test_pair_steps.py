"""The steps of paths that are tested are, one for one, the terms of the proof's sums; no proof decides them."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import settings

from tests.numerics.crosscheck.helpers import setting
from tests.strategies import programs
from tpproof import zoo
from tpproof.language.source import load
from tpproof.numerics.crosscheck.expected.altered import with_altered_kernel, with_altered_weight
from tpproof.numerics.crosscheck.expected.choice import choose
from tpproof.numerics.crosscheck.expected.expected import limits
from tpproof.numerics.crosscheck.expected.pair_steps import PairSteps
from tpproof.numerics.crosscheck.expected.structure import Structure
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.program.atoms import Pair
from tpproof.program.model import Program
from tpproof.proof.prove import Execution, Proof, prove

Step = tuple[Pair, Pair | None]
"""A sum C(a, b), and the C that a term of it holds; None: the term with which paths start."""
LARGE = ("cnn2d", "cnn2d_flatten", "rescnn", "rescnn_post", "attention_untied", "universal", "transformer")


def proof_of(name: str) -> Proof:
    known = {"phi": "tanh"} if "nonlinearity(" in zoo.text(name) else {}
    return prove(load(f"zoo:{name}", {}, known))


def steps_of(program: Program, execution: Execution) -> set[Step]:
    found = PairSteps(execution.form, Structure(program))
    base, read = execution.form.base, [node.args for node in program.nodes]
    matmuls: set[Step] = {(pair, (read[pair[0]][0], read[pair[1]][0])) for pair in found.through_matrices}
    starts: set[Step] = {((base(g), base(k)), None) for g, k in found.starts}
    return {*starts, *matmuls, *found.through_sums, *found.through_nonlins}


def terms_of(execution: Execution) -> set[Step]:
    return {(pair, ref) for pair, terms in execution.every_sum.items() for _, ref in terms}


@pytest.mark.parametrize("name", zoo.names())
def test_steps_are_the_terms_of_the_proof_s_sums(name: str) -> None:
    proof = proof_of(name)
    if proof.execution is None:
        pytest.skip("refused")
    steps, terms = steps_of(proof.program, proof.execution), terms_of(proof.execution)
    if proof.execution.form.contractions:
        assert len(terms) / 2 < len(steps) < len(terms)
        assert steps < terms
    else:
        assert steps == terms


@settings(max_examples=40, deadline=None)
@for_all(programs())
def test_so_they_are_in_any_program_that_is_trained_without_contractions(program: Program) -> None:
    proof = prove(program)
    if proof.execution is not None and not proof.execution.form.contractions:
        steps, terms = steps_of(program, proof.execution), terms_of(proof.execution)
        assert steps <= terms
        if all(p.trained for p in program.parameters):
            assert steps == terms


@settings(max_examples=40, deadline=None)
@for_all(programs(transposes=True))
def test_with_contractions_none_is_there_that_the_proof_does_not_have(program: Program) -> None:
    """A step that is tested and has no term would be taken for a lost one."""
    proof = prove(program)
    if proof.execution is not None:
        assert steps_of(program, proof.execution) <= terms_of(proof.execution)


def own(quantity: Quantity, execution: Execution) -> Step | None:
    """The step whose weight a quantity is."""
    key, base, nodes = quantity.key, execution.form.base, execution.form.program.nodes
    match quantity.kind:
        case Kind.START:
            return (base(key[0]), base(key[1])), None
        case Kind.MATMUL:
            return (key[0], key[1]), (nodes[key[0]].args[0], nodes[key[1]].args[0])
        case Kind.SUM | Kind.SLOPE:
            return (key[0], key[2]), (key[1], key[3])
    return None


@pytest.mark.parametrize(
    "name", [n if n not in LARGE else pytest.param(n, marks=pytest.mark.slow) for n in zoo.names()]
)
def test_every_step_is_chosen(name: str) -> None:
    proof = proof_of(name)
    if proof.execution is None:
        pytest.skip("refused")
    chosen = choose(proof, setting(proof.program))
    assert not chosen.left_out
    tested = {own(q, proof.execution) for q in chosen.quantities} - {None}
    assert tested == steps_of(proof.program, proof.execution)


@pytest.mark.parametrize("name", ["rnn", "gcn", "layernorm", "siamese", "multi_output", "resnet_post"])
def test_a_weight_that_is_2_percent_wrong_is_so_in_its_own_quantity(name: str) -> None:
    """And one that was lost is 0 there: at every input at which it is looked at."""
    right = proof_of(name)
    execution = right.execution
    assert execution is not None
    given = setting(right.program)
    quantities = [q for q in choose(right, given).quantities if own(q, execution)]

    def values(proof: Proof) -> dict[Quantity, float]:
        found = limits(proof, quantities, given, points=2**6, replicates=2).values
        return dict(zip(quantities, found.tolist(), strict=True))

    before = values(right)
    for pair, terms in list(execution.every_sum.items())[::3]:
        for term, (_, ref) in enumerate(terms):
            for factor in ("1.02", "0"):
                after = values(with_altered_weight(right, pair, term, factor))
                moved = {q for q in quantities if after[q] != before[q]}
                same = [t for _, t in terms].count(ref)  # two terms may hold the same C
                assert {own(q, execution) for q in moved} == {(pair, ref)}
                exact = (after[q] == pytest.approx(float(factor) * before[q], rel=1e-12, abs=1e-15) for q in moved)
                assert same > 1 or all(exact)


@pytest.mark.parametrize("name", ["rnn", "gcn", "cnn1d"])
def test_a_wrong_term_of_the_kernel_s_own_sum_is_wrong_in_its_own_quantity(name: str) -> None:
    right = proof_of(name)
    execution = right.execution
    assert execution is not None
    given = setting(right.program)
    quantities = [q for q in choose(right, given).quantities if q.kind in (Kind.READOUT, Kind.READOUT_START)]
    before = limits(right, quantities, given, points=2**6, replicates=2).values
    for (o, p), terms in execution.kernels.items():
        for term, (weight, ref) in enumerate(terms):
            read = ref or next((atom[1:] for atom in weight if atom[0] == "moment2"), None)
            altered = with_altered_kernel(right, (o, p), term, "1.02")
            after = limits(altered, quantities, given, points=2**6, replicates=2).values
            moved = [q for q, a, b in zip(quantities, after, before, strict=True) if a != b]
            if read is None:  # an output's bias, whose part is the same in every network
                assert not moved
                continue
            kind = Kind.READOUT if ref else Kind.READOUT_START
            assert {(q.kind, q.key[:4]) for q in moved} == {(kind, (o, read[0], p, read[1]))}
