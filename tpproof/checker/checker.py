# The one loop: bytes in, report out.

import hashlib
from time import monotonic
from types import SimpleNamespace
from typing import Any

from .ledger import conclusions, ledger
from .limits import MAX_STEPS, MAX_SYMMETRIES, SECONDS
from .network import Atom, Network, index, values
from .report import Declined, Rejected, Rejection, Report, exactly, require, within
from .rules import RULES, Proof
from .strict_json import canonical, parse
from .symmetry import Symmetry

HEADER = {"format": "tpproof-certificate", "version": 1, "rules": "tpproof-rules-1"}
BODY = {"network", "network_sha256", "claim", "axioms", "assumptions", "symmetries", "atoms", "steps", "verdict"}
STEP = ("id", "equation", "rule", "premises", "conclusion")
STATUS = {"accepted": 0, "rejected": 1, "unreadable": 2, "declined": 3, "accepted-as-stated": 4}


# Without the hash of the network that the certificate has to be about the best answer is ``accepted-as-stated``, which
# `as_stated` makes good enough for exit status 0; `allow_conditional` accepts a ``conditional`` certificate instead of
# declining it. Never raises for any `data`.
def check_bytes(data: bytes, network_sha256: str | None = None, as_stated: bool = False,
                allow_conditional: bool = False, seconds: float = SECONDS) -> Report:  # fmt: skip
    far = SimpleNamespace(step=None, rule=None, sha256=None, verdict=None, done=0, network=None, axioms=[])
    error: Rejection | None = None
    try: _run(far, data, network_sha256, allow_conditional, monotonic() + seconds)
    except Rejected as e: error = Rejection(e.code, far.step, far.rule, e.expected, e.found)
    except MemoryError: error = Rejection("declined", far.step, far.rule, "enough memory", "too little")
    answer = "accepted-as-stated" if network_sha256 is None else "accepted"
    if error: answer = {"json": "unreadable", "declined": "declined"}.get(error.code, "rejected")
    status = 0 if error is None and as_stated else STATUS[answer]
    errors, axioms, net = ((error,), (), None) if error else ((), tuple(far.axioms), far.network)
    return Report(answer, far.done, axioms, far.sha256, errors, far.verdict, status, net)


# The hash of the network in the canonical bytes of a network or of a certificate.
def network_hash(data: bytes) -> str:
    value = parse(data)
    if type(value) is dict and value.get("format") == "tpproof-certificate": value = value.get("network")
    Network(value)
    return hashlib.sha256(canonical(value)).hexdigest()


# Returns only if the certificate is to be accepted; `far` is told how far it got.
def _run(far: SimpleNamespace, data: bytes, expected: str | None, allow_conditional: bool, deadline: float) -> None:
    value = parse(data)
    values(value, HEADER.keys() | BODY | {"evidence"}, "certificate", "schema")
    for key, content in HEADER.items(): exactly("schema", key, content, value[key])
    for key, kind in (("evidence", dict), ("symmetries", list), ("atoms", list), ("steps", list)):
        require(type(value[key]) is kind, "schema", f"{key}: {kind.__name__}", value[key])
    net, far.network = Network(value["network"]), value["network"]
    far.sha256 = hashlib.sha256(canonical(value["network"])).hexdigest()
    exactly("hash", "network_sha256", far.sha256, value["network_sha256"])
    if expected is not None: exactly("network-mismatch", "the hash of your network", expected, far.sha256)
    exactly("claim", "claim", {"kind": "ntk-training", "outputs": len(net.outputs)}, value["claim"])
    assumptions = ledger(net)
    far.axioms, far.verdict = conclusions(net, assumptions)
    for key, content in (("assumptions", assumptions), ("axioms", far.axioms), ("verdict", far.verdict)):
        exactly(key, key, content, value[key])
    if far.verdict == "refused":
        for key in ("symmetries", "atoms", "steps"): exactly("schema", f"{key} of a refused one", [], value[key])
        raise Declined("a certificate that claims something", "refused")
    for key, limit in (("symmetries", MAX_SYMMETRIES), ("steps", MAX_STEPS)): within(len(value[key]), limit, key)
    proof = Proof(net, _atoms(net, value["atoms"]), deadline)
    for symmetry in value["symmetries"]:
        proof.spend(len(net.nodes))
        proof.symmetries.append(Symmetry(net, symmetry))
    for i, step in enumerate(value["steps"]):
        far.step, far.rule = i, None
        proof.spend(1)
        require(not proof.made["theorem"], "step", "the theorem as the last step", step)
        _step(far, i, step, proof)
        far.done = i + 1
    far.step = far.rule = None
    require(bool(proof.made["theorem"]), "incomplete", "the theorem as the last step", f"{far.done} steps")
    if far.verdict == "conditional" and not allow_conditional: raise Declined("no extra assumptions", "conditional")


def _step(far: SimpleNamespace, i: int, step: Any, proof: Proof) -> None:
    *header, name, premises, found = values(step, STEP, "step", "schema")
    require(type(name) is str and name in RULES, "step", f"a rule of {sorted(RULES)}", name)
    far.rule, rule, end = name, RULES[name], 1 + RULES[name].arity
    exactly("step", "id and equation", [i, rule.equation], header)
    require(type(premises) is list and all(index(p, i) for p in premises), "step", "earlier premises", premises)
    shaped = type(found) is list and len(found) >= end and found[0] == rule.tag
    require(shaped and all(type(x) is int for x in found[1:end]), "rule", f"a {rule.tag} conclusion", found)
    subject = tuple(found[1:end])
    require(subject not in proof.made[rule.tag], "duplicate", f"one {rule.tag} step of {subject}", found)
    expected, reasons = rule.infer(proof, *subject)
    exactly("rule", "conclusion", expected, found)
    exactly("step", "premises", sorted(set(reasons)), premises)
    proof.record(i, rule.tag, subject, found)


# Validate the table of atoms: the position of each.
def _atoms(net: Network, table: list[Any]) -> dict[Atom, int]:
    responses = {(net.nodes[g][3], net.ref(u)) for g, those in net.contractions.items() for u in those}
    frontiers = {x: {item[1] for item in net.items[x]} for x, form in net.form.items() if form == "nonlin"}

    def valid(atom: Any) -> bool:
        match atom if type(atom) is list and all(type(x) is int for x in atom[1:]) else None:
            case ["sigma2" | "kappa", p, t]: return index(p, len(net.parameters)) and index(t, 2)
            case ["gram", i, j, k, m]: return net.is_part(i, j) and net.is_part(k, m)
            case ["moment2", x, y]: return net.is_node(x, "V") and net.is_node(y, "V")
            case ["slope", x, a, y, b]: return a in frontiers.get(x, ()) and b in frontiers.get(y, ())
            case ["slope1", s, x, a]: return index(s, 2) and a in frontiers.get(x, ())
            case ["response", s, x, r]: return index(s, 2) and (x, r) in responses
            case ["scalar", s, k]: return index(s, 2) and net.is_node(k, "S")
            case ["number", k]: return net.is_node(k, "C")
        return False

    for i, atom in enumerate(table): require(valid(atom), "atom", f"atom {i}: an atom about the network", atom)
    positions = {tuple(atom): i for i, atom in enumerate(table)}
    require(len(positions) == len(table), "atom", "different atoms", f"{len(positions)} different of {len(table)}")
    return positions
