"""Where the lines of a formula may end, and what it looks like."""

from __future__ import annotations

import re

import pytest

from tests.documents.latex.examples import long_sum
from tpproof.documents.blocks import Code, Column, Table, TableRow
from tpproof.documents.formula import Call, Derivative, Formula, Mean, Name, Number, Power, Product, Row, Sum, Words
from tpproof.documents.latex import tables
from tpproof.documents.latex.mathematics import display, math, unbroken

F, X, Y = Name("phi"), Name("x", "1"), Name("y", "2")
CALL = Call(F, (X, Y))


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        (X, "x_{1}"),
        (Sum((CALL, CALL)), r"\mathrm{phi}(x_{1}\tppcomma y_{2}) \tppplus \mathrm{phi}(x_{1}\tppcomma y_{2})"),
        (Product((CALL, X)), r"\mathrm{phi}(x_{1}\tppcomma y_{2})\tpptimes x_{1}"),
        (Mean(Product((Call(F, (X,)), X))), r"\mathbb{E}[\mathrm{phi}(x_{1})\,\tppbreak x_{1}]"),
        (Power(Sum((CALL, X)), "2"), r"(\mathrm{phi}(x_{1}\tppcomma y_{2}) \tppbreak + x_{1})^{2}"),
        (Words("words of more than one line"), r"\text{words }\allowbreak \text{of }\allowbreak \text{more }"
         r"\allowbreak \text{than }\allowbreak \text{one }\allowbreak \text{line}"),
        (Row((Name("σ"), "²")), r"\sigma^{2}"),
        (Row(("Σ_{i, j} ", X, " Σ_p Σ^{2}")), r"\sum_{i, j} x_{1} \sum_p \sum^{2}"),
        (Row(("Σ_{i}}", X, "_")), r"\sum_{i}\}x_{1}\_"),
        (Name("a_b", "c_d"), r"\mathrm{a\_b}_{c\_d}"),
        (Number(""), "{}"),
    ],
)  # fmt: skip
def test_a_formula_says_where_its_lines_may_end(formula: Formula, latex: str) -> None:
    assert re.sub(r"(sigma|sum) ", r"\1", math(formula)) == latex


def test_nothing_breaks_inside_of_a_group() -> None:
    latex = math(Derivative(long_sum(2), X))
    assert r"\tpptimes" not in latex
    assert r"\tppplus" not in latex


def test_brackets_around_a_fraction_are_tall_in_a_display_only() -> None:
    fraction = Mean(Product((Derivative(X, Y), Call(F, (X,)))))
    assert r"\biggl[" in display(fraction)
    assert display(fraction).count(r"\bigg") == 2
    assert r"\bigg" not in math(fraction)
    assert r"\bigg" not in display(Power(Sum((Derivative(X, Y), X)), "a")).partition("^")[2]


def test_the_pieces_of_a_formula_are_what_stands_between_its_breaks() -> None:
    assert unbroken(math(Sum((CALL, Product((CALL, X)))))) == [
        r"\mathrm{phi}(x_{1},", "y_{2}) {}+", r"\mathrm{phi}(x_{1},", r"y_{2})\cdot", "x_{1}",
    ]  # fmt: skip


def test_the_longest_cells_and_pieces_are_measured_once() -> None:
    rows = tuple(TableRow(((str(k % 3) * (k + 1),), ("a word, ", Code("ab" * 20), " ", CALL))) for k in range(20))
    table = Table((Column("k"), Column("what", 0.5)), rows)
    assert [len(str(cell)) for (cell,) in tables.longest(table, 0)] == [20, 19, 18, 17, 16, 15]
    pieces = tables.pieces(table, 1)
    assert pieces[:2] == [r"\tppcode{abababababab}", r"$\mathrm{phi}(x_{1},$"]
    assert len(pieces) == len(set(pieces))


def test_columns_without_a_share_are_narrow_unless_their_cells_are_long() -> None:
    rows = (TableRow((("short",), ("x" * 60,), ("words",))),)
    table = Table((Column("a"), Column("b"), Column("c", 0.6)), rows)
    assert tables.shares(table) == [0.0, pytest.approx(1 / 3, abs=1e-3), pytest.approx(2 / 3, abs=1e-3)]
