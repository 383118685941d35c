"""What sampling without the matrices saves: time and memory of the NTK of finite networks, by width and by products.

    python benchmarks/finite.py [--quick] [--huge]

Prints, for zoo:mlp (three hidden layers, tanh, two inputs): seconds and memory by width for the exact and the dense
sampler, and what each needs for a standard error of 1e-3 of K; for zoo:rnn, seconds by the number of products m of
one matrix; and nanoseconds for a standard normal by generator. `--huge` adds width 10^7 (2 GiB).
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels
from tpproof.program.model import Program

TARGET = 1e-3
"""The standard error asked for, over K."""


@dataclass(frozen=True)
class Run:
    """Networks of one width: seconds for one (the fastest), and their kernels' mean and deviation."""

    seconds: float
    mean: float
    deviation: float


def run(program: Program, width: int, sampler: str, seeds: int, dtype: str = "float64") -> Run:
    parts = sum(i.parts for i in program.inputs)
    x = np.random.default_rng(0).standard_normal((2, parts, 5))
    seconds, values = [], []
    for seed in range(seeds):
        begin = time.perf_counter()
        kernels = empirical_kernels(FiniteNetwork(program, Space(width, seed=seed, dtype=dtype), sampler), x)
        seconds.append(time.perf_counter() - begin)
        values.append(kernels.ntk[0, 0, 0, 1])
    deviation = float(np.std(values, ddof=1)) if seeds > 1 else math.nan
    return Run(min(seconds), float(np.mean(values)), deviation)


def peak_vectors(program: Program, width: int) -> float:
    """The most memory at a time, in vectors of n numbers."""
    tracemalloc.start()
    run(program, width, "exact", 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (8 * width)


def by_width(program: Program, quick: bool, huge: bool) -> None:
    limit = run(program, 10**5 if quick else 10**6, "exact", 4).mean
    print(f"{'sampler':>8} {'type':>8} {'width':>9} {'seconds':>8} {'ns/n':>7} {'sd·√n/K':>8} {'to 1e-3 of K':>13}")
    exact = [10**3, 10**4, 10**5] + ([] if quick else [10**6])
    dense = [250, 500, 1000, 2000] + ([] if quick else [4000])
    cases = [("exact", "float64", n) for n in exact] + [("exact", "float32", exact[-1])]
    spread = 0.7  # sd·√n/K, replaced by what is measured
    for sampler, dtype, n in cases + [("dense", "float64", n) for n in dense]:
        found = run(program, n, sampler, 100 if n <= 1000 else 5, dtype)
        if n <= 1000:
            spread = found.deviation * math.sqrt(n) / abs(limit)
        networks = max(1.0, (spread / TARGET) ** 2 / n)
        text = f"{networks * found.seconds:10.2f} s" if n >= 1000 else "biased"
        per = found.seconds / n * 1e9
        print(f"{sampler:>8} {dtype:>8} {n:9d} {found.seconds:8.4f} {per:7.0f} {spread:8.2f} {text:>13}")
    print(f"memory: {peak_vectors(program, 10**5):.1f} vectors of n numbers")
    if huge:
        found = run(program, 10**7, "exact", 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        per = found.seconds * 100
        print(f"   exact  float64  10000000 {found.seconds:8.4f} {per:7.0f}; process at most {peak:.2f} GiB")


def by_products(quick: bool) -> None:
    print("zoo:rnn, width 10^5: m products of W and of Wᵀ each, two inputs")
    for steps in (2, 4, 8, 16) if quick else (2, 4, 8, 16, 32, 64):
        found = run(load("zoo:rnn", {"T": str(steps)}), 10**5, "exact", 2)
        m = 2 * (steps - 1)
        print(f"  m = {m:4d} {found.seconds:8.3f} s, {found.seconds / m:.4f} s/m, {found.seconds / m**2:.5f} s/m²")


def normals() -> None:
    count = 10**6
    out = np.empty(count)

    def timed(draw: Callable[[], object]) -> float:
        best = math.inf
        for _ in range(5):
            begin = time.perf_counter()
            draw()
            best = min(best, time.perf_counter() - begin)
        return best / count * 1e9

    for made in (np.random.Philox, np.random.SFC64, np.random.PCG64DXSM):
        generator = np.random.Generator(made(1))
        single = np.empty(count, dtype=np.float32)
        wide, narrow = (
            timed(lambda g=generator: g.standard_normal(out=out)),
            timed(lambda g=generator, o=single: g.standard_normal(out=o, dtype=np.float32)),
        )
        print(f"{made.__name__:>12}: {wide:5.1f} ns float64, {narrow:5.1f} ns float32")
    for threads in (1, 2):
        space = Space(count, threads=threads)
        print(f"  as used, {threads} threads: {timed(lambda s=space: s.normals(0, 0, 1, count)):5.1f} ns")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller widths")
    parser.add_argument("--huge", action="store_true", help="width 10^7 too")
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    by_width(load("zoo:mlp"), options.quick, options.huge)
    by_products(options.quick)
    normals()


if __name__ == "__main__":
    main()
