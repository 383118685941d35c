"""Lines that are equal up to renaming are written once, with what they stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tpproof.documents.blocks import Inlines, Line, Ref
from tpproof.documents.derivation.names import Names, Place, relative
from tpproof.documents.formula import Formula, Row

LAYER, LEFT, RIGHT = "l", "i", "j"
"""Letters of the indices: of both sides where they go together, at ξ̃, at ξ."""
STEPS_SHOWN = 4

Sides = tuple[Formula | None, str, Formula]
Index = tuple[int | None, int | None]


@dataclass(frozen=True)
class Written:
    """One line before it is folded: the indices of its two sides, the steps that it states, and how to write it."""

    index: Index
    steps: tuple[int, ...]
    write: Callable[[Names], Sides]
    note: Inlines = ()


@dataclass(frozen=True)
class IndexSet:
    """Index pairs in words, with the place that writes them relatively."""

    place: Place
    words: str
    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]  # values of the names
    pairs: tuple[Index, ...]


def fold(lines: Iterable[Written], names: Names) -> list[Line]:
    """The lines, those that are equal up to renaming once; in the order of the first of each."""
    groups: dict[object, list[Written]] = defaultdict(list)
    for position, line in enumerate(lines):
        groups[_key(line, names, position)].append(line)
    return [folded for group in groups.values() for folded in _group(group, names)]


def _key(line: Written, names: Names, position: int) -> object:
    """What a line is, its indices apart."""
    i, j = line.index
    if i is None and j is None:
        return position
    return (i is None, j is None, line.write(names.at(Place(i, j, LEFT, RIGHT))), line.note)


def _group(group: Sequence[Written], names: Names) -> list[Line]:
    if len(group) == 1:
        return [_single(group[0], names)]
    by_index = {line.index: line for line in group}
    if len(by_index) < len(group):  # two lines for one pair are not one line
        return [_single(line, names) for line in group]
    found = []
    for some in index_sets([line.index for line in group]):
        members = [by_index[pair] for pair in some.pairs]
        found.append(_single(members[0], names) if len(members) == 1 else _several(members, some, names))
    return found


def _single(line: Written, names: Names) -> Line:
    left, relation, right = line.write(names)
    return Line(left, relation, right, line.note, tuple(sorted(line.steps)))


def _several(members: list[Written], some: IndexSet, names: Names) -> Line:
    left, relation, right = members[0].write(names.at(some.place))
    steps = tuple(k for line in members for k in line.steps)
    own = members[0].note
    which: Inlines = (" (", *steps_text(steps), ")") if steps else ()
    note: Inlines = (*own, *([", "] if own else []), *in_words(some.words), *which)
    return Line(left, relation, right, note, tuple(sorted(steps)), some.names, some.members)


def in_words(words: str) -> Inlines:
    """ "for i = 0, 1 and j = 2", its formulas as formulas."""
    ranges = words.removeprefix("for ").split(" and ")
    return ("for ", Row((ranges[0],)), *(part for r in ranges[1:] for part in (" and ", Row((r,)))))


def steps_text(steps: Sequence[int]) -> Inlines:
    """Which steps: "steps 5, 9, …, 397 (99)"."""
    ordered = sorted(steps)
    last = _step(ordered[-1])
    if len(steps) == 1:
        return ("step ", last)
    if len(ordered) <= STEPS_SHOWN + 1:
        return ("steps ", *_listed(ordered[:-1]), last)
    if ordered[-1] - ordered[0] == len(ordered) - 1:
        return ("steps ", _step(ordered[0]), "–", last)
    return ("steps ", *_listed(ordered[: STEPS_SHOWN - 1]), "…, ", last, f" ({len(ordered)} steps)")


def _step(k: int) -> Ref:
    return Ref(f"step-{k}", str(k))


def _listed(steps: Sequence[int]) -> Iterator[str | Ref]:
    for k in steps:
        yield _step(k)
        yield ", "


# sets of indices ------------------------------------------------------------------------------------------


def index_sets(pairs: Sequence[Index]) -> list[IndexSet]:
    """The index pairs as few sets that words can say."""
    if pairs[0][0] is None or pairs[0][1] is None:
        return _one_sided(pairs)
    known = [(i, j) for i, j in pairs if i is not None and j is not None]
    if all(i == j for i, j in known):
        return [_diagonal(run, 0) for run in _runs([i for i, _ in known])]
    ordered = _ordered(known)
    if ordered:
        return ordered
    rectangles = [_rectangle(left, right) for left, right in _rectangles(known)]
    diagonals = [
        _diagonal(run, shift)
        for shift in sorted({j - i for i, j in known}, key=lambda s: (abs(s), s))
        for run in _runs([i for i, j in known if j - i == shift])
    ]
    return min(rectangles, diagonals, key=len)


def _one_sided(pairs: Sequence[Index]) -> list[IndexSet]:
    left = pairs[0][1] is None
    found = []
    for run in _runs([index for pair in pairs for index in pair if index is not None]):
        place = Place(i=run[0], left=LAYER) if left else Place(j=run[0], right=LAYER)
        kept: tuple[Index, ...] = tuple((r, None) if left else (None, r) for r in run)
        found.append(IndexSet(place, _range(LAYER, run), (LAYER,), tuple((r,) for r in run), kept))
    return found


def _diagonal(run: list[int], shift: int) -> IndexSet:
    place = Place(run[0], run[0] + shift, LAYER, LAYER, shift)
    return IndexSet(place, _range(LAYER, run), (LAYER,), tuple((r,) for r in run), tuple((r, r + shift) for r in run))


def _rectangles(pairs: list[tuple[int, int]]) -> list[tuple[list[int], list[int]]]:
    """Products of ranges whose disjoint union the pairs are."""
    rows: dict[int, list[int]] = defaultdict(list)
    for i, j in pairs:
        rows[i].append(j)
    columns: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, js in rows.items():
        for run in _runs(js):
            columns[tuple(run)].append(i)
    return [(left, list(run)) for run, some in columns.items() for left in _runs(some)]


def _rectangle(left: list[int], right: list[int]) -> IndexSet:
    pairs = tuple((i, j) for i in left for j in right)
    if len(left) == 1:  # one index is fixed, and written as a number
        return IndexSet(
            Place(j=right[0], right=RIGHT), _range(RIGHT, right), (RIGHT,), tuple((j,) for j in right), pairs
        )
    if len(right) == 1:
        return IndexSet(Place(i=left[0], left=LEFT), _range(LEFT, left), (LEFT,), tuple((i,) for i in left), pairs)
    one = left == right
    words = _range(f"{LEFT}, {RIGHT}", left) if one else f"{_range(LEFT, left)} and {RIGHT} = {_values(right)}"
    return IndexSet(Place(left[0], right[0], LEFT, RIGHT), words, (LEFT, RIGHT), pairs, pairs)


def _ordered(pairs: list[tuple[int, int]]) -> list[IndexSet]:
    """All pairs i < j of a range, or all i > j; nothing for any other set."""
    numbers = [k for pair in pairs for k in pair]
    low, high = min(numbers), max(numbers)
    count = (high - low) * (high - low + 1) // 2
    if len(pairs) != count or count == 1:
        return []
    place = Place(*pairs[0], LEFT, RIGHT)
    if all(i < j for i, j in pairs):
        return [IndexSet(place, f"for {low} ≤ {LEFT} < {RIGHT} ≤ {high}", (LEFT, RIGHT), tuple(pairs), tuple(pairs))]
    if all(i > j for i, j in pairs):
        return [IndexSet(place, f"for {high} ≥ {LEFT} > {RIGHT} ≥ {low}", (LEFT, RIGHT), tuple(pairs), tuple(pairs))]
    return []


def _runs(values: Sequence[int]) -> list[list[int]]:
    """Consecutive numbers together."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return runs


def _range(name: str, values: Sequence[int]) -> str:
    return f"for {name} = {_values(values)}"


def _values(values: Sequence[int]) -> str:
    if len(values) <= 3:
        return ", ".join(map(str, values))
    return f"{values[0]}, …, {values[-1]}"


__all__ = ["Sides", "Written", "fold", "relative", "steps_text"]
