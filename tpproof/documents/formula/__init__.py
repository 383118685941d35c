"""Formulas: one tree, three printers."""

from tpproof.documents.formula.latex import tex_symbols, to_latex
from tpproof.documents.formula.lines import to_mathml_lines
from tpproof.documents.formula.mathml import to_mathml
from tpproof.documents.formula.text import to_text
from tpproof.documents.formula.tree import (
    GREEK,
    Call,
    Derivative,
    Formula,
    Limit,
    Mean,
    Name,
    Number,
    Power,
    Product,
    Quotient,
    Row,
    Sum,
    Words,
    letter,
    product,
    total,
)

__all__ = [
    "GREEK",
    "Call",
    "Derivative",
    "Formula",
    "Limit",
    "Mean",
    "Name",
    "Number",
    "Power",
    "Product",
    "Quotient",
    "Row",
    "Sum",
    "Words",
    "letter",
    "product",
    "tex_symbols",
    "to_latex",
    "to_mathml",
    "to_mathml_lines",
    "to_text",
    "total",
]
