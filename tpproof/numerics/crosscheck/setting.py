"""What all networks of a cross-check are given: inputs, targets, χ, and a rate at which the limit descends."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.crosscheck.expected.trajectories import Kernels, kernels
from tpproof.numerics.crosscheck.quantities import Setting
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.inputs import InputArrays, as_inputs
from tpproof.program.constants import to_float
from tpproof.program.model import Kind, Program
from tpproof.proof.prove import Proof

COUNT, DIMENSION = 3, 5
"""Inputs where none are given: ξ̃ and two to train on, in R^5."""
LIKENESS = 0.6
"""Correlation of neighbours among them: kernels between them are not small."""
MOST = 16
"""Inputs: every one makes vectors of every width."""
MOST_VALUES = 256
"""Outputs at all inputs: errors of trajectories cost as the fifth power."""
LARGEST = 1e3
"""Expectations of functions that are steep at the scale of an input are costly beyond."""
STEPS = 1000
"""Of a trajectory."""


def setting_of(
    proof: Proof,
    inputs: Any = None,
    targets: Any = None,
    steps: int = 3,
    rate: float | None = None,
    limits: Limits = DEFAULT,
) -> tuple[Setting, Kernels]:
    """The setting of a cross-check, and the limit's kernels in it.

    Parameters
    ----------
    proof
        What was found about the network.
    inputs
        As `kernel_fn` takes them; the first is ξ̃. Generic ones if None.
    targets
        (N, outputs), or (N,) for one output; ±1 in turn if None.
    steps, rate
        Of the trajectories. Without a rate, one with which the fastest direction of the limit is halved by a step.

    limits
        Bounds on data and samples.

    Raises
    ------
    TpproofError
        E104, E153 for inputs that the network does not take, E160 for too many or too few, or inputs of unlike
        dimensions; for targets, steps or rates that are none. E158 for a rate at which the limit diverges.
    """
    program = proof.program
    given = _generic(program) if inputs is None else _numbers(as_inputs(inputs, program.inputs, limits))
    if np.abs(given).max(initial=0.0) > LARGEST:
        raise TpproofError("E160", f"an input of size {np.abs(given).max():.3g}", f"at most {LARGEST:g}")
    if len(given) * len(program.outputs) > MOST_VALUES:
        found = f"{len(given)} inputs of {len(program.outputs)} outputs"
        raise TpproofError("E160", found, f"at most {MOST_VALUES} outputs at all inputs together")
    if not 2 <= len(given) <= MOST:
        raise TpproofError("E160", f"{len(given)} inputs", f"2 to {MOST}: a test input, and inputs to train on")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= STEPS:
        raise TpproofError("E160", f"{steps!r} steps"[:80], f"1 to {STEPS}")
    wanted = _targets(targets, len(given), len(program.outputs))
    slopes = tuple((-1.0) ** p / (1 + p) for p in range(len(program.outputs)))  # unlike each other
    bare = Setting(_frozen(given), _frozen(wanted), slopes, steps, 1.0)
    known = kernels(proof, bare, limits=limits)
    fastest = _fastest(known, len(given))
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
        raise TpproofError("E160", f"the rate {rate!r}"[:80], "a finite number above 0")
    chosen = _default_rate(fastest) if rate is None else float(rate)
    if not 0 < chosen < np.inf:
        raise TpproofError("E160", f"the rate {rate!r}"[:80], "a finite number above 0")
    if chosen * fastest >= 2:
        raise TpproofError("E158", f"the rate {chosen:g}: the limit itself diverges", f"below {2 / fastest:.3g}")
    return Setting(bare.inputs, bare.targets, slopes, steps, chosen), known


def _generic(program: Program) -> Array:
    """(N, parts, d), norms near √d times `typical_size`, neighbours alike."""
    parts = sum(i.parts for i in program.inputs)
    x = np.random.default_rng(0).standard_normal((COUNT, parts, DIMENSION))
    for i in range(1, COUNT):
        x[i] = LIKENESS * x[i - 1] + np.sqrt(1 - LIKENESS**2) * x[i]
    return np.round(x, 6) * typical_size(program)  # the same on every machine


def typical_size(program: Program) -> float:
    """1, or √ε where a vector is divided by a root of v + ε, coordinate by coordinate (batch normalization).

    At inputs of size 1 the coordinates where v is near 0, few but each with a slope of 1/√ε, make most of the kernel
    and nearly all of its fluctuations: laws with tails so heavy that n^-1/2 sets in at widths beyond 1/ε only. At √ε
    both terms count, and slopes are of one size.
    """
    sizes = [abs(c) for c in map(partial(_added, program), _bases(program)) if c]
    return float(f"{min([1.0, *sizes]) ** 0.5:.3g}")


def _bases(program: Program) -> list[int]:
    """Vectors that a root, or a power below 0, is taken of."""
    powers = [node for k, node in enumerate(program.nodes) if node.op == "pow" and program.kinds[k] is Kind.VECTOR]
    return [node.args[0] for node in powers if node.data[0] < 0 or node.data[0].denominator > 1]


def _added(program: Program, k: int) -> float:
    """What a sum adds to every coordinate; 0 for what is no sum."""
    nodes, total = program.nodes, 0.0
    for a in nodes[k].args if nodes[k].op == "add" else ():
        factors = nodes[a].args if nodes[a].op == "mul" else (a,)
        if all(nodes[f].op in ("ones", "const") for f in factors):
            total += math.prod(to_float(nodes[f].data[0]) for f in factors if nodes[f].op == "const")
    return total


def _numbers(data: InputArrays) -> Array:
    """(N, parts, d), the parts of all inputs in order."""
    if len(set(data.dimensions)) > 1:
        raise TpproofError("E160", f"inputs of dimensions {list(data.dimensions)}", "one dimension for all inputs")
    return np.concatenate([np.asarray(a, dtype=np.float64) for a in data.arrays], axis=1)


def _targets(given: Any, count: int, outputs: int) -> Array:
    if given is None:
        return np.where((np.arange(count)[:, None] + np.arange(outputs)[None, :]) % 2, 1.0, -1.0)
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    found = found[:, None] if found.ndim == 1 and outputs == 1 else found
    if found.shape != (count, outputs) or not np.isfinite(found).all():
        raise TpproofError("E160", f"targets of shape {found.shape}", f"finite numbers of shape {(count, outputs)}")
    return found


def _fastest(known: Kernels, count: int) -> float:
    """The largest eigenvalue of K on the batch, over the batch's size, by which the loss divides."""
    outputs = known.value.shape[1]
    trained = known.value[1:, :, 1:, :].reshape((count - 1) * outputs, -1)
    return float(np.linalg.eigvalsh((trained + trained.T) / 2)[-1]) / (count - 1)


def _default_rate(fastest: float) -> float:
    """A step halves the fastest direction. Three digits, so that the same number is found everywhere."""
    return float(f"{0.5 / fastest:.3g}") if fastest > 0 else 1.0


def _frozen(values: Array) -> Any:
    return tuple(map(_frozen, values)) if values.ndim > 1 else tuple(values.tolist())
