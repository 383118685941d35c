"""Where the blocks of a Gram matrix go: memory, ``.npy`` files, one ``.npz``, a Zarr group.

What goes to disk is written in a working folder beside the final name and renamed when it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.lib.format import open_memmap

from tpproof.errors import TpproofError
from tpproof.numerics.gram.blocks import Block, KernelBlocks, Numbers
from tpproof.numerics.gram.journal import ERRORS, JOURNAL
from tpproof.numerics.workers.journal import sync_folder
from tpproof.numerics.workers.lock import LOCK

_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)  # a file system that does not know how
_DATA_ZARR, _BEFORE_ZARR, _WHOLE_NPZ = "data.zarr", "before.zarr", "whole.npz"
_FOLDERS = (_DATA_ZARR, _BEFORE_ZARR)
_FILES = (JOURNAL, LOCK, ERRORS, _WHOLE_NPZ, "ntk.npy", "nngp.npy", "ntk_error.npy", "nngp_error.npy")
_ENDINGS = (".npy", ".npz", ".py", ".zarr")
_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray")


@dataclass(frozen=True)
class Layout:
    """The arrays that are stored: one of ``shape`` for every name."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of one array."""
        return math.prod(self.shape) * self.dtype.itemsize


def layout_of(blocks: KernelBlocks, block_size: int) -> Layout:
    """The arrays for a matrix: its inputs' axes, then those of the outputs."""
    chunk = (min(block_size, blocks.shape[0]), min(block_size, blocks.shape[1]), *blocks.trailing)
    return Layout(blocks.names, (*blocks.shape, *blocks.trailing), chunk, np.dtype(blocks.dtype))


@dataclass(frozen=True)
class Place:
    """What a target's name asks for: a kind of file, the final names, the working folder."""

    kind: str  # "npy", "npz", "zarr"
    finals: dict[str, Path]
    work: Path


def require_name(target: str | Path) -> None:
    """The text names a file or a folder.

    Raises
    ------
    TpproofError
        E142 for none (""), an ending only (".npy"), and a file as a folder ("K.npz/").
    """
    text = str(target)
    path = Path(text)
    if not text or path.name in _ENDINGS or (text.endswith("/") and path.suffix in _ENDINGS[:3]):
        raise TpproofError("E142", f"the target {text[:200]!r}", "the name of a file or a folder")


def place_of(target: str | Path, names: tuple[str, ...]) -> Place:
    """``K.npy`` for one name (for several: ``K.ntk.npy``, ``K.nngp.npy``), ``K.npz``, ``K.zarr``, or a folder.

    Raises
    ------
    TpproofError
        E140 when something else stands under a final name, E142 for another ending.
    """
    require_name(target)
    try:
        path = Path(target).resolve()  # a link keeps its place, what it leads to is replaced
    except (ValueError, RuntimeError):  # a null character, links in a circle
        path = Path("/")
    if not path.name:
        raise TpproofError("E142", f"the target {str(target)[:200]!r}", "the name of a file or a folder")
    suffix, work = path.suffix.lower(), path.with_name(f".{path.name}.partial")
    if suffix == ".npy" and len(names) > 1:
        place = Place("npy", {n: path.with_name(f"{path.stem}.{n}.npy") for n in names}, work)
    elif suffix in (".npy", ".npz", ".zarr"):
        place = Place(suffix[1:], dict.fromkeys(names, path), work)
    elif not suffix or os.path.isdir(path):
        place = Place("npy", {n: path / f"{n}.npy" for n in names}, path / ".partial")
    else:
        raise TpproofError("E142", f"the target {target}", "a name that ends in .npy, .npz or .zarr, or a folder")
    for final in place.finals.values():
        try:
            marked = any((final / mark).is_file() for mark in _ZARR_MARKS)
            other = final.exists() and not (marked if place.kind == "zarr" else final.is_file())
        except OSError as error:  # a name that is too long, a folder that may not be read
            raise TpproofError("E140", f"{str(final)[:200]}: {error.strerror}", "another name or folder") from None
        if other:
            raise TpproofError("E140", f"{final}: something else stands there", f"a new name, or a .{place.kind}")
    return place


