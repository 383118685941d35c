"""A module that stands for CuPy: the strict namespace on a device whose arrays NumPy cannot read, kernels in C."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_strict
import numpy as np
import pytest

DEVICE = array_api_strict.Device("device1")
CREATES = ("asarray", "zeros", "ones", "full", "empty")
TYPES = {"float64": "double", "int64": "long long"}


class OutOfMemoryError(Exception):
    """As CuPy's, known by its name only."""


class FakeCupy(ModuleType):
    """Attributes: `room`, how many numbers an array may have; `freed`, how often memory was given back."""

    def __init__(self) -> None:
        super().__init__("cupy")
        self.room = 10**9
        self.freed = 0
        self.refused = 0
        self.kernels: list[str] = []
        self.available: Any = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        function = getattr(array_api_strict, name)
        if name not in CREATES:
            return function

        def create(*args: Any, **options: Any) -> Any:
            made = function(*args, **options, device=DEVICE)
            if made.size > self.room:
                self.refused += 1
                raise OutOfMemoryError(f"{made.size} numbers")
            return made

        return create

    def is_available(self) -> bool:
        if isinstance(self.available, Exception):
            raise self.available
        return bool(self.available)

    def get_default_memory_pool(self) -> Any:
        def free() -> None:
            self.freed += 1

        return SimpleNamespace(free_all_blocks=free)

    def ElementwiseKernel(self, inputs: str, outputs: str, text: str, name: str, preamble: str) -> Any:
        self.kernels.append(name)
        return lambda *arguments: run_kernel(self, inputs, outputs, text, preamble, arguments)


def install(monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    """The module in place of CuPy, for one test."""
    fake = FakeCupy()
    array = type(array_api_strict.zeros(1))
    monkeypatch.setattr(array, "get", lambda a: np.asarray(a.to_device(array_api_strict.Device("CPU_DEVICE"))), False)
    monkeypatch.setattr(type(array_api_strict.float64), "__str__", lambda t: str(t._np_dtype), False)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


def run_kernel(xp: Any, inputs: str, outputs: str, text: str, preamble: str, arguments: tuple[Any, ...]) -> Any:
    """What the text does for every element, in C."""
    names = [part.split() for part in inputs.split(",")]
    hosts = [a.get() if hasattr(a, "get") else a for a in arguments]
    spread = [h for h, (*kind, _) in zip(hosts, names, strict=True) if kind[0] != "raw" and np.ndim(h)]
    shape = np.broadcast_shapes(*(h.shape for h in spread))
    passed: list[Any] = []
    for host, (*kind, _) in zip(hosts, names, strict=True):
        if np.ndim(host) == 0:
            passed.append(ctypes.c_longlong(host))
            continue
        whole = np.ascontiguousarray(host if kind[0] == "raw" else np.broadcast_to(host, shape), dtype=np.float64)
        passed.append(whole)
    results = [np.empty(shape) for _ in outputs.split(",")]
    pointers = [a if isinstance(a, ctypes.c_longlong) else ctypes.c_void_p(a.ctypes.data) for a in [*passed, *results]]
    library(inputs, outputs, text, preamble).run(ctypes.c_longlong(results[0].size), *pointers)
    return tuple(xp.asarray(r) for r in results)


@cache
def library(inputs: str, outputs: str, text: str, preamble: str) -> Any:
    """The compiled loop."""
    parameters, before, after = ["long long size"], [], []
    for *kind, name in (part.split() for part in inputs.split(",")):
        c = TYPES[kind[-1]]
        if kind[0] == "raw":
            parameters.append(f"const {c} *{name}")
        elif kind[-1] == "int64":
            parameters.append(f"{c} {name}")
        else:
            parameters.append(f"const {c} *{name}_")
            before.append(f"{c} {name} = {name}_[i];")
    for c, name in (part.split() for part in outputs.split(",")):
        parameters.append(f"{TYPES[c]} *{name}_")
        before.append(f"{TYPES[c]} {name};")
        after.append(f"{name}_[i] = {name};")
    body = " ".join([*before, text, *after])
    source = f"#define __device__ static\n#include <math.h>\n{preamble}\n"
    source += f"void run({', '.join(parameters)}) {{ for (long long i = 0; i < size; ++i) {{ {body} }} }}\n"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.c"
        file.write_text(source)
        command = ["cc", "-O1", "-shared", "-fPIC", str(file), "-o", str(file.with_suffix(".so")), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
        return ctypes.CDLL(str(file.with_suffix(".so")))
