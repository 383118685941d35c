"""The reduced program (Definition 5.4) as a graph: the symbols and edges of the paper's Figures 1 to 7, unplaced."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tpproof.documents.formula import letter
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program import constants
from tpproof.program.listing import formula, gvar_formula, is_linear, node_name, readout_text, written_inside
from tpproof.program.model import GVAR_OPS, Kind, Program

LABEL_LENGTH = 18
"""Characters of a label; the whole text is in the symbol's title."""
TITLE_LENGTH = 300
SMALLER = "-D makes a smaller instance of the same architecture"


class Symbol(Enum):
    """What a node looks like."""

    GVAR = "gvar"  # an empty circle
    XVAR = "xvar"  # a filled circle, with its gate's function above
    SUM = "sum"  # a small circled plus: a linear combination
    MULTIPLE = "multiple"  # a small circled cross: a linear combination of one vector
    SCALAR = "scalar"  # a square
    OUTPUT = "output"  # a rounded box with a row for each readout


@dataclass(frozen=True)
class Mark:
    """One symbol: ``name`` below it, ``label`` above; ``rows`` counts what enters an output one below the other."""

    key: str
    symbol: Symbol
    name: str
    label: str
    title: str
    rows: int = 1


@dataclass(frozen=True)
class Edge:
    """A line between two symbols: dashed and labelled by its matrix or readout, or solid and unlabelled."""

    source: str
    target: str
    matrix: str = ""

    @property
    def dashed(self) -> bool:
        return bool(self.matrix)


@dataclass(frozen=True)
class Figure:
    """All symbols, in program order, and all edges between them."""

    name: str
    marks: tuple[Mark, ...]
    edges: tuple[Edge, ...]


def figure(program: Program, limits: Limits = DEFAULT) -> Figure:
    """The symbols and edges of a program.

    A NonLin that one other NonLin alone reads is part of that one's gate, a linear combination that one other
    alone reads part of that one; numbers and the vector of ones are part of the formulas that they stand in.

    Raises
    ------
    TpproofError
        E104 for more symbols than anybody could read.
    """
    inside = _inside(program)
    hidden = _hidden(program)
    standing = [k for k in range(len(program.nodes)) if k not in inside and k not in hidden]
    if len(standing) > limits.drawn_nodes:
        raise TpproofError("E104", f"a drawing of {len(standing)} symbols", f"at most {limits.drawn_nodes}; {SMALLER}")
    formulas = _formulas(program, inside | hidden)
    reads = _reads(program, inside, hidden)
    words = _words(program, inside)
    marks = [_mark(program, k, formulas, words, reads[k]) for k in standing]
    edges = [_edge(program, a, k) for k in standing for a in reads[k]]
    for o, out in enumerate(program.outputs):
        marks.append(_output(program, o))
        edges += [Edge(str(x), f"f{o}", _matrix(program, v, True)) for v, x in out.terms]
    return Figure(printable(program.name, TITLE_LENGTH), tuple(marks), tuple(edges))


def printable(text: str, length: int) -> str:
    """Text that any printer can show, no longer than `length`."""
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _readers(program: Program) -> dict[int, list[int]]:
    readers: dict[int, list[int]] = {}
    for k, node in enumerate(program.nodes):
        for a in dict.fromkeys(node.args):
            readers.setdefault(a, []).append(k)
    return readers


def _inside(program: Program) -> set[int]:
    """The nodes that are no symbols of their own but part of the one that reads them."""
    readers = _readers(program)
    outside = {x for out in program.outputs for _, x in out.terms}
    found = written_inside(program)
    for k in range(len(program.nodes)):
        read = readers.get(k, [])
        if k not in outside and len(read) == 1 and _combines(program, k) and _combines(program, read[0]):
            found.add(k)
    return found


def _combines(program: Program, k: int) -> bool:
    """Whether a node is a linear combination of vectors that it reads."""
    node = program.nodes[k]
    return program.kinds[k] is Kind.VECTOR and node.op in ("add", "mul") and is_linear(program, node)


def _hidden(program: Program) -> set[int]:
    """Numbers, and the vector of ones where no matrix or readout reads it."""
    used = {x for out in program.outputs for _, x in out.terms}
    used.update(node.args[0] for node in program.nodes if node.op == "matmul")
    return {
        k for k, node in enumerate(program.nodes)
        if program.kinds[k] is Kind.CONSTANT or (node.op == "ones" and k not in used)
    }  # fmt: skip


def _reads(program: Program, inside: set[int], hidden: set[int]) -> list[tuple[int, ...]]:
    """The symbols that each node reads, through the nodes that are part of it."""
    found: list[tuple[int, ...]] = []
    for node in program.nodes:
        read: dict[int, None] = {}
        for a in node.args:
            if a not in hidden:
                read.update(dict.fromkeys(found[a] if a in inside else (a,)))
        found.append(tuple(read))
    return found


