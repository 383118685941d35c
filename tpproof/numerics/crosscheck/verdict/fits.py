"""What is left at n = ∞: means at several widths, the bias b/n + c/n² + … fitted or bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpproof.numerics.functions import Array

ORDER = 10.0
"""ρ: coefficients of the bias that are not fitted are taken to be at most S ρ, S ρ², S ρ³ in b/n + c/n² + d/n³, where S
is the larger of |limit| and σ. The kernels of mlp, tied, rnn, layernorm, cnn1d and lstm have |b|/S below 1.4 (measured,
64 to 65536); a larger b that the widths show raises ρ to b/S."""
HIGHEST = 2
"""Bias terms fitted at most."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A way to extrapolate: the limit is estimated by Σ_i w_i mean_i.

    Attributes
    ----------
    weights
        (k,): w, with Σ w = 1 and Σ w_i/n_i^j = 0 for j = 1 … terms: no bias of these orders is left. Among them those
        of least variance, which is σ² Σ w_i²/(n_i M_i) (generalised least squares).
    terms
        How many bias terms are fitted.
    variance
        Σ w_i²/(n_i M_i): that of the estimate over σ².
    remains
        (3,): |Σ_i w_i n_i^-j| of the next three orders j.
    """

    weights: Array
    terms: int
    variance: float
    remains: Array

    def allowance(self, order: Array, scale: Array) -> Array:
        """The most that the bias left can be, given ρ and S."""
        powers = np.arange(self.terms + 1, self.terms + 4)
        bound: Array = scale * (order[..., None] ** powers @ self.remains)
        return bound


def fits(n: Array, m: Array) -> list[Fit]:
    """Every suffix of the widths, with no, one or two bias terms."""
    found = []
    for first in range(len(n)):
        for terms in range(min(HIGHEST, len(n) - first - 1) + 1):
            weights = np.zeros(len(n))
            weights[first:] = _weights(n[first:], m[first:], terms, 0)
            powers = np.arange(terms + 1, terms + 4)
            remains = np.abs(weights @ (1 / n[:, None] ** powers))
            found.append(Fit(weights, terms, float(np.sum(weights**2 / (n * m))), remains))
    return found


def bias_weights(n: Array, m: Array) -> Array:
    """(k,): Σ_i w_i mean_i estimates b, when one bias term is fitted to all widths."""
    return _weights(n, m, 1, 1)


def _weights(n: Array, m: Array, terms: int, which: int) -> Array:
    """Row `which` of (XᵀDX)⁻¹XᵀD, X_ij = n_i^-j, D = diag(n M); columns scaled, so that nothing is lost."""
    least = n.min()
    x = (least / n[:, None]) ** np.arange(terms + 1)
    root = np.sqrt(n * m)[:, None]
    solved: Array = np.linalg.pinv(root * x)[which] * root[:, 0] * float(least) ** which
    return solved
