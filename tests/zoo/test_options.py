"""Every constant of every network of the zoo: what it may be, what it changes, what is proved then."""

from __future__ import annotations

import re

import pytest

from tests.zoo.proofs import certificate, constants, kernel, program, verdict
from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.language.source import load

FILES = [name for name in zoo.names() if name not in zoo.VARIANTS]
SMALL = {
    "cnn_batchnorm": {"B": "1", "P": "2"},
    "cnn2d": {"rows": "2", "columns": "2", "taps": "2"},
    "transformer": {"T": "2"},
    "attention": {"T": "2"},
    "gcn": {"A": "[[0, 1], [1, 0]]"},
}
"""Sizes at which a network is proved quickly."""

BY_EXECUTION = ("tied", "tied_autoencoder")
"""W and Wᵀ on one path."""

OPTIONS: dict[str, dict[str, list[str]]] = {
    "attention": {
        "T": ["1", "3"], "heads": ["2", "3"], "head": ["1/2", "2"], "tied": ["False"], "causal": ["True"],
    },
    "batch": {"B": ["1", "3"], "m": ["2", "3"], "L": ["1", "3"]},
    "batchnorm": {"B": ["1", "3"], "L": ["2", "3"], "eps": ["1", "1/10"]},
    "bottleneck": {"widths": ["[1]", "[2, 2]", "[1/3, 1/3, 5, 1/2]"]},
    "cnn1d": {
        "P": ["1", "2", "6"], "L": ["1", "3"], "taps": ["1", "2", "4"], "padding": ["same"],
        "stride": ["2", "3"], "pool": ["2"], "read": ["pool"],
    },
    "cnn2d": {
        "rows": ["3"], "columns": ["1", "3"], "L": ["1"], "taps": ["1", "3"], "padding": ["same"], "stride": ["2"],
        "read": ["flatten"],
    },
    "cnn_batchnorm": {"B": ["2"], "P": ["1", "3"], "L": ["2"], "taps": ["1", "3"], "eps": ["1"]},
    "densenet": {"L": ["0", "1", "5"]},
    "deq": {"L": ["1", "2", "6"]},
    "gcn": {
        "A": ["[[0]]", "[[0, 0], [0, 0]]", "[[0, 1/2, 0], [1/2, 0, 3], [0, 3, 0]]", "[[1, 1], [1, 0]]"],
        "L": ["1", "3"], "read": ["pool"],
    },
    "gru": {
        "T": ["1", "3"], "form": ["torch"], "read": ["every", "average"], "lengths": ["[1, 3]", "[2, 1]"],
        "phi": ["sin"], "gate": ["erf"],
    },
    "layernorm": {"L": ["1", "3"], "eps": ["1", "1/10"]},
    "lstm": {
        "T": ["1", "3"], "read": ["every", "average"], "lengths": ["[1, 3]", "[2, 1]"], "phi": ["sin"], "gate": ["erf"],
    },
    "mlp": {"L": ["1", "2", "6"]},
    "mlp1": {},
    "mlp2": {},
    "multi_output": {"L": ["1", "3"], "m": ["1", "3"], "shared": ["True"]},
    "rescnn": {"P": ["1", "4"], "L": ["0", "1", "3"], "taps": ["1", "2"], "form": ["post"], "read": ["flatten"]},
    "resmlp": {"L": ["0", "1", "6"], "shared": ["True"]},
    "resnet": {"L": ["0", "1", "5"], "form": ["post"], "matrices": ["2", "3"], "skip": ["1/2", "sqrt(2)", "-1"]},
    "rmsnorm": {"L": ["0", "1", "3"], "eps": ["1", "1/10"]},
    "rnn": {"T": ["1", "2", "6"], "read": ["every", "average"], "lengths": ["[1]", "[2, 5]", "[5, 2]", "[3, 3]"]},
    "siamese": {"L": ["1", "3"]},
    "square": {},
    "stacked_rnn": {
        "L": ["1", "3"], "T": ["1", "2"], "read": ["every", "average"], "lengths": ["[1, 3]", "[2, 1]"],
    },
    "tied": {},
    "tied_autoencoder": {"L": ["2"], "code": ["1", "1/3", "2"]},
    "transformer": {
        "T": ["1", "3"], "L": ["0", "2"], "heads": ["2"], "head": ["1/2"], "hidden": ["4"], "tied": ["False"],
        "shared": ["True"], "norm": ["post", "none"], "causal": ["True"], "read": ["every"], "eps": ["1", "1/10"],
    },
    "twice": {},
}  # fmt: skip

LATER = {"attention": ["logits"], "cnn2d": ["pool"]}
"""Those whose other values are not proved at the default sizes; they are below."""

