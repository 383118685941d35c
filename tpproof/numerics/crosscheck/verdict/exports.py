"""A cross-check as JSON and CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from tpproof.numerics.crosscheck.quantities import Quantity
from tpproof.numerics.crosscheck.verdict.decisions import EXACT
from tpproof.numerics.crosscheck.verdict.exponents import Slope, Slopes
from tpproof.numerics.crosscheck.verdict.report import CrossCheck, KindSummary
from tpproof.numerics.crosscheck.verdict.statistics import Final, Row


def as_json(check: CrossCheck) -> dict[str, Any]:
    """See `CrossCheck.to_json`."""
    return {
        "agrees": check.agrees,
        "verdict": check.verdict.value,
        "disagreeing": [f.quantity.name for f in check.disagreeing],
        "earliest": None if check.earliest is None else check.earliest.quantity.name,
        "network": {"name": check.name, "sha256": check.network_sha256},
        "rows": [_row(r) for r in check.rows],
        "finals": [_final(f) for f in check.finals],
        "kinds": [_kind(k) for k in check.kinds()],
        "slopes": _slopes(check.slopes),
        "detectable": check.detectable,
        "alpha": check.alpha,
        "backend": check.backend,
        "sampler": check.sampler,
        "seed": check.seed,
        "widths": list(check.widths),
        "samples": list(check.samples),
        "deviations": {kind: [asdict(d) for d in found] for kind, found in check.deviations.items()},
        "seconds": check.seconds,
        "partial": check.partial,
        "notes": list(check.notes),
    }


def _address(quantity: Quantity) -> dict[str, Any]:
    return {
        "quantity": quantity.name,
        "kind": quantity.kind.value,
        "key": list(quantity.key),
        "equation": quantity.equation,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        **_address(row.quantity),
        "width": row.width,
        "samples": row.samples,
        "measured": row.measured,
        "se": row.se,
        "limit": row.limit,
        "limit_error": row.limit_error,
        "z": row.z,
    }


def _final(final: Final) -> dict[str, Any]:
    numbers = {name: value for name, value in vars(final).items() if name != "quantity"}
    return {
        **_address(final.quantity),
        **numbers,
        "widths": list(final.widths),
        "dof": None if final.dof >= EXACT else final.dof,
    }


def _kind(summary: KindSummary) -> dict[str, Any]:
    return {
        "kind": summary.kind.value,
        "quantities": summary.quantities,
        "disagreeing": summary.disagreeing,
        "blind": summary.blind,
        "untested": summary.untested,
        "worst": None if summary.worst is None else summary.worst.quantity.name,
        "worst_z": None if summary.worst is None else summary.worst.z,
        "detectable": summary.detectable,
        "median_detectable": summary.median,
    }


def _slopes(slopes: Slopes) -> dict[str, Any]:
    def several(found: dict[str, Slope]) -> dict[str, Any]:
        return {name: asdict(s) for name, s in found.items()}

    def one(found: Slope | None) -> dict[str, float] | None:
        return None if found is None else asdict(found)

    return {
        "fluctuation": {
            "expected": -0.5,
            "joint": one(slopes.joint),
            "kinds": several(slopes.kinds),
            "quantities": several(slopes.fluctuation),
        },
        "bias": {"expected": -1.0, "joint": one(slopes.joint_bias), "quantities": several(slopes.bias)},
    }


COLUMNS = (
    "kind",
    "quantity",
    "equation",
    "key",
    "width",
    "samples",
    "measured",
    "se",
    "limit",
    "limit_error",
    "z",
    "agrees",
)


def as_csv(check: CrossCheck) -> str:
    """See `CrossCheck.to_csv`. Numbers are written so that reading them gives the same floats."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in check.rows:
        numbers = (r.width, r.samples, r.measured, r.se, r.limit, r.limit_error, r.z, None)
        writer.writerow([*_cells(r.quantity), *numbers])
    for f in check.finals:
        numbers_ = ("inf", None, f.estimate, f.se, f.limit, f.limit_error, f.z, f.agrees)
        writer.writerow([*_cells(f.quantity), *numbers_])
    return text.getvalue()


def _cells(quantity: Quantity) -> tuple[str, str, str, str]:
    return quantity.kind.value, quantity.name, quantity.equation, " ".join(map(str, quantity.key))
