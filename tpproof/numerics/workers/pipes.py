"""A meeting of processes on this machine, by pipes: one that dies is seen at once, by the end of its pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from tpproof.errors import TpproofError
from tpproof.numerics.workers.meeting import is_last, keep
from tpproof.numerics.workers.outcome import unpacked
from tpproof.numerics.workers.processes import begin, libraries_limited

POLL = 1.0


class PipeLink:
    """A worker's end of its pipe."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, content: bytes) -> None:
        """See `meeting.Link`."""
        self.connection.send_bytes(content)

    def receive(self) -> bytes:
        """See `meeting.Link`."""
        return self.connection.recv_bytes()


def _work(connection: Connection, part: Callable[..., dict[str, Any]], worker: int, arguments: tuple[Any, ...]) -> None:
    """A process's life."""
    begin()
    with contextlib.suppress(EOFError, BrokenPipeError):  # whoever keeps the meeting is gone
        try:
            outcome = part(PipeLink(connection), worker, *arguments)
        except Exception as error:
            outcome = {"error": ("E155", f"worker {worker}: {type(error).__name__}: {str(error)[:400]}", "")}
        connection.send(outcome)


def together(
    part: Callable[..., dict[str, Any]], arguments: tuple[Any, ...], workers: int, threads: int, patience: float
) -> Any:
    """Runs ``part(link, worker, *arguments)`` in so many processes; the first one's values.

    Raises
    ------
    TpproofError
        What a worker raises; E155 when one dies, raises what is no error of ours, or says nothing for long.
    """
    context = multiprocessing.get_context("spawn")
    ends: list[Connection] = []
    processes = []
    try:
        for worker in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, part, worker, arguments), daemon=True)
            with libraries_limited(threads):
                process.start()
            theirs.close()
            processes.append(process)
            ends.append(ours)
        failed = _kept(ends, patience)
        return unpacked(ends[failed or 0].recv())
    except (EOFError, OSError) as error:
        raise TpproofError("E155", "a process died at the end of its work", "memory enough") from error
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for end in ends:
            end.close()


def _kept(ends: list[Connection], patience: float) -> int | None:
    meeting = list(ends)  # of those who are done, what comes next is their outcome

    def receive() -> bytes | None:
        for end in wait(meeting, POLL):
            assert isinstance(end, Connection)
            try:
                got = end.recv_bytes()
                if is_last(got):
                    meeting.remove(end)
                return got
            except (EOFError, OSError):
                found = f"process {ends.index(end)} of {len(ends)} died"
                advice = 'memory enough for all; in a script, the call under `if __name__ == "__main__":`'
                raise TpproofError("E155", found, advice) from None
        return None

    return keep(len(ends), receive, lambda worker, content: ends[worker].send_bytes(content), lambda: None, patience)
