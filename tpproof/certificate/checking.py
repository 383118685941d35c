"""The independent checker, called in a fresh process: its answer, and nothing else, is the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT

UNREADABLE = 2
"""The checker's exit status for what it cannot read."""


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
    certificate_sha256: str | None = None  # of the bytes that it is about; None where there were none to read

    def is_about(self, content: bytes) -> bool:
        """Whether the checker saw these very bytes."""
        return self.certificate_sha256 == sha256(content).hexdigest()

    @property
    def is_right(self) -> bool:
        """Whether the certificate is right: accepted, if only as stated, or refused as it should be."""
        refused = self.verdict == "declined" and self.certificate_verdict == "refused"
        return refused or self.verdict in ("accepted", "accepted-as-stated")

    def __bool__(self) -> bool:
        return self.exit_status == 0


def check_file(
    path: Path, network_sha256: str | None, *, as_stated: bool = False, allow_conditional: bool = False
) -> Report:
    """The checker's answer on the bytes on disk, read once, from a fresh isolated process.

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
    return checked_file(path, network_sha256, as_stated=as_stated, allow_conditional=allow_conditional)[1]


def checked_file(
    path: Path, network_sha256: str | None, *, as_stated: bool = False, allow_conditional: bool = False
) -> tuple[bytes, Report]:
    """The bytes of a file (``-`` is standard input), read once, and the checker's answer on these very bytes."""
    most = DEFAULT.json_bytes + 1
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as file:
            content = file.read(most)
    except OSError as error:
        why = f"cannot read {ascii(str(path))[1:-1]}: {error.strerror}"
        found = {"code": "json", "step": None, "rule": None, "expected": "a file", "found": why}
        return b"", Report("unreadable", UNREADABLE, 0, None, (), None, (found,))
    return content, check_bytes(content, network_sha256, as_stated=as_stated, allow_conditional=allow_conditional)


def check_bytes(
    content: bytes, network_sha256: str | None, *, as_stated: bool = False, allow_conditional: bool = False
) -> Report:
    """The checker's answer on bytes; parameters and errors as for `check_file`."""
    command = [sys.executable, "-I", "-m", "tpproof.checker", "--json"]
    command += [] if network_sha256 is None else ["--sha256", network_sha256]
    command += ["--as-stated"] if as_stated else []
    command += ["--allow-conditional"] if allow_conditional else []
    done = subprocess.run([*command, "--", "-"], input=content, capture_output=True, check=False)
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
            sha256(content).hexdigest(),
        )
    except (ValueError, KeyError, TypeError) as error:
        said = done.stderr.decode(errors="replace").strip()[:300]
        found = f"no answer from the checker (status {done.returncode}): {said}"
        raise TpproofError("E143", found, "a verdict") from error
