"""How deviations shrink with the width: fluctuations as n^-1/2, biases as n^-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.spread import Spread
from tpproof.numerics.functions import Array

RESOLVED = 4.0
"""A bias is seen at a width if it is so many standard errors."""
UNSETTLED, NEAR = 4.0, 0.1
"""Where the exponent of a kind's fluctuations is so many standard errors, and so far, from -1/2, widths are too small
for a verdict. Corrections O(1/n) bend every exponent a little, which many samples see and which does no harm."""


@dataclass(frozen=True)
class Slope:
    """Of a line in a log-log plot, with its standard error."""

    slope: float
    se: float


@dataclass(frozen=True)
class Slopes:
    """Fitted exponents of the width.

    Attributes
    ----------
    fluctuation
        By quantity name; of the standard deviation of one network's number. −1/2 expected.
    bias
        By quantity name; of |mean − limit|, only where it is seen at two widths at least. −1 expected.
    kinds, joint
        Fluctuations of all quantities of a kind, and of all. Their standard errors are means of those of the single
        quantities: an upper bound whatever the correlations, since all come from the same networks.
    joint_bias
        Of all biases seen.
    """

    fluctuation: dict[str, Slope]
    bias: dict[str, Slope]
    kinds: dict[str, Slope]
    joint: Slope | None
    joint_bias: Slope | None

    def off(self, kind: Kind) -> bool:
        """Whether the fluctuations of a kind do not shrink as n^-1/2 at these widths."""
        found = self.kinds.get(kind.value)
        return found is not None and abs(found.slope + 0.5) > max(UNSETTLED * found.se, NEAR)


def slopes(parts: Sequence[tuple[Sequence[Quantity], Spread, Array, Array]]) -> Slopes:
    """Weighted log-log fits, of quantities, their spread, limits and the limits' errors; quantities that do not
    fluctuate have no slope.
    """
    quantities = [q for of_part, _, _, _ in parts for q in of_part]
    fluctuations = [s for _, found, _, _ in parts for s in _fluctuations(found)]
    biases = [s for _, found, limits, errors in parts for s in _biases(found, limits, errors)]
    kinds: dict[str, list[Slope]] = {}
    for quantity, slope in zip(quantities, fluctuations, strict=True):
        if slope is not None:
            kinds.setdefault(quantity.kind.value, []).append(slope)
    return Slopes(
        fluctuation={q.name: s for q, s in zip(quantities, fluctuations, strict=True) if s is not None},
        bias={q.name: s for q, s in zip(quantities, biases, strict=True) if s is not None},
        kinds={kind: _together(of_kind) for kind, of_kind in kinds.items()},
        joint=_together([s for s in fluctuations if s is not None]) if kinds else None,
        joint_bias=_together([s for s in biases if s is not None]) if any(biases) else None,
    )


def _line(x: Array, y: Array, variance: Array) -> Slope | None:
    """Weighted least squares, the variances known."""
    if len(x) < 2:
        return None
    weight = 1 / variance
    centre = float(weight @ x / np.sum(weight))
    square = float(weight @ (x - centre) ** 2)
    return Slope(float(weight @ ((x - centre) * y)) / square, square**-0.5)


def _fluctuations(found: Spread) -> list[Slope | None]:
    several = found.counts > 1
    x, nu = np.log(found.widths[several]), found.counts[several] - 1
    shift = (special.digamma(nu / 2) - np.log(nu / 2)) / 2
    made: list[Slope | None] = []
    for q in range(found.means.shape[1]):
        variances = found.variances[several, q]
        if found.within[q] or np.any(variances <= 0):
            made.append(None)
        else:
            made.append(_line(x, np.log(variances) / 2 - shift, special.polygamma(1, nu / 2) / 4))
    return made


def _biases(found: Spread, limits: Array, errors: Array) -> list[Slope | None]:
    made: list[Slope | None] = []
    for q in range(found.means.shape[1]):
        off = np.abs(found.means[:, q] - limits[q])
        own = np.where(found.counts > 1, found.variances[:, q], found.pooled[q] / found.widths)
        se = np.sqrt(own / found.counts + errors[q] ** 2)
        seen = (off > RESOLVED * se) & (se > 0)
        made.append(_line(np.log(found.widths[seen]), np.log(off[seen]), (se[seen] / off[seen]) ** 2))
    return made


def _together(single: Sequence[Slope]) -> Slope:
    weight = np.array([s.se**-2 for s in single])
    total = float(np.sum(weight))
    slope = float(weight @ np.array([s.slope for s in single])) / total
    return Slope(slope, float(weight @ np.array([s.se for s in single])) / total)
