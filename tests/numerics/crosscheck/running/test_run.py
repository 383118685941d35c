"""Tasks give the same numbers wherever they run; workers that die, Ctrl-C and journals that are cut cost no number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.numerics.crosscheck.work import kernel_recipe, toy_recipe
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.crosscheck.crosscheck import expected
from tpproof.numerics.crosscheck.defaults import TRAINED
from tpproof.numerics.crosscheck.measured.measure import measure
from tpproof.numerics.crosscheck.quantities import Kind
from tpproof.numerics.crosscheck.running.journal import header, journal
from tpproof.numerics.crosscheck.running.run import Results, run
from tpproof.numerics.crosscheck.running.tasks import Task, network_seed, tasks
from tpproof.numerics.crosscheck.running.work import Layout, recipe
from tpproof.proof.prove import prove

FEW = tasks({16: 3, 64: 2})
ROOT = Path(__file__).parents[4]


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(TpproofError) as caught:
        call()
    return caught.value.code, str(caught.value)


def same(found: Results, expected: Results) -> None:
    assert list(found.values) == list(expected.values)
    for task, values in expected.values.items():
        assert found.values[task].tobytes() == values.tobytes()


@pytest.fixture(scope="module")
def serial() -> Results:
    return run(FEW, kernel_recipe(), workers=1)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True) as local:
        yield local.scheduler_address


def test_widths_take_turns_so_that_a_run_that_is_cut_short_has_some_of_each() -> None:
    assert (Task(16, 0), Task(64, 0), Task(16, 1), Task(64, 1), Task(16, 2)) == FEW


def test_a_network_has_a_seed_of_its_own() -> None:
    seeds = {network_seed(s, Task(n, m)) for s in range(5) for n in range(1, 20) for m in range(20)}
    assert len(seeds) == 5 * 19 * 20 and max(seeds) > 2**63
    assert network_seed(3, Task(10, 2)) == 9070123172618452831


def test_processes_compute_the_bits_of_one(serial: Results) -> None:
    same(run(FEW, kernel_recipe(), workers=2), serial)
    assert not serial.partial and all(np.isfinite(v).all() and len(v) == 4 for v in serial.values.values())


def test_the_order_of_tasks_changes_no_number(serial: Results) -> None:
    backwards = run(reversed(FEW), kernel_recipe(), workers=1)
    assert list(backwards.values) == list(reversed(FEW))
    assert all(backwards.values[t].tobytes() == serial.values[t].tobytes() for t in FEW)


def test_a_cluster_computes_the_bits_of_one(serial: Results, address: str) -> None:
    same(run(FEW, kernel_recipe(), scheduler=address), serial)


def test_a_process_that_is_killed_costs_one_attempt(tmp_path: Path) -> None:
    work = toy_recipe(dies=1, mark=str(tmp_path / "died"))
    told: list[int] = []
    found = run(FEW, work, workers=2, progress=lambda done, total: told.append(done))
    assert (tmp_path / "died").exists()
    assert told == [0, 1, 2, 3, 4, 5]
    same(found, run(FEW, toy_recipe(), workers=1))


def test_a_worker_of_a_cluster_that_is_killed_costs_one_attempt(tmp_path: Path, address: str) -> None:
    work = toy_recipe(dies=1, mark=str(tmp_path / "died"))
    found = run(FEW, work, scheduler=address)
    assert (tmp_path / "died").exists()
    same(found, run(FEW, toy_recipe(), workers=1))


def test_a_task_that_kills_every_process_ends_the_run_and_the_rest_is_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    code, text = code_of(lambda: run(FEW, toy_recipe(deadly=[2], pause=0.01), workers=2, journal=path))
    assert code == "E155" and "width 16, sample 2: 3 processes that computed it were killed" in text
    assert len(path.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"diverges": 1}, "E152", "sample 1, after 3 of 5 steps"),
        ({"spoiled": 1}, "E152", "sample 1: quantity 2 is nan"),
        ({"hungry": 1}, "E104", "memory ran out"),
        ({"breaks": 1}, "E155", "sample 1 failed: ArithmeticError: for a reason"),
    ],
)
def test_an_error_of_a_task_is_told_by_whoever_computes_it(  # of either width: whichever comes first
    options: dict[str, Any], code: str, text: str, address: str
) -> None:
    for where in ({"workers": 2}, {"scheduler": address}):
        found = code_of(lambda where=where: run(FEW, toy_recipe(**options), **where))  # type: ignore[misc]
        assert found[0] == code and text in found[1]
    if code != "E155":
        assert code_of(lambda: run(FEW, toy_recipe(**options), workers=1))[0] == code


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_a_number_of_workers_is_at_least_one(workers: Any) -> None:
    assert code_of(lambda: run(FEW, toy_recipe(), workers=workers))[0] == "E142"


def test_nothing_to_do_is_done() -> None:
    assert run((), toy_recipe()) == Results({}, False, 0)


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------

INTERRUPTED = """
import os, signal, sys, threading
from tests.numerics.crosscheck.work import toy_recipe
from tpproof.numerics.crosscheck.running.run import run
from tpproof.numerics.crosscheck.running.tasks import tasks

def told(done, total):
    if done == 3:
        threading.Timer(0.3, os.killpg, (0, signal.SIGINT)).start()

