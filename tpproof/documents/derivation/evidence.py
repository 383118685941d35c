"""Numbers and accounts that stand outside the proof."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tpproof.documents.blocks import Block, Cite, Code, Column, Inlines, Paragraph, Section, Table, TableRow
from tpproof.documents.derivation.crosscheck import crosscheck
from tpproof.documents.derivation.reading import Reading

TEXT_LENGTH = 2000
ROWS_SHOWN = 40
KNOWN = ("crosscheck", "failures", "machine", "name", "path_pairs", "path_pairs_hex", "version")


def numbers(r: Reading) -> Section:
    """What the certificate's `evidence` holds; the checker does not read it."""
    blocks: list[Block] = [
        Paragraph(
            (
                "The checker does not read this part of the certificate: it is the word of whoever wrote it, and "
                "nothing in the other sections rests on it.",
            )
        )
    ]
    if not r.refused:
        blocks.append(
            Paragraph(
                (
                    "Pairs of isomorphic paths (Definition 5.5) that end where outputs read, each counted once: "
                    f"{_pairs(r.evidence)}.",
                    *_machine(r),
                )
            )
        )
    failures = r.evidence.get("failures")
    if isinstance(failures, list) and failures:
        blocks.append(_failures(failures))
    finite = r.evidence.get("crosscheck")
    if isinstance(finite, dict):
        blocks.append(crosscheck(finite, str(r.data["network_sha256"])))
    added = {key: value for key, value in r.evidence.items() if key not in KNOWN}
    if added:
        blocks.append(_added(added))
    return Section(("Evidence, not proof",), "numbers", tuple(blocks))


def _pairs(evidence: dict[str, Any]) -> str:
    """The number, in full where it is short; what is no number is no part of our sentence."""
    written, as_hex = evidence.get("path_pairs"), evidence.get("path_pairs_hex")
    if isinstance(written, str) and re.fullmatch("[0-9]{1,60}", written):
        return written
    if isinstance(as_hex, str) and re.fullmatch("0x[0-9a-f]+", as_hex):
        return f"about 2^{4 * (len(as_hex) - 2)}"
    return "no number is given"


def _machine(r: Reading) -> Inlines:
    if r.evidence.get("machine") is not True:
        return ()
    return (
        " The abstract machine, which executes backpropagation and one unrolled step without pairs, found the same "
        "kernel ",
        Cite("(100)"), " and the same ", Cite("(122)"), ", term by term.",
    )  # fmt: skip


def _failures(failures: list[Any]) -> Block:
    rows = tuple(
        TableRow(tuple((str(f.get(key, ""))[:TEXT_LENGTH],) for key in ("equation", "gvar", "expected", "found")),
        f"failure-{k}")
        for k, f in enumerate(failures[:ROWS_SHOWN]) if isinstance(f, dict)
    )  # fmt: skip
    columns = (Column("equation", 0.12), Column("at", 0.13), Column("as the paper has it", 0.3), Column("found", 0.45))
    caption = ("Where the paper's equations fail, in the prover's words.",)
    return Table(columns, rows, caption, "failures", max(0, len(failures) - ROWS_SHOWN), len(rows))


def _added(added: dict[str, Any]) -> Block:
    """The first entries; of millions of others no more is made than their count."""
    first = heapq.nsmallest(ROWS_SHOWN, added)
    rows = tuple(islice((row for key in first for row in _entries(key, added[key])), ROWS_SHOWN))
    omitted = sum(len(_members(value)) for value in added.values()) - len(rows)
    columns = (Column("entry", 0.25), Column("value", 0.75))
    return Table(columns, rows, ("Numbers that were added to the certificate.",), "evidence", omitted, len(rows))


def _members(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else [value]


def _entries(key: str, value: Any) -> Iterator[TableRow]:
    """A row for each member of a list, one for anything else."""
    members = _members(value)
    for k, member in enumerate(members):
        label = key[:80] if len(members) == 1 else f"{key[:80]} {k}"
        yield TableRow(((Code(label),), (_shown(member),)))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{k}: {v if isinstance(v, str) else json.dumps(v)}" for k, v in value.items())
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return text[:TEXT_LENGTH]
