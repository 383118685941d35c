"""`tpproof check`: the independent checker, on one or many certificates, against the user's own network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tpproof.certificate.checking import Report, checked_file
from tpproof.cli import status
from tpproof.cli.options import json_option
from tpproof.cli.output import escaped, print_json, print_text


@click.command()
@click.argument("certificates", nargs=-1, required=True, metavar="CERT…", type=click.Path(path_type=Path))
@click.option("--network", metavar="NET", help="The network that they have to be about: yours.")
@click.option("-D", "overrides", multiple=True, metavar="k=v", help="Constants of that network.")
@click.option("--as-stated", is_flag=True, help="Accept a certificate that is right about the network inside it.")
@click.option("--allow-conditional", is_flag=True, help="Accept conditional verdicts.")
@json_option
def check(
    certificates: tuple[Path, ...],
    network: str | None,
    overrides: tuple[str, ...],
    as_stated: bool,
    allow_conditional: bool,
    as_json: bool,
) -> int:
    """Check certificates in a fresh process that trusts nothing in them."""
    digest = digest_of(network, overrides)
    options = {"as_stated": as_stated, "allow_conditional": allow_conditional}
    reports, texts = [], []
    for path in certificates:
        content, report = checked_file(path, digest, **options)
        reports.append(report)
        texts.append("" if as_json else _text(path, content, report))
    if as_json:
        objects = [_object(path, report) for path, report in zip(certificates, reports, strict=True)]
        print_json(objects[0] if len(objects) == 1 else {"results": objects})
    else:
        for text in texts:
            print_text(text)
    return status.worst(report.exit_status for report in reports)


def digest_of(network: str | None, overrides: tuple[str, ...]) -> str | None:
    """The hash of the user's network, if one is given."""
    from tpproof.language.source import load
    from tpproof.program.canonical import sha256

    if network is None:
        if overrides:
            raise click.UsageError("-D needs --network")
        return None
    pairs = dict(text.partition("=")[::2] for text in overrides)
    return sha256(load(network, pairs))


def _object(path: Path, report: Report) -> dict[str, Any]:
    return {
        "certificate": str(path),
        "verdict": report.verdict,
        "certificate_verdict": report.certificate_verdict,
        "steps": report.steps,
        "axioms": list(report.axioms),
        "network_sha256": report.network_sha256,
        "errors": list(report.errors),
    }


def _text(path: Path, content: bytes, report: Report) -> str:
    lines = [f"{escaped(str(path))}: {report.verdict}"]
    if report.certificate_verdict:
        lines.append(f"  the certificate says {report.certificate_verdict}; {report.steps} steps checked")
    if report.network_sha256:
        lines.append(f"  network sha256 {report.network_sha256}")
    if report.axioms:
        lines.append(f"  axioms relied on: {', '.join(report.axioms)}")
    for error in report.errors:
        lines += [f"  {_place(error)}", f"    expected: {error['expected']}", f"    found:    {error['found']}"]
    if report.verdict == "accepted-as-stated":
        lines += ["  it is right about this network; is it yours? (--network NET checks that)", *_network(content)]
    return "\n".join(lines)


def _place(error: dict[str, Any]) -> str:
    step = "" if error["step"] is None else f" at step {error['step']} ({error['rule'] or 'no rule'})"
    return f"{error['code']}{step}"


def errors_of(report: Report) -> list[str]:
    """Each error in a line."""
    return [f"{_place(e)}: expected {e['expected']}, found {e['found']}" for e in report.errors]


def _network(content: bytes) -> list[str]:
    """The network in the bytes that the checker accepted, not in what the file may hold by now."""
    from tpproof.program.canonical import from_json
    from tpproof.program.listing import listing

    return [f"    {line}".rstrip() for line in listing(from_json(json.loads(content)["network"])).splitlines()]
