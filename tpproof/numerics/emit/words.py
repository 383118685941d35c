"""Constants, and functions of one variable, as Python text and as formulas for a reader."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from tpproof.errors import TpproofError
from tpproof.numerics.reduction.shapes import terms_of
from tpproof.numerics.reduction.univariate import Tree, Z, called, derivative
from tpproof.program.constants import Constant, to_float

SMALL = 10**6
SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4
"""Precedences."""

PRIMITIVES = {
    "tanh": "np.tanh({})",
    "sigmoid": "sigmoid({})",
    "softplus": "np.logaddexp(0, {})",
    "erf": "erf({})",
    "exp": "np.exp({})",
    "sin": "np.sin({})",
    "cos": "np.cos({})",
    "step": "np.heaviside({}, 0.5)",
    "bell": "1.1283791670955126 * np.exp(-np.square({}))",
}
_PRECEDENCE = {"bell": PRODUCT}

SCALARS = {
    **PRIMITIVES,
    "gelu": "0.5 * {0} * (1 + erf({0} / np.sqrt(2)))",
    "silu": "{0} * sigmoid({0})",
    "relu": "np.maximum({}, 0)",
    "abs": "np.abs({})",
    "leaky_relu": "np.where({0} > 0, {0}, {1} * {0})",
}
"""Functions of scalars; their arguments are names."""

NAMED = ("tanh", "sigmoid", "softplus", "erf", "exp", "sin", "cos", "step", "relu", "abs", "gelu", "silu")


def constant(c: Constant) -> tuple[str, int]:
    """The text of a constant and its precedence."""
    if isinstance(c, Fraction) and max(abs(c.numerator), c.denominator) < SMALL:
        return _fraction(c)
    if isinstance(c, tuple) and c[0] == "pow" and c[2] == Fraction(1, 2) and isinstance(c[1], Fraction):
        return f"np.sqrt({_fraction(c[1])[0]})", ATOM
    return number(to_float(c))


def _fraction(c: Fraction) -> tuple[str, int]:
    if c.denominator == 1:
        return str(c.numerator), ATOM if c >= 0 else PRODUCT
    if c.denominator in (2, 4, 8, 5, 10, 20, 100):
        return number(c.numerator / c.denominator)
    return f"{c.numerator} / {c.denominator}", PRODUCT


def number(x: float) -> tuple[str, int]:
    """The text of a float and its precedence."""
    text = str(int(x)) if x == int(x) and abs(x) < SMALL else repr(float(x))
    return text, ATOM if x >= 0 else PRODUCT


def wrapped(text: tuple[str, int], precedence: int) -> str:
    """The text, in parentheses where it binds less."""
    return text[0] if text[1] >= precedence else f"({text[0]})"


def summed(parts: Sequence[tuple[float, tuple[str, int]]]) -> tuple[str, int]:
    """A sum of texts with signs; the first precedence is kept where there is one part."""
    if len(parts) == 1 and parts[0][0] > 0:
        return parts[0][1]
    text = ""
    for sign, part in parts:
        word = wrapped(part, SUM if sign > 0 else PRODUCT)
        text += (" + " if sign > 0 else " - ") + word if text else ("" if sign > 0 else "-") + word
    return text, SUM if len(parts) > 1 else PRODUCT


def broken(text: str, width: int) -> list[str]:
    """A sum in several lines, broken between summands, and within those that are too long."""
    pieces, depth, start = [], 0, 0
    for i, ch in enumerate(text):
        depth += (ch in "([") - (ch in ")]")
        if depth == 0 and text[i : i + 3] in (" + ", " - "):
            pieces.append(text[start:i].strip())
            start = i
    pieces.append(text[start:].strip())
    found: list[str] = []
    for piece in pieces:
        if found and len(found[-1]) + len(piece) < width:
            found[-1] += f" {piece}"
        else:
            found += textwrap.wrap(piece, width, break_long_words=False, break_on_hyphens=False)
    return found


# functions ----------------------------------------------------------------------------------------------


@cache
def _names() -> dict[Tree, tuple[str, str]]:
    """Tree → (name in Python, name in formulas) of what has one."""
    found: dict[Tree, tuple[str, str]] = {}
    for name in NAMED:
        tree = called(name, Z)
        slope = derivative(tree)
        found.setdefault(tree, (name, name))
        if slope is not None and slope[0] != "number":
            found.setdefault(slope, (f"{name}_slope", f"{name}'"))
    return found


def name_of(tree: Tree) -> tuple[str, str] | None:
    """(name in Python, name in formulas) of a known function or a derivative of one."""
    terms = terms_of(tree) or ()
    for power, known in enumerate((("leaky_relu_slope", "leaky_relu'"), ("leaky_relu", "leaky_relu"))):
        parts = {base[0]: c for c, n, base in terms if n == power}
        if len(parts) == len(terms) == 2 and set(parts) == {"one", "step"} and abs(sum(parts.values()) - 1) < 1e-15:
            return _names().get(tree, known)
    return _names().get(tree)


def formula(tree: Tree, variable: str) -> str:
    """F(variable) for a reader."""
    known = name_of(tree)
    if tree == Z or known:
        return f"{known[1]}({variable})" if known else variable
    half = len(tree) // 2
    if tree[0] == "mul" and len(tree) % 2 and tree[1 : half + 1] == tree[half + 1 :]:
        return f"{formula(tree[1] if half == 1 else tree[: half + 1], variable)}^2"
    text = code(tree, variable)[0]
    return f"({text})" if len(text) <= 60 else f"F({variable})"


def code(tree: Tree, z: str) -> tuple[str, int]:
    """F(z) in Python, and the precedence of the text."""
    match tree[0]:
        case "z":
            return z, ATOM
        case "number":
            return constant(tree[1])
        case "add":
            return summed([_signed(t, z) for t in tree[1:]])
        case "mul":
            sign, text = _signed(tree, z)
            return text if sign > 0 else (f"-{wrapped(text, PRODUCT)}", PRODUCT)
        case "pow":
            exponent = constant(tree[2])
            return f"{wrapped(code(tree[1], z), ATOM)}**{wrapped(exponent, ATOM)}", POWER
        case "call" if tree[1] in PRIMITIVES:
            return PRIMITIVES[tree[1]].format(code(tree[2], z)[0]), _PRECEDENCE.get(tree[1], ATOM)
    raise TpproofError("E141", "a nonlinearity of the user's, or one that reads other numbers, in emitted code",
                       "functions of the language")  # fmt: skip


def _signed(tree: Tree, z: str) -> tuple[float, tuple[str, int]]:
    """A summand without its sign."""
    if tree[0] == "number" and to_float(tree[1]) < 0:
        text = constant(tree[1])[0]
        return -1, (text.removeprefix("-"), ATOM if "/" not in text else PRODUCT)
    if tree[0] != "mul":
        return 1, code(tree, z)
    factors = list(tree[1:])
    sign = 1.0
    if factors[0][0] == "number" and to_float(factors[0][1]) < 0:
        sign = -1.0
        words = [constant(factors[0][1])[0].removeprefix("-")]
        words = [] if words == ["1"] else [wrapped((words[0], PRODUCT if "/" in words[0] else ATOM), PRODUCT)]
        factors = factors[1:]
    else:
        words = []
    words += [wrapped(code(t, z), PRODUCT + (i + len(words) > 0)) for i, t in enumerate(factors)]
    return sign, (" * ".join(words), PRODUCT if len(words) > 1 else ATOM)


def reads(tree: Tree, name: str) -> bool:
    """Whether a function calls a primitive."""
    return (tree[0] == "call" and tree[1] == name) or any(
        reads(part, name) for part in tree[1:] if isinstance(part, tuple) and part and isinstance(part[0], str)
    )
