"""The speed of `kernel_fn` against neural-tangents' jitted float64 `kernel_fn`, both on this machine in the same run.

    python benchmarks/kernels.py [--quick] [--case NAME ...] [--monte-carlo] [--python PYTHON]

The two take turns, several rounds a case. Prints the best times (the medians behind them), element-layers per second
(an element: one entry of an n × n kernel at one position of an image, or pair of positions where the network pools;
every entry counted, also where symmetry saves it), the ratio with its goal, the parts of what this machine's memory and
arithmetic allow, and how far the two kernels differ. neural-tangents runs in an environment of its own, made on the
first run, with an old jax: see `requirements-neural-tangents.txt`. Exit code 1 when a goal was missed or not measured.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv-neural-tangents"
REQUIREMENTS = HERE / "requirements-neural-tangents.txt"
LAST_PYTHON = (3, 12)  # with wheels of that jaxlib
OFF_DIAGONAL = 1e-9  # how far the kernels may differ, relative to √(K_ii K_jj)
DIAGONAL = 1e-6  # neural-tangents' √(q² − k²) cancels there: good to about 3e-8
BYTES = 32  # of float64 traffic per element-layer where each layer reads and writes K and Θ
FLOPS = {"relu": 80, "erf": 80, "tanh": 256}  # an element-layer, nominal: arc-cosine; arcsine; two series of 64 terms
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A network as the zoo and as neural-tangents name it, its inputs and what the ratio should be.

    Attributes
    ----------
    variance, bias
        σ_w² and σ_b² of every layer, as text; neural-tangents' W_std² and b_std².
    goal
        Least ratio of the baseline's time to ours; least entries/s per layer where there is no baseline; 0: none.
    """

    name: str
    network: str
    phi: str
    depth: int
    n: int
    d: int
    variance: str
    bias: str
    goal: float
    rows: int = 0
    padding: str = "same"
    read: str = "flatten"
    batch: int = 0
    baseline: bool = True

    @property
    def zoo(self) -> tuple[str, dict[str, str]]:
        """The same network in the zoo: name and constants.

        neural-tangents multiplies a weight N(0, 1) by σ_w/√fan-in and trains it at learning rate 1: κ = σ_w². The zoo
        samples with std σ_w, so its learning rate is σ_w². A filter's fan-in has taps² positions: the zoo's std is that
        of the whole filter, each tap has std/taps; its learning rate is a tap's own, σ_w²/taps². Flatten + Dense divide
        by the positions too, as the zoo's readout does by its scale; the zoo's output bias takes lr_b.
        """
        weights, bias = f"sqrt({self.variance})", f"sqrt({self.bias})"
        constants = {"L": str(self.depth), "phi": self.phi, "std_b": bias, "lr_b": self.bias}
        constants |= {f"std_{of}": weights for of in "uwv"} | {f"lr_{of}": self.variance for of in "uwv"}
        if self.network == "mlp":
            return "mlp", {**constants, "std_c": bias}
        image = {"rows": str(self.rows), "columns": str(self.rows), "taps": "3"}
        taps = {f"lr_{of}": f"{self.variance}/9" for of in "uw"}
        return "cnn2d", {**constants, **image, **taps, "padding": self.padding, "read": self.read}

    @property
    def job(self) -> dict[str, Any]:
        """The same network for `neural_tangents_baseline.py`."""
        variances = {"weight_variance": float(Fraction(self.variance)), "bias_variance": float(Fraction(self.bias))}
        image = {"rows": self.rows, "columns": self.rows, "taps": 3, "padding": self.padding, "read": self.read}
        names = ("network", "phi", "depth", "n", "d", "batch")
        return {**{key: getattr(self, key) for key in names}, **variances, **image}

    @property
    def element_layers(self) -> int:
        positions = max(1, self.rows**2) ** (2 if self.read == "pool" else 1)
        return self.n**2 * positions * self.depth

    def inputs(self) -> Array:
        """(n, d), or (n, positions, d) row by row: the same numbers as the baseline draws."""
        positions = (self.rows**2,) if self.rows else ()
        return np.random.default_rng(0).standard_normal((self.n, *positions, self.d))


CASES = [
    Case("relu_mlp", "mlp", "relu", 10, 4096, 32, "2", "1/100", 10, batch=512),  # its nt.batch is faster than without
    Case("relu_mlp_2048", "mlp", "relu", 10, 2048, 32, "2", "1/100", 10),
    Case("erf_mlp", "mlp", "erf", 3, 4000, 32, "9/4", "1/400", 10),
    Case("cnn_same", "cnn", "relu", 5, 256, 3, "2", "1/100", 5, rows=8),
    Case("cnn_circular", "cnn", "relu", 5, 256, 3, "2", "1/100", 0, rows=8, padding="circular"),
    Case("cnn_pool", "cnn", "relu", 3, 128, 3, "2", "1/100", 5, rows=4, read="pool"),
    Case("tanh_mlp", "mlp", "tanh", 3, 2048, 32, "9/4", "1/400", 15e6, baseline=False),
]
QUICK = {"relu_mlp": 2048, "relu_mlp_2048": 1024, "erf_mlp": 2000, "tanh_mlp": 1024}


