"""Bytes to values: strict canonical JSON, read in one way only.

ASCII, no duplicate keys, no NaN, bounded depth and digits (both looked at before parsing), and the value written out
again must give the same bytes; so there is one text for one value and no room for trailing data, byte order marks,
other spellings of a number or other escapes of a character.
"""

import json
import re
from itertools import accumulate
from typing import Any

from .limits import MAX_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_DIGITS
from .report import Rejected, require, within

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LEVEL = tuple({91: 1, 123: 1, 93: -1, 125: -1}.get(byte, 0) for byte in range(256))  # [ { ] }


def canonical(value: Any) -> bytes:
    """Write a value in canonical bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def parse(data: bytes) -> Any:
    """Read canonical bytes; everything else is rejected with code ``json`` or, beyond a limit, declined."""
    within(len(data), MAX_BYTES, "bytes")
    require(data.isascii(), "json", "ASCII text", data[:16])
    bare = _STRING.sub(b"", data)
    within(1 if _LONG_NUMBER.search(bare) else 0, 0, f"numbers of more than {MAX_DIGITS} digits")
    brackets = bare.translate(None, _NOT_BRACKETS)
    within(len(brackets), 2 * MAX_CONTAINERS, "brackets")
    within(max(accumulate(map(_LEVEL.__getitem__, brackets)), default=0), MAX_DEPTH, "levels of nesting")
    try:
        value = json.loads(data.decode("ascii"), object_pairs_hook=_object, parse_constant=_constant)
        if b"\\ud" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        again = canonical(value)
    except UnicodeEncodeError:
        raise Rejected("json", "characters", "a lone surrogate") from None
    except ValueError as error:
        raise Rejected("json", "JSON", str(error)) from None
    require(again == data, "json", "canonical bytes: sorted keys, no spaces, one final newline", data[:40])
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    require(len(value) == len(pairs), "json", "different keys in an object", [key for key, _ in pairs])
    return value


def _constant(name: str) -> Any:
    raise Rejected("json", "numbers", name)
