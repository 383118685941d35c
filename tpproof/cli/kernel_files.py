"""The page beside a saved kernel that says what its numbers are."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tpproof.cli.kernel_answers import Answer
    from tpproof.numerics.gram.inputs import InputArrays
    from tpproof.numerics.gram.kernel import KernelFunction

FORMAT = "tpproof-kernel"


def sidecar(output: Path) -> Path:
    """``K.npz.kernel.json`` beside ``K.npz``; ``kernel.json`` in a folder."""
    if output.suffix.lower() in (".npy", ".npz", ".zarr"):
        return output.with_name(f"{output.name}.kernel.json")
    return output / "kernel.json"


def forget(page: Path) -> None:
    """A page about numbers that are about to be replaced."""
    with contextlib.suppress(OSError):
        page.unlink()


def finite(value: float | None) -> float | None:
    """JSON has no infinity: what is unbounded is null."""
    return value if value is not None and math.isfinite(value) else None


def describe(
    page: Path,
    function: KernelFunction,
    answer: Answer,
    arrays: Mapping[str, Any],
    inputs: Sequence[tuple[Path | None, InputArrays | None]],
) -> None:
    """Write it, whole or not at all."""
    from tpproof import __version__
    from tpproof.certificate.files import write_atomically
    from tpproof.program.canonical import sha256

    program = function.program
    samples = function.samples
    content = {
        "format": FORMAT,
        "version": 1,
        "tpproof": __version__,
        "network": {"name": program.name, "sha256": sha256(program)},
        "verdict": function.proof.verdict,
        "inputs": [
            {"file": str(path), "sha256": data.fingerprint(), "points": len(data)} for path, data in inputs if data
        ],
        "arrays": {
            name: {"file": Path(answer.files[name]).name, "shape": list(array.shape), "dtype": str(array.dtype)}
            for name, array in arrays.items()
        },
        "method": answer.method,
        "samples": None
        if answer.method != "qmc"
        else {"points": samples.points, "replicates": samples.replicates, "seed": samples.seed},
        "rtol": answer.rtol,
        "reached": answer.reached,
        "relative_error": {name: finite(e) for name, e in answer.relative.items()},
        "error": {name: finite(e) for name, e in answer.errors.items()},
        "meaning": answer.meaning,
    }
    write_atomically(page, (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode())
