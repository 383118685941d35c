# The rules of inference: one table, one short function each, above it its inference figure, premises ⊢ conclusion.
# A rule's function gets the proof so far and the subject of the step (for ["C", a, b, …] the pair a, b) and returns
# what the step has to conclude, recomputed from the network and the earlier steps, with its premises.

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from .limits import MAX_WORK, RENAMING, WEIGHT
from .network import Atom, Item, Network, index
from .report import Rejected, exactly, require, within
from .symmetry import Symmetry

Terms = list[list[Any]]
Conclusion = tuple[list[Any], Iterable[int]]  # and its premises
Subject = tuple[int, ...]
Raw = tuple[list[Atom], Subject]  # a term before it is written: its atoms and its pair


# What the steps checked so far have established.
@dataclass(slots=True)
class Proof:
    net: Network
    atoms: dict[Atom, int]
    symmetries: list[Symmetry]
    subject: dict[int, Subject] = field(default_factory=dict)  # of each step
    made: dict[str, dict[Subject, int]] = field(default_factory=lambda: {rule.tag: {} for rule in RULES.values()})
    terms: dict[int, Terms] = field(default_factory=dict)  # of the C and K96 steps
    path_of: dict[int, int] = field(default_factory=dict)  # J step -> the C step that it matches
    closed: bool = False  # once no C step may follow, the next two are known
    readers: dict[Subject, list[Raw]] = field(default_factory=dict)  # of a pair with a C step of its own
    output_reads: dict[Subject, Terms] = field(default_factory=dict)
    work: int = 0

    def record(self, step: int, tag: str, subject: Subject, conclusion: list[Any]) -> None:
        require(tag != "C" or not self.closed, "rule", "all C steps before the first D step", conclusion)
        self.subject[step], pair = subject, {"C": subject, "J": subject, "D": subject, "107": subject * 2}.get(tag)
        images = [subject] if pair is None else [image[: len(subject)] for image, _ in self.images(pair, [])]
        self.made[tag].update(dict.fromkeys(images, step))
        if tag in ("C", "K96"): self.terms[step] = conclusion[3]
        if tag == "J": self.path_of[step] = conclusion[4]

    # The pairs that a pair stands for under the symmetries, each with what the terms of its sum become there.
    def images(self, pair: Subject, terms: list[Raw]) -> list[tuple[Subject, list[Raw]]]:
        found, seen = [(pair, terms)], {pair}
        for at, there in found:  # grows while it is read
            self.spend(RENAMING * len(self.symmetries) * (1 + len(there)))
            for s in self.symmetries:
                if (image := s.pair(*at)) in seen: continue
                seen.add(image)
                found.append((image, [([*map(s.atom, atoms)], s.pair(*child)) for atoms, child in there]))
        return found

    # The earlier step with this conclusion tag and a subject of which this is an image.
    def earlier(self, tag: str, *subject: int) -> int:
        step = self.made[tag].get(subject)
        if step is None: raise Rejected("rule", f"an earlier {tag} step of {subject}", "none")
        return step

    # The C step of this very pair, not of one of which it is an image.
    def path_step(self, *pair: int) -> int:
        step = self.earlier("C", *pair)
        exactly("rule", f"the pair of step {step}", [*self.subject[step]], [*pair])
        return step

    # A term: a product of atoms, each of which has to be in the table, a step, and its pair where the step has another.
    def term(self, atoms: Collection[Atom], tag: str = "", *pair: int) -> list[Any]:
        missing = [atom for atom in atoms if atom not in self.atoms]
        if missing: raise Rejected("atom", f"{list(missing[0])} in the table of atoms", "not there")
        step = self.earlier(tag, *pair) if tag else -1
        image = [[*pair]] if tag and self.subject[step] != pair else []
        return [sorted(self.atoms[atom] for atom in atoms), step, *image]

    def spend(self, work: int) -> None:
        self.work += work
        within(self.work, MAX_WORK, "comparisons")

    # The pairs whose supports meet. For all others the coefficient is 0.
    def meeting(self, left: Sequence[Item], right: Sequence[Item]) -> list[tuple[Item, Item]]:
        self.spend(len(left) * len(right))
        return [(x, y) for x in left for y in right if x[0] & y[0]]

    # J terms have to become the terms of a C or K96 step when each J is replaced by the C of its pair.
    def require_paths(self, terms: Terms, step: int) -> None:
        as_paths = sorted([atoms, self.path_of.get(ref, -1), *image] for atoms, ref, *image in terms)
        exactly("rule", f"the terms of step {step}", self.terms[step], as_paths)

    # (v, x, y) for each readout v that outputs o and p share, reading x in o and y in p.
    def shared(self, o: int, p: int) -> list[tuple[int, int, int]]:
        outputs = self.net.outputs
        require(index(o, len(outputs)) and index(p, len(outputs)), "rule", "two outputs", [o, p])
        return [(v, x, outputs[p][0][v]) for v, x in outputs[o][0].items() if v in outputs[p][0]]

    # From here on no C step may follow: transpose the pair graph.
    def close_paths(self) -> None:
        if self.closed: return
        self.closed, table, made = True, [*self.atoms], self.made["C"]
        for step in dict.fromkeys(made.values()):
            terms = [([table[i] for i in atoms], tuple(image[0]) if image else self.subject[ref])
                     for atoms, ref, *image in self.terms[step] if ref >= 0]  # fmt: skip
            for pair, there in self.images(self.subject[step], terms):
                for atoms, child in there:
                    if self.subject[made[child]] == child: self.readers.setdefault(child, []).append((atoms, pair))
        self.spend(sum(len(self.net.outputs) * (1 + len(terms)) for terms, _ in self.net.outputs))
        for o, p in product(range(len(self.net.outputs)), repeat=2):
            for v, x, y in self.shared(o, p): self.output_reads.setdefault((x, y), []).append([v, o, p])


