"""One tree, three printers."""

from __future__ import annotations

import pytest

from tpproof.documents.formula import (
    Formula,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    to_latex,
    to_mathml,
    to_text,
)


@pytest.mark.parametrize(
    ("formula", "text", "latex"),
    [
        (Power(Product((Number("1/6"), Number("6"))), "3"), "((1/6)·6)^3", r"{(\tfrac{1}{6}\,6)}^{3}"),
        (Power(Number("-1"), "2"), "(-1)^2", "{(-1)}^{2}"),
        (Power(Number("1/2"), "2"), "(1/2)^2", r"{(\tfrac{1}{2})}^{2}"),
        (Power(Name("σ", "W", above="2"), "2"), "(σW^2)^2", "{(\\sigma_{W}^{2})}^{2}"),
        (Power(Quotient(Name("a"), Name("d")), "2"), "(a/d)^2", r"{(\frac{a}{d})}^{2}"),
        (Power(Power(Number("2"), "1/2"), "3"), "(2^(1/2))^3", "{({2}^{1/2})}^{3}"),
        (Power(Mean(Name("x")), "2"), "E[x]^2", r"{\mathbb{E}[x]}^{2}"),
        (Product((Name("a"), Number("-1"))), "a·(-1)", r"a\,(-1)"),
    ],
)  # fmt: skip
def test_powers_and_products_are_read_as_they_are_meant(formula: Formula, text: str, latex: str) -> None:
    assert (to_text(formula), to_latex(formula)) == (text, latex)
    assert to_mathml(formula).count(">(<") == latex.count("(")
