"""The zoo's networks, small, with every spread and multiplier away from 1, and their limits as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.dense import zoo as constants
from tests.dense.widths import Simulated, extrapolated
from tpproof import zoo
from tpproof.numerics.sampling.sample import SampledKernel, gram_matrix, kernel_by_sampling
from tpproof.program.model import Program
from tpproof.proof.prove import Execution, prove

Array = NDArray[np.float64]
D = 5
DRAWS = {32: 800, 64: 800, 128: 200, 256: 400}
"""Width → networks drawn."""
STDS = (Fraction(6, 5), Fraction(4, 5), Fraction(9, 8))
RATES = (Fraction(3, 2), Fraction(2, 3), Fraction(5, 4), Fraction(1, 2))


@dataclass(frozen=True)
class Case:
    """A zoo network at a small size; ``options`` are other constants of its text, ``part`` of the `DRAWS` are drawn."""

    network: str
    options: tuple[tuple[str, Any], ...] = ()
    part: float = 1

    @property
    def architecture(self) -> str:
        return zoo.VARIANTS.get(self.network, (self.network, {}))[0]

    def __str__(self) -> str:
        return "-".join([self.network, *(f"{key}={value}" for key, value in self.options)]).replace(" ", "")

    def program(self) -> Program:
        """The network, with no spread and no learning-rate multiplier at 1."""
        options = {**constants.away_from_1(self.architecture), **dict(self.options)}
        return spread_out(constants.program(self.network, options))

    @property
    def inputs(self) -> Array:
        """``[instance, part, d]``: two generic inputs, all parts different."""
        random = np.random.default_rng(7)
        first, second = random.standard_normal((2, sum(i.parts for i in self.program().inputs), D))
        return np.stack([first, 0.8 * first + 0.6 * second])


def spread_out(program: Program) -> Program:
    """Parameters for whose spread or learning-rate multiplier the text has no constant get one that is not 1, too."""
    parameters = [
        replace(p, std=STDS[i % len(STDS)] if p.std == 1 else p.std, lr=RATES[i % len(RATES)] if p.lr == 1 else p.lr)
        for i, p in enumerate(program.parameters)
    ]
    return replace(program, parameters=tuple(parameters))


def case(network: str, **options: Any) -> Case:
    return Case(network, tuple(options.items()))


CASES = [
    case("attention", T=2),
    case("attention", T=3, causal=True),
    case("attention_untied", T=2),
    case("batch", m=2),
    case("batchnorm", L=2, eps="1/2"),
    case("bottleneck"),
    case("cnn1d", P=3),
    case("cnn1d", P=7, padding="valid", read="pool", taps=2, pool=2),
    case("cnn1d", P=4, padding="same", stride=2),
    case("cnn2d", rows=2, columns=2, taps=2),
    case("cnn_batchnorm", eps="1/2"),
    case("cnn2d_flatten", rows=2, columns=2),
    case("densenet", L=2),
    case("deq", L=3),
    case("gcn"),
    case("gcn_pool"),
    case("gru"),
    case("gru_torch"),
    case("layernorm", eps="1/5"),
    case("lstm"),
    case("lstm", T=3),
    case("mlp", L=2),
    case("mlp", L=2, phi="relu"),
    case("mlp1", lr_v=1),
    case("mlp2"),
    case("multi_output"),
    case("multi_output", shared=True),
    case("rescnn", L=1),
    case("rescnn_post", L=1),
    case("resmlp", L=2),
    case("resnet", L=2, matrices=2),
    case("resnet_post", L=2),
    case("rmsnorm", eps="1/5"),
    case("rnn"),
    case("rnn", T=2, read="every"),
    case("rnn_average", T=2),
    case("rnn_lengths", lengths="[1, 3]"),
    case("siamese"),
    case("square"),
    case("stacked_rnn", T=2),
    case("tied"),
    case("tied_autoencoder"),
    case("tied_autoencoder", L=2),
    replace(case("transformer", T=2, eps="1/5"), part=0.5),
    replace(case("transformer_post", heads=1, eps="1/5"), part=0.4),
    replace(case("universal", eps="1/5"), part=0.5),
    case("twice"),
]


def executed(program: Program) -> Execution:
    execution = prove(program).execution
    assert execution is not None
    return execution


def limit_of(execution: Execution, inputs: Array) -> SampledKernel:
    """The proved kernel as numbers."""
    return kernel_by_sampling(execution, gram_matrix(*inputs), 2**12, 16)


@cache
def simulated(one: Case) -> dict[str, Simulated]:
    """Dense networks of the case, drawn once."""
    draws = {width: int(count * one.part) for width, count in DRAWS.items()}
    return extrapolated(one.program(), draws, one.inputs)


def scores(one: Case, limit: SampledKernel) -> dict[str, Array]:
    """Parameter (or "total") → z-scores of dense networks against a limit, ``[o, p]``."""
    both = {"total": (limit.value, limit.error), **limit.by_parameter}
    return {name: found.scores(*both[name]) for name, found in simulated(one).items()}
