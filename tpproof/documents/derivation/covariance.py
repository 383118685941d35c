"""Covariances of the Gaussian vectors by Definition B.3: what the expectations in a kernel are taken over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tpproof.documents.derivation.names import Names
from tpproof.program.atoms import TEST, TRAIN, Atom
from tpproof.program.reduced import Form, LinearTerm

Pair = tuple[int, int]
Summand = tuple[tuple[Atom, ...], "Pair | None"]
"""A product of atoms, times the covariance of a pair."""
NESTED = 8
"""Linear combinations that are written out inside each other."""


class Covariances:
    """E[Z^ã Z^b] for linear combinations of base Gaussians: sums of atoms and covariances named before."""

    def __init__(self, names: Names) -> None:
        self.names, self.reduced, self.program = names, names.reduced, names.program
        self.named: dict[Pair, tuple[Summand, ...]] = {}
        self._readers: dict[int, int] = {}
        self._centred: dict[int, bool] = {}
        for node in self.program.nodes:
            for a in set(node.args):
                self._readers[a] = self._readers.get(a, 0) + 1

    def need(self, pairs: Iterable[Pair]) -> list[Atom]:
        """Name these pairs and all that they rest on; what expectations these hold."""
        todo, found = [p for p in pairs if self.reduced.meets(*p)], []
        while todo:
            pair = todo.pop()
            if pair in self.named:
                continue
            self.named[pair] = tuple(self._summands(pair))
            for atoms, below in self.named[pair]:
                todo += [below] if below is not None else []
                found += [atom for atom in atoms if atom[0] in ("moment2", "scalar")]
            found += [atom for r in set(pair) for atom in self._in_mean(r)]
        return found

    def _in_mean(self, r: int) -> list[Atom]:
        """The scalars in the mean of a Gaussian vector."""
        if self.centred(r) or self.reduced.form(r) is not Form.LINEAR:
            return []
        terms = [t for t in self.reduced.terms(r) if not self.centred(t.vector)]
        own = [atom for t in terms for atom in self.reduced.coefficient_atoms(t, TRAIN) if atom[0] == "scalar"]
        return [*own, *(atom for t in terms for atom in self._in_mean(t.vector))]

    def centred(self, r: int) -> bool:
        """Whether a vector is a linear combination of base Gaussians, with no multiple of the vector of ones."""
        if r in self._centred:
            return self._centred[r]
        stack = [r]
        while stack:
            top = stack[-1]
            if top < 0 or self.reduced.form(top) is Form.BASE or not self.reduced.g_linear(top):
                self._centred[stack.pop()] = top < 0 or self.reduced.g_linear(top)
                continue
            below = [t.vector for t in self.reduced.terms(top)]
            missing = [v for v in below if v not in self._centred]
            if missing:
                stack += missing
            else:
                ones = self.program.nodes[top].op == "ones"
                self._centred[stack.pop()] = not ones and all(self._centred[v] for v in below)
        return self._centred[r]

    def frontier(self, x: int) -> tuple[int, ...]:
        """The Gaussian vectors that a vector is a function of."""
        return (x,) if self.reduced.g_linear(x) else self.reduced.frontier(x)

    def over(self, atom: list[Any] | Atom) -> list[Pair]:
        """The pairs whose covariances an expectation needs, within one input and across."""
        kind, *r = atom
        if kind == "moment2":
            return self._around(self.frontier(int(r[0])), self.frontier(int(r[1])))
        if kind == "slope":
            return self._around(self.frontier(int(r[0])), self.frontier(int(r[2])))
        if kind in ("slope1", "response"):
            return self._around(self.frontier(int(r[1])), ())
        return []

    @staticmethod
    def _around(left: tuple[int, ...], right: tuple[int, ...]) -> list[Pair]:
        within = [(a, b) for some in (left, right) for k, a in enumerate(some) for b in some[k:]]
        return [*within, *((a, b) for a in left for b in right)]

    def _summands(self, pair: Pair, depth: int = 0) -> Iterable[Summand]:
        a, b = pair
        left, right = self.reduced.form(a), self.reduced.form(b)
        if left is Form.BASE and right is Form.BASE:
            yield from self._base(a, b)
            return
        for u, first in self._terms(a, left, TEST):
            for v, second in self._terms(b, right, TRAIN):
                if not self.reduced.meets(u, v):
                    continue
                for atoms, below in self._below(u, v, depth):
                    yield (*first, *second, *atoms), below

    def _terms(self, r: int, form: Form, instance: int) -> list[tuple[int, tuple[Atom, ...]]]:
        terms = self.reduced.terms(r) if form is Form.LINEAR else (LinearTerm(r),)
        return [(t.vector, self.reduced.coefficient_atoms(t, instance)) for t in terms]

    def _below(self, u: int, v: int, depth: int) -> Iterable[Summand]:
        """A covariance inside another: written out where its vectors stand nowhere else."""
        forms = (self.reduced.form(u), self.reduced.form(v))
        passing = all(f is Form.BASE or self._readers.get(r, 0) == 1 for r, f in zip((u, v), forms, strict=True))
        return self._summands((u, v), depth + 1) if passing and depth < NESTED else [((), (u, v))]

    def _base(self, a: int, b: int) -> Iterable[Summand]:
        g, k = (self.program.nodes[self.reduced.gvar(r)] for r in (a, b))
        variance: Atom = ("sigma2", g.data[0], int(g.op == "matmul" and g.data[1]))
        if g.op == "embed":
            yield (variance, ("gram", *g.data[1:], *k.data[1:])), None
        elif g.op == "param":
            yield (variance,), None
        elif not (self.centred(g.args[0]) and self.centred(k.args[0])):
            yield (variance, ("moment2", g.args[0], k.args[0])), None
        elif self.reduced.meets(g.args[0], k.args[0]):
            yield (variance,), (g.args[0], k.args[0])

    def vanishes(self, atom: Atom) -> bool:
        """Whether an atom is the covariance of independent Gaussian vectors."""
        if atom[0] != "moment2":
            return False
        x, y = int(atom[1]), int(atom[2])
        return self.centred(x) and self.centred(y) and not self.reduced.meets(x, y)
