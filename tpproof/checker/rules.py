# The rules of inference: one table, one short function each, above it its inference figure, premises ⊢ conclusion.
# A rule's function gets the proof so far and the subject of the step (for ["C", a, b, …] the pair a, b) and returns
# what the step has to conclude, recomputed from the network and the earlier steps, with its premises.

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from time import monotonic
from typing import Any, NamedTuple

from .limits import MAX_WORK, WEIGHT
from .network import Atom, Item, Network, index
from .report import Declined, Rejected, exactly, require
from .symmetry import Symmetry

Terms = list[list[Any]]
Conclusion = tuple[list[Any], Iterable[int]]  # and its premises
Subject = tuple[int, ...]
Raw = tuple[Sequence[Atom], Subject]  # a term before it is written: its atoms, and its pair or ()


# What the steps checked so far have established.
@dataclass(slots=True)
class Proof:
    net: Network
    atoms: dict[Atom, int]
    deadline: float
    symmetries: list[Symmetry] = field(default_factory=list)
    subject: dict[int, Subject] = field(default_factory=dict)  # of each step
    made: dict[str, dict[Subject, int]] = field(default_factory=lambda: {rule.tag: {} for rule in RULES.values()})
    terms: dict[int, Terms] = field(default_factory=dict)  # of the C and K96 steps
    readers: dict[Subject, list[Raw]] = field(default_factory=dict)  # of a pair with a C step of its own
    output_reads: dict[Subject, Terms] = field(default_factory=dict)  # once it is known no C step may follow
    work: int = 0

    def record(self, step: int, tag: str, subject: Subject, conclusion: list[Any]) -> None:
        require(tag != "C" or not self.output_reads, "rule", "all C steps before the first D step", conclusion)
        self.subject[step], pair = subject, {"C": subject, "107": subject * 2}.get(tag)  # J and D: with their C
        images = [subject] if pair is None else [image[: len(subject)] for image, _ in self.images(pair)]
        self.made[tag].update(dict.fromkeys(images, step))
        if tag in ("C", "K96"): self.terms[step] = conclusion[3]

    # The pairs that a pair stands for under the symmetries, each with what the terms of its sum become there.
    def images(self, pair: Subject, terms: Sequence[Raw] = ()) -> Iterator[tuple[Subject, Sequence[Raw]]]:
        todo, seen = [(pair, terms)], {pair}
        while todo:
            at, there = todo.pop()
            yield at, there
            for s in self.symmetries:
                if (image := s.pair(*at)) in seen: continue
                self.spend(len(self.symmetries) + 2 * WEIGHT * (1 + len(there)))  # before it is kept
                seen.add(image)
                todo.append((image, [([*map(s.atom, atoms)], s.pair(*child)) for atoms, child in there]))

    # The earlier step with this conclusion tag and a subject of which this is an image.
    def earlier(self, tag: str, *subject: int) -> int:
        own = self.subject.get(self.made["C"].get(subject, -1), ()) if tag in ("J", "D") else subject
        step = self.made[tag].get(own)
        if step is None: raise Rejected("rule", f"an earlier {tag} step of {subject}", "none")
        return step

    # The C step of this very pair, not of one of which it is an image.
    def path_step(self, *pair: int) -> int:
        step = self.earlier("C", *pair)
        exactly("rule", f"the pair of step {step}", [*self.subject[step]], [*pair])
        return step

    # A term as written: its atoms, which have to be in the table, the step of its pair, and the pair itself where
    # the step is of another of which it is an image.
    def term(self, tag: str, atoms: Sequence[Atom], pair: Subject) -> list[Any]:
        require(self.atoms.keys() >= {*atoms}, "atom", "atoms that are all in the table", atoms)
        step = self.earlier(tag, *pair) if pair else -1
        image = [] if self.subject.get(step, pair) == pair else [[*pair]]
        return [sorted(self.atoms[atom] for atom in atoms), step, *image]

    def written(self, tag: str, terms: Iterable[Raw]) -> Terms: return sorted(self.term(tag, *each) for each in terms)

    # And back, but that atoms stay positions: written terms with pairs in place of steps. J terms paired have to be C
    # terms paired, that is the J of each pair stands where its C stands.
    def paired(self, terms: Terms) -> list[tuple[list[int], Subject]]:
        return sorted((atoms, (*image[0],) if image else self.subject.get(ref, ())) for atoms, ref, *image in terms)

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK or monotonic() > self.deadline: raise Declined("enough work and time", self.work)

    # The pairs whose supports meet. For all others the coefficient is 0.
    def meeting(self, left: Sequence[Item], right: Sequence[Item]) -> list[tuple[Item, Item]]:
        self.spend(len(left) * len(right))
        return [(x, y) for x in left for y in right if x[0] & y[0]]

    # (v, x, y) for each readout v that outputs o and p share, reading x in o and y in p.
    def shared(self, o: int, p: int) -> list[tuple[int, int, int]]:
        outputs = self.net.outputs
        require(index(o, len(outputs)) and index(p, len(outputs)), "rule", "two outputs", [o, p])
        return [(v, x, outputs[p][0][v]) for v, x in outputs[o][0].items() if v in outputs[p][0]]

    # From here on no C step may follow: transpose the pair graph.
    def close_paths(self) -> None:
        if self.output_reads: return
        table, made = [*self.atoms], self.made["C"]
        for step in dict.fromkeys(made.values()):
            terms = [([table[i] for i in atoms], child) for atoms, child in self.paired(self.terms[step]) if child]
            for pair, there in self.images(self.subject[step], terms):
                for atoms, child in there:
                    if self.subject[made[child]] == child: self.readers.setdefault(child, []).append((atoms, pair))
        self.spend(sum(len(self.net.outputs) * (1 + len(terms)) for terms, _ in self.net.outputs))
        for o, p in product(range(len(self.net.outputs)), repeat=2):
            for v, x, y in self.shared(o, p): self.output_reads.setdefault((x, y), []).append([v, o, p])


