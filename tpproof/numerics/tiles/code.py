"""Straight-line code over the entries of a Gram tile: what `builder.Builder` makes, and tiles.py and arrays.py run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Op(IntEnum):
    """What an instruction does; its row is (op, dst, dst2, a, b, c, d, e, f, g, h) and unused places are -1."""

    GRAM = 0  # dst <- gram input a
    EXCESS = 1  # dst <- excess input a
    SUM = 2  # dst <- sum of the terms a..b; the first c have no vector, the next d a tile, the next e two tiles
    DIV = 3  # dst <- a / b
    SQRT = 4
    EXP = 5
    SIN = 6
    COS = 7
    SINH = 8
    COSH = 9
    ASIN = 10
    LOG = 11
    OUTPUT = 12  # output a <- register b
    ARC = 13  # dst, dst2 <- J1, J0 of covariance a; rows b, c = sqrt p, 1/sqrt p; cols d, e = sqrt q, 1/sqrt q
    VERSINE = 14  # dst <- (1 - cos theta)/2 of excess a and covariance f; b..e as for ARC
    ARC_VERSINE = 15  # dst, dst2 <- J1, J0 of versine a; rows b; cols d
    GAP = 16  # dst <- excess of (relu u, relu v) of versine a; row b = sqrt p; col d = sqrt q
    ERF = 17  # dst, dst2 <- both expectations of covariance a; rows b = 2 a/sqrt(1+2aap), c = 1/sqrt(..); cols d, e
    HERMITE = 18  # dst, dst2 <- S0, S1 of correlation a; table b
    CLIP = 19  # dst <- a clipped to [-1, 1]
    RSQRT = 20  # own numbers only: 1/sqrt a, and 0 for a = 0
    LOAD = 21  # own numbers only: the vector a given from outside


@dataclass(frozen=True)
class OwnProgram:
    """A program over vectors, one number for each input: steps in order, and which of their values the tiles read.

    Attributes
    ----------
    steps
        (op, arguments): the values of earlier steps by position; for SUM a tuple of (coefficient, position or -1,
        position or -1); for LOAD the number of a vector given from outside.
    keep
        Positions of the steps whose values the tile code reads, in the order in which it numbers them.
    last_use
        For each step the position of the last step that reads it (itself if none does).
    """

    steps: tuple[tuple[int, tuple[Any, ...]], ...]
    keep: tuple[int, ...]
    last_use: tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """An immutable straight-line program over tiles.

    Attributes
    ----------
    instructions
        int64 (n, 11), see `Op`.
    terms
        int64 (m, 3) for SUM: a row (or -1) and two operands: -1 none, r >= 0 register r, -2 - k column vector k.
    coefficients
        float64 (m,), of the terms.
    rows, cols
        The programs of the row and column vectors.
    grams, excesses
        How many inputs of each sort are read: 1 + the largest number asked for.
    outputs
        How many outputs are written.
    registers
        How many tiles live at once at most.
    tables
        How many tables (see `Builder.hermite`) are read.
    """

    instructions: Ints
    terms: Ints
    coefficients: Floats
    rows: OwnProgram
    cols: OwnProgram
    grams: int
    excesses: int
    outputs: int
    registers: int
    tables: int
