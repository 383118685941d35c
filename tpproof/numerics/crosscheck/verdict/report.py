"""What a cross-check found, as users get it: a verdict, tables, figures, files, evidence for a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import ALPHA
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.crosscheck.verdict.decisions import EXACT
from tpproof.numerics.crosscheck.verdict.exponents import Slope, Slopes
from tpproof.numerics.crosscheck.verdict.samples import Samples, scales
from tpproof.numerics.crosscheck.verdict.statistics import Compared, Final, Findings, Row, Verdict, examine
from tpproof.numerics.functions import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

TITLES = {
    Kind.KERNEL: "kernel",
    Kind.PARAMETER: "kernel by parameter",
    Kind.MOMENT2: "second moments",
    Kind.MOMENT4: "fourth moments",
    Kind.MEAN: "means",
    Kind.SCALAR: "scalars",
    Kind.SIGNAL: "error signals",
    Kind.SLOPE: "slopes on paths",
    Kind.START: "starts of paths",
    Kind.MATMUL: "paths through matrices",
    Kind.SUM: "paths through sums",
    Kind.READOUT_START: "starts at readouts",
    Kind.READOUT: "paths through readouts",
    Kind.CHANGE: "changes in one step",
    Kind.RESPONSE: "coefficients of (107)",
    Kind.OUTPUT_CHANGE: "outputs after one step",
    Kind.TRAJECTORY: "trajectories",
}
"""Kinds as tables and figures call them."""
BAND = (0.1, 0.9)
"""Quantiles over networks that a band shows."""


@dataclass(frozen=True)
class Deviation:
    """Root mean square over the quantities of a kind of (measured − limit)/scale, at one width.

    `typical` over all networks; `low` and `high` are a tenth and nine tenths of the networks' own.
    """

    typical: float
    low: float
    high: float


@dataclass(frozen=True)
class Approach:
    """One entry of the kernel on its way to the limit: a number for each width.

    `typical` is the mean over networks of |K_n − K|, `se` its standard error; None where there is one network.
    """

    quantity: Quantity
    typical: tuple[float, ...]
    se: tuple[float | None, ...]


@dataclass(frozen=True)
class KindSummary:
    """The final tests of one kind.

    Attributes
    ----------
    quantities, disagreeing, blind, untested
        How many.
    worst
        The one with the largest |z|; None if none was tested.
    detectable
        The smallest error, relative to a quantity's scale, that would have been detected in every quantity of the kind;
        None if one was not tested.
    median
        And in half of them.
    slope
        Of the fluctuations, −1/2 expected; None if it was not fitted.
    """

    kind: Kind
    quantities: int
    disagreeing: int
    blind: int
    untested: int
    worst: Final | None
    detectable: float | None
    median: float | None
    slope: Slope | None


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Outputs while training, of M networks of one width.

    Attributes
    ----------
    measured, predicted
        (M, T + 1, N, O): f after 0 … T steps of SGD, and what kernel gradient descent (22) makes of f at step 0.
    width
        n.
    """

    measured: Array
    predicted: Array
    width: int

    def __post_init__(self) -> None:
        if self.measured.ndim != 4 or self.measured.size == 0 or self.measured.shape != self.predicted.shape:
            found = f"trajectories of shapes {self.measured.shape} and {self.predicted.shape}"
            raise TpproofError("E160", found, "twice (networks, steps + 1, inputs, outputs)")


