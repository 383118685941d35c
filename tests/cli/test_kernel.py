"""`tpproof kernel` as a user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.tools import Ran, inside, tpproof

RELU = """\
xi = input("xi")
x = relu(embedding("U") @ xi)
output(readout("v") @ relu(matrix("W") @ x))
"""
PIXELS = 'xi = input("xi", 2)\nU = embedding("U")\noutput(readout("v") @ erf(U @ xi[0] + U @ xi[1]))\n'
TWO_INPUTS = 'a = input("a")\nb = input("b")\noutput(readout("v") @ erf(embedding("U") @ a + embedding("V") @ b))\n'
GATED = (
    'x = embedding("U") @ input("xi")\ny = embedding("V") @ input("zeta")\noutput(readout("v") @ (tanh(x * y) * x))\n'
)
MLP1 = ("zoo:mlp1", "--set", "phi=erf", "-D", "lr_v=1")
REFUSED = 'x = embedding("U") @ input("xi")\ny = x / sqrt(mean(x * x))\noutput(readout("v") @ tanh(y))\n'


def kernel(folder: Path, *arguments: str) -> Ran:
    """The command in this process."""
    return inside(folder, "kernel", *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Data and networks."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "X.npy", rng.normal(size=(3, 5)))
    np.save(tmp_path / "Y.npy", rng.normal(size=(2, 5)))
    np.save(tmp_path / "big.npy", rng.normal(size=(40, 5)))
    (tmp_path / "relu.tp").write_text(RELU)
    return tmp_path


def erf_by_hand(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """NTK and NNGP of vᵀ erf(U ξ), after Williams."""
    d = x.shape[1]
    p, q, c = (x**2).sum(1) / d, (y**2).sum(1) / d, x @ y.T / d
    root = np.sqrt(np.outer(1 + 2 * p, 1 + 2 * q))
    nngp = 2 / np.pi * np.arcsin(2 * c / root)
    return nngp + c * 4 / np.pi / np.sqrt(root**2 - 4 * c**2), nngp


def test_a_small_kernel_is_printed_with_its_errors_and_method(folder: Path) -> None:
    ran = tpproof(folder, "kernel", *MLP1, "--inputs", "X.npy", "--nngp", "--backend", "numpy")
    assert (ran.status, ran.err) == (0, "")
    x = np.load(folder / "X.npy")
    ntk, nngp = erf_by_hand(x, x)
    assert f"{ntk[0, 1]:.12g}" in ran.out
    assert f"{nngp[2, 1]:.12g}" in ran.out
    for phrase in ("mlp1: proved", "NTK", "NNGP", "method   closed-form", "every entry within", "1e-10: reached"):
        assert phrase in ran.out


def test_the_json_answer_has_the_documented_fields(folder: Path) -> None:
    arguments = [*MLP1, "--inputs", "X.npy", "--inputs2", "Y.npy", "--nngp", "--json"]
    ran = kernel(folder, *arguments, "--backend", "numpy")
    answer = ran.object
    ntk, nngp = erf_by_hand(np.load(folder / "X.npy"), np.load(folder / "Y.npy"))
    assert ran.status == 0
    assert np.all(np.abs(np.array(answer["ntk"]) - ntk) <= np.array(answer["error"]) + 1e-15)
    assert np.all(np.abs(np.array(answer["nngp"]) - nngp) <= np.array(answer["nngp_error"]) + 1e-15)
    assert (answer["method"], answer["verdict"], answer["reached"], answer["rtol"]) == (
        "closed-form",
        "proved",
        True,
        1e-10,
    )
    assert set(answer["relative_error"]) == {"ntk", "nngp"}
    assert (answer["network"]["name"], len(answer["network"]["sha256"])) == ("mlp1", 64)
    assert (answer["shape"], answer["files"], answer["rigorous"]) == ([3, 2], {}, [])


def test_the_nngp_kernel_is_given_where_it_is_asked_for(folder: Path) -> None:
    answer = kernel(folder, "zoo:mlp", "-D", "phi=erf", "--inputs", "X.npy", "--json", "--backend", "numpy").object
    assert answer["nngp"] is None
    assert answer["nngp_error"] is None


def test_a_large_kernel_is_not_printed_and_says_where_it_should_go(folder: Path) -> None:
    ran = kernel(folder, "relu.tp", "--inputs", "big.npy")
    assert (ran.status, ran.out) == (2, "")
    assert "40 × 40 entries" in ran.err
    assert "-o K.npz" in ran.err


@pytest.mark.parametrize(
    ("target", "files"),
    [
        ("K.npz", {"ntk": "K.npz", "nngp": "K.npz", "about": "K.npz.kernel.json"}),
        ("K.npy", {"ntk": "K.ntk.npy", "nngp": "K.nngp.npy", "about": "K.npy.kernel.json"}),
        ("out", {"ntk": "out/ntk.npy", "nngp": "out/nngp.npy", "about": "out/kernel.json"}),
        ("K.zarr", {"ntk": "K.zarr", "nngp": "K.zarr", "about": "K.zarr.kernel.json"}),
    ],
)
def test_a_saved_kernel_is_the_printed_one_and_says_what_it_is(
    folder: Path, target: str, files: dict[str, str]
) -> None:
    if target.endswith(".zarr"):
        pytest.importorskip("zarr")
    arguments = ["relu.tp", "--inputs", "big.npy", "--nngp", "--json", "--allow-conditional", "--backend", "numpy"]
    ran = kernel(folder, *arguments, "-o", target, "--block-size", "16")
    answer, printed = ran.object, kernel(folder, *arguments).object
    assert ran.status == 0
    assert answer["files"] == files
    for name, other in (("ntk", "error"), ("nngp", "nngp_error")):
        assert np.array_equal(np.array(answer[name]), read(folder, files[name], name))
        assert np.allclose(np.array(printed[name]), np.array(answer[name]), rtol=1e-12, atol=0)
        assert 0 < answer[other] < 1e-10
    about = json.loads((folder / files["about"]).read_text())
    assert about["network"] == answer["network"]
    assert about["relative_error"] == answer["relative_error"]
    assert about["arrays"]["ntk"] == {"file": Path(files["ntk"]).name, "shape": [40, 40], "dtype": "float64"}
    assert (about["method"], about["verdict"], about["reached"]) == ("closed-form", "conditional", True)


def read(folder: Path, file: str, name: str) -> Any:
    if file.endswith(".zarr"):
        import zarr

        return zarr.open_group(folder / file, mode="r")[name][:]
    found = np.load(folder / file)
    return found[name] if file.endswith(".npz") else found


def test_the_error_of_a_saved_kernel_is_the_largest_of_its_blocks(folder: Path) -> None:
    arguments = ["relu.tp", "--inputs", "big.npy", "--json", "--backend", "numpy", "-o"]
    whole = kernel(folder, *arguments, "whole.npy").object
    parts = kernel(folder, *arguments, "parts.npy", "--block-size", "7").object
    assert parts["relative_error"]["ntk"] == pytest.approx(whole["relative_error"]["ntk"], rel=0.5)


# --- exit statuses ---------------------------------------------------------------------------------------------------


def test_conditional_numbers_are_given_and_nothing_is_claimed_without_leave(folder: Path) -> None:
    arguments = ["relu.tp", "--inputs", "X.npy", "--json", "--backend", "numpy"]
    ran = kernel(folder, *arguments)
    assert (ran.status, ran.object["verdict"], ran.object["reached"]) == (3, "conditional", True)
    assert kernel(folder, *arguments, "--allow-conditional").status == 0


@pytest.mark.parametrize("saved", [[], ["-o", "K.npy"]])
def test_a_tolerance_that_is_not_reached_is_said_and_is_status_3(folder: Path, saved: list[str]) -> None:
    arguments = ["zoo:mlp", "-D", "phi=erf", "--inputs", "X.npy", "--rtol", "1e-17", "--backend", "numpy", *saved]
    ran = kernel(folder, *arguments)
    assert ran.status == 3
    assert "1e-17: NOT reached" in ran.out
    assert not saved or np.load(folder / "K.npy").shape == (3, 3)
    assert kernel(folder, *arguments, "--json").object["reached"] is False


def test_opposite_inputs_of_a_relu_network_are_known_less_well_and_that_is_said(folder: Path) -> None:
    x = np.load(folder / "X.npy")
    np.save(folder / "X.npy", np.concatenate([x, -x]))
    ran = kernel(folder, "relu.tp", "--inputs", "X.npy", "--json", "--allow-conditional", "--backend", "numpy")
    assert ran.status == 3
    assert 1e-10 < ran.object["relative_error"]["ntk"] < 1e-6


def test_samples_have_standard_errors_and_no_tolerance_unless_one_is_given(folder: Path) -> None:
    np.savez(folder / "XZ.npz", xi=np.ones((2, 3)), zeta=np.ones((2, 3)))
    (folder / "gated.tp").write_text(GATED)
    arguments = ["gated.tp", "--inputs", "XZ.npz", "--points", "256", "--json"]
    ran = kernel(folder, *arguments)
    answer = ran.object
    if answer["method"] != "qmc":
        pytest.skip("this network reduces")
    assert (ran.status, answer["rtol"], answer["reached"]) == (0, None, True)
    assert answer["reason"]
    assert kernel(folder, *arguments, "--rtol", "1e-9").status == 3
    saved = kernel(folder, *arguments, "-o", "K.npz").object
    assert saved["ntk"] == answer["ntk"]
    assert np.load(folder / "K.npz")["ntk_error"].shape == (2, 2)


def test_a_refused_network_has_no_numbers_and_the_reason_is_named(folder: Path) -> None:
    (folder / "refused.tp").write_text(REFUSED)
    ran = kernel(folder, "refused.tp", "--inputs", "X.npy")
    assert (ran.status, ran.out) == (3, "")
    assert "a refused network" in ran.err
    assert "add an ε" in ran.err


def test_no_backend_but_numpy_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpproof.numerics.gram.given.find_spec", lambda _: None)
    monkeypatch.setattr("tpproof.numerics.tiles.namespaces.has_gpu", lambda: False)
    arguments = ["zoo:mlp", "-D", "phi=erf", "--inputs", "X.npy"]
    ran = kernel(folder, *arguments)
    assert ran.status == 0
    assert ran.err.startswith("backend numpy: ")
    assert ran.err.count("\n") == 1
    ran = kernel(folder, *arguments, "--backend", "numba")
    assert ran.status == 2
    assert "E141" in ran.err


# --- bad input -------------------------------------------------------------------------------------------------------


def bad_data(folder: Path) -> None:
    x = np.load(folder / "X.npy")
    for name, value in {"nan": np.nan, "inf": -np.inf}.items():
        broken = x.copy()
        broken[1, 2] = value
        np.save(folder / f"{name}.npy", broken)
    np.save(folder / "vector.npy", x[0])
    np.save(folder / "steps.npy", np.ones((1, 2, 5)))
    (folder / "zero.tp").write_text(RELU.replace('"U"', '"U", std=0'))
    np.save(folder / "cube.npy", x[None])
    np.save(folder / "none.npy", x[:0])
    np.save(folder / "flat.npy", x[:, :0])
    np.save(folder / "other.npy", x[:, :4])
    np.save(folder / "texts.npy", np.array([["a", "b"]]))
    np.save(folder / "complex.npy", x + 1j)
    np.save(folder / "objects.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    (folder / "cut.npy").write_bytes((folder / "X.npy").read_bytes()[:-8])
    (folder / "text.npy").write_text("1 2 3\n")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "blank.npz").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    (folder / "pixels.tp").write_text(PIXELS)
    (folder / "two.tp").write_text(TWO_INPUTS)
    (folder / "K.npz").mkdir()
    (folder / "file").write_text("mine")


class Trap:
    """What unpickling would set off."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


