"""The interpreter: code run over tiles, compiled once for each float type. See tile_loops for the loops.

Operands of terms: -1 none, r >= 0 register r, -2 - k column k. Column k of the panel lies in `w` at k * m,
register r at `base` + r * `size`.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call, call-arg"

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from numba import njit

from tpproof.numerics.tiles import product as products
from tpproof.numerics.tiles import special
from tpproof.numerics.tiles import stream as streams
from tpproof.numerics.tiles import tile_loops as loops
from tpproof.numerics.tiles.product import product
from tpproof.numerics.tiles.stream import settle, stream
from tpproof.numerics.tiles.tile_loops import INSIDE, OPTIONS, loop


@loop
def add_term(w, d, h, m, base, size, row, v, u, coefficient, rows, i0):
    """d <- d + coefficient * row * v * u, the general term."""
    for i in range(h):
        s = coefficient * rows[row, i0 + i] if row >= 0 else coefficient
        a = base + v * size + i * m if v >= 0 else (-2 - v) * m
        b = base + u * size + i * m if u >= 0 else (-2 - u) * m
        if v == -1:
            D = loops.part(w, d + i * m, m)
            for j in range(m):
                D[j] += s
        elif u == -1:
            loops.add_tile(w, d + i * m, m, s, a)
        else:
            loops.add_product(w, d + i * m, m, s, a, b)


@loop
def begin_sum(w, d, n, base, size, terms, s, t, singles, products, k):
    """The first terms, which set d; returns how many tiles and products they were."""
    if singles == 1 and products >= 1:
        a, b, c = base + terms[t, 1] * size, base + terms[t + 1, 1] * size, base + terms[t + 1, 2] * size
        loops.set_tile_product(w, d, n, k, s[t], a, s[t + 1], b, c)
        return 1, 1
    if singles >= 1:
        loops.set_tile(w, d, n, k, s[t], base + terms[t, 1] * size)
        return 1, 0
    loops.fill(w, d, n, k)
    return 0, 0


@loop
def run_sum(w, d, h, m, base, size, terms, s, t, stop, plain, singles, products, rows, i0):
    """Terms t..stop: `plain` without vectors, then `singles` tiles, then `products` of two, then any."""
    n = h * m
    k = w.dtype.type(0)
    start = t
    for e in range(t, t + plain):
        if terms[e, 0] < 0:
            k += s[e]
    t += plain
    done, twice = begin_sum(w, d, n, base, size, terms, s, t, singles, products, k)
    end = t + singles
    t += done
    while end - t >= 4:
        a, b = base + terms[t, 1] * size, base + terms[t + 1, 1] * size
        c, e = base + terms[t + 2, 1] * size, base + terms[t + 3, 1] * size
        loops.add_four(w, d, n, s[t], a, s[t + 1], b, s[t + 2], c, s[t + 3], e)
        t += 4
    while t < end:
        loops.add_tile(w, d, n, s[t], base + terms[t, 1] * size)
        t += 1
    end = t + products
    t += twice
    while end - t >= 2:
        a, b = base + terms[t, 1] * size, base + terms[t, 2] * size
        c, e = base + terms[t + 1, 1] * size, base + terms[t + 1, 2] * size
        loops.add_two_products(w, d, n, s[t], a, b, s[t + 1], c, e)
        t += 2
    if t < end:
        loops.add_product(w, d, n, s[t], base + terms[t, 1] * size, base + terms[t, 2] * size)
        t += 1
    for e in range(start, start + plain):
        if terms[e, 0] >= 0:
            add_term(w, d, h, m, base, size, terms[e, 0], terms[e, 1], terms[e, 2], s[e], rows, i0)
    for e in range(t, stop):
        add_term(w, d, h, m, base, size, terms[e, 0], terms[e, 1], terms[e, 2], s[e], rows, i0)


@loop
def load(w, d, h, m, source, i0, j0):
    """d <- a part of an array."""
    for i in range(h):
        D, S = loops.part(w, d + i * m, m), source[i0 + i, j0 : j0 + m]
        for j in range(m):
            D[j] = S[j]


@loop
def store(w, a, h, m, target, i0, j0):
    """A part of an array <- a."""
    for i in range(h):
        A, T = loops.part(w, a + i * m, m), target[i0 + i, j0 : j0 + m]
        for j in range(m):
            stream(T, j, A[j])


@loop
def store_both(w, a, h, m, target, other, i0, j0):
    """The entries of a that lie on or above the diagonal, into the one triangle, and those above it into the other."""
    for i in range(h):
        A, T = loops.part(w, a + i * m, m), loops.part(target[i0 + i], j0, m)
        for j in range(max(0, i0 + i - j0), m):
            stream(T, j, A[j])
    for j in range(m):
        T = loops.part(other[j0 + j], i0, h)
        for i in range(min(h, j0 + j - i0)):
            stream(T, i, w[a + i * m + j])


@loop
def run_expectation(op, w, d, d2, h, m, a, c, x, rows, i0, limit):
    """The instructions that read row and column vectors; x is the instruction's arguments."""
    sp, sq = rows[x[1], i0 : i0 + h], x[3] * m
    if op == 13:
        return loops.arc(w, d, d2, h, m, a, sp, rows[x[2], i0 : i0 + h], sq, x[4] * m, limit)
    if op == 17:
        loops.erf_pair(w, d, d2, h, m, a, sp, rows[x[2], i0 : i0 + h], sq, x[4] * m)
    elif op == 15:
        loops.arc_versine(w, d, d2, h, m, a, sp, sq)
    elif op == 14:
        return loops.versine(w, d, h, m, a, c, rows[x[2], i0 : i0 + h], x[4] * m)
    else:
        loops.gap(w, d, h, m, a, sp, sq)
    return 0