@dataclass(frozen=True)
class CrossCheck:
    """Finite networks against the proof's limits.

    Attributes
    ----------
    name, network_sha256
        Of the canonical program.
    verdict
        agrees; disagrees; blind: no disagreement, but no power either, so that nothing is claimed.
    rows, finals, slopes
        Each quantity at each width; the test that decides it; exponents of the width. See `statistics`.
    backend, sampler, seed
        How the networks were drawn.
    widths, samples
        n, and M_n of each.
    alpha
        The chance that the cross-check of a right network disagrees.
    deviations
        Kind → one for each width.
    approaches
        How far single networks are from each entry of the kernel.
    setting
        What the networks were given; None where samples came without.
    seconds
        It took; the same numbers may take another time, so that it is in no file that is to be the same again.
    notes
        What was left out, and why; whether the run is a part of what was asked for.
    trajectories
        For a figure.
    partial
        Whether the run was interrupted: there are fewer networks than were asked for.
    """

    name: str
    network_sha256: str
    verdict: Verdict
    rows: tuple[Row, ...]
    finals: tuple[Final, ...]
    slopes: Slopes
    backend: str
    sampler: str
    seed: int
    widths: tuple[int, ...]
    samples: tuple[int, ...]
    alpha: float
    deviations: dict[str, tuple[Deviation, ...]]
    seconds: float = field(default=0.0, compare=False)
    notes: tuple[str, ...] = ()
    trajectories: Trajectories | None = field(default=None, compare=False)
    partial: bool = False
    approaches: tuple[Approach, ...] = ()
    setting: Setting | None = None

    @property
    def agrees(self) -> bool:
        """Whether the networks agree with the proof, in tests that had power."""
        return self.verdict is Verdict.AGREES

    @property
    def disagreeing(self) -> tuple[Final, ...]:
        """The quantities that do not agree, largest |z| first."""
        return tuple(sorted((f for f in self.finals if not f.agrees), key=lambda f: -abs(f.z or 0.0)))

    @property
    def earliest(self) -> Final | None:
        """The quantity to look at first where some disagree: what comes first in the proof, since all that rests on a
        wrong number is wrong too.
        """
        return min((f for f in self.finals if not f.agrees), key=lambda f: f.quantity.place, default=None)

    @property
    def detectable(self) -> float | None:
        """The smallest relative error of the kernel that would have been detected, in each of its entries, with
        probability 0.9; where the kernel was left out, of every quantity. None if one of them was not tested. Of other
        kinds: `detectable_by_kind`.
        """
        kernel = [f for f in self.finals if f.quantity.kind is Kind.KERNEL]
        return _largest(kernel or self.finals)

    @property
    def detectable_by_kind(self) -> dict[Kind, float | None]:
        """The same of each kind, relative to the scale of its quantities; None if one of them was not tested."""
        return {k.kind: k.detectable for k in self.kinds()}

    def kinds(self) -> tuple[KindSummary, ...]:
        """In the order of `Kind`, those that were tested."""
        made = []
        for kind in Kind:
            finals = [f for f in self.finals if f.quantity.kind is kind]
            if finals:
                made.append(_summary(kind, finals, self.slopes.kinds.get(kind.value)))
        return tuple(made)

    def table(self, full: bool = False) -> RenderableType:
        """For a terminal: the verdict, a line a kind, and the quantities that deviate most; `full`: all of them."""
        from tpproof.numerics.crosscheck.verdict.tables import table

        return table(self, full)

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        from tpproof.numerics.crosscheck.verdict.tables import summary

        return summary(self)

    def to_text(self, full: bool = False, width: int = 120) -> str:
        """`table` without colours."""
        from tpproof.numerics.crosscheck.verdict.tables import text

        return text(self, full, width)

    def to_json(self) -> dict[str, Any]:
        """What `tpproof crosscheck --json` prints: finite numbers, strings, None."""
        from tpproof.numerics.crosscheck.verdict.exports import as_json

        return as_json(self)

    def to_csv(self) -> str:
        """A line a quantity and width; the width "inf" is what decides."""
        from tpproof.numerics.crosscheck.verdict.exports import as_csv

        return as_csv(self)

    def evidence(self, command: str | None = None) -> dict[str, Any]:
        """For a certificate: no floats, of bounded size, the same for the same numbers.

        Parameters
        ----------
        command
            What draws the same networks again, for readers.
        """
        from tpproof.numerics.crosscheck.verdict.evidence import as_evidence

        return as_evidence(self, command)

    def plot(self, kind: str = "deviation", path: str | Path | None = None) -> Figure:
        """A figure (the extra `plots`).

        Parameters
        ----------
        kind
            "deviation": against the width, log-log, with the line n^-1/2. "trajectories": finite against limit, with
            bands. "kernel": theory, simulation and difference as heat maps.
        path
            Where to write it, if given: a name that ends in .svg, .png or .pdf.

        Raises
        ------
        TpproofError
            E141 without matplotlib, E140 if the file cannot be written, E160 if there is nothing of this kind to draw.
        """
        from tpproof.numerics.crosscheck.verdict.plots import draw

        return draw(self, kind, path)

    def _repr_html_(self) -> str:
        from tpproof.numerics.crosscheck.verdict.tables import html

        return html(self)