BAD = {
    "NaN": (["zoo:mlp", "--inputs", "nan.npy"], "nan at index (1, 2)"),
    "inf": (["zoo:mlp", "--inputs", "inf.npy"], "-inf at index (1, 2)"),
    "a vector": (["zoo:mlp", "--inputs", "vector.npy"], "(N, d)"),
    "a cube": (["zoo:mlp", "--inputs", "cube.npy"], "(N, d)"),
    "no rows": (["zoo:mlp", "--inputs", "none.npy"], "empty"),
    "no columns": (["zoo:mlp", "--inputs", "flat.npy"], "empty"),
    "texts": (["zoo:mlp", "--inputs", "texts.npy"], "real numbers"),
    "complex": (["zoo:mlp", "--inputs", "complex.npy"], "complex"),
    "objects": (["zoo:mlp", "--inputs", "objects.npy"], "Python objects"),
    "a cut file": (["zoo:mlp", "--inputs", "cut.npy"], "truncated"),
    "no .npy": (["zoo:mlp", "--inputs", "text.npy"], "no .npy or .npz file"),
    "no bytes": (["zoo:mlp", "--inputs", "empty.npy"], "no .npy or .npz file"),
    "no arrays": (["zoo:mlp", "--inputs", "blank.npz"], "no arrays"),
    "missing": (["zoo:mlp", "--inputs", "missing.npy"], "No such file"),
    "a folder": (["zoo:mlp", "--inputs", "."], "no regular file"),
    "d mismatch": (["zoo:mlp", "--inputs", "X.npy", "--inputs2", "other.npy"], "d = 4 in other.npy"),
    "too few axes": (["pixels.tp", "--inputs", "X.npy"], "(N, 2, d)"),
    "one array of two": (["two.tp", "--inputs", "X.npy"], ".npz"),
    "no inputs": (["zoo:mlp"], "--inputs"),
    "only inputs2": (["zoo:mlp", "--inputs2", "X.npy"], "--inputs"),
    "unknown φ": (["zoo:mlp2", "--set", "phi=erff", "--inputs", "X.npy"], "did you mean: erf?"),
    "abstract φ": (["zoo:mlp2", "--inputs", "X.npy"], "--set phi=tanh"),
    "unknown backend": (["zoo:mlp", "--inputs", "X.npy", "--backend", "jax"], "'jax'"),
    "unknown type": (["zoo:mlp", "--inputs", "X.npy", "--dtype", "float16"], "'float16'"),
    "rtol 0": (["zoo:mlp", "--inputs", "X.npy", "--rtol", "0"], "between 0 and 1"),
    "rtol NaN": (["zoo:mlp", "--inputs", "X.npy", "--rtol", "nan"], "between 0 and 1"),
    "a folder in the way": (["relu.tp", "--inputs", "X.npy", "-o", "K.npz"], "something else stands there"),
    "a file in the way": (["relu.tp", "--inputs", "X.npy", "-o", "file/K.npz"], "error E140"),
    "another ending": (["relu.tp", "--inputs", "X.npy", "-o", "K.csv"], ".npy, .npz or .zarr"),
    "no entry": (["zoo:mlp", "--inputs", "X.npy", "--rigorous", "3,0"], "--rigorous 3,0"),
    "no pair": (["zoo:mlp", "--inputs", "X.npy", "--rigorous", "3"], "expected I,J"),
    "code and data": (["zoo:mlp", "--inputs", "X.npy", "--emit", "numpy"], "--emit writes code"),
    "no scheduler": (["relu.tp", "--inputs", "X.npy", "-o", "K2.npz", "--scheduler", "nowhere"], "E155"),
    "scheduler alone": (["relu.tp", "--inputs", "X.npy", "--scheduler", "tcp://127.0.0.1:1"], "-o"),
    "no power of 2": (["zoo:gru", "--inputs", "steps.npy", "--points", "1000"], "power of 2"),
    "no target": (["relu.tp", "--inputs", "X.npy", "-o", ""], "E142"),
    "an ending only": (["relu.tp", "--inputs", "X.npy", "-o", ".npy"], "E142"),
    "a file as a folder": (["relu.tp", "--inputs", "X.npy", "-o", "K2.npz/"], "E142"),
    "code in no file": (["relu.tp", "--emit", "numpy", "-o", ""], "E142"),
    "a long name": (["relu.tp", "--inputs", "X.npy", "-o", "K" * 300 + ".npy"], "E140"),
    "a long name of a folder": (["relu.tp", "--inputs", "X.npy", "-o", "K" * 300], "E140"),
    "a long name of code": (["zoo:mlp", "--emit", "numpy", "-o", "K" * 300 + ".py"], "E140"),
    "a name whose page is too long": (["relu.tp", "--inputs", "X.npy", "-o", "K" * 240 + ".npy"], "E140"),
    "many replicates": (["zoo:gru", "--inputs", "steps.npy", "--replicates", "100000000000"], "100000"),
    "std 0": (["zero.tp", "--inputs", "X.npy"], "std greater than 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_message_and_leaves_nothing(folder: Path, case: str) -> None:
    bad_data(folder)
    arguments, phrase = BAD[case]
    before = sorted(str(p) for p in folder.rglob("*"))
    ran = kernel(folder, *arguments)
    assert phrase in ran.err
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("rror") <= 2
    assert len(ran.err) < 2000
    assert sorted(str(p) for p in folder.rglob("*")) == before


def test_a_matrix_too_large_for_the_disk_is_refused_before_it_begins(folder: Path) -> None:
    np.save(folder / "long.npy", np.ones((3_000_000, 1), dtype=np.float32))  # 72 TB
    ran = kernel(folder, "relu.tp", "--inputs", "long.npy", "-o", "K.npy", "--backend", "numpy")
    assert ran.status == 2
    assert "error E140" in ran.err
    assert not [p for p in folder.iterdir() if "K" in p.name]


# --- cut short -------------------------------------------------------------------------------------------------------

SLOW = """
import time, tpproof.numerics.gram.kernel as k
inner = k.KernelFunction._values
def slow(self, *rest):
    time.sleep(0.3)
    return inner(self, *rest)
k.KernelFunction._values = slow
from tpproof.cli.main import run
run()
"""


def cut_short(folder: Path, by: signal.Signals, *arguments: str) -> tuple[int, str]:
    """The command, stopped when two blocks are on disk."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "kernel", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    journal = folder / ".K.npy.partial" / "journal.jsonl"
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    process.send_signal(by)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_cut_short_goes_on_where_it_was_with_the_same_numbers_and_errors(
    folder: Path, by: signal.Signals
) -> None:
    arguments = ["relu.tp", "--inputs", "big.npy", "-o", "K.npy", "--block-size", "8", "--backend", "numpy", "--json"]
    status, err = cut_short(folder, by, *arguments)
    assert not (folder / "K.npy").exists()
    assert "Traceback" not in err
    if by == signal.SIGINT:
        assert status == 130
        assert "the same command goes on from there" in err
    kept = (folder / ".K.npy.partial" / "journal.jsonl").read_bytes().count(b'"block"')
    assert kept >= 2
    resumed = kernel(folder, *arguments).object
    found = np.load(folder / "K.npy")
    assert not (folder / ".K.npy.partial").exists()
    anew = kernel(folder, *arguments, "--no-resume").object
    assert np.array_equal(found, np.load(folder / "K.npy"))
    assert resumed["relative_error"] == anew["relative_error"]


def test_blocks_whose_errors_are_lost_have_no_bound(folder: Path) -> None:
    arguments = ["relu.tp", "--inputs", "big.npy", "-o", "K.npy", "--block-size", "8", "--backend", "numpy", "--json"]
    cut_short(folder, signal.SIGKILL, *arguments)
    (folder / ".K.npy.partial" / "errors.jsonl").write_bytes(b"")
    answer = kernel(folder, *arguments, "--allow-conditional")
    assert answer.status == 3
    assert answer.object["relative_error"] == {"ntk": None}
    assert answer.object["reached"] is False


def test_the_python_of_the_page_on_kernels_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "kernels.md").read_text()
    (tmp_path / "page.py").write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)))
    command = [sys.executable, "page.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_emitted_code_goes_to_standard_output_or_whole_to_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitter = types.ModuleType("tpproof.numerics.emit")
    emitter.emit_numpy = lambda plan, name, sha256, **_: f'"""{name} {sha256}"""\n'  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, emitter.__name__, emitter)
    ran = kernel(folder, "zoo:mlp", "--emit", "numpy")
    assert (ran.status, ran.out[:7]) == (0, '"""mlp ')
    assert kernel(folder, "zoo:mlp", "--emit", "numpy", "-o", "code.py").out == "code.py\n"
    assert (folder / "code.py").read_text() == ran.out
    assert "ends in .py" in kernel(folder, "zoo:mlp", "--emit", "numpy", "-o", "code.npz").err
    ran = kernel(folder, "relu.tp", "--emit", "numpy")
    assert (ran.status, ran.out[:8]) == (3, '"""relu ')
    refused = kernel(folder, "zoo:gru", "--emit", "numpy")
    assert (refused.status, refused.out) == (2, "")
    assert "left to samples" in refused.err


def test_enclosures_are_printed_with_the_entry_that_was_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    balls = types.ModuleType("tpproof.numerics.rigorous")
    asked: list[Any] = []

    def enclose(plan: Any, arrays: Any, pairs: Any) -> list[Any]:
        asked.append((arrays[0].shape, pairs))
        return [types.SimpleNamespace(outputs=(0, 0), ntk=(0.25, 0.5), nngp=(0, 1), bits=128) for _ in pairs]

    balls.enclose = enclose  # type: ignore[attr-defined]
    balls.decimal = lambda x, digits, up: str(x)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, balls.__name__, balls)
    arguments = ["zoo:mlp", "-D", "phi=erf", "--inputs", "X.npy", "--inputs2", "Y.npy", "--backend", "numpy"]
    ran = kernel(folder, *arguments, "--rigorous", "2,1", "--rigorous", "0,0")
    assert "K(ξ_2, ξ_1) ∈ [0.25, 0.5]" in ran.out
    assert asked == [((5, 1, 5), [(2, 4), (0, 3)])]
    answer = kernel(folder, *arguments, "--rigorous", "2,1", "--json").object["rigorous"]
    assert answer == [{"row": 2, "col": 1, "outputs": [0, 0], "ntk": ["0.25", "0.5"], "nngp": ["0", "1"], "bits": 128}]


def test_blocks_from_a_cluster_come_with_their_errors(folder: Path) -> None:
    distributed = pytest.importorskip("distributed")
    arguments = ["relu.tp", "--inputs", "big.npy", "--block-size", "16", "--json", "--backend", "numpy"]
    here = kernel(folder, *arguments, "-o", "here.npy").object
    options = {
        "n_workers": 1,
        "threads_per_worker": 1,
        "processes": False,
        "protocol": "tcp",
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options) as cluster:
        there = kernel(folder, *arguments, "-o", "there.npy", "--scheduler", cluster.scheduler_address).object
    assert there["relative_error"]["ntk"] == pytest.approx(here["relative_error"]["ntk"], rel=1e-6)
    assert np.allclose(np.load(folder / "there.npy"), np.load(folder / "here.npy"), rtol=1e-13, atol=0)


# --- files that are read or are somebody's ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["relu.tp", "--inputs", "X.npy", "-o", "X.npy"],
        ["relu.tp", "--inputs", "X.npy", "-o", "./sub/../X.npy"],
        ["relu.tp", "--inputs", "X.npy", "-o", "link.npy"],
        ["relu.tp", "--inputs", "link.npy", "-o", "X.npy"],
        ["relu.tp", "--inputs", "Y.npy", "--inputs2", "X.npy", "-o", "X.npy"],
        ["relu.tp", "--inputs", "K.ntk.npy", "--nngp", "-o", "K.npy"],
        ["relu.tp", "--inputs", "sub/ntk.npy", "-o", "sub"],
        ["relu.tp", "--inputs", "K.zarr/X.npy", "-o", "K.zarr"],
        ["relu.tp", "--inputs", ".K.npy.partial/ntk.npy", "-o", "K.npy"],
        ["K.npz.kernel.json", "--inputs", "X.npy", "-o", "K.npz"],
        ["net.npy", "--inputs", "X.npy", "-o", "net.npy"],
        ["net.py", "--emit", "numpy", "-o", "net.py"],
    ],
    ids=" ".join,
)
def test_what_is_read_is_never_what_is_written(folder: Path, arguments: list[str]) -> None:
    for sub in ("sub", "K.zarr", ".K.npy.partial"):
        (folder / sub).mkdir()
    (folder / "K.zarr/zarr.json").write_text("{}")
    for name in ("K.ntk.npy", "sub/ntk.npy", "K.zarr/X.npy", ".K.npy.partial/ntk.npy"):
        (folder / name).write_bytes((folder / "X.npy").read_bytes())
    for name in ("net.npy", "net.py", "K.npz.kernel.json"):
        (folder / name).write_text(RELU)
    (folder / "link.npy").symlink_to("X.npy")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    ran = kernel(folder, *arguments)
    assert ran.status == 2
    assert "E142" in ran.err and "an input" in ran.err
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_target_beside_its_inputs_is_written(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/X.npy").write_bytes((folder / "X.npy").read_bytes())
    arguments = ["relu.tp", "--inputs", "sub/X.npy", "--allow-conditional", "--backend", "numpy"]
    assert kernel(folder, *arguments, "-o", "sub").status == 0
    assert kernel(folder, *arguments, "-o", "sub/X.npz").status == 0


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "http://127.0.0.1:1", "tcp://127.0.0.1:port", "tcp://"])
def test_where_no_scheduler_is_one_message_says_so_and_nothing_follows_it(folder: Path, address: str) -> None:
    pytest.importorskip("distributed")
    ran = tpproof(folder, "kernel", "relu.tp", "--inputs", "X.npy", "-o", "K.npy", "--scheduler", address)
    assert ran.status == 2
    assert ran.err.startswith("error E155") and "tcp://host:port" in ran.err
    assert "Exception" not in ran.err and "Error" not in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("arguments", [["--inputs", "X.npy"], ["--inputs", "X.npy", "--json"], ["--emit", "numpy"]])