UNUSED = {
    ("batchnorm", "std_w"), ("batchnorm", "lr_w"),  # of the layers after the first
    ("cnn_batchnorm", "std_w"), ("cnn_batchnorm", "lr_w"),
    ("transformer", "shared"),  # of the blocks after the first
}  # fmt: skip
"""Constants that change nothing at the default depth."""


def proved(name: str) -> str:
    return "proved-by-execution" if name in BY_EXECUTION else "proved"


def single_options() -> list[tuple[str, str, str]]:
    cases = [(name, key, value) for name in FILES for key, those in OPTIONS[name].items() for value in those]
    for name in FILES:
        cases += [(name, key, "3/2") for key in constants(name) if key.startswith("std_")]
        cases += [(name, key, "0") for key in constants(name) if key == "std_b"]
        cases += [(name, key, "sqrt(2)") for key in constants(name) if key.startswith("lr_")]
        cases += [(name, "phi", "erf") for key in constants(name) if key == "phi"]
    return cases


@pytest.mark.parametrize(("name", "key", "value"), single_options(), ids=lambda part: part)
def test_every_option_is_proved_and_its_certificate_accepted(name: str, key: str, value: str) -> None:
    assert key in constants(name)
    small = SMALL.get(name, {})
    assert verdict(name, **{**small, key: value}) == proved(name)
    changed = program(name, **{**small, key: value}) != program(name, **small)
    assert changed or (name, key) in UNUSED or value in zoo_default(name, key)


def zoo_default(name: str, key: str) -> str:
    """The line that assigns a constant."""
    return next(line for line in zoo.text(name).splitlines() if re.match(rf"{key} *=", line))


TOGETHER: list[tuple[str, dict[str, str]]] = [
    ("attention", {"T": "2", "heads": "2", "head": "1/2", "tied": "False", "causal": "True", "phi": "erf"}),
    ("batch", {"B": "3", "m": "2", "lr_w": "0"}),
    ("batchnorm", {"B": "3", "L": "2", "std_w": "2", "lr_g": "0"}),
    ("cnn1d", {"P": "7", "padding": "same", "stride": "2", "taps": "2", "read": "pool"}),
    ("cnn1d", {"P": "7", "padding": "valid", "stride": "2", "L": "2", "taps": "2"}),
    ("cnn1d", {"P": "6", "padding": "same", "pool": "2", "read": "flatten", "std_b": "0"}),
    ("cnn2d", {"rows": "4", "columns": "3", "padding": "valid", "taps": "2", "L": "2"}),
    ("cnn2d", {"rows": "4", "columns": "2", "padding": "same", "taps": "2", "pool": "2", "L": "1", "read": "flatten"}),
    ("cnn2d", {"rows": "3", "columns": "3", "padding": "circular", "taps": "2", "stride": "2", "read": "flatten"}),
    ("gru", {"form": "torch", "read": "average", "lengths": "[1, 2]"}),
    ("lstm", {"read": "average", "lengths": "[1, 2]"}),
    ("resnet", {"form": "post", "matrices": "2", "skip": "1/2"}),
    ("rescnn", {"form": "post", "read": "flatten"}),
    ("stacked_rnn", {"L": "3", "read": "average", "lengths": "[1, 2]"}),
    ("transformer", {"T": "2", "heads": "2", "head": "1/2", "tied": "False", "norm": "none", "causal": "True"}),
    ("transformer", {"T": "2", "L": "2", "shared": "True", "norm": "post", "hidden": "2", "read": "every"}),
    ("transformer", {"T": "2", "norm": "none", "phi": "sin"}),
]


@pytest.mark.parametrize(("name", "those"), TOGETHER, ids=str)
def test_options_together_are_proved(name: str, those: dict[str, str]) -> None:
    assert verdict(name, **those) == proved(name)


# what is refused, and what is conditional -------------------------------------------------------------

WITH_PHI = [name for name in FILES if "phi" in constants(name) and name not in ("mlp1", "mlp2")]


@pytest.mark.parametrize("name", WITH_PHI)
def test_a_kink_is_conditional_and_a_jump_is_refused(name: str) -> None:
    small = SMALL.get(name, {})
    assert verdict(name, **small, phi="relu") == "conditional"
    assert verdict(name, **small, phi="step") == "refused"


FUNCTIONS = {
    "proved": ["cos", "softplus", "silu", "identity", "sigmoid"],
    "conditional": ["abs", "leaky_relu"],
    "refused": ["exp", "sqrt"],  # not polynomially bounded; not defined everywhere
}


