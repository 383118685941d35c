"""Which arrays finite networks are made of: NumPy's, or CuPy's where there is a GPU."""

from __future__ import annotations

import sys
from typing import TextIO

from tpproof.errors import TpproofError
from tpproof.numerics.tiles.namespaces import has_gpu, namespace

__all__ = ["BACKENDS", "chosen_backend", "namespace"]

BACKENDS = ("auto", "numpy", "cupy")


def chosen_backend(name: str, to: TextIO | None = None) -> str:
    """What a backend means here: "numpy" or "cupy". `namespace` makes it a module.

    "auto" is CuPy where there is a device; otherwise NumPy, with one line that says so, on stderr unless `to` is given.

    Raises
    ------
    TpproofError
        E142 for an unknown name, E141 for CuPy where there is none.
    """
    if name not in BACKENDS:
        raise TpproofError("E142", f"the backend {name!r}"[:80], f"one of {', '.join(BACKENDS)}")
    if name == "numpy":
        return name
    if has_gpu():
        return "cupy"
    if name == "cupy":
        raise TpproofError("E141", "CuPy with a GPU", "the package cupy-cuda12x and a device; or the backend numpy")
    print("no GPU: networks are computed with NumPy", file=to or sys.stderr)
    return "numpy"
