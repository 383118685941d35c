# Bytes to values: strict canonical JSON, one text for one value (no trailing data, other spellings or escapes).

import json
import re
from itertools import accumulate
from typing import Any

from .limits import MAX_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_DIGITS
from .report import Rejected, require, within

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


# Depth and digits are looked at before parsing, and the value written out again must give the same bytes.
def parse(data: bytes) -> Any:
    within(len(data), MAX_BYTES, "bytes")
    require(data.isascii(), "json", "ASCII text", data[:16])
    bare = _STRING.sub(b"", data)
    within(1 if re.search(rb"[0-9]{%d}" % (MAX_DIGITS + 1), bare) else 0, 0, f"numbers of over {MAX_DIGITS} digits")
    brackets = bare.translate(None, bytes({*range(256)} - {*b"[]{}"}))
    within(len(brackets), 2 * MAX_CONTAINERS, "brackets")
    within(max(accumulate(1 if byte in b"[{" else -1 for byte in brackets), default=0), MAX_DEPTH, "levels of nesting")
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
