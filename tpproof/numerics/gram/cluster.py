"""The blocks of a Gram matrix on the workers of a Dask cluster that is already there.

A worker gets a recipe, from which it builds the engine once, and with each block the rows of the inputs that it needs.
This process writes what comes back; the journal is that of `tpproof.numerics.gram.store.compute`, so a run may go on
with or without a cluster. Whoever names a scheduler trusts it and its workers: Dask runs what they are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tpproof import __version__
from tpproof.errors import CODES, TpproofError
from tpproof.numerics.gram.blocks import FLOAT64, Block, Engine, KernelBlocks, RowBlocks, Values
from tpproof.numerics.gram.inputs import InputArrays
from tpproof.numerics.gram.store import Progress, Scheduler, Stored, compute

TIMEOUT = 5.0
PATIENCE = 60.0
_GREETING = 2**20
_GONE = (CancelledError, asyncio.CancelledError, OSError)
_LARGE_TASKS = {"distributed.admin.large-graph-warning-threshold": "1 GiB"}  # rows travel with their block, as meant


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to make the engine: plain text, and which function of ours reads it.

    Attributes
    ----------
    build
        A function at the top of one of our modules. It travels as its name, which comes from the calling code and
        never from a file.
    program
        The canonical program, JSON.
    options
        What else the numbers depend on, JSON.
    """

    build: Callable[[Recipe], Engine]
    program: str
    options: str = "{}"

    def __post_init__(self) -> None:
        home = sys.modules.get(self.build.__module__)
        if self.build.__module__ == "__main__" or getattr(home, self.build.__qualname__, None) is not self.build:
            raise ValueError(f"{self.build.__qualname__} is no function that a worker can import")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe and the version of tpproof."""
        parts = (__version__, self.build.__module__, self.build.__qualname__, self.program, self.options)
        return sha256(repr(parts).encode()).hexdigest()

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


@lru_cache(maxsize=4)
def engine_of(recipe: Recipe) -> Engine:
    """The engine of a recipe, made once in each process."""
    return recipe.build(recipe)


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


@contextmanager
def connected(address: str, timeout: float = TIMEOUT) -> Iterator[Any]:
    """A client of a scheduler with at least one worker, all of our version.

    Raises
    ------
    TpproofError
        E141, E155.
    """
    distributed = _import_distributed()
    _require_answer(address, timeout)
    try:
        client = distributed.Client(address, timeout=timeout, set_as_default=False)
    except Exception as error:  # a time-out, a wrong form, or whatever else answers there and is no scheduler
        found = f"no scheduler at {address[:200]!r} ({type(error).__name__})"
        raise TpproofError("E155", found, f"an answer within {timeout:g} s; tcp://host:port") from None
    try:
        _require_workers(client, address, timeout)
        yield client
    finally:
        with contextlib.suppress(*_GONE):
            client.close(timeout)


def _require_answer(address: str, timeout: float) -> None:
    """Somebody there greets as schedulers do, with a short message after its length in 8 bytes.

    A client of Dask waits for ever for one who does not, or complains when it is thrown away.
    """
    expected = f"an answer within {timeout:g} s; tcp://host:port"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if parts.scheme != "tcp" or not host or not port or parts.path or "@" in parts.netloc:
            raise ValueError
    except ValueError:
        raise TpproofError(
            "E155", f"no scheduler at {address[:200]!r} (no address of one)", "tcp://host:port"
        ) from None
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            if not 0 < int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "little") < _GREETING:
                raise OSError("what answers is no scheduler")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise TpproofError("E155", f"no scheduler at {address[:200]!r} ({why})", expected) from None


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise TpproofError("E141", "Dask is not installed", "pip install 'tpproof[cluster]'") from None
    return distributed


def _require_workers(client: Any, address: str, timeout: float) -> None:
    try:
        client.wait_for_workers(1, timeout=timeout)
        versions = client.run(_version, on_error="return")
    except _GONE:
        raise TpproofError("E155", f"no workers at {address}", f"one within {timeout:g} s") from None
    for worker, version in versions.items():
        if version != __version__:
            has = f"tpproof {version}" if isinstance(version, str) else f"no tpproof ({str(version)[:100]})"
            raise TpproofError("E155", f"worker {worker} has {has}", f"tpproof {__version__}")


def _version() -> str:
    return __version__


# --- at the workers --------------------------------------------------------------------------------------------------


def work(version: str, recipe: Recipe, x1: InputArrays, x2: InputArrays | None) -> dict[str, Any]:
    """One block, at a worker. Errors of ours travel as their texts."""
    try:
        if version != __version__:
            raise TpproofError("E155", f"a worker has tpproof {__version__}", f"tpproof {version}")
        return {"values": dict(engine_of(recipe)(x1, x2))}
    except TpproofError as error:
        return {"error": (error.code, error.found, error.expected)}


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

    waiting, sent = iter(todo), dict[Any, Block]()
    try:
        while True:
            room = max(1, in_flight or 2 * sum(client.nthreads().values())) - len(sent)
            for _, block in zip(range(room), waiting, strict=False):
                with dask.config.set(_LARGE_TASKS):
                    pair = blocks.pair(block.rows, block.cols)
                    sent[client.submit(work, __version__, recipe, *pair, pure=False)] = block
            if not sent:
                return
            for future in _ready(client, list(sent)):
                block = sent.pop(future)
                values = _values(future, block)
                future.release()
                yield block, values
    except _GONE as error:
        raise TpproofError("E155", f"the scheduler is gone ({type(error).__name__})", "one that stays") from error
    finally:
        with contextlib.suppress(*_GONE, RuntimeError):
            client.cancel(list(sent))


def _ready(client: Any, futures: list[Any]) -> list[Any]:
    """What is done, as soon as something is. Gives up when there has been no worker for long."""
    distributed = _import_distributed()
    alone = time.monotonic()
    while True:
        with contextlib.suppress(TimeoutError), client.as_current():
            return list(distributed.wait(futures, timeout=1, return_when="FIRST_COMPLETED").done)
        if client.nthreads():
            alone = time.monotonic()
        elif time.monotonic() - alone > PATIENCE:
            raise TpproofError("E155", f"no workers for {PATIENCE:g} s", "a cluster whose workers stay")


def _values(future: Any, block: Block) -> Values:
    try:
        outcome = future.result()
    except _GONE:
        raise
    except Exception as error:  # whatever came up at the worker, and KilledWorker
        found = f"block {block.key} failed: {type(error).__name__}: {str(error)[:400]}"
        raise TpproofError("E155", found, "workers that compute it") from error
    if "error" in outcome:
        code, found, expected = outcome["error"]
        raise TpproofError(code if code in CODES else "E155", found, expected)
    values: Values = outcome["values"]
    return values
