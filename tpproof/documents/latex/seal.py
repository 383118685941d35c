r"""Seals: what TeX reads of a statement has a hash, so that a later edit of it is noticed when it is compiled.

A seal keeps an author from changing by accident what was checked. It is no signature: who wants to forge one can.
"""

from __future__ import annotations

import hashlib
import re

from tpproof.documents.latex.text import Tex

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[^\\]", re.DOTALL)


def seal(body: str, verdict: str, certificate: str) -> Tex:
    r"""The statement in a macro that compares it, its verdict and its certificate with their hash."""
    body = "\n" + re.sub(r"\n\s*\n", "\n\n", body.strip()) + "\n"
    return Tex(f"\\tppsealed{{{verdict}}}{{{certificate}}}{{{digest(body, verdict, certificate)}}}{{%{body}}}")


def digest(body: str, verdict: str, certificate: str) -> str:
    """The hash as TeX prints it; MD5 is what TeX has."""
    text = f"{verdict} {certificate} {detokenized(body)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def detokenized(text: str) -> str:
    r"""What ``\detokenize`` makes of an argument that begins behind a comment sign: TeX's reading rules, ASCII only.

    Blanks at the beginning of a line and behind a control word are skipped, several are one, an empty line is
    ``\par``; a control word is followed by a space (TeXbook, chapters 8 and 20).
    """
    lines = text.split("\n")
    parts: list[str] = []
    for number, line in enumerate(lines):
        if number:  # what stands on the first line belongs to the comment
            parts += _line(line.rstrip(" "), last=number == len(lines) - 1)
    return "".join(parts)


def _line(line: str, last: bool) -> list[str]:
    parts: list[str] = []
    skipping = True
    for token in _TOKEN.findall(line):
        if token == "%":
            return parts
        if token == " ":
            parts += [] if skipping else [" "]
            skipping = True
        elif token[0] == "\\":
            word = token[1:].isalpha()
            parts.append(token + " " if word else token)
            skipping = word or token == "\\ "
        else:
            parts.append(token)
            skipping = False
    if last:
        return parts
    if not line.strip(" "):
        return ["\\par "]
    return parts if skipping else [*parts, " "]
