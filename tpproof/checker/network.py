# The canonical network: validation, and what the rules read off it, in one pass in node order without recursion.

import re
from collections.abc import Collection
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from .limits import MAX_DECLARED, MAX_DIGITS, MAX_ITEMS, MAX_MASK_BITS, MAX_NODES
from .report import Declined, Rejected, exactly, require, within

Atom = tuple[Any, ...]
Item = tuple[int, int, tuple[Atom, ...], tuple[Atom, ...]]  # support, reference, the weights of reading it at ξ̃ and ξ

ONE_ARGUMENT = ["tanh", "erf", "sin", "cos", "exp", "sigmoid", "softplus", "gelu", "silu", "relu", "abs", "step"]
RESERVED = {*ONE_ARGUMENT, "leaky_relu", "identity", "sqrt", "softmax", "mean", "ones", "zeros", "width"}
KEYS = ("format", "version", "inputs", "parameters", "functions", "nodes", "outputs")
PARAMETER_KINDS = {"embedding", "matrix", "bias", "readout", "output_bias"}


# trained: lr ≠ 0; shape: rows and cols, over n; given: std, scale, lr as written
Parameter = NamedTuple("Parameter", [("kind", str), ("trained", bool), ("shape", list[Fraction]), ("given", list[Any])])


# What an object that has to have just these keys has under them.
def values(value: Any, keys: Collection[str], what: str, code: str = "network") -> list[Any]:
    require(type(value) is dict and value.keys() == {*keys}, code, f"{what}: keys {sorted(keys)}", value)
    return [value[key] for key in keys]


# Whether `value` is an integer (not a bool) from 0 to `end` - 1.
def index(value: Any, end: int) -> bool: return type(value) is int and 0 <= value < end


def entries(value: Any, limit: int, what: str) -> list[Any]:
    require(type(value) is list, "network", f"{what}: a list", value)
    within(len(value), limit, what)
    return list(value)


# ``"p"`` or ``"p/q"`` in lowest terms.
def fraction(value: Any) -> Fraction:
    require(type(value) is str, "network", "a fraction", value)
    within(len(value), MAX_DIGITS, "characters of a fraction")
    if re.fullmatch("-?[0-9]+(/[1-9][0-9]*)?", value) and str(Fraction(value)) == value: return Fraction(value)
    raise Rejected("network", "a fraction in lowest terms", value)


# Validate a constant; its sign, or None where that needs more than signs (recursion ≤ MAX_DEPTH).
def sign(constant: Any) -> int | None:
    match constant:
        case str(): return (fraction(constant) > 0) - (fraction(constant) < 0)
        case ["add", [_, *_] as terms]:
            signs = {sign(term) for term in terms} - {0}
            return signs.pop() if len(signs) == 1 else None if signs else 0
        case ["mul", [_, *_] as factors]:
            known = [s for s in map(sign, factors) if s is not None]
            return 0 if 0 in known else None if len(known) < len(factors) else (-1) ** known.count(-1)
        case ["pow", base, power]:
            s, e = sign(base), fraction(power)
            odd, whole = e.numerator % 2 == 1, e.denominator == 1
            if s is None and (e < 0 or not whole): raise Declined("a base whose sign is plain", constant)
            require((s, e < 0) != (0, True) and (s != -1 or whole), "network", "no 1/0 or root of a negative", constant)
            return 1 if e == 0 else s if s is None or odd else s * s
    raise Rejected("network", 'a constant: a fraction, ["add", [...]], ["mul", [...]] or ["pow", c, "p/q"]', constant)


def decided(constant: Any, allowed: set[int], what: str) -> int:
    s = sign(constant)
    if s is None: raise Declined(f"{what} with a plain sign", constant)
    require(s in allowed, "network", what, constant)
    return s


