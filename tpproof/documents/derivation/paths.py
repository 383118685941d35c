"""The sum over paths: ⟨p, q⟩, the pairs where they are few, and the recursion that sums them."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Column, Fold, Inlines, Paragraph, Section, Table, TableRow
from tpproof.documents.derivation.folding import fold, steps_text
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import displayed, quantity_line
from tpproof.documents.derivation.reading import Reading, ends
from tpproof.documents.formula import (
    Call,
    Derivative,
    Formula,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Row,
    product,
)

Listed = tuple[int, int, list[list[int]]]
"""Outputs o and p, and the G-vars of both paths."""


def paths(r: Reading) -> Section:
    """What a path is here, the table of pairs, the recursion."""
    listed: list[Listed] = [
        (o, p, pair) for step in r.of("listed") for _, o, p, pairs in [step["conclusion"]] for pair in pairs
    ]
    lines = fold([quantity_line(r.names, step) for step in r.of("C")], r.names)
    blocks: list[Block] = [_what(r), *([*_counted(r, listed), _table(r, listed)] if listed else [_unlisted()])]
    blocks += [
        Paragraph(
            (
                "Summed over all pairs that end in ",
                Name("a"),
                " and ",
                Name("b"),
                ", ",
                Row((Call(Name("C"), (Name("a", tilde=True), Name("b"))), " = Σ⟨p, q⟩")),
                " obeys a recursion that "
                "needs no pair: it starts with what paths may begin with, is multiplied by σ² at a matrix and by an "
                "expected product of derivatives at NonLins, and is bilinear in linear combinations. A pair of "
                "vectors with no matrix in common has no isomorphic paths and is left out.",
            )
        ),
        Fold((f"The recursion (95), pair by pair ({len(r.of('C'))} steps)",), displayed(lines, "path-sums", "(95)")),
    ]
    return Section(("The sum over paths",), "paths", tuple(blocks))


def _what(r: Reading) -> Block:
    slope = Mean(Product((Derivative(Name("p", above="i", tilde=False), Name("p", above="i−1")),
                          Derivative(Name("q", above="i"), Name("q", above="i−1")))))  # fmt: skip
    start = Mean(Product((Name("p", above="0"), Name("q", above="0"))))
    stretches = " or, here, take a contracted stretch" if r.contracted else ""
    return Paragraph(
        (
            "A path ", Row(("p = (", Name("p", above="0"), ", ", Name("p", above="1"), ", …)")), " goes from an "
            "X-var to a G-var that a matrix makes of it, to an X-var that reads this, and so on, and ends in a G-var (",
            Cite("Definition 5.5"), "); it may also begin at the input of an embedding or at a vector parameter ",
            Cite("(D.4.1)"), f"{stretches}. ", Row(("p ≅ q",)), " means that both go through the same matrices in "
            "the same order; the vectors may differ. With p at the test input and q at the training input, ",
            Cite("(95)"), " ",
            Row(("⟨p, q⟩ = κ", start, " · Π_i σ²", slope)), ", the product over ", Row(("i = 2, 4, …",)), "; the "
            "first factor is ",
            Quotient(Row((Name("ξ", tilde=True), "ᵀ", Name("ξ"))), Name("d")), " where the paths begin at inputs, "
            "and 1 "
            "where they begin at a vector parameter.",
        )
    )  # fmt: skip


def _unlisted() -> Block:
    return Paragraph(("The pairs of this network are not listed one by one.",))


def _counted(r: Reading, listed: list[Listed]) -> list[Block]:
    """How many pairs, and how many of two different paths."""
    crossed = [pair for _, _, pair in listed if pair[0] != pair[1]]
    ids = [step["id"] for step in r.of("listed")]
    which: Inlines = (" (", *steps_text(ids), ")")
    count = "is one pair" if len(listed) == 1 else f"are {len(listed)} pairs"
    end = "ends" if len(listed) == 1 else "end"
    over = ", over all pairs of outputs," if r.outputs > 1 else ""
    text: Inlines = (
        f"There {count} p ≅ q{over} that {end} where the outputs read, as many as the recursion counts", *which,
    )  # fmt: skip
    if not crossed:
        same = "it is a path and itself" if len(listed) == 1 else "each a path and itself, as in an MLP (Figure 2)"
        return [Paragraph((*text, f"; {same}.", *_elsewhere(r)))]
    k = next(k for k, (_, _, pair) in enumerate(listed) if pair[0] != pair[1])
    p, q = listed[k][2]
    return [
        Paragraph(
            (
                *text, f". A matrix that is used several times makes different paths isomorphic: in {len(crossed)} of "
                "the pairs p and q are different (Figure 3), such as ", path(r.names, p, True), " and ",
                path(r.names, q, False), f" in pair {k}, which go through the same matrices at different uses.",
            )
        )
    ]  # fmt: skip


def _elsewhere(r: Reading) -> Inlines:
    """Isomorphic paths of different vectors that only (107) needs."""
    for step in r.of("107"):
        g, uses = step["conclusion"][1:3]
        other = next((k for k, _ in uses if k != g), None)
        if other is not None and r.program.nodes[g].op == "matmul":
            return (
                " But a matrix that is used several times makes paths of different vectors isomorphic too (Figure "
                "3), such as ", path(r.names, [g], True), " and ", path(r.names, [other], False), ", both through ",
                r.names.parameter(r.program.nodes[g].data[0]), ". ", Cite("(107)"), " at ", r.names.vector(g),
                " needs these; they do not end in one G-var that an output reads.",
            )  # fmt: skip
    return ()


def _table(r: Reading, listed: list[Listed]) -> Block:
    shown, omitted = ends(list(enumerate(listed)))
    rows = tuple(_row(r, k, *row) for k, row in shown)
    several = r.outputs > 1
    columns = (
        Column("pair", right=True), *([Column("outputs")] if several else []), Column("matrices", 0.1),
        Column("p", 0.22), Column("q", 0.22), Column("⟨p, q⟩", 0.4),
    )  # fmt: skip
    caption: Inlines = ("Pairs of isomorphic paths, p at ξ̃ and q at ξ, and what each adds before the readouts.",)
    return Table(columns, rows, caption, "pairs", omitted, len(rows) - 50 if omitted else 0)


def _row(r: Reading, k: int, o: int, p: int, pair: list[list[int]]) -> TableRow:
    cells: list[Inlines] = [(str(k),)]
    cells += [(f"{o}, {p}",)] if r.outputs > 1 else []
    cells += [
        (_matrices(r.names, pair[0]),), (path(r.names, pair[0], True),), (path(r.names, pair[1], False),),
        (weight(r.names, *pair),),
    ]  # fmt: skip
    return TableRow(tuple(cells), f"pair-{k}")


def path(names: Names, gvars: list[int], tilde: bool) -> Formula:
    """p⁰ → p¹ → …: X-vars and G-vars in turn."""
    parts: list[Formula | str] = []
    for g in gvars:
        parts += [" → "] if parts else []
        parts += [_start(names, g, tilde), " → ", names.vector(g, tilde)]
    return Row(tuple(parts))


def _start(names: Names, g: int, tilde: bool) -> Formula:
    """The vector that a G-var is made of."""
    node = names.program.nodes[g]
    if node.op == "matmul":
        return names.vector(node.args[0], tilde)
    return names.input(node.data[1], node.data[2], tilde) if node.op == "embed" else Number("1")


def _matrices(names: Names, gvars: list[int]) -> Formula:
    parts: list[Formula | str] = []
    for g in gvars:
        node = names.program.nodes[g]
        transposed = node.op == "matmul" and node.data[1]
        parts += [", "] if parts else []
        parts.append(Row((names.parameter(node.data[0]), "ᵀ")) if transposed else names.parameter(node.data[0]))
    return Row(tuple(parts))


def weight(names: Names, p: list[int], q: list[int]) -> Formula:
    """⟨p, q⟩ by (95): what the paths start with, then a factor for every X-var on them."""
    program = names.program
    factors: list[Formula] = []
    for k, (a, b) in enumerate(zip(p, q, strict=True)):
        node, other = program.nodes[a], program.nodes[b]
        parameter, transposed = node.data[0], int(node.op == "matmul" and node.data[1])
        symbol, value = (
            ("σ", program.parameters[parameter].variance) if k else ("κ", program.parameters[parameter].rate)
        )
        factors += [] if value(bool(transposed)) == 1 else [names.law(symbol, parameter, transposed)]
        if k:
            x, y = node.args[0], other.args[0]
            factors.append(Mean(Product((_slope(names, x, p[k - 1], True), _slope(names, y, q[k - 1], False)))))
        elif node.op == "matmul":
            factors.append(Mean(Product((names.value(node.args[0], True), names.value(other.args[0], False)))))
        elif node.op == "embed":
            factors.append(Quotient(Row((_start(names, a, True), "ᵀ", _start(names, b, False))), Name("d")))
    powers = {f: factors.count(f) for f in factors}
    return product([f if n == 1 else Power(f, str(n)) for f, n in powers.items()])


def _slope(names: Names, x: int, g: int, tilde: bool) -> Formula:
    """∂x/∂g; φ′(z) where x = φ(z) and z is g plus other vectors."""
    node = names.program.nodes[x]
    if node.op == "call" and len(node.args) == 1:
        z = node.args[0]
        inside = names.program.nodes[z]
        if inside.op == "add" and inside.args.count(g) == 1 and _apart(names, z, g):
            return names.derivative(x, z, tilde)
    return names.derivative(x, g, tilde)


def _apart(names: Names, z: int, g: int) -> bool:
    """Whether the other summands of z do not read g."""
    others = [a for a in names.program.nodes[z].args if a != g]
    return all(names.reduced.g_linear(a) and names.reduced.form(a).value == "base" for a in others)
