"""The errors of a Gram matrix that is computed block by block: kept beside its blocks, so that a run that goes on after
it was cut short knows those of the blocks that it finds."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tpproof.numerics.gram.blocks import Block, KernelBlocks, Values, grid
from tpproof.numerics.gram.gram import CLOSED, QUADRATURE, SAMPLED
from tpproof.numerics.gram.journal import ERRORS
from tpproof.numerics.gram.store import Scheduler, Stored

SUMMARY = "summary"
"""What an engine returns beside the numbers of a block: see `summary`."""
METHODS = (CLOSED, QUADRATURE, SAMPLED)


@dataclass(frozen=True)
class StoredKernel(Stored):
    """A stored kernel, and what is known of its numbers.

    Attributes
    ----------
    method, verdict, rtol
        As in `Kernel`.
    relative_error
        Kernel → the largest error of an entry, relative to √(K_ii K'_jj) (of samples: to its block's largest entry).
    largest_error
        Kernel → the largest bound (or standard error) of an entry.
    """

    method: str
    verdict: str
    rtol: float | None
    relative_error: dict[str, float]
    largest_error: dict[str, float]

    @property
    def reached(self) -> bool:
        """Whether every error is within the tolerance. Without a tolerance there is nothing to reach."""
        return self.rtol is None or all(e <= self.rtol for e in self.relative_error.values())


def summary(method: str, relative: Sequence[float], largest: Sequence[float]) -> Any:
    """Method, relative and largest errors of a block, as one array: it travels from a worker with the numbers."""
    return np.array([METHODS.index(method), *relative, *largest], dtype=np.float64)


@dataclass
class Watch:
    """Takes the summaries of blocks as they come, and writes them down before the blocks count as computed."""

    count: int
    folder: Path | None
    worst: Any = field(init=False)
    _seen: set[tuple[int, int]] = field(init=False, default_factory=set)
    _all: set[tuple[int, int]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.worst = np.zeros(1 + 2 * self.count)

    def over(self, scheduler: Scheduler, block_size: int) -> Scheduler:
        """The scheduler, watched."""

        def run(blocks: KernelBlocks, todo: Sequence[Block]) -> Generator[tuple[Block, Values], None, None]:
            self._all = {b.key for b in grid(blocks.shape, blocks.symmetric, block_size)}
            self._read()
            with closing(scheduler(blocks, todo)) as computed:
                for block, values in computed:
                    self._write(block, values[SUMMARY])
                    yield block, values

        return run

    def known(self) -> tuple[str, list[float], list[float]]:
        """Method, relative and largest errors of all blocks; infinite when those of one are lost."""
        worst = self.worst if self._seen >= self._all else np.full_like(self.worst, math.inf)
        errors = [float(e) for e in worst[1:]]
        return METHODS[int(self.worst[0])], errors[: self.count], errors[self.count :]

    def _take(self, key: tuple[int, int], found: Any) -> None:
        self._seen.add(key)
        self.worst = np.maximum(self.worst, found)  # of methods: the least exact

    def _read(self) -> None:
        try:
            lines = [] if self.folder is None else (self.folder / ERRORS).read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                i, j, *found = json.loads(line)
                if len(found) == len(self.worst):
                    self._take((int(i), int(j)), np.array(found, dtype=np.float64))
            except (ValueError, TypeError):  # cut while it was written: so was its block
                continue

    def _write(self, block: Block, found: Any) -> None:
        self._take(block.key, found)
        if self.folder is None:
            return
        with (self.folder / ERRORS).open("ab") as file:
            file.write(b"\n" + json.dumps([*block.key, *(float(e) for e in found)]).encode())
            file.flush()
            os.fsync(file.fileno())