def joined(
    *compared: Compared,
    name: str,
    network_sha256: str,
    backend: str,
    sampler: str,
    seed: int,
    alpha: float = ALPHA,
    limit_dof: float = EXACT,
    seconds: float = 0.0,
    notes: tuple[str, ...] = (),
    trajectories: Trajectories | None = None,
    partial: bool = False,
    setting: Setting | None = None,
) -> CrossCheck:
    """Samples and limits as a `CrossCheck`: `statistics.examine`, and what figures need. Raises what that raises.

    Widths and numbers of networks are those of the first.
    """
    found = examine(*compared, alpha=alpha, limit_dof=limit_dof)
    samples = compared[0].samples
    return CrossCheck(
        name=name,
        network_sha256=network_sha256,
        verdict=found.verdict,
        rows=found.rows,
        finals=found.finals,
        slopes=found.slopes,
        backend=backend,
        sampler=sampler,
        seed=seed,
        widths=samples.widths,
        samples=samples.counts,
        alpha=alpha,
        deviations=_deviations(compared),
        seconds=seconds,
        notes=(*notes, *_undecided(found)),
        trajectories=trajectories,
        partial=partial,
        approaches=_approaches(samples, compared[0].limits),
        setting=setting,
    )


def _undecided(found: Findings) -> tuple[str, ...]:
    """What is not decided, kind by kind, and why."""
    notes = []
    for kind in dict.fromkeys(f.quantity.kind for f in found.finals if not f.settled):
        of_kind = [f for f in found.finals if f.quantity.kind is kind and not f.settled]
        slope = found.slopes.kinds.get(kind.value)
        if all(f.constant for f in of_kind):
            why = f"{len(of_kind)} of them the same number in all networks, but not the limit: rarer than these show"
        elif kind is Kind.TRAJECTORY or slope is None:
            why = "since what they rest on is not"
        else:
            why = f"whose fluctuations shrink as n^{slope.slope:.2f}, not n^-0.50"
        notes.append(f"not decided at these widths: {TITLES[kind]}, {why}")
    return tuple(notes)


def _deviations(compared: Sequence[Compared]) -> dict[str, tuple[Deviation, ...]]:
    """Of the kinds that were measured at all widths."""
    everywhere = [c for c in compared if c.samples.widths == compared[0].samples.widths]
    return {kind: at for c in everywhere for kind, at in _of_kinds(c.samples, c.limits).items()}


def _of_kinds(samples: Samples, limits: Array) -> dict[str, tuple[Deviation, ...]]:
    scale = scales(samples, limits)
    kinds = np.array([q.kind.value for q in samples.quantities])
    found: dict[str, tuple[Deviation, ...]] = {}
    for kind in dict.fromkeys(kinds.tolist()):
        columns = kinds == kind
        at = []
        for table in samples.values.values():
            squares = np.mean(((table - limits) / scale)[:, columns] ** 2, axis=1)
            low, high = np.sqrt(np.quantile(squares, BAND))
            at.append(Deviation(float(np.sqrt(np.mean(np.sort(squares)))), float(low), float(high)))
        found[kind] = tuple(at)
    return found


def _approaches(samples: Samples, limits: Array) -> tuple[Approach, ...]:
    made = []
    for k, quantity in enumerate(samples.quantities):
        if quantity.kind is Kind.KERNEL:
            off = [np.sort(np.abs(table[:, k] - limits[k])) for table in samples.values.values()]
            se = tuple(float(np.std(x, ddof=1) / np.sqrt(len(x))) if len(x) > 1 else None for x in off)
            made.append(Approach(quantity, tuple(float(np.mean(x)) for x in off), se))
    return tuple(made)


def _largest(finals: Any) -> float | None:
    seen = [None if f.detectable is None else f.detectable / f.scale for f in finals]
    return None if not seen or None in seen else max(s for s in seen if s is not None)


def _summary(kind: Kind, finals: list[Final], slope: Slope | None) -> KindSummary:
    tested = [f for f in finals if f.z is not None]
    seen = [f.detectable / f.scale for f in finals if f.detectable is not None]
    return KindSummary(
        kind=kind,
        quantities=len(finals),
        disagreeing=sum(not f.agrees for f in finals),
        blind=sum(f.blind for f in finals),
        untested=len(finals) - len(tested),
        worst=max(tested, key=lambda f: abs(f.z or 0.0), default=None),
        detectable=_largest(finals),
        median=float(np.median(seen)) if seen else None,
        slope=slope,
    )
