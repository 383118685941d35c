"""Pairs of inputs for kernel tests: generic, equal, near-duplicate; and their Gram matrices, exact to 50 digits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tests.precision import MP, Real

Vectors = list[list[Real]]
"""One input: a vector in R^d for each part."""
Joint = NDArray[np.object_]
"""ξᵀξ'/d over (instance, part) × (instance, part), both instances in one symmetric matrix."""

D = 3
KINDS = ("generic", "equal", "near")
NEAR = MP.mpf("1e-6")  # the angle between a near-duplicate's parts


def vectors(parts: int, seed: int) -> Vectors:
    drawn = np.random.default_rng(seed).standard_normal((parts, D))
    return [[MP.mpf(float(x)) for x in row] for row in drawn]


def turned(x: list[Real], towards: list[Real], by: Real) -> list[Real]:
    """x rotated by an angle in the plane of x and another vector, its length kept."""
    along = MP.fdot(x, towards) / MP.fdot(x, x)
    across = [t - along * c for t, c in zip(towards, x, strict=True)]
    scale = MP.sqrt(MP.fdot(x, x) / MP.fdot(across, across))
    return [MP.cos(by) * c + MP.sin(by) * scale * a for c, a in zip(x, across, strict=True)]


def pair(kind: str, parts: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """The inputs of both instances."""
    first, other = vectors(parts, seed), vectors(parts, seed + 1000)
    if kind == "equal":
        return first, first
    if kind == "near":
        return first, [turned(x, y, NEAR) for x, y in zip(first, other, strict=True)]
    return first, other


def joint(kind: str, parts: int, seed: int = 0) -> Joint:
    """The Gram matrix of a pair of inputs, (instance, part) in lexicographic order."""
    first, second = pair(kind, parts, seed)
    rows = [*first, *second]
    return np.array([[MP.fdot(x, y) / D for y in rows] for x in rows], dtype=object)


def as_mapping(gram: Joint) -> Mapping[tuple[int, ...], Real]:
    """The same for `ClosedForms`: one input of several parts."""
    parts = len(gram) // 2
    index = [(s, a) for s in (0, 1) for a in range(parts)]
    return {(s, r, 0, a, 0, b): gram[i, j] for i, (s, a) in enumerate(index) for j, (r, b) in enumerate(index)}
