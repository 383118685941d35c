"""Kernels between two sets of inputs, by whichever way the plan and the machine allow, each with its errors.

Tiles (Numba) where every expectation has a closed form or an expansion; the same code over an array namespace (a GPU);
arrays with adaptive quadrature where one has neither; samples where the plan does not reduce.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product as cartesian
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tpproof.errors import TpproofError
from tpproof.numerics.expectations.accuracy import Accuracy, Bound
from tpproof.numerics.expectations.evaluate import EPS, Numbers, Pairs, own_numbers
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.inputs import InputArrays
from tpproof.numerics.reduction.plan import Plan, Slot
from tpproof.numerics.reduction.univariate import Library
from tpproof.numerics.tiles.lower import Lowered, NotTileable, Template, bound, template

Errors = dict[str, float]
Diagonals = dict[str, dict[str, Array]]
"""By the fingerprint of inputs and the kernel: (N, outputs)."""
CLOSED, QUADRATURE, SAMPLED = "closed-form", "quadrature", "qmc"
DIAGONAL = 256
"""Inputs taken together where only the diagonal is wanted."""
SMALLEST = 1e-140
CHUNK = 4096
"""Pairs taken together where expectations are integrated one by one."""
SHARE = 1 / 30
"""An expansion leaves out this part of the tolerance: errors add up over layers."""


@dataclass(frozen=True)
class Settings:
    """How numbers are computed.

    Attributes
    ----------
    rtol
        Wanted error of an entry, relative to √(K_ii K'_jj).
    backend
        "numba" (tiles), "numpy" or "cupy" (arrays).
    dtype, threads
        float64 or float32; None: all processors.
    """

    rtol: float = 1e-10
    backend: str = "numba"
    dtype: DTypeLike = np.float64
    threads: int | None = None


@dataclass(frozen=True)
class Values:
    """One kernel between N1 and N2 inputs: ``value`` (N1, N2, outputs, outputs), and what its errors are.

    ``bounds()[o][p]``, made when it is first asked for, bounds all entries of a pair of outputs; ``error``, of the
    shape of ``value``, is used where errors
    come entry by entry. ``finite``: every entry is known to be.
    """

    value: Array
    bounds: Callable[[], Sequence[Sequence[Bound]]] | None = None
    error: Array | None = None
    finite: bool = False

    def errors(self) -> Array:
        """The error of every entry, of the shape of ``value``."""
        if self.error is not None:
            return self.error
        assert self.bounds is not None
        found = np.empty(self.value.shape)
        for o, row in enumerate(self.bounds()):
            for p, b in enumerate(row):
                found[:, :, o, p] = b.error * np.multiply.outer(b.left, b.right)
        return found

    def largest(self) -> float:
        """The largest of `errors`."""
        if self.error is not None:
            return float(np.max(self.error, initial=0.0))
        assert self.bounds is not None
        bounds = [b for row in self.bounds() for b in row if b.error]
        return max((float(b.error * np.max(b.left) * np.max(b.right)) for b in bounds), default=0.0)


class _Once:
    """A value that is made when it is first asked for."""

    def __init__(self, make: Callable[[], dict[str, list[list[Bound]]]]) -> None:
        self.make = make

    def __call__(self) -> dict[str, list[list[Bound]]]:
        """The value."""
        if not hasattr(self, "_made"):
            self._made = self.make()
        return self._made


@dataclass
class Gram:
    """The kernels of one plan between two sets of inputs (``x2`` None: between the first and itself)."""

    plan: Plan
    library: Library
    x1: InputArrays
    x2: InputArrays | None
    names: tuple[str, ...]
    settings: Settings
    templates: dict[Any, Template | NotTileable] = field(default_factory=dict)
    left: Numbers = field(init=False)
    right: Numbers = field(init=False)
    code: Lowered | None = field(init=False)

    def __post_init__(self) -> None:
        for x in (self.x1,) if self.x2 is None else (self.x1, self.x2):
            require_squares(x)
        self.left = own_numbers(self.plan, self.x1.arrays, self.library, False)
        self.right = self.left if self.x2 is None else own_numbers(self.plan, self.x2.arrays, self.library, False)
        try:
            self.code = bound(self._template(), self.left, self.right, self.settings.rtol * SHARE)
        except NotTileable:
            self.code = None

    def _template(self) -> Template:
        """The code for data of these dimensions, made once."""
        key = (self.names, self.x1.dimensions)
        if key not in self.templates:
            parts = [i.parts for i in self.x1.inputs]
            try:
                made = template(self.plan, self.wanted, self.x1.dimensions, parts, self.library)
            except NotTileable as error:
                self.templates[key] = error
                raise
            self.templates[key] = made
        found = self.templates[key]
        if isinstance(found, NotTileable):
            raise found
        return found

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return len(self.plan.kernels["ntk"])

    @property
    def slots(self) -> list[tuple[str, int, int]]:
        """(kernel, o, p) of every number that is computed."""
        pairs = range(self.outputs)
        return [(name, o, p) for name, o, p in cartesian(self.names, pairs, pairs)]

    @property
    def wanted(self) -> list[Slot | None]:
        """The pair slots of these."""
        return [self.plan.kernels[name][o][p] for name, o, p in self.slots]

    @property
    def method(self) -> str:
        """ "closed-form" or "quadrature"."""
        return QUADRATURE if self.code is None or self.code.tables else CLOSED

    def values(self) -> dict[str, Values]:
        """Every kernel with its errors."""
        if self.code is None:
            return self._integrated()
        raw, opposite, finite = self._run(self.code)
        bounds = _Once(lambda: self.bounds(opposite))
        shape = (*raw.shape[1:], self.outputs, self.outputs)
        found = {}
        for k, name in enumerate(self.names):
            part = raw[k * self.outputs**2 : (k + 1) * self.outputs**2]
            value = np.moveaxis(part, 0, -1).reshape(shape) if self.outputs > 1 else part[0][:, :, None, None]
            found[name] = Values(value, lambda name=name: bounds()[name], finite=finite)  # type: ignore[misc]
        return found

    def bounds(self, opposite: bool) -> dict[str, list[list[Bound]]]:
        """Bounds of all entries, from the numbers of the inputs and whether angles near π were met."""
        assert self.code is not None
        left, right = self._with_errors()
        eps = EPS if np.dtype(self.settings.dtype) == np.float64 else float(np.finfo(np.float32).eps)
        accuracy = Accuracy(self.plan, left, right, self.code.tails, opposite, eps)
        known = accuracy.of([s for s in self.wanted if s is not None])
        nothing = Bound(np.zeros(self.left.count), np.zeros(self.right.count), 0.0)
        found: dict[str, list[list[Bound]]] = {}
        for name in self.names:
            grid = self.plan.kernels[name]
            found[name] = [[nothing if s is None else known[s] for s in row] for row in grid]
        return found

    def relative_errors(self, values: dict[str, Values], known: Diagonals | None = None) -> Errors:
        """The largest error of each kernel, relative to √(K_ii K'_jj).

        ``known`` is read and added to: blocks share their rows.
        """
        left = self._diagonals(self.x1, values if self.x2 is None else None, known)
        right = left if self.x2 is None else self._diagonals(self.x2, None, known)
        return {name: _relative_error(v, np.sqrt(left[name]), np.sqrt(right[name])) for name, v in values.items()}

    def _diagonals(self, x: InputArrays, values: dict[str, Values] | None, known: Diagonals | None) -> dict[str, Array]:
        key = "" if known is None else x.fingerprint()
        if known is not None and key in known:
            return known[key]
        found = {n: self._diagonal(n, None if values is None else values[n].value, x) for n in self.names}
        if known is not None:
            known[key] = found
        return found

    def _diagonal(self, name: str, value: Array | None, x: InputArrays) -> Array:
        """K_oo(ξ, ξ) of every input and output (N, outputs)."""
        if value is not None:
            return np.asarray(np.einsum("iioo->io", value))
        parts = []
        for i in range(0, len(x), DIAGONAL):
            square = Gram(
                self.plan, self.library, x.rows(slice(i, i + DIAGONAL)), None, (name,), self.settings, self.templates
            )
            parts.append(np.einsum("iioo->io", square.values()[name].value))
        return np.concatenate(parts)

    def _with_errors(self) -> tuple[Numbers, Numbers]:
        """The numbers of the inputs with their errors, which cost more than they do."""
        left = own_numbers(self.plan, self.x1.arrays, self.library)
        return left, left if self.x2 is None else own_numbers(self.plan, self.x2.arrays, self.library)

    def _run(self, code: Lowered) -> tuple[Array, bool, bool]:
        """The numbers, whether angles near π were met, and whether all numbers are known to be finite."""
        if self.settings.backend == "numba":
            from tpproof.numerics.tiles.engine import Engine

            engine = Engine(
                fast=code.fast,
                careful=code.careful,
                x1=joined(self.x1),
                x2=None if self.x2 is None else joined(self.x2),
                grams=code.grams,
                excesses=code.excesses,
                rows=code.rows,
                cols=code.cols,
                tables=code.tables,
                transposes=self._transposes(),
                dtype=self.settings.dtype,
                threads=self.settings.threads,
            )
            found, met = engine.watched()
            return found, met.opposite > 0, met.infinite == 0
        from tpproof.numerics.tiles.namespaces import namespace, run_code

        second = self.x1 if self.x2 is None else self.x2
        xp = namespace(self.settings.backend)
        return *run_code(xp, code, joined(self.x1), joined(second), self.settings.dtype), False

    def _transposes(self) -> list[int]:
        """For every computed number, the one that it is below the diagonal: K_op(x, x') = K_po(x', x)."""
        place = {slot: k for k, slot in enumerate(self.slots)}
        return [place[name, p, o] for name, o, p in self.slots]

    def _integrated(self) -> dict[str, Values]:
        """Pair by pair, with adaptive quadrature where nothing better is known."""
        n1, n2 = self.left.count, self.right.count
        left, right = self._with_errors()
        rows, cols = self._places(n1, n2)
        wanted = [s for s in self.wanted if s is not None]
        value, error = (np.zeros((len(self.slots), n1, n2)) for _ in range(2))
        for start in range(0, len(rows), CHUNK):
            i, j = rows[start : start + CHUNK], cols[start : start + CHUNK]
            pairs = Pairs(left, right, i, j, self.settings.rtol * SHARE)
            found, errors = pairs.numbers(wanted)
            for k, s in enumerate(self.wanted):
                if s is not None:
                    value[k, i, j], error[k, i, j] = found[s], errors[s]
        if self.x2 is None:
            low = np.tril_indices(n1, -1)
            for whole in (value, error):
                upper = whole.copy()
                for k, other in enumerate(self._transposes()):
                    whole[k][low] = upper[other].T[low]
        shape = (n1, n2, self.outputs, self.outputs)
        each = self.outputs**2
        return {
            name: Values(
                np.moveaxis(value[k * each : (k + 1) * each], 0, -1).reshape(shape),
                error=np.moveaxis(error[k * each : (k + 1) * each], 0, -1).reshape(shape),
            )
            for k, name in enumerate(self.names)
        }

    def _places(self, n1: int, n2: int) -> tuple[Any, Any]:
        if self.x2 is None:
            return np.triu_indices(n1)
        i, j = np.indices((n1, n2))
        return i.ravel(), j.ravel()


def _relative_error(v: Values, left: Array, right: Array) -> float:
    """The largest error over left[i, o] · right[j, p]; where that is 0 the error is too, or there is no bound."""
    if v.bounds is not None:
        return max(
            (_outer(b, left[:, o], right[:, p]) for o, row in enumerate(v.bounds()) for p, b in enumerate(row)),
            default=0.0,
        )
    size = np.einsum("io,jp->ijop", left, right)
    error = v.errors()
    ratio = np.divide(error, size, out=np.where(error > 0, np.inf, 0.0), where=size > 0)
    return float(np.max(ratio, initial=0.0))


def _outer(bound: Bound, left: Array, right: Array) -> float:
    sides = [
        np.divide(b, s, out=np.where(b > 0, np.inf, 0.0), where=s > 0)
        for b, s in ((bound.left, left), (bound.right, right))
    ]
    return bound.error * float(np.max(sides[0], initial=0.0) * np.max(sides[1], initial=0.0)) if bound.error else 0.0


def require_squares(inputs: InputArrays) -> None:
    """Raise E152 for a part that is not 0 but so small that its square is, or has lost digits."""
    for declared, x in zip(inputs.inputs, inputs.arrays, strict=True):
        largest = np.abs(x).max(axis=2)
        small = np.argwhere((largest > 0) & (largest < SMALLEST))
        if len(small):
            found = (
                f"input {int(small[0][0])} of {declared.name}, whose largest entry is {largest[tuple(small[0])]:.3g}"
            )
            raise TpproofError("E152", found, f"entries whose squares a float can hold, at least {SMALLEST:.0e}")


def joined(inputs: InputArrays) -> Array:
    """(N, all parts, d): every input's parts in order, padded with zeros to the largest d."""
    if len(inputs.arrays) == 1:
        return inputs.arrays[0]
    widest = max(inputs.dimensions)
    padded = [np.pad(a, ((0, 0), (0, 0), (0, widest - a.shape[2]))) for a in inputs.arrays]
    return np.concatenate(padded, axis=1)


def require_finite(values: dict[str, Values]) -> None:
    """Raise E152 for an entry that is not finite."""
    for name, v in values.items():
        if not v.finite and not np.isfinite(v.value).all():
            first = tuple(int(i) for i in np.argwhere(~np.isfinite(v.value))[0])
            raise TpproofError("E152", f"{name}{list(first[:2])}, which is not finite", "values that a float can hold")
