"""Networks of the zoo that have to be other networks, or kernels that have to be other kernels, at special sizes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.zoo.proofs import certificate, kernel, program
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.program.canonical import sha256
from tpproof.program.model import Program


def text(lines: str) -> str:
    """The hash of a network written out."""
    return sha256(parse(lines, "n.tp"))


def hashed(name: str, **constants: str) -> str:
    return sha256(program(name, **constants))


# special sizes ----------------------------------------------------------------------------------------


def test_a_gcn_on_the_empty_graph_is_an_mlp_at_each_node() -> None:
    mlp = """
xi, v = input("xi", 3), readout("v")
b0, U, b1, W = bias("b0"), embedding("U"), bias("b1"), matrix("W1")
h = [U @ xi[p] for p in range(3)]
x = [tanh(h[p] + b0) for p in range(3)]
h = [W @ x[p] for p in range(3)]
x = [tanh(h[p] + b1) for p in range(3)]
for p in range(3):
    output(v @ x[p])
"""
    assert hashed("gcn", A="[[0, 0, 0], [0, 0, 0], [0, 0, 0]]") == text(mlp)


def test_a_cnn_of_one_position_and_one_tap_is_an_mlp() -> None:
    mlp = """
xi = input("xi", 1)
U, b0, W, b1 = embedding("U_0"), bias("b0"), matrix("W1_0"), bias("b1")
output(readout("v0") @ tanh(W @ tanh(U @ xi[0] + b0) + b1))
"""
    for padding in ("circular", "same", "valid"):
        assert hashed("cnn1d", P="1", taps="1", padding=padding) == text(mlp)


def test_a_normalized_cnn_of_one_position_and_one_tap_is_a_normalized_mlp() -> None:
    for o, p in ((0, 0), (0, 1)):
        cnn = kernel(program("cnn_batchnorm", P="1", taps="1"), o, p)
        assert cnn == kernel(program("batchnorm"), o, p) != 0


def test_a_cnn_with_one_row_is_the_one_over_a_sequence() -> None:
    """Of one tap, in each direction; the names differ, the kernels do not."""
    for read in ("pool", "flatten"):
        one = kernel(program("cnn1d", P="2", taps="1", read=read))
        assert one == kernel(program("cnn2d", rows="1", columns="2", taps="1", read=read))


def test_positions_of_a_convolution_with_one_tap_do_not_mix() -> None:
    """ξ_p and ξ_q (p ≠ q) meet only where positions share a readout: in a pooled mean, not in a flattened image."""
    pooled, flat = (kernel(program("cnn1d", P="2", taps="1", L="1", read=read)) for read in ("pool", "flatten"))
    assert "ξ0~ᵀξ1/d" in names(pooled) and "ξ0~ᵀξ1/d" not in names(flat)
    assert {"ξ0~ᵀξ0/d", "ξ1~ᵀξ1/d"} <= names(flat)


def names(expression: Any) -> set[str]:
    return {symbol.name for symbol in expression.free_symbols}


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "stacked_rnn"])
def test_one_step_has_no_recurrence(name: str) -> None:
    found = program(name, T="1")
    assert all(not found.parameters[node.data[0]].name.startswith("W") for node in found.nodes if node.op == "matmul")
    assert hashed(name, T="1") == hashed(name, T="1", read="every") == hashed(name, T="1", read="average")


def test_a_deq_of_one_iteration_is_an_mlp() -> None:
    one_layer = 'xi = input("xi")\nU, W, b = embedding("U"), matrix("W", std=1/2), bias("b")\n'
    assert hashed("deq", L="1") == text(one_layer + 'output(readout("v") @ tanh(U @ xi + b))\n')


def test_shared_and_untied_weights_differ_where_there_are_two_layers() -> None:
    for name, those in (("transformer", {"T": "1", "norm": "none"}), ("resmlp", {})):
        tied, untied = (program(name, **those, L="2", shared=shared) for shared in ("True", "False"))
        assert len(tied.parameters) < len(untied.parameters)
        assert kernel(tied) != kernel(untied)
        once = [program(name, **those, L="1", shared=shared) for shared in ("True", "False")]
        assert once[0] == once[1]


def test_a_causal_mask_matters_from_two_tokens_on() -> None:
    assert hashed("attention", T="1") == hashed("attention", T="1", causal="True")
    assert hashed("attention", T="2") != hashed("attention", T="2", causal="True")


def test_batch_normalization_over_one_example_sees_nothing() -> None:
    """h - mean = 0: only the bias and the readout are left."""
    assert not any(name.startswith("ξ") for name in names(kernel(program("batchnorm", B="1"))))


# outputs ----------------------------------------------------------------------------------------------


def test_outputs_after_two_lengths_have_the_kernels_of_both_and_one_between() -> None:
    both = program("rnn", lengths="[2, 3]")
    assert kernel(both, 0, 0) == kernel(program("rnn", T="2"))
    assert kernel(both, 1, 1) == kernel(program("rnn", T="3"))
    between = kernel(both, 0, 1)
    assert between != 0
    assert {"ξ1~ᵀξ2/d", "ξ0~ᵀξ1/d"} <= names(between)  # the last with the last, the one before with the one before
    assert not {"ξ0~ᵀξ2/d", "ξ1~ᵀξ1/d", "ξ0~ᵀξ0/d"} & names(between)


def test_the_order_of_lengths_is_the_order_of_outputs() -> None:
    first, second = program("rnn", lengths="[2, 3]"), program("rnn", lengths="[3, 2]")
    assert [out.terms for out in first.outputs] == [out.terms for out in reversed(second.outputs)]


def test_an_average_over_one_length_is_the_average_over_its_states() -> None:
    assert kernel(program("rnn", lengths="[2]", read="average")) == kernel(program("rnn", T="2", read="average"))


def test_the_kernel_of_a_batch_is_one_block_for_each_head() -> None:
    """Outputs e, k of 2 examples and 2 heads, e slowest: heads never mix, and every head has the same kernel."""
    net = program("batch", B="2", m="2", L="1")
    for o in range(4):
        for p in range(4):
            assert (kernel(net, o, p) == 0) == (o % 2 != p % 2)
    for e, f in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert kernel(net, 2 * e, 2 * f) == kernel(net, 2 * e + 1, 2 * f + 1)
        assert f"ξ{e}~ᵀξ{f}/d" in names(kernel(net, 2 * e, 2 * f))


def test_outputs_with_their_own_readouts_do_not_mix_and_with_one_they_do() -> None:
    own, one = program("multi_output", m="3"), program("multi_output", m="3", shared="True")
    for o in range(3):
        for p in range(3):
            assert (kernel(own, o, p) == 0) == (o != p)
            assert kernel(one, o, p) != 0
    assert kernel(own, 0, 0) == kernel(own, 2, 2)


def test_twice_has_four_times_the_kernel() -> None:
    once = parse(
        'phi = tanh\nxi = input("xi")\nU, W = embedding("U"), matrix("W")\n'
        'x = phi(U @ xi)\ny = 2 * x\noutput(readout("v") @ (W @ y))\n', "n.tp",
    )  # fmt: skip
    assert kernel(once) == kernel(program("twice"))


# graphs -----------------------------------------------------------------------------------------------


def weights(net: Program) -> list[str]:
    """The constants of a network, as text."""
    from tpproof.program import constants

    return sorted({constants.text(node.data[0]) for node in net.nodes if node.op == "const"})


def test_a_gcn_normalises_by_the_degrees_of_a_plus_the_identity() -> None:
    """0 - 1 - 2: degrees 2, 3, 2. With weights 2 and 7: degrees 3, 10, 8."""
    assert weights(program("gcn")) == sorted(["1/2", "(1/6)*sqrt(6)", "1/3"])
    found = of_graph([[0, 2, 0], [2, 0, 7], [0, 7, 0]])
    assert found == sorted({"1/3", "1/10", "1/8", "(1/15)*sqrt(30)", "(7/20)*sqrt(5)"})


def of_graph(matrix: list[list[int]]) -> list[str]:
    """The constants of a gcn on a graph."""
    return weights(program("gcn", A=str(matrix)))


def test_a_loop_adds_to_the_identity_and_an_isolated_node_stands_alone() -> None:
    assert of_graph([[1, 0], [0, 0]]) == []  # (1 + 1)/(1 + 1) and 1/1
    assert of_graph([[1, 1], [1, 0]]) == sorted(["2/3", "(1/6)*sqrt(6)", "1/2"])
    lonely = program("gcn", A="[[0, 1, 0], [1, 0, 0], [0, 0, 0]]", L="1")
    assert names(kernel(lonely, 2, 2)) & {"ξ2~ᵀξ2/d"} and not names(kernel(lonely, 2, 2)) & {"ξ0~ᵀξ0/d", "ξ1~ᵀξ1/d"}


REFUSED = [
    ("[[0, 1], [0, 0]]", "symmetric"),
    ("[[0, 0], [1/2, 0]]", "symmetric"),
    ("[[0, -1], [-1, 0]]", "negative"),
    ("[[-1]]", "negative"),
    ("[[0, 1, 0], [1, 0, 1]]", "columns"),
    ("[[0, 1], [1]]", "columns"),
]


@pytest.mark.parametrize(("matrix", "phrase"), REFUSED)
def test_graphs_without_a_normalisation_are_refused(matrix: str, phrase: str) -> None:
    with pytest.raises(TpproofError) as caught:
        load("zoo:gcn", {"A": matrix})
    assert caught.value.code == "E107"
    assert phrase in caught.value.report()


@pytest.mark.parametrize("matrix", ["[]", "[[]]", "0", "[0]", "[[tanh]]", "[['1']]"])
def test_what_is_no_matrix_is_an_error_of_ours(matrix: str) -> None:
    with pytest.raises(TpproofError):
        load("zoo:gcn", {"A": matrix})


def test_a_graph_that_is_too_large_says_so(tmp_path: Any) -> None:
    (tmp_path / "g.edges").write_text("0 1000\n")
    with pytest.raises(TpproofError, match="E104"):
        load("zoo:gcn", {"A": f"@{tmp_path / 'g.edges'}"})


def test_relabelled_nodes_have_relabelled_kernels() -> None:
    """The star with centre 1 and the star with centre 0: the kernel at the centre reads the same inputs."""
    one = certificate(program("gcn", A="[[0, 1, 0], [1, 0, 1], [0, 1, 0]]", L="1"))
    other = certificate(program("gcn", A="[[0, 1, 1], [1, 0, 0], [1, 0, 0]]", L="1"))
    assert len(one.steps) == len(other.steps)
    assert one.evidence["path_pairs"] == other.evidence["path_pairs"]
