"""The setup: parameters, inputs, and the program as a NETSOR listing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tpproof.documents.blocks import (
    Block,
    Cite,
    Column,
    Inlines,
    Paragraph,
    Picture,
    Section,
    Table,
    TableRow,
)  # fmt: skip
from tpproof.documents.derivation.folding import Sides, Written, fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import displayed
from tpproof.documents.derivation.reading import FIRST_SHOWN, Reading, ends
from tpproof.documents.formula import Derivative, Formula, Name, Number, Power, Row, product, total
from tpproof.documents.vocabulary import Vocabulary, constant
from tpproof.program.model import GVAR_OPS, Kind, Parameter

ROWS_OF_OUTPUTS = 50
Y = Name("y")


def program(r: Reading) -> Section:
    """Setup and notation, declarations, the listing, its picture."""
    blocks: list[Block] = [*_setup(r), _declarations(r), *listing(r), *_symmetries(r)]
    blocks.append(Picture("program", ("The reduced program, in the notation of Figures 1 to 7.",), "figure-program",
                          "The program as a graph; the listing says the same."))  # fmt: skip
    return Section(("Setup and program",), "program", tuple(blocks))


_AVERAGES: Inlines = (
    " In the program below, that is at width n, E[y] is the average over the coordinates of y, which a Moment takes; "
    "products and functions of vectors are coordinatewise.",
)


def _setup(r: Reading) -> list[Block]:
    scalars = any(kind is Kind.SCALAR for kind in r.program.kinds)
    more: Inlines = (", ", Name("θ", "k"), " for scalars") if scalars else ()
    return [
        Paragraph(
            (
                "The network is a ", "NETSOR⊤⁺ program of width ", Name("n"), ". It is run on the test input ",
                Name("ξ", tilde=True), " and on the training input ", Name("ξ"), " with the same parameters; a tilde "
                "marks the former run. ", Name("g", "k"), " stands for G-vars, results of a matrix and initial "
                "vectors, ",
                Name("x", "k"), " for X-vars", *more, ", where k is the number of the instruction.",
            )
        ),
        Paragraph(
            (
                "The trainable entries of a parameter are iid N(0, s²) and trained with learning rate η; the "
                "parameter is γ times them, over the root of the length that it sums over (Setup 5.2, NTK "
                "parametrization). Only ",
                Row((Name("σ", above="2"), " = γ²s²")), " and ", Row(("κ = ηγ²",)), " matter: the first is its "
                "variance in the forward pass, the second says how strongly training moves it.",
            )
        ),
        Paragraph(
            (
                "At step ", Name("t"), ", ", Row(("δ", Y, " = √n (", Name("y", "t+1"), " − ", Name("y", "t"), ")")),
                " is the change of a vector ", Y, ", ", Row(("d", Y, " = √n ", Derivative(Name("f"), Y))), " its "
                "error signal, ",
                Name("χ"),
                " the loss derivative, and a ring marks a limit. For vectors of another length than n the root is "
                "that of their length.", *_several(r), *(_AVERAGES if scalars else ()),
            )
        ),
    ]  # fmt: skip


def _several(r: Reading) -> Inlines:
    """What χ and dy stand for where there are several outputs."""
    if r.outputs == 1:
        return ()
    chi, own = Name("χ", "p"), Row(("√n ", Derivative(Name("f", "p"), Y)))
    return (
        " Every output p has a loss derivative of its own, ", chi, "; in what follows ", Row((Name("χ"), " d", Y)),
        " stands for the sum ", Row(("Σ_p ", chi, " ", own)), ", which is what the step sees.",
    )  # fmt: skip


def listing(r: Reading) -> list[Block]:
    """The program: what repeats, written once, and every instruction."""
    return [*_layers(r), _listing(r)]


def _layers(r: Reading) -> list[Block]:
    """What repeats, written once."""
    repeated = r.names.repetition
    if repeated is None:
        return []
    named = [k for k in sorted(repeated.roles) if r.program.nodes[k].op not in ("param", "const")]
    lines = fold([Written((None, r.names.index(k)), (), _definition(k)) for k in named], r.names)
    span = f"{repeated.first}, …, {repeated.last}" if repeated.last > repeated.first + 1 else (
        f"{repeated.first}, {repeated.last}"
    )  # fmt: skip
    text = Paragraph(
        (
            f"The program repeats itself: for l = {span} the same {repeated.period} instructions come again, up to "
            "renaming. Their vectors are called by this index, and what is the same for every l is written once below:",
        )
    )
    return [text, *displayed(lines, "layers")]


def _symmetries(r: Reading) -> list[Block]:
    """What a step stands for where one pair stands for its orbit."""
    found = r.data["symmetries"]
    if not found:
        return []
    kinds = [text for text, mirror in (("the exchange of ξ̃ and ξ", True), ("renamings of vectors", False))
             if any(bool(s["mirror"]) is mirror for s in found)]  # fmt: skip
    return [
        Paragraph(
            (
                f"The network has symmetries, {' and '.join(kinds)} that leave it as it is. Below, a step about a "
                "pair of vectors, or about a G-var, stands for all pairs, or G-vars, that the symmetries make of it, "
                "its terms renamed likewise.",
            )
        )
    ]


def _definition(k: int) -> Callable[[Names], Sides]:
    return lambda names: (names.vector(k), "=", names.definition(k))


def _declarations(r: Reading) -> Block:
    rows = [
        TableRow((("input",), (Name("ξ" if i.name == "xi" else i.name),),
                  ("a vector in R^d" if i.count is None else f"{i.count} vectors in R^d",), (), ()), f"input-{k}")
        for k, i in enumerate(r.program.inputs)
    ]  # fmt: skip
    rows += [_parameter(r, k, p) for k, p in enumerate(r.program.parameters)]
    rows += [TableRow((("nonlinearity",), (Name(name),), (f"of {arity}, declared smooth",), (), ()), f"function-{k}")
             for k, (name, arity) in enumerate(r.program.functions)]  # fmt: skip
    shown, omitted = ends(rows)
    columns = (Column("kind"), Column("name"), Column("shape", 0.4), Column("σ²"), Column("κ"))
    return Table(
        columns, tuple(shown), ("Inputs and parameters.",), "declarations", omitted, len(shown) - 50 if omitted else 0
    )


def _parameter(r: Reading, k: int, p: Parameter) -> TableRow:
    cells: tuple[Inlines, ...] = (
        (p.kind.replace("_", " "),), (r.vocabulary.parameter(k),), (_shape(p),), (constant(r.names.law_value("sigma2",
        k)),),
        (constant(r.names.law_value("kappa", k)) if p.trained else "0, not trained",),
    )  # fmt: skip
    return TableRow(cells, f"parameter-{k}")


def _shape(p: Parameter) -> str:
    rows, cols = ("n" if c == 1 else f"({c})n" if c.denominator > 1 else f"{c}n" for c in (p.rows, p.cols))
    roots = {length: length if length == "n" else f"({length})" for length in (rows, cols)}
    return {
        "embedding": f"{rows}×d, entries γu/√d", "matrix": f"{rows}×{cols}, entries γw/√{roots[cols]}",
        "output_bias": "1",
        "readout": f"{rows}, used as vᵀx/√{roots[rows]}",
    }.get(p.kind, rows)  # fmt: skip


def _listing(r: Reading) -> Block:
    v, named = r.vocabulary, r.names.repetition is not None
    nodes = [k for k, node in enumerate(r.program.nodes) if node.op != "const"]
    shown, omitted = ends(nodes)
    rows = []
    for k in shown:
        cells: tuple[Inlines, ...] = ((str(k),), (instruction(v, k),), (v.vector(k),), (v.definition(k),))
        alias = r.names.vector(k)
        called: tuple[Inlines, ...] = ((alias,) if alias != v.vector(k) else (),)
        rows.append(TableRow((*cells, *(called if named else ())), f"node-{k}"))
    for o in range(min(r.outputs, ROWS_OF_OUTPUTS)):
        cells = (("",), ("Output",), (Name("f", str(o) if r.outputs > 1 else ""),), (output(v, o),))
        rows.append(TableRow((*cells, *(((),) if named else ())), f"output-{o}"))
    columns = (Column("no.", right=True), Column("instruction"), Column("vector"), Column("is", 0.6))
    caption: Inlines = ("The program, instruction by instruction (", Cite("Definition B.1"), ").")
    more = (Column("in the text"),) if named else ()
    return Table((*columns, *more), tuple(rows), caption, "listing", omitted, FIRST_SHOWN if omitted else 0)


def instruction(v: Vocabulary, k: int) -> str:
    """The kind of an instruction (Definition B.1)."""
    node = v.program.nodes[k]
    if node.op in GVAR_OPS:
        return "MatMul" if node.op == "matmul" else "Init"
    if node.op == "mean":
        return "Moment"
    return "Scalar" if v.program.kinds[k] is Kind.SCALAR else "NonLin"


def output(v: Vocabulary, o: int) -> Formula:
    """f = Σ vᵀx/√n, and its bias."""
    out = v.program.outputs[o]
    terms: list[Formula] = [
        Row((v.parameter(p), "ᵀ", v.vector(x), *_over_root(v.program.parameters[p].rows))) for p, x in out.terms
    ]
    terms += [v.parameter(out.bias)] if out.bias is not None else []
    return total(terms)


def _over_root(width: Fraction) -> tuple[Formula | str, ...]:
    """Divided by the root of a readout's length."""
    if width == 1:
        return ("/√n",)
    return ("·", Power(product([Number(str(width)), Name("n")]), "-1/2"))
