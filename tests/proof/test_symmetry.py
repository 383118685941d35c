"""Proofs in which one pair of vectors stands for its orbit say what the proofs with every pair say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from tests.program.test_symmetry import independent
from tests.strategies import programs
from tpproof.certificate.write import certificate_of
from tpproof.checker import check_bytes
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.program.atoms import Pair, Terms, sorted_terms
from tpproof.program.automorphisms import symmetries
from tpproof.program.model import Program
from tpproof.program.symmetry import Symmetry
from tpproof.proof.prove import Execution, Proof, prove

FOLDED = replace(DEFAULT, explicit_pairs=0)
EXPLICIT = replace(DEFAULT, explicit_pairs=DEFAULT.pairs)
NETWORKS = [
    ("attention", {}), ("attention_untied", {}), ("batch", {"B": "3"}), ("batchnorm", {"B": "3"}), ("cnn1d", {}),
    ("cnn2d", {"L": "1"}), ("gcn", {}), ("lstm", {}), ("multi_output", {}), ("rnn", {"T": "4"}), ("siamese", {}),
    ("tied", {}), ("tied_autoencoder", {"L": "2"}), ("transformer", {}),
]  # fmt: skip


def both(program: Program) -> tuple[Proof, Proof]:
    return prove(program, EXPLICIT), prove(program, FOLDED)


def unfolded(execution: Execution, sums: dict[Pair, Terms]) -> dict[Pair, Terms]:
    """The sums of all pairs, made of those of the pairs that stand for them."""
    return {
        image: sorted_terms(terms) for pair in sums for image, terms in execution.orbits.images(pair, sums[pair])
    }


def check_agreement(explicit: Proof, folded: Proof) -> None:
    """C, J and D of every pair, term by term; the kernel, the count and the verdict."""
    assert (explicit.verdict, explicit.path_pairs) == (folded.verdict, folded.path_pairs)
    one, other = explicit.execution, folded.execution
    assert one is not None
    assert other is not None
    assert unfolded(other, other.sums) == {pair: sorted_terms(terms) for pair, terms in one.sums.items()}
    left = {pair: change.terms for pair, change in other.changes.items()}
    assert unfolded(other, left) == {pair: sorted_terms(change.terms) for pair, change in one.changes.items()}
    signals = {pair: signal.terms for pair, signal in other.signals.items()}
    assert unfolded(other, signals) == {pair: sorted_terms(signal.terms) for pair, signal in one.signals.items()}
    sources = {ref: ((weight, None),) for weight, ref in other.ntk.terms if ref is not None}
    expected = {ref: ((weight, None),) for weight, ref in one.ntk.terms if ref is not None}
    assert unfolded(other, sources) == expected
    assert other.kernels == one.kernels
    assert other.output_changes == one.output_changes


def accepted(proof: Proof) -> bool:
    return check_bytes(certificate_of(proof).to_json(), as_stated=True, allow_conditional=True).status == 0


@pytest.mark.parametrize(("name", "constants"), NETWORKS, ids=[name for name, _ in NETWORKS])
def test_one_pair_of_each_orbit_says_what_all_pairs_say(name: str, constants: dict[str, str]) -> None:
    explicit, folded = both(load(f"zoo:{name}", constants))
    check_agreement(explicit, folded)
    assert accepted(folded)
    one, other = certificate_of(explicit), certificate_of(folded)
    assert len(other.steps) <= len(one.steps)
    assert one.symmetries == []


@settings(max_examples=60, deadline=None)
@given(programs())
def test_so_it_is_for_random_programs(program: Program) -> None:
    explicit, folded = both(program)
    check_agreement(explicit, folded)
    assert accepted(folded)


@pytest.mark.parametrize("name", ["cnn1d", "attention"])
def test_a_wrong_image_of_an_atom_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right side renames what the left side executes: if it forgot to, D would differ."""
    monkeypatch.setattr(Symmetry, "atom", lambda self, atom: atom)
    assert prove(load(f"zoo:{name}"), FOLDED).verdict == "refuted"


def test_a_symmetry_that_the_prover_wrongly_believed_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two matrices that differ in their learning rate only, exchanged: the checker does not take our word for it."""
    false = symmetries(independent(twins=True))
    monkeypatch.setattr("tpproof.proof.prove.symmetries", lambda *_: false)
    report = check_bytes(certificate_of(prove(independent(twins=False), FOLDED)).to_json(), as_stated=True)
    assert report.verdict == "rejected"
    assert report.errors[0].code == "symmetry"


def test_a_folded_certificate_fits_the_published_schema() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "certificate.schema.json").read_text())
    data = certificate_of(prove(load("zoo:cnn1d"), FOLDED)).data
    jsonschema.validate(data, schema)
    term = next(t for step in data["steps"] if step["rule"] == "path-linear" for t in step["conclusion"][3] if t[2:])
    term[2] = term[2][:1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


def test_small_networks_are_written_pair_by_pair_and_large_ones_are_not() -> None:
    small = certificate_of(prove(load("zoo:cnn1d")))
    large = certificate_of(prove(load("zoo:cnn1d"), replace(DEFAULT, explicit_pairs=50)))
    assert small.symmetries == []
    assert len(large.symmetries) > 1
    assert len(large.steps) * 3 < len(small.steps)


def test_documents_of_folded_proofs_say_so() -> None:
    certificate = certificate_of(prove(load("zoo:cnn1d"), FOLDED))
    assert "symmetries" in certificate.to_html()
    audit = certificate.to_latex(length="audit")
    assert "symmetries" in audit
    assert "for all images of its pair, once each" in audit
