"""Kernels of small texts and zoo networks at pairs of inputs, and their 50-digit counterparts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tpproof as tp
from tests.closed_forms import ClosedForms
from tests.precision import MP, Real
from tests.zoo.tools import _program as program_of
from tests.zoo.tools import proved
from tpproof.language.interpreter import parse
from tpproof.numerics.gram.kernel import Kernel, KernelFunction

Array = NDArray[np.float64]
HEAD = 'xi = input("xi")\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nb = bias("b")\nx = U @ xi\n'
ABSTRACT = 'phi = nonlinearity("phi")\n' + HEAD
NEAR = (0.0, 1e-3, 1e-6, 1e-8, 1e-10)


def of(text: str, functions: Any = None, **settings: Any) -> KernelFunction:
    """The kernel function of an output's text above one embedding; φ is abstract where functions are given."""
    return tp.kernel_fn(parse((ABSTRACT if functions else HEAD) + text, "test"), functions, **settings)


def hard_inputs(parts: int, d: int = 5, seed: int = 3) -> Array:
    """(N, parts, d): equal rows, near-duplicates at several distances, parallel ones, and others."""
    random = np.random.default_rng(seed)
    first = random.standard_normal((parts, d))
    near = [first * (1 + gap * random.standard_normal((parts, d))) for gap in NEAR]
    return np.stack([first, *near, 0.7 * first, 0.7 * near[3], *random.standard_normal((2, parts, d))])


def exact(source: str, first: Array, second: Array, **constants: str) -> dict[str, Real]:
    """Both kernels of a pair of inputs (parts, d), to some 45 digits."""
    rows = [[[MP.mpf(float(t)) for t in part] for part in x] for x in (first, second)]
    gram = {
        (s, r, 0, a, 0, b): MP.fdot(x, y) / len(x)
        for s in (0, 1) for r in (0, 1) for a, x in enumerate(rows[s]) for b, y in enumerate(rows[r])
    }  # fmt: skip
    forms = ClosedForms(proved(source, **constants), gram)
    return {"ntk": forms.kernel(), "nngp": forms.nngp()}


def worst(source: str, inputs: Array, pairs: list[tuple[int, int]], **constants: str) -> dict[str, float]:
    """The largest error relative to the entry; asserts that every error is within its bound, and x2 = x1 agrees."""
    program = program_of(source, constants)
    function = tp.kernel_fn(program)
    data = inputs if program.inputs[0].count is not None else inputs[:, 0]
    found = {"ntk": 0.0, "nngp": 0.0}
    for kernel in (function(data), function(data, data.copy())):
        for i, j in pairs:
            for name, expected in exact(source, inputs[i], inputs[j], **constants).items():
                error = abs(MP.mpf(float(getattr(kernel, name)[i, j])) - expected)
                assert error <= kernel.error[name][i, j], (name, i, j)
                found[name] = max(found[name], float(error / abs(expected)))
    return found


def numbers(kernel: Kernel, name: str) -> tuple[Array, Array]:
    """Values and errors of a kernel that was asked for."""
    value = getattr(kernel, name)
    assert value is not None
    return value, kernel.error[name]