def _refs(terms: Terms) -> list[int]: return [ref for _, ref, *_ in terms if ref >= 0]


# The forms of two references whose supports have to meet.
def _forms(proof: Proof, a: int, b: int) -> tuple[str, str]:
    forms = proof.net.form.get(a), proof.net.form.get(b)
    require(None not in forms, "rule", "two vector references", [a, b])
    require(proof.net.support[a] & proof.net.support[b] != 0, "rule", "a pair whose supports meet", [a, b])
    return str(forms[0]), str(forms[1])


# The nodes of two bases of one symbol, made by one of the given operations.
def _bases(proof: Proof, a: int, b: int, operations: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
    require(_forms(proof, a, b) == ("base", "base"), "rule", "two bases of one symbol", [a, b])
    left, right = proof.net.origin(a), proof.net.origin(b)
    same = proof.net.symbol[a] == proof.net.symbol[b] and left[0] == right[0]
    require(same and left[0] in operations, "rule", f"two bases of one symbol made by {' or '.join(operations)}", left)
    return left, right


# The first four functions serve two rules each. With tag C: the right side, the path sum C(a, b) of Eq. (95) along the
# pair graph. With tag J: the left side, the coefficient J(a, b) of Z^{db} in Z^{δã} / (−χ̊) from one unrolled SGD step.
# The two recursions have one shape; that each J is the C of its pair is Eq. (107). E is an expectation atom.


def _found(proof: Proof, tag: str, a: int, b: int, terms: Terms) -> Conclusion:
    terms.sort()
    if tag == "C": return ["C", a, b, terms], _refs(terms)
    step = proof.path_step(a, b)
    proof.require_paths(terms, step)
    return ["J", a, b, terms, step], [*_refs(terms), step]


# a = Uξ_i, b = Uξ_j  ⊢  C = κ_U ξ̃_iᵀξ_j/d; δ(Uξ̃_i) = −χκ Σ_j Z^{d(Uξ_j)} ξ̃_iᵀξ_j/d, C  ⊢  J; bias: κ
def initial(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    left, right = _bases(proof, a, b, ("embed", "param"))
    gram: list[Atom] = [("gram", *left[2:], *right[2:])] if left[0] == "embed" else []
    return _found(proof, tag, a, b, [proof.term([("kappa", left[1], 0), *gram])])


# a = Ah, b = Ak, C(h,k)  ⊢  C = κ_A E[h̃ k] + σ_A² C(h,k); (91), ZDot (109) σ² E[∂Z^{δh̃}/∂Z^{dk}], C  ⊢  J
def matmul(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    (_, p, t, h), (_, _, _, k) = _bases(proof, a, b, ("matmul",))
    terms = [proof.term([("kappa", p, t), ("moment2", h, k)])]
    if proof.net.support[h] & proof.net.support[k]: terms += [proof.term([("sigma2", p, t)], tag, h, k)]
    return _found(proof, tag, a, b, terms)


# a = Σ w_i a_i and/or b = Σ u_j b_j, C(a_i,b_j)  ⊢  C = Σ w̃_i u_j C(a_i,b_j); (111), J(a_i,b_j), C  ⊢  J
def linear(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    require("linear" in _forms(proof, a, b), "rule", "a linear reference", [a, b])
    net = proof.net
    left, right = (net.items[x] if net.form[x] == "linear" else [net.own(x)] for x in (a, b))
    pairs = proof.meeting(left, right)
    terms = [proof.term(w + u, tag, i, j) for (_, i, w, _), (_, j, _, u) in pairs]
    return _found(proof, tag, a, b, terms)


# C(a_i,b_j)  ⊢  C = Σ E[∂_i ã ∂_j b] C(a_i,b_j); (93), (117)-(120), J(a_i,b_j), C  ⊢  J
def nonlin(tag: str, proof: Proof, a: int, b: int) -> Conclusion:
    forms = _forms(proof, a, b)
    require(set(forms) in ({"nonlin"}, {"nonlin", "base"}), "rule", "a nonlin with a nonlin or base", list(forms))
    terms = []  # over the frontiers; a base is its own
    for (_, i, _, _), (_, j, _, _) in proof.meeting(proof.net.items[a], proof.net.items[b]):
        one: Atom = ("slope1", 0, a, i) if forms[1] == "base" else ("slope1", 1, b, j)
        terms.append(proof.term([one if "base" in forms else ("slope", a, i, b, j)], tag, i, j))
    return _found(proof, tag, a, b, terms)


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
    readers = proof.readers.get(proof.subject[proof.path_step(a, b)], [])
    terms = sorted(proof.term(atoms, "D", *pair) for atoms, pair in readers)
    return ["D", a, b, terms, sorted(proof.output_reads.get((a, b), []))], _refs(terms)


# S(g̃,g), D(g̃,g) for all pairs of G-vars of one symbol  ⊢  K = Σ S D + (the readouts' and biases' own), (100)
# Under symmetries a term stands for its images too: the sum runs over one pair of each orbit.
def ntk(proof: Proof) -> Conclusion:
    proof.close_paths()
    steps = dict.fromkeys(proof.made["C"].values())
    sources = [(proof.subject[step], atoms) for step in steps for atoms, ref, *_ in proof.terms[step] if ref < 0]
    terms = sorted([atoms, proof.earlier("D", *pair)] for pair, atoms in sources)
    reads = [[v, *pair, o, p] for pair, those in proof.output_reads.items() for v, o, p in those]
    biases = [(o, bias) for o, (_, bias) in enumerate(proof.net.outputs) if bias is not None]
    reads += [[b, -1, -1, o, p] for (o, b), (p, c) in product(biases, repeat=2) if b == c]
    return ["K100", terms, sorted(reads)], _refs(terms)


def _output_pair(proof: Proof, o: int, p: int, tag: str) -> Terms:
    net, shared = proof.net, proof.shared(o, p)
    terms = [proof.term([("kappa", v, 0), ("moment2", x, y)]) for v, x, y in shared]
    meeting = [(v, x, y) for v, x, y in shared if net.support[x] & net.support[y]]
    terms += [proof.term([("sigma2", v, 0)], tag, x, y) for v, x, y in meeting]
    bias = net.outputs[o][1]
    if None is not bias == net.outputs[p][1]: terms.append(proof.term([("kappa", bias, 0)]))
    return sorted(terms)


# C(x,y)  ⊢  K_op = Σ_v κ_v E[x̃ y] + σ_v² C(x,y), (96)
def path_sum(proof: Proof, o: int, p: int) -> Conclusion:
    terms = _output_pair(proof, o, p, "C")
    return ["K96", o, p, terms], _refs(terms)


# D for every C, K of (100), K of (96)  ⊢  (100) = (96), by the duality lemma Σ S·D = Σ R·C
def duality(proof: Proof) -> Conclusion:
    missing = next((pair for pair in proof.made["C"] if pair not in proof.made["D"]), None)
    require(missing is None, "incomplete", "a D step for every C step", missing)
    k100, n = proof.earlier("K100"), len(proof.net.outputs)
    k96 = [proof.earlier("K96", o, p) for o in range(n) for p in range(n)]
    return ["duality", k100, k96], [k100, *k96]


# J(x,y), K96_op  ⊢  lim δf_o = −χ̊_p (Σ_v κ_v E[x̃ y] + σ_v² J(x,y)) = −χ̊_p K_op, (121)-(122)
def limit(proof: Proof, o: int, p: int) -> Conclusion:
    terms, k96 = _output_pair(proof, o, p, "J"), proof.earlier("K96", o, p)
    proof.require_paths(terms, k96)
    return ["limit", o, p, terms, k96], [*_refs(terms), k96]


# (107) at every G-var, every contraction, (121)-(122) for all outputs, (100) = (96)  ⊢  Theorem 5.3
def theorem(proof: Proof) -> Conclusion:
    net, n = proof.net, len(proof.net.outputs)
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
    ends = {(g, h) for _, x, y in shared for g in bases[x] for h in bases[y]}
    paths: dict[Subject, list[list[list[int]]]] = {}  # the pairs of paths that end in a pair of G-vars
    for g, h in ((i, j) for i in net.bit for j in net.gvars[net.symbol[i]]):
        paths[g, h] = [[[g], [h]]] if net.nodes[g][0] == "matmul" or net.parameters[net.nodes[g][1]].trained else []
        if net.nodes[g][0] == "matmul":
            before = [(i, j) for i in bases[net.nodes[g][3]] for j in bases[net.nodes[h][3]] if (i, j) in paths]
            proof.spend(len(net.bit) + sum(WEIGHT * len(paths[i, j]) for i, j in before))
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
