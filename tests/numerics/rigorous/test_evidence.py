"""A certificate can carry enclosures, outside the proof."""

from __future__ import annotations

import numpy as np
import pytest

import tpproof as tp
from tpproof.numerics.reduction.compile import compiled
from tpproof.proof.prove import prove

pytest.importorskip("flint")

from tpproof.numerics.rigorous import as_evidence, enclose


def test_a_certificate_with_enclosures_is_accepted_as_before() -> None:
    net = tp.zoo.mlp(phi="erf")
    x = [np.array([[[1.0, 0.5]], [[0.25, -1.0]]])]
    enclosures = enclose(compiled(prove(net.program)), x, [(0, 1), (1, 1)])
    found = as_evidence(enclosures, x)
    assert all("∈ [" in f["ntk"] and "∈ [" in f["nngp"] for f in found)
    assert found[0]["inputs_sha256"][1] == found[1]["inputs_sha256"][0] != found[0]["inputs_sha256"][0]
    certificate = tp.prove(net).with_evidence(enclosures=found)
    assert certificate.evidence["enclosures"] == found
    assert tp.check(certificate, net).verdict == "accepted"
    assert tp.prove(net).to_json() != certificate.to_json()
