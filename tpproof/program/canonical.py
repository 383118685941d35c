"""The canonical form of a program: JSON bytes, their SHA-256, and the way back.

The bytes hold everything the mathematics depends on and nothing else: no name, no source positions.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from fractions import Fraction
from typing import Any

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program import constants
from tpproof.program.builder import Builder
from tpproof.program.model import Input, Node, Output, Parameter, Program

FORMAT = "tpproof-network"
VERSION = 1


def canonical_bytes(value: object) -> bytes:
    """The one way to write a JSON value: sorted keys, no spaces, ASCII, a final newline."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def to_json(program: Program) -> dict[str, Any]:
    """The canonical JSON value of a program."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "inputs": [{"name": i.name, "count": i.count} for i in program.inputs],
        "parameters": [_parameter_to_json(p) for p in program.parameters],
        "functions": [{"name": name, "arity": arity} for name, arity in program.functions],
        "nodes": [_node_to_json(node) for node in program.nodes],
        "outputs": [{"terms": [list(t) for t in o.terms], "bias": o.bias} for o in program.outputs],
    }


def sha256(program: Program) -> str:
    """Hex digest of the canonical bytes."""
    return hashlib.sha256(canonical_bytes(to_json(program))).hexdigest()


def _parameter_to_json(p: Parameter) -> dict[str, Any]:
    numbers = {key: constants.to_json(getattr(p, key)) for key in ("std", "scale", "lr")}
    return {"name": p.name, "kind": p.kind, **numbers, "rows": str(p.rows), "cols": str(p.cols)}


def _node_to_json(node: Node) -> list[Any]:
    match node.op:
        case "const":
            return ["const", constants.to_json(node.data[0])]
        case "ones" | "width" | "embed" | "param":
            return [node.op, *node.data]
        case "matmul":
            return ["matmul", node.data[0], int(node.data[1]), node.args[0]]
        case "pow":
            return ["pow", node.args[0], str(node.data[0])]
        case "call":
            return ["call", node.data[0], list(node.args)]
        case "mean":
            return ["mean", node.args[0]]
        case _:
            return [node.op, list(node.args)]


def from_json(value: object, limits: Limits = DEFAULT, name: str = "network") -> Program:
    """The program of a canonical JSON value.

    Raises `TpproofError` E105 (or a kind error) where the value is not what `to_json` writes.
    """
    data = _object(value, {"format", "version", "inputs", "parameters", "functions", "nodes", "outputs"}, "the program")
    if data["format"] != FORMAT or data["version"] != VERSION or type(data["version"]) is not int:
        raise _wrong(f"format {data['format']!r}, version {data['version']!r}", f"{FORMAT!r}, version {VERSION}")
    builder = Builder(limits)
    for item in _list(data["inputs"], "inputs"):
        fields = _object(item, {"name", "count"}, "an input")
        builder.input(fields["name"], fields["count"])
    for item in _list(data["parameters"], "parameters"):
        fields = _object(item, {"name", "kind", "std", "scale", "lr", "rows", "cols"}, "a parameter")
        numbers = (constants.from_json(fields[key]) for key in ("std", "scale", "lr"))
        shape = (constants.fraction_from_json(fields[key]) for key in ("rows", "cols"))
        builder.parameter(str(fields["kind"]), fields["name"], *numbers, *shape)
    for item in _list(data["functions"], "functions"):
        fields = _object(item, {"name", "arity"}, "a function")
        builder.nonlinearity(fields["name"], fields["arity"])
    for k, item in enumerate(_list(data["nodes"], "nodes")):
        if _read_node(builder, item, k) != k:
            found = f"node {k}: {reprlib.repr(item)[:80]}"
            raise _wrong(found, "canonical form: interned, folded nodes in program order")
    outputs = _list(data["outputs"], "outputs")
    for item in outputs:
        fields = _object(item, {"terms", "bias"}, "an output")
        terms = [tuple(_ints(t, 2)) for t in _list(fields["terms"], "an output's terms")]
        for p, x in terms:
            _index(p, builder.parameters, "parameter")
            _index(x, builder.nodes, "node")
        if fields["bias"] is not None:
            _index(fields["bias"], builder.parameters, "parameter")
        builder.output(terms, fields["bias"])  # type: ignore[arg-type]
    program = builder.program(name)
    if to_json(program) != data:
        raise _wrong("a program that is not in canonical form", "every node reachable, sums flattened, outputs sorted")
    return program


def _read_node(b: Builder, item: object, k: int) -> int:
    parts = _list(item, f"node {k}")
    if not parts or not isinstance(parts[0], str):
        raise _wrong(f"node {k}: {reprlib.repr(item)[:80]}", "[op, …]")
    op, rest = parts[0], parts[1:]
    if op == "const" and len(rest) == 1:
        return b.constant(constants.from_json(rest[0]))
    if op == "ones" and not rest:
        return b.ones()
    if op == "width" and not rest:
        return b.width()
    if op == "embed":
        p, i, part = _ints(rest, 3)
        return b.embed(_index(p, b.parameters, "parameter"), _index(i, b.inputs, "input"), part)
    if op == "param":
        return b.bias(_index(_ints(rest, 1)[0], b.parameters, "parameter"))
    if op == "matmul":
        p, transposed, x = _ints(rest, 3)
        if transposed not in (0, 1):
            raise _wrong(f"node {k}: {transposed}", "0 or 1 for transposed")
        return b.matmul(_index(p, b.parameters, "parameter"), bool(transposed), _index(x, b.nodes, "node"))
    if op in ("add", "mul") and len(rest) == 1:
        args = [_index(a, b.nodes, "node") for a in _ints(rest[0], None)]
        return (b.add if op == "add" else b.mul)(*args) if len(args) > 1 else -1
    if op == "pow" and len(rest) == 2:
        exponent: Fraction = constants.fraction_from_json(rest[1])
        return b.power(_index(_ints(rest[:1], 1)[0], b.nodes, "node"), exponent)
    if op == "call" and len(rest) == 2 and isinstance(rest[0], str):
        return b.call(rest[0], *(_index(a, b.nodes, "node") for a in _ints(rest[1], None)))
    if op == "mean":
        return b.mean(_index(_ints(rest, 1)[0], b.nodes, "node"))
    found = f"node {k}: {reprlib.repr(item)[:80]}"
    raise _wrong(found, "const, ones, width, embed, param, matmul, add, mul, pow, call or mean")


def _object(value: object, keys: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        found = sorted(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise _wrong(f"{what}: {found}", f"an object with the keys {sorted(keys)}")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(f"{what}: {type(value).__name__}", "a list")
    return value


def _ints(value: object, count: int | None) -> list[int]:
    ints = _list(value, "integers")
    if any(type(v) is not int for v in ints) or (count is not None and len(ints) != count):
        raise _wrong(f"{reprlib.repr(value)[:80]}", "integers" if count is None else f"{count} integer(s)")
    return ints


def _index(value: object, table: list[Any], what: str) -> int:
    if type(value) is not int or not 0 <= value < len(table):
        raise _wrong(f"{what} {value!r}", f"an earlier {what}, 0 to {len(table) - 1}")
    return value


def _wrong(found: str, expected: str) -> TpproofError:
    return TpproofError("E105", found, expected)


__all__ = ["FORMAT", "VERSION", "Input", "Output", "canonical_bytes", "from_json", "sha256", "to_json"]
