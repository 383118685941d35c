"""What is worth comparing in a network: every kind of number, at a few pairs of inputs, evenly over the program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias, TypeVar

import numpy as np

from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.crosscheck.expected.limit_values import InputPair, PairNumbers, Sampling, replicates
from tpproof.numerics.crosscheck.expected.names import named
from tpproof.numerics.crosscheck.expected.structure import Structure
from tpproof.numerics.crosscheck.expected.trajectories import execution_of
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.program.model import Kind as NodeKind
from tpproof.proof.prove import Execution, Proof

ALWAYS = (Kind.KERNEL, Kind.OUTPUT_CHANGE, Kind.TRAJECTORY)
"""Kinds of which none is left out, but kernels of pairs of many outputs."""
PARTNERS = 4
"""G-vars of one symbol that a G-var is paired with."""
OUTPUT_PAIRS = 16
"""Pairs of outputs whose kernels are looked at."""
ROWS = 12
"""Error signals of one symbol that a change is projected on."""
CONDITION = 200.0
"""Error signals whose correlations have a larger condition number are as good as dependent."""
PILOT = 2**8
Key: TypeAlias = tuple[int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """The quantities of one cross-check, and what there would have been more: of each kind, and pairs of outputs."""

    quantities: tuple[Quantity, ...]
    left_out: dict[Kind, int]
    output_pairs_left_out: int = 0


def input_pairs(setting: Setting) -> list[InputPair]:
    """The pairs of inputs of all kinds but kernels and trajectories: (ξ̃, ξ) and (ξ, ξ)."""
    return [(0, 1), (1, 1)] if len(setting.inputs) > 1 else [(0, 0)]


def choose(proof: Proof, setting: Setting, most: int = 400, limits: Limits = DEFAULT) -> Choice:
    """The quantities of a network that was proved, in any way.

    Left out is what every finite network has exactly (zeros where nothing is connected, numbers without variance), and
    what flows through Moments only: 0 in the limit, and at width n of order 1/n, as large as it fluctuates. Both are
    decided by the program alone (`Structure`), not by what the proof says.
    Of more than `most` quantities, some of each kind are left out, evenly over the program; never kernels,
    changes of outputs and trajectories.

    Raises
    ------
    TpproofError
        E150 for a refused network or an abstract nonlinearity, E151 for a setting that does not fit the network.
    """
    execution = execution_of(proof)
    pilot = next(iter(replicates(execution, setting, input_pairs(setting), Sampling(PILOT, 2), limits)))
    every = _Candidates(execution, setting, pilot)
    candidates = every.all()
    room = most - sum(len(candidates[kind]) for kind in ALWAYS)
    shares = _shares({k: len(c) for k, c in candidates.items() if k not in ALWAYS}, max(0, room))
    contracted = bool(execution.form.contractions)
    found: list[Quantity] = []
    for kind, keys in candidates.items():
        kept = evenly(keys, shares.get(kind, len(keys)))
        found += [named(proof.program, kind, key, contracted) for key in kept]
    left_out = {kind: len(candidates[kind]) - share for kind, share in shares.items() if share < len(candidates[kind])}
    return Choice(tuple(found), left_out, every.outputs_left_out)


def evenly(things: Sequence[T], count: int) -> list[T]:
    """`count` of them, the first and the last among them (if there are two), the others evenly between."""
    if len(things) <= count:
        return list(things)
    return [things[int(k)] for k in np.rint(np.linspace(0, len(things) - 1, count))]


def _shares(sizes: dict[Kind, int], room: int) -> dict[Kind, int]:
    """How many of each kind: the same number of each, what small kinds do not need going to the others."""
    shares = dict.fromkeys(sizes, 0)
    while room > 0 and (hungry := [k for k in sizes if shares[k] < sizes[k]]):
        each = max(1, room // len(hungry))
        for kind in hungry:
            more = min(each, sizes[kind] - shares[kind], room)
            shares[kind] += more
            room -= more
    return shares


class _Candidates:
    """Keys of all quantities of one network, kind by kind, in program order."""

    def __init__(self, execution: Execution, setting: Setting, pilot: dict[InputPair, PairNumbers]) -> None:
        self.execution, self.form, self.setting, self.pilot = execution, execution.form, setting, pilot
        self.program, self.slopes = execution.form.program, setting.slopes
        self.structure = Structure(self.program)
        self.pairs, self.outputs = input_pairs(setting), range(len(self.program.outputs))
        self.classes: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for g in self.program.gvars:
            self.classes[self.program.symbol(g)].append(g)

    def all(self) -> dict[Kind, list[Key]]:
        """Every kind with its keys."""
        makers = {
            Kind.KERNEL: self.kernels,
            Kind.PARAMETER: self.parameters,
            Kind.MEAN: self.means,
            Kind.MOMENT2: self.moments,
            Kind.MOMENT4: self.means,
            Kind.SCALAR: self.scalars,
            Kind.SIGNAL: self.signals,
            Kind.SLOPE: self.path_slopes,
            Kind.CHANGE: self.changes,
            Kind.RESPONSE: self.responses,
            Kind.OUTPUT_CHANGE: self.output_changes,
            Kind.TRAJECTORY: self.trajectories,
        }
        return {kind: list(dict.fromkeys(make())) for kind, make in makers.items()}

    # kernels and outputs ------------------------------------------------------------------------------

    def output_pairs(self) -> list[tuple[int, int]]:
        """Pairs of outputs whose kernel is no exact number."""
        found = self._sharing
        own, mixed = [(o, p) for o, p in found if o == p], [(o, p) for o, p in found if o != p]
        if len(found) <= OUTPUT_PAIRS:
            return found
        own = evenly(own, OUTPUT_PAIRS // 2)
        return sorted([*own, *evenly(mixed, OUTPUT_PAIRS - len(own))])

    @cached_property
    def _sharing(self) -> list[tuple[int, int]]:
        return [(o, p) for o in self.outputs for p in self.outputs if self.structure.shared(o, p)]

    @property
    def outputs_left_out(self) -> int:
        """How many pairs of outputs `output_pairs` leaves out."""
        return len(self._sharing) - len(self.output_pairs())

    def kernels(self) -> Iterator[Key]:
        count = len(self.setting.inputs)
        for i in range(count):
            for j in range(i, count):
                yield from ((o, p, i, j) for o, p in self.output_pairs() if i < j or o <= p)

    def parameters(self) -> Iterator[Key]:
        for o, p in self.output_pairs():
            for q in self.structure.shared(o, p):
                yield from ((q, o, p, i, j) for i, j in self.pairs if i < j or o <= p)

    def output_changes(self) -> Iterator[Key]:
        for i, j in self.pairs:
            yield from ((o, i, j) for o in self.outputs if any(self._moved_by(o)))

    def _moved_by(self, o: int) -> list[int]:
        return [q for p, slope in enumerate(self.slopes) if slope for q in self.structure.shared(o, p)]

    def trajectories(self) -> Iterator[Key]:
        count = len(self.setting.inputs)
        if count > 1:
            yield from product(range(1, self.setting.steps + 1), self.outputs, range(count))

    # the limit law ------------------------------------------------------------------------------------

    def _vectors(self) -> list[int]:
        """G-vars, and what matrices, readouts and Moments read, where they vary."""
        found = sorted({*self.program.gvars, *self.structure.read()})
        return [x for x in found if x not in self.structure.fixed]

    def means(self) -> Iterator[Key]:
        for x in self._vectors():
            instances = sorted({i for pair in self.pairs for i in pair}) if self.structure.reads_input[x] else [0]
            yield from ((x, i) for i in instances)

    def moments(self) -> Iterator[Key]:
        """Each vector with itself, and with some of those that the same matrices and readouts multiply."""
        vectors = self._vectors()
        alike: dict[int, set[int]] = defaultdict(set)
        varying = set(vectors)
        for members in [*self.classes.values(), *self._read_together()]:
            inside = [x for x in members if x in varying]
            for x in inside:
                alike[x].update(y for y in self._partners(x, inside) if y >= x)
        for x in vectors:
            for y in sorted({x, *alike[x]}):
                pairs = self.pairs if self.structure.reads_input[x] or self.structure.reads_input[y] else self.pairs[:1]
                yield from ((x, y, i, j) for i, j in pairs)

    def _read_together(self) -> Iterator[list[int]]:
        for members in self.classes.values():
            read = [self.program.nodes[g].args for g in members]
            yield sorted({args[0] for args in read if args})

    def _partners(self, x: int, members: Sequence[int]) -> list[int]:
        """Some of `members`, x among them."""
        if len(members) <= PARTNERS:
            return list(members)
        others = [y for y in members if y != x]
        return sorted([x, *evenly(others, PARTNERS - 1)])

    def scalars(self) -> Iterator[Key]:
        for k, kind in enumerate(self.program.kinds):
            if kind is NodeKind.SCALAR and k not in self.structure.fixed:
                instances = sorted({i for pair in self.pairs for i in pair}) if self.structure.reads_input[k] else [0]
                yield from ((k, i) for i in instances)

    # error signals and changes ------------------------------------------------------------------------

    def _above(self, g: int) -> list[int]:
        """Some outputs that a G-var reaches."""
        return evenly([o for o in self.outputs if self.structure.reaches(g, o)], 2)

    def signals(self) -> Iterator[Key]:
        for g in self.program.gvars:
            for k in self._partners(g, self.classes[self.program.symbol(g)]):
                for (i, j), o, p in product(self.pairs, self._above(g), self._above(k)):
                    if i < j or (g, o) <= (k, p):
                        yield g, o, i, k, p, j

    def path_slopes(self) -> Iterator[Key]:
        atoms = {a for terms in self.execution.sums.values() for weight, _ in terms for a in weight if a[0] == "slope"}
        for i, j in self.pairs:
            law = self.pilot[i, j].law
            for atom in sorted(atoms):
                x, a, y, b = (int(r) for r in atom[1:])
                if a < 0 or b < 0 or self._contracts(x) or self._contracts(y):
                    continue
                one, two = (law.slopes(s, r)[self.form.frontier(r).index(c)] for s, r, c in ((0, x, a), (1, y, b)))
                if np.ptp(one * two) > 1e-12:
                    yield x, a, y, b, i, j

    def _contracts(self, x: int) -> bool:
        """Whether a contracted MatMul lies between a vector and the Gaussians that it is made of."""
        stack, seen = [x], {x}
        while stack:
            k = stack.pop()
            if k in self.form.contractions:
                return True
            if self.program.kinds[k] is not NodeKind.VECTOR or self.form.g_linear(k):
                continue
            fresh = [a for a in self.program.nodes[k].args if a not in seen]
            seen.update(fresh)
            stack += fresh
        return False

    def changes(self) -> Iterator[Key]:
        for (i, j), g in product(self.pairs, self.program.gvars):
            if self.structure.moves(g, self.slopes):
                for k in self._partners(g, self.classes[self.program.symbol(g)]):
                    yield from ((g, i, k, p, j) for p in self._above(k))

    def responses(self) -> Iterator[Key]:
        if self.form.contractions:
            return
        for (i, j), members in product(self.pairs, self.classes.values()):
            basis = [(k, q) for k in members for q in self.outputs if self.structure.reaches(k, q)]
            if basis and len(basis) <= ROWS and self._independent(basis, j):
                # what an embedding or a vector parameter answers, −χκ ξᵀξ'/d or −χκ, is exact at every width
                matmuls = [g for g in members if self.program.nodes[g].op == "matmul"]
                moved = [g for g in matmuls if self.structure.moves(g, self.slopes)]
                yield from ((g, i, k, p, j) for g in moved for k, p in basis)

    def _independent(self, basis: list[tuple[int, int]], j: int) -> bool:
        """Whether the error signals at input j are linearly independent in the limit."""
        numbers = self.pilot[j, j]
        gram = np.array([[numbers.signal(k, m)[p, q] for m, q in basis] for k, p in basis])
        size = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
        if not (size > 0).all():
            return False
        return bool(np.linalg.eigvalsh(gram / np.outer(size, size))[0] > 1 / CONDITION)
