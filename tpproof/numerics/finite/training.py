"""SGD on a finite network, with its outputs tracked at every step (MATH §3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tpproof.errors import TpproofError
from tpproof.numerics.finite.kernels import gradient_sides
from tpproof.numerics.finite.memory import require_room, training_numbers
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.passes import Pass, Watch
from tpproof.numerics.finite.space import Array, Small
from tpproof.program.constants import to_float

LossSlope: TypeAlias = Callable[[Small, Small], Small]
"""(outputs, targets), both (b, outputs) → χ = ∂L/∂f for each example and output."""


def square_loss(outputs: Small, targets: Small) -> Small:
    """χ of L = (f - y)²/2."""
    return outputs - targets


def logistic_loss(outputs: Small, targets: Small) -> Small:
    """χ of L = log(1 + exp(-y f)), y = ±1."""
    slope: Small = -0.5 * targets * (1 - np.tanh(0.5 * targets * outputs))
    return slope


@dataclass(frozen=True)
class Trajectory:
    """What training did.

    Attributes
    ----------
    steps
        The numbers of steps after which test inputs were looked at.
    tests
        ``[t, i, o]``: f_o at test input i after ``steps[t]`` steps.
    batches
        One array (b, outputs) a step: outputs on the batch before the step.
    slopes
        One array (b, outputs) a step: χ.
    """

    steps: tuple[int, ...]
    tests: Small
    batches: list[Small]
    slopes: list[Small]


class UpdateSink:
    """Collects one step's gradient; nothing moves before backpropagation is over."""

    def __init__(self, net: FiniteNetwork, state: Pass) -> None:
        self.net, self.state = net, state
        self._initial: list[tuple[int, Array]] = []
        self._places: list[tuple[int, object]] = []

    def initial(self, node: int, signals: Mapping[int, Array]) -> None:
        """See `Sink`."""
        if self.net.program.parameters[self.net.program.nodes[node].data[0]].trained:
            self._initial += [(node, part) for part in signals.values()]

    def product(self, node: int, r: int, place: object) -> None:
        """See `Sink`."""
        if self.net.program.parameters[self.net.program.nodes[node].data[0]].trained:
            self._places.append((node, place))

    def apply(self, rate: float) -> None:
        """Moves every parameter by -rate times its gradient."""
        net, program = self.net, self.net.program
        root = math.sqrt(net.space.width)  # error signals are √n times the gradient
        for node, place in self._places:
            p = program.nodes[node].data[0]
            ranges, domains = gradient_sides(net, self.state, node, place)
            step = -rate * speed(net, p) / net.space.length(program.parameters[p].cols) / root
            net.matrix(p).update(ranges, domains, step * np.eye(self.state.count))
        for node, part in self._initial:
            p = program.nodes[node].data[0]
            step = -rate * speed(net, p) / root
            if program.nodes[node].op == "embed":
                xi = net.part(self.state, node)
                net.embedding(p, xi.shape[1]).update(part, xi, step / xi.shape[1] * np.eye(len(xi)))
            else:
                net.move(p, step * net.space.xp.sum(part, axis=0, keepdims=True))


def speed(net: FiniteNetwork, p: int) -> float:
    """κ = lr·scale² of a parameter."""
    parameter = net.program.parameters[p]
    return to_float(parameter.lr) * to_float(parameter.scale) ** 2


def _move_readouts(net: FiniteNetwork, state: Pass, slopes: Small, rate: float) -> Callable[[], None]:
    """The step of readouts and outputs' biases, to be taken when backpropagation is over."""
    moves: list[tuple[int, Array]] = []
    biases: list[tuple[int, float]] = []
    for o, out in enumerate(net.program.outputs):
        for p, x in out.terms:
            parameter = net.program.parameters[p]
            if parameter.trained:
                whole = net.whole(state, x, parameter.rows)
                weights = slopes[:, o] if whole.shape[0] > 1 else slopes[:, o].sum(keepdims=True)
                step = -rate * speed(net, p) / net.space.length(parameter.rows) * weights[None, :]
                moves.append((p, net.space.combine([(step, [whole])], 1, whole.shape[1])))
        if out.bias is not None:
            biases.append((out.bias, -rate * speed(net, out.bias) * float(slopes[:, o].sum())))

    def move() -> None:
        for p, step in moves:
            net.move(p, step)
        for p, number in biases:
            net.moved_biases[p] = net.moved_biases.get(p, 0.0) + number

    return move


def sgd_step(
    net: FiniteNetwork,
    inputs: ArrayLike | Sequence[ArrayLike],
    targets: ArrayLike,
    rate: float,
    loss: LossSlope = square_loss,
    watch: Watch | None = None,
) -> tuple[Small, Small]:
    """One step on the mean loss of a batch.

    Parameters
    ----------
    net
        The network, which is changed.
    inputs
        The batch, see `FiniteNetwork.inputs`.
    targets
        (b, outputs), or (b,) for one output.
    rate
        The learning rate; each parameter's is this times its own ``lr``.
    loss
        χ of one example.
    watch
        Sees the error signals of G-vars, which are here χ·dg (summed over outputs): (0, node, (b, local)).

    Returns
    -------
    tuple
        Outputs before the step and χ, (b, outputs).

    Raises
    ------
    TpproofError
        E152 when a number is not finite.
    """
    state = net.forward(inputs, rows=1, shown=True)
    net.require_finite([state.outputs], "an output")
    slopes = np.asarray(loss(state.outputs, _targets(targets, state.outputs)), dtype=np.float64)
    net.require_finite([slopes], "a loss's slope")
    share = rate / state.count
    move = _move_readouts(net, state, slopes, share)
    net.release(state)
    sink = UpdateSink(net, state)
    net.backward(state, slopes.T[None, :, :], sink, watch=watch)
    sink.apply(share)
    move()
    return state.outputs, slopes


def _targets(targets: ArrayLike, outputs: Small) -> Small:
    found = np.asarray(targets, dtype=np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.shape != outputs.shape:
        raise TpproofError("E151", f"targets of shape {found.shape}", f"{outputs.shape}: an example, an output")
    return found


def train(
    net: FiniteNetwork,
    inputs: ArrayLike | Sequence[ArrayLike],
    targets: ArrayLike,
    tests: ArrayLike | Sequence[ArrayLike],
    steps: int,
    rate: float | Callable[[int], float] = 1.0,
    batches: Callable[[int], Sequence[int]] | None = None,
    loss: LossSlope = square_loss,
    follow: Sequence[int] | None = None,
) -> Trajectory:
    """T steps of SGD.

    Parameters
    ----------
    net
        The network, which is changed.
    inputs
        The training inputs, see `FiniteNetwork.inputs`.
    targets
        (N, outputs), or (N,) for one output.
    tests
        Inputs at which the outputs are followed.
    steps
        T.
    rate
        The learning rate, or that of step t = 0, 1, …
    batches
        The examples of step t; all of them if not given. The loss is their mean.
    loss
        χ = ∂L/∂f of one example.
    follow
        The numbers of steps, 0 … T, after which the outputs at `tests` are computed; all of them if not given. With
        the exact sampler every look is remembered (it needs vectors of its own).

    Raises
    ------
    TpproofError
        E152 when training diverges, with the step; E104 and E151 as in `FiniteNetwork.forward`.
    """
    examples, looked = net.inputs(inputs), net.inputs(tests)
    chosen = [list(range(len(examples[0]))) if batches is None else list(batches(t)) for t in range(steps)]
    times = range(steps + 1) if follow is None else sorted(set(follow) & set(range(steps + 1)))
    numbers = training_numbers(net, [len(c) for c in chosen], len(times) * len(looked[0]),
                               [x.shape[2] for x in examples])  # fmt: skip
    require_room(net, numbers, f"{steps} steps")
    wanted = _targets(targets, np.zeros((len(examples[0]), len(net.program.outputs))))
    followed: list[Small] = []
    before: list[Small] = []
    slopes: list[Small] = []
    for t in range(steps + 1):
        try:
            if t in times:
                followed.append(net.forward(looked).outputs)
                net.require_finite(followed[-1:], "an output")
            if t < steps:
                size = rate(t) if callable(rate) else rate
                outputs, slope = sgd_step(net, [x[chosen[t]] for x in examples], wanted[chosen[t]], size, loss)
                before.append(outputs)
                slopes.append(slope)
        except TpproofError as error:
            if error.code != "E152":
                raise
            found = f"{error.found}, after {t} of {steps} steps"
            raise TpproofError("E152", found, "a training that converges: a smaller rate") from error
    shape = (0, len(looked[0]), len(net.program.outputs))
    return Trajectory(tuple(times), np.stack(followed) if followed else np.zeros(shape), before, slopes)
