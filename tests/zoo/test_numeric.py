"""Kernels of the zoo against wide dense networks, at variances and learning rates away from 1."""

from __future__ import annotations

import numpy as np
import pytest

from tests.proof.test_properties import kernels_of
from tests.zoo.proofs import constants, program

WIDTH = 600
SIZES = {"std_u": "6/5", "std_w": "4/5", "std_b": "1/2", "std_v": "5/4", "std_q": "3/2", "std_p": "1/2"}
RATES = {"lr_u": "3/2", "lr_w": "1/2", "lr_b": "2", "lr_v": "3/4", "lr_g": "5/4", "lr_p": "1/3", "lr_q": "7"}
NETWORKS: list[tuple[str, dict[str, str]]] = [
    ("attention", {"T": "2", "heads": "2", "head": "1/2", "tied": "False", "causal": "True"}),
    ("batchnorm", {"eps": "1/10"}),
    ("bottleneck", {"widths": "[1, 1/2, 2]"}),
    ("cnn1d", {"P": "3", "padding": "same", "stride": "2", "taps": "2"}),
    ("cnn2d", {"rows": "2", "columns": "2", "taps": "2", "padding": "same", "pool": "2", "L": "1"}),
    ("cnn_batchnorm", {"B": "1", "eps": "1/10"}),
    ("deq", {"L": "3"}),
    ("gcn", {"A": "[[0, 1, 0], [1, 0, 2], [0, 2, 0]]", "read": "pool"}),
    ("gru", {"form": "torch", "lengths": "[1, 2]"}),
    ("gru", {"form": "yang"}),
    ("layernorm", {"eps": "1/10"}),
    ("lstm", {}),
    ("multi_output", {"shared": "True"}),
    ("rescnn", {"P": "2", "taps": "2"}),
    ("resnet", {"L": "2", "matrices": "2", "skip": "1/2"}),
    ("rmsnorm", {"eps": "1/10"}),
    ("rnn", {"lengths": "[2, 3]"}),
    ("siamese", {}),
    ("stacked_rnn", {"T": "2", "read": "average"}),
    ("tied_autoencoder", {"L": "2"}),
    ("transformer", {"T": "2", "phi": "tanh", "heads": "2", "head": "1/2", "hidden": "2", "eps": "1/10"}),
    ("transformer", {"T": "1", "L": "2", "shared": "True", "phi": "sin", "norm": "post", "eps": "1/10"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "those"), NETWORKS, ids=lambda part: part if isinstance(part, str) else None)
def test_the_kernel_of_the_zoo_is_that_of_wide_dense_networks(name: str, those: dict[str, str]) -> None:
    known = {**SIZES, **RATES}
    away = {key: known[key] for key in known if key in constants(name)}
    for samples, networks in kernels_of(program(name, **those, **away), width=WIDTH):
        limit, found = np.mean(samples), np.mean(networks)
        error = np.hypot(np.std(samples, ddof=1) / len(samples) ** 0.5, np.std(networks, ddof=1) / len(networks) ** 0.5)
        assert abs(found - limit) <= 5 * error + 0.03 * abs(limit), (limit, found, error)  # and a bias of order 1/n
