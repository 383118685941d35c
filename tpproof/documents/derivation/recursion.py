"""The kernel's recursion, read off the C and K96 steps: which sums are named, and what the others are put into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tpproof.documents.derivation.covariance import Covariances, Pair
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.reading import Reading, Step
from tpproof.program.atoms import Atom

NAMED_ABOVE = 2
"""Terms of a sum that is used more than once and gets a name."""
TERMS_EXPANDED = 40
"""Terms up to which sums are put into the one sum that uses them."""
OUTPUT_PAIRS_SHOWN = 9


@dataclass(frozen=True)
class Term:
    """A product of atoms, times a named sum: the pair that it is about."""

    atoms: tuple[Atom, ...]
    pair: Pair | None


@dataclass(frozen=True)
class Equation:
    """A sum, and the steps that it states; ``steps[-1]`` is the one whose sum it is, the others are put into it."""

    pair: Pair
    terms: tuple[Term, ...]
    steps: tuple[int, ...]


class Recursion:
    """The named sums C(ã, b) and the kernels, for the first pairs of outputs."""

    def __init__(self, r: Reading, names: Names) -> None:
        self._steps, self._atoms = r.steps, [tuple(atom) for atom in r.data["atoms"]]
        self._names = names
        kernels = [s for s in r.steps if s["rule"] == "path-sum"]
        self.omitted = max(0, len(kernels) - OUTPUT_PAIRS_SHOWN)
        kernels = kernels[:OUTPUT_PAIRS_SHOWN]
        below = self._below(kernels)
        named = self._named(below, kernels)
        self._sums: dict[int, tuple[tuple[Term, ...], tuple[int, ...]]] = {}
        self.named = [self._equation(k) for k in below if self._put(k, named)]
        self.kernels = [self._equation(s["id"]) for s in kernels if self._put(s["id"], {s["id"]})]

    def _terms(self, k: int) -> list[list[object]]:
        """The terms of a sum that do not vanish."""
        zero = self._names.zero
        return [t for t in self._steps[k]["conclusion"][3] if not zero.intersection(t[0])]

    def _below(self, kernels: list[Step]) -> list[int]:
        """The C steps that the kernels rest on, ascending."""
        needed: set[int] = set()
        todo = [s["id"] for s in kernels]
        while todo:
            for _, ref, *_ in self._terms(todo.pop()):
                if isinstance(ref, int) and ref >= 0 and ref not in needed:
                    needed.add(ref)
                    todo.append(ref)
        return sorted(needed)

    def _named(self, below: list[int], kernels: list[Step]) -> set[int]:
        """Sums of the Gaussian vectors that functions read; others where they are long and used more than once."""
        uses: Counter[int] = Counter()
        read: set[int] = set()
        images: set[int] = set()
        for k in [*below, *(s["id"] for s in kernels)]:
            refs = [(t[1], len(t) > 2) for t in self._terms(k)]
            uses.update(ref for ref, _ in refs if isinstance(ref, int))
            images.update(ref for ref, image in refs if image and isinstance(ref, int))
            if self._steps[k]["rule"] == "path-nonlin":
                read.update(ref for ref, _ in refs if isinstance(ref, int))
        long = {k for k in below if uses[k] > 1 and len(self._terms(k)) > NAMED_ABOVE}
        return images | long | (read & set(below))

    def _put(self, k: int, named: set[int]) -> bool:
        """Write one sum out; True if it has a name, and so is not put into others."""
        terms: list[Term] = []
        steps: list[int] = []
        for positions, ref, *image in self._terms(k):
            atoms = tuple(self._atoms[a] for a in positions)  # type: ignore[attr-defined]
            if ref == -1:
                terms.append(Term(atoms, None))
            elif ref in named or image:
                terms.append(Term(atoms, self._pair(ref, image)))  # type: ignore[arg-type]
            else:
                inner, inside = self._sums[ref]  # type: ignore[index]
                terms += [Term((*atoms, *t.atoms), t.pair) for t in inner]
                steps += inside
        self._sums[k] = tuple(terms), (*dict.fromkeys(steps), k)
        if k not in named and len(terms) > TERMS_EXPANDED:
            named.add(k)
        return k in named

    def _pair(self, ref: int, image: Sequence[object]) -> Pair:
        a, b = image[0] if image else self._steps[ref]["conclusion"][1:3]  # type: ignore[misc]
        return int(a), int(b)

    def _equation(self, k: int) -> Equation:
        terms, steps = self._sums[k]
        a, b = self._steps[k]["conclusion"][1:3]
        return Equation((a, b), terms, steps)


def is_covariance(equation: Equation, covariances: Covariances) -> bool:
    """Whether the terms that training itself adds are the covariance of the pair, term by term (σ² = κ)."""
    known = covariances.named.get(equation.pair)
    sources = [t for t in equation.terms if t.pair is None and not any(map(covariances.vanishes, t.atoms))]
    if known is None or not sources:
        return False
    wanted = [_plain((*atoms, *([("moment2", *pair)] if pair else [])), covariances) for atoms, pair in known]
    found = [_plain(t.atoms, covariances) for t in sources]
    return None not in found and sorted(map(repr, wanted)) == sorted(map(repr, found))


def _plain(atoms: Sequence[Atom], covariances: Covariances) -> tuple[Atom, ...] | None:
    """A product in one order, κ as σ² where they are equal; None where they are not."""
    found: list[Atom] = []
    for atom in atoms:
        if atom[0] != "kappa":
            found.append(atom)
            continue
        parameter, transposed = covariances.program.parameters[int(atom[1])], bool(atom[2])
        if parameter.variance(transposed) != parameter.rate(transposed):
            return None
        found.append(("sigma2", *atom[1:]))
    return tuple(sorted(found))
