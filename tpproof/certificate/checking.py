"""The independent checker, called in a fresh process: its answer, and nothing else, is the answer."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpproof.errors import TpproofError


@dataclass(frozen=True)
class Report:
    """The independent checker's answer."""

    verdict: str  # accepted, accepted-as-stated, rejected, declined, unreadable
    exit_status: int
    steps: int
    certificate_verdict: str | None
    axioms: tuple[str, ...]
    network_sha256: str | None
    errors: tuple[dict[str, Any], ...]

    def __bool__(self) -> bool:
        return self.exit_status == 0


def check_file(
    path: Path, network_sha256: str | None, *, as_stated: bool = False, allow_conditional: bool = False
) -> Report:
    """The checker's answer on the bytes on disk, from a fresh isolated process.

    Parameters
    ----------
    path
        A certificate.
    network_sha256
        The hash of the network that it has to be about; without it the best answer is accepted-as-stated.
    as_stated
        Accept a certificate that is right about the network inside it.
    allow_conditional
        Accept a conditional verdict as one.

    Raises
    ------
    TpproofError
        E143 when the checker gives no answer.
    """
    command = [sys.executable, "-I", "-m", "tpproof.checker", "--json"]
    command += [] if network_sha256 is None else ["--sha256", network_sha256]
    command += ["--as-stated"] if as_stated else []
    command += ["--allow-conditional"] if allow_conditional else []
    done = subprocess.run([*command, "--", str(path)], capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
        return Report(
            answer["verdict"],
            done.returncode,
            answer["steps"],
            answer["certificate_verdict"],
            tuple(answer["axioms"]),
            answer["network_sha256"],
            tuple(answer["errors"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        found = f"no answer from the checker (status {done.returncode}): {done.stderr.strip()[:300]}"
        raise TpproofError("E143", found, "a verdict") from error


def check_bytes(
    content: bytes, network_sha256: str | None, *, as_stated: bool = False, allow_conditional: bool = False
) -> Report:
    """The checker's answer on bytes; parameters and errors as for `check_file`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.json"
        path.write_bytes(content)
        return check_file(path, network_sha256, as_stated=as_stated, allow_conditional=allow_conditional)
