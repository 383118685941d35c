"""`tpproof prove --crosscheck` as a user meets it: what finite networks say is kept beside the proof, outside it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.tools import Ran, inside
from tpproof.checker import check_bytes
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck import crosscheck as module
from tpproof.numerics.crosscheck.running.run import Results, run
from tpproof.program.canonical import canonical_bytes

MLP1 = ("zoo:mlp1", "--set", "phi=erf", "--format", "json", "-q")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "certificate.schema.json").read_text())
ENOUGH = {64: 40, 256: 40, 4096: 40}


@pytest.fixture(autouse=True)
def few_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than the defaults, in this process."""
    drawn(monkeypatch, ENOUGH)
    monkeypatch.setattr(module, "run", lambda *a, **k: run(*a, **{**k, "workers": 1}))


def drawn(monkeypatch: pytest.MonkeyPatch, design: dict[int, int]) -> None:
    monkeypatch.setattr(module, "design_of", lambda *_: design)


def prove(folder: Path, *arguments: str) -> Ran:
    return inside(folder, "prove", *arguments, "--crosscheck")


def certificate(folder: Path, name: str = "mlp1") -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "out" / f"{name}.cert.json").read_bytes())
    return value


def test_what_networks_say_is_evidence_in_a_certificate_that_is_accepted_as_before(tmp_path: Path) -> None:
    ran = prove(tmp_path, *MLP1)
    assert ran.status == 0, ran.err
    [line] = [text for text in ran.out.splitlines() if text.startswith("networks")]
    assert line.startswith("networks agrees: 40 quantities; an error of ")
    found = certificate(tmp_path)
    jsonschema.validate(found, SCHEMA)
    check = found["evidence"].pop("crosscheck")
    assert (check["verdict"], check["widths"], check["samples"]) == ("agrees", [64, 256, 4096], [40, 40, 40])
    assert check["network_sha256"] == found["network_sha256"]
    assert inside(tmp_path, "prove", *MLP1, "--out", "bare").status == 0
    assert canonical_bytes(found) == (tmp_path / "bare" / "mlp1.cert.json").read_bytes()
    asked = inside(tmp_path, "check", "out/mlp1.cert.json", "--network", "bare/mlp1.cert.json")
    assert asked.status == 0


def test_the_command_that_is_recorded_draws_the_same_networks_again(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    text = "N = 2\nxi = input(\"xi\")\nx = erf(embedding(\"U\") @ xi)\noutput(readout(\"v\") @ (N * x))\n"
    (folder / "my net.tp").write_text(text)
    answer = prove(tmp_path, "secret/my net.tp", "-D", "N=3", "--format", "json", "-q", "--json").object
    check = answer["crosscheck"]
    assert "secret" not in json.dumps(check)
    command = shlex.split(check["command"])
    assert command[:3] == ["tpproof", "crosscheck", "my net.tp"]
    again = inside(folder, *command[1:], "--json", "-q").object
    assert again["network"]["sha256"] == answer["network"]["sha256"] == check["network_sha256"]
    kernel = [row for row in again["rows"] if row["kind"] == "kernel"]
    wanted = [float(x) for entry in check["kernel"] for x in entry["measured"]]
    assert [row["measured"] for row in kernel] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff.tp"), "a\nb.tp", "$(x) 'é'.tp"])
def test_a_name_that_is_no_name_does_not_cost_the_certificate(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('xi = input("xi")\noutput(readout("v") @ erf(embedding("U") @ xi))\n')
    answer = prove(tmp_path, name, "--name", "net", "--format", "json", "-q", "--json").object
    assert answer["checker"]["verdict"] == "accepted"
    assert shlex.split(answer["crosscheck"]["command"])[2] == os.fsencode(name).decode(errors="replace")


def test_networks_that_disagree_are_status_1_and_the_files_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: Any, **options: Any) -> Results:
        right = run(*arguments, **{**options, "workers": 1})
        return replace(right, values={task: row * 1.2 for task, row in right.values.items()})

    monkeypatch.setattr(module, "run", wrong)
    ran = prove(tmp_path, *MLP1)
    assert ran.status == 1
    assert "networks disagrees: " in ran.out
    assert "checker  accepted" in ran.out
    check = certificate(tmp_path)["evidence"]["crosscheck"]
    assert (check["verdict"], check["rows"][0]["agrees"]) == ("disagrees", False)


def test_tests_without_power_are_status_3_and_claim_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, {16: 2})
    ran = prove(tmp_path, *MLP1)
    assert ran.status == 3
    assert "networks blind: 40 quantities; nothing is claimed" in ran.out
    assert certificate(tmp_path)["evidence"]["crosscheck"]["verdict"] == "blind"


@pytest.mark.parametrize(("leave", "status"), [((), 3), (("--allow-conditional",), 0)])
def test_networks_that_agree_do_not_make_a_conditional_proof_whole(
    tmp_path: Path, leave: tuple[str, ...], status: int
) -> None:
    text = "xi = input(\"xi\")\noutput(readout(\"v\") @ relu(embedding(\"U\") @ xi))\n"
    (tmp_path / "net.tp").write_text(text)
    ran = prove(tmp_path, "net.tp", "--format", "json", "-q", *leave)
    assert ran.status == status, ran.err
    assert "networks agrees" in ran.out


def test_an_abstract_nonlinearity_has_no_networks_which_is_said_before_anything_is_proved(tmp_path: Path) -> None:
    ran = prove(tmp_path, "zoo:mlp1")
    assert (ran.status, ran.out) == (2, "")
    assert "E150" in ran.err and "--set phi=tanh" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_refused_network_has_nothing_to_compare(tmp_path: Path) -> None:
    ran = prove(tmp_path, "zoo:attention_root", "--format", "json", "-q")
    assert ran.status == 3
    assert "networks not compared" in ran.out
    assert "crosscheck" not in certificate(tmp_path, "attention_root")["evidence"]


@pytest.mark.parametrize(
    ("error", "status"), [(TpproofError("E104", "a network of 9000 GiB", "8 GiB"), 3), (KeyboardInterrupt(), 130)]
)
def test_a_cross_check_that_fails_does_not_cost_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> Results:
        raise error

    monkeypatch.setattr(module, "run", fail)
    ran = prove(tmp_path, *MLP1)
    assert (ran.status, ran.out) == (status, "")
    assert "written, without a cross-check: out/mlp1.cert.json" in ran.err
    assert "crosscheck" not in certificate(tmp_path)["evidence"]


@pytest.mark.parametrize("claimed", [{"verdict": "agrees"}, {"verdict": "disagrees", "rows": [[0.5]]}, "proved", None])
def test_whatever_the_evidence_claims_the_checker_says_the_same(tmp_path: Path, claimed: Any) -> None:
    assert inside(tmp_path, "prove", *MLP1).status == 0
    plain = certificate(tmp_path)
    wrong = json.loads(json.dumps(plain))
    wrong["verdict"] = "conditional"
    for value in (plain, wrong):
        with_claim = {**value, "evidence": {**value["evidence"], "crosscheck": claimed}}
        texts = [json.dumps(v, sort_keys=True, separators=(",", ":")).encode() + b"\n" for v in (value, with_claim)]
        before, after = (check_bytes(text) for text in texts)
        assert (after.verdict, after.errors) == (before.verdict, before.errors)
    assert before.verdict == "rejected"
