"""How far training takes networks from their own linearizations: a question to networks, not to the proof.

Kernel gradient descent (22) is the law of wide networks because these stay close to their linearization at the start.
At a finite width they leave it, by O(1/n) in the mean, but with a coefficient that is large where slopes have heavy
tails. Descent with the network's own K_n instead of the limit's shows by how much, whatever the limit is. What does not
vanish as the width grows is no such thing, and counts as a deviation from (22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tpproof.numerics.crosscheck.expected.choice import Choice
from tpproof.numerics.crosscheck.expected.trajectories import descent
from tpproof.numerics.crosscheck.quantities import Kind, Setting
from tpproof.numerics.crosscheck.running.work import Layout
from tpproof.numerics.functions import Array


def beyond_linear(choice: Choice, setting: Setting, layout: Layout, trained: Mapping[int, Array]) -> Array | None:
    """(k, Q), widths in increasing order, a column for each trajectory: the mean over networks of f_t less kernel
    gradient descent with their own kernels, as far as it vanishes.

    Parameters
    ----------
    choice, setting, layout
        What was measured, of what, and where it stands in a row.
    trained
        Width → rows of the networks that were trained.

    Returns
    -------
    Array or None
        None where there are no trajectories, or kernels of some pairs of outputs were not measured.
    """
    wanted = [q.key for q in choice.quantities if q.kind is Kind.TRAJECTORY]
    if not wanted or choice.output_pairs_left_out:
        return None
    found = np.zeros((len(trained), len(wanted)))
    widths = sorted(trained)
    off = [_from_own_descent(choice, setting, layout, trained[width]) for width in widths]
    shares = _vanishing(widths, [float(np.sqrt(np.mean(x**2))) for x in off])
    for at, (x, share) in enumerate(zip(off, shares, strict=True)):
        mean = share * np.mean(x, axis=0)
        found[at] = [mean[t, i, o] for t, o, i in wanted]
    return found


def _vanishing(widths: Sequence[int], sizes: Sequence[float]) -> list[float]:
    """Shares of sizes that fall as n^-1/2 at least, from each width to the next."""
    shares, most = [], sizes[0]
    for k, size in enumerate(sizes):
        most = min(size, most * (widths[max(k - 1, 0)] / widths[k]) ** 0.5)
        shares.append(most / size if size > 0 else 0.0)
    return shares


def _from_own_descent(choice: Choice, setting: Setting, layout: Layout, rows: Array) -> Array:
    """(M, T + 1, N, O)."""
    starts, trained = layout.starts(rows), layout.trajectories(rows)
    kernels = _kernels(choice, layout, rows)
    own = [descent(kernel, setting)(start) for kernel, start in zip(kernels, starts, strict=True)]
    off: Array = trained - np.stack(own)
    return off


def _kernels(choice: Choice, layout: Layout, rows: Array) -> Array:
    """Each network's K_n, (M, N·O, N·O), row i·O + o as in the limit's `Kernels.matrix`."""
    values, outputs = layout.values(rows), layout.outputs
    size = layout.inputs * outputs
    found = np.zeros((len(rows), size, size))
    measured = [q for q in choice.quantities if q.kind is not Kind.TRAJECTORY]
    for k, quantity in enumerate(measured):
        if quantity.kind is Kind.KERNEL:
            o, p, i, j = quantity.key
            one, two = i * outputs + o, j * outputs + p
            found[:, one, two] = found[:, two, one] = values[:, k]
    return found
