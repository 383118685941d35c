"""`prove` and `check` for Python users."""

from __future__ import annotations

import json

import pytest

import tpproof as tp
from tests.networks import tied, two_hidden_layers
from tpproof.errors import TpproofError
from tpproof.program.canonical import canonical_bytes


@tp.network
def small(phi=tp.tanh):
    x = phi(tp.embedding("U") @ tp.input("xi"))
    tp.output(tp.readout("v") @ phi(tp.matrix("W") @ x))


def test_a_traced_network_is_proved_and_accepted() -> None:
    certificate = tp.prove(small)
    assert certificate.verdict == "proved"
    report = tp.check(certificate, small)
    assert (report.verdict, bool(report)) == ("accepted", True)
    assert report.network_sha256 == small.sha256


def test_a_loaded_network_is_proved_and_accepted() -> None:
    net = tp.zoo.resmlp(depth=4)
    assert tp.check(tp.prove(net), net)


def test_without_a_network_the_answer_is_as_stated() -> None:
    certificate = tp.prove(two_hidden_layers())
    assert (tp.check(certificate).verdict, bool(tp.check(certificate))) == ("accepted-as-stated", False)
    assert tp.check(certificate, as_stated=True)


def test_another_network_is_rejected() -> None:
    assert tp.check(tp.prove(small), small(phi=tp.erf)).verdict == "rejected"


def test_a_changed_byte_is_rejected() -> None:
    content = tp.prove(small).to_json()
    assert tp.check(content.replace(b'"proved"', b'"proven"'), small).verdict == "rejected"
    assert tp.check(content[:-1], small).exit_status in (1, 2)


def test_conditional_needs_leave() -> None:
    net = small(phi=tp.relu)
    certificate = tp.prove(net)
    assert certificate.verdict == "conditional"
    assert tp.check(certificate, net).verdict == "declined"
    assert tp.check(certificate, net, allow_conditional=True)


def test_refused_is_declined() -> None:
    net = small(phi=tp.step)
    certificate = tp.prove(net)
    assert (certificate.verdict, certificate.steps) == ("refused", [])
    assert tp.check(certificate, net).verdict == "declined"


def test_the_bytes_are_canonical_and_the_network_comes_back() -> None:
    certificate = tp.prove(tied())
    assert canonical_bytes(json.loads(certificate.to_json())) == certificate.to_json()
    assert certificate.network == tied()
    assert "decontraction-lemma" in certificate.axioms


def test_no_float_stands_in_the_logical_part() -> None:
    data = dict(tp.prove(small).data)
    data.pop("evidence")

    def no_float(text: str) -> None:
        pytest.fail(f"the float {text}")

    json.loads(canonical_bytes(data), parse_float=no_float)


def test_what_is_no_network_and_no_certificate_is_said_so() -> None:
    with pytest.raises(TpproofError, match="E142"):
        tp.prove("zoo:mlp")  # type: ignore[arg-type]
    with pytest.raises(TpproofError, match="E142"):
        tp.check("out/my.cert.json")  # type: ignore[arg-type]
