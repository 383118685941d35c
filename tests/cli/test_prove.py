"""`tpproof prove` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tools import tpproof

MLP = """\
xi = input("xi")
x = {phi}(embedding("U") @ xi)
output(readout("v") @ {phi}(matrix("W") @ x))
"""


def network(folder: Path, text: str, name: str = "net.tp") -> str:
    (folder / name).write_text(text)
    return name


def test_a_proved_network_gives_three_files_and_status_0(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "prove", network(tmp_path, MLP.format(phi="tanh")))
    assert ran.status == 0, ran.err
    assert ran.out.startswith("net: proved\n")
    assert "checker  accepted" in ran.out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["net.cert.json", "net.html", "net.tex"]


def test_the_json_answer_has_the_documented_fields(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "prove", "zoo:mlp2", "--json", "--format", "json", "--out", "here", "--name", "paper")
    answer = ran.object
    assert ran.status == 0
    assert answer["verdict"] == "proved"
    assert answer["network"]["name"] == "paper"
    assert len(answer["network"]["sha256"]) == 64
    assert answer["path_pairs"] == 2
    assert answer["gvars"] == 2
    assert set(answer["kernel"]) == {"text", "latex"}
    assert answer["files"] == {"json": "here/paper.cert.json"}
    assert answer["failures"] == []
    assert "master-theorem" in answer["axioms"]
    statuses = {row["name"]: row["status"] for row in answer["assumptions"]}
    assert statuses["smooth"] == "declared"
    assert statuses["A2"] == "proved"


def test_a_count_longer_than_any_machine_integer_is_exact(tmp_path: Path) -> None:
    answer = tpproof(tmp_path, "prove", "zoo:densenet", "-D", "L=64", "--json", "--format", "json").object
    assert answer["verdict"] == "proved"
    # x_l has P(l) = Σ_{k<l} (1 + P(k)) ways through its matrices, and one more from U by way of every one of them
    paths, from_u = [0], [1]
    for layer in range(1, 65):
        paths.append(sum(1 + paths[k] for k in range(layer)))
        from_u.append(sum(from_u[k] for k in range(layer)))
    assert answer["path_pairs"] == paths[64] + from_u[64] > 2**63


def test_tied_weights_are_proved_by_execution_and_the_gap_is_shown(tmp_path: Path) -> None:
    answer = tpproof(tmp_path, "prove", "zoo:tied", "--json").object
    assert answer["verdict"] == "proved-by-execution"
    first, gap = answer["failures"]
    assert (first["gvar"], first["equation"]) == ("g4 = W x3", "(107)")
    assert gap["equation"].startswith("(96)")
    assert "E[∂x3~/∂g2~]" in gap["found"]


@pytest.mark.parametrize(("phi", "verdict", "status"), [("relu", "conditional", 3), ("step", "refused", 3)])
def test_nothing_is_claimed_for_kinks_without_leave_or_for_jumps(
    tmp_path: Path, phi: str, verdict: str, status: int
) -> None:
    ran = tpproof(tmp_path, "prove", network(tmp_path, MLP.format(phi=phi)), "--json")
    assert (ran.object["verdict"], ran.status) == (verdict, status)


def test_allow_conditional_makes_it_0(tmp_path: Path) -> None:
    assert tpproof(tmp_path, "prove", network(tmp_path, MLP.format(phi="relu")), "--allow-conditional").status == 0


def test_a_refusal_names_the_place_and_the_repair(tmp_path: Path) -> None:
    text = 'x = embedding("U") @ input("xi")\ny = x / sqrt(mean(x * x))\noutput(readout("v") @ tanh(y))\n'
    ran = tpproof(tmp_path, "prove", network(tmp_path, text))
    assert ran.status == 3
    assert ran.out.startswith("net: refused\n")
    assert "net.tp:2:" in ran.out
    assert "add an ε" in ran.out


def test_an_override_reaches_the_network(tmp_path: Path) -> None:
    answer = tpproof(tmp_path, "prove", "zoo:mlp", "-D", "L=5", "-D", "phi=erf", "--json").object
    assert answer["gvars"] == 10


def test_set_makes_an_abstract_nonlinearity_known(tmp_path: Path) -> None:
    answer = tpproof(tmp_path, "prove", "zoo:mlp2", "--set", "phi=tanh", "--json").object
    assert {row["name"]: row["status"] for row in answer["assumptions"]}["smooth"] == "proved"


def test_standard_input_is_a_network_too(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "prove", "-", "--name", "piped", stdin=MLP.format(phi="erf").encode())
    assert ran.status == 0
    assert (tmp_path / "out" / "piped.cert.json").exists()


def test_a_certificate_is_a_network_too(tmp_path: Path) -> None:
    tpproof(tmp_path, "prove", "zoo:tied", "--out", "a")
    ran = tpproof(tmp_path, "prove", "a/tied.cert.json", "--out", "b")
    assert ran.status == 0
    assert (tmp_path / "a/tied.cert.json").read_bytes() == (tmp_path / "b/tied.cert.json").read_bytes()


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        tpproof(tmp_path, "prove", "zoo:rnn", "--out", folder)
    for suffix in ("cert.json", "html", "tex"):
        assert (tmp_path / "a" / f"rnn.{suffix}").read_bytes() == (tmp_path / "b" / f"rnn.{suffix}").read_bytes()


def test_what_stood_there_stays_when_the_network_is_wrong(tmp_path: Path) -> None:
    net = network(tmp_path, MLP.format(phi="tanh"))
    tpproof(tmp_path, "prove", net)
    before = (tmp_path / "out/net.cert.json").read_bytes()
    network(tmp_path, MLP.format(phi="tanhh"))
    assert tpproof(tmp_path, "prove", net).status == 2
    assert (tmp_path / "out/net.cert.json").read_bytes() == before


def test_nothing_is_left_when_a_file_cannot_be_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "out/net.html").mkdir(parents=True)  # a folder stands where the page would go
    (tmp_path / "out/net.html/keep").touch()
    ran = tpproof(tmp_path, "prove", network(tmp_path, MLP.format(phi="tanh")))
    assert ran.status == 2
    assert "error E140" in ran.err
    assert [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")] == []


def test_an_output_folder_that_is_a_file_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    ran = tpproof(tmp_path, "prove", "zoo:mlp1")
    assert (ran.status, (tmp_path / "out").read_text()) == (2, "mine")
    assert "error E140" in ran.err


WRONG = {
    "duplicate names": ('b = bias("b")\nc = bias("b")\n', 2, "E110", "net.tp:2:5"),
    "unknown function": ('x = tanhh(embedding("U") @ input("xi"))\n', 2, "E103", "did you mean: tanh?"),
    "readout used inside": ('x = tanh(readout("v"))\n', 2, "E122", "net.tp:1:5"),
    "vector + scalar": ('b = bias("b")\nx = b + mean(b)\n', 2, "E120", "s*ones()"),
    "missing output": ('x = embedding("U") @ input("xi")\n', 2, "E130", "output(v @ x)"),
    "a 10^7 loop": ("for i in range(10**7):\n    x = i\n", 3, "E104", "at most 200000"),
    "100,000 parentheses": ("x = " + "(" * 100_000 + "1" + ")" * 100_000 + "\n", 2, "E101", "parentheses"),
    "100,000 signs": ("x = " + "-" * 100_000 + "1\n", 3, "E104", "nested too deeply"),
    "100,000 terms": ("x = " + "+".join(["1"] * 100_000) + "\n", 3, "E104", "sum([…])"),
    "an import from os": ("__import__('os').system('touch canary')\n", 2, "E103", "__import__"),
    "an import": ("import os\n", 2, "E102", "an import"),
    "NUL": ("x = 1\0\n", 2, "E101", "null"),
    "empty": ("", 2, "E130", "output"),
    "division by zero": ("x = 1/0\n", 2, "E125", "net.tp:1:5"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_network_is_one_clear_message(tmp_path: Path, case: str) -> None:
    text, status, code, phrase = WRONG[case]
    ran = tpproof(tmp_path, "prove", network(tmp_path, text))
    assert ran.status == status
    assert f"error {code}" in ran.err
    assert phrase in ran.err
    assert ran.out == ""
    assert len(ran.err) < 2000
    assert [p.name for p in tmp_path.iterdir()] == ["net.tp"]  # nothing executed, nothing written


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["prove"], "Missing argument"),
        (["prove", "zoo:mlpp"], "did you mean: zoo:mlp"),
        (["prove", "missing.tp"], "No such file"),
        (["prove", "."], "Is a directory"),
        (["prove", "mlp"], "did you mean: zoo:mlp"),
        (["prove", "zoo:mlp", "-D", "LL=3"], "did you mean: L?"),
        (["prove", "zoo:mlp", "-D", "L"], "expected name=value"),
        (["prove", "zoo:mlp", "-D", "L=2", "-D", "L=3"], "twice"),
        (["prove", "zoo:mlp", "-D", "L=import os"], "one value"),
        (["prove", "zoo:mlp", "-D", "L=tanh"], "the function tanh compared"),
        (["prove", "zoo:mlp2", "--set", "psi=erf"], "--set psi"),
        (["prove", "zoo:mlp2", "--set", "phi=erff"], "did you mean: erf?"),
        (["prove", "zoo:mlp", "--format", "html"], "no json"),
        (["prove", "zoo:mlp", "--length", "short"], "audit"),
        (["prove", "zoo:mlp", "--templates", "nowhere"], "nowhere"),
        (["prove", "zoo:mlp", "--format", "doc"], "'doc'"),
        (["prove", "zoo:mlp", "--name", "../up"], "letters, digits"),
        (["proof"], "prove"),
        (["kernel", "zoo:mlp", "--inputs", "x.npy"], "No such file"),
        (["claim"], "not available"),
        (["paths", "zoo:mlp", "--limit", "-1"], "--limit"),
        (["unroll", "zoo:mlp", "--steps", "0"], "--steps"),
        (["zoo", "mpl"], "did you mean"),
        (["show", "zoo:mlp", "--json", "--text"], "not both"),
    ],
)
def test_bad_usage_is_status_2_and_says_what_to_do(tmp_path: Path, arguments: list[str], phrase: str) -> None:
    ran = tpproof(tmp_path, *arguments)
    assert ran.status == 2
    assert phrase in ran.err
    assert (ran.out, list(tmp_path.iterdir())) == ("", [])


def test_limits_reached_are_status_3_and_can_be_raised(tmp_path: Path) -> None:
    assert tpproof(tmp_path, "prove", "zoo:mlp", "--max-nodes", "5").status == 3
    ran = tpproof(tmp_path, "prove", "zoo:mlp", "--max-pairs", "2")
    assert ran.status == 3
    assert "E104" in ran.err


def test_bad_bytes_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "net.tp").write_bytes(b"x = 1\ny = \xff\n")
    ran = tpproof(tmp_path, "prove", "net.tp")
    assert ran.status == 2
    assert "net.tp:2:1" in ran.err


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"a":1,"a":2}', '{"x":NaN}', "{" * 50_000])
def test_json_that_is_no_program_is_one_clear_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.json").write_text(text)
    ran = tpproof(tmp_path, "show", "net.json")
    assert ran.status in (2, 3)
    assert "error E1" in ran.err


def test_show_json_is_what_the_hash_is_taken_of(tmp_path: Path) -> None:
    import hashlib

    shown = tpproof(tmp_path, "show", "zoo:rnn", "--json").out
    proved = tpproof(tmp_path, "prove", "zoo:rnn", "--json").object
    assert hashlib.sha256(shown.encode()).hexdigest() == proved["network"]["sha256"]
    (tmp_path / "rnn.json").write_text(shown)
    assert json.loads(tpproof(tmp_path, "show", "rnn.json", "--json").out) == json.loads(shown)


def broken(folder: Path, patch: str, *arguments: str) -> tuple[int, str, str]:
    """The command line with a bug put into tpproof."""
    code = f"{patch}\nfrom tpproof.cli.main import run\nrun({list(arguments)!r})\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_sides_that_disagree_are_refuted_with_status_1_and_nothing_is_written(tmp_path: Path) -> None:
    patch = "import tpproof.limit.changes as c\nc.zdot_of_change = lambda *_: ()"
    status, out, _ = broken(tmp_path, patch, "prove", "zoo:mlp2")
    assert (status, list(tmp_path.iterdir())) == (1, [])
    assert out.startswith("mlp2: refuted\n")
    assert "fails at g2" in out
    status, out, _ = broken(tmp_path, patch, "prove", "zoo:mlp2", "--json")
    answer = json.loads(out)
    assert (status, answer["verdict"], answer["kernel"]) == (1, "refuted", None)
    assert answer["failures"]


def test_what_the_checker_rejects_is_never_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mlp2.cert.json").write_text("old")
    patch = (
        "from tpproof.certificate import steps\n"
        "steps.StepWriter.contractions = lambda self: self.add('contract', '(65)', ['contract', 2, []], [])\n"
    )
    status, out, err = broken(tmp_path, patch, "prove", "zoo:mlp2")
    assert (status, out) == (70, "")
    assert "E143" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mlp2.cert.json"]
    assert (tmp_path / "out/mlp2.cert.json").read_text() == "old"


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    patch = (
        "import tpproof.certificate.checking as c\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "c.check_file = stop\n"
    )
    status, out, err = broken(tmp_path, patch, "prove", "zoo:mlp2")
    assert (status, out) == (130, "")
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []
