"""A naive maker of certificates, straight from ``docs/certificate-format.md``: slow, recursive, sets everywhere.

It exists to test the checker on certificates that no other part of the project has made, and shares no code with it.
"""

import hashlib
import json
import math
from fractions import Fraction
from functools import cache

EQUATIONS = {
    "path-start": "(95), D.4.1",
    "path-extend": "(95)",
    "path-linear": "(95), linear",
    "path-nonlin": "(95), NonLin",
    "update-initial": "D.3.1, (123)",
    "update-gvar": "(108)-(110)",
    "change-linear": "(111), linear",
    "change-nonlin": "(111)-(120)",
    "contract": "(65)",
    "induction": "(107)",
    "backprop": "(105)-(106)",
    "ntk": "(100)",
    "path-sum": "(96)",
    "duality": "(96)=(100)",
    "limit": "(121)-(122)",
    "listed": "(95)-(96)",
    "theorem": "Theorem 5.3",
}


def canonical(value):
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode()


RULES = {
    "C": {"start": "path-start", "extend": "path-extend", "linear": "path-linear", "nonlin": "path-nonlin"},
    "J": {
        "start": "update-initial",
        "extend": "update-gvar",
        "linear": "change-linear",
        "nonlin": "change-nonlin",
    },
}


class Build:
    """A network under construction: each method adds a declaration or node and returns its position."""

    def __init__(self):
        self.net = {
            "format": "tpproof-network",
            "version": 1,
            "inputs": [],
            "parameters": [],
            "functions": [],
            "nodes": [],
            "outputs": [],
        }

    def _append(self, key, value):
        self.net[key].append(value)
        return len(self.net[key]) - 1

    def input(self, name="xi", count=None):
        return self._append("inputs", {"name": name, "count": count})

    def parameter(self, kind, name, std="1", scale="1", lr="1"):
        numbers = {"std": std, "scale": scale, "lr": lr, "rows": "1", "cols": "1"}
        return self._append("parameters", {"name": name, "kind": kind, **numbers})

    def function(self, name, arity=1):
        self._append("functions", {"name": name, "arity": arity})
        return name

    def node(self, *node):
        return self._append("nodes", list(node))

    def output(self, *terms, bias=None):
        return self._append("outputs", {"terms": [list(term) for term in terms], "bias": bias})


