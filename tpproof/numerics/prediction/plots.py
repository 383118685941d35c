"""Figures of kernels and predictions (matplotlib, the extra `plots`).

Every function returns a `matplotlib.figure.Figure` with a canvas of its own: nothing global is read or changed, in a
notebook the figure shows itself, and `save` writes the same bytes for the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.training import numbers
from tpproof.numerics.prediction.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which the colour-blind tell apart."""
FINITE = "#555555"
MOST_LINES = 12
"""Inputs drawn as trajectories: more are not told apart."""


def new_figure(width: float, height: float, columns: int = 1, **how: Any) -> tuple[Figure, list[Axes]]:
    """A figure with an Agg canvas and its axes; E141 without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TpproofError("E141", "no matplotlib", "pip install 'tpproof[plots]'") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False, **how)
    return figure, list(axes[0])


def save(figure: Figure, path: str | Path) -> None:
    """Write SVG, PNG or PDF: the same numbers give the same bytes, with no date inside (E140 if it cannot be written).

    SVG text stays text.
    """
    import matplotlib

    kind = Path(path).suffix[1:].lower()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if kind not in ("svg", "png", "pdf"):
        raise TpproofError("E140", f"{path}", "a name that ends in .svg, .png or .pdf")
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            with matplotlib.rc_context({"svg.hashsalt": "tpproof", "svg.fonttype": "none"}):
                figure.savefig(beside, format=kind, dpi=150, metadata=undated.get(kind))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as problem:
        raise TpproofError("E140", f"{path}: {problem.strerror}", "a folder that can be written") from None


def loss_curves(limit: Trajectory, finite: Sequence[Trajectory] = (), width: int | None = None) -> Figure:
    """Training and test loss against the step, both axes logarithmic: the limit in colour over finite networks.

    Parameters
    ----------
    limit
        A prediction; its test loss is drawn if it has one. Step 0 is left out (its logarithm is −∞).
    finite
        Runs of finite networks at the same times, one for each seed: mean and range in grey.
    width
        Their width n, for the legend.
    """
    figure, (ax,) = new_figure(5.2, 3.6)
    shown = np.asarray(limit.times) > 0
    if not np.any(shown & np.isfinite(limit.times)):
        raise TpproofError("E157", "no time after 0", "losses at some later steps")
    shown &= np.isfinite(limit.times)
    t = limit.times[shown]
    for name, dashes, colour in (("loss", "-", COLOURS[0]), ("test_loss", "--", COLOURS[1])):
        y = getattr(limit, name)
        if y is None:
            continue
        _band(
            ax, t, [getattr(run, name)[shown] for run in _same_times(finite, limit) if getattr(run, name) is not None]
        )
        word = "training loss" if name == "loss" else "test loss"
        ax.plot(t, y[shown], dashes, color=colour, label=f"{word}, $n = \\infty$")
    ax.set(xscale="log", yscale="log", xlabel="step $t$", ylabel=r"loss, mean over inputs of $L(f_t, y)$")
    finish(ax, finite, width)
    return figure


def trajectories(
    limit: Trajectory,
    inputs: Sequence[int] = (0, 1, 2),
    finite: Sequence[Trajectory] = (),
    width: int | None = None,
    *,
    part: str = "test",
    output: int = 0,
    names: Sequence[str] | None = None,
) -> Figure:
    """f_t(ξ) against the step at chosen inputs, the limit in colour, finite networks' mean and range in grey.

    Parameters
    ----------
    limit, finite, width
        As in `loss_curves`.
    inputs
        Numbers of the inputs, at most 12.
    part
        "test" or "train".
    output
        Which output, if there are several.
    names
        What the legend calls the inputs; ξ with their numbers unless given.
    """
    if part not in ("train", "test"):
        raise TpproofError("E157", f"part {part!r}", '"train" or "test"')
    values = getattr(limit, part)
    wrong = [i for i in inputs if not 0 <= i < values.shape[1]]
    if wrong or not 0 < len(inputs) <= MOST_LINES or (names is not None and len(names) != len(inputs)):
        expected = f"1 to {MOST_LINES} numbers from 0 to {values.shape[1] - 1}, and as many names"
        raise TpproofError("E157", f"inputs {list(inputs)}", expected)
    if not 0 <= output < (values.shape[2] if values.ndim == 3 else 1):
        raise TpproofError("E157", f"output {output}", "one that the trajectory has")
    figure, (ax,) = new_figure(5.2, 3.6)
    shown = np.isfinite(limit.times)
    runs = [_one_output(getattr(run, part), output) for run in _same_times(finite, limit)]
    for k, i in enumerate(inputs):
        _band(ax, limit.times[shown], [run[shown, i] for run in runs])
        mark = "\\tilde\\xi" if part == "test" else "\\xi"
        label = names[k] if names is not None else f"$f_t({mark}_{{{i}}})$"
        line = "-" if k < len(COLOURS) else "--"
        ax.plot(
            limit.times[shown],
            _one_output(values, output)[shown, i],
            line,
            color=COLOURS[k % len(COLOURS)],
            label=label,
        )
    ax.set(xlabel="step $t$", ylabel=r"$f_t$")
    finish(ax, finite, width)
    return figure


def kernel_maps(kernels: dict[str, Any], *, correlation: bool = False) -> Figure:
    """Kernels on one data set as heat maps side by side, one colour scale for all of them.

    Parameters
    ----------
    kernels
        Title → (N, N) or (M, N): for example ``{"NTK": kernel.ntk, "NNGP": kernel.nngp}``.
    correlation
        Show K_ij/√(K_ii K_jj) (square kernels only).
    """
    arrays = {title: numbers(given, title) for title, given in kernels.items()}
    for title, k in arrays.items():
        square = k.ndim == 2 and k.shape[0] == k.shape[1]
        if k.ndim != 2 or k.size == 0 or (correlation and not (square and np.all(np.diagonal(k) > 0))):
            raise TpproofError("E157", f"{title} of shape {k.shape}", "a matrix; for correlations a square one")
        if correlation:
            root = np.sqrt(np.diagonal(k))
            arrays[title] = k / np.outer(root, root)
    if not arrays:
        raise TpproofError("E157", "no kernel", "a dictionary of titles and matrices")
    figure, axes = new_figure(3.1 * len(arrays) + 0.9, 3.3, len(arrays))
    low, high = min(float(np.min(k)) for k in arrays.values()), max(float(np.max(k)) for k in arrays.values())
    for ax, (title, k) in zip(axes, arrays.items(), strict=True):
        image = ax.imshow(k, vmin=low, vmax=high, cmap="viridis", interpolation="nearest")
        ax.set(title=title, xlabel=r"$j$")
        whole_numbers(ax, k.shape)
    axes[0].set_ylabel(r"$i$")
    label = r"$K_{ij}/\sqrt{K_{ii}K_{jj}}$" if correlation else r"$K(\xi_i, \xi_j)$"
    figure.colorbar(image, ax=axes, label=label)
    return figure


def whole_numbers(ax: Axes, shape: tuple[int, ...]) -> None:
    """Ticks at inputs, which have whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=min(6, shape[1]), integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=min(6, shape[0]), integer=True))


