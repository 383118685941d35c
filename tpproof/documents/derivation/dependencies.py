"""What each step rests on: earlier steps, and through them the axioms and the assumptions that nobody proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tpproof.documents.blocks import Column, Fold, Inlines, Paragraph, Picture, Ref, Section, Strong, Table, TableRow

SMALL = 100
"""Steps that are drawn and listed one by one; of a longer proof the parts are."""
PREMISES_SHOWN = 12

RELIES: dict[str, tuple[str, ...]] = {
    "path-start": (), "path-extend": (), "path-linear": (), "path-nonlin": (), "path-sum": (), "listed": (),
    "update-initial": ("linearization", "master-theorem"), "update-gvar": ("linearization", "master-theorem"),
    "change-linear": ("linearization", "master-theorem"), "change-nonlin": ("linearization", "master-theorem"),
    "contract": ("decontraction-lemma",), "induction": (), "backprop": ("master-theorem",), "ntk": ("master-theorem",),
    "duality": ("duality-lemma",), "limit": ("master-theorem", "conditioning", "linearization", "loss"),
    "theorem": ("loss",),
}  # fmt: skip
"""Axioms and assumptions that a rule itself relies on. The definitions of path sums rely on none."""
DERIVATIVES = frozenset({"slope", "slope1", "response"})
"""Atoms that are expected derivatives: they rest on the assumption `smooth`, and where it is conditional on `stein`."""
AXIOMS = "axioms only"
"""The status of what rests on no assumption that is declared or conditional."""
SCALARS = ("scalars", "moments", "master-theorem")
"""What a limit of a scalar relies on."""


@dataclass(frozen=True)
class Node:
    """A step, or a part of a long proof: what it is called, what it follows from, what it rests on in the end."""

    key: str
    title: str
    kind: str  # the rule, or the rules with their numbers of steps
    premises: tuple[str, ...]
    rests: tuple[str, ...]
    status: str  # the weakest of what it rests on: AXIOMS, "declared" or "conditional"
    steps: int = 1


def nodes(data: dict[str, Any], parts: Sequence[tuple[str, str, tuple[str, ...]]]) -> tuple[Node, ...]:
    """The steps of a short proof, the parts of a long one.

    Parameters
    ----------
    data
        A certificate's JSON value.
    parts
        Key, title and kinds of conclusion of each part of the proof.
    """
    ledger = _Ledger(data)
    masks = list(_masks(data, ledger))
    return _steps(data, ledger, masks) if len(masks) <= SMALL else _parts(data, ledger, masks, parts)


class _Ledger:
    """Axioms and assumptions as bits."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.status = {row["name"]: row["status"] for row in data["assumptions"]}
        self.names = [*data["axioms"], *self.status]
        self._bits = {name: 1 << k for k, name in enumerate(self.names)}
        self._told = self.mask(n for n in self.names if self.status.get(n) != "proved")

    def mask(self, names: Iterable[str]) -> int:
        """The names as bits; one that this network does not call for is none."""
        found = 0
        for name in names:
            found |= self._bits.get(name, 0)
        return found

    def told(self, mask: int) -> tuple[str, ...]:
        """The axioms, and the assumptions that are not proved."""
        return tuple(n for n in self.names if self._bits[n] & mask & self._told)

    def worst(self, mask: int) -> str:
        """The weakest status of the assumptions among the bits."""
        found = {self.status[n] for n in self.told(mask) if n in self.status}
        return next((s for s in ("violated", "conditional", "declared") if s in found), AXIOMS)


def _masks(data: dict[str, Any], ledger: _Ledger) -> Iterator[int]:
    """What each step rests on, in one pass: its own and that of its premises."""
    own = {rule: ledger.mask(names) for rule, names in RELIES.items()}
    smooth, scalars = ledger.mask(("smooth", "stein")), ledger.mask(SCALARS)
    kinds = [atom[0] for atom in data["atoms"]]
    of_atom = [smooth if k in DERIVATIVES else scalars if k == "scalar" else 0 for k in kinds]
    contracted = {step["conclusion"][1] for step in data["steps"] if step["rule"] == "contract"}
    lemma = ledger.mask(("decontraction-lemma",))
    found: list[int] = []
    for step in data["steps"]:
        mask = own.get(step["rule"], 0) | (smooth if step["rule"] == "contract" else 0)
        mask |= lemma if contracted and _through(step, data["steps"], contracted) else 0
        for premise in step["premises"]:
            mask |= found[premise]
        for term in _terms(step["conclusion"]):
            for atom in term[0]:
                mask |= of_atom[atom]
        found.append(mask)
        yield mask


