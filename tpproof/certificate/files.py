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


def _write_beside(path: Path, place: Path, content: bytes, temporary: dict[Path, Path]) -> None:
    """A temporary file beside the place of `path`, on disk; known to `temporary` before anything can fail."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{place.name[:80]}.", dir=place.parent)
    temporary[path] = Path(name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(name, 0o644)


@contextmanager
def staged(contents: Mapping[Path, bytes]) -> Iterator[dict[Path, Path]]:
    """Write everything to temporary files, yield where they are, and rename them when the block ends well.

    Raises
    ------
    TpproofError
        E140 when a file cannot be written. Then, and after any error in the block, nothing is left behind and
        what stood there before still stands.
    """
    temporary: dict[Path, Path] = {}
    places = {path: path.resolve() for path in contents}  # a link keeps its place, what it leads to is replaced
    for path, place in places.items():
        if place.exists() and not place.is_file():
            raise TpproofError("E140", f"{path}: no regular file", "a file, or a new name")
    try:
        for path, content in contents.items():
            try:
                _write_beside(path, places[path], content, temporary)
            except OSError as error:
                raise _expected(path, error) from error
        yield temporary
        for path, written in temporary.items():
            try:
                os.replace(written, places[path])
            except OSError as error:
                raise _expected(path, error) from error
    finally:
        for written in temporary.values():
            with contextlib.suppress(OSError):
                written.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """One file, whole or not at all. Raises E140."""
    with staged({path: content}):
        pass
