"""`tpproof prove`: the main job, from a network to checked files."""

from __future__ import annotations

import gc
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpproof.cli import status
from tpproof.cli.options import document_options, formats_of, json_option, limits_with, network_options
from tpproof.cli.output import aligned, print_json, print_text, progress
from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.certificate.checking import Report
    from tpproof.certificate.model import Certificate
    from tpproof.documents.document import Length, Notation
    from tpproof.documents.render import Style
    from tpproof.limits import Limits
    from tpproof.numerics.crosscheck.verdict.report import CrossCheck
    from tpproof.program.model import Program
    from tpproof.proof.prove import Proof

FORMATS = {
    "json": ".cert.json", "html": ".html", "tex": ".tex", "fragment": ".fragment.tex", "bib": ".bib", "pdf": ".pdf",
}  # fmt: skip
_STATUS = {
    "proved": status.HOLDS,
    "proved-by-execution": status.HOLDS,
    "conditional": status.NOTHING_CLAIMED,
    "refused": status.NOTHING_CLAIMED,
    "refuted": status.DOES_NOT_HOLD,
}


def _formats(context: click.Context, parameter: click.Parameter, given: str) -> tuple[str, ...]:
    wanted = formats_of(context, parameter, given, FORMATS)
    if "json" not in wanted:
        raise click.BadParameter("no json: the certificate is always written", context, parameter)
    return wanted


