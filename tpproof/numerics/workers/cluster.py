"""A Dask cluster that is already there: finding it, waiting for its workers, and errors that say what is wrong.

Whoever names a scheduler trusts it and its workers: Dask runs what they are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tpproof import __version__
from tpproof.errors import TpproofError
from tpproof.numerics.workers.outcome import unpacked

TIMEOUT = 5.0
PATIENCE = 60.0
_GREETING = 2**20
Job = TypeVar("Job")
GONE = (CancelledError, asyncio.CancelledError, OSError)
"""What Dask raises when the scheduler is gone."""


@contextmanager
def connected(address: str, timeout: float = TIMEOUT) -> Iterator[Any]:
    """A client of a scheduler with at least one worker, all of our version.

    Raises
    ------
    TpproofError
        E141, E155.
    """
    distributed = import_distributed()
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
        with contextlib.suppress(*GONE):
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


def import_distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise TpproofError("E141", "Dask is not installed", "pip install 'tpproof[cluster]'") from None
    return distributed


def _require_workers(client: Any, address: str, timeout: float) -> None:
    try:
        client.wait_for_workers(1, timeout=timeout)
        versions = client.run(_version, on_error="return")
    except GONE:
        raise TpproofError("E155", f"no workers at {address}", f"one within {timeout:g} s") from None
    for worker, version in versions.items():
        if version != __version__:
            has = f"tpproof {version}" if isinstance(version, str) else f"no tpproof ({str(version)[:100]})"
            raise TpproofError("E155", f"worker {worker} has {has}", f"tpproof {__version__}")


def _version() -> str:
    return __version__


def ready(client: Any, futures: list[Any]) -> list[Any]:
    """What is done, as soon as something is. Gives up when there has been no worker for long."""
    distributed = import_distributed()
    alone = time.monotonic()
    while True:
        with contextlib.suppress(TimeoutError), client.as_current():
            return list(distributed.wait(futures, timeout=1, return_when="FIRST_COMPLETED").done)
        if client.nthreads():
            alone = time.monotonic()
        elif time.monotonic() - alone > PATIENCE:
            raise TpproofError("E155", f"no workers for {PATIENCE:g} s", "a cluster whose workers stay")


def results(
    client: Any, submit: Callable[[Job], Any], todo: Iterable[Job], name: Callable[[Job], str], in_flight: int | None
) -> Generator[tuple[Job, Any], None, None]:
    """What jobs give, whatever is ready first.

    Parameters
    ----------
    client
        Of a cluster that answers.
    submit
        Sends a job whose work is `guarded`, and returns its future.
    todo
        The jobs, in the order in which they start.
    name
        What a job is called when it fails.
    in_flight
        How many may be at the workers or waiting here to be taken; two for every thread of theirs when None.

    Raises
    ------
    TpproofError
        E155 when the scheduler is gone or has no workers for long; those of `values_of`.
    """
    waiting, sent = iter(todo), dict[Any, Job]()
    try:
        while True:
            room = max(1, in_flight or 2 * sum(client.nthreads().values())) - len(sent)
            for _, job in zip(range(room), waiting, strict=False):
                sent[submit(job)] = job
            if not sent:
                return
            for future in ready(client, list(sent)):
                job = sent.pop(future)
                values = values_of(future, name(job))
                future.release()
                yield job, values
    except GONE as error:
        raise TpproofError("E155", f"the scheduler is gone ({type(error).__name__})", "one that stays") from error
    finally:
        with contextlib.suppress(*GONE, RuntimeError):
            client.cancel(list(sent))


def values_of(future: Any, what: str) -> Any:
    """The values of a future that is done, of work that was `guarded`.

    Raises
    ------
    TpproofError
        What the work raised; E155 for what else came up at the worker, Dask's KilledWorker included.
    """
    try:
        outcome = future.result()
    except GONE:
        raise
    except Exception as error:
        found = f"{what} failed: {type(error).__name__}: {str(error)[:400]}"
        raise TpproofError("E155", found, "workers that compute it") from error
    return unpacked(outcome)
