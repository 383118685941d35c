"""The numbers of a proof at one pair of inputs, on one set of points: C, D, kernels, moments, slopes.

C is the recursion that was proved (every sum of the pair graph), D that of the error signals, with what the outputs
read; atoms are numbers of the `Law`. An atom ("factor", a, b), which no proof has, is a/b: see `altered`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limit.backward import Signal
from tpproof.limits import Limits
from tpproof.numerics.crosscheck.quantities import Setting
from tpproof.numerics.functions import Array, require_known
from tpproof.numerics.sampling.law import Law
from tpproof.numerics.sampling.path_sums import PathSums, output_moments
from tpproof.numerics.sampling.sample import (
    MIN_REPLICATES,
    dimensions_of,
    gram_matrix,
    normal_points,
    require_room,
)
from tpproof.program.atoms import Atom, Pair, Ref, Terms
from tpproof.program.constants import to_float
from tpproof.program.model import Program
from tpproof.program.symmetry import Orbits, Symmetry
from tpproof.proof.prove import Execution

POINTS, FEWEST = 2**14, 2**8
"""Of a replicate, where none are asked for."""
InputPair: TypeAlias = tuple[int, int]
"""(i, j): input i at instance 0, input j at instance 1."""


def every_signal(execution: Execution) -> dict[Pair, Signal]:
    """D of every pair, each after those it rests on: of the pairs that stand for an orbit, and of their images."""
    if not execution.orbits.symmetries:
        return execution.signals
    orbits = execution.orbits
    return {image: signal for pair, own in execution.signals.items() for image, signal in _images(orbits, pair, own)}


def _images(orbits: Orbits, pair: Pair, own: Signal) -> Iterator[tuple[Pair, Signal]]:
    found, seen = [(pair, own)], {pair}
    for at, signal in found:  # grows while it is read
        yield at, signal
        for symmetry in orbits.symmetries:
            image = symmetry.pair(at)
            if image not in seen:
                seen.add(image)
                found.append((image, _renamed(symmetry, signal)))


def _renamed(symmetry: Symmetry, signal: Signal) -> Signal:
    reads = []
    for v, o, p in signal.reads:
        first, second = symmetry.outputs[o], symmetry.outputs[p]
        reads.append((symmetry.parameters[v], *((second, first) if symmetry.mirror else (first, second))))
    return Signal(tuple(map(symmetry.term, signal.terms)), tuple(sorted(reads)))


class PairNumbers(PathSums):
    """What one `Law` says.

    Parameters
    ----------
    execution
        Of the proof.
    signals
        `every_signal` of it, made once.
    law
        The Z's at inputs i (instance 0) and j (instance 1).
    """

    def __init__(self, execution: Execution, signals: dict[Pair, Signal], law: Law) -> None:
        super().__init__(law, execution)
        self._every_signal = signals

    def _value(self, atom: Atom) -> float:
        return int(atom[1]) / int(atom[2]) if atom[0] == "factor" else super()._value(atom)

    def path_sum(self, a: Ref, b: Ref) -> float:
        """C(a, b), a at input i and b at input j; 0 where no paths are isomorphic."""
        found = self.sums.get((a, b))
        return 0.0 if found is None else float(found.sum())

    @cached_property
    def output_moments(self) -> Array:
        """``[o, p]``: E[f_o(ξ_i) f_p(ξ_j)] at the start."""
        return output_moments(self.law)

    @cached_property
    def _signals(self) -> dict[Pair, Array]:
        count = len(self.program.outputs)
        found: dict[Pair, Array] = {}
        for pair, signal in self._every_signal.items():
            total = np.zeros((count, count))
            for v, o, p in signal.reads:
                total[o, p] += to_float(self.program.parameters[v].variance())
            for weight, ref in signal.terms:
                assert ref is not None  # what outputs read stands in `reads`
                total += math.prod(self.number(a) for a in weight) * found[ref]
            found[pair] = total
        return found

    def signal(self, a: Ref, b: Ref) -> Array:
        """``[o, p]``: D(a, b) = E[Z^{dᵒa} Z^{dᵖb}] of two G-vars with one symbol."""
        count = len(self.program.outputs)
        return self._signals.get((a, b), np.zeros((count, count)))

    def weight(self, pair: Pair, before: Pair | None) -> float:
        """With which C of one pair stands in C of another, or with which paths start there (None); 0 if none do."""
        return self._weight_in(self.execution.every_sum.get(pair, ()), before)

    def readout_weight(self, o: int, p: int, pair: Pair) -> float:
        """With which C of a pair that outputs o and p read stands in K_op."""
        return self._weight_in(self.execution.kernels.get((o, p), ()), pair)

    def readout_start(self, o: int, p: int, x: int, y: int) -> float:
        """The terms κ E[Z^x Z^y] of K_op."""
        terms = self.execution.kernels.get((o, p), ())
        return self._weight_in(tuple(t for t in terms if ("moment2", x, y) in t[0]), None)

    def _weight_in(self, terms: Terms, before: Pair | None) -> float:
        return sum((math.prod(self.number(a) for a in weight) for weight, ref in terms if ref == before), 0.0)


@dataclass(frozen=True)
class Sampling:
    """How expectations are sampled: randomised quasi-Monte Carlo.

    Attributes
    ----------
    points
        Of each replicate, a power of 2. None: as many as the limits have room for, at most `POINTS`.
    replicates
        Independent scramblings; their spread is the error.
    seed
        Of the scramblings.
    """

    points: int | None = None
    replicates: int = 16
    seed: int = 0


def replicates(
    execution: Execution, setting: Setting, pairs: Collection[InputPair], sampling: Sampling, limits: Limits
) -> Iterator[dict[InputPair, PairNumbers]]:
    """For each replicate, the numbers at every pair of inputs, all from the same points.

    Raises
    ------
    TpproofError
        E104 when the sample would be too large, E150 when a nonlinearity is abstract, E151 for a setting that does
        not fit the network or a wrong number of points.
    """
    program = execution.form.program
    require_known(program)
    inputs = checked_inputs(program, setting)
    points, dimensions = _points(execution, sampling, len(pairs), limits), dimensions_of(execution.form)
    signals = every_signal(execution)
    for stream in np.random.default_rng(sampling.seed).spawn(sampling.replicates):
        normals = normal_points(dimensions, points, stream)
        with np.errstate(all="ignore"):  # what is not finite is seen in the quantities
            laws = {(i, j): Law(execution.form, gram_matrix(inputs[i], inputs[j]), normals) for i, j in pairs}
            yield {pair: PairNumbers(execution, signals, law) for pair, law in laws.items()}


def _points(execution: Execution, sampling: Sampling, pairs: int, limits: Limits) -> int:
    """How many points a replicate has."""
    points = sampling.points
    if sampling.replicates < MIN_REPLICATES or (points is not None and (points < 2 or points & (points - 1))):
        found = f"{points} points, {sampling.replicates} replicates"
        raise TpproofError("E151", found, f"a power of 2, at least {MIN_REPLICATES} replicates")
    tried = points or POINTS
    while True:
        try:
            dimensions = dimensions_of(execution.form)
            require_room(execution.form, execution, tried * max(1, pairs), dimensions, limits)
            return tried
        except TpproofError:
            if points is not None or tried <= FEWEST:
                raise
            tried //= 2


def checked_inputs(program: Program, setting: Setting) -> Array:
    """The inputs of a setting, (N, parts, d).

    Raises
    ------
    TpproofError
        E151 for a setting that does not fit the network.
    """
    parts, outputs = sum(i.parts for i in program.inputs), len(program.outputs)
    shapes = {tuple(map(len, one)) for one in setting.inputs}
    fits = len(shapes) == 1 and all(len(set(s)) == 1 and len(s) == parts and s[0] > 0 for s in shapes)
    if not fits or len(setting.slopes) != outputs:
        raise TpproofError("E151", "a setting of another shape", f"inputs of {parts} parts, {outputs} slopes")
    if len(setting.targets) != len(setting.inputs) or any(len(y) != outputs for y in setting.targets):
        raise TpproofError("E151", "targets of another shape", f"{outputs} numbers for each input")
    found = np.array(setting.inputs, dtype=np.float64)
    if not np.isfinite(found).all():
        raise TpproofError("E151", "an input that is not finite", "numbers")
    return found
