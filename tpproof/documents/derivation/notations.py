"""Covariances, expected derivatives and kernels in the letters of three papers."""

from __future__ import annotations

from dataclasses import replace

from tpproof.documents.derivation.names import Names
from tpproof.documents.document import Notation
from tpproof.documents.formula import Call, Formula, Indexed, Name, Row

LETTERS: dict[Notation, tuple[str, str]] = {"yang": ("Σ", "C"), "jacot": ("Σ", "Θ"), "lee": ("𝒦", "Θ")}
"""Covariance and kernel."""
NUMBERED = 40
"""Gaussian vectors that are numbered where no layers repeat."""
INPUTS = (Name("ξ", tilde=True), Name("ξ"))


class Quantities:
    """What Σ(ã, b), Σ̇(x̃, y) and the C or Θ of (ã, b) are called.

    Parameters
    ----------
    notation
        yang: by the vectors, Σ(ã, b); jacot and lee: by the number of the layer, Σ⁽ˡ⁾(ξ̃, ξ), where there is one.
    names
        How vectors are called.
    gaussians
        The Gaussian vectors that functions read, in the order of the program.
    diagonal
        Whether only pairs of a vector with itself occur.
    sole
        Gaussian vector → the one NonLin of it whose derivative occurs, if it is one.
    """

    def __init__(
        self, notation: Notation, names: Names, gaussians: list[int], diagonal: bool, sole: dict[int, int]
    ) -> None:
        self.notation, self.diagonal = notation, diagonal
        self._reads = {x: a for a, x in sole.items()}
        self._numbers: dict[int, int] | None = None
        if notation != "yang":
            self._numbers = self._by_layer(names, gaussians) if names.repetition else self._by_order(gaussians)

    @staticmethod
    def _by_layer(names: Names, gaussians: list[int]) -> dict[int, int] | None:
        """The layer's index, where all of the vectors are one family."""
        roles = [names.role(a) for a in gaussians]
        if any(role is None for role in roles) or len({role[0] for role in roles if role}) != 1:
            return None
        return {a: role[1] for a, role in zip(gaussians, roles, strict=True) if role}

    @staticmethod
    def _by_order(gaussians: list[int]) -> dict[int, int] | None:
        if len(gaussians) > NUMBERED:
            return None
        return {a: number for number, a in enumerate(gaussians, 1)}

    @property
    def numbered(self) -> dict[int, int]:
        """Gaussian vectors and their numbers; none where vectors are called by their names."""
        return self._numbers or {}

    def covariance(self, names: Names, a: int, b: int) -> Formula:
        """E[Z^ã Z^b]."""
        return self._quantity(names, Name(LETTERS[self.notation][0]), a, b, self._number(a), self._number(b))

    def kernel(self, names: Names, a: int, b: int) -> Formula:
        """C(ã, b), or Θ."""
        return self._quantity(names, Name(LETTERS[self.notation][1]), a, b, self._number(a), self._number(b))

    def derivatives(self, names: Names, x: int, y: int) -> Formula:
        """E[∂x̃ ∂y], of two NonLins of one variable each; by the number of the layer that reads them."""
        numbers = [None if n is None else n + 1 for n in (self._number(self._reads.get(v, -1)) for v in (x, y))]
        return self._quantity(names, Name(LETTERS[self.notation][0], accent="dot"), x, y, *numbers)

    def _number(self, a: int) -> int | None:
        return self._numbers.get(a) if self._numbers is not None else None

    def _quantity(self, names: Names, letter: Name, a: int, b: int, i: int | None, j: int | None) -> Formula:
        if self.notation == "yang":
            return Call(letter, (names.vector(a, True), names.vector(b)))
        if i is not None and j is not None:
            left, right = (
                (names.place.text(i, True), names.place.text(j, False)) if names.repetition else (str(i), str(j))
            )
            inside = left if self.diagonal and left == right else f"{left},{right}"
            return Call(replace(letter, above=f"({inside})" if self.notation == "jacot" else inside), INPUTS)
        vectors = (_bare(names.vector(a, True)), _bare(names.vector(b)))
        below = vectors[0] if vectors[0] == vectors[1] else Row((vectors[0], ",", vectors[1]))
        return Row((Indexed(letter, below), "(", INPUTS[0], ", ", INPUTS[1], ")"))


def _bare(f: Formula) -> Formula:
    return replace(f, tilde=False) if isinstance(f, Name) else f
