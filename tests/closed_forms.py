"""A proved kernel as a number, without quadrature: every expectation atom in closed form.

It knows functions of ONE Gaussian direction: φ of a linear combination of G-vars, φ in {identity, relu, leaky_relu,
abs, erf, sin, cos, z²}. Each is a combination of *pieces* whose joint expectations are in the literature: arc-cosine
(Cho & Saul 2009), arcsine (Williams 1997), trigonometric, Gaussian moments, and Stein's lemma for a linear piece.
Anything else raises `Unsupported`. 50 digits make it safe on the diagonal and for near-duplicate inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tests.precision import MP, Real
from tpproof.program.atoms import Atom, Pair, Ref, Terms
from tpproof.program.constants import Constant
from tpproof.program.model import Kind
from tpproof.program.reduced import Form
from tpproof.proof.prove import Execution

Profile: TypeAlias = Mapping[str, Real]
"""A function of one direction z: piece → coefficient."""
Gram: TypeAlias = Mapping[tuple[int, ...], Real]
"""(instance, instance, input, part, input, part) → ξᵀξ'/d."""


class Unsupported(ValueError):
    """An expectation that has no closed form here."""


# The pieces: "1", "z", "relu" = max(z, 0), "step" = 1[z > 0], "erf", "bell" = exp(−z²), "sin", "cos", "z2" = z².

MEAN: dict[str, Callable[[Real], Real]] = {
    "1": lambda q: MP.one,
    "z": lambda q: MP.zero,
    "relu": lambda q: MP.sqrt(q / (2 * MP.pi)),
    "step": lambda q: MP.one / 2,
    "erf": lambda q: MP.zero,
    "bell": lambda q: 1 / MP.sqrt(1 + 2 * q),
    "sin": lambda q: MP.zero,
    "cos": lambda q: MP.exp(-q / 2),
    "z2": lambda q: q,
}
"""E F(z), Var z = q."""

MEAN_SLOPE: dict[str, Callable[[Real], Real]] = {
    "1": lambda q: MP.zero,
    "z": lambda q: MP.one,
    "relu": lambda q: MP.one / 2,
    "step": lambda q: 1 / MP.sqrt(2 * MP.pi * q),
    "erf": lambda q: 2 / MP.sqrt(MP.pi * (1 + 2 * q)),
    "bell": lambda q: MP.zero,
    "sin": lambda q: MP.exp(-q / 2),
    "cos": lambda q: MP.zero,
    "z2": lambda q: MP.zero,
}
"""E F'(z), Var z = q."""


def angle(q: Real, k: Real, r: Real) -> Real:
    """The angle between two directions of variances q, r and covariance k, by its sine and its cosine."""
    if not (q > 0 and r > 0):
        raise Unsupported("a direction without variance has no angle")
    return MP.atan2(MP.sqrt(max(q * r - k * k, MP.zero)), k)


def relu_relu(q: Real, k: Real, r: Real) -> Real:
    t = angle(q, k, r)
    return MP.sqrt(q * r) * (MP.sin(t) + (MP.pi - t) * MP.cos(t)) / (2 * MP.pi)


def step_step(q: Real, k: Real, r: Real) -> Real:
    return (MP.pi - angle(q, k, r)) / (2 * MP.pi)


def relu_step(q: Real, k: Real, r: Real) -> Real:
    return MP.sqrt(q / (2 * MP.pi)) * (1 + MP.cos(angle(q, k, r))) / 2


def erf_erf(q: Real, k: Real, r: Real) -> Real:
    return 2 / MP.pi * MP.asin(2 * k / MP.sqrt((1 + 2 * q) * (1 + 2 * r)))


def bell_bell(q: Real, k: Real, r: Real) -> Real:
    return 1 / MP.sqrt((1 + 2 * q) * (1 + 2 * r) - 4 * k * k)


def sin_sin(q: Real, k: Real, r: Real) -> Real:
    return MP.exp(-(q + r) / 2) * MP.sinh(k)


def cos_cos(q: Real, k: Real, r: Real) -> Real:
    return MP.exp(-(q + r) / 2) * MP.cosh(k)


def zero(q: Real, k: Real, r: Real) -> Real:
    return MP.zero


JOINT: dict[tuple[str, str], Callable[[Real, Real, Real], Real]] = {
    ("relu", "relu"): relu_relu,
    ("step", "step"): step_step,
    ("relu", "step"): relu_step,
    ("erf", "erf"): erf_erf,
    ("bell", "bell"): bell_bell,
    ("erf", "bell"): zero,  # odd · even
    ("sin", "sin"): sin_sin,
    ("cos", "cos"): cos_cos,
    ("sin", "cos"): zero,
    ("z2", "z2"): lambda q, k, r: q * r + 2 * k * k,
}
"""E F(u) G(v), Var u = q, Cov = k, Var v = r; one order of each pair."""