def _formulas(program: Program, written: set[int]) -> dict[int, tuple[str, int]]:
    formulas: dict[int, tuple[str, int]] = {}
    for k, node in enumerate(program.nodes):
        if node.op not in (*GVAR_OPS, "const"):
            formulas[k] = formula(program, k, formulas, written & formulas.keys())
    return formulas


# labels ---------------------------------------------------------------------------------------------------


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_POWERS = {"1/2": "√", "-1": "1/", "2": "( )²", "-1/2": "1/√"}


def _words(program: Program, inside: set[int]) -> list[tuple[str, ...]]:
    """The functions in each node's gate, outermost first, each once."""
    found: list[tuple[str, ...]] = []
    for node in program.nodes:
        own: list[str] = []
        if node.op in ("call", "mean"):
            own = [str(node.data[0]) if node.op == "call" else "mean"]
        elif node.op == "width":
            own = ["n"]
        elif node.op == "pow":
            own = [_POWERS.get(str(node.data[0]), f"^{node.data[0]}")]
        for a in node.args:
            own += found[a] if a in inside else ()
        found.append(tuple(dict.fromkeys(own)))
    return found


def _mark(
    program: Program, k: int, formulas: dict[int, tuple[str, int]], words: list[tuple[str, ...]], reads: tuple[int, ...]
) -> Mark:
    node, name = program.nodes[k], node_name(program, k)
    if node.op in GVAR_OPS:
        label = "" if node.op == "matmul" else _start(program, k)
        return Mark(str(k), Symbol.GVAR, name, _label(label), _title(name, gvar_formula(program, k)))
    title = _title(name, formulas[k][0])
    if program.kinds[k] is Kind.SCALAR:
        return Mark(str(k), Symbol.SCALAR, name, _label(_gate(program, k, words[k])), title)
    if is_linear(program, node) and node.op != "ones":
        combined = sum(program.kinds[a] is Kind.VECTOR for a in reads) > 1 or node.op == "add"
        return Mark(str(k), Symbol.SUM if combined else Symbol.MULTIPLE, name, _label(_factor(program, k)), title)
    label = "1" if node.op == "ones" else _gate(program, k, words[k])
    return Mark(str(k), Symbol.XVAR, name, _label(label), title)


def _start(program: Program, k: int) -> str:
    """An initial vector: U ξ₀, or b."""
    node = program.nodes[k]
    name = letter(program.parameters[node.data[0]].name)
    if node.op != "embed":
        return name
    declared = program.inputs[node.data[1]]
    part = "" if declared.count is None else str(node.data[2]).translate(_SUBSCRIPTS)
    return f"{name} {letter(declared.name)}{part}"


def _gate(program: Program, k: int, words: tuple[str, ...]) -> str:
    """What a gate computes, in a word or two."""
    node = program.nodes[k]
    if node.op == "mean" and program.nodes[node.args[0]].op == "mul" and len(words) == 1:
        return "mean ⊙"
    if words:
        text = ", ".join(words).replace("1/, ", "1/").replace("√, ", "√")
        return f"{text}( )" if text.endswith(("/", "√")) else text
    return {"add": "+", "mul": "⊙" if program.kinds[k] is Kind.VECTOR else "·"}.get(node.op, "")


def _factor(program: Program, k: int) -> str:
    """The number that a linear combination is multiplied by, where it is short."""
    node = program.nodes[k]
    numbers = [constants.text(program.nodes[a].data[0]) for a in node.args if program.nodes[a].op == "const"]
    return f"×{numbers[0]}".replace("-", "−") if node.op == "mul" and numbers and len(numbers[0]) < 8 else ""


def _edge(program: Program, a: int, k: int) -> Edge:
    node = program.nodes[k]
    if node.op != "matmul":
        return Edge(str(a), str(k))
    return Edge(str(a), str(k), _matrix(program, *node.data))


def _matrix(program: Program, parameter: int, transposed: bool) -> str:
    return f"{_label(letter(program.parameters[parameter].name))}{'ᵀ' if transposed else ''}"


def _output(program: Program, o: int) -> Mark:
    out = program.outputs[o]
    terms = [readout_text(program, v, x) for v, x in out.terms]
    bias = program.parameters[out.bias].name if out.bias is not None else ""
    title = _title(f"f{o}", " + ".join([*terms, *([bias] if bias else [])]))
    return Mark(f"f{o}", Symbol.OUTPUT, f"f{o}", _label(f"+ {letter(bias)}") if bias else "", title, max(1, len(terms)))


def _label(text: str) -> str:
    return printable(text, LABEL_LENGTH)


def _title(name: str, text: str) -> str:
    return printable(f"{name} := {text}", TITLE_LENGTH)
