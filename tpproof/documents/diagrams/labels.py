"""The texts of a drawing: names, what stands in a gate, formulas for who points at a symbol."""

from __future__ import annotations

from tpproof.documents.diagrams.drawing import Mark, Symbol
from tpproof.documents.formula import letter
from tpproof.program import constants
from tpproof.program.listing import formula, gvar_formula, is_linear, node_name, readout_text
from tpproof.program.model import GVAR_OPS, Kind, Node, Program

LABEL_LENGTH = 18
"""Characters of a label; the whole text is in the symbol's title."""
TITLE_LENGTH = 300
_FORMULA_LENGTH = 2 * TITLE_LENGTH

Formulas = dict[int, tuple[str, int]]

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_POWERS = {"1/2": "√", "-1": "1/", "2": "( )²", "-1/2": "1/√"}


def printable(text: str, length: int) -> str:
    """Text that any printer can show, no longer than `length`."""
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def label_of(text: str) -> str:
    return printable(text, LABEL_LENGTH)


def title_of(name: str, text: str) -> str:
    return printable(f"{name} := {text}", TITLE_LENGTH)


def matrix_label(program: Program, parameter: int, transposed: bool) -> str:
    """W or Wᵀ."""
    return f"{label_of(letter(program.parameters[parameter].name))}{'ᵀ' if transposed else ''}"


def formulas(program: Program, written: set[int]) -> Formulas:
    """The formulas of all nodes, the `written` ones in those that read them, none longer than a title shows."""
    inside = {k for k in written if program.nodes[k].op != "const"}
    found: Formulas = {}
    for k, node in enumerate(program.nodes):
        if node.op not in (*GVAR_OPS, "const"):
            text, binds = formula(program, k, found, inside)
            found[k] = (text[:_FORMULA_LENGTH], binds)
    return found


def mark(program: Program, k: int, known: Formulas, parts: list[int], reads: tuple[int, ...]) -> Mark:
    """The symbol of a node; `parts` are the nodes that are part of it, itself first."""
    node, name = program.nodes[k], node_name(program, k)
    if node.op in GVAR_OPS:
        label = "" if node.op == "matmul" else _start(program, k)
        return Mark(str(k), Symbol.GVAR, name, label_of(label), title_of(name, gvar_formula(program, k)))
    title = title_of(name, known[k][0])
    if node.op == "ones":
        return Mark(str(k), Symbol.XVAR, name, "1", title)
    if program.kinds[k] is Kind.SCALAR:
        return Mark(str(k), Symbol.SCALAR, name, "", title, label_of(_gate(program, k, parts)))
    if is_linear(program, node):
        return Mark(str(k), Symbol.XVAR, name, "", title, _combination(program, k, parts, reads), linear=True)
    return Mark(str(k), Symbol.XVAR, name, "", title, label_of(_gate(program, k, parts)))


def output_mark(program: Program, o: int) -> Mark:
    """The box of an output."""
    out = program.outputs[o]
    terms = [readout_text(program, v, x) for v, x in out.terms]
    bias = program.parameters[out.bias].name if out.bias is not None else ""
    title = title_of(f"f{o}", " + ".join([*terms, *([bias] if bias else [])]))
    label = label_of(f"+ {letter(bias)}") if bias else ""
    return Mark(f"f{o}", Symbol.OUTPUT, f"f{o}", label, title, rows=max(1, len(terms)))


def _combination(program: Program, k: int, parts: list[int], reads: tuple[int, ...]) -> str:
    """What stands in the gate of a linear combination: + for a sum, Σ where its terms have factors of their own."""
    node = program.nodes[k]
    if any(program.nodes[part].op == "mul" and _moves(program, part) for part in parts[1:]):
        return "Σ"
    if sum(program.kinds[a] is Kind.VECTOR for a in reads) > 1 or node.op == "add":
        return f"+ {_factor(program, k)}".strip() if node.op == "add" or _factor(program, k) else "Σ"
    return _factor(program, k) or "×"


def _moves(program: Program, k: int) -> bool:
    """Whether a multiple is one of anything but the vector of ones."""
    nodes = program.nodes
    return any(program.kinds[a] is Kind.VECTOR and nodes[a].op != "ones" for a in nodes[k].args)


def _words(program: Program, parts: list[int]) -> tuple[str, ...]:
    """The functions in a gate, outermost first, each once."""
    return tuple(dict.fromkeys(word for part in parts for word in _own_words(program, part)))


def _own_words(program: Program, k: int) -> tuple[str, ...]:
    """The function that a node applies."""
    node = program.nodes[k]
    match node.op:
        case "call":
            return (letter(str(node.data[0])),)
        case "mean":
            return ("mean",)
        case "width":
            return ("n",)
        case "pow":
            return (_POWERS.get(str(node.data[0]), f"^{node.data[0]}"),)
    return ()


def _start(program: Program, k: int) -> str:
    """An initial vector: U ξ₀, or b."""
    node = program.nodes[k]
    name = letter(program.parameters[node.data[0]].name)
    if node.op != "embed":
        return name
    declared = program.inputs[node.data[1]]
    part = "" if declared.count is None else str(node.data[2]).translate(_SUBSCRIPTS)
    return f"{name} {letter(declared.name)}{part}"


def _gate(program: Program, k: int, parts: list[int]) -> str:
    """What a gate computes, in a word or two; a bar-gate's mean is its bar."""
    node, words = program.nodes[k], _words(program, parts)
    if node.op == "mean" and words == ("mean",):
        averaged = program.nodes[node.args[0]]
        return _product(averaged) if averaged.op == "mul" else "mean"
    words = words[1:] if node.op == "mean" else words
    if words:
        text = ", ".join(words).replace("1/, ", "1/").replace("√, ", "√")
        return f"{text}( )" if text.endswith(("/", "√")) else text
    if node.op == "mul" and program.kinds[k] is Kind.VECTOR:
        return _product(node)
    return {"add": "+", "mul": "·"}.get(node.op, "")


def _product(node: Node) -> str:
    return "( )²" if len(node.args) == 2 and len(set(node.args)) == 1 else "⊙"


def _factor(program: Program, k: int) -> str:
    """The number that a linear combination is multiplied by, where it is short."""
    node = program.nodes[k]
    numbers = [constants.text(program.nodes[a].data[0]) for a in node.args if program.nodes[a].op == "const"]
    return f"×{numbers[0]}".replace("-", "−") if node.op == "mul" and numbers and len(numbers[0]) < 8 else ""