def _refs(terms: Terms) -> list[int]: return [ref for _, ref, *_ in terms if ref >= 0]


# The forms of two references whose supports have to meet.
def _forms(proof: Proof, a: int, b: int) -> tuple[str, str]:
    require(proof.net.support.get(a, 0) & proof.net.support.get(b, 0) != 0, "rule", "two supports that meet", [a, b])
    return proof.net.form[a], proof.net.form[b]


# The nodes of two bases of one symbol, made by one of the given operations.
def _bases(proof: Proof, a: int, b: int, operations: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
    same = _forms(proof, a, b) == ("base", "base") and proof.net.symbol[a] == proof.net.symbol[b]
    require(same and proof.net.origin(a)[0] in operations, "rule", f"two bases of one symbol by {operations}", [a, b])
    return proof.net.origin(a), proof.net.origin(b)


# The first four functions serve two rules each. With tag C: the right side, the path sum C(a, b) of Eq. (95) along the
# pair graph. With tag J: the left side, the coefficient J(a, b) of Z^{db} in Z^{δã} / (−χ̊) from one unrolled SGD step.
# The two recursions have one shape; that each J is the C of its pair is Eq. (107). E is an expectation atom.


def _found(proof: Proof, tag: str, a: int, b: int, found: Iterable[Raw]) -> Conclusion:
    terms = proof.written(tag, found)
    if tag == "C": return ["C", a, b, terms], _refs(terms)
    step = proof.path_step(a, b)
    exactly("rule", f"the terms of step {step}", proof.paired(proof.terms[step]), proof.paired(terms))
    return ["J", a, b, terms, step], [*_refs(terms), step]


# a = Uξ_i, b = Uξ_j  ⊢  C = κ_U ξ̃_iᵀξ_j/d; δ(Uξ̃_i) = −χκ Σ_j Z^{d(Uξ_j)} ξ̃_iᵀξ_j/d, C  ⊢  J; bias: κ
def initial(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    left, right = _bases(proof, a, b, ("embed", "param"))
    gram: list[Atom] = [("gram", *left[2:], *right[2:])] if left[0] == "embed" else []
    return _found(proof, tag, a, b, [([("kappa", left[1], 0), *gram], ())])


# κ E[x̃ y] and, if their supports meet, σ² times the coefficient of (x, y): what a matrix or a readout makes of them.
def _through(net: Network, p: int, t: int, x: int, y: int) -> list[Raw]:
    source: Raw = [("kappa", p, t), ("moment2", x, y)], ()
    return [source, ([("sigma2", p, t)], (x, y))] if net.support[x] & net.support[y] else [source]


# a = Ah, b = Ak, C(h,k)  ⊢  C = κ_A E[h̃ k] + σ_A² C(h,k); (91), ZDot (109) σ² E[∂Z^{δh̃}/∂Z^{dk}], C  ⊢  J
def matmul(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    (_, p, t, h), (_, _, _, k) = _bases(proof, a, b, ("matmul",))
    return _found(proof, tag, a, b, _through(proof.net, p, t, h, k))


# a = Σ w_i a_i and/or b = Σ u_j b_j, C(a_i,b_j)  ⊢  C = Σ w̃_i u_j C(a_i,b_j); (111), J(a_i,b_j), C  ⊢  J
def linear(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    require("linear" in _forms(proof, a, b), "rule", "a linear reference", [a, b])
    net = proof.net
    left, right = (net.items[x] if net.form[x] == "linear" else [net.own(x)] for x in (a, b))
    return _found(proof, tag, a, b, [(w + u, (i, j)) for (_, i, w, _), (_, j, _, u) in proof.meeting(left, right)])


# C(a_i,b_j)  ⊢  C = Σ E[∂_i ã ∂_j b] C(a_i,b_j); (93), (117)-(120), J(a_i,b_j), C  ⊢  J
def nonlin(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    forms = _forms(proof, a, b)
    require(set(forms) in ({"nonlin"}, {"nonlin", "base"}), "rule", "a nonlin with a nonlin or base", list(forms))

    def slope(i: int, j: int) -> Atom:
        if "base" not in forms: return "slope", a, i, b, j
        return ("slope1", 0, a, i) if forms[1] == "base" else ("slope1", 1, b, j)

    pairs = proof.meeting(proof.net.items[a], proof.net.items[b])  # over the frontiers; a base is its own
    return _found(proof, tag, a, b, [([slope(i, j)], (i, j)) for (_, i, *_), (_, j, *_) in pairs])


# g = A x, x depends on Aᵀ y_u  ⊢  Ż^g = Σ_u σ_A² E[∂x/∂Ẑ^u] Z^{y_u}, ZDot (65)
def contract(proof: Proof, g: int) -> Conclusion:
    require(g in proof.net.contractions, "rule", "a contracted MatMul", g)
    return ["contract", g, proof.net.contractions[g]], []


# J(g,k) = C(g,k) for every G-var k of the symbol of g  ⊢  (107) at g
def induction(proof: Proof, g: int) -> Conclusion:
    base = proof.net.ref(g)
    require(index(g, len(proof.net.nodes)) and base in proof.net.symbol, "rule", "a G-var node", g)
    steps = [[k, proof.earlier("J", base, proof.net.ref(k))] for k in proof.net.gvars[proof.net.symbol[base]]]
    contraction = [proof.earlier("contract", g)] if g in proof.net.contractions else []
    return ["107", g, steps], [*(j for _, j in steps), *contraction]


# C(a',b') = … + w C(a,b) + …, D(a',b')  ⊢  D(a,b) = reads(a,b) + Σ w D(a',b'), (105)-(106)
def backprop(proof: Proof, a: int, b: int) -> Conclusion:
    proof.close_paths()
    proof.path_step(a, b)
    terms = proof.written("D", proof.readers.get((a, b), []))
    return ["D", a, b, terms, sorted(proof.output_reads.get((a, b), []))], _refs(terms)


# S(g̃,g), D(g̃,g) for all pairs of G-vars of one symbol  ⊢  K = Σ S D + (the readouts' and biases' own), (100)
# Under symmetries a term stands for its images too: the sum runs over one pair of each orbit.
def ntk(proof: Proof) -> Conclusion:
    proof.close_paths()
    steps = dict.fromkeys(proof.made["C"].values())
    terms = sorted([source, proof.earlier("D", *proof.subject[step])]
                   for step in steps for source, ref, *_ in proof.terms[step] if ref < 0)  # fmt: skip
    reads = [[v, *pair, o, p] for pair, those in proof.output_reads.items() for v, o, p in those]
    biases = [(o, bias) for o, (_, bias) in enumerate(proof.net.outputs) if bias is not None]
    reads += [[b, -1, -1, o, p] for (o, b), (p, c) in product(biases, repeat=2) if b == c]
    return ["K100", terms, sorted(reads)], _refs(terms)


def _outputs(proof: Proof, tag: str, o: int, p: int) -> Terms:
    terms = [term for v, x, y in proof.shared(o, p) for term in _through(proof.net, v, 0, x, y)]
    bias = proof.net.outputs[o][1]
    if None is not bias == proof.net.outputs[p][1]: terms.append(([("kappa", bias, 0)], ()))
    return proof.written(tag, terms)


# C(x,y)  ⊢  K_op = Σ_v κ_v E[x̃ y] + σ_v² C(x,y), (96)
def path_sum(proof: Proof, o: int, p: int) -> Conclusion:
    terms = _outputs(proof, "C", o, p)
    return ["K96", o, p, terms], _refs(terms)


# D for every C, K of (100), K of (96)  ⊢  (100) = (96), by the duality lemma Σ S·D = Σ R·C
def duality(proof: Proof) -> Conclusion:
    for pair in proof.made["C"]: proof.earlier("D", *pair)
    k100, n = proof.earlier("K100"), len(proof.net.outputs)
    k96 = [proof.earlier("K96", o, p) for o in range(n) for p in range(n)]
    return ["duality", k100, k96], [k100, *k96]


# J(x,y), K96_op  ⊢  lim δf_o = −χ̊_p (Σ_v κ_v E[x̃ y] + σ_v² J(x,y)) = −χ̊_p K_op, (121)-(122)
def limit(proof: Proof, o: int, p: int) -> Conclusion:
    terms, k96 = _outputs(proof, "J", o, p), proof.earlier("K96", o, p)
    exactly("rule", f"the terms of step {k96}", proof.paired(proof.terms[k96]), proof.paired(terms))
    return ["limit", o, p, terms, k96], [*_refs(terms), k96]


# (107) at every G-var, every contraction, (121)-(122) for all outputs, (100) = (96)  ⊢  Theorem 5.3
def theorem(proof: Proof) -> Conclusion:
    net, n = proof.net, len(proof.net.outputs)
    require(len(proof.made["limit"]) == n * n, "incomplete", f"{n * n} limit steps", len(proof.made["limit"]))
    needed: list[tuple[str, Subject]] = [("duality", ()), *(("contract", (g,)) for g in net.contractions)]
    needed += [("107", (g,)) for g in net.bit] + [("limit", (o, p)) for o in range(n) for p in range(n)]
    for tag, subject in needed: require(subject in proof.made[tag], "incomplete", f"a {tag} step of {subject}", "none")
    return ["theorem"], [proof.made[tag][subject] for tag, subject in needed]


# every pair p ≅ q, found by recursion over the pairs of G-vars  ⊢  the list (optional, without contractions)
def listed(proof: Proof, o: int, p: int) -> Conclusion:
    net, shared = proof.net, proof.shared(o, p)
    require(not net.contractions, "rule", "a network without contractions", "contractions")
    proof.spend((len(net.form) + len(shared) * len(net.bit)) * len(net.bit))
    bases = {x: [g for g in net.bit if net.bases[x] >> net.bit[g] & 1] for x in net.form}
    ends = {(g, h) for _, x, y in shared for g in bases[x] for h in bases[y] if net.symbol[g] == net.symbol[h]}
    paths: dict[Subject, list[list[list[int]]]] = {}  # the pairs of paths that end in a pair of G-vars
    for g, h in ((i, j) for i in net.bit for j in net.gvars[net.symbol[i]]):
        proof.spend(4 * WEIGHT)
        paths[g, h] = [[[g], [h]]] if net.nodes[g][0] == "matmul" or net.parameters[net.nodes[g][1]].trained else []
        if net.nodes[g][0] == "matmul":
            before = [(i, j) for i in bases[net.nodes[g][3]] for j in bases[net.nodes[h][3]] if (i, j) in paths]
            proof.spend(len(net.bit) + sum(WEIGHT * len(left) for pair in before for left, _ in paths[pair]))
            paths[g, h] += [[[*left, g], [*right, h]] for pair in before for left, right in paths[pair]]
    return ["listed", o, p, sorted(pair for end in ends for pair in paths.get(end, []))], []


# The tag of its conclusion, how many integers its subject has, the equation of the paper, the function.
Rule = NamedTuple("Rule", [("tag", str), ("arity", int), ("equation", str), ("infer", Callable[..., Conclusion])])


RULES: dict[str, Rule] = {
    "path-start": Rule("C", 2, "(95), D.4.1", partial(initial, "C")),
    "path-extend": Rule("C", 2, "(95)", partial(matmul, "C")),
    "path-linear": Rule("C", 2, "(95), linear", partial(linear, "C")),
    "path-nonlin": Rule("C", 2, "(95), NonLin", partial(nonlin, "C")),
    "update-initial": Rule("J", 2, "D.3.1, (123)", partial(initial, "J")),
    "update-gvar": Rule("J", 2, "(108)-(110)", partial(matmul, "J")),
    "change-linear": Rule("J", 2, "(111), linear", partial(linear, "J")),
    "change-nonlin": Rule("J", 2, "(111)-(120)", partial(nonlin, "J")),
    "contract": Rule("contract", 1, "(65)", contract),
    "induction": Rule("107", 1, "(107)", induction),
    "backprop": Rule("D", 2, "(105)-(106)", backprop),
    "ntk": Rule("K100", 0, "(100)", ntk),
    "path-sum": Rule("K96", 2, "(96)", path_sum),
    "duality": Rule("duality", 0, "(96)=(100)", duality),
    "limit": Rule("limit", 2, "(121)-(122)", limit),
    "listed": Rule("listed", 2, "(95)-(96)", listed),
    "theorem": Rule("theorem", 0, "Theorem 5.3", theorem),
}
