"""The command line, as a fresh isolated process."""

import json
import subprocess
import sys

import pytest

from .naive_prover import canonical, make
from .networks import refused
from .tools import certificate


def run(*arguments, flags=(), stdin=b""):
    command = [sys.executable, "-I", *flags, "-m", "tpproof.checker", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    good, other, bad = certificate("mlp1"), certificate("tied"), certificate("mlp1")
    bad["steps"].pop(3)
    contents = {
        "good": canonical(good),
        "other": canonical(other),
        "bad": canonical(bad),
        "relu": canonical(certificate("relu")),
        "refused": canonical(make(refused())),
        "network": canonical(good["network"]),
        "garbage": b"\x00\xff",
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("flags", [(), ("-O",), ("-OO",)])
def test_exit_statuses(files, flags):
    sha = certificate("mlp1")["network_sha256"]
    cases = [
        (0, "good", "--network", files / "network"),
        (0, "good", "--network", files / "good"),
        (0, "good", "--sha256", sha),
        (0, "good", "--sha256", sha.upper(), "--network", files / "network"),
        (0, "good", "--as-stated"),
        (4, "good"),
        (1, "bad"),
        (1, "other", "--network", files / "network"),
        (2, "garbage"),
        (2, "absent"),
        (3, "relu", "--as-stated"),
        (0, "relu", "--as-stated", "--allow-conditional"),
        (3, "refused"),
        (3, "good", "--as-stated", "--time-limit", "1e-9"),
    ]
    for status, name, *options in cases if not flags else cases[:9]:
        done = run(files / name, *options, flags=flags)
        assert done.returncode == status, (name, options, done)
        assert b"Traceback" not in done.stderr


def test_usage(files):
    for arguments in (
        (),
        ("--as-stated",),
        (files / "good", "--networ", files / "network"),
        (files / "good", "--sha256", "12"),
        (files / "good", "--sha256", ""),
        (files / "good", "--network", files / "absent"),
        (files / "good", "--network", files / "garbage"),
        (files / "good", "--network", files / "other", "--sha256", "0" * 64),
        (files / "good", "--time-limit", "nan"),
        (files / "good", "--unknown"),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, b""), arguments
        assert done.stderr.count(b"\n") == 1 and b"Traceback" not in done.stderr


def test_standard_input(files):
    assert run("-", stdin=(files / "good").read_bytes()).returncode == 4
    assert run(files / "good", "--network", "-", stdin=(files / "network").read_bytes()).returncode == 0


def test_text(files):
    out = run(files / "good").stdout.decode("ascii")
    value = certificate("mlp1")
    assert value["network_sha256"] in out and "accepted-as-stated" in out and "master-theorem" in out
    assert f"steps checked: {len(value['steps'])}" in out
    assert '["matmul", 3, 0, 3]' in out
    out = run(files / "bad").stdout.decode("ascii")
    assert "expected" in out and "found" in out and "at step 3" in out


def test_json(files):
    answer = json.loads(run(files / "good", "--as-stated", "--json").stdout)
    assert answer["verdict"] == "accepted-as-stated" and answer["errors"] == []
    assert answer["network_sha256"] == certificate("mlp1")["network_sha256"]
    answer = json.loads(run(files / "bad", "--json").stdout)
    assert answer["verdict"] == "rejected"
    assert set(answer["errors"][0]) == {"code", "step", "rule", "expected", "found"}


def test_several(files):
    """The worst status wins, in the order 70, 1, 2, 3, 4, 0."""
    done = run(files / "good", files / "bad", files / "garbage", files / "relu", "--json")
    assert done.returncode == 1
    verdicts = [result["verdict"] for result in json.loads(done.stdout)["results"]]
    assert verdicts == ["accepted-as-stated", "rejected", "unreadable", "declined"]
    assert run(files / "good", files / "garbage", files / "relu").returncode == 2
    assert run(files / "good", files / "relu").returncode == 3
    assert run(files / "good", files / "good", "--as-stated").returncode == 0


def test_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import tpproof.checker.__main__ as m; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True
    ).stdout.split()
    own = [name for name in loaded if name.startswith("tpproof")]
    assert all(name == "tpproof" or name.startswith("tpproof.checker") for name in own)
    roots = {name.split(".")[0] for name in loaded} - {"tpproof"}
    assert not {root for root in roots if root in ("numpy", "sympy", "click", "networkx", "jinja2", "rich")}


def test_broken_pipe(files):
    command = [sys.executable, "-I", "-m", "tpproof.checker", str(files / "good")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) == 4
