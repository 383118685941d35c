# What a check ends with, and the two ways in which it can stop early.

import reprlib
from typing import Any, NamedTuple

from .limits import TEXT

Rejection = NamedTuple(
    "Rejection", [("code", str), ("step", int | None), ("rule", str | None), ("expected", str), ("found", str)]
)


class Report(NamedTuple):
    verdict: str  # accepted, accepted-as-stated, rejected, declined or unreadable
    steps: int  # checked
    axioms: tuple[str, ...]  # relied on; empty unless the certificate was accepted
    network_sha256: str | None  # recomputed, when there was a valid network
    errors: tuple[Rejection, ...]  # the first error; empty when accepted
    certificate_verdict: str | None  # recomputed
    status: int  # the exit status
    network: Any = None  # the validated `network` object of an accepted certificate, for display


# The certificate is wrong: `code`, what was expected (text, or a value) and the value found.
class Rejected(Exception):
    def __init__(self, code: str, expected: Any, found: Any) -> None:
        self.code, self.expected, self.found = code, shown(expected, quote=False), shown(found)


# Nothing is said about the certificate.
class Declined(Rejected):
    def __init__(self, expected: str, found: Any) -> None: super().__init__("declined", expected, found)


# Reject unless `condition` holds (an ``assert`` that ``python -O`` keeps).
def require(condition: bool, code: str, expected: Any, found: Any) -> None:
    if not condition: raise Rejected(code, expected, found)


# Decline beyond a limit.
def within(number: float, limit: float, what: str) -> None:
    if number > limit: raise Declined(f"at most {limit} {what}", number)


# Reject unless the two values are equal *and of equal types*: ``1 == 1.0 == True``, but their ``repr`` differ.
def exactly(code: str, place: str, expected: Any, found: Any) -> None:
    if found != expected or repr(found) != repr(expected):
        while type(found) is list and type(expected) is list and len(found) == len(expected):
            i = next(i for i, (x, y) in enumerate(zip(expected, found, strict=True)) if repr(x) != repr(y))
            place, expected, found = f"{place}[{i}]", expected[i], found[i]
        raise Rejected(code, f"{place} = {shown(expected)}", found)


# Printable ASCII text of bounded length for any value.
def shown(value: Any, quote: bool = True) -> str:
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict, short.maxstring, short.maxother = 5, 12, 12, 100, 100
    text = value if type(value) is str and not quote else short.repr(value)
    return ascii(text)[1:-1].replace("\\'", "'")[:TEXT]
