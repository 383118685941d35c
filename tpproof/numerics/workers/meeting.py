"""Workers that meet: each hands in an array of float64, and everyone gets the sum.

Whoever keeps the meeting adds in the order of the workers, so that the sums do not depend on who comes first. What
travels are frames: who, which meeting, and the numbers' bytes.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError

_HEAD = struct.Struct("<qq")
DONE, FAILED = -1, -2
"""In the place of the meeting's number: this worker needs no more sums; it has raised an error."""
Sums = NDArray[np.float64]


def frame(worker: int, number: int, content: bytes = b"") -> bytes:
    """What a worker sends."""
    return _HEAD.pack(worker, number) + content


def is_last(got: bytes) -> bool:
    """Whether a worker sends no frame after this one."""
    return int(_HEAD.unpack_from(got)[1]) in (DONE, FAILED)


class Link(Protocol):
    """A worker's way to the meeting."""

    def send(self, content: bytes) -> None:
        """Hands in a frame."""

    def receive(self) -> bytes:
        """The sums' bytes; nothing if the meeting is over."""


class Member:
    """A worker's `reduce`.

    Parameters
    ----------
    worker
        Its number.
    link
        Its way to the meeting.
    """

    def __init__(self, worker: int, link: Link) -> None:
        self._worker, self._link, self._number = worker, link, 0

    def __call__(self, sums: Sums) -> Sums:
        """The sum over all workers.

        Raises
        ------
        TpproofError
            E155 when another worker has failed.
        """
        self._link.send(frame(self._worker, self._number, np.ascontiguousarray(sums, dtype=np.float64).tobytes()))
        answer = self._link.receive()
        if len(answer) != _HEAD.size + sums.nbytes or _HEAD.unpack_from(answer)[1] != self._number:
            raise TpproofError("E155", f"worker {self._worker} was told to stop", "workers that all go on")
        self._number += 1
        return np.frombuffer(answer, dtype=np.float64, offset=_HEAD.size).reshape(sums.shape).copy()


def keep(
    workers: int,
    receive: Callable[[], bytes | None],
    send: Callable[[int, bytes], None],
    watch: Callable[[], None],
    patience: float,
) -> int | None:
    """Keeps the meetings until all workers are done, or one has failed.

    Parameters
    ----------
    workers
        How many there are.
    receive
        The next frame, or None after a short while without one.
    send
        A frame to one worker.
    watch
        Called now and then; raises when a worker is gone.
    patience
        Seconds without any frame after which the run is given up.

    Returns
    -------
    int or None
        The worker that has failed.

    Raises
    ------
    TpproofError
        E155 when nobody says anything, or workers are not in step; what `watch` raises.
    """
    came: dict[int, bytes] = {}
    done: set[int] = set()
    number, last = 0, time.monotonic()
    while len(done) < workers:
        got = receive()
        if got is None:
            watch()
            if time.monotonic() - last > patience:
                late = sorted(set(range(workers)) - set(came) - done)
                raise TpproofError("E155", f"no sums from workers {late} for {patience:g} s", "workers that go on")
            continue
        last = time.monotonic()
        worker, at = _HEAD.unpack_from(got)
        if at == FAILED:
            return int(worker)
        if at == DONE:
            done.add(worker)
        elif at != number or worker in came or done:
            raise TpproofError("E155", f"worker {worker} is at sum {at}, not {number}", "workers that stay")
        else:
            came[worker] = got
        if len(came) == workers:
            total = _total([came[i] for i in range(workers)])
            for i in range(workers):
                send(i, frame(i, number, total))
            came.clear()
            number += 1
    return None


def _total(frames: list[bytes]) -> bytes:
    parts = [np.frombuffer(got, dtype=np.float64, offset=_HEAD.size) for got in frames]
    if len({len(part) for part in parts}) > 1:
        raise TpproofError("E155", f"sums of {sorted({len(p) for p in parts})} numbers", "the same from every worker")
    total: Sums = np.sum(parts, axis=0, dtype=np.float64)
    return total.tobytes()
