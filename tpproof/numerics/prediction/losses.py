"""Losses L(f, y) of one example and their derivatives χ = L' (Theorem 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array

ROUNDING = 1e-6
"""How far the probabilities of one example may sum from 1: float32 labels of many classes pass."""


@dataclass(frozen=True)
class Loss:
    """A loss of one example; Theorem 5.3 asks that its derivative is continuous.

    Parameters
    ----------
    value
        ``value(f, y)``: arrays of shape (N,) for one output or (N, O) for several → (N,), or (N, O) to be summed over
        outputs. So a function written for numbers works for both.
    derivative
        ``derivative(f, y)`` → ∂L/∂f, of the shape of f: the paper's χ.
    curvature
        An upper bound of the largest eigenvalue of L'', or None if there is none; the largest stable learning rate
        is 2/(curvature · λ_max).
    labels
        Says in words what is wrong with labels that the loss does not take, or "".
    """

    name: str
    value: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]
    curvature: float | None = None
    labels: Callable[[Array], str] = lambda y: ""

    def mean(self, f: Array, y: Array) -> float:
        """The mean over examples of the loss, outputs summed."""
        per_example = np.asarray(self.value(f, y))
        return float(np.sum(per_example) / len(f)) if len(f) else 0.0

    def chi(self, f: Array, y: Array) -> Array:
        """χ = L'(f, y) of the shape of f (E157 when a user's derivative has another shape)."""
        found = np.asarray(self.derivative(f, y), dtype=np.float64)
        if found.shape != f.shape:
            raise TpproofError("E157", f"a derivative of shape {found.shape}", f"the shape {f.shape} of f")
        return found


def _logistic_labels(y: Array) -> str:
    return "" if np.all(np.abs(y) == 1) else "labels other than -1 and 1"


def _class_labels(y: Array) -> str:
    if y.ndim != 2:
        return f"labels of shape {y.shape}; np.eye(O)[labels] makes probabilities (N, O) of class numbers"
    fits = np.all(y >= 0) and np.all(np.abs(np.sum(y, axis=1) - 1) <= ROUNDING)
    return "" if fits else "rows that are no probabilities"


def _cross_entropy_slope(f: Array, y: Array) -> Array:
    return np.asarray(np.exp(special.log_softmax(f, axis=-1)) * np.sum(y, axis=-1, keepdims=True) - y)


SQUARED = Loss("squared", lambda f, y: (f - y) ** 2 / 2, lambda f, y: f - y, 1.0)
"""L = |f − y|²/2, χ = f − y."""
LOGISTIC = Loss(
    "logistic", lambda f, y: np.logaddexp(0, -y * f), lambda f, y: -y * special.expit(-y * f), 0.25, _logistic_labels
)
"""L = log(1 + exp(−y f)), labels −1 and 1."""
CROSS_ENTROPY = Loss(
    "cross-entropy",
    lambda f, y: -np.sum(y * special.log_softmax(f, axis=-1), axis=-1),
    _cross_entropy_slope,
    0.5,  # diag(p) - p pᵀ has eigenvalues of at most 1/2
    _class_labels,
)
"""L = −Σ_o y_o log softmax(f)_o, labels one row of probabilities an example."""


def huber(delta: float = 1.0) -> Loss:
    """|f − y|²/2 within `delta` and linear beyond; χ is f − y cut off at ±delta."""
    if not (np.isfinite(delta) and delta > 0):
        raise TpproofError("E157", f"delta = {delta}", "a positive number")

    def value(f: Array, y: Array) -> Array:
        r = np.abs(f - y)
        return np.asarray(np.where(r <= delta, r * r / 2, delta * (r - delta / 2)))

    return Loss("huber", value, lambda f, y: np.clip(f - y, -delta, delta), 1.0)


LOSSES = {loss.name: loss for loss in (SQUARED, LOGISTIC, CROSS_ENTROPY, huber())}


def loss_named(loss: str | Loss, y: Array) -> Loss:
    """The loss of this name, if it takes these labels (E157 otherwise)."""
    known = LOSSES.get(loss) if isinstance(loss, str) else loss
    if not isinstance(known, Loss):
        raise TpproofError("E157", f"loss {loss!r}", f"a Loss, or one of {', '.join(LOSSES)}")
    complaint = known.labels(y)
    if complaint:
        raise TpproofError("E157", complaint, f"labels for the loss {known.name}")
    return known
