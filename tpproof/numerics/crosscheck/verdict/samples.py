"""The numbers that were measured: for each width a table, a row a network, a column a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Quantity
from tpproof.numerics.functions import Array

Flags: TypeAlias = NDArray[np.bool_]
CONSTANT = 1e-10
"""What sums of many coordinates lose to rounding is less, relative to what is summed."""
LOST = 1e-14
"""What a product of two vectors that is 0 is off, relative to such products that are not."""
ZERO = 0.01
"""See `scales`."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What finite networks gave.

    Attributes
    ----------
    quantities
        One for each column.
    values
        Width n → (M_n, Q) float64, M_n ≥ 1 independent networks. Their order says nothing.

    Raises
    ------
    TpproofError
        E152 for a number that is not finite, E160 for tables of other shapes.
    """

    quantities: tuple[Quantity, ...]
    values: Mapping[int, Array]

    def __post_init__(self) -> None:
        if not self.values or not self.quantities:
            raise TpproofError("E160", "no samples", "networks of one width at least, and one quantity")
        tables = {n: np.asarray(self.values[n], dtype=np.float64) for n in sorted(self.values)}
        for n, table in tables.items():
            if n < 1 or table.ndim != 2 or table.shape[0] < 1 or table.shape[1] != len(self.quantities):
                expected = f"(samples, {len(self.quantities)}), a column for each quantity"
                raise TpproofError("E160", f"samples of shape {table.shape} at width {n}", expected)
            if not np.all(np.isfinite(table)):
                row, column = np.argwhere(~np.isfinite(table))[0]
                found = f"{table[row, column]} for {self.quantities[column].name} in sample {row} of width {n}"
                raise TpproofError("E152", found, "finite numbers")
        object.__setattr__(self, "values", tables)

    @property
    def widths(self) -> tuple[int, ...]:
        """In increasing order."""
        return tuple(self.values)

    @property
    def counts(self) -> tuple[int, ...]:
        """M_n for each of `widths`."""
        return tuple(table.shape[0] for table in self.values.values())


def limit_arrays(samples: Samples, limits: Array, errors: Array | None) -> tuple[Array, Array]:
    """The limits and their standard errors as float64 (Q,). E160 or E152 if they are none."""
    size = len(samples.quantities)
    values = np.asarray(limits, dtype=np.float64)
    spread = np.zeros(size) if errors is None else np.asarray(errors, dtype=np.float64)
    if values.shape != (size,) or spread.shape != (size,) or np.any(spread < 0):
        found = f"limits and errors of shapes {values.shape} and {spread.shape}"
        raise TpproofError("E160", found, f"({size},) each, errors at least 0")
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(spread))):
        bad = int(np.flatnonzero(~(np.isfinite(values) & np.isfinite(spread)))[0])
        raise TpproofError("E152", f"{values[bad]} ± {spread[bad]} as limit of {samples.quantities[bad].name}")
    return values, spread


def scales(samples: Samples, limits: Array) -> Array:
    """What an error of a quantity is compared with, (Q,).

    |limit|, but at least the root mean square of the limits of its kind, since near 0 a relative error says nothing.
    For a kind whose limits are 0, or nearly (`ZERO` of its deviations): the root mean square of σ, one network's
    deviation times √n. 1 for a kind that is 0 without deviation.
    """
    kinds = np.array([q.kind.value for q in samples.quantities])
    several = [(n, t) for n, t in samples.values.items() if t.shape[0] > 1]
    square = np.zeros(limits.shape)
    for n, table in several:
        square += n * np.var(np.sort(table, axis=0), axis=0, ddof=1) / len(several)
    found = np.abs(limits)
    for kind in set(kinds.tolist()):
        of_kind = kinds == kind
        size, sigma = (float(np.sqrt(np.mean(x[of_kind]))) for x in (limits**2, square))
        found[of_kind] = np.maximum(found[of_kind], size if size > ZERO * sigma else sigma)
    return np.where(found > 0, found, 1.0)


def rounding(samples: Samples, limits: Array, scale: Array) -> Array:
    """(Q,): numbers that are closer than this are the same number rounded.

    Of exact quantities, relative to their own size, so that a large one hides no error of a small one. Of others what
    is summed may be larger than the sum, as in a mean that is 0: relative to `scales`, and a scale far below those of
    other quantities is raised.
    """
    sizes = np.abs(limits)[limits != 0]
    raised = np.maximum(scale, 1e-3 * np.median(sizes) if len(sizes) else 1.0)
    exact = np.array([q.exact for q in samples.quantities])
    measured = np.max([np.abs(table).max(axis=0) for table in samples.values.values()], axis=0)
    own = np.maximum(CONSTANT * np.maximum(np.abs(limits), measured), LOST * raised)
    found: Array = np.where(exact, own, CONSTANT * raised)
    return found