def joint(first: str, second: str, q: Real, k: Real, r: Real) -> Real:
    """E F(u) G(v) of two pieces."""
    if first == "1" or second == "1":
        return MEAN[first](q) * MEAN[second](r)
    if first == "z":
        return k * MEAN_SLOPE[second](r)  # Stein
    if second == "z":
        return k * MEAN_SLOPE[first](q)
    if (first, second) in JOINT:
        return JOINT[first, second](q, k, r)
    if (second, first) in JOINT:
        return JOINT[second, first](r, k, q)
    raise Unsupported(f"E {first}(u) {second}(v)")


SLOPES: dict[str, dict[str, Real]] = {
    "1": {},
    "z": {"1": MP.one},
    "relu": {"step": MP.one},
    "erf": {"bell": 2 / MP.sqrt(MP.pi)},
    "sin": {"cos": MP.one},
    "cos": {"sin": -MP.one},
    "z2": {"z": MP.mpf(2)},
}
"""F' as a combination of pieces; a step and a bell have none here."""


def slope_of(profile: Profile) -> Profile:
    """The derivative of a function."""
    found: dict[str, Real] = {}
    for piece, c in profile.items():
        if piece not in SLOPES:
            raise Unsupported(f"the derivative of {piece}")
        for other, d in SLOPES[piece].items():
            found[other] = found.get(other, MP.zero) + c * d
    return found


def exact(c: Constant) -> Real:
    """An exact constant to 50 digits."""
    if not isinstance(c, tuple):
        return MP.mpf(c.numerator) / c.denominator
    if c[0] == "pow":
        return MP.power(exact(c[1]), exact(c[2]))
    parts = [exact(part) for part in c[1]]
    return MP.fsum(parts) if c[0] == "add" else MP.fprod(parts)


@dataclass(frozen=True)
class Read:
    """A function of one Gaussian direction at one instance."""

    instance: int
    direction: Ref
    profile: Profile


