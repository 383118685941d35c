"""`kernel_fn`: the kernel that was proved is the kernel that runs, on any pair of data sets, with its errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.blocks import RowBlocks
from tpproof.numerics.gram.cluster import Recipe, spread
from tpproof.numerics.gram.given import (
    chosen_backend,
    float_kind,
    program_of,
    require_proved,
    with_functions,
)
from tpproof.numerics.gram.gram import SAMPLED, Diagonals, Gram, Settings, Values, require_finite
from tpproof.numerics.gram.inputs import InputArrays, as_inputs, require_alike
from tpproof.numerics.gram.store import Progress, Scheduler, compute, one_by_one
from tpproof.numerics.gram.targets import place_of
from tpproof.numerics.gram.watched import SUMMARY, StoredKernel, Watch, summary
from tpproof.numerics.reduction.compile import compiled
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.numerics.reduction.plan import Plan
from tpproof.numerics.reduction.univariate import Library
from tpproof.numerics.sampling.sampled import SampleSettings, sampled_values
from tpproof.numerics.workers.cluster import connected
from tpproof.program.canonical import canonical_bytes, from_json, to_json
from tpproof.program.model import Program
from tpproof.proof.prove import Proof, prove

NAMES = ("ntk", "nngp")
RTOL = 1e-10
"""Of deterministic methods, when none is asked for."""

REPLICATES = 100_000
"""So many at most: the standard error falls with their root, points serve better."""


class HasProgram(Protocol):
    """Anything that carries a program: a traced or loaded network."""

    @property
    def program(self) -> Program: ...


@dataclass(frozen=True)
class Kernel:
    """The limit kernels between N1 and N2 inputs.

    Attributes
    ----------
    ntk, nngp
        (N1, N2), or (N1, N2, outputs, outputs) for several outputs; None when it was not asked for.
    method
        "closed-form", "quadrature" (with Hermite expansions), or "qmc", whose errors are standard errors.
    verdict
        Of the proof: what the numbers are the kernel of.
    rtol
        The error that was asked for, relative to √(K_ii K'_jj); None for samples when none was.
    """

    ntk: Array | None
    nngp: Array | None
    method: str
    verdict: str
    rtol: float | None
    _values: Mapping[str, Values] = field(repr=False, compare=False)
    _relative: Callable[[], dict[str, float]] = field(repr=False, compare=False)

    @cached_property
    def relative_error(self) -> dict[str, float]:
        """The largest error of an entry of each kernel, relative to √(K_ii K'_jj). Made when it is first asked for.

        Of samples: the largest standard error, relative to the largest entry.
        """
        return self._relative()

    @property
    def reached(self) -> bool:
        """Whether every error is within the tolerance. Without a tolerance there is nothing to reach."""
        return self.rtol is None or all(e <= self.rtol for e in self.relative_error.values())

    @cached_property
    def error(self) -> dict[str, Array]:
        """Kernel → the bound (or standard error) of every entry, of the kernel's shape."""
        return {name: _squeezed(v.errors()) for name, v in self._values.items()}


class KernelFunction:
    """The kernels of a network as a function of data; see `kernel_fn`.

    Attributes
    ----------
    program, proof
        What the numbers are of.
    plan
        The list of numbers; None when expectations are left to samples, for the reason in ``reason``.
    """

    def __init__(
        self,
        program: Program,
        library: Library,
        settings: Settings,
        samples: SampleSettings,
        rtol: float | None,
        limits: Limits,
    ) -> None:
        self.program, self.library, self.limits = program, library, limits
        self.settings, self.samples, self.rtol = settings, samples, rtol
        self.proof: Proof = require_proved(prove(program, limits))
        self.plan: Plan | None = None
        self._templates: dict[Any, Any] = {}
        self.reason = ""
        try:
            self.plan = compiled(self.proof, library)
        except NotReducible as error:
            self.reason = str(error)

    def __call__(self, x1: Any, x2: Any = None, get: str | Sequence[str] = NAMES) -> Kernel:
        """The kernels between two sets of inputs.

        Parameters
        ----------
        x1, x2
            (N, d) for one input vector, (N, count, d) for ``input("xi", count)``, a mapping from names for several
            inputs. ``x2=None``: the same inputs, and a symmetric result.
        get
            "ntk", "nngp" or both.

        Raises
        ------
        TpproofError
            E153 for data that the network does not take, E152 for a number that is not finite, E104 for too many.
        """
        names = _names(get)
        first = as_inputs(x1, self.program.inputs, self.limits)
        second = None if x2 is None else as_inputs(x2, self.program.inputs, self.limits)
        if second is not None:
            require_alike(first, second)
        with np.errstate(all="ignore"):  # what is not finite is an error below
            values, method, relative = self._values(names, first, second)
        require_finite(values)
        rtol = self.rtol if method == SAMPLED else self.settings.rtol
        shown = {name: _squeezed(values[name].value) if name in values else None for name in NAMES}
        return Kernel(shown["ntk"], shown["nngp"], method, self.proof.verdict, rtol, values, relative)

    def _values(
        self, names: tuple[str, ...], x1: InputArrays, x2: InputArrays | None, known: Diagonals | None = None
    ) -> tuple[dict[str, Values], str, Callable[[], dict[str, float]]]:
        if self.plan is not None:
            try:
                gram = Gram(self.plan, self.library, x1, x2, names, self.settings, self._templates)
                values = gram.values()
                return values, gram.method, lambda: gram.relative_errors(values, known)
            except NotReducible:  # kinks that no quadrature finds, as their places depend on the input
                pass
        values = sampled_values(self.proof, names, x1, x2, self.samples, self.limits)
        return values, SAMPLED, lambda: {name: _relative(v) for name, v in values.items()}

    # block by block ---------------------------------------------------------------------------------------

    def store(
        self,
        target: str | Path | None,
        x1: Any,
        x2: Any = None,
        get: str | Sequence[str] = NAMES,
        *,
        block_size: int = 1024,
        resume: bool = True,
        progress: Progress | None = None,
        scheduler: str | None = None,
    ) -> StoredKernel:
        """The kernels written block by block, here or on a Dask cluster: see `tpproof.numerics.gram.store.compute`.

        Parameters
        ----------
        target
            ``K.npy``, ``K.npz``, ``K.zarr`` or a folder; None for memory.
        x1, x2, get
            As for a call. With samples, or quadrature pair by pair, ``ntk_error`` and ``nngp_error`` are written too.
        block_size, resume, progress
            As for `compute`.
        scheduler
            The address of a Dask scheduler.

        Raises
        ------
        TpproofError
            As a call, and as `compute`; E142 when a cluster should evaluate a function of Python's.
        """
        first = as_inputs(x1, self.program.inputs, self.limits)
        second = None if x2 is None else as_inputs(x2, self.program.inputs, self.limits)
        names = _names(get)
        blocks, recipe = self.blocks(first, second, names)
        if scheduler is not None and self.library:
            raise TpproofError("E142", "a function of Python's, on a cluster", "a known nonlinearity")
        watch = Watch(len(names), None if target is None else place_of(target, blocks.names).work)

        def stored(workers: Scheduler) -> StoredKernel:
            watched = watch.over(workers, block_size)
            options: Any = {"block_size": block_size, "resume": resume, "progress": progress, "scheduler": watched}
            found = compute(blocks, target, **options)
            method, relative, largest = watch.known()
            rtol = self.rtol if method == SAMPLED else self.settings.rtol
            errors = dict(zip(names, relative, strict=True)), dict(zip(names, largest, strict=True))
            return StoredKernel(
                found.arrays, found.paths, found.computed, found.resumed, method, self.proof.verdict, rtol, *errors
            )

        if scheduler is None:
            return stored(one_by_one)
        with connected(scheduler) as client:
            return stored(spread(client, recipe, blocks))

    def blocks(self, x1: InputArrays, x2: InputArrays | None, names: tuple[str, ...]) -> tuple[RowBlocks, Recipe]:
        """The matrix in blocks, and what a worker makes them from."""
        kept = names if self._bounded(x1) else (*names, *(f"{name}_error" for name in names))
        options = {
            "names": names,
            "rtol": self.settings.rtol,
            "backend": self.settings.backend,
            "dtype": np.dtype(self.settings.dtype).name,
            "threads": self.settings.threads,
            "samples": [self.samples.points, self.samples.replicates, self.samples.seed],
            "errors": len(kept) > len(names),
        }
        text = canonical_bytes(to_json(self.program)).decode()
        recipe = Recipe(engine_of_recipe, text, json.dumps(options), self.limits)
        trailing = () if len(self.program.outputs) == 1 else (len(self.program.outputs),) * 2
        engine = self.engine(names, len(kept) > len(names))
        dtype = np.dtype(self.settings.dtype)
        return RowBlocks(engine, recipe.fingerprint, kept, x1, x2, trailing, dtype), recipe

    def _bounded(self, x1: InputArrays) -> bool:
        """Whether one bound serves all entries: no samples, no quadrature pair by pair."""
        if self.plan is None:
            return False
        try:
            return Gram(self.plan, self.library, x1.rows(slice(0, 1)), None, ("ntk",), self.settings).code is not None
        except NotReducible:
            return False

    def engine(
        self, names: tuple[str, ...], errors: bool
    ) -> Callable[[InputArrays, InputArrays | None], dict[str, Array]]:
        """What computes one block."""
        known: Diagonals = {}

        def block(x1: InputArrays, x2: InputArrays | None) -> dict[str, Array]:
            values, method, errors_of = self._values(names, x1, x2, known)
            relative, found = errors_of(), {name: _squeezed(v.value) for name, v in values.items()}
            largest = [values[name].largest() for name in names]
            found[SUMMARY] = summary(method, [relative[name] for name in names], largest)
            return found | ({f"{n}_error": _squeezed(v.errors()) for n, v in values.items()} if errors else {})

        return block


def engine_of_recipe(recipe: Recipe) -> Callable[[InputArrays, InputArrays | None], dict[str, Array]]:
    """A block's engine from plain text: what a worker of a cluster does first."""
    options = json.loads(recipe.options)
    settings = Settings(options["rtol"], options["backend"], np.dtype(options["dtype"]), options["threads"])
    program = from_json(json.loads(recipe.program), recipe.limits)
    function = KernelFunction(program, {}, settings, SampleSettings(*options["samples"]), None, recipe.limits)
    return function.engine(tuple(options["names"]), options["errors"])


def kernel_fn(
    net: Program | HasProgram,
    functions: Mapping[str, Any] | None = None,
    *,
    rtol: float | None = None,
    backend: str = "auto",
    dtype: Any = np.float64,
    threads: int | None = None,
    points: int = 2**14,
    replicates: int = 8,
    seed: int = 0,
    limits: Limits = DEFAULT,
) -> KernelFunction:
    """The proved kernel of a network, as a function of data.

    Parameters
    ----------
    net
        A program, or a network made by tracing or loading.
    functions
        What abstract nonlinearities are: a known function's name, or `Callables(value, slope, kinks)`, or a pair
        (value, slope) of vectorised functions without kinks.
    rtol
        Wanted error of every entry relative to √(K_ii K'_jj): 1e-10 by default for deterministic methods; samples
        have no tolerance unless one is given. Whether it is reached is part of the result.
    backend
        "numba" (the processor), "cupy" (a GPU), "numpy"; "auto" takes a GPU if there is one, else Numba if it is
        installed.
    dtype
        float64 or float32.
    threads
        All processors by default.
    points, replicates, seed
        Of randomised quasi-Monte Carlo, for networks whose expectations do not reduce.
    limits
        Bounds on the proof, the plan and the data.

    Raises
    ------
    TpproofError
        E150 for a refused network or an abstract nonlinearity that is not given, E141 for a backend that is not
        there, E142 for wrong arguments.

    Examples
    --------
    >>> import numpy as np, tpproof as tp
    >>> k = tp.kernel_fn(tp.zoo.mlp(phi="erf"))(np.eye(3))
    >>> k.ntk.shape, k.method, k.reached
    ((3, 3), 'closed-form', True)
    """
    given, library = with_functions(program_of(net), functions or {})
    if rtol is not None and not (isinstance(rtol, Real) and 0 < rtol < 1):
        raise TpproofError("E142", f"rtol = {rtol!r}"[:80], "a number between 0 and 1")
    kind = float_kind(dtype)
    counts = {"points": (points, 2), "replicates": (replicates, 2), "seed": (seed, 0), "threads": (threads or 1, 1)}
    if isinstance(replicates, Integral) and replicates > REPLICATES:
        raise TpproofError("E142", f"replicates = {replicates}"[:80], f"at most {REPLICATES}")
    for what, (count, least) in counts.items():
        if not isinstance(count, Integral) or count < least:
            raise TpproofError("E142", f"{what} = {count!r}"[:80], f"an integer, at least {least}")
    default = RTOL if kind == np.float64 else 1e-4
    settings = Settings(rtol or default, chosen_backend(backend), kind, threads)
    return KernelFunction(given, library, settings, SampleSettings(points, replicates, seed), rtol, limits)


def _names(get: str | Sequence[str]) -> tuple[str, ...]:
    names = (get,) if isinstance(get, str) else tuple(get) if isinstance(get, Sequence) else ()
    if not names or any(n not in NAMES for n in names) or len(set(names)) < len(names):
        raise TpproofError("E142", f"get = {get!r}"[:80], '"ntk", "nngp" or both')
    return names


def _squeezed(value: Array) -> Array:
    return value[:, :, 0, 0] if value.shape[2:] == (1, 1) else value


def _relative(values: Values) -> float:
    """The largest error relative to the largest entry, where no diagonal is known."""
    size = float(np.max(np.abs(values.value), initial=0.0))
    return float(np.max(values.errors(), initial=0.0)) / size if size else 0.0