class Missing(Exception):
    """What is to be measured is not there."""


@functools.cache
def _kernel_fn(case: Case) -> Any:
    import tpproof as tp

    if not hasattr(tp, "kernel_fn"):
        raise Missing("this tpproof has no kernel_fn")
    name, constants = case.zoo
    return tp.kernel_fn(tp.load(f"zoo:{name}", constants))


def ours(case: Case, x: Array) -> Any:
    """Our kernel: an object with the n × n arrays `ntk` and `nngp`."""
    return _kernel_fn(case)(x)


class Baseline:
    """neural-tangents in a process of its own, one JSON line a question."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """The result of a job. Raises Missing when the process ended instead."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Missing(f"the baseline's process ended with code {self._process.wait()}")
        result: dict[str, Any] = json.loads(line)
        return result


def environment(python: str) -> Path:
    """The Python of neural-tangents' own environment, made where it is missing or was made from other versions."""
    own = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = ENVIRONMENT / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return own
    asked = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        version = tuple(map(int, subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()))
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{python} does not run: {error}") from error
    if version > LAST_PYTHON:
        newest, found = (".".join(map(str, v)) for v in (LAST_PYTHON, version))
        raise Missing(f"its jaxlib has wheels up to Python {newest}, this is {found}: name one with --python")
    print(f"installing neural-tangents into {ENVIRONMENT.name} (about 600 MB)", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    steps = [
        [python, "-m", "venv", str(ENVIRONMENT)],
        [str(own), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "-r", str(REQUIREMENTS)],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            said = [line for line in (done.stderr + done.stdout).splitlines() if "ERROR" in line] or ["no reason given"]
            raise Missing(f"neural-tangents cannot be installed ({' '.join(step[1:4])}): {said[-1]}")
    stamp.write_bytes(REQUIREMENTS.read_bytes())
    return own


@contextmanager
def baseline(python: str) -> Iterator[Baseline | None]:
    """The baseline's process, or None, with the reason printed."""
    try:
        command = [str(environment(python)), str(HERE / "neural_tangents_baseline.py")]
    except Missing as reason:
        print(f"no baseline: {reason}")
        yield None
        return
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Baseline(process)  # the end of its input ends it


@dataclass(frozen=True)
class Machine:
    """Bytes/s and flop/s that plain NumPy reaches here, with all cores."""

    bandwidth: float
    arithmetic: float


def machine() -> Machine:
    """A copy by all cores (read and written bytes), and a product of matrices."""
    threads = os.cpu_count() or 1
    source, target = np.ones((threads, 2**24)), np.zeros((threads, 2**24))
    square = np.ones((1536, 1536))
    copies, products = [], []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            begin = time.perf_counter()
            list(pool.map(np.copyto, target, source))
            copies.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            np.matmul(square, square)
            products.append(time.perf_counter() - begin)
    return Machine(2 * source.nbytes / min(copies), 2 * len(square) ** 3 / min(products))


@dataclass(frozen=True)
class Measured:
    """Seconds of every round, and how far the kernels differ off and on the diagonal."""

    baseline: list[float]
    ours: list[float]
    off: float
    on: float


def _pairs(n: int) -> NDArray[np.int64]:
    """[i, j] of 400 entries off the diagonal and then of 50 on it."""
    drawn = np.random.default_rng(1).integers(n, size=(400, 2))
    drawn[:, 1] = np.where(drawn[:, 0] == drawn[:, 1], (drawn[:, 1] + 1) % n, drawn[:, 1])
    diagonal = np.random.default_rng(2).integers(n, size=50)
    return np.vstack([drawn, np.stack([diagonal, diagonal], axis=1)])


def _deviation(found: Any, reference: dict[str, Any], pairs: NDArray[np.int64]) -> tuple[float, float]:
    """The largest difference of an entry of either kernel, relative to √(K_ii K_jj): off and on the diagonal."""
    i, j = pairs.T
    worst = np.zeros(len(pairs))
    for name in ("ntk", "nngp"):
        kernel = np.asarray(getattr(found, name))
        scale = np.sqrt(kernel[i, i] * kernel[j, j])
        difference = np.abs(kernel[i, j] - np.array(reference[name])) / scale
        worst = np.maximum(worst, np.where(np.isfinite(difference), difference, np.inf))
    on = i == j
    return float(worst[~on].max()), float(worst[on].max())


def measured(case: Case, other: Baseline | None, rounds: int) -> Measured:
    """Both in turn, after one evaluation each that compiles and is not timed; a list is empty where one is missing."""
    x = case.inputs()
    theirs: list[float] = []
    own: list[float] = []
    off = on = float("nan")
    pairs = _pairs(case.n)
    other = other if case.baseline else None
    reference = other.ask({**case.job, "repeat": 1, "pairs": pairs.tolist()}) if other else None
    try:
        found = ours(case, x)
        missing = False
    except Missing as reason:
        print(f"{case.name}: {reason}")
        found, missing = None, True
    if reference and found is not None:
        off, on = _deviation(found, reference, pairs)
    del found
    for _ in range(rounds):
        if other:
            theirs += other.ask({**case.job, "repeat": 1})["seconds"]
        if not missing:
            begin = time.perf_counter()
            ours(case, x)
            own.append(time.perf_counter() - begin)
    return Measured(theirs, own, off, on)


COLUMNS = {"case": -14, "baseline s": 14, "ours s": 14, "ratio": 8, "goal": 6, "M el-layers/s": 15, "streaming": 10}
COLUMNS |= {"arithmetic": 11, "off diag.": 10, "diagonal": 9}


def _line(cells: Iterable[str]) -> str:
    return "".join(cell.ljust(-w) if w < 0 else cell.rjust(w) for cell, w in zip(cells, COLUMNS.values(), strict=True))


def _seconds(times: list[float]) -> str:
    return f"{min(times):.3f} ({statistics.median(times):.3f})" if times else "-"


def row(case: Case, result: Measured, limits: Machine) -> tuple[str, bool]:
    """A line of the table, and whether its goal was met."""
    rates = [case.element_layers / min(times) if times else 0.0 for times in (result.baseline, result.ours)]
    both = bool(result.baseline and result.ours)
    ratio = rates[1] / rates[0] if both else 0.0
    reached, goal = (ratio, f"{case.goal:g}") if case.baseline else (rates[1], f"{case.goal / 1e6:g}M")
    agree = result.off <= OFF_DIAGONAL and result.on <= DIAGONAL
    met = bool(result.ours) and (both or not case.baseline) and reached >= case.goal and (agree or not both)
    streaming = rates[1] * BYTES / limits.bandwidth
    arithmetic = rates[1] / 2 * FLOPS[case.phi] / limits.arithmetic  # symmetry: half of the entries are computed
    cells = [case.name, _seconds(result.baseline), _seconds(result.ours), f"{ratio:.1f}×" if both else "-"]
    cells += [goal if case.goal else "-", " / ".join(f"{rate / 1e6:.0f}" if rate else "-" for rate in rates)]
    cells += [f"{part:.0%}" if part else "-" for part in (streaming, arithmetic)]
    cells += [f"{result.off:.0e}", f"{result.on:.0e}"] if both else ["-", "-"]
    return _line(cells), met


def sampled(other: Baseline) -> None:
    """How long neural-tangents' Monte Carlo needs for a relative standard error of 1e-3, for three hidden layers."""
    for phi in ("relu", "erf"):
        case = Case("", "mlp", phi, 3, 8, 32, "2", "1/100", 0)
        for width in (256, 1024):
            got = other.ask({**case.job, "do": "monte_carlo", "width": width, "seconds": 20})
            exact = "" if got["error"] <= 1e-3 else f" (extrapolated from {got['samples']} samples)"
            print(
                f"Monte Carlo, {phi}, width {width}, 8 inputs: {got['seconds_to_target']:.0f} s and "
                f"{got['samples_to_target']:.0f} samples to a relative standard error of 1e-3{exact}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five, a quarter of the entries")
    names = [case.name for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument("--monte-carlo", action="store_true", help="also time neural-tangents' Monte Carlo estimate")
    parser.add_argument("--python", default=sys.executable, help="makes the baseline's environment")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.case is None or case.name in arguments.case]
    if arguments.quick:
        cases = [Case(**{**vars(case), "n": QUICK.get(case.name, case.n)}) for case in cases]
    limits = machine()
    rates = f"copy {limits.bandwidth / 1e9:.1f} GB/s, product {limits.arithmetic / 1e9:.0f} Gflop/s"
    print(f"{os.cpu_count()} cores; {rates}")
    met = True
    with baseline(arguments.python) as other:
        if other:
            told = other.ask({"repeat": 0, "n": 2})
            print(f"baseline: neural-tangents {told['neural-tangents']}, jax {told['jax']}, {told['device']}, float64")
        print(f"best (median) of the rounds\n{_line(COLUMNS)}")
        for case in cases:
            line, good = row(case, measured(case, other, 2 if arguments.quick else 5), limits)
            print(line, flush=True)
            met &= good
        if arguments.monte_carlo and other:
            sampled(other)
    print("all goals met" if met else "a goal was missed or not measured")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
