"""`tpproof crosscheck`: finite networks against the limit, equation by equation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tpproof.cli import status
from tpproof.cli.options import json_option, limits_with, network_options
from tpproof.cli.output import block_bar, escaped, print_json, print_text, progress, report
from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.numerics.crosscheck.verdict.report import CrossCheck

FIGURES = ("deviation", "trajectories", "kernel")


def _widths(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    parts = [part.strip() for part in given.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and 0 < int(part) < 10**12 for part in parts):
        raise click.BadParameter(f"{given[:60]!r}: expected widths like 256,1024,4096", context, parameter)
    return tuple(sorted({int(part) for part in parts}))


@click.command()
@network_options
@click.option("--inputs", type=click.Path(path_type=Path), metavar="X.npy", help="ξ̃ and training inputs; generic ones.")
@click.option("--widths", callback=_widths, metavar="N,N,…", help="As the size of the network leaves time for.")
@click.option("--samples", type=click.IntRange(2, 10**6), metavar="M", help="Networks of each width.")
@click.option("--sampler", type=click.Choice(["exact", "dense"]), default="exact", show_default=True)
@click.option("--backend", type=click.Choice(["auto", "numpy", "cupy"]), default="auto", show_default=True)
@click.option("--steps", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of SGD.")
@click.option("--rate", type=float, metavar="R", help="Learning rate; half of what the limit can take.")
@click.option("--alpha", type=float, default=1e-4, show_default=True, help="Chance of a false alarm, in all.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1, 4096), metavar="P", help="Processes; one a core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Compute on a Dask cluster.")
@click.option("--journal", type=click.Path(path_type=Path), metavar="FILE", help="Keep what is done; go on from it.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write table, JSON, CSV and figures.")
@click.option("--full", is_flag=True, help="Every quantity, not only those that deviate most.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Allow N vector pairs.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@json_option
def crosscheck(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    inputs: Path | None,
    widths: tuple[int, ...] | None,
    samples: int | None,
    sampler: str,
    backend: str,
    steps: int,
    rate: float | None,
    alpha: float,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    journal: Path | None,
    out: Path | None,
    full: bool,
    max_pairs: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train networks of finite width and compare each link of the proof of NET with its limit.

    Exit status 0: they agree, in tests that had power; 1: they do not; 3: the tests had no power. Ctrl-C gives the
    table of what was done; with --journal the same command goes on from there.
    """
    from tpproof.language.source import load
    from tpproof.numerics.gram.given import Refused
    from tpproof.numerics.gram.inputs import read_inputs

    limits = limits_with(max_nodes, max_pairs)
    program = load(net, overrides, functions, limits)
    if out is not None:
        _require_folder(out)  # before hours of work, not after
    data = None if inputs is None else read_inputs(inputs, program.inputs, limits)
    options: dict[str, Any] = {"widths": widths, "samples": samples, "sampler": sampler, "backend": backend}
    options |= {"steps": steps, "rate": rate, "alpha": alpha, "seed": seed}
    options |= {"workers": workers, "scheduler": scheduler, "journal": journal}
    try:
        check = watched(program, data, quiet, limits=limits, **options)
    except Refused as error:
        click.echo(report(error), err=True)
        return status.NOTHING_CLAIMED if "refused" in error.found.split("(", 1)[0] else status.DOES_NOT_HOLD
    if not as_json:
        _print(check, full)
    files = {} if out is None else _written(check, out, quiet)
    if as_json:
        print_json({**check.to_json(), "files": {kind: str(path) for kind, path in files.items()}})
    else:
        for path in files.values():
            print_text(escaped(str(path)))
    return status_of(check)


def _require_folder(out: Path) -> None:
    """Make the folder, or raise E140."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TpproofError("E140", f"{out}: {error.strerror}", "a folder that can be written to") from None


def watched(net: Any, data: Any, quiet: bool, **options: Any) -> CrossCheck:
    """A cross-check of a program, or of a proof, with a spinner for the limit and a bar for the networks."""
    from tpproof.numerics.crosscheck.crosscheck import against, expected

    with progress(quiet) as say:
        mine = {key: options.pop(key) for key in ("steps", "rate", "limits") if key in options}
        side = expected(net, data, say=say, **mine)
    with block_bar(quiet, "networks") as bar:
        return against(side, progress=bar, **options)


def status_of(check: CrossCheck) -> int:
    """0 it agrees, 1 it does not, 3 nothing is claimed; 130 where Ctrl-C came before the end."""
    from tpproof.numerics.crosscheck.verdict.statistics import Verdict

    if check.verdict is Verdict.DISAGREES:
        return status.DOES_NOT_HOLD
    if check.partial:
        return status.INTERRUPTED
    return status.HOLDS if check.verdict is Verdict.AGREES else status.NOTHING_CLAIMED


def _print(check: CrossCheck, full: bool) -> None:
    import sys

    from rich.console import Console

    if sys.stdout.isatty():
        Console().print(check.table(full))
    else:
        print_text(check.to_text(full))


def _written(check: CrossCheck, out: Path, quiet: bool) -> dict[str, Path]:
    """Files of one cross-check, each under its name when it is whole."""
    from tpproof.certificate.files import staged

    stem = "".join(c if c.isalnum() or c in "_-." else "_" for c in check.name)[:80] or "network"
    makers: dict[str, Callable[[], bytes]] = {
        "json": lambda: json.dumps(check.to_json(), indent=1).encode() + b"\n",
        "csv": lambda: check.to_csv().encode(),
        "txt": lambda: check.to_text(True).encode(),
    }
    paths = {kind: out / f"{stem}.crosscheck.{kind}" for kind in makers}
    with staged({paths[kind]: make() for kind, make in makers.items()}):
        pass
    return {**paths, **_figures(check, out, stem, quiet)}


def _figures(check: CrossCheck, out: Path, stem: str, quiet: bool) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for kind in FIGURES:
        path = out / f"{stem}.{kind}.svg"
        try:
            check.plot(kind, path)
        except TpproofError as error:
            if error.code == "E141" and not quiet:  # without matplotlib: the numbers are written all the same
                click.echo(report(error), err=True)
                break
            if error.code != "E160":  # nothing of this kind to draw
                raise
        else:
            found[kind] = path
    return found
