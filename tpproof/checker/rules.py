"""The rules of inference: one table, one short function each.

A rule's function gets the proof so far and the subject of the step (for ``["C", a, b, …]`` the pair a, b) and returns
what the step has to conclude, recomputed from the network and the earlier steps, with its premises. Each docstring is
the inference figure: premises above the line, conclusion below. E stands for an expectation atom; at ξ̃ is the first
of a pair, at ξ the second.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from .limits import MAX_TERMS, MAX_WORK, SMALL, WEIGHT
from .network import Atom, Item, Network, index
from .report import Rejected, exactly, require, within

Terms = list[list[Any]]
Conclusion = tuple[list[Any], Iterable[int]]  # and its premises
Subject = tuple[int, ...]
NONLIN = ({"nonlin"}, {"nonlin", "base"})  # the forms of a pair that is followed by partial derivatives


@dataclass(slots=True)
class Proof:
    """What the steps checked so far have established."""

    net: Network
    atoms: dict[Atom, int]
    made: dict[str, dict[Subject, int]] = field(default_factory=lambda: {rule.tag: {} for rule in RULES.values()})
    terms: dict[int, Terms] = field(default_factory=dict)  # of the C and K96 steps
    path_of: dict[int, int] = field(default_factory=dict)  # J step -> the C step that it matches
    closed: bool = False  # once no C step may follow, the next two are known
    readers: dict[int, list[tuple[list[int], Subject]]] = field(default_factory=dict)  # of a C step
    output_reads: dict[Subject, Terms] = field(default_factory=dict)
    work: int = 0

    def record(self, step: int, tag: str, subject: Subject, conclusion: list[Any]) -> None:
        """Record a checked step."""
        require(tag != "C" or not self.closed, "rule", "all C steps before the first D step", conclusion)
        self.made[tag][subject] = step
        if tag in ("C", "K96"):
            self.terms[step] = conclusion[3]
        elif tag == "J":
            self.path_of[step] = conclusion[4]

    def earlier(self, tag: str, *subject: int) -> int:
        """Return the earlier step with this conclusion tag and subject."""
        step = self.made[tag].get(subject)
        if step is None:
            raise Rejected("rule", f"an earlier {tag} step of {subject}", "none")
        return step

    def term(self, atoms: Collection[Atom], ref: int = -1) -> list[Any]:
        """Return a term: a product of atoms, each of which has to be in the table, and a step."""
        product_of = list(map(self.atoms.get, atoms))
        if None in product_of:
            missing = next(atom for atom in atoms if atom not in self.atoms)
            raise Rejected("atom", f"{list(missing)} in the table of atoms", "not there")
        return [sorted(product_of), ref]

    def spend(self, work: int) -> None:
        """Count work; decline beyond the limit."""
        self.work += work
        within(self.work, MAX_WORK, "comparisons")

    def meeting(self, left: Sequence[Item], right: Sequence[Item]) -> list[tuple[Item, Item]]:
        """Return the pairs whose supports meet. For all others the coefficient is 0."""
        if len(left) * len(right) <= SMALL:
            return [(x, y) for x in left for y in right if x[0] & y[0]]
        rows, columns = dict[int, list[Item]](), dict[int, list[Item]]()
        for groups, items in ((rows, left), (columns, right)):
            for item in items:
                groups.setdefault(item[0], []).append(item)
        self.spend(len(rows) * len(columns))
        blocks = [(xs, ys) for m, xs in rows.items() for n, ys in columns.items() if m & n]
        within(sum(len(xs) * len(ys) for xs, ys in blocks), MAX_TERMS, "terms in a step")
        return [(x, y) for xs, ys in blocks for x in xs for y in ys]

    def require_paths(self, terms: Terms, step: int) -> None:
        """Require that J terms become the terms of a C or K96 step when each J is replaced by the C of its pair."""
        as_paths = sorted([atoms, self.path_of[ref] if ref >= 0 else -1] for atoms, ref in terms)
        exactly("rule", f"the terms of step {step}", self.terms[step], as_paths)

    def shared(self, o: int, p: int) -> list[tuple[int, int, int]]:
        """Return (v, x, y) for each readout v that outputs o and p share, reading x in o and y in p."""
        outputs = self.net.outputs
        require(index(o, len(outputs)) and index(p, len(outputs)), "rule", "two outputs", [o, p])
        return [(v, x, outputs[p][0][v]) for v, x in outputs[o][0].items() if v in outputs[p][0]]

    def close_paths(self) -> None:
        """From here on no C step may follow: transpose the pair graph."""
        if self.closed:
            return
        self.closed = True
        for pair, step in self.made["C"].items():
            for atoms, ref in self.terms[step]:
                self.readers.setdefault(ref, []).append((atoms, pair))
        self.spend(sum(len(self.net.outputs) * (1 + len(terms)) for terms, _ in self.net.outputs))
        for o, p in product(range(len(self.net.outputs)), repeat=2):
            for v, x, y in self.shared(o, p):
                self.output_reads.setdefault((x, y), []).append([v, o, p])


def _refs(terms: Terms) -> list[int]:
    return [ref for _, ref in terms if ref >= 0]


def _forms(proof: Proof, a: int, b: int) -> tuple[str, str]:
    """Return the forms of two references whose supports have to meet."""
    forms = proof.net.form.get(a), proof.net.form.get(b)
    require(None not in forms, "rule", "two vector references", [a, b])
    require(proof.net.support[a] & proof.net.support[b] != 0, "rule", "a pair whose supports meet", [a, b])
    return str(forms[0]), str(forms[1])


def _bases(proof: Proof, a: int, b: int, operations: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
    """Return the nodes of two bases of one symbol, made by one of the given operations."""
    require(_forms(proof, a, b) == ("base", "base"), "rule", "two bases of one symbol", [a, b])
    left, right = proof.net.origin(a), proof.net.origin(b)
    same = proof.net.symbol[a] == proof.net.symbol[b] and left[0] == right[0]
    require(same and left[0] in operations, "rule", f"two bases of one symbol made by {' or '.join(operations)}", left)
    return left, right


# The right side: the path sum C(a, b) of Eq. (95), along the pair graph.


def path_start(proof: Proof, a: int, b: int) -> Conclusion:
    """Start a path at a trained initial vector (D.4.1).

    ``a = U ξ_i, b = U ξ_j  ⊢  C(a,b) = κ_U ξ̃_iᵀξ_j/d``;  ``a = b = a bias  ⊢  C(a,b) = κ``
    """
    left, right = _bases(proof, a, b, ("embed", "param"))
    atoms: list[Atom] = [("kappa", left[1])]
    if left[0] == "embed":
        atoms.append(("gram", *left[2:], *right[2:]))
    return ["C", a, b, [proof.term(atoms)]], []


def path_extend(proof: Proof, a: int, b: int) -> Conclusion:
    """Extend paths through a matrix, or start one at the X-vars that it multiplies.

    ``a = A h, b = A k, C(h,k)  ⊢  C(a,b) = κ_A E[h̃ k] + σ_A² C(h,k)``
    """
    (_, p, _, h), (_, _, _, k) = _bases(proof, a, b, ("matmul",))
    terms = [proof.term([("kappa", p), ("moment2", h, k)])]
    if proof.net.support[h] & proof.net.support[k]:
        terms.append(proof.term([("sigma2", p)], proof.earlier("C", h, k)))
    return ["C", a, b, sorted(terms)], _refs(terms)


def path_linear(proof: Proof, a: int, b: int) -> Conclusion:
    """Follow a linear form, bilinearly.

    ``a = Σ_i w_i a_i, b = Σ_j u_j b_j, C(a_i,b_j)  ⊢  C(a,b) = Σ_ij w̃_i u_j C(a_i,b_j)``; likewise if one is linear
    """
    require("linear" in _forms(proof, a, b), "rule", "a linear reference", [a, b])
    net = proof.net
    left, right = (net.items[x] if net.form[x] == "linear" else [net.own(x)] for x in (a, b))
    pairs = proof.meeting(left, right)
    terms = sorted(proof.term(w + u, proof.earlier("C", i, j)) for (_, i, w, _), (_, j, _, u) in pairs)
    return ["C", a, b, terms], _refs(terms)


def path_nonlin(proof: Proof, a: int, b: int) -> Conclusion:
    """Follow a nonlinearity by its partial derivatives.

    ``C(a_i,b_j)  ⊢  C(a,b) = Σ_ij E[∂_i ã ∂_j b] C(a_i,b_j)``; if one is a base, only the other is differentiated
    """
    forms = _forms(proof, a, b)
    require(set(forms) in NONLIN, "rule", "a nonlin with a nonlin or base", list(forms))
    left, right = proof.net.items[a], proof.net.items[b]  # the frontiers; a base is its own
    terms = []
    for (_, i, _, _), (_, j, _, _) in proof.meeting(left, right):
        slope: Atom = ("slope", a, i, b, j)
        if "base" in forms:
            slope = ("slope1", 0, a, i) if forms[1] == "base" else ("slope1", 1, b, j)
        terms.append(proof.term([slope], proof.earlier("C", i, j)))
    return ["C", a, b, sorted(terms)], _refs(terms)


# The left side: the coefficient J(a, b) of Z^{db} in Z^{δã} / (−χ̊), from one unrolled SGD step.


def _matched(proof: Proof, a: int, b: int, terms: Terms) -> Conclusion:
    """Conclude J, once replacing each J by its C gives the terms of C(a,b): this is Eq. (107) for the pair."""
    terms.sort()
    step = proof.earlier("C", a, b)
    proof.require_paths(terms, step)
    return ["J", a, b, terms, step], [*_refs(terms), step]


def update_initial(proof: Proof, a: int, b: int) -> Conclusion:
    """Update an initial vector: D.3.1, (123).

    ``δ(U ξ̃_i) = −χ κ_U Σ_j Z^{d(U ξ_j)} ξ̃_iᵀξ_j/d,  C  ⊢  J(U ξ_i, U ξ_j) = κ_U ξ̃_iᵀξ_j/d``;
    ``δb = −χ κ db, C  ⊢  J(b,b) = κ``
    """
    (_, p, *changed), (_, _, *fed) = _bases(proof, a, b, ("embed", "param"))
    inner: list[Atom] = [("gram", *changed, *fed)] if changed else []
    return _matched(proof, a, b, [proof.term([("kappa", p), *inner])])


def update_gvar(proof: Proof, a: int, b: int) -> Conclusion:
    """Update a MatMul: (91) gives the first term, ZDot (109) over Wᵀ db the second.

    ``g̃ = W h̃, g = W k, J(h,k), C  ⊢  J(g̃,g) = κ_W E[h̃ k] + σ_W² E[∂Z^{δh̃}/∂Z^{dk}]``
    """
    (_, p, _, h), (_, _, _, k) = _bases(proof, a, b, ("matmul",))
    terms = [proof.term([("kappa", p), ("moment2", h, k)])]
    if proof.net.support[h] & proof.net.support[k]:
        terms.append(proof.term([("sigma2", p)], proof.earlier("J", h, k)))
    return _matched(proof, a, b, terms)


def change_linear(proof: Proof, a: int, b: int) -> Conclusion:
    """Change a linear form: (111).

    ``δã = Σ_i w̃_i δã_i  and/or  db feeds db_j with u_j,  J(a_i,b_j), C  ⊢  J(a,b) = Σ w̃_i u_j J(a_i,b_j)``
    """
    require("linear" in _forms(proof, a, b), "rule", "a linear reference", [a, b])
    return _chain(proof, a, b, "linear")


def change_nonlin(proof: Proof, a: int, b: int) -> Conclusion:
    """Change a nonlinearity: (93) on the left, (117)-(120) on the right.

    ``δã = Σ_i ∂_i ã δã_i  and/or  db feeds db_j with ∂_j b,  J(a_i,b_j), C  ⊢  J(a,b) = Σ E[∂_i ã ∂_j b] J(a_i,b_j)``
    """
    require(set(_forms(proof, a, b)) in NONLIN, "rule", "a nonlin with a nonlin or base", [a, b])
    return _chain(proof, a, b, "nonlin")


def _chain(proof: Proof, a: int, b: int, form: str) -> Conclusion:
    """Apply the chain rule to whichever of δã and db has the form: E of the product of the two factors."""
    net, terms = proof.net, []
    changes = net.items[a] if net.form[a] == form else (net.own(a),)
    feeds = net.items[b] if net.form[b] == form else (net.own(b),)
    for (_, i, weights, _), (_, j, _, other) in proof.meeting(changes, feeds):
        factors: list[Atom] = [*weights, *other]
        if form == "nonlin":
            partials = [(s, x, y) for s, x, y in ((0, a, i), (1, b, j)) if net.form[x] == "nonlin"]
            factors.append(("slope", a, i, b, j) if len(partials) == 2 else ("slope1", *partials[0]))
        terms.append(proof.term(factors, proof.earlier("J", i, j)))
    return _matched(proof, a, b, terms)


def contract(proof: Proof, g: int) -> Conclusion:
    """Account for W meeting Wᵀ: ZDot (65).

    ``g = A x, x depends on A ᵀ y_u  ⊢  Ż^g = Σ_u σ_A² E[∂x/∂Ẑ^u] Z^{y_u}``
    """
    require(g in proof.net.contractions, "rule", "a contracted MatMul", g)
    return ["contract", g, proof.net.contractions[g]], []


def induction(proof: Proof, g: int) -> Conclusion:
    """Collect Eq. (107) at a G-var.

    ``J(g,k) = C(g,k) for every G-var k of the symbol of g  ⊢  (107) at g``
    """
    base = proof.net.ref(g)
    require(index(g, len(proof.net.nodes)) and base in proof.net.symbol, "rule", "a G-var node", g)
    others = proof.net.gvars[proof.net.symbol[base]]
    steps = [[k, proof.earlier("J", base, proof.net.ref(k))] for k in others]
    contraction = [proof.earlier("contract", g)] if g in proof.net.contractions else []
    return ["107", g, steps], [*(j for _, j in steps), *contraction]


# The kernel


def backprop(proof: Proof, a: int, b: int) -> Conclusion:
    """Go back from the outputs: (105)-(106), the transpose of the pair graph.

    ``C(a',b') = … + w C(a,b) + …, D(a',b')  ⊢  D(a,b) = reads(a,b) + Σ w D(a',b')``
    """
    proof.close_paths()
    step = proof.earlier("C", a, b)
    terms = sorted([atoms, proof.earlier("D", *pair)] for atoms, pair in proof.readers.get(step, []))
    return ["D", a, b, terms, sorted(proof.output_reads.get((a, b), []))], _refs(terms)


def ntk(proof: Proof) -> Conclusion:
    """Write the kernel by its definition, Eq. (100).

    ``S(g̃,g), D(g̃,g) for all pairs of G-vars of one symbol  ⊢  K = Σ S D + (the readouts' and output biases' own)``
    """
    proof.close_paths()
    sources = [(pair, atoms) for pair, step in proof.made["C"].items() for atoms, ref in proof.terms[step] if ref < 0]
    terms = sorted([atoms, proof.earlier("D", *pair)] for pair, atoms in sources)
    reads = [[v, *pair, o, p] for pair, those in proof.output_reads.items() for v, o, p in those]
    biases = [bias for _, bias in proof.net.outputs]
    for o, p in product(range(len(biases)), repeat=2):
        if biases[o] is not None and biases[o] == biases[p]:
            reads.append([biases[o], -1, -1, o, p])
    return ["K100", terms, sorted(reads)], _refs(terms)


def _output_pair(proof: Proof, o: int, p: int, tag: str) -> Terms:
    terms = []
    for v, x, y in proof.shared(o, p):
        terms.append(proof.term([("kappa", v), ("moment2", x, y)]))
        if proof.net.support[x] & proof.net.support[y]:
            terms.append(proof.term([("sigma2", v)], proof.earlier(tag, x, y)))
    bias = proof.net.outputs[o][1]
    if bias is not None and bias == proof.net.outputs[p][1]:
        terms.append(proof.term([("kappa", bias)]))
    return sorted(terms)


def path_sum(proof: Proof, o: int, p: int) -> Conclusion:
    """Sum over paths, Eq. (96).

    ``C(x,y)  ⊢  K_op = Σ_v κ_v E[x̃ y] + σ_v² C(x,y)``
    """
    terms = _output_pair(proof, o, p, "C")
    return ["K96", o, p, terms], _refs(terms)


def duality(proof: Proof) -> Conclusion:
    """Identify the kernel with the path sum, by the duality lemma Σ S·D = Σ R·C.

    ``D for every C, K of (100), K of (96)  ⊢  (100) = (96)``
    """
    missing = next((pair for pair in proof.made["C"] if pair not in proof.made["D"]), None)
    require(missing is None, "incomplete", "a D step for every C step", missing)
    k100, n = proof.earlier("K100"), len(proof.net.outputs)
    k96 = [proof.earlier("K96", o, p) for o in range(n) for p in range(n)]
    return ["duality", k100, k96], [k100, *k96]


def limit(proof: Proof, o: int, p: int) -> Conclusion:
    """Take the limit of the change of an output: (121)-(122).

    ``J(x,y), K96_op  ⊢  lim δf_o = −χ̊_p (Σ_v κ_v E[x̃ y] + σ_v² J(x,y)) = −χ̊_p K_op``
    """
    terms, k96 = _output_pair(proof, o, p, "J"), proof.earlier("K96", o, p)
    proof.require_paths(terms, k96)
    return ["limit", o, p, terms, k96], [*_refs(terms), k96]


def theorem(proof: Proof) -> Conclusion:
    """Conclude Theorem 5.3.

    ``(107) at every G-var, every contraction, (121)-(122) for every pair of outputs, (100) = (96)  ⊢  the claim``
    """
    net, n = proof.net, len(proof.net.outputs)
    needed: list[tuple[str, Subject]] = [("107", (g,)) for g in net.bit]
    needed += [("contract", (g,)) for g in net.contractions]
    needed += [("limit", (o, p)) for o in range(n) for p in range(n)] + [("duality", ())]
    for tag, subject in needed:
        require(subject in proof.made[tag], "incomplete", f"a {tag} step of {subject}", "none")
    return ["theorem"], [proof.made[tag][subject] for tag, subject in needed]


def listed(proof: Proof, o: int, p: int) -> Conclusion:
    """List the isomorphic pairs of paths one by one (optional, without contractions).

    ``every pair, found by recursion over the pairs of G-vars  ⊢  the list``
    """
    net, shared = proof.net, proof.shared(o, p)
    require(not net.contractions, "rule", "a network without contractions", "contractions")
    proof.spend((len(net.form) + len(shared) * len(net.bit)) * len(net.bit))
    bases = {x: [g for g in net.bit if net.bases[x] >> net.bit[g] & 1] for x in net.form}
    ends = {(g, h) for _, x, y in shared for g in bases[x] for h in bases[y]}
    paths: dict[Subject, list[list[list[int]]]] = {}  # the pairs of paths that end in a pair of G-vars
    for g, h in ((i, j) for i in net.bit for j in net.gvars[net.symbol[i]]):
        matmul = net.nodes[g][0] == "matmul"
        paths[g, h] = [[[g], [h]]] if matmul or net.parameters[net.nodes[g][1]].trained else []
        if matmul:
            before = [(i, j) for i in bases[net.nodes[g][3]] for j in bases[net.nodes[h][3]] if (i, j) in paths]
            proof.spend(len(net.bit) + sum(WEIGHT * len(paths[i, j]) for i, j in before))
            paths[g, h] += [[[*left, g], [*right, h]] for pair in before for left, right in paths[pair]]
    return ["listed", o, p, sorted(pair for end in ends for pair in paths.get(end, []))], []


class Rule(NamedTuple):
    """A rule: the tag of its conclusion, how many integers its subject has, its equation, its inference."""

    tag: str
    arity: int
    equation: str
    infer: Callable[..., Conclusion]


RULES: dict[str, Rule] = {
    "path-start": Rule("C", 2, "(95), D.4.1", path_start),
    "path-extend": Rule("C", 2, "(95)", path_extend),
    "path-linear": Rule("C", 2, "(95), linear", path_linear),
    "path-nonlin": Rule("C", 2, "(95), NonLin", path_nonlin),
    "update-initial": Rule("J", 2, "D.3.1, (123)", update_initial),
    "update-gvar": Rule("J", 2, "(108)-(110)", update_gvar),
    "change-linear": Rule("J", 2, "(111), linear", change_linear),
    "change-nonlin": Rule("J", 2, "(111)-(120)", change_nonlin),
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
