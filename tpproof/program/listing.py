"""The paper-style listing of a program: one line an instruction, NonLins collapsed as in Definition 5.4."""

from __future__ import annotations

from tpproof.program import constants
from tpproof.program.constants import ONE
from tpproof.program.model import GVAR_OPS, Kind, Node, Parameter, Program, length_text, root_text


def readout_text(program: Program, v: int, x: int) -> str:
    """vᵀ x/√n, n the readout's length."""
    parameter = program.parameters[v]
    return f"{parameter.name}ᵀ {node_name(program, x)}/{root_text(parameter.rows)}"


def node_name(program: Program, k: int) -> str:
    """"g3" for a G-var, "x4" for another vector, "θ5" for a scalar, the value of a constant."""
    node = program.nodes[k]
    if node.op == "const":
        return constants.text(node.data[0])
    if program.kinds[k] is Kind.SCALAR:
        return f"θ{k}"
    return f"{'g' if node.op in GVAR_OPS else 'x'}{k}"


def gvar_formula(program: Program, g: int) -> str:
    """What a G-var is: "W x3", "Wᵀ x3", "U xi[0]", "b"."""
    node = program.nodes[g]
    name: str = program.parameters[node.data[0]].name
    if node.op == "matmul":
        return f"{name}{'ᵀ' if node.data[1] else ''} {node_name(program, node.args[0])}"
    if node.op == "embed":
        declared = program.inputs[node.data[1]]
        return f"{name} {declared.name}" + (f"[{node.data[2]}]" if declared.count is not None else "")
    return name


def listing(program: Program) -> str:
    """The reduced program (Definition 5.4), in the order of its instructions.

    A NonLin that one other NonLin alone reads is written into it; linear combinations keep their lines (MATH §7).
    """
    lines = [*_declarations(program), ""]
    written = written_inside(program)
    formulas: dict[int, tuple[str, int]] = {}
    for k, node in enumerate(program.nodes):
        if node.op in GVAR_OPS:
            instruction = "MatMul" if node.op == "matmul" else "Init"
            lines.append(_line(instruction, node_name(program, k), gvar_formula(program, k)))
        elif node.op != "const":
            formulas[k] = formula(program, k, formulas, written)
            if k not in written:
                lines.append(_line(_instruction(program, k), node_name(program, k), formulas[k][0]))
    for o, out in enumerate(program.outputs):
        terms = [readout_text(program, v, x) for v, x in out.terms]
        terms += [program.parameters[out.bias].name] if out.bias is not None else []
        lines.append(_line("Output", f"f{o}", " + ".join(terms)))
    return "\n".join(lines) + "\n"


def _line(instruction: str, name: str, formula: str) -> str:
    return f"{instruction:<8}{name:<6} := {formula}"


def _declarations(program: Program) -> list[str]:
    lines = []
    for i in program.inputs:
        lines.append(f"{'Input':<14}{i.name:<10} ∈ R^d" + (f", {i.count} parts" if i.count is not None else ""))
    for p in program.parameters:
        numbers = [("std", p.std), ("scale", p.scale), ("lr", p.lr)]
        extra = "".join(f", {key} {constants.text(c)}" for key, c in numbers if c != 1)
        lines.append(f"{p.kind.replace('_', ' ').capitalize():<14}{p.name:<10} {_shape(p)}{extra}")
    lines += [f"{'Nonlinearity':<14}{name:<10} of {arity}" for name, arity in program.functions]
    return lines


def _shape(p: Parameter) -> str:
    rows, cols = (f"({c})n" if c.denominator > 1 else f"{c if c != 1 else ''}n" for c in (p.rows, p.cols))
    return {"embedding": f"{rows}×d", "matrix": f"{rows}×{cols}", "output_bias": "1"}.get(p.kind, rows)


def _instruction(program: Program, k: int) -> str:
    node = program.nodes[k]
    if node.op == "mean":
        return "Moment"
    if program.kinds[k] is Kind.SCALAR:
        return "Scalar"
    return "Linear" if is_linear(program, node) else "NonLin"


def is_linear(program: Program, node: Node) -> bool:
    """Whether a vector is a linear combination of vectors, its coefficients numbers or scalars."""
    vectors = [a for a in node.args if program.kinds[a] is Kind.VECTOR]
    return node.op in ("add", "ones") or (node.op == "mul" and len(vectors) == 1)


def written_inside(program: Program) -> set[int]:
    """The nodes that stand in one other NonLin only, and are no linear combinations of vectors themselves."""
    readers: dict[int, list[int]] = {}
    for k, node in enumerate(program.nodes):
        for a in node.args:
            readers.setdefault(a, []).append(k)
    outside = {x for out in program.outputs for _, x in out.terms}
    found = set()
    for k, node in enumerate(program.nodes):
        read = readers.get(k, [])
        if k in outside or node.op in (*GVAR_OPS, "const", "mean") or len(read) != 1:
            continue
        reader = program.nodes[read[0]]
        nonlinear = not is_linear(program, reader) and reader.op not in ("matmul", "mean")
        if (nonlinear and program.kinds[k] is program.kinds[read[0]]) or (reader.op == "mean" and node.op != "mean"):
            found.add(k)
    return found


_LOOSE, _PRODUCT, _TIGHT = range(3)


def formula(program: Program, k: int, formulas: dict[int, tuple[str, int]], written: set[int]) -> tuple[str, int]:
    """A node's formula and how tightly it binds; those of the `written` nodes that it reads stand in `formulas`."""
    node = program.nodes[k]

    def part(a: int, at_least: int) -> str:
        if a in written:
            text, binds = formulas[a]
        else:
            text = node_name(program, a)
            plain = program.nodes[a].op != "const" or text.isdigit()
            binds = _TIGHT if plain else _LOOSE
        return text if binds >= at_least else f"({text})"

    match node.op:
        case "ones":
            return "1", _TIGHT
        case "width":
            return "n", _TIGHT
        case "add":
            return " + ".join(part(a, _PRODUCT) for a in node.args), _LOOSE
        case "mul":
            wide = sum(program.kinds[a] is Kind.VECTOR for a in node.args) > 1
            return (" ⊙ " if wide else "·").join(part(a, _TIGHT) for a in node.args), _PRODUCT
        case "pow":
            exponent = str(node.data[0])
            return f"{part(node.args[0], _TIGHT)}^{exponent if exponent.isdigit() else f'({exponent})'}", _PRODUCT
        case "mean":
            length = length_text(program.widths[node.args[0]] or ONE)
            return f"(1/{length if length == 'n' else f'({length})'}) Σ_α [{part(node.args[0], _LOOSE)}]_α", _TIGHT
    return f"{node.data[0]}({', '.join(part(a, _LOOSE) for a in node.args)})", _TIGHT
