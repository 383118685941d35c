"""One network shared out over processes or a cluster is the network of one process; who dies or hangs ends the run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.numerics.crosscheck.work import X, shared
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.crosscheck.running.split import Shares, split, split_kernels
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels
from tpproof.numerics.finite.streams import GRAIN
from tpproof.numerics.workers.meeting import DONE, FAILED, frame, keep
from tpproof.numerics.workers.recipe import Recipe

WIDTH = 4 * GRAIN + 100


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(TpproofError) as caught:
        call()
    return caught.value.code, str(caught.value)


def toy(**options: object) -> Recipe:
    return Recipe(shared, "a program", json.dumps(options))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True) as local:
        yield local.scheduler_address


@pytest.mark.parametrize("name", ["mlp", "tied_autoencoder", "layernorm"])
def test_a_network_shared_out_is_that_of_one_process(name: str, address: str) -> None:
    program = load(f"zoo:{name}")
    x = np.array(X)
    expected = empirical_kernels(FiniteNetwork(program, Space(WIDTH, seed=7)), x)
    for where in ({}, {"scheduler": address}):
        found = split_kernels(program, x, WIDTH, 7, 2, **where)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.ntk, expected.ntk, rtol=1e-11)
        np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-10, atol=1e-12)
    other = split_kernels(program, x, WIDTH, 8, 1)
    assert abs(other.ntk / expected.ntk - 1).max() > 1e-5


def test_inputs_may_be_one_array_for_each_input() -> None:
    program = load("zoo:mlp", {"L": "1"})
    found = split_kernels(program, [np.array(X)], 100, 7, 1)
    assert (found.ntk == split_kernels(program, np.array(X), 100, 7, 1).ntk).all()


def test_sums_go_to_every_worker_in_step() -> None:
    assert (split(toy(), Shares(10, 0, 3)) == [15, 33333]).all()


@pytest.mark.parametrize(
    ("how", "code", "text"),
    [
        ("dies", "E155", "died"),
        ("diverges", "E152", "an output that is not finite"),
        ("hungry", "E104", "memory ran out"),
        ("raises", "E155", "ArithmeticError: for a reason"),
    ],
)
@pytest.mark.parametrize("fate", [(0, 0), (1, 3)])
def test_a_worker_that_fails_ends_the_run_soon(how: str, code: str, text: str, fate: Any, address: str) -> None:
    for where in ({}, {"scheduler": address}):
        begin = time.monotonic()
        found = code_of(lambda where=where: split(toy(fate=fate, how=how), Shares(10, 0, 2), **where))  # type: ignore[misc]
        assert found[0] == code and text in found[1]
        assert time.monotonic() - begin < 15


def test_a_worker_that_says_nothing_ends_the_run() -> None:
    work = toy(fate=[1, 2], how="hangs")
    code, text = code_of(lambda: split(work, Shares(10, 0, 2), patience=6.0))
    assert code == "E155" and "no sums from workers [1] for 6 s" in text


def test_a_worker_of_a_cluster_that_says_nothing_ends_the_run() -> None:
    distributed = pytest.importorskip("distributed")
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as local:
        work = toy(fate=[1, 2], how="hangs")
        begin = time.monotonic()
        found = code_of(lambda: split(work, Shares(10, 0, 2), scheduler=local.scheduler_address, patience=6.0))
        assert found[0] == "E155" and "no sums from workers [1] for 6 s" in found[1]
        assert time.monotonic() - begin < 20


def test_a_cluster_with_too_few_workers_is_refused(address: str) -> None:
    code, text = code_of(lambda: split(toy(), Shares(10, 0, 5), scheduler=address))
    assert code == "E155" and "2 workers for a network in 5 parts" in text


@pytest.mark.parametrize("parts", [0, -1, True, 1.5])
def test_parts_are_at_least_one(parts: Any) -> None:
    assert code_of(lambda: split(toy(), Shares(10, 0, parts)))[0] == "E151"


# --- the meeting -----------------------------------------------------------------------------------------------------


def kept(*frames: bytes | None, patience: float = 60.0) -> tuple[int | None, list[tuple[int, bytes]]]:
    """What two workers who send these frames are told."""
    waiting, sent = iter(frames), list[tuple[int, bytes]]()
    return keep(2, lambda: next(waiting), lambda *told: sent.append(told), lambda: None, patience), sent


def number(value: float, count: int = 1) -> bytes:
    return np.full(count, value).tobytes()


def test_the_sum_does_not_depend_on_who_comes_first() -> None:
    done = frame(0, DONE), frame(1, DONE)
    one, two = frame(0, 0, number(0.1)), frame(1, 0, number(0.2))
    assert kept(one, None, two, *done) == kept(two, one, *done)
    assert kept(one, two, *done)[1] == [(i, frame(i, 0, number(0.1 + 0.2))) for i in (0, 1)]
    assert kept(one, frame(1, FAILED))[0] == 1


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([frame(0, 1, number(1))], "worker 0 is at sum 1, not 0"),
        ([frame(0, 0, number(1))] * 2, "worker 0 is at sum 0, not 0"),
        ([frame(0, DONE), frame(1, 0, number(1))], "worker 1 is at sum 0"),
        ([frame(0, 0, number(1)), frame(1, 0, number(1, 2))], "sums of [1, 2] numbers"),
    ],
)
def test_workers_that_are_not_in_step_are_seen(frames: list[bytes], text: str) -> None:
    code, found = code_of(lambda: kept(*frames))
    assert code == "E155" and text in found
