"""How far one proof scales: time, memory and size, each network in a process of its own.

    python benchmarks/scale.py [--quick]

Prints seconds and peak memory of prove-and-check, and the time per pair-graph edge as a ratio to the first row's.
The last lines are the start of the command line: its time and whether SymPy was loaded.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOALS = [  # network, constants, seconds and MB allowed for prove and check together
    ("resmlp", {"L": "100"}, None, 1024),
    ("resmlp", {"L": "300"}, None, 1024),
    ("resmlp", {"L": "1000"}, 30, 1024),
    ("densenet", {"L": "64"}, 60, 1024),
    ("rnn", {"T": "100"}, 60, 1024),
    ("rnn", {"T": "128", "read": "every"}, 60, 1024),
    ("lstm", {"T": "10"}, 60, 1024),
    ("cnn2d", {"rows": "8", "columns": "8", "L": "6"}, 180, 2048),
    ("transformer", {"L": "12", "T": "8"}, 180, 2048),
]


def measured(name: str, constants: dict[str, str]) -> dict[str, float]:
    """Prove, write, and check in a fresh process, as `tpproof prove` does; run inside a process of its own."""
    from dataclasses import replace

    from tpproof.certificate.checking import check_file
    from tpproof.certificate.write import certificate_of
    from tpproof.language.source import load
    from tpproof.limits import DEFAULT
    from tpproof.proof.prove import prove

    gc.disable()  # as the command line does
    begin = time.perf_counter()
    program = load(f"zoo:{name}", constants)
    proof = prove(program)
    proved = time.perf_counter()
    certificate = certificate_of(proof)
    content = certificate.to_json()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        path.write_bytes(content)
        written = time.perf_counter()
        report = check_file(path, certificate.network_sha256)
    done = time.perf_counter()
    if report.verdict != "accepted":
        raise SystemExit(f"{name}: {report}")
    assert proof.execution is not None
    own, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    sides = []
    for _ in range(3):  # without the abstract machine, which only small networks wait for, and without imports
        gc.collect()
        again = time.perf_counter()
        prove(program, replace(DEFAULT, machine_work=0))
        sides.append(time.perf_counter() - again)
    edges = sum(len(terms) for terms in proof.execution.sums.values())
    return {
        "prove": proved - begin,
        "sides": min(sides),
        "write": written - proved,
        "check": done - written,
        "edges": edges,
        "steps": report.steps,
        "megabytes": len(content) / 1e6,
        "memory": max(own, child),
    }


def in_own_process(name: str, constants: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", name, json.dumps(constants)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _row(label: str, cells: tuple[str, ...]) -> str:
    return f"{label:<26}" + "".join(f"{cell:>9}" for cell in cells)


def scale(repeats: int) -> bool:
    """The table; whether every goal was met."""
    met = True
    per_edge: list[float] = []
    print(_row("network", ("prove", "write", "check", "edges", "steps", "MB", "peak MB", "µs/edge", "ratio")))
    for name, constants, allowed, megabytes in GOALS:
        runs = [in_own_process(name, constants) for _ in range(repeats)]
        best = min(runs, key=lambda run: run["prove"] + run["write"] + run["check"])
        seconds = best["prove"] + best["write"] + best["check"]
        per_edge.append(1e6 * min(run["sides"] for run in runs) / best["edges"])
        label = f"{name} {' '.join(f'{k}={v}' for k, v in constants.items())}"[:25]
        numbers = [f"{best[key]:.2f}" for key in ("prove", "write", "check")]
        numbers += [f"{best[key]:.0f}" for key in ("edges", "steps")]
        numbers += [f"{best['megabytes']:.1f}", f"{best['memory']:.0f}"]
        print(_row(label, (*numbers, f"{per_edge[-1]:.1f}", f"{per_edge[-1] / per_edge[0]:.2f}")))
        met &= (allowed is None or seconds < allowed) and best["memory"] < megabytes
    flat = per_edge[2] / per_edge[0]
    print(f"\ntime per edge, resmlp L=1000 against L=100: {flat:.2f} (goal: at most 1.5)")
    return met and flat <= 1.5


def start_of_the_command_line(repeats: int) -> bool:
    """Import time of the command line in a fresh process."""
    code = """
import time, sys
begin = time.perf_counter()
import tpproof.cli.main
print(time.perf_counter() - begin, "sympy" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(repeats)]
    seconds = min(float(run[0]) for run in runs)
    print(f"import of the command line: {seconds:.3f} s, SymPy loaded: {runs[0][1]} (goal: under 0.5 s, without)")
    return seconds < 0.5 and runs[0][1] == "False"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each instead of the best of three")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "CONSTANTS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one[0], json.loads(arguments.one[1]))))
        return 0
    repeats = 1 if arguments.quick else 3
    met = scale(repeats)
    met &= start_of_the_command_line(repeats)
    print("all goals met" if met else "a goal was missed")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