@pytest.mark.parametrize("name", ["batchnorm", "gcn", "gru", "layernorm", "lstm", "mlp", "transformer"])
@pytest.mark.parametrize("expected", FUNCTIONS)
def test_what_is_proved_depends_on_the_function(name: str, expected: str) -> None:
    for phi in FUNCTIONS[expected]:
        assert verdict(name, **SMALL.get(name, {}), phi=phi) == expected
    if "gate" in constants(name):
        for gate in FUNCTIONS[expected]:
            assert verdict(name, gate=gate) == expected


def test_logits_over_root_n_are_refused_and_the_reason_is_their_randomness() -> None:
    found = certificate(program("attention", logits="1/sqrt(n)"))
    assert found.verdict == "refused"
    assert {entry["reason"] for entry in found.assumptions if entry["status"] == "violated"} == {"diverges"}


@pytest.mark.parametrize("name", ["layernorm", "rmsnorm", "batchnorm", "cnn_batchnorm", "transformer"])
def test_a_norm_without_epsilon_is_refused(name: str) -> None:
    assert verdict(name, **SMALL.get(name, {}), eps="0") == "refused"


WRONG: list[tuple[str, dict[str, str], str, str]] = [
    ("attention", {"logits": "1/d"}, "E107", '"1/n" or "1/sqrt(n)"'),
    ("cnn1d", {"padding": "reflect"}, "E107", '"circular", "same" or "valid"'),
    ("cnn1d", {"read": "mean"}, "E107", '"flatten" or "pool"'),
    ("cnn1d", {"padding": "valid", "P": "2"}, "E107", "a position left"),
    ("cnn1d", {"pool": "5"}, "E107", "a position left"),
    ("cnn2d", {"padding": "Same"}, "E107", '"circular", "same" or "valid"'),
    ("cnn2d", {"read": "mean"}, "E107", '"flatten" or "pool"'),
    ("cnn2d", {"pool": "4"}, "E107", "a position left"),
    ("gcn", {"read": "mean"}, "E107", '"every" or "pool"'),
    ("gru", {"form": "keras"}, "E107", '"yang" or "torch"'),
    ("gru", {"read": "first"}, "E107", '"last", "every" or "average"'),
    ("lstm", {"read": "first"}, "E107", '"last", "every" or "average"'),
    ("rnn", {"read": "first"}, "E107", '"last", "every" or "average"'),
    ("rnn", {"read": "3"}, "E107", '"last", "every" or "average"'),
    ("rnn", {"lengths": "[0, 2]"}, "E107", "at least one step"),
    ("rnn", {"T": "0"}, "E107", "at least one step"),
    ("lstm", {"T": "-1"}, "E107", "at least one step"),
    ("stacked_rnn", {"read": "first"}, "E107", '"last", "every" or "average"'),
    ("rescnn", {"form": "mid"}, "E107", '"pre" or "post"'),
    ("rescnn", {"read": "mean"}, "E107", '"pool" or "flatten"'),
    ("resnet", {"form": "mid"}, "E107", '"pre" or "post"'),
    ("transformer", {"norm": "rms"}, "E107", '"pre", "post" or "none"'),
    ("transformer", {"read": "last"}, "E107", '"mean" or "every"'),
    ("mlp", {"L": "0"}, "E107", "at least one layer"),
    ("cnn1d", {"L": "0"}, "E107", "at least one layer"),
    ("mlp", {"L": "5/2"}, "E123", "integers"),
    ("mlp", {"std_w": "0"}, "E112", "greater than 0"),
    ("mlp", {"std_v": "-1"}, "E112", "greater than 0"),
    ("mlp", {"lr_w": "-1"}, "E112", "at least 0"),
    ("mlp", {"lr_w": "True"}, "E112", "lr"),
    ("bottleneck", {"widths": "[1, sqrt(2)]"}, "E112", "positive fraction"),
    ("bottleneck", {"widths": "[1, 0]"}, "E112", "positive fraction"),
    ("rnn", {"lengths": "[3/2]"}, "E112", "integer"),
    ("cnn1d", {"stride": "0"}, "E123", "range"),
    ("attention", {"heads": "0"}, "E123", "vector"),
    ("mlp", {"train_w": "False"}, "E106", "lr_w"),
]


@pytest.mark.parametrize(("name", "those", "code", "phrase"), WRONG, ids=lambda part: str(part)[:40])
def test_a_wrong_value_is_refused_and_the_right_ones_are_named(
    name: str, those: dict[str, str], code: str, phrase: str
) -> None:
    with pytest.raises(TpproofError) as caught:
        load(f"zoo:{name}", those)
    assert caught.value.code == code, caught.value.report()
    assert phrase in caught.value.report()


# what is trained --------------------------------------------------------------------------------------

