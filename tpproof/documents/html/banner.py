"""The verdict at the head of the page: the independent checker's answer about these bytes, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from tpproof.certificate.checking import Report
from tpproof.documents.document import Document

Tone = Literal["good", "caution", "bad", "unknown"]
ERRORS_SHOWN = 20


@dataclass(frozen=True)
class Banner:
    """The verdict in a word and in a sentence, whether it is good news, and what was wrong."""

    tone: Tone
    word: str
    sentence: str
    errors: tuple[dict[str, str], ...] = ()
    steps: str = ""  # "46 of 46", as the checker counted


PROVED = {
    "proved": ("good", "Accepted: proved", "The independent checker followed every step of this certificate."),
    "proved-by-execution": (
        "good", "Accepted: proved by execution",
        "The independent checker followed every step of this certificate. W and its transpose meet on a path: the "
        "theorem holds with the kernel of Eq. (100), and the paper's path sum is not claimed.",
    ),
    "conditional": (
        "caution", "Accepted under a condition",
        "The independent checker followed every step of this certificate. Its theorem rests on the assumption marked "
        "conditional.",
    ),
}  # fmt: skip
AS_STATED = (
    "About the network written inside the certificate. Whether that is your network was not compared: give the command "
    "below your own network with --network."
)
NOT_CHECKED = Banner(
    "unknown", "Not checked",
    "No checker has seen this certificate for this page. Whatever stands below is only what the certificate says.",
)  # fmt: skip
ANOTHER = Banner(
    "unknown", "Not checked",
    "The checker's answer that this page was given is about another certificate, so it counts for nothing here.",
)  # fmt: skip


def banner(document: Document, data: dict[str, Any], content: bytes, report: Report | None) -> Banner:
    """The verdict on the certificate's bytes.

    Parameters
    ----------
    document, data
        What the page prints, and the JSON value that it was made from.
    content
        The certificate's bytes, which the page embeds.
    report
        The checker's answer; it counts only where it is about this content, and this content is what is printed.
    """
    if report is None:
        return NOT_CHECKED
    return verdict(document, report) if report.is_about(content) and _is_printed(document, data, content) else ANOTHER


def verdict(document: Document, report: Report | None) -> Banner:
    """The verdict of a report, where it can be about this document."""
    if report is None:
        return NOT_CHECKED
    claims_it = report.verdict in ("accepted", "accepted-as-stated")
    if claims_it and not _is_about(document, report):
        return ANOTHER
    if claims_it:
        return _accepted(document, report)
    if report.verdict == "declined" and document.verdict == report.certificate_verdict == "refused":
        return Banner("bad", "Refused: nothing is claimed", "An assumption of the theorem is violated; see the ledger. "
                      "The independent checker finds the same and accepts nothing.")  # fmt: skip
    if report.verdict == "declined":
        undecided = "The independent checker did not decide."
        return Banner("caution", "Declined", undecided, _errors(report), _steps(document, report))
    if report.verdict in ("rejected", "unreadable"):
        return Banner(
            "bad", report.verdict.capitalize(), "The independent checker does not accept this certificate: do not rely "
            "on anything below.", _errors(report), _steps(document, report),
        )  # fmt: skip
    return NOT_CHECKED


def _accepted(document: Document, report: Report) -> Banner:
    tone, word, sentence = PROVED[document.verdict]
    if report.verdict == "accepted-as-stated":
        return Banner("caution", word.replace("Accepted", "Accepted as stated"), f"{sentence} {AS_STATED}", (),
                      _steps(document, report))  # fmt: skip
    return Banner(tone, word, sentence, (), _steps(document, report))  # type: ignore[arg-type]


def _is_printed(document: Document, data: dict[str, Any], content: bytes) -> bool:
    """Whether what is printed was read from these bytes: by their hash, else (not canonical) by reading."""
    if document.certificate_sha256 == hashlib.sha256(content).hexdigest():
        return True
    try:
        return bool(json.loads(content) == data)
    except ValueError:
        return False


def _is_about(document: Document, report: Report) -> bool:
    """Whether an accepting answer is about the bytes of this document, its network, verdict and number of steps."""
    found = (report.certificate_sha256, report.network_sha256, report.certificate_verdict, report.steps)
    printed = (document.certificate_sha256, document.network_sha256, document.verdict, document.step_count)
    return found == printed and document.verdict in PROVED


def _steps(document: Document, report: Report) -> str:
    return f"{report.steps} of {document.step_count}"


def _errors(report: Report) -> tuple[dict[str, str], ...]:
    keys = ("code", "step", "rule", "expected", "found")
    return tuple({k: "" if e.get(k) is None else str(e[k])[:2000] for k in keys} for e in report.errors[:ERRORS_SHOWN])


def stem(name: str) -> str:
    """A file's name for a network's: letters, digits, - and _ only, no leading dash, never empty."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:60] or "network"


def command(document: Document, name: str) -> str:
    """What to type to have the certificate checked again."""
    condition = " --allow-conditional" if document.verdict == "conditional" else ""
    return f"python3 -I -m tpproof.checker{condition} --sha256 {document.network_sha256} {name}"
