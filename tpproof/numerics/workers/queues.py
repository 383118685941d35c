"""A meeting of the workers of a Dask cluster, by queues at the scheduler: one that dies is missed within seconds."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tpproof.errors import TpproofError
from tpproof.numerics.workers.cluster import GONE, import_distributed, values_of
from tpproof.numerics.workers.meeting import keep

POLL = 1.0
_DEAD = ("error", "cancelled", "lost")


class QueueLink:
    """A worker's queues: up to whoever keeps the meeting, and down to itself."""

    def __init__(self, name: str, worker: int, patience: float) -> None:
        distributed = import_distributed()
        client = distributed.get_client()
        self._up = distributed.Queue(_up(name), client=client)
        self._down = distributed.Queue(_down(name, worker), client=client)
        self._patience = patience

    def send(self, content: bytes) -> None:
        """See `meeting.Link`."""
        self._up.put(content)

    def receive(self) -> bytes:
        """See `meeting.Link`."""
        try:
            return bytes(self._down.get(timeout=2 * self._patience))
        except TimeoutError:
            return b""


def _up(name: str) -> str:
    return f"{name}-up"


def _down(name: str, worker: int) -> str:
    return f"{name}-down-{worker}"


def own_threads() -> int:
    """Those of the worker that this runs at."""
    return int(import_distributed().get_worker().state.nthreads)


def _work(name: str, patience: float, part: Callable[..., Any], worker: int, arguments: tuple[Any, ...]) -> Any:
    """At a worker."""
    return part(QueueLink(name, worker, patience), worker, *arguments)


def together(
    client: Any, part: Callable[..., dict[str, Any]], arguments: tuple[Any, ...], workers: int, patience: float
) -> Any:
    """Runs ``part(link, worker, *arguments)`` at so many workers of a cluster; the first one's values.

    Raises
    ------
    TpproofError
        What a worker raises; E155 when one dies, raises what is no error of ours or says nothing for long, when there
        are too few, or the scheduler is gone.
    """
    distributed = import_distributed()
    addresses = sorted(client.nthreads())[:workers]
    if len(addresses) < workers:
        raise TpproofError("E155", f"{len(addresses)} workers for a network in {workers} parts", "as many workers")
    name = f"tpproof-{uuid4().hex}"
    up = distributed.Queue(_up(name), client=client)
    down = [distributed.Queue(_down(name, worker), client=client) for worker in range(workers)]
    futures: list[Any] = []
    try:
        for worker, address in enumerate(addresses):
            where = {"workers": [address], "allow_other_workers": False, "retries": 0, "pure": False}
            futures.append(client.submit(_work, name, patience, part, worker, arguments, **where))
        failed = _kept(client, up, down, dict(zip(addresses, futures, strict=True)), patience)
        return values_of(futures[failed or 0], f"worker {failed or 0}")
    except GONE as error:
        raise TpproofError("E155", f"the scheduler is gone ({type(error).__name__})", "one that stays") from error
    finally:
        with contextlib.suppress(*GONE, RuntimeError):
            for queue in down:
                queue.put(b"")  # whoever still waits for a sum
            client.cancel(futures)


def _kept(client: Any, up: Any, down: list[Any], futures: dict[str, Any], patience: float) -> int | None:
    came: deque[bytes] = deque()

    def receive() -> bytes | None:
        if not came:
            with contextlib.suppress(TimeoutError):
                came.append(up.get(timeout=POLL))
                came.extend(up.get(batch=True))
        return bytes(came.popleft()) if came else None

    def watch() -> None:
        there = client.nthreads()
        for worker, (address, future) in enumerate(futures.items()):
            if address not in there:
                raise TpproofError("E155", f"worker {worker} at {address} died", "workers that stay; memory enough")
            if future.status in _DEAD:
                values_of(future, f"worker {worker}")

    return keep(len(down), receive, lambda worker, content: down[worker].put(content), watch, patience)