def function_space(
    x: Any, mean: Any, std: Any, x_train: Any = None, y_train: Any = None, *, truth: Any = None, samples: Any = None
) -> Figure:
    """A prediction over inputs of one dimension: mean, a band of ±2 standard deviations, and the data.

    Parameters
    ----------
    x, mean, std
        (M,): test inputs in increasing order, and the law of f there (`Posterior`, or one time of an `Ensemble`).
    x_train, y_train
        (N,): training data.
    truth
        (M,): the function that the labels come from.
    samples
        (S, M): outputs of finite networks.
    """
    where, centre, spread = (numbers(a, name) for a, name in ((x, "x"), (mean, "mean"), (std, "std")))
    if where.ndim != 1 or where.size == 0 or not where.shape == centre.shape == spread.shape or np.any(spread < 0):
        found = f"x, mean, std of shapes {where.shape}, {centre.shape}, {spread.shape}"
        raise TpproofError("E157", found, "three of shape (M,), std at least 0")
    if np.any(np.diff(where) < 0):
        raise TpproofError("E157", "x in no order", "test inputs in increasing order")
    figure, (ax,) = new_figure(5.2, 3.6)
    ax.fill_between(
        where, centre - 2 * spread, centre + 2 * spread, color=COLOURS[0], alpha=0.2, lw=0, label=r"$\pm2\sigma$"
    )
    for k, run in enumerate(_rows(samples, "samples", where.size)):
        ax.plot(where, run, color=FINITE, lw=0.6, alpha=0.6, label="finite networks" if k == 0 else None)
    for run in _rows(truth, "truth", where.size):
        ax.plot(where, run, "--", color="black", lw=1, label="truth")
    ax.plot(where, centre, color=COLOURS[0], label="mean")
    if x_train is not None:
        given, labels = numbers(x_train, "x_train"), numbers(y_train, "y_train")
        if given.shape != labels.shape or given.ndim != 1:
            raise TpproofError("E157", f"x_train and y_train of shapes {given.shape}, {labels.shape}", "both (N,)")
        ax.plot(given, labels, "o", color=COLOURS[1], ms=5, label="training data")
    ax.set(xlabel=r"$\xi$", ylabel=r"$f(\xi)$")
    finish(ax, (), None)
    return figure


def _rows(given: Any, name: str, size: int) -> Array:
    if given is None:
        return np.zeros((0, size))
    found = np.atleast_2d(numbers(given, name))
    if found.ndim != 2 or found.shape[1] != size:
        raise TpproofError("E157", f"{name} of shape {found.shape}", f"one value for each of {size} test inputs")
    return found


def _one_output(values: Array, output: int) -> Array:
    return values[..., output] if values.ndim == 3 else values


def _same_times(finite: Sequence[Trajectory], limit: Trajectory) -> Sequence[Trajectory]:
    for run in finite:
        if not np.array_equal(run.times, limit.times):
            raise TpproofError("E157", "a finite run at other times than the limit", "the same recorded steps")
    return finite


def _band(ax: Axes, t: Array, runs: list[Array]) -> None:
    """Mean and range of the seeds."""
    if runs:
        ax.fill_between(t, np.min(runs, axis=0), np.max(runs, axis=0), color=FINITE, alpha=0.25, lw=0)
        ax.plot(t, np.mean(runs, axis=0), color=FINITE, lw=1)


def finish(ax: Axes, finite: Sequence[Trajectory], width: int | None) -> None:
    """Grid, legend, and an entry for the finite networks."""
    if finite:
        label = f"$n = {width}$, {len(finite)} seeds" if width is not None else f"finite $n$, {len(finite)} seeds"
        ax.fill_between([], [], color=FINITE, alpha=0.4, lw=0, label=label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, lw=0.5)
    ax.legend(fontsize="small", edgecolor="none", framealpha=0.8)
