"""What several sections need to write steps as lines of prose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tpproof.documents.blocks import Block, Cite, Display, Inlines, Line, Paragraph
from tpproof.documents.derivation.folding import Index, Sides, Written, steps_text
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.reading import Step
from tpproof.documents.derivation.sums import Addend, sum_of
from tpproof.documents.formula import Formula, Limit, Name, Row, product, total
from tpproof.documents.vocabulary import TERMS_SHOWN
from tpproof.program.atoms import TEST, TRAIN

CHI = Name("χ", "t", accent="ring")
"""The limit of the loss derivative at step t."""
LINES_SHOWN = 40
"""Lines of one display; of more the first are printed and the others counted."""


def displayed(lines: Sequence[Line], label: str, tag: str = "", limit: int = LINES_SHOWN) -> tuple[Block, ...]:
    """The lines as a display, the first of many, and what is said of the others."""
    if not lines:
        return ()
    shown, rest = tuple(lines[:limit]), lines[limit:]
    if not rest:
        return (Display(shown, label, tag),)
    steps = sorted({k for line in rest for k in line.steps})
    which: Inlines = (" (", *steps_text(steps), ")") if steps else ()
    more = Paragraph((f"{len(rest)} more lines of this kind are left out here", *which, "."))
    return (Display(shown, label, tag), more)


def quantity_line(names: Names, step: Step, note: bool = False) -> Written:
    """The sum of a C, J or D step; with its equation of the paper beside it."""
    kind, a, b = step["conclusion"][:3]

    def write(at: Names) -> Sides:
        right = step_sum(at, step, _read(step["conclusion"]) if kind == "D" else ())
        if kind == "J":
            right = Row((right, " = ", at.quantity(step["conclusion"][4])))
        return at.quantity(step["id"]), "=", right

    beside: Inlines = (Cite(step["equation"]),) if note else ()
    return Written((names.index(a), names.index(b)), (step["id"],), write, beside)


def _read(conclusion: list[Any]) -> tuple[Callable[[Names], Formula], ...]:
    """σ_v² α_o χ_p for every readout that reads both."""

    def written(v: int, o: int, p: int) -> Callable[[Names], Formula]:
        return lambda names: product([*names.variance(v), Name("α", str(o)), Name("χ", str(p))])

    return tuple(written(*read) for read in conclusion[4])


def step_sum(
    names: Names, step: Step, extra: Sequence[Callable[[Names], Formula]] = (), terms: list[Any] | None = None
) -> Formula:
    """The sum in a step's conclusion, terms that vanish left out."""
    kept = [t for t in (step["conclusion"][3] if terms is None else terms) if not names.zero.intersection(t[0])]
    addends = [Addend(_index(names, t), _writer(t)) for t in kept]
    return sum_of([*addends, *(Addend((None, None), write) for write in extra)], names, TERMS_SHOWN)


def _writer(term: list[Any]) -> Callable[[Names], Formula]:
    return lambda names: names.term(term)


def _index(names: Names, term: list[Any]) -> Index:
    """The indices of the two sides of a term: of the pair that it refers to, or of its second moment."""
    atoms, ref, *image = term
    pair = image[0] if image else names.steps[ref]["conclusion"][1:3] if ref >= 0 else None
    if pair is None:
        moments = [names.atoms[a][1:3] for a in atoms if names.atoms[a][0] == "moment2"]
        pair = moments[-1] if moments else None
    return (names.index(pair[0]), names.index(pair[1])) if pair else (None, None)


def base_of(names: Names, g: int) -> int:
    """The Gaussian of a G-var: its hat if it is contracted, itself if not."""
    return ~g if g in names.contracted else g


def contracted_terms(at: Names, g: int, changes: bool) -> Formula:
    """What a contraction adds: σ² E[∂x/∂Ẑ] times y, or its change."""
    terms = []
    for term in at.reduced.terms(g):
        if term.vector >= 0:
            factors = at.weights(term, TEST if changes else TRAIN)
            terms.append(product([*factors, Limit(at.vector(term.vector, changes), "δ" if changes else "")]))
    return total(terms)
