"""The networks of a cross-check: here, over processes, or over a Dask cluster that is there.

Every task has a seed of its own, so the numbers do not depend on who computes them, nor in which order. A worker that
dies costs its task one more attempt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tpproof import __version__
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.running.journal import journal as journal_of
from tpproof.numerics.crosscheck.running.tasks import Means, Task, Values, numbers
from tpproof.numerics.workers import cluster, processes
from tpproof.numerics.workers.outcome import guarded, unpacked
from tpproof.numerics.workers.recipe import Recipe

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many tasks are done, of how many."""


@dataclass(frozen=True)
class Results:
    """What a run has found.

    Attributes
    ----------
    values
        Task → its numbers, in the order of the tasks; of a partial run, of those that were done.
    partial
        Whether Ctrl-C came before the end.
    resumed
        How many tasks the journal had already.
    """

    values: dict[Task, Values]
    partial: bool
    resumed: int


def run(
    tasks: Iterable[Task],
    work: Recipe,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    stop_on_interrupt: bool = True,
    timeout: float = cluster.TIMEOUT,
    length: Callable[[Task], int] | None = None,
) -> Results:
    """Computes tasks.

    Parameters
    ----------
    tasks
        Widths and samples; see `tasks.tasks`.
    work
        Builds a `tasks.Work`. Its options are an object: all that the numbers depend on, by name.
    workers
        Processes; 1: this one, None: one for each core, as far as there are tasks. They share the cores and the memory.
    scheduler
        The address of a Dask scheduler, whose workers compute instead.
    journal
        A file that gets a line for every task. If it is there, tasks that it has are not computed again.
    progress
        Called at the start and after every task.
    stop_on_interrupt
        At Ctrl-C, return what there is. Otherwise KeyboardInterrupt is passed on.
    timeout
        Seconds to wait for the scheduler, and for its first worker.
    length
        How many numbers a task has: those of a journal that has others are computed again.

    Returns
    -------
    Results
        The same bits for any number of workers of one kind.

    Raises
    ------
    TpproofError
        Whatever a task raises, E152 when a number is not finite, E104 when memory runs out; E155 when a task has ended
        three processes (or as many workers as Dask allows), when there is no cluster, or workers of another version;
        E140, E154 and E161 about the journal; E142 for `workers` below 1.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise TpproofError("E142", f"{workers!r} workers"[:80], "an integer, at least 1")
    wanted = list(dict.fromkeys(tasks))
    tell = progress or (lambda done, total: None)
    partial = False
    with journal_of(journal, work) as book:
        done = {task: book.done[task] for task in wanted if task in book.done}
        found = {task: row for task, row in done.items() if length is None or len(row) == length(task)}
        resumed = len(found)
        todo = [task for task in wanted if task not in found]
        tell(resumed, len(wanted))
        try:
            with closing(_computed(todo, work, workers, scheduler, timeout)) as computed:
                for task, values in computed:
                    book.record(task, values)
                    found[task] = values
                    tell(len(found), len(wanted))
        except KeyboardInterrupt:
            if not stop_on_interrupt:
                raise
            partial = len(found) < len(wanted)
    return Results({task: found[task] for task in wanted if task in found}, partial, resumed)


Computed: TypeAlias = Generator[tuple[Task, Values], None, None]


def _computed(
    todo: Sequence[Task], work: Recipe, workers: int | None, scheduler: str | None, timeout: float
) -> Computed:
    if not todo:
        return _here((), work)
    if scheduler is not None:
        return _on_cluster(todo, work, scheduler, timeout)
    count = min(len(todo), processes.cores() if workers is None else workers)
    return _here(todo, work) if count == 1 else _over_processes(todo, work, count)


def compute(version: str, work: Recipe, task: Task, means: Means) -> dict[str, Any]:
    """One task, at a worker."""
    return guarded(version, lambda: numbers(work, task, means))


def _here(todo: Sequence[Task], work: Recipe) -> Computed:
    means = Means(processes.cores())
    for task in todo:
        yield task, unpacked(compute(__version__, work, task, means))


def _over_processes(todo: Sequence[Task], work: Recipe, count: int) -> Computed:
    means = Means(max(1, processes.cores() // count), _memory() // count)

    def submit(process: processes.Process, task: Task) -> Future[Any]:
        return process.submit(compute, __version__, work, task, means)

    return processes.results(count, means.threads, submit, todo)


def _on_cluster(todo: Sequence[Task], work: Recipe, scheduler: str, timeout: float) -> Computed:
    means = Means(threads=1)  # a worker has a thread for each of its cores, and each takes a task
    with cluster.connected(scheduler, timeout) as client:

        def submit(task: Task) -> Any:
            return client.submit(compute, __version__, work, task, means, pure=False)

        yield from cluster.results(client, submit, todo, str, None)


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
