"""Expectations as calls in the emitted text, and the functions that those calls need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tpproof.errors import TpproofError
from tpproof.numerics.emit.recorder import Recorder, WrittenPair, lines
from tpproof.numerics.emit.words import ATOM, SUM, broken, code, formula, name_of, number, reads, wrapped
from tpproof.numerics.expectations import closed
from tpproof.numerics.expectations.pair_law import ramp_of
from tpproof.numerics.reduction.shapes import has_kinks, terms_of
from tpproof.numerics.reduction.univariate import Tree, times

Text = tuple[str, int]

WIDTH = 86
SHORT = 32
"""A closed form of at most so many characters stands where it is used."""

DEFINITIONS = {
    "determinant": "determinant = np.maximum(p * q - c * c, 0)",
    "sine": "sine = np.sqrt(determinant / np.where(p * q > 0, p * q, 1))",
    "theta": "theta = np.arctan2(np.sqrt(determinant), c)",
    "root": "root = np.sqrt(p) * np.sqrt(q)",
}
"""Attributes of a pair without an excess."""

KINKED = {
    "theta": "theta = angle(p, q, c, e)",
    "root": "root = np.sqrt(p) * np.sqrt(q)",
    "sine": "sine = np.sin(theta)",
    "determinant": "determinant = p * q * np.sin(theta) ** 2",
    "J0": "J0 = (np.pi - theta) / (2 * np.pi)",
    "J1": "J1 = root * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi)",
    "d": "d = e + np.square(np.sqrt(p) - np.sqrt(q))",
    "D1": "D1 = ramp_excess(p, q, c, e) + np.square(np.sqrt(p) - np.sqrt(q)) / 2",
}
"""With an excess."""


@dataclass
class Expectations:
    """What the emitted module defines before `kernel`.

    Attributes
    ----------
    helpers
        Names of `helpers.TEXTS`.
    functions
        Name → text of generated functions, in order.
    """

    helpers: set[str] = field(default_factory=set)
    functions: dict[str, str] = field(default_factory=dict)
    _made: dict[Any, Any] = field(default_factory=dict)

    # one number

    def one(self, f: Tree, q: str) -> Text:
        """E F(u), Var u = q."""
        terms = terms_of(f)
        if terms is not None and q in ("0", "0.0"):
            return number(float(closed.one(terms, 0.0, closed.MACHINE)))
        if terms is not None:
            recorder = Recorder(False)
            found = closed.one(terms, WrittenPair(recorder).p, recorder)
            return self._placed(("one", f), found, recorder, {"p": q}, (f"E {formula(f, 'u')}, Var u = p.", "p"))
        half = _root(f)
        if half is not None and _closed(half, half):
            return self.two(half, half, (q, q, q, "0.0"))
        self._smooth(f)
        if half is not None:
            self.helpers.add("mean_square")
            return f"mean_square({self.function(half)}, {q})", ATOM
        self.helpers.add("mean")
        return f"mean({self.function(f)}, {q})", ATOM

    # two numbers

    def two(self, f: Tree, g: Tree, args: tuple[str, str, str, str | None]) -> Text:
        """E[F(u) G(v)]; args are the texts of c, p, q and the excess."""
        c, p, q, _ = args
        if _closed(f, g):
            fused = self._fused(f, g, f"{p}, {q}, {c}")
            return fused if fused is not None else self._closed(f, g, args)
        self._smooth(f)
        self._smooth(g)
        self.helpers.add("hermite")
        return f"hermite({self.function(f)}, {p}, {self.function(g)}, {q}, {c})", ATOM

    def _closed(self, f: Tree, g: Tree, args: tuple[str, str, str, str | None]) -> Text:
        c, p, q, e = args
        kinked = has_kinks(f, {}) or has_kinks(g, {})
        recorder = Recorder(kinked)
        left, right = terms_of(f), terms_of(g)
        assert left is not None and right is not None
        found = closed.two(left, right, WrittenPair(recorder), recorder)
        says = f"E[{formula(f, 'u')} {formula(g, 'v')}], Var u = p, Var v = q, Cov(u, v) = c"
        says += ", excess e." if kinked else "."
        names = {"p": p, "q": q, "c": c, **({"e": e or "0.0"} if kinked else {})}
        return self._placed(("two", f, g), found, recorder, names, (says, ", ".join(names)))

    def _fused(self, f: Tree, g: Tree, args: str) -> Text | None:
        left, right = terms_of(f), terms_of(g)
        if not left or not right or len(left) > 1 or len(right) > 1 or left[0][1] or right[0][1]:
            return None
        (a, _, first), (b, _, second) = left[0], right[0]
        if first[0] != second[0] or first[0] not in ("erf", "sin", "cos"):
            return None
        name = f"{first[0]}_{second[0]}"
        self.helpers.add(name)
        call = f"{name}({number(first[1])[0]}, {number(second[1])[0]}, {args})"
        return (call, ATOM) if a * b == 1 else (f"{wrapped(number(a * b), SUM + 1)} * {call}", SUM + 1)

    def ramp_excess(self, f: Tree, args: tuple[str, str, str, str]) -> Text:
        """2(√(E F(u)² E F(v)²) − E[F(u) F(v)]) of F(z) = αz + β relu(z)."""
        line, ramp = ramp_of(f)
        c, p, q, e = args
        parts = []
        if line * line + line * ramp:
            parts.append(_scaled(line * line + line * ramp, e))
        if ramp:
            self.helpers.add("ramp_excess")
            parts.append(_scaled(ramp * ramp, f"ramp_excess({p}, {q}, {c}, {e})"))
        return " + ".join(parts) or "0.0", SUM if len(parts) > 1 else SUM + 1

    def difference(self, f: Tree, args: tuple[str, str, str, str]) -> Text:
        """E(F(u) − F(v))²."""
        c, p, q, e = args
        terms = terms_of(f)
        recorder = Recorder(True)
        found = None if terms is None else closed.difference(terms, WrittenPair(recorder), recorder)
        if found is None:
            square = times(f, f)
            moments = [wrapped(self.one(square, x), SUM) for x in (p, q)]
            return f"np.maximum({moments[0]} + {moments[1]} - 2 * {wrapped(self.two(f, f, args), SUM + 2)}, 0)", ATOM
        says = f"E({formula(f, 'u')} - {formula(f, 'v')})^2, Var u = p, Var v = q, Cov(u, v) = c, excess e."
        names = {"p": p, "q": q, "c": c, "e": e}
        text = self._placed(("difference", f), found, recorder, names, (says, "p, q, c, e"))
        return f"np.maximum({text[0]}, 0)", ATOM

    # texts

    def _placed(self, key: Any, found: Any, recorder: Recorder, names: dict[str, str], says: tuple[str, str]) -> Text:
        """A short closed form in place, or a call of a function with it."""
        asked = recorder.asked
        if asked <= set(names):
            statements, text = lines(found, {k: k for k in asked})
            if not statements and len(text[0]) <= SHORT:
                return lines(found, names)[1]
        if key not in self._made:
            self._made[key] = self._name(key)
            self.functions[self._made[key]] = self._function_text(self._made[key], found, recorder, says)
        return f"{self._made[key]}({', '.join(names.values())})", ATOM

    def _function_text(self, name: str, found: Any, recorder: Recorder, says: tuple[str, str]) -> str:
        statements, (result, _) = lines(found, {k: k for k in recorder.asked})
        body = [*self._prelude(recorder.kinked, " ".join([*statements, result])), *statements]
        if body and body[-1].startswith(f"{result} = "):
            result = body.pop().partition(" = ")[2]
        inner = "".join(f"    {line}\n" for line in [*body, f"return {result}"])
        first, _, rest = says[0].partition(", ")
        said = says[0] if len(says[0]) < 90 else f"{first},\n    {rest}\n    "
        return f'def {name}({says[1]}):\n    """{said}"""\n{inner}'

    def _prelude(self, kinked: bool, text: str) -> list[str]:
        """Definitions of the attributes that a text reads, and of what those read."""
        table = KINKED if kinked else DEFINITIONS
        found: list[str] = []
        for name, line in reversed(table.items()):
            left = line.partition(" = ")[0].split(", ")
            if any(re.search(rf"\b{word}\b", text) for word in left):
                found.insert(0, line)
                text += " " + line.partition(" = ")[2]
                self.helpers.update({"angle", "ramp_excess"} & {name, line.partition(" = ")[2].partition("(")[0]})
        return found

    def _name(self, key: Any) -> str:
        kind, *trees = key
        names = [known[0] for known in map(name_of, trees) if known]
        if len(names) < len(trees) or kind == "one":
            return self._free("expectation")
        return self._free("_".join(names) if kind == "two" else f"{names[0]}_difference")

    def _free(self, name: str) -> str:
        """The name, with a number if it is taken."""
        numbered = (f"{name}_{n}" for n in range(2, len(self.functions) + 3))
        return name if name not in self.functions else next(n for n in numbered if n not in self.functions)

    def note(self, words: str) -> None:
        """That a text calls functions of scalars: erf comes from SciPy, sigmoid is a helper."""
        if "erf" in words or "gelu" in words:
            self.helpers.add("import erf")
        if "sigmoid" in words or "silu" in words:
            self.helpers.add("sigmoid")

    def function(self, f: Tree) -> str:
        """The name of a function of one variable that the module defines."""
        key = ("function", f)
        if key not in self._made:
            known = name_of(f)
            name = self._free(known[0] if known else "phi")
            self.note("erf" if reads(f, "erf") else "")
            self.note("sigmoid" if reads(f, "sigmoid") else "")
            if known and known[0] == "sigmoid":
                return "sigmoid"
            self._made[key] = name
            body = code(f, "z")[0]
            if len(body) > WIDTH:
                body = "\n        ".join(["(", *broken(body, WIDTH)]) + "\n    )"
            self.functions[name] = f"def {name}(z):\n    return {body}\n"
        return str(self._made[key])

    def _smooth(self, f: Tree) -> None:
        code(f, "z")  # says what is not known
        if has_kinks(f, {}):
            found = f"{formula(f, 'z')[:60]}: kinks without a closed form, in emitted code"
            raise TpproofError("E141", found, "`tpproof kernel` itself")


def _scaled(factor: float, text: str) -> str:
    return text if factor == 1 else f"{number(factor)[0]} * {text}"


def _closed(f: Tree, g: Tree) -> bool:
    left, right = terms_of(f), terms_of(g)
    return left is not None and right is not None and closed.operations(left, right) is not None


def _root(f: Tree) -> Tree | None:
    """h where f is h·h as it is written."""
    if f[0] == "pow" and f[2] == Fraction(2):
        return f[1]  # type: ignore[no-any-return]
    if f[0] != "mul" or len(f) % 2 == 0:
        return None
    factors = list(f[1:])
    if factors[0][0] == "number" and len(factors) % 2 == 0:
        return None
    half = len(factors) // 2
    return times(*factors[:half]) if factors[:half] == factors[half:] else None
