"""Gram matrices by blocks: the same bits wherever they go, never half under a final name, and not lost when killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tpproof.errors import TpproofError
from tpproof.numerics.gram import journal
from tpproof.numerics.gram.blocks import Block, RowBlocks, Values, grid, grid_size, transposed
from tpproof.numerics.gram.inputs import InputArrays, as_inputs
from tpproof.numerics.gram.journal import journalled
from tpproof.numerics.gram.store import Stored, compute
from tpproof.numerics.workers.lock import LOCK, locked
from tpproof.program.model import Input

XI = (Input("xi"),)


@dataclass
class Linear:
    """The kernel ξᵀξ'/d, and one that is not symmetric in its outputs. Counts its calls; can be slow, or fail."""

    slow: float = 0.0
    outputs: int = 0
    calls: list[tuple[int, int]] = field(default_factory=list)
    before: Callable[[int], None] = lambda call: None

    def __call__(self, x1: InputArrays, x2: InputArrays | None) -> Values:
        self.before(len(self.calls))
        self.calls.append((len(x1), len(x1 if x2 is None else x2)))
        time.sleep(self.slow)
        a, b = x1.arrays[0][:, 0], (x1 if x2 is None else x2).arrays[0][:, 0]
        gram = np.einsum("id,jd->ij", a, b) / a.shape[1]
        if self.outputs:
            gram = gram[..., None, None] * np.ones((self.outputs, self.outputs))
            gram = gram + a[:, None, : self.outputs, None] * b[None, :, None, : self.outputs]
        return {"ntk": gram, "nngp": 2 * gram}


def data(n: int, d: int = 3, seed: int = 0) -> InputArrays:
    return as_inputs(np.random.default_rng(seed).standard_normal((n, d)), XI)


def toy(n: int = 23, m: int | None = None, names: tuple[str, ...] = ("ntk", "nngp"), **options: Any) -> RowBlocks:
    """Blocks of a toy kernel: symmetric, or of n × m inputs."""
    engine = Linear(**options)
    trailing = (engine.outputs,) * 2 if engine.outputs else ()
    return RowBlocks(engine, "toy", names, data(n), None if m is None else data(m, seed=1), trailing)


def calls(blocks: RowBlocks) -> int:
    assert isinstance(blocks.engine, Linear)
    return len(blocks.engine.calls)


def whole(blocks: RowBlocks) -> Values:
    """The other side: everything in one block."""
    return Linear(outputs=blocks.trailing[0] if blocks.trailing else 0)(blocks.x1, blocks.x2)


def same(stored: Stored, blocks: RowBlocks) -> None:
    expected = whole(blocks)
    assert set(stored.arrays) == set(blocks.names)
    for name, array in stored.arrays.items():
        assert array.dtype == blocks.dtype
        np.testing.assert_array_equal(array[:], expected[name].astype(blocks.dtype))


