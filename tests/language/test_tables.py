"""Options of a text: what `assert` and `in` refuse, what -D gives, and graphs from files, `-D A=@FILE`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.tools import tpproof
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.tables import adjacency
from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Program

HALF = Fraction(1, 2)
PATH = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
"""0 - 1 - 2."""

READ: list[tuple[str, bytes, list[list[int | Fraction]]]] = [
    ("g.txt", b"0 1 0\n1 0 1\n0 1 0\n", PATH),
    ("g.txt", b"0 1 0\r\n1 0 1\r\n0 1 0\r\n", PATH),
    ("g.txt", b"\xef\xbb\xbf0 1 0\n1 0 1\n0 1 0", PATH),
    ("g.csv", b"0,1,0\n1, 0, 1\n0 ,1 ,0\n", PATH),
    ("g.csv", b"0;1;0;\n1;0;1;\n0;1;0;\n", PATH),
    ("g.tsv", b"0\t1\t0\n1\t0\t1\n0\t1\t0\n", PATH),
    ("g.txt", b"# a path\n\n  0 1 0  % first\n1 0 1 # second\n\n0 1 0\n% end", PATH),
    ("g.txt", b"0 1\n1 2\n# three nodes\n2\n", PATH),
    ("g.txt", b"0 1\n1 0\n", [[0, 1], [1, 0]]),
    ("g.edges", b"0 1\n1 2\n", PATH),
    ("g.EDGES", b"0 1\n1 2\n", PATH),
    ("g.edgelist", b"1,2\n0,1\n", PATH),
    ("g.matrix", b"0 1\n1 2\n", [[0, 1], [1, 2]]),
    ("g.txt", b"0 1 1/2\n", [[0, HALF], [HALF, 0]]),
    ("g.txt", b"1 0 0.5\n", [[0, HALF], [HALF, 0]]),
    ("g.txt", b"1 0 5e-1\n", [[0, HALF], [HALF, 0]]),
    ("g.txt", b"0 1 -2\n", [[0, -2], [-2, 0]]),
    ("g.txt", b"0 1 0\n", [[0, 0], [0, 0]]),
    ("g.txt", b"0 0 3\n1\n", [[3, 0], [0, 0]]),
    ("g.edges", b"2\n", [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ("g.txt", b"0\n", [[0]]),
    ("g.txt", b".5 1e-2\n1e-2 -1/3\n", [[HALF, Fraction(1, 100)], [Fraction(1, 100), Fraction(-1, 3)]]),
    ("g.txt", b"0 1\n1 1\n", [[0, 1], [1, 1]]),  # as edges too
    ("g.matrix", b"0 1\n2 0\n", [[0, 1], [2, 0]]),  # not symmetric: what that means is the network's affair
]


@pytest.mark.parametrize(("name", "content", "expected"), READ, ids=lambda part: str(part)[:30])
def test_matrices_and_edges(tmp_path: Path, name: str, content: bytes, expected: list[list[int | Fraction]]) -> None:
    (tmp_path / name).write_bytes(content)
    assert adjacency(str(tmp_path / name), DEFAULT) == expected


WRONG: list[tuple[str, bytes, str, int | None, str]] = [
    ("g.txt", b"", "E108", None, "no numbers"),
    ("g.txt", b"# nothing\n\n", "E108", None, "no numbers"),
    ("g.txt", b"0 1\n1 x\n", "E108", 2, "'x'"),
    ("g.txt", b"source target\n0 1\n1 2\n", "E108", 1, "'source'"),
    ("g.txt", b"0 1 0\n1 0 nan\n0 1 0\n", "E108", 2, "'nan'"),
    ("g.txt", b"0 1 inf\n", "E108", 1, "'inf'"),
    ("g.txt", b"0 1 1/0\n", "E108", 1, "'1/0'"),
    ("g.txt", b"0 1 0.5/2\n", "E108", 1, "'0.5/2'"),
    ("g.txt", b"0 1 __import__('os')\n", "E108", 1, "1/2"),
    ("g.txt", b"0,,1\n1,0,1\n1,1,0\n", "E108", 1, "''"),
    ("g.txt", b"0,1,0\n1,,1\n0,1,0\n", "E108", 2, "''"),
    ("g.txt", b"0 1 0 1\n1 0 1 0\n", "E108", 1, "a square matrix, or edges"),
    ("g.matrix", b"0 1 0\n1 0 1\n", "E108", 1, "a square matrix"),
    ("g.matrix", b"0 1 0\n1 0 1\n0 1\n", "E108", 3, "a square matrix"),
    ("g.txt", b"0 1\n1 2\n", "E108", None, "FILE.edges"),
    ("g.txt", b"1 1\n1 0\n", "E108", None, "FILE.matrix"),
    ("g.txt", b"0 1 1\n1 2 1\n2 3 1\n", "E108", None, "FILE.edges"),
    ("g.txt", b"0 1\n1 2\n2 1\n", "E108", 3, "1 2 twice"),
    ("g.txt", b"0 1 2\n0 1 2\n", "E108", 2, "0 1 twice"),
    ("g.txt", b"-1 0\n0 1\n1 2\n", "E108", 1, "a node"),
    ("g.txt", b"0 1/2\n0 1\n1 2\n", "E108", 1, "a node"),
    ("g.txt", b"0 1000000\n", "E108", 1, "a node"),
    ("g.txt", b"%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 1\n3 2 1\n", "E108", None, "from 1"),
    ("g.txt", b"0 1\n\xff\n", "E100", None, "UTF-8"),
    ("g.txt", b"\x00\x01\x02\n", "E108", 1, "x00"),
    ("g.txt", b"\x7fELF\x02\x01\x01\x00\x90", "E100", None, "UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "code", "line", "phrase"), WRONG, ids=lambda part: str(part)[:30])
def test_a_wrong_file_is_named_with_its_line(
    tmp_path: Path, name: str, content: bytes, code: str, line: int | None, phrase: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TpproofError) as caught:
        adjacency(str(tmp_path / name), DEFAULT)
    error = caught.value
    assert (error.code, error.place and error.place.line) == (code, line), error.report()
    assert phrase in error.report()
    assert len(error.report()) < 1000


def test_files_that_cannot_be_read_or_are_too_large(tmp_path: Path) -> None:
    for path in ("absent.txt", "", "a\0b"):
        with pytest.raises(TpproofError, match="E100"):
            adjacency(str(tmp_path / path), DEFAULT)
    (tmp_path / "large.txt").write_bytes(b"0 " * 600)
    with pytest.raises(TpproofError, match="more than 1000 bytes"):
        adjacency(str(tmp_path / "large.txt"), Limits(source_bytes=1000))
    with pytest.raises(TpproofError, match="more than"):
        adjacency("/dev/zero", DEFAULT)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["txt", "edges", "matrix"]))
def test_any_bytes_are_a_square_matrix_or_an_error_of_ours(content: bytes, suffix: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=f".{suffix}") as file:
        file.write(content)
        file.flush()
        try:
            found = adjacency(file.name, DEFAULT)
        except TpproofError as error:
            assert error.code in error.report()
        else:
            assert all(len(row) == len(found) for row in found)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6), st.data())
def test_edges_and_matrix_of_one_graph_are_one_graph(nodes: int, data: st.DataObject) -> None:
    import tempfile

    pairs = [(i, j) for i in range(nodes) for j in range(i)]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(edges), max_size=len(edges)))
    matrix = [[0] * nodes for _ in range(nodes)]
    lines = [str(k) for k in {0, nodes - 1} if not any(k in edge for edge in edges)]
    for (i, j), weight in zip(edges, weights, strict=True):
        matrix[i][j] = matrix[j][i] = weight
        lines.append(f"{i} {j} {weight}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "g.edges").write_text("\n".join(lines))
        (Path(folder) / "g.txt").write_text("\n".join(" ".join(map(str, row)) for row in matrix))
        found = [adjacency(f"{folder}/{name}", DEFAULT) for name in ("g.edges", "g.txt")]
    assert found == [matrix, matrix]


# -D and @FILE -----------------------------------------------------------------------------------------

HEAD = 'xi = input("xi")\nx = embedding("U") @ xi\nv = readout("v")\n'


def with_constants(text: str, **constants: str) -> Program:
    return parse(text + HEAD + "output(v @ (c * x))\n", "n.tp", constants)


def test_a_file_is_a_list_of_exact_rows(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text("0 1/3\n1/3 0\n")
    found = with_constants("A = [[0]]\nc = A[0][1] * len(A)\n", A=f"@{tmp_path / 'g.txt'}")
    assert found == with_constants("c = 2/3\n")


def test_a_file_that_is_missing_is_status_2_with_its_name(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "prove", "zoo:gcn", "-D", "A=@none.txt")
    assert (ran.status, ran.out) == (2, "")
    assert "none.txt" in ran.err and "E100" in ran.err


def test_a_graph_reaches_the_network_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "g.edges").write_text("0 1\n1 2 # a path\n")
    ran = tpproof(tmp_path, "show", "zoo:gcn", "-D", "A=@g.edges", "--json")
    assert ran.out == tpproof(tmp_path, "show", "zoo:gcn", "--json").out


def test_texts_stand_with_or_without_quotes_and_only_where_a_text_was() -> None:
    text = 'form = "pre"\nassert form in ["pre", "post"], "pre or post"\nc = 1 if form == "pre" else 2\n'
    post = with_constants(text, form="post")
    assert post == with_constants(text, form='"post"') == with_constants(text, form="'post'") != with_constants(text)
    with pytest.raises(TpproofError, match="E107"):
        with_constants(text, form="[1]")
    with pytest.raises(TpproofError, match="E103"):
        with_constants("c = 1\n", c="post")
    with pytest.raises(TpproofError, match="E101"):
        with_constants(text, form='"post')


# assert and in ----------------------------------------------------------------------------------------

HOLD = [
    "1 in [1, 2]", "3 not in [1, 2]", "1 in (1,)", "not 1 in []", "'a' in ['a']", "'a' not in ['b', 1]", "1/2 in [0.5]",
    "sqrt(8) in [2 * sqrt(2)]", "tanh in [relu, tanh]", "None in [None]", "True in [True]", "1 not in ['1']",
    "1 < 2 <= 2 and 'a' != 'b'", "[1]", "'text'", "1 in [x for x in range(3)]",
]  # fmt: skip
FAIL = ["2 in [1]", "1 not in [1]", "1 in []", "'1' in [1]", "tanh in [relu]", "1 > 2", "0", "''", "[]", "None"]


@pytest.mark.parametrize("condition", HOLD)
def test_what_holds_is_passed_over(condition: str) -> None:
    assert with_constants(f"assert {condition}, 'so'\nc = 1\n") == with_constants("c = 1\n")


@pytest.mark.parametrize("condition", FAIL)
def test_what_does_not_hold_names_the_condition_and_what_is_wanted(condition: str) -> None:
    with pytest.raises(TpproofError) as caught:
        with_constants(f"c = 1\nassert {condition}, 'something else'\n")
    error = caught.value
    assert error.code == "E107"
    assert f"not {condition}" in error.report() and "something else" in error.report()
    assert error.place is not None and error.place.line == 2


def test_a_refusal_tells_the_values_that_were_refused() -> None:
    text = 'form, L = "pre", 3\nfor l in range(L):\n    assert form in ["post"] or l < 1, "post"\nc = 1\n'
    with pytest.raises(TpproofError, match="form being the text 'pre', l being the number 1"):
        with_constants(text)


def test_an_assertion_without_words_or_with_long_ones_is_a_short_message() -> None:
    for text in ("assert 1 == 2", f"assert 1 == 2, '{'x' * 900}'", "assert 1 == 2, f'{1}'", "assert 1 == 2, 3"):
        with pytest.raises(TpproofError, match="E107") as caught:
            with_constants(f"{text}\nc = 1\n")
        assert len(caught.value.report()) < 1500


def test_what_in_takes_is_bounded() -> None:
    with pytest.raises(TpproofError, match="E104"):
        with_constants("a = range(100000)\nfor i in range(100):\n    assert -1 not in a\nc = 1\n")
    with pytest.raises(TpproofError, match="a list or a tuple"):
        with_constants("assert 'a' in 'abc'\nc = 1\n")
    with pytest.raises(TpproofError, match="compar"):
        with_constants("assert True not in [1]\nc = 1\n")  # in Python 1 is True
    with pytest.raises(TpproofError, match="compar"):
        with_constants('y = bias("y")\nassert y in [y]\nc = 1\n')


def test_edges_counted_from_1_are_not_taken_for_edges_counted_from_0(tmp_path: Path) -> None:
    file = tmp_path / "one.edges"
    file.write_text("1 2\n2 3\n")
    with pytest.raises(TpproofError, match="no node 0"):
        adjacency(str(file), DEFAULT)
    file.write_text("0\n1 2\n2 3\n")
    assert len(adjacency(str(file), DEFAULT)) == 4
