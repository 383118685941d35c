"""`tpproof crosscheck` as a user meets it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from tests.cli.tools import Ran, inside, tpproof
from tpproof.numerics.crosscheck import crosscheck as module
from tpproof.numerics.crosscheck.expected.altered import with_dropped_term
from tpproof.proof.prove import Proof, prove

MLP1 = ("zoo:mlp1", "--set", "phi=erf")
SMALL = ("--widths", "64,256,4096", "--samples", "40", "--workers", "1", "--backend", "numpy", "-q")


def crosscheck(folder: Path, *arguments: str) -> Ran:
    return tpproof(folder, "crosscheck", *arguments)


def test_a_table_its_files_and_status_0(tmp_path: Path) -> None:
    ran = crosscheck(tmp_path, *MLP1, *SMALL, "--out", "found")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("agrees: mlp1")
    assert ran.err == ""
    written = {p.name for p in (tmp_path / "found").iterdir()}
    assert written == {f"mlp1.crosscheck.{kind}" for kind in ("json", "csv", "txt")} | {
        f"mlp1.{kind}.svg" for kind in ("deviation", "trajectories", "kernel")
    }
    for figure in (tmp_path / "found").glob("*.svg"):
        ET.fromstring(figure.read_bytes())
    rows = list(csv.DictReader((tmp_path / "found" / "mlp1.crosscheck.csv").open()))
    assert {row["width"] for row in rows} == {"64", "256", "4096", "inf"}
    assert json.loads((tmp_path / "found" / "mlp1.crosscheck.json").read_text())["agrees"] is True


def test_json_is_one_object_with_what_users_rely_on(tmp_path: Path) -> None:
    ran = crosscheck(tmp_path, *MLP1, *SMALL, "--json")
    found = json.loads(ran.out)
    assert found.keys() >= {"agrees", "rows", "slopes", "backend", "sampler", "seed"}
    assert found["rows"][0].keys() >= {"quantity", "width", "samples", "measured", "se", "limit", "z"}
    assert (found["backend"], found["sampler"], found["seed"]) == ("numpy", "exact", 0)
    again = json.loads(crosscheck(tmp_path, *MLP1, *SMALL, "--json", "--workers", "2").out)
    assert again["rows"] == found["rows"]


def test_a_network_that_does_not_agree_is_status_1_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof loses a term on its way; in this process, since no command does that."""
    def wrong(*arguments: object) -> Proof:
        right = prove(*arguments)  # type: ignore[arg-type]
        assert right.execution is not None
        pair = [p for p, terms in right.execution.every_sum.items() if len(terms) > 1][-1]
        return with_dropped_term(right, pair, 0)

    monkeypatch.setattr(module, "prove", wrong)
    ran = inside(tmp_path, "crosscheck", "zoo:resmlp", *SMALL)
    assert ran.status == 1
    assert ran.out.startswith("disagrees: resmlp")


def test_too_few_networks_are_status_3_because_nothing_would_have_been_seen(tmp_path: Path) -> None:
    ran = crosscheck(tmp_path, *MLP1, "--widths", "16", "--samples", "2", "--workers", "1", "-q", "--backend", "numpy")
    assert (ran.status, ran.out.split(":")[0]) == (3, "blind")


