"""Sums over pairs of paths, and the kernel, as numbers: the proof's recursion on one sample of the limit law."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from tpproof.numerics.functions import Array
from tpproof.numerics.sampling.law import Law
from tpproof.program.atoms import Atom, Pair, Terms, moment2
from tpproof.program.constants import to_float
from tpproof.proof.prove import Execution


class PathSums:
    """C of every pair and Proposition D.3's terms, with one parameter trained at a time.

    Every product of atoms that starts a path has one κ, that of the parameter that is moved.
    """

    def __init__(self, law: Law, execution: Execution) -> None:
        self.law, self.execution, self.program = law, execution, law.program
        self._numbers: dict[Atom, float] = {}
        self._products: dict[tuple[int, int], Array] = {}

    def number(self, atom: Atom) -> float:
        """The value of an atom; each is computed once."""
        if atom not in self._numbers:
            self._numbers[atom] = self._value(atom)
        return self._numbers[atom]

    def _value(self, atom: Atom) -> float:
        if atom[0] != "slope":
            return self.law.atom(atom)
        x, a, y, b = (int(i) for i in atom[1:])
        if (x, y) not in self._products:
            self._products[x, y] = self.law.slope_products(x, y)
        form = self.law.form
        return float(self._products[x, y][form.frontier(x).index(a), form.frontier(y).index(b)])

    @cached_property
    def sums(self) -> dict[Pair, Array]:
        """C of every pair, by parameters."""
        found: dict[Pair, Array] = {}
        for pair, terms in self.execution.every_sum.items():
            found[pair] = self._total(terms, found)
        return found

    def _total(self, terms: Terms, sums: dict[Pair, Array]) -> Array:
        found = np.zeros(len(self.program.parameters))
        for weight, ref in terms:
            product = math.prod(self.number(a) for a in weight)
            if ref is not None:
                found += product * sums[ref]
            else:
                [moved] = [int(a[1]) for a in weight if a[0] == "kappa"]
                found[moved] += product
        return found

    @cached_property
    def kernel(self) -> Array:
        """``[parameter, o, p]``: K_op(ξ̃, ξ) by parameters."""
        count = len(self.program.outputs)
        found = np.zeros((len(self.program.parameters), count, count))
        for (o, p), terms in self.execution.kernels.items():
            found[:, o, p] = self._total(terms, self.sums)
        return found


def output_moments(law: Law) -> Array:
    """``[o, p]``: E[f_o f_p] at initialization."""
    outputs, parameters = law.program.outputs, law.program.parameters
    found = np.zeros((len(outputs), len(outputs)))
    for o, first in enumerate(outputs):
        for p, second in enumerate(outputs):
            for v, x in first.terms:
                for w, y in second.terms:
                    if v == w:
                        found[o, p] += to_float(parameters[v].variance()) * law.atom(moment2(x, y))
            if first.bias is not None and first.bias == second.bias:
                found[o, p] += to_float(parameters[first.bias].variance())
    return found
