# Renamings that leave the network as it is, and the exchange of ξ̃ and ξ. Every rule reads only how the network is built
# and treats ξ̃ and ξ alike, so a derivation renamed throughout is a derivation: one step stands for its images.

from typing import Any

from .network import Atom, Network, values
from .report import exactly, require


class Symmetry:
    # For each input part (in order), node, output and parameter its image; whether ξ̃ and ξ change places.
    def __init__(self, net: Network, value: Any) -> None:
        found = values(value, ("inputs", "nodes", "outputs", "parameters", "mirror"), "a symmetry", "symmetry")
        inputs, self.nodes, outputs, self.parameter, self.mirror = found
        sizes = sum(net.parts), len(net.nodes), len(net.outputs), len(net.parameters)
        for moved, size in zip(found[:4], sizes, strict=True):
            valid = type(moved) is list and len(moved) == size and {*map(type, moved)} <= {int}
            require(valid and sorted(moved) == [*range(size)], "symmetry", f"a permutation of {size}", moved)
        # ξ̃ and ξ change places alone: (107) at g is about all J(g,k); exchanged it would be about J(k,g), not be (107).
        alone = self.mirror is False or (self.mirror is True and found[:4] == [[*range(size)] for size in sizes])
        require(alone, "symmetry", "mirror: false, or true where nothing moves", self.mirror)
        parts = [(i, j) for i, count in enumerate(net.parts) for j in range(count)]
        self.part = {part: parts[k] for part, k in zip(parts, inputs, strict=True)}
        exactly("symmetry", "parameters", net.parameters, [net.parameters[q] for q in self.parameter])
        exactly("symmetry", "nodes", [*map(self._node, net.nodes)], [_sorted(net.nodes[k]) for k in self.nodes])
        for (terms, bias), o in zip(net.outputs, outputs, strict=True):
            moved = {self.parameter[v]: self.ref(x) for v, x in terms.items()}
            there = moved, None if bias is None else self.parameter[bias]
            require(there == net.outputs[o], "symmetry", f"output {o} as the image of one", [*there])

    def _node(self, node: list[Any]) -> list[Any]:
        match node:
            case ["embed", p, i, part]: return ["embed", self.parameter[p], *self.part[i, part]]
            case ["param", p]: return ["param", self.parameter[p]]
            case ["matmul", p, t, x]: return ["matmul", self.parameter[p], t, self.ref(x)]
            case ["mean" | "pow" as op, x, *e]: return [op, self.ref(x), *e]
            case ["add" | "mul" as op, xs]: return [op, sorted(map(self.ref, xs))]
            case ["call", f, xs]: return ["call", f, [*map(self.ref, xs)]]
        return node

    # What a reference, a pair or an atom becomes.
    def ref(self, r: int) -> int: return int(self.nodes[r] if r >= 0 else -1 - self.nodes[-1 - r])

    def pair(self, a: int, b: int) -> tuple[int, int]:
        return (self.ref(b), self.ref(a)) if self.mirror else (self.ref(a), self.ref(b))

    def atom(self, atom: Atom) -> Atom:
        match atom:
            case ("sigma2" | "kappa" as op, p, t): return op, self.parameter[p], t
            case ("slope1" | "response" | "scalar" as op, s, *refs): return op, s ^ self.mirror, *map(self.ref, refs)
            case ("gram", i, j, k, m): moved = [*self.part[i, j], *self.part[k, m]]
            case (_, *refs): moved = [*map(self.ref, refs)]
        half = len(moved) // 2 if self.mirror else 0  # first what is at ξ̃, then what is at ξ (a number is at neither)
        return atom[0], *moved[half:], *moved[:half]


# A node with the arguments of a sum or product in order.
def _sorted(node: list[Any]) -> list[Any]: return [node[0], sorted(node[1])] if node[0] in ("add", "mul") else node
