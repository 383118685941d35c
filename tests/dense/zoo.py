"""The zoo's constants as Python values, and networks loaded with others."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tpproof import zoo
from tpproof.language.source import load
from tpproof.program.model import Program

ARCHITECTURES = [name for name in zoo.names() if name not in zoo.VARIANTS]


def constants(name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The constants that an architecture's text begins with, and what they are changed to."""
    head = zoo.text(name).partition("\n\n")[0]  # what stands before the first empty line
    assigned = re.findall(r"^(\w+) *= *([^#\n]*?) *(?:#.*)?$", head, re.MULTILINE)
    found = {key: python_value(text) for key, text in assigned if "len(" not in text}
    unknown = set(changes or {}) - set(found)
    if unknown:
        raise ValueError(f"{name} has no {unknown}")
    return {**found, **{key: python_value(str(value)) for key, value in (changes or {}).items()}}


def python_value(text: str) -> Any:
    """A constant as Python's value: tanh is a text, 3/4 a float."""
    try:
        return ast.literal_eval(re.sub(r"\d+/\d+", lambda fraction: str(float(Fraction(fraction[0]))), text))
    except (ValueError, SyntaxError):
        return text


def program(name: str, changes: Mapping[str, Any]) -> Program:
    """An architecture with other constants; an abstract nonlinearity becomes tanh."""
    phi = {"phi": "tanh"} if "nonlinearity(" in zoo.text(name) else {}
    overrides = {key: str(value) for key, value in changes.items() if not (phi and key == "phi")}
    return load(f"zoo:{name}", overrides, {"phi": changes.get("phi", "tanh")} if phi else {})


def away_from_1(name: str) -> dict[str, str]:
    """Every spread and multiplier that the text has, at a value of its own that is not 1."""
    spreads = {
        "std_w": "5/4", "std_b": "3/5", "std_c": "7/5", "std_u": "4/3", "std_q": "3/4", "std_p": "2/3", "std_v": "6/5",
    }  # fmt: skip
    rates = {"lr_w": "3/2", "lr_b": "2/3", "lr_u": "5/4", "lr_q": "7/4", "lr_p": "4/5", "lr_v": "1/2",
             "lr_g": "4/3"}  # fmt: skip
    known = constants(name)
    return {key: value for key, value in {**spreads, **rates, "skip": "3/4"}.items() if key in known}
