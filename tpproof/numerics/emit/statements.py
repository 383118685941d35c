"""The graph as assignments: names after the field's, short sums in place, repeated layers in a loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tpproof.numerics.emit.expectations import Expectations, Text
from tpproof.numerics.emit.graph import EXPECTATIONS, Graph, Key, Loop, Node, Ref, loops_of
from tpproof.numerics.emit.roles import Roles
from tpproof.numerics.emit.words import ATOM, POWER, PRODUCT, SCALARS, SMALL, broken, constant, formula, summed, wrapped
from tpproof.numerics.reduction.univariate import Z, times
from tpproof.program.constants import ONE, Constant, mul, sign, to_float

WIDTH = 99
INLINE = 44
"""A sum with one reader stands there if it is at most so long."""

ROOMY = 400
"""In longer modules only those comments are printed that take no line of their own."""

INLINED = ("sum", "gram", "excess", "function", "share", "expect1")

KEPT = ("k", "q", "e", "kdot", "ntk", "nngp")
"""Roles that always get a name."""

SAYS = {
    "k": "Cov(u, v), (64)",
    "q": "Var u",
    "e": "the excess",
    "theta": "path sums C",
    "gap": "unequal shares of the summands in Var u and Var v",
    "ntk": "K of (96)",
    "nngp": "E f f'",
}


@dataclass
class Writer:
    """The lines of the body of `kernel`.

    Attributes
    ----------
    graph
        The numbers.
    place
        (input, part, side) → text of an array (N, d), side 0 for x1, 1 for x2 and "" for both.
    expectations
        Collects what the module must define.
    """

    graph: Graph
    place: Callable[[int, int, str], str]
    count: int
    expectations: Expectations
    lines: list[str] = field(default_factory=list)
    names: dict[Key, str] = field(default_factory=dict)
    texts: dict[Key, Text] = field(default_factory=dict)
    full: set[Key] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    behind: dict[Key | None, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.readers: dict[Key, list[Key | None]] = {key: [] for key in self.graph.nodes}
        self.roles = Roles(self.graph)
        self.roomy = len(self.graph.nodes) <= ROOMY
        for key, node in self.graph.nodes.items():
            for read in sorted({ref.key for ref in node.refs if ref.key is not None}):
                self.readers[read].append(key)
        for key in self.graph.outputs():
            if key in self.readers:
                self.readers[key].append(None)

    def write(self) -> None:
        """All layers."""
        loops = loops_of(self.graph)
        self._carried_names(loops)
        at = 0
        for loop in [*loops, None]:
            end = len(self.graph.layers) if loop is None else loop.start
            for level in range(at, end):
                if level and self.graph.layers[level]:
                    self.lines.append(f"    # layer {level}")
                self._region(self.graph.layers[level], "    ", {}, {})
            if loop is not None:
                self._loop(loop)
                at = loop.end

    # loops

    def _carried_names(self, loops: Sequence[Loop]) -> None:
        """Carried numbers are named first; what stands for one of them only is called so from the start."""
        self.carried: dict[int, dict[int, str]] = {}
        for loop in loops:
            names: dict[int, str] = {}
            first = {node.key for node in loop.segments[0]}
            starts = [ref.key for ref in loop.carried.values()]
            for position, ref in loop.carried.items():
                names[position] = self._fresh(self.roles.of(loop.segments[-1][position]), True)
                assert ref.key is not None
                once = starts.count(ref.key) == 1 and set(self.readers[ref.key]) <= first
                if once and ref.key not in self.names and self._outside_loops(ref.key, loops):
                    self.names[ref.key] = names[position]
            self.carried[loop.start] = names

    def _outside_loops(self, key: Key, loops: Sequence[Loop]) -> bool:
        return not any(loop.start <= self.graph.levels[key] < loop.end for loop in loops)

    def _loop(self, loop: Loop) -> None:
        names = self.carried[loop.start]
        setting = []
        for position, ref in loop.carried.items():
            value = self.read(Ref(ref.key))[0]
            setting += [(names[position], value)] if value != names[position] else []
            replaced = loop.segments[-2][position].key
            self.names[replaced] = names[position]
            if ref.key in self.full:
                self.full.add(replaced)
        if setting:
            left, right = (", ".join(pair[i] for pair in setting) for i in (0, 1))
            self._line("    ", f"{left} = {right}", "")
        turns = len(loop.segments)
        each = "" if loop.period == 1 else f" times {loop.period}"
        self.lines.append(f"    for _ in range({turns}):  # {turns}{each} layers of the same form")
        before, last = loop.segments[-2:]
        carried = {last[i].key: name for i, name in names.items()}
        self._region(last, "        ", carried, {before[i].key: last[i].key for i in names})

    # one stretch of code

    def _region(self, nodes: Sequence[Node], indent: str, carried: dict[Key, str], previous: dict[Key, Key]) -> None:
        """The statements of some nodes; `carried` are the names that get new values, `previous` of which old ones."""
        inside = {node.key for node in nodes}
        late: list[tuple[str, str]] = []
        for node, safe in _ordered(nodes, set(carried), previous):
            self._assign(node, indent, inside, carried, safe, late)
        if late:
            left, right = (", ".join(pair[i] for pair in late) for i in (0, 1))
            self._line(indent, f"{left} = {right}", "")

    def _assign(
        self,
        node: Node,
        indent: str,
        inside: set[Key],
        carried: dict[Key, str],
        safe: bool,
        late: list[tuple[str, str]],
    ) -> None:
        text = self._text(node)
        self._mark_full(node, text[0])
        role, readers = self.roles.of(node), self.readers[node.key]
        loop_name = carried.get(node.key)
        if not carried and not any(r is None for r in readers) and re.fullmatch(r"\w+|[\d.]+", text[0]):
            self.texts[node.key] = text
            return
        outer = [r for r in readers if r not in inside]
        single = len(readers) == 1 and not outer and loop_name is None and role not in KEPT
        small = node.op in INLINED and len(text[0]) <= INLINE
        if single and small and self._once(node, readers[0]) and self._stays(node, carried, readers[0]):
            self.texts[node.key] = text
            return
        if loop_name is not None and safe:
            name = self.names[node.key] = loop_name
        elif loop_name is not None:
            name = self.names[node.key] = self._fresh(f"new_{loop_name}", True)
            late.append((loop_name, name))
        else:
            name = self.names.setdefault(node.key, "") or self._fresh(role, False)
            self.names[node.key] = name
        self._line(indent, f"{name} = {text[0]}", self._says(node, role))

    def _once(self, node: Node, reader: Key | None) -> bool:
        """Whether a number's only reader reads it once, or a sum as its square."""
        read = [ref for ref in self.graph.nodes[reader].refs if ref.key == node.key] if reader else []
        return len(read) == 1 or (node.op == "sum" and len(set(read)) == 1 and len(read) == 2)

    def _stays(self, node: Node, carried: dict[Key, str], reader: Key | None) -> bool:
        """Whether what a number reads of the turn before is still there where the number is used."""
        read = {self.names[r.key] for r in node.refs if r.key in self.names} & set(carried.values())
        read |= {name for r in node.refs for name in self.behind.get(r.key, set())}
        self.behind[node.key] = read
        return not read or read == {carried.get(reader or ("", 0))}

    def _fresh(self, role: str, plain: bool) -> str:
        if role not in self.used and (plain or self.roles.count(role) == 1):
            self.used.add(role)
            return role
        n = 1
        while f"{role}_{n}" in self.used:
            n += 1
        self.used.add(f"{role}_{n}")
        return f"{role}_{n}"

    def _line(self, indent: str, text: str, says: str) -> None:
        """A statement in at most `WIDTH` columns, with its comment."""
        if len(indent) + len(text) > WIDTH:
            name, _, value = text.partition(" = ")
            body = broken(value, WIDTH - len(indent) - 4)
            self.lines += [f"{indent}# {says}"] if says and self.roomy else []
            self.lines += [f"{indent}{name} = (", *(f"{indent}    {line}" for line in body), f"{indent})"]
            return
        if says and len(indent) + len(text) + len(says) + 4 <= WIDTH:
            self.lines.append(f"{indent}{text}  # {says}")
            return
        self.lines += [*([f"{indent}# {says}"] if says and self.roomy else []), indent + text]

    # texts of steps

    def read(self, ref: Ref) -> Text:
        """The text of a reference."""
        if ref.key is None:
            assert ref.constant is not None
            return constant(ref.constant)
        text = (self.names[ref.key], ATOM) if ref.key in self.names else self.texts[ref.key]
        return (f"{ref.mode}({text[0]})", ATOM) if ref.mode and ref.key in self.full else text

    def _text(self, node: Node) -> Text:
        if node.op == "sum":
            return self._sum(node)
        if node.op in ("gram", "distance", "excess"):
            return self._of_inputs(node)
        if node.op == "differ":
            return self._differ(node)
        args = [self.read(ref) for ref in node.refs]
        words = [text[0] for text in args]
        if node.op == "function":
            self.expectations.note(str(node.data[1:]))
            return _function(node, args)
        if node.op == "share":
            self.expectations.helpers.add("share")
            return f"share({words[0]}, {words[1]})", ATOM
        return self._expectation(node, args)

    def _mark_full(self, node: Node, text: str) -> None:
        """Notes that a number has the shape of its list, (N,) or (N1, N2), and is no constant or own number."""
        for ref in node.refs:
            if ref.key in self.full and ref.key is not None and ref.key[0] == node.side:
                word = self.read(ref)[0]
                if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
                    self.full.add(node.key)

    def _expectation(self, node: Node, args: Sequence[Text]) -> Text:
        words = [text[0] for text in args]
        expectations = self.expectations
        if node.op == "expect1":
            return expectations.one(node.data[0], wrapped(args[0], ATOM))
        if node.op == "regression":
            moment = wrapped(expectations.one(times(Z, node.data[0]), wrapped(args[0], ATOM)), PRODUCT)
            return f"{moment} / np.where({words[0]} > 0, {words[0]}, 1)", PRODUCT
        c, p, q = (wrapped(text, ATOM) for text in args[:3])
        e = wrapped(args[3], ATOM) if len(args) > 3 else None
        if node.op == "expect2":
            return expectations.two(node.data[0], node.data[1], (c, p, q, e))
        assert e is not None
        if node.op == "difference":
            return expectations.difference(node.data[0], (c, p, q, e))
        return expectations.ramp_excess(node.data[0], (c, p, q, e))

    def _of_inputs(self, node: Node) -> Text:
        i, a, j, b = node.data
        self.full.add(node.key)
        if node.side == "own":
            x, y = self.place(i, a, ""), self.place(j, b, "")
            if node.op == "gram":
                return (f"np.square({x}).mean(axis=1)" if x == y else f"({x} * {y}).mean(axis=1)"), ATOM
            if node.op == "excess":
                self.expectations.helpers.add("own_excess")
                return f"own_excess({x}, {y})", ATOM
            return f"np.square({x} - {y}).mean(axis=1)", ATOM
        x, y = self.place(i, a, "1"), self.place(j, b, "2")
        if node.op == "gram":
            return f"{x} @ {y}.T / {self.place(i, -1, '1')}.shape[-1]", PRODUCT
        self.expectations.helpers.add(node.op)
        return f"{node.op}({x}, {y})", ATOM

    def _differ(self, node: Node) -> Text:
        """0 where the two inputs are equal."""
        self.full.add(node.key)
        self.expectations.helpers.add("differ")
        pairs = [f"({self.place(i, -1, '1')}, {self.place(i, -1, '2')})" for i in range(self.count)]
        return f"differ({', '.join(pairs)})", ATOM

    def _sum(self, node: Node) -> Text:
        products: dict[Constant, list[Text]] = {}
        refs = list(node.refs)
        for c, count in node.data:
            factors, refs = refs[:count], refs[count:]
            scale = c if any(f.key is not None for f in factors) else ONE
            rest = ONE if scale is c else c
            products.setdefault(scale, []).append(_product(rest, [self.read(f) for f in factors]))
        parts: list[tuple[float, Text]] = []
        for scale, texts in products.items():
            if scale in (ONE, -ONE):
                parts += [(to_float(scale), text) for text in texts]
            else:
                parts.append((sign(scale), _product(mul(ONE * sign(scale), scale), [summed([(1, t) for t in texts])])))
        parts.sort(key=lambda part: part[0] < 0)
        return summed(parts)

    def _says(self, node: Node, role: str) -> str:
        if node.op in ("expect2", "ramp_excess") and node.op in EXPECTATIONS:
            f, g = formula(node.data[0], "u"), formula(node.data[-1], "v")
            return f"E[{f} {g}]" if node.op == "expect2" else "the excess of the same"
        if node.op == "expect1":
            return f"E {formula(node.data[0], 'u')}" if len(formula(node.data[0], "u")) < 50 else ""
        return SAYS.get(role, "")


