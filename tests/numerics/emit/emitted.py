"""Emitted modules, run by a bare Python in one process, and the same kernels by `expectations.evaluate`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tpproof.language.source import load
from tpproof.numerics.emit import emit_numpy
from tpproof.numerics.expectations.evaluate import Pairs, own_numbers
from tpproof.numerics.reduction.compile import compiled
from tpproof.numerics.reduction.plan import Plan
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import prove

Array = NDArray[np.float64]
D = 4

RUNNER = """
import importlib.util, pathlib, sys
import numpy as np

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = np.load(path.with_suffix(".npz"))
    count = int(data["inputs"])
    first, second = ([data[f"{side}_{i}"] for i in range(count)] for side in ("left", "right"))
    alone, both = module.kernel(*first), module.kernel(*first, *second)
    np.savez(path.with_suffix(".out.npz"), alone=np.stack(alone), both=np.stack(both))
assert not [name for name in sys.modules if name.split(".")[0] == "tpproof"]
"""


@dataclass(frozen=True)
class Case:
    """A network of the zoo with constants of its text."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options)])

    @cached_property
    def program(self) -> Program:
        return load(f"zoo:{self.name}", dict(self.options))

    @cached_property
    def plan(self) -> Plan:
        return compiled(prove(self.program))

    @cached_property
    def text(self) -> str:
        return emit_numpy(self.plan, self.program.name, sha256(self.program), inputs=self.program.inputs)


def built(program: Program) -> Case:
    """The case of a program that is not in the zoo."""
    one = Case(program.name)
    one.__dict__["program"] = program
    return one


def case(name: str, **options: object) -> Case:
    return Case(name, tuple((k, str(v)) for k, v in options.items()))


def data(program: Program, seed: int = 0) -> tuple[list[Array], list[Array]]:
    """Five left and four right inputs: repeated rows, near-duplicates, parallel ones, and generic ones."""
    random = np.random.default_rng(seed)
    first, second = [], []
    for one in program.inputs:
        shape = (D,) if one.count is None else (one.count, D)
        x = random.standard_normal((5, *shape))
        x[1] = x[0] + 1e-6 * random.standard_normal(shape)
        x[2] = 3 * x[0]
        x[4] = x[3]
        y = random.standard_normal((4, *shape))
        y[0], y[1], y[2] = x[0], x[3] + 1e-6 * random.standard_normal(shape), 0.5 * x[1]
        x *= program.name.endswith("-wide") * (np.linspace(0.3, 3.2, 5) - 1)[:, *[None] * len(shape)] + 1
        first.append(x)
        second.append(y)
    return first, second


def parts(program: Program, x: list[Array]) -> list[Array]:
    return [a[:, None, :] if one.count is None else a for one, a in zip(program.inputs, x, strict=True)]


@dataclass(frozen=True)
class Reference:
    """Kernels (2, N1, N2) or (2, outputs, outputs, N1, N2), and the size √(K_ii K_jj) of each entry."""

    value: Array
    size: Array


def reference(one: Case, second: bool) -> Reference:
    """ntk and nngp of the test's data by arrays."""
    left, right = data(one.program)
    plan = one.plan
    rows = own_numbers(plan, parts(one.program, left), {})
    cols = own_numbers(plan, parts(one.program, right), {}) if second else rows
    value = _kernels(plan, Pairs, rows, cols)
    ends = [np.diagonal(_kernels(plan, Pairs, n, n), axis1=-2, axis2=-1) for n in (rows, cols)]
    if value.ndim == 3:
        return Reference(value, np.sqrt(ends[0][:, :, None] * ends[1][:, None, :]))
    own = [np.einsum("koon->kon", end) for end in ends]
    return Reference(value, np.sqrt(own[0][:, :, None, :, None] * own[1][:, None, :, None, :]))


def _kernels(plan: Plan, pairs: type[Pairs], left: object, right: object) -> Array:
    n, m = left.count, right.count  # type: ignore[attr-defined]
    rows, cols = (index.ravel() for index in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    found = []
    for name in ("ntk", "nngp"):
        table = plan.kernels[name]
        wanted = sorted({s for row in table for s in row if s is not None})
        values, _ = pairs(left, right, rows, cols, 1e-12).numbers(wanted)  # type: ignore[arg-type]
        zero = np.zeros((n, m))
        found.append(np.array([[zero if s is None else values[s].reshape(n, m) for s in row] for row in table]))
    kernels = np.stack(found)
    return kernels[:, 0, 0] if kernels.shape[1] == 1 else kernels


def run(folder: Path, texts: Mapping[str, tuple[Program, str]]) -> dict[str, tuple[Array, Array]]:
    """name → (alone, both): what `kernel(x1)` and `kernel(x1, x2)` return in a bare Python."""
    for name, (program, text) in texts.items():
        (folder / f"{name}.py").write_text(text)
        left, right = data(program)
        arrays = {f"left_{i}": x for i, x in enumerate(left)} | {f"right_{i}": x for i, x in enumerate(right)}
        np.savez(folder / f"{name}.npz", inputs=np.array(len(left)), **arrays)  # type: ignore[arg-type]
    runner = folder / "runner.txt"
    runner.write_text(RUNNER)
    subprocess.run([sys.executable, "-I", "-W", "error", str(runner), str(folder)], check=True, timeout=300, cwd=folder)
    found = {}
    for name in texts:
        with np.load(folder / f"{name}.out.npz") as out:
            found[name] = (out["alone"], out["both"])
    return found
