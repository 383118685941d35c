"""Kernels of infinitely wide networks as their papers state them. Nothing here imports tpproof.

A kernel over both inputs is one symmetric matrix, rows (instance, part) in lexicographic order, so that a recursion
step is one line for MLPs (1 part), images and graphs (pixels, nodes) and sequences (tokens). 𝒯 and 𝒯̇ are Lee et al.'s
E φ(u)φ(v) and E φ'(u)φ'(v), (u, v) ~ N(0, K).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.precision import MP, Real
from tests.zoo.inputs import Joint

Dual = Callable[[Real, Real, Real], Real]


def cho_saul(n: int, xx: Real, xy: Real, yy: Real) -> Real:
    """k_n(x, y) = ‖x‖ⁿ‖y‖ⁿ J_n(θ)/π (Cho & Saul 2009), n = 0 or 1."""
    cosine = xy / MP.sqrt(xx * yy)
    theta = MP.acos(min(max(cosine, -MP.one), MP.one))
    if n == 0:
        return (MP.pi - theta) / MP.pi
    return MP.sqrt(xx * yy) * (MP.sin(theta) + (MP.pi - theta) * MP.cos(theta)) / MP.pi


def williams(xx: Real, xy: Real, yy: Real) -> Real:
    """E erf(u)erf(v) (Williams 1997)."""
    return 2 / MP.pi * MP.asin(2 * xy / MP.sqrt((1 + 2 * xx) * (1 + 2 * yy)))


def williams_slope(xx: Real, xy: Real, yy: Real) -> Real:
    """E erf'(u)erf'(v) = (4/π) det(I + 2K)^(−1/2) (Lee et al. 2019)."""
    return 4 / MP.pi / MP.sqrt((1 + 2 * xx) * (1 + 2 * yy) - 4 * xy * xy)


DUAL: dict[str, tuple[Dual, Dual]] = {
    "relu": (lambda a, c, b: cho_saul(1, a, c, b) / 2, lambda a, c, b: cho_saul(0, a, c, b) / 2),
    "erf": (williams, williams_slope),
    "identity": (lambda a, c, b: c, lambda a, c, b: MP.one),
    # E sin sin and E cos cos: Rahimi & Recht 2007, the characteristic function of u ± v
    "sin": (
        lambda a, c, b: (MP.exp(c - (a + b) / 2) - MP.exp(-c - (a + b) / 2)) / 2,
        lambda a, c, b: (MP.exp(c - (a + b) / 2) + MP.exp(-c - (a + b) / 2)) / 2,
    ),
}


def dual(function: Dual, k: Joint) -> Joint:
    """The matrix of E F(u)F(v), over every two rows."""
    found = np.empty_like(k)
    for i in range(len(k)):
        for j in range(i + 1):
            found[i, j] = found[j, i] = function(k[i, i], k[i, j], k[j, j])
    return found


@dataclass(frozen=True)
class Layer:
    """Forward variances of a layer's weights and biases, and how strongly training moves each of them."""

    weight: Real
    bias: Real = MP.zero
    weight_rate: Real = MP.one
    bias_rate: Real = MP.one

    def frozen(self) -> Layer:
        return Layer(self.weight, self.bias, MP.zero, MP.zero)


def ntk_layer(std_w: str, std_b: str = "0") -> Layer:
    """Jacot et al. 2018, Lee et al. 2019: σ multiplies a standard Gaussian in the forward pass; training feels σ²."""
    w, b = MP.mpf(std_w) ** 2, MP.mpf(std_b) ** 2
    return Layer(w, b, w, b)


def yang_layer(std_w: str, std_b: str = "0") -> Layer:
    """Yang 2020: σ is the standard deviation of the trained entries, whose rate is 1."""
    return Layer(MP.mpf(std_w) ** 2, MP.mpf(std_b) ** 2)


@dataclass(frozen=True)
class Kernels:
    """The NNGP kernel K and the NTK Θ over both inputs."""

    nngp: Joint
    ntk: Joint


def dense(layer: Layer, inputs: Kernels) -> Kernels:
    """K ← σ_w² K + σ_b², Θ ← σ_w² Θ + (rates): Jacot et al. Theorem 1, one affine map."""
    ntk = layer.weight * inputs.ntk + layer.weight_rate * inputs.nngp + layer.bias_rate
    return Kernels(layer.weight * inputs.nngp + layer.bias, ntk)


def activation(phi: str, k: Kernels) -> Kernels:
    """K ← 𝒯(K), Θ ← 𝒯̇(K) ⊙ Θ."""
    value, slope = DUAL[phi]
    return Kernels(dual(value, k.nngp), dual(slope, k.nngp) * k.ntk)


def data(gram: Joint) -> Kernels:
    """The inputs: ξᵀξ'/d, and nothing trained yet."""
    return Kernels(gram, 0 * gram)


def mlp(gram: Joint, phi: str, layers: Sequence[Layer]) -> Kernels:
    """Jacot et al. 2018, Theorem 1; Lee et al. 2019: Θ^{l+1} = K^{l+1} + σ_w² Θ^l ⊙ 𝒯̇(K^l)."""
    k = dense(layers[0], data(gram))
    for layer in layers[1:]:
        k = dense(layer, activation(phi, k))
    return k


def residual(
    gram: Joint, phi: str, first: Layer, blocks: Sequence[Sequence[Layer]], last: Layer, skip: Real
) -> Kernels:
    """x ← x + α(W φ(… φ(x)) + b), readout of φ(x): the pre-activation recursion of Yang & Schoenholz 2017 and Tirer et
    al. 2020; with one layer a block, Θ ← Θ + α²(σ_w² 𝒯̇(K) ⊙ Θ + 𝒯(K) + 1)."""
    k = dense(first, data(gram))
    for layers in blocks:
        branch = k
        for layer in layers:
            branch = dense(layer, activation(phi, branch))
        k = Kernels(k.nngp + skip**2 * branch.nngp, k.ntk + skip**2 * branch.ntk)
    return dense(last, activation(phi, k))


