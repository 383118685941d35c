"""Code over array namespaces: NumPy, the strict one, and a module that stands for CuPy agree with the tiles."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from typing import Any

import array_api_strict
import numpy as np
import pytest

from tests.numerics.tiles.fake_cupy import install
from tests.numerics.tiles.op_cases import CASES, exact
from tests.numerics.tiles.test_arrays import run
from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.numerics.gram.gram import Gram, Settings, Values
from tpproof.numerics.gram.inputs import InputArrays, as_inputs
from tpproof.numerics.gram.kernel import KernelFunction, chosen_backend, kernel_fn
from tpproof.numerics.tiles import namespaces
from tpproof.numerics.tiles.arrays import run_arrays
from tpproof.numerics.tiles.builder import Builder
from tpproof.numerics.tiles.engine import DIFFER, Engine
from tpproof.numerics.tiles.lower import Lowered
from tpproof.numerics.tiles.namespaces import has_gpu, namespace, run_code

Array = np.ndarray[Any, Any]
NAMES = ("ntk", "nngp")
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"mlp, {phi}": ("mlp", {"L": 2, "phi": phi}) for phi in ("tanh", "relu", "gelu", "erf", "sin")},
    "cnn1d": ("cnn1d", {"L": 2, "P": 3}),
    "cnn1d, relu": ("cnn1d", {"L": 2, "P": 3, "phi": "relu"}),
    "gcn": ("gcn", {"L": 1}),
    "attention": ("attention", {"T": 2}),
    "rnn": ("rnn", {"T": 2}),
    "rnn, relu": ("rnn", {"T": 3, "phi": "relu"}),
}


@cache
def network(name: str) -> KernelFunction:
    kind, constants = NETWORKS[name]
    return kernel_fn(getattr(zoo, kind)(**constants), backend="numba")


def inputs(function: KernelFunction, count: int = 6, seed: int = 0) -> InputArrays:
    """Generic inputs but for the first again, a near-duplicate of it, a multiple, and its opposite."""
    (declared,) = function.program.inputs
    x = np.random.default_rng(seed).normal(size=(count, declared.parts, 4))
    x[2], x[3], x[4], x[5] = x[0], x[0] + 1e-8 * x[1], 2.5 * x[0], -x[0]
    return as_inputs(x if declared.parts > 1 else x[:, 0], function.program.inputs)


@cache
def gram(name: str, both: bool = False) -> Gram:
    function = network(name)
    assert function.plan is not None
    second = inputs(function, 7, 1) if both else None
    return Gram(function.plan, function.library, inputs(function), second, NAMES, Settings(backend="numba"))


def values(name: str, both: bool, xp: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Values]:
    """By `run_code`, with the code that the tiles run."""
    whole = gram(name, both)
    monkeypatch.setattr(namespaces, "namespace", lambda backend: xp)
    monkeypatch.setattr(whole, "settings", Settings(backend="numpy"))
    return whole.values()


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
@pytest.mark.parametrize("both", [False, True], ids=["one set", "two sets"])
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_arrays_agree_with_the_tiles(name: str, both: bool, xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tiled = gram(name, both).values()
    arrays = values(name, both, xp, monkeypatch)
    for kernel in NAMES:
        size = np.max(np.abs(tiled[kernel].value))
        assert np.max(np.abs(arrays[kernel].value - tiled[kernel].value)) < 1e-13 * size
        if not both:
            assert np.allclose(arrays[kernel].value[2], arrays[kernel].value[0], rtol=1e-13, atol=0)
        assert np.allclose(arrays[kernel].errors(), tiled[kernel].errors(), rtol=1e-12)


@pytest.mark.parametrize("name", ["mlp, relu", "mlp, tanh", "cnn1d, relu", "rnn, relu", "attention"])
def test_the_code_agrees_with_the_plan_pair_by_pair(name: str) -> None:
    tiled, plain = gram(name).values(), gram(name)._integrated()
    for kernel in NAMES:
        size = np.max(np.abs(plain[kernel].value))
        difference = np.abs(tiled[kernel].value - plain[kernel].value)
        assert np.max(difference) < 1e-11 * size
        assert (difference <= tiled[kernel].errors() + plain[kernel].errors()).all()


def test_only_kinks_need_careful_code_and_only_expansions_tables() -> None:
    codes = {name: gram(name).code for name in ("mlp, relu", "mlp, tanh", "mlp, erf")}
    found = {name: None if c is None else (c.careful is not None, bool(c.tables)) for name, c in codes.items()}
    assert found == {"mlp, relu": (True, False), "mlp, tanh": (False, True), "mlp, erf": (False, False)}


def test_fast_code_alone_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gram("mlp, relu")
    assert whole.code is not None and whole.code.careful is not None
    x = whole.x1.arrays[0]
    careful, _ = run_code(np, whole.code, x, x, np.float64)
    blind = Lowered(
        whole.code.fast,
        None,
        *[getattr(whole.code, n) for n in ("grams", "excesses", "rows", "cols", "tables", "tails")],
    )
    fast, _ = run_code(np, blind, x, x, np.float64)
    assert np.max(np.abs(fast - careful)) > 1e-10 * np.max(np.abs(careful))


@pytest.mark.parametrize("version", ["2023.12", "2024.12"])
def test_older_versions_of_the_standard_do(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with array_api_strict.ArrayAPIStrictFlags(api_version=version):
        for name in ("mlp, relu", "mlp, tanh"):
            assert np.isfinite(values(name, True, array_api_strict, monkeypatch)["ntk"].value).all()


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
def test_single_precision_stays_single(xp: Any) -> None:
    whole = gram("mlp, relu")
    assert whole.code is not None
    x = whole.x1.arrays[0]
    single, _ = run_code(xp, whole.code, x, x, np.float32)
    double, _ = run_code(np, whole.code, x, x, np.float64)
    assert single.dtype == np.float32
    assert 1e-9 < np.max(np.abs(single - double)) / np.max(np.abs(double)) < 1e-5


# -- blocks -----------------------------------------------------------------------------------------------------------


def excess_code(rows: int, cols: int) -> Lowered:
    """Outputs: whether inputs differ, the excess of parts 0 and 1, and their covariance's arc."""
    b = Builder()
    b.output(b.excess(0))
    b.output(b.excess(1))
    b.output(b.arc_fast(b.gram(0), 1.0, 1.0)[1])
    code = b.build()
    return Lowered(code, code, ((0, 1),), (DIFFER, (0, 1)), np.zeros((0, rows)), np.zeros((0, cols)), (), {})


