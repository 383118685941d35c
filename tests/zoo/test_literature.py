"""Fully connected networks: the proved kernel against the literature's, to a relative 1e-10."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.precision import MP, Real
from tests.zoo.inputs import KINDS, Joint, joint
from tests.zoo.literature import DUAL, Kernels, Layer, dual, mlp, ntk_layer, residual, yang_layer
from tests.zoo.tools import assert_equal, at, differ, proved

MULTIPLIERS = """\
L = 3
phi = relu
std_w = 1
std_b = 1
trained = range(20)
xi = input("xi")
U = embedding("U", scale=std_w, trained=0 in trained)
x = phi(U @ xi + bias("b0", scale=std_b, trained=0 in trained))
for l in range(1, L):
    W = matrix(f"W{l}", scale=std_w, trained=l in trained)
    x = phi(W @ x + bias(f"b{l}", scale=std_b, trained=l in trained))
v = readout("v", scale=std_w, trained=L in trained)
output(v @ x + output_bias("c", scale=std_b, trained=L in trained))
"""
"""Jacot et al.'s parametrization, L hidden layers; the zoo's has σ in the sampling."""

OPPOSED = -MP.mpf("0.3")
PHIS = ("relu", "erf", "identity", "sin")
ONE_INPUT = {kind: joint(kind, 1) for kind in KINDS}


def entry(k: Kernels) -> tuple[Real, Real]:
    """K and Θ of the first input with the second."""
    return k.nngp[0, 1], k.ntk[0, 1]


def jacot(gram: Joint, phi: str, depth: int, std_w: str, std_b: str) -> Kernels:
    return mlp(gram, phi, [ntk_layer(std_w, std_b)] * (depth + 1))


def yang(gram: Joint, phi: str, depth: int, std_w: str, std_b: str) -> Kernels:
    """The zoo's MLP: readout and output bias are standard."""
    return mlp(gram, phi, [yang_layer(std_w, std_b)] * depth + [yang_layer("1", "1")])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 10])
