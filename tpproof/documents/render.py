"""From a checked certificate to what people read: one route for every format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from tpproof.documents.derivation import document
from tpproof.documents.document import Document, Length, Notation
from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.certificate.checking import Report

FORMATS = {"html": ".html", "tex": ".tex", "fragment": ".fragment.tex", "bib": ".bib", "pdf": ".pdf"}
"""What can be made, and how its files end."""
ACCEPTED = "an accepted certificate"


@dataclass(frozen=True)
class Style:
    """How documents are written.

    Parameters
    ----------
    length
        None: the page in full, for the reviewer ("audit"); the paper as a derivation.
    notation
        Whose letters covariances and kernels have.
    templates
        A folder whose ``html/*`` and ``latex/*`` go before the templates of the same name that tpproof has.
    """

    length: Length | None = None
    notation: Notation = "yang"
    templates: Path | None = None


class Renderer:
    """The documents of one certificate; those of one length are thought out once.

    Parameters
    ----------
    content
        The certificate's bytes.
    report
        The independent checker's answer on these bytes; None where nobody asked. A page says what it is; a paper, which
        says that the checker followed every step, there is only of a certificate that is right.
    style
        How they are written.
    """

    def __init__(self, content: bytes, report: Report | None, style: Style | None = None) -> None:
        self.content, self.report = content, report
        self.style = style or Style()
        with self._blamed():
            self.data: dict[str, Any] = json.loads(content)
        self.document = lru_cache(maxsize=None)(self._document)

    def _document(self, length: Length) -> Document:
        return document(self.data, length=self.style.length or length, notation=self.style.notation)

    def content_of(self, form: str) -> bytes:
        """One document.

        Parameters
        ----------
        form
            A key of `FORMATS`.

        Raises
        ------
        TpproofError
            E170 or E171 where LaTeX is missing or fails; E176 for a template of the user's that does not work; E177
            for a paper of a certificate that the checker did not accept.
        """
        with self._blamed():
            return _MAKERS[form](self)

    @property
    def _right(self) -> bool:
        """Whether the checker found these very bytes right."""
        return self.report is not None and self.report.is_about(self.content) and self.report.is_right

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Whatever goes wrong with a certificate that is not right, or with a user's template, is theirs."""
        try:
            yield
        except TpproofError:
            raise
        except Exception as error:
            if not self._right:
                raise TpproofError("E177", f"no text can be made of it: {_said(error)}", ACCEPTED) from error
            if self.style.templates is None:
                raise
            raise TpproofError("E176", _said(error), "a Jinja2 template; see docs/documents.md") from error

    def _templates(self, room: str) -> Path | None:
        return None if self.style.templates is None else self.style.templates / room

    def _paper(self) -> Document:
        """The text of a paper. Raises E177 where the checker did not find these very bytes right."""
        if self._right:
            return self.document("derivation")
        if self.report is None or not self.report.is_about(self.content):
            raise TpproofError("E177", "no answer of the checker about this certificate", ACCEPTED)
        errors = "; ".join(f"expected {e['expected']}, found {e['found']}" for e in self.report.errors)
        raise TpproofError("E177", f"{self.report.verdict}: {errors}"[:500], ACCEPTED)

    def html(self) -> str:
        """The page."""
        from tpproof.documents.html import html_page

        return html_page(self.document("audit"), self.data, self.content, self.report, self._templates("html"))

    def summary(self) -> str:
        """Verdict, theorem and kernel, as notebooks show them."""
        from tpproof.documents.html import html_summary

        with self._blamed():
            return html_summary(self.document("theorem"), self.report, self._templates("html"))

    def article(self) -> str:
        """The paper."""
        from tpproof.documents.latex import article

        return article(self._paper(), self.data, self._templates("latex"))

    def fragment(self) -> str:
        """The paper's text, for somebody's article."""
        from tpproof.documents.latex import fragment

        return fragment(self._paper(), self.data, self._templates("latex"))

    def bibliography(self) -> str:
        """BibTeX entries of the certificate and of what it rests on."""
        from tpproof.documents.latex import bibliography

        return bibliography(self._paper())

    def pdf(self) -> bytes:
        """The paper, typeset."""
        from tpproof.documents.latex import pdf

        return pdf(self.article(), self.bibliography())


def _said(error: Exception) -> str:
    """What Jinja2, or Python in a template, says, and where."""
    place = f"{error.filename or error.name}, line {error.lineno}: " if isinstance(error, TemplateSyntaxError) else ""
    return f"{place}{error or type(error).__name__}"[:500]


_MAKERS: dict[str, Callable[[Renderer], bytes]] = {
    "html": lambda r: r.html().encode(),
    "tex": lambda r: r.article().encode(),
    "fragment": lambda r: r.fragment().encode(),
    "bib": lambda r: r.bibliography().encode(),
    "pdf": lambda r: r.pdf(),
}
