"""Formulas for math mode: names from strangers are letters, and long lines may be broken."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

from tpproof.documents.formula import Formula, Row, to_latex
from tpproof.documents.latex.symbols import MATH
from tpproof.documents.latex.text import Tex, code_point, escape

_COMMANDS = {  # characters that mean something to LaTeX, hidden while the formula is printed
    "\\": r"\backslash", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "^": r"\wedge",
    "~": r"\sim", "`": r"\backprime", "_": r"\_", "'": r"\prime",
}  # fmt: skip
_HIDE = {ord(c): chr(0xE000 + k) for k, c in enumerate(_COMMANDS)}
_SHOW = {chr(0xE000 + k): command for k, command in enumerate(_COMMANDS.values())}
_ORIGINAL = {ord(hidden): character for hidden, character in zip(_SHOW, _COMMANDS, strict=True)}
_RAISED = re.compile(r"(?<=[A-Za-z0-9)\] ])\{\{\}([\^_]\{[^{}]*\})\}(?![\^_{'])")
"""A sign that raises or lowers what follows, where nothing is raised or lowered yet."""
_SUBSCRIPT = re.compile(f"(?<=[^ _]){_HIDE[ord('_')]}(?=[A-Za-z0-9])")
_PROSE = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"\\text\{([^{}]{8,})\}")
_TOKEN = re.compile(r"\\[A-Za-z]+ ?|\\.|[{}()\[\]]| [+-] |, |.", re.DOTALL)
_OUTSIDE = {r"\,": r"\tpptimes ", " + ": r" \tppplus ", " - ": r" \tppminus ", ", ": r"\tppcomma "}
_INSIDE = {r"\,": r"\,\tppbreak ", " + ": r" \tppbreak + ", " - ": r" \tppbreak - ", ", ": r"\tppcomma "}
_ENDS = {
    r"\tpptimes": r"\cdot", r"\tppbreak": "", r"\tppcomma": ",", r"\tppplus": "{}+", r"\tppminus": "{}-",
    r"\allowbreak": "", "=": "{}=", **{rf"\{word}": rf"\{word}" for word in ("to", "equiv", "cong", "approx", "le")},
}  # fmt: skip
"""Where a line may end, and what stands there then."""
SHORT = 20
"""Letters of LaTeX that no line needs to be broken for."""


def math(formula: Formula) -> Tex:
    """LaTeX for math mode, ASCII only, with places where a line may end."""
    return Tex(_breakable(_printable(to_latex(_hidden(formula)))) or "{}")


def symbols(text: str) -> Tex:
    """A relation or operator, as "=" or "→"."""
    return Tex(_printable(text.translate(_HIDE)))


def _hidden(part: Any) -> Any:
    """The formula with characters that LaTeX would act on put out of its sight."""
    if isinstance(part, str):
        return _hidden_text(part)
    if isinstance(part, tuple):
        return tuple(_hidden(p) for p in part)
    if isinstance(part, Row):
        return Row(tuple(_between(p) if isinstance(p, str) else _hidden(p) for p in part.parts))
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{f.name: _hidden(getattr(part, f.name)) for f in fields(part)})
    return part


def _hidden_text(text: str) -> str:
    """No character of private use is anybody's but ours."""
    return "".join("?" if "\ue000" <= c <= "\uf8ff" or c < " " or c == "\x7f" else c for c in text).translate(_HIDE)


def _between(text: str) -> str:
    """Text between formulas: there a line below a letter is a subscript, as in Σ_p."""
    return _SUBSCRIPT.sub("_", _hidden_text(text))


def _printable(latex: str) -> str:
    if latex.isascii():
        return latex
    latex = _PROSE.sub(lambda found: rf"\text{{{escape(found[1].translate(_ORIGINAL))}}}", latex)
    return _RAISED.sub(r"\1", "".join(c if c.isascii() else _symbol(c) for c in latex))


def _symbol(character: str) -> str:
    command = _SHOW.get(character) or MATH.get(character)
    if not command:
        return rf"\text{{{code_point(character)}}}"
    return command + " " if command[-1].isalpha() else command


def _breakable(latex: str) -> str:
    """Places for a line to end: before a plus or minus, in products, behind a word; inside brackets only in need."""
    if len(latex) < SHORT:
        return latex
    parts = []
    braces = brackets = 0
    for token in _without_groups(_TOKEN.findall(_WORDS.sub(_word_by_word, latex))):
        braces += (token == "{") - (token == "}")
        brackets += (token in "([") - (token in ")]")
        parts.append(token if braces else (_INSIDE if brackets else _OUTSIDE).get(token, token))
    return "".join(parts)


def _without_groups(tokens: list[str]) -> list[str]:
    """A sum in parentheses under an exponent is no group: a line may end in it."""
    opened: list[int] = []
    for k, token in enumerate(tokens):
        if token == "{":
            opened.append(k)
        elif token == "}" and opened:
            start = opened.pop()
            if tokens[start + 1] == "(" and tokens[k - 1] == ")" and tokens[k + 1 : k + 2] == ["^"]:
                tokens[start] = tokens[k] = ""
    return tokens


def unbroken(latex: str) -> list[str]:
    """The pieces of a formula between which a line may end, each with the sign that then stands at its end."""
    pieces = [""]
    braces = 0
    for token in _TOKEN.findall(latex):
        braces += (token == "{") - (token == "}")
        if braces == 0 and token.strip() in _ENDS:
            pieces += [pieces.pop() + _ENDS[token.strip()], ""]
        else:
            pieces[-1] += token
    return [piece for piece in pieces if piece]


def _word_by_word(found: re.Match[str]) -> str:
    return r"\allowbreak ".join(rf"\text{{{word}}}" for word in re.findall(" *[^ ]+ *| +", found[1]))
