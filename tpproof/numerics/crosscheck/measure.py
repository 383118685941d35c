"""Every quantity of a cross-check, read off one finite network. Nothing of the limit or of the proof is in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tpproof.numerics.crosscheck.averages import Averages
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.crosscheck.signals import Signals
from tpproof.numerics.finite.kernels import KernelSink, readout_kernels
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass, Sink
from tpproof.numerics.finite.space import Small, Space
from tpproof.program.model import Program

KERNELS = (Kind.KERNEL, Kind.PARAMETER)
STEPS = (Kind.CHANGE, Kind.RESPONSE, Kind.OUTPUT_CHANGE)


@dataclass(frozen=True)
class Measured:
    """What one finite network says.

    Attributes
    ----------
    values
        (Q,), one number a quantity.
    outputs
        ``[i, o]``: f_o at input i, before training.
    """

    values: Small
    outputs: Small


def measure(
    program: Program,
    quantities: Sequence[Quantity],
    setting: Setting,
    width: int,
    seed: int,
    *,
    sampler: str = "exact",
    memory: int | None = None,
    **backend: Any,
) -> Measured:
    """Every quantity, on one network drawn from the seed."""
    return Measurement(program, quantities, setting, Space(width, seed=seed, **backend), sampler, memory).run()


class Measurement:
    """One network and what is read off it."""

    def __init__(
        self,
        program: Program,
        quantities: Sequence[Quantity],
        setting: Setting,
        space: Space,
        sampler: str,
        memory: int | None,
    ) -> None:
        self.quantities, self.setting = quantities, setting
        self.net = FiniteNetwork(program, space, sampler, self._any(Kind.SIGNAL, Kind.SLOPE, *STEPS), memory)
        self.inputs = np.asarray(setting.inputs, dtype=np.float64)

    def _any(self, *kinds: Kind) -> bool:
        return any(q.kind in kinds for q in self.quantities)

    def _of(self, *kinds: Kind) -> list[Quantity]:
        return [q for q in self.quantities if q.kind in kinds]

    def run(self) -> Measured:
        """Forward, backward."""
        net, rows = self.net, len(self.net.program.outputs)
        averages = Averages(net, self.quantities)
        state = net.forward(self.inputs, rows=rows, shown=True, watch=averages.see)
        net.require_finite([state.outputs], "an output")
        found = averages.values(state)
        found.update(self._backward(state, rows))
        values = np.array([found[q] for q in self.quantities])
        net.require_finite([values], "a measured quantity")
        return Measured(values, state.outputs)

    def _backward(self, state: Pass, rows: int) -> dict[Quantity, float]:
        net = self.net
        by_readout = readout_kernels(net, state) if self._any(*KERNELS) else {}
        net.release(state)
        kernels = KernelSink(net, state, rows)
        sinks: list[Sink] = [kernels] if self._any(*KERNELS) else []
        signals = Signals(net, state.count, {k for q in self._of(Kind.SIGNAL) for k in (q.key[0], q.key[3])}, sinks)
        final = self._final()
        for embedding in net.embeddings.values() if final else ():
            embedding.forget()
        if sinks or self._any(Kind.SIGNAL):
            cotangents = np.repeat(np.eye(rows)[:, :, None], state.count, axis=2)
            net.backward(state, cotangents, signals, final)
        by_parameter = {**by_readout, **kernels.finish()}
        nothing = np.zeros((rows, rows, state.count, state.count))
        total = sum(by_parameter.values(), start=nothing)
        found = {q: float(total[q.key]) for q in self._of(Kind.KERNEL)}
        for q in self._of(Kind.PARAMETER):
            found[q] = float(by_parameter.get(q.key[0], nothing)[q.key[1:]])
        for q in self._of(Kind.SIGNAL):
            g, o, i, k, p, j = q.key
            found[q] = float(signals.inner(g, o, k, p)[i, j])
        return found

    def _final(self) -> bool:
        """Whether nothing is multiplied, and no error signal looked at, after backpropagation."""
        symbol, nodes = self.net.program.symbol, self.net.program.nodes
        apart = any(symbol(q.key[0]) != symbol(q.key[3]) and "matmul" in (nodes[q.key[0]].op, nodes[q.key[3]].op)
                    for q in self._of(Kind.SIGNAL))  # fmt: skip
        return not apart and not self._any(*STEPS, Kind.TRAJECTORY)
