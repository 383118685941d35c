"""One network, three ways to write it: `.tp` text, a Python function that is traced, canonical JSON. One hash."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tpproof as tp
from tests.zoo.proofs import constants
from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.program.canonical import sha256

WORDS = {name: getattr(tp, name) for name in tp.__all__}
"""What `from tpproof import *` brings."""


def pasted(text: str) -> tp.Network:
    """A Python function with `.tp` text as its body, below `from tpproof import *`."""
    names: dict[str, Any] = dict(WORDS)
    exec("def net():\n" + textwrap.indent(text, "    "), names)
    function: Callable[[], None] = names["net"]
    return tp.network(function)


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_has_one_hash_as_text_as_python_and_as_json(name: str, tmp_path: Path) -> None:
    text = tp.load(f"zoo:{name}")
    traced = pasted(zoo.text(name))
    (tmp_path / "net.json").write_bytes(text.to_json())
    assert text.sha256 == traced.sha256 == tp.load(tmp_path / "net.json").sha256


# networks as people write them in Python --------------------------------------------------------------


@tp.network
def rnn(T: int = 3, phi: Any = tp.tanh) -> None:
    xi = tp.input("xi", T)
    U, W, b, v = tp.embedding("U"), tp.matrix("W"), tp.bias("b"), tp.readout("v")
    h = None
    for part in xi:
        g = U @ part + b
        h = phi(g if h is None else W @ h + g)
    tp.output(v @ h)


@tp.network
def lstm(T: int = 2) -> None:
    xi, v = tp.input("xi", T), tp.readout("v")
    U = {k: tp.embedding(f"U{k}") for k in "ifgo"}
    W = {k: tp.matrix(f"W{k}") for k in "ifgo"}
    b = {k: tp.bias(f"b{k}") for k in "ifgo"}
    h = c = None
    for t in range(T):
        a = {k: U[k] @ xi[t] + b[k] for k in "ifgo"}
        if h is not None:
            a = {k: W[k] @ h + a[k] for k in "ifgo"}
        new = tp.sigmoid(a["i"]) * tp.tanh(a["g"])
        c = new if c is None else tp.sigmoid(a["f"]) * c + new
        h = tp.sigmoid(a["o"]) * tp.tanh(c)
    tp.output(v @ h)


@tp.network
def gru_torch(T: int = 2) -> None:
    xi, v = tp.input("xi", T), tp.readout("v")
    U = [tp.embedding(f"U{k}") for k in "rzn"]
    W = [tp.matrix(f"W{k}") for k in "rzn"]
    b = [tp.bias(f"b{k}") for k in "rzn"]
    c = tp.bias("c")
    x = [u @ xi[0] + offset for u, offset in zip(U, b, strict=True)]
    z, n = tp.sigmoid(x[1]), tp.sigmoid(x[0]) * c + x[2]
    h = (tp.ones() - z) * tp.tanh(n)
    for t in range(1, T):
        x = [u @ xi[t] + offset for u, offset in zip(U, b, strict=True)]
        r, z = tp.sigmoid(W[0] @ h + x[0]), tp.sigmoid(W[1] @ h + x[1])
        n = tp.tanh(r * (W[2] @ h + c) + x[2])
        h = (tp.ones() - z) * n + z * h
    tp.output(v @ h)


@tp.network
def cnn1d(P: int = 4, taps: int = 3, L: int = 2) -> None:
    """Circular padding, a readout for each position."""
    xi = tp.input("xi", P)
    x: list[Any] = [xi[p] for p in range(P)]
    for layer in range(L):
        kind, name = (tp.embedding, "U") if layer == 0 else (tp.matrix, f"W{layer}")
        W = [kind(f"{name}_{k}", std=1 / tp.sqrt(taps)) for k in range(taps)]
        b = tp.bias(f"b{layer}")
        near = [[x[(p + k - taps // 2) % P] for k in range(taps)] for p in range(P)]
        x = [tp.tanh(tp.sum([w @ y for w, y in zip(W, those, strict=True)]) + b) for those in near]
    tp.output(tp.sum([tp.readout(f"v{p}", scale=1 / tp.sqrt(P)) @ x[p] for p in range(P)]))


@tp.network
def gcn() -> None:
    """On the path 0 - 1 - 2, whose degrees with self-loops are 2, 3, 2."""
    xi, v = tp.input("xi", 3), tp.readout("v")
    neighbours, degree = [(0, 1), (0, 1, 2), (1, 2)], [2, 3, 2]
    b, U = tp.bias("b0"), tp.embedding("U")
    h = [U @ part for part in xi]
    for layer in range(2):
        if layer > 0:
            b, W = tp.bias("b1"), tp.matrix("W1")
            h = [W @ y for y in h]
        h = [tp.tanh(tp.sum([h[q] / tp.sqrt(degree[p] * degree[q]) for q in neighbours[p]]) + b) for p in range(3)]
    for y in h:
        tp.output(v @ y)


@tp.network
def attention(T: int = 3) -> None:
    """One head, queries and keys tied."""
    xi, U, v = tp.input("xi", T), tp.embedding("U"), tp.readout("v")
    x = [tp.tanh(U @ part) for part in xi]
    Q, V = tp.matrix("Q0"), tp.matrix("V0")
    queries, values = [Q @ y for y in x], [V @ y for y in x]
    mixed = []
    for q in queries:
        weights = tp.softmax([tp.mean(q * k) for k in queries])
        mixed.append(tp.sum([a * value for a, value in zip(weights, values, strict=True)]))
    tp.output(v @ (tp.sum([tp.tanh(y) for y in mixed]) / T))


@tp.network
def layernorm(L: int = 2, eps: float = 1e-5) -> None:
    def normalized(h: Any, layer: int) -> Any:
        gain = tp.ones() + tp.bias(f"gain{layer}", std=0)
        centred = h - tp.mean(h) * tp.ones()
        return gain * centred / tp.sqrt(tp.mean(centred * centred) + eps) + tp.bias(f"beta{layer}", std=0)

    xi, U, v = tp.input("xi"), tp.embedding("U"), tp.readout("v")
    x = tp.tanh(normalized(U @ xi, 0))
    for layer in range(1, L):
        x = tp.tanh(normalized(tp.matrix(f"W{layer - 1}") @ x, layer))
    tp.output(v @ x)


@tp.network
def tied_autoencoder(code: float = 1 / 2) -> None:
    xi, U, v = tp.input("xi"), tp.embedding("U"), tp.readout("v")
    x = tp.tanh(U @ xi)
    W = tp.matrix("W0", rows=code)
    x = tp.tanh(W @ x + tp.bias("b0", rows=code))
    tp.output(v @ tp.tanh(W.T @ x + tp.bias("c0")))


BY_HAND = [rnn, lstm, gru_torch, cnn1d, gcn, attention, layernorm, tied_autoencoder]


@pytest.mark.parametrize("traced", BY_HAND, ids=lambda network: network.name)
def test_a_network_written_in_python_is_the_one_of_the_zoo(traced: tp.Network) -> None:
    assert traced.sha256 == tp.load(f"zoo:{traced.name}").sha256


def test_constants_reach_python_and_text_alike() -> None:
    assert rnn(T=5, phi=tp.erf).sha256 == zoo.rnn(T=5, phi=tp.erf).sha256
    assert lstm(T=3).sha256 == zoo.lstm(length=3).sha256
    assert cnn1d(P=5, taps=2, L=3).sha256 == zoo.cnn1d(P=5, taps=2, depth=3).sha256
    assert attention(T=2).sha256 == zoo.attention(T=2).sha256
    assert layernorm(L=3, eps=0.01).sha256 == zoo.layernorm(depth=3, eps=0.01).sha256
    assert layernorm(L=3, eps=1 / 3).sha256 == zoo.layernorm(depth=3, eps=1 / 3).sha256  # 1/3, not 0.3333333333333333


def load(name: str, **constants: str) -> str:
    """The hash of a network of the zoo with other constants, as -D gives them."""
    return tp.load(f"zoo:{name}", constants).sha256


EXACT: list[tuple[Any, str]] = [
    (1 / 3, "1/3"),
    (Fraction(1, 7), "1/7"),
    (tp.sqrt(8), "2*sqrt(2)"),
    (np.float64(0.25), "1/4"),
    (np.int64(3), "3"),
]


@pytest.mark.parametrize(("value", "text"), EXACT, ids=[text for _, text in EXACT])
def test_numbers_of_python_reach_a_text_exactly(value: Any, text: str) -> None:
    assert zoo.mlp(std_w=value).sha256 == load("mlp", std_w=text)


@pytest.mark.parametrize("name", zoo.names())
def test_the_longer_names_of_constants_hide_none(name: str) -> None:
    assert not {"depth", "length"} & set(constants(name))


def test_lists_truth_values_and_texts_of_python_reach_a_text() -> None:
    assert zoo.bottleneck(widths=(1, Fraction(1, 3), 0.25)).sha256 == load("bottleneck", widths="[1, 1/3, 1/4]")
    graph = np.array([[0, 0.5], [0.5, 0]])
    assert zoo.gcn(A=graph).sha256 == load("gcn", A="[[0, 1/2], [1/2, 0]]")
    assert zoo.attention(tied=False).sha256 == load("attention", tied="False")
    assert zoo.rnn(read="every").sha256 == load("rnn", read='"every"')


# what the text language allows works in Python --------------------------------------------------------

HEAD = 'xi = input("xi", 3)\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nx = U @ xi[0]\n'
PHRASES = {
    "an input in a loop": "output(v @ sum([U @ part for part in xi]))",
    "a range up to a sum": "output(v @ sum([tanh(x) for i in range(sum([1, 2]))]))",
    "a range up to a root": "for i in range(sqrt(4)):\n    x = tanh(W @ x)\noutput(v @ x)",
    "an index that is a sum": "output(v @ [x, tanh(x)][sum([1])])",
    "an input at an absolute value": "output(v @ (U @ xi[abs(-2)]))",
    "a list times a sum": "output(v @ sum([x] * sum([1, 1])))",
    "a slice up to a sum": "output(v @ sum([x, x, tanh(x)][:sum([1, 1])]))",
    "roots compared": "output(v @ (tanh(x) if sqrt(2) < 3/2 and sqrt(3) >= sqrt(2) and 2 > sqrt(3) else x))",
    "equal roots": "output(v @ (tanh(x) if sqrt(8) == 2 * sqrt(2) and sqrt(2) != 1 else x))",
    "a root as a condition": "output(v @ (tanh(x) if sqrt(2) else x))",
    "a root among others": "output(v @ (tanh(x) if sqrt(2) in [1, sqrt(2)] and 2 not in [sqrt(2)] else x))",
    "a sum in a name": 'output(readout(f"v{sum([1, 2])}") @ x)',
    "a function in a name": 'phi = tanh\noutput(readout(f"v_{phi}") @ phi(x))',
    "a function compared": "phi = relu\noutput(v @ (tanh(x) if phi == relu and phi in [tanh, relu] else x))",
    "exact fractions": "output(v @ (1/3 * x + 0.3 * tanh(x) + 1e-5 * (W @ x) + 5 // 2 * x))",
    "roots in arithmetic": "output(v @ (1 / sqrt(3) * x + sqrt(2) / 2 * tanh(x) + x / sqrt(5)))",
    "sums from zero": "output(v @ (sum([]) + 0 + x))",
    "lists that grow": "ys = [x]\nzs = ys\nys += [tanh(x)]\noutput(v @ sum(zs))",
    "assertions": "assert 1 in [1, 2], 'no'\noutput(v @ x)",
    "scalars": "s = mean(x * x)\noutput(v @ (exp(s) / (1 + s ** 2) * x + sqrt(s + 1) * ones()))",
    "functions of numbers": "output(v @ (abs(-3) * x + identity(2) * tanh(x)))",
}


@pytest.mark.parametrize("number", ["2**(1/2)", "0.1 * 3", "1e5 / 7e12", "float('nan')", "1/3 + 1e-9"])
def test_what_python_has_rounded_is_refused_not_guessed(number: str) -> None:
    with pytest.raises(TpproofError, match="E125"):
        _ = pasted(HEAD + f"output(v @ (({number}) * x))\n").program


@pytest.mark.parametrize("phrase", PHRASES)
def test_what_a_text_says_python_says(phrase: str) -> None:
    text = HEAD + PHRASES[phrase] + "\n"
    assert pasted(text).sha256 == sha256(parse(text, "n.tp"))
