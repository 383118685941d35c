"""The built-in architectures, as data in our own language: ``zoo/*.tp``, and variants of them by other constants."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from tpproof.errors import TpproofError

_ALIASES = {"depth": "L", "length": "T"}
"""Longer names for the usual constants, for Python."""

VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "attention_root": ("attention", {"logits": '"1/sqrt(n)"'}),
    "attention_untied": ("attention", {"tied": "False", "heads": "2"}),
    "cnn2d_flatten": ("cnn2d", {"padding": '"same"', "read": '"flatten"'}),
    "gcn_pool": ("gcn", {"A": "[[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]", "read": '"pool"'}),
    "gru_torch": ("gru", {"form": '"torch"'}),
    "rescnn_post": ("rescnn", {"form": '"post"', "phi": "relu"}),
    "resnet_post": ("resnet", {"form": '"post"', "phi": "relu"}),
    "rnn_average": ("rnn", {"read": '"average"'}),
    "rnn_lengths": ("rnn", {"lengths": "[2, 4]"}),
    "transformer_post": ("transformer", {"norm": '"post"', "heads": "2", "T": "2", "read": '"every"'}),
    "universal": ("transformer", {"shared": "True", "L": "2", "T": "2"}),
}
"""Name → the architecture it is a variant of, and the constants that differ."""


def names() -> list[str]:
    """The names of the built-in architectures, variants included."""
    found = (item.name for item in files(__name__).iterdir())
    return sorted([*VARIANTS, *(name.removesuffix(".tp") for name in found if name.endswith(".tp"))])


def text(name: str) -> str:
    """The `.tp` text of one. Raises E103 for an unknown name."""
    known = names()
    if name not in known:
        close = [f"zoo:{match}" for match in difflib.get_close_matches(name, known, 1)]
        raise TpproofError("E103", f"zoo:{name[:60]}", f"one of {', '.join(known)}", None, *close)
    if name in VARIANTS:
        return _variant(name, *VARIANTS[name])
    return files(__name__).joinpath(f"{name}.tp").read_text("utf-8")


def _variant(name: str, base: str, constants: dict[str, str]) -> str:
    """The text of `base` with other constants in its first lines, their comments still in one column."""
    body = text(base)
    told = ", ".join(f"{key} = {value}" for key, value in constants.items())
    for key, value in constants.items():
        assigned = re.search(rf"^(?P<left>{key} *= )(?P<old>\S[^#\n]*?) *(?P<comment>#.*)?$", body, re.MULTILINE)
        assert assigned is not None, (base, key)
        line = assigned["left"] + value
        if assigned["comment"] is not None:
            line = line.ljust(assigned.start("comment") - assigned.start() - 2) + "  " + assigned["comment"]
        body = body[: assigned.start()] + line + body[assigned.end() :]
    return f"# {name}: {base} with {told}\n" + body


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
