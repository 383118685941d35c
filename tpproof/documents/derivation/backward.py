"""The backward pass: error signals, and their second moments."""

from __future__ import annotations

from collections.abc import Callable

from tpproof.documents.blocks import Block, Cite, Fold, Inlines, Line, Paragraph, Picture, Section
from tpproof.documents.derivation.folding import Sides, Written, fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import displayed, quantity_line
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import Call, Formula, Limit, Mean, Name, Product, Row, product, total
from tpproof.documents.vocabulary import TERMS_SHOWN
from tpproof.program.model import Kind


def backward(r: Reading) -> Section:
    """dx and dg from the outputs back, and D(ã, b)."""
    signals = Mean(Product((Limit(Name("a", tilde=True), "d"), Limit(Name("b"), "d"))))
    weights = (
        " Each output o is given a formal weight ", Name("α", "o"), " at the test input and ", Name("χ", "o"),
        " at the training input, so that all pairs of outputs are covered at once: dy is that of their weighted sum, "
        "and what belongs to outputs o and p is the coefficient of the product of their weights.",
    ) if r.outputs > 1 else (
        " The weights ", Name("α", "0"), " and ", Name("χ", "0"), " of the output at the test input and at the "
        "training input are formal, no loss derivatives: they say which outputs a term belongs to.",
    )  # fmt: skip
    lines = fold([quantity_line(r.names, step) for step in r.of("D")], r.names)
    blocks: list[Block] = [
        Paragraph(
            (
                "Backpropagation, vector by vector in reverse order:",
            )
        ),
        *displayed(_signals(r), "signals"),
        Picture("backward", ("The backward pass, in the notation of Figure 6.",), "figure-backward",
                "The program read backwards; the display above says the same."),
        Paragraph(
            (
                *_moments(r), "Let ", Call(Name("D"), (Name("a", tilde=True), Name("b"))), " = ", signals, ". At "
                "both inputs error signals are linear in the readouts and in hats of error signals, so by ",
                Cite("(105)-(106)"),
                " their second moments obey the same recursion backwards.", *weights,
            )
        ),
        Fold((f"The second moments of the error signals ({len(r.of('D'))} steps)",), displayed(lines, "moments"),
             len(lines) <= OPEN_UP_TO),
    ]  # fmt: skip
    return Section(("Backward pass",), "backward", tuple(blocks))


def _moments(r: Reading) -> Inlines:
    scalars = any(kind is Kind.SCALAR for kind in r.program.kinds)
    return (
        "In the limit nothing flows back through Moments ", Cite("(D.4.5)"), ": it is left out above, and what only a "
        "Moment reads has the error signal 0. ",
    ) if scalars else ()  # fmt: skip


OPEN_UP_TO = 12
"""Lines of a fold that is open from the start."""


def _signals(r: Reading) -> list[Line]:
    readers: dict[int, list[int]] = {}
    for k, node in enumerate(r.program.nodes):
        for a in dict.fromkeys(node.args):
            readers.setdefault(a, []).append(k)
    moving = [k for k in range(len(r.program.nodes)) if _moves(r, k)]
    lines = [Written((None, r.names.index(k)), (), _signal(r, k, readers.get(k, []))) for k in reversed(moving)]
    return fold(lines, r.names)


def _moves(r: Reading, k: int) -> bool:
    return r.program.kinds[k] is Kind.VECTOR and r.program.nodes[k].op != "ones"


def _signal(r: Reading, k: int, readers: list[int]) -> Callable[[Names], Sides]:
    readouts = [(v, o) for o, out in enumerate(r.program.outputs) for v, x in out.terms if x == k]

    def write(names: Names) -> Sides:
        weighted = [
            product([Name("α", str(o)), names.parameter(v)]) if r.outputs > 1 else names.parameter(v)
            for v, o in readouts
        ]
        through = [_through(names, k, reader) for reader in readers if _moves(r, reader)]
        return _d(names, k), "=", total([*weighted, *through], TERMS_SHOWN)

    return write


def _d(names: Names, k: int) -> Formula:
    return Row(("d", names.vector(k)))


def _through(names: Names, k: int, reader: int) -> Formula:
    """What flows into k from one of its readers."""
    node = names.program.nodes[reader]
    if node.op == "matmul":
        matrix = names.parameter(node.data[0])
        return Row((matrix, "" if node.data[1] else "ᵀ", " ", _d(names, reader)))
    if node.op == "add":
        return _d(names, reader)
    others = [a for a in node.args if a != k]
    if node.op == "mul" and len(others) == len(node.args) - 1:
        return product([*(names.vector(a) for a in others), _d(names, reader)])
    return product([names.derivative(reader, k, False), _d(names, reader)])
