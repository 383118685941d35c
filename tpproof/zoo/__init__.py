"""The built-in architectures, as data in our own language: ``zoo/*.tp``."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from tpproof.errors import TpproofError

_ALIASES = {"depth": "L", "length": "T"}
"""Longer names for the usual constants, for Python."""


def names() -> list[str]:
    """The names of the built-in architectures."""
    found = (item.name for item in files(__name__).iterdir())
    return sorted(name.removesuffix(".tp") for name in found if name.endswith(".tp"))


def text(name: str) -> str:
    """The `.tp` text of one. Raises E103 for an unknown name."""
    known = names()
    if name not in known:
        close = [f"zoo:{match}" for match in difflib.get_close_matches(name, known, 1)]
        raise TpproofError("E103", f"zoo:{name[:60]}", f"one of {', '.join(known)}", None, *close)
    return files(__name__).joinpath(f"{name}.tp").read_text("utf-8")


def summary(name: str) -> str:
    """The first line of the text: what the network is."""
    return text(name).partition("\n")[0].lstrip("# ").partition(": ")[2]


def __getattr__(name: str) -> Callable[..., Any]:
    """``zoo.mlp(depth=3)`` is the network ``zoo:mlp`` with ``-D L=3``."""
    if name.startswith("_") or name not in names():
        raise AttributeError(f"tpproof.zoo has no architecture {name!r}; there are {', '.join(names())}")

    def make(**constants: Any) -> Any:
        from tpproof.language.network import load

        return load(f"zoo:{name}", {_ALIASES.get(key, key): value for key, value in constants.items()})

    return make
