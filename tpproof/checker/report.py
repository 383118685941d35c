"""What a check ends with, and the two ways in which it can stop early."""

import reprlib
from dataclasses import dataclass
from typing import Any

from .limits import TEXT


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a certificate was not accepted: where, by which rule, what had to be there and what was."""

    code: str
    step: int | None
    rule: str | None
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to one certificate.

    Attributes
    ----------
    verdict
        ``accepted``, ``accepted-as-stated``, ``rejected``, ``declined`` or ``unreadable``.
    steps
        How many steps were checked.
    axioms
        The axioms relied on; empty unless the certificate was accepted.
    network_sha256
        The recomputed hash of the network inside the certificate, when there was a valid one.
    errors
        The first error (code ``declined`` for a limit or a certificate that claims nothing); empty when accepted.
    certificate_verdict
        The recomputed verdict of the certificate itself.
    status
        The exit status.
    network
        The validated ``network`` object of an accepted certificate, for display.
    """

    verdict: str
    steps: int
    axioms: tuple[str, ...]
    network_sha256: str | None
    errors: tuple[Rejection, ...]
    certificate_verdict: str | None
    status: int
    network: Any = None


class Rejected(Exception):
    """The certificate is wrong: `code`, what was expected (text, or a value) and the value found."""

    def __init__(self, code: str, expected: Any, found: Any) -> None:
        super().__init__(code)
        self.code, self.expected, self.found = code, shown(expected, quote=False), shown(found)


class Declined(Exception):
    """Nothing is said about the certificate."""

    def __init__(self, expected: str, found: Any) -> None:
        super().__init__(expected)
        self.code, self.expected, self.found = "declined", expected, shown(found)


def require(condition: bool, code: str, expected: Any, found: Any) -> None:
    """Reject unless `condition` holds (an ``assert`` that ``python -O`` keeps)."""
    if not condition:
        raise Rejected(code, expected, found)


def within(number: float, limit: float, what: str) -> None:
    """Decline beyond a limit."""
    if number > limit:
        raise Declined(f"at most {limit} {what}", number)


def exactly(code: str, what: str, expected: Any, found: Any) -> None:
    """Reject unless the two values are equal *and of equal types*: ``1 == 1.0 == True``, but their ``repr`` differ."""
    if found != expected or repr(found) != repr(expected):
        place = what
        while type(found) is list and type(expected) is list and len(found) == len(expected):
            i = next(i for i, (x, y) in enumerate(zip(expected, found, strict=True)) if repr(x) != repr(y))
            place, expected, found = f"{place}[{i}]", expected[i], found[i]
        raise Rejected(code, f"{place} = {shown(expected)}", found)


def shown(value: Any, quote: bool = True) -> str:
    """Printable ASCII text of bounded length for any value."""
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict, short.maxstring, short.maxother = 5, 12, 12, 100, 100
    text = value if type(value) is str and not quote else short.repr(value)
    return ascii(text)[1:-1].replace("\\'", "'")[:TEXT]
