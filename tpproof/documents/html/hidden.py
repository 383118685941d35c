"""Characters that a reader does not see, or that turn what stands beside them: written out by their code."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff0-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)  # controls, soft hyphen, zero-width, bidi marks and isolates, fillers, lone surrogates, tags


def shown(text: str) -> str:
    """The text with every hidden character as [U+202E]."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
