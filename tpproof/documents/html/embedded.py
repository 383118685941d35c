"""The certificate inside the page: as a link that saves it, and as bytes that one command takes out again."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from dataclasses import dataclass

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits

PLAIN_BYTES = 1_000_000
"""A larger certificate is embedded compressed."""
LINK_BYTES = 2_000_000
"""Longer links than this are not saved by every browser."""

_LINK = re.compile(rb'id="certificate" [^>]*data:application/(json|gzip);base64,([A-Za-z0-9+/=]*)"')
_TAKE = (
    "python3 -c 'import base64,re,sys{module}; "
    'sys.stdout.buffer.write({take}(re.search(b"id=.certificate. [^>]*base64,([^\\x22]*)", '
    "sys.stdin.buffer.read())[1]){end})' < {page} > {name}"
)


@dataclass(frozen=True)
class Embedded:
    """A certificate as a data: link, and the command that takes it out of the page."""

    name: str
    link: str
    size: int
    compressed: bool
    savable: bool  # by following the link, in every browser
    command: str


def embedded(content: bytes, stem: str) -> Embedded:
    """The certificate's bytes, ready to stand in a page called ``stem``.html."""
    compressed = len(content) > PLAIN_BYTES
    packed = gzip.compress(content, 9, mtime=0) if compressed else content
    text = base64.b64encode(packed).decode("ascii")
    kind = "gzip" if compressed else "json"
    name = f"{stem}.cert.json"
    take = {"module": ",gzip", "take": "gzip.decompress(base64.b64decode", "end": ")"} if compressed else {
        "module": "", "take": "base64.b64decode", "end": "",
    }  # fmt: skip
    return Embedded(
        name=name + (".gz" if compressed else ""),
        link=f"data:application/{kind};base64,{text}",
        size=len(content),
        compressed=compressed,
        savable=len(text) < LINK_BYTES,
        command=_TAKE.format(page=f"{stem}.html", name=name, **take),
    )


def certificate_in(page: bytes, limits: Limits = DEFAULT) -> bytes:
    """The bytes of the certificate that a page carries.

    Parameters
    ----------
    page
        The page's bytes. They are searched, never interpreted.
    limits
        ``json_bytes`` bounds what a compressed certificate may become.

    Raises
    ------
    TpproofError
        E109 when there is none, or E104 when it is too large.
    """
    found = _LINK.search(page)
    if found is None:
        raise TpproofError("E109", "no certificate in this page", "a page that tpproof wrote")
    try:
        content = base64.b64decode(found[2], validate=True)
        return content if found[1] == b"json" else _unpacked(content, limits)
    except (ValueError, zlib.error) as error:
        raise TpproofError("E109", f"a certificate that cannot be read: {error}", "base64 of its bytes") from error


def _unpacked(content: bytes, limits: Limits) -> bytes:
    reader = zlib.decompressobj(wbits=31)  # one gzip member
    found = reader.decompress(content, limits.json_bytes + 1)
    if len(found) > limits.json_bytes:
        raise TpproofError("E104", "a certificate that is too large", f"at most {limits.json_bytes} bytes")
    if not reader.eof or reader.unused_data:
        raise ValueError("damaged gzip data")
    return found
