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


def _read(path: str) -> bytes:
    with open(0 if path == "-" else path, "rb") as file: return file.read(MAX_BYTES + 1)


# The options, with the hash of the network that the certificates have to be about in place of `sha256`.
def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser("tpproof.checker", description="Check tpproof certificates.", allow_abbrev=False, epilog=EPILOG)
    add = parser.add_argument
    add("certificates", nargs="+", metavar="CERT", help="certificate file; - is standard input")
    add("--network", metavar="FILE", help="the network, as canonical JSON or inside a certificate")
    add("--sha256", metavar="HEX", help="the SHA-256 of the canonical bytes of the network", type=str.lower)
    add("--as-stated", action="store_true", help="accept the network inside the certificate")
    add("--allow-conditional", action="store_true", help="accept under conditional assumptions")
    add("--time-limit", type=float, default=SECONDS, metavar="SECONDS")
    add("--json", action="store_true", help="print one JSON object")
    found = parser.parse_args(argv)
    given = found.sha256
    if not found.time_limit > 0: parser.error("--time-limit takes a number of seconds above 0")
    if not re.fullmatch("[0-9a-f]{64}|None", str(given)): parser.error("--sha256 takes 64 hexadecimal digits")
    try:
        if found.network is not None: found.sha256 = network_hash(_read(found.network))
    except Rejected as error: parser.error(f"--network: expected {error.expected}, found {error.found}")
    except OSError as error: parser.error(f"cannot read {found.network}: {error}")
    if given not in (None, found.sha256): parser.error("--network and --sha256 are about different networks")
    return found


def _check(path: str, options: argparse.Namespace) -> Report:
    try: data = _read(path)
    except (OSError, ValueError) as error:
        why = Rejection("json", None, None, "a file", shown(f"cannot read {path}: {error}"))
        return Report("unreadable", 0, (), None, (why,), None, 2)
    return check_bytes(data, options.sha256, options.as_stated, options.allow_conditional, options.time_limit)


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


def _said(status: int, message: str) -> int:
    print(ascii(message)[1:-1], file=sys.stderr)
    return status


def main(argv: list[str] | None = None) -> int:
    status = 70
    try:
        options = _arguments(argv)
        reports = [(path, _check(path, options)) for path in options.certificates]
        status = max((report.status for _, report in reports), key=(0, 4, 3, 2, 1, 70).index)  # the worst
        errors = [{"certificate": path, "errors": [error._asdict() for error in r.errors]} for path, r in reports]
        objects = [e | {k: getattr(r, k) for k in SHARED} for e, (_, r) in zip(errors, reports, strict=True)]
        text = json.dumps(objects[0] if len(objects) == 1 else {"results": objects})
        print(text if options.json else "\n".join(_text(path, report) for path, report in reports), flush=True)
    except BrokenPipeError: os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt: status = _said(130, "interrupted: nothing was decided")
    # the last line of defence: an error of the checker, never an answer
    except Exception as error: status = _said(70, f"internal error: {type(error).__name__}: {str(error)[:200]}")
    return status


if __name__ == "__main__": sys.exit(main())
