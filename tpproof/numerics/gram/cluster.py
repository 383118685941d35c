"""The blocks of a Gram matrix on the workers of a Dask cluster that is already there.

A worker gets a recipe, from which it builds the engine once, and with each block the rows of the inputs that it needs.
This process writes what comes back; the journal is that of `tpproof.numerics.gram.store.compute`, so a run may go on
with or without a cluster. Whoever names a scheduler trusts it and its workers: Dask runs what they are sent.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tpproof import __version__
from tpproof.numerics.gram.blocks import FLOAT64, Block, Engine, KernelBlocks, RowBlocks, Values
from tpproof.numerics.gram.inputs import InputArrays
from tpproof.numerics.gram.store import Progress, Scheduler, Stored, compute
from tpproof.numerics.workers import recipe as workers
from tpproof.numerics.workers.cluster import TIMEOUT, connected, results
from tpproof.numerics.workers.outcome import guarded

_LARGE_TASKS = {"distributed.admin.large-graph-warning-threshold": "1 GiB"}  # rows travel with their block, as meant


class Recipe(workers.Recipe):
    """A recipe of an engine: see `tpproof.numerics.workers.recipe`."""

    def blocks(
        self,
        names: tuple[str, ...],
        x1: InputArrays,
        x2: InputArrays | None = None,
        trailing: tuple[int, ...] = (),
        dtype: np.dtype[Any] = FLOAT64,
    ) -> RowBlocks:
        """The matrix that the engine computes, for `compute` here or `compute_on_cluster` there."""
        return RowBlocks(engine_of(self), self.fingerprint, names, x1, x2, trailing, dtype)


def engine_of(recipe: Recipe) -> Engine:
    """The engine of a recipe, made once in each process."""
    engine: Engine = workers.made_of(recipe)
    return engine


def compute_on_cluster(
    address: str,
    recipe: Recipe,
    blocks: RowBlocks,
    target: str | Path | None = None,
    *,
    block_size: int = 1024,
    progress: Progress | None = None,
    resume: bool = True,
    timeout: float = TIMEOUT,
    in_flight: int | None = None,
) -> Stored:
    """`tpproof.numerics.gram.store.compute` with the blocks computed by the workers of a cluster.

    Parameters
    ----------
    address
        Of the scheduler: ``tcp://host:port``.
    recipe
        What `blocks` was made from.
    blocks, target, block_size, progress, resume
        As in `compute`.
    timeout
        Seconds to wait for the scheduler, and for a first worker.
    in_flight
        How many blocks may be at the workers, or waiting here to be written; two for every thread of theirs when None.

    Raises
    ------
    TpproofError
        E155 when no scheduler or worker answers, a worker has another version of tpproof, a block has failed on
        several workers (Dask gives up after its ``allowed-failures``, 3), or the cluster is gone; E141 when Dask is
        missing; and those of `compute`.
    ValueError
        When the recipe is not that of the blocks.
    """
    if blocks.recipe != recipe.fingerprint:
        raise ValueError("the blocks are not made from this recipe")
    with connected(address, timeout) as client:
        scheduler = spread(client, recipe, blocks, in_flight)
        return compute(blocks, target, block_size=block_size, progress=progress, resume=resume, scheduler=scheduler)


# --- at the workers --------------------------------------------------------------------------------------------------


def work(version: str, recipe: Recipe, x1: InputArrays, x2: InputArrays | None) -> dict[str, Any]:
    """One block, at a worker. Errors of ours travel as their texts."""
    return guarded(version, lambda: dict(engine_of(recipe)(x1, x2)))


# --- here ------------------------------------------------------------------------------------------------------------


def spread(client: Any, recipe: Recipe, blocks: RowBlocks, in_flight: int | None = None) -> Scheduler:
    """The scheduler that sends blocks to the workers of a client and hands over what is ready first."""

    def run(_: KernelBlocks, todo: Sequence[Block]) -> Generator[tuple[Block, Values], None, None]:
        return _spread(client, recipe, blocks, todo, in_flight)

    return run


def _spread(
    client: Any, recipe: Recipe, blocks: RowBlocks, todo: Sequence[Block], in_flight: int | None
) -> Generator[tuple[Block, Values], None, None]:
    import dask

    def submit(block: Block) -> Any:
        with dask.config.set(_LARGE_TASKS):
            return client.submit(work, __version__, recipe, *blocks.pair(block.rows, block.cols), pure=False)

    return results(client, submit, todo, lambda block: f"block {block.key}", in_flight)
