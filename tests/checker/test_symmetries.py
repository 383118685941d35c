"""Certificates whose steps stand for orbits of pairs: what is accepted, and what has to be rejected."""

import copy
from dataclasses import replace
from functools import cache

import pytest

from tpproof.certificate.write import certificate_of
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.proof.prove import prove

from .naive_prover import Build, canonical
from .tools import certificate, check, find, rehash, rejected, renumber

NETWORKS = ["attention", "batch", "cnn1d", "gcn", "rnn", "tied_autoencoder"]


@cache
def _made(name):
    return certificate_of(prove(load(f"zoo:{name}"), replace(DEFAULT, explicit_pairs=0))).data


def folded(name):
    """A fresh certificate in which one pair stands for its orbit."""
    return copy.deepcopy(_made(name))


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_accepted(name):
    value = folded(name)
    report = check(value, as_stated=True)
    assert report.status == 0
    assert report.steps == len(value["steps"])


@pytest.mark.parametrize("name", ["attention", "cnn1d", "gcn", "rnn"])
def test_every_generator_is_needed(name):
    value = folded(name)
    for k in range(len(value["symmetries"])):
        fewer = value["symmetries"][:k] + value["symmetries"][k + 1 :]
        assert check({**value, "symmetries": fewer}, as_stated=True).verdict == "rejected"


@pytest.mark.parametrize("key", ["inputs", "nodes", "outputs", "parameters"])
@pytest.mark.parametrize("wrong", [None, {}, [], ["0"], "repeat", "beyond", "negative", "true", "float", "longer"])
def test_a_symmetry_is_made_of_permutations(key, wrong):
    value = folded("batch")
    moved = value["symmetries"][1]
    right = moved[key]
    changes = {
        "repeat": [right[1], *right[1:]], "beyond": [len(right), *right[1:]], "negative": [-1, *right[1:]],
        "true": [True if x == 1 else x for x in right], "float": [float(x) for x in right],
        "longer": [*right, len(right)],
    }  # fmt: skip
    moved[key] = changes.get(wrong, wrong) if isinstance(wrong, str) else wrong
    if wrong == "float":
        assert check(value).verdict in ("rejected", "unreadable")
    else:
        rejected(value, "symmetry")


@pytest.mark.parametrize("wrong", [None, 0, 1, "true", []])
def test_mirror_is_true_or_false(wrong):
    value = folded("rnn")
    value["symmetries"][0]["mirror"] = wrong
    rejected(value, "symmetry")


@pytest.mark.parametrize("name", ["attention", "batch", "cnn1d", "gcn"])
def test_the_exchange_stands_alone(name):
    """(107) at g is about J(g,k) for all k. Renamed and exchanged at once it would be about J(k,g): not (107) there.

    With "copies exchanged, and ξ̃ with ξ" as one symmetry, (107) at the other copy was granted though no step was
    about its pairs.
    """
    value = folded(name)
    for k, moved in enumerate(value["symmetries"]):
        if moved["nodes"] != sorted(moved["nodes"]):
            other = copy.deepcopy(value)
            other["symmetries"][k]["mirror"] = True
            rejected(other, "symmetry")
            return
    raise AssertionError("a network whose nodes a symmetry moves")


def test_a_symmetry_has_its_keys():
    value = folded("rnn")
    value["symmetries"][0]["name"] = "exchange"
    rejected(value, "symmetry")
    value = folded("rnn")
    del value["symmetries"][0]["mirror"]
    rejected(value, "symmetry")
    rejected({**folded("rnn"), "symmetries": [0]}, "symmetry")
    rejected({**folded("rnn"), "symmetries": None}, "schema")
    assert check({**folded("rnn"), "symmetries": folded("rnn")["symmetries"] * 201}).verdict == "declined"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("key", ["inputs", "nodes", "outputs", "parameters"])
def test_two_images_exchanged_are_no_symmetry(name, key):
    """Whatever two things of one sort are exchanged, with nothing else: the network does not stay what it is."""
    value = folded(name)
    for j in range(len(value["symmetries"][0][key])):
        for i in range(j):
            other = copy.deepcopy(value)
            moved = other["symmetries"][0][key]
            moved[i], moved[j] = moved[j], moved[i]
            if not _is_symmetry(other["network"], other["symmetries"][0]):
                rejected(other, "symmetry")


