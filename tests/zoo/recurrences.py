"""Kernels of infinitely wide recurrent networks as their papers state them. Nothing here imports tpproof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.precision import MP, Real
from tests.zoo.inputs import Joint
from tests.zoo.literature import DUAL, dual

Index = tuple[int, int]
"""Two times, or a layer and a time; times count from 1."""


@dataclass(frozen=True)
class Variances:
    """σ_W², σ_U², σ_b², σ_v²."""

    w: Real
    u: Real
    b: Real
    v: Real = MP.one


def steps(gram: Joint) -> int:
    return len(gram) // 2


def place(gram: Joint, s: int, t: int) -> int:
    """The row of input s at time t."""
    return s * steps(gram) + t - 1


def states(gram: Joint, phi: str, variance: Variances) -> tuple[Joint, Joint]:
    """C^{h^t, h̄^r} of the preactivations h = g + u + b and C^{s^t, s̄^r} of the states, s^0 = 0 (Yang 2020, NTK4A)."""
    value, length = DUAL[phi][0], steps(gram)
    c = 0 * gram
    for _ in range(length):  # the pairs of times t, r are right after min(t, r) rounds
        h = variance.u * gram + variance.b
        for s in (0, 1):
            for r in (0, 1):
                i, j = s * length, r * length
                h[i + 1 : i + length, j + 1 : j + length] += variance.w * c[i : i + length - 1, j : j + length - 1]
        c = dual(value, h)
    return h, c


def rnn(gram: Joint, phi: str, variance: Variances, read: tuple[Mapping[int, Real], Mapping[int, Real]]) -> Real:
    """Θ of a simple RNN, every entry sampled with its σ and trained at rate 1 (Yang 2020, *Tensor Programs II* and the
    code of NTK4A). `read`: time → coefficient of the state in the output, for each input.

    D^{s^t, s̄^r} = σ_v² [read] + σ_W² D^{g^{t+1}, ḡ^{r+1}}, D^{g^t, ḡ^r} = D^{s^t, s̄^r} E φ'φ'(h^t, h̄^r),
    Θ = Σ D^{g^t, ḡ^r} (C^{s^{t−1}, s̄^{r−1}} + ξᵀξ/d + 1) + (readout).
    """
    h, c = states(gram, phi, variance)
    slopes = dual(DUAL[phi][1], h)
    total, ahead = MP.zero, dict[Index, Real]()
    for t in range(steps(gram), 0, -1):
        for r in range(steps(gram), 0, -1):
            i, j = place(gram, 0, t), place(gram, 1, r)
            both = read[0].get(t, MP.zero) * read[1].get(r, MP.zero)
            ahead[t, r] = slopes[i, j] * (variance.v * both + variance.w * ahead.get((t + 1, r + 1), MP.zero))
            before = c[i - 1, j - 1] if min(t, r) > 1 else MP.zero
            total += ahead[t, r] * (before + gram[i, j] + 1) + both * c[i, j]
    return total


def ntk4a_as_printed(gram: Joint, phi: str, variance: Variances) -> Real:
    """The last-state kernel with NTK4A's *picture* RNN_forward_backward.png in place of its code.

    D^{s^t, s̄^r} = D^{s^{t+1}, s̄^{r+1}} E φ'φ', without the code's factor σ_W², and D^{g^t, ḡ^r} = σ_W^{−2}
    D^{s^{t−1}, s̄^{r−1}}. (The picture's ζ also carry C at t where the code has t − 1; here they have t − 1.)
    """
    h, c = states(gram, phi, variance)
    slopes, last = dual(DUAL[phi][1], h), steps(gram)
    total, d = MP.zero, variance.v
    for t in range(last, 0, -1):
        i, j = place(gram, 0, t), place(gram, 1, t)
        d = d * slopes[i, j]  # D^{s^{t−1}}
        total += d / variance.w * ((c[i - 1, j - 1] if t > 1 else MP.zero) + gram[i, j] + 1)
    return total + c[place(gram, 0, last), place(gram, 1, last)]


def rntk(gram: Joint, phi: str, depth: int, variance: Variances, lengths: Sequence[int]) -> Real:
    """Theorem 1 of Alemohammad et al. 2021, *The Recurrent Neural Tangent Kernel*: σ's are forward multipliers.

    Σ^(ℓ,t,t') = σ_w² V_φ[K^(ℓ,t,t')] + σ_u² V_φ[K^(ℓ−1,t+1,t'+1)] + σ_b² (inputs for ℓ = 1), initial state 0; with τ =
    T' − T, Π^(ℓ,t) = V_φ'[…] (σ_w² Π^(ℓ,t+1) + σ_u² Π^(ℓ+1,t)), Π^(L,T) from σ_v²;
    Θ = Σ_ℓ Σ_t Π^(ℓ,t) Σ^(ℓ,t,t+τ) + σ_v² V_φ.
    """
    below, sigma, value = variance.u * gram, [], []
    for _ in range(depth):
        h, c = _layer(below, phi, variance)
        sigma.append(h)
        value.append(c)
        below = variance.u * c
    slopes = [dual(DUAL[phi][1], h) for h in sigma]
    shift = lengths[1] - lengths[0]
    pi: dict[Index, Real] = {}
    total = variance.v * value[-1][place(gram, 0, lengths[0]), place(gram, 1, lengths[1])]
    for layer in range(depth - 1, -1, -1):
        for t in range(lengths[0], max(0, -shift), -1):
            end = (place(gram, 0, t), place(gram, 1, t + shift))
            after = variance.w * pi.get((layer, t + 1), MP.zero) + variance.u * pi.get((layer + 1, t), MP.zero)
            top = variance.v if (layer, t) == (depth - 1, lengths[0]) else MP.zero
            pi[layer, t] = slopes[layer][end] * (top + after)
            total += pi[layer, t] * sigma[layer][end]
    return total


def _layer(below: Joint, phi: str, variance: Variances) -> tuple[Joint, Joint]:
    """Σ and V_φ[Σ] of one recurrent layer over all pairs of times; `below` is what feeds it, σ_u² included."""
    return states(below, phi, Variances(variance.w, MP.one, variance.b))


def deq(gram: Joint, phi: str, depth: int, variance: Variances) -> Real:
    """z ← φ(W z + U x + b), weights tied, read after L steps (Feng & Kolter 2020, equilibrium models, L finite).

    Σ ← σ_W² 𝒯(Σ) + σ_U² x·x' + σ_b², Θ ← σ_W² 𝒯̇(Σ) ⊙ Θ + 𝒯(Σ) + x·x' + 1: that of the untied network.
    """
    value, slope = DUAL[phi]
    sigma, theta = variance.u * gram + variance.b, gram + 1
    for _ in range(depth - 1):
        passed = dual(value, sigma)
        theta = variance.w * dual(slope, sigma) * theta + passed + gram + 1
        sigma = variance.w * passed + variance.u * gram + variance.b
    readout: Joint = dual(value, sigma) + variance.v * dual(slope, sigma) * theta
    return np.asarray(readout)[0, 1]
