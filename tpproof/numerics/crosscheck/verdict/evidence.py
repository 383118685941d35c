"""What a certificate carries of a cross-check: the `crosscheck` of its evidence (docs/certificate-format.md).

Bounded, whatever was checked, and without floats: numbers are decimal strings of six digits. Whoever reads it reads a
claim: the checker does not look at it. It says how to draw the same networks again.
"""

from __future__ import annotations

import math
from hashlib import sha256
from typing import Any

import numpy as np

from tpproof.numerics.crosscheck.quantities import Kind, Setting
from tpproof.numerics.crosscheck.verdict.report import Approach, CrossCheck, KindSummary
from tpproof.numerics.crosscheck.verdict.statistics import Final, Row

MOST_ROWS = 40
MOST_ENTRIES = 6
"""Of the kernel that have a number for each width."""
MOST_NOTES = 20
MOST_CHARACTERS = 200
MOST_OF_A_COMMAND = 400


def as_evidence(check: CrossCheck, command: str | None = None) -> dict[str, Any]:
    """See `CrossCheck.evidence`."""
    return {
        "network_sha256": check.network_sha256,
        "verdict": check.verdict.value,
        "partial": check.partial,
        "alpha": decimal(check.alpha),
        "detectable": decimal(check.detectable),
        "command": command if command is None or len(command) <= MOST_OF_A_COMMAND else None,
        "backend": check.backend,
        "sampler": check.sampler,
        "seed": check.seed,
        "widths": list(check.widths),
        "samples": list(check.samples),
        "setting": None if check.setting is None else _setting(check.setting),
        "quantities": len(check.finals),
        "disagreeing": sum(not f.agrees for f in check.finals),
        "slope": None if check.slopes.joint is None else decimal(check.slopes.joint.slope),
        "kinds": [_kind(k) for k in check.kinds()],
        "kernel": _kernel(check),
        "rows": [_row(f) for f in decisive(check)],
        "notes": [note[:MOST_CHARACTERS] for note in check.notes[:MOST_NOTES]],
    }


def decimal(x: float | None) -> str | None:
    """Six significant digits."""
    return None if x is None or not math.isfinite(x) else f"{x:.6g}"


def _setting(setting: Setting) -> dict[str, Any]:
    """Inputs by the SHA-256 of their numbers (little-endian float64, part by part), the first is ξ̃."""
    inputs = [sha256(np.asarray(x, dtype="<f8").tobytes()).hexdigest() for x in setting.inputs]
    return {"inputs_sha256": inputs, "steps": setting.steps, "rate": decimal(setting.rate)}


def _kind(summary: KindSummary) -> dict[str, Any]:
    return {
        "kind": summary.kind.value,
        "quantities": summary.quantities,
        "disagreeing": summary.disagreeing,
        "blind": summary.blind,
        "largest_z": None if summary.worst is None else decimal(summary.worst.z),
        "detectable": decimal(summary.detectable),
        "slope": None if summary.slope is None else decimal(summary.slope.slope),
    }


def _kernel(check: CrossCheck) -> list[dict[str, Any]]:
    rows: dict[tuple[int, ...], list[Row]] = {}
    for row in check.rows:
        if row.quantity.kind is Kind.KERNEL:
            rows.setdefault(row.quantity.key, []).append(row)
    return [_entry(a, rows[a.quantity.key]) for a in check.approaches[:MOST_ENTRIES]]


def _entry(approach: Approach, rows: list[Row]) -> dict[str, Any]:
    """Lists have a number for each of `widths`."""
    return {
        "quantity": approach.quantity.name[:MOST_CHARACTERS],
        "limit": decimal(rows[0].limit),
        "limit_error": decimal(rows[0].limit_error),
        "measured": [decimal(r.measured) for r in rows],
        "se": [decimal(r.se) for r in rows],
        "deviation": [decimal(x) for x in approach.typical],
        "deviation_se": [decimal(x) for x in approach.se],
    }


def _row(final: Final) -> dict[str, Any]:
    return {
        "quantity": final.quantity.name[:MOST_CHARACTERS],
        "kind": final.quantity.kind.value,
        "equation": final.quantity.equation,
        "limit": decimal(final.limit),
        "measured": decimal(final.estimate),
        "se": decimal(final.se),
        "z": decimal(final.z),
        "detectable": decimal(final.detectable),
        "agrees": final.agrees,
    }


def decisive(check: CrossCheck) -> tuple[Final, ...]:
    """Up to `MOST_ROWS` quantities: those that disagree, the kernel's, and the largest |z| of each kind."""
    ranked = sorted(check.finals, key=lambda f: -abs(f.z or 0.0))
    wrong = [f for f in check.disagreeing if f is not check.earliest]
    chosen = [f for f in [check.earliest, *wrong] if f is not None][: MOST_ROWS // 2]
    kernel = [f for f in check.finals if f.quantity.kind is Kind.KERNEL and f.agrees]
    chosen += kernel[: MOST_ROWS // 4]
    for kind in Kind:
        chosen += [f for f in ranked if f.quantity.kind is kind and not any(f is c for c in chosen)][:2]
    return tuple(chosen[:MOST_ROWS])
