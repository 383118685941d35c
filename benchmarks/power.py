"""Which errors of a proof the cross-check sees: one term of one sum altered, for every term of the zoo's networks.

    python benchmarks/power.py [--factor 1.02] [--most 200] [--folder FOLDER] [NAME ...]

Networks are drawn once each, at the defaults (journals are kept in FOLDER, so that another factor needs no new ones).
Then one term is multiplied by the factor (0: dropped), in the recursion of the path sums or in the kernel's own sum,
and the limits that rest on it move. By that much a quantity is off, in units of what the report says that it sees with
probability 0.9: `least` is the largest such ratio, for the term for which it is least. Each altered proof is also held
against the networks that were drawn: `missed` counts those that do not disagree, `named` those of the others for which
the headline names the altered pair, or what is trained by it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.numerics.crosscheck.crosscheck import Expected, expected, reported
from tpproof.numerics.crosscheck.design import design_of
from tpproof.numerics.crosscheck.expected.altered import with_altered_kernel, with_altered_weight
from tpproof.numerics.crosscheck.expected.choice import evenly, input_pairs
from tpproof.numerics.crosscheck.expected.expected import Replicate, pairs_of
from tpproof.numerics.crosscheck.expected.limit_values import PairNumbers, Sampling, every_signal, replicates
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.running.run import Results, run
from tpproof.numerics.crosscheck.running.tasks import tasks
from tpproof.numerics.crosscheck.running.work import recipe
from tpproof.numerics.crosscheck.verdict.report import CrossCheck
from tpproof.numerics.crosscheck.verdict.statistics import Verdict
from tpproof.proof.prove import Execution, Proof, prove
from tpproof.zoo import names

STEPS_OF_PATHS = (Kind.START, Kind.MATMUL, Kind.SUM, Kind.SLOPE)
READOUTS = (Kind.READOUT_START, Kind.READOUT)
KERNELS = (Kind.KERNEL, Kind.PARAMETER, Kind.OUTPUT_CHANGE)
RESTS_ON_SUMS = (*STEPS_OF_PATHS, *READOUTS, *KERNELS, Kind.CHANGE, Kind.RESPONSE)
Place = tuple[str, tuple[int, int], int]
"""("sum" or "kernel", pair, which term)."""


@dataclass(frozen=True)
class Sight:
    """Of one altered term: the quantity that moves most, by how much of what it sees, and what networks say."""

    place: Place
    ratio: float
    quantity: Quantity
    verdict: Verdict
    headline: Quantity | None
    named: bool


class Study:
    """One network of the zoo, its networks drawn."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.proof = prove(load(f"zoo:{name}", {}, {"phi": "erf"} if name in ("mlp1", "mlp2") else {}))
        self.side = expected(self.proof)
        self.quantities = self.side.choice.quantities
        program, setting = self.proof.program, self.side.setting
        design = design_of(program, self.quantities, setting)
        journal = None if folder is None else folder / f"{name}.jsonl"
        began = time.monotonic()
        self.found: Results = run(tasks(design), recipe(program, self.quantities, setting), journal=journal)
        self.seconds = time.monotonic() - began
        self.report = self._report(self.side)
        execution = self.execution_of(self.proof)
        pilot = next(iter(replicates(execution, setting, input_pairs(setting), Sampling(2**12, 2), DEFAULT)))
        self.pilot, self.before = pilot, self._values(pilot)

    @staticmethod
    def execution_of(proof: Proof) -> Execution:
        assert proof.execution is not None
        return proof.execution

    def _report(self, side: Expected) -> CrossCheck:
        told = {"backend": "numpy", "sampler": "exact", "seed": 0, "alpha": 1e-4, "seconds": 0.0}
        return reported(side, self.found, told, len(self.found.values))

    def _values(self, numbers: dict[tuple[int, int], PairNumbers]) -> NDArray[np.float64]:
        """Of the quantities that rest on sums, at the pairs of inputs that there are; else 0."""
        reader = Replicate(numbers, self.side.setting)
        known = [q.kind in RESTS_ON_SUMS and {*pairs_of(q)} <= {*numbers} for q in self.quantities]
        return np.array([reader.value(q) if k else 0.0 for q, k in zip(self.quantities, known, strict=True)])

    def places(self, most: int) -> list[Place]:
        """Terms, evenly over the sums, and over the kernel's own."""
        execution = self.execution_of(self.proof)
        sums = [("sum", pair, t) for pair, terms in execution.every_sum.items() for t in range(len(terms))]
        kernels = [("kernel", pair, t) for pair, terms in execution.kernels.items() for t in range(len(terms))]
        return [*evenly(sums, most), *evenly(kernels, most)]

    def sights(self, factor: str, most: int) -> Iterator[Sight]:
        """Of each term."""
        scale = np.array([f.detectable or np.inf for f in self.report.finals])
        for place in self.places(most):
            kind, pair, term = place
            alter = with_altered_weight if kind == "sum" else with_altered_kernel
            execution = self.execution_of(alter(self.proof, pair, term, factor))
            numbers = {}
            for inputs, own in self.pilot.items():
                fresh = PairNumbers(execution, every_signal(execution) if kind == "sum" else own._every_signal, own.law)
                fresh._numbers, fresh._products = own._numbers, own._products
                numbers[inputs] = fresh
            moved = self._values(numbers) - self.before
            ratios = np.abs(moved) / scale
            best = int(np.argmax(ratios))
            report = self._report(replace(self.side, values=self.side.values + moved))
            headline = report.earliest.quantity if report.disagreeing and report.earliest else None
            named = headline is not None and self._names(headline, place)
            yield Sight(place, float(ratios[best]), self.quantities[best], report.verdict, headline, named)

    def _names(self, headline: Quantity, place: Place) -> bool:
        """Whether it speaks of the vectors of the altered sum."""
        kind, pair, _ = place
        if kind == "kernel":
            return headline.kind in READOUTS and (headline.key[0], headline.key[2]) == pair
        if headline.kind in (Kind.START, Kind.MATMUL):
            return headline.key[:2] == pair
        return headline.kind in (Kind.SUM, Kind.SLOPE) and (headline.key[0], headline.key[2]) == pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=names())
    parser.add_argument("--factor", default="1.02", help="2 %% too large; 0: dropped")
    parser.add_argument("--most", type=int, default=200, help="terms of each network")
    parser.add_argument("--folder", type=Path, help="for journals")
    parser.add_argument("--list", action="store_true", help="terms that are missed, and those not named")
    args = parser.parse_args()
    for name in args.names:
        if prove(load(f"zoo:{name}")).execution is None:
            continue
        study = Study(name, args.folder)
        sights = list(study.sights(args.factor, args.most))
        missed = [s for s in sights if s.verdict is not Verdict.DISAGREES]
        unnamed = [s for s in sights if s.verdict is Verdict.DISAGREES and not s.named]
        least = min(sights, key=lambda s: s.ratio)
        print(f"{name:17} {study.report.verdict.value:9} {study.seconds:5.0f} s  {len(sights):4} terms  "
              f"missed {len(missed):3}  named {len(sights) - len(missed) - len(unnamed):4}  "
              f"least {least.ratio:6.2f} at {least.place} by {least.quantity.name}", flush=True)  # fmt: skip
        for s in [*missed, *unnamed] if args.list else ():
            told = "–" if s.headline is None else s.headline.name
            print(f"    {s.place} {s.ratio:.2f} by {s.quantity.name}; headline {told}")


if __name__ == "__main__":
    main()
