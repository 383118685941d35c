"""Running the command line as a user does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tpproof.cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a user saw."""

    status: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        value: dict[str, Any] = json.loads(self.out)
        return value


def tpproof(folder: Path, *arguments: str, stdin: bytes = b"") -> Ran:
    """Run `tpproof …` in a folder. No traceback ever reaches a user."""
    command = [sys.executable, "-m", "tpproof", *arguments]
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err, err
    return Ran(done.returncode, out, err)


def inside(folder: Path, *arguments: str) -> Ran:
    """Run `tpproof …` in this process: what it does, without the start of an interpreter."""
    out, err = io.StringIO(), io.StringIO()
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with contextlib.chdir(folder), streams[0], streams[1], pytest.raises(SystemExit) as ended:
        run([*arguments])
    status = ended.value.code
    assert isinstance(status, int)
    return Ran(status, out.getvalue(), err.getvalue())
