"""`tpproof kernel`: the limit kernel of a proved network as numbers, each with its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tpproof.cli import status
from tpproof.cli.kernel_files import require_apart
from tpproof.cli.options import json_option, limits_with, network_options
from tpproof.cli.output import block_bar, escaped, print_text, progress, report
from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.limits import Limits
    from tpproof.numerics.gram.inputs import InputArrays
    from tpproof.numerics.gram.kernel import KernelFunction
    from tpproof.program.model import Program

PRINTED = 64
"""A matrix of so many numbers (8 × 8) is printed; a larger one is saved."""
LISTED = 10_000
"""So many are listed by --json."""
_STATUS = {
    "proved": status.HOLDS,
    "proved-by-execution": status.HOLDS,
    "conditional": status.NOTHING_CLAIMED,
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    first: Path
    second: Path | None
    names: tuple[str, ...]
    output: Path | None
    pairs: tuple[tuple[int, int], ...]
    block_size: int
    resume: bool
    scheduler: str | None
    quiet: bool
    as_json: bool


def _entries(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    found = []
    for text in given:
        row, _, col = text.partition(",")
        if not (row.strip().isdecimal() and col.strip().isdecimal()):
            raise click.BadParameter(f"{text[:60]!r}: expected I,J, a row and a column from 0", context, parameter)
        found.append((int(row), int(col)))
    return tuple(found)


def _target(context: click.Context, parameter: click.Parameter, given: str | None) -> Path | None:
    from tpproof.numerics.gram.targets import require_name

    if given is None:
        return None
    require_name(given)
    return Path(given)


@click.command()
@network_options
@click.option("--inputs", "first", type=click.Path(path_type=Path), metavar="X.npy", help="Data: .npy or .npz.")
@click.option("--inputs2", "second", type=click.Path(path_type=Path), metavar="Y.npy", help="The columns' data.")
@click.option("--nngp", is_flag=True, help="The NNGP kernel too.")
@click.option("-o", "--output", callback=_target, metavar="K.npz", help="K.npz, K.npy, K.zarr, a folder.")
@click.option(
    "--rtol", type=float, metavar="R", help="Wanted relative error; 1e-10, and none for samples, if not given."
)
@click.option("--backend", type=click.Choice(["auto", "numba", "numpy", "cupy"]), default="auto", show_default=True)
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True)
@click.option("--threads", type=click.IntRange(1, 4096), metavar="T", help="All processors, if not given.")
@click.option("--block-size", type=click.IntRange(1), default=1024, show_default=True, help="Rows saved together.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Go on where a run was cut short.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Compute on a Dask cluster.")
@click.option("--points", type=click.IntRange(1), default=2**14, show_default=True, help="Of samples: a power of 2.")
@click.option("--replicates", type=click.IntRange(2, 100_000), default=8, show_default=True, help="Of samples.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of samples.")
@click.option("--emit", type=click.Choice(["numpy"]), help="Write Python code of the kernel instead of numbers.")
@click.option(
    "--rigorous", "pairs", multiple=True, callback=_entries, metavar="I,J", help="Enclose an entry; repeatable."
)
@click.option("--allow-conditional", is_flag=True, help="Exit 0 for a conditional verdict.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Allow N vector pairs.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@json_option
def kernel(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    first: Path | None,
    second: Path | None,
    nngp: bool,
    output: Path | None,
    rtol: float | None,
    backend: str,
    dtype: str,
    threads: int | None,
    block_size: int,
    resume: bool,
    scheduler: str | None,
    points: int,
    replicates: int,
    seed: int,
    emit: str | None,
    pairs: tuple[tuple[int, int], ...],
    allow_conditional: bool,
    max_pairs: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """The limit kernel of NET between inputs: numbers with errors. Small ones are printed, large ones saved.

    X.npy is an array (N, d), or (N, count, d) for input("xi", count); of several inputs, an .npz keyed by their names.

    Exit status 0: proved, and every error within --rtol (for samples, whose errors are statistical, if one is given).
    """
    if emit is None and first is None:
        raise click.UsageError("Missing option '--inputs': the data, X.npy (or --emit numpy)")
    if emit is not None and (first is not None or second is not None or pairs or as_json):
        raise click.UsageError("--emit writes code, which takes no inputs: without --inputs, --rigorous and --json")
    if scheduler is not None and output is None:
        raise click.UsageError("--scheduler spreads a large kernel over a cluster: it takes -o K.npy")
    names = ("ntk", "nngp") if nngp else ("ntk",)
    if output is not None:
        require_apart(output, names, [net, first, second], code=emit is not None)
    limits = limits_with(max_nodes, max_pairs)
    options = {"rtol": rtol, "backend": backend, "dtype": dtype, "threads": threads}
    options |= {"points": points, "replicates": replicates, "seed": seed}
    with progress(quiet) as say:
        function = _function(net, overrides, functions, limits, options, say)
    if isinstance(function, int):
        return function
    verdict = function.proof.verdict
    claimed = status.HOLDS if verdict == "conditional" and allow_conditional else _STATUS[verdict]
    if first is None:
        _emit(function, output)
        return claimed
    request = Request(first, second, names, output, pairs, block_size, resume, scheduler, quiet, as_json)
    _say_backend(backend, function, quiet)
    return status.worst([claimed, _numbers(function, request, limits)])


def _function(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    limits: Limits,
    options: dict[str, Any],
    say: Say,
) -> KernelFunction | int:
    """The proved kernel; an exit status where there is none."""
    from tpproof.language.source import load
    from tpproof.numerics.gram.given import Refused
    from tpproof.numerics.gram.kernel import kernel_fn

    program = load(net, overrides, functions, limits)
    say("proving the network")
    try:
        return kernel_fn(program, limits=limits, **options)
    except Refused as error:
        click.echo(report(error), err=True)
        return status.NOTHING_CLAIMED if "refused" in error.found.split("(", 1)[0] else status.DOES_NOT_HOLD


def _say_backend(asked: str, function: KernelFunction, quiet: bool) -> None:
    """One line where "auto" fell back to the slowest."""
    if asked == "auto" and function.settings.backend == "numpy" and function.plan is not None and not quiet:
        click.echo("backend numpy: neither Numba (pip install 'tpproof[fast]') nor a GPU is here", err=True)


def _numbers(function: KernelFunction, request: Request, limits: Limits) -> int:
    from tpproof.cli.kernel_answers import Answer, print_object, print_report
    from tpproof.numerics.gram.inputs import read_inputs, require_alike

    program = function.program
    x1 = read_inputs(request.first, program.inputs, limits)
    x2 = None if request.second is None else read_inputs(request.second, program.inputs, limits)
    if x2 is not None:
        require_alike(x1, x2, (str(request.first), str(request.second)))
    _require_small(request, program, len(x1), len(x1 if x2 is None else x2))
    enclosures = _enclosures(function, x1, x2, request)
    if request.output is not None:
        answer = _stored(function, x1, x2, request, request.output)
    else:
        with progress(request.quiet) as say:
            say("computing")
            found = function(x1, x2, request.names)
        values = {name: getattr(found, name) for name in request.names}
        errors = {name: found.error[name] for name in request.names}
        answer = Answer(values, errors, {}, found.method, found.rtol, found.reached, dict(found.relative_error))
    show = print_object if request.as_json else print_report
    show(function, answer, enclosures, LISTED if request.as_json else PRINTED)
    return status.HOLDS if answer.reached else status.NOTHING_CLAIMED


def _require_small(request: Request, program: Program, n1: int, n2: int) -> None:
    """A matrix that nobody would read goes to a file."""
    count = n1 * n2 * len(program.outputs) ** 2
    most = LISTED if request.as_json else PRINTED
    if request.output is None and count > most:
        outputs = "" if len(program.outputs) == 1 else f" for {len(program.outputs)} × {len(program.outputs)} outputs"
        found = f"a matrix of {n1} × {n2} entries{outputs}, and no file for it"
        raise TpproofError("E142", found, f"-o K.npz (without it at most {most} numbers are shown)")


def _stored(function: KernelFunction, x1: InputArrays, x2: InputArrays | None, request: Request, output: Path) -> Any:
    """The matrix block by block to its file, with a page about it beside it."""
    from tpproof.cli.kernel_answers import Answer
    from tpproof.cli.kernel_files import describe, forget, sidecar

    about = sidecar(output)
    try:
        with block_bar(request.quiet, "blocks") as bar:

            def told(done: int, total: int) -> None:
                bar(done, total)
                if done == total:
                    forget(about)

            found = function.store(
                output,
                x1,
                x2,
                request.names,
                block_size=request.block_size,
                resume=request.resume,
                progress=told,
                scheduler=request.scheduler,
            )
    except BaseException as error:  # its notes are for Python's callers
        notes = getattr(error, "__notes__", [])
        notes[:] = [n.replace("the same call", "the same command").replace(" (resume=True)", "") for n in notes]
        raise
    files = {name: str(_as_named(output, path)) for name, path in found.paths.items()} | {"about": str(about)}
    values = {name: found.arrays[name] for name in request.names}
    largest: dict[str, Any] = dict(found.largest_error)
    answer = Answer(values, largest, files, found.method, found.rtol, found.reached, found.relative_error)
    describe(about, function, answer, found.arrays, [(request.first, x1), (request.second, x2)])
    return answer


def _as_named(output: Path, final: Path) -> Path:
    """A file as the user would name it."""
    if output.is_symlink():
        return final
    return output.with_name(final.name) if output.suffix and final.parent != output.resolve() else output / final.name


def _enclosures(function: KernelFunction, x1: InputArrays, x2: InputArrays | None, request: Request) -> list[Any]:
    """Proved intervals of some entries."""
    n1, n2 = len(x1), len(x1 if x2 is None else x2)
    for row, col in request.pairs:
        if row >= n1 or col >= n2:
            raise TpproofError("E142", f"--rigorous {row},{col}", f"a row below {n1} and a column below {n2}")
    if not request.pairs:
        return []
    import numpy as np

    try:
        from tpproof.numerics.rigorous import enclose
    except ImportError:
        raise TpproofError("E141", "--rigorous", "numbers with errors, without it") from None
    if function.plan is None:
        raise TpproofError("E159", f"a number that is left to samples ({function.reason})", "no --rigorous")
    arrays = x1.arrays if x2 is None else [np.concatenate(both) for both in zip(x1.arrays, x2.arrays, strict=True)]
    pairs = [(i, j if x2 is None else n1 + j) for i, j in request.pairs]
    with progress(request.quiet) as say:
        say("enclosing")
        found = enclose(function.plan, arrays, pairs)
    each = len(found) // len(pairs)
    return [(entry, e) for k, entry in enumerate(request.pairs) for e in found[k * each : (k + 1) * each]]


def _emit(function: KernelFunction, output: Path | None) -> None:
    """The kernel as a Python module."""
    from tpproof.certificate.files import write_atomically
    from tpproof.program.canonical import sha256

    try:
        from tpproof.numerics.emit import emit_numpy
    except ImportError:
        raise TpproofError("E141", "--emit numpy", "numbers: --inputs X.npy") from None
    if function.plan is None:
        raise TpproofError("E141", f"code for expectations that are left to samples ({function.reason})", "--inputs")
    program = function.program
    if output is not None and output.suffix != ".py":
        raise TpproofError("E142", f"the target {output}", "a name that ends in .py")
    text = emit_numpy(function.plan, program.name, sha256(program), inputs=program.inputs)
    if output is None:
        print_text(text)
    else:
        write_atomically(output, text.encode())
        print_text(escaped(str(output)))
