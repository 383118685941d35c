"""Widths and samples for one network: those of `defaults`, or as many as its size leaves time and memory for."""

from __future__ import annotations

from collections.abc import Sequence

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import DENSE, DESIGN, TRAINED, design
from tpproof.numerics.crosscheck.measured.measure import Measurement
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.finite.space import Space
from tpproof.program.model import Program

WORK = 3 * 10**9
"""Numbers that all networks of the largest width make together: two minutes or so on two cores."""
MEMORY = 2**30
"""Bytes of one network of the default widths."""
ROWS = 2**32
"""Bytes of what all networks give."""
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
        untrained = [q for q in quantities if q.kind is not Kind.TRAJECTORY]
        numbers, at_start = (_numbers(program, wanted, setting, max(found)) for wanted in (quantities, untrained))
        found = _within(found, numbers, at_start, samples)
    rows = 8 * len(quantities) * sum(found.values())
    if rows > ROWS:
        raise TpproofError("E104", f"{rows / 2**30:.3g} GiB of results", f"at most {ROWS / 2**30:g} GiB: fewer samples")
    largest = max(found)
    Measurement(program, quantities, setting, Space(largest), sampler).require_room()
    return found


def _numbers(program: Program, quantities: Sequence[Quantity], setting: Setting, width: int) -> float:
    """Numbers of one network for each coordinate."""
    return Measurement(program, quantities, setting, Space(width)).numbers / width


def _within(found: dict[int, int], numbers: float, at_start: float, samples: int | None) -> dict[int, int]:
    """The largest width halved until a network fits, with as many networks as there is time for: of `numbers` for each
    coordinate where a network is trained, of `at_start` where it is not.
    """
    *small, largest = sorted(found)
    width = largest
    while width > 2 * max(small) and 8 * numbers * width > MEMORY:
        width //= 2
    count = samples
    if count is None:
        trained = WORK / width / numbers
        room = trained if trained <= TRAINED else TRAINED + (trained - TRAINED) * numbers / at_start
        count = max(LEAST, int(min(DESIGN[largest] * largest / width, room)))
    return {**{n: found[n] for n in small}, width: count}
