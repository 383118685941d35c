"""The setup: parameters, inputs, and the program as a NETSOR listing."""

from __future__ import annotations

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
from tpproof.documents.derivation.reading import Reading, ends
from tpproof.documents.formula import Formula, Name, Number, Power, Row, product, total
from tpproof.documents.vocabulary import Vocabulary, constant
from tpproof.program.model import GVAR_OPS, Kind, Parameter


def program(r: Reading) -> Section:
    """Setup and notation, declarations, the listing, its picture."""
    blocks: list[Block] = [*_setup(r), _declarations(r), _listing(r)]
    blocks.append(Picture("program", ("The reduced program, in the notation of Figures 1 to 7.",), "figure-program",
                          "The program as a graph; the listing says the same."))  # fmt: skip
    return Section(("Setup and program",), "program", tuple(blocks))


def _setup(r: Reading) -> list[Block]:
    hidden = Name("n")
    return [
        Paragraph(
            (
                "Vectors have length proportional to the width ", hidden, ". The program runs on the test input ",
                Name("ξ", tilde=True), " and on the training input ", Name("ξ"), "; a vector of the former run has a "
                "tilde. ", Name("g", "k"), " are G-vars (results of a matrix, or initial vectors), ", Name("x", "k"),
                " other vectors, ", Name("θ", "k"), " scalars; k numbers the instructions of the canonical program.",
            )
        ),
        Paragraph(
            (
                "A parameter is iid Gaussian with forward variance ", Name("σ", above="2"),
                " and moves under training at the rate κ: with standard deviation s of the trainable entries, "
                "multiplier γ and learning rate η, ", Name("σ", above="2"), " = ", Row(("γ²s²",)), " and κ = ",
                Row(("ηγ²",)), " (Setup 5.2). For a vector ", Name("y"), " let ", Row(("dy = √n ∂f/∂y",)), " and ",
                Row(("δy = √n (", Name("y", "t+1"), " − ", Name("y", "t"), ")")), "; a ring marks a limit.",
            )
        ),
    ]  # fmt: skip


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
        (p.kind.replace("_", " "),), (r.vocabulary.parameter(k),), (_shape(p),), (constant(p.variance()),),
        (constant(p.rate()) if p.trained else "0, not trained",),
    )  # fmt: skip
    return TableRow(cells, f"parameter-{k}")


def _shape(p: Parameter) -> str:
    rows, cols = ("n" if c == 1 else f"({c})n" if c.denominator > 1 else f"{c}n" for c in (p.rows, p.cols))
    return {
        "embedding": f"{rows}×d, entries γu/√d", "matrix": f"{rows}×{cols}, entries γw/√({cols})", "output_bias": "1",
        "readout": f"{rows}, used as vᵀx/√({rows})",
    }.get(p.kind, rows)  # fmt: skip


def _listing(r: Reading) -> Block:
    v = r.vocabulary
    nodes = [k for k, node in enumerate(r.program.nodes) if node.op != "const"]
    shown, omitted = ends(nodes)
    rows = [TableRow(((str(k),), (instruction(v, k),), (v.vector(k),), (v.definition(k),)), f"node-{k}") for k in shown]
    rows += [
        TableRow((("",), ("Output",), (Name("f", str(o)),), (output(v, o),)), f"output-{o}") for o in range(r.outputs)
    ]
    columns = (Column("no.", right=True), Column("instruction"), Column("vector"), Column("is", 0.6))
    caption: Inlines = ("The program: MatMul, NonLin, Moment and initial vectors, as in ", Cite("Definition B.1"), ".")
    return Table(columns, tuple(rows), caption, "listing", omitted, len(shown) - 50 if omitted else 0)


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
