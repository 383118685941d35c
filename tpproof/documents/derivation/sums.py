"""Sums whose terms are equal up to renaming, written with a summation sign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tpproof.documents.derivation.folding import LEFT, RIGHT, Index, index_sets
from tpproof.documents.derivation.names import Names, Place
from tpproof.documents.formula import BigSum, Formula, total

FEWEST = 3
"""Terms that are worth a summation sign."""


@dataclass(frozen=True)
class Addend:
    """One term before it is folded: the indices of its two sides, and how to write it."""

    index: Index
    write: Callable[[Names], Formula]


def sum_of(terms: Sequence[Addend], names: Names, limit: int) -> Formula:
    """The sum, at most `limit` terms of it written; in a line with indices of its own nothing is folded."""
    if names.place != Place() or names.repetition is None:
        return total([t.write(names) for t in terms], limit)
    groups: dict[object, list[Addend]] = defaultdict(list)
    for position, term in enumerate(terms):
        i, j = term.index
        key = position if i is None or j is None else term.write(names.at(Place(i, j, LEFT, RIGHT)))
        groups[key].append(term)
    return total([written for group in groups.values() for written in _group(group, names)], limit)


def _group(group: list[Addend], names: Names) -> list[Formula]:
    by_index = {t.index: t for t in group}
    if len(group) >= FEWEST and len(by_index) == len(group):
        sets = index_sets([t.index for t in group])
        if FEWEST * len(sets) <= len(group):
            found = [(by_index[some.pairs[0]], some) for some in sets]
            return [
                BigSum(some.words.removeprefix("for "), term.write(names.at(some.place)))
                if len(some.pairs) > 1 else term.write(names) for term, some in found
            ]  # fmt: skip
    return [t.write(names) for t in group]
