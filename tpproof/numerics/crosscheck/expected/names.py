"""What reports call a quantity, and the paper's equation."""

from __future__ import annotations

from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.program.listing import node_name
from tpproof.program.model import Program

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

EQUATIONS: dict[Kind, str] = {
    Kind.KERNEL: "(100)",
    Kind.PARAMETER: "(100)",
    Kind.MEAN: "B.4",
    Kind.MOMENT2: "B.4",
    Kind.MOMENT4: "B.4",
    Kind.SCALAR: "B.4, (63)",
    Kind.SIGNAL: "(105)–(106)",
    Kind.SLOPE: "B.4, (95)",
    Kind.START: "(95)",
    Kind.MATMUL: "(95)",
    Kind.SUM: "(95), linear",
    Kind.READOUT_START: "(100)",
    Kind.READOUT: "(100)",
    Kind.CHANGE: "(107)",
    Kind.RESPONSE: "(107)",
    Kind.OUTPUT_CHANGE: "(122)",
    Kind.TRAJECTORY: "(22)",
}


def named(program: Program, kind: Kind, key: tuple[int, ...], contracted: bool, exact: bool) -> Quantity:
    """A quantity with its name; `contracted` where (107) holds only as the decontraction lemma corrects it, `exact` if
    it is a number that every network has.
    """
    equation = EQUATIONS[kind]
    if kind is Kind.CHANGE and contracted:
        equation = "(107), decontracted"
    return Quantity(kind, key, _name(program, kind, key), equation, exact)


def _name(program: Program, kind: Kind, key: tuple[int, ...]) -> str:
    match kind:
        case Kind.KERNEL:
            return f"K{_two(program, key[0], key[1])}({_xi(key[2])}, {_xi(key[3])})"
        case Kind.PARAMETER:
            parameter = program.parameters[key[0]].name
            return f"K{_two(program, key[1], key[2])}({_xi(key[3])}, {_xi(key[4])}) by training {parameter}"
        case Kind.MEAN:
            return f"E[{_z(program, *key)}]"
        case Kind.MOMENT2:
            return f"E[{_z(program, key[0], key[2])} {_z(program, key[1], key[3])}]"
        case Kind.MOMENT4:
            return f"E[{_z(program, *key)}⁴]"
        case Kind.SCALAR:
            return f"{node_name(program, key[0])}({_xi(key[1])})"
        case Kind.SIGNAL:
            return f"E[{_signal(program, *key[:3])} {_signal(program, key[3], key[4], key[5])}]"
        case Kind.SLOPE:
            return f"E[{_slope(program, key[0], key[1], key[4])} {_slope(program, key[2], key[3], key[5])}]"
        case Kind.START:
            return f"start of paths at {_pair(program, key[0], key[1], *key[2:])}"
        case Kind.MATMUL:
            return f"σ² of paths into {_pair(program, *key)}"
        case Kind.SUM:
            x, a, y, b, i, j = key
            return f"weight of {_pair(program, a, b)} in {_pair(program, x, y, i, j)}"
        case Kind.READOUT_START:
            o, x, p, y, i, j = key
            return f"start of paths in K{_two(program, o, p)} at {_pair(program, x, y, i, j)}"
        case Kind.READOUT:
            o, x, p, y = key
            return f"σ² of paths into K{_two(program, o, p)} from {_pair(program, x, y)}"
        case Kind.CHANGE:
            return f"(107) at {_change(program, *key[:2])} with {_signal(program, key[2], key[3], key[4])}"
        case Kind.RESPONSE:
            return f"coefficient of {_signal(program, key[2], key[3], key[4])} in {_change(program, *key[:2])}"
        case Kind.OUTPUT_CHANGE:
            return f"δf{_one(program, key[0], _LOWERED)}({_xi(key[1])}), trained on {_xi(key[2])}"
        case Kind.TRAJECTORY:
            steps = "1 step" if key[0] == 1 else f"{key[0]} steps"
            return f"f{_one(program, key[1], _LOWERED)}({_xi(key[2])}) after {steps}, minus (22)"


def _xi(i: int) -> str:
    return "ξ̃" if i == 0 else f"ξ{str(i).translate(_LOWERED)}"


def _one(program: Program, o: int, digits: dict[int, int]) -> str:
    return str(o).translate(digits) if len(program.outputs) > 1 else ""


def _two(program: Program, o: int, p: int) -> str:
    return f"[{o},{p}]" if len(program.outputs) > 1 else ""


def _pair(program: Program, x: int, y: int, *inputs: int) -> str:
    one, two = (f"({_xi(i)})" for i in inputs) if inputs else ("", "")
    return f"({node_name(program, x)}{one}, {node_name(program, y)}{two})"


def _z(program: Program, x: int, i: int) -> str:
    return f"Z^{node_name(program, x)}({_xi(i)})"


def _signal(program: Program, g: int, o: int, i: int) -> str:
    return f"d{_one(program, o, _RAISED)}{node_name(program, g)}({_xi(i)})"


def _change(program: Program, g: int, i: int) -> str:
    return f"δ{node_name(program, g)}({_xi(i)})"


def _slope(program: Program, x: int, a: int, i: int) -> str:
    return f"∂{node_name(program, x)}/∂{node_name(program, a)}({_xi(i)})"
