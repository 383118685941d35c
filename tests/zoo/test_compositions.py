"""Random compositions of the blocks that architectures are made of: each is proved, and its certificate holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, event, given, note, settings
from hypothesis import strategies as st

from tests.blocks import compositions
from tests.proof.test_properties import contracted, integers_in, kernels_of, with_integer
from tpproof.certificate.write import certificate_of
from tpproof.checker import check_bytes
from tpproof.language.interpreter import parse
from tpproof.language.write import write
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import prove

SIMPLE = ("tanh", "sin", "sigmoid")  # those that tests.numeric knows


def run(examples: int) -> Any:
    """Settings of every property here: the same networks in every run."""
    return settings(max_examples=examples, deadline=None, derandomize=True)


@run(150)
@given(compositions(max_blocks=4))
def test_a_composition_is_proved_and_its_certificate_accepted(program: Program) -> None:
    proof, meets = prove(program), contracted(program)
    event(proof.verdict)
    assert proof.verdict == ("proved-by-execution" if meets else "proved")
    assert meets or not proof.failures
    assert all(entry.status in ("proved", "declared") for entry in proof.assumptions)
    certificate = certificate_of(proof)
    report = check_bytes(certificate.to_json(), sha256(program))
    assert report.errors == ()
    assert (report.verdict, report.certificate_verdict) == ("accepted", proof.verdict)


@run(100)
@given(compositions(transposes=False, max_blocks=5))
def test_a_composition_without_transposes_is_proved_by_its_paths(program: Program) -> None:
    assert prove(program).verdict == "proved"
    assert not contracted(program)


@run(150)
@given(compositions(), st.data())
def test_a_corrupted_conclusion_is_rejected(program: Program, data: st.DataObject) -> None:
    certificate = certificate_of(prove(program))
    step = data.draw(st.sampled_from([s for s in certificate.steps if any(integers_in(s["conclusion"]))]), label="step")
    place = data.draw(st.sampled_from(list(integers_in(step["conclusion"]))), label="place")
    number = step["conclusion"]
    for i in place:
        number = number[i]
    note(f"{step['conclusion']}")
    for other in (number + 1, number - 1):
        report = check_bytes(with_integer(certificate.data, step["id"], place, other), sha256(program))
        assert report.verdict == "rejected"


@run(150)
@given(compositions(max_blocks=4))
def test_a_composition_written_as_text_is_the_same_network(program: Program) -> None:
    text = write(program)
    assert sha256(parse(text, "w.tp")) == sha256(program)
    assert write(parse(text, "w.tp")) == text


@run(60)
@given(compositions(), compositions())
def test_a_certificate_of_one_composition_is_none_of_another(one: Program, other: Program) -> None:
    assume(sha256(one) != sha256(other))
    report = check_bytes(certificate_of(prove(one)).to_json(), sha256(other))
    assert (report.verdict, report.errors[0].code) == ("rejected", "network-mismatch")


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
@given(compositions(known=SIMPLE, abstract=False, max_blocks=2))
def test_the_kernel_of_a_composition_is_that_of_wide_dense_networks(program: Program) -> None:
    for samples, networks in kernels_of(program, width=600):
        limit, found = np.mean(samples), np.mean(networks)
        error = np.hypot(np.std(samples, ddof=1) / len(samples) ** 0.5, np.std(networks, ddof=1) / len(networks) ** 0.5)
        assert abs(found - limit) <= 5 * error + 0.03 * abs(limit), (limit, found, error)  # and a bias of order 1/n
