"""An arithmetic that only counts."""

from __future__ import annotations

import math
from typing import Any


class Counting:
    """A value of which nothing is known; operations on it are counted, those on constants are not."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    def _counted(self, _: Any = None) -> Counting:
        self.counter.count += 1
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = _counted

    def __pow__(self, n: int) -> Counting:
        self.counter.count += max(n - 1, 0)
        return self


class Counter:
    """The namespace of counted values.

    Attributes
    ----------
    count
        The operations and function values so far.
    """

    pi = math.pi
    number = staticmethod(float)

    def __init__(self) -> None:
        self.count = 0

    def _function(self, name: str, x: Any) -> Any:
        if isinstance(x, Counting):
            self.count += 1
            return x
        return getattr(math, name)(x)

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
