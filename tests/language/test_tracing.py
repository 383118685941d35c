"""Networks as Python functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tpproof as tp
from tpproof.errors import TpproofError


@tp.network
def mlp(L: int = 3, phi: Any = tp.tanh, std_w: Any = 1, std_b: Any = 1) -> None:
    """The zoo's mlp, pasted."""
    xi = tp.input("xi")
    U = tp.embedding("U", std=std_w)
    v = tp.readout("v")
    x = phi(U @ xi + tp.bias("b0", std=std_b))
    for layer in range(1, L):
        W = tp.matrix(f"W{layer}", std=std_w)
        b = tp.bias(f"b{layer}", std=std_b)
        x = phi(W @ x + b)
    tp.output(v @ x + tp.output_bias("c"))


@tp.network
def densenet(L: int = 3) -> None:
    xi, U, v = tp.input("xi"), tp.embedding("U"), tp.readout("v")
    x = [tp.tanh(U @ xi)]
    for layer in range(1, L + 1):
        x += [tp.tanh(tp.sum([tp.matrix(f"W{layer}_{k}") @ x[k] for k in range(layer)]))]
    tp.output(v @ x[L])


@pytest.mark.parametrize(("traced", "name"), [(mlp, "mlp"), (densenet, "densenet")])
def test_text_tracing_and_json_have_one_hash(traced: tp.Network, name: str, tmp_path: Any) -> None:
    (tmp_path / "n.json").write_bytes(traced.to_json())
    assert traced.sha256 == tp.load(f"zoo:{name}").sha256 == tp.load(tmp_path / "n.json").sha256
    assert traced(L=5).sha256 == getattr(tp.zoo, name)(depth=5).sha256 != traced.sha256


def test_places_are_lines_of_the_users_code() -> None:
    place = mlp.program.place(0)
    assert place is not None
    assert place.file.endswith("test_tracing.py")
    assert "phi(U @ xi" in place.text


def test_a_declaration_outside_of_a_network_is_an_error() -> None:
    with pytest.raises(TpproofError, match="outside"):
        tp.bias("b")


def test_values_of_two_networks_do_not_mix() -> None:
    kept: list[Any] = []

    @tp.network
    def first() -> None:
        kept.append(tp.bias("b"))
        tp.output(tp.readout("v") @ kept[0])

    @tp.network
    def second() -> None:
        tp.output(tp.readout("v") @ (kept[0] + tp.bias("b")))

    assert first.program.outputs
    with pytest.raises(TpproofError, match="two different networks"):
        _ = second.program


FLOATS = [(1 / 3, "1/3"), (0.1, "1/10"), (1e-5, "1/100000"), (np.float64(0.25), "1/4")]


@pytest.mark.parametrize(("value", "exact"), FLOATS)
def test_floats_are_the_fraction_that_was_meant(value: Any, exact: str) -> None:
    @tp.network
    def one() -> None:
        tp.output(tp.readout("v") @ tp.bias("b", std=value))

    assert str(one.program.parameters[1].std) == exact


def wrong(body: Any) -> str:
    @tp.network
    def net() -> None:
        tp.output(tp.readout("v") @ body(tp.embedding("U") @ tp.input("xi")))

    with pytest.raises(TpproofError) as caught:
        _ = net.program
    return caught.value.code


def test_what_cannot_be_meant_is_refused() -> None:
    assert wrong(lambda x: math.pi * x) == "E125"
    assert wrong(lambda x: float("nan") * x) == "E125"
    assert wrong(lambda x: x if x else -x) == "E102"
    assert wrong(lambda x: np.ones(3) * x) == "E120"
    assert wrong(lambda x: x @ x) == "E121"
    assert wrong(lambda x: tp.tanh(x, x)) == "E123"


def test_the_star_import_pastes_a_text() -> None:
    names: dict[str, Any] = {}
    for name in tp.__all__:
        names[name] = getattr(tp, name)
    assert {"input", "sum", "abs", "tanh", "output"} <= set(names)
    assert str(names["sum"]([1, 2])) == "3"


def test_a_network_that_is_called_keeps_earlier_constants() -> None:
    assert mlp(L=2)(std_w=2).sha256 == mlp(L=2, std_w=2).sha256
    assert mlp.__doc__ == "The zoo's mlp, pasted."