def test_mlp_with_forward_multipliers(phi: str, depth: int, kind: str) -> None:
    gram = ONE_INPUT[kind]
    forms = at(proved(MULTIPLIERS, phi=phi, L=str(depth), std_w="3/2", std_b="3/10"), gram)
    nngp, ntk = entry(jacot(gram, phi, depth, "1.5", "0.3"))
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("depth", [1, 2, 4, 10])
def test_mlp_with_spreads(phi: str, depth: int, kind: str) -> None:
    gram = ONE_INPUT[kind]
    forms = at(proved("zoo:mlp", phi=phi, L=str(depth), std_w="7/5", std_b="1/2"), gram)
    nngp, ntk = entry(yang(gram, phi, depth, "1.4", "0.5"))
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_critical_relu_and_irrational_spreads(phi: str) -> None:
    """σ_w² = 2 (He initialization), as an exact root."""
    gram = ONE_INPUT["generic"]
    forms = at(proved(MULTIPLIERS, phi=phi, L="4", std_w="sqrt(2)", std_b="sqrt(3)/7"), gram)
    layer = Layer(MP.mpf(2), MP.mpf(3) / 49, MP.mpf(2), MP.mpf(3) / 49)
    nngp, ntk = entry(mlp(gram, phi, [layer] * 5))
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", ["relu", "erf"])
@pytest.mark.parametrize("trained", [[0], [2], [4], [1, 3], [0, 4]])
def test_only_some_layers_trained(trained: list[int], phi: str, kind: str) -> None:
    """Jacot et al.'s sum over layers, cut down: by η = 0 in the network, and by reading only some κ of the whole."""
    gram = ONE_INPUT[kind]
    constants = {"phi": phi, "L": "4", "std_w": "3/2", "std_b": "3/10"}
    layers = [ntk_layer("1.5", "0.3") if k in trained else ntk_layer("1.5", "0.3").frozen() for k in range(5)]
    expected = entry(mlp(gram, phi, layers))[1]
    assert_equal(at(proved(MULTIPLIERS, **constants, trained=str(trained)), gram).kernel(), expected)
    weights, biases = ["U", "W1", "W2", "W3", "v"], ["b0", "b1", "b2", "b3", "c"]
    names = [name for k in trained for name in (weights[k], biases[k])]
    assert_equal(at(proved(MULTIPLIERS, **constants), gram).kernel(only=names), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", ["relu", "erf", "sin"])
@pytest.mark.parametrize("depth", [1, 2])
def test_residual_mlp(depth: int, phi: str, kind: str) -> None:
    gram = ONE_INPUT[kind]
    forms = at(proved("zoo:resnet", phi=phi, L="4", matrices=str(depth), std_w="6/5", std_b="1/2", skip="3/4"), gram)
    layer = yang_layer("1.2", "0.5")
    last = replace(yang_layer("1"), bias_rate=MP.zero)  # no output bias
    nngp, ntk = entry(residual(gram, phi, layer, [[layer] * depth] * 4, last, MP.mpf("0.75")))
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_residual_stream_without_biases(phi: str) -> None:
    gram = ONE_INPUT["generic"]
    layer = replace(yang_layer("1"), bias_rate=MP.zero)
    nngp, ntk = entry(residual(gram, phi, layer, [[layer]] * 6, layer, MP.one))
    forms = at(proved("zoo:resmlp", phi=phi, L="6"), gram)
    assert_equal(forms.nngp(), nngp)
    assert_equal(forms.kernel(), ntk)


ONCE = 'phi = erf\nxi = input("xi")\nx = phi(embedding("U") @ xi)\noutput(readout("v") @ (matrix("W") @ x))\n'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phi", ["relu", "erf", "sin", "cos", "abs", "leaky_relu"])
def test_x_plus_x_is_four_times_the_kernel(phi: str, kind: str) -> None:
    """Two for summands that are independent, which is what neural-tangents returns."""
    gram = ONE_INPUT[kind]
    twice, once = at(proved("zoo:twice", phi=phi), gram), at(proved(ONCE, phi=phi), gram)
    assert_equal(twice.kernel(), 4 * once.kernel())
    assert_equal(twice.nngp(), 4 * once.nngp())
    assert differ(twice.kernel(), 2 * once.kernel())


@pytest.mark.parametrize("kind", KINDS)
def test_the_square_of_a_preactivation(kind: str) -> None:
    """E (h̃ h)² = q̃ q + 2k² (Isserlis), 3q² on the diagonal; independent factors would give k²."""
    gram = ONE_INPUT[kind]
    sigma2 = MP.mpf("1.5") ** 2
    q, k, r = sigma2 * gram[0, 0], sigma2 * gram[0, 1], sigma2 * gram[1, 1]
    forms = at(proved("zoo:square", std_u="3/2"), gram)
    assert_equal(forms.nngp(), q * r + 2 * k**2)
    assert_equal(forms.kernel(only=["v"]), q * r + 2 * k**2)
    assert_equal(forms.kernel(only=["U"]), 4 * k * gram[0, 1])
    assert_equal(forms.kernel(), q * r + 2 * k**2 + 4 * k * gram[0, 1])
    assert differ(forms.nngp(), k**2)
    if kind == "equal":
        assert_equal(forms.nngp(), 3 * q**2)


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_outputs_with_their_own_readouts_are_blocks(phi: str) -> None:
    """Jacot et al. 2018: Θ ⊗ Id in the outputs."""
    gram = ONE_INPUT["generic"]
    forms = at(proved("zoo:multi_output", phi=phi, m="3", L="2", std_w="7/5", std_b="1/2"), gram)
    expected = entry(yang(gram, phi, 2, "1.4", "0.5"))[1]
    for o in range(3):
        for p in range(3):
            if o == p:
                assert_equal(forms.kernel(o, p), expected)
            else:
                assert forms.kernel(o, p) == 0 == forms.nngp(o, p)


def test_outputs_with_one_readout_are_no_blocks() -> None:
    """v of φ(V_k x): E φ(Z¹)φ(Z²) = (E φ)² for k ≠ l, from the readout only; 0 when φ is odd."""
    gram = ONE_INPUT["generic"]
    forms = at(proved("zoo:multi_output", phi="relu", shared="True", L="1", std_w="7/5", std_b="1/2"), gram)
    hidden = mlp(gram, "relu", [yang_layer("1.4", "0.5"), yang_layer("1.4")]).nngp
    expected = MP.sqrt(hidden[0, 0] * hidden[1, 1]) / (2 * MP.pi)
    assert_equal(forms.kernel(0, 1), expected)
    assert_equal(forms.kernel(0, 1, only=["v"]), expected)
    odd = at(proved("zoo:multi_output", phi="erf", shared="True", L="1", std_w="7/5", std_b="1/2"), gram)
    assert odd.kernel(0, 1) == 0 != odd.kernel(0, 0)


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_a_batch_of_examples_and_heads(phi: str) -> None:
    """K is (Gram over examples) ⊗ Id over heads: outputs are ordered example by example."""
    batch, heads = 2, 2
    gram = joint("generic", batch)
    forms = at(proved("zoo:batch", phi=phi, B="2", m="2", L="2", std_w="7/5", std_b="1/2"), gram)
    last = replace(yang_layer("1"), bias_rate=MP.zero)
    k = mlp(gram, phi, [yang_layer("1.4", "0.5")] * 2 + [last]).ntk
    for o in range(batch * heads):
        for p in range(batch * heads):
            if o % heads == p % heads:
                assert_equal(forms.kernel(o, p), k[o // heads, batch + p // heads])
            else:
                assert forms.kernel(o, p) == 0


def test_one_network_has_three_kernels() -> None:
    """One hidden erf layer, σ_w = 3/2, σ_b = 3/10, ξᵀξ'/d = 1 and −0.3: the sign depends on the
    parametrization, though all three networks are the same function at initialization.

    σ as forward multiplier (Jacot, neural-tangents 'ntk'), σ in the sampling (Yang), and 'standard': entries N(0,
    σ²/fan_in) that SGD moves at rate 1, so that a layer's rate is its fan-in.
    """
    gram = np.array([[MP.one, OPPOSED], [OPPOSED, MP.one]], dtype=object)
    d, width = 3, 4096
    standard = """\
U = embedding("U", std=3/2, lr=3)
v = readout("v", std=3/2, lr=4096)
h = U @ input("xi") + bias("b", std=3/10)
output(v @ erf(h) + output_bias("c", std=3/10))
"""
    sampled = standard.replace(", lr=3)", ")").replace(", lr=4096)", ")")
    spread = yang_layer("1.5", "0.3")
    expected = [
        entry(mlp(gram, "erf", [ntk_layer("1.5", "0.3")] * 2)),
        entry(mlp(gram, "erf", [spread] * 2)),
        entry(mlp(gram, "erf", [replace(spread, weight_rate=MP.mpf(d)), replace(spread, weight_rate=MP.mpf(width))])),
    ]
    texts = [sampled.replace("std=", "scale="), sampled, standard]
    found = [at(proved(text), gram) for text in texts]
    for forms, (nngp, ntk) in zip(found, expected, strict=True):
        assert_equal(forms.nngp(), nngp)
        assert_equal(forms.kernel(), ntk)
        assert_equal(forms.nngp(), found[0].nngp())
    multiplier, sampling, plain = (float(forms.kernel()) for forms in found)
    assert multiplier < 0 < sampling
    assert plain < 100 * multiplier


# that these comparisons can fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_a_wrong_factor_is_seen(phi: str) -> None:
    gram = ONE_INPUT["generic"]
    found = at(proved("zoo:mlp", phi=phi, L="3", std_w="7/5", std_b="1/2"), gram).kernel()
    layers = [yang_layer("1.4", "0.5")] * 3 + [yang_layer("1", "1")]
    assert_equal(found, entry(mlp(gram, phi, layers))[1])
    assert differ(found, entry(jacot(gram, phi, 3, "1.4", "0.5"))[1])  # the other parametrization
    for k in range(4):
        for wrong in (replace(layers[k], weight_rate=MP.zero), replace(layers[k], bias_rate=MP.zero)):
            assert differ(found, entry(mlp(gram, phi, [*layers[:k], wrong, *layers[k + 1 :]]))[1])


@pytest.mark.parametrize("phi", ["relu", "erf"])
def test_a_dropped_variance_is_seen(phi: str) -> None:
    """Θ ← 𝒯̇ ⊙ Θ in place of σ_w² 𝒯̇ ⊙ Θ, which is right for σ_w = 1 only."""
    gram = ONE_INPUT["generic"]
    for std_w, same in (("7/5", False), ("1", True)):
        layers = [yang_layer(str(float(Fraction(std_w))), "0.5")] * 2 + [yang_layer("1", "1")]
        theta = gram + 1
        for k in (1, 2):
            h, passed = mlp(gram, phi, layers[:k]).nngp, mlp(gram, phi, [*layers[:k], Layer(MP.one)]).nngp
            theta = dual(DUAL[phi][1], h) * theta + passed + 1
        found = at(proved("zoo:mlp", phi=phi, L="2", std_w=std_w, std_b="1/2"), gram).kernel()
        assert differ(found, theta[0, 1]) is not same
        if same:
            assert_equal(found, theta[0, 1])


@pytest.mark.parametrize("source", ["zoo:mlp", "zoo:resnet", "zoo:cnn1d", "zoo:gcn", "zoo:rnn", "zoo:deq", "zoo:twice"])
def test_a_proof_with_a_dropped_variance_is_seen(source: str) -> None:
    """The other side wrong: one σ_W² left out of the last step of the path sums that has one."""
    constants = {"phi": "erf"} if source == "zoo:twice" else {"phi": "erf", "std_w": "7/5"}
    execution = proved(source, **constants)
    program = execution.form.program
    gram, last = joint("generic", program.inputs[0].parts), len(program.outputs) - 1
    right = at(execution, gram).kernel(last, last)
    sums = dict(execution.sums)
    pair = max(p for p, terms in sums.items() if any(a[0] == "sigma2" for w, _ in terms for a in w))
    sums[pair] = tuple((tuple(a for a in w if a[0] != "sigma2"), ref) for w, ref in sums[pair])
    wrong = at(replace(execution, sums=sums), gram).kernel(last, last)
    assert (wrong == right) is (source == "zoo:twice")  # where σ_W² = 1
