# The one loop: bytes in, report out.

import hashlib
from dataclasses import dataclass
from time import monotonic
from typing import Any

from .ledger import conclusions, ledger
from .limits import MAX_STEPS, MAX_SYMMETRIES, SECONDS
from .network import Atom, Network, index, keys
from .report import Declined, Rejected, Rejection, Report, exactly, require, within
from .rules import RULES, Proof
from .strict_json import canonical, parse
from .symmetry import Symmetry

HEADER = {"format": "tpproof-certificate", "version": 1, "rules": "tpproof-rules-1"}
BODY = {"network", "network_sha256", "claim", "axioms", "assumptions", "symmetries", "atoms", "steps", "verdict"}
STATUS = {"accepted": 0, "rejected": 1, "unreadable": 2, "declined": 3, "accepted-as-stated": 4}


# Without the hash of the network that the certificate has to be about the best answer is ``accepted-as-stated``, which
# `as_stated` makes good enough for exit status 0; `allow_conditional` accepts a ``conditional`` certificate instead of
# declining it. Never raises for any `data`.
def check_bytes(data: bytes, network_sha256: str | None = None, as_stated: bool = False,
                allow_conditional: bool = False, seconds: float = SECONDS) -> Report:  # fmt: skip
    check = _Check(network_sha256, allow_conditional, monotonic() + seconds)
    answer, error = "accepted-as-stated" if network_sha256 is None else "accepted", None
    try:
        check.run(data)
    except Rejected as e:
        answer = "declined" if isinstance(e, Declined) else "unreadable" if e.code == "json" else "rejected"
        error = Rejection(e.code, check.step, check.rule, e.expected, e.found)
    except MemoryError:
        answer, error = "declined", Rejection("declined", check.step, check.rule, "enough memory", "too little")
    status = 0 if error is None and as_stated else STATUS[answer]
    errors, axioms, net = ((error,), (), None) if error else ((), check.axioms, check.network)
    return Report(answer, check.done, axioms, check.sha256, errors, check.verdict, status, net)


# The hash of the network in the canonical bytes of a network or of a certificate.
def network_hash(data: bytes) -> str:
    value = parse(data)
    if type(value) is dict and value.get("format") == "tpproof-certificate": value = value.get("network")
    Network(value)
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass
class _Check:
    expected_sha256: str | None
    allow_conditional: bool
    deadline: float
    step: int | None = None  # these tell how far it got
    rule: str | None = None
    sha256: str | None = None
    verdict: str | None = None
    done: int = 0
    network: Any = None
    axioms: tuple[str, ...] = ()

    # Returns only if the certificate is to be accepted.
    def run(self, data: bytes) -> None:
        value = parse(data)
        keys(value, HEADER.keys() | BODY | {"evidence"}, "certificate", "schema")
        for key, content in HEADER.items(): exactly("schema", key, content, value[key])
        for key, kind in (("evidence", dict), ("symmetries", list), ("atoms", list), ("steps", list)):
            require(type(value[key]) is kind, "schema", f"{key}: {kind.__name__}", value[key])
        net, self.network = Network(value["network"]), value["network"]
        self.sha256 = hashlib.sha256(canonical(value["network"])).hexdigest()
        exactly("hash", "network_sha256", self.sha256, value["network_sha256"])
        own = self.sha256 if self.expected_sha256 is None else self.expected_sha256
        exactly("network-mismatch", "the hash of your network", own, self.sha256)
        exactly("claim", "claim", {"kind": "ntk-training", "outputs": len(net.outputs)}, value["claim"])
        assumptions = ledger(net)
        axioms, self.verdict = conclusions(net, assumptions)
        self.axioms = tuple(axioms)
        for key, content in (("assumptions", assumptions), ("axioms", axioms), ("verdict", self.verdict)):
            exactly(key, key, content, value[key])
        if self.verdict == "refused":
            for key in ("symmetries", "atoms", "steps"): exactly("schema", f"{key} of a refused one", [], value[key])
            raise Declined("a certificate that claims something", "refused")
        within(len(value["symmetries"]), MAX_SYMMETRIES, "symmetries")
        proof = Proof(net, _atoms(net, value["atoms"]), [Symmetry(net, each) for each in value["symmetries"]])
        within(len(value["steps"]), MAX_STEPS, "steps")
        for i, step in enumerate(value["steps"]):
            self.step, self.rule = i, None
            if monotonic() > self.deadline: raise Declined("to finish in time", f"{i} of {len(value['steps'])} steps")
            require(not proof.made["theorem"], "step", "the theorem as the last step", step)
            self._step(i, step, proof)
            self.done = i + 1
        self.step = self.rule = None
        require(bool(proof.made["theorem"]), "incomplete", "the theorem as the last step", f"{self.done} steps")
        if self.verdict == "conditional" and not self.allow_conditional:
            raise Declined("a certificate without extra assumptions", "conditional")

    def _step(self, i: int, step: Any, proof: Proof) -> None:
        keys(step, {"id", "rule", "premises", "conclusion", "equation"}, "step", "schema")
        name, premises, found = step["rule"], step["premises"], step["conclusion"]
        rule = RULES.get(name) if type(name) is str else None
        if rule is None: raise Rejected("step", f"a rule of {sorted(RULES)}", name)
        self.rule = name
        exactly("step", "id", i, step["id"])
        exactly("step", "equation", rule.equation, step["equation"])
        earlier = type(premises) is list and all(index(premise, i) for premise in premises)
        require(earlier, "step", f"premises: earlier steps, below {i}", premises)
        end = 1 + rule.arity
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

    def part(i: int, j: int) -> bool: return index(i, len(net.parts)) and index(j, net.parts[i])

    def kind(k: int, letter: str) -> bool: return index(k, len(net.nodes)) and net.kinds[k] == letter

    def valid(atom: Any) -> bool:
        match atom if type(atom) is list and all(type(x) is int for x in atom[1:]) else None:
            case ["sigma2" | "kappa", p, t]: return index(p, len(net.parameters)) and index(t, 2)
            case ["gram", i, j, k, m]: return part(i, j) and part(k, m)
            case ["moment2", x, y]: return kind(x, "V") and kind(y, "V")
            case ["slope", x, a, y, b]: return a in frontiers.get(x, ()) and b in frontiers.get(y, ())
            case ["slope1", s, x, a]: return index(s, 2) and a in frontiers.get(x, ())
            case ["response", s, x, r]: return index(s, 2) and (x, r) in responses
            case ["scalar", s, k]: return index(s, 2) and kind(k, "S")
            case ["number", k]: return kind(k, "C")
        return False

    positions: dict[Atom, int] = {}
    for i, atom in enumerate(table):
        require(valid(atom) and tuple(atom) not in positions, "atom", f"atom {i}: a new atom about the network", atom)
        positions[tuple(atom)] = i
    return positions
