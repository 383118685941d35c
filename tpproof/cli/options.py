"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from tpproof.limits import DEFAULT, Limits

F = TypeVar("F", bound=Callable[..., Any])

_PAIR = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.+)\Z", re.DOTALL)


def _pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        match = _PAIR.match(text)
        if match is None:
            raise click.BadParameter(f"{text[:60]!r}: expected name=value", context, parameter)
        if match["key"] in found:
            raise click.BadParameter(f"{match['key']} is given twice", context, parameter)
        found[match["key"]] = match["value"]
    return found


def network_options(command: F) -> F:
    """NET, -D, --set, --max-nodes."""
    for option in (
        click.option("--max-nodes", type=click.IntRange(1), metavar="N", help="Allow networks of N instructions."),
        click.option("--set", "functions", multiple=True, callback=_pairs, metavar="phi=erf",
                     help="Make a declared nonlinearity a known one."),
        click.option("-D", "overrides", multiple=True, callback=_pairs, metavar="k=v",
                     help="Give a constant of the .tp text another value."),
        click.argument("net"),
    ):  # fmt: skip
        command = option(command)
    return command


def document_options(command: F) -> F:
    """--length, --notation, --templates, together `style`."""
    for option in (
        click.option("--templates", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
                     help="Its html/* and latex/* go before tpproof's templates of the same name."),
        click.option("--notation", type=click.Choice(["yang", "jacot", "lee"]), default="yang", show_default=True,
                     help="Whose letters covariances and kernels have."),
        click.option("--length", type=click.Choice(["theorem", "derivation", "audit"]),
                     help="Of documents.  [default: audit for html, derivation for the others]"),
    ):  # fmt: skip
        command = option(command)
    return command


def formats_of(context: click.Context, parameter: click.Parameter, given: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names separated by commas, each known, each once; raise E170 for pdf where there is no LaTeX."""
    wanted = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    wrong = [name for name in wanted if name not in known]
    if wrong or not wanted:
        found = f"{wrong[0][:60]!r}" if wrong else "none"
        raise click.BadParameter(f"{found}: expected some of {', '.join(known)}", context, parameter)
    if "pdf" in wanted:
        from tpproof.documents.tex.compile import require_latex

        require_latex()
    return wanted


def json_option(command: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def limits_with(max_nodes: int | None, max_pairs: int | None = None) -> Limits:
    """The limits that a user raised."""
    raised = {"nodes": max_nodes, "pairs": max_pairs}
    return replace(DEFAULT, **{key: value for key, value in raised.items() if value is not None})
