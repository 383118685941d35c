"""An arithmetic that writes down what is done with it: closed forms become Python text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from tpproof.numerics.emit.words import ATOM, POWER, PRODUCT, SUM, number, wrapped

Key: TypeAlias = tuple[Any, ...]
"""(operation, operands): an int is the number of a value, a 1-tuple a constant; ("name", text) is an attribute."""

LONG = 56
"""A piece of text longer than this gets a name."""


class Written:
    """One value of a recorder: its number."""

    def __init__(self, recorder: Recorder, at: int) -> None:
        self.recorder, self.at = recorder, at

    @property
    def key(self) -> Key:
        """What it was made of."""
        return self.recorder.keys[self.at]

    def _made(self, op: str, a: Any, b: Any) -> Any:
        return self.recorder.made(op, a, b)

    def __add__(self, other: Any) -> Any:
        return self._made("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._made("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._made("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._made("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._made("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._made("*", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._made("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._made("/", other, self)

    def __pow__(self, n: int) -> Any:
        return self if n == 1 else self._made("**", self, float(n))

    def __neg__(self) -> Any:
        return self._made("*", -1.0, self)


class Recorder:
    """The namespace of written values, and the pair that closed forms read; equal values are one.

    Attributes
    ----------
    asked
        The pair's attributes that were read.
    """

    pi = math.pi
    number = staticmethod(float)

    def __init__(self, kinked: bool) -> None:
        self.kinked = kinked
        self.values: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.asked: set[str] = set()

    def value(self, key: Key) -> Written:
        """The value of a key."""
        if key not in self.values:
            self.values[key] = len(self.keys)
            self.keys.append(key)
        return Written(self, self.values[key])

    def made(self, op: str, a: Any, b: Any) -> Any:
        """An operation on values and floats."""
        a, b = (x if isinstance(x, Written) else _plain(float(x)) for x in (a, b))
        if op in "+-" and isinstance(b, Written) and _factor(b) < 0:
            op, b = "-" if op == "+" else "+", self.made("*", -_factor(b), Written(self, b.key[2]))
        if op in "*/" and b == 1.0:
            return a
        if op == "*" and a == 1.0:
            return b
        if op == "*" and isinstance(b, float):
            a, b = b, a
        if op == "*" and isinstance(a, float) and _factor(b) != 1:
            return self.made("*", a * _factor(b), Written(self, b.key[2]))
        if op == "+" and isinstance(b, float) and b < 0:
            op, b = "-", -b
        return self.value((op, *(x.at if isinstance(x, Written) else (x,) for x in (a, b))))

    def _function(self, name: str, x: Any) -> Any:
        if not isinstance(x, Written):
            return getattr(math, name)(x)
        return self.value((name, x.at))

    def sqrt(self, x: Any, /) -> Any:
        return self._function("sqrt", x)

    def exp(self, x: Any, /) -> Any:
        return self._function("exp", x)

    def sin(self, x: Any, /) -> Any:
        return self._function("sin", x)

    def cos(self, x: Any, /) -> Any:
        return self._function("cos", x)

    def sinh(self, x: Any, /) -> Any:
        return self._function("sinh", x)

    def cosh(self, x: Any, /) -> Any:
        return self._function("cosh", x)

    def asin(self, x: Any, /) -> Any:
        return self._function("asin", x)


def _factor(x: Written) -> float:
    """The constant of a product that begins with one, else 1."""
    return float(x.key[1][0]) if x.key[0] == "*" and isinstance(x.key[1], tuple) else 1.0


def _plain(x: float) -> float:
    """The number with few digits that a float is up to two roundings."""
    near = round(x, 6)
    return near if abs(x - near) <= 4.5e-16 * abs(x) else x


class WrittenPair:
    """A Gaussian pair whose attributes are names."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        if name == "d" and not self._recorder.kinked:
            return None
        self._recorder.asked.add(name)
        return self._recorder.value(("name", name))


def lines(result: Any, names: Mapping[str, str]) -> tuple[list[str], tuple[str, int]]:
    """Assignments, and the text of a result.

    Parameters
    ----------
    result
        What a closed form gave.
    names
        The pair's attributes as they are called in the text.
    """
    if not isinstance(result, Written):
        return [], number(float(result))
    return _Writer(result, names).written()


class _Writer:
    def __init__(self, result: Written, names: Mapping[str, str]) -> None:
        self.keys, self.result, self.names = result.recorder.keys, result.at, names
        self.texts: dict[int, tuple[str, int]] = {}
        self.statements: list[str] = []

    def written(self) -> tuple[list[str], tuple[str, int]]:
        uses = self._uses()
        for at in sorted(uses):
            key = self.keys[at]
            text = self._text(key)
            if at != self.result and key[0] != "name" and (uses[at] > 1 or len(text[0]) > LONG):
                name = f"t{len(self.statements) + 1}"
                self.statements.append(f"{name} = {text[0]}")
                text = name, ATOM
            self.texts[at] = text
        return self.statements, self.texts[self.result]

    def _uses(self) -> dict[int, int]:
        uses = {self.result: 1}
        for at in range(self.result, -1, -1):  # what a value is made of has smaller numbers
            if at in uses:
                for part in self.keys[at][1:]:
                    if isinstance(part, int):
                        uses[part] = uses.get(part, 0) + 1
        return uses

    def _operand(self, x: int | tuple[float], precedence: int) -> str:
        return wrapped(self.texts[x] if isinstance(x, int) else number(x[0]), precedence)

    def _text(self, key: Key) -> tuple[str, int]:
        op, *args = key
        match op:
            case "name":
                return self.names[args[0]], ATOM
            case "+" | "-":
                return f"{self._operand(args[0], SUM)} {op} {self._operand(args[1], SUM + (op == '-'))}", SUM
            case "*" | "/":
                if op == "*" and args[0] == args[1]:
                    return f"{self._operand(args[0], ATOM)}**2", POWER
                if op == "*" and args[0] == (-1.0,):
                    return f"-{self._operand(args[1], POWER)}", PRODUCT
                return f"{self._operand(args[0], PRODUCT)} {op} {self._operand(args[1], PRODUCT + 1)}", PRODUCT
            case "**":
                return f"{self._operand(args[0], ATOM)}**{int(args[1][0])}", POWER
        name = {"asin": "arcsin"}.get(op, op)
        return f"np.{name}({self._operand(args[0], SUM)})", ATOM
