"""Figures of a cross-check show its numbers, the same bytes each time."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.numerics.crosscheck.reports import DESIGN, LIMITS, QUANTITIES, check, networks, trained
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Kind
from tpproof.numerics.crosscheck.verdict.plots import inline_svg
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.statistics import Compared

matplotlib = pytest.importorskip("matplotlib")

CHECK = check(trajectories=trained())


def test_deviations_are_drawn_against_the_width_beside_their_line() -> None:
    ax = CHECK.plot().axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines) == {"kernel", "changes in one step", "$n^{-1/2}$"}  # what does not deviate has no line
    scale = np.maximum(LIMITS[:6], np.sqrt(np.mean(LIMITS[:6] ** 2)))
    for n, y in zip(DESIGN, lines["kernel"].get_ydata(), strict=True):
        off = (networks().values[n][:, :6] - LIMITS[:6]) / scale
        assert y == pytest.approx(np.sqrt(np.mean(off**2)))
    x, y = lines["$n^{-1/2}$"].get_data()
    assert y[0] / y[1] == pytest.approx(np.sqrt(x[1] / x[0]))


def test_trajectories_have_a_panel_an_input() -> None:
    figure = CHECK.plot("trajectories")
    assert len(figure.axes) == 3
    lines = {line.get_label(): line for line in figure.axes[2].lines}
    assert np.array_equal(lines["finite, mean"].get_ydata(), trained().measured[:, :, 2, 0].mean(axis=0))
    assert np.array_equal(lines["limit, mean"].get_ydata(), trained().predicted[:, :, 2, 0].mean(axis=0))


def test_the_kernel_is_shown_as_theory_simulation_and_difference() -> None:
    figure = CHECK.plot("kernel")
    theory, measured, difference = (np.asarray(ax.images[0].get_array()) for ax in figure.axes[:3])
    assert np.array_equal(theory, [[3, 0.5, 0.7], [0.5, 3, 0.9], [0.7, 0.9, 3]])
    assert measured[1, 2] == measured[2, 1] == pytest.approx(networks().values[16384][:, 4].mean())
    assert np.array_equal(difference, measured - theory)
    assert figure.axes[0].images[0].get_clim() == figure.axes[1].images[0].get_clim()


def test_one_width_and_one_network_are_drawn_too() -> None:
    one = check(samples=Samples(QUANTITIES, {256: networks().values[256][:1]}))
    for kind in ("deviation", "kernel"):
        assert inline_svg(one.plot(kind)).startswith("<svg")


@pytest.mark.parametrize("kind", ["deviation", "trajectories", "kernel"])
def test_files_are_the_same_each_time(kind: str, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        CHECK.plot(kind, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    other = check(samples=networks(seed=5)).plot("kernel", tmp_path / "c.svg")
    assert other is not None
    assert (tmp_path / "c.svg").read_bytes() != (tmp_path / "a.svg").read_bytes()


def test_an_inline_figure_refers_to_nothing_outside() -> None:
    svg = inline_svg(CHECK.plot("kernel"))
    assert svg == inline_svg(CHECK.plot("kernel"))
    for element in ElementTree.fromstring(svg).iter():
        for name, value in element.attrib.items():
            if name.endswith("href"):
                assert value.startswith(("#", "data:"))
    assert "<!DOCTYPE" not in svg
    assert "metadata" not in svg


def test_what_cannot_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TpproofError, match="E160"):
        CHECK.plot("pie")
    with pytest.raises(TpproofError, match="E160"):
        check().plot("trajectories")
    with pytest.raises(TpproofError, match="E140"):
        CHECK.plot("kernel", tmp_path / "missing" / "a.svg")
    rest = [i for i, q in enumerate(QUANTITIES) if q.kind is not Kind.KERNEL]
    without = Samples(tuple(QUANTITIES[i] for i in rest), {n: t[:, rest] for n, t in networks().values.items()})
    from tpproof.numerics.crosscheck.verdict.report import joined

    about: dict[str, Any] = {"name": "n", "network_sha256": "", "backend": "", "sampler": "", "seed": 0}
    with pytest.raises(TpproofError, match="E160"):
        joined(Compared(without, LIMITS[rest]), **about).plot("kernel")
    real = builtins.__import__

    def missing(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(TpproofError, match="E141"):
        CHECK.plot()
