"""How far down everything stands in its column: as straight as can be, by linear programming (Gansner et al. 1993)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

Index = tuple[int, int]
"""(column, place in it from above)."""

Floats = npt.NDArray[np.float64]
METHOD = "highs-ds"
_TIE = 1e-5
_EXACT = {"dual_feasibility_tolerance": 1e-10, "primal_feasibility_tolerance": 1e-9}
"""Finer than the differences of the ties."""


@dataclass(frozen=True)
class Chain:
    """A piece of an edge between two columns, and how much it weighs that it is straight."""

    start: Index
    end: Index
    weight: float


def rows(heights: list[list[float]], chains: list[Chain], space: float) -> list[list[float]]:
    """The ordinates of everything, in the order given, that make Σ weight·|slope| least.

    Parameters
    ----------
    heights
        For each column, from above, half the height of what stands there.
    chains
        What is to be straight.
    space
        The least free space between two neighbours in a column.
    """
    number: dict[Index, int] = {}
    for c, column in enumerate(heights):
        for k in range(len(column)):
            number[c, k] = len(number)
    points = len(number)
    costs = np.concatenate([_ties(points), [chain.weight for chain in chains]])
    apart = [
        (number[c, k], number[c, k + 1], column[k] + column[k + 1] + space)
        for c, column in enumerate(heights) for k in range(len(column) - 1)
    ]  # fmt: skip
    entries: list[tuple[int, int, float]] = []
    least: list[float] = []
    for above, below, distance in apart:  # y_above − y_below ≤ −distance
        entries += [(len(least), above, 1.0), (len(least), below, -1.0)]
        least.append(-distance)
    for piece, chain in enumerate(chains):  # ±(y_start − y_end) ≤ length
        for sign in (1.0, -1.0):
            start, end = number[chain.start], number[chain.end]
            entries += [(len(least), start, sign), (len(least), end, -sign), (len(least), points + piece, -1.0)]
            least.append(0.0)
    found = _least(costs, entries, least)
    return [[float(found[number[c, k]]) for k in range(len(column))] for c, column in enumerate(heights)]


def _ties(points: int) -> Floats:
    """Tiny costs, all different, that pull everything up: one placing is the best, whoever solves the program."""
    golden = (5**0.5 - 1) / 2
    return np.array([_TIE * (1 + point * golden % 1) for point in range(1, points + 1)])


def _least(costs: Floats, entries: list[tuple[int, int, float]], least: list[float]) -> Floats:
    if not least:
        return np.zeros(len(costs))
    row, column, value = zip(*entries, strict=True)
    matrix = coo_matrix((value, (row, column)), shape=(len(least), len(costs))).tocsr()
    solution = linprog(costs, A_ub=matrix, b_ub=least, bounds=(0, None), method=METHOD, options=_EXACT)
    if solution.status != 0:
        raise RuntimeError(f"the rows of a drawing: {solution.message}")
    return np.asarray(solution.x, dtype=np.float64)
