"""Lines of JSON in a file that outlives a run: the first says which computation it was, the others what is done."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def parsed(line: bytes) -> Any:
    """A line's content, None for one that is damaged: a line that was being written when the power failed."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


@contextmanager
def opened(path: Path, header: Mapping[str, Any], fresh: bool) -> Iterator[IO[bytes]]:
    """The journal, open at its end; begun anew when `fresh`."""
    with path.open("wb" if fresh else "ab") as file:
        if fresh:
            write(file, header)
            sync_folder(path.parent)
        elif not path.read_bytes().endswith(b"\n"):  # a line was cut
            file.write(b"\n")
        yield file


def write(file: IO[bytes], content: Mapping[str, Any]) -> None:
    """One more line. It is on disk when the call returns."""
    file.write(json.dumps(content).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Names that were made or changed in a folder are on disk, where the system can say so."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
