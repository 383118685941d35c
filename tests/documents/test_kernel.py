"""The kernel as text, LaTeX and SymPy expression."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import tpproof as tp
from tests.strategies import programs
from tpproof.documents.formula import to_text
from tpproof.documents.kernel import kernel_expression, kernel_latex, kernel_text
from tpproof.documents.vocabulary import Vocabulary
from tpproof.errors import TpproofError
from tpproof.program.model import Program


def first_line(name: str, **constants: Any) -> str:
    return kernel_text(tp.prove(tp.load(f"zoo:{name}", constants)).data).splitlines()[0]


def test_eq_29_one_hidden_layer() -> None:
    assert first_line("mlp1") == "K(ξ~, ξ) = ξ~ᵀξ/d·E[φ′(g0~)·φ′(g0)]"


def test_eq_57_two_hidden_layers() -> None:
    assert first_line("mlp2") == (
        "K(ξ~, ξ) = ξ~ᵀξ/d·E[φ′(g0~)·φ′(g0)]·E[φ′(g2~)·φ′(g2)] + E[φ(g0~)·φ(g0)]·E[φ′(g2~)·φ′(g2)]"
    )


def test_tied_has_the_term_that_the_paper_misses() -> None:
    assert "E[tanh′(g2~)]·E[tanh′(g2)]" in first_line("tied")


def test_factors_other_than_1_are_written() -> None:
    assert "σW1^2" in first_line("mlp", L=2, std_w=2)
    assert "σ" not in first_line("mlp", L=2)


def test_a_thousand_layers_are_definitions_and_nothing_is_left_out_silently() -> None:
    text = kernel_text(tp.prove(tp.zoo.resmlp(depth=1000)).data)
    assert len(text.splitlines()) < 60
    assert "definitions C are not shown; the certificate has all" in text


def test_the_latex_has_every_monomial() -> None:
    text = kernel_latex(tp.prove(tp.zoo.mlp2()).data)
    assert text.count(r"\mathbb{E}") == 4
    assert r"\frac{\tilde{\xi}^{\top}\xi}{d}" in text


def evaluated(vocabulary: Vocabulary, values: dict[int, Fraction], step: int) -> Fraction:
    """A sum of the certificate, straight from its steps."""
    total = Fraction(0)
    for atoms, ref in vocabulary.steps[step]["conclusion"][3]:
        term = Fraction(1)
        for a in atoms:
            term *= values[a]
        total += term * (evaluated(vocabulary, values, ref) if ref >= 0 else 1)
    return total


@settings(max_examples=25, deadline=None)
@given(programs(transposes=True, max_size=6), st.integers(0, 10**6))
def test_the_expression_is_the_sum_of_the_steps(program: Program, seed: int) -> None:
    data = tp.prove(program).data
    vocabulary = Vocabulary(data)
    values: dict[int, Fraction] = {}
    named: dict[str, Fraction] = {}
    for k in range(len(vocabulary.atoms)):
        name = to_text(vocabulary.atom(k))
        fixed = 1 if k in vocabulary.unit else 0 if k in vocabulary.zero else None
        values[k] = Fraction(fixed) if fixed is not None else Fraction(hash((name, seed)) % 97 + 1, 7)
        if fixed is None:
            named[name] = values[k]
    for step in data["steps"]:
        if step["rule"] == "path-sum":
            o, p = step["conclusion"][1:3]
            expression = kernel_expression(data, o, p)
            numbers = {sympy.Symbol(n): sympy.Rational(v.numerator, v.denominator) for n, v in named.items()}
            found = expression.subs(numbers)
            expected = evaluated(vocabulary, values, step["id"])
            assert found == sympy.Rational(expected.numerator, expected.denominator)


def test_what_has_no_expression_says_so() -> None:
    with pytest.raises(TpproofError, match="refused"):
        kernel_expression(tp.prove(tp.zoo.mlp(phi="step")).data)
    with pytest.raises(TpproofError, match="nested"):
        kernel_expression(tp.prove(tp.zoo.resmlp(depth=300)).data)
    with pytest.raises(TpproofError, match="outputs 0 and 5"):
        kernel_expression(tp.prove(tp.zoo.mlp2()).data, 0, 5)
