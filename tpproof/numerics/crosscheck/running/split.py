"""One network whose coordinates are shared out: every worker has its stretch of every vector, and what they have in
common are sums, m × m numbers at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tpproof import __version__
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.finite import FiniteNetwork, Kernels, Space, empirical_kernels
from tpproof.numerics.finite.space import alone
from tpproof.numerics.tiles.namespaces import namespace
from tpproof.numerics.workers import cluster, pipes, queues
from tpproof.numerics.workers.meeting import DONE, FAILED, Link, Member, frame
from tpproof.numerics.workers.outcome import guarded
from tpproof.numerics.workers.processes import cores
from tpproof.numerics.workers.recipe import Recipe, made_of
from tpproof.program.canonical import canonical_bytes, from_json, to_json
from tpproof.program.model import Program

PATIENCE = 600.0
SharedWork: TypeAlias = Callable[[Space], Any]
"""What a recipe builds here: it is called by every worker with its own share, and gives every one the same."""


@dataclass(frozen=True)
class Shares:
    """What all workers' spaces have in common. See `Space`.

    Attributes
    ----------
    width, dtype, seed
        As in `Space`.
    parts
        How many workers.
    backend
        "numpy" or "cupy".
    """

    width: int
    seed: int
    parts: int
    dtype: str = "float64"
    backend: str = "numpy"

    def space(self, worker: int, reduce: Callable[[Any], Any], threads: int) -> Space:
        """A worker's space."""
        xp = namespace(self.backend)
        return Space(self.width, xp, self.dtype, self.seed, (worker, self.parts), reduce, threads)


def split(
    work: Recipe,
    shares: Shares,
    *,
    scheduler: str | None = None,
    timeout: float = cluster.TIMEOUT,
    patience: float = PATIENCE,
) -> Any:
    """Runs work on one network by several workers, each with its share of the coordinates.

    Parameters
    ----------
    work
        Builds a `SharedWork`.
    shares
        The network's width and seed, and the number of workers.
    scheduler
        The address of a Dask scheduler with at least so many workers; None: processes here.
    timeout
        Seconds to wait for the scheduler, and for its first worker.
    patience
        Seconds without a sign of any worker after which the run is given up. Workers that die are seen at once.

    Returns
    -------
    Any
        What the work gives, the same as from one process up to rounding (with CuPy, for one given split).

    Raises
    ------
    TpproofError
        What the work raises; E155 when a worker dies, raises what is no error of ours or says nothing for long, or
        there are too few; E141 when Dask is missing; E151 for a number of parts below 1.
    """
    if isinstance(shares.parts, bool) or not isinstance(shares.parts, int) or shares.parts < 1:
        raise TpproofError("E151", f"a network in {shares.parts!r} parts"[:80], "an integer, at least 1")
    if shares.parts == 1 and scheduler is None:
        return made_of(work)(shares.space(0, alone, cores()))
    if scheduler is None:
        threads = max(1, cores() // shares.parts)
        return pipes.together(part, (__version__, work, shares, threads), shares.parts, threads, patience)
    with cluster.connected(scheduler, timeout) as client:
        return queues.together(client, part, (__version__, work, shares, None), shares.parts, patience)


def part(link: Link, worker: int, version: str, work: Recipe, shares: Shares, threads: int | None) -> dict[str, Any]:
    """One worker's share of the work."""
    sent = FAILED
    try:
        space = shares.space(worker, Member(worker, link), threads or queues.own_threads())
        outcome = guarded(version, lambda: made_of(work)(space))
        sent = DONE if "values" in outcome else FAILED
        return outcome
    finally:
        link.send(frame(worker, sent))


# --- kernels ---------------------------------------------------------------------------------------------------------


def split_kernels(
    program: Program,
    inputs: ArrayLike | Sequence[ArrayLike],
    width: int,
    seed: int,
    parts: int,
    *,
    dtype: str = "float64",
    backend: str = "numpy",
    scheduler: str | None = None,
    timeout: float = cluster.TIMEOUT,
    patience: float = PATIENCE,
    limits: Limits = DEFAULT,
) -> Kernels:
    """The empirical NTK of one network (exact sampler) whose coordinates are shared out over workers.

    Parameters
    ----------
    program, inputs
        See `finite.FiniteNetwork`, `finite.empirical_kernels`.
    width, seed, parts, dtype, backend
        See `Shares`.
    scheduler, timeout, patience
        See `split`.
    limits
        With which the program was read.

    Raises
    ------
    TpproofError
        Those of `split` and of `finite.empirical_kernels`; E104 when a worker's share does not fit its memory.
    """
    whole = FiniteNetwork(program, Space(width, dtype=dtype, seed=seed))
    options = {"inputs": [x.tolist() for x in whole.inputs(inputs)]}
    work = Recipe(kernels_of, canonical_bytes(to_json(program)).decode(), json.dumps(options), limits)
    shares = Shares(width, seed, parts, dtype, backend)
    found: Kernels = split(work, shares, scheduler=scheduler, timeout=timeout, patience=patience)
    return found


def kernels_of(recipe: Recipe) -> SharedWork:
    """The kernels of a program at the inputs of the options."""
    program = from_json(json.loads(recipe.program), recipe.limits)
    inputs = [np.array(x) for x in json.loads(recipe.options)["inputs"]]
    return lambda space: empirical_kernels(FiniteNetwork(program, space), inputs)
