"""The page and the article: complete, escaped, and saying the same."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest

import tpproof as tp
from tests.networks import parallel_transposes, recurrent, residual, tied, two_hidden_layers
from tpproof.documents import render_html, render_latex
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
from tpproof.documents.model import document
from tpproof.language.source import load
from tpproof.program.listing import listing

NETWORKS = [two_hidden_layers(), residual(3), recurrent(3, every=True), tied(), parallel_transposes()]


def data_of(program: Any) -> dict[str, Any]:
    return tp.prove(program).data


def html_steps(page: str) -> list[tuple[int, str, str, tuple[int, ...]]]:
    row = r'<tr class="step" id="step-(\d+)"><td>\d+</td><td>(.*?)</td><td>(.*?)</td>.*?</td><td>(.*?)</td></tr>'
    rows = re.findall(row, page)
    return [(int(i), e, r, tuple(map(int, re.findall(r'href="#step-(\d+)"', links)))) for i, e, r, links in rows]


def latex_steps(text: str) -> list[tuple[int, str, str, tuple[int, ...]]]:
    rows = re.findall(r"\\label\{step-(\d+)\}\d+ & (.*?) & (.*?) & .*? & (.*?) \\\\\n", text)
    return [(int(i), e, r, tuple(map(int, re.findall(r"hyperref\[step-(\d+)\]", links)))) for i, e, r, links in rows]


def untexed(text: str) -> str:
    return text.replace("--", "–")


@pytest.mark.parametrize("program", NETWORKS, ids=lambda p: p.name)
def test_both_have_every_step_of_the_certificate(program: Any) -> None:
    data = data_of(program)
    page, article = html_steps(render_html(data)), latex_steps(render_latex(data))
    assert [(i, r, links) for i, _, r, links in page] == [(i, r, links) for i, _, r, links in article]
    steps = {s["id"]: s for s in data["steps"]}
    assert sorted(i for i, *_ in page) == sorted(steps)
    for i, equation, rule, links in page:
        assert (equation, rule) == (steps[i]["equation"], steps[i]["rule"])
        assert list(links) == steps[i]["premises"][:12]
    for i, equation, _, _ in article:
        assert untexed(equation) == steps[i]["equation"]


@pytest.mark.parametrize("program", NETWORKS, ids=lambda p: p.name)
def test_the_mathml_is_well_formed_and_the_page_needs_nothing_from_outside(program: Any) -> None:
    page = render_html(data_of(program))
    formulas = re.findall(r"<math>.*?</math>", page)
    assert len(formulas) > 10
    for formula in formulas:
        ET.fromstring(formula)
    assert not re.search(r"<script|src=|https?://", page)


@pytest.mark.parametrize("program", NETWORKS, ids=lambda p: p.name)
def test_the_latex_is_balanced(program: Any) -> None:
    text = render_latex(data_of(program))
    bare = re.sub(r"\\[{}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    assert text.isascii()
    for line in text.splitlines():
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line


HOSTILE = ["<script>alert(1)</script>", r"\input{/etc/passwd}", "{{7*7}}", "<<7*7>>", "${x}", "a%b#c&d_e^f~g"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    data = copy.deepcopy(data_of(two_hidden_layers()))
    data["evidence"]["name"] = name
    page, article = render_html(data), render_latex(data)
    assert "<script" not in page
    assert r"\input" not in article
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", page)[0]
    assert "49" not in re.findall(r"\\title\{(.*)", article)[0]

    class Title(HTMLParser):
        found = ""

        def handle_data(self, text: str) -> None:
            self.found += text

    reader = Title()
    reader.feed(re.findall(r"<h1>.*?</h1>", page)[0])
    assert reader.found == name


def test_a_refused_network_says_why_and_has_no_kernel() -> None:
    data = tp.prove(tp.zoo.mlp(phi="step")).data
    for text in (render_html(data), render_latex(data)):
        assert "refused" in text
        assert "not continuous" in text
        assert "sigmoid(10*x)" in text
        assert "Kernel" not in text


def test_a_contracted_network_shows_where_the_path_sum_fails() -> None:
    data = data_of(tied())
    doc = document(data)
    contraction = next(s for s in doc.sections if s.title == "Contractions")
    assert to_text(contraction.steps[0].formula) == "Z\u0307^{g4} = σW^2·E[tanh′(g2)]·Z^{x1}"
    page = render_html(data)
    assert "Where the paper" in page
    assert "Where the paper" not in render_html(data_of(parallel_transposes()))


def test_a_long_proof_is_folded_and_says_so() -> None:
    data = tp.prove(tp.zoo.resmlp(depth=300)).data
    page, article = render_html(data), render_latex(data)
    omitted = [s.omitted for s in document(data).sections if s.omitted]
    assert omitted
    for count in omitted:
        assert f"{count} steps in the middle are left out" in page
        assert f"{count} steps in the middle are left out" in article
    assert len(page) < 1_500_000


def test_widths_that_are_not_n_are_told() -> None:
    program = load("zoo:bottleneck", {"widths": "[1, 1/4, 2]"})
    declared = {name: numbers for _, name, numbers in document(data_of(program)).declarations}
    assert declared["W1"].endswith("rows 1/4")
    assert declared["W2"].endswith("rows 2, cols 1/4")
    assert "rows" not in declared["b0"]
    shapes = {line.split()[1]: line.split()[2] for line in listing(program).splitlines() if line.startswith("M")}
    assert shapes["W1"] == "(1/4)n×n"
    assert shapes["W2"] == "2n×(1/4)n"


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
