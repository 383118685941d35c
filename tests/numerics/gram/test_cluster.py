"""Blocks from a Dask cluster: the bits of a serial run, also when a worker dies; clear errors when nobody answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.numerics.gram.test_store import Linear, Spoiled, code_of, data, left_behind, same, whole
from tpproof import __version__
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.numerics.gram import cluster
from tpproof.numerics.gram.blocks import Engine, RowBlocks
from tpproof.numerics.gram.cluster import Recipe, compute_on_cluster, engine_of, work
from tpproof.numerics.gram.inputs import as_inputs
from tpproof.numerics.gram.kernel import engine_of_recipe, kernel_fn
from tpproof.numerics.gram.store import compute
from tpproof.numerics.workers import cluster as connections

distributed = pytest.importorskip("distributed")
NAMES = ("ntk", "nngp")


def build(recipe: Recipe) -> Engine:
    """The toy kernel of a recipe, at whatever worker this runs."""
    options = json.loads(recipe.options)
    if "spoiled" in options:
        return Spoiled(float("nan"), options["spoiled"])
    if "raises" in options:
        raise ArithmeticError(options["raises"])
    return Linear(slow=options.get("slow", 0.0), outputs=options.get("outputs", 0), before=Fate(options))


class Fate:
    """Ends the process that computes, once (or always), if the options say so."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.once, self.always = options.get("once"), options.get("always")

    def __call__(self, call: int) -> None:
        if distributed.worker._worker_cvar.get(None) is None:
            return
        if self.always:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.once and call >= 1:
            try:
                os.close(os.open(self.once, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


def toy(n: int = 23, m: int | None = None, **options: Any) -> tuple[Recipe, RowBlocks]:
    recipe = Recipe(build, "a program", json.dumps(options))
    trailing = (options["outputs"],) * 2 if "outputs" in options else ()
    return recipe, recipe.blocks(NAMES, data(n), None if m is None else data(m, seed=1), trailing)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two processes."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True) as local:
        yield local.scheduler_address


@pytest.mark.parametrize("options", [{}, {"m": 9}, {"outputs": 2}], ids=str)
@pytest.mark.parametrize("target", [None, "K.npy", "K.zarr"])
def test_the_cluster_computes_the_bits_of_a_serial_run(
    tmp_path: Path, address: str, options: dict[str, Any], target: str | None
) -> None:
    recipe, blocks = toy(**options)
    serial = compute(blocks, block_size=5)
    stored = compute_on_cluster(address, recipe, blocks, target and tmp_path / target, block_size=5)
    same(stored, replace(blocks, engine=Linear(outputs=options.get("outputs", 0))))
    for name in NAMES:
        assert stored.arrays[name][:].tobytes() == serial.arrays[name].tobytes()
    assert not [name for name in left_behind(tmp_path) if "partial" in name]


def test_a_worker_that_dies_costs_no_block(tmp_path: Path, address: str) -> None:
    recipe, blocks = toy(once=str(tmp_path / "died"), slow=0.01)
    told: list[int] = []
    stored = compute_on_cluster(
        address, recipe, blocks, tmp_path / "K.npy", block_size=5, progress=lambda done, total: told.append(done)
    )
    assert (tmp_path / "died").exists()
    assert told == list(range(16))
    same(stored, blocks)


def test_a_run_of_the_cluster_goes_on_without_it(tmp_path: Path, address: str) -> None:
    recipe, blocks = toy()

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        compute_on_cluster(address, recipe, blocks, tmp_path / "K", block_size=5, progress=stop)
    assert "4 blocks are kept" in caught.value.__notes__[0]
    stored = compute(blocks, tmp_path / "K", block_size=5)
    assert (stored.resumed, stored.computed) == (4, 11)
    same(stored, blocks)


def test_no_more_blocks_are_in_flight_than_allowed(address: str) -> None:
    recipe, blocks = toy(60)
    with cluster.connected(address) as client:
        written, flying = [0], list[int]()

        class Counted:
            """A client that counts blocks that are sent and not yet written."""

            def __getattr__(self, name: str) -> Any:
                return getattr(client, name)

            def submit(self, *arguments: Any, **options: Any) -> Any:
                flying.append(len(flying) + 1 - written[0])
                return client.submit(*arguments, **options)

        def count(done: int, total: int) -> None:
            written[0] = done

        compute(blocks, block_size=5, scheduler=cluster.spread(Counted(), recipe, blocks, 3), progress=count)
    assert len(flying) == 78 and max(flying) == 3


def test_an_entry_that_is_not_finite_is_named(tmp_path: Path, address: str) -> None:
    recipe, blocks = toy(spoiled="nngp")
    code, text = code_of(lambda: compute_on_cluster(address, recipe, blocks, tmp_path / "K.npy", block_size=5))
    assert code == "E152" and "nngp: nan at entry (7, 11)" in text
    assert left_behind(tmp_path) == []


def test_an_error_at_a_worker_is_told_with_its_block(address: str) -> None:
    recipe = Recipe(build, "a program", json.dumps({"raises": "for a reason"}))
    blocks = RowBlocks(Linear(), recipe.fingerprint, NAMES, data(3))
    code, text = code_of(lambda: compute_on_cluster(address, recipe, blocks))
    assert code == "E155" and "block (0, 0)" in text and "for a reason" in text


def test_a_block_that_kills_every_worker_ends_the_run() -> None:
    options: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as local:
        local.scheduler.allowed_failures = 0  # Dask's own is 3; a start of a worker takes a second
        recipe, blocks = toy(always=True)
        code, text = code_of(lambda: compute_on_cluster(local.scheduler_address, recipe, blocks))
    assert code == "E155" and "KilledWorker" in text


def test_a_cluster_without_workers_is_refused() -> None:
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as local:
        recipe, blocks = toy()
        code, text = code_of(lambda: compute_on_cluster(local.scheduler_address, recipe, blocks, timeout=0.3))
    assert code == "E155" and "no workers" in text


def test_workers_that_leave_for_good_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.5)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as local:
        recipe, blocks = toy(slow=0.3)

        def leave(done: int, total: int) -> None:
            if done == 1:
                local.scale(0)

        code, text = code_of(
            lambda: compute_on_cluster(local.scheduler_address, recipe, blocks, block_size=5, progress=leave)
        )
    assert code == "E155" and "no workers for" in text


@pytest.mark.parametrize(
    "wrong", ["tcp://127.0.0.1:9", "nonsense", "tcp://", "", "udp://x:1", "http://127.0.0.1:9", "tcp://a:b"]
)
def test_nobody_at_the_address_is_one_error_and_soon(wrong: str) -> None:
    recipe, blocks = toy()
    start = time.monotonic()
    code, text = code_of(lambda: compute_on_cluster(wrong, recipe, blocks, timeout=0.5))
    assert code == "E155" and "no scheduler at" in text
    assert time.monotonic() - start < 3


WEB_SERVER = """
import socket, threading
from tests.numerics.gram.test_cluster import code_of, compute_on_cluster, toy
server = socket.create_server(("127.0.0.1", 0))
def answer():
    while True:
        server.accept()[0].sendall(b"HTTP/1.0 400 Bad Request" + bytes(100))
threading.Thread(target=answer, daemon=True).start()
recipe, blocks = toy()
address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
print(code_of(lambda: compute_on_cluster(address, recipe, blocks, timeout=1)))
"""


def test_a_server_that_is_no_scheduler_is_one_error() -> None:
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", WEB_SERVER], capture_output=True, text=True, cwd=root, check=False)
    assert "E155" in run.stdout and "no scheduler at" in run.stdout, run.stderr
    assert run.stderr == ""


def test_who_listens_and_says_nothing_is_no_scheduler() -> None:
    recipe, blocks = toy()
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        code, text = code_of(lambda: compute_on_cluster(silent, recipe, blocks, timeout=0.5))
    assert code == "E155" and "no scheduler at" in text
    assert time.monotonic() - start < 3


def test_a_worker_with_another_version_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "__version__", "0.0.1")
    recipe, blocks = toy()
    code, text = code_of(lambda: compute_on_cluster(address, recipe, blocks))
    assert code == "E155" and "worker tcp://" in text and "expected: tpproof 0.0.1" in text


