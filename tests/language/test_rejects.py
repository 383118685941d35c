"""Wrong networks: one error, with its code, its place and what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.limits import Limits
from tpproof.program.model import Program

HEAD = 'xi = input("xi", 2)\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nx = U @ xi[0]\n'
"""Five lines; a case begins on line 6."""

CASES: list[tuple[str, str, int, int | None, str]] = [  # text after HEAD, code, line, column, phrase
    ('b = bias("W")', "E110", 6, 5, "'W'"),
    ('b = bias("tanh")', "E110", 6, 5, "known function"),
    ('b = bias("2b")', "E111", 6, 5, "letters"),
    ('b = bias("ü")', "E111", 6, 5, "letters"),
    ('b = bias("b", stdd=2)', "E112", 6, 5, "did you mean: std"),
    ('M = matrix("M", std=0)', "E112", 6, 5, "greater than 0"),
    ('b = bias("b", std=-1)', "E112", 6, 5, "at least 0"),
    ('b = bias("b", cols=2)', "E112", 6, 5, "cols"),
    ('y = matrix("M", rows=2) @ x + x', "E120", 6, 5, "length n"),
    ('y = matrix("M", cols=1/2) @ x', "E120", 6, 5, "length (1/2)·n"),
    ('output(readout("w", rows=2) @ x)', "E120", 6, 1, "length 2·n"),
    ('M = matrix("M", rows=0)', "E112", 6, 5, "positive fraction"),
    ('M = matrix("M", rows=sqrt(2))', "E112", 6, 5, "positive fraction"),
    ('b = bias("b", lr=-1)', "E112", 6, 5, "at least 0"),
    ('b = bias("b", scale=0)', "E112", 6, 5, "not 0"),
    ('b = bias("b", lr=2, trained=False)', "E112", 6, 5, "one of the two"),
    ("b = bias()", "E112", 6, 5, "name"),
    ('p = input("p", 0)', "E112", 6, 5, "integer"),
    ('p = input("p", 1/2)', "E112", 6, 5, "integer"),
    ('f = nonlinearity("f", 9)', "E112", 6, 5, "1 to 8"),
    ("y = tanhh(x)", "E103", 6, 5, "did you mean: tanh"),
    ("y = xx + x", "E103", 6, 5, "xx"),
    ("y = open('f')", "E103", 6, 5, "open"),
    ("y = __import__('os')", "E103", 6, 5, "__import__"),
    ("y = tanh(x, x)", "E123", 6, 5, "2 arguments"),
    ("y = tanh(x=x)", "E123", 6, 5, "x="),
    ("y = tanh()", "E123", 6, 5, "nothing"),
    ("y = tanh(2)", "E123", 6, 5, "number 2"),
    ("y = x ** x", "E123", 6, 5, "exponent"),
    ("y = x(x)", "E123", 6, 5, "call"),
    ("y = 3(x)", "E123", 6, 5, "call"),
    ("y = mean(mean(x))", "E123", 6, 5, "mean of a scalar"),
    ("y = softmax(x)", "E123", 6, 5, "softmax"),
    ("y = range(1.5)", "E123", 6, 5, "range"),
    ("y = len(3)", "E123", 6, 5, "len"),
    ("y = x + mean(x)", "E120", 6, 5, "ones()"),
    ("y = x + 1", "E120", 6, 5, "ones()"),
    ("y = x + W", "E120", 6, 5, "W @ x"),
    ("y = x + U", "E120", 6, 5, "U @ xi"),
    ("y = x + 'a'", "E120", 6, 5, "text"),
    ("y = [x] + x", "E120", 6, 5, "list"),
    ("y = True + 1", "E120", 6, 5, "True"),
    ("y = W @ W @ x", "E121", 6, 5, "W @ (V @ x)"),
    ("y = U @ xi", "E121", 6, 5, "xi[0]"),
    ("y = U @ x", "E121", 6, 5, "embedding U"),
    ("y = W @ xi[0]", "E121", 6, 5, "input xi"),
    ("y = W @ mean(x)", "E121", 6, 5, "scalar"),
    ("y = v @ mean(x)", "E121", 6, 5, "scalar"),
    ("y = tanh(v)", "E122", 6, 5, "readout"),
    ("y = tanh(v @ x)", "E122", 6, 5, "readout"),
    ("y = v @ x + x", "E122", 6, 5, "vector"),
    ("y = 2 * (v @ x)", "E122", 6, 5, "readout"),
    ("y = U @ xi[2]", "E124", 6, 9, "0 to 1"),
    ("y = U @ xi[0.5]", "E124", 6, 9, "integer"),
    ("y = [x][3]", "E124", 6, 5, "0 to 0"),
    ("y = x[0]", "E124", 6, 5, "vector"),
    ("y = [x][::0]", "E124", 6, 9, "slice"),
    ("y = 1/0", "E125", 6, 5, "negative power"),
    ("y = 1 // 0", "E125", 6, 5, "division by 0"),
    ("y = sqrt(-1)", "E125", 6, 5, "negative"),
    ("y = (-8) ** (1/3)", "E125", 6, 5, "negative"),
    ("y = x.shape", "E102", 6, 5, ".shape"),
    ("y = x.__class__", "E102", 6, 5, ".__class__"),
    ("y = W.T.T.real", "E102", 6, 5, ".real"),
    ("import os", "E102", 6, 1, "an import"),
    ("from os import system", "E102", 6, 1, "an import"),
    ("while True: pass", "E102", 6, 1, "while"),
    ("def f(): pass", "E102", 6, 1, "function definition"),
    ("class A: pass", "E102", 6, 1, "class"),
    ("y = lambda: 1", "E102", 6, 5, "lambda"),
    ("(y := 1)", "E102", 6, 1, "not used"),
    ("y = (z := 1)", "E102", 6, 6, "assignment inside"),
    ("y = {}", "E102", 6, 5, "dictionary"),
    ("y = {1}", "E102", 6, 5, "set"),
    ("y = [*xi]", "E102", 6, 6, "starred"),
    ("try:\n    pass\nexcept E: pass", "E102", 6, 1, "try"),
    ("with x: pass", "E102", 6, 1, "with"),
    ("del x", "E102", 6, 1, "del"),
    ("return x", "E102", 6, 1, "return"),
    ("y: int = 3", "E102", 6, 1, "annotation"),
    ("x", "E102", 6, 1, "not used"),
    ("y = 1j", "E102", 6, 5, "complex"),
    ("y = b'1'", "E102", 6, 5, "bytes"),
    ("y = ...", "E102", 6, 5, "ellipsis"),
    ("y = 1 & 2", "E102", 6, 5, "BitAnd"),
    ("y = ~1", "E102", 6, 5, "~"),
    ("y = 1 if x else 2", "E102", 6, 10, "condition"),
    ("if W:\n    pass", "E102", 6, 4, "condition"),
    ("y = x == x", "E102", 6, 5, "compar"),
    ("y = 1 if 1 in x else 2", "E102", 6, 10, "a list or a tuple"),
    ("assert 1 in [2], 'one of 2'", "E107", 6, 1, "one of 2"),
    ("assert 1 == 2", "E107", 6, 1, "not 1 == 2"),
    ("assert x", "E102", 6, 8, "condition"),
    ("y = [a for a in [1] for b in [2]]", "E102", 6, 5, "several loops"),
    ("for i in 3:\n    pass", "E102", 6, 10, "range"),
    ("a, b = [1]", "E102", 6, 1, "2 names"),
    ("xi[0] = x", "E102", 6, 1, "subscript"),
    ("tanh = 3", "E110", 6, 1, "known function"),
    ('y = f"{1.5}"', "E102", 6, None, "f-string"),  # inside f-strings Python's versions count columns differently
    ('y = f"{1:02d}"', "E102", 6, None, "format"),
    ("y = tanh(**x)", "E102", 6, 5, "**"),
    ("y = sum", "E102", 6, 5, "without a call"),
    ("output(x)", "E131", 6, 1, "output(v @ x)"),
    ("output(3)", "E131", 6, 1, "output(v @ x)"),
    ('c = output_bias("c")\noutput(c)', "E131", 7, 1, "readout term"),
    ('c = output_bias("c")\noutput(v @ x + c + c)', "E131", 7, 1, "at most one"),
    ("y = 2 ** 1000", "E104", 6, 5, "64"),
    ("y = 1e999", "E104", 6, 5, "60 digits"),
    ("y = 10**50 * 10**50", "E104", 6, 5, "digits"),
    ("y = range(10**9)", "E104", 6, 5, "200000"),
    ("y = [0] * 10**6", "E104", 6, 5, "200000"),
    ("for i in range(2000):\n    for j in range(2000):\n        y = i", "E104", 7, 14, "too long"),
    ("y = 'a" + "b" * 2000 + "'", "E104", 6, 5, "1000"),
    ("y = 1 +", "E101", 6, 8, "syntax"),
    ("  y = 1", "E101", 6, 2, "indent"),
    ("y = '", "E101", 6, 5, "string"),
    ("y = x\0", "E101", 1, 1, "null"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0][:40])
def test_a_wrong_network_is_named_with_its_place(case: tuple[str, str, int, int | None, str]) -> None:
    text, code, line, column, phrase = case
    with pytest.raises(TpproofError) as caught:
        parse(HEAD + text + "\n", "n.tp")
    error = caught.value
    assert error.code == code, error.report()
    assert phrase in error.report()
    assert error.place is not None
    assert (error.place.file, error.place.line) == ("n.tp", line)
    assert column in (None, error.place.column)


DEEP = {
    "parentheses": "y = " + "(" * 100_000 + "1" + ")" * 100_000,
    "signs": "y = " + "-" * 100_000 + "1",
    "nots": "y = " + "not " * 100_000 + "1",
    "terms": "y = " + " + ".join(["x"] * 100_000),
    "powers": "y = " + "**".join(["1"] * 100_000),
    "lists": "y = " + "[" * 90 + "1" + "]" * 90 + "[0]" * 100_000,
    "attributes": "y = W" + ".T" * 100_000,
    "calls": "y = " + "tanh(" * 150 + "x" + ")" * 150 + "(1)" * 100_000,
    "ifs": "".join("    " * i + "if 1:\n" for i in range(99)) + "    " * 99 + "y = 1",
    "conditions": "y = " + "1 if 1 else " * 100_000 + "1",
    "f-strings": "y = " + "f'{" * 3 + "1" + "}'" * 3,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_texts_are_an_error_never_a_crash(name: str) -> None:
    with pytest.raises(TpproofError) as caught:
        parse(HEAD + DEEP[name] + "\n", "n.tp")
    assert caught.value.code in ("E101", "E104", "E130")
    assert len(caught.value.report()) < 1500


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(TpproofError, match="characters"):
        parse("#" * 2000, "n.tp", limits=Limits(source_bytes=1000))


def test_aliased_lists_cannot_grow_beyond_the_limit() -> None:
    with pytest.raises(TpproofError, match="E104"):
        parse("a = [0]\nfor i in range(60):\n    a += a\n", "n.tp")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_is_a_network_or_an_error_of_ours(text: str) -> None:
    try:
        assert isinstance(parse(text, "n.tp"), Program)
    except TpproofError as error:
        assert error.code in error.report()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(zoo.names()), st.data())
def test_a_mutated_network_is_a_network_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    text = zoo.text(name)
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(text) - 1))
        j = data.draw(st.integers(i, min(len(text), i + 12)))
        k = data.draw(st.integers(0, len(text) - 1))
        text = text[:i] + text[k : k + data.draw(st.integers(0, 12))] + text[j:]
        text = text or "x"
    try:
        assert isinstance(parse(text, "n.tp"), Program)
    except TpproofError as error:
        assert error.code in error.report()
