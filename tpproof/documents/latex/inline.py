"""What stands inside a line."""

from __future__ import annotations

from dataclasses import dataclass

from tpproof.documents.blocks import Cite, Code, Inline, Inlines, Ref, Strong
from tpproof.documents.document import Document
from tpproof.documents.formula import to_text
from tpproof.documents.latex.labels import prefix, printed_labels, reference
from tpproof.documents.latex.mathematics import math
from tpproof.documents.latex.tables import CODE_PIECE
from tpproof.documents.tex.text import Tex, bookmark, escape


@dataclass(frozen=True)
class Lines:
    """Prints what stands inside a line of one document."""

    prefix: str
    printed: dict[str, str]

    def tex(self, parts: Inlines) -> Tex:
        """Prose with formulas, references, names and sources."""
        return Tex("".join(self._part(part) for part in parts))

    def link(self, target: str, text: str) -> Tex:
        """A text that leads to its target, where that is printed."""
        return reference(self.prefix, self.printed, target, text)

    def title(self, parts: Inlines) -> Tex:
        """A heading, with what a viewer's list of sections shows of it."""
        plain = " ".join(_plain(part) for part in parts)
        tex = self.tex(parts)
        return tex if tex == plain else Tex(f"\\texorpdfstring{{{tex}}}{{{bookmark(plain)}}}")

    def _part(self, part: Inline) -> Tex:
        match part:
            case str():
                return escape(part)
            case Code():
                return Tex(f"\\tppcode{{{escape(part.text, CODE_PIECE)}}}")
            case Strong():
                return Tex(f"\\textbf{{{escape(part.text)}}}")
            case Cite():
                return Tex(f"\\tppcite{{{escape(part.place)}}}")
            case Ref():
                return reference(self.prefix, self.printed, part.target, part.text)
        return Tex(f"${math(part)}$")


def lines(document: Document) -> Lines:
    """The printer of a document's lines."""
    return Lines(prefix(document), printed_labels(document))


def _plain(part: Inline) -> str:
    match part:
        case str():
            return part
        case Code() | Strong():
            return part.text
        case Cite():
            return part.place
        case Ref():
            return part.text or part.target
    return to_text(part)