def left_behind(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


TARGETS = [None, "K.npy", "K.npz", "K.zarr", "results", "deep/er/K.npy"]
SHAPES: list[dict[str, Any]] = [{"n": 23}, {"n": 23, "m": 9}, {"n": 9, "m": 23}, {"n": 1}, {"n": 12, "outputs": 2}]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_every_target_holds_the_same_bits(tmp_path: Path, target: str | None, options: dict[str, Any]) -> None:
    if target == "K.zarr":
        pytest.importorskip("zarr")
    for size in (4, 23, 100):
        blocks = toy(**options)
        stored = compute(blocks, None if target is None else tmp_path / target, block_size=size)
        same(stored, blocks)
        assert stored.computed == calls(blocks) == grid_size(blocks.shape, blocks.symmetric, size)
        assert not [name for name in left_behind(tmp_path) if "partial" in name]


def test_the_files_have_the_names_that_were_asked_for(tmp_path: Path) -> None:
    assert set(compute(toy(), tmp_path / "K.npy").paths.values()) == {tmp_path / "K.ntk.npy", tmp_path / "K.nngp.npy"}
    compute(toy(names=("ntk",)), tmp_path / "L.npy")
    compute(toy(), tmp_path / "folder")
    compute(toy(), tmp_path / "M.npz")
    files = ["K.nngp.npy", "K.ntk.npy", "L.npy", "M.npz", "folder/nngp.npy", "folder/ntk.npy"]
    assert left_behind(tmp_path) == files
    with np.load(tmp_path / "M.npz", allow_pickle=False) as archive:
        assert sorted(archive) == ["nngp", "ntk"]


def test_a_zarr_chunk_is_a_block(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    compute(toy(), tmp_path / "K.zarr", block_size=5)
    compute(toy(), tmp_path / "K.zarr", block_size=6)  # takes the place of the first
    group = zarr.open_group(tmp_path / "K.zarr", mode="r")
    assert group["ntk"].chunks == (6, 6)
    assert group.attrs["fingerprint"] == toy().fingerprint


def test_single_precision_is_stored_as_such(tmp_path: Path) -> None:
    blocks = replace(toy(), dtype=np.dtype(np.float32))
    same(compute(blocks, tmp_path / "K", block_size=7), blocks)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_grid_covers_every_entry_once_and_neighbours_share_inputs(symmetric: bool) -> None:
    shape = (10, 10) if symmetric else (10, 7)
    blocks = list(grid(shape, symmetric, 3))
    covered = np.zeros(shape)
    for block in blocks:
        covered[block.rows, block.cols] += 1
        if symmetric and block.i != block.j:
            covered[block.cols, block.rows] += 1
    assert (covered == 1).all() and len(blocks) == grid_size(shape, symmetric, 3)
    assert all(a.i == b.i or a.j in (b.j, a.i) for a, b in pairwise(blocks))


def test_the_mirror_of_several_outputs_exchanges_them_too() -> None:
    blocks = toy(12, outputs=3)
    expected = whole(blocks)["ntk"]
    np.testing.assert_array_equal(transposed(expected), expected)
    assert not np.array_equal(np.swapaxes(expected, 0, 1), expected)


def test_progress_starts_at_what_is_there_and_ends_at_all(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    compute(toy(), tmp_path / "K", block_size=10, progress=lambda done, total: told.append((done, total)))
    assert told == [(k, 6) for k in range(7)]


# --- cut short -------------------------------------------------------------------------------------------------------


def interrupted(at: int) -> Callable[[int], None]:
    def before(call: int) -> None:
        if call == at:
            raise KeyboardInterrupt

    return before


def cut(target: Path, at: int = 4) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        compute(toy(before=interrupted(at)), target, block_size=5)
    assert "resume=True" in caught.value.__notes__[0]


DISK = ["K.npy", "K.npz", "K.zarr", "results"]


@pytest.mark.parametrize("target", DISK)
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, target: str) -> None:
    if target == "K.zarr":
        pytest.importorskip("zarr")
    cut(tmp_path / target)
    assert all(".partial" in name for name in left_behind(tmp_path))
    blocks = toy()
    stored = compute(blocks, tmp_path / target, block_size=5)
    assert (stored.resumed, stored.computed, calls(blocks)) == (4, 11, 11)
    same(stored, blocks)
    assert not [name for name in left_behind(tmp_path) if "partial" in name]


def spoil_last_line(work: Path) -> None:
    path = work / journal.JOURNAL
    path.write_bytes(path.read_bytes()[:-5])


def spoil_middle(work: Path) -> None:
    path = work / journal.JOURNAL
    lines = path.read_bytes().split(b"\n")
    lines[2:2] = [b"\xff\x00", b'{"block": [1, "x"]}', b'{"block": 3}', b"[" * 100_000]
    path.write_bytes(b"\n".join(lines))


def spoil_header(work: Path) -> None:
    path = work / journal.JOURNAL
    path.write_bytes(b"{" + path.read_bytes())


def spoil_data(work: Path) -> None:
    (work / "ntk.npy").write_bytes(b"\x93NUMPY")


def lose_data(work: Path) -> None:
    (work / "nngp.npy").unlink()


def other_shape(work: Path) -> None:
    np.save(work / "ntk.npy", np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("spoil", "resumed"),
    [(spoil_last_line, 3), (spoil_middle, 4), (spoil_header, 0), (spoil_data, 0), (lose_data, 0), (other_shape, 0)],
)
def test_what_is_damaged_is_computed_again(tmp_path: Path, spoil: Callable[[Path], None], resumed: int) -> None:
    cut(tmp_path / "results")
    spoil(tmp_path / "results/.partial")
    blocks = toy()
    stored = compute(blocks, tmp_path / "results", block_size=5)
    assert stored.resumed == resumed
    same(stored, blocks)


def test_a_run_cut_twice_with_a_damaged_line_in_between_keeps_both_parts(tmp_path: Path) -> None:
    cut(tmp_path / "results")
    spoil_last_line(tmp_path / "results/.partial")
    cut(tmp_path / "results", at=2)
    blocks = toy()
    stored = compute(blocks, tmp_path / "results", block_size=5)
    assert stored.resumed == 5
    same(stored, blocks)


@pytest.mark.parametrize(
    "other",
    [
        replace(toy(), recipe="another network"),
        replace(toy(), x1=data(23, seed=5)),
        replace(toy(), dtype=np.dtype(np.float32)),
        replace(toy(), x2=toy().x1),
    ],
)
def test_blocks_of_another_computation_are_not_taken(tmp_path: Path, other: RowBlocks) -> None:
    cut(tmp_path / "results")
    stored = compute(other, tmp_path / "results", block_size=5)
    assert stored.resumed == 0
    same(stored, other)


def test_nothing_is_resumed_when_that_is_not_wanted_or_the_blocks_are_others(tmp_path: Path) -> None:
    cut(tmp_path / "results")
    assert compute(toy(), tmp_path / "results", block_size=5, resume=False).resumed == 0
    cut(tmp_path / "results")
    assert compute(toy(), tmp_path / "results", block_size=6).resumed == 0


SCRIPT = """
import sys
from tests.numerics.gram.test_store import compute, toy
compute(toy(slow=0.02), sys.argv[1], block_size=5, progress=lambda done, total: print(done, flush=True))
"""


@pytest.mark.parametrize("target", ["K.npy", "K.zarr"])
def test_a_killed_run_loses_at_most_the_block_in_flight(tmp_path: Path, target: str) -> None:
    if target == "K.zarr":
        pytest.importorskip("zarr")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if int(line) == 6:
                run.send_signal(signal.SIGKILL)
                break
    assert run.returncode == -signal.SIGKILL
    assert all(".partial" in name for name in left_behind(tmp_path))
    assert (tmp_path / f".{target}.partial" / LOCK).exists()  # that of a dead process
    blocks = toy()
    stored = compute(blocks, tmp_path / target, block_size=5)
    assert stored.resumed in (6, 7)
    assert stored.resumed + stored.computed == 15
    same(stored, blocks)


# --- errors ----------------------------------------------------------------------------------------------------------


def code_of(run: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(TpproofError) as caught:
        run()
    return caught.value.code, str(caught.value)


@dataclass(frozen=True)
class Spoiled:
    """A kernel with one entry that is not finite."""

    value: float
    name: str

    def __call__(self, x1: InputArrays, x2: InputArrays | None) -> Values:
        found = dict(Linear()(x1, x2))
        hit = x1.arrays[0][:, 0, :1] == data(23).arrays[0][7, 0, 0]
        other = (x1 if x2 is None else x2).arrays[0][:, 0, :1] == data(23).arrays[0][11, 0, 0]
        found[self.name][hit & other.T] = self.value
        return found


@pytest.mark.parametrize("name", ["ntk", "nngp"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("target", ["K.npy", "K.npz", None])
def test_an_entry_that_is_not_finite_is_named(tmp_path: Path, name: str, value: float, target: str | None) -> None:
    blocks = replace(toy(), engine=Spoiled(value, name))
    code, text = code_of(lambda: compute(blocks, target and tmp_path / target, block_size=5))
    assert code == "E152"
    assert f"{name}: {value} at entry (7, 11)" in text
    assert left_behind(tmp_path) == []


def test_a_number_too_large_for_single_precision_is_not_finite() -> None:
    blocks = replace(toy(), x1=as_inputs(np.full((3, 2), 1e30), XI), dtype=np.dtype(np.float32))
    assert code_of(lambda: compute(blocks))[0] == "E152"


def test_what_stood_under_the_final_name_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    compute(toy(names=("ntk",)), tmp_path / "K.npy")
    before = (tmp_path / "K.npy").read_bytes()
    with pytest.raises(TpproofError):
        compute(replace(toy(names=("ntk",)), engine=Spoiled(np.nan, "ntk")), tmp_path / "K.npy", block_size=5)
    assert (tmp_path / "K.npy").read_bytes() == before
    other = replace(toy(names=("ntk",)), x1=data(5))
    same(compute(other, tmp_path / "K.npy"), other)


@pytest.mark.parametrize("target", ["K.npy", "K.npz", "K.zarr"])
def test_a_disk_without_room_is_refused_before_anything_is_computed(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 1000))
    blocks = toy()
    code, text = code_of(lambda: compute(blocks, tmp_path / target))
    assert code == "E140"
    needed = 23 * 23 * 8 * 2 * (2 if target == "K.npz" else 1)
    assert "1000 bytes free" in text and f"{needed} needed" in text
    assert calls(blocks) == 0 and left_behind(tmp_path) == []


@dataclass
class Usage:
    total: int
    used: int
    free: int


def test_a_disk_that_is_full_after_all_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    code, text = code_of(lambda: compute(toy(), tmp_path / "K.npy"))
    assert code == "E140" and "No space left" in text
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("target", ["K.h5", "K.npy.gz", "/", "a\0b"])
def test_targets_of_no_known_form_are_refused(tmp_path: Path, target: str) -> None:
    assert code_of(lambda: compute(toy(), tmp_path / target))[0] == "E142"


@pytest.mark.parametrize("target", ["K" * 300 + ".npy", "K" * 250 + ".npy", "circle/K.npy", "file/K.npy"])
def test_targets_that_cannot_be_made_are_one_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "file").write_text("")
    assert code_of(lambda: compute(toy(), tmp_path / target))[0] in ("E140", "E142")
    assert left_behind(tmp_path) == ["file"]


def test_a_file_system_that_cannot_reserve_room_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(handle: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unknown)
    same(compute(toy(), tmp_path / "K.npy"), toy())


def test_every_chunk_is_on_disk_before_its_line_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr")
    synced: set[Path] = set()
    monkeypatch.setattr("tpproof.numerics.gram.targets.sync_folder", synced.add)
    compute(toy(12, outputs=2), tmp_path / "K.zarr", block_size=5)
    chunks = [p.relative_to(tmp_path / "K.zarr") for p in (tmp_path / "K.zarr").rglob("c/*/*/*/*") if p.is_file()]
    assert len(chunks) == 2 * 9
    assert {tmp_path / ".K.zarr.partial/data.zarr" / c for c in chunks} < synced


@pytest.mark.parametrize("size", [0, -1, 2.5, True, None])
def test_blocks_have_at_least_one_row(size: Any) -> None:
    assert code_of(lambda: compute(toy(), block_size=size))[0] == "E142"


@pytest.mark.parametrize("target", ["K.npy", "K.npz", "K.zarr", "K"])
def test_what_is_no_such_file_is_not_replaced(tmp_path: Path, target: str) -> None:
    (tmp_path / target).parent.mkdir(exist_ok=True)
    if target == "K":
        (tmp_path / target).write_text("mine")
    else:
        (tmp_path / target).mkdir()
        (tmp_path / target / "mine").write_text("mine")
    assert code_of(lambda: compute(toy(names=("ntk",)), tmp_path / target))[0] == "E140"
    assert "mine" in {p.read_text() for p in tmp_path.rglob("*") if p.is_file()}


def test_a_matrix_that_no_memory_holds_is_refused() -> None:
    @dataclass(frozen=True)
    class Huge(RowBlocks):
        @property
        def shape(self) -> tuple[int, int]:
            return 10**9, 10**9

    blocks = Huge(Linear(), "toy", ("ntk",), data(2))
    assert code_of(lambda: compute(blocks))[0] == "E104"


def test_zarr_that_is_missing_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    code, text = code_of(lambda: compute(toy(), tmp_path / "K.zarr"))
    assert code == "E141" and "pip install" in text
    assert left_behind(tmp_path) == []


def test_an_error_of_the_engine_keeps_what_was_computed(tmp_path: Path) -> None:
    def before(call: int) -> None:
        if call == 3:
            raise ArithmeticError("once")

    with pytest.raises(ArithmeticError) as caught:
        compute(toy(before=before), tmp_path / "K.npy", block_size=5)
    assert "3 blocks are kept" in caught.value.__notes__[0]
    assert compute(toy(), tmp_path / "K.npy", block_size=5).resumed == 3


def test_blocks_of_a_wrong_shape_are_an_error_of_ours() -> None:
    def turned(x1: InputArrays, x2: InputArrays | None) -> Values:
        return {name: value[:1] for name, value in Linear()(x1, x2).items()}

    with pytest.raises(ValueError, match="shape"):
        compute(replace(toy(), engine=turned))


def test_a_scheduler_that_forgets_a_block_is_noticed(tmp_path: Path) -> None:
    def forgetful(blocks: Any, todo: Any) -> Iterator[tuple[Block, Values]]:
        for block in todo[:-1]:
            yield block, blocks.block(block.rows, block.cols)

    with pytest.raises(ValueError, match="1 blocks were not computed"):
        compute(toy(), tmp_path / "K.npy", block_size=5, scheduler=forgetful)  # type: ignore[arg-type]
    assert not (tmp_path / "K.ntk.npy").exists()


# --- one run at a time -----------------------------------------------------------------------------------------------


def test_a_second_run_on_one_target_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    blocks = toy()

    def second(done: int, total: int) -> None:
        code, text = code_of(lambda: compute(toy(), tmp_path / "K.npy", block_size=5))
        assert code == "E154" and f"process {os.getpid()}" in text

    same(compute(blocks, tmp_path / "K.npy", block_size=5, progress=second), blocks)


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    return gone.pid


def lock_text(**changes: Any) -> str:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": "0"} | changes)


STALE = [lock_text(pid=dead_pid()), lock_text(), lock_text(pid=-1), lock_text(pid=10**30), "", "{", "[1]"]


@pytest.mark.parametrize("text", STALE, ids=range(len(STALE)))
def test_the_lock_of_a_process_that_ended_is_taken_over(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)  # the second: this process's number, given to it anew
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not tmp_path.exists()


CROWD = """
import os, random, sys, time
from pathlib import Path
from tpproof.errors import CODES, TpproofError
from tpproof.numerics.workers.lock import locked
folder, inside = Path(sys.argv[1]) / "work", Path(sys.argv[1]) / "inside"
for turn in range(60):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0, "two at once"
        continue
    code = 0
    try:
        with locked(folder):
            code = 3
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            time.sleep(random.random() / 1000)
            inside.unlink()
            if random.random() < 0.3:
                os._exit(0)
            code = 0
    except TpproofError as error:
        code = error.code != "E154" and 4
    finally:
        os._exit(code)
"""


def test_of_many_runs_that_come_and_go_and_die_one_holds_the_lock(tmp_path: Path) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", CROWD, str(tmp_path)]) for _ in range(4)]
    assert [run.wait() for run in runs] == [0] * 4


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(lock_text(host="elsewhere", pid=1))
    code, text = code_of(lambda: locked(tmp_path).__enter__())
    assert code == "E154" and "process 1 on elsewhere" in text
    assert (tmp_path / LOCK).exists()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code_of(lambda: compute(toy(), tmp_path / "file" / "K.npy"))[0] == "E140"


def test_a_journal_of_nothing_is_none(tmp_path: Path) -> None:
    assert journalled(tmp_path, {}) is None


# --- memory ----------------------------------------------------------------------------------------------------------


def test_no_more_than_a_few_blocks_are_held_beyond_the_result(tmp_path: Path) -> None:
    n, size = 600, 50
    for target, result in (("K.npy", 0), (None, 2 * n * n * 8)):
        blocks = toy(n)
        tracemalloc.start()
        compute(blocks, target and tmp_path / target, block_size=size)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result <= peak < result + 12 * size * size * 8 + 200_000


def test_a_run_that_holds_everything_would_be_seen() -> None:
    tracemalloc.start()
    kept: list[NDArray[Any]] = [np.zeros((50, 50)) for _ in range(400)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept and peak > 12 * 50 * 50 * 8 + 200_000


# --- what is not ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "work"), [("K.npy", ".K.npy.partial"), ("out", "out/.partial")])
@pytest.mark.parametrize("resume", [True, False])
def test_a_link_in_place_of_the_working_folder_is_refused_and_not_followed(
    tmp_path: Path, target: str, work: str, resume: bool
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "ntk.npy").write_text("years of work")
    (tmp_path / work).parent.mkdir(exist_ok=True)
    (tmp_path / work).symlink_to(precious)
    code, text = code_of(lambda: compute(toy(), tmp_path / target, block_size=5, resume=resume))
    assert code == "E140" and "a link stands there" in text
    assert (precious / "ntk.npy").read_text() == "years of work"
    assert [p.name for p in precious.iterdir()] == ["ntk.npy"]


@pytest.mark.parametrize("foreign", ["thesis.tex", "sub/thesis.tex", "data.npy", "data.zarr"])
def test_a_working_folder_with_a_foreign_file_is_left_as_it_is(tmp_path: Path, foreign: str) -> None:
    path = tmp_path / ".K.npy.partial" / foreign
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    code, text = code_of(lambda: compute(toy(), tmp_path / "K.npy", block_size=5))
    assert code == "E140" and foreign.split("/", maxsplit=1)[0] in text
    assert left_behind(tmp_path) == [f".K.npy.partial/{foreign}"]
    assert path.read_text() == "years of work"


@pytest.mark.parametrize("name", ["ntk.npy", "journal.jsonl", "errors.jsonl", "lock", "data.zarr"])
def test_a_link_inside_the_working_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").mkdir()
    kept = tmp_path / "precious/file"
    kept.write_text("years of work")
    cut(tmp_path / "results")
    (tmp_path / "results/.partial" / name).unlink(missing_ok=True)
    (tmp_path / "results/.partial" / name).symlink_to(kept.parent if name == "data.zarr" else kept)
    assert code_of(lambda: compute(toy(), tmp_path / "results", block_size=5))[0] == "E140"
    assert kept.read_text() == "years of work"


def test_what_another_run_left_for_other_kernels_goes_away(tmp_path: Path) -> None:
    cut(tmp_path / "results")
    compute(toy(names=("ntk",)), tmp_path / "results", block_size=5)
    assert left_behind(tmp_path) == ["results/ntk.npy"]


@pytest.mark.parametrize("target", ["", ".npy", "K.npz/", "sub/.zarr"])
def test_a_target_without_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert code_of(lambda: compute(toy(), target))[0] == "E142"
    assert list(tmp_path.iterdir()) == []


def test_a_target_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    assert code_of(lambda: compute(toy(), tmp_path / ("K" * 300 + ".npy")))[0] == "E140"
