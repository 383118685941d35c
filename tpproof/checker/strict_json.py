# Bytes to values: strict canonical JSON, one text for one value (no trailing data, other spellings or escapes).

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
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


# Depth and digits are looked at before parsing, and the value written out again must give the same bytes.
def parse(data: bytes) -> Any:
    within(len(data), MAX_BYTES, "bytes")
    require(data.isascii(), "json", "ASCII text", data[:16])
    bare = _STRING.sub(b"", data)
    within(1 if _LONG_NUMBER.search(bare) else 0, 0, f"numbers of more than {MAX_DIGITS} digits")
    brackets = bare.translate(None, _NOT_BRACKETS)
    within(len(brackets), 2 * MAX_CONTAINERS, "brackets")
    within(max(accumulate(map(_LEVEL.__getitem__, brackets)), default=0), MAX_DEPTH, "levels of nesting")
    try:
        value = json.loads(data.decode("ascii"), object_pairs_hook=_object, parse_constant=_constant)
        if b"\\ud" in data: json.dumps(value, ensure_ascii=False).encode("utf-8")
        require(canonical(value) == data, "json", "canonical bytes: sorted keys, no spaces, a final newline", data[:40])
    except ValueError as error:  # a lone surrogate too
        raise Rejected("json", "JSON", "a lone surrogate" if isinstance(error, UnicodeError) else str(error)) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    require(len(value) == len(pairs), "json", "different keys in an object", [key for key, _ in pairs])
    return value


def _constant(name: str) -> Any: raise Rejected("json", "numbers", name)
