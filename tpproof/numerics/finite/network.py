"""A program as a network of a finite width: parameters, forward pass, backpropagation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tpproof.errors import TpproofError
from tpproof.numerics.finite.backward import Backward
from tpproof.numerics.finite.embedding import Embedding
from tpproof.numerics.finite.matrices import DenseMatrix, ExactMatrix
from tpproof.numerics.finite.memory import numbers_needed, require_room
from tpproof.numerics.finite.passes import Pass, Sink, Watch, joined, rows_of
from tpproof.numerics.finite.schedule import Schedule, schedule
from tpproof.numerics.finite.space import Array, Small, Space
from tpproof.numerics.finite.stages import Local, single_value
from tpproof.numerics.finite.streams import purpose
from tpproof.program.constants import to_float
from tpproof.program.model import Program


class FiniteNetwork:
    """A program at a finite width, its parameters drawn from the seed of the space.

    Parameters
    ----------
    program
        The network; no abstract nonlinearity (E150).
    space
        Width, array namespace, precision, seed, share of the coordinates.
    sampler
        "exact": only the action of the matrices on the vectors that occur is drawn. "dense": explicit matrices.
    every_signal
        Backpropagate to every vector, not only where a trained parameter needs it.
    memory
        Bytes that a pass may take; all of the machine's by default.
    """

    def __init__(
        self,
        program: Program,
        space: Space,
        sampler: str = "exact",
        every_signal: bool = False,
        memory: int | None = None,
    ) -> None:
        if sampler not in ("exact", "dense"):
            raise TpproofError("E151", f"the sampler {sampler}", "exact or dense")
        self.program, self.space, self.dense = program, space, sampler == "dense"
        self.memory = memory
        self.plan: Schedule = schedule(program, every_signal)
        self.matrices: dict[int, ExactMatrix | DenseMatrix] = {}
        self.embeddings: dict[int, Embedding] = {}
        self.moved: dict[int, Array] = {}  # what training has added to biases and readouts, (1, local)
        self.moved_biases: dict[int, float] = {}  # and to the outputs' biases

    # parameters ---------------------------------------------------------------------------------------

    def scale(self, p: int) -> float:
        """γ over the root of the fan-in: what the trainable entries are multiplied by, an embedding's 1/√d aside."""
        parameter = self.program.parameters[p]
        fan_in = {"matrix": parameter.cols, "readout": parameter.rows}.get(parameter.kind)
        return to_float(parameter.scale) / (1.0 if fan_in is None else math.sqrt(self.space.length(fan_in)))

    def _deviation(self, p: int) -> float:
        return self.scale(p) * to_float(self.program.parameters[p].std)

    def matrix(self, p: int) -> ExactMatrix | DenseMatrix:
        """The matrix of a parameter."""
        if p not in self.matrices:
            parameter, space = self.program.parameters[p], self.space
            made = DenseMatrix if self.dense else ExactMatrix
            shape = space.length(parameter.rows), space.length(parameter.cols)
            self.matrices[p] = made(space, *shape, self._deviation(p), p)
        return self.matrices[p]

    def embedding(self, p: int, d: int) -> Embedding:
        """The embedding of a parameter, for inputs in R^d."""
        if p not in self.embeddings:
            rows = self.space.length(self.program.parameters[p].rows)
            deviation = self._deviation(p) / math.sqrt(d)
            self.embeddings[p] = Embedding(self.space, rows, d, deviation, p, self.dense)
        return self.embeddings[p]

    def vector(self, p: int) -> Array:
        """A bias, or a readout's v (with the 1/√n), (1, local)."""
        length = self.space.length(self.program.parameters[p].rows)
        drawn = self._deviation(p) * self.space.normals(purpose(p, 2), 0, 1, length)
        return drawn + self.moved[p] if p in self.moved else drawn

    def move(self, p: int, step: Array) -> None:
        """Adds (1, local) to a bias, or to a readout's v (with the 1/√n)."""
        self.moved[p] = self.moved[p] + step if p in self.moved else step

    def output_bias(self, p: int) -> float:
        """The trained scalar that an output adds."""
        address = Space(1, seed=self.space.seed)
        drawn = float(address.normals(purpose(p, 2), 0, 1, 1)[0, 0])
        return self._deviation(p) * drawn + self.moved_biases.get(p, 0.0)

    # forward ------------------------------------------------------------------------------------------

    def inputs(self, given: ArrayLike | Sequence[ArrayLike]) -> list[Small]:
        """Inputs as one array (B, parts, d) for each `input`.

        Parameters
        ----------
        given
            One array (B, parts, d) with the parts of all inputs in order ((B, d) if there is one part), or a list of
            arrays, one for each input.
        """
        wanted = self.program.inputs
        if isinstance(given, list | tuple):
            arrays = [np.asarray(x, dtype=np.float64) for x in given]
        else:
            whole = np.asarray(given, dtype=np.float64)
            whole = whole[:, None, :] if whole.ndim == 2 else whole
            ends = np.cumsum([i.parts for i in wanted])
            arrays = np.split(whole, ends[:-1], axis=1) if wanted and whole.ndim == 3 else [whole]
        arrays = [x[:, None, :] if x.ndim == 2 else x for x in arrays]
        fits = len(arrays) == len(wanted) and all(
            x.ndim == 3 and x.shape[1] == i.parts and len(x) == len(arrays[0]) and x.shape[2] > 0 and len(x) > 0
            for x, i in zip(arrays, wanted, strict=True)
        )
        if not fits or not all(np.isfinite(x).all() for x in arrays):
            found = f"inputs of shapes {[x.shape for x in arrays]}"
            raise TpproofError("E151", found, f"finite numbers, (B, parts, d) with parts {[i.parts for i in wanted]}")
        return arrays

    def forward(
        self, inputs: ArrayLike | Sequence[ArrayLike], rows: int = 0, shown: bool = False, watch: Watch | None = None
    ) -> Pass:
        """Values of all vectors at B inputs.

        Parameters
        ----------
        inputs
            See `inputs`.
        rows
            Combinations of outputs that `backward` will differentiate; 0: no `backward` follows, and vectors are
            dropped at their last use.
        shown
            Keep the vectors that are read out, until `release`.
        watch
            Called with (0, node, (B or 1, local)) for every G-var, and every vector that a matrix or an output reads.
        """
        state = Pass(self.inputs(inputs))
        dims = [x.shape[2] for x in state.inputs]
        require_room(self, numbers_needed(self, state.count, rows, dims), f"{state.count} inputs")
        kept = self._read_again() if rows else set()
        for s, stage in enumerate(self.plan.stages):
            self._initial(state, stage.initial)
            for symbol, members in stage.products:
                self._products(state, symbol, members)
            for k in stage.means:
                self._mean(state, k)
            found = [*stage.initial, *(k for _, members in stage.products for k in members)]
            for k in stage.scalars:
                state.singles[k] = single_value(self.plan, k, state.singles, self.space.width)
            if watch is None:
                self._drop(state, s, kept | {k for group in stage.groups for k in group.reads})
            for group in stage.groups:
                state.values.update(Local(self.space, self.plan, group, state.singles).forward(state.values))
            found += [k for group in stage.groups for k in group.keeps]
            for k in found if watch else ():
                watch(0, k, state.values[k])  # type: ignore[misc]
            self._drop(state, s, kept)
        state.outputs = self._outputs(state)
        if not shown:
            self._drop(state, len(self.plan.stages), kept)
        return state

    def release(self, state: Pass) -> None:
        """Drop the vectors that are read out, unless backpropagation needs them."""
        self._drop(state, len(self.plan.stages), self._read_again())

    def _read_again(self) -> set[int]:
        """What backpropagation computes with."""
        return {k for stage in self.plan.stages for group in stage.groups for k in group.reads}

    def _drop(self, state: Pass, s: int, kept: set[int]) -> None:
        for k in [k for k in state.values if self.plan.last[k] <= s and k not in kept]:
            del state.values[k]

    def _initial(self, state: Pass, members: Sequence[int]) -> None:
        embedded: dict[tuple[int, int], list[int]] = {}
        for k in members:
            node = self.program.nodes[k]
            if node.op == "param":
                state.values[k] = self.vector(node.data[0])
            else:
                embedded.setdefault((node.data[0], state.inputs[node.data[1]].shape[2]), []).append(k)
        for (p, d), nodes in embedded.items():
            rows = np.concatenate([self.part(state, k) for k in nodes])
            product = self.embedding(p, d).apply(rows)
            state.values.update(zip(nodes, rows_of(product, [state.count] * len(nodes)), strict=True))

    def part(self, state: Pass, k: int) -> Small:
        """The input (B, d) of an embedding node."""
        _, i, part = self.program.nodes[k].data
        x: Small = state.inputs[i][:, part, :]
        return x

    def whole(self, state: Pass, k: int, ratio: Any) -> Array:
        """The value of a node as vectors: a constant vector is written out."""
        if not self.plan.single[k]:
            return state.values[k]
        number = self.space.asarray(np.reshape(np.asarray(state.singles[k], dtype=float), (-1, 1)))
        return self.space.xp.broadcast_to(number, (number.shape[0], self.space.local(self.space.length(ratio))))

    def _products(self, state: Pass, symbol: tuple[int, bool], members: Sequence[int]) -> None:
        p, transposed = symbol
        parameter = self.program.parameters[p]
        ratio = parameter.rows if transposed else parameter.cols
        blocks = [self.whole(state, self.program.nodes[k].args[0], ratio) for k in members]
        counts = [block.shape[0] for block in blocks]
        product = self.matrix(p).product(joined(self.space, blocks), transposed)
        state.values.update(zip(members, rows_of(product.value, counts), strict=True))
        state.places.update(zip(members, rows_of(product.place, counts), strict=True))

    def _mean(self, state: Pass, k: int) -> None:
        x = self.program.nodes[k].args[0]
        if self.plan.single[x]:
            state.singles[k] = state.singles[x]
            return
        length = self.space.length(self.program.widths[x])  # type: ignore[arg-type]
        ones = self.space.xp.broadcast_to(self.space.asarray([[1.0]]), (1, state.values[x].shape[1]))
        state.singles[k] = self.space.gram(state.values[x], [ones]) / length

    def _outputs(self, state: Pass) -> Small:
        columns = []
        for out in self.program.outputs:
            f = np.zeros((state.count, 1))
            for p, x in out.terms:
                if p not in state.readouts:
                    state.readouts[p] = self.vector(p)
                f = f + self.space.gram(self.whole(state, x, self.program.parameters[p].rows), [state.readouts[p]])
            columns.append(f if out.bias is None else f + self.output_bias(out.bias))
        found: Small = np.concatenate(columns, axis=1)
        return found

    def require_finite(self, found: Sequence[Small], what: str) -> None:
        """Raise E152 if a number is not finite."""
        if not all(np.isfinite(x).all() for x in found):
            raise TpproofError("E152", f"{what} that is not finite, width {self.space.width}, seed {self.space.seed}")

    # backward -----------------------------------------------------------------------------------------

    def backward(
        self, state: Pass, cotangents: Small, sink: Sink, final: bool = False, watch: Watch | None = None
    ) -> None:
        """Error signals √n ∂/∂g of combinations of outputs, handed to `sink` parameter by parameter.

        Parameters
        ----------
        state
            From `forward`; its values are dropped as they are used.
        cotangents
            ``[r, o, i]``: combination r is Σ_o of them times f_o at input i.
        sink
            Takes the gradients.
        final
            Nothing is multiplied after this, so matrices are forgotten at their last use.
        watch
            Called with (r, node, (B, local)) for the error signal of every G-var that has one.
        """
        Backward(self, state, cotangents, sink, final, watch).run()
