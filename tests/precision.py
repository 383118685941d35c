"""The arithmetic of the closed-form tests: 50 digits, so that no cancellation can hide in a 1e-10 comparison.

In doubles 1 − cos θ of two inputs an angle 1e-6 apart has four correct digits, and one rounding of the correlation
moves the diagonal of a ReLU kernel by 1e-8. At 50 digits both errors are below 1e-20, without any case distinction.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import mpmath

MP = mpmath.mp.clone()
MP.dps = 50

Real: TypeAlias = Any
"""A number of `MP`."""


def relative_error(found: Real, expected: Real) -> float:
    """|found − expected| / |expected|."""
    return float(abs(found - expected) / abs(expected)) if expected != 0 else float(abs(found))