# convolutions ---------------------------------------------------------------------------------------------------------

Neighbours = Callable[[int], Sequence[int | None]]
"""Position → the positions under each filter tap, None outside of the image."""


def grid(rows: int, columns: int, taps: tuple[int, int], circular: bool) -> Neighbours:
    """The filter's window around each pixel, wrapped around or zero-padded."""

    def around(p: int) -> list[int | None]:
        found: list[int | None] = []
        for a in range(-(taps[0] // 2), taps[0] - taps[0] // 2):
            for b in range(-(taps[1] // 2), taps[1] - taps[1] // 2):
                i, j = p // columns + a, p % columns + b
                inside = 0 <= i < rows and 0 <= j < columns
                found.append((i % rows) * columns + j % columns if circular or inside else None)
        return found

    return around


def patch_sum(k: Joint, around: Neighbours) -> Joint:
    """𝓛(K)_{pq} = Σ_o K_{p+o, q+o} (Arora et al. 2019, the trace over patches in section 4)."""
    parts = len(k) // 2
    found = np.empty_like(k)
    for i in range(len(k)):
        for j in range(len(k)):
            windows = zip(around(i % parts), around(j % parts), strict=True)
            ends = [(p, q) for p, q in windows if p is not None and q is not None]
            found[i, j] = MP.fsum(k[p + i // parts * parts, q + j // parts * parts] for p, q in ends)
    return found


def convolution(layer: Layer, around: Neighbours, k: Kernels) -> Kernels:
    """One convolution, `layer` stating the variance and the rate of ONE tap (Novak et al. 2019, Arora et al. 2019)."""
    return dense(layer, Kernels(patch_sum(k.nngp, around), patch_sum(k.ntk, around)))


def cnn(gram: Joint, phi: str, layers: Sequence[Layer], around: Neighbours) -> Kernels:
    """All convolutions and the last activation; what reads the positions is left to the caller."""
    k = data(gram)
    for layer in layers:
        k = activation(phi, convolution(layer, around, k))
    return k


def block(k: Joint) -> Joint:
    """The part of a joint matrix that pairs the first input with the second."""
    parts = len(k) // 2
    return k[:parts, parts:]


def flattened(k: Kernels, weight: Real, rate: Real) -> tuple[Real, Real]:
    """A readout of its own for every position: the trace."""
    nngp, ntk = np.trace(block(k.nngp)), np.trace(block(k.ntk))
    return weight * nngp, weight * ntk + rate * nngp


def pooled(k: Kernels, weight: Real, rate: Real) -> tuple[Real, Real]:
    """Global average pooling: the mean over all pairs of positions."""
    nngp, ntk = block(k.nngp).mean(), block(k.ntk).mean()
    return weight * nngp, weight * ntk + rate * nngp


def arora(gram: Joint, depth: int, around: Neighbours, q: int, c: Real, pool: bool, fix: bool = False) -> Real:
    """The convolutional NTK of Arora et al. 2019, section 4 (and with global average pooling), ReLU, as in their paper
    and their CNTK.py, whose `fix` leaves the first and the last layer untrained.

    K^(0) = inputs, Σ^(0) = 𝓛(K^(0)); K^(h) = c_σ/q² E σσ, K̇^(h) = c_σ/q² E σ̇σ̇, Σ^(h) = 𝓛(K^(h)); Θ^(0) = Σ^(0),
    Θ^(h) = 𝓛(K̇^(h) ⊙ Θ^(h−1) + K^(h)), and without 𝓛 for h = L.
    """
    sigma = patch_sum(gram, around)
    theta = 0 * sigma if fix else sigma
    for h in range(1, depth + 1):
        k = c / q**2 * dual(DUAL["relu"][0], sigma)
        theta = c / q**2 * dual(DUAL["relu"][1], sigma) * theta + k
        if h < depth:
            sigma, theta = patch_sum(k, around), patch_sum(theta, around)
    theta = theta - k if fix else theta
    return block(theta).mean() if pool else np.trace(block(theta))


# graphs ---------------------------------------------------------------------------------------------------------------


def kipf_welling(adjacency: Sequence[Sequence[int]]) -> Joint:
    """D^(−1/2)(A + I)D^(−1/2), D the degrees of A + I (Kipf & Welling 2017, (2))."""
    a = np.array(adjacency, dtype=int) + np.eye(len(adjacency), dtype=int)
    root = [MP.sqrt(int(degree)) for degree in a.sum(axis=1)]
    return np.array([[int(a[i, j]) / (root[i] * root[j]) for j in range(len(a))] for i in range(len(a))], dtype=object)


def aggregate(s: Joint, k: Joint) -> Joint:
    """S K Sᵀ in both instances (Du et al. 2019, AGGREGATE, with the propagation matrix for the sum over neighbours)."""
    both = np.kron(np.eye(2, dtype=int), s)
    passed: Joint = both @ k @ both.T
    return passed


def gcn(gram: Joint, phi: str, layers: Sequence[Layer], adjacency: Sequence[Sequence[int]]) -> Kernels:
    """Du et al. 2019 (GNTK), one dense layer in each block: aggregate, then σ_w² · + σ_b², then φ."""
    s, k = kipf_welling(adjacency), data(gram)
    for layer in layers:
        k = activation(phi, dense(layer, Kernels(aggregate(s, k.nngp), aggregate(s, k.ntk))))
    return k
