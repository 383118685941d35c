"""Cross-checks made of simulated networks, for the tests of what is printed and drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.report import CrossCheck, Trajectories, joined
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.statistics import Compared

DESIGN = {256: 16, 1024: 16, 16384: 32}
QUANTITIES = (
    *(Quantity(Kind.KERNEL, (0, 0, i, j), f"K[0, 0](ξ{i}, ξ{j})", "(100)") for i in range(3) for j in range(i, 3)),
    *(Quantity(Kind.CHANGE, (g, 0, 0, 1, 0), f"(107) at g{g}", "(107)") for g in range(40)),
    Quantity(Kind.MOMENT2, (0, 0, 0, 0), "E[Z^x Z^x]", "B.4"),
)
LIMITS = np.array([3, 0.5, 0.7, 3, 0.9, 3, *np.linspace(0.5, 1.5, 40), 1.0])
NAME, SHA = "net [bold]\x1b[31m<b>", "ab" * 32


def networks(seed: int = 0) -> Samples:
    """Deviation 3/√n of the kernel and 1/√n of the others, bias 4/n; the second moment is always 1."""
    rng = np.random.default_rng(seed)
    r = np.array([3.0] * 6 + [1.0] * 40 + [0.0])
    values = {}
    for n, m in DESIGN.items():
        values[n] = LIMITS * (1 + 4 / n) + r * rng.standard_normal((m, len(r))) / np.sqrt(n)
        values[n][:, -1] = 1
    return Samples(QUANTITIES, values)


def trained() -> Trajectories:
    rng = np.random.default_rng(1)
    limit = rng.standard_normal((8, 1, 3, 1)) * np.exp(-np.arange(5.0))[None, :, None, None]
    return Trajectories(limit + 0.01 * rng.standard_normal(limit.shape), limit, 1024)


def check(error: float = 0.0, at: int = 10, samples: Samples | None = None, **more: Any) -> CrossCheck:
    """`error` is that of one limit."""
    limits = LIMITS.copy()
    limits[at] *= 1 + error
    about = {"name": NAME, "network_sha256": SHA, "backend": "numpy", "sampler": "exact", "seed": 7, **more}
    return joined(Compared(networks() if samples is None else samples, limits), **about)