class Prover:
    """Makes the certificate of one network."""

    def __init__(self, net, listed=False):
        self.net, self.nodes, self.listed = net, net["nodes"], listed
        self.atoms, self.steps, self.at = [], [], {}
        for name in ("kind", "contraction", "bases", "linear_part", "glinear", "frontier", "symbol"):
            setattr(self, name, cache(getattr(self, name)))

    # reading the network

    def arguments(self, k):
        op, *rest = self.nodes[k]
        return {
            "add": rest[0:1],
            "mul": rest[0:1],
            "pow": [rest[:1]],
            "call": rest[1:2],
            "matmul": [rest[2:]],
            "mean": [rest],
        }.get(op, [[]])[0]

    def kind(self, k):
        op = self.nodes[k][0]
        if op in ("embed", "param", "matmul", "ones"):
            return "V"
        if op in ("const", "mean"):
            return {"const": "C", "mean": "S"}[op]
        kinds = {self.kind(j) for j in self.arguments(k)}
        return "V" if "V" in kinds else "S" if "S" in kinds else "C"

    def contraction(self, g):
        if g < 0 or self.nodes[g][0] != "matmul":
            return ()
        _, p, t, x = self.nodes[g]
        return tuple(u for u in range(g) if self.nodes[u][:3] == ["matmul", p, 1 - t] and self.ref(u) in self.bases(x))

    def ref(self, g):
        return -1 - g if self.contraction(g) else g

    def is_base(self, r):
        return r < 0 or (self.nodes[r][0] in ("embed", "param", "matmul") and not self.contraction(r))

    def linear_part(self, r):
        """The linear form of r, or None."""
        if self.is_base(r):
            return None
        op = self.nodes[r][0]
        if op == "ones":
            return []
        if op == "matmul":
            _, p, t, x = self.nodes[r]
            parts = [(lambda s: [], -1 - r)]
            for u in self.contraction(r):
                weight = lambda s, u=u: [["sigma2", p, t], ["response", s, x, self.ref(u)]]  # noqa: E731
                parts.append((weight, self.nodes[u][3]))
            return parts
        if op == "add":
            return [(lambda s: [], j) for j in self.arguments(r)]
        vectors = [j for j in self.arguments(r) if self.kind(j) == "V"]
        if op == "mul" and len(vectors) == 1:
            others = [j for j in self.arguments(r) if self.kind(j) != "V"]
            return [
                (lambda s: [["number", k] if self.kind(k) == "C" else ["scalar", s, k] for k in others], vectors[0])
            ]
        return None

    def form(self, r):
        return "base" if self.is_base(r) else "nonlin" if self.linear_part(r) is None else "linear"

    def glinear(self, r):
        form = self.form(r)
        return form == "base" or (form == "linear" and all(self.glinear(j) for _, j in self.linear_part(r)))

    def children(self, r):
        if self.form(r) == "linear":
            return [j for _, j in self.linear_part(r)]
        return [j for j in self.arguments(r) if self.kind(j) == "V"]

    def bases(self, r):
        return frozenset([r]) if self.is_base(r) else frozenset().union(*(self.bases(j) for j in self.children(r)))

    def symbol(self, r):
        op, p, *rest = self.nodes[-1 - r if r < 0 else r]
        return (p, rest[0] if op == "matmul" else 0)

    def support(self, r):
        return {self.symbol(b) for b in self.bases(r)}

    def frontier(self, x):
        met, todo = set(), list(self.children(x))
        while todo:
            r = todo.pop()
            if self.glinear(r):
                met |= {r} if self.bases(r) else set()
            else:
                todo += self.children(r)
        return sorted(met)

    # writing steps

    def atom(self, *atom):
        atom = list(atom)
        if atom not in self.atoms:
            self.atoms.append(atom)
        return self.atoms.index(atom)

    def product(self, *atoms):
        return sorted(self.atom(*atom) for atom in atoms)

    def step(self, rule, conclusion, premises, subject=()):
        key = (conclusion[0], *subject)
        self.at[key] = len(self.steps)
        self.steps.append(
            {
                "id": len(self.steps),
                "rule": rule,
                "premises": sorted(set(premises)),
                "conclusion": conclusion,
                "equation": EQUATIONS[rule],
            }
        )
        return self.at[key]

    def pair_terms(self, tag, a, b):
        """The terms of C(a, b) or J(a, b) with the name of the rule's suffix."""
        fa, fb = self.form(a), self.form(b)
        if fa == fb == "base":
            na, nb = self.nodes[-1 - a if a < 0 else a], self.nodes[-1 - b if b < 0 else b]
            kappa = ["kappa", na[1], na[2] if na[0] == "matmul" else 0]
            if na[0] == "matmul":
                terms = [[self.product(kappa, ["moment2", na[3], nb[3]]), -1]]
                if self.support(na[3]) & self.support(nb[3]):
                    terms.append([self.product(["sigma2", na[1], na[2]]), self.pair(tag, na[3], nb[3])])
                return "extend", terms
            gram = [["gram", na[2], na[3], nb[2], nb[3]]] if na[0] == "embed" else []
            return "start", [[self.product(kappa, *gram), -1]]
        form = "linear" if "linear" in (fa, fb) else "nonlin"
        if form == "linear":
            left = [(w(0), j) for w, j in self.linear_part(a)] if fa == "linear" else [([], a)]
            right = [(w(1), j) for w, j in self.linear_part(b)] if fb == "linear" else [([], b)]
        else:
            left = [([i], i) for i in self.frontier(a)] if fa == "nonlin" else [([], a)]
            right = [([j], j) for j in self.frontier(b)] if fb == "nonlin" else [([], b)]
        terms = []
        for w, i in left:
            for u, j in right:
                if self.support(i) & self.support(j):
                    ref = self.pair(tag, i, j)
                    if form == "linear":
                        atoms = w + u
                    elif w and u:
                        atoms = [["slope", a, i, b, j]]
                    else:
                        atoms = [["slope1", 0, a, i]] if w else [["slope1", 1, b, j]]
                    terms.append([self.product(*atoms), ref])
        return form, terms

    def pair(self, tag, a, b):
        if (tag, a, b) not in self.at:
            suffix, terms = self.pair_terms(tag, a, b)
            terms.sort()
            more = [self.at["C", a, b]] if tag == "J" else []
            self.step(
                RULES[tag][suffix],
                [tag, a, b, terms, *more],
                [ref for _, ref in terms if ref >= 0] + more,
                (a, b),
            )
        return self.at[tag, a, b]

    def shared(self, o, p):
        left, right = (dict(map(tuple, self.net["outputs"][i]["terms"])) for i in (o, p))
        return [(v, left[v], right[v]) for v in sorted(left.keys() & right.keys())]

    def output_terms(self, tag, o, p):
        terms = []
        for v, x, y in self.shared(o, p):
            terms.append([self.product(["kappa", v, 0], ["moment2", x, y]), -1])
            if self.support(x) & self.support(y):
                terms.append([self.product(["sigma2", v, 0]), self.pair(tag, x, y)])
        c = self.net["outputs"][o]["bias"]
        if c is not None and c == self.net["outputs"][p]["bias"]:
            terms.append([self.product(["kappa", c, 0]), -1])
        return sorted(terms)

    def prove(self):
        outputs = range(len(self.net["outputs"]))
        both = [(o, p) for o in outputs for p in outputs]
        gvars = [k for k, node in enumerate(self.nodes) if node[0] in ("embed", "param", "matmul")]
        same = {g: [k for k in gvars if self.symbol(k) == self.symbol(g)] for g in gvars}
        for tag in "CJ":
            for g in gvars:
                for k in same[g]:
                    self.pair(tag, self.ref(g), self.ref(k))
            for o, p in both:
                self.output_terms(tag, o, p)
        contracted = [
            self.step("contract", ["contract", g, list(self.contraction(g))], [], (g,))
            for g in gvars
            if self.contraction(g)
        ]
        inductions = []
        for g in gvars:
            js = [[k, self.at["J", self.ref(g), self.ref(k)]] for k in same[g]]
            more = [self.at["contract", g]] if self.contraction(g) else []
            inductions.append(self.step("induction", ["107", g, js], [j for _, j in js] + more, (g,)))
        paths = [step for step in self.steps if step["conclusion"][0] == "C"]
        for c in reversed(paths):
            _, a, b, _ = c["conclusion"]
            terms = sorted(
                [w, self.at["D", *t["conclusion"][1:3]]]
                for t in paths
                for w, ref in t["conclusion"][3]
                if ref == c["id"]
            )
            reads = sorted([v, o, p] for o, p in both for v, x, y in self.shared(o, p) if (x, y) == (a, b))
            self.step("backprop", ["D", a, b, terms, reads], [ref for _, ref in terms], (a, b))
        sources = sorted(
            [w, self.at["D", *c["conclusion"][1:3]]]
            for c in paths
            if c["rule"] in ("path-start", "path-extend")
            for w, ref in c["conclusion"][3]
            if ref == -1
        )
        reads = [[v, x, y, o, p] for o, p in both for v, x, y in self.shared(o, p)]
        bias = [output["bias"] for output in self.net["outputs"]]
        reads += [[bias[o], -1, -1, o, p] for o, p in both if bias[o] is not None and bias[o] == bias[p]]
        k100 = self.step("ntk", ["K100", sources, sorted(reads)], [ref for _, ref in sources])
        k96 = []
        for o, p in both:
            terms = self.output_terms("C", o, p)
            k96.append(self.step("path-sum", ["K96", o, p, terms], [r for _, r in terms if r >= 0], (o, p)))
        duality = self.step("duality", ["duality", k100, k96], [k100, *k96])
        limits = []
        for (o, p), k in zip(both, k96, strict=True):
            terms = self.output_terms("J", o, p)
            limits.append(self.step("limit", ["limit", o, p, terms, k], [k] + [r for _, r in terms if r >= 0], (o, p)))
        if self.listed and not contracted:
            for o, p in both:
                self.step("listed", ["listed", o, p, self.path_pairs(o, p)], [], (o, p))
        self.step("theorem", ["theorem"], [*inductions, *contracted, *limits, duality])

    def paths(self, g):
        """All paths that end in g, one by one."""
        op, p, *rest = self.nodes[g]
        if op != "matmul":
            return [[g]] if self.net["parameters"][p]["lr"] != "0" else []
        return [[g], *([*path, g] for b in self.bases(rest[1]) for path in self.paths(b))]

    def path_pairs(self, o, p):
        ends = {(g, h) for _, x, y in self.shared(o, p) for g in self.bases(x) for h in self.bases(y)}
        pairs = [[s, t] for g, h in ends for s in self.paths(g) for t in self.paths(h)]
        return sorted(q for q in pairs if [self.symbol(g) for g in q[0]] == [self.symbol(g) for g in q[1]])

    def certificate(self):
        assumptions = ledger(self)
        statuses = {entry["status"] for entry in assumptions}
        contracted = any(self.contraction(g) for g in range(len(self.nodes)))
        verdict = "proved-by-execution" if contracted else "proved"
        verdict = "refused" if "violated" in statuses else "conditional" if "conditional" in statuses else verdict
        if verdict != "refused":
            self.prove()
        axioms = ["master-theorem", "conditioning", "linearization", "duality-lemma"]
        axioms += ["decontraction-lemma"] * contracted + ["stein"] * ("conditional" in statuses)
        return {
            "format": "tpproof-certificate",
            "version": 1,
            "rules": "tpproof-rules-1",
            "network": self.net,
            "network_sha256": hashlib.sha256(canonical(self.net)).hexdigest(),
            "claim": {"kind": "ntk-training", "outputs": len(self.net["outputs"])},
            "axioms": axioms,
            "assumptions": assumptions,
            "atoms": self.atoms,
            "steps": self.steps,
            "verdict": verdict,
            "symmetries": [],
            "evidence": {"name": "naive", "numbers": [0.5, 10**40]},
        }


