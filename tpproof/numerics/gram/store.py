"""Gram matrices of any size: block by block into memory or to disk, where a run that is cut short goes on later.

No more than a few blocks are held beyond the result. Nothing stands under a final name before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tpproof import __version__
from tpproof.errors import TpproofError
from tpproof.numerics.gram.blocks import Block, KernelBlocks, Values, checked, grid, grid_size
from tpproof.numerics.gram.journal import JOURNAL, journalled, record
from tpproof.numerics.gram.targets import (
    Layout,
    Memory,
    Place,
    Target,
    clear,
    layout_of,
    open_target,
    place_of,
    require_own,
    require_space,
)
from tpproof.numerics.workers.journal import opened
from tpproof.numerics.workers.lock import locked

Progress = Callable[[int, int], None]
"""Told how many blocks are done, of how many."""

Scheduler = Callable[[KernelBlocks, Sequence[Block]], Generator[tuple[Block, Values], None, None]]
"""Computes blocks in any order, each once, and hands them over one by one. Closed when the run ends early."""


@dataclass(frozen=True)
class Stored:
    """A Gram matrix.

    Attributes
    ----------
    arrays
        Name → array of shape (N1, N2, *trailing): in memory, or a read-only view of what is on disk (a memory map, a
        Zarr array; an ``.npz`` is read).
    paths
        Name → file; empty when the target was memory.
    computed, resumed
        How many blocks this run has computed, and how many it has found.
    """

    arrays: dict[str, Any]
    paths: dict[str, Path]
    computed: int
    resumed: int


def compute(
    blocks: KernelBlocks,
    target: str | Path | None = None,
    *,
    block_size: int = 1024,
    progress: Progress | None = None,
    resume: bool = True,
    scheduler: Scheduler | None = None,
) -> Stored:
    """The whole matrix, block by block.

    Parameters
    ----------
    blocks
        What computes a block. Of a symmetric matrix only blocks on and above the diagonal are computed.
    target
        None for memory. ``K.npy`` (of several names ``K.ntk.npy``, …), ``K.npz`` for small ones, ``K.zarr`` with chunks
        of one block (needs the extra ``zarr``), or a folder with one ``.npy`` for every name. What stood there before
        is replaced at the end.
    block_size
        Rows and columns of a block.
    progress
        Called at the start and after every block.
    resume
        Go on from where an earlier run on this target was cut short, if it computed the same in the same blocks.
        A block counts when it and its line in the journal are on disk: at most those in flight are lost.
    scheduler
        Computes the blocks elsewhere; here and one by one when None.

    Raises
    ------
    TpproofError
        E104 when the matrix does not fit in memory, E140 when it cannot be written (with the bytes needed and free),
        E141 when Zarr is missing, E142 for a target's or block's wrong form, E152 when an entry is not finite, E154
        when another run writes to the same target. Then no file is under a final name that was not there before.
    KeyboardInterrupt
        Passed on, with a note that says how to go on.
    """
    if isinstance(block_size, bool) or not isinstance(block_size, int) or block_size < 1:
        raise TpproofError("E142", f"blocks of {block_size} rows", "an integer, at least 1")
    run = _Run(blocks, block_size, progress or (lambda done, total: None), scheduler or one_by_one)
    layout = layout_of(blocks, block_size)
    if target is None:
        memory = Memory(layout)
        computed = run.fill(memory, set(), None)
        return Stored(memory.finish(), {}, computed, 0)
    try:
        place = place_of(target, blocks.names)
        require_own(place.work, blocks.names)
        with locked(place.work):
            return _to_disk(run, place, layout, resume)
    except OSError as error:
        found = f"{str(error.filename or target)[:200]}: {error.strerror or error}"
        unwritten = TpproofError("E140", found, "a folder that can be written to, with free space")
        for note in getattr(error, "__notes__", ()):
            unwritten.add_note(note)
        raise unwritten from error


def one_by_one(blocks: KernelBlocks, todo: Sequence[Block]) -> Generator[tuple[Block, Values], None, None]:
    """The scheduler of one process."""
    for block in todo:
        yield block, blocks.block(block.rows, block.cols)


@dataclass(frozen=True)
class _Run:
    blocks: KernelBlocks
    block_size: int
    progress: Progress
    scheduler: Scheduler

    def fill(self, target: Target, done: set[tuple[int, int]], journal_file: IO[bytes] | None) -> int:
        """Computes the blocks that are not done; how many there were."""
        blocks = self.blocks
        todo = [b for b in grid(blocks.shape, blocks.symmetric, self.block_size) if b.key not in done]
        total, left = grid_size(blocks.shape, blocks.symmetric, self.block_size), {b.key for b in todo}
        self.progress(total - len(left), total)
        with closing(self.scheduler(blocks, todo)) as computed:
            for block, values in computed:
                for name, value in checked(block, values, blocks).items():
                    target.put(name, block, value)
                    if blocks.symmetric and block.i != block.j:
                        target.put(name, block, blocks.mirror(name, value), mirrored=True)
                if journal_file is not None:
                    target.flush()
                    record(journal_file, block.key)
                left.remove(block.key)
                self.progress(total - len(left), total)
        if left:
            raise ValueError(f"{len(left)} blocks were not computed")
        return len(todo)

    def header(self, place: Place, layout: Layout) -> dict[str, Any]:
        """Says which computation it is: another one does not go on from this one's blocks."""
        return {
            "tpproof": __version__,
            "fingerprint": self.blocks.fingerprint,
            "kind": place.kind,
            "names": list(layout.names),
            "shape": list(layout.shape),
            "dtype": layout.dtype.str,
            "symmetric": self.blocks.symmetric,
            "block_size": self.block_size,
        }


def _to_disk(run: _Run, place: Place, layout: Layout, resume: bool) -> Stored:
    header = run.header(place, layout)
    try:
        target, done = _opened(place, layout, header, resume)
    except BaseException:  # nothing was computed yet
        if journalled(place.work, header) in (None, set()):
            clear(place.work, place.finals)
        raise
    try:
        with opened(place.work / JOURNAL, header, fresh=done is None) as journal_file:
            computed = run.fill(target, done or set(), journal_file)
        arrays = target.finish()
    except BaseException as error:
        target.close()
        _leave(place, header, error)
        raise
    clear(place.work, place.finals)
    return Stored(arrays, dict(place.finals), computed, len(done or ()))


def _opened(
    place: Place, layout: Layout, header: dict[str, Any], resume: bool
) -> tuple[Target, set[tuple[int, int]] | None]:
    """The target, and the blocks that it holds; None when it is new."""
    done = journalled(place.work, header) if resume else None
    if done is not None:
        try:
            return open_target(place, layout, header, fresh=False), done
        except (ValueError, OSError, KeyError, EOFError):
            pass  # damaged: begin anew
    clear(place.work, place.finals)
    require_space(place, layout)
    return open_target(place, layout, header, fresh=True), None


def _leave(place: Place, header: dict[str, Any], error: BaseException) -> None:
    """After an error: blocks that were computed stay, unless the same error would come again."""
    hopeless = isinstance(error, TpproofError) and error.code == "E152"
    done = journalled(place.work, header)
    if hopeless or not done:
        clear(place.work, place.finals)
    else:
        kept = f"{len(done)} blocks are kept in {place.work}"
        error.add_note(f"{kept}: the same call goes on from there (resume=True); remove the folder to forget them")
