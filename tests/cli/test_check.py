"""`tpproof check` as a reviewer meets it: every exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tpproof as tp
from tests.cli.tools import tpproof
from tpproof.program.canonical import canonical_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tpproof(tmp_path, "prove", "zoo:mlp", "--out", ".", "--format", "json")
    return tmp_path


def corrupted(folder: Path) -> str:
    """A certificate with one wrong coefficient, its bytes canonical."""
    data = json.loads((folder / "mlp.cert.json").read_bytes())
    step = next(s for s in data["steps"] if s["rule"] == "path-extend")
    step["conclusion"][3] = step["conclusion"][3][:1]
    (folder / "bad.cert.json").write_bytes(canonical_bytes(data))
    return "bad.cert.json"


def test_accepted_against_my_network_is_0(folder: Path) -> None:
    ran = tpproof(folder, "check", "mlp.cert.json", "--network", "zoo:mlp")
    assert ran.status == 0
    assert ran.out.startswith("mlp.cert.json: accepted\n")


def test_without_a_network_it_is_accepted_as_stated_and_shown(folder: Path) -> None:
    ran = tpproof(folder, "check", "mlp.cert.json")
    assert ran.status == 4
    assert "accepted-as-stated" in ran.out
    assert "MatMul" in ran.out
    assert tpproof(folder, "check", "mlp.cert.json", "--as-stated").status == 0


def test_a_certificate_of_another_network_is_rejected(folder: Path) -> None:
    ran = tpproof(folder, "check", "mlp.cert.json", "--network", "zoo:mlp", "-D", "L=4", "--json")
    assert ran.status == 1
    assert ran.object["verdict"] == "rejected"
    assert ran.object["errors"][0]["code"] == "network-mismatch"


def test_a_corrupted_certificate_is_rejected_at_its_step(folder: Path) -> None:
    ran = tpproof(folder, "check", corrupted(folder), "--network", "zoo:mlp", "--json")
    assert ran.status == 1
    error = ran.object["errors"][0]
    assert (error["code"], error["rule"]) == ("rule", "path-extend")
    assert error["expected"] != error["found"]


def test_of_several_certificates_the_worst_counts(folder: Path) -> None:
    ran = tpproof(folder, "check", "mlp.cert.json", corrupted(folder), "--network", "zoo:mlp", "--json")
    assert ran.status == 1
    assert [r["verdict"] for r in ran.object["results"]] == ["accepted", "rejected"]


def test_a_refusal_is_declined(tmp_path: Path) -> None:
    tpproof(tmp_path, "prove", "zoo:mlp", "-D", "phi=step", "--out", ".")
    ran = tpproof(tmp_path, "check", "mlp.cert.json", "--network", "zoo:mlp", "-D", "phi=step")
    assert (ran.status, "declined" in ran.out) == (3, True)


def test_a_conditional_one_needs_leave(tmp_path: Path) -> None:
    tpproof(tmp_path, "prove", "zoo:mlp", "-D", "phi=relu", "--out", ".")
    arguments = ("check", "mlp.cert.json", "--network", "zoo:mlp", "-D", "phi=relu")
    assert tpproof(tmp_path, *arguments).status == 3
    assert tpproof(tmp_path, *arguments, "--allow-conditional").status == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format":"tpproof-certificate"}'])
def test_what_is_no_certificate_is_not_accepted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    ran = tpproof(tmp_path, "check", "c.json")
    assert ran.status in (1, 2, 3)
    assert "accepted" not in ran.out


def test_unreadable_and_bad_usage_are_2(folder: Path) -> None:
    assert tpproof(folder, "check", "nothing.json").status == 2
    assert tpproof(folder, "check").status == 2
    assert tpproof(folder, "check", "mlp.cert.json", "-D", "L=3").status == 2
    assert tpproof(folder, "check", "mlp.cert.json", "--network", "nothing.tp").status == 2


@pytest.mark.parametrize(("arguments", "status"), [((), 4), (("--as-stated",), 0), (("--network", "zoo:mlp1"), 0)])
def test_standard_input_can_be_checked(tmp_path: Path, arguments: tuple[str, ...], status: int) -> None:
    content = tp.prove(tp.load("zoo:mlp1")).to_json()
    ran = tpproof(tmp_path, "check", "-", *arguments, stdin=content)
    assert (ran.status, ran.err) == (status, "")
    assert ("phi(g0)" in ran.out) == (arguments != ("--network", "zoo:mlp1"))
