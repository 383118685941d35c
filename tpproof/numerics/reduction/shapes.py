"""What is known about a function of one variable: its parity, its kinks, and the terms that closed forms work on."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from tpproof.numerics.reduction.univariate import PRIMITIVES, TWO_OVER_ROOT_PI, Callables, Library, Tree, times, value
from tpproof.program.constants import ONE, ZERO, Constant, add, mul, to_float

Base: TypeAlias = tuple[Any, ...]
Term: TypeAlias = tuple[float, int, Base]
"""coefficient · zⁿ · B(z): see `terms_of`."""

MAX_TERMS = 64
MAX_POWER = 20

_OPS = frozenset(("z", "own", "add", "mul", "pow", "call", "slope"))
_PARITY = {"tanh": -1, "erf": -1, "sin": -1, "cos": 1, "bell": 1}


def slots(t: Tree) -> frozenset[int]:
    """The own numbers that a function reads."""
    if t[0] == "own":
        return frozenset((t[1],))
    return frozenset().union(*(slots(s) for s in t[1:] if isinstance(s, tuple) and s and s[0] in _OPS))


def parity(t: Tree) -> int:
    """1 for an even function, −1 for an odd one, 0 where neither is known."""
    match t[0]:
        case "z":
            return -1
        case "number" | "own":
            return 1
        case "add":
            found = {parity(s) for s in t[1:]}
            return found.pop() if len(found) == 1 else 0
        case "mul":
            return math.prod(parity(s) for s in t[1:])
        case "pow":
            inner = parity(t[1])
            if t[2].denominator == 1:
                return int(inner ** abs(int(t[2])))
            return 1 if inner == 1 else 0
        case "call":
            inner = parity(t[2])
            return _PARITY.get(t[1], 0) if inner == -1 else inner
    return 0


def nonnegative(t: Tree) -> bool:
    """Whether a function is seen to be no less than 0."""
    match t[0]:
        case "number":
            return to_float(t[1]) >= 0
        case "add" | "mul":
            return all(nonnegative(s) for s in t[1:])
        case "pow":
            return bool(t[2].denominator % 2 == 0 or t[2].numerator % 2 == 0) or nonnegative(t[1])
        case "call":
            return t[1] in ("step", "sigmoid", "softplus", "exp", "bell") or (t[1] == "tanh" and nonnegative(t[2]))
    return False


def polynomial(t: Tree) -> dict[int, Constant] | None:
    """The coefficients by power, for a polynomial with exact coefficients."""
    match t[0]:
        case "z":
            return {1: ONE}
        case "number":
            return {0: t[1]} if t[1] != 0 else {}
        case "add":
            return _polynomial_sum([polynomial(s) for s in t[1:]])
        case "mul":
            return _polynomial_product([polynomial(s) for s in t[1:]])
        case "pow" if t[2].denominator == 1 and 0 < t[2] <= MAX_POWER:
            return _polynomial_product([polynomial(t[1])] * int(t[2]))
    return None


def _polynomial_sum(parts: list[dict[int, Constant] | None]) -> dict[int, Constant] | None:
    found: dict[int, Constant] = {}
    for part in parts:
        if part is None:
            return None
        for n, c in part.items():
            found[n] = add(found.get(n, ZERO), c)
    return {n: c for n, c in found.items() if c != 0}


def _polynomial_product(parts: list[dict[int, Constant] | None]) -> dict[int, Constant] | None:
    found: dict[int, Constant] = {0: ONE}
    for part in parts:
        if part is None:
            return None
        product: dict[int, Constant] = {}
        for n, c in found.items():
            for k, e in part.items():
                product[n + k] = add(product.get(n + k, ZERO), mul(c, e))
        found = product
        if max(found, default=0) > MAX_POWER:
            return None
    return {n: c for n, c in found.items() if c != 0}


@lru_cache(maxsize=4096)
def terms_of(t: Tree) -> tuple[Term, ...] | None:
    """Σ coefficient · zⁿ · B(z) with B in 1, step(z), erf(a z), exp(αz² + βz), sin(w z), cos(w z); None if it is none.

    Bases are ``("one",)``, ``("step",)``, ``("erf", a)``, ``("exp", α, β)``, ``("sin", w)`` and ``("cos", w)``.
    """
    match t[0]:
        case "z":
            return ((1.0, 1, ("one",)),)
        case "number":
            return _collected([(to_float(t[1]), 0, ("one",))])
        case "add":
            parts = [terms_of(s) for s in t[1:]]
            return None if None in parts else _collected([term for part in parts if part for term in part])
        case "mul":
            return _terms_product([terms_of(s) for s in t[1:]])
        case "pow" if t[2].denominator == 1 and 0 < t[2] <= MAX_POWER:
            return _terms_product([terms_of(t[1])] * int(t[2]))
        case "call":
            return _terms_of_call(t[1], t[2])
    return None


def _collected(terms: list[Term]) -> tuple[Term, ...] | None:
    found: dict[tuple[int, Base], float] = {}
    for c, n, base in terms:
        found[n, base] = found.get((n, base), 0.0) + c
    kept = tuple((c, n, base) for (n, base), c in sorted(found.items(), key=lambda item: repr(item[0])) if c != 0)
    return kept if len(kept) <= MAX_TERMS and all(n <= MAX_POWER for _, n, _ in kept) else None


def _terms_product(
    parts: list[tuple[Term, ...] | None],
) -> tuple[Term, ...] | None:
    found: tuple[Term, ...] = ((1.0, 0, ("one",)),)
    for part in parts:
        if part is None:
            return None
        products = [(c * e, n + k, _base_product(a, b)) for c, n, a in found for e, k, b in part]
        if any(base is None for _, _, base in products):
            return None
        collected = _collected([(c, n, base) for c, n, base in products if base is not None])
        if collected is None:
            return None
        found = collected
    return found


def _base_product(a: Base, b: Base) -> Base | None:
    if a[0] == "one":
        return b
    if b[0] == "one":
        return a
    if a[0] == b[0] == "step":
        return a
    if a[0] == b[0] == "exp":
        return ("exp", a[1] + b[1], a[2] + b[2])
    return None


def _terms_of_call(name: str, t: Tree) -> tuple[Term, ...] | None:
    inner = polynomial(t)
    if inner is None or max(inner, default=0) > 2:
        return None
    constant, linear, square = (to_float(inner.get(n, ZERO)) for n in range(3))
    if name == "exp":
        return ((math.exp(constant), 0, ("exp", square, linear)),)
    if constant or square or not linear:
        return None
    match name:
        case "step":
            return ((1.0, 0, ("step",)),) if linear > 0 else ((1.0, 0, ("one",)), (-1.0, 0, ("step",)))
        case "erf" | "sin" | "cos":
            return ((1.0, 0, (name, linear)),)
        case "bell":
            return ((TWO_OVER_ROOT_PI, 0, ("exp", -linear * linear, 0.0)),)
    return None


def kink_sources(t: Tree, library: Library) -> tuple[tuple[Tree, ...], tuple[tuple[Tree, tuple[float, ...]], ...]]:
    """Where the function may have kinks: trees whose zeros are kinks, and trees that meet a user's kinks."""
    zeros: list[Tree] = []
    users: list[tuple[Tree, tuple[float, ...]]] = []
    todo, seen = [t], set()
    while todo:
        s = todo.pop()
        if s in seen:
            continue
        seen.add(s)
        if s[0] == "pow" and (s[2].denominator != 1 or s[2] < 0):
            zeros.append(s[1])
        if s[0] == "call" and s[1] == "step":
            zeros.append(s[2])
        if s[0] in ("call", "slope") and s[1] not in PRIMITIVES and library[s[1]].kinks:
            users.append((s[2], library[s[1]].kinks))
        todo.extend(part for part in s[1:] if isinstance(part, tuple) and part and part[0] in _OPS)
    return tuple(zeros), tuple(users)


