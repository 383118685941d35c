"""neural-tangents at work: a process of its own, in an environment of its own, that `kernels.py` starts and talks to.

    echo '{"network": "mlp", "phi": "relu", "depth": 10, "n": 4096, "d": 32}' | PYTHON neural_tangents_baseline.py

Each line of standard input is a job in JSON, each line of standard output its result. What a job may say is in `JOB`,
with the values that it has when it does not. Kernels are jitted, in float64, in the "ntk" parametrization; compilation
is timed apart from evaluation.
"""

from __future__ import annotations

import json
import math
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

warnings.filterwarnings("ignore")
# `import neural_tangents` imports this package, and it TensorFlow, to convert TensorFlow's networks: not needed here.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)  # before anything makes an array

import jax.extend.source_info_util  # noqa: E402
import jax.interpreters.ad  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neural_tangents as nt  # noqa: E402
import numpy as np  # noqa: E402
from neural_tangents import stax  # noqa: E402

# nt.NtkImplementation.STRUCTURED_DERIVATIVES, the fastest, looks for these where jax 0.4.30 has them no longer.
jax.interpreters.ad.source_info_util = jax.extend.source_info_util
jax.interpreters.ad.config = jax.config

JOB: dict[str, Any] = {
    "do": "kernel",  # or "monte_carlo"
    "network": "mlp",  # or "cnn"
    "phi": "relu",  # a key of PHI
    "depth": 3,  # hidden layers, or convolutions
    "weight_variance": 1.0,  # W_std², of every layer
    "bias_variance": 0.0,  # b_std², of every layer; the readout of a cnn has no bias
    "n": 256,  # inputs, drawn by `inputs`
    "d": 32,  # coordinates of an input; channels of an image
    "rows": 8,  # of an image
    "columns": 8,
    "taps": 3,  # taps × taps of each filter
    "padding": "same",  # or "circular"
    "read": "flatten",  # or "pool": the mean over all positions
    "seed": 0,  # of the inputs
    "repeat": 1,  # evaluations that are timed
    "batch": 0,  # rows and columns of a block of nt.batch, 0: everything at once
    "pairs": [],  # [i, j] of the entries that are sent back
    "width": 1024,  # of the finite networks that Monte Carlo samples
    "target": 1e-3,  # standard error of the Monte Carlo mean, relative to the root of the two diagonal entries
    "implementation": 3,  # of the finite networks' kernel: nt.NtkImplementation
    "seconds": 60.0,  # after which Monte Carlo gives up and extrapolates
}
PHI = {"relu": stax.Relu, "erf": stax.Erf, "gelu": stax.Gelu}
PHI["tanh"] = lambda: stax.Elementwise(jnp.tanh)  # for finite networks: it has no kernel of it


