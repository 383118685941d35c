"""Kernels as numbers with standard errors, by randomised quasi-Monte Carlo over the limit law.

Each replicate scrambles the Sobol points anew and computes everything from its own points: covariances, scalars,
contractions, slopes, path sums. The spread of the replicates is the error, whatever the dimension: LSTM and GRU gates
read many directions, which no quadrature rule reaches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.stats import qmc

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.functions import Array, require_known
from tpproof.numerics.sampling.law import Law, base_numbers
from tpproof.numerics.sampling.path_sums import PathSums, output_moments
from tpproof.program.atoms import Ref
from tpproof.program.model import Kind, Program
from tpproof.program.reduced import Form, Reduced
from tpproof.proof.prove import Execution, Proof

MIN_REPLICATES = 2


@dataclass(frozen=True)
class SampledKernel:
    """K_op(ξ̃, ξ) for every pair of outputs, and what training each parameter contributes to it.

    Attributes
    ----------
    value, error
        ``value[o, p]`` and its standard error.
    by_parameter
        Parameter name → (value, error); the values sum to ``value``.
    replicates
        How many independent values the errors come from.
    nngp, nngp_error
        E[f_o f_p] at initialization, and its standard error.
    """

    value: Array
    error: Array
    by_parameter: dict[str, tuple[Array, Array]]
    replicates: int
    nngp: Array
    nngp_error: Array


def gram_matrix(test: ArrayLike, train: ArrayLike) -> Array:
    """``gram[s, a, r, b]`` = ξᵀξ'/d for two inputs, each an array of (parts, d); parts of all inputs in order."""
    both = np.stack([np.asarray(test, dtype=float), np.asarray(train, dtype=float)])
    gram: Array = np.einsum("sad,rbd->sarb", both, both) / both.shape[-1]
    return gram


def kernel_by_sampling(
    proof: Proof | Execution,
    gram: ArrayLike,
    points: int = 2**14,
    replicates: int = 8,
    seed: int = 0,
    limits: Limits = DEFAULT,
) -> SampledKernel:
    """The kernel that was proved, as numbers.

    Parameters
    ----------
    proof
        What `tpproof.proof.prove.prove` found, or its execution.
    gram
        ``gram[s, a, r, b]`` = ξᵀξ'/d of part a of the input at instance s (0: ξ̃, 1: ξ) and part b at instance r, as
        `gram_matrix` makes it.
    points
        Points of each replicate, a power of 2.
    replicates
        Independent scramblings, at least 2. The error of few replicates is itself uncertain (Student's t with
        ``replicates - 1`` degrees of freedom).
    seed
        Of the scramblings.
    limits
        ``limits.sample_numbers`` bounds the memory.

    Notes
    -----
    The error is that of the points: what no point reaches, beyond about six standard deviations, it cannot tell. For
    steep functions such as x**16, whose expectations live there, it is too small.

    Raises
    ------
    TpproofError
        E152 when a value is not finite, E104 when the sample would be too large, E150 when a nonlinearity is abstract
        or the network is refused, E151 when `gram` is no Gram matrix of this network's inputs or `points` no power
        of 2.
    """
    execution = proof.execution if isinstance(proof, Proof) else proof
    if execution is None:
        raise TpproofError("E150", "a refused network", "one with a proof")
    form = execution.form
    require_known(form.program)
    checked = _checked_gram(form.program, np.asarray(gram, dtype=float))
    if points < 2 or points & (points - 1) or replicates < MIN_REPLICATES:
        raise TpproofError("E151", f"{points} points, {replicates} replicates", "a power of 2, at least 2 replicates")
    dimensions = dimensions_of(form)
    require_room(form, execution, points, dimensions, limits)
    drawn = []
    for stream in np.random.default_rng(seed).spawn(replicates):
        with np.errstate(all="ignore"):  # what is not finite is seen below
            drawn.append(_one_replicate(execution, checked, normal_points(dimensions, points, stream)))
        if not np.isfinite(drawn[-1]).all():
            raise TpproofError("E152", "a kernel that is not finite", "vectors whose values a float can hold")
    return _summary(form.program, np.stack(drawn))


