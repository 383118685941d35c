"""Hypothesis strategies for networks made of the blocks that people use, put together at random.

A signal is a list of vectors: positions, tokens, time steps, nodes of a graph or examples of a batch, as each block
likes to see it. Every composition is within the theorem's assumptions: functions are smooth and denominators
positive. Matrices may be shared between blocks, and used transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import event, note
from hypothesis import strategies as st

import tpproof as tp
from tests.strategies import KNOWN, RATES, SIZES
from tpproof.language.tracing import building
from tpproof.language.values import number
from tpproof.language.write import write
from tpproof.limits import DEFAULT
from tpproof.program.builder import Builder
from tpproof.program.model import Program

Vector = Any
Signal = list[Vector]
EPS = 1 / 10


class Composition:
    """A network under construction: the signal so far, earlier ones, and the matrices that may be shared."""

    def __init__(self, draw: st.DrawFn, transposes: bool, known: Sequence[str], abstract: bool) -> None:
        self.draw, self.transposes = draw, transposes
        self.made = 0
        self.matrices: list[Any] = []
        self.functions = [getattr(tp, name) for name in known]
        if abstract and draw(st.booleans()):
            self.functions += [tp.nonlinearity("phi")] * 2
        xi = tp.input("xi", draw(st.integers(1, 4)))
        U = tp.embedding("U", **self.sizes())
        self.signal: Signal = [U @ part for part in xi]
        self.earlier: list[Signal] = [self.signal]

    # parts ------------------------------------------------------------------------------------------------

    def sizes(self) -> dict[str, Any]:
        """std, scale and lr of a parameter."""
        numbers = [self.draw(st.sampled_from(choices)) for choices in (SIZES, SIZES, RATES)]
        return dict(zip(("std", "scale", "lr"), map(number, numbers), strict=True))

    def name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made}"

    def matrix(self) -> Any:
        """A new matrix, or one that another block has, now and then transposed."""
        if self.matrices and self.draw(st.sampled_from([False, False, True])):
            found = self.draw(st.sampled_from(self.matrices))
            return found.T if self.transposes and self.draw(st.booleans()) else found
        self.matrices.append(tp.matrix(self.name("W"), **self.sizes()))
        return self.matrices[-1]

    def bias(self) -> Vector:
        return tp.bias(self.name("b"), **self.sizes())

    def gain(self) -> Vector:
        return tp.ones() + tp.bias(self.name("gain"), std=0)

    def phi(self) -> Any:
        return self.draw(st.sampled_from(self.functions))

    # blocks -----------------------------------------------------------------------------------------------

    def dense(self, x: Signal) -> Signal:
        W, b, phi = self.matrix(), self.bias(), self.phi()
        return [phi(W @ y + b) for y in x]

    def residual_pre(self, x: Signal) -> Signal:
        W, phi, skip = self.matrix(), self.phi(), number(self.draw(st.sampled_from(SIZES)))
        return [y + skip * (W @ phi(y)) for y in x]

    def residual_post(self, x: Signal) -> Signal:
        W, b, phi = self.matrix(), self.bias(), self.phi()
        return [phi(y + W @ y + b) for y in x]

    def gated(self, x: Signal) -> Signal:
        W, V, phi = self.matrix(), self.matrix(), self.phi()
        return [tp.sigmoid(W @ y) * phi(V @ y) for y in x]

    def rnn(self, x: Signal) -> Signal:
        V, W, b, phi = self.matrix(), self.matrix(), self.bias(), self.phi()
        h = [phi(V @ x[0] + b)]
        for y in x[1:3]:
            h.append(phi(W @ h[-1] + V @ y + b))
        return h

    def lstm(self, x: Signal) -> Signal:
        V, W = [self.matrix() for _ in range(4)], [self.matrix() for _ in range(4)]
        b, phi = [self.bias() for _ in range(4)], self.phi()
        h: Signal = []
        c: Vector = None
        for y in x[:2]:
            a = [V[k] @ y + b[k] for k in range(4)]
            if h:
                a = [W[k] @ h[-1] + a[k] for k in range(4)]
            new = tp.sigmoid(a[0]) * phi(a[2])
            c = tp.sigmoid(a[1]) * c + new if h else new
            h.append(tp.sigmoid(a[3]) * phi(c))
        return h

    def gru(self, x: Signal) -> Signal:
        V, W = [self.matrix() for _ in range(3)], [self.matrix() for _ in range(3)]
        phi, torch = self.phi(), self.draw(st.booleans())
        h = [(tp.ones() - tp.sigmoid(V[1] @ x[0])) * phi(V[2] @ x[0])]
        for y in x[1:3]:
            r, z = (tp.sigmoid(W[k] @ h[-1] + V[k] @ y) for k in (0, 1))
            n = r * (W[2] @ h[-1]) if torch else W[2] @ (r * h[-1])
            h.append((tp.ones() - z) * phi(n + V[2] @ y) + z * h[-1])
        return h

    def convolution(self, x: Signal) -> Signal:
        taps, stride = self.draw(st.integers(1, 3)), self.draw(st.integers(1, 2))
        padding = self.draw(st.sampled_from(["circular", "same", *(["valid"] if taps <= len(x) else [])]))
        W, b, phi = [self.matrix() for _ in range(taps)], self.bias(), self.phi()
        centre = 0 if padding == "valid" else taps // 2
        y = []
        for p in range(0, len(x) - taps + 1 if padding == "valid" else len(x), stride):
            at = [p + k - centre for k in range(taps)]
            if padding == "circular":
                at = [q % len(x) for q in at]
            y.append(phi(tp.sum([W[k] @ x[q] for k, q in enumerate(at) if 0 <= q < len(x)]) + b))
        return y

    def pool(self, x: Signal) -> Signal:
        size = self.draw(st.integers(1, len(x)))
        return [tp.sum(x[p : p + size]) / size for p in range(0, len(x) - size + 1, size)]

    def graph(self, x: Signal) -> Signal:
        nodes = range(len(x))
        edges = {(i, j): self.draw(st.sampled_from([0, 1, 1, 2])) for i in nodes for j in range(i)}
        A = [[1 if p == q else edges[max(p, q), min(p, q)] for q in nodes] for p in nodes]
        W, b, phi = self.matrix(), self.bias(), self.phi()
        h = [W @ y for y in x]
        norm = [[A[p][q] / tp.sqrt(sum(A[p]) * sum(A[q])) for q in nodes] for p in nodes]
        return [phi(tp.sum([norm[p][q] * h[q] for q in nodes if A[p][q]]) + b) for p in nodes]

    def layernorm(self, x: Signal) -> Signal:
        gain, beta = self.gain(), self.bias()
        c = [y - tp.mean(y) * tp.ones() for y in x]
        return [gain * y / tp.sqrt(tp.mean(y * y) + EPS) + beta for y in c]

    def rmsnorm(self, x: Signal) -> Signal:
        gain = self.gain()
        return [gain * y / tp.sqrt(tp.mean(y * y) + EPS) for y in x]

    def batchnorm(self, x: Signal) -> Signal:
        gain, beta = self.gain(), self.bias()
        middle = tp.sum(x) / len(x)
        c = [y - middle for y in x]
        s = tp.sqrt(tp.sum([y * y for y in c]) / len(x) + EPS * tp.ones())
        return [gain * y / s + beta for y in c]

    def attention(self, x: Signal) -> Signal:
        x = x[:3]
        Q, V, causal = self.matrix(), self.matrix(), self.draw(st.booleans())
        K = Q if self.draw(st.booleans()) else self.matrix()
        queries, keys, values = ([M @ y for y in x] for M in (Q, K, V))
        mixed = []
        for t, q in enumerate(queries):
            seen = range(t + 1 if causal else len(x))
            a = tp.softmax([tp.mean(q * keys[s]) for s in seen])
            mixed.append(tp.sum([a[k] * values[s] for k, s in enumerate(seen)]))
        return [y + z for y, z in zip(x, mixed, strict=True)] if self.draw(st.booleans()) else mixed

    def skip(self, x: Signal) -> Signal:
        """The sum with an earlier signal."""
        other = self.draw(st.sampled_from(self.earlier))
        return [y + other[min(p, len(other) - 1)] for p, y in enumerate(x)]

    def step(self) -> None:
        blocks: list[Callable[[Signal], Signal]] = [
            self.dense, self.residual_pre, self.residual_post, self.gated, self.rnn, self.lstm, self.gru,
            self.convolution, self.pool, self.graph, self.layernorm, self.rmsnorm, self.attention, self.skip,
            *([self.batchnorm] if len(self.signal) > 1 else []),
        ]  # fmt: skip
        block = self.draw(st.sampled_from(blocks))
        event(block.__name__)
        self.earlier.append(self.signal)
        self.signal = block(self.signal)

    # outputs ----------------------------------------------------------------------------------------------

    def readout(self) -> Any:
        return tp.readout(self.name("v"), **self.sizes())

    def read(self) -> None:
        phi, x = self.phi(), self.signal
        if self.draw(st.booleans()):
            x = [phi(y) for y in x]
        match self.draw(st.sampled_from(["last", "every", "mean", "flatten"])):
            case "last":
                tp.output(self.readout() @ x[-1] + tp.output_bias(self.name("c")))
            case "every":
                v = self.readout()
                for y in x[:2]:
                    tp.output(v @ y)
            case "mean":
                tp.output(self.readout() @ (tp.sum(x) / len(x)))
            case _:
                tp.output(tp.sum([self.readout() @ y for y in x]))


@st.composite
def compositions(
    draw: st.DrawFn,
    transposes: bool = True,
    max_blocks: int = 3,
    known: Sequence[str] = KNOWN,
    abstract: bool = True,
) -> Program:
    """Networks of one to `max_blocks` blocks above an embedding."""
    with building(Builder(DEFAULT)) as builder:
        composition = Composition(draw, transposes, known, abstract)
        for _ in range(draw(st.integers(1, max_blocks))):
            composition.step()
        composition.read()
        program = builder.program()
    note(write(program))
    return program
