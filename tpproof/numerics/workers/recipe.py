"""What a worker makes its work from: plain text, and which function of ours reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from tpproof import __version__
from tpproof.limits import DEFAULT, Limits


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to make what it works with.

    Attributes
    ----------
    build
        A function at the top of one of our modules. It travels as its name, which comes from the calling code and
        never from a file.
    program
        The canonical program, JSON.
    options
        What else the numbers depend on, JSON.
    limits
        With which the program was read, and a worker reads it. No number depends on them.
    """

    build: Callable[[Any], Any]
    program: str
    options: str = "{}"
    limits: Limits = DEFAULT

    def __post_init__(self) -> None:
        home = sys.modules.get(self.build.__module__)
        if self.build.__module__ == "__main__" or getattr(home, self.build.__qualname__, None) is not self.build:
            raise ValueError(f"{self.build.__qualname__} is no function that a worker can import")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe and the version of tpproof."""
        parts = (__version__, self.build.__module__, self.build.__qualname__, self.program, self.options)
        return sha256(repr(parts).encode()).hexdigest()


@lru_cache(maxsize=4)
def made_of(recipe: Recipe) -> Any:
    """What a recipe is of, made once in each process."""
    return recipe.build(recipe)
