"""The one way to make a `Program`: interned nodes, checked kinds, exact folding of constants."""

from __future__ import annotations

import re
from fractions import Fraction

from tpproof.errors import Place, TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program import constants
from tpproof.program.constants import ONE, ZERO, Constant
from tpproof.program.functions import FUNCTIONS, LEAKY_SLOPE
from tpproof.program.model import (
    GVAR_OPS,
    SCALAR_OPS,
    Input,
    Kind,
    Node,
    Output,
    Parameter,
    Program,
    length_text,
    width_of,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
PARAMETER_KINDS = ("embedding", "matrix", "bias", "readout", "output_bias")


class Builder:
    """Grows a program node by node. Used by the parser, by tracing and by the canonical reader alike.

    Every method raises `TpproofError` with code and place when its operands do not fit.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.inputs: list[Input] = []
        self.parameters: list[Parameter] = []
        self.functions: dict[str, int] = {}
        self.nodes: list[Node] = []
        self.kinds: list[Kind] = []
        self.widths: list[Fraction | None] = []
        self.places: list[Place | None] = []
        self.outputs: list[Output] = []
        self.place: Place | None = None  # of the instruction being read
        self._index: dict[Node, int] = {}
        self._names: set[str] = set()

    # declarations ---------------------------------------------------------------------------------

    def _declare(self, name: str) -> None:
        if not isinstance(name, str) or not _NAME.match(name) or len(name) > self.limits.name_length:
            raise self._error("E111", f"the name {name!r}"[:120], "letters, digits and _, starting with a letter")
        if name in FUNCTIONS or name in ("identity", "sqrt", "softmax", "mean", "ones", "zeros", "width"):
            raise self._error("E110", f"{name!r}, which is a known function", "another name")
        if name in self._names:
            raise self._error("E110", f"a second declaration of {name!r}", "each name declared once")
        self._names.add(name)

    def input(self, name: str, count: int | None = None) -> int:
        """Declare an input; returns its index."""
        self._declare(name)
        if count is not None and not (type(count) is int and 1 <= count <= self.limits.list_length):
            raise self._error("E112", f"count {count!r}", f"an integer from 1 to {self.limits.list_length}")
        self.inputs.append(Input(name, count))
        return len(self.inputs) - 1

    def parameter(
        self, kind: str, name: str, std: Constant = ONE, scale: Constant = ONE, lr: Constant = ONE,
        rows: Constant = ONE, cols: Constant = ONE,
    ) -> int:  # fmt: skip
        """Declare a parameter tensor; returns its index."""
        if kind not in PARAMETER_KINDS:
            raise self._error("E112", f"the kind {kind!r}", ", ".join(PARAMETER_KINDS))
        self._declare(name)
        for label, value, least in (("std", std, 0 if kind == "bias" else 1), ("scale", scale, None), ("lr", lr, 0)):
            sign = constants.sign(value)
            if least is not None and sign < least:
                bound = "greater than 0" if least else "at least 0"
                raise self._error("E112", f"{label}={constants.text(value)} for {name!r}", f"{label} {bound}")
            if sign == 0 and label == "scale":
                raise self._error("E112", f"scale=0 for {name!r}", "a scale that is not 0")
        self.parameters.append(Parameter(name, kind, std, scale, lr, *self._shape(kind, name, rows, cols)))
        return len(self.parameters) - 1

    def _shape(self, kind: str, name: str, rows: Constant, cols: Constant) -> tuple[Fraction, Fraction]:
        for label, value in (("rows", rows), ("cols", cols)):
            fits = kind == "matrix" or (label == "rows" and kind != "output_bias") or value == 1
            if not fits or not isinstance(value, Fraction) or value <= 0:
                found = f"{label}={constants.text(value)} for the {kind} {name!r}"
                raise self._error("E112", found, "a positive fraction, cols for a matrix only")
        return Fraction(rows), Fraction(cols)  # type: ignore[arg-type]

    def nonlinearity(self, name: str, arity: int = 1) -> str:
        """Declare an abstract nonlinearity, smooth with polynomially bounded derivatives."""
        self._declare(name)
        if not (type(arity) is int and 1 <= arity <= 8):
            raise self._error("E112", f"arity {arity!r}", "an integer from 1 to 8")
        self.functions[name] = arity
        return name

    # nodes ------------------------------------------------------------------------------------------

    def constant(self, value: Constant | int) -> int:
        return self._node(Node("const", (), (Fraction(value) if isinstance(value, int) else value,)))

    def ones(self) -> int:
        return self._node(Node("ones"))

    def zeros(self) -> int:
        return self.mul(self.constant(0), self.ones())

    def embed(self, parameter: int, source: int, part: int = 0) -> int:
        """The G-var U ξ_part."""
        declared = self.inputs[source]
        self._expect_parameter(parameter, "embedding")
        if not (type(part) is int and 0 <= part < declared.parts):
            raise self._error("E124", f"part {part!r} of input {declared.name!r}", f"0 to {declared.parts - 1}")
        return self._node(Node("embed", (), (parameter, source, part)))

    def bias(self, parameter: int) -> int:
        """The G-var of a vector parameter."""
        self._expect_parameter(parameter, "bias")
        return self._node(Node("param", (), (parameter,)))

    def matmul(self, parameter: int, transposed: bool, x: int) -> int:
        """The G-var W x, or Wᵀ x."""
        self._expect_parameter(parameter, "matrix")
        if self.kinds[x] is not Kind.VECTOR:
            raise self._error("E121", f"a matrix times a {self.kinds[x].value}", "a matrix times a vector")
        p = self.parameters[parameter]
        self._expect_width(x, p.rows if transposed else p.cols, f"{p.name!r}{'.T' if transposed else ''} times")
        return self._node(Node("matmul", (x,), (parameter, bool(transposed))))

    def add(self, *terms: int) -> int:
        """A sum; equal terms are collected, constants folded. All vectors, or all scalars and constants."""
        wide = {self.kinds[k] for k in terms}
        if Kind.VECTOR in wide and len(wide) > 1:
            other = next(self.kinds[k].value for k in terms if self.kinds[k] is not Kind.VECTOR)
            raise self._error("E120", f"vector + {other}", "vector + vector (write s*ones() for a constant vector)")
        self._expect_one_width(terms)
        coefficients: dict[tuple[int, ...], Constant] = {}
        for k in terms:
            factor, rest = self._factor(k)
            coefficients[rest] = constants.add(coefficients.get(rest, ZERO), factor)
        rational = coefficients.pop((), ZERO)
        parts = [self._scaled(c, rest) for rest, c in coefficients.items() if c != 0]
        if rational != 0:
            parts.append(self.constant(rational))
        if not parts:
            return self.zeros() if Kind.VECTOR in wide else self.constant(0)
        return parts[0] if len(parts) == 1 else self._node(Node("add", tuple(parts)))

    def _factor(self, k: int) -> tuple[Constant, tuple[int, ...]]:
        """A node as a constant factor and the other factors, none for a pure constant: what `add` collects by."""
        node = self.nodes[k]
        if node.op == "const":
            return node.data[0], ()
        if node.op != "mul":
            return ONE, (k,)
        first = self.nodes[node.args[0]]
        return (first.data[0], node.args[1:]) if first.op == "const" else (ONE, node.args)

    def _scaled(self, c: Constant, factors: tuple[int, ...]) -> int:
        return self.mul(*factors) if c == 1 else self.mul(self.constant(c), *factors)

    def mul(self, *factors: int) -> int:
        """A coordinatewise product; constants folded into one leading factor, nested products flattened."""
        self._expect_one_width(factors)
        rational: Constant = ONE
        parts: list[int] = []
        for k in factors:
            node = self.nodes[k]
            for part in node.args if node.op == "mul" else (k,):
                if self.nodes[part].op == "const":
                    rational = constants.mul(rational, self.nodes[part].data[0])
                else:
                    parts.append(part)
        vectors = [k for k in parts if self.kinds[k] is Kind.VECTOR]
        if vectors and all(self.nodes[k].op == "ones" for k in vectors):
            vectors.pop()
        for k in vectors:  # ones ⊙ x = x
            if self.nodes[k].op == "ones":
                parts.remove(k)
        if rational == 0 and any(self.kinds[k] is Kind.VECTOR for k in parts):
            parts = [self.ones()]
        elif rational == 0:
            parts = []
        if not parts or rational != 1:
            parts.insert(0, self.constant(rational))
        return parts[0] if len(parts) == 1 else self._node(Node("mul", tuple(parts)))

    def power(self, base: int, exponent: Fraction) -> int:
        """A rational power, coordinatewise."""
        node = self.nodes[base]
        if node.op == "const":
            return self.constant(constants.power(node.data[0], exponent))
        if exponent == 0:
            return self.ones() if self.kinds[base] is Kind.VECTOR else self.constant(1)
        if exponent == 1 or node.op == "ones":
            return base
        bound = DEFAULT.exponent
        if abs(exponent.numerator) > bound or exponent.denominator > bound:
            raise self._error("E104", f"the exponent {exponent}", f"numerator and denominator at most {bound}")
        return self._node(Node("pow", (base,), (exponent,)))

    def call(self, name: str, *args: int) -> int:
        """A known or declared function applied coordinatewise."""
        arity = FUNCTIONS.get(name, self.functions.get(name))
        if arity is None:
            raise self._error("E103", f"the function {name!r}", "a known function or a declared nonlinearity")
        if len(args) != arity:
            raise self._error("E123", f"{name} of {len(args)} arguments", f"{arity} argument(s)")
        kinds = {self.kinds[k] for k in args}
        if name == "leaky_relu":
            kinds = {self.kinds[args[0]]}
            if self.nodes[args[1]].op != "const":
                raise self._error("E123", "a slope that is not a constant", "leaky_relu(x, 1/10)")
        if kinds == {Kind.CONSTANT}:
            raise self._error("E123", f"{name} of a constant", "a function of vectors or scalars")
        if Kind.VECTOR in kinds and len(kinds) > 1:
            raise self._error("E120", f"{name} of a vector and a scalar", "arguments of one kind")
        self._expect_one_width(args)
        return self._node(Node("call", tuple(args), (name,)))

    def apply(self, name: str, *args: int) -> int:
        """`call`, and with it the functions that other nodes spell: identity, sqrt, leaky_relu's usual slope."""
        if name == "leaky_relu" and len(args) == 1:
            return self.call(name, *args, self.constant(LEAKY_SLOPE))
        if name not in ("identity", "sqrt"):
            return self.call(name, *args)
        if len(args) != 1:
            raise self._error("E123", f"{name} of {len(args)} arguments", "1 argument")
        return args[0] if name == "identity" else self.power(args[0], Fraction(1, 2))

    def mean(self, x: int) -> int:
        """Moment: θ = (1/n) Σ_α x_α."""
        if self.kinds[x] is not Kind.VECTOR:
            raise self._error("E123", f"mean of a {self.kinds[x].value}", "mean of a vector")
        return self._node(Node("mean", (x,)))

    def width(self) -> int:
        """The number n. A network whose limit depends on it has none: it is refused."""
        return self._node(Node("width"))

    def output(self, terms: list[tuple[int, int]], bias: int | None = None) -> None:
        """Add an output Σ vᵀx/√n + bias; the same readout on several vectors is one readout of their sum."""
        if not terms:
            raise self._error("E131", "no readout term", "output(v @ x)")
        read: dict[int, list[int]] = {}
        for readout, x in terms:
            self._expect_parameter(readout, "readout")
            if self.kinds[x] is not Kind.VECTOR:
                raise self._error("E131", f"a readout of a {self.kinds[x].value}", "v @ x with a vector x")
            self._expect_width(x, self.parameters[readout].rows, f"{self.parameters[readout].name!r} times")
            read.setdefault(readout, []).append(x)
        if bias is not None:
            self._expect_parameter(bias, "output_bias")
        self.outputs.append(Output(tuple((v, self.add(*xs)) for v, xs in sorted(read.items())), bias))

    # the program --------------------------------------------------------------------------------------

    def program(self, name: str = "network") -> Program:
        """The canonical program of what the outputs reach.

        Dead nodes are dropped, single-use sums flattened, nodes numbered in the order in which the outputs meet
        them. Flattening can make two nodes equal, so the result is replayed until nothing changes.
        """
        from tpproof.program.replay import replay  # which builds with this class

        program = self._assembled(name)
        while True:
            again = replay(program, self.limits)._assembled(name)
            if again == program:
                return program
            program = again

    def _assembled(self, name: str) -> Program:
        if not self.outputs:
            raise self._error("E130", "no output(…)", "at least one output(v @ x)")
        uses = self._uses()
        flat: dict[int, Node] = {}
        for k, node in enumerate(self.nodes):
            if uses[k]:
                flat[k] = self._flattened(node, uses, flat)
        order = self._order(flat)
        number = {k: i for i, k in enumerate(order)}
        nodes = tuple(Node(flat[k].op, tuple(number[a] for a in flat[k].args), flat[k].data) for k in order)
        outputs = tuple(Output(tuple((v, number[x]) for v, x in out.terms), out.bias) for out in self.outputs)
        return Program(
            tuple(self.inputs), tuple(self.parameters), tuple(self.functions.items()), nodes, outputs,
            name, tuple(self.places[k] for k in order),
        )  # fmt: skip

    def _uses(self) -> list[int]:
        uses = [0] * len(self.nodes)
        for out in self.outputs:
            for _, x in out.terms:
                uses[x] += 2  # an output's vector is never absorbed
        for k in range(len(self.nodes) - 1, -1, -1):
            if uses[k]:
                for a in self.nodes[k].args:
                    uses[a] += 1
        return uses

    def _order(self, flat: dict[int, Node]) -> list[int]:
        """Depth first from the outputs, arguments before what reads them (iterative: networks are deep)."""
        order: list[int] = []
        seen: set[int] = set()
        todo = [x for out in reversed(self.outputs) for _, x in reversed(out.terms)]
        while todo:
            k = todo.pop()
            if k < 0:
                order.append(~k)
            elif k not in seen:
                seen.add(k)
                todo.append(~k)
                todo.extend(a for a in reversed(flat[k].args) if a not in seen)
        return order

    def _flattened(self, node: Node, uses: list[int], flat: dict[int, Node]) -> Node:
        """A sum with the sums that only it reads written out in it (Def. 5.4's collapsing, for sums)."""
        if node.op != "add":
            return node
        args: list[int] = []
        for a in node.args:
            args.extend(flat[a].args if self.nodes[a].op == "add" and uses[a] == 1 else (a,))
        collected = {self._factor(a)[1] for a in args}
        return Node("add", tuple(args)) if len(collected) == len(args) else node  # equal terms stay apart

    def _expect_parameter(self, index: int, kind: str) -> None:
        found = self.parameters[index].kind
        if found != kind:
            code = "E122" if found == "readout" else "E121"
            raise self._error(code, f"{found} {self.parameters[index].name!r}", f"a parameter of kind {kind}")

    def _expect_width(self, x: int, width: Fraction, where: str) -> None:
        if self.widths[x] not in (None, width):
            found = f"{where} a vector of length {length_text(self.widths[x])}"
            raise self._error("E120", found, f"a vector of length {length_text(width)}")

    def _expect_one_width(self, nodes: tuple[int, ...]) -> None:
        """Coordinatewise operations need vectors of one length; constant vectors have any."""
        first = next((self.widths[k] for k in nodes if self.widths[k] is not None), None)
        if first is not None:
            for k in nodes:
                self._expect_width(k, first, f"a vector of length {length_text(first)} with")

    def _node(self, node: Node) -> int:
        known = self._index.get(node)
        if known is not None:
            return known
        if len(self.nodes) >= self.limits.nodes:
            found = f"more than {self.limits.nodes} instructions"
            raise self._error("E104", found, "a smaller network, or --max-nodes")
        self.nodes.append(node)
        self.places.append(self.place)
        self.kinds.append(self._kind(node))
        self.widths.append(width_of(node, self.parameters, [self.widths[a] for a in node.args]))
        self._index[node] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def _kind(self, node: Node) -> Kind:
        if node.op in ("ones", *GVAR_OPS):
            return Kind.VECTOR
        if node.op in SCALAR_OPS:
            return Kind.SCALAR
        read = {self.kinds[k] for k in node.args}
        for kind in (Kind.VECTOR, Kind.SCALAR):
            if kind in read:
                return kind
        return Kind.CONSTANT

    def _error(self, code: str, found: str, expected: str = "") -> TpproofError:
        return TpproofError(code, found, expected, self.place)