def _name(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", given):
        raise click.BadParameter("letters, digits, _ . -, at most 80", context, parameter)
    return given


@click.command()
@network_options
@click.option("--out", default="out", show_default=True, type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--format", "formats", default="json,html,tex", show_default=True, callback=_formats)
@document_options
@click.option("--name", callback=_name, help="Name of the files; by default the network's.")
@click.option("--crosscheck/--no-crosscheck", "wanted", default=False, show_default=True,
              help="Compare with finite networks; what they say is kept as evidence beside the proof.")
@click.option("--allow-conditional", is_flag=True, help="Exit 0 for a conditional verdict.")
@click.option("--max-pairs", type=click.IntRange(1), metavar="N", help="Allow N vector pairs.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@json_option
def prove(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    out: Path,
    formats: tuple[str, ...],
    length: Length | None,
    notation: Notation,
    templates: Path | None,
    name: str | None,
    wanted: bool,
    allow_conditional: bool,
    max_pairs: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Prove NET and write its certificate, checked by the independent checker in a fresh process.

    With --crosscheck, exit status 1 too where the finite networks disagree, 3 where their tests had no power.
    """
    gc.disable()  # a proof makes few cycles, and looking for them grows with its size
    limits = limits_with(max_nodes, max_pairs)
    with progress(quiet) as say:
        from tpproof.certificate.write import certificate_of
        from tpproof.documents.render import Style
        from tpproof.language.source import load
        from tpproof.proof.prove import prove as proved

        program = load(net, overrides, functions, limits)
        if wanted:
            _require_numbers(program)
        proof = proved(program, limits, say)
        certificate = certificate_of(proof, name)
        style = Style(length, notation, templates)
        paths = {kind: out / f"{name or program.name}{FORMATS[kind]}" for kind in formats}
        report = None if certificate.verdict == "refuted" else _write(program, certificate, paths, style, say)
    check = None
    if wanted and certificate.verdict not in ("refused", "refuted"):
        check = _crosschecked(proof, quiet, limits, paths)
    if check is not None and not check.partial:
        again = _again(net, overrides, functions, {"--max-nodes": max_nodes, "--max-pairs": max_pairs})
        certificate = certificate.with_evidence(crosscheck=check.evidence(again))
        with progress(quiet) as say:
            report = _write(program, certificate, paths, style, say)
    if as_json:
        _print_object(program, certificate, report, paths)
    else:
        _print_text(program, certificate, report, paths, _said(check) if wanted else None)
    return _status_of(certificate.verdict, allow_conditional, check)


def _said(check: CrossCheck | None) -> str:
    return "not compared: nothing is claimed about them" if check is None else check.summary


def _status_of(verdict: str, allow_conditional: bool, check: CrossCheck | None) -> int:
    of_proof = status.HOLDS if verdict == "conditional" and allow_conditional else _STATUS[verdict]
    if check is None:
        return of_proof
    from tpproof.cli.crosscheck import status_of

    of_networks = status_of(check)
    return of_networks if of_networks == status.INTERRUPTED else status.worst((of_proof, of_networks))


def _require_numbers(program: Program) -> None:
    """Before anything is proved: raise E150 for an abstract nonlinearity."""
    from tpproof.numerics.functions import require_known

    require_known(program)


def _crosschecked(proof: Proof, quiet: bool, limits: Limits, paths: dict[str, Path]) -> CrossCheck:
    """The cross-check at its defaults. Whatever ends it, the files without it stay."""
    from tpproof.cli.crosscheck import watched

    gc.enable()
    try:
        return watched(proof, None, quiet, limits=limits)
    except (TpproofError, KeyboardInterrupt) as error:
        error.add_note("written, without a cross-check: " + ", ".join(map(str, paths.values())))
        raise


def _again(net: str, overrides: dict[str, str], functions: dict[str, str], most: dict[str, int | None]) -> str:
    """What draws the same networks again. Of a path, the name: folders are nobody's business."""
    given = [net if net.startswith("zoo:") else Path(net).name]
    given += [part for key, value in overrides.items() for part in ("-D", f"{key}={value}")]
    given += [part for key, value in functions.items() for part in ("--set", f"{key}={value}")]
    given += [part for option, value in most.items() if value is not None for part in (option, str(value))]
    command = shlex.join(["tpproof", "crosscheck", *given, "--seed", "0"])
    return os.fsencode(command).decode(errors="replace")  # a file's name need be no text


def _write(
    program: Program, certificate: Certificate, paths: dict[str, Path], style: Style, say: Callable[[str], None]
) -> Report:
    """Have the bytes beside their place checked, print documents of them, and only then put everything there."""
    from tpproof.certificate.checking import check_file
    from tpproof.certificate.files import staged
    from tpproof.documents.render import Renderer
    from tpproof.program.canonical import sha256

    say("writing")
    content = certificate.to_json()
    with staged({paths["json"]: content}) as staging:
        say("checking in a fresh process")
        report = check_file(staging[paths["json"]], sha256(program), allow_conditional=True)
        _require_accepted(report, certificate.verdict)
        renderer = Renderer(content, report, style)
        for form in paths.keys() - {"json"}:
            say(f"printing {form}")
            staging.write(paths[form], renderer.content_of(form))
    return report


def _require_accepted(report: Report, verdict: str) -> None:
    """Raise E143, or E104 where the certificate is larger than the checker reads."""
    expected = "declined" if verdict == "refused" else "accepted"
    if report.verdict != expected or report.certificate_verdict != verdict:
        found = f"{report.verdict} ({report.certificate_verdict}) {list(report.errors)[:1]}"
        code = "E104" if report.verdict == "declined" else "E143"
        raise TpproofError(code, f"the checker says {found[:500]}", f"{expected} ({verdict})")


def _assumptions(program: Program, certificate: Certificate) -> list[dict[str, str]]:
    from tpproof.proof.ledger import explain

    rows = certificate.assumptions
    return [{"name": r["name"], "status": r["status"], "reason": explain(r, program)} for r in rows]


def _path_pairs(certificate: Certificate) -> int:
    return int(certificate.evidence["path_pairs_hex"], 16)


def _print_object(
    program: Program, certificate: Certificate, report: Report | None, paths: dict[str, Path]
) -> None:
    from tpproof.documents.kernel import kernel_latex, kernel_text

    refuted = report is None
    data = certificate.data
    print_json(
        {
            "verdict": certificate.verdict,
            "network": {"name": certificate.evidence["name"], "sha256": certificate.network_sha256},
            "kernel": None if refuted else {"text": kernel_text(data), "latex": kernel_latex(data)},
            "path_pairs": _path_pairs(certificate),
            "gvars": len(program.gvars),
            "assumptions": _assumptions(program, certificate),
            "axioms": certificate.axioms,
            "failures": certificate.evidence["failures"],
            "files": {kind: None if refuted else str(path) for kind, path in paths.items()},
            "checker": None if report is None else {"verdict": report.verdict, "steps": report.steps},
            "crosscheck": certificate.evidence.get("crosscheck"),
        }
    )


_CLAIMS = {
    "proved": "(107), (96) and (122) hold: f trains by kernel gradient descent with its infinite-width NTK",
    "proved-by-execution": "(122) holds with the kernel of (100); the path sum (96) does not: W and Wᵀ meet on a path",
    "conditional": "holds under the assumptions marked conditional below",
    "refused": "an assumption of the theorem is violated: nothing is claimed",
    "refuted": "a computed identity fails: a bug in the paper or in tpproof; nothing was written; please report it",
}


def _print_text(
    program: Program,
    certificate: Certificate,
    report: Report | None,
    paths: dict[str, Path],
    networks: str | None,
) -> None:
    verdict = certificate.verdict
    lines = [f"{certificate.evidence['name']}: {verdict}", f"  {_CLAIMS[verdict]}", ""]
    lines += [f"network  sha256 {certificate.network_sha256}, {len(program.gvars)} G-vars"]
    if report is not None and verdict != "refused":
        from tpproof.documents.kernel import kernel_text

        lines += [f"paths    {_count_text(_path_pairs(certificate))} pairs p ≅ q", "", "kernel"]
        lines += [f"  {line}" for line in kernel_text(certificate.data).splitlines()]
    lines += ["", "assumptions"]
    lines += aligned([(r["status"], r["name"], r["reason"]) for r in _assumptions(program, certificate)])
    lines += ["", f"axioms   {', '.join(certificate.axioms)}"]
    if certificate.evidence["machine"]:
        lines += ["machine  agrees: one step of SGD, executed with every ZDot term, and the kernel of (100)"]
    for failure in certificate.evidence["failures"]:
        lines += ["", f"{failure['equation']} fails at {failure['gvar']}"]
        lines += [f"  expected: {failure['expected']}", f"  found:    {failure['found']}"]
    if networks is not None:
        lines += ["", f"networks {networks}"]
    if report is not None:
        lines += ["", f"checker  {report.verdict}: {report.steps} steps, in a fresh process, on the bytes on disk"]
        lines += [f"         {path}" for path in paths.values()]
    print_text("\n".join(lines))


def _count_text(count: int) -> str:
    """Exact, or its size where nobody would read the digits (--json gives them all)."""
    return str(count) if count.bit_length() < 200 else f"2^{count.bit_length() - 1} to 2^{count.bit_length()}"
