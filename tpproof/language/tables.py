"""Graphs from files, for ``-D A=@graph.txt``: a square matrix, or a list of edges, as exact numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from tpproof.errors import Place, TpproofError
from tpproof.limits import Limits

_NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?(/[0-9]{1,40})?\Z")
_COMMENT = re.compile(r"[#%].*")
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_MATRIX_MARKET = "%%MatrixMarket"
EDGE_SUFFIXES = (".edges", ".edgelist")
MATRIX_SUFFIXES = (".matrix", ".adjacency")

Row = tuple[int, list[str]]
"""A line's number and its cells."""


def adjacency(path: str, limits: Limits) -> list[list[Fraction]]:
    """The adjacency matrix that a text file holds.

    Cells stand apart by spaces, tabs, commas or semicolons; what follows ``#`` or ``%`` is a comment. As many rows as
    columns are a matrix. Otherwise, and always in a file named ``.edges`` or ``.edgelist``, a row is an undirected
    edge: two nodes, counted from 0, and a weight (1 when left out); one node alone is an isolated one. Two or three
    rows that could be either are refused, unless the file's name (``.edges``, ``.matrix``) tells.

    Raises
    ------
    TpproofError
        E100 when the file cannot be read, E104 when it is too large, E108 with the line for what is neither.
    """
    rows, name = _rows(path, limits), path.lower()
    if name.endswith(EDGE_SUFFIXES):
        return _from_edges(path, rows, limits)
    if all(len(cells) == len(rows) for _, cells in rows):
        matrix = [[_number(path, line, cell) for cell in cells] for line, cells in rows]
        if not name.endswith(MATRIX_SUFFIXES) and _edges_or_none(path, rows, limits) not in (None, matrix):
            found = f"{path[:200]}: a matrix, or {len(rows)} edges"
            raise TpproofError("E108", found, "a name that tells: FILE.matrix or FILE.edges")
        return matrix
    if name.endswith(MATRIX_SUFFIXES):
        line, cells = next(row for row in rows if len(row[1]) != len(rows))
        found = f"{len(cells)} numbers in a row, {len(rows)} rows"
        raise TpproofError("E108", found, "a square matrix", Place(path, line, 1))
    return _from_edges(path, rows, limits)


def _edges_or_none(path: str, rows: list[Row], limits: Limits) -> list[list[Fraction]] | None:
    """The rows read as edges, where they can be."""
    try:
        return _from_edges(path, rows, limits)
    except TpproofError:
        return None


def _rows(path: str, limits: Limits) -> list[Row]:
    try:
        with Path(path).open("rb") as file:
            content = file.read(limits.source_bytes + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = "no UTF-8 text" if isinstance(error, UnicodeError) else getattr(error, "strerror", None) or str(error)
        raise TpproofError("E100", f"{path[:200]}: {reason}", "a text file with a matrix or edges") from None
    if len(content) > limits.source_bytes:
        raise TpproofError("E104", f"{path[:200]}: more than {limits.source_bytes} bytes", "a smaller graph")
    if text.startswith(_MATRIX_MARKET):
        found = f"{path[:200]}: a Matrix Market file, which counts from 1 and begins with its size"
        raise TpproofError("E108", found, "a square matrix, or edges between nodes counted from 0")
    lines = ((k, _COMMENT.sub("", line).strip()) for k, line in enumerate(text.split("\n"), 1))
    rows = [(k, _SEPARATOR.split(re.sub(r"\s*[,;]\Z", "", line))) for k, line in lines if line]
    if not rows:
        raise TpproofError("E108", f"{path[:200]}: no numbers", "a square matrix, or edges")
    return rows


def _number(path: str, line: int, cell: str) -> Fraction:
    if not _NUMBER.match(cell) or re.search(r"/0+\Z", cell) or ("/" in cell and re.search("[.eE]", cell)):
        raise TpproofError("E108", f"{cell[:40]!r}", "a number: 1, 0.5 or 1/2", Place(path, line, 1))
    return Fraction(cell)


def _node(path: str, line: int, cell: str, limits: Limits) -> int:
    number = _number(path, line, cell)
    if number.denominator != 1 or not 0 <= number <= limits.graph_nodes:
        allowed = f"a node: an integer from 0 to {limits.graph_nodes}"
        raise TpproofError("E108", f"{cell[:40]!r}", allowed, Place(path, line, 1))
    return int(number)


def _from_edges(path: str, rows: list[Row], limits: Limits) -> list[list[Fraction]]:
    edges: dict[tuple[int, int], Fraction] = {}
    largest, alone = 0, set[int]()
    for line, cells in rows:
        if len(cells) > 3:
            found = f"{len(cells)} numbers in a row, {len(rows)} rows"
            raise TpproofError("E108", found, "a square matrix, or edges: two nodes and a weight", Place(path, line, 1))
        nodes = [_node(path, line, cell, limits) for cell in cells[:2]]
        largest = max(largest, *nodes)
        edge = (min(nodes), max(nodes))
        if edge in edges:
            raise TpproofError("E108", f"the edge {edge[0]} {edge[1]} twice", "each edge once", Place(path, line, 1))
        if len(cells) == 1:
            alone.add(nodes[0])
        else:
            edges[edge] = _number(path, line, cells[2]) if len(cells) == 3 else Fraction(1)
    mentioned = {node for edge in edges for node in edge}
    if 1 in mentioned and 0 not in mentioned | alone:  # most likely counted from 1
        expected = "nodes counted from 0; a line `0` alone: an isolated one"
        raise TpproofError("E108", f"{path[:200]}: no node 0", expected)
    return [[edges.get((min(i, j), max(i, j)), Fraction(0)) for j in range(largest + 1)] for i in range(largest + 1)]