def _through(step: dict[str, Any], steps: Sequence[dict[str, Any]], contracted: set[int]) -> bool:
    """Whether a change, or an error signal, goes through the contraction of a G-var."""
    if step["rule"] == "change-linear":
        return not contracted.isdisjoint(step["conclusion"][1:3])
    return step["rule"] == "backprop" and any(
        not contracted.isdisjoint(steps[premise]["conclusion"][1:3]) for premise in step["premises"]
    )


def _terms(conclusion: list[Any]) -> list[Any]:
    """The terms of a conclusion that has any."""
    match conclusion:
        case ["C" | "J" | "D" | "K96" | "limit", _, _, list(terms), *_] | ["K100", list(terms), *_]:
            return terms
    return []


def _steps(data: dict[str, Any], ledger: _Ledger, masks: list[int]) -> tuple[Node, ...]:
    return tuple(
        Node(
            f"step-{s['id']}", str(s["id"]), s["rule"], tuple(f"step-{k}" for k in s["premises"]), ledger.told(mask),
            ledger.worst(mask),
        )
        for s, mask in zip(data["steps"], masks, strict=True)
    )  # fmt: skip


def _parts(
    data: dict[str, Any], ledger: _Ledger, masks: list[int], parts: Sequence[tuple[str, str, tuple[str, ...]]]
) -> tuple[Node, ...]:
    part_of_kind = {kind: key for key, _, kinds in parts for kind in kinds}
    steps = data["steps"]
    keys = [part_of_kind[step["conclusion"][0]] for step in steps]
    rules: dict[str, Counter[str]] = {key: Counter() for key, *_ in parts}
    rests = dict.fromkeys(rules, 0)
    premises: dict[str, set[str]] = {key: set() for key in rules}
    for step, key, mask in zip(steps, keys, masks, strict=True):
        rules[key][step["rule"]] += 1
        rests[key] |= mask
        premises[key].update(keys[k] for k in step["premises"])
    return tuple(
        Node(
            f"steps-{key}", title, ", ".join(f"{count:,} {rule}" for rule, count in rules[key].items()),
            tuple(f"steps-{other}" for other, *_ in parts if other in premises[key] and other != key),
            ledger.told(rests[key]), ledger.worst(rests[key]), rules[key].total(),
        )
        for key, title, _ in parts if rules[key]
    )  # fmt: skip


# as blocks --------------------------------------------------------------------------------------------------


def dependencies(data: dict[str, Any], parts: Sequence[tuple[str, str, tuple[str, ...]]]) -> Section:
    """The graph, what it says in a table, and how to read it."""
    found = nodes(data, parts)
    small = len(data["steps"]) <= SMALL
    text = Paragraph(
        (
            "A step rests on what it follows from, and so on back to the start: on axioms, and on assumptions "
            "that are ",
            Strong("declared"), " or ", Strong("conditional"), ". One that rests on neither kind rests on ",
            Strong(AXIOMS), ".",
            "" if small else " The steps are too many to be drawn one by one; these are the parts of the proof.",
        )
    )  # fmt: skip
    alternative = "An arrow leads from each step to those that follow from it; the table says the same."
    picture = Picture("steps", ("What follows from what, from above down.",), "figure-steps", alternative)
    table = Table(_COLUMNS, tuple(map(_row, found)), ("What each rests on, through all its premises.",), "rests-on")
    fold = Fold(("The same as a table",), (table,))
    return Section(("What rests on what",), "dependencies", (text, picture, fold if small else table))


_COLUMNS = (Column("step"), Column("rule", 0.2), Column("from", 0.2), Column("status"), Column("rests on", 0.4))


def _row(node: Node) -> TableRow:
    return TableRow(
        ((Ref(node.key, node.title),), (node.kind,), _links(node.premises), (node.status,), _names(node.rests)),
        "", node.status,
    )  # fmt: skip


def _links(keys: tuple[str, ...]) -> Inlines:
    found: list[str | Ref] = []
    for key in keys[:PREMISES_SHOWN]:
        found += [" "] if found else []
        found.append(Ref(key, key.removeprefix("step-")) if key.startswith("step-") else Ref(key))
    more = len(keys) - PREMISES_SHOWN
    return (*found, f" and {more} more") if more > 0 else tuple(found)


def _names(names: tuple[str, ...]) -> Inlines:
    return (", ".join(names),) if names else ("nothing but definitions",)
