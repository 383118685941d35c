"""`tpproof render`: documents from a certificate alone, which the checker sees first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpproof.cli import status
from tpproof.cli.check import digest_of, errors_of
from tpproof.cli.options import document_options, formats_of, json_option
from tpproof.cli.output import escaped, print_json, print_text, progress
from tpproof.errors import TpproofError

if TYPE_CHECKING:
    from tpproof.certificate.checking import Report
    from tpproof.documents.document import Length, Notation

ENDINGS = (".cert.json", ".json")
_STATUS = {"accepted": status.HOLDS, "accepted-as-stated": status.HOLDS, "declined": status.NOTHING_CLAIMED}


def _formats(context: click.Context, parameter: click.Parameter, given: str) -> tuple[str, ...]:
    from tpproof.documents.render import FORMATS

    return formats_of(context, parameter, given, FORMATS)


@click.command()
@click.argument("certificate", metavar="CERT", type=click.Path(path_type=Path))
@click.option("--format", "formats", default="html,tex", show_default=True, callback=_formats,
              help="Some of html, tex, fragment, bib, pdf.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write to; the certificate's.")
@click.option("--network", metavar="NET", help="The network that it has to be about: yours.")
@click.option("-D", "overrides", multiple=True, metavar="k=v", help="Constants of that network.")
@document_options
@click.option("--allow-conditional", is_flag=True, help="Exit 0 for a conditional verdict.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@json_option
def render(
    certificate: Path,
    formats: tuple[str, ...],
    out: Path | None,
    network: str | None,
    overrides: tuple[str, ...],
    length: Length | None,
    notation: Notation,
    templates: Path | None,
    allow_conditional: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Write documents of CERT, once the independent checker has seen it.

    Exit status 0: the checker accepts it; 1: it does not, and nothing is written; 3: it claims nothing, or only under
    a condition.
    """
    with progress(quiet) as say:
        from tpproof.certificate.files import staged
        from tpproof.documents.render import FORMATS, Renderer, Style

        say("checking in a fresh process")
        content, report = _checked(certificate, digest_of(network, overrides))
        renderer = Renderer(content, report, Style(length, notation, templates))
        folder = certificate.parent if out is None else out
        paths = {form: folder / f"{_stem(certificate)}{FORMATS[form]}" for form in formats}
        with staged({}) as staging:
            for form, path in paths.items():
                say(f"printing {form}")
                staging.write(path, renderer.content_of(form))
    if as_json:
        files = {form: str(path) for form, path in paths.items()}
        print_json({"verdict": report.verdict, "certificate_verdict": report.certificate_verdict, "files": files})
    else:
        verdict = f"{escaped(str(certificate))}: {report.verdict} ({report.certificate_verdict})"
        print_text("\n".join([verdict, *(escaped(str(path)) for path in paths.values())]))
    conditional = report.certificate_verdict == "conditional" and not allow_conditional
    return status.NOTHING_CLAIMED if conditional else _STATUS[report.verdict]


def _stem(path: Path) -> str:
    """The certificate's name without its ending."""
    ending = next((e for e in ENDINGS if path.name.endswith(e) and path.name != e), "")
    return path.name.removesuffix(ending)


def _checked(path: Path, digest: str | None) -> tuple[bytes, Report]:
    """The bytes, and the checker's answer on these very bytes.

    Raises
    ------
    TpproofError
        E100 for a file that is no certificate, E177 where the checker rejects it, E104 where it is too large for it.
    """
    from tpproof.certificate.checking import checked_file

    content, report = checked_file(path, digest, as_stated=True, allow_conditional=True)
    if report.is_right:
        return content, report
    code = {"rejected": "E177", "declined": "E104"}.get(report.verdict, "E100")
    raise TpproofError(code, "; ".join([f"{path}: {report.verdict}", *errors_of(report)]), "an accepted certificate")
