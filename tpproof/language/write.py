"""Printing a program back to `.tp` text that parses to the same program."""

from __future__ import annotations

import keyword

from tpproof.language.tracing import DECLARATIONS, KNOWN_FUNCTIONS
from tpproof.program import constants
from tpproof.program.listing import node_name
from tpproof.program.model import Node, Output, Parameter, Program

_TAKEN = {*DECLARATIONS, *KNOWN_FUNCTIONS, *keyword.kwlist, *keyword.softkwlist, "range", "len"}


def write(program: Program) -> str:
    """`.tp` text of a program: declarations, then one instruction a line. Parsing it gives the program back."""
    names = _Names(program)
    lines = [f'{names.inputs[i]} = input("{x.name}"{_count(x.count)})' for i, x in enumerate(program.inputs)]
    lines += [f"{names.parameters[p]} = {_declaration(x)}" for p, x in enumerate(program.parameters)]
    lines += [f'{names.functions[f]} = nonlinearity("{f}"{_arity(n)})' for f, n in program.functions]
    for k, node in enumerate(program.nodes):
        if node.op != "const":
            lines.append(f"{names.nodes[k]} = {_instruction(node, names)}")
    lines += [f"output({_output(out, names)})" for out in program.outputs]
    return "\n".join(lines) + "\n"


class _Names:
    """A variable for everything declared, none of them a word of the language."""

    def __init__(self, program: Program) -> None:
        self._used = set(_TAKEN)
        self.inputs = [self._fresh(x.name) for x in program.inputs]
        self.parameters = [self._fresh(x.name) for x in program.parameters]
        self.functions = {name: self._fresh(name) for name, _ in program.functions}
        self.nodes = [self._node(program, k) for k in range(len(program.nodes))]
        self.counted = [x.count is not None for x in program.inputs]

    def _fresh(self, name: str) -> str:
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def _node(self, program: Program, k: int) -> str:
        node = program.nodes[k]
        if node.op == "const":
            text = constants.text(node.data[0])
            return text if text.isdigit() else f"({text})"
        return self._fresh(node_name(program, k).replace("θ", "s"))


def _count(count: int | None) -> str:
    return "" if count is None else f", {count}"


def _arity(arity: int) -> str:
    return "" if arity == 1 else f", {arity}"


def _declaration(p: Parameter) -> str:
    numbers = [(key, getattr(p, key)) for key in ("std", "scale", "lr", "rows", "cols")]
    extra = "".join(f", {key}={constants.text(c)}" for key, c in numbers if c != 1)
    return f'{p.kind}("{p.name}"{extra})'


def _instruction(node: Node, names: _Names) -> str:
    args = [names.nodes[a] for a in node.args]
    match node.op:
        case "ones" | "width":
            return f"{node.op}()"
        case "embed":
            parameter, source, part = node.data
            return f"{names.parameters[parameter]} @ {names.inputs[source]}" + (
                f"[{part}]" if names.counted[source] else ""
            )
        case "param":
            return str(names.parameters[node.data[0]])
        case "matmul":
            return f"{names.parameters[node.data[0]]}{'.T' if node.data[1] else ''} @ {args[0]}"
        case "add":
            return " + ".join(args) if len(args) == 2 else f"sum([{', '.join(args)}])"
        case "mul":
            return " * ".join(args) if len(args) < 20 else _long_product(args)
        case "pow":
            return f"{args[0]} ** ({node.data[0]})"
        case "mean":
            return f"mean({args[0]})"
    return f"{names.functions.get(node.data[0], node.data[0])}({', '.join(args)})"


def _long_product(args: list[str]) -> str:
    """A balanced product: nested products are flattened as they are read."""
    parts = args
    while len(parts) > 8:
        parts = [f"({' * '.join(parts[i : i + 8])})" for i in range(0, len(parts), 8)]
    return " * ".join(parts)


def _output(out: Output, names: _Names) -> str:
    terms = [f"{names.parameters[v]} @ {names.nodes[x]}" for v, x in out.terms]
    terms += [names.parameters[out.bias]] if out.bias is not None else []
    return " + ".join(terms) if len(terms) < 20 else f"sum([{', '.join(terms)}])"
