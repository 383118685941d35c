"""pdflatex for tests: what its log complains about."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

_COMPLAINT = re.compile(
    r"^(?:! .*|Overfull .*|Missing character.*|pdfTeX warning(?!: .pdfdraft).*|(?:LaTeX|Package|Class).* Warning.*)$",
    re.MULTILINE,
)
_FIRST_RUN = re.compile("undefined|have changed|[Rr]erun")


def pdflatex(folder: Path, tex: str, files: Mapping[str, str] | None = None, runs: int = 1) -> str:
    """The log of the last run. No PDF is made."""
    if shutil.which("pdflatex") is None:
        pytest.fail("pdflatex is not installed: `make test` installs it, with the packages that the papers need")
    for name, content in {**(files or {}), "main.tex": tex}.items():
        (folder / name).write_text(content)
    command = ["pdflatex", "-draftmode", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "max_print_line": "10000", "openin_any": "p"}
    for _ in range(runs):
        subprocess.run(
            [*command, "main.tex"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=300, check=False,
        )  # fmt: skip
    return (folder / "main.log").read_text(errors="replace")


def complaints(log: str, first_run: bool = False) -> list[str]:
    """Errors, overfull boxes and warnings; in a first run no references are known yet."""
    found = _COMPLAINT.findall(log)
    return [line for line in found if not (first_run and _FIRST_RUN.search(line))]
