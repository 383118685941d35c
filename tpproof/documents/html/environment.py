"""Jinja2, set up so that everything is escaped and nothing missing goes unnoticed."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from tpproof.documents.beside import beside
from tpproof.documents.charts.dependencies import path
from tpproof.documents.formula import Formula, to_mathml, to_mathml_lines


def environment(templates: Path | None) -> Environment:
    """The page's templates; those of the same name in a folder of the user's go first."""
    own: list[BaseLoader] = [FileSystemLoader(templates)] if templates is not None else []
    return _environment(ChoiceLoader([*own, PackageLoader("tpproof.documents", "templates/html")]))


@lru_cache(maxsize=4)
def _environment(loader: BaseLoader) -> Environment:
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"beside": beside}
    found.filters |= {"kind": _kind, "mathml": _mathml, "lines": _lines, "slug": _slug, "relation": _relation}
    found.filters |= {"path": path}
    return found


def _kind(value: object) -> str:
    """The class of a block or of a part of a line; "Formula" for every formula."""
    if isinstance(value, Formula):
        return "Formula"
    return type(value).__name__


def _mathml(formula: Formula) -> Markup:
    return Markup(to_mathml(formula))  # every name in it is escaped by the printer


def _lines(formula: Formula) -> Markup:
    return Markup(to_mathml_lines(formula))


def _relation(text: str) -> Markup:
    """The relation of a line."""
    return Markup('<math><mo form="infix">{}</mo></math>').format(text)


def _slug(text: str) -> str:
    """Words of a class attribute."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower())
