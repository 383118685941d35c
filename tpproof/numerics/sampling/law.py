"""The limit law of a program (Definition B.3) on sample points: every Z at ξ̃ and at ξ, and their derivatives.

Covariances are computed in program order from the points themselves; scalars are means, and a contracted MatMul
is its hat plus the multiples of Z^y that ZDot (65) gives it. Derivatives of a NonLin by all of its frontier come from
one reverse sweep.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tpproof.numerics.functions import Array, slope, value
from tpproof.numerics.sampling.gaussians import Gaussians
from tpproof.program.atoms import Atom, Ref
from tpproof.program.constants import to_float
from tpproof.program.model import Kind, Program
from tpproof.program.reduced import Form, LinearTerm, Reduced

INSTANCES = (0, 1)
"""ξ̃ and ξ."""
BLOCK = 512
"""Points of one matrix product; a power of 2, as the number of points is."""


@dataclass(frozen=True)
class Affine:
    """A linear combination of base Gaussians plus a number (multiples of the vector of ones)."""

    combination: Array
    constant: float


def base_numbers(program: Program, form: Reduced) -> dict[tuple[int, Ref], int]:
    """A number for every base Gaussian at each instance; a vector parameter is one variable in both."""
    found: dict[tuple[int, Ref], int] = {}
    count = 0
    for k in program.gvars:
        shared = program.nodes[k].op == "param"
        for s in INSTANCES:
            found[s, form.base(k)] = count if shared else count + s
        count += 1 if shared else 2
    return found


class Law:
    """The Z's of one program at two inputs, on one set of points.

    Parameters
    ----------
    form
        The limit form of the program.
    gram
        ``gram[s, a, r, b]`` = ξᵀξ'/d of part a at instance s and part b at instance r.
    normals
        Standard normal points, one row a dimension.
    """

    def __init__(self, form: Reduced, gram: Array, normals: Array) -> None:
        self.form, self.program, self.gram = form, form.program, gram
        self.points: int = normals.shape[1]
        self.number = base_numbers(self.program, form)
        bases = 1 + max(self.number.values(), default=-1)
        self.gaussians = Gaussians(bases, normals)
        self._first_part = np.cumsum([0, *(i.parts for i in self.program.inputs)])
        self._affine: dict[tuple[int, Ref], Affine] = {}
        self._z: dict[tuple[int, Ref], Array] = {}
        self._scalars: dict[tuple[int, int], float] = {}
        self._slopes: dict[tuple[int, int], Array] = {}
        self._same_symbol: dict[tuple[int, bool], list[tuple[int, int]]] = {}
        self._variances: dict[tuple[int, bool], float] = {}
        self._exact = self._exact_symbols()
        for k in range(len(self.program.nodes)):
            for s in INSTANCES:
                self._evaluate(s, k)

    def _exact_symbols(self) -> set[tuple[int, bool]]:
        """Matrices that multiply linear combinations of G-vars only: their covariances need no sample.

        With one sampled covariance among a matrix's, all are sampled: only then do they fit together (C ⪰ 0).
        """
        nodes, sampled, symbols = self.program.nodes, set(), set()
        for k in self.program.gvars:
            symbols.add(self.program.symbol(k))
            if nodes[k].op == "matmul" and not self.form.g_linear(nodes[k].args[0]):
                sampled.add(self.program.symbol(k))
        return symbols - sampled

    # values -------------------------------------------------------------------------------------------

    def _evaluate(self, s: int, k: int) -> None:
        node, form = self.program.nodes[k], self.form
        if self.program.kinds[k] is not Kind.VECTOR:
            self._scalars[s, k] = self._scalar(s, k)
            return
        if node.op in ("embed", "param", "matmul"):
            self._new_base(s, k)
        if node.op == "ones":
            self._affine[s, k] = Affine(np.zeros(len(self.gaussians.covariance)), 1.0)
        elif form.g_linear(k):
            if form.form(k) is Form.LINEAR:
                self._affine[s, k] = self._combined(s, k)
        elif form.form(k) is Form.LINEAR:
            parts = [self.coefficient(s, t) * self.z(s, t.vector) for t in form.terms(k)]
            self._z[s, k] = sum(parts[1:], start=parts[0])
        else:
            self._z[s, k] = value(node, [self._read(s, a) for a in node.args])

    def _scalar(self, s: int, k: int) -> float:
        node = self.program.nodes[k]
        if node.op == "mean":
            return self.mean(s, node.args[0])
        return float(value(node, [self._scalars[s, a] for a in node.args]))

    def _combined(self, s: int, k: int) -> Affine:
        parts = [(self.coefficient(s, t), self._affine[s, t.vector]) for t in self.form.terms(k)]
        combination = sum((c * a.combination for c, a in parts), start=np.zeros(len(self.gaussians.covariance)))
        return Affine(combination, sum(c * a.constant for c, a in parts))

    def _new_base(self, s: int, k: int) -> None:
        """ZInit, ZHat (64): the covariances of one more base Gaussian with those of its symbol."""
        base = self.form.base(k)
        i = self.number[s, base]
        combination = np.zeros(len(self.gaussians.covariance))
        combination[i] = 1.0
        self._affine[s, base] = Affine(combination, 0.0)
        earlier = self._same_symbol.setdefault(self.program.symbol(k), [])
        earlier.append((s, k))
        for r, j in earlier:
            other = self.number[r, self.form.base(j)]
            covariance = self._covariance(s, k, r, j)
            self.gaussians.covariance[i, other] = self.gaussians.covariance[other, i] = covariance

    def _variance(self, symbol: tuple[int, bool]) -> float:
        """σ² of a parameter or a transposed matrix: exact arithmetic, done once."""
        if symbol not in self._variances:
            self._variances[symbol] = to_float(self.program.parameters[symbol[0]].variance(symbol[1]))
        return self._variances[symbol]

    def _covariance(self, s: int, k: int, r: int, j: int) -> float:
        node, other = self.program.nodes[k], self.program.nodes[j]
        variance = self._variance(self.program.symbol(k))
        if node.op == "embed":
            return variance * self.gram_entry(s, r, node.data[1:], other.data[1:])
        if node.op == "param":
            return variance
        return variance * self._moment(s, node.args[0], r, other.args[0], self.program.symbol(k) in self._exact)

    def gram_entry(self, s: int, r: int, a: tuple[int, int], b: tuple[int, int]) -> float:
        """ξᵀξ'/d of (input, part) a at instance s and b at instance r."""
        return float(self.gram[s, self._first_part[a[0]] + a[1], r, self._first_part[b[0]] + b[1]])

    def _moment(self, s: int, x: int, r: int, y: int, exact: bool) -> float:
        """E[Z^x Z^y], of linear combinations of Gaussians without a sample if `exact`."""
        if exact:
            one, two = self._affine[s, x], self._affine[r, y]
            linear = one.combination @ self.gaussians.covariance @ two.combination
            return float(linear) + one.constant * two.constant
        return float(np.einsum("i,i->", self.z(s, x), self.z(r, y))) / self.points  # a dot product would start threads

    def z(self, s: int, r: Ref) -> Array:
        """The sample of a vector; one of a linear combination of Gaussians is drawn when it is first asked for."""
        if (s, r) not in self._z:
            affine = self._affine[s, r]
            if affine.combination.any():
                self._z[s, r] = self.gaussians.draw(affine.combination) + affine.constant
            else:
                self._z[s, r] = np.full(self.points, affine.constant)
        return self._z[s, r]

    def _read(self, s: int, a: int) -> Array | float:
        """An argument of a coordinatewise node: a sample, or a number."""
        return self.z(s, a) if self.program.kinds[a] is Kind.VECTOR else self._scalars[s, a]

    def coefficient(self, s: int, term: LinearTerm) -> float:
        """The multiple of a summand: constants and scalars, or ZDot's σ² E[∂Z^x/∂Ẑ]."""
        return math.prod((self.atom(a) for a in self.form.coefficient_atoms(term, s)), start=1.0)

    # numbers ------------------------------------------------------------------------------------------

    def mean(self, s: int, x: Ref) -> float:
        """E[Z^x]."""
        return self._affine[s, x].constant if self.form.g_linear(x) else float(np.mean(self.z(s, x)))

    def moment2(self, s: int, x: Ref, r: int, y: Ref) -> float:
        """E[Z^x Z^y] of x at instance s and y at instance r; exact where both are linear combinations of Gaussians."""
        return self._moment(s, x, r, y, self.form.g_linear(x) and self.form.g_linear(y))

    def moment4(self, s: int, x: Ref) -> float:
        """E[(Z^x)⁴]: 3v² + 6vc² + c⁴ for a Gaussian of variance v and mean c."""
        if not self.form.g_linear(x):
            return float(np.mean(self.z(s, x) ** 4))
        c = self._affine[s, x].constant
        v = self._moment(s, x, s, x, True) - c * c
        return 3 * v * v + 6 * v * c * c + c**4

    def scalar(self, s: int, k: int) -> float:
        """θ̊ of a Moment, or of a function of Moments."""
        return self._scalars[s, k]

    # derivatives --------------------------------------------------------------------------------------

    def slopes(self, s: int, x: int) -> Array:
        """∂Z^x/∂(its frontier), one row for each frontier variable: one reverse sweep over x's definition."""
        if (s, x) not in self._slopes:
            frontier = self.form.frontier(x)
            found = np.zeros((len(frontier), self.points))
            row = {r: i for i, r in enumerate(frontier)}
            for r, part in self._sweep(s, x):
                if r in row:
                    found[row[r]] += part
            self._slopes[s, x] = found
        return self._slopes[s, x]

    def _sweep(self, s: int, x: int) -> Iterator[tuple[Ref, Array | float]]:
        """(linear combination of Gaussians, what one of its readers passes back), readers before what they read."""
        back: dict[int, Array | float] = {x: 1.0}
        while back:
            k = max(back)
            signal = back.pop(k)
            for r, derivative in self.reads(s, k):
                if self.form.g_linear(r):
                    yield r, signal * derivative
                else:
                    back[r] = back.get(r, 0.0) + signal * derivative

    def reads(self, s: int, k: int) -> Iterator[tuple[Ref, Array | float]]:
        """What a vector reads and its partial derivatives; nothing flows back through scalars (D.4.5)."""
        if self.form.form(k) is Form.LINEAR:
            for t in self.form.terms(k):
                yield t.vector, self.coefficient(s, t)
            return
        node = self.program.nodes[k]
        args = [self._read(s, a) for a in node.args]
        for i, a in enumerate(node.args):
            if self.program.kinds[a] is Kind.VECTOR:
                yield a, slope(node, args, i)

    def _mean_slope(self, s: int, x: int, r: Ref) -> float:
        return float(np.mean(self.slopes(s, x)[self.form.frontier(x).index(r)]))

    def _response(self, s: int, x: int, base: Ref) -> float:
        """E[∂Z^x/∂Ẑ], unwound through the frontier to the base Gaussians (Remark B.5)."""
        i = self.number[s, base]
        if self.form.g_linear(x):
            return float(self._affine[s, x].combination[i])
        through = [self._affine[s, r].combination[i] for r in self.form.frontier(x)]
        return float(np.mean(np.array(through) @ self.slopes(s, x)))

    # atoms --------------------------------------------------------------------------------------------

    def atom(self, atom: Atom) -> float:
        """The number of an expectation atom (slopes of a pair of NonLins: see `slope_products`)."""
        kind, *rest = atom
        r = [int(i) for i in rest]
        parameters = self.program.parameters
        match kind:
            case "sigma2":
                return self._variance((int(r[0]), bool(r[1])))
            case "kappa":
                return to_float(parameters[r[0]].rate(bool(r[1])))
            case "gram":
                return self.gram_entry(0, 1, (r[0], r[1]), (r[2], r[3]))
            case "moment2":
                return self.moment2(0, r[0], 1, r[1])
            case "slope1":
                return self._mean_slope(r[0], r[1], r[2])
            case "response":
                return self._response(r[0], r[1], r[2])
            case "scalar":
                return self._scalars[r[0], r[1]]
            case "number":
                return to_float(self.program.nodes[r[0]].data[0])
        raise ValueError(f"{kind} is no atom of one vector")

    def slope_products(self, x: int, y: int) -> Array:
        """E[∂_a Z^x̃ · ∂_b Z^y] for all a, b of the two frontiers: a matrix product, block by block of points."""
        first, second = (_blocks(self.slopes(s, r)) for s, r in ((0, x), (1, y)))
        product: Array = np.matmul(first, second.transpose(0, 2, 1)).sum(axis=0) / self.points
        return product


def _blocks(rows: Array) -> Array:
    """``[block, row, point]``. BLAS starts threads for longer rows: next to other work they wait for each other."""
    return rows.reshape(len(rows), -1, min(BLOCK, rows.shape[1])).transpose(1, 0, 2)
