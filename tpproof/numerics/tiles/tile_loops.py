"""The loops over a tile, one for each instruction. Compiled once for each float type, never for a network.

One flat array `w` holds the columns of the current panel and all registers, each contiguous; loops read and write
slices of it that do not overlap, which is what lets the compiler use SIMD lanes. n is the length of a slice, h and m
the height and width of the tile, row numbers come as slices of length h.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import math
from typing import Any

from numba import njit

from tpproof.numerics.tiles.special import arcsine_series, lune_series

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
"""Contracting a * b + c into one rounding is the only liberty taken."""
INSIDE: dict[str, Any] = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
loop = njit(**INSIDE)
"""For functions that only compiled code calls."""


@loop
def part(w, a, n):
    """w[a : a + n]: a call, because slices take long to compile."""
    return w[a : a + n]


@loop
def fill(w, d, n, k):
    """d <- k."""
    D = part(w, d, n)
    for j in range(n):
        D[j] = k


@loop
def set_tile(w, d, n, k, s, a):
    """d <- k + s a."""
    D, A = part(w, d, n), part(w, a, n)
    for j in range(n):
        D[j] = k + s * A[j]


@loop
def add_tile(w, d, n, s, a):
    """d <- d + s a."""
    D, A = part(w, d, n), part(w, a, n)
    for j in range(n):
        D[j] += s * A[j]


@loop
def add_four(w, d, n, s, a, t, b, u, c, v, e):
    """d <- d + s a + t b + u c + v e."""
    D, A, B, C, E = part(w, d, n), part(w, a, n), part(w, b, n), part(w, c, n), part(w, e, n)
    for j in range(n):
        D[j] += (s * A[j] + t * B[j]) + (u * C[j] + v * E[j])


@loop
def set_tile_product(w, d, n, k, s, a, t, b, c):
    """d <- k + s a + t b c."""
    D, A, B, C = part(w, d, n), part(w, a, n), part(w, b, n), part(w, c, n)
    for j in range(n):
        D[j] = k + s * A[j] + t * B[j] * C[j]


@loop
def add_product(w, d, n, s, a, b):
    """d <- d + s a b."""
    D, A, B = part(w, d, n), part(w, a, n), part(w, b, n)
    for j in range(n):
        D[j] += s * A[j] * B[j]


@loop
def add_two_products(w, d, n, s, a, b, t, c, e):
    """d <- d + s a b + t c e."""
    D, A, B, C, E = part(w, d, n), part(w, a, n), part(w, b, n), part(w, c, n), part(w, e, n)
    for j in range(n):
        D[j] += s * A[j] * B[j] + t * C[j] * E[j]


@loop
def not_finite(w, a, n):
    """How many entries of a are not finite."""
    found = 0
    A = part(w, a, n)
    for j in range(n):
        found += A[j] - A[j] != 0
    return found


@loop
def arcsine(D, A):
    """D <- asin A; for |A| > 1/2 as pi/2 - 2 asin sqrt((1 - |A|)/2)."""
    T = D.dtype.type
    half, one, two, quarter_turn = T(0.5), T(1), T(2), T(math.pi / 2)
    for j in range(len(D)):
        x = A[j]
        inner = abs(x) <= half
        z = x * x if inner else half - half * abs(x)
        root = math.sqrt(z)
        u = one + z * arcsine_series(z)
        outer = quarter_turn - two * root * u
        D[j] = x * u if inner else (outer if x > 0 else -outer)


@loop
def elementwise(w, d, n, a, b, op):
    """d <- a / b, or a function of a: the instructions that do no more."""
    one = w.dtype.type(1)
    D, A, B = part(w, d, n), part(w, a, n), part(w, b, n)
    if op == 3:
        for j in range(n):
            D[j] = A[j] / B[j]
    elif op == 4:
        for j in range(n):
            D[j] = math.sqrt(A[j])
    elif op == 19:  # what is not a number stays so
        for j in range(n):
            x = A[j]
            x = one if x > one else x
            D[j] = -one if x < -one else x
    elif op == 10:
        arcsine(D, A)
    elif op == 5:
        for j in range(n):
            D[j] = math.exp(A[j])
    elif op == 6:
        for j in range(n):
            D[j] = math.sin(A[j])
    elif op == 7:
        for j in range(n):
            D[j] = math.cos(A[j])
    elif op == 8:
        for j in range(n):
            D[j] = math.sinh(A[j])
    elif op == 9:
        for j in range(n):
            D[j] = math.cosh(A[j])
    else:
        for j in range(n):
            D[j] = math.log(A[j])


@loop
def arc(w, d, d2, h, m, c, sp, rp, sq, rq, limit):
    """d, d2 <- E relu u relu v, E step u step v from covariance c.

    Returns how many entries have 1 - cos < limit, plus 2^32 times how many have 1 + cos < limit.
    """
    T = w.dtype.type
    half, one, two, zero, pi = T(0.5), T(1), T(2), T(0), T(math.pi)
    turn, most = T(0.5 / math.pi), T(1.0 - limit)
    extreme = 0
    S, R = part(w, sq, m), part(w, rq, m)
    for i in range(h):
        C, D, E = part(w, c + i * m, m), part(w, d + i * m, m), part(w, d2 + i * m, m)
        scale, root = sp[i] * turn, rp[i]
        for j in range(m):
            x = C[j] * (root * R[j])
            extreme += abs(x) > most
            inner = abs(x) <= half
            z = x * x if inner else half - half * abs(x)
            z = zero if z < zero else z
            y = math.sqrt(z)
            v = z * lune_series(z)
            u = one + z * arcsine_series(z)
            right = x > zero
            t = two * y * u
            t = pi - t if right else t  # nested choices would not become SIMD lanes
            s = y * v + (pi * x if right else zero)
            s_inner = half * (pi * x + v) + (one - z) * u
            D[j] = (scale * S[j]) * (s_inner if inner else s)
            E[j] = turn * (half * pi + x * u if inner else t)
    return extreme if extreme == 0 else count_extremes(w, h, m, c, rp, rq, most)


@loop
def count_extremes(w, h, m, c, rp, rq, most):
    """How many correlations are above `most`, plus 2^32 times how many are below -most."""
    found = 0
    R = part(w, rq, m)
    for i in range(h):
        C = part(w, c + i * m, m)
        for j in range(m):
            x = C[j] * (rp[i] * R[j])
            if x > most:
                found += 1
            elif x < -most:
                found += 1 << 32
    return found


@loop
def versine(w, d, h, m, a, c, rp, rq):
    """d <- (1 - cos theta)/2 from excess a or, where that is above sqrt(p q) and has larger errors, covariance c.

    Returns 2^32 times how many entries have 1 + cos < 0.001.
    """
    T = w.dtype.type
    quarter, half, one, zero = T(0.25), T(0.5), T(1), T(0)
    R, most = part(w, rq, m), T(0.9995)
    opposite = 0
    for i in range(h):
        A, C, D = part(w, a + i * m, m), part(w, c + i * m, m), part(w, d + i * m, m)
        for j in range(m):
            both = rp[i] * R[j]
            far = half - half * C[j] * both
            x = quarter * A[j] * both
            x = far if A[j] * both > one or both == zero else x
            x = zero if x < zero else x
            D[j] = one if x > one else x
        for j in range(m):
            opposite += D[j] > most
    return opposite << 32


@loop
def arc_versine(w, d, d2, h, m, a, sp, sq):
    """d, d2 <- E relu u relu v, E step u step v from versine a."""
    T = w.dtype.type
    quarter, half, one, two, pi, zero = T(0.25), T(0.5), T(1), T(2), T(math.pi), T(0)
    turn = T(0.5 / math.pi)
    S = part(w, sq, m)
    for i in range(h):
        A, D, E = part(w, a + i * m, m), part(w, d + i * m, m), part(w, d2 + i * m, m)
        scale = sp[i] * turn
        for j in range(m):
            g = A[j]
            x = one - two * g
            inner = abs(x) <= half
            right = g < quarter
            z = x * x if inner else (g if right else one - g)
            y = math.sqrt(z)
            v = z * lune_series(z)
            u = one + z * arcsine_series(z)
            t = two * y * u
            t = pi - t if right else t
            s = y * v + (pi * x if right else zero)
            s_inner = half * (pi * x + v) + (one - z) * u
            D[j] = (scale * S[j]) * (s_inner if inner else s)
            E[j] = turn * (half * pi + x * u if inner else t)


@loop
def gap(w, d, h, m, a, sp, sq):
    """d <- the excess 2 (sqrt(E relu(u)^2 E relu(v)^2) - E relu u relu v) from versine a."""
    T = w.dtype.type
    quarter, half, one, two, pi, zero = T(0.25), T(0.5), T(1), T(2), T(math.pi), T(0)
    S = part(w, sq, m)
    for i in range(h):
        A, D = part(w, a + i * m, m), part(w, d + i * m, m)
        for j in range(m):
            g = A[j]
            x = one - two * g
            inner = abs(x) <= half
            right = g < quarter
            z = x * x if inner else (g if right else one - g)
            v = z * lune_series(z)
            u = one + z * arcsine_series(z)
            outer = math.sqrt(z) * v - (zero if right else pi * x)  # S(theta)
            s = half * (v - pi * x) + (one - z) * u if inner else outer
            D[j] = (sp[i] * S[j]) * (two * g - s / pi)


@loop
def erf_pair(w, d, d2, h, m, c, rows, scales, col, col_scale):
    """d, d2 <- 2/pi asin x, 4/pi scale/sqrt(1 - x^2), where x = c row col."""
    T = w.dtype.type
    half, one, two, quarter_turn = T(0.5), T(1), T(2), T(math.pi / 2)
    first, second = T(2 / math.pi), T(4 / math.pi)
    S, R = part(w, col, m), part(w, col_scale, m)
    for i in range(h):
        C, D, E = part(w, c + i * m, m), part(w, d + i * m, m), part(w, d2 + i * m, m)
        factor, scale = rows[i], scales[i] * second
        for j in range(m):
            x = C[j] * (factor * S[j])
            inner = abs(x) <= half
            z = x * x if inner else half - half * abs(x)
            root = math.sqrt(z)
            u = one + z * arcsine_series(z)
            outer = quarter_turn - two * root * u
            D[j] = first * (x * u if inner else (outer if x > 0 else -outer))
            E[j] = scale * R[j] / math.sqrt((one - x) * (one + x))


@loop
def one_power(D, E, r, m, b, a):
    """One power: e <- e r + d, d <- d r + a b."""
    for j in range(m):
        E[j] = E[j] * r[j] + D[j]
        D[j] = D[j] * r[j] + a * b[j]


@loop
def two_powers(D, E, r, m, b, c, a, e):
    """Two powers at once, in registers: first e c, then a b."""
    for j in range(m):
        x, s, t = r[j], D[j], E[j]
        t = t * x + s
        s = s * x + e * c[j]
        E[j] = t * x + s
        D[j] = s * x + a * b[j]


@loop
def hermite(w, d, d2, h, m, a, scratch, A, i0, B, j0, parity):
    """d, d2 <- sum_k A_k[i] B_k[j] x^k and its derivative in x, where x = register a (Horner; parity as in Table)."""
    count = A.shape[0]
    zero, two = w.dtype.type(0), w.dtype.type(2)
    r = part(w, scratch, m)
    for i in range(h):
        x, D, E = part(w, a + i * m, m), part(w, d + i * m, m), part(w, d2 + i * m, m)
        for j in range(m):
            r[j] = x[j] if parity == 2 else x[j] * x[j]
        for j in range(m):
            D[j] = zero
            E[j] = zero
        k = count
        if k % 2:
            k -= 1
            one_power(D, E, r, m, B[k, j0 : j0 + m], A[k, i0 + i])
        while k > 0:
            k -= 2
            two_powers(D, E, r, m, B[k, j0 : j0 + m], B[k + 1, j0 : j0 + m], A[k, i0 + i], A[k + 1, i0 + i])
        if parity == 1:  # P(r), P'(r) at r = x^2 -> x P, P + 2 r P'
            for j in range(m):
                E[j] = D[j] + two * r[j] * E[j]
                D[j] = x[j] * D[j]
        elif parity == 0:  # -> P, 2 x P'
            for j in range(m):
                E[j] = two * x[j] * E[j]
