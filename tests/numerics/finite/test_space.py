"""Random numbers have addresses; threads, pieces and workers change nothing but rounding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.numerics.finite.helpers import Array, inputs
from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Kernels, Space, empirical_kernels, space, train
from tpproof.numerics.finite.streams import GRAIN, generator, purpose

WIDTH = 5 * GRAIN + 78


def test_every_address_has_numbers_of_its_own() -> None:
    """Neighbouring addresses are uncorrelated: 10 scores, beyond 5 with probability 6e-6."""
    base = (3, purpose(1, 0), 2, 4)
    first = generator(*base).standard_normal(10**5)
    assert (first == generator(*base).standard_normal(10**5)).all()
    assert stats.kstest(first, "norm").pvalue > 1e-5
    for i in range(4):
        for change in (-1, 1):
            other = [a + change * (j == i) for j, a in enumerate(base)]
            assert abs(first @ generator(*other).standard_normal(10**5)) / 10**2.5 < 5
    assert len({purpose(p, side) for p in range(50) for side in range(3)}) == 150


def test_a_stretch_is_drawn_alike_by_whoever_draws_it() -> None:
    whole = Space(WIDTH, seed=9, threads=2).normals(5, 3, 2, WIDTH)
    assert (whole == Space(WIDTH, seed=9, threads=1).normals(5, 3, 2, WIDTH)).all()
    assert (whole[1:] == Space(WIDTH, seed=9).normals(5, 4, 1, WIDTH)).all()
    for workers in (2, 3, 8):
        parts = [Space(WIDTH, seed=9, share=(i, workers)).normals(5, 3, 2, WIDTH) for i in range(workers)]
        assert (whole == np.concatenate(parts, axis=1)).all()


@pytest.mark.parametrize("name", ["mlp", "rnn", "layernorm", "bottleneck"])
def test_threads_do_not_change_a_bit(name: str) -> None:
    program = load(f"zoo:{name}", {}, {})
    x = inputs(program, 2)
    width = 4 * (WIDTH // 4)
    found = [empirical_kernels(FiniteNetwork(program, Space(width, threads=t)), x).ntk for t in (1, 2, 5)]
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()


class Together:
    """Workers as threads that meet at every sum."""

    def __init__(self, count: int) -> None:
        self.count, self.calls = count, 0
        self._parts: list[Array | None] = [None] * count
        self._barrier = threading.Barrier(count, timeout=60)

    def reducer(self, worker: int) -> Callable[[Array], Array]:
        def reduce(sums: Array) -> Array:
            self._parts[worker] = sums
            self._barrier.wait()
            total: Array = np.sum(self._parts, axis=0)
            self.calls += worker == 0
            self._barrier.wait()
            return total

        return reduce

    def run(self, work: Callable[[Space], object], width: int) -> Sequence[object]:
        spaces = [
            Space(width, seed=4, share=(i, self.count), reduce=self.reducer(i), threads=1) for i in range(self.count)
        ]
        with ThreadPoolExecutor(self.count) as pool:
            return list(pool.map(work, spaces))


@pytest.mark.parametrize("name", ["mlp", "tied", "layernorm", "tied_autoencoder"])
def test_coordinates_split_over_workers_give_the_same_network(name: str) -> None:
    program = load(f"zoo:{name}", {}, {})
    x, y = inputs(program, 2), np.ones((2, 1))

    def work(space: Space) -> tuple[Kernels, Array]:
        trained = train(FiniteNetwork(program, space), x, y, x, 2, 0.5)
        return empirical_kernels(FiniteNetwork(program, space), x), trained.tests

    kernels, trained = work(Space(WIDTH, seed=4))
    together = Together(3)
    for one, tests in together.run(work, WIDTH):  # type: ignore[misc]
        np.testing.assert_allclose(one.ntk, kernels.ntk, rtol=1e-11)  # type: ignore[has-type]
        np.testing.assert_allclose(tests, trained, rtol=1e-10, atol=1e-12)  # type: ignore[has-type]
    assert 0 < together.calls < 400  # sums of m × m numbers, however wide


def test_any_seed_of_64_bits_has_its_own_numbers() -> None:
    seeds = [0, 1, 2**32, 2**53 + 1, 2**53, 2**63, 2**63 + 1, 2**64 - 1]
    assert len({float(Space(4, seed=s).normals(0, 0, 1, 1)[0, 0]) for s in seeds}) == len(seeds)


def test_more_workers_than_stretches_leaves_some_idle() -> None:
    program = load("zoo:mlp", {"L": "2"}, {})
    x = inputs(program, 2)
    expected = empirical_kernels(FiniteNetwork(program, Space(100, seed=4)), x).ntk
    found = Together(3).run(lambda space: empirical_kernels(FiniteNetwork(program, space), x).ntk, 100)
    for one in found:
        np.testing.assert_allclose(one, expected, rtol=1e-12)  # type: ignore[call-overload]


class Scarce:
    """NumPy as a device with little memory: no more than so many numbers at once for what is made on the way."""

    def __init__(self, numbers: int) -> None:
        self.numbers, self.refused = numbers, 0

    def __getattr__(self, name: str) -> Any:
        made = getattr(np, name)
        return self._limited(made) if name in ("tanh", "exp", "matmul") else made

    def _limited(self, function: Callable[..., Array]) -> Callable[..., Array]:
        def limited(*arrays: Array) -> Array:
            result = function(*arrays)
            if result.size > self.numbers:
                self.refused += 1
                raise MemoryError("out of memory")
            return result

        return limited


@pytest.mark.parametrize("name", ["mlp", "layernorm"])
def test_a_device_without_memory_for_all_coordinates_takes_them_in_pieces(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "SMALLEST", 64)
    program = load(f"zoo:{name}", {}, {})
    x = inputs(program, 2)
    plenty, scarce = Scarce(10**9), Scarce(700)
    expected, found = (empirical_kernels(FiniteNetwork(program, Space(1000, xp=xp)), x).ntk for xp in (plenty, scarce))
    assert plenty.refused == 0 and scarce.refused > 3
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(MemoryError):
        empirical_kernels(FiniteNetwork(program, Space(1000, xp=Scarce(100))), x)