def test_an_output_that_is_full_is_one_message(folder: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "tpproof", "kernel", "zoo:mlp", "-D", "phi=erf", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error E140") and "standard output" in done.stderr
    assert done.stderr.count("\n") == 4


STEERING = "\x1b[2Jall\nproved\u202e"


@pytest.mark.parametrize(
    "arguments",
    [
        [STEERING, "--inputs", "X.npy"],
        ["relu.tp", "--inputs", STEERING],
        ["relu.tp", "--inputs", f"{STEERING}.npy"],
        [f"{STEERING}.tp", "--inputs", "X.npy"],
        ["relu.tp", "--inputs", "X.npy", "-o", f"{STEERING}.csv"],
        ["relu.tp", "--inputs", "X.npy", "-o", f"file/{STEERING}.npy"],
        ["relu.tp", "--inputs", "X.npy", "-o", f"{STEERING}.npy", "--backend", "numpy"],
        ["zoo:mlp", "-D", "phi=erf", "--emit", "numpy", "-o", f"{STEERING}.py"],
        ["zoo:mlp", "--inputs", "X.npy", f"--{STEERING}"],
        ["zoo:mlp", "-D", f"{STEERING}=1", "--inputs", "X.npy"],
    ],
    ids=ascii,
)
def test_names_that_steer_a_terminal_are_shown_escaped(folder: Path, arguments: list[str]) -> None:
    (folder / "file").write_text("")
    (folder / f"{STEERING}.npy").write_text("no array")
    (folder / f"{STEERING}.tp").write_text("x = ")
    ran = kernel(folder, *arguments)
    assert "\x1b" not in ran.out + ran.err and "\u202e" not in ran.out + ran.err
    assert "\nproved" not in ran.out + ran.err
    assert "\\x1b[2J" in ran.out + ran.err


def test_the_answer_says_what_is_trained_and_how_inputs_are_scaled(folder: Path) -> None:
    arguments = ["zoo:mlp", "-D", "phi=erf", "--inputs", "X.npy", "--backend", "numpy"]
    frozen = 'output(readout("v", lr=0) @ erf(embedding("U") @ input("xi")))\n'
    (folder / "frozen.tp").write_text(frozen)
    assert "trained: U" in kernel(folder, *arguments).out
    ran = kernel(folder, "frozen.tp", *arguments[3:])
    assert "trained: U; not trained: v\n" in ran.out and "divided by √d" in ran.out
    answer = kernel(folder, "frozen.tp", *arguments[3:], "--json").object
    assert (answer["trained"], answer["not_trained"]) == (["U"], ["v"])
    assert "(122)" in answer["convention"] and "√d" in answer["convention"]
