"""A listing of instructions that belong to no network as a graph: Algorithm 1 becomes Figure 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tpproof.documents.diagrams.drawing import Edge, Figure, Mark, Symbol
from tpproof.documents.diagrams.figure import SMALLER
from tpproof.documents.diagrams.labels import label_of, printable, title_of
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits

NAME_LENGTH = 24


@dataclass(frozen=True)
class Instruction:
    """One line of a listing.

    Parameters
    ----------
    kind
        "vector" or "scalar" for what the listing is given, or NONLIN, MATMUL, MOMENT.
    name, formula
        ``name := formula``.
    reads
        The names that it reads, each once.
    text
        What is applied: a MatMul's matrix, the function in a gate, or what a given vector is.
    """

    kind: str
    name: str
    formula: str
    reads: tuple[str, ...] = ()
    text: str = ""


_SYMBOLS = {
    "vector": Symbol.GVAR, "MATMUL": Symbol.GVAR, "NONLIN": Symbol.XVAR, "scalar": Symbol.SCALAR,
    "MOMENT": Symbol.SCALAR,
}  # fmt: skip


def listing_figure(name: str, instructions: Sequence[Instruction], limits: Limits = DEFAULT) -> Figure:
    """The symbols and edges of a listing.

    Raises
    ------
    TpproofError
        E104 for more symbols than anybody could read.
    """
    if len(instructions) > limits.drawn_nodes:
        found = f"a drawing of {len(instructions)} symbols"
        raise TpproofError("E104", found, f"at most {limits.drawn_nodes}; {SMALLER}")
    keys = {i.name: f"i{k}" for k, i in enumerate(instructions)}
    marks = tuple(_mark(keys[i.name], i) for i in instructions)
    edges = tuple(
        Edge(keys[read], keys[i.name], label_of(i.text) if i.kind == "MATMUL" else "")
        for i in instructions for read in i.reads
    )  # fmt: skip
    return Figure(printable(name, NAME_LENGTH), marks, edges)


def _mark(key: str, i: Instruction) -> Mark:
    gate = label_of(i.text) if i.kind in ("NONLIN", "MOMENT") else None
    label = label_of(i.text) if i.kind == "vector" else ""
    return Mark(key, _SYMBOLS[i.kind], printable(i.name, NAME_LENGTH), label, title_of(i.name, i.formula), gate)
