# The command line: ``python -I -m tpproof.checker CERT… [--network FILE.json]``.

import argparse
import json
import os
import re
import sys
from typing import NoReturn

from .checker import check_bytes, network_hash
from .limits import MAX_BYTES, SECONDS, TEXT
from .report import Rejected, Rejection, Report, shown

EPILOG = "Exit: 0 accepted, 1 rejected, 2 unreadable or bad usage, 3 declined, 4 as stated, 70 error; the worst counts"
SHARED = ("verdict", "steps", "axioms", "network_sha256", "certificate_verdict")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn: self.exit(2, f"error: {ascii(message)[1:-1]} (see --help)\n")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser("tpproof.checker", description="Check tpproof certificates.", allow_abbrev=False, epilog=EPILOG)
    add = parser.add_argument
    add("certificates", nargs="+", metavar="CERT", help="certificate file; - is standard input")
    add("--network", metavar="FILE", help="the network, as canonical JSON or inside a certificate")
    add("--sha256", metavar="HEX", help="the SHA-256 of the canonical bytes of the network")
    add("--as-stated", action="store_true", help="accept the network inside the certificate")
    add("--allow-conditional", action="store_true", help="accept under conditional assumptions")
    add("--time-limit", type=float, default=SECONDS, metavar="SECONDS")
    add("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(argv)


def _read(path: str) -> bytes:
    with open(0 if path == "-" else path, "rb") as file: return file.read(MAX_BYTES + 1)


def _said(status: int, message: str) -> int:
    print(ascii(message)[1:-1], file=sys.stderr)
    return status


def _text(path: str, report: Report) -> str:
    lines = [f"{shown(path, quote=False)}: {report.verdict}", f"  steps checked: {report.steps}"]
    lines += [f"  network sha256: {report.network_sha256 or 'none'}"]
    lines += [f"  verdict of the certificate: {report.certificate_verdict or 'none'}"]
    lines += [f"  axioms relied on: {', '.join(report.axioms) or 'none'}"]
    for e in report.errors:
        place = "" if e.step is None else f" at step {e.step} ({e.rule or 'no rule'})"
        lines += [f"  {e.code}{place}", f"    expected: {e.expected}", f"    found:    {e.found}"]
    if report.verdict == "accepted-as-stated":
        lines += ["It is about this network:"]
        lines += [f"  {key}: {json.dumps(value)[: 10 * TEXT]}" for key, value in report.network.items()]
    return "\n".join(lines)


def _expected_hash(arguments: argparse.Namespace) -> str | None:
    given = None if arguments.sha256 is None else str(arguments.sha256).lower()
    if not re.fullmatch("[0-9a-f]{64}|None", str(given)): raise ValueError("--sha256 takes 64 hexadecimal digits")
    try:
        own = given if arguments.network is None else network_hash(_read(arguments.network))
    except Rejected as error: raise ValueError(f"--network: expected {error.expected}, found {error.found}") from None
    except OSError as error: raise ValueError(f"cannot read {arguments.network}: {error}") from None
    if given not in (None, own): raise ValueError("--network and --sha256 are about different networks")
    return own


def _check(path: str, expected: str | None, arguments: argparse.Namespace) -> Report:
    try:
        data = _read(path)
    except (OSError, ValueError) as error:
        why = Rejection("json", None, None, "a file", shown(f"cannot read {path}: {error}"))
        return Report("unreadable", 0, (), None, (why,), None, 2)
    return check_bytes(data, expected, arguments.as_stated, arguments.allow_conditional, arguments.time_limit)


def main(argv: list[str] | None = None) -> int:
    status = 70
    try:
        arguments = _arguments(argv)
        if not arguments.time_limit > 0: return _said(2, "error: --time-limit takes a number of seconds above 0")
        try: expected = _expected_hash(arguments)
        except ValueError as error: return _said(2, f"error: {error}")
        reports = [(path, _check(path, expected, arguments)) for path in arguments.certificates]
        status = max((report.status for _, report in reports), key=(0, 4, 3, 2, 1, 70).index)  # the worst
        errors = [{"certificate": path, "errors": [error._asdict() for error in r.errors]} for path, r in reports]
        objects = [e | {k: getattr(r, k) for k in SHARED} for e, (_, r) in zip(errors, reports, strict=True)]
        text = json.dumps(objects[0] if len(objects) == 1 else {"results": objects})
        print(text if arguments.json else "\n".join(_text(path, report) for path, report in reports), flush=True)
    except BrokenPipeError: os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt: status = _said(130, "interrupted: nothing was decided")
    # the last line of defence: an error of the checker, never an answer
    except Exception as error: status = _said(70, f"internal error: {type(error).__name__}: {str(error)[:200]}")
    return status


if __name__ == "__main__": sys.exit(main())
