"""Any text as LaTeX text. Nothing of it is a command, whoever wrote it, and no line of it is too long to be broken."""

from __future__ import annotations

import re
import unicodedata

from tpproof.documents.latex.symbols import MATH, MATH_ACCENTS, TEXT, TEXT_ACCENTS

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"{\char34}", "`": r"\textasciigrave{}",
    "[": "{[}",
}  # fmt: skip
_CLUSTER = re.compile("(?s).[\u0300-\u036f]*")
_LETTERS_OF_MATH = "Zg"  # Ẑ, Ż and ĝ are vectors, ô is a letter of a name


class Tex(str):
    """Text that is LaTeX already."""


def escape(text: object, word: int = 24) -> Tex:
    """Any text as LaTeX text; a word of more than `word` characters may be broken after so many."""
    if isinstance(text, Tex):
        return text
    parts: list[str] = []
    length = 0
    for cluster in _clusters(str(text)):
        length = 0 if cluster == " " else length + 1
        if cluster == "-" and parts and parts[-1] == "-":
            parts.append("{}")  # two hyphens are no dash
        parts.append(_character(cluster))
        if length and (length % word == 0 or cluster in "/="):
            parts.append(r"\allowbreak{}")
    return Tex("".join(parts))


def bookmark(text: str) -> Tex:
    """Text for the viewer's list of sections, which knows no mathematics."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return Tex("".join(_SPECIAL.get(c, c) for c in " ".join(ascii_only.split()) if c.isprintable()))


def _clusters(text: str) -> list[str]:
    """Characters with the accents on them; one space for any blanks, so that no paragraph ends in a name."""
    text = re.sub("[ \t\r\n\f\v\x85\u2028\u2029]+", " ", text)
    return _CLUSTER.findall(unicodedata.normalize("NFD", text))


def _character(cluster: str) -> str:
    whole = unicodedata.normalize("NFC", cluster)
    for table, pattern in ((_SPECIAL, "{}"), (TEXT, "{}"), (MATH, "${}$")):
        if whole in table:
            return pattern.format(table[whole])
    base, accents = cluster[0], cluster[1:]
    if not accents:
        return base if base.isascii() and base.isprintable() else code_point(base)
    if base in MATH or base in _LETTERS_OF_MATH:
        return _accented(MATH.get(base, base), accents, MATH_ACCENTS, "\\{}{{{}}}", "${}$")
    if base.isascii() and base.isalpha():
        return _accented(base, accents, TEXT_ACCENTS, "\\{}{{{}}}", "{}")
    return _character(base) + "".join(code_point(accent) for accent in accents)


def _accented(base: str, accents: str, commands: dict[str, str], pattern: str, around: str) -> str:
    """A letter under its accents; those that LaTeX does not know, after it."""
    unknown = ""
    for accent in accents[:3]:
        if accent in commands:
            base = pattern.format(commands[accent], base)
        else:
            unknown += code_point(accent)
    return around.format(base) + unknown + "".join(code_point(accent) for accent in accents[3:])


def code_point(character: str) -> str:
    """What cannot be printed, or would not be seen: its number."""
    return f"{{[}}U+{ord(character):04X}]"
