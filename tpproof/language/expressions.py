"""The expressions of the language, evaluated over a syntax tree that Python never executes."""

from __future__ import annotations

import ast
import inspect
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from tpproof.errors import TpproofError
from tpproof.language import values as ops
from tpproof.language.syntax import EXPRESSIONS, Reader, closest
from tpproof.language.tracing import DECLARATIONS, KNOWN_FUNCTIONS
from tpproof.language.values import (
    Function,
    InputVector,
    Matrix,
    Number,
    constant_of,
    describe,
    index_in,
    number,
    whole,
)
from tpproof.limits import DEFAULT
from tpproof.program import constants
from tpproof.program.builder import Builder

Item: TypeAlias = Any
"""What a name can stand for: a `Value`, a number, a truth value, text, None, a list, a tuple or a function."""

_BINARY: dict[type[ast.operator], Callable[[Item, Item], Item]] = {
    ast.Add: ops.add,
    ast.Sub: ops.subtract,
    ast.Mult: ops.multiply,
    ast.Div: ops.divide,
    ast.Pow: ops.power,
    ast.MatMult: ops.matmul,
}
_INTEGER: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_DECIMAL = re.compile(r"[0-9_]*\.?[0-9_]*(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?\Z")
TEXT_LENGTH = 1000


class Evaluator(Reader):
    """Gives expressions their values. Names live in one flat table; comprehension variables are put back."""

    def __init__(self, builder: Builder, file: str, text: str) -> None:
        super().__init__(file, text, builder.limits)
        self.builder = builder
        self.names: dict[str, Item] = {}

    def assign(self, target: ast.expr, value: Item) -> None:
        match target:
            case ast.Name(id=name):
                if name in DECLARATIONS or name in KNOWN_FUNCTIONS or name in ("range", "len"):
                    self.fail(target, "E110", f"{name!r}, which is a known function", "another name")
                self.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                items = self.listed(target, value)
                if len(items) != len(targets):
                    self.fail(target, "E102", f"{len(items)} values for {len(targets)} names", "as many as names")
                for part, item in zip(targets, items, strict=True):
                    self.assign(part, item)
            case _:
                self.fail(target, "E102", f"an assignment to a {type(target).__name__.lower()}", "name = value")

    # lists ------------------------------------------------------------------------------------------------

    def items(self, node: ast.expr) -> list[Item]:
        """What a loop runs over."""
        return list(self.listed(node, self.value(node)))

    def listed(self, node: ast.expr, value: Item) -> list[Item]:
        if isinstance(value, InputVector) and value.count is not None:
            return [value[Fraction(t)] for t in range(value.count)]
        if not isinstance(value, list | tuple):
            self.fail(node, "E102", describe(value), "a range, a list, a tuple or an input with a count")
        self.spend(node, len(value))
        return list(value)

    def _expect_length(self, node: ast.AST, length: int) -> None:
        if length > self.limits.list_length:
            self.fail(node, "E104", f"a list of {length}", f"at most {self.limits.list_length}")

    def range(self, node: ast.AST, bounds: list[Item]) -> list[Fraction]:
        numbers = [whole(b) for b in bounds]
        if not 1 <= len(numbers) <= 3 or None in numbers or (len(numbers) == 3 and numbers[2] == 0):
            found = f"range({', '.join(describe(b) for b in bounds)})"
            self.fail(node, "E123", found, "range of one to three integers")
        steps = range(*(n for n in numbers if n is not None))
        try:
            length = len(steps)
        except OverflowError:
            length = 2**63
        self._expect_length(node, length)
        self.spend(node, length)
        return [Fraction(i) for i in steps]

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> list[Item]:
        if len(node.generators) != 1 or node.generators[0].is_async:
            self.fail(node, "E102", "a comprehension with several loops", "one `for … in`, nested if need be")
        loop = node.generators[0]
        items, before = self.items(loop.iter), dict(self.names)
        found = []
        for item in items:
            self.assign(loop.target, item)
            if all(self.truth(test) for test in loop.ifs):
                found.append(self.value(node.elt))
        self.names = before
        return found

    # expressions ------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Item:
        self.spend(node)
        try:
            return self.expression(node)
        except TpproofError as error:
            raise error.at(self.place(node)) from None

    def expression(self, node: ast.expr) -> Item:
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return self.name(node)
            case ast.BinOp():
                return self.binary(node, node.op, self.value(node.left), self.value(node.right))
            case ast.UnaryOp():
                return self.unary(node)
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript():
                return self.subscript(node)
            case ast.List() | ast.Tuple():
                items = [self.value(item) for item in node.elts]
                return items if isinstance(node, ast.List) else tuple(items)
            case ast.ListComp() | ast.GeneratorExp():
                return self.comprehension(node)
            case ast.JoinedStr():
                return self.text(node)
            case ast.Compare() | ast.BoolOp():
                return self.truth(node)
            case ast.IfExp():
                return self.value(node.body if self.truth(node.test) else node.orelse)
        self.unknown(node, EXPRESSIONS)

    def constant(self, node: ast.Constant) -> Item:
        match node.value:
            case bool() | None:
                return node.value
            case str():
                if len(node.value) > TEXT_LENGTH:
                    self.fail(node, "E104", f"a text of {len(node.value)}", f"at most {TEXT_LENGTH} characters")
                return node.value
            case int():
                return number(constants.add(Fraction(node.value)))
            case float():
                return number(constants.add(self.decimal(node)))
        found = f"a constant of kind {type(node.value).__name__}"
        self.fail(node, "E102", found, "an exact number, a text, True, False or None")

    def decimal(self, node: ast.Constant) -> Fraction:
        """0.3 is 3/10: read from the source, not from the float."""
        line = self.lines[node.lineno - 1].encode()
        digits = line[node.col_offset : node.end_col_offset].decode(errors="replace").strip()
        match = _DECIMAL.match(digits)
        if match is None or abs(int(match["exponent"] or 0)) > DEFAULT.constant_digits or len(digits) > 200:
            self.fail(node, "E104", f"the number {digits[:60]}", f"at most {DEFAULT.constant_digits} digits")
        return Fraction(digits.replace("_", ""))

    def name(self, node: ast.Name) -> Item:
        for table in (self.names, KNOWN_FUNCTIONS):
            if node.id in table:
                return table[node.id]
        if node.id in DECLARATIONS or node.id in ("range", "len"):
            self.fail(node, "E102", f"{node.id} without a call", f"{node.id}(…)")
        known = [*self.names, *KNOWN_FUNCTIONS, *DECLARATIONS, "range", "len"]
        expected = "a name defined above, or a known function"
        self.fail(node, "E103", f"{node.id[:80]!r}", expected, closest(node.id, known))

    def binary(self, node: ast.AST, op: ast.operator, left: Item, right: Item) -> Item:
        self.builder.place = self.place(node)
        if isinstance(left, list | tuple) or isinstance(right, list | tuple):
            return self.sequence(node, op, left, right)
        if type(op) in _BINARY:
            return _BINARY[type(op)](left, right)
        x, y = constant_of(left), constant_of(right)
        if type(op) in _INTEGER and isinstance(x, Fraction) and isinstance(y, Fraction):
            if y == 0:
                self.fail(node, "E125", "division by 0", "another divisor")
            return Fraction(_INTEGER[type(op)](x, y))
        self.fail(node, "E102", f"the operator {type(op).__name__}", "+ - * / ** @, and // % on constants")

    def sequence(self, node: ast.AST, op: ast.operator, left: Item, right: Item) -> Item:
        """[a] + [b], and [a] * 3."""
        if isinstance(op, ast.Add) and type(left) is type(right):
            length = len(left) + len(right)
        elif isinstance(op, ast.Mult) and isinstance(left, list | tuple) and whole(right) is not None:
            right = whole(right)
            length = len(left) * right
        else:
            self.fail(node, "E120", f"{describe(left)} with {describe(right)}", "list + list, or list * integer")
        self._expect_length(node, length)
        self.spend(node, max(length, 0))
        return left + right if isinstance(op, ast.Add) else left * right

    def unary(self, node: ast.UnaryOp) -> Item:
        if isinstance(node.op, ast.Not):
            return not self.truth(node.operand)
        value = self.value(node.operand)
        self.builder.place = self.place(node)
        if isinstance(node.op, ast.USub):
            return ops.negate(value)
        if isinstance(node.op, ast.UAdd):
            return value
        self.fail(node, "E102", "the operator ~", "+ or -")

    def attribute(self, node: ast.Attribute) -> Item:
        value = self.value(node.value)
        if node.attr == "T" and isinstance(value, Matrix):
            return value.T
        found = f"the attribute .{node.attr[:40]} of {describe(value)}"
        self.fail(node, "E102", found, "W.T of a matrix, nothing else")

    def subscript(self, node: ast.Subscript) -> Item:
        value = self.value(node.value)
        if isinstance(value, list | tuple) and isinstance(node.slice, ast.Slice):
            return value[self.slice(node.slice)]
        if isinstance(value, list | tuple):
            return value[index_in(self.value(node.slice), len(value))]
        if isinstance(value, InputVector) and value.count is not None and not isinstance(node.slice, ast.Slice):
            self.builder.place = self.place(node)
            return value[self.value(node.slice)]
        self.fail(node, "E124", f"an index into {describe(value)}", "a list, a tuple, or an input with a count")

    def slice(self, node: ast.Slice) -> slice:
        parts = [None if part is None else self.value(part) for part in (node.lower, node.upper, node.step)]
        wholes = [None if part is None else whole(part) for part in parts]
        if any(w is None and p is not None for w, p in zip(wholes, parts, strict=True)) or wholes[2] == 0:
            self.fail(node, "E124", "a slice that is no integers", "xs[1:3]")
        return slice(*wholes)

    def text(self, node: ast.JoinedStr) -> str:
        parts = []
        for part in node.values:
            if not isinstance(part, ast.FormattedValue):
                parts.append(str(self.value(part)))
                continue
            value = self.value(part.value)
            if part.format_spec is not None or part.conversion != -1:
                self.fail(part, "E102", "a format in an f-string", "{name} alone")
            if not isinstance(value, str | Function) and whole(value) is None:
                self.fail(part, "E102", f"{describe(value)} in an f-string", "an integer, a text or a function")
            parts.append(str(value))
        joined = "".join(parts)
        if len(joined) > TEXT_LENGTH:
            self.fail(node, "E104", f"a text of {len(joined)}", f"at most {TEXT_LENGTH} characters")
        return joined

    # conditions -------------------------------------------------------------------------------------------

    def truth(self, node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=ast.And()):
                return all(self.truth(part) for part in node.values)
            case ast.BoolOp():
                return any(self.truth(part) for part in node.values)
            case ast.Compare():
                return self.compared(node)
        value = self.value(node)
        if isinstance(value, bool | str | list | tuple) or value is None:
            return bool(value)
        exact = constant_of(value)
        if exact is None:
            self.fail(node, "E102", f"{describe(value)} as a condition", "a condition on constants")
        return constants.sign(exact) != 0

    def compared(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if type(op) not in (*_COMPARE, ast.In, ast.NotIn):
                self.fail(node, "E102", f"the comparison {type(op).__name__}", "== != < <= > >= in")
            if not self.holds(node, op, left, right):
                return False
            left = right
        return True

    def holds(self, node: ast.Compare, op: ast.cmpop, left: Item, right: Item) -> bool:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, list | tuple):
                self.fail(node, "E102", f"in {describe(right)}", "in a list or a tuple")
            self.spend(node, len(right))
            return any(self.holds(node, ast.Eq(), left, item) for item in right) is isinstance(op, ast.In)
        x, y = constant_of(left), constant_of(right)
        if x is not None and y is not None:
            return _COMPARE[type(op)](constants.compare(x, y), 0)
        plain = (str, bool, Function, type(None), int, Fraction, Number)
        comparable = isinstance(left, plain) and isinstance(right, plain) and isinstance(op, ast.Eq | ast.NotEq)
        truth_with_number = bool in (type(left), type(right)) and (x is not None or y is not None)  # 1 is Python's True
        if not comparable or truth_with_number:
            found = f"{describe(left)} compared with {describe(right)}"
            self.fail(node, "E102", found, "a comparison of constants")
        return (type(left) is type(right) and left == right) is isinstance(op, ast.Eq)

    # calls ------------------------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Item:
        keywords: dict[str, Item] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.fail(node, "E102", "a ** argument", "name=value")
            keywords[keyword.arg] = self.value(keyword.value)
        name = node.func.id if isinstance(node.func, ast.Name) and node.func.id not in self.names else None
        if name in ("range", "len") and not keywords:
            args = [self.value(arg) for arg in node.args]
            return self.range(node, args) if name == "range" else self.length(node, args)
        function = DECLARATIONS[name] if name in DECLARATIONS else self.value(node.func)
        if name not in DECLARATIONS and not isinstance(function, Function):
            self.fail(node, "E123", f"a call of {describe(function)}", "a known function or a declared nonlinearity")
        args = [self.value(arg) for arg in node.args]
        self.builder.place = self.place(node)
        self.expect_arguments(node, function, args, keywords)
        return function(*args, **keywords)

    def expect_arguments(self, node: ast.Call, function: Item, args: list[Item], keywords: Mapping[str, Item]) -> None:
        if isinstance(function, Function):
            if keywords:
                self.fail(node, "E123", f"{next(iter(keywords))}=… in a call of {function}", "arguments without names")
            return
        signature = inspect.signature(function)
        try:
            signature.bind(*args, **keywords)
        except TypeError as error:
            called = getattr(function, "__name__", "call")
            allowed = ", ".join(str(p).split(":")[0] for p in signature.parameters.values())
            wrong = [k for k in keywords if k not in signature.parameters]
            suggestion = closest(wrong[0], signature.parameters) if wrong else None
            self.fail(node, "E112", str(error), f"{called}({allowed})", suggestion)

    def length(self, node: ast.Call, args: list[Item]) -> Fraction:
        if len(args) == 1 and isinstance(args[0], list | tuple | InputVector):
            return Fraction(len(args[0]))
        self.fail(node, "E123", f"len of {', '.join(describe(a) for a in args) or 'nothing'}", "len of a list or tuple")
