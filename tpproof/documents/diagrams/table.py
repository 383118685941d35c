"""What a drawing shows, in words: for who cannot see it, and for search."""

from __future__ import annotations

from collections import Counter, defaultdict

from tpproof.documents.diagrams.drawing import Drawing, Line, Symbol

KINDS = {
    Symbol.GVAR: "G-var", Symbol.XVAR: "X-var", Symbol.SCALAR: "scalar", Symbol.OUTPUT: "output",
    Symbol.DOTS: "left out",
}  # fmt: skip
_PLURALS = {"G-var": "G-vars", "X-var": "X-vars", "scalar": "scalars", "output": "outputs"}
VIEWS = {
    "program": "The program, from left to right",
    "backward": "The program, from left to right, and below it its backward pass, from right to left",
    "unrolled": "The program of a step of SGD, from left to right",
}


def describe(drawing: Drawing) -> tuple[tuple[str, str, str, str], ...]:
    """A row for each symbol: what it is, its name, its formula, what it reads and through which matrix."""
    names = {m.mark.key: m.mark.name for m in drawing.marks}
    reads: dict[str, list[str]] = defaultdict(list)
    for edge in drawing.edges:
        if edge.line is not Line.LINK:
            reads[edge.target].append(names[edge.source] + (f" ({edge.label.text})" if edge.label else ""))
    rows = []
    for placed in drawing.marks:
        mark = placed.mark
        formula = mark.title.partition(" := ")[2] or mark.title
        rows.append((KINDS[mark.symbol], mark.name, formula, ", ".join(reads[mark.key])))
    return tuple(rows)


def description(drawing: Drawing) -> str:
    """One sentence about a drawing."""
    counts = Counter(KINDS[m.mark.symbol] for m in drawing.marks if m.mark.symbol is not Symbol.DOTS)
    counted = [f"{n} {kind if n == 1 else _PLURALS[kind]}" for kind, n in counts.items()]
    folds = "".join(f" {fold.text} are left out." for fold in drawing.folds)
    return f"{VIEWS[drawing.view]}: {', '.join(counted)}.{folds}"
