"""From text to a syntax tree of bounded size and depth, and the places in it."""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterable
from typing import NoReturn

from tpproof.errors import Place, TpproofError
from tpproof.limits import Limits

_WORDS: dict[str, str] = {
    "Import": "an import",
    "ImportFrom": "an import",
    "FunctionDef": "a function definition",
    "AsyncFunctionDef": "a function definition",
    "ClassDef": "a class",
    "Lambda": "a lambda",
    "While": "a while loop",
    "With": "a with block",
    "Try": "a try block",
    "Raise": "a raise",
    "Delete": "a del",
    "Global": "a global",
    "Nonlocal": "a nonlocal",
    "Return": "a return",
    "Break": "a break",
    "Continue": "a continue",
    "Match": "a match",
    "Dict": "a dictionary",
    "Set": "a set",
    "DictComp": "a dictionary comprehension",
    "SetComp": "a set comprehension",
    "NamedExpr": "an assignment inside an expression",
    "Await": "an await",
    "Yield": "a yield",
    "Starred": "a starred expression",
    "AnnAssign": "an annotation",
}
STATEMENTS = "declarations, assignments, for … in, if, assert, output(…)"
EXPRESSIONS = "arithmetic, @, calls of known functions, lists, indexing, f-strings, comprehensions"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name nearest to a misspelt one."""
    return next(iter(difflib.get_close_matches(word, list(known), 1)), None)


def syntax_tree(text: str, file: str, limits: Limits) -> ast.Module:
    """The tree, not deeper than the limit. Raises E101 or E104."""
    if len(text) > limits.source_bytes:
        raise TpproofError("E104", f"{file}: {len(text)} characters", f"at most {limits.source_bytes}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, file)
    except SyntaxError as error:
        column = max(error.offset or 1, 1) - 1
        place = _window(file, error.lineno or 1, column, (error.text or "").rstrip("\r\n"))
        raise TpproofError("E101", str(error.msg)[:200], "the syntax of docs/language.md", place) from None
    except (RecursionError, MemoryError):
        raise TpproofError("E104", f"{file}: an expression nested too deeply", _depth_text(limits)) from None
    except ValueError as error:
        raise TpproofError("E101", str(error), "text without NUL characters", Place(file, 1, 1)) from None
    _expect_shallow(tree, file, limits)
    return tree


def _window(file: str, line: int, column: int, text: str) -> Place:
    """A place (column from 0); of a very long line no text is shown, because the caret would not stand under it."""
    return Place(file, line, column + 1, text if len(text) <= 160 else "")


def _depth_text(limits: Limits) -> str:
    return f"depth at most {limits.syntax_depth}; give names to the parts, or use sum([…])"


def _expect_shallow(tree: ast.Module, file: str, limits: Limits) -> None:
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > limits.syntax_depth:
            place = Place(file, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)
            raise TpproofError("E104", "an expression nested too deeply", _depth_text(limits), place)
        todo.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


class Reader:
    """Knows the text: where a node stands, how much has been spent on it, and how to complain."""

    def __init__(self, file: str, text: str, limits: Limits) -> None:
        self.file, self.limits = file, limits
        self.lines = text.split("\n")
        self.steps = 0

    def place(self, node: ast.AST) -> Place:
        line = getattr(node, "lineno", 1)
        text = self.lines[line - 1].rstrip("\r") if line <= len(self.lines) else ""
        offset = getattr(node, "col_offset", 0)  # counted in UTF-8 bytes
        column = len(text.encode()[:offset].decode(errors="ignore"))
        return _window(self.file, line, column, text)

    def fail(self, node: ast.AST, code: str, found: str, expected: str, suggestion: str | None = None) -> NoReturn:
        raise TpproofError(code, found, expected, self.place(node), suggestion)

    def spend(self, node: ast.AST, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > self.limits.interpreter_steps:
            allowed = f"at most {self.limits.interpreter_steps} steps"
            self.fail(node, "E104", "a text that takes too long to read", allowed)

    def unknown(self, node: ast.AST, allowed: str) -> NoReturn:
        kind = type(node).__name__
        self.fail(node, "E102", _WORDS.get(kind, f"a construct of kind {kind}"), allowed)
