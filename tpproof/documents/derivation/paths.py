"""The sum over paths, and the pairs of paths where they are few."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Column, Inlines, Paragraph, Section, Table, TableRow
from tpproof.documents.derivation.reading import Reading, ends
from tpproof.documents.formula import Formula, Name, Number, Row


def paths(r: Reading) -> Section:
    """How many pairs p ≅ q there are; the table of those that the certificate lists."""
    listed = [(o, p, pair) for step in r.of("listed") for o, p, pairs in [step["conclusion"][1:4]] for pair in pairs]
    blocks: list[Block] = [Paragraph(("The sum ", Cite("(96)"), " runs over pairs p ≅ q of isomorphic paths."))]
    if listed:
        shown, omitted = ends(list(enumerate(listed)))
        rows = tuple(_row(r, k, o, p, pair) for k, (o, p, pair) in shown)
        columns = (Column("pair", right=True), Column("outputs"), Column("p", 0.3), Column("q", 0.3))
        blocks.append(Table(columns, rows, ("Pairs p ≅ q.",), "pairs", omitted, len(rows) - 50 if omitted else 0))
    return Section(("Sum over paths",), "paths", tuple(blocks))


def _row(r: Reading, k: int, o: int, p: int, pair: list[list[int]]) -> TableRow:
    cells: tuple[Inlines, ...] = ((str(k),), (f"{o}, {p}",), (path(r, pair[0], True),), (path(r, pair[1], False),))
    return TableRow(cells, f"pair-{k}")


def path(r: Reading, gvars: list[int], tilde: bool) -> Formula:
    """p⁰ → p¹ → …: X-vars and G-vars in turn."""
    parts: list[Formula | str] = []
    for g in gvars:
        node = r.program.nodes[g]
        start: Formula = Number("1")
        if node.op == "matmul":
            start = r.vocabulary.vector(node.args[0], tilde)
        elif node.op == "embed":
            start = r.vocabulary.input(node.data[1], node.data[2], tilde)
        parts += [" → "] if parts else []
        parts += [start, " → ", r.vocabulary.vector(g, tilde)]
    return Row(tuple(parts))


__all__ = ["Name", "path", "paths"]
