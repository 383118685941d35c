"""What the keys of quantities are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.program.model import Kind as NodeKind
from tpproof.program.model import Program

FORMS = {
    Kind.KERNEL: "ooii",
    Kind.PARAMETER: "pooii",
    Kind.MEAN: "xi",
    Kind.MOMENT2: "xxii",
    Kind.MOMENT4: "xi",
    Kind.SCALAR: "si",
    Kind.SIGNAL: "goigoi",
    Kind.SLOPE: "xaxaii",
    Kind.START: "ggii",
    Kind.MATMUL: "gg",
    Kind.SUM: "xxxxii",
    Kind.READOUT_START: "oxoxii",
    Kind.READOUT: "oxox",
    Kind.CHANGE: "gigoi",
    Kind.RESPONSE: "gigoi",
    Kind.OUTPUT_CHANGE: "oii",
    Kind.TRAJECTORY: "toi",
}
"""A letter an entry: output, input, parameter, time, vector x, scalar, G-var, a: variable of a NonLin."""


def require_addresses(program: Program, quantities: Sequence[Quantity], setting: Setting) -> None:
    """Raise E151 for the first quantity that the network does not have."""
    vectors = {k for k, kind in enumerate(program.kinds) if kind is NodeKind.VECTOR}
    gvars = set(program.gvars)
    there: dict[str, Callable[[int], bool]] = {
        "o": lambda k: 0 <= k < len(program.outputs),
        "i": lambda k: 0 <= k < len(setting.inputs),
        "p": lambda k: 0 <= k < len(program.parameters),
        "t": lambda k: 0 <= k <= setting.steps,
        "x": lambda k: k in vectors,
        "s": lambda k: 0 <= k < len(program.kinds) and program.kinds[k] is NodeKind.SCALAR,
        "g": lambda k: k in gvars,
        "a": lambda k: k in vectors if k >= 0 else ~k in gvars,
    }
    for q in quantities:
        form = FORMS[q.kind]
        if len(q.key) != len(form) or not all(there[letter](k) for letter, k in zip(form, q.key, strict=True)):
            raise TpproofError("E151", f"{q.kind.value} {q.key}", f"an address of {program.name}, like {form}")
        first, *others = [program.widths[k] for k, letter in zip(q.key, form, strict=True) if letter in "xg"] or [None]
        if first is not None and any(other not in (first, None) for other in others):
            raise TpproofError("E151", f"{q.kind.value} {q.key}", "vectors of one length")
    if len(setting.slopes) != len(program.outputs):
        raise TpproofError("E151", f"{len(setting.slopes)} slopes", f"one for each of {len(program.outputs)} outputs")
