"""Widths and samples for one network: those of `defaults`, or as many as its size leaves time and memory for."""

from __future__ import annotations

from collections.abc import Sequence

from tpproof.numerics.crosscheck.defaults import DENSE, DESIGN, design
from tpproof.numerics.crosscheck.measured.measure import Measurement
from tpproof.numerics.crosscheck.quantities import Quantity, Setting
from tpproof.numerics.finite.space import Space
from tpproof.program.model import Program

WORK = 10**9
"""Numbers that all networks of the largest width make together: a minute or so on two cores."""
MEMORY = 2**30
"""Bytes of one network of the default widths."""
LEAST = 16
"""Networks of a width at least: a variance needs them."""


def design_of(
    program: Program,
    quantities: Sequence[Quantity],
    setting: Setting,
    sampler: str = "exact",
    widths: Sequence[int] | None = None,
    samples: int | None = None,
) -> dict[int, int]:
    """Width → networks.

    Parameters
    ----------
    program, quantities, setting
        What is measured.
    sampler
        "dense" networks are small ones.
    widths, samples
        What the user asks for, if anything. Nothing else depends on the machine, so that the same call draws the same
        networks everywhere.

    Raises
    ------
    TpproofError
        E160 for widths and samples that are none, E104 for a width that needs more memory than there is.
    """
    found = design(widths, samples)
    if widths is None and sampler == "dense":
        found = dict.fromkeys(DENSE, samples) if samples is not None else dict(DENSE)
    elif widths is None:
        found = _within(found, _numbers(program, quantities, setting, max(found)), samples)
    largest = max(found)
    Measurement(program, quantities, setting, Space(largest), sampler).require_room()
    return found


def _numbers(program: Program, quantities: Sequence[Quantity], setting: Setting, width: int) -> float:
    """Numbers of one network for each coordinate."""
    return Measurement(program, quantities, setting, Space(width)).numbers / width


def _within(found: dict[int, int], numbers: float, samples: int | None) -> dict[int, int]:
    """The largest width halved until a network fits, with as many networks as there is time for."""
    *small, largest = sorted(found)
    width = largest
    while width > 2 * max(small) and 8 * numbers * width > MEMORY:
        width //= 2
    asked = DESIGN[largest] * largest if samples is None else samples * width
    count = max(LEAST, int(min(asked, WORK / numbers) / width)) if samples is None else samples
    return {**{n: found[n] for n in small}, width: count}