TRAINED = {
    "lr_u": "embedding",
    "lr_v": "readout",
    "lr_g": "bias",
    "lr_p": "bias",
}
"""Constants that name a kind; lr_w, lr_q are of matrices (and of a first filter's none), lr_b of biases."""


def rates(name: str, key: str) -> list[str]:
    """The parameters whose learning rate a constant sets, depth 2 so that every layer has some."""
    deep = {"L": "2"} if "L" in constants(name) else {}
    small = {**SMALL.get(name, {}), **deep}
    return [p.name for p in program(name, **small, **{key: "7/5"}).parameters if p.lr == 7 / 5 or str(p.lr) == "7/5"]


@pytest.mark.parametrize("name", FILES)
def test_every_parameter_has_a_learning_rate(name: str) -> None:
    """Each belongs to exactly one lr_… constant, so that anything can be left untrained."""
    deep = {"L": "2"} if "L" in constants(name) else {}
    found = [p for key in constants(name) if key.startswith("lr_") for p in rates(name, key)]
    assert sorted(found) == sorted(p.name for p in program(name, **SMALL.get(name, {}), **deep).parameters)


@pytest.mark.parametrize("name", FILES)
def test_every_parameter_but_those_that_start_at_0_has_a_variance(name: str) -> None:
    deep = {"L": "2"} if "L" in constants(name) else {}
    small = {**SMALL.get(name, {}), **deep}
    plain = program(name, **small).parameters
    for p, at_first in enumerate(plain):
        keys = [
            key for key in constants(name)
            if key.startswith("std_") and program(name, **small, **{key: "7/5"}).parameters[p].std != at_first.std
        ]  # fmt: skip
        starts_at_0 = at_first.std == 0
        assert len(keys) == (0 if starts_at_0 else 1), at_first.name


UNTRAINED = [
    ("mlp", {"L": "2"}, "lr_w"), ("mlp", {"L": "2"}, "lr_b"), ("mlp", {"L": "2"}, "lr_v"), ("mlp", {"L": "2"}, "lr_u"),
    ("rnn", {}, "lr_w"), ("rnn", {}, "lr_b"), ("lstm", {"T": "1"}, "lr_u"), ("cnn1d", {"P": "2"}, "lr_w"),
    ("gcn", {"A": "[[0, 1], [1, 0]]"}, "lr_w"), ("layernorm", {"L": "1"}, "lr_g"), ("batchnorm", {}, "lr_b"),
    ("transformer", {"T": "1"}, "lr_p"), ("tied", {}, "lr_w"), ("tied_autoencoder", {}, "lr_w"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "those", "key"), UNTRAINED, ids=str)
def test_what_is_not_trained_drops_its_terms_and_no_other(name: str, those: dict[str, str], key: str) -> None:
    trained, still = (kernel(program(name, **those, **{key: value})) for value in ("7/5", "0"))
    kappas = {s: 0 for s in trained.free_symbols - still.free_symbols if s.name.startswith("κ")}
    assert kappas
    assert trained.subs(kappas) - still == 0 != still


@pytest.mark.parametrize(("name", "those"), [("attention", {"T": "2"}), ("transformer", {"T": "1", "norm": "none"})])
def test_the_kernel_does_not_know_whether_queries_are_trained(name: str, those: dict[str, str]) -> None:
    """Logits scaled by 1/n do not move in the limit, and nothing flows back through them (D.4.5)."""
    assert kernel(program(name, **those, lr_q="0")) == kernel(program(name, **those, lr_q="2"))


# the texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.names())
def test_the_constants_of_a_text_stand_in_columns(name: str) -> None:
    head = [line for line in zoo.text(name).partition("\n\n")[0].splitlines() if re.match(r"\w+ *= ", line)]
    head = head[: len(constants(name))]
    assert len({line.index("=") for line in head}) == 1
    assert {line.index("#") for line in head if "#" in line and line.index("#") <= 34} <= {34}
    assert name in zoo.VARIANTS or all(len(line) <= 120 for line in zoo.text(name).splitlines())


@pytest.mark.parametrize("name", zoo.names())
def test_every_learning_rate_and_variance_says_what_it_is_of(name: str) -> None:
    for key in constants(name):
        if key.startswith(("std_", "lr_")):
            assert re.search(r"# .*\b(of|starts? at)\b", zoo_default(name, key)), key


def test_every_file_of_the_zoo_has_its_options_tested() -> None:
    assert sorted(OPTIONS) == FILES
    for name in FILES:
        rest = [k for k in constants(name) if k != "phi" and not k.startswith(("std_", "lr_"))]
        assert {*OPTIONS[name], *LATER.get(name, ())} >= set(rest), name
