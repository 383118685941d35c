"""LaTeX text as a PDF: latexmk in a folder of its own, reading and writing nothing outside it, for a bounded time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tpproof.errors import TpproofError

TOOLS = ("latexmk", "pdflatex")
DEBIAN_PACKAGES = "latexmk texlive-latex-recommended texlive-latex-extra texlive-pictures lmodern cm-super"
SECONDS = 120.0
_MAIN = "main"
_PDFLATEX = "pdflatex -no-shell-escape -interaction=nonstopmode -halt-on-error -file-line-error %O %S"
_ERROR_LINE = re.compile(rf"^(?:\./)?{_MAIN}\.tex:(\d+: .*)|^! (.*)", re.MULTILINE)


def compile_pdf(tex: str, *, files: Mapping[str, bytes] | None = None, seconds: float = SECONDS) -> bytes:
    """The PDF of a LaTeX document, run as often as its references need.

    Parameters
    ----------
    tex
        The whole document.
    files
        What it reads beside LaTeX's own files, by name.
    seconds
        How long all runs together may take.

    Raises
    ------
    TpproofError
        E170 where latexmk or pdflatex is not installed, E171 with LaTeX's first error, or when the time is over.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise TpproofError("E170", f"no {' and no '.join(missing)}", f"the Debian packages {DEBIAN_PACKAGES}")
    with tempfile.TemporaryDirectory(prefix="tpproof-tex-") as name:
        folder = Path(name)
        for file, content in {**(files or {}), f"{_MAIN}.tex": tex.encode()}.items():
            (folder / file).write_bytes(content)
        status, printed = _run(folder, seconds)
        pdf = folder / f"{_MAIN}.pdf"
        if status != 0 or not pdf.is_file():
            raise TpproofError("E171", _first_error(folder, printed), "a document without errors")
        return pdf.read_bytes()


def _run(folder: Path, seconds: float) -> tuple[int, str]:
    """Run latexmk in the folder, its settings ours alone; its status and what it printed."""
    command = ["latexmk", "-norc", "-pdf", f"-pdflatex={_PDFLATEX}", f"{_MAIN}.tex"]
    process = subprocess.Popen(
        command, cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        printed, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise TpproofError("E171", f"not done after {seconds:g} seconds", "a smaller document") from None
    finally:
        if process.poll() is None:  # the time is over, or the user interrupts: pdflatex must not live on
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, printed.decode(errors="replace")


def _environment(folder: Path) -> dict[str, str]:
    """TeX reads and writes in its folder only ("p": paranoid), breaks no line of its log, and knows no date."""
    own = {"openin_any": "p", "openout_any": "p", "max_print_line": "1000", "SOURCE_DATE_EPOCH": "0"}
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "FORCE_SOURCE_DATE": "1", **own}


def _first_error(folder: Path, printed: str) -> str:
    log = folder / f"{_MAIN}.log"
    text = log.read_text(errors="replace") if log.is_file() else printed
    found = _ERROR_LINE.search(text)
    if found is None:
        return (printed.strip().splitlines() or ["nothing was printed"])[-1][:300]
    return (f"line {found[1]}" if found[1] else found[2])[:300]
