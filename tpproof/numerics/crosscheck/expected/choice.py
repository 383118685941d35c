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
from tpproof.numerics.crosscheck.expected.pair_steps import PairSteps
from tpproof.numerics.crosscheck.expected.structure import Structure
from tpproof.numerics.crosscheck.expected.trajectories import execution_of
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.program.model import Kind as NodeKind
from tpproof.proof.prove import Execution, Proof

ALWAYS = (Kind.KERNEL, Kind.OUTPUT_CHANGE, Kind.TRAJECTORY)
"""Kinds of which none is left out, but kernels of pairs of many outputs."""
PARTNERS = 4
"""Vectors that a vector is paired with in second moments."""
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


def choose(proof: Proof, setting: Setting, most: int = 20_000, limits: Limits = DEFAULT) -> Choice:
    """The quantities of a network that was proved, in any way.

    Left out is what every finite network has exactly (zeros where nothing is connected, numbers without variance), and
    what flows through Moments only: 0 in the limit, and at width n of order 1/n, as large as it fluctuates. Both are
    decided by the program alone (`Structure`), not by what the proof says: a term that it lost keeps its test.
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
        found += [named(proof.program, kind, key, contracted, every.exact(kind, key)) for key in kept]
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
        self.steps = PairSteps(self.form, self.structure)
        self._made_by_products: dict[int, bool] = {}
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
            Kind.MOMENT4: self.fourth_moments,
            Kind.SCALAR: self.scalars,
            Kind.SIGNAL: self.signals,
            Kind.START: self.path_starts,
            Kind.MATMUL: self.path_matrices,
            Kind.SUM: self.path_sums,
            Kind.SLOPE: self.path_slopes,
            Kind.READOUT_START: self.readout_starts,
            Kind.READOUT: self.readouts,
            Kind.CHANGE: self.changes,
            Kind.RESPONSE: self.responses,
            Kind.OUTPUT_CHANGE: self.output_changes,
            Kind.TRAJECTORY: self.trajectories,
        }
        return {kind: list(dict.fromkeys(make())) for kind, make in makers.items()}

    def exact(self, kind: Kind, key: Key) -> bool:
        """Whether every network has the same number, by the program."""
        structure, nodes = self.structure, self.program.nodes
        match kind:
            case Kind.KERNEL:
                return not structure.shared(key[0], key[1])
            case Kind.PARAMETER:
                return structure.exact_part(*key[:3])
            case Kind.START:
                read = {*nodes[key[0]].args, *nodes[key[1]].args}
                return nodes[key[0]].op != "matmul" or read <= {*structure.fixed}
            case Kind.SUM:
                return all(r in structure.fixed for z in {key[0], key[2]} for r in self._factors(z))
            case Kind.READOUT_START:
                return {key[1], key[3]} <= {*structure.fixed}
        return False

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
        return [(o, p) for o in self.outputs for p in self.outputs if self.structure.trained_in(o, p)]

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
            for q in self.structure.trained_in(o, p):
                yield from ((q, o, p, i, j) for i, j in self.pairs if i < j or o <= p)

    def output_changes(self) -> Iterator[Key]:
        for i, j in self.pairs:
            yield from ((o, i, j) for o in self.outputs if self._moved_by(o))

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

    def fourth_moments(self) -> Iterator[Key]:
        """But of products and powers: no sample of the limit knows fourth moments of such heavy tails."""
        return (key for key in self.means() if not self._multiplies(key[0]))

    def _multiplies(self, x: int) -> bool:
        """Whether a vector is made of G-vars by products or powers of vectors."""
        if x not in self._made_by_products:
            node, vectors = self.program.nodes[x], self._vectors_read(x)
            own = (node.op == "mul" and len(vectors) > 1) or (node.op == "pow" and bool(vectors))
            above = not self.form.g_linear(x)
            self._made_by_products[x] = above and (own or any(map(self._multiplies, vectors)))
        return self._made_by_products[x]

    def _vectors_read(self, x: int) -> list[int]:
        return [a for a in self.program.nodes[x].args if self.program.kinds[a] is NodeKind.VECTOR]

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
            for k in self.classes[self.program.symbol(g)]:
                for (i, j), o, p in product(self.pairs, self._above(g), self._above(k)):
                    if i < j or (g, o) <= (k, p):
                        yield g, o, i, k, p, j

    # the steps of paths: every term of every sum ------------------------------------------------------

    def path_starts(self) -> Iterator[Key]:
        nodes = self.program.nodes
        for g, k in self.steps.starts:
            exact = nodes[g].op == "param"
            yield from ((g, k, i, j) for i, j in (self.pairs[:1] if exact else self.pairs))

    def path_matrices(self) -> Iterator[Key]:
        """But of what is 0 at these inputs, such as a part of them that is 0."""
        nodes, law = self.program.nodes, self.pilot[self.pairs[0]].law
        for g, k in self.steps.through_matrices:
            read = {nodes[g].args[0], nodes[k].args[0]}
            if all(law.moment2(s, h, s, h) > 0 for h in read for s in (0, 1)):
                yield g, k

    def path_sums(self) -> Iterator[Key]:
        """Factors that are numbers are the same at all inputs."""
        for (x, y), (a, b) in self.steps.through_sums:
            exact = all(not self.structure.reads_input[r] for z in {x, y} for r in self._factors(z))
            yield from ((x, a, y, b, i, j) for i, j in (self.pairs[:1] if exact else self.pairs))

    def _factors(self, x: int) -> list[int]:
        node = self.program.nodes[x]
        return [r for r in node.args if self.program.kinds[r] is not NodeKind.VECTOR] if node.op == "mul" else []

    def path_slopes(self) -> Iterator[Key]:
        for i, j in self.pairs:
            yield from ((x, a, y, b, i, j) for (x, y), (a, b) in self.steps.through_nonlins)

    def readout_starts(self) -> Iterator[Key]:
        for o, x, p, y in self.steps.readouts:
            trained = any(self.program.parameters[v].trained for v, r in self.program.outputs[o].terms if r == x)
            if trained:
                yield from ((o, x, p, y, i, j) for i, j in self.pairs)

    def readouts(self) -> Iterator[Key]:
        return (key for key in self.steps.readouts if self.structure.moved_together(key[1], key[3]))

    def changes(self) -> Iterator[Key]:
        for (i, j), g in product(self.pairs, self.program.gvars):
            if self.structure.moves(g, self.slopes):
                for k in self.classes[self.program.symbol(g)]:
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
