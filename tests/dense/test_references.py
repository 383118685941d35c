"""The zoo's texts are the networks that their names mean: same weights, same outputs as PyTorch's own layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.dense.interpreter import FUNCTIONS, Dense
from tests.dense.references import REFERENCES
from tests.dense.zoo import ARCHITECTURES, away_from_1, constants, program
from tests.test_architecture import imports_of
from tpproof import zoo
from tpproof.program.functions import FUNCTIONS as KNOWN

D, WIDTH = 5, 8
SQUARE_GRAPH = [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("attention", {}),
    ("attention", {"tied": False, "heads": 2, "T": 4, "phi": "relu"}),
    ("attention", {"causal": True, "heads": 2, "head": "1/2"}),
    ("batch", {}),
    ("batch", {"B": 3, "m": 2, "L": 3, "phi": "relu"}),
    ("batchnorm", {}),
    ("batchnorm", {"B": 4, "L": 2, "eps": 0.1, "phi": "relu"}),
    ("bottleneck", {}),
    ("bottleneck", {"widths": [2, 1, 3, 1], "phi": "relu"}),
    *[("cnn1d", {"padding": padding, "stride": stride, "P": 9})
      for padding in ("circular", "same", "valid") for stride in (1, 2)],
    ("cnn1d", {"pool": 2, "P": 12, "read": "pool", "padding": "same", "phi": "relu"}),
    ("cnn1d", {"taps": 5, "L": 3, "P": 7}),
    *[("cnn2d", {"padding": padding, "stride": stride, "rows": 7, "columns": 9, "read": read})
      for padding in ("circular", "same", "valid") for stride, read in ((1, "pool"), (2, "flatten"))],
    ("cnn2d", {"pool": 2, "rows": 6, "columns": 9, "L": 1, "read": "flatten"}),
    *[("cnn_batchnorm", {"taps": taps, "B": 3, "P": 4, "L": 2, "eps": 0.1}) for taps in (2, 3)],
    ("cnn_batchnorm", {"phi": "relu"}),
    ("cnn2d", {"taps": 5, "L": 1, "rows": 6, "columns": 5, "phi": "relu"}),
    ("densenet", {}),
    ("densenet", {"L": 4, "phi": "relu"}),
    ("deq", {}),
    ("deq", {"L": 6, "phi": "relu"}),
    ("gcn", {}),
    ("gcn", {"A": SQUARE_GRAPH, "read": "pool", "L": 3, "phi": "relu"}),
    *[("gru", {"T": 3, "form": form, "read": read})
      for form in ("yang", "torch") for read in ("last", "every", "average")],
    *[("gru", {"form": form, "phi": "relu", "gate": "erf", "lengths": [1, 3], "read": "average"})
      for form in ("yang", "torch")],
    ("layernorm", {}),
    ("layernorm", {"L": 3, "eps": 0.1, "phi": "relu"}),
    *[("lstm", {"T": 4, "read": read}) for read in ("last", "every", "average")],
    ("lstm", {"phi": "relu", "gate": "erf", "lengths": [2, 4]}),
    ("mlp", {}),
    ("mlp", {"L": 4, "phi": "relu"}),
    ("mlp1", {}),
    ("mlp1", {"lr_v": 1, "phi": "relu"}),
    ("mlp2", {}),
    ("mlp2", {"lr_v": 1, "phi": "relu"}),
    ("multi_output", {}),
    ("multi_output", {"shared": True, "m": 3, "L": 3, "phi": "relu"}),
    *[("rescnn", {"form": form, "P": 5, "L": 3, "phi": "relu"}) for form in ("pre", "post")],
    ("rescnn", {"taps": 5, "P": 6, "read": "flatten"}),
    ("resmlp", {}),
    ("resmlp", {"shared": True}),
    ("resmlp", {"L": 5, "phi": "relu"}),
    *[("resnet", {"form": form, "matrices": matrices, "L": 2, "phi": "relu"})
      for form in ("pre", "post") for matrices in (1, 2)],
    ("rmsnorm", {}),
    ("rmsnorm", {"L": 3, "eps": 0.1, "phi": "relu"}),
    *[("rnn", {"T": 4, "read": read}) for read in ("last", "every", "average")],
    ("rnn", {"lengths": [2, 5], "phi": "relu"}),
    ("siamese", {}),
    ("siamese", {"L": 3, "phi": "relu"}),
    ("square", {}),
    ("stacked_rnn", {}),
    *[("stacked_rnn", {"L": 3, "T": 5, "phi": "relu", "read": read}) for read in ("every", "average")],
    ("stacked_rnn", {"lengths": [2, 3]}),
    ("tied", {}),
    ("tied", {"phi": "relu"}),
    ("tied_autoencoder", {}),
    ("tied_autoencoder", {"L": 2, "code": 2, "phi": "relu"}),
    *[("transformer", {"norm": norm, "heads": 2, "causal": causal, "read": read, "tied": tied})
      for norm, causal, read, tied in (("pre", False, "mean", True), ("post", True, "every", False),
                                       ("pre", True, "every", False))],
    ("transformer", {"shared": True, "L": 3, "T": 4, "eps": 0.1, "phi": "relu"}),
    ("transformer", {"L": 2, "norm": "post", "T": 2}),
    ("transformer", {"norm": "none", "heads": 2, "head": "1/2", "hidden": 2, "tied": False}),
    ("twice", {}),
    ("twice", {"phi": "relu"}),
]  # fmt: skip
NOT_HERE = {"logits"}  # "1/sqrt(n)" is refused


def case_name(case: object) -> str:
    return "-".join(map(str, [case[0], *case[1].values()])) if isinstance(case, tuple) else str(case)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_the_text_is_the_network_that_its_name_means(case: tuple[str, dict[str, Any]]) -> None:
    name, changes = case
    ours = program(name, {**away_from_1(name), **changes})
    known = constants(name, {**away_from_1(name), **changes})
    if "nonlinearity" in str(known.get("phi")):
        known["phi"] = "tanh"
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(i.parts, D, generator=generator) for i in ours.inputs]
    dense = Dense(ours, WIDTH, D)
    entries = {key: e + 0.1 for key, e in dense.draw(1, seed=2).items()}  # gains and biases that start at 0 move away
    outputs = dense.outputs(entries, inputs)[0]
    weights = {key: tensor[0] for key, tensor in dense.weights(entries).items()}
    expected = REFERENCES[name](known, weights, torch.cat(inputs))
    assert outputs.shape == expected.shape and outputs.abs().min() > 0
    torch.testing.assert_close(outputs, expected, rtol=1e-10, atol=1e-12)


def test_every_architecture_and_every_option_is_compared() -> None:
    assert set(ARCHITECTURES) == set(REFERENCES) == {name for name, _ in CASES}
    for name in ARCHITECTURES:
        changed = {key for other, changes in CASES if other == name for key in changes}
        options = {key for key in constants(name) if not key.startswith(("std_", "lr_")) and key not in NOT_HERE}
        assert options <= changed | {"skip"}, name  # skip: away_from_1


def test_variants_are_options_that_are_compared() -> None:
    for base, changed in zoo.VARIANTS.values():
        assert set(changed) <= {key for name, changes in CASES if name == base for key in changes} | NOT_HERE


def test_another_network_is_told_apart() -> None:
    """The GRU's two forms, a convolution and a correlation, pre- and post-norm differ."""
    for name, mine, other in [
        ("gru", {"form": "yang"}, None),
        ("cnn1d", {"P": 5}, "flipped"),
        ("transformer", {"norm": "pre"}, {"norm": "post"}),
        ("lstm", {}, "gates"),
        ("attention", {"causal": True}, {"causal": False}),
    ]:
        ours = program(name, mine)
        dense = Dense(ours, WIDTH, D)
        generator = torch.Generator().manual_seed(1)
        inputs = [torch.randn(i.parts, D, generator=generator) for i in ours.inputs]
        entries = dense.draw(1, seed=2)
        weights = {key: tensor[0] for key, tensor in dense.weights(entries).items()}
        known = constants(name, mine)
        if name == "gru":
            known, weights = {**known, "form": "torch"}, {**weights, "c": torch.zeros(WIDTH)}
        if other == "flipped":
            weights.update({f"U_{k}": weights[f"U_{2 - k}"] for k in (0, 2)} | {"U_2": weights["U_0"]})
        if other == "gates":
            weights.update({"Wi": weights["Wf"], "Wf": weights["Wi"]})
        if isinstance(other, dict):
            known.update(other)
        outputs, expected = dense.outputs(entries, inputs)[0], REFERENCES[name](known, weights, torch.cat(inputs))
        assert (outputs - expected).abs().max() > 1e-4, name


def test_dense_networks_know_nothing_of_the_calculus() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        for module in imports_of(path.read_text(), ["tests", "dense"]):
            assert not module.startswith(tuple(f"tpproof.{room}." for room in ("limit", "paths", "proof", "numerics")))


def test_every_known_function_has_pytorchs_own() -> None:
    assert set(KNOWN) == set(FUNCTIONS) | {"step"}  # step has no gradient to train by
