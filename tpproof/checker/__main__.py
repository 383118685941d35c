"""The command line: ``python -I -m tpproof.checker CERT… [--network FILE.json]``."""

import argparse
import json
import os
import re
import sys
from typing import Any, NoReturn

from .checker import check_bytes, network_hash
from .limits import LISTED_WIDTH, MAX_BYTES, SECONDS
from .report import Declined, Rejected, Rejection, Report, shown

EPILOG = """Exit status: 0 accepted, 1 rejected, 2 unreadable or bad usage, 3 declined, 4 accepted as stated, 70 an
error of the checker. Of several certificates the worst counts: 70, 1, 2, 3, 4, 0."""
SEVERITY = (0, 4, 3, 2, 1, 70)  # of several exit statuses the last in this order wins
SHARED = ("verdict", "steps", "axioms", "network_sha256", "certificate_verdict")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {ascii(message)[1:-1]} (see --help)\n")


def _seconds(text: str) -> float:
    if not float(text) > 0: raise ValueError(text)
    return float(text)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser("tpproof.checker", description="Check tpproof certificates.", allow_abbrev=False, epilog=EPILOG)
    add = parser.add_argument
    add("certificates", nargs="+", metavar="CERT", help="certificate file; - is standard input")
    add("--network", metavar="FILE", help="the network, as canonical JSON or inside a certificate")
    add("--sha256", metavar="HEX", help="the SHA-256 of the canonical bytes of the network")
    add("--as-stated", action="store_true", help="accept the network inside the certificate")
    add("--allow-conditional", action="store_true", help="accept under conditional assumptions")
    add("--time-limit", type=_seconds, default=SECONDS, metavar="SECONDS")
    add("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(argv)


def _read(path: str) -> bytes:
    if path == "-": return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as file: return file.read(MAX_BYTES + 1)


def _unusable(message: str) -> NoReturn:
    print(f"error: {ascii(message)[1:-1]}", file=sys.stderr)
    raise SystemExit(2)


def _text(path: str, report: Report) -> str:
    lines = [f"{shown(path, quote=False)}: {report.verdict}", f"  steps checked: {report.steps}"]
    lines.append(f"  network sha256: {report.network_sha256 or 'none'}")
    lines.append(f"  verdict of the certificate: {report.certificate_verdict or 'none'}")
    lines.append(f"  axioms relied on: {', '.join(report.axioms) or 'none'}")
    for e in report.errors:
        place = "" if e.step is None else f" at step {e.step} ({e.rule or 'no rule'})"
        lines += [f"  {e.code}{place}", f"    expected: {e.expected}", f"    found:    {e.found}"]
    if report.verdict == "accepted-as-stated":
        lines.append("It is about this network:")
        lines += [f"  {key}: {json.dumps(value)[:LISTED_WIDTH]}" for key, value in report.network.items()]
    return "\n".join(lines)


def _object(path: str, report: Report) -> dict[str, Any]:
    errors = [error._asdict() for error in report.errors]
    return {"certificate": path, "errors": errors} | {key: getattr(report, key) for key in SHARED}


def _expected_hash(arguments: argparse.Namespace) -> str | None:
    given = None if arguments.sha256 is None else str(arguments.sha256).lower()
    if given is not None and re.fullmatch("[0-9a-f]{64}", given) is None:
        _unusable("--sha256 takes 64 hexadecimal digits")
    try:
        own = given if arguments.network is None else network_hash(_read(arguments.network))
    except (Rejected, Declined) as error: _unusable(f"--network: expected {error.expected}, found {error.found}")
    except (OSError, ValueError) as error: _unusable(f"cannot read {arguments.network}: {error}")
    if given not in (None, own): _unusable("--network and --sha256 are about different networks")
    return own


def _check(path: str, expected: str | None, arguments: argparse.Namespace) -> Report:
    try:
        data = _read(path)
    except (OSError, ValueError) as error:
        found = (Rejection("json", None, None, "a file", shown(f"cannot read {path}: {error}")),)
        return Report("unreadable", 0, (), None, found, None, 2)
    return check_bytes(data, expected, arguments.as_stated, arguments.allow_conditional, arguments.time_limit)


def main(argv: list[str] | None = None) -> int:
    status = 70
    try:
        arguments = _arguments(argv)
        expected = _expected_hash(arguments)
        reports = [(path, _check(path, expected, arguments)) for path in arguments.certificates]
        status = max((report.status for _, report in reports), key=SEVERITY.index)
        objects = [_object(path, report) for path, report in reports]
        text = json.dumps(objects[0] if len(objects) == 1 else {"results": objects})
        print(text if arguments.json else "\n".join(_text(path, report) for path, report in reports), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        status = 130
        print("interrupted: nothing was decided", file=sys.stderr)
    except Exception as error:  # the last line of defence: an error of the checker, never an answer
        status = 70
        print(f"internal error: {type(error).__name__}: {ascii(str(error))[1:200]}", file=sys.stderr)
    return status


if __name__ == "__main__": sys.exit(main())
