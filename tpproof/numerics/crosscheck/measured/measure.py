"""Every quantity of a cross-check, read off one finite network. Nothing of the limit or of the proof is in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tpproof.numerics.crosscheck.measured.addresses import require_addresses
from tpproof.numerics.crosscheck.measured.averages import Averages
from tpproof.numerics.crosscheck.measured.one_step import STEPS, OneStep, pairs_of
from tpproof.numerics.crosscheck.measured.slopes import slopes
from tpproof.numerics.crosscheck.measured.trajectory import trajectory
from tpproof.numerics.crosscheck.measured.weights import Weights, moments_for
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.finite.kernels import KernelSink, readout_kernels
from tpproof.numerics.finite.memory import measuring_numbers, require_room
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass
from tpproof.numerics.finite.signals import Signals
from tpproof.numerics.finite.space import Small, Space
from tpproof.program.model import Program

KERNELS = (Kind.KERNEL, Kind.PARAMETER)


@dataclass(frozen=True)
class Measured:
    """What one finite network says.

    Attributes
    ----------
    values
        (Q,), one number a quantity.
    outputs
        ``[i, o]``: f_o at input i, before training.
    trajectory
        ``[t, i, o]``: f_o at input i after t = 0 … T steps; (0, inputs, outputs) if no quantity asks for it.
    """

    values: Small
    outputs: Small
    trajectory: Small


def measure(
    program: Program,
    quantities: Sequence[Quantity],
    setting: Setting,
    width: int,
    seed: int,
    *,
    sampler: str = "exact",
    memory: int | None = None,
    step_rate: float | None = None,
    **backend: Any,
) -> Measured:
    """Every quantity, on one network drawn from the seed: one pass forward, one back, one step, one training.

    Parameters
    ----------
    program
        The network; no abstract nonlinearity.
    quantities
        What is wanted; passes that nothing needs are left out. What is read of a TRAJECTORY is f itself: whoever
        knows the limit's kernel subtracts kernel gradient descent from ``outputs``.
    setting
        What the network is given.
    width, seed
        n, and what the network is drawn from: the same numbers whatever the number of threads and workers.
    sampler, memory
        See `FiniteNetwork`.
    step_rate
        Learning rate of the one step of CHANGE, RESPONSE and OUTPUT_CHANGE, by which changes are divided. By default
        so small that linearization and rounding lose about as much, 1e-8 in float64; 1 is the paper's step, with
        its linearization error O(n^-1/2).
    backend
        ``xp``, ``dtype``, ``share``, ``reduce``, ``threads`` of `Space`.

    Returns
    -------
    Measured
        Float64, all finite.

    Raises
    ------
    TpproofError
        E104 when memory does not suffice, with what is needed, before anything is allocated. E150 for an abstract
        nonlinearity, E151 for addresses, inputs or widths that do not fit, E152 for what is not finite, in training
        with the step.

    Notes
    -----
    With V vectors of n numbers for each input and output, V being some three for each G-var, memory is V numbers for
    kernels, moments, signals and slopes; as many for each pair of inputs (trained on, looked at) of the one step, and
    two for each G-var, input and step of the training. Kernels alone cost what `empirical_kernels` costs.
    """
    require_addresses(program, quantities, setting)
    space = Space(width, seed=seed, **backend)
    return Measurement(program, quantities, setting, space, sampler, memory, step_rate).run()


class Measurement:
    """One network and what is read off it, at addresses that it has."""

    def __init__(
        self,
        program: Program,
        quantities: Sequence[Quantity],
        setting: Setting,
        space: Space,
        sampler: str = "exact",
        memory: int | None = None,
        step_rate: float | None = None,
    ) -> None:
        self.quantities, self.setting, self.step_rate = quantities, setting, step_rate
        self.net = FiniteNetwork(program, space, sampler, self._any(Kind.SIGNAL, Kind.SLOPE, *STEPS), memory)
        self.inputs = np.asarray(setting.inputs, dtype=np.float64)

    def _any(self, *kinds: Kind) -> bool:
        return any(q.kind in kinds for q in self.quantities)

    def _of(self, *kinds: Kind) -> list[Quantity]:
        return [q for q in self.quantities if q.kind in kinds]

    def run(self) -> Measured:
        """Forward, backward, a step, training."""
        net, program, count = self.net, self.net.program, len(self.inputs)
        self.require_room()
        moments = moments_for(program, self.quantities, count)
        averages = Averages(net, list(dict.fromkeys([*self.quantities, *moments])))
        state = net.forward(self.inputs, rows=len(program.outputs), shown=True, watch=averages.see)
        net.require_finite([state.outputs], "an output")
        found = averages.values(state)
        found.update(Weights(net, state, found).values(self.quantities))
        found.update(slopes(net, state, self.quantities))
        found.update(self._backward(state))
        followed = np.zeros((0, count, len(program.outputs)))
        if self._any(Kind.TRAJECTORY):
            followed = trajectory(net, self.setting)
            found.update({q: float(followed[q.key[0], q.key[2], q.key[1]]) for q in self._of(Kind.TRAJECTORY)})
        values = np.array([found[q] for q in self.quantities], dtype=np.float64)
        net.require_finite([values], "a measured quantity")
        return Measured(values, state.outputs, followed)

    def _backward(self, state: Pass) -> dict[Quantity, float]:
        """Kernels and error signals, and the step, which needs them."""
        net, rows = self.net, len(self.net.program.outputs)
        by_readout = readout_kernels(net, state) if self._any(*KERNELS) else {}
        before = replace(state, values=dict(state.values)) if self._any(*STEPS) else None
        net.release(state)
        kernels = KernelSink(net, state, rows)
        signals = Signals(net, state.count, self._kept(), [kernels] if self._any(*KERNELS) else [])
        final = self._final()
        for embedding in net.embeddings.values() if final else ():
            embedding.forget()
        if self._any(Kind.SIGNAL, *KERNELS, *STEPS):
            cotangents = np.repeat(np.eye(rows)[:, :, None], state.count, axis=2)
            net.backward(state, cotangents, signals, final)
        found = self._kernels({**by_readout, **kernels.finish()}, state.count)
        for q in self._of(Kind.SIGNAL):
            g, o, i, k, p, j = q.key
            found[q] = float(signals.inner(g, o, k, p)[i, j])
        if before is not None:
            found.update(OneStep(net, before, signals, self.setting, self.quantities, self.step_rate).values())
        return found

    def _kernels(self, by_parameter: Mapping[int, Small], count: int) -> dict[Quantity, float]:
        rows = len(self.net.program.outputs)
        nothing = np.zeros((rows, rows, count, count))
        total = sum(by_parameter.values(), start=nothing)
        found = {q: float(total[q.key]) for q in self._of(Kind.KERNEL)}
        for q in self._of(Kind.PARAMETER):
            found[q] = float(by_parameter.get(q.key[0], nothing)[q.key[1:]])
        return found

    def _kept(self) -> set[int]:
        """Embedded inputs and vector parameters whose error signals are looked at after backpropagation."""
        initial = {k for k in self.net.program.gvars if self.net.program.nodes[k].op != "matmul"}
        if self._any(*STEPS):
            return initial
        return initial & {k for q in self._of(Kind.SIGNAL) for k in (q.key[0], q.key[3])}

    def _final(self) -> bool:
        """Whether nothing is multiplied, and no error signal looked at, after backpropagation."""
        symbol, nodes = self.net.program.symbol, self.net.program.nodes
        apart = any(symbol(q.key[0]) != symbol(q.key[3]) and "matmul" in (nodes[q.key[0]].op, nodes[q.key[3]].op)
                    for q in self._of(Kind.SIGNAL))  # fmt: skip
        return not apart and not self._any(*STEPS, Kind.TRAJECTORY)

    @property
    def numbers(self) -> int:
        """What memory has to hold."""
        held = {k for q in self._of(Kind.MOMENT2) for k in q.key[:2] if q.key[0] != q.key[1]}
        dims = [x.shape[2] for x in self.net.inputs(self.inputs)]
        return measuring_numbers(self.net, len(self.inputs), len(pairs_of(self.quantities)), self._steps, held, dims)

    @property
    def _steps(self) -> int:
        return self.setting.steps if self._any(Kind.TRAJECTORY) else 0

    def require_room(self) -> None:
        """Raise E104 if there is less."""
        pairs = len(pairs_of(self.quantities))
        require_room(self.net, self.numbers, f"{len(self.inputs)} inputs, {pairs} changes and {self._steps} steps")
