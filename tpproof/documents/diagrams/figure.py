"""The reduced program (Definition 5.4) as a graph: the symbols and edges of the paper's Figures 1 to 5, unplaced."""

from __future__ import annotations

from dataclasses import dataclass

from tpproof.documents.diagrams import labels
from tpproof.documents.diagrams.drawing import Edge, Figure, Fold, Mark, Symbol
from tpproof.documents.diagrams.folding import Repetition, repetition
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program.listing import is_linear, node_name, written_inside
from tpproof.program.model import Kind, Program

SMALLER = "-D makes a smaller instance of the same architecture"
FOLDED_ABOVE = 200
"""Symbols above which repetition is folded."""


@dataclass(frozen=True)
class _Reduction:
    """Which nodes are symbols, which are part of the one that reads them, which stand in formulas only."""

    program: Program
    inside: set[int]
    hidden: set[int]

    @property
    def standing(self) -> list[int]:
        return [k for k in range(len(self.program.nodes)) if k not in self.inside and k not in self.hidden]

    def part_of(self, k: int) -> list[int]:
        """The nodes that are part of a symbol, itself first: each is part of one only."""
        found = [k]
        for part in found:  # grows while it is read
            found += [a for a in dict.fromkeys(self.program.nodes[part].args) if a in self.inside]
        return found

    def reads(self, k: int) -> tuple[int, ...]:
        """The symbols that a symbol reads."""
        read: dict[int, None] = {}
        todo = list(reversed(self.program.nodes[k].args))
        seen: set[int] = set()
        while todo:
            a = todo.pop()
            if a in self.hidden or a in seen:
                continue
            seen.add(a)
            if a in self.inside:
                todo.extend(reversed(self.program.nodes[a].args))
            else:
                read[a] = None
        return tuple(read)


def figure(program: Program, limits: Limits = DEFAULT) -> Figure:
    """The symbols and edges of a program.

    A NonLin that one other NonLin alone reads is part of that one's gate, a linear combination that one other
    alone reads part of that one; numbers and the vector of ones are part of the formulas that they stand in. Of
    more than `FOLDED_ABOVE` symbols a repetition is folded.

    Raises
    ------
    TpproofError
        E104 for more symbols than anybody could read.
    """
    reduction = _Reduction(program, _inside(program), _hidden(program))
    standing = reduction.standing
    folded = repetition(program, standing) if len(standing) > FOLDED_ABOVE else None
    kept = [k for k in standing if folded is None or not folded.hides(k)]
    if len(kept) > limits.drawn_nodes:
        raise TpproofError("E104", f"a drawing of {len(kept)} symbols", f"at most {limits.drawn_nodes}; {SMALLER}")
    known = labels.formulas(program, reduction.inside | reduction.hidden)
    reads = {k: reduction.reads(k) for k in kept}
    marks = {str(k): labels.mark(program, k, known, reduction.part_of(k), reads[k]) for k in kept}
    edges = [Edge(str(a), str(k), _matrix(program, k)) for k in kept for a in reads[k]]
    outputs: dict[str, Mark] = {}
    for o, out in enumerate(program.outputs):
        if folded is not None and all(folded.hides(x) for _, x in out.terms) and len(program.outputs) > 1:
            continue
        outputs[f"f{o}"] = labels.output_mark(program, o)
        edges += [Edge(str(x), f"f{o}", labels.matrix_label(program, v, True)) for v, x in out.terms]
    name = labels.printable(program.name, labels.TITLE_LENGTH)
    if folded is None:
        return Figure(name, (*marks.values(), *outputs.values()), tuple(edges))
    return _folded(program, name, folded, marks, outputs, edges)


def _folded(
    program: Program, name: str, folded: Repetition, marks: dict[str, Mark], outputs: dict[str, Mark], edges: list[Edge]
) -> Figure:
    """Dots for each vector that the parts which are left out give to what comes later."""

    def shown(key: str) -> str:
        hidden = key.isdigit() and folded.hides(int(key))
        return f"dots{folded.first(int(key))}" if hidden else key

    first, last = (node_name(program, k) for k in folded.ends())
    fold = Fold(folded.parts, folded.parts - 2, first, last)
    drawn = list(dict.fromkeys(Edge(shown(e.source), e.target, e.matrix) for e in edges))
    dots = dict.fromkeys(e.source for e in drawn if e.source.startswith("dots"))
    into = [Edge(key.removeprefix("dots"), key) for key in dots if key.removeprefix("dots") in marks]
    reading = {e.target for e in drawn if e.source in dots}
    later = next((key for key in marks if key in reading), None)
    placed: dict[str, Mark] = {}
    for key, mark in {**marks, **outputs}.items():  # the dots before what first reads one of them
        if key == later or (later is None and key in outputs):
            placed |= {d: Mark(d, Symbol.DOTS, f"×{fold.omitted}", "", fold.text) for d in dots if d not in placed}
        placed[key] = mark
    stand_in = tuple((str(k), shown(str(k))) for k in folded.hidden() if shown(str(k)) in dots)
    return Figure(name, tuple(placed.values()), (*into, *drawn), (fold,), stand_in)


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


def _matrix(program: Program, k: int) -> str:
    node = program.nodes[k]
    return labels.matrix_label(program, *node.data) if node.op == "matmul" else ""