class Target(Protocol):
    """Takes blocks; makes the result of them."""

    def put(self, name: str, block: Block, value: Numbers, mirrored: bool = False) -> None:
        """Block (i, j), or what is its mirror, block (j, i)."""

    def flush(self) -> None:
        """Everything put so far is on disk."""

    def finish(self) -> dict[str, Any]:
        """The whole arrays, under their final names."""

    def close(self) -> None:
        """Lets go of files."""


def _where(block: Block, mirrored: bool) -> tuple[slice, slice]:
    return (block.cols, block.rows) if mirrored else (block.rows, block.cols)


class Memory:
    """Arrays in memory."""

    def __init__(self, layout: Layout) -> None:
        try:
            self._arrays = {name: np.empty(layout.shape, layout.dtype) for name in layout.names}
        except (MemoryError, ValueError):
            found = f"{len(layout.names)} arrays of {layout.size} bytes in memory"
            raise TpproofError("E104", found, "a result that fits, or a file as target") from None

    def put(self, name: str, block: Block, value: Numbers, mirrored: bool = False) -> None:
        self._arrays[name][_where(block, mirrored)] = value

    def flush(self) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return dict(self._arrays)

    def close(self) -> None:
        pass


class NpyFiles:
    """Memory-mapped ``.npy`` files, one a name; packed into one ``.npz`` at the end if that is asked for."""

    def __init__(self, place: Place, layout: Layout, fresh: bool) -> None:
        self._place = place
        self._maps: dict[str, np.memmap[Any, Any]] = {}
        self._files = {name: place.work / f"{name}.npy" for name in layout.names}
        for name, path in self._files.items():
            self._maps[name] = _new_map(path, layout) if fresh else open_memmap(path, mode="r+")
            if self._maps[name].shape != layout.shape or self._maps[name].dtype != layout.dtype:
                raise ValueError(f"{path}: not what the journal says")

    def put(self, name: str, block: Block, value: Numbers, mirrored: bool = False) -> None:
        self._maps[name][_where(block, mirrored)] = value

    def flush(self) -> None:
        for mapped in self._maps.values():
            mapped.flush()

    def finish(self) -> dict[str, Any]:
        self.flush()
        if self._place.kind == "npz":
            return self._packed()
        self.close()
        for name, final in self._place.finals.items():
            os.replace(self._files[name], final)
            sync_folder(final.parent)
        return {name: np.load(final, mmap_mode="r") for name, final in self._place.finals.items()}

    def _packed(self) -> dict[str, Any]:
        [final] = set(self._place.finals.values())
        whole, arrays = self._place.work / _WHOLE_NPZ, cast(dict[str, Any], self._maps)
        with whole.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        self.close()
        os.replace(whole, final)
        sync_folder(final.parent)
        with np.load(final) as archive:
            return {name: archive[name] for name in self._files}

    def close(self) -> None:
        self._maps.clear()


