"""What scrambled Sobol points save over plain random points, for kernels that read many directions.

    python benchmarks/sampling.py [--quick]

For each network, one kernel entry by both kinds of points in the same process. Prints the relative standard error, how
many times fewer points the Sobol points need for the same error (the ratio of the variances), and the same ratio of
times; and the time of the Sobol run over that of the first row.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Callable

import numpy as np

from tpproof.language.source import load
from tpproof.numerics.functions import Array
from tpproof.numerics.sampling.law import Law
from tpproof.numerics.sampling.path_sums import PathSums
from tpproof.numerics.sampling.sample import dimensions_of, gram_matrix, normal_points
from tpproof.proof.prove import Execution, prove

NETWORKS = [
    ("mlp", {"L": "3"}),
    ("rnn", {"T": "10"}),
    ("lstm", {"T": "2"}),
    ("lstm", {"T": "10"}),
    ("gru", {"T": "10"}),
    ("gru", {"T": "10", "form": "torch"}),
]
Points = Callable[[int, int, np.random.Generator], Array]


def random_points(dimensions: int, points: int, stream: np.random.Generator) -> Array:
    """Plain Monte Carlo: the baseline."""
    return stream.standard_normal((dimensions, points))


def measured(
    execution: Execution, gram: Array, make: Points, points: int, replicates: int
) -> tuple[float, float, float]:
    """Seconds, value and standard error of the first kernel entry, by the spread of the replicates."""
    values = []
    begin = time.perf_counter()
    for stream in np.random.default_rng(0).spawn(replicates):
        normals = make(dimensions_of(execution.form), points, stream)
        values.append(PathSums(Law(execution.form, gram, normals), execution).kernel[:, 0, 0].sum())
    seconds = time.perf_counter() - begin
    return seconds, float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(replicates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of the points, half of the replicates")
    quick = parser.parse_args().quick
    points, replicates = (2**12, 16) if quick else (2**14, 32)
    first = 0.0
    print(f"{points} points, {replicates} replicates; error = relative standard error of K")
    print(f"{'network':24} {'error':>9} {'plain MC':>9} {'fewer points':>13} {'less time':>10} {'time/first':>11}")
    for name, constants in NETWORKS:
        program = load(f"zoo:{name}", constants)
        execution = prove(program).execution
        assert execution is not None
        parts = sum(i.parts for i in program.inputs)
        one, two = np.random.default_rng(1).standard_normal((2, parts, 5))
        gram = gram_matrix(one, 0.8 * one + 0.6 * two)
        seconds, value, error = measured(execution, gram, normal_points, points, replicates)
        plain_seconds, _, plain_error = measured(execution, gram, random_points, points, replicates)
        first = first or seconds
        fewer = (plain_error / error) ** 2
        label = " ".join([name, *(f"{key}={text}" for key, text in constants.items())])
        errors = f"{error / value:9.1e} {plain_error / value:9.1e}"
        ratios = f"{fewer:12.1f}× {fewer * plain_seconds / seconds:9.1f}× {seconds / first:10.1f}×"
        print(f"{label:24} {errors} {ratios}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
