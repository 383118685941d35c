"""What has to be accepted, and what the answer says."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpproof.checker import check_bytes
from tpproof.checker.rules import RULES

from .naive_prover import Build, canonical, make
from .networks import NETWORKS, mlp, refused, residual
from .tools import certificate, check

SCHEMA = Path(__file__).parents[2] / "docs" / "certificate.schema.json"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("listed", [True, False])
def test_naive_certificates_are_accepted(name, listed):
    value = make(NETWORKS[name], listed=listed)
    report = check(value, network_sha256=value["network_sha256"])
    assert report.errors == ()
    assert (report.verdict, report.status) == ("accepted", 0)
    assert report.steps == len(value["steps"])
    assert report.axioms == tuple(value["axioms"])
    assert report.network_sha256 == value["network_sha256"]
    assert report.certificate_verdict == value["verdict"]


@pytest.mark.parametrize("name", NETWORKS)
def test_certificates_fit_the_schema(name):
    jsonschema.validate(certificate(name), json.loads(SCHEMA.read_text()))


def test_the_schema_refuses_wrong_types():
    value = certificate("mlp1")
    value["steps"][0]["id"] = "0"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, json.loads(SCHEMA.read_text()))


def test_every_rule_is_used():
    used = {step["rule"] for name in NETWORKS for step in certificate(name)["steps"]}
    assert used == set(RULES)


def test_every_equation_is_the_documents():
    document = SCHEMA.with_name("certificate-format.md").read_text()
    for name, rule in RULES.items():
        assert f"| `{name}` | `{rule.equation}` |" in document


def test_verdicts():
    verdicts = {name: certificate(name)["verdict"] for name in NETWORKS}
    assert verdicts["tied"] == verdicts["tied-deep"] == "proved-by-execution"
    assert verdicts["relu"] == "conditional"
    assert verdicts["parallel"] == verdicts["layernorm"] == "proved"


def test_as_stated():
    value = certificate("mlp1")
    report = check(value)
    assert (report.verdict, report.status) == ("accepted-as-stated", 4)
    assert report.network == value["network"]
    report = check(value, as_stated=True)
    assert (report.verdict, report.status) == ("accepted-as-stated", 0)


def test_conditional_is_declined_unless_allowed():
    value = certificate("relu")
    report = check_bytes(canonical(value), value["network_sha256"])
    assert (report.verdict, report.status, report.axioms) == ("declined", 3, ())
    assert report.errors[0].code == "declined"
    assert check(value, network_sha256=value["network_sha256"]).verdict == "accepted"


def test_refused_is_declined():
    value = make(refused())
    assert value["steps"] == [] and value["verdict"] == "refused"
    report = check(value, as_stated=True, network_sha256=value["network_sha256"])
    assert (report.verdict, report.status, report.certificate_verdict) == ("declined", 3, "refused")


def test_time_limit():
    report = check(certificate("mlp1"), seconds=-1)
    assert (report.verdict, report.status, report.steps) == ("declined", 3, 0)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
            st.lists,
            max_leaves=5,
        ),
        max_size=3,
    )
)
def test_evidence_does_not_matter(evidence):
    value = certificate("gvar-output")
    value["evidence"] = evidence
    assert check(value).verdict == "accepted-as-stated"


def test_steps_in_another_order_are_accepted():
    """Contractions first, unused C steps, several orders: what the format allows."""
    value = certificate("tied")
    contract = next(s for s in value["steps"] if s["rule"] == "contract")
    i = contract["id"]
    order = [contract, *value["steps"][:i], *value["steps"][i + 1 :]]
    move = {step["id"]: k for k, step in enumerate(order)}
    for step in order:
        c = step["conclusion"]
        for at in {"C": [3], "J": [3], "D": [3], "K96": [3], "limit": [3], "K100": [1]}.get(c[0], []):
            c[at] = sorted([w, move.get(r, -1)] for w, r in c[at])
        if c[0] in ("J", "limit"):
            c[4] = move[c[4]]
        if c[0] == "107":
            c[2] = [[k, move[j]] for k, j in c[2]]
        if c[0] == "duality":
            c[1:] = [move[c[1]], [move[k] for k in c[2]]]
        step["premises"] = sorted(move[p] for p in step["premises"])
        step["id"] = move[step["id"]]
    value["steps"] = order
    assert check(value).errors == ()


@st.composite
def networks(draw):
    """Random networks over one matrix used in both orientations, sums, products, Moments."""
    b = Build()
    b.input(count=2)
    u, w = b.parameter("embedding", "U"), [b.parameter("matrix", "W"), b.parameter("matrix", "A")]
    bias, v = b.parameter("bias", "b"), [b.parameter("readout", "v0"), b.parameter("readout", "v1")]
    vectors = [b.node("embed", u, 0, 0), b.node("embed", u, 0, 1), b.node("param", bias)]
    scalars = [b.node("const", "2/3")]
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.sampled_from(vectors)), draw(st.sampled_from(vectors))
        s = draw(st.sampled_from(scalars))
        operation = draw(st.sampled_from(["matmul", "matmul", "call", "add", "mul", "scale", "mean"]))
        if operation == "matmul":
            vectors.append(b.node("matmul", draw(st.sampled_from(w)), draw(st.integers(0, 1)), x))
        elif operation == "call":
            vectors.append(b.node("call", "tanh", [x]))
        elif operation == "mean":
            scalars.append(b.node("mean", b.node("call", "sin", [x])))
        else:
            pair = [s, x] if operation == "scale" else [x, y]
            vectors.append(b.node("mul" if operation == "scale" else operation, pair))
    everything = b.node("add", vectors)
    out = b.node("add", [everything, b.node("mul", [*scalars, vectors[-1]])])
    b.output((v[0], out))
    if draw(st.booleans()):
        b.output((v[0], everything), (v[1], vectors[-1]))
    return b.net


@settings(max_examples=60, deadline=None)
@given(networks())
def test_random_networks(net):
    value = make(net, listed=True)
    if len(canonical(value)) < 2**20:
        assert check(value).errors == ()


def test_long_sums_are_grouped():
    """A sum of 150 products over 150 matrices against itself: 22,500 pairs of supports, 150 of them meeting."""
    b = Build()
    b.input()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    x = b.node("call", "tanh", [b.node("embed", u, 0, 0)])
    terms = [b.node("matmul", b.parameter("matrix", f"W{i}"), 0, x) for i in range(150)]
    b.output((v, b.node("add", terms)))
    report = check(make(b.net))
    assert report.errors == ()


def test_signs_of_constants():
    for std, good in [("1/7", True), (["pow", "2", "-1/2"], True), (["add", ["1", ["pow", "3", "1/2"]]], True)]:
        assert (check(make(mlp(1, std=std))).errors == ()) is good
    assert check(make(residual(1))).verdict == "accepted-as-stated"


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_hash_that_is_not_the_networks_is_never_accepted(digest: str) -> None:
    data = canonical(certificate("mlp1"))
    assert check_bytes(data, digest).verdict == "rejected"
    assert check_bytes(data, digest, as_stated=True).status == 1
