"""Writing files so that a reader never sees half of one, nor a certificate that was not checked."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tpproof.errors import TpproofError


def _expected(path: Path, error: OSError) -> TpproofError:
    return TpproofError("E140", f"{path}: {error.strerror}", "a folder that can be written to, with free space")


def _place(path: Path) -> Path:
    """Where a file of that name will be: a link keeps its place, what it leads to is replaced. Raises E140."""
    try:
        place = path.resolve()
    except RuntimeError:  # what pathlib says of a link to itself
        raise TpproofError("E140", f"{path}: a loop of links", "a file, or a new name") from None
    if place.exists() and not place.is_file():
        raise TpproofError("E140", f"{path}: no regular file", "a file, or a new name")
    return place


class Staging:
    """Files written beside their places, which they take when the block ends well."""

    def __init__(self) -> None:
        self._places: dict[Path, Path] = {}
        self._temporary: dict[Path, Path] = {}
        self._made: list[Path] = []  # folders, innermost first

    def __getitem__(self, path: Path) -> Path:
        """Where the content of `path` is until then."""
        return self._temporary[path]

    def write(self, path: Path, content: bytes) -> None:
        """One more file. Raises E140."""
        try:
            place = _place(path)
            self._make(place.parent)
            handle, name = tempfile.mkstemp(prefix=f".{place.name[:40]}.", dir=place.parent)
            self._places[path], self._temporary[path] = place, Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
        except OSError as error:
            raise _expected(path, error) from error

    def _make(self, folder: Path) -> None:
        """Make a folder and those around it, and remember which."""
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._made = [*missing, *self._made]

    def put_in_place(self) -> None:
        """Rename them all. Raises E140."""
        for path, written in self._temporary.items():
            try:
                os.replace(written, self._places[path])
            except OSError as error:
                raise _expected(path, error) from error

    def clear(self) -> None:
        """Remove what was not renamed, and folders that were made for nothing."""
        for written in self._temporary.values():
            with contextlib.suppress(OSError):
                written.unlink()
        for folder in self._made:  # only those that are empty can be
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextmanager
def staged(contents: Mapping[Path, bytes]) -> Iterator[Staging]:
    """Write everything to temporary files, yield them, and rename them when the block, which may add more, ends well.

    Raises
    ------
    TpproofError
        E140 when a file cannot be written. Then, and after any error in the block, nothing is left behind and
        what stood there before still stands.
    """
    staging = Staging()
    try:
        for path, content in contents.items():
            staging.write(path, content)
        yield staging
        staging.put_in_place()
    finally:
        staging.clear()


def write_atomically(path: Path, content: bytes) -> None:
    """One file, whole or not at all. Raises E140."""
    with staged({path: content}):
        pass
