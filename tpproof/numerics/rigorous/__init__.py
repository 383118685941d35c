"""Proved enclosures of single kernel entries: a plan evaluated in real balls (the optional extra `rigorous`).

What is proved: the number that the plan defines at these inputs, floats taken as the exact dyadic numbers that they
are, is in [a, b]. Every input, constant and intermediate number is a ball; truncated integrals and series pay for what
they leave out. What is trusted: that the plan is the network's, flint's ball arithmetic (Arb), Cramér's inequality and
the formulas of this package, and the machine. Floats steer only efforts: grids, lengths of series, bits.

What is refused: kinks without a closed form (tanh(relu(z))), users' functions, functions whose growth on the line no
rule bounds, and entries where a variance cannot be told from 0. Not for several threads at once: flint's precision is
set for the process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.expectations.evaluate import Inputs
from tpproof.numerics.reduction.plan import Plan
from tpproof.numerics.reduction.univariate import Library
from tpproof.numerics.rigorous.balls import NoEnclosure, ends, flint, precision
from tpproof.numerics.rigorous.numbers import Own, Pair, Unbounded, own_numbers

__all__ = ["Enclosure", "NoEnclosure", "as_evidence", "certificate_text", "enclose"]

Interval = tuple[Fraction, Fraction]
NOTHING: Interval = (Fraction(0), Fraction(0))


@dataclass(frozen=True)
class Enclosure:
    """Intervals that contain the numbers of one entry.

    Attributes
    ----------
    row, col
        The inputs ξ̃ and ξ.
    outputs
        (o, p): output o at ξ̃ and p at ξ.
    ntk, nngp
        (lo, hi) with lo ≤ the kernel's entry ≤ hi, exactly.
    bits
        The precision at which they were computed.
    """

    row: int
    col: int
    outputs: tuple[int, int]
    ntk: Interval
    nngp: Interval
    bits: int

    @property
    def width(self) -> float:
        """The larger of the two widths, relative to the interval's numbers."""
        return max(_relative_width(self.ntk), _relative_width(self.nngp))

    def narrowed(self, other: Enclosure) -> Enclosure:
        """What two enclosures of one entry say together."""
        return replace(other, ntk=_common(self.ntk, other.ntk), nngp=_common(self.nngp, other.nngp))


def enclose(
    plan: Plan,
    inputs: Inputs,
    pairs: Iterable[tuple[int, int]],
    *,
    library: Library | None = None,
    outputs: Sequence[tuple[int, int]] | None = None,
    bits: int = 128,
    width: float = 1e-20,
    most_bits: int = 1024,
) -> list[Enclosure]:
    """Enclosures of kernel entries.

    Parameters
    ----------
    plan
        Of a proved network (`compiled`).
    inputs
        For each input of the network a float64 array (N, parts, d).
    pairs
        (row, col): indices into the N inputs.
    library
        Users' functions; nothing is known of them, so a plan that reads one is refused.
    outputs
        The pairs (o, p) of outputs; all of them if None.
    bits
        The precision to begin with; it is doubled while an interval is wider than asked for.
    width
        The relative width wished for; wider intervals, as true, come back where more bits do not help.
    most_bits
        The largest precision tried.

    Returns
    -------
    enclosures
        One for each pair and each of `outputs`, in this order.

    Raises
    ------
    NoEnclosure
        (E141) A kink without a closed form, a user's function, growth that no rule bounds.
    TpproofError
        E141 where python-flint is not installed, E152 for inputs that are not finite.
    """
    flint()
    if not all(np.isfinite(x).all() for x in inputs):
        raise TpproofError("E152", "an input that is not finite", "finite floats")
    count = range(len(plan.kernels["ntk"]))
    wanted = [(o, p) for o in count for p in count] if outputs is None else list(outputs)
    best: dict[tuple[int, int], list[Enclosure]] = {}
    asked = list(pairs)
    todo = list(dict.fromkeys(asked))
    refused: NoEnclosure | None = None
    while todo and bits <= most_bits:
        rows: dict[int, Own] = {}
        left = []
        for pair in todo:
            try:
                found = _entries(plan, inputs, pair, wanted, bits, rows)
            except Unbounded as error:
                refused = error
                left.append(pair)
                continue
            before = best.get(pair)
            best[pair] = found if before is None else [a.narrowed(b) for a, b in zip(before, found, strict=True)]
            if _goes_on(before, best[pair], width):
                left.append(pair)
        todo, bits = left, 2 * bits
    missing = [pair for pair in asked if pair not in best]
    if missing:
        raise refused or NoEnclosure(f"the entry {missing[0]} at {bits} bits", "a larger most_bits")
    return [e for pair in asked for e in best[pair]]


