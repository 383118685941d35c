"""A drawing as PDF, by LaTeX, and as PNG, from the PDF."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tpproof.documents.diagrams.drawing import Drawing
from tpproof.documents.diagrams.overlay import Pair
from tpproof.documents.diagrams.tikz import TIKZ_LIBRARIES, environment, tikz
from tpproof.documents.tex.compile import compile_pdf
from tpproof.errors import TpproofError

DOTS_PER_INCH = 192
_SECONDS = 60.0


def standalone(pictures: Sequence[str]) -> str:
    """A LaTeX document of TikZ pictures, a page for each."""
    return environment().get_template("diagrams/standalone.tex").render(pictures=pictures, libraries=TIKZ_LIBRARIES)


def as_pdf(drawing: Drawing, pair: Pair | None = None) -> bytes:
    """The drawing on a page of its size.

    Raises
    ------
    TpproofError
        E170 where LaTeX is not installed.
    """
    return compile_pdf(standalone([tikz(drawing, pair)]))


def as_png(drawing: Drawing, pair: Pair | None = None, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """The drawing as pixels.

    Raises
    ------
    TpproofError
        E170 where LaTeX, E172 where pdftoppm is not installed or fails.
    """
    if shutil.which("pdftoppm") is None:
        raise TpproofError("E172", "no pdftoppm", "the Debian package poppler-utils")
    pdf = as_pdf(drawing, pair)
    with tempfile.TemporaryDirectory(prefix="tpproof-png-") as folder:
        page = Path(folder) / "page.pdf"
        page.write_bytes(pdf)
        command = ["pdftoppm", "-png", "-singlefile", "-r", str(dots_per_inch), str(page), str(page.with_suffix(""))]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            raise TpproofError("E172", f"pdftoppm, after {_SECONDS:g} seconds", "a smaller drawing") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[:200]
            raise TpproofError("E172", f"pdftoppm: {said}", "a page of pixels")
        return page.with_suffix(".png").read_bytes()
