"""Figures of a cross-check (matplotlib, the extra `plots`), drawn and written as those of predictions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Kind
from tpproof.numerics.crosscheck.verdict.report import BAND, TITLES, CrossCheck
from tpproof.numerics.functions import Array
from tpproof.numerics.prediction.plots import COLOURS, FINITE, finish, new_figure, save, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = "osD^vP*X<>hd"
MOST_PANELS, MOST_LINES = 4, 3
"""Inputs whose trajectories are drawn, and single networks in each panel."""
WRITTEN = 8
"""Kernels up to this size have their numbers written in the heat map."""


def draw(check: CrossCheck, kind: str, path: str | Path | None) -> Figure:
    """See `CrossCheck.plot`."""
    figures = {"deviation": deviation, "trajectories": trajectories, "kernel": kernel}
    if kind not in figures:
        raise TpproofError("E160", f"a plot of {kind!r}", "deviation, trajectories or kernel")
    figure = figures[kind](check)
    if path is not None:
        save(figure, path)
    return figure


def inline_svg(figure: Figure) -> str:
    """An <svg> element for a page: no declaration, no reference to anything outside, the same for the same numbers."""
    import matplotlib

    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": "tpproof", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata=nothing)
    found = text.getvalue()
    return found[found.index("<svg") :]


def deviation(check: CrossCheck) -> Figure:
    """Root mean square deviation from the limit against the width, a line a kind, with n^-1/2.

    The kernel's networks are shown by a band. A kind that does not deviate at all has no logarithm and no line.
    """
    n = np.array(check.widths, dtype=np.float64)
    shown = {kind: at for kind, at in check.deviations.items() if all(d.typical > 0 for d in at)}
    if not shown:
        raise TpproofError("E160", "no deviation anywhere", "quantities that differ from their limits")
    figure, (ax,) = new_figure(6.4, 4.2)
    for k, (kind, at) in enumerate(shown.items()):
        colour, mark = COLOURS[k % len(COLOURS)], MARKS[k % len(MARKS)]
        if kind == Kind.KERNEL.value:
            ax.fill_between(n, [d.low for d in at], [d.high for d in at], color=colour, alpha=0.2, lw=0)
        line = "-" if k < len(COLOURS) else "--"
        y = [d.typical for d in at]
        ax.plot(n, y, line + mark, color=colour, ms=4, lw=1.2, label=TITLES[Kind(kind)])
    first = shown.get(Kind.KERNEL.value) or next(iter(shown.values()))
    ends = np.array([n[0], n[-1]]) if len(n) > 1 else np.array([n[0] / 2, 2 * n[0]])
    guide = first[0].typical * np.sqrt(n[0] / ends)
    ax.plot(ends, guide, "--", color="black", lw=1, label=r"$n^{-1/2}$")
    ax.set(xscale="log", yscale="log", xlabel="width $n$", ylabel="deviation from the limit (rms, relative)")
    finish(ax, (), None)
    ax.legend(fontsize="x-small", edgecolor="none", framealpha=0.8, ncols=2)
    return figure


def trajectories(check: CrossCheck) -> Figure:
    """f_t at inputs: finite networks in grey, mean and band; kernel gradient descent from the same f_0 in colour.

    Networks start at random, so bands are wide; that each follows its own limit is seen by three of them.
    """
    given = check.trajectories
    if given is None:
        raise TpproofError("E160", "no trajectories", "a cross-check that trained its networks")
    panels = min(given.measured.shape[2], MOST_PANELS)
    figure, axes = new_figure(2.6 * panels + 1.2, 3.4, panels, sharey=True)
    t = np.arange(given.measured.shape[1], dtype=np.float64)
    for i, ax in enumerate(axes):
        _panel(ax, t, given.measured[:, :, i, 0], given.predicted[:, :, i, 0])
        name = "\\tilde\\xi" if i == 0 else f"\\xi_{{{i}}}"
        ax.set(xlabel="step $t$", title=f"$f_t({name})$")
        whole_numbers(ax, (2, len(t)))
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25, lw=0.5)
    axes[0].set_ylabel(f"$f_t$, $n = {given.width}$, {given.measured.shape[0]} networks")
    axes[-1].legend(fontsize="x-small", edgecolor="none", framealpha=0.8)
    return figure


def _panel(ax: Axes, t: Array, finite: Array, limit: Array) -> None:
    ax.fill_between(t, *np.quantile(finite, BAND, axis=0), color=FINITE, alpha=0.2, lw=0, label="finite, 10–90 %")
    ax.plot(t, np.mean(finite, axis=0), color=FINITE, lw=2.5, alpha=0.6, label="finite, mean")
    ax.plot(t, np.mean(limit, axis=0), "--", color=COLOURS[0], lw=1.4, label="limit, mean")
    for k, edge in enumerate(np.quantile(limit, BAND, axis=0)):
        ax.plot(t, edge, ":", color=COLOURS[0], lw=1, label=None if k else "limit, 10–90 %")
    for k in range(min(MOST_LINES, len(finite))):
        ax.plot(t, finite[k], color=FINITE, lw=0.7, label=None if k else "single networks")
        ax.plot(t, limit[k], "--", color=COLOURS[1], lw=0.7, label=None if k else "their limits")


def kernel_matrices(check: CrossCheck) -> tuple[Array, Array, Array]:
    """(N, N) each: theory, simulation at the largest width, and its standard error, of output 0; NaN where unknown."""
    rows = [r for r in check.rows if r.quantity.kind is Kind.KERNEL and r.width == check.widths[-1]]
    rows = [r for r in rows if r.quantity.key[:2] == (0, 0)]
    if not rows:
        raise TpproofError("E160", "no kernel", "a cross-check of the kernel")
    size = 1 + max(max(r.quantity.key[2:4]) for r in rows)
    theory, measured, se = (np.full((size, size), np.nan) for _ in range(3))
    for r in rows:
        i, j = r.quantity.key[2:4]
        for at in ((i, j), (j, i)):
            theory[at], measured[at], se[at] = r.limit, r.measured, np.nan if r.se is None else r.se
    return theory, measured, se


def kernel(check: CrossCheck) -> Figure:
    """K over inputs: theory and simulation on one colour scale, and their difference on one of its own."""
    theory, measured, se = kernel_matrices(check)
    figure, axes = new_figure(10.2, 3.4, 3)
    low = float(min(np.nanmin(theory), np.nanmin(measured)))
    high = float(max(np.nanmax(theory), np.nanmax(measured)))
    both = {"vmin": low, "vmax": high, "cmap": "viridis"}
    first = _map(axes[0], theory, "theory, $n = \\infty$", both)
    _map(axes[1], measured, f"simulation, $n = {check.widths[-1]}$", both)
    most = float(np.nanmax(np.abs(measured - theory))) or 1.0
    title = f"difference, se $\\leq$ {np.nanmax(se):.1g}" if np.any(np.isfinite(se)) else "difference"
    last = _map(axes[2], measured - theory, title, {"vmin": -most, "vmax": most, "cmap": "RdBu_r"})
    axes[0].set_ylabel("$i$")
    figure.colorbar(first, ax=axes[:2], label=r"$K(\xi_i, \xi_j)$")
    figure.colorbar(last, ax=axes[2])
    return figure


def _map(ax: Axes, k: Array, title: str, how: dict[str, Any]) -> Any:
    image: Any = ax.imshow(k, interpolation="nearest", **how)
    ax.set(title=title, xlabel="$j$")
    whole_numbers(ax, k.shape)
    if k.shape[0] <= WRITTEN:
        for (i, j), x in np.ndenumerate(k):
            if np.isfinite(x):
                dark = sum(image.cmap(image.norm(x))[:3]) < 1.5
                ax.text(j, i, f"{x:.3g}", ha="center", va="center", fontsize=7, color="white" if dark else "black")
    return image
