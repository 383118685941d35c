"""What a run that was cut short leaves behind: a journal of the blocks that are on disk, and one run at a time.

Both stand in a working folder beside the result, which goes when the result is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tpproof.errors import TpproofError

JOURNAL = "journal.jsonl"
LOCK = "lock"
ERRORS = "errors.jsonl"
"""What `tpproof.numerics.gram.watched` keeps of the errors of blocks."""
_ATTEMPTS = 20


def journalled(folder: Path, header: Mapping[str, Any]) -> set[tuple[int, int]] | None:
    """The blocks that an earlier run of the same computation has finished; None when there was no such run.

    The first line says which computation it was. Of the others, damaged ones are passed over: a line that was being
    written when the power failed stands for a block that is computed again.
    """
    try:
        lines = (folder / JOURNAL).read_bytes().split(b"\n")
    except OSError:
        return None
    if _parsed(lines[0]) != json.loads(json.dumps(header)):
        return None
    found = set()
    for line in lines[1:]:
        match _parsed(line):
            case {"block": [int(i), int(j)], **rest} if not rest:
                found.add((i, j))
    return found


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


@contextmanager
def journal(folder: Path, header: Mapping[str, Any], fresh: bool) -> Iterator[IO[bytes]]:
    """The journal, open at its end; begun anew when `fresh`."""
    path = folder / JOURNAL
    with path.open("wb" if fresh else "ab") as file:
        if fresh:
            _write(file, header)
            sync_folder(folder)
        elif not path.read_bytes().endswith(b"\n"):  # a line was cut
            file.write(b"\n")
        yield file


def record(file: IO[bytes], key: tuple[int, int]) -> None:
    """Block `key` is on disk. So is this line when the call returns."""
    _write(file, {"block": list(key)})


def _write(file: IO[bytes], content: Mapping[str, Any]) -> None:
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


# --- one run at a time -----------------------------------------------------------------------------------------------


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The working folder, made if need be, and in it a lock file that names this process.

    A lock whose process has ended is taken over. At the end the lock goes, and the folder if it is empty.

    Raises
    ------
    TpproofError
        E154 when another run holds the lock, E140 when the folder cannot be made.
    """
    mine = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())})
    for _ in range(_ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _guarded(folder):
                _acquire(folder / LOCK, mine)
            break
        except (FileNotFoundError, FileExistsError):  # a run that ended was just removing the folder
            continue
        except OSError as error:
            raise TpproofError("E140", f"{folder}: {error.strerror}", "a folder that can be written to") from None
    else:
        raise TpproofError("E140", f"{folder}: no folder", "a folder that can be written to")
    try:
        yield
    finally:
        with contextlib.suppress(OSError), _guarded(folder):
            (folder / LOCK).unlink()
            folder.rmdir()


def _acquire(path: Path, mine: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        holder = _holder(path.read_bytes())
        if holder is not None:
            raise TpproofError("E154", f"{path}, held by {holder}", "no other run on the same target")
        path.unlink()
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    with os.fdopen(handle, "w") as file:
        file.write(mine)
        file.flush()
        os.fsync(handle)


def _holder(text: bytes) -> str | None:
    """Who holds a lock, if it may still run. Of other machines nobody here can tell."""
    match _parsed(text):
        case {"host": str(host), "pid": int(pid), "started": started}:
            if host != socket.gethostname():
                return f"process {pid} on {host[:80]} (remove the file if it has ended)"
            return f"process {pid}" if _alive(pid) and _started(pid) == started else None
    return None  # cut while it was written, before the run had begun


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process started, where the system tells: numbers of processes are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return None


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """One run at a time looks at a lock, takes it or removes it with its folder, where the system can see to that.

    Raises
    ------
    FileNotFoundError
        When the folder went while this run was waiting.
    """
    try:
        import fcntl
    except ImportError:  # not Unix
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if not os.path.samestat(os.fstat(handle), folder.stat()):
            raise FileNotFoundError(folder)
        yield
    finally:
        os.close(handle)
