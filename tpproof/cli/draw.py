"""`tpproof draw`: a network in the graphical notation of the paper's Figures 1 to 7."""

from __future__ import annotations

from pathlib import Path

import click

from tpproof.cli import status
from tpproof.cli.options import limits_with, network_options
from tpproof.cli.output import print_text
from tpproof.errors import TpproofError

FORMATS = ("svg", "tikz", "png", "pdf")


@click.command()
@network_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="svg", show_default=True, help="svg, so far.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not to the screen.")
@click.option("--backward", is_flag=True, help="The backward pass too (not in this version).")
@click.option("--path", "path", type=click.IntRange(0), metavar="K", help="Mark path K (not in this version).")
def draw(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    form: str,
    output: Path | None,
    backward: bool,
    path: int | None,
) -> int:
    """The reduced program of NET drawn, flowing from left to right."""
    from tpproof.certificate.files import write_atomically
    from tpproof.documents.drawing import svg
    from tpproof.language.source import load

    later = {f"--format {form}": form != "svg", "--backward": backward, f"--path {path}": path is not None}
    for option, wanted in later.items():
        if wanted:
            raise TpproofError("E141", option, "--format svg, of the forward pass")
    limits = limits_with(max_nodes)
    drawn = svg(load(net, overrides, functions, limits), limits)
    if output is None:
        print_text(drawn)
    else:
        write_atomically(output, drawn.encode())
    return status.HOLDS
