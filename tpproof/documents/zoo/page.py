"""A page for each architecture of the zoo, and their index, in Markdown: made from certificates, deciding nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tpproof.documents.formula import Formula, Sum, to_latex, to_text
from tpproof.documents.kernel import Equation
from tpproof.documents.zoo.summary import Assumption, Summary, summary
from tpproof.program.canonical import from_json

ROW_LENGTH = 100
"""Characters of a sum's row, as plain text."""
LATEX_LENGTH = 12_000
"""A kernel that is longer is printed as text: code hosts give up on long mathematics."""


@dataclass(frozen=True)
class Constant:
    """A constant of the `.tp` text that -D can set."""

    name: str
    value: str
    comment: str


@dataclass(frozen=True)
class Entry:
    """What a page shows beside what the certificate says.

    Parameters
    ----------
    name, summary, text, source
        The entry, its first line, its `.tp` text, and the file that this is from.
    constants
        What -D can set.
    drawn_with
        The constants that the drawing has instead, "T=2"; none for the network of the certificate itself.
    about, look_at, literature, paper, others
        Context, in Markdown.
    """

    name: str
    summary: str
    text: str
    source: str
    constants: tuple[Constant, ...]
    drawn_with: tuple[str, ...] = ()
    about: str = ""
    look_at: str = ""
    literature: str = ""
    paper: str = ""
    others: str = ""


def page(entry: Entry, data: dict[str, Any]) -> str:
    """The page of one entry.

    Parameters
    ----------
    entry
        What the zoo says about it.
    data
        Its certificate's JSON value.
    """
    doc = summary(data)
    reasons = {status: [_row(a) for a in doc.assumptions if a.status == status] for status in _STATUSES}
    return _environment().get_template("zoo.md").render(
        entry=entry, doc=doc, gvars=_gvars(data), kernel=_kernel(doc), reasons=reasons
    )


def index(entries: Sequence[tuple[Entry, dict[str, Any]]]) -> str:
    """The table of all entries."""
    rows = [(entry, summary(data), _gvars(data)) for entry, data in entries]
    return _environment().get_template("zoo_index.md").render(rows=rows)


def _gvars(data: dict[str, Any]) -> int:
    return len(from_json(data["network"]).gvars)


_STATUSES = ("conditional", "violated")


@dataclass(frozen=True)
class _Reason:
    """A row of the ledger with its repair told apart."""

    name: str
    title: str
    reason: str
    repair: str


def _row(assumption: Assumption) -> _Reason:
    text, at, node = assumption.reason.partition(" (at instruction")
    reason, _, repair = text.partition("; repair: ")
    return _Reason(assumption.name, assumption.title, reason + at + node, repair)


# the kernel -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kernel:
    """Rows of LaTeX for an aligned environment, or of text."""

    latex: bool
    rows: tuple[str, ...]


def _kernel(doc: Summary) -> _Kernel:
    latex = [row for equation in doc.kernel for row in _latex_rows(equation)]
    if sum(map(len, latex)) <= LATEX_LENGTH:
        return _Kernel(True, tuple(latex))
    return _Kernel(False, tuple(row for equation in doc.kernel for row in _text_rows(equation)))


def _pieces(right: Formula) -> Iterator[Formula]:
    """A long sum cut between terms."""
    if not isinstance(right, Sum):
        yield right
        return
    piece: list[Formula] = []
    for term in right.terms:
        if piece and len(to_text(Sum((*piece, term)))) > ROW_LENGTH:
            yield Sum(tuple(piece))
            piece = []
        piece.append(term)
    yield Sum(tuple(piece), right.omitted)


def _latex_rows(equation: Equation) -> list[str]:
    left, right = equation
    first, *more = (to_latex(piece) for piece in _pieces(right))
    return [f"{to_latex(left)} &= {first}", *(rf"&\quad + {piece}" for piece in more)]


def _text_rows(equation: Equation) -> list[str]:
    left, right = equation
    first, *more = (to_text(piece) for piece in _pieces(right))
    return [f"{to_text(left)} = {first}", *(f"    + {piece}" for piece in more)]


# Markdown -------------------------------------------------------------------------------------------------


def escaped(text: object) -> str:
    """Any text as Markdown text, in a table too: nothing of it is markup."""
    return re.sub(r"([\\`*_~<>\[\]|#&])", r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Any text as inline code, in a table too."""
    shown = " ".join(str(text).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=False, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"escaped": escaped, "code": code, "formula": to_text}
    return environment