@njit(**{**INSIDE, "fastmath": False})  # a contracted a b - b a is its rounding, not 0
def make_excess(w, d, h, m, i0, j0, points, a, b, near):
    """d, a Gram input <- 2 (|x| |y| - x.y): from it, or as | |y| x - |x| y |^2/(|x| |y|) where that is small.

    For the parts (-1, -1): 0 where the two inputs are equal, 1 where they are not.
    """
    x, y, p, q = points
    two = p.dtype.type(2)
    for i in range(h):
        for j in range(m):
            at = d + i * m + j
            if a < 0:
                w[at] = differs(x[:, i0 + i], y[:, j0 + j])
                continue
            sx, sy = math.sqrt(p[a, i0 + i]), math.sqrt(q[b, j0 + j])
            root = sx * sy
            value = two * (root - w[at])
            if not value >= near * two * root:
                value = p.dtype.type(0)
                X, Y = x[a, i0 + i], y[b, j0 + j]
                if root > 0:  # divided by √root first: the squares of |y| x - |x| y might vanish
                    r = math.sqrt(root)
                    s, t = sy / r, sx / r
                    for e in range(X.shape[0]):
                        value += (s * X[e] - t * Y[e]) * (s * X[e] - t * Y[e])
            w[at] = value


@loop
def source(w, d, h, m, op, k, grams, excesses, places, i0, j0, factors, panel, points, pairs, near):
    """d <- Gram or excess input k: read, or made; the columns of its factors lie in w from `panel` on."""
    x, _, numbers = factors
    if op == 1 and pairs.shape[0] == 0:
        load(w, d, h, m, excesses[k], places[2] + i0, places[3] + j0)
        return
    g = k if op == 0 else pairs[k, 0]
    if g >= 0 and numbers.shape[0] > 0:
        product(w, d, h, m, x[numbers[g, 0]], i0, panel + numbers[g, 1] * x.shape[2] * m)
    elif g >= 0:
        load(w, d, h, m, grams[g], places[0] + i0, places[1] + j0)
    if op == 1:
        make_excess(w, d, h, m, i0, j0, points, pairs[k, 1], pairs[k, 2], near)


@loop
def differs(x, y):
    """Whether two inputs differ in any part."""
    for a in range(x.shape[0]):
        for e in range(x.shape[1]):
            if x[a, e] != y[a, e]:
                return 1
    return 0


