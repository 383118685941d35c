"""Functions of one Gaussian number as sums of terms, coefficient · zⁿ · B(z), in one normal form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

Number: TypeAlias = Any
"""A value of the caller's arithmetic: float, NumPy array, mpmath number, ball, register."""
Base: TypeAlias = tuple[Any, ...]
"""("one",), ("step",), ("erf", a), ("exp", alpha, beta), ("sin", w), ("cos", w); inside ("bell", a), too: exp(-a²z²)"""
Term: TypeAlias = tuple[float, int, Base]
"""(coefficient, power, base)."""
Terms: TypeAlias = tuple[Term, ...]

ONE: Base = ("one",)
STEP: Base = ("step",)
TRIG = ("sin", "cos")

_PARAMETERS = {"one": 0, "step": 0, "erf": 1, "exp": 2, "sin": 1, "cos": 1}


def normal(terms: Terms) -> Terms:
    """The same function with positive parameters, each (power, base) once and no zero coefficient.

    Raises
    ------
    ValueError
        If a base is unknown, a power is negative or not whole, or a number is not finite.
    """
    sums: dict[tuple[int, Base], float] = {}
    for coefficient, power, base in terms:
        _check(coefficient, power, base)
        sign, plain = _positive(base)
        if sign:
            sums[power, plain] = sums.get((power, plain), 0.0) + sign * coefficient
    return tuple((coefficient, n, base) for (n, base), coefficient in sums.items() if coefficient)


def _check(coefficient: float, power: int, base: Base) -> None:
    if len(base) != 1 + _PARAMETERS.get(base[0], -1):
        raise ValueError(f"not a base of terms: {base!r}")
    if not isinstance(power, int) or power < 0:
        raise ValueError(f"not a power: {power!r}")
    if not all(math.isfinite(x) for x in (coefficient, *base[1:])):
        raise ValueError(f"not finite: {(coefficient, power, base)!r}")


def _positive(base: Base) -> tuple[int, Base]:
    """(sign, base) with erf(-a z) = -erf(a z) and the like used; sign 0 where the base is zero."""
    kind = base[0]
    if kind in ("erf", "sin"):
        a = float(base[1])
        return (a > 0) - (a < 0), (kind, abs(a))
    if kind == "cos":
        return 1, ("cos", abs(float(base[1]))) if base[1] else ONE
    if kind == "exp":
        return 1, ("exp", float(base[1]), float(base[2])) if base[1] or base[2] else ONE
    return 1, base


def supported(left: Base, right: Base) -> bool:
    """Whether E[uⁿ B(u) vᵏ C(v)] has a closed form here, for every n and k."""
    kinds = {left[0], right[0]}
    if "one" in kinds or kinds <= {"step", "erf"} or kinds <= {"exp", "sin", "cos"}:
        return True
    return "exp" in kinds and all(b[0] != "exp" or b[2] == 0 for b in (left, right)) and kinds <= {"exp", "erf", "step"}


def products(left: Terms, right: Terms) -> Iterator[tuple[Term, Term]]:
    """Every term of the one with every term of the other."""
    return ((f, g) for f in left for g in right)
