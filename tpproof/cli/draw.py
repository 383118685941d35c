"""`tpproof draw`: a network in the graphical notation of the paper's Figures 1 to 7."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpproof.cli import status
from tpproof.cli.options import limits_with, network_options
from tpproof.cli.output import print_text
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from tpproof.documents.diagrams import Drawing, Pair
    from tpproof.program.model import Program

FORMATS = ("svg", "tikz", "png", "pdf")
ENDINGS = {".svg": "svg", ".tikz": "tikz", ".tex": "tikz", ".png": "png", ".pdf": "pdf"}


@click.command()
@network_options
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: what FILE's ending says, or svg.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not to the screen.")
@click.option("--backward", is_flag=True, help="The backward pass too, as in Figure 6.")
@click.option("--unrolled", is_flag=True, help="The first step of SGD, as in Algorithm 1 and Figure 7.")
@click.option("--path", "path", type=click.IntRange(0), metavar="K", help="Mark the path pair K, counted from 0.")
def draw(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    form: str | None,
    output: Path | None,
    backward: bool,
    unrolled: bool,
    path: int | None,
) -> int:
    """The reduced program of NET drawn, flowing from left to right; repetition is folded above 200 symbols."""
    from tpproof.certificate.files import write_atomically
    from tpproof.language.source import load

    if unrolled and (backward or path is not None):
        raise click.UsageError("--unrolled stands alone: it has a backward pass, and paths belong to the program")
    limits = limits_with(max_nodes)
    form = form or (ENDINGS.get(output.suffix.lower(), "svg") if output is not None else "svg")
    view = "unrolled" if unrolled else "backward" if backward else "program"
    printed = drawn(load(net, overrides, functions, limits), view, path, form, limits)
    if output is not None:
        write_atomically(output, printed)
    elif form in ("svg", "tikz"):
        print_text(printed.decode())
    elif sys.stdout.isatty():
        raise click.UsageError(f"{form} is for no terminal: -o FILE")
    else:
        sys.stdout.buffer.write(printed)
    return status.HOLDS


def drawn(program: Program, view: str, path: int | None, form: str, limits: Limits = DEFAULT) -> bytes:
    """A program drawn: "program", "backward" or "unrolled", with a path pair marked."""
    from tpproof.documents import diagrams

    pair = None if path is None else _pair(program, path, limits)
    drawing = _drawing(program, view, limits)
    match form:
        case "svg":
            return diagrams.svg(drawing, () if pair is None else (pair,), shown=path).encode()
        case "tikz":
            return diagrams.tikz(drawing, pair).encode()
        case "png":
            return diagrams.as_png(drawing, pair)
    return diagrams.as_pdf(drawing, pair)


def _drawing(program: Program, view: str, limits: Limits) -> Drawing:
    from tpproof.documents import diagrams

    if view != "unrolled":
        return diagrams.draw(program, view, limits)
    from tpproof.cli.unrolled import instructions

    return diagrams.draw_listing(program.name, instructions(program, limits), limits)


def _pair(program: Program, index: int, limits: Limits) -> Pair:
    """The pair of that number in the order of a certificate's `listed` steps."""
    from tpproof.documents.diagrams import Pair
    from tpproof.paths.count import PathSpace, count
    from tpproof.paths.listing import output_pairs_listed

    most = limits.listed_paths
    if (total := count(program, limits)) > most:
        raise TpproofError("E104", f"{total} path pairs", f"at most {most} to number them; -D makes a smaller network")
    space = PathSpace(program, limits)
    numbers = range(len(program.outputs))
    found = [pair for o in numbers for p in numbers for pair in output_pairs_listed(space, o, p, most)]
    if index >= len(found):
        raise TpproofError("E173", f"--path {index}", f"0 to {len(found) - 1}" if found else "a network that has some")
    p, q = found[index]
    return Pair(index, p, q)
