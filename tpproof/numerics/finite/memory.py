"""What a run will need, before it takes it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.numerics.finite.network import FiniteNetwork


def numbers_needed(net: FiniteNetwork, inputs: int, rows: int, dims: Sequence[int]) -> int:
    """Numbers of one forward and backward pass at B inputs, to some ten per cent, never much less.

    Parameters
    ----------
    net
        The network.
    inputs
        B.
    rows
        Combinations of outputs that are differentiated; 0: forward only.
    dims
        d of each input.
    """
    return _kept(net, inputs, rows * inputs, dims) + _working(net, inputs, rows)


def training_numbers(net: FiniteNetwork, batches: Sequence[int], tests: int, dims: Sequence[int]) -> int:
    """Numbers of steps of SGD on batches of these sizes, and forward passes at `tests` inputs in all."""
    widest = max(batches, default=1)
    factors = 0  # of what training adds to embeddings
    for p in {n.data[0] for n in net.program.nodes if n.op == "embed"}:
        parameter = net.program.parameters[p]
        if parameter.trained and not net.dense:
            factors += _local(net, parameter.rows) * min(sum(batches), max(dims))
    return _kept(net, sum(batches) + tests, sum(batches), dims) + factors + _working(net, widest, 1)


def measuring_numbers(
    net: FiniteNetwork, inputs: int, pairs: int, steps: int, held: Collection[int], dims: Sequence[int]
) -> int:
    """Numbers of one forward and backward pass from every output, one step's changes, and training.

    Parameters
    ----------
    net
        The network.
    inputs
        B, of each pass.
    pairs
        Changes of every vector by one step; 0: none, and matrices forget what they have multiplied.
    steps
        Of training on all inputs.
    held
        Vectors that are kept for their moments.
    dims
        d of each input.
    """
    program, rows = net.program, len(net.program.outputs)
    widths = [0 if w is None else _local(net, w) for w in program.widths]
    read = {k for stage in net.plan.stages for group in stage.groups for k in group.reads}
    passes = _working(net, inputs, rows) + inputs * sum(widths[k] for k in held if k not in read)
    at_once = [passes, _working(net, inputs, 1) if steps else 0]
    if pairs:
        signals = sum(widths[k] for k in program.gvars if program.nodes[k].op != "matmul") * inputs * rows
        shown = inputs * sum(widths[x] for x in {x for out in program.outputs for _, x in out.terms})
        alive = [sum(widths[k] for k in _met(net) if net.plan.level[k] <= s <= net.plan.last[k])
                 for s in range(len(net.plan.stages))]  # fmt: skip
        at_once[0] += signals + shown
        at_once.append(_working(net, inputs, 0) + signals + shown + pairs * (max(alive) + 2 * max(widths)))
    trained = inputs * (steps + (steps > 0))
    return _kept(net, inputs + pairs + trained, inputs * (rows + steps), dims) + max(at_once)


def _met(net: FiniteNetwork) -> set[int]:
    """The vectors that are ever written down."""
    return {*net.program.gvars, *(k for stage in net.plan.stages for group in stage.groups for k in group.keeps)}


def _local(net: FiniteNetwork, ratio: Fraction) -> int:
    return net.space.local(net.space.length(ratio))


def _kept(net: FiniteNetwork, forward: int, backward: int, dims: Sequence[int]) -> int:
    """What matrices and readouts keep after so many vectors of each use."""
    program, plan = net.program, net.plan
    total = 0
    ranks: dict[tuple[int, bool], int] = {}
    for k in program.gvars:
        p, transposed = program.symbol(k)
        if program.nodes[k].op == "matmul":
            ranks[p, transposed] = ranks.get((p, transposed), 0) + forward
            if plan.wanted[program.nodes[k].args[0]]:
                ranks[p, not transposed] = ranks.get((p, not transposed), 0) + backward
        elif program.nodes[k].op == "embed" and net.dense:
            total += _local(net, program.parameters[p].rows) * dims[program.nodes[k].data[1]]
    for p, parameter in enumerate(program.parameters):
        height, width = _local(net, parameter.rows), _local(net, parameter.cols)
        if parameter.kind == "matrix" and net.dense:
            total += height * width
        elif parameter.kind == "matrix":
            for transposed, length in ((False, parameter.cols), (True, parameter.rows)):
                total += (height + width) * min(ranks.get((p, transposed), 0), net.space.length(length))
        elif parameter.kind == "readout":
            total += height
    return total


def _working(net: FiniteNetwork, inputs: int, rows: int) -> int:
    """What one pass reads again, and has in hand."""
    total = 0
    for k in {k for stage in net.plan.stages for group in stage.groups for k in group.reads}:
        ratio = net.program.widths[k]
        total += 0 if ratio is None else _local(net, ratio) * (1 if net.program.nodes[k].op == "param" else inputs)
    widest = max((_local(net, w) for w in net.program.widths if w is not None), default=0)
    return total + widest * inputs * (2 + 2 * rows)


def room(net: FiniteNetwork) -> int:
    """Bytes that there are."""
    if net.memory is not None:
        return net.memory
    if net.space.on_device:
        import cupy

        kept = cupy.get_default_memory_pool().free_bytes()  # of networks before this one
        return int(cupy.cuda.runtime.memGetInfo()[0]) + int(kept)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def require_room(net: FiniteNetwork, numbers: int, what: str) -> None:
    """Raise E104, before anything is allocated, if a run needs more memory than there is."""
    needed = numbers * np.dtype(net.space.dtype).itemsize
    if needed > room(net):
        found = f"width {net.space.width} with {what}: about {needed / 2**30:.3g} GiB"
        advice = "a smaller width, fewer inputs or float32" + (", or the exact sampler" if net.dense else "")
        raise TpproofError("E104", found, f"at most {room(net) / 2**30:.3g} GiB (memory)", None, advice)
