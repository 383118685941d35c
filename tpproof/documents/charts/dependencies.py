"""The graph of dependencies, placed: rows of boxes, each below everything that it follows from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tpproof.documents.derivation.dependencies import Node

LETTER, PADDING, HEIGHT = 7.0, 14.0, 22.0
"""Width of a letter; width that a box has besides its text; height of a box."""
BESIDE, BETWEEN, MARGIN, BEND = 10.0, 26.0, 8.0, 6.0
"""Space beside a box, between rows, around everything; width of a place where an edge passes a row."""
SWEEPS = 12
"""How often the boxes are moved towards their neighbours."""


@dataclass(frozen=True)
class Box:
    """A node and the place of its centre."""

    node: Node
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Graph:
    """Boxes, and edges as points from a premise down to what follows from it."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[tuple[tuple[float, float], ...], ...]


@dataclass
class _Spot:
    """A place in a row: of a box, or of an edge that passes."""

    row: int
    width: float
    x: float = 0.0


def graph(nodes: Sequence[Node]) -> Graph:
    """Coordinates for nodes, each of which stands after its premises."""
    rows = _rows(nodes)
    spots = {n.key: _Spot(rows[n.key], LETTER * len(n.title) + PADDING) for n in nodes}
    chains = [_chain(spots, premise, n.key) for n in nodes for premise in n.premises]
    every = [*spots.values(), *(spot for chain in chains for spot in chain[1:-1])]
    _order(every, chains)
    left = min(s.x - s.width / 2 for s in every) - MARGIN
    right = max(s.x + s.width / 2 for s in every) + MARGIN
    boxes = tuple(Box(n, _at(spots[n.key].x - left), _y(spots[n.key]), spots[n.key].width) for n in nodes)
    edges = tuple(tuple((_at(spot.x - left), _y(spot)) for spot in chain) for chain in chains)
    return Graph(_at(right - left), max(b.y for b in boxes) + HEIGHT / 2 + MARGIN, boxes, edges)


def path(points: Sequence[tuple[float, float]]) -> str:
    """An edge as an SVG path, from below its first point to above its last."""
    (x, y), half = points[0], HEIGHT / 2
    parts = [f"M{x:g} {y + half:g}"]
    y += half
    for k, (to_x, to_y) in enumerate(points[1:], 2):
        end = to_y - half
        middle = _at((y + end) / 2)
        parts.append(f"C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {end:g}")
        if k < len(points):
            parts.append(f"V{to_y + half:g}")
        x, y = to_x, to_y + half
    return "".join(parts)


def _at(number: float) -> float:
    return round(number, 1)


def _y(spot: _Spot) -> float:
    return MARGIN + HEIGHT / 2 + spot.row * (HEIGHT + BETWEEN)


def _rows(nodes: Sequence[Node]) -> dict[str, int]:
    """Each below the lowest of its premises; one with more users than premises just above the first of them."""
    rows: dict[str, int] = {}
    users: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        rows[node.key] = max((rows[k] + 1 for k in node.premises), default=0)
        for premise in node.premises:
            users[premise].append(node.key)
    for node in reversed(nodes):
        if len(users[node.key]) > len(node.premises):
            rows[node.key] = min(rows[k] for k in users[node.key]) - 1
    return rows


def _chain(spots: dict[str, _Spot], above: str, below: str) -> list[_Spot]:
    """An edge: its ends, and a spot in each row that it passes."""
    first, last = spots[above], spots[below]
    return [first, *(_Spot(row, BEND) for row in range(first.row + 1, last.row)), last]


def _order(every: list[_Spot], chains: list[list[_Spot]]) -> None:
    """Move each spot towards the middle of its neighbours, row by row, down and up in turn."""
    rows: dict[int, list[_Spot]] = defaultdict(list)
    above: dict[int, list[_Spot]] = defaultdict(list)
    below: dict[int, list[_Spot]] = defaultdict(list)
    for spot in every:
        rows[spot.row].append(spot)
    for chain in chains:
        for upper, lower in pairwise(chain):
            above[id(lower)].append(upper)
            below[id(upper)].append(lower)
    for row in rows.values():
        _apart(row, [40.0 * k for k in range(len(row))])
    for sweep in range(SWEEPS):
        near, order = (above, sorted(rows)) if sweep % 2 == 0 else (below, sorted(rows, reverse=True))
        for r in order:
            wishes = [_mean(near[id(spot)], spot.x) for spot in rows[r]]
            ranked = sorted(range(len(wishes)), key=wishes.__getitem__)
            rows[r] = [rows[r][k] for k in ranked]
            _apart(rows[r], [wishes[k] for k in ranked])


def _mean(spots: list[_Spot], otherwise: float) -> float:
    return sum(s.x for s in spots) / len(spots) if spots else otherwise


def _apart(row: list[_Spot], wishes: list[float]) -> None:
    """Give each spot the place that it wishes, or the nearest at which none overlaps another; keep their order."""
    offsets = [0.0]
    for a, b in pairwise(row):
        offsets.append(offsets[-1] + (a.width + b.width) / 2 + BESIDE)
    blocks: list[tuple[float, int]] = []  # mean wish and number of spots that move together
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    starts = [mean for mean, count in blocks for _ in range(count)]
    for spot, start, offset in zip(row, starts, offsets, strict=True):
        spot.x = start + offset
