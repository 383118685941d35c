"""Every instruction over whole arrays against many digits, in the strict namespace of the array standard too."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import array_api_strict
import mpmath as mp
import numpy as np
import pytest

from tests.numerics.tiles.op_cases import CASES, Case, exact
from tpproof.numerics.tiles.arrays import Table, lune, run_arrays
from tpproof.numerics.tiles.fused import fused, is_cupy
from tpproof.numerics.tiles.namespaces import to_numpy

NAMESPACES = [np, array_api_strict]


def run(xp: Any, case: Case) -> list[np.ndarray[Any, Any]]:
    lift: Callable[[Any], Any] = xp.asarray
    tables = [Table(lift(t.rows), lift(t.cols), t.parity) for t in case.tables]
    excesses = [lift(e) for e in case.excesses]
    outputs, _, _ = run_arrays(
        xp, case.code, lift(case.rows), lift(case.cols), [lift(g) for g in case.grams], excesses, tables
    )
    return [to_numpy(output) for output in outputs]


@pytest.mark.parametrize("xp", NAMESPACES, ids=["numpy", "strict"])
@pytest.mark.parametrize("name", CASES)
def test_an_instruction_is_what_it_says(name: str, xp: Any) -> None:
    case = CASES[name]
    for output, formula, scale in zip(run(xp, case), case.formulas, case.scales, strict=True):
        assert np.max(np.abs(output - exact(case, formula)) / scale(case)) < case.tolerance


def test_a_wrong_coefficient_is_seen() -> None:
    case = CASES["arc"]
    outputs = run(np, case)
    assert np.max(np.abs(outputs[0] * (1 + 1e-13) - exact(case, case.formulas[0]))) > case.tolerance


def test_fused_kernels_are_for_cupy_and_double_precision_only() -> None:
    x = np.ones((2, 2))
    assert fused(np, "arc", x, x) is None
    assert fused(array_api_strict, "arc", x, x) is None
    assert fused(SimpleNamespace(__name__="array_api_compat.cupy"), "arc", x, x.astype(np.float32)) is None
    assert is_cupy(SimpleNamespace(__name__="cupy"))


@pytest.mark.parametrize("t", [0.0, 1e-300, 1e-8, 1e-3, 0.3, 0.699, 0.701, 2.0, 3.14159])
def test_the_lune_is_exact_to_rounding_everywhere(t: float) -> None:
    with mp.workdps(60):
        truth = mp.sin(mp.mpf(t)) - mp.mpf(t) * mp.cos(mp.mpf(t))
        assert abs(mp.mpf(float(lune(np, np.array([t]))[0])) - truth) <= 2e-15 * truth
