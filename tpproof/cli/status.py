"""Exit statuses, and how errors become one: the same for every command."""

from __future__ import annotations

from collections.abc import Iterable

from tpproof.errors import TpproofError

HOLDS = 0
DOES_NOT_HOLD = 1
BAD_USAGE = 2
NOTHING_CLAIMED = 3
AS_STATED = 4
OUR_ERROR = 70
INTERRUPTED = 130

_SEVERITY = (HOLDS, AS_STATED, NOTHING_CLAIMED, BAD_USAGE, DOES_NOT_HOLD, OUR_ERROR)

_BY_CODE = {"E104": NOTHING_CLAIMED, "E143": OUR_ERROR, "E159": NOTHING_CLAIMED, "E177": DOES_NOT_HOLD}
"""Codes whose status is not 2 (bad usage or unreadable input)."""


def status_of(error: TpproofError) -> int:
    """The exit status of an error."""
    return _BY_CODE.get(error.code, BAD_USAGE)


def worst(statuses: Iterable[int]) -> int:
    """The status of several answers together."""
    return max(statuses, key=_SEVERITY.index, default=HOLDS)