if __name__ == "__main__":
    found = run(tasks({16: 9}), toy_recipe(slow=[3, 4, 5, 6, 7, 8]), workers=int(sys.argv[1]), progress=told)
    print(found.partial, [task.sample for task in found.values])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_gives_what_there_is_and_leaves_no_process(workers: int, tmp_path: Path) -> None:
    """The signal goes to the whole group, as a terminal's does."""
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    started = time.monotonic()
    command = [sys.executable, str(script), str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, start_new_session=True, env=environment, timeout=50
    )
    assert done.stdout == "True [0, 1, 2]\n", done.stderr
    assert done.stderr == ""
    assert time.monotonic() - started < 40


def test_an_interrupt_may_be_passed_on() -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(FEW, toy_recipe(), workers=1, progress=stop, stop_on_interrupt=False)
    found = run(FEW, toy_recipe(), workers=1, progress=stop)
    assert found.partial and list(found.values) == list(FEW[:2])


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED.replace("os.killpg, (0, signal.SIGINT)", "os.kill, (os.getpid(), signal.SIGKILL)"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(script), "2"], start_new_session=True, env=environment)
    assert parent.wait(timeout=50) == -signal.SIGKILL
    until = time.monotonic() + 20
    while _members(parent.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert _members(parent.pid) == []


def _members(group: int) -> list[str]:
    """Living processes of a session (its resource tracker ends with it)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


# --- the journal -----------------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_its_journal(tmp_path: Path, serial: Results) -> None:
    path = tmp_path / "new" / "run.jsonl"
    first = run(FEW[:3], kernel_recipe(), workers=1, journal=path)
    assert first.resumed == 0
    told: list[tuple[int, int]] = []
    second = run(FEW, kernel_recipe(), workers=1, journal=path, progress=lambda *at: told.append(at))
    assert second.resumed == 3 and told == [(3, 5), (4, 5), (5, 5)]
    same(second, serial)
    assert [p.name for p in path.parent.iterdir()] == ["run.jsonl"]


@pytest.mark.parametrize("kept", [1, 20, 150])
def test_a_journal_that_is_cut_anywhere_is_of_use(tmp_path: Path, kept: int) -> None:
    path, work = tmp_path / "run.jsonl", toy_recipe()
    whole = run(FEW, work, workers=1, journal=path)
    content = path.read_bytes()
    path.write_bytes(content[:-kept])
    again = run(FEW, work, workers=1, journal=path)
    assert again.resumed == {1: 5, 20: 4, 150: 2}[kept]
    same(again, whole)
    assert run(FEW, work, workers=1, journal=path).resumed == 5


def test_a_journal_that_was_cut_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path, work = tmp_path / "run.jsonl", toy_recipe()
    path.write_bytes(json.dumps(header(work)).encode()[:30])
    assert run(FEW, work, workers=1, journal=path).resumed == 0
    assert run(FEW, work, workers=1, journal=path).resumed == 5


def test_damaged_lines_are_computed_again(tmp_path: Path) -> None:
    path, work = tmp_path / "run.jsonl", toy_recipe()
    whole = run(FEW, work, workers=1, journal=path)
    lines = path.read_bytes().splitlines()
    lines[2:5] = [b'{"width": 16, "sample": 1, "values": ["x"]}', b"\xff\xfe", b'{"width": 64, "values": []}']
    path.write_bytes(b"\n".join(lines) + b"\n")
    again = run(FEW, work, workers=1, journal=path)
    assert again.resumed == 2
    same(again, whole)


def test_the_journal_of_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run(FEW, kernel_recipe(seed=5), workers=1, journal=path)
    before = path.read_bytes()
    code, text = code_of(lambda: run(FEW, kernel_recipe(seed=6), workers=1, journal=path))
    assert code == "E161" and "another seed" in text
    code, text = code_of(lambda: run(FEW, kernel_recipe("resmlp"), workers=1, journal=path))
    assert code == "E161" and "another network" in text
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"a letter", b"[]\n", b'{"journal": 3}\n', b"\n\n"])
def test_a_file_that_is_no_journal_is_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    assert code_of(lambda: run(FEW, toy_recipe(), workers=1, journal=path))[0] == "E161"
    assert path.read_bytes() == content


def test_two_runs_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with journal(path, toy_recipe()):
        assert code_of(lambda: run(FEW, toy_recipe(), workers=1, journal=path))[0] == "E154"


@pytest.mark.parametrize("name", ["", "file/run.jsonl", "a\0b"])
def test_a_journal_that_cannot_be_written_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert code_of(lambda: run(FEW, toy_recipe(), workers=1, journal=tmp_path / name))[0] == "E140"


def test_a_network_that_is_not_trained_has_the_same_numbers_but_its_trajectory() -> None:
    side = expected(prove(load("zoo:mlp1", {}, {"phi": "tanh"})), most=40)
    quantities, setting = side.choice.quantities, side.setting
    at_start = sum(q.kind is not Kind.TRAJECTORY for q in quantities)
    layout = Layout(at_start, len(setting.inputs), 1, setting.steps + 1)
    trained, other = Task(32, 0), Task(32, TRAINED)
    assert (trained.trained, Task(32, TRAINED - 1).trained, other.trained) == (True, True, False)
    found = run((trained, other), recipe(side.proof.program, quantities, setting), workers=1).values
    for task, row in found.items():
        layout.require(row, task)
        assert len(row) == layout.length(task.trained)
    measured = measure(side.proof.program, quantities, setting, 32, network_seed(0, other))
    np.testing.assert_array_equal(found[other], [*measured.values[:at_start], *measured.outputs.ravel()])
    for task, row in ((trained, found[other]), (other, found[trained])):
        assert code_of(lambda task=task, row=row: layout.require(row, task))[0] == "E161"  # type: ignore[misc]
