"""The page, and the few lines that notebooks show."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tpproof.certificate.checking import Report
from tpproof.documents.blocks import Block, Line, Picture, Ref, Section, Table
from tpproof.documents.document import Document
from tpproof.documents.html.banner import banner, command, stem, verdict
from tpproof.documents.html.embedded import embedded
from tpproof.documents.html.environment import environment
from tpproof.documents.html.hidden import shown
from tpproof.documents.html.labels import Labels, Target
from tpproof.documents.html.pictures import Pictures

STEPS_SHOWN = 4
"""Steps that one line of a display links to; further ones are counted."""
SUMMARY = ("theorem", "kernel")


def html_page(
    document: Document,
    data: dict[str, Any],
    certificate_bytes: bytes,
    report: Report | None,
    templates: Path | None = None,
) -> str:
    """The whole document as one file: no script, nothing fetched, the certificate inside.

    Parameters
    ----------
    document
        What is printed.
    data
        The certificate's JSON value, from which the document was made.
    certificate_bytes
        The certificate as it was checked.
    report
        The independent checker's answer on those bytes; None says loudly that nobody checked them.
    templates
        A folder whose files take the place of the package's of the same name.
    """
    name = stem(document.name)
    inside = embedded(certificate_bytes, name)
    return shown(
        environment(templates)
        .get_template("page.html")
        .render(
            document=document,
            banner=banner(document, data, certificate_bytes, report),
            embedded=inside,
            certificate_sha256=hashlib.sha256(certificate_bytes).hexdigest(),
            command=command(document, f"{name}.cert.json"),
            page=Printer(document, Pictures(data, environment(templates))),
        )
    )


def html_summary(document: Document, report: Report | None, templates: Path | None = None) -> str:
    """Verdict, theorem and kernel as a fragment for a notebook: no ids, no style that reaches beyond it."""
    parts = [section for section in document.sections if section.label in SUMMARY]
    return shown(
        environment(templates)
        .get_template("summary.html")
        .render(document=document, banner=verdict(document, report), parts=parts, page=Printer(document, None))
    )


class Printer:
    """What the templates ask about a document's blocks."""

    def __init__(self, document: Document, pictures: Pictures | None) -> None:
        self.labels = Labels(document)
        self.pictures = pictures
        self.anchors = pictures is not None  # a fragment has none: its ids would clash with its neighbours'
        self._printed = frozenset(self.labels.ids())

    def name(self, block: Block) -> str:
        """ "Theorem 1", "Table 2", or nothing."""
        return self.labels.name(block)

    def number(self, section: Section) -> str:
        """A section's number."""
        return self.labels.name(section).removeprefix("Section ")

    def target(self, ref: Ref) -> Target:
        """Where a reference leads."""
        found = self.labels.target(ref)
        return found if self.anchors else Target(found.text, False)

    def steps(self, line: Line) -> Markup:
        """Links to the steps that a line states, unless its note has them."""
        ids = sorted(line.steps)
        if not ids or any(isinstance(part, Ref) and part.target.startswith("step-") for part in line.note):
            return Markup("")
        found = []
        for k in ids[:STEPS_SHOWN]:
            there = self.anchors and f"step-{k}" in self._printed
            found.append(Markup('<a href="#step-{0}">{0}</a>').format(k) if there else Markup(str(int(k))))
        more = f" and {len(ids) - STEPS_SHOWN} more" if len(ids) > STEPS_SHOWN else ""
        return Markup("step " if len(ids) == 1 else "steps ") + Markup(", ").join(found) + more

    def picture(self, picture: Picture) -> Markup:
        """The drawing, or nothing where there is none."""
        return Markup(self.pictures.draw(picture.name)) if self.pictures is not None else Markup("")

    def pairs(self, table: Table) -> dict[str, int]:
        """The rows of a table that are pairs of paths which the drawing can show."""
        if self.pictures is None or not table.rows or not table.rows[0].label.startswith("pair-"):
            return {}
        drawn = self.pictures.drawn_pairs()
        rows = {row.label: int(row.label.removeprefix("pair-")) for row in table.rows if row.label}
        return {label: k for label, k in rows.items() if k in drawn}

    def picker(self, table: Table) -> Markup:
        """The drawing in which a chosen pair of paths is shown."""
        chosen = self.pairs(table).values()
        return Markup(self.pictures.picker(chosen)) if self.pictures is not None else Markup("")

    def overlays(self) -> tuple[int, ...]:
        """The pairs of paths that the page's style shows when they are chosen."""
        drawn = self.pictures.drawn_pairs() if self.pictures is not None else ()
        return tuple(k for k in sorted(drawn) if f"pair-{k}" in self._printed)
