"""The kernel in closed recursive form, every quantity named before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tpproof.documents.blocks import Line
from tpproof.documents.derivation.covariance import Covariances, Pair, Summand
from tpproof.documents.derivation.definitions import Definitions
from tpproof.documents.derivation.folding import Index, Sides, Written, fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.notations import INPUTS, Quantities
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.derivation.recursion import Equation, Recursion, Term, is_covariance
from tpproof.documents.derivation.sums import Addend, sum_of
from tpproof.documents.formula import Call, Formula, Mean, Name, Number, Power, product, total
from tpproof.program.atoms import TRAIN, Atom
from tpproof.program.model import Kind
from tpproof.program.reduced import LinearTerm

TERMS_PRINTED = 400
"""Terms of one sum of the kernel."""
Writer = Callable[[Names], Sides]
_ORDER = {"number": 0, "sigma2": 1, "kappa": 1, "scalar": 2}


class ClosedForm:
    """All lines of the recursion: covariances, where-lines, derivatives, kernels of the layers, the kernel."""

    def __init__(self, r: Reading, names: Names) -> None:
        self.names = names
        self.recursion = Recursion(r, names)
        self.covariances = Covariances(names)
        self.program = names.program
        self.definitions = Definitions(names)
        atoms = {a: None for e in [*self.recursion.named, *self.recursion.kernels] for t in e.terms for a in t.atoms}
        self.atoms, self.mentioned = self._close(atoms)
        self.quantities = self._quantities(r)

    def _close(self, atoms: dict[Atom, None]) -> tuple[list[Atom], list[int]]:
        """All atoms, those in covariances and in limits of scalars too; and the vectors and scalars in them."""
        todo, found, mentioned = list(atoms), dict(atoms), dict[int, None]()
        while todo:
            atom = todo.pop()
            more = self.covariances.need(self.covariances.over(atom))
            vectors = self._in(atom)
            while vectors:
                k = vectors.pop()
                if k in mentioned or self._known(k):
                    continue
                mentioned[k] = None
                if k in self.names.reduced.contractions:
                    more += [a for t in self._terms(k) for a in self.names.reduced.coefficient_atoms(t, TRAIN)]
                    vectors += [t.vector for t in self._terms(k) if t.vector >= 0]
                else:
                    vectors += self.definitions.mentions(k)
                    more += self._averaged(k)
            for new in more:
                if new not in found:
                    found[new] = None
                    todo.append(new)
        return list(found), sorted(mentioned)

    def _averaged(self, k: int) -> list[Atom]:
        """What the covariances hold that the average in a scalar needs."""
        node = self.program.nodes[k]
        below = [node.args[0]] if node.op == "mean" else []
        below += [
            self.program.nodes[a].args[0] for a in self.definitions.inside(k) if self.program.nodes[a].op == "mean"
        ]
        return [atom for x in below for atom in self.covariances.need(self.covariances.over(("slope1", TRAIN, x, 0)))]

    def _terms(self, g: int) -> tuple[LinearTerm, ...]:
        return self.names.reduced.terms(g)

    def _known(self, k: int) -> bool:
        """Whether a node needs no line of its own: Gaussian vectors, numbers, the vector of ones."""
        if k < 0 or self.program.nodes[k].op in ("const", "ones", "width"):
            return True
        return self.program.kinds[k] is Kind.VECTOR and self.names.reduced.g_linear(k)

    def _in(self, atom: Atom) -> list[int]:
        """The vectors and scalars that an atom is written with."""
        kind, *rest = atom
        r = [int(k) for k in rest]
        match kind:
            case "moment2":
                return [a for x in r for a in self._value(x)]
            case "slope":
                return [*self._derived(r[0], r[1]), *self._derived(r[2], r[3])]
            case "slope1" | "response":
                return self._derived(r[1], r[2])
            case "scalar":
                return [r[1]]
        return []

    def _value(self, x: int) -> list[int]:
        node = self.program.nodes[x] if x >= 0 else None
        return list(node.args) if node is not None and node.op == "call" else [x]

    def _derived(self, x: int, a: int) -> list[int]:
        return [] if self.program.nodes[x].op == "call" and self.program.nodes[x].args == (a,) else [x]

    def _quantities(self, r: Reading) -> Quantities:
        pairs = [*self.covariances.named, *(e.pair for e in self.recursion.named)]
        read = {a for atom in self.atoms for pair in self.covariances.over(atom) for a in pair}
        sole: dict[int, set[int]] = {}
        for x, y in self._simple_slopes():
            for v in (x, y):
                sole.setdefault(self.names.reduced.frontier(v)[0], set()).add(v)
        one = {a: xs.copy().pop() for a, xs in sole.items() if len(xs) == 1}
        order = sorted(read, key=lambda a: ~a if a < 0 else a)  # a hat where its G-var stands
        return Quantities(r.notation, self.names, order, all(a == b for a, b in pairs), one)

    # lines ------------------------------------------------------------------------------------------------

    def simple(self, atom: Atom) -> bool:
        """Whether an atom is Σ̇ of two NonLins of one variable each."""
        if atom[0] != "slope":
            return False
        return all(len(self.names.reduced.frontier(int(x))) == 1 for x in (atom[1], atom[3]))

    def _simple_slopes(self) -> list[Pair]:
        return [(int(atom[1]), int(atom[3])) for atom in self.atoms if self.simple(atom)]

    def covariance_lines(self) -> list[Line]:
        """Σ of every pair, by Definition B.3."""
        named = sorted(self.covariances.named, key=lambda pair: (max(_node(pair[0]), _node(pair[1])), pair))
        return self._fold([(pair, (), self._covariance(pair)) for pair in named])

    def _covariance(self, pair: Pair) -> Writer:
        summands = self.covariances.named[pair]
        left = self.quantities.covariance
        return lambda names: (
            left(names, *pair),
            "=",
            total([self._summand(names, s) for s in summands], TERMS_PRINTED),
        )

    def _summand(self, names: Names, summand: Summand) -> Formula:
        atoms, below = summand
        named = [] if below is None else [self.quantities.covariance(names, *below)]
        return product([*self.factors(names, atoms), *named])

    def where_lines(self) -> list[Line]:
        """What the vectors and scalars in expectations are."""
        lines = [Written((None, self.names.index(k)), (), self._where(k)) for k in self.mentioned]
        read = {a for pair in self.covariances.named for a in pair}
        lines += [Written((None, None), (), self._mean(a)) for a in sorted(read) if not self.covariances.centred(a)]
        return fold(lines, self.names)

    def _mean(self, a: int) -> Writer:
        """The mean of a Gaussian vector that holds a multiple of the vector of ones."""

        def expected(names: Names, r: int) -> Formula | None:
            if r >= 0 and self.program.nodes[r].op == "ones":
                return Number("1")
            if self.covariances.centred(r):
                return None
            terms = ((t, expected(names, t.vector)) for t in self._terms(r))
            return total([
                product([*self.factors(names, names.reduced.coefficient_atoms(t, TRAIN)),
                *([f] if f != Number("1") else [])])
                for t, f in terms if f is not None
            ])  # fmt: skip

        return lambda names: (Mean(names.vector(a)), "=", expected(names, a) or Number("0"))

    def _where(self, k: int) -> Writer:
        return lambda names: (names.vector(k), "=", self._definition(names, k))

    def _definition(self, names: Names, k: int) -> Formula:
        if k not in names.reduced.contractions:
            return self.definitions.formula(names, k)
        return total([
            product([*self.factors(names, names.reduced.coefficient_atoms(t, TRAIN)), names.vector(t.vector)])
            for t in names.reduced.terms(k)
        ])  # fmt: skip

    def derivative_lines(self) -> list[Line]:
        """Σ̇ of every pair of NonLins of one variable each."""
        atoms = [atom for atom in self.atoms if self.simple(atom)]
        return self._fold([((int(a[1]), int(a[3])), (), self._derivative(a)) for a in sorted(atoms)])

    def _derivative(self, atom: Atom) -> Writer:
        x, y = int(atom[1]), int(atom[3])
        return lambda names: (self.quantities.derivatives(names, x, y), "=", names.expectation(atom))

    def kernel_lines(self) -> list[Line]:
        """C or Θ of every named pair."""
        return self._fold([(e.pair, e.steps, self._kernel(e)) for e in self.recursion.named])

    def _kernel(self, e: Equation) -> Writer:
        replaced = is_covariance(e, self.covariances)
        return lambda names: (self.quantities.kernel(names, *e.pair), "=", self._sum(names, e, replaced))

    def output_lines(self, outputs: int) -> list[Line]:
        """K for the first pairs of outputs."""
        named = [(e, Name("K", f"{e.pair[0]}{e.pair[1]}" if outputs > 1 else "")) for e in self.recursion.kernels]
        return [Line(Call(name, INPUTS), "=", self._sum(self.names, e, False), (), e.steps) for e, name in named]

    def _sum(self, names: Names, e: Equation, replaced: bool) -> Formula:
        kept = [t for t in e.terms if not any(map(self.covariances.vanishes, t.atoms))]
        terms = [t for t in kept if t.pair is not None or not replaced]
        addends = [Addend(self._index(t), self._term(t)) for t in terms]
        if replaced:
            addends.insert(0, Addend((None, None), lambda names: self.quantities.covariance(names, *e.pair)))
        return sum_of(addends, names, TERMS_PRINTED)

    def _term(self, t: Term) -> Callable[[Names], Formula]:
        def write(names: Names) -> Formula:
            named = [] if t.pair is None else [self.quantities.kernel(names, *t.pair)]
            return product([*self.factors(names, t.atoms), *named])

        return write

    def _index(self, t: Term) -> Index:
        """The indices of the two sides of a term: of its pair, or of the second moment that it ends with."""
        moments = [(int(a[1]), int(a[2])) for a in t.atoms if a[0] == "moment2"]
        pair = t.pair or (moments[-1] if moments else None)
        return (self.names.index(pair[0]), self.names.index(pair[1])) if pair else (None, None)

    def _fold(self, lines: Iterable[tuple[Pair, tuple[int, ...], Writer]]) -> list[Line]:
        return fold(
            [Written((self.names.index(a), self.names.index(b)), steps, write) for (a, b), steps, write in lines],
            self.names,
        )

    # factors ----------------------------------------------------------------------------------------------

    def factors(self, names: Names, atoms: Sequence[Atom]) -> list[Formula]:
        """Numbers, variances, scalars, expectations, in this order; what is 1 left out, equal ones as powers."""
        kept = [a for a in sorted(atoms, key=lambda a: _ORDER.get(str(a[0]), 3)) if not names.is_one(a)]
        counted = {a: kept.count(a) for a in kept}
        return [self._factor(names, a) if n == 1 else Power(self._factor(names, a), str(n)) for a, n in counted.items()]

    def _factor(self, names: Names, atom: Atom) -> Formula:
        if self.simple(atom):
            return self.quantities.derivatives(names, int(atom[1]), int(atom[3]))
        if atom[0] == "moment2" and all(self.covariances.centred(int(x)) for x in atom[1:]):
            return self.quantities.covariance(names, int(atom[1]), int(atom[2]))
        return names.expectation(atom)


def _node(r: int) -> int:
    return ~r if r < 0 else r