class Network:
    # nodes, kinds: as written, and for each V, S or C. widths: lengths over n, 0 of what is constant or no V.
    # outputs: for each output the vector read by each readout, and the output bias or None. contractions: for each
    # contracted MatMul g the u that contract it, Eq. (65). For each V reference (a node, or a hat -1-g), sets being
    # bit masks: form: base, linear or nonlin; support, bases: the symbols, and the base Gaussians (bit `bit[g]` for
    # G-var g), under it; items: what it reads, the linear form or the frontier (a base reads itself; those of empty
    # support are out). symbol, gvars: the symbol (parameter, orientation) of each base reference; the G-var nodes of
    # each symbol, ascending.

    def __init__(self, value: Any) -> None:
        *header, inputs, parameters, functions, nodes, outputs = values(value, KEYS, "network")
        exactly("network", "format and version", ["tpproof-network", 1], header)
        self.names, self.kinds, self.widths = set[str](), list[str](), list[Fraction]()
        self.parts = [self._count(x, "count")[1] for x in entries(inputs, MAX_DECLARED, "inputs")]
        self.parameters = [self._parameter(x) for x in entries(parameters, MAX_DECLARED, "parameters")]
        arities = [self._count(x, "arity") for x in entries(functions, MAX_DECLARED, "functions")]
        self.arities = dict.fromkeys(ONE_ARGUMENT, 1) | dict(arities)
        self.nodes = entries(nodes, MAX_NODES, "nodes")
        for k, node in enumerate(self.nodes):
            self.kinds.append(self._kind(k, node))
            self.widths.append(self._width(k, node))
        self.outputs = [self._output(x) for x in entries(outputs, MAX_DECLARED, "outputs")]
        require(len(self.outputs) > 0, "network", "at least one output", outputs)
        reached = {x for terms, _ in self.outputs for x in terms.values()}
        for k in range(len(self.nodes) - 1, -1, -1):
            require(k in reached, "network", "every node is reached from an output", f"node {k} is not")
            reached.update(self.arguments(k))
        self._read_references()

    def _declared(self, value: Any, *others: str) -> list[Any]:
        name, *rest = values(value, ("name", *others), "declaration")
        valid = type(name) is str and re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,63}", name) and name not in RESERVED
        require(bool(valid) and name not in self.names, "network", "a new name [A-Za-z][A-Za-z0-9_]*, unreserved", name)
        self.names.add(name)
        return [name, *rest]

    def _count(self, value: Any, key: str) -> tuple[str, int]:
        name, count = self._declared(value, key)
        require((index(count, 2**53) and count > 0) or (count is None and key == "count"), "network", f"{key}>0", count)
        return name, 1 if count is None else count

    def _parameter(self, value: Any) -> Parameter:
        _, kind, std, scale, lr, *shape = self._declared(value, "kind", "std", "scale", "lr", "rows", "cols")
        require(type(kind) is str and kind in PARAMETER_KINDS, "network", f"a kind of {sorted(PARAMETER_KINDS)}", kind)
        decided(std, {0, 1} if kind == "bias" else {1}, "std > 0, of a bias std >= 0")
        decided(scale, {-1, 1}, "scale != 0")
        rows, cols = map(fraction, shape)
        fits = min(rows, cols) > 0 and (cols == 1 or kind == "matrix") and (rows == 1 or kind != "output_bias")
        require(fits, "network", "positive rows and cols, 1 where the kind has none", shape)
        return Parameter(kind, decided(lr, {0, 1}, "lr >= 0") != 0, [rows, cols], [std, scale, lr])

    def is_part(self, i: Any, j: Any) -> bool: return index(i, len(self.parts)) and index(j, self.parts[i])

    def is_node(self, k: Any, kind: str) -> bool: return index(k, len(self.kinds)) and self.kinds[k] == kind

    def _is(self, p: Any, kind: str) -> bool: return index(p, len(self.parameters)) and self.parameters[p].kind == kind

    def _kind(self, k: int, node: Any) -> str:
        def kind(*arguments: Any) -> str:  # of all the arguments together; none if one is not an earlier node
            return max(self.kinds[j] if index(j, k) else "none" for j in arguments)  # C < S < V < none

        match node:
            case ["const", constant] if sign(constant) in (-1, 0, 1, None): return "C"
            case ["ones"]: return "V"
            case ["width"]: return "S"
            case ["embed", p, i, part] if self._is(p, "embedding") and self.is_part(i, part): return "V"
            case ["param", p] if self._is(p, "bias"): return "V"
            case ["matmul", p, t, x] if self._is(p, "matrix") and index(t, 2) and kind(x) == "V": return "V"
            case ["add", [_, _, *_] as xs] if kind(*xs) in ("C", "S") or {*map(kind, xs)} == {"V"}: return kind(*xs)
            case ["mul", [_, _, *_] as xs] if kind(*xs) != "none": return kind(*xs)
            case ["pow", x, power] if fraction(power) is not None and kind(x) != "none": return kind(x)
            case ["call", "leaky_relu", [x, c]] if kind(x) in ("S", "V") and kind(c) == "C": return kind(x)
            case ["call", str() as f, [*xs]] if len(xs) == self.arities.get(f):
                if {*map(kind, xs)} in ({"S"}, {"V"}): return kind(*xs)
            case ["mean", x] if kind(x) == "V": return "S"
        raise Rejected("network", f"node {k}: a node of the format, reading earlier nodes", node)

    def _width(self, k: int, node: list[Any]) -> Fraction:
        reads = [] if node[0] == "mean" else [self.widths[j] for j in self.arguments(k)]
        made = read = max(reads, default=Fraction(0))
        if node[0] in ("embed", "param"): made = self.parameters[node[1]].shape[0]
        if node[0] == "matmul": made, read = self.parameters[node[1]].shape[:: -1 if node[2] else 1]
        require({0, read}.issuperset(reads), "network", f"node {k}: reads vectors of length {read} n", node)
        return made

    def _output(self, value: Any) -> tuple[dict[int, int], int | None]:
        terms, bias = values(value, ("terms", "bias"), "output")
        for term in entries(terms, MAX_DECLARED, "terms of an output"):
            fits = type(term) is list and len(term) == 2 and self._is(term[0], "readout") and self.is_node(term[1], "V")
            fits = fits and self.widths[term[1]] in (0, self.parameters[term[0]].shape[0])
            require(fits, "network", "[readout, V node as long as its readout]", term)
        found: dict[int, int] = dict(terms)
        require([*found] == sorted(v for v, _ in terms) != [], "network", "readouts, strictly increasing", terms)
        require(bias is None or self._is(bias, "output_bias"), "network", "an output bias or null", bias)
        return found, bias

    # The nodes that node k reads.
    def arguments(self, k: int) -> list[int]:
        match self.nodes[k]:
            case ["matmul", _, _, x] | ["mean", x] | ["pow", x, _]: return [x]
            case ["add" | "mul", xs] | ["call", _, xs]: return list(xs)
        return []

    # The base reference of the G-var node g: its hat when g is contracted.
    def ref(self, g: int) -> int: return -1 - g if g in self.contractions else g

    # The G-var node, as written, that a base reference stands for.
    def origin(self, base: int) -> list[Any]: return list(self.nodes[-1 - base if base < 0 else base])

    def _read_references(self) -> None:
        self.contractions, self.form, self.support = dict[int, list[int]](), dict[int, str](), dict[int, int]()
        self.bases, self.bit, self._work = dict[int, int](), dict[int, int](), 0
        self.items, self._tips = dict[int, tuple[Item, ...]](), dict[int, tuple[Item, ...]]()  # tips: see _set
        self.symbol, self.gvars = dict[int, tuple[int, int]](), dict[tuple[int, int], list[int]]()
        self._position, self._straight = dict[tuple[int, int], int](), set[int]()  # of bits; the G-linear
        for k, node in enumerate(self.nodes):
            if self.kinds[k] != "V": continue
            vectors = [j for j in self.arguments(k) if self.kinds[j] == "V"]
            if node[0] in ("embed", "param"): self._base(k, k, (node[1], 0))
            elif node[0] == "matmul": self._matmul(k, *node[1:])
            elif node[0] == "mul" and len(vectors) == 1:
                others = [j for j in self.arguments(k) if self.kinds[j] != "V"]
                at0, at1 = (tuple(self._scalar(s, j) for j in others) for s in (0, 1))
                self._set(k, "linear", [(at0, at1, vectors[0])])
            else: self._set(k, "linear" if node[0] in ("ones", "add") else "nonlin", [((), (), j) for j in vectors])

    def _scalar(self, s: int, k: int) -> Atom: return ("number", k) if self.kinds[k] == "C" else ("scalar", s, k)

    # A reference as read by itself, with weight 1.
    def own(self, ref: int) -> Item: return self.support[ref], ref, (), ()

    def _base(self, ref: int, g: int, symbol: tuple[int, int]) -> None:
        self.form[ref], self.symbol[ref], self.bit[g] = "base", symbol, len(self.bit)
        self.gvars.setdefault(symbol, []).append(g)
        self.support[ref] = 1 << self._position.setdefault(symbol, len(self._position))
        self.bases[ref] = 1 << self.bit[g]
        self._straight.add(ref)
        self.items[ref] = self._tips[ref] = (self.own(ref),)

    def _matmul(self, g: int, p: int, t: int, x: int) -> None:
        within(len(self.gvars.get((p, 1 - t), ())) * len(self.bit), MAX_ITEMS, "uses of a matrix and its transpose")
        contracting = [u for u in self.gvars.get((p, 1 - t), []) if self.bases[x] >> self.bit[u] & 1]
        if contracting: self.contractions[g] = contracting
        self._base(self.ref(g), g, (p, t))

        def weights(s: int, u: int) -> tuple[Atom, ...]: return ("sigma2", p, t), ("response", s, x, self.ref(u))

        parts = [(weights(0, u), weights(1, u), self.nodes[u][3]) for u in contracting]
        if contracting: self._set(g, "linear", [((), (), -1 - g), *parts])

    # Add a linear or nonlin reference: the weights at ξ̃ and ξ and the reference of all that it reads. Its *tips* are
    # what a frontier that goes through it meets first.
    def _set(self, ref: int, form: str, parts: list[tuple[tuple[Atom, ...], tuple[Atom, ...], int]]) -> None:
        under = [j for _, _, j in parts]
        self._work += sum(len(self._tips[j]) for j in under)
        within(self._work, MAX_ITEMS, "steps towards the frontiers")
        within(len(self.form) * (len(self.gvars) + len(self.bit)), MAX_MASK_BITS, "bits of the supports")
        self.form[ref], self.support[ref] = form, reduce(or_, (self.support[j] for j in under), 0)
        self.bases[ref] = reduce(or_, (self.bases[j] for j in under), 0)
        if form == "linear" and self._straight.issuperset(under):
            self._straight.add(ref)
            self._tips[ref] = (self.own(ref),) if self.support[ref] else ()
        else: self._tips[ref] = tuple(sorted({x for j in under for x in self._tips[j]}, key=lambda item: item[1]))
        read = tuple((self.support[j], j, at0, at1) for at0, at1, j in parts if self.support[j])
        self.items[ref] = read if form == "linear" else self._tips[ref]
