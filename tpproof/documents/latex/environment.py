"""The templates, and the filters that they print blocks with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from tpproof.documents.beside import beside
from tpproof.documents.blocks import Block, Display, Paragraph
from tpproof.documents.latex import tables
from tpproof.documents.latex.labels import label_key
from tpproof.documents.latex.mathematics import display, math, symbols
from tpproof.documents.tex.text import Tex, bookmark, escape


@lru_cache(maxsize=8)
def environment(templates: Path | None = None) -> SandboxedEnvironment:
    """The templates; those of the same name in a folder of the user's go first."""
    own = PackageLoader("tpproof.documents", "templates/latex")
    loader: BaseLoader = own if templates is None else ChoiceLoader([FileSystemLoader(templates), own])
    made = SandboxedEnvironment(
        loader=loader, autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, block_start_string="<%", block_end_string="%>", variable_start_string="<<",
        variable_end_string=">>", comment_start_string="<#", comment_end_string="#>", finalize=escape,
    )  # fmt: skip
    made.filters |= {
        "beside": beside,
        "kind": lambda block: type(block).__name__, "tex": Tex, "trim": str.strip, "math": math, "display": display,
        "relation": symbols, "bookmark": bookmark, "key": label_key, "field": in_braces, "begins": begins_paragraph,
        "shares": tables.shares, "longest": tables.longest, "pieces": tables.pieces,
    }  # fmt: skip
    return made


def in_braces(text: object) -> Tex:
    """Any text as part of a field of BibTeX, which counts escaped braces too."""
    return Tex(escape(text).replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}"))


def begins_paragraph(block: Block, before: Block | None) -> bool:
    """Whether a block is no continuation of the sentence before: a display in it, or what follows a display."""
    if isinstance(block, Display):
        return not isinstance(before, (Paragraph, Display))
    if isinstance(block, Paragraph) and isinstance(before, Display):
        first = block.parts[0] if block.parts else ""
        return not isinstance(first, str) or first[:1].isupper()
    return True