def compiled(stamp: str) -> Any:
    """The interpreter. The stamp is in the key of the compiler's cache, which sees no change of the loops' files."""

    @njit(cache=True, **OPTIONS)
    def run_tiles(program, data, cols, tiles, places, w, base, size, limit, close, points, pairs, near, mirror):
        """Runs code over tiles (i0, h, j0, m); tiles of one panel of columns should follow one another.

        Parameters
        ----------
        program
            (instructions, terms, coefficients) of the code.
        data
            Arrays (rows, factors, grams, excesses, outputs, table_rows, table_cols, tables); a table is (start, stop,
            parity). Factors (x, y, numbers) make the Gram inputs: x (a, N1, d), y (b d, N2), and for each the parts
            (a, b); if there are no numbers they are read from `grams`.
        cols, tiles
            Column vectors; int64 (t, 4).
        places
            What to add to rows and columns for grams, excesses and outputs.
        w, base, size
            A thread's memory, and where the registers lie.
        limit, close
            close[t] <- how many entries of tile t have 1 - cos theta < limit in a fast arc, plus 2^32 times how many
            angles are close to pi.
        points, pairs, near
            (x, y, p, q): parts (a, N1, d), (b, N2, d) and their squared norms; for each excess (gram input, part,
            part). If there are pairs excesses are made here, not read from `excesses`.
        mirror
            If not empty, only entries i <= j are written, and mirror[k] is the output that has those of k at (j, i).

        Returns
        -------
        How many entries of outputs were not finite.
        """
        infinite = 0
        if stamp == "":
            return infinite
        instructions, terms, coefficients = program
        rows, factors, grams, excesses, outputs, table_rows, table_cols, tables = data
        panel, origin = -1, 0 * base  # a literal 0 would have load compiled twice
        for t in range(tiles.shape[0]):
            i0, h, j0, m = tiles[t, 0], tiles[t, 1], tiles[t, 2], tiles[t, 3]
            n = h * m
            lines = cols.shape[0] * m  # those of the factors lie behind the columns
            if j0 != panel:
                load(w, origin, cols.shape[0], m, cols, origin, j0)
                load(w, lines, factors[1].shape[0], m, factors[1], origin, j0)
                panel = j0
            found = 0
            for k in range(instructions.shape[0]):
                op = instructions[k, 0]
                x = instructions[k, 3:]
                d, d2 = base + instructions[k, 1] * size, base + instructions[k, 2] * size
                a, b = base + x[0] * size, base + x[1] * size
                if op == 2:
                    run_sum(w, d, h, m, base, size, terms, coefficients, x[0], x[1], x[2], x[3], x[4], rows, i0)
                elif 13 <= op <= 17:
                    found += run_expectation(op, w, d, d2, h, m, a, base + x[5] * size, x, rows, i0, limit)
                elif op == 18:
                    start, stop, parity = tables[x[1], 0], tables[x[1], 1], tables[x[1], 2]
                    left, right = table_rows[start:stop], table_cols[start:stop]
                    loops.hermite(w, d, d2, h, m, a, w.shape[0] - m, left, i0, right, j0, parity)
                elif op == 12:
                    infinite += loops.not_finite(w, b, n)
                    row, col = places[4] + i0, places[5] + j0
                    if mirror.shape[0] == 0:
                        store(w, b, h, m, outputs[x[0]], row, col)
                    else:
                        store_both(w, b, h, m, outputs[x[0]], outputs[mirror[x[0]]], row, col)
                elif op <= 1:
                    ends = factors, lines, points, pairs, near
                    source(w, d, h, m, op, x[0], grams, excesses, places, i0, j0, *ends)
                else:
                    loops.elementwise(w, d, n, a, b, op)
            close[t] = found
        settle()
        return infinite

    return run_tiles


def _stamp() -> str:
    """Of the loops' text."""
    texts = [Path(module.__file__ or "").read_bytes() for module in (loops, special, streams, products)]
    return hashlib.sha256(b"".join(texts)).hexdigest()


run_tiles = compiled(_stamp())