class ClosedForms:
    """Numbers for the covariances, atoms and kernels of a proof.

    Parameters
    ----------
    execution
        Of a proof, without contractions.
    gram
        ξᵀξ'/d of every two input parts, at both instances.
    """

    def __init__(self, execution: Execution, gram: Gram) -> None:
        self.execution, self.form, self.program, self.gram = execution, execution.form, execution.form.program, gram
        if self.form.contractions:
            raise Unsupported("a contraction: several directions")
        self._covariances: dict[tuple[int, Ref, int, Ref], Real] = {}
        self._atoms: dict[Atom, Real] = {}
        self._sums: dict[frozenset[str] | None, dict[Pair, Real]] = {}

    def covariance(self, s: int, a: Ref, r: int, b: Ref) -> Real:
        """E[Z^a Z^b], a at instance s and b at instance r."""
        key = min((s, a, r, b), (r, b, s, a))
        if key not in self._covariances:
            self._covariances[key] = self._covariance(*key)
        return self._covariances[key]

    def _covariance(self, s: int, a: Ref, r: int, b: Ref) -> Real:
        forms = self.form.form(a), self.form.form(b)
        if Form.LINEAR in forms:
            pairs = ((c * d, x, y) for c, x in self._summands(s, a) for d, y in self._summands(r, b))
            return MP.fsum(w * self.covariance(s, x, r, y) for w, x, y in pairs)
        if forms == (Form.BASE, Form.BASE):
            return self._gaussian(s, a, r, b)
        return self.expectation(self._read(s, a), self._read(r, b))

    def _summands(self, s: int, a: Ref) -> list[tuple[Real, Ref]]:
        if self.form.form(a) is not Form.LINEAR:
            return [(MP.one, a)]
        if not self.form.terms(a):
            raise Unsupported("a constant vector: directions with a mean")
        atoms = [(self.form.coefficient_atoms(t, s), t.vector) for t in self.form.terms(a)]
        return [(MP.fprod(self.atom(x) for x in weight), vector) for weight, vector in atoms]

    def _gaussian(self, s: int, a: Ref, r: int, b: Ref) -> Real:
        """ZInit and ZHat (64)."""
        if self.program.symbol(a) != self.program.symbol(b):
            return MP.zero
        p, transposed = self.program.symbol(a)
        variance = exact(self.program.parameters[p].variance(transposed))
        node, other = self.program.nodes[a], self.program.nodes[b]
        if node.op == "embed":
            return variance * self.gram[s, r, *node.data[1:], *other.data[1:]]
        return variance * (self.covariance(s, node.args[0], r, other.args[0]) if node.op == "matmul" else 1)

    def _read(self, s: int, a: Ref) -> Read:
        """A G-var as its own identity, or a NonLin of one direction."""
        if self.form.form(a) is Form.BASE:
            return Read(s, a, {"z": MP.one})
        if len(self.form.frontier(a)) != 1:
            raise Unsupported(f"node {a} reads {len(self.form.frontier(a))} directions")
        (direction,) = self.form.frontier(a)
        return Read(s, direction, self._profile(a, direction))

    def _profile(self, a: Ref, direction: Ref) -> Profile:
        node, vectors = self.program.nodes[a], [k for k in self.program.nodes[a].args if self._is_vector(k)]
        if any(k != direction for k in vectors):
            raise Unsupported(f"node {a} is a function of a function")
        if node.op == "mul" and len(vectors) == 2:
            return {"z2": MP.fprod(self._number(k) for k in node.args if k != direction)}
        if node.op == "pow" and node.data == (2,):
            return {"z2": MP.one}
        if node.op == "call" and node.data[0] in ("relu", "erf", "sin", "cos"):
            return {node.data[0]: MP.one}
        if node.op == "call" and node.data[0] == "abs":
            return {"relu": MP.mpf(2), "z": -MP.one}
        if node.op == "call" and node.data[0] == "leaky_relu":
            left = self._number(node.args[1])
            return {"relu": 1 - left, "z": left}
        raise Unsupported(f"{node.op} {node.data}")

    def _is_vector(self, k: int) -> bool:
        return self.program.kinds[k] is Kind.VECTOR

    def _number(self, k: int) -> Real:
        if self.program.nodes[k].op != "const":
            raise Unsupported("a scalar inside a NonLin")
        return exact(self.program.nodes[k].data[0])

    def expectation(self, first: Read, second: Read) -> Real:
        """E F(u) G(v), the directions u and v jointly Gaussian."""
        s, r, u, v = first.instance, second.instance, first.direction, second.direction
        q, k, t = self.covariance(s, u, s, u), self.covariance(s, u, r, v), self.covariance(r, v, r, v)
        pieces = ((c * d, f, g) for f, c in first.profile.items() for g, d in second.profile.items())
        return MP.fsum(w * joint(f, g, q, k, t) for w, f, g in pieces)

    def _slope(self, s: int, x: int, a: Ref) -> Read:
        read = self._read(s, x)
        if read.direction != a:
            raise Unsupported(f"∂ of node {x} by {a}, which it does not read")
        return Read(s, a, slope_of(read.profile))

    def atom(self, atom: Atom) -> Real:
        """The value of an atom."""
        if atom not in self._atoms:
            self._atoms[atom] = self._atom(atom)
        return self._atoms[atom]

    def _atom(self, atom: Atom) -> Real:
        kind, *rest = atom
        r = [int(i) for i in rest]
        match kind:
            case "sigma2":
                return exact(self.program.parameters[r[0]].variance(bool(r[1])))
            case "kappa":
                return exact(self.program.parameters[r[0]].rate(bool(r[1])))
            case "gram":
                return self.gram[0, 1, *r]
            case "moment2":
                return self.covariance(0, r[0], 1, r[1])
            case "slope":
                return self.expectation(self._slope(0, r[0], r[1]), self._slope(1, r[2], r[3]))
            case "slope1":
                one = self._slope(*r)
                return self.expectation(one, Read(one.instance, one.direction, {"1": MP.one}))
            case "number":
                return self._number(r[0])
        raise Unsupported(f"the atom {kind}")

    def kernel(self, o: int = 0, p: int = 0, only: Collection[str] | None = None) -> Real:
        """K_op, by (96) along the path sums; with ``only``, the part that the named parameters contribute."""
        trained = None if only is None else frozenset(only)
        return self._total(self.execution.kernels[o, p], self._path_sums(trained), trained)

    def _path_sums(self, only: frozenset[str] | None) -> Mapping[Pair, Real]:
        if only not in self._sums:
            values = self._sums[only] = {}
            for pair, terms in self.execution.sums.items():
                values[pair] = self._total(terms, values, only)
        return self._sums[only]

    def _total(self, terms: Terms, values: Mapping[Pair, Real], only: frozenset[str] | None) -> Real:
        products = (
            MP.fprod(self.atom(a) for a in weight) * (MP.one if ref is None else values[ref])
            for weight, ref in terms
            if all(only is None or a[0] != "kappa" or self.program.parameters[int(a[1])].name in only for a in weight)
        )
        return MP.fsum(products)

    def nngp(self, o: int = 0, p: int = 0) -> Real:
        """Cov(f̃_o, f_p) at initialization."""
        first, second = self.program.outputs[o], self.program.outputs[p]
        other, parameters = dict(second.terms), self.program.parameters
        shared = [(v, x, other[v]) for v, x in first.terms if v in other]
        total = MP.fsum(exact(parameters[v].variance()) * self.covariance(0, x, 1, y) for v, x, y in shared)
        bias = first.bias if first.bias == second.bias else None
        return total if bias is None else total + exact(parameters[bias].variance())