def ledger(prover):
    net, nodes = prover.net, prover.nodes
    names = {f["name"] for f in net["functions"]}
    rows = closure(prover)
    count = range(len(nodes))

    def first(kind, cls):
        return next((k for k in count if prover.kind(k) == kind and rows[k][0] == cls), None)

    bad, kink, scalar = first("V", "violated"), first("V", "kinked"), first("S", "violated")
    abstract = next((k for k in count if nodes[k][0] == "call" and nodes[k][1] in names), None)
    smooth = ("proved", "closure", None)
    if abstract is not None:
        smooth = ("declared", "abstract", abstract)
    if kink is not None:
        smooth = ("conditional", "kink", kink)
    if bad is not None:
        smooth = ("violated", rows[bad][4], bad)
    parameters = net["parameters"]
    trained = [parameters[node[1]]["lr"] for node in nodes if node[0] in ("embed", "param")]
    trained += [p["lr"] for p in parameters if p["kind"] in ("readout", "output_bias")]
    uses = {(node[1], node[2]) for node in nodes if node[0] == "matmul"}
    contracted = [g for g in count if prover.contraction(g)]
    a2 = ("no-contraction", None) if any((p, 1 - t) in uses for p, t in uses) else ("holds", None)
    a2 = ("D.4.2", contracted[0]) if contracted else a2
    plain = all(nodes[x][0] in ("embed", "param", "matmul") for out in net["outputs"] for _, x in out["terms"])
    table = [
        ("program", "proved", "structural", None),
        ("readout", "proved", "structural", None),
        ("smooth", *smooth),
        ("scalars", *(("proved", "closure", None) if scalar is None else ("violated", rows[scalar][4], scalar))),
        ("moments", "proved", "parity", None),
        ("loss", "declared", "user", None),
        ("A1", "proved", "holds" if set(trained) <= {"0"} else "D.4.1", None),
        ("A2", "proved", *a2),
        ("A3", "proved", "holds" if len(net["outputs"]) == 1 else "D.4.3", None),
        ("A4", "proved", "holds" if plain else "D.4.4", None),
    ]
    derivation = [
        [k, cls, lo and str(lo), hi and str(hi), positive] for k, (cls, lo, hi, positive, _) in enumerate(rows)
    ]
    for entry in derivation:
        entry[2:4] = [None if x is None else str(x) for x in rows[entry[0]][1:3]]
    return [
        {"name": n, "status": s, "reason": r, "node": k, "derivation": derivation if n == "smooth" else None}
        for n, s, r, k in table
    ]


