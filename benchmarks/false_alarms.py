"""How often the cross-check of a right network disagrees: many reports with seeds of their own, against what is said.

    python benchmarks/false_alarms.py [--reports 1000] [--samples 16] [NAME ...]

Prints, for each network and each level alpha, how many reports disagree, and how many may if each does so with
probability alpha (a count that is exceeded once in a million times). Exit code 1 when there are more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from functools import partial

from scipy import stats

from tpproof.language.source import load
from tpproof.numerics.crosscheck.crosscheck import Expected, expected, reported
from tpproof.numerics.crosscheck.running.run import run
from tpproof.numerics.crosscheck.running.tasks import tasks
from tpproof.numerics.crosscheck.running.work import recipe
from tpproof.numerics.crosscheck.verdict.statistics import Verdict

LEVELS = (0.3, 0.1, 0.01, 1e-3, 1e-4)
WIDTHS = (256, 1024, 4096)


def alarms(side: Expected, samples: int, seed: int) -> list[bool]:
    """Whether one report disagrees, at each level."""
    work = recipe(side.proof.program, side.choice.quantities, side.setting, seed=seed)
    found = run(tasks(dict.fromkeys(WIDTHS, samples)), work, workers=1)
    told = {"backend": "numpy", "sampler": "exact", "seed": seed, "seconds": 0.0}
    reports = (reported(side, found, {**told, "alpha": level}, len(found.values)) for level in LEVELS)
    return [report.verdict is Verdict.DISAGREES for report in reports]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["mlp2"])
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=16, help="networks of each width")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    args = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    right = True
    for name in args.names:
        side = expected(load(f"zoo:{name}", {}, {"phi": "erf"} if name in ("mlp1", "mlp2") else {}))
        seeds = range(args.first, args.first + args.reports)
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            found = pool.map(partial(alarms, side, args.samples), seeds, chunksize=4)
        for k, level in enumerate(LEVELS):
            count, most = sum(row[k] for row in found), int(stats.binom.isf(1e-6, args.reports, level))
            right &= count <= most
            print(f"{name:12} {len(side.choice.quantities):4} quantities, alpha {level:g}: {count} of {args.reports} "
                  f"reports disagree (at most {most})", flush=True)  # fmt: skip
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
