"""Random numbers that are looked up, not drawn in turn: every stretch of every vector has an address.

The address is (seed, purpose, vector, stretch): the first two are Philox's key, the last two the high words of its
counter, whose low words leave 2^128 numbers to each stretch. So a number depends neither on what was drawn before it
nor on how many threads or workers draw.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

GRAIN = 2**14
"""Coordinates of one stretch of a vector on the CPU: workers share a vector at multiples of it."""

SIDES = 4
"""Purposes of one parameter: images of W, images of Wᵀ, the entries themselves, one to spare."""


def purpose(parameter: int, side: int) -> int:
    """What a parameter's numbers are for: side 0, images under W; 1, images under Wᵀ; 2, entries."""
    return SIDES * parameter + side


def generator(seed: int, why: int, vector: int, stretch: int) -> np.random.Generator:
    """The generator at one address."""
    key = np.array([seed, why], dtype=np.uint64)  # a list would pass through float64 from 2^63 on
    counter = np.array([0, 0, stretch, vector], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def device_normals(seed: int, why: int, vector: int, start: int, count: int, dtype: Any) -> Any:
    """CuPy's own Philox: other numbers than the CPU's, reproducible on their own for a given split over workers."""
    import cupy

    address = f"{seed} {why} {vector} {start}".encode()
    key = int.from_bytes(hashlib.blake2b(address, digest_size=8).digest(), "big") >> 1
    return cupy.random.Generator(cupy.random.Philox4x3210(key)).standard_normal(count, dtype=dtype)