def _ordered(nodes: Sequence[Node], carried: set[Key], previous: dict[Key, Key]) -> Iterator[tuple[Node, bool]]:
    """An order in which a carried number is replaced after its old value was read for the last time, if there is one.

    `previous` is from the number of the turn before to that which replaces it. Each node comes with whether its name
    is free for the new value.
    """
    inside = {node.key for node in nodes}
    olds = {n.key: {previous[r.key] for r in n.refs if r.key is not None and r.key in previous} for n in nodes}
    todo, done = list(nodes), set[Key]()
    while todo:
        ready = [n for n in todo if all(r.key not in inside or r.key in done for r in n.refs)]
        free = [n for n in ready if n.key not in carried]
        safe = [n for n in ready if not any(n.key in olds[m.key] for m in todo if m is not n)]
        chosen = (free or safe or ready)[0]
        yield chosen, chosen.key not in carried or chosen in safe
        todo.remove(chosen)
        done.add(chosen.key)


def _product(c: Constant, factors: Sequence[Text]) -> Text:
    """A constant times factors; equal neighbours are a square, and a fraction divides."""
    kept = [f for f in factors if f[0] != "1"]
    words: list[Text] = [] if c == ONE and kept else [constant(c)]
    tail = ""
    if kept and isinstance(c, Fraction) and c.numerator == 1 and 1 < c.denominator < SMALL and not _terminates(c):
        words, tail = [], f" / {c.denominator}"
    i = 0
    while i < len(kept):
        twice = i + 1 < len(kept) and kept[i] == kept[i + 1]
        words.append((f"{wrapped(kept[i], ATOM)}**2", POWER) if twice else kept[i])
        i += 1 + twice
    if len(words) == 1 and not tail:
        return words[0]
    return " * ".join(wrapped(w, PRODUCT + (k > 0)) for k, w in enumerate(words)) + tail, PRODUCT


def _terminates(c: Fraction) -> bool:
    return "/" not in constant(c)[0]


def _function(node: Node, args: Sequence[Text]) -> Text:
    """A function of scalars."""
    op, *data = node.data
    words = [wrapped(text, ATOM) for text in args]
    if op == "call" and re.fullmatch(r"[\w.]+\(\{\}\)", SCALARS[data[0]]):
        return SCALARS[data[0]].format(args[0][0]), ATOM
    if op == "pow":
        exponent = to_float(data[0])
        if exponent == 0.5:
            return f"np.sqrt({args[0][0]})", ATOM
        if exponent == -1:
            return f"1 / {words[0]}", PRODUCT
        return f"{words[0]}**{wrapped(constant(data[0]), ATOM)}", POWER
    if op == "add":
        return " + ".join(words), PRODUCT - 1
    if op == "mul":
        return " * ".join(words), PRODUCT
    return SCALARS[data[0]].format(*words), PRODUCT - 1
