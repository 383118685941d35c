"""The meanings of what occurs in a drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tpproof.documents.diagrams.drawing import (
    Anchor,
    Fold,
    LegendEntry,
    Line,
    PlacedEdge,
    PlacedMark,
    Role,
    Shape,
    Text,
    text_width,
)
from tpproof.documents.diagrams.symbols import LINE, rounded

MEANINGS = {
    "gvar": "G-var", "xvar": "X-var", "gate": "NonLin", "scalar": "scalar", "moment": "Moment",
    Line.MATMUL: "MatMul", Line.LINK: "the same arguments", "output": "output", "dots": "and so on",
}  # fmt: skip
MARGIN, SAMPLE = 16.0, 18.0


def legend(
    marks: Sequence[PlacedMark], edges: Iterable[PlacedEdge], folds: Sequence[Fold], width: float, top: float
) -> tuple[LegendEntry, ...]:
    """What occurs, in as many lines as the width asks."""
    occurring = {shape.kind for m in marks for shape in m.shapes} | {e.line for e in edges}
    entries: list[LegendEntry] = []
    x, y = MARGIN, top
    for key, meaning in MEANINGS.items():
        if key in occurring:
            text = ", ".join(fold.text for fold in folds) if key == "dots" else meaning
            text += ", readout" if key is Line.MATMUL and "output" in occurring else ""
            long = SAMPLE + 6 + text_width(text, Role.KEY)
            if x > MARGIN and x + long > width - MARGIN:
                x, y = MARGIN, y + 1.5 * LINE
            entries.append(_entry(key, text, x, y))
            x += long + MARGIN
    return tuple(entries)


def _entry(key: str | Line, text: str, x: float, y: float) -> LegendEntry:
    x, y, middle = rounded(x), rounded(y), rounded(x + SAMPLE / 2)
    said = Text(text, rounded(x + SAMPLE + 5), rounded(y + 4), Role.KEY, Anchor.START)
    if isinstance(key, Line):
        return LegendEntry((), ((x, y), (rounded(x + SAMPLE), y)), key, said)
    wide, tall = {"gate": (16.0, 13.0), "moment": (18.0, 13.0), "dots": (16.0, 12.0)}.get(key, (12.0, 12.0))
    return LegendEntry((Shape(key, middle, y, wide, tall),), None, None, said)
