# Renamings that leave the network as it is, and the exchange of ξ̃ and ξ. Every rule reads only how the network is built
# and treats ξ̃ and ξ alike, so a derivation renamed throughout is a derivation: one step stands for its images.

from typing import Any

from .network import Atom, Network, keys
from .report import exactly, require


class Symmetry:
    def __init__(self, net: Network, value: Any) -> None:
        parts = [(i, j) for i, count in enumerate(net.parts) for j in range(count)]
        sizes = {"inputs": len(parts), "nodes": len(net.nodes), "outputs": len(net.outputs)}
        sizes["parameters"] = len(net.parameters)
        keys(value, sizes.keys() | {"mirror"}, "a symmetry", "symmetry")
        for key, size in sizes.items():
            valid = type(value[key]) is list and {*map(type, value[key])} <= {int}
            require(valid and sorted(value[key]) == [*range(size)], "symmetry", f"{key}: a permutation", value[key])
        require(type(value["mirror"]) is bool, "symmetry", "mirror: true or false", value["mirror"])
        self.mirror, self.parameter = value["mirror"], value["parameters"]
        self.part = {part: parts[k] for part, k in zip(parts, value["inputs"], strict=True)}
        self.ref = {r: k for j, k in enumerate(value["nodes"]) for r, k in ((j, k), (-1 - j, -1 - k))}
        for p, q in enumerate(self.parameter):
            exactly("symmetry", f"parameter {q}", [*net.parameters[p]], [*net.parameters[q]])
        for j, node in enumerate(net.nodes):
            exactly("symmetry", f"node {self.ref[j]}", self._node(node), _sorted(net.nodes[self.ref[j]]))
        for (terms, bias), o in zip(net.outputs, value["outputs"], strict=True):
            moved = {self.parameter[v]: self.ref[x] for v, x in terms.items()}
            there = moved, None if bias is None else self.parameter[bias]
            require(there == net.outputs[o], "symmetry", f"output {o} as the image of one", [*there])

    def _node(self, node: list[Any]) -> list[Any]:
        match node:
            case ["embed", p, i, part]: return ["embed", self.parameter[p], *self.part[i, part]]
            case ["param", p]: return ["param", self.parameter[p]]
            case ["matmul", p, t, x]: return ["matmul", self.parameter[p], t, self.ref[x]]
            case ["mean" | "pow" as op, x, *e]: return [op, self.ref[x], *e]
            case ["add" | "mul" as op, xs]: return [op, sorted(self.ref[x] for x in xs)]
            case ["call", f, xs]: return ["call", f, [self.ref[x] for x in xs]]
        return node

    # The pair or the atom that a pair or an atom becomes.
    def pair(self, a: int, b: int) -> tuple[int, int]:
        return (self.ref[b], self.ref[a]) if self.mirror else (self.ref[a], self.ref[b])

    def atom(self, atom: Atom) -> Atom:
        match atom:
            case ("sigma2" | "kappa" as kind, p, t): return kind, self.parameter[p], t
            case ("number", k): return "number", self.ref[k]
            case ("slope1" | "response" | "scalar" as kind, s, *refs):
                return kind, s ^ self.mirror, *(self.ref[r] for r in refs)
            case ("gram", i, j, k, m): halves = [*self.part[i, j]], [*self.part[k, m]]
            case (_, *refs):
                half = len(refs) // 2
                halves = [self.ref[r] for r in refs[:half]], [self.ref[r] for r in refs[half:]]
        return atom[0], *halves[self.mirror], *halves[not self.mirror]


# A node with the arguments of a sum or product in order.
def _sorted(node: list[Any]) -> list[Any]: return [node[0], sorted(node[1])] if node[0] in ("add", "mul") else node
