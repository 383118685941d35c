"""What has to be rejected, and for which reason, at which step, by which rule."""

import copy

import pytest

from tpproof.checker.rules import RULES

from .naive_prover import Build, make
from .networks import NETWORKS, mlp, residual, tied
from .tools import certificate, check, find, rehash, rejected, renumber

SAMPLE = {
    rule: next(name for name in NETWORKS if any(s["rule"] == rule for s in certificate(name)["steps"]))
    for rule in RULES
}


# Every rule


@pytest.mark.parametrize("rule", RULES)
def test_changed_conclusion(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    step["conclusion"].append([])
    rejected(value, "rule", step["id"], rule)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("theorem", "ntk", "duality")])
def test_changed_last_part(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    last = step["conclusion"][-1]
    step["conclusion"][-1] = last + 1 if isinstance(last, int) else last[:-1] if last else [[0, 0, 0]]
    rejected(value, "rule", step["id"], rule)


@pytest.mark.parametrize("rule", RULES)
def test_wrong_tag(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    step["conclusion"][0] = "C" if RULES[rule].tag != "C" else "J"
    rejected(value, "rule", step["id"], rule)


@pytest.mark.parametrize("rule", RULES)
def test_wrong_premises(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    spare = next((i for i in range(step["id"]) if i not in step["premises"]), None)
    if step["premises"]:
        other = copy.deepcopy(value)
        other["steps"][step["id"]]["premises"].pop()
        rejected(other, "step", step["id"], rule)
    for extra in [spare, step["id"], step["id"] + 1, -1, True, None, "0"]:
        other = copy.deepcopy(value)
        other["steps"][step["id"]]["premises"] = [*step["premises"], extra]
        rejected(other, "step", step["id"], rule)


@pytest.mark.parametrize("rule", RULES)
def test_wrong_equation(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    step["equation"] = "(95) " if rule != "theorem" else "(95)"
    rejected(value, "step", step["id"], rule)


@pytest.mark.parametrize("rule", RULES)
def test_wrong_rule_name(rule):
    value = certificate(SAMPLE[rule])
    step = find(value, rule)
    for name in [*RULES, rule.upper(), "", None, 7]:
        if name != rule:
            other = copy.deepcopy(value)
            other["steps"][step["id"]]["rule"] = name
            if name in RULES:
                other["steps"][step["id"]]["equation"] = RULES[name].equation
            report = check(other)
            (error,) = report.errors
            known = name if name in RULES else None
            assert (error.code, error.step, error.rule) == ("rule" if known else "step", step["id"], known)


@pytest.mark.parametrize("rule", RULES)
def test_repeated_step(rule):
    value = certificate(SAMPLE[rule])
    step = copy.deepcopy(find(value, rule))
    step["id"] = len(value["steps"]) - 1
    value["steps"].insert(step["id"], step)
    value["steps"][-1]["id"] += 1
    if rule == "theorem":
        value["steps"][-1]["id"] = step["id"] + 1
        rejected(value, "step", step["id"] + 1)
    else:
        rejected(value, "duplicate", step["id"], rule)


@pytest.mark.parametrize("rule", [r for r in RULES if RULES[r].tag in ("107", "contract", "limit", "duality")])
def test_missing_step_that_the_theorem_needs(rule):
    value = certificate(SAMPLE[rule])
    missing = find(value, rule)["id"]
    keep = {s["id"] for s in value["steps"]} - {missing}
    if rule == "contract":
        keep -= {s["id"] for s in value["steps"] if s["rule"] == "induction" and missing in s["premises"]}
    renumber(value, keep)
    rejected(value, "incomplete", len(value["steps"]) - 1, "theorem")


def test_missing_backprop_step():
    value = certificate("mlp1")
    # the pair (x, x) of the hidden layer: nothing but the duality needs its D, once the D it feeds is gone too
    first = next(s for s in value["steps"] if s["rule"] == "path-start")
    pair = first["conclusion"][1:3]
    d = find(value, "backprop", test=lambda s: s["conclusion"][1:3] == pair)
    ntk = find(value, "ntk")
    ntk["conclusion"][1] = [t for t in ntk["conclusion"][1] if t[1] != d["id"]]
    ntk["premises"] = [i for i in ntk["premises"] if i != d["id"]]
    renumber(value, {s["id"] for s in value["steps"]} - {d["id"]})
    rejected(value, "rule", find(value, "ntk")["id"], "ntk")


def test_missing_kernel():
    value = certificate("mlp1")
    k96 = find(value, "path-sum")["id"]
    renumber(value, {s["id"] for s in value["steps"]} - {k96})
    rejected(value, "rule", find(value, "duality")["id"], "duality")


def test_no_theorem():
    value = certificate("mlp1")
    value["steps"].pop()
    rejected(value, "incomplete")
    value["steps"] = []
    rejected(value, "incomplete")


def test_step_after_the_theorem():
    value = certificate("mlp1")
    value["steps"].append({**value["steps"][0], "id": len(value["steps"])})
    rejected(value, "step", len(value["steps"]) - 1)


def test_only_the_theorem():
    value = certificate("mlp1")
    value["steps"] = [{**value["steps"][-1], "id": 0, "premises": []}]
    rejected(value, "incomplete", 0, "theorem")


@pytest.mark.parametrize("key", ["id", "rule", "premises", "conclusion", "equation", "extra"])
def test_step_keys(key):
    value = certificate("mlp1")
    step = value["steps"][3]
    if key == "extra":
        step[key] = 1
    else:
        del step[key]
    rejected(value, "schema", 3)


# Ids and premises


def test_forward_and_cyclic_references():
    value = certificate("mlp2")
    step = find(value, "path-nonlin")
    i = step["id"]
    for ref in (i, i + 1):  # itself, and a later one
        other = copy.deepcopy(value)
        (term,) = other["steps"][i]["conclusion"][3][:1]
        term[1] = ref
        rejected(other, "rule", i, "path-nonlin")
        other["steps"][i]["premises"] = [ref]
        rejected(other, "step", i, "path-nonlin")


def test_ids_are_positions():
    value = certificate("mlp1")
    value["steps"][4]["id"] = 5
    rejected(value, "step", 4, value["steps"][4]["rule"])
    value = certificate("mlp1")
    value["steps"][0], value["steps"][1] = value["steps"][1], value["steps"][0]
    assert check(value).errors[0].step == 0


# What the terms say


def test_lost_and_wrong_terms():
    for rule in ("path-extend", "update-gvar"):
        value = certificate("mlp1")
        step = find(value, rule, test=lambda s: len(s["conclusion"][3]) == 2)
        i = step["id"]
        for k in (0, 1):
            other = copy.deepcopy(value)
            del other["steps"][i]["conclusion"][3][k]
            rejected(other, "rule", i, rule)
        other = copy.deepcopy(value)
        terms = other["steps"][i]["conclusion"][3]
        next(t for t in terms if t[1] >= 0)[0].clear()  # σ² lost
        terms.sort()
        rejected(other, "rule", i, rule)
        other = copy.deepcopy(value)
        terms = other["steps"][i]["conclusion"][3]
        terms.append(terms[-1])
        rejected(other, "rule", i, rule)


def test_zdot_lost_on_both_sides_of_the_step():
    """The σ²J term is missing, and so are its premises: the terms no longer follow."""
    value = certificate("mlp1")
    step = find(value, "update-gvar")
    kept = [t for t in step["conclusion"][3] if t[1] < 0]
    step["conclusion"][3] = kept
    step["premises"] = [step["conclusion"][4]]
    rejected(value, "rule", step["id"], "update-gvar")


def test_path_missed_in_a_sum():
    value = certificate("residual")
    step = find(value, "path-linear", test=lambda s: len(s["conclusion"][3]) > 1)
    lost = step["conclusion"][3].pop()
    step["premises"] = [p for p in step["premises"] if p != lost[1]]
    rejected(value, "rule", step["id"], "path-linear")


def test_terms_out_of_order():
    value = certificate("residual")
    step = find(value, "path-linear", test=lambda s: len(s["conclusion"][3]) > 1)
    step["conclusion"][3].reverse()
    rejected(value, "rule", step["id"], "path-linear")


def test_wrong_path_step_matched():
    value = certificate("mlp2")
    step = find(value, "change-nonlin")
    step["conclusion"][4] -= 1
    step["premises"] = sorted({*step["premises"][:-1], step["conclusion"][4]})
    rejected(value, "rule", step["id"], "change-nonlin")


def test_wrong_symbol():
    """W h against Wᵀ h: different symbols, whose supports do not meet."""
    value = certificate("parallel")
    g, h = (k for k, node in enumerate(value["network"]["nodes"]) if node[0] == "matmul")
    step = find(value, "path-extend")
    step["conclusion"][1:3] = [g, h]
    rejected(value, "rule", step["id"], "path-extend")


def test_other_orientation_of_the_network():
    value = certificate("mlp1")
    next(node for node in value["network"]["nodes"] if node[0] == "matmul")[2] = 1
    rejected(value, "hash")
    expected = certificate("mlp1")["network_sha256"]
    rejected(rehash(value), "network-mismatch", network_sha256=expected)


def test_pair_without_meeting_supports():
    b = Build()
    b.input()
    u, bias, v = b.parameter("embedding", "U"), b.parameter("bias", "b"), b.parameter("readout", "v")
    x, y = b.node("embed", u, 0, 0), b.node("param", bias)
    b.output((v, b.node("add", [x, y])))
    value = make(b.net)
    step = value["steps"][0]
    step["conclusion"][1:3] = [x, y]
    rejected(value, "rule", 0, "path-start")


def test_references_that_are_none():
    for pair in ([0, 99], [-1, 0], [True, 0], [None, 0], ["0", 0], [0.0, 0], [[0], 0], [2**53, 0]):
        value = certificate("mlp1")
        value["steps"][0]["conclusion"][1:3] = pair
        rejected(value, "rule", 0, "path-start")


def test_contracted_node_is_not_a_base():
    value = certificate("tied")
    g = find(value, "contract")["conclusion"][1]
    step = find(value, "path-extend", test=lambda s: s["conclusion"][1] < 0)
    step["conclusion"][1:3] = [g, g]
    rejected(value, "rule", step["id"], "path-extend")


def test_contraction_left_out():
    value = certificate("tied-deep")
    step = find(value, "contract")
    step["conclusion"][2] = []
    rejected(value, "rule", step["id"], "contract")
    value = certificate("mlp1")
    step = find(value, "induction")
    step.update(rule="contract", conclusion=["contract", step["conclusion"][1], []], premises=[], equation="(65)")
    rejected(value, "rule", step["id"], "contract")


def test_induction_over_fewer_pairs():
    value = certificate("rnn")
    step = find(value, "induction", test=lambda s: len(s["conclusion"][2]) > 1)
    _, j = step["conclusion"][2].pop()
    step["premises"].remove(j)
    rejected(value, "rule", step["id"], "induction")


def test_path_step_after_backprop():
    value = certificate("mlp1")
    last = max(s["id"] for s in value["steps"] if s["conclusion"][0] == "C")
    assert value["steps"][last]["rule"] == "path-nonlin"
    dropped = find(value, "backprop")
    step = copy.deepcopy(value["steps"][0])
    step["id"] = dropped["id"] + 1
    step["conclusion"][1:3] = [1, 0]
    value["steps"][dropped["id"] + 1] = step
    rejected(value, "rule", step["id"], "path-start")


def test_reads():
    value = certificate("outputs")
    step = find(value, "backprop", test=lambda s: s["conclusion"][4])
    step["conclusion"][4] = []
    rejected(value, "rule", step["id"], "backprop")
    for change in (lambda reads: reads[1:], lambda reads: [*reads, reads[-1]], lambda reads: reads[::-1]):
        value = certificate("outputs")
        step = find(value, "ntk")
        step["conclusion"][2] = change(step["conclusion"][2])
        rejected(value, "rule", step["id"], "ntk")


def test_output_bias_lost():
    for rule in ("path-sum", "limit"):
        value = certificate("outputs")
        step = find(value, rule)
        kappa = value["atoms"].index(["kappa", 4, 0])
        step["conclusion"][3].remove([[kappa], -1])
        rejected(value, "rule", step["id"], rule)


def test_limit_of_another_pair_of_outputs():
    value = certificate("outputs")
    step = find(value, "limit")
    step["conclusion"][1:3] = [0, 1]
    rejected(value, "rule", step["id"], "limit")
    for o, p in ((0, 2), (-1, 0)):
        step["conclusion"][1:3] = [o, p]
        rejected(value, "rule", step["id"], "limit")


# Lists of path pairs


LISTS = {
    "missing": lambda pairs: pairs[1:],
    "missing last": lambda pairs: pairs[:-1],
    "repeated": lambda pairs: [pairs[0], *pairs],
    "swapped": lambda pairs: pairs[::-1],
    "empty path": lambda pairs: [[[], []], *pairs[1:]],
    "not a pair": lambda pairs: [pairs[0][:1], *pairs[1:]],
    "not paths": lambda pairs: [["a", "b"], *pairs[1:]],
    "true": lambda pairs: [[[True], [True]], *pairs[1:]],
    "other node": lambda pairs: [[[10**6], [10**6]], *pairs[1:]],
    "null": lambda pairs: None,
    "other length": lambda pairs: [[pairs[0][0], pairs[0][0][:1]], *pairs[1:]],
    "invented": lambda pairs: sorted([*pairs[1:], [[0], [0]]]),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("network", ["mlp2", "rnn"])
def test_lists(name, network):
    value = certificate(network)
    step = find(value, "listed")
    assert len(step["conclusion"][3]) > 2
    step["conclusion"][3] = LISTS[name](step["conclusion"][3])
    rejected(value, "rule", step["id"], "listed")


def test_list_with_contractions():
    value = certificate("tied")
    last = value["steps"].pop()
    i = last["id"]
    value["steps"].append(
        {"id": i, "rule": "listed", "premises": [], "conclusion": ["listed", 0, 0, []], "equation": "(95)-(96)"}
    )
    rejected(value, "rule", i, "listed")


def test_untrained_embedding_starts_no_path():
    value = certificate("residual")
    step = find(value, "listed")
    assert all(value["network"]["nodes"][p[0]][0] == "matmul" for pair in step["conclusion"][3] for p in pair)
    step["conclusion"][3].insert(0, [[0], [0]])
    rejected(value, "rule", step["id"], "listed")


# The rest of the certificate


def test_rehashed_changed_network():
    value = rehash({**certificate("mlp1"), "network": mlp(1, std="2")})
    rejected(value, "network-mismatch", network_sha256=certificate("mlp1")["network_sha256"])


def test_right_proof_of_another_network():
    value = make(residual())
    report = check(value, network_sha256=certificate("mlp1")["network_sha256"])
    assert report.errors[0].code == "network-mismatch"


def test_claim_of_another_kind():
    for claim in (
        {"kind": "nngp", "outputs": 1},
        {"kind": "ntk-training", "outputs": 2},
        {"kind": "ntk-training", "outputs": True},
        {"kind": "ntk-training"},
        {"kind": "ntk-training", "outputs": 1, "for": "t=0"},
        None,
    ):
        rejected({**certificate("mlp1"), "claim": claim}, "claim")


def test_axioms():
    for axioms in (["choice"], [], None, certificate("tied")["axioms"], certificate("mlp1")["axioms"][::-1]):
        rejected({**certificate("mlp1"), "axioms": axioms}, "axioms")
    rejected({**certificate("mlp1"), "axioms": [*certificate("mlp1")["axioms"], "sorry"]}, "axioms")
    value = certificate("tied")
    value["axioms"].remove("decontraction-lemma")
    rejected(value, "axioms")
    value = certificate("relu")
    value["axioms"].remove("stein")
    rejected(value, "axioms")


def test_assumptions():
    for i in range(10):
        value = certificate("mlp1")
        del value["assumptions"][i]
        rejected(value, "assumptions")
        for key in ("status", "reason", "name", "node", "derivation"):
            value = certificate("mlp1")
            value["assumptions"][i][key] = "violated" if key == "status" else 77
            rejected(value, "assumptions")
    value = certificate("relu")
    smooth = value["assumptions"][2]
    smooth.update(status="proved", reason="closure", node=None)
    rejected(value, "assumptions")


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_verdict(name):
    value = certificate(name)
    for verdict in ("proved", "proved-by-execution", "conditional", "refused", "Proved", "", None, True):
        if verdict != certificate(name)["verdict"]:
            rejected({**value, "verdict": verdict}, "verdict")


def test_refused_certificate_has_no_steps():
    value = make(mlp(1, "step"))
    rejected({**value, "atoms": [["kappa", 0, 0]]}, "schema")
    rejected({**value, "steps": certificate("mlp1")["steps"]}, "schema")
    rejected({**value, "verdict": "proved"}, "verdict")


@pytest.mark.parametrize("key", certificate("mlp1"))
def test_top_level_keys(key):
    value = certificate("mlp1")
    del value[key]
    rejected(value, "schema")
    rejected({**certificate("mlp1"), key + "2": 1}, "schema")


def test_headers():
    for change in ({"format": "x"}, {"version": 2}, {"version": True}, {"rules": "tpproof-rules-0"}):
        rejected({**certificate("mlp1"), **change}, "schema")
    for change in ({"evidence": []}, {"steps": {}}, {"atoms": None}):
        rejected({**certificate("mlp1"), **change}, "schema")


def test_hash():
    for found in ("0" * 64, None, 1, certificate("mlp1")["network_sha256"].upper()):
        rejected({**certificate("mlp1"), "network_sha256": found}, "hash")


# Atoms

ATOMS = [
    [],
    None,
    ["kappa"],
    ["kappa", 0],
    ["kappa", -1, 0],
    ["kappa", 99, 0],
    ["kappa", True, 0],
    ["kappa", "0", 0],
    ["kappa", 0, 2],
    ["kappa", 0, False],
    [0, 0],
    ["sigma", 0],
    ["gram", 0, 0, 0, 1],
    ["gram", 1, 0, 0, 0],
    ["moment2", -1, 0],
    ["moment2", 0, 99],
    ["moment3", 0, 0],
    ["slope", 0, 0, 0, 0],
    ["slope1", 2, 0, 0],
    ["slope1", 0, 0, 0],
    ["response", 0, 0, 0],
    ["scalar", 0, 0],
    ["number", 0],
]


@pytest.mark.parametrize("atom", ATOMS)
def test_malformed_atoms(atom):
    value = certificate("mlp1")
    value["atoms"].append(atom)
    rejected(value, "atom")


def test_atoms_of_the_right_form():
    """Slopes along the frontier only, responses of contractions only, hats not as vectors, kinds respected."""
    value = certificate("tied-linear")
    used = value["atoms"]
    slope = next(a for a in used if a[0] == "slope")
    response = next(a for a in used if a[0] == "response")
    for atom in (
        [*slope[:2], slope[1], *slope[3:]],
        [*slope[:1], slope[2], *slope[2:]],
        [*response[:3], response[3] + 1],
        ["response", 2, *response[2:]],
        ["moment2", -1, -1],
    ):
        other = certificate("tied-linear")
        other["atoms"].append(atom)
        rejected(other, "atom")
    value = certificate("layernorm")
    value["atoms"].append(["moment2", 0, next(k for k, n in enumerate(value["network"]["nodes"]) if n[0] == "mean")])
    rejected(value, "atom")


def test_repeated_atom():
    value = certificate("mlp1")
    value["atoms"].append(value["atoms"][0])
    rejected(value, "atom")


def test_missing_atom():
    for name in ("mlp1", "tied", "layernorm", "mixed"):
        for i in range(len(certificate(name)["atoms"])):
            value = certificate(name)
            value["atoms"] = value["atoms"][:i]
            report = check(value)
            assert report.errors[0].code == "atom" and report.errors[0].rule in RULES


def test_swapped_atoms():
    value = certificate("mlp1")
    value["atoms"][1], value["atoms"][2] = value["atoms"][2], value["atoms"][1]
    assert check(value).errors[0].code == "rule"


# One-field edits


def edits(value, path=()):
    """Every certificate that differs in one place (outside evidence), with the place."""
    if path[:1] == ("evidence",):
        return
    found = value
    for key in path:
        found = found[key]
    others = []
    if isinstance(found, bool) or found is None:
        others = [not found, 0, 1, None]
    elif isinstance(found, int):
        others = [
            found + 1,
            found - 1,
            -found - 1,
            str(found),
            None,
            float(found),
            *([bool(found)] if found in (0, 1) else []),
        ]
    elif isinstance(found, str):
        others = [found + "x", found[:-1], found.upper(), None, "0", "\u0000"]
    elif isinstance(found, list):
        others = [[*found, 0], [*found, *found[-1:]], found[:-1], found[1:], found[::-1], [], {}]
    elif isinstance(found, dict):
        others = [{**found, "more": 0}, dict(list(found.items())[1:]), []]
    for other in others:
        if repr(other) != repr(found):
            yield path, other
    for key in found if isinstance(found, dict) else range(len(found)) if isinstance(found, list) else ():
        yield from edits(value, (*path, key))


@pytest.mark.parametrize("name", ["gvar-output", "tied", "outputs"])
def test_one_field_edits(name):
    good, number = certificate(name), 0
    for path, other in edits(good):
        value = certificate(name) if number == 0 else value  # noqa: F821
        where = value
        for key in path[:-1]:
            where = where[key]
        if path:
            before, where[path[-1]] = where[path[-1]], other
        edited = value if path else other
        report = check(edited)
        assert report.verdict == "rejected" or (report.verdict == "unreadable" and isinstance(other, float)), path
        if path:
            where[path[-1]] = before
        number += 1
    assert value == good and number > 1000
    assert check(value).verdict == "accepted-as-stated"


# Networks


def broken(change):
    value = {**certificate("tied"), "network": tied()}
    change(value["network"])
    return rehash(value)


NETWORK_EDITS = {
    "format": lambda n: n.update(format="tpproof"),
    "version": lambda n: n.update(version=True),
    "key": lambda n: n.update(more=1),
    "no outputs": lambda n: n.update(outputs=[]),
    "inputs": lambda n: n.update(inputs={}),
    "name": lambda n: n["inputs"][0].update(name="x y"),
    "long name": lambda n: n["inputs"][0].update(name="x" * 65),
    "homoglyph": lambda n: n["inputs"][0].update(name="\u0425"),
    "newline": lambda n: n["inputs"][0].update(name="x\n"),
    "reserved": lambda n: n["inputs"][0].update(name="tanh"),
    "repeated name": lambda n: n["inputs"][0].update(name="W"),
    "count 0": lambda n: n["inputs"][0].update(count=0),
    "count true": lambda n: n["inputs"][0].update(count=True),
    "kind": lambda n: n["parameters"][0].update(kind="vector"),
    "kind list": lambda n: n["parameters"][0].update(kind=[]),
    "std 0": lambda n: n["parameters"][0].update(std="0"),
    "std -1": lambda n: n["parameters"][0].update(std="-1"),
    "std number": lambda n: n["parameters"][0].update(std=1),
    "scale 0": lambda n: n["parameters"][0].update(scale="0"),
    "scale 0 in disguise": lambda n: n["parameters"][0].update(scale=["mul", ["0", ["pow", "2", "1/2"]]]),
    "lr -1": lambda n: n["parameters"][0].update(lr="-1"),
    "not lowest": lambda n: n["parameters"][0].update(lr="2/4"),
    "over one": lambda n: n["parameters"][0].update(lr="2/1"),
    "over zero": lambda n: n["parameters"][0].update(lr="2/0"),
    "minus zero": lambda n: n["parameters"][0].update(lr="-0"),
    "plus": lambda n: n["parameters"][0].update(lr="+1"),
    "underscore": lambda n: n["parameters"][0].update(lr="1_0"),
    "arabic digits": lambda n: n["parameters"][0].update(lr="\u0661"),
    "decimal": lambda n: n["parameters"][0].update(lr="0.5"),
    "exponent": lambda n: n["parameters"][0].update(lr="1e9"),
    "newline number": lambda n: n["parameters"][0].update(lr="1\n"),
    "root of -1": lambda n: n["parameters"][0].update(lr=["pow", "-1", "1/2"]),
    "1 over 0": lambda n: n["parameters"][0].update(lr=["pow", "0", "-1"]),
    "empty sum": lambda n: n["parameters"][0].update(lr=["add", []]),
    "other constant": lambda n: n["parameters"][0].update(lr=["sub", ["1", "1"]]),
    "embed of a matrix": lambda n: n["nodes"].__setitem__(0, ["embed", 1, 0, 0]),
    "embed of another part": lambda n: n["nodes"].__setitem__(0, ["embed", 0, 0, 1]),
    "embed of another input": lambda n: n["nodes"].__setitem__(0, ["embed", 0, 1, 0]),
    "param of a readout": lambda n: n["nodes"].__setitem__(0, ["param", 2]),
    "matmul of a readout": lambda n: n["nodes"].__setitem__(2, ["matmul", 2, 0, 1]),
    "forward argument": lambda n: n["nodes"].__setitem__(1, ["call", "tanh", [2]]),
    "own argument": lambda n: n["nodes"].__setitem__(1, ["call", "tanh", [1]]),
    "argument true": lambda n: n["nodes"].__setitem__(1, ["call", "tanh", [False]]),
    "unknown function": lambda n: n["nodes"].__setitem__(1, ["call", "tan", [0]]),
    "undeclared function": lambda n: n["nodes"].__setitem__(1, ["call", 0, [0]]),
    "arity": lambda n: n["nodes"].__setitem__(1, ["call", "tanh", [0, 0]]),
    "leaky without slope": lambda n: n["nodes"].__setitem__(1, ["call", "leaky_relu", [0]]),
    "leaky slope a vector": lambda n: n["nodes"].__setitem__(1, ["call", "leaky_relu", [0, 0]]),
    "orientation": lambda n: n["nodes"].__setitem__(2, ["matmul", 1, 2, 1]),
    "orientation true": lambda n: n["nodes"].__setitem__(2, ["matmul", 1, True, 1]),
    "unknown node": lambda n: n["nodes"].__setitem__(1, ["softmax", [0]]),
    "node null": lambda n: n["nodes"].__setitem__(1, None),
    "node string": lambda n: n["nodes"].__setitem__(1, "ones"),
    "add of one": lambda n: n["nodes"].__setitem__(1, ["add", [0]]),
    "power": lambda n: n["nodes"].__setitem__(1, ["pow", 0, 2]),
    "unreached": lambda n: n["nodes"].append(["ones"]),
    "unreached argument": lambda n: n["nodes"].__setitem__(2, ["ones"]),
    "output of a matrix": lambda n: n["outputs"][0]["terms"].__setitem__(0, [1, 5]),
    "output without terms": lambda n: n["outputs"][0].update(terms=[]),
    "output twice": lambda n: n["outputs"][0]["terms"].append(list(n["outputs"][0]["terms"][0])),
    "output of nothing": lambda n: n["outputs"][0]["terms"].__setitem__(0, [2, 99]),
    "output bias": lambda n: n["outputs"][0].update(bias=0),
    "output bias false": lambda n: n["outputs"][0].update(bias=False),
    "function arity": lambda n: n["functions"].append({"name": "phi", "arity": 0}),
    "function name": lambda n: n["functions"].append({"name": "relu", "arity": 1}),
}


@pytest.mark.parametrize("name", NETWORK_EDITS)
def test_invalid_networks(name):
    rejected(broken(NETWORK_EDITS[name]), "network")


def test_scalars_do_not_mix_with_vectors_in_sums():
    value = certificate("layernorm")
    nodes = value["network"]["nodes"]
    mean = next(k for k, node in enumerate(nodes) if node[0] == "mean")
    add = next(k for k, node in enumerate(nodes) if node[0] == "add" and k > mean)
    nodes[add][1][0] = mean
    rejected(rehash(value), "network")


def test_signs_that_are_not_decided_are_declined():
    network = mlp(1, std=["add", ["-1", ["pow", "2", "1/2"]]])
    report = check(rehash({**certificate("mlp1"), "network": network}))
    assert (report.verdict, report.status) == ("declined", 3)
