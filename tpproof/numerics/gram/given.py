"""What users give to `kernel_fn` beside data, checked: functions, backend, type; and networks that have no kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.reduction.univariate import PRIMITIVES, Callables
from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import Program
from tpproof.proof.ledger import explain
from tpproof.proof.ledger import to_json as to_row
from tpproof.proof.prove import Proof

BACKENDS = ("auto", "numba", "numpy", "cupy")


class Refused(TpproofError):
    """E150 for a network that has no proof: refused, with the violated assumptions, or refuted."""


def float_kind(dtype: Any) -> np.dtype[Any]:
    """float64 or float32, however it was written. Raises E142."""
    kind: np.dtype[Any] | None
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = None
    if kind is None or kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise TpproofError("E142", f"dtype {dtype!r}"[:80], "float64 or float32")
    return kind


def chosen_backend(name: str) -> str:
    """The backend that "auto" means here. Raises E142 for an unknown one, E141 for one that is not there."""
    if name not in BACKENDS:
        raise TpproofError("E142", f"the backend {name!r}", f"one of {', '.join(BACKENDS)}")
    numba = find_spec("numba") is not None
    if name == "numba" and not numba:
        raise TpproofError("E141", "Numba is not installed", "pip install 'tpproof[fast]'; or the backend numpy")
    if name in ("numba", "numpy"):
        return name
    from tpproof.numerics.tiles.namespaces import has_gpu

    if has_gpu():
        return "cupy"
    if name == "cupy":
        raise TpproofError("E141", "CuPy with a GPU", "the package cupy-cuda12x and a device; or --backend numba")
    return "numba" if numba else "numpy"


def with_functions(program: Program, functions: Mapping[str, Any]) -> tuple[Program, dict[str, Callables]]:
    """The program with named functions in place of abstract ones, and the functions of Python's."""
    declared = dict(program.functions)
    named: dict[str, str] = {}
    library: dict[str, Callables] = {}
    for name, function in functions.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise TpproofError("E106", f"the nonlinearity {name!r}", f"an abstract one of this network: {known}")
        if declared[name] != 1:
            raise TpproofError("E150", f"{name}, a function of {declared[name]} arguments", "of one argument")
        if isinstance(function, str):
            if FUNCTIONS.get(function) != 1:
                raise TpproofError(
                    "E123", f"the function {function!r}", f"one of {', '.join(FUNCTIONS)}, of one argument"
                )
            named[name] = function
        elif isinstance(function, Callables):
            library[name] = function
        elif isinstance(function, Sequence) and len(function) == 2 and all(map(callable, function)):
            library[name] = Callables(*function)
        else:
            raise TpproofError("E142", f"{name} = {function!r}"[:80], "a name, Callables(…) or a pair (value, slope)")
        if name in PRIMITIVES and name in library:
            raise TpproofError("E142", f"an abstract nonlinearity named {name}", "another name")
    if named:
        nodes = tuple(
            replace(n, data=(named[n.data[0]],)) if n.op == "call" and n.data[0] in named else n for n in program.nodes
        )
        rest = tuple((n, a) for n, a in program.functions if n not in named)
        program = replace(program, nodes=nodes, functions=rest)
    return program, library


def program_of(net: Any) -> Program:
    """The program of a network. Raises E142 for what is none."""
    program = net if isinstance(net, Program) else getattr(net, "program", None)
    if not isinstance(program, Program):
        raise TpproofError("E142", repr(net)[:80], "a network: one made with @network, by load(…) or of the zoo")
    return program


def require_proved(proof: Proof) -> Proof:
    """Raise `Refused` for a network that has no kernel."""
    if proof.verdict in ("refused", "refuted"):
        raise Refused("E150", why(proof), "one with a proof")
    return proof


def why(proof: Proof) -> str:
    """Why a network has no kernel: the assumptions that it violates."""
    violated = [to_row(entry) for entry in proof.assumptions if entry.status == "violated"]
    reasons = "; ".join(f"{row['name']}: {explain(row, proof.program)}" for row in violated)
    return f"a {proof.verdict} network" + (f" ({reasons})" if reasons else "")