def test_a_worker_that_comes_later_compares_versions_too() -> None:
    recipe, blocks = toy()
    assert "values" in work(__version__, recipe, blocks.x1, None)
    assert work("0.0.1", recipe, blocks.x1, None)["error"][0] == "E155"


def test_dask_that_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    recipe, blocks = toy()
    code, text = code_of(lambda: compute_on_cluster("tcp://127.0.0.1:9", recipe, blocks))
    assert code == "E141" and "tpproof[cluster]" in text


def test_the_engine_is_made_once_and_recipes_differ_by_what_they_say() -> None:
    recipe, blocks = toy()
    assert engine_of(recipe) is engine_of(Recipe(build, "a program")) is blocks.engine
    others = [Recipe(build, "another"), Recipe(build, "a program", '{"slow": 0}')]
    assert len({r.fingerprint for r in [recipe, *others]}) == 3
    with pytest.raises(ValueError, match="not made from"):
        compute_on_cluster("tcp://127.0.0.1:9", others[0], blocks)


def test_a_function_that_workers_cannot_import_is_refused() -> None:
    for function in (lambda recipe: Linear(), Recipe.blocks):
        with pytest.raises(ValueError, match="import"):
            Recipe(function, "a program")  # type: ignore[arg-type]


def test_the_toy_kernel_is_not_constant() -> None:
    assert abs(whole(toy()[1])["ntk"]).min() > 0


def test_a_worker_reads_the_network_with_the_limits_of_whoever_read_it_first() -> None:
    """A user who allowed more nodes is not refused by a worker; with fewer than the network has, a worker refuses."""
    function = kernel_fn(load("zoo:mlp"), limits=replace(DEFAULT, nodes=10**6))
    x = as_inputs(np.ones((2, 3)), function.program.inputs, function.limits)
    _, recipe = function.blocks(x, None, NAMES)
    assert recipe.limits.nodes == 10**6
    assert callable(engine_of_recipe(recipe))
    assert code_of(lambda: engine_of_recipe(replace(recipe, limits=replace(DEFAULT, nodes=1))))[0] == "E104"
