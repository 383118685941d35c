"""Figures: what is drawn are the numbers given, the same bytes each time, and nothing global changes."""

from __future__ import annotations

import builtins
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.numerics.prediction.test_predict import K_TEST, K, M, N, Y
from tpproof.errors import TpproofError
from tpproof.numerics.prediction.plots import function_space, kernel_maps, loss_curves, save, trajectories
from tpproof.numerics.prediction.predict import Trajectory, gradient_descent

matplotlib = pytest.importorskip("matplotlib")

LIMIT = gradient_descent(K, K_TEST, Y, 60, 1.5, y_test=np.zeros(M))


def runs(count: int = 3) -> list[Trajectory]:
    rng = np.random.default_rng(0)
    return [replace(LIMIT, test=LIMIT.test + 0.02 * rng.standard_normal(LIMIT.test.shape)) for _ in range(count)]


def line(figure: Any, label: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    (found,) = [x for x in figure.axes[0].lines if x.get_label().startswith(label)]
    return found.get_xdata(), found.get_ydata()


def test_losses_are_drawn_on_logarithmic_axes_without_step_0() -> None:
    figure = loss_curves(LIMIT, runs(), width=512)
    ax = figure.axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    x, y = line(figure, "training loss")
    assert np.array_equal(x, LIMIT.times[1:])
    assert np.array_equal(y, LIMIT.loss[1:])
    assert LIMIT.test_loss is not None
    assert np.array_equal(line(figure, "test loss")[1], LIMIT.test_loss[1:])
    assert "$n = 512$, 3 seeds" in [t.get_text() for t in ax.get_legend().get_texts()]
    assert ax.get_xlabel() == "step $t$"


def test_trajectories_are_those_of_the_chosen_inputs_in_a_band_of_the_seeds() -> None:
    figure = trajectories(LIMIT, [0, 3], runs())
    for i in (0, 3):
        x, y = line(figure, f"$f_t(\\tilde\\xi_{{{i}}})$")
        assert np.array_equal(x, LIMIT.times)
        assert np.array_equal(y, LIMIT.test[:, i])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    seeds = [run.test[:, 0] for run in runs()]
    assert np.max(band[:, 1]) == pytest.approx(np.max(seeds))
    assert np.min(band[:, 1]) == pytest.approx(np.min(seeds))
    names = trajectories(LIMIT, [1], part="train", names=["cat"])
    assert np.array_equal(line(names, "cat")[1], LIMIT.train[:, 1])


def test_heat_maps_share_their_scale() -> None:
    figure = kernel_maps({"NTK": K, "NNGP": K / 2})
    images = [ax.images[0] for ax in figure.axes if ax.images]
    assert len(images) == 2
    assert all(image.get_clim() == (min(np.min(K), np.min(K / 2)), np.max(K)) for image in images)
    assert np.array_equal(images[1].get_array(), K / 2)
    one = kernel_maps({"NTK": K}, correlation=True).axes[0].images[0]
    assert np.asarray(np.diagonal(one.get_array())) == pytest.approx(np.ones(N))


def test_the_band_is_two_standard_deviations() -> None:
    x = np.linspace(-1, 1, 5)
    figure = function_space(x, x**2, np.full(5, 0.3), x[:2], x[:2], truth=x, samples=np.zeros((2, 5)))
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {round(v, 9) for v in band[band[:, 0] == 1, 1]} >= {0.4, 1.6}
    assert np.array_equal(line(figure, "mean")[1], x**2)
    assert np.array_equal(line(figure, "training data")[0], x[:2])


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_the_same_numbers_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    written = []
    for k in range(2):
        save(loss_curves(LIMIT, runs()), tmp_path / f"{k}.{suffix}")
        written.append((tmp_path / f"{k}.{suffix}").read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) > 1000
    if suffix == "svg":
        assert b"<dc:date>" not in written[0]
        assert b"training loss" in written[0]


def test_nothing_global_is_read_or_changed(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    save(kernel_maps({"NTK": K}), tmp_path / "k.svg")
    assert dict(matplotlib.rcParams) == before
    code = "import sys; from tpproof.numerics.prediction import plots"
    code += "; plots.save(plots.kernel_maps({'K': [[1.0]]}), 'k.svg')"
    code += "; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TpproofError, match=r"(?s)E141.*tpproof\[plots\]"):
        loss_curves(LIMIT)


def test_wrong_use_is_one_clear_error(tmp_path: Path) -> None:
    x = np.arange(3.0)
    for call in (
        lambda: trajectories(LIMIT, [M]),
        lambda: trajectories(LIMIT, []),
        lambda: trajectories(LIMIT, [0], part="both"),
        lambda: trajectories(LIMIT, [0], output=1),
        lambda: trajectories(LIMIT, [0], names=[]),
        lambda: trajectories(LIMIT, [0], [replace(LIMIT, times=LIMIT.times + 1)]),
        lambda: loss_curves(gradient_descent(K, K_TEST, Y, 0)),
        lambda: kernel_maps({}),
        lambda: kernel_maps({"NTK": Y}),
        lambda: kernel_maps({"NTK": K_TEST}, correlation=True),
        lambda: function_space(x, x, x[:2]),
        lambda: function_space(x[::-1], x, x),
        lambda: function_space(x, x, -x),
        lambda: function_space(x, x, x, x_train=x, y_train=x[:1]),
        lambda: function_space(x, x, x, samples=np.zeros((2, 2))),
    ):
        with pytest.raises(TpproofError) as caught:
            call()
        assert caught.value.code == "E157"
    for name in ("figure.bmp", "no/folder/figure.svg"):
        with pytest.raises(TpproofError, match="E140"):
            save(kernel_maps({"NTK": K}), tmp_path / name)
