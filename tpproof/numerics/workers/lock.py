"""One run at a time works in a folder: a lock file that names a process, and is taken over when that has ended."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tpproof.errors import TpproofError
from tpproof.numerics.workers.journal import parsed

LOCK = "lock"
ATTEMPTS = 20


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
    for _ in range(ATTEMPTS):
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
    match parsed(text):
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
