"""A page for each architecture of the zoo: ``python -m tpproof.cli.pages FOLDER [CERTIFICATES]``."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

from tpproof import zoo
from tpproof.certificate.files import staged
from tpproof.documents.diagrams import draw, svg
from tpproof.documents.zoo.page import Constant, Entry, index, page
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.program.canonical import sha256
from tpproof.zoo.notes import note

DRAWN_WITH: dict[str, dict[str, str]] = {
    "attention_untied": {"T": "2"},
    "cnn2d": {"rows": "2", "columns": "2", "taps": "2"},
    "cnn2d_flatten": {"rows": "2", "columns": "2", "taps": "2"},
    "transformer": {"T": "2"},
}
"""Constants of the smaller instances that are drawn where the certificate's network is too large to be read."""

_DECLARING = ("input", "embedding", "matrix", "bias", "readout", "output_bias")


def constants_of(text: str) -> tuple[Constant, ...]:
    """The constants that a `.tp` text begins with, up to its first declaration, and what it says about them."""
    lines, found = text.splitlines(), []
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            break
        called = {n.func.id for n in ast.walk(statement) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        if called & {*_DECLARING, "len"}:
            break
        line = lines[(statement.end_lineno or 1) - 1].encode()[statement.end_col_offset or 0 :].decode()
        value = ast.get_source_segment(text, statement.value) or ""
        found.append(Constant(statement.targets[0].id, value, line.partition("#")[2].strip()))
    return tuple(found)


def entry_of(name: str) -> Entry:
    """What the zoo says about one of its networks."""
    text, said = zoo.text(name), note(name)
    pairs = tuple(f"{key}={value}" for key, value in DRAWN_WITH.get(name, {}).items())
    source = f"{zoo.VARIANTS.get(name, (name, {}))[0]}.tp"
    entry = Entry(name, zoo.summary(name), text, source, constants_of(text), pairs)
    if said is None:
        return entry
    context = (said.about, said.look_at, said.literature, said.paper, said.others)
    return Entry(name, entry.summary, text, source, entry.constants, pairs, *context)


def certificate_of(name: str, folder: Path) -> dict[str, Any]:
    """The certificate's JSON value. Raises E100 where there is none of the network as it is today."""
    path, expected = folder / f"{name}.cert.json", "today's certificates: run make certificates first"
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
    except OSError as error:
        raise TpproofError("E100", f"{path}: {error.strerror}", expected) from None
    if data["network_sha256"] != sha256(load(f"zoo:{name}")):
        raise TpproofError("E100", f"{path}, of another network than zoo:{name}", expected)
    return data


def pages(certificates: Path) -> dict[str, bytes]:
    """Every file of the zoo's documentation, by name."""
    entries = [(entry_of(name), certificate_of(name, certificates)) for name in zoo.names()]
    made = {"README.md": index(entries)}
    for entry, data in entries:
        made[f"{entry.name}.md"] = page(entry, data)
        made[f"{entry.name}.svg"] = svg(draw(load(f"zoo:{entry.name}", DRAWN_WITH.get(entry.name))))
    return {name: text.encode() for name, text in made.items()}


def write_all(folder: Path, certificates: Path) -> None:
    """Write them all, or none."""
    with staged({folder / name: content for name, content in pages(certificates).items()}):
        pass


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "certificates"))
