"""What vectors and scalars are, what only one of them reads written into it."""

from __future__ import annotations

from tpproof.documents.derivation.names import Names
from tpproof.documents.formula import Call, Formula, Mean, Name, Power, letter, product, total
from tpproof.program.model import Kind

NESTED = 4
"""Definitions that stand inside each other."""
WRITTEN = ("add", "mul", "pow", "call", "mean")
"""Instructions that may be written into the one that reads them."""


class Definitions:
    """The right sides of instructions.

    A function or a scalar that one other function or scalar alone reads is written into it; Gaussian vectors are not,
    since expectations are over them.
    """

    def __init__(self, names: Names) -> None:
        self.program, self._reduced = names.program, names.reduced
        self._inside: set[int] = set()
        readers: dict[int, list[int]] = {}
        for k, node in enumerate(self.program.nodes):
            for a in dict.fromkeys(node.args):
                readers.setdefault(a, []).append(k)
        outputs = {x for out in self.program.outputs for _, x in out.terms}
        depth: dict[int, int] = {}
        for k, node in enumerate(self.program.nodes):
            below = max((depth.get(a, 0) for a in node.args), default=0)
            read = readers.get(k, [])
            if k not in outputs and len(read) == 1 and below < NESTED and self._may(k, read[0]):
                depth[k] = below + 1
                self._inside.add(k)

    def _may(self, k: int, reader: int) -> bool:
        node = self.program.nodes[k]
        vector = self.program.kinds[k] is Kind.VECTOR
        gaussian = vector and self._reduced.g_linear(k)
        return node.op in WRITTEN and self.program.nodes[reader].op in WRITTEN and not gaussian

    def formula(self, names: Names, k: int) -> Formula:
        """The definition of node k."""
        node = self.program.nodes[k]
        if node.op not in WRITTEN:
            return names.definition(k)
        args = [self.formula(names, a) if a in self._inside else names.vector(a) for a in node.args]
        match node.op:
            case "add":
                return total(args)
            case "mul":
                return product(args)
            case "pow":
                return Power(args[0], str(node.data[0]))
            case "mean":
                return Mean(args[0])
        return Call(Name(letter(node.data[0])), tuple(args))

    def mentions(self, k: int) -> list[int]:
        """The vectors and scalars that stand in the definition of node k."""
        found: list[int] = []
        for a in self.program.nodes[k].args:
            found += self.mentions(a) if a in self._inside else [a]
        return found

    def inside(self, k: int) -> list[int]:
        """The nodes that are written into the definition of node k."""
        own = [a for a in self.program.nodes[k].args if a in self._inside]
        return [*own, *(b for a in own for b in self.inside(a))]
