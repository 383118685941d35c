"""What a cross-check costs: a wide network, a standard error, more inputs, more workers; and what matrices would cost.

    python benchmarks/crosscheck.py [--quick] [--python PYTHON]
    python benchmarks/crosscheck.py --wide 10000000 100000000 --dtype float32

For zoo:mlp (three hidden layers, tanh) prints: seconds of the NTK at width 10^6, and the memory at 10^7; CPU seconds to
a standard error of 1e-3 of K(ξ̃, ξ) by this package's two samplers (a network a core), by matrices in plain NumPy, all
networks of a batch at once, and by neural-tangents' Monte Carlo; CPU seconds by width n and by the number m of products
of one matrix; and what two processes make of the same work. Exit code 1 when a goal was missed or not measured.

The time to a standard error ε·K is r·t(n), where one network of width n takes t(n) and r = (s(n)/ε)² networks are
needed, s(n) being the standard deviation of K_n over K. For wide networks s(n) = s/√n, so matrices, with t ~ n², cost
s²n/ε² in all, the more the wider; sampling without them costs the same at any width. A width must be such that the bias
of K_n, O(1/n), is no more than the standard error: without a bound for the constant, n ≥ 1/ε = 1000 is taken. Smaller
widths are good only for networks whose bias is known to be small (of this one's K it is, for no deep reason).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from kernels import Case, baseline
from numpy.typing import NDArray

from tpproof.language.source import load
from tpproof.numerics.crosscheck.running.run import run
from tpproof.numerics.crosscheck.running.split import split_kernels
from tpproof.numerics.crosscheck.running.tasks import Means, Task, Values, Work, network_seed, tasks
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels
from tpproof.numerics.workers.recipe import Recipe
from tpproof.program.canonical import canonical_bytes, to_json

Array = NDArray[np.float64]
TARGET = 1e-3
PAIR = np.random.default_rng(0).standard_normal((2, 5))
SAFE = 1000
"""The width at which a bias of order 1/n is of the order of TARGET."""


def kernel(width: int, seed: int = 0, sampler: str = "exact", x: Array = PAIR, threads: int | None = None) -> Array:
    """The NTK of one network, (B, B)."""
    given: dict[str, Any] = {} if threads is None else {"threads": threads}
    found: Array = empirical_kernels(FiniteNetwork(load("zoo:mlp"), Space(width, seed=seed, **given), sampler), x).ntk
    return found[0, 0]


def fastest(call: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Least wall-clock and CPU seconds of several calls."""
    wall, cpu = [], []
    for i in range(rounds):
        begin, at = time.perf_counter(), time.process_time()
        call(i)
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - at)
    return min(wall), min(cpu)


# --- one network -----------------------------------------------------------------------------------------------------


