"""Convolutional, graph and recurrent networks: the proved kernel against the literature's, to a relative 1e-10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.precision import MP, Real, relative_error
from tests.zoo.inputs import KINDS, joint
from tests.zoo.literature import (
    Kernels,
    Layer,
    arora,
    block,
    cnn,
    flattened,
    gcn,
    grid,
    kipf_welling,
    pooled,
    yang_layer,
)
from tests.zoo.recurrences import Variances, deq, ntk4a_as_printed, rnn, rntk
from tests.zoo.tools import assert_equal, at, differ, proved

PHIS = ("relu", "erf")

# convolutions ---------------------------------------------------------------------------------------------------------


def read_out(k: Kernels, read: str, positions: int) -> tuple[Real, Real]:
    """The zoo's readouts: of the mean over positions, or one for each position over √positions."""
    if read == "pool":
        return pooled(k, MP.one, MP.one)
    return flattened(k, MP.one / positions, MP.one / positions)


def tap_layer(taps: int, std_w: str, std_b: str) -> Layer:
    """One tap of the zoo's filters: σ_w²/taps in the sampling, trained at rate 1."""
    whole = yang_layer(std_w, std_b)
    return replace(whole, weight=whole.weight / taps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("padding", ["same", "circular"])
@pytest.mark.parametrize("read", ["flatten", "pool"])
def test_convolutions_over_a_sequence(read: str, padding: str, phi: str, kind: str) -> None:
    positions, depth, taps = 4, 3, 3
    gram = joint(kind, positions)
    constants = {"P": "4", "L": "3", "padding": padding, "read": read, "std_w": "3/2", "std_b": "3/10"}
    forms = at(proved("zoo:cnn1d", phi=phi, **constants), gram)
    around = grid(1, positions, (1, taps), padding == "circular")
    k = cnn(gram, phi, [tap_layer(taps, "1.5", "0.3")] * depth, around)
    nngp, ntk = read_out(k, read, positions)
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


@pytest.mark.parametrize(
    ("read", "padding", "phi", "kind", "depth"),
    [
        ("pool", "same", "relu", "generic", 2),
        ("flatten", "same", "relu", "near", 3),
        ("flatten", "circular", "relu", "generic", 2),
        ("flatten", "same", "erf", "generic", 2),
        ("pool", "circular", "erf", "equal", 2),
    ],
)
def test_convolutions_over_an_image(read: str, padding: str, phi: str, kind: str, depth: int) -> None:
    rows, columns, taps = 2, 3, 3
    gram = joint(kind, rows * columns)
    constants = {"rows": "2", "columns": "3", "L": str(depth), "padding": padding, "read": read, "std_w": "3/2"}
    forms = at(proved("zoo:cnn2d", phi=phi, **constants, std_b="3/10"), gram)
    around = grid(rows, columns, (taps, taps), padding == "circular")
    k = cnn(gram, phi, [tap_layer(taps * taps, "1.5", "0.3")] * depth, around)
    nngp, ntk = read_out(k, read, rows * columns)
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


ARORA = """\
R = 3
C = 3
L = 3
pool = True
c = 2
xi = input("xi", R * C)
x = xi
for h in range(L):
    if h == 0:
        W = [embedding(f"U_{k}") for k in range(9)]
    else:
        W = [matrix(f"W{h}_{k}", scale=sqrt(c) / 3) for k in range(9)]
    y = []
    for p in range(R * C):
        g = []
        for k in range(9):
            i = p // C + k // 3 - 1
            j = p % C + k % 3 - 1
            if i >= 0 and i < R and j >= 0 and j < C:
                g += [W[k] @ x[C * i + j]]
        y += [relu(sum(g))]
    x = y
if pool:
    output(readout("v", scale=sqrt(c) / 3) @ (sum(x) / (R * C)))
else:
    output(sum([readout(f"v{p}", scale=sqrt(c) / 3) @ x[p] for p in range(R * C)]))
"""
"""The network of Arora et al. 2019, section 4: zero padding, no biases, c_σ/q² after each activation."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("pool", "depth"), [(True, 2), (False, 3)])
def test_the_cntk_in_its_own_parametrization(pool: bool, depth: int, kind: str) -> None:
    gram = joint(kind, 9)
    forms = at(proved(ARORA, pool=str(pool), L=str(depth)), gram)
    found, around = forms.kernel(), grid(3, 3, (3, 3), circular=False)
    assert_equal(found, arora(gram, depth, around, 3, MP.mpf(2), pool))
    inner = [f"W{h}_{k}" for h in range(1, depth) for k in range(9)]
    assert_equal(forms.kernel(only=inner), arora(gram, depth, around, 3, MP.mpf(2), pool, fix=True))
    assert differ(found, arora(gram, depth, grid(3, 3, (3, 3), circular=True), 3, MP.mpf(2), pool))
    assert differ(found, arora(gram, depth, around, 3, MP.one, pool))


def test_the_literature_s_two_cntks_agree() -> None:
    """`arora` is `cnn` with σ_w² = c_σ as forward multiplier, no biases and an unscaled first layer."""
    gram, around = joint("generic", 9), grid(3, 3, (3, 3), circular=False)
    one = Layer(MP.one, MP.zero, MP.one, MP.zero)
    inner = Layer(MP.mpf(2) / 9, MP.zero, MP.mpf(2) / 9, MP.zero)
    k = cnn(gram, "relu", [one, inner], around)
    assert_equal(arora(gram, 2, around, 3, MP.mpf(2), True), pooled(k, inner.weight, inner.weight)[1])
    assert_equal(arora(gram, 2, around, 3, MP.mpf(2), False), flattened(k, inner.weight, inner.weight)[1])


# graphs ---------------------------------------------------------------------------------------------------------------

PATH = [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]
PAW = [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("graph", [PATH, PAW], ids=["path", "paw"])
def test_graph_convolution_at_every_node(graph: list[list[int]], phi: str, kind: str) -> None:
    gram = joint(kind, 4)
    forms = at(proved("zoo:gcn", phi=phi, A=str(graph), L="3", std_w="3/2", std_b="3/10"), gram)
    k = gcn(gram, phi, [yang_layer("1.5", "0.3")] * 3, graph)
    nngp, ntk = block(k.nngp), block(k.ntk)
    for p in range(4):
        for q in range(4):
            assert_equal(forms.nngp(p, q), nngp[p, q])
            assert_equal(forms.kernel(p, q), ntk[p, q] + nngp[p, q])  # and the readout's


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
def test_graph_convolution_pooled(phi: str, kind: str) -> None:
    gram = joint(kind, 4)
    forms = at(proved("zoo:gcn", phi=phi, A=str(PAW), L="2", read="pool", std_w="3/2", std_b="3/10"), gram)
    nngp, ntk = pooled(gcn(gram, phi, [yang_layer("1.5", "0.3")] * 2, PAW), MP.one, MP.one)
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


def test_another_graph_is_seen() -> None:
    gram = joint("generic", 4)
    found = at(proved("zoo:gcn", phi="relu", A=str(PAW), L="2", read="pool"), gram).kernel()
    layers = [yang_layer("1", "1")] * 2
    assert_equal(found, pooled(gcn(gram, "relu", layers, PAW), MP.one, MP.one)[1])
    assert differ(found, pooled(gcn(gram, "relu", layers, PATH), MP.one, MP.one)[1])
    assert_equal(sum(kipf_welling(PAW)[0]), 2 / MP.mpf(3) + 1 / MP.sqrt(12))


# recurrences ----------------------------------------------------------------------------------------------------------

RECURRENT = {"std_w": "sqrt(5/2)", "std_u": "6/5", "std_b": "1/2"}
VARIANCES = Variances(MP.mpf("2.5"), MP.mpf("1.44"), MP.mpf("0.25"))


def last(*times: int) -> tuple[Mapping[int, Real], Mapping[int, Real]]:
    first, second = times
    return {first: MP.one}, {second: MP.one}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("length", [1, 3, 5])
def test_rnn_last_state_and_average(length: int, phi: str, kind: str) -> None:
    gram = joint(kind, length)
    found = at(proved("zoo:rnn", phi=phi, T=str(length), **RECURRENT), gram).kernel()
    assert_equal(found, rnn(gram, phi, VARIANCES, last(length, length)))
    mean = dict.fromkeys(range(1, length + 1), MP.one / length)
    found = at(proved("zoo:rnn", phi=phi, T=str(length), read="average", **RECURRENT), gram).kernel()
    assert_equal(found, rnn(gram, phi, VARIANCES, (mean, mean)))


@pytest.mark.parametrize("phi", PHIS)
def test_rnn_two_lengths(phi: str) -> None:
    gram = joint("generic", 4)
    forms = at(proved("zoo:rnn", phi=phi, lengths="[2, 4]", **RECURRENT), gram)
    for o, first in enumerate((2, 4)):
        for p, second in enumerate((2, 4)):
            assert_equal(forms.kernel(o, p), rnn(gram, phi, VARIANCES, last(first, second)))


def test_ntk4a_as_printed_lacks_a_variance() -> None:
    """The recursion in NTK4A's picture is right for σ_W² = 1 and wrong by a factor of order 1 for 2.5."""
    gram = joint("generic", 5)
    for std_w, w in (("1", MP.one), ("sqrt(5/2)", MP.mpf("2.5"))):
        variances = replace(VARIANCES, w=w)
        ours = at(proved("zoo:rnn", phi="erf", T="5", **{**RECURRENT, "std_w": std_w}), gram).kernel()
        printed = ntk4a_as_printed(gram, "erf", variances)
        assert_equal(ours, rnn(gram, "erf", variances, last(5, 5)))
        if w == 1:
            assert_equal(printed, ours)
        else:
            assert relative_error(ours, printed) > 1


MULTIPLIERS = """\
L = 1
lengths = [3]
phi = erf
w = 1
u = 1
b = 1
v = 1
T = lengths[-1]
xi = input("xi", T)
V = readout("V", scale=v)
x = xi
for l in range(L):
    U = embedding("U", scale=u) if l == 0 else matrix(f"U{l}", scale=u)
    W = matrix(f"W{l}", scale=w)
    B = bias(f"b{l}", scale=b)
    h = []
    for t in range(T):
        g = U @ x[t] + B
        if t > 0:
            g = W @ h[-1] + g
        h += [phi(g)]
    x = h
for length in lengths:
    output(V @ x[length - 1])
"""
"""The network of Alemohammad et al. 2021: L recurrent layers, σ's multiplying standard Gaussians, initial state 0."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_recurrent_ntk(depth: int, phi: str, kind: str) -> None:
    gram = joint(kind, 4)
    constants = {"w": "sqrt(5/2)", "u": "6/5", "b": "1/2", "v": "4/5"}
    forms = at(proved(MULTIPLIERS, phi=phi, L=str(depth), lengths="[2, 4]", **constants), gram)
    variances = replace(VARIANCES, v=MP.mpf("0.64"))
    for o, first in enumerate((2, 4)):
        for p, second in enumerate((2, 4)):
            assert_equal(forms.kernel(o, p), rntk(gram, phi, depth, variances, (first, second)))


UNTIED = """\
phi = erf
shared = True
average = False
xi = input("xi")
v = readout("v")
z = []
for t in range(4):
    if t == 0 or not shared:
        U = embedding(f"U{t}", std=6/5)
        b = bias(f"b{t}", std=1/2)
    if t == 1 or t > 0 and not shared:
        W = matrix(f"W{t}", std=sqrt(5/2))
    g = U @ xi + b
    if t > 0:
        g = W @ z[-1] + g
    z += [phi(g)]
output(v @ (sum(z) / 4 if average else z[-1]))
"""
"""A deep equilibrium network unrolled four times, and its twin with new weights in each layer."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
def test_weight_tying_shows_where_several_depths_are_read(phi: str, kind: str) -> None:
    """Read at one depth, the tied and the untied network have one kernel (D^{z^i, z̄^j} = 0 for i ≠ j); read at all
    depths they have two, tied above untied for the correlated layers' part."""
    gram = joint(kind, 1)
    found = at(proved("zoo:deq", phi=phi, L="4", **RECURRENT), gram).kernel()
    assert_equal(found, deq(gram, phi, 4, VARIANCES))
    assert_equal(found, at(proved(UNTIED, phi=phi), gram).kernel())
    assert_equal(found, at(proved(UNTIED, phi=phi, shared="False"), gram).kernel())
    tied = at(proved(UNTIED, phi=phi, average="True"), gram).kernel()
    untied = at(proved(UNTIED, phi=phi, average="True", shared="False"), gram).kernel()
    constant = joint(kind, 4)  # the tied network is an RNN that reads the same input at every step
    for i in range(8):
        for j in range(8):
            constant[i, j] = gram[i // 4, j // 4]
    mean = dict.fromkeys(range(1, 5), MP.one / 4)
    assert_equal(tied, rnn(constant, phi, VARIANCES, (mean, mean)))
    assert differ(tied, untied)