def points(count: int, length: int, seed: int = 0) -> Array:
    x = np.random.default_rng(seed).normal(size=(count, 2, length))
    x[:, 0] /= np.linalg.norm(x[:, 0], axis=1)[:, None]
    x[:, 1] = x[::-1, 0]
    x[count // 2] = x[1]
    return x


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("memory", [2**28, 2**15, 2**12])
def test_blocks_make_the_same_matrix_as_the_engine(memory: int, length: int, xp: Any) -> None:
    x, y = points(40, length), points(23, length, 1)
    y[3] = x[7]
    y[4, 0] = -0.0 * x[0, 0]
    code = excess_code(40, 23)
    found, opposite = run_code(xp, code, x, y, np.float64, memory)
    truth, near = Engine(None, code.careful, x, y, code.grams, code.excesses).watched()
    assert (found[0] == truth[0]).all()
    assert (found[0] == (x[:, None] != y[None]).any(axis=(2, 3))).all()
    assert (found[0] == 0).any()
    assert np.allclose(found, truth, rtol=1e-11, atol=1e-15)
    assert opposite == (near.opposite > 0)


def test_opposite_inputs_are_noticed_in_any_block() -> None:
    x = points(30, 5)
    code = excess_code(30, 30)
    assert not run_code(np, code, x, x, np.float64)[1]
    y = x.copy()
    y[3, 1] = -x[17, 0]
    for memory in (2**28, 2**12):
        assert run_code(np, code, x, y, np.float64, memory)[1]


# -- a GPU ------------------------------------------------------------------------------------------------------------

compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    assert has_gpu()
    assert chosen_backend("auto") == chosen_backend("cupy") == "cupy"
    assert namespace("cupy") is fake
    assert namespace("numpy") is np
    assert chosen_backend("numba") == "numba"


def refused() -> str:
    with pytest.raises(TpproofError) as caught:
        chosen_backend("cupy")
    return caught.value.code


@pytest.mark.parametrize("available", [False, RuntimeError("the driver is too old"), AttributeError("np.float_")])
def test_a_cupy_without_a_device_is_no_gpu(available: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch).available = available
    assert not has_gpu()
    assert chosen_backend("auto") == "numba"
    assert refused() == "E141"


def test_without_cupy_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert not has_gpu()
    assert chosen_backend("auto") == "numba"
    assert refused() == "E141"


def test_the_stand_in_shows_what_numpy_reads_by_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    x = fake.ones((2, 2))
    with pytest.raises(RuntimeError):
        np.asarray(x)
    assert (x.get() == 1).all()


@compiler
@pytest.mark.parametrize("name", CASES)
def test_an_instruction_is_what_it_says_on_a_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, case = install(monkeypatch), CASES[name]
    for output, formula, scale in zip(run(fake, case), case.formulas, case.scales, strict=True):
        assert np.max(np.abs(output - exact(case, formula)) / scale(case)) < case.tolerance
    fused = {"arc": "arc", "erf": "erf_pair"} | {f"{kind} series": "series" for kind in ("even", "odd", "full")}
    assert set(fake.kernels) == ({f"tpproof_{fused[name]}"} if name in fused else set())


@compiler
@pytest.mark.parametrize("name", ["mlp, relu", "mlp, erf", "mlp, tanh", "cnn1d", "rnn, relu"])
def test_a_gpu_agrees_with_the_tiles(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tiled = gram(name, True).values()
    found = values(name, True, install(monkeypatch), monkeypatch)
    for kernel in NAMES:
        assert np.max(np.abs(found[kernel].value - tiled[kernel].value)) < 1e-13 * np.max(np.abs(tiled[kernel].value))


@compiler
def test_the_kernel_function_runs_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    truth = kernel_fn(zoo.mlp(L=2, phi="erf"), backend="numba")(x)
    fake = install(monkeypatch)
    found = kernel_fn(zoo.mlp(L=2, phi="erf"))(x)
    assert "tpproof_erf_pair" in fake.kernels
    assert found.ntk is not None and truth.ntk is not None
    assert np.allclose(found.ntk, truth.ntk, rtol=1e-14)


@pytest.mark.parametrize(("room", "refusals"), [(1000, 0), (900, 1), (300, 2), (70, 3)])
def test_a_block_without_room_is_halved(room: int, refusals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    monkeypatch.setattr("tpproof.numerics.tiles.arrays.fused", lambda *arguments: None)
    x, y = points(40, 5), points(23, 5, 1)
    code = excess_code(40, 23)
    whole, _ = run_code(fake, code, x, y, np.float64)
    fake.room = room
    found, _ = run_code(fake, code, x, y, np.float64)
    assert fake.refused == fake.freed == refusals
    assert np.allclose(found, whole, rtol=1e-13, atol=1e-16)


def test_no_room_at_all_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    fake.room = 10
    x = points(40, 5)
    with pytest.raises(TpproofError) as caught:
        run_code(fake, excess_code(40, 40), x, x, np.float64)
    assert caught.value.code == "E104" and "a block of 8 inputs" in str(caught.value) and "numba" in str(caught.value)


def test_the_hosts_memory_may_run_out_too_and_other_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    x = points(40, 5)
    code = excess_code(40, 40)
    whole, _ = run_code(np, code, x, x, np.float64)
    errors: list[Exception] = [MemoryError(), MemoryError(), ValueError("another")]

    def failing(*arguments: Any) -> Any:
        if errors:
            raise errors.pop(0)
        return run_arrays(*arguments)

    monkeypatch.setattr(namespaces, "run_arrays", failing)
    with pytest.raises(ValueError, match="another"):
        run_code(np, code, x, x, np.float64)
    errors[:] = [MemoryError()]
    assert np.allclose(run_code(np, code, x, x, np.float64)[0], whole, rtol=1e-13, atol=1e-16)
