"""Error signals at infinite width (MATH §4): E[Z^{dã} Z^{db}] by backpropagation, and the NTK of (100).

dx = [v if read out] + Σ_{g=Wx} Wᵀdg + …, dg = Σ_{x=ψ(…g…)} ∂ψ/∂g ⊙ dx, followed from every vector to those that
read it. D(a, b) is the part of E[Z^{dã}Z^{db}] that flows through one pair of readers after the other; for
G-vars it is E[Z^{dg̃}Z^{dg}] itself, since hats of different matrices are independent (102)–(106).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tpproof.program.atoms import (
    TEST,
    TRAIN,
    Atom,
    Pair,
    Ref,
    Term,
    Terms,
    kappa,
    moment2,
    sigma2,
    slope,
    slope1,
    weight,
)
from tpproof.program.reduced import Form, Reduced
from tpproof.program.symmetry import NO_SYMMETRY, Orbits

Read = tuple[int, int, int]
"""(v, o, p): readout v reads the first vector in output o and the second in output p: σ_v² α_o χ_p."""


@dataclass(frozen=True)
class Signal:
    """D(a, b): the readers' terms (refs are later pairs), and what the outputs read."""

    terms: Terms
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class Readers:
    """Who reads each vector: as a summand (with its weights at ξ̃ and ξ), inside a NonLin, in a MatMul, in an output."""

    linear: dict[Ref, list[tuple[Ref, tuple[Atom, ...], tuple[Atom, ...]]]]
    nonlin: dict[Ref, list[int]]
    matmul: dict[Ref, list[int]]
    output: dict[Ref, list[tuple[int, int]]]  # (readout, output)


def readers(form: Reduced) -> Readers:
    """The readers of every vector, in one pass."""
    found = Readers({}, {}, {}, {})
    for k, node in enumerate(form.program.nodes):
        if node.op == "matmul":
            found.matmul.setdefault(node.args[0], []).append(k)
        if form.program.kinds[k].value != "vector":
            continue
        if form.form(k) is Form.LINEAR:
            for t in form.terms(k):
                both = form.coefficient_atoms(t, TEST), form.coefficient_atoms(t, TRAIN)
                found.linear.setdefault(t.vector, []).append((k, *both))
        elif form.form(k) is Form.NONLIN:
            for a in form.frontier(k):
                found.nonlin.setdefault(a, []).append(k)
    for o, out in enumerate(form.program.outputs):
        for v, x in out.terms:
            found.output.setdefault(x, []).append((v, o))
    return found


def backprop_linear(form: Reduced, by: Readers, a: Ref, b: Ref) -> Iterable[Term]:
    """dh_i receives α_i dh from every h = Σ α_i h_i."""
    tilde = [(n, w) for n, w, _ in by.linear.get(a, ())]
    plain = [(m, w) for m, _, w in by.linear.get(b, ())]
    yield from ((weight([*w, *u]), (n, m)) for n, w in tilde for m, u in plain)
    if form.form(b) is not Form.LINEAR:
        yield from ((weight(w), (n, b)) for n, w in tilde)
    if form.form(a) is not Form.LINEAR:
        yield from ((weight(u), (a, m)) for m, u in plain)


def backprop_nonlin(form: Reduced, by: Readers, a: Ref, b: Ref) -> Iterable[Term]:
    """(117): dg receives ∂ψ/∂g ⊙ dx from every x = ψ(…g…)."""
    tilde, plain = by.nonlin.get(a, ()), by.nonlin.get(b, ())
    yield from ((weight([slope(n, a, m, b)]), (n, m)) for n in tilde for m in plain)
    if form.form(b) is Form.BASE:
        yield from ((weight([slope1(TEST, n, a)]), (n, b)) for n in tilde)
    if form.form(a) is Form.BASE:
        yield from ((weight([slope1(TRAIN, m, b)]), (a, m)) for m in plain)


def backprop_matmul(form: Reduced, by: Readers, a: Ref, b: Ref) -> Iterable[Term]:
    """(104)–(105): dx receives Wᵀdg from every g = Wx; Cov(Ẑ^{Wᵀdg̃}, Ẑ^{Wᵀdg}) = σ² E[Z^{dg̃}Z^{dg}], same W only."""
    program = form.program
    for g in by.matmul.get(a, ()):
        for k in by.matmul.get(b, ()):
            if program.symbol(g) == program.symbol(k):
                yield weight([sigma2(*program.nodes[g].data)]), (form.base(g), form.base(k))


RULES = (backprop_linear, backprop_nonlin, backprop_matmul)


def error_signals(form: Reduced, pairs: Collection[Pair], orbits: Orbits = NO_SYMMETRY) -> dict[Pair, Signal]:
    """D(a, b) for every given pair, readers outside the orbits of `pairs` having no common path; later pairs first."""
    by = readers(form)
    signals: dict[Pair, Signal] = {}
    for a, b in reversed(list(pairs)):
        readers_of_both = (t for rule in RULES for t in rule(form, by, a, b))
        terms = [t for t in readers_of_both if t[1] is not None and orbits.representative(t[1]) in pairs]
        reads = sorted((v, o, p) for v, o in by.output.get(a, ()) for w, p in by.output.get(b, ()) if v == w)
        signals[a, b] = Signal(tuple(terms), tuple(reads))
    return signals


@dataclass(frozen=True)
class Kernel100:
    """(100): Σ S·D over pairs of G-vars of one symbol, and the trained readouts and output biases.

    Under symmetries a term stands for its images too: the pairs given are those that stand for their orbits.
    """

    terms: Terms
    reads: tuple[tuple[int, int, int, int, int], ...]  # (v, x, y, o, p), (c, -1, -1, o, p)


def gradient_source(form: Reduced, a: Ref, b: Ref) -> tuple[Atom, ...]:
    """κ E[Z^h̃ Z^h] for g = Wh; κ ξ̃ᵀξ/d for an embedding; κ for a vector parameter."""
    program, g, k = form.program, form.gvar(a), form.gvar(b)
    node, other = program.nodes[g], program.nodes[k]
    if node.op == "matmul":
        return weight([kappa(*node.data), moment2(node.args[0], other.args[0])])
    if node.op == "embed":
        return weight([kappa(node.data[0]), ("gram", *node.data[1:], *other.data[1:])])
    return weight([kappa(node.data[0])])


def kernel_100(form: Reduced, pairs: Collection[Pair]) -> Kernel100:
    """The NTK by its definition (98)–(100)."""
    terms: list[Term] = []
    for a, b in pairs:
        if form.form(a) is Form.BASE and form.form(b) is Form.BASE:
            terms.append((gradient_source(form, a, b), (a, b)))
    reads = []
    outputs = form.program.outputs
    for o, out in enumerate(outputs):
        for p, other in enumerate(outputs):
            mine = dict(other.terms)
            reads += [(v, x, mine[v], o, p) for v, x in out.terms if v in mine]
            if out.bias is not None and out.bias == other.bias:
                reads.append((out.bias, -1, -1, o, p))
    return Kernel100(tuple(terms), tuple(sorted(reads)))
