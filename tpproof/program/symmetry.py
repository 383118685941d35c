"""Symmetries of a program: renamings that leave it as it is, and the exchange of ξ̃ and ξ.

Every rule of the proof reads only how the program is built, and treats ξ̃ and ξ alike; so a derivation in which a
symmetry has renamed everything is a derivation, and one pair of vectors stands for its whole orbit (docs/proof.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tpproof.program.atoms import Atom, Pair, Ref, Term, Terms, weight
from tpproof.program.model import Node, Output, Parameter, Program

Part = tuple[int, int]
"""(input, part)."""


@dataclass(frozen=True)
class Symmetry:
    """Where each input part, node, output and parameter goes; ``mirror`` if ξ̃ and ξ change places too.

    ``inputs`` numbers the parts of all inputs in order.
    """

    inputs: tuple[int, ...]
    nodes: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: tuple[int, ...]
    parts: tuple[Part, ...] = field(repr=False)  # what `inputs` numbers
    mirror: bool = False

    @cached_property
    def _part(self) -> dict[Part, Part]:
        return {part: self.parts[self.inputs[k]] for k, part in enumerate(self.parts)}

    def part(self, i: int, j: int) -> Part:
        return self._part[i, j]

    def ref(self, r: Ref) -> Ref:
        """Where a vector, or the hat of a G-var, goes."""
        return self.nodes[r] if r >= 0 else ~self.nodes[~r]

    def pair(self, pair: Pair) -> Pair:
        """Where a vector at ξ̃ and a vector at ξ go."""
        a, b = self.ref(pair[0]), self.ref(pair[1])
        return (b, a) if self.mirror else (a, b)

    def atom(self, atom: Atom) -> Atom:
        """The expectation of what its vectors become."""
        kind, *numbers = atom
        r = [int(n) for n in numbers]
        match kind:
            case "sigma2" | "kappa":
                return (kind, self.parameters[r[0]], r[1])
            case "number":
                return (kind, self.nodes[r[0]])
            case "slope1" | "response" | "scalar":
                return (kind, r[0] ^ self.mirror, *map(self.ref, r[1:]))
        moved = [*self.part(*r[:2]), *self.part(*r[2:])] if kind == "gram" else [self.ref(n) for n in r]
        half = len(moved) // 2
        return (kind, *moved[half:], *moved[:half]) if self.mirror else (kind, *moved)

    def term(self, term: Term) -> Term:
        return weight(map(self.atom, term[0])), None if term[1] is None else self.pair(term[1])

    def to_json(self) -> dict[str, Any]:
        """As certificates have it."""
        moved = {key: list(getattr(self, key)) for key in ("inputs", "nodes", "outputs", "parameters")}
        return {**moved, "mirror": self.mirror}

    def holds(self, program: Program) -> bool:
        """Whether the program stays what it is."""
        return (
            all(_alike(program.parameters[p], program.parameters[q]) for p, q in enumerate(self.parameters))
            and all(self._node(n) == _normal(program.nodes[self.nodes[k]]) for k, n in enumerate(program.nodes))
            and all(self._output(out) == program.outputs[self.outputs[o]] for o, out in enumerate(program.outputs))
        )

    def _node(self, node: Node) -> Node:
        data = node.data
        if node.op == "embed":
            data = (self.parameters[data[0]], *self.part(*data[1:]))
        elif node.op in ("param", "matmul"):
            data = (self.parameters[data[0]], *data[1:])
        return _normal(Node(node.op, tuple(self.nodes[a] for a in node.args), data))

    def _output(self, out: Output) -> Output:
        terms = sorted((self.parameters[v], self.nodes[x]) for v, x in out.terms)
        return Output(tuple(terms), None if out.bias is None else self.parameters[out.bias])


def _alike(p: Parameter, q: Parameter) -> bool:
    """Whether two parameters differ in their names only."""
    return (p.kind, p.std, p.scale, p.lr, p.rows, p.cols) == (q.kind, q.std, q.scale, q.lr, q.rows, q.cols)


def _normal(node: Node) -> Node:
    """Sums and products in one order."""
    return Node(node.op, tuple(sorted(node.args)), node.data) if node.op in ("add", "mul") else node


def parts_of(program: Program) -> tuple[Part, ...]:
    """The parts of all inputs, in order."""
    return tuple((i, j) for i, one in enumerate(program.inputs) for j in range(one.parts))


def exchange(program: Program) -> Symmetry:
    """The symmetry that every program has: ξ̃ and ξ change places."""
    parts = parts_of(program)
    things = (parts, program.nodes, program.outputs, program.parameters)
    inputs, nodes, outputs, parameters = (tuple(range(len(those))) for those in things)
    return Symmetry(inputs, nodes, outputs, parameters, parts, mirror=True)


class Orbits:
    """The orbits of pairs of vectors under the group that some symmetries generate; each pair its own under none."""

    def __init__(self, symmetries: tuple[Symmetry, ...] = ()) -> None:
        self.symmetries = symmetries
        self._representative: dict[Pair, Pair] = {}

    def representative(self, pair: Pair) -> Pair:
        """The pair that stands for the orbit: its least."""
        if not self.symmetries:
            return pair
        known = self._representative.get(pair)
        if known is None:
            orbit = [image for image, _ in self.images(pair)]
            known = min(orbit)
            self._representative.update(dict.fromkeys(orbit, known))
        return known

    def stands(self, pair: Pair) -> bool:
        """Whether this pair stands for its orbit."""
        return self.representative(pair) == pair

    def images(self, pair: Pair, terms: Terms = ()) -> Iterator[tuple[Pair, Terms]]:
        """Every pair of the orbit, once, with what a sum for `pair` becomes there."""
        found = [(pair, terms)]
        seen = {pair}
        for at, sum_there in found:  # grows while it is read
            yield at, sum_there
            for symmetry in self.symmetries:
                image = symmetry.pair(at)
                if image not in seen:
                    seen.add(image)
                    found.append((image, tuple(map(symmetry.term, sum_there))))


NO_SYMMETRY = Orbits()
