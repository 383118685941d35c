"""From a network to a verdict: proof → quantities and limits; networks → samples; both → `CrossCheck`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.crosscheck.defaults import ALPHA
from tpproof.numerics.crosscheck.design import design_of
from tpproof.numerics.crosscheck.expected.choice import Choice, choose
from tpproof.numerics.crosscheck.expected.expected import limits as limits_of
from tpproof.numerics.crosscheck.expected.trajectories import Kernels, descent
from tpproof.numerics.crosscheck.linearized import beyond_linear
from tpproof.numerics.crosscheck.quantities import Kind, Setting
from tpproof.numerics.crosscheck.running.backends import chosen_backend
from tpproof.numerics.crosscheck.running.run import Progress, Results, run
from tpproof.numerics.crosscheck.running.tasks import Task, tasks
from tpproof.numerics.crosscheck.running.work import Layout, recipe
from tpproof.numerics.crosscheck.setting import setting_of, typical_size
from tpproof.numerics.crosscheck.verdict.report import CrossCheck, Trajectories
from tpproof.numerics.crosscheck.verdict.report import joined as report
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.statistics import Compared
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.given import program_of, require_proved
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import Proof, prove

Say = Callable[[str], None]
MOST = 20_000
"""Quantities of one cross-check."""
REPLICATES = 16
"""Of the samples of the limit: their standard errors have so many degrees of freedom, less one."""


@dataclass(frozen=True)
class Expected:
    """The limit's side.

    Attributes
    ----------
    proof
        Of the network.
    choice
        The quantities.
    setting
        What all networks are given.
    values, errors
        (Q,) limits and their standard errors; 0 for trajectories, whose limit is kernel gradient descent.
    kernels
        What that descends with.
    remarks
        For the report.
    limits
        With which the network was read.
    """

    proof: Proof
    choice: Choice
    setting: Setting
    values: Array
    errors: Array
    kernels: Kernels
    remarks: tuple[str, ...] = ()
    limits: Limits = DEFAULT


def crosscheck(
    net: Any,
    inputs: Any = None,
    *,
    targets: Any = None,
    widths: Sequence[int] | None = None,
    samples: int | None = None,
    sampler: str = "exact",
    backend: str = "auto",
    seed: int = 0,
    steps: int = 3,
    rate: float | None = None,
    alpha: float = ALPHA,
    most: int = MOST,
    workers: int | None = None,
    scheduler: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
    limits: Limits = DEFAULT,
) -> CrossCheck:
    """Networks of finite width against every equation of the proof.

    Parameters
    ----------
    net
        A network, or its proof.
    inputs
        (N, d), or (N, parts, d): the first is ξ̃, the others are trained on. By default three generic ones in R^5,
        of the size `setting.typical_size`.
    targets
        (N, outputs), of the trajectories; ±1 in turn by default.
    widths, samples
        n, and how many networks of each. By default four widths, as large as two cores do in some minutes.
    sampler
        "exact" draws what the network sees of its matrices, "dense" the matrices.
    backend
        "auto", "numpy" or "cupy".
    seed
        Of the networks. The same seed gives the same numbers whatever the number of workers.
    steps, rate
        Of the trajectories. By default a rate with which the limit descends in half its fastest time.
    alpha
        The chance that a right network disagrees, all tests together.
    most
        Quantities at most; kernels, outputs' changes and trajectories are never left out.
    workers, scheduler, journal, progress
        See `run.run`.
    say
        Told each stage.
    limits
        Bounds on proof and samples.

    Raises
    ------
    TpproofError
        E150 for a network without a proof or with an abstract nonlinearity; E104 for impossible sizes, before anything
        is allocated; E151, E160 for inputs, widths or samples that do not fit; E152 for a training that diverges,
        E158 for a rate at which the limit does.
    """
    side = expected(net, inputs, targets=targets, steps=steps, rate=rate, most=most, say=say, limits=limits)
    return against(
        side, widths=widths, samples=samples, sampler=sampler, backend=backend, seed=seed, alpha=alpha, workers=workers,
        scheduler=scheduler, journal=journal, progress=progress,
    )  # fmt: skip


def against(
    side: Expected,
    *,
    widths: Sequence[int] | None = None,
    samples: int | None = None,
    sampler: str = "exact",
    backend: str = "auto",
    seed: int = 0,
    alpha: float = ALPHA,
    workers: int | None = None,
    scheduler: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> CrossCheck:
    """Networks against the limit's side: the second half of `crosscheck`, whose parameters these are."""
    began = time.monotonic()
    if sampler not in ("exact", "dense"):
        raise TpproofError("E160", f"the sampler {sampler!r}"[:80], "exact or dense")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise TpproofError("E160", f"the seed {seed!r}"[:80], "an integer from 0 to 2**64 - 1")
    if not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise TpproofError("E160", f"alpha {alpha!r}"[:80], "a probability above 0 and below 1")
    program, quantities = side.proof.program, side.choice.quantities
    where = chosen_backend(backend)
    wanted = design_of(program, quantities, side.setting, sampler, widths, samples)
    work = recipe(program, quantities, side.setting, sampler, where, seed, side.limits)
    layout = _layout(side)
    found = run(
        tasks(wanted), work, workers=workers, scheduler=scheduler, journal=journal, progress=progress,
        length=lambda task: layout.length(task.trained),
    )  # fmt: skip
    if not found.values:
        raise KeyboardInterrupt
    told = {"backend": where, "sampler": sampler, "seed": seed, "alpha": alpha}
    return reported(side, found, {**told, "seconds": time.monotonic() - began}, sum(wanted.values()))


