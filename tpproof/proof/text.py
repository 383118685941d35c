"""Plain names of vectors and atoms, for messages. (Documents have their own, finer typography.)"""

from __future__ import annotations

from collections.abc import Iterable

from tpproof.program import constants
from tpproof.program.atoms import Atom, Ref, Weight
from tpproof.program.model import GVAR_OPS, Program


def vector_name(program: Program, r: Ref) -> str:
    """"g3" for a G-var, "x4" for another vector, "ĝ5" for the hat of a contracted MatMul."""
    if r < 0:
        return f"ĝ{~r}"
    return f"{'g' if program.nodes[r].op in GVAR_OPS else 'x'}{r}"


def input_text(program: Program, i: int, part: int, tilde: str = "") -> str:
    """An input, with its part where it has several: "xi", "xi~[2]"."""
    declared = program.inputs[i]
    return f"{declared.name}{tilde}" + (f"[{part}]" if declared.count is not None else "")


def gvar_text(program: Program, g: int) -> str:
    """A G-var with its definition: "g4 = W x3"."""
    node = program.nodes[g]
    name = program.parameters[node.data[0]].name
    if node.op == "matmul":
        name += "ᵀ " if node.data[1] else " "
        name += vector_name(program, node.args[0])
    elif node.op == "embed":
        name += f" {input_text(program, node.data[1], node.data[2])}"
    return f"{vector_name(program, g)} = {name}"


def atom_text(program: Program, atom: Atom) -> str:
    """One atom, as in messages."""
    kind, *rest = atom
    names = [int(r) for r in rest]
    match kind:
        case "sigma2" | "kappa":
            p = program.parameters[names[0]]
            return f"{'σ²' if kind == 'sigma2' else 'κ'}({p.name}{'ᵀ' if names[1] and p.ratio(True) != 1 else ''})"
        case "gram":
            left, right = input_text(program, names[0], names[1], "~"), input_text(program, names[2], names[3])
            return f"⟨{left},{right}⟩/d"
        case "moment2":
            return f"E[{vector_name(program, names[0])}~·{vector_name(program, names[1])}]"
        case "slope":
            x, a, y, b = (vector_name(program, r) for r in names)
            return f"E[∂{x}~/∂{a}~·∂{y}/∂{b}]"
        case "slope1" | "response":
            x, a = (vector_name(program, r) for r in names[1:])
            tilde = "" if names[0] else "~"
            return f"E[∂{x}{tilde}/∂{a}{tilde}]"
        case "scalar":
            return f"θ{names[1]}{'' if names[0] else '~'}"
        case _:
            return f"({constants.text(program.nodes[names[0]].data[0])})"


def weight_text(program: Program, product: Weight) -> str:
    """A product of atoms."""
    return "·".join(atom_text(program, atom) for atom in product) or "1"


def sum_text(program: Program, products: Iterable[tuple[Weight, int]]) -> str:
    """A sum of products with multiplicities; "0" when there are none."""
    parts = [("" if times == 1 else f"{times}·") + weight_text(program, w) for w, times in products]
    return " + ".join(parts) or "0"