def _is_symmetry(network, symmetry):
    """By the definition, from the JSON: nothing of the checker's or the prover's."""
    parts = [(i, j) for i, one in enumerate(network["inputs"]) for j in range(one["count"] or 1)]
    part = {p: list(parts[k]) for p, k in zip(parts, symmetry["inputs"], strict=True)}
    nodes, parameters = symmetry["nodes"], symmetry["parameters"]

    def moved(node):
        op, *rest = node
        if op == "embed":
            return [op, parameters[rest[0]], *part[tuple(rest[1:])]]
        if op == "param":
            return [op, parameters[rest[0]]]
        if op == "matmul":
            return [op, parameters[rest[0]], rest[1], nodes[rest[2]]]
        if op in ("add", "mul"):
            return [op, sorted(nodes[x] for x in rest[0])]
        if op == "call":
            return [op, rest[0], [nodes[x] for x in rest[1]]]
        return [op, nodes[rest[0]], *rest[1:]] if op in ("mean", "pow") else node

    def ordered(node):
        return [node[0], sorted(node[1])] if node[0] in ("add", "mul") else node

    def numbers(p):
        return {key: v for key, v in network["parameters"][p].items() if key != "name"}

    def output(out):
        terms = sorted([parameters[v], nodes[x]] for v, x in out["terms"])
        return {"terms": terms, "bias": None if out["bias"] is None else parameters[out["bias"]]}

    return (
        all(numbers(p) == numbers(q) for p, q in enumerate(parameters))
        and all(moved(n) == ordered(network["nodes"][nodes[k]]) for k, n in enumerate(network["nodes"]))
        and all(output(out) == network["outputs"][symmetry["outputs"][o]] for o, out in enumerate(network["outputs"]))
    )


def test_parameters_that_are_sampled_or_trained_otherwise_are_not_exchanged():
    """Heads, positions, taps may be; not once one of them has a std, a scale or a learning rate of its own."""
    for key in ("std", "scale", "lr"):
        value = folded("cnn1d")
        moved = next(s for s in value["symmetries"] if s["parameters"] != sorted(s["parameters"]))
        p = next(p for p, q in enumerate(moved["parameters"]) if p != q)
        value["network"]["parameters"][p][key] = "7/5"
        rejected(rehash(value), "symmetry")


class TestTerms:
    """A term names its step, and the pair that it means where the step has another."""

    @staticmethod
    def with_image(value, rule):
        steps = [(s, t) for s in value["steps"] if s["rule"] == rule for t in s["conclusion"][3] if len(t) == 3]
        return next((step, term) for step, term in steps if term[2][0] != term[2][1])

    @pytest.mark.parametrize("rule", ["path-linear", "change-linear", "backprop"])
    def test_another_image_is_wrong(self, rule):
        value = folded("cnn1d")
        step, term = self.with_image(value, rule)
        term[2] = term[2][::-1]
        rejected(value, "rule", step["id"], rule)

    @pytest.mark.parametrize("rule", ["path-linear", "change-linear", "backprop"])
    def test_a_missing_image_is_wrong(self, rule):
        value = folded("cnn1d")
        step, term = self.with_image(value, rule)
        term.pop()
        rejected(value, "rule", step["id"], rule)

    def test_an_image_where_the_step_has_the_pair_itself_is_wrong(self):
        value = folded("cnn1d")
        step = find(value, "path-nonlin")
        term = step["conclusion"][3][0]
        term.append(value["steps"][term[1]]["conclusion"][1:3])
        rejected(value, "rule", step["id"], "path-nonlin")

    def test_every_integer_of_a_conclusion_matters(self):
        value = folded("gcn")
        for step in value["steps"]:
            for path in _integers(step["conclusion"]):
                other = copy.deepcopy(value)
                place = other["steps"][step["id"]]["conclusion"]
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] += 1
                assert check(other, as_stated=True).verdict == "rejected", (step["id"], path)


def _integers(value, path=()):
    if isinstance(value, list):
        for k, part in enumerate(value):
            yield from _integers(part, (*path, k))
    elif isinstance(value, int):
        yield path


@pytest.mark.parametrize("rule", ["path-nonlin", "change-nonlin", "backprop", "induction"])
def test_one_orbit_less_is_incomplete(rule):
    value = folded("cnn1d")
    last = [step["id"] for step in value["steps"] if step["rule"] == rule][-1]
    value = renumber(value, {step["id"] for step in value["steps"]} - {last})
    assert check(value, as_stated=True).verdict == "rejected"


