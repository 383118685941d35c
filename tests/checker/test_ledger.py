"""The closure rules, row by row, against values worked out by hand; and the naive ledger against the checker's."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpproof.checker.ledger import conclusions, ledger
from tpproof.checker.network import Network

from .naive_prover import Build, Prover
from .naive_prover import ledger as naive_ledger

ROOT2 = ["pow", "2", "1/2"]


def rows_of(make):
    """The derivation and the other assumptions of the network that `make` builds from (builder, G-var, Moment)."""
    b = Build()
    b.input()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    g = b.node("embed", u, 0, 0)
    s = b.node("mean", b.node("call", "sin", [g]))
    k = make(b, g, s)
    b.output((v, b.node("mul", [k, g, s])))
    assumptions = {entry["name"]: entry for entry in ledger(Network(b.net))}
    return k, assumptions


def row(make):
    k, assumptions = rows_of(make)
    return assumptions["smooth"]["derivation"][k][1:]


ROWS = {
    "const": (lambda b, g, s: b.node("const", "-2/3"), ["smooth", "-2/3", "-2/3", False]),
    "large const": (lambda b, g, s: b.node("const", str(10**60 + 1)), ["smooth", "0", None, True]),
    "limit const": (lambda b, g, s: b.node("const", str(10**60)), ["smooth", str(10**60), str(10**60), True]),
    "tiny const": (lambda b, g, s: b.node("const", f"-1/{10**60 + 1}"), ["smooth", None, None, False]),
    "surd": (lambda b, g, s: b.node("const", ["add", ["1", ROOT2]]), ["smooth", "2", None, True]),
    "surd below 1": (lambda b, g, s: b.node("const", ["pow", "2/3", "5/2"]), ["smooth", "8/27", None, True]),
    "surd down": (lambda b, g, s: b.node("const", ["pow", "3", "-1/2"]), ["smooth", "0", None, True]),
    "surd product": (lambda b, g, s: b.node("const", ["mul", ["1/2", ROOT2]]), ["smooth", "1/2", None, True]),
    "not evident": (lambda b, g, s: b.node("const", ["mul", ["-1", ROOT2]]), ["smooth", None, None, False]),
    "ones": (lambda b, g, s: b.node("ones"), ["smooth", "1", "1", True]),
    "gvar": (lambda b, g, s: g, ["smooth", None, None, False]),
    "mean": (lambda b, g, s: s, ["smooth", "-1", "1", False]),
    "mean of a kink": (lambda b, g, s: b.node("mean", b.node("call", "relu", [g])), ["smooth", "0", None, False]),
    "add": (
        lambda b, g, s: b.node("add", [s, b.node("const", "5/2")]),
        ["smooth", "3/2", "7/2", True],
    ),
    "add of positives": (
        lambda b, g, s: b.node("add", [b.node("call", "exp", [s]), b.node("pow", s, "2")]),
        ["smooth", "0", None, True],
    ),
    "add unbounded": (lambda b, g, s: b.node("add", [g, b.node("ones")]), ["smooth", None, None, False]),
    "square": (lambda b, g, s: b.node("mul", [g, g]), ["smooth", "0", None, False]),
    "cube": (lambda b, g, s: b.node("mul", [s, s, s]), ["smooth", "-1", "1", False]),
    "square of a shifted": (
        lambda b, g, s: b.node("pow", b.node("add", [s, b.node("const", "-3")]), "2"),
        ["smooth", "4", "16", False],
    ),
    "mul": (lambda b, g, s: b.node("mul", [s, b.node("const", "-2")]), ["smooth", "-2", "2", False]),
    "0 times inf": (lambda b, g, s: b.node("mul", [b.node("const", "0"), g]), ["smooth", "0", "0", False]),
    "pow 0": (lambda b, g, s: b.node("pow", g, "0"), ["smooth", "1", "1", False]),
    "pow 3": (lambda b, g, s: b.node("pow", g, "3"), ["smooth", None, None, False]),
    "pow 4": (lambda b, g, s: b.node("pow", s, "4"), ["smooth", "0", "1", False]),
    "root": (
        lambda b, g, s: b.node("pow", b.node("add", [s, b.node("const", "3")]), "1/2"),
        ["smooth", "1", "4", True],
    ),
    "inverse": (
        lambda b, g, s: b.node("pow", b.node("add", [s, b.node("const", "3")]), "-2"),
        ["smooth", "1/16", "1/4", True],
    ),
    "inverse of a negative": (
        lambda b, g, s: b.node("pow", b.node("add", [s, b.node("const", "-3")]), "-1"),
        ["smooth", "-1/2", "-1/4", False],
    ),
    "even inverse of a negative": (
        lambda b, g, s: b.node("pow", b.node("add", [s, b.node("const", "-3")]), "-2"),
        ["smooth", "1/16", "1/4", True],
    ),
    "inverse of a sigmoid": (
        lambda b, g, s: b.node("pow", b.node("call", "sigmoid", [g]), "-1"),
        ["violated", "1", None, True],
    ),
    "inverse of a scalar sigmoid": (
        lambda b, g, s: b.node("pow", b.node("call", "sigmoid", [s]), "-1"),
        ["smooth", "1", None, True],
    ),
    "root of a vector": (lambda b, g, s: b.node("pow", g, "1/2"), ["violated", None, None, False]),
    "root of a scalar": (lambda b, g, s: b.node("pow", s, "1/2"), ["violated", None, None, False]),
    "root of a square": (
        lambda b, g, s: b.node("pow", b.node("pow", s, "2"), "1/2"),
        ["smooth", "0", "1", False],
    ),
    "layer norm": (
        lambda b, g, s: b.node("pow", b.node("add", [b.node("pow", s, "2"), b.node("const", "1/100")]), "-1/2"),
        ["smooth", "100/101", "100", True],
    ),
    "1/0": (lambda b, g, s: b.node("pow", b.node("const", "0"), "-1"), ["violated", None, None, False]),
    "sigmoid": (lambda b, g, s: b.node("call", "sigmoid", [g]), ["smooth", "0", "1", True]),
    "softplus": (lambda b, g, s: b.node("call", "softplus", [g]), ["smooth", "0", None, True]),
    "gelu": (lambda b, g, s: b.node("call", "gelu", [g]), ["smooth", "-1", None, False]),
    "exp": (lambda b, g, s: b.node("call", "exp", [g]), ["violated", "0", None, True]),
    "exp of a bounded": (
        lambda b, g, s: b.node("call", "exp", [b.node("call", "tanh", [g])]),
        ["smooth", "0", None, True],
    ),
    "exp of a scalar": (lambda b, g, s: b.node("call", "exp", [s]), ["smooth", "0", None, True]),
    "gaussian": (
        lambda b, g, s: b.node("call", "exp", [b.node("mul", [b.node("const", "-1"), b.node("pow", g, "2")])]),
        ["smooth", "0", "1", True],
    ),
    "relu": (lambda b, g, s: b.node("call", "relu", [g]), ["kinked", "0", None, False]),
    "relu of a scalar": (lambda b, g, s: b.node("call", "relu", [s]), ["smooth", "0", "1", False]),
    "relu of a sigmoid": (
        lambda b, g, s: b.node("call", "relu", [b.node("call", "sigmoid", [g])]),
        ["smooth", "0", "1", True],
    ),
    "relu of a square": (lambda b, g, s: b.node("call", "relu", [b.node("pow", g, "2")]), ["kinked", "0", None, False]),
    "leaky": (
        lambda b, g, s: b.node("call", "leaky_relu", [g, b.node("const", "1/10")]),
        ["kinked", None, None, False],
    ),
    "leaky scalar": (
        lambda b, g, s: b.node("call", "leaky_relu", [s, b.node("const", "1/10")]),
        ["smooth", None, None, False],
    ),
    "abs": (lambda b, g, s: b.node("call", "abs", [g]), ["kinked", "0", None, False]),
    "abs of a positive": (
        lambda b, g, s: b.node("call", "abs", [b.node("call", "softplus", [g])]),
        ["smooth", "0", None, True],
    ),
    "step": (lambda b, g, s: b.node("call", "step", [g]), ["violated", "0", "1", False]),
    "step of a scalar": (lambda b, g, s: b.node("call", "step", [s]), ["violated", "0", "1", False]),
    "abstract": (lambda b, g, s: b.node("call", b.function("phi"), [g]), ["smooth", None, None, False]),
    "inherited": (
        lambda b, g, s: b.node("call", "tanh", [b.node("call", "relu", [g])]),
        ["kinked", "-1", "1", False],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(name):
    make, expected = ROWS[name]
    assert row(make) == expected


REASONS = {
    "step": ("smooth", "discontinuous"),
    "exp": ("smooth", "unbounded-exp"),
    "root of a vector": ("smooth", "undefined-power"),
    "inverse of a sigmoid": ("smooth", "not-bounded-away"),
    "root of a scalar": ("scalars", "undefined-power"),
    "step of a scalar": ("scalars", "discontinuous"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons(name):
    k, assumptions = rows_of(ROWS[name][0])
    which, reason = REASONS[name]
    entry = assumptions[which]
    assert (entry["status"], entry["reason"], entry["node"]) == ("violated", reason, k)


def test_division_by_a_scalar_that_may_vanish():
    k, assumptions = rows_of(lambda b, g, s: b.node("pow", s, "-1"))
    assert (assumptions["scalars"]["reason"], assumptions["scalars"]["node"]) == ("division", k)
    assert assumptions["smooth"]["status"] == "violated"  # the vector that reads it
    assert assumptions["smooth"]["node"] > k


def test_violated_constant_reaches_the_ledger():
    _, assumptions = rows_of(lambda b, g, s: b.node("pow", b.node("const", "-1"), "1/2"))
    assert assumptions["smooth"]["status"] == "violated" and assumptions["smooth"]["reason"] == "undefined-power"


def test_kink_and_abstract():
    k, assumptions = rows_of(lambda b, g, s: b.node("call", b.function("phi"), [b.node("call", "relu", [g])]))
    assert (assumptions["smooth"]["status"], assumptions["smooth"]["node"]) == ("conditional", k - 1)
    k, assumptions = rows_of(lambda b, g, s: b.node("call", b.function("phi"), [g]))
    assert (assumptions["smooth"]["status"], assumptions["smooth"]["reason"]) == ("declared", "abstract")
    assert assumptions["smooth"]["node"] == k


def mirror(net):
    network = Network(net)
    found = ledger(network)
    return found, conclusions(network, found)


CALLS = ["tanh", "sigmoid", "softplus", "gelu", "exp", "relu", "abs", "step"]


@st.composite
def expressions(draw):
    b = Build()
    b.input()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    vectors, scalars = [b.node("embed", u, 0, 0), b.node("ones")], []
    constants = ["1/3", "-2", "0", ROOT2, ["add", ["-1", ROOT2]]]
    powers = ["0", "1", "2", "3", "-1", "-2", "1/2", "-3/2", "5/2"]
    for _ in range(draw(st.integers(1, 8))):
        x = draw(st.sampled_from(vectors + scalars))
        operation = draw(st.sampled_from(["const", "add", "mul", "pow", "call", "mean"]))
        same = vectors if x in vectors else scalars
        if operation == "const":
            scalars.append(b.node("const", draw(st.sampled_from(constants))))
        elif operation == "mean":
            scalars.append(b.node("mean", draw(st.sampled_from(vectors))))
        elif operation == "pow":
            same.append(b.node("pow", x, draw(st.sampled_from(powers))))
        elif operation == "call":
            vectors.append(b.node("call", draw(st.sampled_from(CALLS)), [draw(st.sampled_from(vectors))]))
        elif operation == "mul":
            y = draw(st.sampled_from(vectors + scalars))
            (vectors if x in vectors or y in vectors else scalars).append(b.node("mul", [x, y, x]))
        else:
            same.append(b.node("add", [x, draw(st.sampled_from(same))]))
    b.output((v, b.node("mul", [*vectors, *scalars, vectors[0]])))
    return b.net


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_against_the_naive_ledger(net):
    found, _ = mirror(net)
    assert found == naive_ledger(Prover(net))


@settings(max_examples=100, deadline=None)
@given(expressions())
def test_bounds_are_bounds(net):
    """lo ≤ hi, and positive nodes have lo ≥ 0."""
    found, _ = mirror(net)
    for _, _, lo, hi, positive in found[2]["derivation"]:
        assert lo is None or hi is None or Fraction(lo) <= Fraction(hi)
        assert not positive or (lo is not None and Fraction(lo) >= 0)
