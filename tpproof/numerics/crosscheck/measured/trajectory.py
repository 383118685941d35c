"""T steps of real SGD on a batch, followed at every input."""

from __future__ import annotations

import numpy as np

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.quantities import Setting
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.space import Small
from tpproof.numerics.finite.training import train


def trajectory(net: FiniteNetwork, setting: Setting) -> Small:
    """``[t, i, o]``: f_o(ξ_i) after t = 0 … T steps on the mean of (f − y)²/2 (summed over outputs) over all inputs
    but the first.

    The first input goes along in the batch with χ = 0, so what a step looks at and what it trains on are one pass.

    Raises
    ------
    TpproofError
        E152 when training diverges, with the step.
    """
    inputs, count = np.asarray(setting.inputs, dtype=np.float64), len(setting.inputs)
    if count < 2:
        raise TpproofError("E151", "one input", "ξ̃ and at least one training input")
    trained = np.arange(count)[:, None] > 0

    def slopes(outputs: Small, targets: Small) -> Small:
        return np.where(trained, outputs - targets, 0.0)

    rate = setting.rate * count / (count - 1)  # a step divides by the size of the batch
    last = [setting.steps]
    found = train(net, inputs, setting.targets, inputs, setting.steps, rate, loss=slopes, follow=last)
    return np.concatenate([np.reshape(found.batches, (-1, *found.tests.shape[1:])), found.tests])
