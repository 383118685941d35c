"""What a run has found so far, task by task, in a file: a run that was cut short goes on from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import IO, Any

import numpy as np

from tpproof import __version__
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.running.tasks import Task, Values
from tpproof.numerics.workers.journal import opened, parsed, write
from tpproof.numerics.workers.lock import locked
from tpproof.numerics.workers.recipe import Recipe

KIND = "cross-check"


@dataclass(frozen=True)
class Journal:
    """A journal that is open.

    Attributes
    ----------
    path, file
        None: nothing is written down.
    done
        What is in it.
    """

    path: Path | None
    file: IO[bytes] | None
    done: dict[Task, Values]

    def record(self, task: Task, values: Values) -> None:
        """The numbers of a task are on disk when the call returns."""
        if self.path is None or self.file is None:
            return
        with _said(self.path):
            write(self.file, {"width": task.width, "sample": task.sample, "values": values.tolist()})


def header(work: Recipe) -> dict[str, Any]:
    """All that the numbers depend on but width and sample; what is long is hashed, part by part."""
    options = {key: value if isinstance(value, str | int) else _hashed(value)
               for key, value in json.loads(work.options).items()}  # fmt: skip
    return {"journal": KIND, "tpproof": __version__, "work": f"{work.build.__module__}.{work.build.__qualname__}",
            "network": _hashed(work.program), **options}  # fmt: skip


def _hashed(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@contextmanager
def journal(path: str | Path | None, work: Recipe) -> Iterator[Journal]:
    """The journal of a run, locked. Without a path, none.

    Raises
    ------
    TpproofError
        E161 when the file is another run's or no journal, E154 when another run is writing to it, E140 when it cannot
        be read or written, or is no file but a folder, a pipe or a device.
    """
    if path is None:
        yield Journal(None, None, {})
        return
    path, first = Path(path), header(work)
    with ExitStack() as stack:
        with _said(path):
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise TpproofError("E140", f"{str(path)[:200]}: no regular file", "a file, or a new name")
            stack.enter_context(locked(path.with_name(f".{path.name}.lock")))
            done = _read(path, first)
            file = stack.enter_context(opened(path, first, fresh=done is None))
        yield Journal(path, file, done or {})


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Errors of the file system, as ours."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        found = f"{str(getattr(error, 'filename', None) or path)[:200]}: {getattr(error, 'strerror', None) or error}"
        raise TpproofError("E140", found, "a file that can be written to, with free space") from error


def _read(path: Path, first: dict[str, Any]) -> dict[Task, Values] | None:
    """What is in a journal; None where there is none yet. Damaged lines are passed over."""
    try:
        head, *lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    if not lines and json.dumps(first).encode().startswith(head):
        return None  # empty, or cut while its first line was written
    _require_same(path, parsed(head), first)
    found: dict[Task, Values] = {}
    for line in lines:
        match parsed(line):
            case {"width": int(width), "sample": int(sample), "values": [*values]}:
                whole = not isinstance(width, bool) and not isinstance(sample, bool)
                if whole and all(isinstance(value, float) and isfinite(value) for value in values):
                    found[Task(width, sample)] = np.array(values, dtype=np.float64)
    return found


def _require_same(path: Path, found: Any, first: dict[str, Any]) -> None:
    if not isinstance(found, dict) or found.get("journal") != KIND:
        raise TpproofError("E161", f"{path} is no journal of a cross-check", "a new file, or such a journal")
    differ = [key for key in {**first, **found} if found.get(key) != first.get(key)]
    if differ:
        raise TpproofError("E161", f"{path}: another {', '.join(differ)}", "the journal of the same run")
