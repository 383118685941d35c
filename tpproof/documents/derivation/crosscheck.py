"""What finite networks say, from `evidence.crosscheck`: a stranger's claim, which no checker reads."""

from __future__ import annotations

import re
import shlex
from typing import Any

from tpproof.documents.blocks import (
    Block,
    Code,
    Column,
    Fold,
    Inlines,
    Paragraph,
    Picture,
    Section,
    Strong,
    Table,
    TableRow,
)

MOST_ROWS, MOST_KINDS, MOST_NOTES, MOST_WIDTHS, MOST_ENTRIES = 40, 24, 20, 64, 6
"""What docs/certificate-format.md allows; of a longer list the rest is not printed."""
LONGEST = 400
NUMBERS = ("disagreeing", "quantities", "alpha", "detectable", "slope", "seed")
SAMPLERS = ("exact", "dense")
AGAIN = {"-D", "--set", "--max-nodes", "--max-pairs", "--seed"}
"""The options of a command that a reader is invited to run: none that writes a file or asks another machine."""
_NUMBER = re.compile(r"-?[0-9][0-9.]{0,30}(e[-+]?[0-9]{1,4})?")
VERDICTS = {
    "agrees": "agrees with the limit", "disagrees": "disagrees with the limit",
    "blind": "says nothing: its tests had no power",
}  # fmt: skip


def crosscheck(found: dict[str, Any], network_sha256: str) -> Section:
    """Verdict, kinds of quantities, the kernel's way to its limit, single tests, how to repeat it."""
    blocks: list[Block] = [_summary(found)]
    if found.get("network_sha256") != network_sha256:
        other = "It is about another network than this certificate."
        blocks.append(Paragraph((Strong(other),)))
    entries = _dicts(found.get("kernel"), MOST_ENTRIES)
    if entries:
        table = _kernel(entries, _texts(found.get("widths"), MOST_WIDTHS))
        blocks += [_picture(), Fold(("The kernel in numbers",), (table,))]
    kinds, rows = _dicts(found.get("kinds"), MOST_KINDS), _dicts(found.get("rows"), MOST_ROWS)
    blocks += [_table(*KINDS, kinds)] if kinds else []
    blocks += [Fold(("Single tests",), (_table(*ROWS, rows),))] if rows else []
    notes = _texts(found.get("notes"), MOST_NOTES)
    blocks += [Paragraph(("A note in the certificate: ", Code(note))) for note in notes]
    return Section(("Finite networks",), "crosscheck", tuple(blocks))


def _summary(found: dict[str, Any]) -> Block:
    verdict = VERDICTS.get(_text(found.get("verdict")), "has no verdict")
    partial = " It was interrupted: fewer networks were drawn than were asked for." if found.get("partial") else ""
    told = {key: _number(found.get(key)) for key in NUMBERS}
    drawn = found.get("samples")
    samples = ", ".join(map(_number, drawn[:MOST_WIDTHS] if isinstance(drawn, list) else [])) or "–"
    sampler = found.get("sampler")
    text: Inlines = (
        "A cross-check with finite networks ", Strong(verdict), f": {told['disagreeing']} of "
        f"{told['quantities']} quantities disagree, at a chance of a false alarm of "
        f"{told['alpha']} for all together. A relative error of {told['detectable']} of the "
        "kernel would have been seen nine times in ten. Fluctuations go like n to the power "
        f"{told['slope']}, where −1/2 is expected.{partial} Drawn: {samples} networks of the widths below, "
        f"by {sampler if sampler in SAMPLERS else '–'} sampling, seed {told['seed']}.",
    )  # fmt: skip
    command = _command(found.get("command"))
    again: Inlines = (" To draw the same networks again: ", Code(command)) if command else ()
    return Paragraph((*text, *again))


def _picture() -> Block:
    caption = ("How far finite networks are from the limit of the kernel, against their width.",)
    return Picture("widths", caption, "figure-widths", "The table below has the numbers.")


Columns = tuple[tuple[str, str, float], ...]

KINDS: tuple[str, str, Columns] = ("crosscheck-kinds", "What was tested.", (
    ("kind", "kind", 0.3), ("quantities", "quantities", 0), ("disagreeing", "disagree", 0),
    ("blind", "without power", 0), ("largest_z", "largest z", 0), ("slope", "exponent of n", 0),
))  # fmt: skip
ROWS: tuple[str, str, Columns] = ("crosscheck-rows", "Single tests: what disagrees, the kernel's, the largest z.", (
    ("quantity", "quantity", 0.3), ("equation", "equation", 0), ("limit", "limit", 0), ("measured", "measured", 0),
    ("se", "standard error", 0), ("z", "z", 0), ("agrees", "agrees", 0),
))  # fmt: skip


def _table(label: str, caption: str, columns: Columns, entries: list[dict[str, Any]]) -> Table:
    rows = tuple(TableRow(tuple((_text(e.get(key)),) for key, *_ in columns)) for e in entries)
    heads = tuple(Column(title, share, k > 0 and key != "equation") for k, (key, title, share) in enumerate(columns))
    return Table(heads, rows, (caption,), label)


def _kernel(entries: list[dict[str, Any]], widths: list[str]) -> Table:
    rows = []
    for entry in entries:
        measured, errors = (_texts(entry.get(key), MOST_WIDTHS) for key in ("measured", "se"))
        for n, value, se in zip(widths, measured, errors, strict=False):
            name = _text(entry.get("quantity"))
            rows.append(TableRow(((name,), (n,), (value,), (se,), (_text(entry.get("limit")),))))
    columns = (
        Column("entry", 0.3), Column("width", right=True), Column("mean", right=True),
        Column("standard error", right=True), Column("limit", right=True),
    )  # fmt: skip
    return Table(columns, tuple(rows), ("The kernel at finite widths.",), "crosscheck-kernel")


def _dicts(value: Any, most: int) -> list[dict[str, Any]]:
    return [entry for entry in value[:most] if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: Any, most: int) -> list[str]:
    return [_text(entry) for entry in value[:most]] if isinstance(value, list) else []


def _command(value: Any) -> str:
    """A command that is one of `tpproof crosscheck` and nothing else to any shell; nothing for another."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return ""
    try:
        words = shlex.split(value)
    except ValueError:
        return ""
    options = {word for word in words if word.startswith("-")}
    known = words[:2] == ["tpproof", "crosscheck"] and options <= AGAIN
    return value if known and shlex.join(words) == value else ""


def _number(value: Any) -> str:
    """A number that may stand in a sentence of ours; a dash for anything else, which could say more than a number."""
    text = str(value) if type(value) is int and abs(value) < 10**30 else value
    return text if isinstance(text, str) and _NUMBER.fullmatch(text) else "–"


def _text(value: Any) -> str:
    """What a certificate has, as short text; a dash for nothing."""
    if value is None or isinstance(value, dict | list):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:LONGEST]