@pytest.mark.parametrize(
    ("arguments", "status", "phrase"),
    [
        (("zoo:mlp2",), 2, "--set phi=tanh"),
        (("zoo:attention_root",), 3, "refused network"),
        ((*MLP1, "--widths", "64,x"), 2, "expected widths"),
        ((*MLP1, "--widths", "0"), 2, "expected widths"),
        ((*MLP1, "--samples", "1"), 2, "--samples"),
        ((*MLP1, "--alpha", "2"), 2, "a probability"),
        ((*MLP1, "--alpha", "nan"), 2, "a probability"),
        ((*MLP1, "--rate", "nan"), 2, "a finite number above 0"),
        ((*MLP1, "--rate", "1e6"), 2, "the limit itself diverges"),
        ((*MLP1, "--widths", "100000000000", "--samples", "2"), 3, "GiB"),
        (("zoo:mlp", "--widths", "200000", "--samples", "2", "--sampler", "dense"), 3, "GiB"),
        ((*MLP1, "--inputs", "none.npy"), 2, "No such file"),
        ((*MLP1, "--inputs", "one.npy"), 2, "1 inputs"),
        ((*MLP1, "--out", "one.npy"), 2, "one.npy"),
        ((*MLP1, "--seed", "18446744073709551616"), 2, "--seed"),
        ((*MLP1, "--widths", ",".join(map(str, range(1, 66)))), 2, "1 to 64 widths"),
        ((*MLP1, "--journal", "."), 2, "no regular file"),
        ((*MLP1, "--journal", "one.npy"), 2, "no journal"),
        ((*MLP1, "--inputs", "tiny.npy", "--workers", "1"), 2, "not finite"),
        ((*MLP1, "--backend", "cupy"), 2, "CuPy"),
        ((*MLP1, "--scheduler", "tcp://127.0.0.1:1"), 2, "no scheduler"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_network_is_drawn(
    tmp_path: Path, arguments: tuple[str, ...], status: int, phrase: str
) -> None:
    np.save(tmp_path / "one.npy", np.ones((1, 3)))
    np.save(tmp_path / "tiny.npy", 1e-120 * np.arange(1.0, 13).reshape(3, 4))
    began = time.monotonic()
    ran = crosscheck(tmp_path, *arguments, "-q")
    assert (ran.status, ran.out) == (status, "")
    assert phrase in ran.err
    assert "Traceback" not in ran.err and "Warning" not in ran.err
    assert time.monotonic() - began < 60
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")) == ["one.npy", "tiny.npy"]


def test_the_first_row_is_the_test_input_and_the_others_are_trained_on(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((4, 6)))
    ran = crosscheck(tmp_path, *MLP1, *SMALL, "--inputs", "x.npy", "--json")
    assert ran.status == 0, ran.err
    kernels = {row["quantity"] for row in json.loads(ran.out)["rows"] if row["quantity"].startswith("K(")}
    assert {"K(ξ̃, ξ₃)", "K(ξ₃, ξ₃)"} <= kernels


@pytest.mark.parametrize(
    "line",
    [b"\x00\xff", b'{"width": 16, "sample": 0, "values": [NaN]}', b"[" * 5000,
     b'{"width": 16, "sample": 0, "values": [1e999]}', b'{"width": 16, "sample": 0, "values": [1.0]}',
     b'{"width": 16, "sample": false, "values": [1.0]}', b'{"width": "x", "sample": 0, "values": []}',
     b'{"width": 7, "sample": 0, "values": [1.0]}'],
)  # fmt: skip
def test_what_a_stranger_wrote_into_a_journal_is_passed_over(tmp_path: Path, line: bytes) -> None:
    few = ("--widths", "16", "--samples", "2", "--workers", "1", "-q", "--backend", "numpy", "--journal", "j")
    first = inside(tmp_path, "crosscheck", *MLP1, *few)
    journal = tmp_path / "j"
    head, *rows = journal.read_bytes().splitlines()
    journal.write_bytes(b"\n".join([head, *rows[1:], line]) + b"\n")
    ran = inside(tmp_path, "crosscheck", *MLP1, *few)
    assert ran.status == 3, ran.err
    assert ran.out.splitlines()[5:] == [*first.out.splitlines()[5:], "note: 1 of the networks are from the journal"]


def test_a_pipe_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = inside(tmp_path, "crosscheck", *MLP1, *SMALL, "--journal", "pipe")
    assert (ran.status, ran.out) == (2, "")
    assert "no regular file" in ran.err


@pytest.mark.slow
def test_ctrl_c_gives_the_table_so_far_and_the_same_command_goes_on(tmp_path: Path) -> None:
    many = ("--widths", "64,256", "--samples", "3000", "--workers", "1", "--backend", "numpy", "-q")
    command = [sys.executable, "-m", "tpproof", "crosscheck", *MLP1, *many, "--journal", "j"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "j"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 20) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "interrupted" in out and "mlp1" in out
    done = journal.read_bytes().count(b"\n") - 1
    assert 20 <= done < 6000
    fewer = [*command]
    fewer[fewer.index("3000")] = "12"
    ran = subprocess.run(fewer, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 3), ran.stderr
    assert "from the journal" in ran.stdout
