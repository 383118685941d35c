"""Small networks that many tests share, built without the language."""

from __future__ import annotations

from tpproof.program.builder import Builder
from tpproof.program.constants import ONE, ZERO
from tpproof.program.model import Program


def two_hidden_layers(train_input: bool = True, train_readout: bool = True) -> Program:
    """vᵀφ(W φ(U ξ)), φ abstract (§3.2)."""
    b = Builder()
    phi, xi = b.nonlinearity("phi"), b.input("xi")
    u = b.parameter("embedding", "U", lr=ONE if train_input else ZERO)
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v", lr=ONE if train_readout else ZERO)
    z = b.call(phi, b.embed(u, xi))
    b.output([(v, b.call(phi, b.matmul(w, False, z)))])
    return b.program("mlp2")


def residual(depth: int, shared: bool = False) -> Program:
    """x ← x + W_l tanh(x)."""
    b = Builder()
    x = b.embed(b.parameter("embedding", "U"), b.input("xi"))
    v = b.parameter("readout", "v")
    w = b.parameter("matrix", "W") if shared else -1
    for layer in range(depth):
        matrix = w if shared else b.parameter("matrix", f"W{layer}")
        x = b.add(x, b.matmul(matrix, False, b.call("tanh", x)))
    b.output([(v, x)])
    return b.program("residual")


def recurrent(steps: int, every: bool = False) -> Program:
    """h_t = tanh(W h_{t−1} + U ξ_t + b) (Figure 1)."""
    b = Builder()
    xi = b.input("xi", steps)
    u, w, c, v = (b.parameter(k, n) for k, n in zip(
        ("embedding", "matrix", "bias", "readout"), ("U", "W", "b", "v"), strict=True))  # fmt: skip
    h = b.call("tanh", b.add(b.embed(u, xi, 0), b.bias(c)))
    for t in range(1, steps):
        if every:
            b.output([(v, h)])
        h = b.call("tanh", b.add(b.matmul(w, False, h), b.embed(u, xi, t), b.bias(c)))
    b.output([(v, h)])
    return b.program("recurrent")


def tied() -> Program:
    """vᵀ W tanh(Wᵀ tanh(U ξ)): MATH §7's counterexample to D.4.2."""
    b = Builder()
    u, w, v = b.parameter("embedding", "U"), b.parameter("matrix", "W"), b.parameter("readout", "v")
    first = b.call("tanh", b.embed(u, b.input("xi")))
    b.output([(v, b.matmul(w, False, b.call("tanh", b.matmul(w, True, first))))])
    return b.program("tied")


def parallel_transposes() -> Program:
    """W on one branch, Wᵀ on another: they never meet."""
    b = Builder()
    u, w, v = b.parameter("embedding", "U"), b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.call("tanh", b.embed(u, b.input("xi")))
    b.output([(v, b.add(b.call("tanh", b.matmul(w, False, x)), b.call("tanh", b.matmul(w, True, x))))])
    return b.program("parallel")