def one_network(quick: bool) -> bool:
    """Seconds at width 10^6 and memory at 10^7; whether the goals were met."""
    print("one network of zoo:mlp, exact sampler, float64")
    met = True
    for x in (PAIR[:1], PAIR):
        wall, cpu = fastest(lambda i, x=x: kernel(10**6, i, x=x), 3 if quick else 7)
        good = wall < 1
        met &= good
        text = f"{wall:.2f} s, {cpu:.2f} s CPU (goal: under 1 s)"
        print(f"  width 10^6, inputs {len(x)}: {text}{'' if good else ' MISSED'}")
    for inputs in (1, 2):
        command = [sys.executable, __file__, "--memory", str(10**7), str(inputs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        good = found["peak"] < 2
        met &= good
        text = f"{found['seconds']:.1f} s, process at most {found['peak']:.2f} GiB (goal: under 2 GiB)"
        print(f"  width 10^7, inputs {inputs}: {text}{'' if good else ' MISSED'}")
    return met


def memory(width: int, inputs: int) -> None:
    """In a process of its own: seconds, and the process's largest resident size in GiB."""
    wall, _ = fastest(lambda i: kernel(width, i, x=PAIR[:inputs]), 1)
    print(json.dumps({"seconds": wall, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))


# --- a standard error ------------------------------------------------------------------------------------------------


def by_matrices(width: int, batch: int, random: np.random.Generator) -> Array:
    """K(ξ̃, ξ) of a batch of networks by explicit matrices in plain NumPy: nothing of this package."""
    d, root = PAIR.shape[1], math.sqrt(width)
    u, v = random.standard_normal((batch, width, d)), random.standard_normal((batch, width, 1))
    biases = [random.standard_normal((batch, width, 1)) for _ in range(3)]
    matrices = [random.standard_normal((batch, width, width)) for _ in range(2)]

    def gram(vectors: Array) -> Array:
        return vectors.swapaxes(1, 2) @ vectors / width

    layers = [np.tanh(u @ PAIR.T / math.sqrt(d) + biases[0])]
    for w, b in zip(matrices, biases[1:], strict=True):
        layers.append(np.tanh(w @ layers[-1] / root + b))
    ntk, signal = gram(layers[2]) + 1, v * (1 - layers[2] ** 2)
    for below in (1, 0):
        ntk += gram(signal) * (gram(layers[below]) + 1)
        signal = matrices[below].swapaxes(1, 2) @ signal / root * (1 - layers[below] ** 2)
    ntk += gram(signal) * (PAIR @ PAIR.T / d + 1)
    found: Array = ntk[:, 0, 1]
    return found


def spread() -> tuple[float, float]:
    """s = √n·(standard deviation of K_n)/K, and K, from many networks of width 64."""
    random = np.random.Generator(np.random.SFC64(1))
    values = np.concatenate([by_matrices(64, 250, random) for _ in range(40)])
    return float(values.std() / values.mean() * 8), float(values.mean())


def standard_error(quick: bool, python: str) -> bool:
    """The table; whether each goal was met: 100 times less than matrices, at the width from which they are safe on."""
    s, mean = spread()
    wide = kernel(10**5 if quick else 10**6)[0, 1]
    print(f"CPU seconds to a standard error of {TARGET:g} K, K = {wide:.4f}; √n·sd/K = {s:.3f}")
    print(f"{'':>24}{'width':>9}{'each':>11}{'networks':>10}{'in all':>9}{'ratio':>8}")
    rounds = 3 if quick else 7

    def row(name: str, width: int, each: float) -> float:
        networks = (s / TARGET) ** 2 / width
        total = each * networks
        ratio = f"{total / own:7.0f}×" if own else ""
        note = "" if width >= SAFE else "  (bias?)"
        print(f"{name:>24}{width:9d}{each:9.5f} s{networks:10.1f}{total:7.2f} s{ratio}{note}", flush=True)
        return total

    own = 0.0
    own = min(row("exact", n, fastest(lambda i, n=n: kernel(n, i, threads=1), rounds)[1])
              for n in (10**4, 10**5, 3 * 10**5))  # fmt: skip
    safe: dict[str, float] = {}
    for n in (125, 500, SAFE, 2000) if quick else (125, 250, 500, SAFE, 2000, 4000):
        cpu = fastest(lambda i, n=n: kernel(n, i, "dense", threads=1), rounds)[1]
        total = row("dense", n, cpu)
        safe |= {"dense": total} if n == SAFE else {}
    for n in (32, 125, 500, SAFE, 2000) if quick else (32, 64, 125, 250, 500, SAFE, 2000, 4000):
        given = n, max(1, 64**2 // n**2), np.random.Generator(np.random.SFC64(2))
        cpu = fastest(lambda i, given=given: by_matrices(*given), rounds)[1]
        row("plain NumPy", n, cpu / given[1])
    with baseline(python) as other:
        for n in (SAFE,) if quick else (128, 512, SAFE, 2048):
            if other is None:
                break
            case = Case("", "mlp", "tanh", 3, 2, 5, "1", "1", 0)
            seconds = 4 if quick else 10
            got = other.ask({**case.job, "do": "monte_carlo", "width": n, "seconds": seconds, "target": TARGET})
            total = row("neural-tangents", n, got["cpu_each"])
            safe |= {"neural-tangents": total} if n == SAFE else {}
    met = True
    for name in ("dense", "neural-tangents"):
        ratio = safe.get(name, 0.0) / own
        met &= ratio >= 100
        print(f"  {name} at width {SAFE} over exact: {ratio:.0f}× (goal: 100×){'' if ratio >= 100 else ' MISSED'}")
    return met and abs(mean / wide - 1) < 0.02


# --- by n and m ------------------------------------------------------------------------------------------------------


def costs(quick: bool) -> None:
    """CPU seconds by width, and by products."""
    rounds = 3 if quick else 5
    print("by width n, two inputs (m = 2 products of each matrix and of its transpose)")
    for n in (10**4, 10**5, 10**6):
        cpu = fastest(lambda i, n=n: kernel(n, i, threads=1), rounds)[1]
        print(f"  n = {n:8d}: {cpu:7.4f} s CPU, {cpu / n * 1e9:5.0f} ns/n")
    print("by products m, width 10^5, m inputs: normals and functions cost m, conditioning m²")
    for m in (1, 2, 4, 8, 16, 32) if quick else (1, 2, 4, 8, 16, 32, 64):
        x = np.random.default_rng(m).standard_normal((m, 64))
        cpu = fastest(lambda i, x=x: kernel(10**5, i, x=x, threads=1), rounds if m < 32 else 1)[1]
        print(f"  m = {m:3d}: {cpu:7.3f} s CPU, {cpu / m * 1e4:6.2f} ns/(n m), {cpu / m**2 * 1e4:6.2f} ns/(n m²)")


# --- over workers ----------------------------------------------------------------------------------------------------


def network_kernels(recipe: Recipe) -> Work:
    """Kernels as tasks."""
    options = json.loads(recipe.options)
    program = canonical_program()

    def work(task: Task, means: Means) -> Values:
        space = Space(task.width, seed=network_seed(options["seed"], task), threads=means.threads)
        found: Values = empirical_kernels(FiniteNetwork(program, space), PAIR).ntk.ravel()
        return found

    return work


def canonical_program() -> Any:
    return load("zoo:mlp")


def workers(quick: bool) -> None:
    """Many networks, and one, over processes."""
    import crosscheck  # as a module, whose functions worker processes can import

    work = Recipe(crosscheck.network_kernels, canonical_bytes(to_json(canonical_program())).decode(), '{"seed": 1}')
    todo = tasks({2000: 400, 50000: 50 if quick else 200})
    print(f"{len(todo)} networks, and one of width 10^6 whose coordinates are shared out; processes' start included")
    alone, alone_cpu = fastest(lambda i: run(todo, work, workers=1), 1)
    for count in (2, 4):
        wall, _ = fastest(lambda i, count=count: run(todo, work, workers=count), 1)
        print(f"  networks: {alone:.2f} s by one process ({alone_cpu:.2f} s CPU), {wall:.2f} s by {count}")
    one = kernel(10**6, 3)
    program = canonical_program()
    alone, alone_cpu = fastest(lambda i: kernel(10**6, 3), 2)
    wall, _ = fastest(lambda i: split_kernels(program, PAIR, 10**6, 3, 2), 2)
    shared = split_kernels(program, PAIR, 10**6, 3, 2).ntk[0, 0]
    difference = np.abs(shared / one - 1).max()
    text = f"{alone:.2f} s by one process ({alone_cpu:.2f} s CPU), {wall:.2f} s by 2"
    print(f"  coordinates: {text}; K differs by {difference:.0e}")


def shared_out(widths: list[int], dtype: str) -> None:
    """One network of one input, its coordinates on two processes: CPU seconds a coordinate, whatever the width."""
    program = canonical_program()
    print(f"one network of one input whose coordinates are shared out over 2 processes, {dtype}; their start included")
    for n in widths:
        begin, at = time.perf_counter(), _cpu()
        found = split_kernels(program, PAIR[:1], n, 3, 2, dtype=dtype)
        wall, cpu = time.perf_counter() - begin, _cpu() - at
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        text = f"{wall:6.1f} s, {cpu:6.1f} s CPU, {cpu / n * 1e9:4.0f} ns/n, a process at most {peak:.2f} GiB"
        print(f"  n = {n:10d}: {text}, K = {found.ntk[0, 0, 0, 0]:.6f}", flush=True)


def _cpu() -> float:
    """Seconds of this process and of those that it started and that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and widths")
    parser.add_argument("--python", default=sys.executable, help="makes the environment of neural-tangents")
    parser.add_argument("--memory", nargs=2, type=int, metavar=("WIDTH", "INPUTS"), help=argparse.SUPPRESS)
    parser.add_argument("--wide", nargs="+", type=int, metavar="WIDTH", help="only one network, shared out, this wide")
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"], help="of --wide")
    options = parser.parse_args()
    if options.memory:
        memory(*options.memory)
        return 0
    if options.wide:
        shared_out(options.wide, options.dtype)
        return 0
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    met = one_network(options.quick)
    met &= standard_error(options.quick, options.python)
    costs(options.quick)
    workers(options.quick)
    shared_out([10**5, 10**6] if options.quick else [10**5, 10**6, 10**7], "float64")
    print("all goals met" if met else "a goal was missed or not measured")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
