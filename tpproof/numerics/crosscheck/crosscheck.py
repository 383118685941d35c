"""From a network to a verdict: proof → quantities and limits; networks → samples; both → `CrossCheck`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from tpproof.numerics.crosscheck.running.tasks import tasks
from tpproof.numerics.crosscheck.running.work import Layout, recipe
from tpproof.numerics.crosscheck.setting import setting_of, typical_size
from tpproof.numerics.crosscheck.verdict.report import CrossCheck, Trajectories
from tpproof.numerics.crosscheck.verdict.report import joined as report
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.functions import Array
from tpproof.numerics.gram.given import program_of, require_proved
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import Proof, prove

Say = Callable[[str], None]
MOST = 400
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
        n, and how many networks of each. By default four widths, as large as a machine does in a minute or so.
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
        raise TpproofError("E160", "the seed", "an integer from 0 to 2**64 - 1")
    if not 0 < alpha < 1:
        raise TpproofError("E160", f"alpha {alpha!r}"[:80], "a probability above 0 and below 1")
    program, quantities = side.proof.program, side.choice.quantities
    where = chosen_backend(backend)
    wanted = design_of(program, quantities, side.setting, sampler, widths, samples)
    work = recipe(program, quantities, side.setting, sampler, where, seed, side.limits)
    found = run(tasks(wanted), work, workers=workers, scheduler=scheduler, journal=journal, progress=progress)
    if not found.values:
        raise KeyboardInterrupt
    told = {"backend": where, "sampler": sampler, "seed": seed, "alpha": alpha}
    return _reported(side, found, {**told, "seconds": time.monotonic() - began}, sum(wanted.values()))


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


def _reported(side: Expected, found: Results, told: dict[str, Any], asked: int) -> CrossCheck:
    quantities, setting = side.choice.quantities, side.setting
    times = setting.steps + 1 if any(q.kind is Kind.TRAJECTORY for q in quantities) else 0
    layout = Layout(len(quantities), len(setting.inputs), len(setting.slopes), times)
    for task, row in found.values.items():
        layout.require(row[None], str(task))
    by_width: dict[int, list[Array]] = {}
    for task, row in found.values.items():
        by_width.setdefault(task.width, []).append(row)
    tables = {width: np.stack(rows) for width, rows in by_width.items()}
    fall = descent(side.kernels.matrix, setting)
    values = {width: _against_descent(layout, rows, side, fall) for width, rows in tables.items()}
    return report(
        Samples(quantities, values),
        side.values,
        side.errors,
        name=side.proof.program.name,
        network_sha256=sha256(side.proof.program),
        notes=_notes(side, found, asked),
        partial=found.partial,
        limit_dof=REPLICATES - 1,
        trajectories=_trajectories(layout, tables, fall),
        setting=setting,
        beyond=beyond_linear(side.choice, setting, layout, tables),
        **told,
    )


def _against_descent(layout: Layout, rows: Array, side: Expected, fall: Callable[[Array], Array]) -> Array:
    """Values, the trajectories less what kernel gradient descent (22) makes of the network's own start."""
    values = layout.values(rows).copy()
    wanted = [(k, q.key) for k, q in enumerate(side.choice.quantities) if q.kind is Kind.TRAJECTORY]
    if wanted:
        predicted = np.stack([fall(start) for start in layout.starts(rows)])
        for k, (t, o, i) in wanted:
            values[:, k] -= predicted[:, t, i, o]
    return values


def _trajectories(layout: Layout, tables: dict[int, Array], fall: Callable[[Array], Array]) -> Trajectories | None:
    """Of the largest width, for a figure."""
    if not layout.times:
        return None
    width = max(tables)
    starts = layout.starts(tables[width])
    return Trajectories(layout.trajectories(tables[width]), np.stack([fall(start) for start in starts]), width)


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
