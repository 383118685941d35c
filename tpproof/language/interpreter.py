"""Reads `.tp` text: parsed with `ast`, interpreted statement by statement, never executed by Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from tpproof.errors import Place, TpproofError
from tpproof.language.expressions import TEXT_LENGTH, Evaluator, Item
from tpproof.language.syntax import STATEMENTS, closest, syntax_tree
from tpproof.language.tables import adjacency
from tpproof.language.tracing import building
from tpproof.language.values import describe
from tpproof.limits import DEFAULT, Limits
from tpproof.program.builder import Builder
from tpproof.program.model import Program


def parse(
    text: str, file: str, overrides: Mapping[str, str] | None = None, limits: Limits = DEFAULT, name: str = "network"
) -> Program:
    """The program of `.tp` text.

    Parameters
    ----------
    text
        The source.
    file
        Its name, for messages.
    overrides
        ``-D name=value``: constants of the text that get another value, written in the same language; a text may
        stand without quotes where it takes a text's place, and ``@FILE`` is the adjacency matrix in a file.
    limits
        Bounds on size, depth and steps.
    name
        The program's name.

    Raises
    ------
    TpproofError
        E101–E131, with the place in the text.
    """
    tree = syntax_tree(text, file, limits)
    defaults = _top_level(tree)
    _expect_overridable(defaults, overrides or {}, file)
    wanted = {key: _override(key, value, defaults[key], limits) for key, value in (overrides or {}).items()}
    with building(Builder(limits)) as builder:
        interpreter = Interpreter(builder, file, text, wanted)
        interpreter.block(tree.body, top=True)
        builder.place = Place(file, max(len(interpreter.lines), 1), 1)
        return builder.program(name)


def _override(key: str, value: str, default: ast.expr, limits: Limits) -> Item:
    if value.startswith("@"):
        return adjacency(value[1:], limits)
    if isinstance(default, ast.Constant) and isinstance(default.value, str) and value.strip()[:1] not in ('"', "'"):
        return value.strip()[:TEXT_LENGTH]
    file = f"-D {key}"
    tree = syntax_tree(value.strip(), file, limits)
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        raise TpproofError("E106", f"-D {key}={value[:60]}", "one value, such as 5, 3/10, relu or True")
    interpreter = Interpreter(Builder(limits), file, value.strip(), {})
    return interpreter.value(tree.body[0].value)


def _top_level(tree: ast.Module) -> dict[str, ast.expr]:
    """The names that a text assigns outside of loops, with what it assigns first."""
    found: dict[str, ast.expr] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, statement.value)
    return found


def _expect_overridable(defined: Mapping[str, ast.expr], wanted: Mapping[str, str], file: str) -> None:
    for key in wanted:
        if key not in defined:
            expected = f"a name that {file} assigns at its top level: {', '.join(sorted(defined)) or 'none'}"
            raise TpproofError("E106", f"-D {key}", expected, None, closest(key, defined))


class Interpreter(Evaluator):
    """Runs the statements of a text."""

    def __init__(self, builder: Builder, file: str, text: str, overrides: Mapping[str, Item]) -> None:
        super().__init__(builder, file, text)
        self.overrides = dict(overrides)

    # statements -------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt], top: bool = False) -> None:
        for statement in body:
            self.spend(statement)
            try:
                self.statement(statement, top)
            except TpproofError as error:
                raise error.at(self.place(statement)) from None

    def statement(self, node: ast.stmt, top: bool) -> None:
        match node:
            case ast.Assign(targets=targets):
                overridden = self._override_of(targets) if top else None
                value = self.value(node.value) if overridden is None else self.overrides.pop(overridden)
                for target in targets:
                    self.assign(target, value)
            case ast.AugAssign(target=ast.Name() as target):
                self.augment(node, target)
            case ast.For(orelse=[]):
                for item in self.items(node.iter):
                    self.assign(node.target, item)
                    self.block(node.body)
            case ast.Assert():
                self.check(node)
            case ast.If():
                self.block(node.body if self.truth(node.test) else node.orelse)
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call()):
                self.value(node.value)
            case ast.Expr():
                self.fail(node, "E102", "an expression whose value is not used", STATEMENTS)
            case _:
                self.unknown(node, STATEMENTS)

    def check(self, node: ast.Assert) -> None:
        """`assert condition, "what is wanted"`: options that a network does not have are refused."""
        if not self.truth(node.test):
            wanted = node.msg.value if isinstance(node.msg, ast.Constant) else "another value (with -D)"
            condition = ast.get_source_segment("\n".join(self.lines), node.test) or "the condition"
            found = ", ".join([f"not {condition[:100]}", *self._values_in(node.test)[:4]])
            self.fail(node, "E107", found, str(wanted)[:200])

    def _values_in(self, condition: ast.expr) -> list[str]:
        """What the names in a condition stand for."""
        names = dict.fromkeys(part.id for part in ast.walk(condition) if isinstance(part, ast.Name))
        return [f"{name} being {describe(self.names[name])}" for name in names if name in self.names]

    def _override_of(self, targets: list[ast.expr]) -> str | None:
        """The -D name that this assignment would set, the first time it is assigned."""
        return next((t.id for t in targets if isinstance(t, ast.Name) and t.id in self.overrides), None)

    def augment(self, node: ast.AugAssign, target: ast.Name) -> None:
        """`x += y`; a list grows in place, as in Python."""
        old, value = self.name(target), self.value(node.value)
        if isinstance(old, list) and isinstance(node.op, ast.Add):
            if not isinstance(value, list | tuple):
                self.fail(node, "E120", f"a list plus {describe(value)}", "a list plus a list")
            self.spend(node, len(value))
            self._expect_length(node, len(old) + len(value))
            old.extend(value)
        else:
            self.assign(target, self.binary(node, node.op, old, value))
