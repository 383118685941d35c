"""Building a program again, node by node: for its canonical form, or with abstract nonlinearities made known ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tpproof.limits import DEFAULT, Limits
from tpproof.program.builder import Builder
from tpproof.program.model import Node, Program


def replay(program: Program, limits: Limits = DEFAULT, functions: Mapping[str, str] | None = None) -> Builder:
    """A builder that has built `program` again, with the abstract nonlinearities in `functions` made known ones."""
    known = functions or {}
    builder = Builder(replace(limits, nodes=4 * limits.nodes))  # folding leaves dead nodes behind
    for declared in program.inputs:
        builder.input(declared.name, declared.count)
    for p in program.parameters:
        builder.parameter(p.kind, p.name, p.std, p.scale, p.lr, p.rows, p.cols)
    for name, arity in program.functions:
        if name not in known:
            builder.nonlinearity(name, arity)
    number: list[int] = []
    for k, node in enumerate(program.nodes):
        builder.place = program.place(k)
        number.append(_replayed(builder, node, tuple(number[a] for a in node.args), known))
    builder.place = None
    for out in program.outputs:
        builder.output([(v, number[x]) for v, x in out.terms], out.bias)
    return builder


def _replayed(builder: Builder, node: Node, args: tuple[int, ...], known: Mapping[str, str]) -> int:
    match node.op:
        case "const":
            return builder.constant(node.data[0])
        case "ones":
            return builder.ones()
        case "embed":
            return builder.embed(*node.data)
        case "param":
            return builder.bias(*node.data)
        case "matmul":
            return builder.matmul(*node.data, *args)
        case "add":
            return builder.add(*args)
        case "mul":
            return builder.mul(*args)
        case "pow":
            return builder.power(args[0], node.data[0])
        case "mean":
            return builder.mean(*args)
        case "width":
            return builder.width()
    return builder.apply(known.get(node.data[0], node.data[0]), *args)
