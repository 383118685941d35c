"""What each number is: the first part of its name in the emitted text."""

from __future__ import annotations

from tpproof.numerics.emit.graph import Graph, Key, Node
from tpproof.numerics.reduction.univariate import derivative


class Roles:
    """What a number is, as the first part of its name."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[Key, str] = {}
        slopes = {
            (node.refs, derivative(node.data[0]), derivative(node.data[1]))
            for node in graph.nodes.values() if node.op == "expect2"
        }  # fmt: skip
        self.slopes = {n.key for n in graph.nodes.values() if n.op == "expect2" and (n.refs, *n.data) in slopes}
        self.arguments: dict[Key, str] = {}
        for node in graph.nodes.values():
            if node.op in ("expect2", "difference", "ramp_excess"):
                for ref, role in zip(node.refs, ("k", "q", "q", "e"), strict=False):
                    if ref.key is not None:
                        self.arguments[ref.key] = role
        for name in ("ntk", "nngp"):
            for slot in (s for row in graph.plan.kernels[name] for s in row if s is not None):
                self.arguments.setdefault(("pair", slot), name)
        for key in graph.nodes:
            self.known[key] = self._role(graph.nodes[key])
        self.counts = {role: list(self.known.values()).count(role) for role in set(self.known.values())}

    def of(self, node: Node) -> str:
        """The role of a number."""
        return self.known[node.key]

    def count(self, role: str) -> int:
        """How many numbers have a role."""
        return self.counts.get(role, 0)

    def _role(self, node: Node) -> str:
        if node.key in self.arguments:
            return self.arguments[node.key]
        if node.op == "expect2":
            return "kdot" if node.key in self.slopes else "m"
        if node.op == "sum" and node.side == "pair":
            inner = {self.known.get(ref.key, "") for ref in node.refs if ref.key is not None}
            return "theta" if inner & {"kdot", "theta"} else "gap" if "h" in inner else "c"
        return {"gram": "gram", "excess": "e", "ramp_excess": "r", "share": "h", "difference": "d"}.get(node.op, "s")