def _checked_gram(program: Program, gram: Array) -> Array:
    parts = sum(i.parts for i in program.inputs)
    if gram.shape != (2, parts, 2, parts):
        expected = f"gram[s, a, r, b] of shape {(2, parts, 2, parts)}"
        raise TpproofError("E151", f"an array of shape {gram.shape}", expected)
    flat = gram.reshape(2 * parts, 2 * parts)
    scale = max(1.0, float(np.abs(flat).max())) if np.isfinite(flat).all() else math.nan
    if not (math.isfinite(scale) and np.allclose(flat, flat.T, rtol=0, atol=1e-9 * scale)):
        raise TpproofError("E151", "an array that is not finite and symmetric", "ξᵀξ'/d")
    if np.linalg.eigvalsh(flat)[0] < -1e-9 * scale * len(flat):
        raise TpproofError("E151", "an array with a negative eigenvalue", "ξᵀξ'/d")
    return gram


def dimensions_of(form: Reduced) -> int:
    """How many dimensions the points need at most: linear combinations of Gaussians that are drawn, or the bases."""
    drawn: set[Ref] = set()
    for k, node in enumerate(form.program.nodes):
        if form.program.kinds[k] is Kind.VECTOR and not form.g_linear(k) and form.form(k) is Form.LINEAR:
            drawn.update(t.vector for t in form.terms(k))
        if node.op == "matmul" or (form.program.kinds[k] is Kind.VECTOR and not form.g_linear(k)):
            drawn.update(a for a in node.args if form.program.kinds[a] is Kind.VECTOR)
    drawn.update(x for out in form.program.outputs for _, x in out.terms)
    bases = 1 + max(base_numbers(form.program, form).values(), default=-1)
    return max(1, min(bases, 2 * sum(form.g_linear(r) for r in drawn)))


def require_room(form: Reduced, execution: Execution, points: int, dimensions: int, limits: Limits) -> None:
    """Refuse a sample that needs too much memory.

    Kept at once: the points (dimensions × points, twice while they are made), every drawn or computed vector at both
    instances, every slope that an atom reads (frontier × points at both instances), and the covariance of the base
    Gaussians with the combinations of them.
    """
    vectors = sum(kind is Kind.VECTOR for kind in form.program.kinds) + len(form.contractions)
    slopes = sum(len(form.frontier(x)) for x in _nonlins(execution))
    bases = 2 * len(form.program.gvars)
    numbers = points * (2 * dimensions + 2 * vectors + 2 * slopes) + bases * (bases + 2 * vectors)
    if numbers > limits.sample_numbers or dimensions > qmc.Sobol.MAXDIM:
        found = f"a sample of {numbers} numbers in {dimensions} dimensions"
        expected = f"at most {limits.sample_numbers} (sample_numbers), {qmc.Sobol.MAXDIM}"
        raise TpproofError("E104", found, expected, None, "fewer points")


def _nonlins(execution: Execution) -> set[int]:
    """The NonLins whose slopes an atom reads."""
    atoms = {a for terms in execution.every_sum.values() for weight, _ in terms for a in weight}
    pairs = {int(a[i]) for a in atoms if a[0] == "slope" for i in (1, 3)}
    single = {int(a[2]) for a in atoms if a[0] in ("slope1", "response")}
    return pairs | {x for x in single if not execution.form.g_linear(x)}


def normal_points(dimensions: int, points: int, stream: np.random.Generator) -> Array:
    """Scrambled Sobol points as standard normals, one row a dimension."""
    uniform = qmc.Sobol(dimensions, scramble=True, rng=stream).random(points)
    tiny = 2.0**-31  # half the spacing of the points: 0 has no quantile
    normals: Array = special.ndtri(np.clip(uniform.T, tiny, 1 - tiny))
    return np.ascontiguousarray(normals)


def _one_replicate(execution: Execution, gram: Array, normals: Array) -> Array:
    """``[parameter, o, p]``: the kernel by parameters, from one set of points; the last row is the NNGP kernel."""
    law = Law(execution.form, gram, normals)
    return np.concatenate([PathSums(law, execution).kernel, output_moments(law)[None]])


def _summary(program: Program, drawn: NDArray[np.float64]) -> SampledKernel:
    """Means over replicates and their standard errors; ``drawn[replicate, parameter, o, p]``, the last the NNGP."""
    nngp, nngp_error = _mean_and_error(drawn[:, -1])
    drawn = drawn[:, :-1]
    total, total_error = _mean_and_error(drawn.sum(axis=1))
    value, error = _mean_and_error(drawn)
    names: Sequence[str] = [p.name for p in program.parameters]
    by_parameter = {name: (value[i], error[i]) for i, name in enumerate(names)}
    return SampledKernel(total, total_error, by_parameter, len(drawn), nngp, nngp_error)


def _mean_and_error(drawn: Array) -> tuple[Array, Array]:
    return drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / math.sqrt(len(drawn))