def closure(prover):
    """Class, bounds, positivity and reason of every node; null bounds are None."""
    rows = []
    for k, node in enumerate(prover.nodes):
        arguments = prover.arguments(k)
        cls, lo, hi, positive, reason = own_row(node, prover.kind(k), [(j, rows[j]) for j in arguments])
        order = ["smooth", "kinked", "violated"]
        if node[0] != "mean":
            for j in arguments:
                if order.index(rows[j][0]) > order.index(cls):
                    cls, reason = rows[j][0], rows[j][4]
        big = [x is not None and max(abs(x.numerator), x.denominator) > 10**60 for x in (lo, hi)]
        if big[0]:
            lo = Fraction(0) if lo >= 0 else None
        rows.append((cls, lo, None if big[1] else hi, positive, reason))
    return rows


def own_row(node, kind, arguments):
    f = Fraction
    vector = kind == "V"
    if node[0] == "const":
        if isinstance(node[1], str):
            return "smooth", f(node[1]), f(node[1]), f(node[1]) > 0, None
        bound = evident(node[1])
        return "smooth", bound, None, bound is not None, None
    if node[0] == "ones":
        return "smooth", f(1), f(1), True, None
    if node[0] in ("embed", "param", "matmul"):
        return "smooth", None, None, False, None
    rows = [row for _, row in arguments]
    _, lo, hi, positive, _ = rows[0]
    if node[0] == "mean":
        return "smooth", lo, hi, positive, None
    if node[0] == "add":
        total = [None if None in (ends := [row[i] for row in rows]) else sum(ends) for i in (1, 2)]
        some = all(row[1] is not None and row[1] >= 0 for row in rows) and any(row[3] for row in rows)
        return "smooth", *total, (total[0] is not None and total[0] > 0) or some, None
    if node[0] == "mul":
        positions = [j for j, _ in arguments]
        interval = (f(1), f(1))
        for j in dict.fromkeys(positions):
            row = dict(arguments)[j]
            interval = product(interval, power(row[1], row[2], positions.count(j)))
        return "smooth", *interval, all(row[3] for row in rows), None
    if node[0] == "pow":
        return pow_row(f(node[2]), vector, lo, hi, positive)
    name = node[1]
    if name in ("tanh", "erf", "sin", "cos"):
        return "smooth", f(-1), f(1), False, None
    if name in ("sigmoid", "softplus"):
        return "smooth", f(0), f(1) if name == "sigmoid" else None, True, None
    if name in ("gelu", "silu"):
        return "smooth", f(-1), None, False, None
    if name == "exp":
        bad = vector and hi is None
        top = f(1) if hi is not None and hi <= 0 else None
        return ("violated" if bad else "smooth"), f(0), top, True, "unbounded-exp" if bad else None
    if name == "relu":
        fine = not vector or (lo is not None and lo >= 0 and positive)
        low = f(0) if lo is None else max(lo, f(0))
        return "smooth" if fine else "kinked", low, None if hi is None else max(hi, f(0)), positive, None
    if name == "leaky_relu":
        return "kinked" if vector else "smooth", None, None, False, None
    if name == "abs":
        signed = positive or (hi is not None and hi < 0)
        return "smooth" if signed or not vector else "kinked", f(0), None, signed, None
    if name == "step":
        return "violated", f(0), f(1), False, "discontinuous"
    return "smooth", None, None, False, None


