"""What the program alone tells of a finite network: what is constant, what depends on the input, what moves.

A number that every finite network has exactly is not worth a test: its limit says nothing about the proof. What is
tested is decided here, from the program, and never from what the proof says: a term that it lost would else take its
own test away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tpproof.numerics.functions import value
from tpproof.program.constants import to_float
from tpproof.program.model import GVAR_OPS, Kind, Program


@dataclass(frozen=True)
class Structure:
    """Of one program, at every width."""

    program: Program

    @cached_property
    def fixed(self) -> dict[int, float]:
        """Node → the number that it, or each of its coordinates, is at every width."""
        found: dict[int, float] = {}
        for k, node in enumerate(self.program.nodes):
            if node.op == "ones":
                found[k] = 1.0
            elif node.op in GVAR_OPS:
                silent = to_float(self.program.parameters[node.data[0]].variance()) == 0
                if silent or (node.op == "matmul" and found.get(node.args[0]) == 0):
                    found[k] = 0.0
            elif node.op == "mul" and any(found.get(a) == 0 for a in node.args):
                found[k] = 0.0
            elif node.op != "width" and all(a in found for a in node.args):
                arguments = [found[a] for a in node.args]
                with np.errstate(all="ignore"):
                    found[k] = arguments[0] if node.op == "mean" else float(value(node, arguments))
        return found

    @cached_property
    def parameters_below(self) -> list[int]:
        """Node → the trained parameters that move it in the limit, as bits: Moments do not move (D.4.5)."""
        found: list[int] = []
        for k, node in enumerate(self.program.nodes):
            mask = 0
            if node.op in GVAR_OPS and self.program.parameters[node.data[0]].trained:
                mask = 1 << node.data[0]
            for a in node.args if self.program.kinds[k] is Kind.VECTOR else ():
                mask |= found[a]
            found.append(mask)
        return found

    @cached_property
    def outputs_above(self) -> list[int]:
        """Node → the outputs that send it error signals in the limit, as bits: nothing flows back through Moments."""
        found = [0] * len(self.program.nodes)
        for o, out in enumerate(self.program.outputs):
            for _, x in out.terms:
                found[x] |= 1 << o
        for k in range(len(found) - 1, -1, -1):
            for a in self.program.nodes[k].args if self.program.kinds[k] is Kind.VECTOR else ():
                found[a] |= found[k]
        return found

    def reaches(self, k: int, output: int) -> bool:
        """Whether error signals of an output arrive at a vector."""
        return bool(self.outputs_above[k] >> output & 1)

    def trained_below(self, output: int) -> int:
        """The trained parameters that move an output in the limit, as bits; readouts and output biases too."""
        out = self.program.outputs[output]
        mask = 0
        for v, x in out.terms:
            mask |= self.parameters_below[x]
            if self.program.parameters[v].trained and self.fixed.get(x) != 0:
                mask |= 1 << v
        if out.bias is not None and self.program.parameters[out.bias].trained:
            mask |= 1 << out.bias
        return mask

    def trained_in(self, o: int, p: int) -> list[int]:
        """The trained parameters that have a part of K_op."""
        both = self.trained_below(o) & self.trained_below(p)
        return [q for q in range(len(self.program.parameters)) if both >> q & 1]

    def shared(self, o: int, p: int) -> list[int]:
        """Those whose parts differ from network to network."""
        return [q for q in self.trained_in(o, p) if not self.exact_part(q, o, p)]

    def moves(self, g: int, slopes: tuple[float, ...]) -> bool:
        """Whether a step with these χ changes a vector in the limit."""
        trained = 0
        for o, slope in enumerate(slopes):
            trained |= self.trained_below(o) if slope else 0
        return bool(self.parameters_below[g] & trained)

    @cached_property
    def gvars_met(self) -> list[frozenset[int]]:
        """Node → the G-vars that are met first below it (itself, if it is one), and not through Moments."""
        found: list[frozenset[int]] = []
        for k, node in enumerate(self.program.nodes):
            if node.op in GVAR_OPS:
                found.append(frozenset((k,)))
            else:
                read = node.args if self.program.kinds[k] is Kind.VECTOR else ()
                found.append(frozenset[int]().union(*(found[a] for a in read)))
        return found

    def moved_together(self, x: int, y: int) -> bool:
        """Whether training moves two vectors in the limit by one parameter along isomorphic paths: C(x, y) is no empty
        sum.
        """
        by_symbol: dict[tuple[int, bool], list[int]] = {}
        for k in self.gvars_met[y]:
            by_symbol.setdefault(self.program.symbol(k), []).append(k)
        return any(self._moved(g, k) for g in self.gvars_met[x] for k in by_symbol.get(self.program.symbol(g), ()))

    def _moved(self, g: int, k: int) -> bool:
        """The same of two G-vars of one symbol."""
        if (g, k) not in self._known:
            node, other = self.program.nodes[g], self.program.nodes[k]
            carried = node.op == "matmul" and node.data[0] not in self._without_variance
            below = carried and self.moved_together(node.args[0], other.args[0])
            self._known[g, k] = self.moved_alone(g, k) or below
        return self._known[g, k]

    def moved_alone(self, g: int, k: int) -> bool:
        """Whether their own parameter is trained and reads something at both."""
        parameter = self.program.parameters[self.program.nodes[g].data[0]]
        read = {*self.program.nodes[g].args, *self.program.nodes[k].args}
        return parameter.trained and not read & self._silent

    @cached_property
    def _known(self) -> dict[tuple[int, int], bool]:
        return {}

    @cached_property
    def _without_variance(self) -> set[int]:
        return {p for p, parameter in enumerate(self.program.parameters) if to_float(parameter.variance()) == 0}

    @cached_property
    def _silent(self) -> set[int]:
        return {k for k, number in self.fixed.items() if number == 0}

    @cached_property
    def reads_input(self) -> list[bool]:
        """Node → whether it depends on the input."""
        found: list[bool] = []
        for node in self.program.nodes:
            found.append(node.op == "embed" or any(found[a] for a in node.args))
        return found

    def exact_part(self, parameter: int, o: int, p: int) -> bool:
        """Whether a parameter's part of K_op is κ times a number: that of an output bias, of readouts of constants."""
        kind = self.program.parameters[parameter].kind
        if kind != "readout":
            return kind == "output_bias"
        return all(dict(self.program.outputs[q].terms).get(parameter) in {None, *self.fixed} for q in (o, p))

    def read(self) -> list[int]:
        """The vectors that matrices, readouts and Moments read, in program order."""
        found = {node.args[0] for node in self.program.nodes if node.op in ("matmul", "mean")}
        found.update(x for out in self.program.outputs for _, x in out.terms)
        return sorted(k for k in found if self.program.kinds[k] is Kind.VECTOR)
