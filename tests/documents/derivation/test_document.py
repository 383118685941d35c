"""A document from every certificate of the zoo: complete, in order, and naming only what exists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tpproof.documents.blocks import Display, Section
from tpproof.documents.derivation import document
from tpproof.documents.document import LENGTHS, NOTATIONS

SHIPPED = Path(__file__).parents[3] / "certificates"
NAMES = sorted(path.name.removesuffix(".cert.json") for path in SHIPPED.glob("*.cert.json"))
ORDER = [
    "theorem", "not-said", "assumptions", "program", "limit", "backward", "base", "induction", "contraction", "paths",
    "proposition", "claim", "kernel", "audit", "rules", "numbers", "reading",
]  # fmt: skip
LENGTH_ONLY = {"theorem": {"theorem", "not-said", "assumptions", "kernel", "reading"}}


@lru_cache(maxsize=64)
def shipped(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SHIPPED / f"{name}.cert.json").read_bytes())
    return data


def blocks_of(value: Any) -> Iterator[Any]:
    """Every block and inline part of a document, at any depth."""
    if isinstance(value, tuple):
        for part in value:
            yield from blocks_of(part)
    elif hasattr(value, "__dataclass_fields__"):
        yield value
        for name in value.__dataclass_fields__:
            yield from blocks_of(getattr(value, name))


@pytest.mark.parametrize("name", NAMES)
def test_every_network_of_the_zoo_has_a_document_in_every_length_and_notation(name: str) -> None:
    data = shipped(name)
    for length in LENGTHS:
        for notation in NOTATIONS:
            doc = document(data, length=length, notation=notation)
            labels = [s.label for s in doc.sections]
            assert labels == [label for label in ORDER if label in labels]
            if length == "theorem":
                assert set(labels) <= LENGTH_ONLY["theorem"]
            assert {"theorem", "not-said", "assumptions", "reading"} <= set(labels)
            assert ("kernel" in labels) == (data["verdict"] != "refused")


@pytest.mark.parametrize("name", NAMES)
def test_every_step_that_a_display_states_exists(name: str) -> None:
    data = shipped(name)
    sections = document(data).sections
    stated = [step for d in blocks_of(sections) if isinstance(d, Display) for line in d.lines for step in line.steps]
    assert all(0 <= step < len(data["steps"]) for step in stated)
    assert bool(stated) == bool(data["steps"])
    assert all(isinstance(s, Section) for s in sections)