def expected(
    net: Any,
    inputs: Any = None,
    *,
    targets: Any = None,
    steps: int = 3,
    rate: float | None = None,
    most: int = MOST,
    say: Say | None = None,
    limits: Limits = DEFAULT,
) -> Expected:
    """The limit's side: the first half of `crosscheck`, whose parameters these are. Nothing of it is a network's."""
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise TpproofError("E160", f"most {most!r}"[:80], "an integer, at least 0")
    say = say or (lambda stage: None)
    say("proving the network")
    proof = require_proved(net if isinstance(net, Proof) else prove(program_of(net), limits))
    say("the limit's side")
    setting, known = setting_of(proof, inputs, targets, steps, rate, limits)
    choice = choose(proof, setting, most, limits)
    found = limits_of(proof, choice.quantities, setting, replicates=REPLICATES, limits=limits, known=known)
    remarks = _remarks(proof.program) if inputs is None else ()
    return Expected(proof, choice, setting, found.values, found.errors, known, remarks, limits)


def _remarks(program: Program) -> tuple[str, ...]:
    size = typical_size(program)
    return () if size == 1 else (f"inputs of size {size:g}, the root of the ε in a division: see docs/crosscheck.md",)


def reported(side: Expected, found: Results, told: dict[str, Any], asked: int) -> CrossCheck:
    """What networks say of the limit's side.

    Parameters
    ----------
    side
        What was expected.
    found
        What was measured.
    told
        backend, sampler, seed, alpha, seconds: for the report.
    asked
        How many networks there were to be.

    Raises
    ------
    TpproofError
        E161 for rows of another length.
    """
    quantities, setting = side.choice.quantities, side.setting
    at_start = [k for k, q in enumerate(quantities) if q.kind is not Kind.TRAJECTORY]
    while_trained = [k for k, q in enumerate(quantities) if q.kind is Kind.TRAJECTORY]
    layout = _layout(side)
    for task, row in found.values.items():
        layout.require(row, task)
    short = layout.length(trained=False)
    tables = _tables({task: row[:short] for task, row in found.values.items()})
    trained = _tables({task: row for task, row in found.values.items() if task.trained}) if layout.times else {}
    fall = descent(side.kernels.matrix, setting)
    compared = []
    if at_start:
        values = {width: layout.values(rows) for width, rows in tables.items()}
        compared.append(_compared(side, at_start, values))
    if while_trained and trained:
        keys = [quantities[k].key for k in while_trained]
        values = {width: _against_descent(layout, rows, keys, fall) for width, rows in trained.items()}
        beyond = beyond_linear(side.choice, setting, layout, trained)
        compared.append(replace(_compared(side, while_trained, values), beyond=beyond))
    return report(
        *compared,
        name=side.proof.program.name,
        network_sha256=sha256(side.proof.program),
        notes=_notes(side, found, asked),
        partial=found.partial,
        limit_dof=REPLICATES - 1,
        trajectories=_trajectories(layout, trained, fall),
        setting=setting,
        **told,
    )


def _layout(side: Expected) -> Layout:
    """Of the rows that networks give."""
    setting, kinds = side.setting, [q.kind for q in side.choice.quantities]
    trained = kinds.count(Kind.TRAJECTORY)
    times = setting.steps + 1 if trained else 0
    return Layout(len(kinds) - trained, len(setting.inputs), len(setting.slopes), times)


def _tables(rows: Mapping[Task, Array]) -> dict[int, Array]:
    """Width → rows."""
    by_width: dict[int, list[Array]] = {}
    for task, row in rows.items():
        by_width.setdefault(task.width, []).append(row)
    return {width: np.stack(of_width) for width, of_width in by_width.items()}


def _compared(side: Expected, which: Sequence[int], values: Mapping[int, Array]) -> Compared:
    """Some of the quantities."""
    quantities = tuple(side.choice.quantities[k] for k in which)
    return Compared(Samples(quantities, values), side.values[list(which)], side.errors[list(which)])


def _against_descent(
    layout: Layout, rows: Array, keys: Sequence[tuple[int, ...]], fall: Callable[[Array], Array]
) -> Array:
    """Trajectories less what kernel gradient descent (22) makes of the network's own start."""
    off = layout.trajectories(rows) - np.stack([fall(start) for start in layout.starts(rows)])
    return np.stack([off[:, t, i, o] for t, o, i in keys], axis=1)


def _trajectories(layout: Layout, trained: dict[int, Array], fall: Callable[[Array], Array]) -> Trajectories | None:
    """Of the largest width, for a figure."""
    if not trained:
        return None
    width = max(trained)
    starts = layout.starts(trained[width])
    return Trajectories(layout.trajectories(trained[width]), np.stack([fall(start) for start in starts]), width)


def _notes(side: Expected, found: Results, asked: int) -> tuple[str, ...]:
    notes = [*side.remarks]
    if found.partial:
        notes.append(f"interrupted: {len(found.values)} of {asked} networks")
    if found.resumed:
        notes.append(f"{found.resumed} of the networks are from the journal")
    if side.choice.left_out:
        left = ", ".join(f"{count} {kind.value}" for kind, count in side.choice.left_out.items())
        notes.append(f"not tested, to keep the report small: {left}")
    if side.choice.output_pairs_left_out:
        notes.append(f"kernels of {side.choice.output_pairs_left_out} pairs of outputs are not tested")
    return tuple(notes)
