"""`tpproof show`, `paths`, `unroll`, `zoo` and the command line itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.tools import tpproof


def test_zoo_lists_and_prints(tmp_path: Path) -> None:
    assert "zoo:densenet" in tpproof(tmp_path, "zoo").out
    text = tpproof(tmp_path, "zoo", "rnn").out
    (tmp_path / "mine.tp").write_text(text)
    assert tpproof(tmp_path, "show", "mine.tp").out == tpproof(tmp_path, "show", "zoo:rnn").out


def test_show_text_is_the_same_network(tmp_path: Path) -> None:
    (tmp_path / "again.tp").write_text(tpproof(tmp_path, "show", "zoo:densenet", "--text").out)
    again, first = (tpproof(tmp_path, "show", net, "--json").out for net in ("again.tp", "zoo:densenet"))
    assert again == first


def test_the_rnn_has_the_isomorphic_paths_of_figure_3(tmp_path: Path) -> None:
    """|p| = |q| = 2, both through W, at different times; in an MLP with W1 and W2 there are none."""
    rnn = tpproof(tmp_path, "paths", "zoo:rnn", "-D", "read=every", "--json").object
    through_w = next(c for c in rnn["classes"] if c["symbols"] == ["W"])
    assert through_w["paths"] == [["x3", "g4"], ["x7", "g8"]]
    assert {(len(row["p"]), row["p"] == row["q"]) for row in rnn["listed"]} >= {(2, True), (2, False)}
    mlp = tpproof(tmp_path, "paths", "zoo:mlp", "--json").object
    assert all(row["p"] == row["q"] for row in mlp["listed"])


def test_path_pairs_are_the_squares_of_the_classes(tmp_path: Path) -> None:
    answer = tpproof(tmp_path, "paths", "zoo:rnn", "-D", "T=4", "-D", "read=every", "--json").object
    assert answer["path_pairs"] == len(answer["listed"]) == sum(len(c["paths"]) ** 2 for c in answer["classes"])


def test_too_many_paths_are_counted_not_listed(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "paths", "zoo:densenet", "-D", "L=64", "--json")
    assert (ran.object["listed"], ran.object["classes"]) == (None, None)
    assert ran.object["path_pairs"] > 2**63


def test_unroll_prints_algorithm_1(tmp_path: Path) -> None:
    text = 'phi = nonlinearity("phi")\ng = embedding("U", trained=False) @ input("xi")\n'
    (tmp_path / "a.tp").write_text(text + 'output(readout("v", trained=False) @ phi(matrix("W") @ phi(g)))\n')
    ran = tpproof(tmp_path, "unroll", "a.tp")
    assert ran.status == 0
    kinds = [line.split()[0] for line in ran.out.splitlines() if ":=" in line]
    assert kinds.count("MATMUL") == 2
    assert tpproof(tmp_path, "unroll", "a.tp", "--steps", "1000").status == 3


def test_the_command_line_starts_without_sympy_numpy_or_networkx() -> None:
    code = "import tpproof.cli.main, sys; print([m for m in ('sympy', 'numpy', 'networkx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_and_help(tmp_path: Path) -> None:
    assert tpproof(tmp_path, "--version").out == "tpproof 0.1.0\n"
    for command in ("prove", "check", "paths", "unroll", "show", "zoo"):
        assert command in tpproof(tmp_path, "--help").out
        assert tpproof(tmp_path, command, "--help").status == 0


def test_an_error_of_ours_is_status_70_without_a_traceback() -> None:
    code = """
from tpproof.cli import main, inspect
import tpproof.language.source as source
def broken(*_):
    raise RuntimeError("a bug")
source.load = broken
main.run(["show", "zoo:mlp"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "RuntimeError: a bug" in done.stderr
    assert "Traceback" not in done.stderr