def pow_row(e, vector, lo, hi, positive):
    whole, m = e.denominator == 1, math.ceil(abs(e))
    if whole and e >= 0:
        return "smooth", *power(lo, hi, m), positive, None
    nonnegative, above, below = lo is not None and lo >= 0, lo is not None and lo > 0, hi is not None and hi < 0
    reason = None
    if vector and not (above or (below and whole)):
        reason = "not-bounded-away" if e < 0 or nonnegative else "undefined-power"
    if not vector and e < 0 and not (positive or (below and whole)):
        reason = "division"
    if not vector and e > 0 and not nonnegative:
        reason = "undefined-power"
    cls = "violated" if reason else "smooth"
    if nonnegative:
        low = lo**m if whole else min(lo, Fraction(1)) ** m
        high = None if hi is None else (hi if whole else max(hi, Fraction(1))) ** m
        if e > 0:
            return cls, low, high, positive, reason
        if high == 0:
            return cls, None, None, False, reason
        return cls, Fraction(0) if high is None else 1 / high, 1 / low if low else None, positive, reason
    if below and whole:
        low, high = power(lo, hi, m)
        inverse = [Fraction(0) if x is None else 1 / x for x in (high, low)]
        return cls, *inverse, m % 2 == 0, reason
    return cls, None, None, False, reason


def evident(c):
    if isinstance(c, str):
        return Fraction(c) if Fraction(c) > 0 else None
    if c[0] == "pow":
        x, e = evident(c[1]), Fraction(c[2])
        return None if x is None else Fraction(0) if e < 0 else min(x, Fraction(1)) ** math.ceil(e)
    parts = [evident(x) for x in c[1]]
    return None if None in parts else sum(parts) if c[0] == "add" else math.prod(parts)


def power(lo, hi, m):
    up = lambda x: None if x is None else x**m  # noqa: E731
    if m == 0:
        return Fraction(1), Fraction(1)
    if m % 2 or (lo is not None and lo >= 0):
        return up(lo), up(hi)
    if hi is not None and hi <= 0:
        return up(hi), up(lo)
    return Fraction(0), None if lo is None or hi is None else max(up(lo), up(hi))


def product(left, right):
    ends, inf = [], math.inf
    for x in (-inf if left[0] is None else left[0], inf if left[1] is None else left[1]):
        for y in (-inf if right[0] is None else right[0], inf if right[1] is None else right[1]):
            ends.append(Fraction(0) if 0 in (x, y) else x * y)
    return tuple(None if abs(end) == inf else end for end in (min(ends), max(ends)))


def make(net, listed=False):
    """The certificate of a network, as a value."""
    return Prover(net, listed).certificate()
