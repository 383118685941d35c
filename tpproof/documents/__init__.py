"""Documents for readers, made from a certificate's JSON value and deciding nothing."""

from __future__ import annotations

from typing import Any


def render_html(data: dict[str, Any]) -> str:
    """The proof as one self-contained page: no scripts, nothing fetched."""
    from tpproof.documents.render import html

    return html(data)


def render_latex(data: dict[str, Any]) -> str:
    """The proof as a LaTeX article that compiles by itself."""
    from tpproof.documents.render import latex

    return latex(data)
