"""What `tpproof kernel` prints: a small matrix with its errors, or one JSON object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tpproof.cli.kernel_files import finite
from tpproof.cli.output import aligned, escaped, print_json, print_text

if TYPE_CHECKING:
    from tpproof.numerics.gram.kernel import KernelFunction
    from tpproof.program.model import Program

SAMPLED = "qmc"
_TITLES = {"ntk": "NTK", "nngp": "NNGP"}
_CLAIMS = {
    "proved": "K of (122), as proved",
    "proved-by-execution": "K of (100), which is proved; the path sum (96) is not it: W and Wᵀ meet on a path",
    "conditional": "K of (122), under the assumptions that `tpproof prove` marks conditional",
}
INPUTS = "divided by √d, where d is their dimension"


@dataclass(frozen=True)
class Answer:
    """Kernels by name, with their errors: arrays of the same shape, or one number that bounds all entries."""

    values: Mapping[str, Any]
    errors: Mapping[str, Any]
    files: Mapping[str, str]
    method: str
    rtol: float | None
    reached: bool
    relative: Mapping[str, float]

    @property
    def meaning(self) -> str:
        """What the errors are."""
        if self.method == SAMPLED:
            return "standard errors of randomised quasi-Monte Carlo, no bounds; relative to the largest entry"
        return "bounds of |computed - exact|; relative to sqrt(K_ii K'_jj)"


def print_object(function: KernelFunction, answer: Answer, enclosures: Sequence[Any], most: int) -> None:
    """--json."""
    from tpproof.program.canonical import sha256

    shown = {n: v for n, v in answer.values.items() if math.prod(v.shape) <= most}
    lists = {n: _tolist(shown[n]) if n in shown else None for n in _TITLES}
    errors = {n: _listed(answer.errors[n]) if n in answer.errors else None for n in _TITLES}
    print_json(
        {
            "ntk": lists["ntk"],
            "nngp": lists["nngp"],
            "error": errors["ntk"],
            "nngp_error": errors["nngp"],
            "relative_error": {name: finite(e) for name, e in answer.relative.items()},
            "method": answer.method,
            "reason": function.reason or None,
            "verdict": function.proof.verdict,
            "rtol": answer.rtol,
            "reached": answer.reached,
            "network": {"name": function.program.name, "sha256": sha256(function.program)},
            "trained": [p.name for p in function.program.parameters if p.trained],
            "not_trained": [p.name for p in function.program.parameters if not p.trained],
            "convention": f"{_CLAIMS[function.proof.verdict]}; inputs {INPUTS}",
            "shape": list(next(iter(answer.values.values())).shape),
            "files": dict(answer.files),
            "rigorous": [_enclosure(entry, e) for entry, e in enclosures],
        }
    )


def _tolist(values: Any) -> Any:
    import numpy as np

    return np.asarray(values).tolist()


def _listed(error: Any) -> Any:
    return finite(error) if isinstance(error, float) else _tolist(error)


def _enclosure(entry: tuple[int, int], e: Any) -> dict[str, Any]:
    from tpproof.numerics.rigorous import decimal

    def ends(interval: Any) -> list[str]:
        return [decimal(interval[0], 20, up=False), decimal(interval[1], 20, up=True)]

    return {
        "row": entry[0],
        "col": entry[1],
        "outputs": list(e.outputs),
        "ntk": ends(e.ntk),
        "nngp": ends(e.nngp),
        "bits": e.bits,
    }


def print_report(function: KernelFunction, answer: Answer, enclosures: Sequence[Any], most: int) -> None:
    """Text."""
    from tpproof.program.canonical import sha256

    verdict = function.proof.verdict
    lines = [f"{function.program.name}: {verdict}", f"  {_CLAIMS[verdict]}", ""]
    lines += [f"network  sha256 {sha256(function.program)}", f"weights  {_trained(function.program)}"]
    lines += [f"inputs   {INPUTS}"]
    for name, value in answer.values.items():
        if math.prod(value.shape) <= most:
            lines += ["", *_matrices(_TITLES[name], value, answer.relative[name])]
    lines += ["", *_errors(function, answer)]
    lines += [f"file     {escaped(path)}" for path in dict.fromkeys(answer.files.values())]
    for (row, col), e in enclosures:
        found = _enclosure((row, col), e)
        outputs = "" if len(function.program.outputs) == 1 else f", outputs {e.outputs[0]} and {e.outputs[1]}"
        for name in answer.values:
            symbol = "K" if name == "ntk" else "Σ"
            lines += [f"proved   {symbol}(ξ_{row}, ξ_{col}) ∈ [{found[name][0]}, {found[name][1]}]{outputs}"]
    print_text("\n".join(lines))


def _trained(program: Program) -> str:
    """Which parameters the NTK is a sum over."""
    moved = ", ".join(p.name for p in program.parameters if p.trained)
    still = ", ".join(p.name for p in program.parameters if not p.trained)
    return f"trained: {moved or 'none'}" + (f"; not trained: {still}" if still else "")


def _matrices(title: str, value: Any, relative: float) -> list[str]:
    """One matrix, or one for every pair of outputs."""
    digits = min(12, max(3, 1 - math.floor(math.log10(relative)))) if 0 < relative < 1 else 12
    if len(value.shape) == 2:
        return [title, *_rows(value, digits)]
    lines = []
    for o in range(value.shape[2]):
        for p in range(value.shape[3]):
            lines += [f"{title}, outputs {o} and {p}", *_rows(value[:, :, o, p], digits)]
    return lines


def _rows(matrix: Any, digits: int) -> list[str]:
    return aligned([tuple(f"{float(x):.{digits}g}" for x in row) for row in matrix])


def _errors(function: KernelFunction, answer: Answer) -> list[str]:
    sampled = answer.method == SAMPLED
    samples = function.samples
    method = f"{answer.method}, {samples.replicates} × {samples.points} points" if sampled else answer.method
    lines = [f"method   {method}" + (f": {function.reason}" if function.reason else "")]
    for name, relative in answer.relative.items():
        largest = answer.errors[name]
        largest = largest if isinstance(largest, float) else float(largest.max())
        if not math.isfinite(relative):
            size = "not known"
        elif sampled:
            size = f"standard errors up to {largest:.2g}, {relative:.2g} of the largest entry"
        else:
            size = f"every entry within {relative:.2g}·√(K_ii K'_jj), at most {largest:.2g}"
        lines.append(f"error    {_TITLES[name]}: {size}")
    if answer.rtol is None:
        lines.append("rtol     none asked for: these errors are statistical")
    else:
        lines.append(f"rtol     {answer.rtol:g}: {'reached' if answer.reached else 'NOT reached'}")
    return lines
