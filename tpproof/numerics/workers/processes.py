"""Processes on this machine, each an executor of its own: one that dies takes nobody else's work along."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from tpproof.errors import TpproofError
from tpproof.numerics.workers.outcome import unpacked

ATTEMPTS = 3
"""Processes that may die of one job."""
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
Job = TypeVar("Job")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Process:
    """One process with one job at a time.

    Parameters
    ----------
    threads
        Of the linear algebra libraries in it.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self.restart()

    def restart(self) -> None:
        """A new process, in the place of one that is dead."""
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(1, context, begin)
        with libraries_limited(self._threads):
            self._pid = self._executor.submit(os.getpid)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Starts a job, in a new process if this one died while it had nothing to do."""
        try:
            return self._executor.submit(work, *arguments)
        except BrokenExecutor:
            self.restart()
            return self._executor.submit(work, *arguments)

    def kill(self) -> None:
        """Ends the process, whatever it is at."""
        if self._pid.cancel():
            self._executor.shutdown(wait=False, cancel_futures=True)
            return
        with contextlib.suppress(BrokenExecutor, OSError, TimeoutError):
            os.kill(self._pid.result(timeout=60), signal.SIGTERM)
        self._executor.shutdown(wait=True, cancel_futures=True)


def begin() -> None:
    """At the start of a process: Ctrl-C is its parent's affair, and it ends when its parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def libraries_limited(threads: int) -> Iterator[None]:
    """Processes that are started inside find these numbers of threads: libraries read them once, when imported."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def results(
    count: int, threads: int, submit: Callable[[Process, Job], Future[Any]], todo: Iterable[Job]
) -> Generator[tuple[Job, Any], None, None]:
    """What jobs give, whatever is ready first.

    Parameters
    ----------
    count
        Processes.
    threads
        Of each.
    submit
        Starts a job, whose work is `outcome.guarded`, in a process.
    todo
        The jobs, in the order in which they start.

    Raises
    ------
    TpproofError
        E155 when a job has ended `ATTEMPTS` processes, or has raised what is no error of ours.
    """
    waiting, deaths = deque(todo), Counter[Job]()
    busy: dict[Future[Any], tuple[Process, Job]] = {}
    with closing(_Crew(min(count, len(waiting)), threads)) as crew:
        while waiting or busy:
            while waiting and crew.idle:
                process, job = crew.idle.pop(), waiting.popleft()
                busy[submit(process, job)] = process, job
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                process, job = busy.pop(future)
                crew.idle.append(process)
                try:
                    outcome = future.result()
                except BrokenExecutor:
                    deaths[job] += 1
                    _require_fewer(deaths[job], job)
                    process.restart()
                    waiting.appendleft(job)
                    continue
                except Exception as error:
                    found = f"{job} failed: {type(error).__name__}: {str(error)[:400]}"
                    raise TpproofError("E155", found, "work that can be done") from error
                yield job, unpacked(outcome)


class _Crew:
    """The processes of a run; all of them end with it."""

    def __init__(self, count: int, threads: int) -> None:
        self.all = [Process(threads) for _ in range(count)]
        self.idle = list(self.all)

    def close(self) -> None:
        for process in self.all:
            process.kill()


def _require_fewer(deaths: int, job: object) -> None:
    if deaths >= ATTEMPTS:
        found = f"{job}: {deaths} processes that computed it were killed"
        advice = 'memory enough for them; in a script, the call under `if __name__ == "__main__":`'
        raise TpproofError("E155", found, advice)