def inputs(job: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard normal inputs: (n, d), or images (n, rows, columns, d). `kernels.py` draws the same."""
    image = (job["rows"], job["columns"]) if job["network"] == "cnn" else ()
    return np.random.default_rng(job["seed"]).standard_normal((job["n"], *image, job["d"]))


def network(job: dict[str, Any], width: int = 1) -> Any:
    """init_fn, apply_fn and kernel_fn: W_std/√fan-in as multiplier, weights N(0, 1), everything trained."""
    std = {"W_std": math.sqrt(job["weight_variance"]), "b_std": math.sqrt(job["bias_variance"]) or None}
    phi = PHI[job["phi"]]
    if job["network"] == "mlp":
        hidden = [layer for _ in range(job["depth"]) for layer in (stax.Dense(width, **std), phi())]
        return stax.serial(*hidden, stax.Dense(1, **std))
    taps = (job["taps"], job["taps"])
    convolution = {"filter_shape": taps, "padding": job["padding"].upper(), **std}
    hidden = [layer for _ in range(job["depth"]) for layer in (stax.Conv(width, **convolution), phi())]
    read = stax.Flatten() if job["read"] == "flatten" else stax.GlobalAvgPool()
    return stax.serial(*hidden, read, stax.Dense(1, W_std=std["W_std"]))


class Kernels:
    """Compiled kernel functions with their inputs, kept from one job to the next."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Callable[[], Any], float]] = {}

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        """Seconds of every evaluation, of the compilation (0 where it was kept), and the entries asked for."""
        asked = {key: value for key, value in job.items() if key not in ("repeat", "pairs")}
        key = json.dumps(asked, sort_keys=True)
        compiled = 0.0
        if key not in self._kept:
            self._kept.clear()  # one kernel's memory at a time
            self._kept[key] = self._made(job)
            compiled = self._kept[key][1]
        evaluate, _ = self._kept[key]
        seconds = []
        for _ in range(job["repeat"]):
            begin = time.perf_counter()
            kernel = evaluate()
            seconds.append(time.perf_counter() - begin)
        if not seconds:
            return {"compile": compiled, "seconds": []}
        rows, columns = np.array(job["pairs"], dtype=int).reshape(-1, 2).T
        entries = {name: np.asarray(getattr(kernel, name))[rows, columns].tolist() for name in ("nngp", "ntk")}
        return {"compile": compiled, "seconds": seconds, "dtype": str(kernel.ntk.dtype), **entries}

    @staticmethod
    def _made(job: dict[str, Any]) -> tuple[Callable[[], Any], float]:
        kernel_fn = network(job)[2]
        x = jnp.asarray(inputs(job))
        if job["batch"]:
            batched = nt.batch(kernel_fn, batch_size=job["batch"], device_count=0)  # jits by itself
            begin = time.perf_counter()
            jax.block_until_ready(batched(x, None, ("nngp", "ntk")))  # compiles, and computes
            return lambda: jax.block_until_ready(batched(x, None, ("nngp", "ntk"))), time.perf_counter() - begin
        begin = time.perf_counter()
        compiled = jax.jit(lambda points: kernel_fn(points, None, ("nngp", "ntk"))).lower(x).compile()
        return lambda: jax.block_until_ready(compiled(x)), time.perf_counter() - begin


def monte_carlo(job: dict[str, Any]) -> dict[str, Any]:
    """How long nt's sampler takes to a standard error of every entry of the NTK, at one width (its bias stays)."""
    init_fn, apply_fn, _ = network(job, job["width"])
    x = jnp.asarray(inputs(job))
    total, squares, spent, samples, compiled = 0.0, 0.0, 0.0, 0, 0.0
    before = np.zeros((job["n"], job["n"]))
    error, need = math.inf, math.inf
    means: Iterator[Any] = nt.monte_carlo_kernel_fn(
        init_fn,
        apply_fn,
        jax.random.PRNGKey(job["seed"]),
        n_samples=range(1, 10**6),
        implementation=job["implementation"],
    )(x, None, "ntk")
    begin, cpu = time.perf_counter(), 0.0
    for count, mean in enumerate(means, 1):  # the mean of the first `count` samples
        running = count * np.asarray(mean)
        now = time.perf_counter()
        sample, before = running - before, running
        if count == 1:
            compiled, cpu = now - begin, time.process_time()  # the first sample compiles
        else:
            spent += now - begin
        total, squares, samples = total + sample, squares + sample**2, count
        begin = time.perf_counter()
        if samples >= 16:
            average = total / samples
            variance = (squares / samples - average**2) * samples / (samples - 1)
            scale = np.sqrt(np.outer(np.diag(average), np.diag(average)))
            error = float(np.max(np.sqrt(np.maximum(variance, 0) / samples) / scale))
            need = samples * (error / job["target"]) ** 2
            if error <= job["target"] or spent > job["seconds"]:
                break
    each, cpu_each = spent / (samples - 1), (time.process_time() - cpu) / (samples - 1)
    rows, columns = np.array(job["pairs"], dtype=int).reshape(-1, 2).T
    entries = (total / samples)[rows, columns].tolist()
    result = {"compile": compiled, "seconds": spent, "samples": samples, "error": error, "ntk": entries}
    result |= {"seconds_to_target": need * each, "samples_to_target": need, "seconds_each": each}
    return {**result, "cpu_each": cpu_each}  # of all threads


def main() -> None:
    kernels = Kernels()
    for line in sys.stdin:
        job = {**JOB, **json.loads(line)}
        result = kernels(job) if job["do"] == "kernel" else monte_carlo(job)
        versions = {"neural-tangents": nt.__version__, "jax": jax.__version__, "device": jax.default_backend()}
        print(json.dumps({**result, **versions}), flush=True)


if __name__ == "__main__":
    main()
