"""One network as a worker computes it: what travels is text, what comes back is one row of numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.numerics.crosscheck.defaults import TRAINED
from tpproof.numerics.crosscheck.measured.addresses import require_addresses
from tpproof.numerics.crosscheck.measured.measure import Measured, Measurement
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.crosscheck.running.backends import namespace
from tpproof.numerics.crosscheck.running.tasks import Means, Task, Values, Work, network_seed
from tpproof.numerics.finite.space import Space
from tpproof.numerics.functions import Array
from tpproof.numerics.workers.recipe import Recipe
from tpproof.program.canonical import canonical_bytes, from_json, to_json
from tpproof.program.model import Program


def recipe(
    program: Program,
    quantities: Sequence[Quantity],
    setting: Setting,
    sampler: str = "exact",
    backend: str = "numpy",
    seed: int = 0,
    limits: Limits = DEFAULT,
) -> Recipe:
    """All that the numbers of a cross-check depend on, but widths and samples."""
    options = {
        "quantities": [[q.kind.value, list(q.key)] for q in quantities],
        "setting": asdict(setting),
        "sampler": sampler,
        "backend": backend,
        "seed": seed,
        "trained": TRAINED,
    }
    text = canonical_bytes(to_json(program)).decode()
    return Recipe(work_of, text, json.dumps(options, sort_keys=True), limits)


def work_of(recipe: Recipe) -> Work:
    """Measures the network of a task, without its trajectory where it is not trained; the row is `joined`."""
    program, options = from_json(json.loads(recipe.program), recipe.limits), json.loads(recipe.options)
    quantities = tuple(Quantity(Kind(kind), tuple(key), "", "") for kind, key in options["quantities"])
    setting = _setting(options["setting"])
    at_start = tuple(q for q in quantities if q.kind is not Kind.TRAJECTORY)

    require_addresses(program, quantities, setting)
    xp = namespace(options["backend"])

    def work(task: Task, means: Means) -> Values:
        space = Space(task.width, seed=network_seed(options["seed"], task), xp=xp, threads=means.threads)
        wanted = quantities if task.trained else at_start
        found = Measurement(program, wanted, setting, space, options["sampler"], means.memory).run()
        return joined(found, len(at_start))

    return work


def _setting(given: dict[str, Any]) -> Setting:
    """JSON has lists where a setting has tuples."""

    def frozen(value: Any) -> Any:
        return tuple(frozen(v) for v in value) if isinstance(value, list) else value

    return Setting(**{key: frozen(value) for key, value in given.items()})


# a network's numbers as one row -----------------------------------------------------------------------


def joined(found: Measured, at_start: int) -> Values:
    """Values but those of trajectories, which come last; outputs at the start; trajectory. `Layout` takes it apart."""
    return np.concatenate([found.values[:at_start], found.outputs.ravel(), found.trajectory.ravel()])


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a row stand.

    Attributes
    ----------
    quantities
        How many values come first.
    inputs, outputs
        N and O.
    times
        T + 1, or 0 where no trajectory was asked for.
    """

    quantities: int
    inputs: int
    outputs: int
    times: int

    def length(self, trained: bool) -> int:
        """Of a row, with or without a trajectory."""
        return self.quantities + self.inputs * self.outputs * (1 + self.times * trained)

    def values(self, rows: Array) -> Array:
        """(M, Q) of (M, length)."""
        return rows[:, : self.quantities]

    def starts(self, rows: Array) -> Array:
        """f at the start, (M, N, O)."""
        part = rows[:, self.quantities : self.length(False)]
        return part.reshape(len(rows), self.inputs, self.outputs)

    def trajectories(self, rows: Array) -> Array:
        """f after t steps, (M, T + 1, N, O), of networks that were trained."""
        part = rows[:, self.length(False) :]
        return part.reshape(len(rows), self.times, self.inputs, self.outputs)

    def require(self, row: Values, task: Task) -> None:
        """Raise E161 for a row of another length: somebody wrote it into the journal."""
        wanted = self.length(task.trained)
        if row.shape != (wanted,):
            raise TpproofError("E161", f"{task}: {row.size} numbers", f"{wanted}, as asked for")
