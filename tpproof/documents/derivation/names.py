"""How vectors, parameters and inputs are called in the text: by layer where layers repeat, by number elsewhere."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass

from tpproof.documents.derivation.repetition import Repetition, repetition, stem
from tpproof.documents.formula import Formula, Indexed, Name, Number, Row, letter
from tpproof.documents.vocabulary import LAWS, Vocabulary
from tpproof.program.atoms import Atom
from tpproof.program.model import GVAR_OPS, Kind
from tpproof.program.reduced import Form, LinearTerm, Reduced, reduced

LETTERS = {"matmul": "hpr", "embed": "uqe", "nonlin": "xys", "linear": "zwo", "scalar": "θτω"}
"""What members of a repetition are called, the first letter that nothing declared has."""


@dataclass(frozen=True)
class Place:
    """Indices that are written relatively: at ξ̃ to ``i``, called ``left``; at ξ to ``j``, called ``right``.

    ``shift`` is added to `right` where j = i + shift and both have one letter.
    """

    i: int | None = None
    j: int | None = None
    left: str = "i"
    right: str = "j"
    shift: int = 0

    def text(self, index: int, tilde: bool) -> str:
        """An index: "l", "l−1", or the number itself."""
        if tilde and self.i is not None:
            return relative(self.left, index - self.i)
        if not tilde and self.j is not None:
            return relative(self.right, index - self.j + self.shift)
        return str(index)


def relative(name: str, offset: int) -> str:
    """l, l+1, l−2."""
    return name if offset == 0 else f"{name}{'+' if offset > 0 else '−'}{abs(offset)}"


class Names(Vocabulary):
    """The vocabulary of the text. `at` gives one that writes indices relatively."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        vars(self).update(vars(vocabulary))  # the same certificate, read once
        self._atoms = {}  # written with these names
        self.repetition: Repetition | None = repetition(self.program) if self.steps else None
        self.place = Place()
        contractions = {s["conclusion"][1]: tuple(s["conclusion"][2]) for s in self.steps if s["rule"] == "contract"}
        self.reduced: Reduced = reduced(self.program, contractions)
        self._families = self._name_families() if self.repetition else {}

    def at(self, place: Place) -> Names:
        """The same names with relative indices."""
        other = copy.copy(self)
        other.place, other._atoms = place, {}
        return other

    # families ---------------------------------------------------------------------------------------------

    def role(self, r: int) -> tuple[int, int] | None:
        """(position, index) of a vector in the repetition."""
        return self.repetition.roles.get(~r if r < 0 else r) if self.repetition else None

    def index(self, r: int) -> int | None:
        """The index of a vector in the repetition."""
        role = self.role(r)
        return role[1] if role else None

    def letters(self, k: int) -> str:
        """The kind of letter that a node's family gets."""
        node = self.program.nodes[k]
        if node.op in ("matmul", "embed"):
            return node.op
        if self.program.kinds[k] is not Kind.VECTOR:
            return "scalar"
        return "linear" if self.reduced.form(k) is Form.LINEAR else "nonlin"

    def _name_families(self) -> dict[int, tuple[str, str]]:
        """Position → letter and, where several have it, number."""
        assert self.repetition is not None
        program = self.program
        given = [*(p.name for p in program.parameters), *(i.name for i in program.inputs), *dict(program.functions)]
        declared = {letter(stem(name)[0]) for name in given}
        chosen = {kind: next((c for c in some if c not in declared), some[0]) for kind, some in LETTERS.items()}
        members = {
            p: self.letters(k) for p, k in sorted(self.repetition.members.items())
            if program.nodes[k].op not in ("const", "param")
        }  # fmt: skip
        count, seen = Counter(members.values()), Counter[str]()
        found = {}
        for p, kind in members.items():
            seen[kind] += 1
            found[p] = chosen[kind], str(seen[kind]) if count[kind] > 1 else ""
        return found

    # the vocabulary, renamed ------------------------------------------------------------------------------

    def vector(self, r: int, tilde: bool = False) -> Formula:
        """x₁ˡ where layers repeat, b for a vector parameter there, x₅ elsewhere."""
        node = self.program.nodes[~r if r < 0 else r]
        if node.op == "ones":
            return Number("1")
        if self.repetition and node.op == "param":
            return self._parameter(node.data[0], tilde, tilde)
        role = self.role(r)
        if role is None or role[0] not in self._families:
            return super().vector(r, tilde)
        text, number = self._families[role[0]]
        return Name(text, number, tilde, "hat" if r < 0 else "", self.place.text(role[1], tilde))

    def parameter(self, p: int) -> Name:
        return self._parameter(p, self.place.j is None)

    def _parameter(self, p: int, tilde: bool, mark: bool = False) -> Name:
        name = self.program.parameters[p].name
        text, number = stem(name)
        if self.repetition and p in self.repetition.parameters and number is not None:
            return Name(letter(text), self.place.text(number, tilde), mark)
        return Name(letter(name), "", mark)

    def input(self, i: int, part: int, tilde: bool) -> Name:
        if self.repetition and i in self.repetition.inputs:
            return Name(letter(self.program.inputs[i].name), self.place.text(part, tilde), tilde)
        return super().input(i, part, tilde)

    def variance(self, p: int) -> list[Formula]:
        """σ² of a parameter as a factor: none where it is 1."""
        return [] if self.law_value("sigma2", p) == 1 else [self.law("σ", p)]

    def rate(self, p: int) -> list[Formula]:
        """κ of a parameter as a factor: none where it is 1."""
        return [] if self.law_value("kappa", p) == 1 else [self.law("κ", p)]

    def weights(self, term: LinearTerm, instance: int) -> list[Formula]:
        """The factors before a summand of a linear vector, those that are 1 left out."""
        atoms = self.reduced.coefficient_atoms(term, instance)
        return [self.expectation(atom) for atom in atoms if not self.is_one(atom)]

    def expectation(self, atom: Atom) -> Formula:
        """Any atom, in the certificate's table or not."""
        return self._atom(*atom)  # type: ignore[arg-type]

    def is_one(self, atom: Atom) -> bool:
        """Whether an atom is a σ² or κ that is 1."""
        return atom[0] in LAWS and self.law_value(str(atom[0]), int(atom[1]), int(atom[2])) == 1

    def law(self, symbol: str, p: int, transposed: int = 0) -> Formula:
        name: Formula = self._parameter(p, self.place.i is not None)
        if transposed and self.program.parameters[p].ratio(True) != 1:
            name = Row((name, "ᵀ"))
        return Indexed(Name(symbol), name, Number("2") if symbol == "σ" else None)


__all__ = ["GVAR_OPS", "Names", "Place", "relative"]
