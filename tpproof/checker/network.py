"""The canonical network: validation, and what the rules read off it.

Everything is computed in one pass in node order, without recursion; sets of symbols and of G-vars are bit masks.
"""

import re
from fractions import Fraction
from functools import reduce
from math import prod
from operator import or_
from typing import Any, NamedTuple

from .limits import MAX_DECLARED, MAX_DIGITS, MAX_ITEMS, MAX_MASK_BITS, MAX_NODES
from .report import Declined, Rejected, exactly, require, within

Atom = tuple[Any, ...]
Symbol = tuple[int, int]
#: A reference that something reads: its support, itself, and the weights with which it is read at ξ̃ and at ξ.
Item = tuple[int, int, tuple[Atom, ...], tuple[Atom, ...]]

#: A reference with the weights with which a linear form reads it, as the network writes it.
Part = tuple[tuple[Atom, ...], tuple[Atom, ...], int]

ONE_ARGUMENT = ["tanh", "erf", "sin", "cos", "exp", "sigmoid", "softplus", "gelu", "silu", "relu", "abs", "step"]
RESERVED = {*ONE_ARGUMENT, "leaky_relu", "identity", "sqrt", "softmax", "mean", "ones", "zeros"}
NETWORK_KEYS = {"format", "version", "inputs", "parameters", "functions", "nodes", "outputs"}
PARAMETER_KINDS = {"embedding", "matrix", "bias", "readout", "output_bias"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FRACTION = re.compile(r"-?[0-9]+(/[1-9][0-9]*)?")


class Parameter(NamedTuple):
    """A declared parameter; `trained` means lr ≠ 0."""

    kind: str
    trained: bool


def keys(value: Any, expected: set[str], code: str, what: str) -> None:
    """Require an object with exactly these keys."""
    if type(value) is not dict or value.keys() != expected:
        raise Rejected(code, f"{what}: keys {sorted(expected)}", value)


def index(value: Any, end: int) -> bool:
    """Whether `value` is an integer (not a bool) from 0 to `end` - 1."""
    return type(value) is int and 0 <= value < end


def entries(value: Any, limit: int, what: str) -> list[Any]:
    """Require a list, and decline a too long one."""
    require(type(value) is list, "network", f"{what}: a list", value)
    within(len(value), limit, what)
    return list(value)


def fraction(value: Any) -> Fraction:
    """Read ``"p"`` or ``"p/q"`` in lowest terms."""
    require(type(value) is str, "network", "a fraction", value)
    within(len(value), MAX_DIGITS, "characters of a fraction")
    require(_FRACTION.fullmatch(value) is not None, "network", "a fraction", value)
    require(str(Fraction(value)) == value, "network", f"a fraction in lowest terms, {Fraction(value)}", value)
    return Fraction(value)


def sign(constant: Any) -> int | None:
    """Validate a constant and return its sign, or None where that needs more than signs (recursion ≤ MAX_DEPTH)."""
    match constant:
        case str():
            return (fraction(constant) > 0) - (fraction(constant) < 0)
        case ["add", [_, *_] as terms]:
            signs = {sign(term) for term in terms} - {0}
            return signs.pop() if len(signs) == 1 else None if signs else 0
        case ["mul", [_, *_] as factors]:
            known = [s for s in map(sign, factors) if s is not None]
            return 0 if 0 in known else None if len(known) < len(factors) else prod(known)
        case ["pow", base, power]:
            s, e = sign(base), fraction(power)
            odd, whole = e.numerator % 2 == 1, e.denominator == 1
            if s is None and (e < 0 or not whole):
                raise Declined("a base whose sign is plain", constant)
            require(s != 0 or e >= 0, "network", "no division by zero", constant)
            require(s != -1 or whole, "network", "no root of a negative number", constant)
            return 1 if e == 0 else s if s is None or odd else s * s
    raise Rejected("network", 'a constant: a fraction, ["add", [...]], ["mul", [...]] or ["pow", c, "p/q"]', constant)


def decided(constant: Any, allowed: set[int], what: str) -> int:
    """Return the sign of a constant, required to be one of `allowed`."""
    s = sign(constant)
    if s is None:
        raise Declined(f"{what} with a plain sign", constant)
    require(s in allowed, "network", what, constant)
    return s


class Network:
    """A valid canonical network.

    Attributes
    ----------
    nodes, kinds
        The nodes as written, and for each ``V``, ``S`` or ``C``.
    outputs
        For each output the vector read by each readout, and the output bias (or None).
    contractions
        For each contracted MatMul g the list of the u that contract it, Eq. (65).
    form
        ``base``, ``linear`` or ``nonlin`` for each V reference (a node, or a hat -1-g).
    support, bases
        For each V reference the symbols, and the base Gaussians (bit `bit[g]` for G-var g), under it.
    items
        What a reference reads: the linear form, or the frontier; a base reads itself. Those of empty support are out.
    symbol, gvars
        The symbol (parameter, orientation) of each base reference; the G-var nodes of each symbol, ascending.
    """

    def __init__(self, value: Any) -> None:
        keys(value, NETWORK_KEYS, "network", "network")
        exactly("network", "format", "tpproof-network", value["format"])
        exactly("network", "version", 1, value["version"])
        self.names: set[str] = set()
        self.parts: list[int] = [self._input(x) for x in entries(value["inputs"], MAX_DECLARED, "inputs")]
        self.parameters = [self._parameter(x) for x in entries(value["parameters"], MAX_DECLARED, "parameters")]
        self.arities: dict[str, int] = dict.fromkeys(ONE_ARGUMENT, 1)
        for x in entries(value["functions"], MAX_DECLARED, "functions"):
            arity = self._function(x)
            self.arities[x["name"]] = arity
        self.nodes = entries(value["nodes"], MAX_NODES, "nodes")
        self.kinds: list[str] = []
        for k, node in enumerate(self.nodes):
            self.kinds.append(self._kind(k, node))
        self.outputs = [self._output(x) for x in entries(value["outputs"], MAX_DECLARED, "outputs")]
        require(len(self.outputs) > 0, "network", "at least one output", value["outputs"])
        self._require_reached()
        self._read_references()

    # Validation

    def _declared(self, value: Any, *others: str) -> list[Any]:
        keys(value, {"name", *others}, "network", "declaration")
        name = value["name"]
        valid = type(name) is str and _NAME.fullmatch(name) is not None and name not in RESERVED
        require(valid and name not in self.names, "network", "a new name [A-Za-z][A-Za-z0-9_]*, not reserved", name)
        self.names.add(name)
        return [value[key] for key in others]

    def _input(self, value: Any) -> int:
        (count,) = self._declared(value, "count")
        valid = count is None or (index(count, 2**53) and count > 0)
        require(valid, "network", "count: null or a positive integer", count)
        return 1 if count is None else int(count)

    def _parameter(self, value: Any) -> Parameter:
        kind, std, scale, lr = self._declared(value, "kind", "std", "scale", "lr")
        require(type(kind) is str and kind in PARAMETER_KINDS, "network", f"a kind of {sorted(PARAMETER_KINDS)}", kind)
        decided(std, {1}, "std > 0")
        decided(scale, {-1, 1}, "scale != 0")
        return Parameter(kind, decided(lr, {0, 1}, "lr >= 0") != 0)

    def _function(self, value: Any) -> int:
        (arity,) = self._declared(value, "arity")
        require(index(arity, 2**53) and arity > 0, "network", "a positive arity", arity)
        return int(arity)

    def _is_parameter(self, p: Any, kind: str) -> bool:
        return index(p, len(self.parameters)) and self.parameters[p].kind == kind

    def _kind(self, k: int, node: Any) -> str:
        def kind(*arguments: Any) -> str:  # of all the arguments together; none if one is not an earlier node
            kinds = [self.kinds[j] if index(j, k) else "none" for j in arguments]
            return max(kinds, key=["C", "S", "V", "none"].index)

        result = "none"
        match node:
            case ["const", constant]:
                sign(constant)
                result = "C"
            case ["ones"]:
                result = "V"
            case ["embed", p, i, part] if index(i, len(self.parts)) and index(part, self.parts[i]):
                result = "V" if self._is_parameter(p, "embedding") else "none"
            case ["param", p] if self._is_parameter(p, "bias"):
                result = "V"
            case ["matmul", p, t, x] if self._is_parameter(p, "matrix") and index(t, 2) and kind(x) == "V":
                result = "V"
            case ["add", [_, _, *_] as xs] if kind(*xs) != "V" or all(kind(x) == "V" for x in xs):
                result = kind(*xs)
            case ["mul", [_, _, *_] as xs]:
                result = kind(*xs)
            case ["pow", x, power]:
                fraction(power)
                result = kind(x)
            case ["call", "leaky_relu", [x, slope]] if kind(x) != "C" and kind(slope) == "C":
                result = kind(x)
            case ["call", f, [_, *_] as xs] if len({kind(x) for x in xs}) == 1 and kind(*xs) != "C":
                result = kind(*xs) if type(f) is str and len(xs) == self.arities.get(f) else "none"
            case ["mean", x] if kind(x) == "V":
                result = "S"
        require(result != "none", "network", f"node {k}: a node of the format, reading earlier nodes", node)
        return result

    def _output(self, value: Any) -> tuple[dict[int, int], int | None]:
        keys(value, {"terms", "bias"}, "network", "output")
        terms: dict[int, int] = {}
        for term in entries(value["terms"], MAX_DECLARED, "terms of an output"):
            require(type(term) is list and len(term) == 2, "network", "output term [readout, vector]", term)
            v, x = term
            new = self._is_parameter(v, "readout") and (not terms or v > next(reversed(terms)))
            require(new, "network", "readouts, strictly increasing", value["terms"])
            require(index(x, len(self.nodes)) and self.kinds[x] == "V", "network", "a V node", x)
            terms[v] = x
        require(len(terms) > 0, "network", "at least one term in each output", value)
        bias = value["bias"]
        require(bias is None or self._is_parameter(bias, "output_bias"), "network", "an output bias or null", bias)
        return terms, bias

    def _require_reached(self) -> None:
        reached = [False] * len(self.nodes)
        for terms, _ in self.outputs:
            for x in terms.values():
                reached[x] = True
        for k in range(len(self.nodes) - 1, -1, -1):
            require(reached[k], "network", "every node is reached from an output", f"node {k} is not")
            for j in self.arguments(k):
                reached[j] = True

    def arguments(self, k: int) -> list[int]:
        """Return the nodes that node k reads."""
        match self.nodes[k]:
            case ["matmul", _, _, x] | ["mean", x] | ["pow", x, _]:
                return [x]
            case ["add" | "mul", xs] | ["call", _, xs]:
                return list(xs)
        return []

    # References

    def ref(self, g: int) -> int:
        """Return the base reference of the G-var node g: its hat when g is contracted."""
        return -1 - g if g in self.contractions else g

    def origin(self, base: int) -> list[Any]:
        """Return the G-var node, as written, that a base reference stands for."""
        node: list[Any] = self.nodes[-1 - base if base < 0 else base]
        return node

    def _read_references(self) -> None:
        self.contractions: dict[int, list[int]] = {}
        self.form: dict[int, str] = {}
        self.support, self.bases, self.bit = dict[int, int](), dict[int, int](), dict[int, int]()
        self.items, self._tips = dict[int, tuple[Item, ...]](), dict[int, tuple[Item, ...]]()  # tips: see _set
        self.symbol: dict[int, Symbol] = {}
        self.gvars: dict[Symbol, list[int]] = {}
        self._position: dict[Symbol, int] = {}  # of the bit of a symbol in a support
        self._straight: set[int] = set()  # the G-linear references
        self._work = 0
        for k, node in enumerate(self.nodes):
            if self.kinds[k] != "V":
                continue
            arguments = self.arguments(k)
            vectors = [j for j in arguments if self.kinds[j] == "V"]
            if node[0] in ("embed", "param"):
                self._base(k, k, (node[1], 0))
            elif node[0] == "matmul":
                self._matmul(k, *node[1:])
            elif node[0] == "mul" and len(vectors) == 1:
                at0, at1 = (tuple(self._scalar(s, j) for j in arguments if self.kinds[j] != "V") for s in (0, 1))
                self._set(k, "linear", [(at0, at1, vectors[0])])
            else:
                self._set(k, "linear" if node[0] in ("ones", "add") else "nonlin", [((), (), j) for j in vectors])

    def _scalar(self, s: int, k: int) -> Atom:
        return ("number", k) if self.kinds[k] == "C" else ("scalar", s, k)

    def own(self, ref: int) -> Item:
        """Return a reference as read by itself, with weight 1."""
        return self.support[ref], ref, (), ()

    def _base(self, ref: int, g: int, symbol: Symbol) -> None:
        self.form[ref], self.symbol[ref], self.bit[g] = "base", symbol, len(self.bit)
        self.gvars.setdefault(symbol, []).append(g)
        self.support[ref] = 1 << self._position.setdefault(symbol, len(self._position))
        self.bases[ref] = 1 << self.bit[g]
        self._straight.add(ref)
        self.items[ref] = self._tips[ref] = (self.own(ref),)

    def _matmul(self, g: int, p: int, t: int, x: int) -> None:
        contracting = [u for u in self.gvars.get((p, 1 - t), []) if self.bases[x] >> self.bit[u] & 1]
        if not contracting:
            self._base(g, g, (p, t))
            return
        self.contractions[g] = contracting
        self._base(-1 - g, g, (p, t))
        parts: list[Part] = [((), (), -1 - g)]
        for u in contracting:
            at0, at1 = ((("sigma2", p), ("response", s, x, self.ref(u))) for s in (0, 1))
            parts.append((at0, at1, self.nodes[u][3]))
        self._set(g, "linear", parts)

    def _set(self, ref: int, form: str, parts: list[Part]) -> None:
        """Add a linear or nonlin reference; its *tips* are what a frontier that goes through it meets first."""
        under = [j for _, _, j in parts]
        self._work += sum(len(self._tips[j]) for j in under)
        within(self._work, MAX_ITEMS, "steps towards the frontiers")
        within(len(self.form) * (len(self.gvars) + len(self.bit)), MAX_MASK_BITS, "bits of the supports")
        self.form[ref] = form
        self.support[ref] = reduce(or_, (self.support[j] for j in under), 0)
        self.bases[ref] = reduce(or_, (self.bases[j] for j in under), 0)
        if form == "linear" and self._straight.issuperset(under):
            self._straight.add(ref)
            self._tips[ref] = (self.own(ref),) if self.support[ref] else ()
        else:
            met = {tip for j in under for tip in self._tips[j]}
            self._tips[ref] = tuple(sorted(met, key=lambda item: item[1]))
        read = tuple((self.support[j], j, at0, at1) for at0, at1, j in parts if self.support[j])
        self.items[ref] = read if form == "linear" else self._tips[ref]
