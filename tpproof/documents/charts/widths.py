"""The plot of the cross-check: how far finite networks are from the limit, on logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 620.0, 340.0, 64.0, 18.0, 14.0, 46.0
MOST_SERIES, MOST_WIDTHS = 6, 64
"""What an entry of the evidence may have; the rest, which a certificate does not have either, is not drawn."""
MARKERS = ("circle", "square", "diamond", "triangle", "cross", "ring")

Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """One width: its place, and the ends of its error bar."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One entry of the kernel over the widths."""

    name: str
    marker: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Plot:
    """Everything placed: no template decides where something stands."""

    relative: bool
    series: tuple[Series, ...]
    line: tuple[Point, Point]  # n^-1/2
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def plot(crosscheck: Any) -> Plot | None:
    """The plot of a certificate's `evidence.crosscheck`, a stranger's text; None where there is nothing to draw."""
    if not isinstance(crosscheck, dict) or not isinstance(crosscheck.get("kernel"), list):
        return None
    widths = [_number(w) for w in _list(crosscheck.get("widths"))]
    entries = [entry for entry in crosscheck["kernel"][:MOST_SERIES] if isinstance(entry, dict)]
    limits = [abs(_number(entry.get("limit")) or 0.0) for entry in entries]
    relative = bool(limits) and min(limits) > 0
    measured = [_measured(e, widths, limit if relative else 1.0) for e, limit in zip(entries, limits, strict=True)]
    points = [(n, d) for rows in measured for n, d, _ in rows]
    if len({n for n, _ in points}) < 2:
        return None
    scale = _Scale(points)
    series = tuple(
        Series(str(entry.get("quantity", ""))[:60], marker, tuple(scale.mark(*row) for row in rows))
        for entry, marker, rows in zip(entries, MARKERS, measured, strict=False) if rows
    )  # fmt: skip
    return Plot(relative, series, scale.root(points), scale.across([n for n, _ in points]), scale.up())


def _list(value: Any) -> list[Any]:
    return value[:MOST_WIDTHS] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """A finite number from an integer or a short text."""
    if type(value) is int and abs(value) < 10**15:
        return float(value)
    if not isinstance(value, str) or len(value) > 40 or not value.isascii():
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _measured(entry: dict[str, Any], widths: list[float | None], unit: float) -> list[tuple[float, float, float]]:
    """Width, deviation and its standard error, where all are there and can stand on a logarithmic scale."""
    rows = zip(widths, _list(entry.get("deviation")), _list(entry.get("deviation_se")), strict=False)
    numbers = [(n, _number(d), _number(se)) for n, d, se in rows]
    return [
        (n, d / unit, abs(se or 0.0) / unit)
        for n, d, se in numbers if n is not None and n > 0 and d is not None and 1e-300 < d / unit < 1e300
    ]  # fmt: skip


class _Scale:
    """Logarithmic axes around all points."""

    def __init__(self, points: Sequence[Point]) -> None:
        across, up = [math.log10(n) for n, _ in points], [math.log10(d) for _, d in points]
        self.x0, self.x1 = min(across) - 0.08, max(across) + 0.08
        self.y0, self.y1 = min(up) - 0.2, max(up) + 0.2

    def x(self, n: float) -> float:
        return self._x(math.log10(n))

    def y(self, d: float) -> float:
        return self._y(math.log10(d))

    def _x(self, log: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (log - self.x0) / (self.x1 - self.x0), 1)

    def _y(self, log: float) -> float:
        inside = min(max(log, self.y0), self.y1)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - self.y0) / (self.y1 - self.y0), 1)

    def mark(self, n: float, d: float, se: float) -> Mark:
        """A point; an error bar that leaves the plot ends at its edge."""
        low = self.y(d - 2 * se) if d > 2 * se else self._y(self.y0)
        return Mark(self.x(n), self.y(d), low, self.y(d + 2 * se))

    def root(self, points: Sequence[Point]) -> tuple[Point, Point]:
        """The line c·n^-1/2 through the middle of all points."""
        c = sum(math.log10(d) + math.log10(n) / 2 for n, d in points) / len(points)
        ends = (min(n for n, _ in points), max(n for n, _ in points))
        left, right = ((self.x(n), self._y(c - math.log10(n) / 2)) for n in ends)
        return left, right

    def across(self, widths: Sequence[float]) -> tuple[Tick, ...]:
        """The widths, those whose numbers would touch left out."""
        ticks = [Tick(self.x(n), f"{n:,.0f}") for n in sorted(set(widths))]
        kept = ticks[:1]
        for tick in ticks[1:]:
            if tick.at - kept[-1].at > 44:
                kept.append(tick)
        return tuple(kept)

    def up(self) -> tuple[Tick, ...]:
        """1, 2 and 5 times powers of ten; powers alone where those are many."""
        low, high = math.floor(self.y0), math.ceil(self.y1)
        factors = (1, 2, 5) if self.y1 - self.y0 < 3 else (1,)
        step = max(1, round((high - low) / 8)) if len(factors) == 1 else 1
        values = [math.log10(f) + p for p in range(low, high + 1, step) for f in factors]
        inside = [v for v in values if self.y0 <= v <= self.y1]
        return tuple(Tick(self._y(v), f"{10**v:.3g}") for v in inside)


__all__ = ["Plot", "plot"]
