"""What a cross-check is made of: one network of one width a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import TRAINED
from tpproof.numerics.workers.recipe import Recipe, made_of

Values: TypeAlias = NDArray[np.float64]
"""(Q,): a number for each quantity."""


@dataclass(frozen=True, order=True)
class Task:
    """Network number `sample` of width n."""

    width: int
    sample: int

    @property
    def trained(self) -> bool:
        """Whether the network's trajectory is followed."""
        return self.sample < TRAINED

    def __str__(self) -> str:
        return f"width {self.width}, sample {self.sample}"


@dataclass(frozen=True)
class Means:
    """What a task may take where it runs. The numbers do not depend on it.

    Attributes
    ----------
    threads
        At work on one network.
    memory
        Bytes; None: whatever the machine has.
    """

    threads: int
    memory: int | None = None


Work: TypeAlias = Callable[[Task, Means], Values]
"""What a `Recipe` of a cross-check builds: the numbers of one network."""


def tasks(samples: Mapping[int, int]) -> tuple[Task, ...]:
    """Width → how many networks: all tasks, widths in turn, so that a run that is cut short has some of each."""
    rounds = range(max(samples.values(), default=0))
    return tuple(Task(width, m) for m in rounds for width in sorted(samples) if m < samples[width])


def network_seed(seed: int, task: Task) -> int:
    """The seed of a task's network, the same whoever runs it: 64 bits of NumPy's SeedSequence of (seed, n, m)."""
    state = np.random.SeedSequence([seed, task.width, task.sample]).generate_state(1, np.uint64)
    return int(state[0])


def numbers(work: Recipe, task: Task, means: Means) -> Values:
    """The numbers of one task.

    Raises
    ------
    TpproofError
        E152 when one is not finite.
    """
    found = np.asarray(made_of(work)(task, means), dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        raise TpproofError("E152", f"{task}: quantity {wrong[0]} is {found.flat[wrong[0]]}")
    return found
