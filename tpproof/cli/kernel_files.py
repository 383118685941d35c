"""The page beside a saved kernel that says what its numbers are."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpproof.errors import TpproofError

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


def require_apart(output: Path, names: tuple[str, ...], read: Sequence[str | Path | None], code: bool) -> None:
    """Nothing that is read is written: not under its name, through a link, or inside a folder that is replaced.

    Raises
    ------
    TpproofError
        E142 when one is; E140, E142 for a target that cannot be one.
    """
    from tpproof.numerics.gram.targets import place_of

    written = [output.resolve()]
    if not code:
        kept = (names, (*names, *(f"{name}_error" for name in names)))  # the errors of entries may be saved too
        places = [place_of(output, some) for some in kept]
        written = [sidecar(output), *(p.work for p in places), *(f for p in places for f in p.finals.values())]
    for target in written:
        _require_possible(target)
    for source in read:
        for target in written if source is not None else ():
            if _within(Path(str(source)), target):
                found = f"the target {output}, which would replace {source}, an input"
                raise TpproofError("E142", found, "another target")


def _require_possible(target: Path) -> None:
    """The system takes the name; a page whose name is too long would be missed only when all is computed."""
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise TpproofError("E140", f"{str(target)[:200]}: {error.strerror}", "another name or folder") from None


def _within(source: Path, target: Path) -> bool:
    try:
        return any(os.path.samefile(folder, target) for folder in (source.resolve(), *source.resolve().parents))
    except (OSError, ValueError, RuntimeError):  # one of them is not there
        return False


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
