"""The paper: a fragment for somebody's article, an article of its own, entries for a bibliography."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from tpproof.documents.document import Document
from tpproof.documents.latex.environment import environment
from tpproof.documents.latex.inline import lines
from tpproof.documents.latex.labels import prefix
from tpproof.documents.latex.pictures import Pictures
from tpproof.documents.latex.seal import digest, seal
from tpproof.documents.tex.compile import compile_pdf
from tpproof.documents.tex.text import Tex
from tpproof.errors import TpproofError

SEALED = ("theorem", "proposition", "lemma", "claim", "definition")
"""Statements whose later edit is noticed."""


def fragment(document: Document, data: dict[str, Any], templates: Path | None = None) -> str:
    r"""The document to be ``\input`` into an article, in one column or two; several of them live side by side.

    Parameters
    ----------
    document
        What to print.
    data
        The certificate's JSON value, which pictures are drawn from.
    templates
        A folder whose files go before the templates of the same name that tpproof has.

    Raises
    ------
    TpproofError
        E176 for a template of the user's that does not work.
    """
    return _render("fragment.tex", document, data, templates)


def article(document: Document, data: dict[str, Any], templates: Path | None = None) -> str:
    """The document as an article that compiles by itself; parameters as for `fragment`."""
    return _render("article.tex", document, data, templates)


def preamble() -> str:
    """The packages that an article with fragments loads."""
    return environment().get_template("packages.tex").render()


def bibliography(*documents: Document, templates: Path | None = None) -> str:
    """BibTeX entries: the paper whose proof is checked, tpproof, and each certificate."""
    return _filled("bibliography.bib", templates, entries=[(Tex(prefix(d)), d) for d in documents])


def pdf(article_tex: str, bib: str = "") -> bytes:
    """The article as a PDF; an article of one's own templates may read ``tpproof.bib``.

    Raises
    ------
    TpproofError
        E170 where LaTeX is not installed, E171 with its first error.
    """
    return compile_pdf(article_tex, files={"tpproof.bib": bib.encode()})


def _render(name: str, document: Document, data: dict[str, Any], templates: Path | None) -> str:
    verdict, certificate = _letters(document.verdict), _letters(document.certificate_sha256)

    def sealed(body: str) -> Tex:
        return seal(body, verdict, certificate)

    printed = lines(document)
    text = _filled(
        name, templates, doc=document, prefix=Tex(prefix(document)), lines=printed,
        pictures=Pictures(data, printed, templates), sealed=SEALED, seal=sealed, verdict=Tex(verdict),
        certificate=Tex(certificate), status_digest=Tex(digest("", verdict, certificate)),
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text)


def _filled(name: str, templates: Path | None, **values: object) -> str:
    try:
        return environment(templates).get_template(name).render(values)
    except TemplateError as error:
        line = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise TpproofError("E176", f"{name}{line}: {error.message}"[:500], "a Jinja2 template") from error


def _letters(text: str) -> str:
    """A verdict or a hash: what it may consist of."""
    return re.sub("[^A-Za-z0-9-]", "", text)[:64]