def _entries(
    plan: Plan,
    inputs: Inputs,
    pair: tuple[int, int],
    outputs: Sequence[tuple[int, int]],
    bits: int,
    rows: dict[int, Own],
) -> list[Enclosure]:
    """The entries of one pair at one precision; own numbers are computed once for each input."""
    with precision(bits):
        row, col = (_first_equal(inputs, i, rows) for i in pair)
        for i in (row, col):
            if i not in rows:
                rows[i] = own_numbers(plan, inputs, i)
        slots = [plan.kernels[kind][o][p] for kind in ("ntk", "nngp") for o, p in outputs]
        values = Pair(rows[row], rows[col]).run([s for s in slots if s is not None])
        found = [NOTHING if s is None else ends(values[s]) for s in slots]
    half = len(outputs)
    return [
        Enclosure(*pair, o, *k, bits)
        for o, k in zip(outputs, zip(found[:half], found[half:], strict=True), strict=True)
    ]


def _goes_on(before: list[Enclosure] | None, now: list[Enclosure], width: float) -> bool:
    """Whether an interval is too wide, and more bits did make it narrower."""
    wide = [e.width for e in now]
    gained = before is None or any(w > width and w < e.width / 2 for w, e in zip(wide, before, strict=True))
    return max(wide) > width and gained


def _first_equal(inputs: Inputs, i: int, rows: Iterable[int]) -> int:
    """An input of which everything is computed and that is the same, number by number; else i itself."""
    return next((r for r in rows if r == i or all((x[r] == x[i]).all() for x in inputs)), i)


def _common(a: Interval, b: Interval) -> Interval:
    low, high = max(a[0], b[0]), min(a[1], b[1])
    if low > high:
        raise AssertionError(f"two enclosures that exclude each other: {a}, {b}")
    return low, high


def _relative_width(interval: Interval) -> float:
    low, high = interval
    size = max(abs(low), abs(high))
    return float((high - low) / size) if size else 0.0


def certificate_text(enclosure: Enclosure, digits: int = 20, which: str = "ntk") -> str:
    """The text "K(ξ, ξ') ∈ [a, b]", the ends rounded outwards to so many significant digits."""
    low, high = enclosure.ntk if which == "ntk" else enclosure.nngp
    name = "K" if which == "ntk" else "Σ"
    return f"{name}(ξ, ξ') ∈ [{decimal(low, digits, up=False)}, {decimal(high, digits, up=True)}]"


def as_evidence(enclosures: Sequence[Enclosure], inputs: Inputs, digits: int = 20) -> list[dict[str, Any]]:
    """What a certificate can carry of them: `Certificate.with_evidence(enclosures=…)`.

    Each names its inputs by the SHA-256 of their numbers (little-endian float64, input by input, part by part), so that
    whoever has them can enclose the same numbers again.
    """

    def digest(row: int) -> str:
        return sha256(b"".join(np.ascontiguousarray(x[row], dtype="<f8").tobytes() for x in inputs)).hexdigest()

    return [
        {
            "inputs_sha256": [digest(e.row), digest(e.col)],
            "outputs": list(e.outputs),
            "ntk": certificate_text(e, digits),
            "nngp": certificate_text(e, digits, "nngp"),
            "bits": e.bits,
        }
        for e in enclosures
    ]


def decimal(x: Fraction, digits: int, *, up: bool) -> str:
    """A decimal number that is at most x, or at least x if `up`, with so many significant digits."""
    if x == 0:
        return "0"
    exponent = _decade(abs(x)) - digits + 1
    scaled = x / Fraction(10) ** exponent
    n = math.ceil(scaled) if up else math.floor(scaled)
    sign, text = "-" if n < 0 else "", str(abs(n)).rstrip("0") or "0"
    exponent += len(str(abs(n))) - len(text)
    point = len(text) + exponent
    if n == 0:
        return "0"
    if -5 < point <= 0:
        return f"{sign}0.{'0' * -point}{text}"
    if 0 < point <= digits + 5:
        whole = text[:point].ljust(point, "0")
        return f"{sign}{whole}" + (f".{text[point:]}" if text[point:] else "")
    return f"{sign}{text[0]}" + (f".{text[1:]}" if text[1:] else "") + f"e{point - 1}"


def _decade(x: Fraction) -> int:
    """n with 10ⁿ ≤ x < 10ⁿ⁺¹."""
    n = math.floor((x.numerator.bit_length() - x.denominator.bit_length()) * math.log10(2)) - 1
    while Fraction(10) ** (n + 1) <= x:
        n += 1
    return n
