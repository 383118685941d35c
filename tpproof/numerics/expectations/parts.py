"""Numbers of two parts of inputs: inner products, distances, excesses, and how far rounding goes in them."""

from __future__ import annotations

import math

import numpy as np

from tpproof.numerics.functions import Array

EPS = float(np.finfo(float).eps)


def products_of_parts(op: str, x: Array, y: Array) -> tuple[Array, Array]:
    """ξᵀξ'/d or ‖ξ − ξ'‖²/d row by row, with the rounding error of a sum of d terms."""
    d = x.shape[-1]
    if op == "excess":
        found = excess_of_parts(x, y)
        return found, rounding(d) * found
    if op == "distance":
        found = np.square(x - y).sum(axis=-1) / d
        return found, rounding(d) * found
    found = (x * y).sum(axis=-1) / d
    return found, rounding(d) * np.sqrt(np.square(x).sum(axis=-1) * np.square(y).sum(axis=-1)) / d


def excess_of_parts(x: Array, y: Array) -> Array:
    """2(‖x‖‖y‖ − xᵀy)/d = ‖ ‖y‖x − ‖x‖y ‖²/(‖x‖‖y‖d), 0 where one is 0; relatively exact to a few roundings."""
    a, b = np.sqrt(np.square(x).sum(axis=-1)), np.sqrt(np.square(y).sum(axis=-1))
    both = a * b
    safe = np.where(both > 0, np.sqrt(both), 1.0)  # b x − a y is of the order of both: its square might vanish
    across = np.square((b / safe)[..., None] * x - (a / safe)[..., None] * y).sum(axis=-1) / x.shape[-1]
    return np.asarray(np.where(both > 0, across, 0.0))


def rounding(terms: int) -> float:
    """The relative error of a sum of products: √terms independent roundings, four times, and those that drift one way

    where equal terms are added one after the other, of which products of matrices keep 32 sums apart.
    """
    return EPS * (4 * math.sqrt(terms + 4) + terms / 32)
