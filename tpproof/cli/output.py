"""Results to standard output, progress to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from tpproof.errors import TpproofError


def escaped(text: str, keep: str = "") -> str:
    """A name as it may be shown: what would steer a terminal, or forge a line, is written as Python writes it."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def report(error: TpproofError) -> str:
    """What a user reads of an error. It may quote file names and texts of strangers."""
    place = error.place
    if place is not None:
        place = replace(place, file=escaped(place.file), text=escaped(place.text, "\t"))
    found, expected = escaped(error.found), escaped(error.expected)
    suggestion = None if error.suggestion is None else escaped(error.suggestion)
    return TpproofError(error.code, found, expected, place, suggestion).report()


def print_text(text: str) -> None:
    """A result. Characters that the terminal cannot show are replaced, never fatal."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding).rstrip("\n"))


def print_json(value: dict[str, Any]) -> None:
    """One JSON object. Counts are integers, exact, however large."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        click.echo(json.dumps(value, ensure_ascii=True))
    finally:
        sys.set_int_max_str_digits(before)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A spinner with the stage that runs; none when standard error is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the network", total=None)
        yield lambda stage: bar.update(task, description=stage)


def aligned(rows: Sequence[tuple[str, ...]], indent: str = "  ") -> list[str]:
    """Rows as columns; the last column is free."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append((indent + "  ".join([*cells, row[-1]])).rstrip())
    return lines


@contextmanager
def block_bar(quiet: bool, description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work in blocks, told how many are done of how many; none when standard error is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