def _new_map(path: Path, layout: Layout) -> np.memmap[Any, Any]:
    """A file whose bytes are all reserved: a full disk is an error here, and no signal that kills the run later."""
    mapped: np.memmap[Any, Any] = open_memmap(path, mode="w+", dtype=layout.dtype, shape=layout.shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
    return mapped


class ZarrGroup:
    """A Zarr group with one array a name; a chunk is a block."""

    def __init__(self, place: Place, layout: Layout, fresh: bool, fingerprint: str) -> None:
        self._place, self._path = place, place.work / _DATA_ZARR
        zarr = import_zarr()
        group = zarr.open_group(self._path, mode="w" if fresh else "r+")
        self._names, self._touched = layout.names, set[Path]()
        if fresh:
            group.attrs["fingerprint"] = fingerprint
            for name in layout.names:  # uncompressed: digits of a kernel do not shrink
                options = {"chunks": layout.chunk, "dtype": layout.dtype, "fill_value": math.nan, "compressors": None}
                group.create_array(name, shape=layout.shape, **options)
        self._arrays = {name: group[name] for name in layout.names}

    def put(self, name: str, block: Block, value: Numbers, mirrored: bool = False) -> None:
        rows, cols = _where(block, mirrored)
        self._arrays[name][rows, cols] = value
        i, j = (block.j, block.i) if mirrored else (block.i, block.j)
        chunk = "/".join(["c", str(i), str(j), *["0"] * (value.ndim - 2)])
        self._touched.add(self._path / name / chunk)

    def flush(self) -> None:
        for path in self._touched:
            for one in (path, path.parent):
                with contextlib.suppress(FileNotFoundError):
                    sync_folder(one)
        self._touched.clear()

    def finish(self) -> dict[str, Any]:
        self.flush()
        final = self._place.finals[self._names[0]]
        before = self._place.work / _BEFORE_ZARR
        if final.exists():  # a folder takes the place of none but an empty one
            os.replace(final, before)
        try:
            os.replace(self._path, final)
        except OSError:
            os.replace(before, final)
            raise
        sync_folder(final.parent)
        group = import_zarr().open_group(final, mode="r")
        return {name: group[name] for name in self._names}

    def close(self) -> None:
        self._arrays.clear()


def import_zarr() -> Any:
    """The optional library. Raises E141 when it is missing or too old."""
    try:
        import zarr
    except ImportError:
        raise TpproofError("E141", "Zarr is not installed", "pip install 'tpproof[zarr]'") from None
    if int(zarr.__version__.split(".")[0]) < 3:
        raise TpproofError("E141", f"Zarr {zarr.__version__}", "version 3: pip install 'tpproof[zarr]'")
    return zarr


def require_space(place: Place, layout: Layout) -> None:
    """The disk has room for new files.

    Raises
    ------
    TpproofError
        E140 with what is needed and what is there.
    """
    copies = 2 if place.kind == "npz" else 1
    needed = copies * layout.size * len(layout.names)
    free = shutil.disk_usage(place.work).free
    if needed > free:
        where = place.work.parent
        raise TpproofError("E140", f"{where}: {free} bytes free, {needed} needed", "a disk with room, or fewer inputs")


def require_own(work: Path, names: Iterable[str]) -> None:
    """A working folder holds what runs of ours leave there and nothing else, and nothing in it leads elsewhere.

    Raises
    ------
    TpproofError
        E140 for a link, a file, or a folder with anything else in it.
    """
    files = {*_FILES, *(f"{name}.npy" for name in names)}
    wrong = "no working folder of ours: move it away, or give another target"
    if work.is_symlink() or (work.exists() and not work.is_dir()):
        raise TpproofError("E140", f"{work}: a {'link' if work.is_symlink() else 'file'} stands there", wrong)
    with contextlib.suppress(FileNotFoundError), os.scandir(work) as entries:
        for entry in entries:
            folder, file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
            if not ((folder and entry.name in _FOLDERS) or (file and entry.name in files)):
                raise TpproofError("E140", f"{work} holds {entry.name!r}", wrong)


def clear(work: Path, names: Iterable[str]) -> None:
    """Takes what runs of ours leave out of a working folder, but for the lock. Nothing else, and through no link."""
    for name in {*_FILES, *(f"{name}.npy" for name in names)} - {LOCK}:
        with contextlib.suppress(OSError):
            (work / name).unlink()
    for name in _FOLDERS:
        if not (work / name).is_symlink():
            shutil.rmtree(work / name, ignore_errors=True)


def open_target(place: Place, layout: Layout, header: Mapping[str, Any], fresh: bool) -> Target:
    """The files in the working folder, new or those of a run before.

    Raises
    ------
    ValueError, OSError, KeyError
        When those of a run before are damaged.
    """
    if place.kind == "zarr":
        return ZarrGroup(place, layout, fresh, str(header["fingerprint"]))
    return NpyFiles(place, layout, fresh)
