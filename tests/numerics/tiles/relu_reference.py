"""The NTK of a ReLU network: as code for the tiles, and entry by entry with 60 digits, from the definition."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import mpmath as mp

from tpproof.numerics.tiles.builder import Builder, Value
from tpproof.numerics.tiles.code import Code

WEIGHT, BIAS = 2.0, 0.125


def relu_code(depth: int, careful: bool, weight: float = WEIGHT, bias: float = BIAS) -> Code:
    """Outputs: NTK and NNGP kernel after `depth` hidden layers; vector 0 is |x|^2, nothing is divided by d."""
    b = Builder()
    c = weight * b.gram(0) + bias
    squares = b.row(0), b.col(0)
    p, q = (weight * s + bias for s in squares)
    e = affine_excess(b, b.excess(0), *squares, weight, bias) if careful else b.constant(0.0)
    ntk = c
    for _ in range(depth):
        squares = 0.5 * p, 0.5 * q
        if careful:
            value, slope, gap = b.arc_careful(c, p, q, e)
            e = affine_excess(b, gap, *squares, weight, bias)
        else:
            value, slope = b.arc_fast(c, p, q)
        c = weight * value + bias
        p, q = (weight * s + bias for s in squares)
        ntk = b.sum_of_products([(1.0, c, None), (weight, slope, ntk)])
    b.output(ntk)
    b.output(c)
    return b.build()


def affine_excess(b: Builder, e: Value, p: Value, q: Value, weight: float, bias: float) -> Value:
    """2 (sqrt((w p + b)(w q + b)) - w c - b) from e = 2 (sqrt(p q) - c), without cancellation."""
    if bias == 0:
        return weight * e
    s, t = b.unary("sqrt", p), b.unary("sqrt", q)
    gap = s - t
    both = b.unary("sqrt", weight * p + bias) * b.unary("sqrt", weight * q + bias) + weight * s * t + bias
    return weight * e + 2 * weight * bias * gap * gap / both


def relu_exact(x: Sequence[float], y: Sequence[float], depth: int, bias: float = BIAS) -> tuple[mp.mpf, mp.mpf]:
    """NTK and NNGP kernel of two inputs with 60 digits; inner products are exact fractions."""
    with mp.workdps(60):

        def dot(a: Sequence[float], b: Sequence[float]) -> mp.mpf:
            total = sum((Fraction(float(s)) * Fraction(float(t)) for s, t in zip(a, b, strict=True)), Fraction(0))
            return mp.mpf(total.numerator) / total.denominator

        c, p, q = (WEIGHT * dot(a, b) + bias for a, b in ((x, y), (x, x), (y, y)))
        ntk = c
        for _ in range(depth):
            theta = mp.atan2(mp.sqrt(max(p * q - c * c, mp.mpf(0))), c) if p * q > 0 else mp.pi / 2
            value = mp.sqrt(p * q) * (mp.sin(theta) + (mp.pi - theta) * mp.cos(theta)) / (2 * mp.pi)
            slope = (mp.pi - theta) / (2 * mp.pi)
            c, p, q = WEIGHT * value + bias, WEIGHT * p / 2 + bias, WEIGHT * q / 2 + bias
            ntk = c + WEIGHT * slope * ntk
        return +ntk, +c
