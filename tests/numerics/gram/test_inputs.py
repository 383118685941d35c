"""Input arrays from strangers: what fits the network is read exactly, everything else is one error that says why."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.numerics.gram.test_store import code_of
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT
from tpproof.numerics.gram import inputs
from tpproof.numerics.gram.inputs import InputArrays, as_inputs, read_inputs, require_alike
from tpproof.program.model import Input

ONE = (Input("xi"),)
MANY = (Input("xi", 3),)
TWO = (Input("xi", 3), Input("zeta"))
X = np.random.default_rng(0).standard_normal((6, 4))
XS = np.random.default_rng(1).standard_normal((6, 3, 4))
Z = np.random.default_rng(2).standard_normal((6, 5))


def saved(path: Path, array: Any = None, **arrays: Any) -> Path:
    if arrays:
        np.savez(path, **arrays)
    else:
        np.save(path, array)
    return path


def refused(path: Path, *words: str, declared: tuple[Input, ...] = ONE, code: str = "E153") -> None:
    found, text = code_of(lambda: read_inputs(path, declared))
    assert found == code
    for word in (path.name, *words):
        assert word in text, text
    assert "Traceback" not in text and len(text) < 1500


# --- what fits -------------------------------------------------------------------------------------------------------


def test_one_input_is_read_from_either_kind_of_file(tmp_path: Path) -> None:
    for path in (saved(tmp_path / "x.npy", X), saved(tmp_path / "x.npz", xi=X)):
        read = read_inputs(path, ONE)
        assert len(read) == 6 and read.dimensions == (4,)
        np.testing.assert_array_equal(read.arrays[0], X[:, None])
        assert not read.arrays[0].flags.writeable


def test_the_content_and_not_the_name_tells_the_kind(tmp_path: Path) -> None:
    os.rename(saved(tmp_path / "x.npy", X), tmp_path / "x.dat")
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.dat", ONE).arrays[0][:, 0], X)
    os.rename(saved(tmp_path / "x.npz", xi=X), tmp_path / "x.npy")
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.npy", ONE).arrays[0][:, 0], X)


def test_a_tuple_of_inputs_keeps_its_parts(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_inputs(saved(tmp_path / "x.npy", XS), MANY).arrays[0], XS)


def test_several_inputs_have_a_dimension_each(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", zeta=Z, xi=XS)
    read = read_inputs(tmp_path / "x.npz", TWO)
    assert read.dimensions == (4, 5)
    np.testing.assert_array_equal(read.arrays[0], XS)
    np.testing.assert_array_equal(read.arrays[1], Z[:, None])
    part = read.rows(slice(2, 4))
    assert len(part) == 2 and part.inputs == TWO
    np.testing.assert_array_equal(part.arrays[1], Z[2:4, None])


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "<f8", "i1", "u1", ">i4", "i8", "g"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_real_numbers_of_every_type_and_order_become_float64(tmp_path: Path, dtype: str, order: Any, kind: str) -> None:
    given_array = np.asarray((abs(X) * 10), dtype=dtype, order=order)
    path = tmp_path / f"x.{kind}"
    read = read_inputs(saved(path, given_array) if kind == "npy" else saved(path, xi=given_array), ONE).arrays[0]
    assert read.dtype == np.dtype("=f8") and read.flags.c_contiguous
    np.testing.assert_array_equal(read[:, 0], given_array.astype(np.float64))


def test_a_file_that_needs_no_conversion_stays_on_disk(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((40_000, 100)))
    tracemalloc.start()
    read = read_inputs(path, ONE)
    digest = read.fingerprint()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000 < read.arrays[0].nbytes == 32_000_000
    assert digest == as_inputs(np.load(path), ONE).fingerprint()


def test_python_data_is_taken_as_arrays_names_or_a_sequence() -> None:
    expected = as_inputs({"xi": XS, "zeta": Z}, TWO)
    for data in ((XS, Z), [XS.tolist(), Z.tolist()], {"zeta": Z, "xi": XS}, expected):
        read = as_inputs(data, TWO)
        for a, b in zip(read.arrays, expected.arrays, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(as_inputs([[1, 2], [3, 4]], ONE).arrays[0], [[[1.0, 2.0]], [[3.0, 4.0]]])
    np.testing.assert_array_equal(as_inputs(np.ma.masked_array(X), ONE).arrays[0][:, 0], X)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 5), st.sampled_from(["<f4", ">f8", "<i2"]))
def test_what_is_written_is_read(n: int, count: int, d: int, dtype: str) -> None:
    array = np.arange(n * count * d).reshape(n, count, d).astype(dtype)
    path = Path(os.environ.get("PYTEST_TMP", "/tmp")) / f"tpproof-inputs-{os.getpid()}.npy"
    try:
        np.save(path, array)
        np.testing.assert_array_equal(read_inputs(path, (Input("xi", count),)).arrays[0], array)
    finally:
        path.unlink()


def test_fingerprints_tell_data_apart() -> None:
    changed = X.copy()
    changed[5, 3] += 1e-15
    sets = [as_inputs(X, ONE), as_inputs(changed, ONE), as_inputs(X.reshape(8, 3), ONE), as_inputs(X, (Input("x"),))]
    assert len({s.fingerprint() for s in sets}) == 4
    assert as_inputs(X.copy(), ONE).fingerprint() == sets[0].fingerprint()


# --- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [ONE, MANY])
@pytest.mark.parametrize("shape", [(), (4,), (0, 4), (6, 0), (6, 2, 4), (6, 0, 4), (6, 3, 4, 1), (0, 3, 4), (6, 3, 0)])
def test_wrong_shapes_are_told_with_what_is_wanted(tmp_path: Path, declared: tuple[Input, ...], shape: Any) -> None:
    wanted = "(N, d)" if declared is ONE else "(N, 3, d)"
    refused(saved(tmp_path / "x.npy", np.zeros(shape)), f"shape {shape}", wanted, declared=declared)
    refused(saved(tmp_path / "x.npz", xi=np.zeros(shape)), f"shape {shape}", wanted, declared=declared)
    code, text = code_of(lambda: as_inputs(np.zeros(shape), declared))
    assert code == "E153" and wanted in text


OTHER_TYPES: list[tuple[Any, str]] = [
    (X.astype(complex), "complex"),
    (X > 0, "truth values"),
    (X.astype(object), "Python objects"),
    (X.astype("U8"), "<U8"),
    (X.astype("S8"), "S8"),
    (np.zeros((6, 4), "M8[s]"), "datetime64"),
    (np.zeros((6, 4), [("a", "f8")]), "records"),
]


@pytest.mark.parametrize(("array", "word"), OTHER_TYPES, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_no_real_number_is_refused(tmp_path: Path, array: NDArray[Any], word: str) -> None:
    refused(saved(tmp_path / "x.npy", array), word)
    refused(saved(tmp_path / "x.npz", xi=array), word)
    code, text = code_of(lambda: as_inputs(array, ONE))
    assert code == "E153" and word in text


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    objects = np.array([[Bomb(mark)]], dtype=object)
    np.save(tmp_path / "x.npy", objects)
    np.savez(tmp_path / "x.npz", xi=objects)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    for name in ("x.npy", "x.npz", "x.pkl"):
        refused(tmp_path / name)
    assert not mark.exists()
    np.load(tmp_path / "x.npy", allow_pickle=True)  # the other side: it would have been seen
    assert mark.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named(
    tmp_path: Path, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_CHUNK", 7)  # so that it lies in a later piece
    for array, declared, at in ((X.copy(), ONE, (4, 2)), (XS.copy(), MANY, (3, 2, 1)), (X.astype("f4"), ONE, (5, 3))):
        array[at] = value
        array[5, ..., 3] = np.nan if at != (5, 3) else value
        refused(saved(tmp_path / "x.npy", array), f"{value} at index {at}", declared=declared)
    code, text = code_of(lambda: as_inputs({"xi": XS, "zeta": np.full((6, 5), value)}, TWO))
    assert code == "E153" and "zeta" in text and "(0, 0)" in text


def test_a_number_beyond_float64_is_not_finite(tmp_path: Path) -> None:
    if np.finfo("g").max > np.finfo("d").max:
        refused(saved(tmp_path / "x.npy", np.full((2, 2), np.finfo("g").max)), "inf at index (0, 0)")


def test_keys_that_are_missing_or_too_many_are_named(tmp_path: Path) -> None:
    refused(saved(tmp_path / "x.npz", xi=XS), "nothing under zeta", declared=TWO)
    refused(saved(tmp_path / "x.npz", xi=XS, zeta=Z, eta=Z), "'eta'", declared=TWO)
    np.savez(tmp_path / "y.npz", X)
    refused(tmp_path / "y.npz", "nothing under xi", "arr_0")
    refused(saved(tmp_path / "x.npy", X), "a .npz file with xi (N, 3, d), zeta (N, d)", declared=TWO)
    for data in ({"xi": XS}, {"xi": XS, "zeta": Z, "eta": Z}, {}, {1: XS}, [XS], (XS, Z, Z), XS, None):
        assert code_of(lambda data=data: as_inputs(data, TWO))[0] == "E153"  # type: ignore[misc]


def test_all_inputs_have_one_n(tmp_path: Path) -> None:
    refused(saved(tmp_path / "x.npz", xi=XS, zeta=Z[:5]), "N = 6 for xi, N = 5 for zeta", declared=TWO)


def test_two_sets_of_inputs_have_one_dimension_each() -> None:
    first, second = as_inputs(X, ONE), as_inputs(Z, ONE)
    code, text = code_of(lambda: require_alike(first, second))
    assert code == "E153" and "d = 4 in X1, d = 5 in X2" in text
    assert code_of(lambda: require_alike(first, as_inputs(XS, MANY)))[0] == "E153"
    require_alike(first, as_inputs(X[:2], ONE))


class Rude:
    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise KeyError("rude")


@pytest.mark.parametrize("data", [[[1, 2], [3]], [["a", "b"]], [[None]], None, "x", Rude(), object(), {1, 2}, 10**400])
def test_python_data_that_is_no_array_is_refused(data: Any) -> None:
    assert code_of(lambda: as_inputs(data, ONE))[0] == "E153"


def test_missing_values_are_not_filled_in() -> None:
    assert "masked" in code_of(lambda: as_inputs(np.ma.masked_array(X, X > 0), ONE))[1]


def test_inputs_of_another_network_are_refused() -> None:
    assert code_of(lambda: as_inputs(as_inputs(X, ONE), TWO))[0] == "E153"
    assert code_of(lambda: as_inputs(X, ()))[0] == "E153"


# --- files that are no such files ------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.npy", "No such file", code="E100")
    (tmp_path / "folder.npy").mkdir()
    refused(tmp_path / "folder.npy", "no regular file", code="E100")
    os.mkfifo(tmp_path / "pipe.npy")
    refused(tmp_path / "pipe.npy", "no regular file", code="E100")
    assert code_of(lambda: read_inputs("a\0b", ONE))[0] == "E100"
    assert code_of(lambda: read_inputs("a" * 5000, ONE))[0] == "E100"


@pytest.mark.parametrize("content", [b"", b"1,2\n3,4\n", b"\x93NUMP", b"PK", b"\x89HDF\r\n", b"%PDF", b"\0" * 200])
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    refused(tmp_path / "x.npy", "no .npy or .npz file", "(N, d)")


def whole(kind: str, tmp_path: Path) -> bytes:
    return (saved(tmp_path / "w.npy", X) if kind == "npy" else saved(tmp_path / "w.npz", xi=X)).read_bytes()


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, kind: str) -> None:
    content = whole(kind, tmp_path)
    for end in [*range(6, len(content), 7), len(content) - 1]:
        (tmp_path / "x.npy").write_bytes(content[:end])
        refused(tmp_path / "x.npy")


def test_bytes_after_the_array_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(whole("npy", tmp_path) + b"\0")
    refused(tmp_path / "x.npy", "longer than its array")


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_damaged_bytes_give_an_error_or_finite_numbers(tmp_path: Path, kind: str) -> None:
    content, random = whole(kind, tmp_path), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for at in random.integers(0, len(content), 3):
            damaged[at] = random.integers(256)
        (tmp_path / "x.npy").write_bytes(damaged)
        try:
            assert np.isfinite(read_inputs(tmp_path / "x.npy", ONE).arrays[0]).all()
        except TpproofError as error:
            assert error.code in ("E153", "E104")


def with_header(text: str, version: bytes = b"\1\0") -> bytes:
    header = text.encode() + b"\n"
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + b"\0" * 32


HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -2)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2.0, 2)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': 4}",
    "{'descr': '<f8', 'fortran_order': 7, 'shape': (2, 2)}",
    "{'descr': 'nonsense', 'fortran_order': False, 'shape': (2, 2)}",
    "{'descr': '<f8', 'shape': (2, 2)}",
    "[1, 2]",
    "__import__('os').system('true')",
    "(" * 5000,
    "-" * 9000 + "1",
    "{" + "'a':" * 3000,
    "",
    "\0",
    "9" * 60_000,
]


@pytest.mark.parametrize("text", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0", b"\7\0"])
def test_headers_that_numpy_never_wrote_are_refused(tmp_path: Path, text: str, version: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(with_header(text, version))
    refused(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("xi.npy", with_header(text, version))
    refused(tmp_path / "x.npz")


def test_a_size_that_nobody_holds_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    for n in (10**9, 10**30):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, 8)}}"
        (tmp_path / "x.npy").write_bytes(with_header(header))
        refused(tmp_path / "x.npy", f"{8 * n} numbers", "input_numbers", code="E104")


def zeros(path: Path, numbers: int) -> Path:
    """A zip bomb: an array of zeros, deflated a thousandfold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xi.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (numbers // 8, 8)})
        for _ in range(numbers // 2**17):
            file.write(bytes(2**20))
    return path


def test_a_zip_bomb_stops_at_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zeros(tmp_path / "x.npz", 2**22)
    assert path.stat().st_size < 2**25 / 900
    assert read_inputs(path, ONE).arrays[0].shape == (2**19, 1, 8)
    limits = replace(DEFAULT, input_numbers=2**22 - 1)
    tracemalloc.start()
    code, text = code_of(lambda: read_inputs(path, ONE, limits))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == "E104" and f"{2**22} numbers" in text
    assert peak < 2**21
    assert code_of(lambda: as_inputs(np.zeros((2**19, 8)), ONE, limits))[0] == "E104"
    both = (Input("xi"), Input("zeta"))  # together too many
    np.savez(tmp_path / "y.npz", xi=np.zeros((2, 2**20)), zeta=np.zeros((2, 2**20)))
    assert code_of(lambda: read_inputs(tmp_path / "y.npz", both, limits))[0] == "E104"


def npy_bytes(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_an_archive_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    content = npy_bytes(X)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("xi.npy", content)
    whole_file = (tmp_path / "x.npz").read_bytes()
    size = struct.pack("<I", len(content))
    for other in (len(content) - 8, len(content) + 8, 2**31):
        (tmp_path / "y.npz").write_bytes(whole_file.replace(size, struct.pack("<I", other)))
        refused(tmp_path / "y.npz")


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npz", xi=X)
    path.write_bytes(path.read_bytes().replace(X.tobytes(), (X + 1).tobytes()))
    refused(path, "CRC")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_expand_without_bound_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", method) as archive:
        archive.writestr("xi.npy", npy_bytes(X))
    refused(tmp_path / "x.npz", "compression")


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("xi.npy", npy_bytes(X))
        archive.writestr("xi", npy_bytes(X))
    refused(tmp_path / "x.npz", "twice")


def test_other_zip_files_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w"):
        pass
    refused(tmp_path / "x.npz", "no arrays")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("xi.npy", b"PK\3\4 not an array")
    refused(tmp_path / "y.npz", "header")


def test_a_warning_of_numpy_reaches_nobody(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 2L)}"))
    script = (
        "import sys\nfrom tpproof.numerics.gram.inputs import *\nprint(len(read_inputs(sys.argv[1], (Input('xi'),))))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x.npy")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("2\n", "")


def test_rows_of_one_set_are_views() -> None:
    read: InputArrays = as_inputs(X, ONE)
    assert np.shares_memory(read.rows(slice(1, 3)).arrays[0], read.arrays[0])


def test_no_check_is_needed_twice() -> None:
    checks: list[Callable[[], InputArrays]] = [lambda: as_inputs(X, ONE), lambda: as_inputs(as_inputs(X, ONE), ONE)]
    assert len({c().fingerprint() for c in checks}) == 1