def test_a_second_step_for_an_orbit_is_a_duplicate():
    """The mirror image of a pair that has a step already."""
    value = folded("rnn")
    initial = [s for s in value["steps"] if s["rule"] == "path-start"]
    step = next(s for s in initial if s["conclusion"][1] != s["conclusion"][2])
    again = copy.deepcopy(step)
    again["conclusion"][1:3] = again["conclusion"][2:0:-1]
    value["steps"].insert(step["id"] + 1, again)
    for k, s in enumerate(value["steps"]):
        s["id"] = k
    rejected(value, "duplicate", step["id"] + 1, "path-start")


def test_a_refused_certificate_has_none():
    value = copy.deepcopy(certificate_of(prove(load("zoo:attention_root"))).data)
    assert value["symmetries"] == []
    rejected({**value, "symmetries": folded("rnn")["symmetries"][:1]}, "schema")


def test_the_bytes_stay_canonical():
    value = folded("cnn1d")
    assert canonical(value) == certificate_of(prove(load("zoo:cnn1d"), replace(DEFAULT, explicit_pairs=0))).to_json()


class TestSpending:
    """Small files that ask for much are declined before it is spent."""

    def test_paths_are_paid_for_by_their_length(self):
        b = Build()
        b.input()
        x = b.node("embed", b.parameter("embedding", "U"), 0, 0)
        for k in range(800):
            x = b.node("matmul", b.parameter("matrix", f"W{k}"), 0, b.node("call", "tanh", [x]))
        b.output((b.parameter("readout", "v"), x))
        value = {**certificate("mlp1"), "network": b.net, "atoms": [], "symmetries": []}
        value = with_ledger(rehash(value))
        listing = {"id": 0, "rule": "listed", "premises": [], "conclusion": ["listed", 0, 0, []]}
        listing["equation"] = "(95)-(96)"
        report = check({**value, "steps": [listing]})
        assert report.verdict == "declined"
        assert "work" in report.errors[0].expected

    def test_the_theorem_does_not_list_what_is_missing(self):
        b = Build()
        b.input()
        x = b.node("embed", b.parameter("embedding", "U"), 0, 0)
        v = b.parameter("readout", "v")
        for _ in range(3000):
            b.output((v, x))
        value = {**certificate("mlp1"), "network": b.net, "atoms": [], "symmetries": []}
        value = with_ledger(rehash({**value, "claim": {"kind": "ntk-training", "outputs": 3000}}))
        theorem = {"id": 0, "rule": "theorem", "premises": [], "conclusion": ["theorem"], "equation": "Theorem 5.3"}
        error = rejected({**value, "steps": [theorem]}, "incomplete", 0, "theorem")
        assert "9000000" in error.expected

    def test_pairs_of_embeddings_are_paid_for_too(self):
        b = Build()
        b.input(count=1700)
        u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
        b.output((v, b.node("add", [b.node("embed", u, 0, k) for k in range(1700)])))
        value = with_ledger(rehash({**certificate("mlp1"), "network": b.net, "atoms": []}))
        step = {"id": 0, "rule": "listed", "premises": [], "conclusion": ["listed", 0, 0, []], "equation": "(95)-(96)"}
        report = check({**value, "steps": [step]}, seconds=2.0)
        assert report.verdict == "declined"
        assert "time" in report.errors[0].expected

    def test_many_uses_of_a_matrix_and_its_transpose(self):
        b = Build()
        b.input()
        x = b.node("embed", b.parameter("embedding", "U"), 0, 0)
        w, v = b.parameter("matrix", "W"), b.parameter("readout", "v")
        b.output((v, b.node("add", [b.node("matmul", w, t, x) for t in (0, 1) for _ in range(4000)])))
        value = rehash({**certificate("mlp1"), "network": b.net})
        assert check(value, seconds=5.0).verdict == "declined"


def with_ledger(value):
    """With the assumptions, axioms and verdict of its network."""
    from tpproof.checker.ledger import conclusions, ledger
    from tpproof.checker.network import Network

    net = Network(value["network"])
    assumptions = ledger(net)
    axioms, verdict = conclusions(net, assumptions)
    return {**value, "assumptions": assumptions, "axioms": axioms, "verdict": verdict}