def halves(t: Tree) -> list[tuple[Tree, Tree]]:
    """Ways to write a function as a product of two."""
    if t[0] == "pow" and t[2] == 2:
        return [(t[1], t[1])]
    if t[0] != "mul":
        return []
    return [(s, times(*t[1:i], *t[i + 1 :])) for i, s in enumerate(t[1:], 1)]


def has_kinks(t: Tree, library: Library) -> bool:
    """Whether a function, or its derivative, jumps anywhere that is known."""
    return any(kink_sources(t, library))


def value_at(t: Tree, x: float, library: Library) -> float:
    """The value at one point of a function without own numbers."""
    return float(np.asarray(value(t, np.float64(x), _no_own, library)))


SEARCH = 60.0
SEARCH_POINTS = 4001


def zeros(t: Tree, library: Library) -> tuple[float, ...]:
    """Where a function without own numbers changes sign, between −60 and 60: exact at 0."""
    return _zeros(t, tuple((name, library[name]) for name in sorted(_users(t))))


def _users(t: Tree) -> frozenset[str]:
    """The users' functions that a function calls."""
    here = {t[1]} if t[0] in ("call", "slope") and t[1] not in PRIMITIVES else set()
    return frozenset(here).union(*(_users(s) for s in t[1:] if isinstance(s, tuple) and s and s[0] in _OPS))


@lru_cache(maxsize=1024)
def _zeros(t: Tree, functions: tuple[tuple[str, Callables], ...]) -> tuple[float, ...]:
    inner = polynomial(t)
    if inner is not None and set(inner) <= {0, 1} and 1 in inner:
        return (-to_float(inner.get(0, ZERO)) / to_float(inner[1]),)
    if parity(t) == -1:
        half = _sign_changes(t, 1e-9, dict(functions))
        return (*(-x for x in reversed(half)), 0.0, *half)
    return _sign_changes(t, -SEARCH, dict(functions))


def _sign_changes(t: Tree, start: float, library: Library) -> tuple[float, ...]:
    from scipy.optimize import brentq

    def f(x: float) -> float:
        return value_at(t, x, library)

    grid = np.linspace(start, SEARCH, SEARCH_POINTS) + 1e-7
    signs = np.sign(np.broadcast_to(value(t, grid, _no_own, library), grid.shape))
    found = []
    for i in np.flatnonzero(signs[1:] != signs[:-1]):
        left, right = float(grid[i]), float(grid[i + 1])
        if signs[i] * signs[i + 1] < 0:
            root = float(brentq(f, left, right, xtol=1e-15))
        else:
            root = _edge(f, left, right, float(signs[i]))
        found.append(0.0 if abs(root) < 1e-13 else root)
    return tuple(found)


def _edge(f: Callable[[float], float], left: float, right: float, sign_left: float) -> float:
    """Where a function that is 0 on one side begins to differ from 0: bisection."""
    for _ in range(80):
        middle = (left + right) / 2
        if np.sign(f(middle)) == sign_left:
            left = middle
        else:
            right = middle
    return (left + right) / 2


def _no_own(k: int) -> Any:
    raise KeyError(k)
