"""The cross-check from end to end: right networks agree, and one wrong weight of one path is found and named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import tpproof as tp
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.numerics.crosscheck import crosscheck as module
from tpproof.numerics.crosscheck.crosscheck import Expected, against, expected, reported
from tpproof.numerics.crosscheck.defaults import ALPHA, TRAINED
from tpproof.numerics.crosscheck.design import design_of
from tpproof.numerics.crosscheck.expected.altered import with_altered_kernel, with_altered_weight, with_dropped_term
from tpproof.numerics.crosscheck.linearized import beyond_linear
from tpproof.numerics.crosscheck.quantities import Kind
from tpproof.numerics.crosscheck.running.run import Results, run
from tpproof.numerics.crosscheck.running.tasks import tasks
from tpproof.numerics.crosscheck.running.work import Layout, recipe
from tpproof.numerics.crosscheck.setting import typical_size
from tpproof.numerics.crosscheck.verdict.report import CrossCheck
from tpproof.numerics.crosscheck.verdict.statistics import Verdict
from tpproof.numerics.gram.given import Refused
from tpproof.proof.prove import Proof, prove

QUICK = {"widths": (256, 1024, 4096), "samples": 24, "workers": 1, "backend": "numpy"}


def proof_of(name: str, **constants: str) -> Proof:
    known = {"phi": "erf"} if name in ("mlp1", "mlp2") else {}
    return prove(load(f"zoo:{name}", constants, known))


def checked(proof: Proof, **options: object) -> CrossCheck:
    return against(expected(proof), **{**QUICK, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mlp1", "rnn", "tied", "twice", "layernorm", "bottleneck", "lstm", "multi_output"])
def test_networks_agree_with_their_proofs(name: str) -> None:
    check = checked(proof_of(name))
    assert check.verdict is Verdict.AGREES, check.to_text()
    assert {f.quantity.kind for f in check.finals} >= {Kind.KERNEL, Kind.CHANGE, Kind.SIGNAL, Kind.TRAJECTORY}
    assert check.detectable is not None
    assert check.detectable < 0.1


@pytest.fixture(scope="module")
def drawn() -> tuple[Expected, Results]:
    """An RNN's networks at the defaults, and the limit's side."""
    side = expected(proof_of("rnn"))
    program, quantities, setting = side.proof.program, side.choice.quantities, side.setting
    return side, run(tasks(design_of(program, quantities, setting)), recipe(program, quantities, setting), workers=2)


def said(drawn: tuple[Expected, Results], side: Expected) -> CrossCheck:
    """The report of the same networks about another limit's side."""
    told = {"backend": "numpy", "sampler": "exact", "seed": 0, "alpha": ALPHA, "seconds": 0.0}
    return reported(side, drawn[1], told, len(drawn[1].values))


def test_two_per_cent_of_any_weight_of_any_path_are_seen_at_the_defaults_and_named(
    drawn: tuple[Expected, Results],
) -> None:
    """Every term of every sum C(a, b), and of the kernel: a path's start, or the weight of one of its steps."""
    right = drawn[0]
    assert said(drawn, right).verdict is Verdict.AGREES
    execution = right.proof.execution
    assert execution is not None
    quantities = {(q.kind, q.key) for q in right.choice.quantities}
    seen = 0
    for pair, terms in execution.every_sum.items():
        for term in range(len(terms)):
            side = expected(with_altered_weight(right.proof, pair, term, "1.02"))
            assert {(q.kind, q.key) for q in side.choice.quantities} == quantities
            check = said(drawn, side)
            assert check.earliest is not None
            first = check.earliest.quantity
            ends = (0, 1) if first.kind in (Kind.START, Kind.MATMUL) else (0, 2)
            assert check.verdict is Verdict.DISAGREES
            assert first.kind in (Kind.START, Kind.MATMUL, Kind.SUM, Kind.SLOPE)
            assert tuple(first.key[k] for k in ends) == pair
            assert first.name in check.to_text()
            seen += 1
    for outputs, terms in execution.kernels.items():
        for term in range(len(terms)):
            check = said(drawn, expected(with_altered_kernel(right.proof, outputs, term, "1.02")))
            assert check.earliest is not None
            assert check.earliest.quantity.kind in (Kind.READOUT_START, Kind.READOUT)
            seen += 1
    assert seen > 30


@pytest.mark.slow
def test_without_the_alteration_the_same_networks_agree() -> None:
    check = against(expected(proof_of("mlp")), workers=2, backend="numpy")
    assert check.verdict is Verdict.AGREES
    assert check.detectable is not None
    assert check.detectable < 0.005


@pytest.mark.parametrize("name", ["resmlp", "rnn", "tied", "densenet", "batchnorm"])
def test_a_proof_without_one_term_disagrees(name: str) -> None:
    right = proof_of(name)
    assert right.execution is not None
    terms = {p: t for p, t in right.execution.every_sum.items() if len(t) > 1}
    pair = list(terms)[-1]
    assert checked(with_dropped_term(right, pair, len(terms[pair]) - 1)).verdict is Verdict.DISAGREES


def test_the_contracted_network_has_the_corrected_number_and_not_the_path_sum_s() -> None:
    """‖ξ‖²/d = 1: what training U makes of K(ξ, ξ) is 0.566364, and 0.295613 without ZDot (MATH §7)."""
    side = expected(proof_of("tied"), np.ones((2, 3)))
    check = against(side, **QUICK)  # type: ignore[arg-type]
    own = [f for f in check.finals if f.quantity.kind is Kind.PARAMETER and "U" in f.quantity.name]
    assert own
    for f in own:
        assert f.limit == pytest.approx(0.566364, abs=2e-3)
        assert f.agrees
        assert f.se is not None
        assert abs(f.estimate - 0.295613) > 20 * f.se


def test_the_same_seed_gives_the_same_numbers_for_any_number_of_workers() -> None:
    side = expected(proof_of("mlp1"))
    one, two = (against(side, widths=(64, 256), samples=4, workers=p, backend="numpy") for p in (1, 2))
    assert one.rows == two.rows
    other = against(side, widths=(64, 256), samples=4, workers=1, backend="numpy", seed=1)
    assert other.rows != one.rows


def test_a_worker_reads_the_network_with_the_limits_of_whoever_read_it_first() -> None:
    """A user who allowed more nodes is not refused by a worker; with fewer than the network has, a worker refuses."""
    side = expected(proof_of("mlp1"), limits=replace(DEFAULT, nodes=10**6))
    assert side.limits.nodes == 10**6
    for few in (side.limits, replace(DEFAULT, nodes=1)):
        work = recipe(side.proof.program, side.choice.quantities, side.setting, limits=few)
        if few is side.limits:
            assert len(run(tasks({16: 1}), work, workers=1).values) == 1
            continue
        with pytest.raises(TpproofError, match="E104"):
            run(tasks({16: 1}), work, workers=1)


def test_batch_normalisation_below_its_asymptotic_widths_is_undecided_not_wrong() -> None:
    """Its slopes are 1/√(variance of a batch + ε): heavy-tailed at inputs of size 1, so that n^-1/2 sets in late, and
    training leaves the linearization. At inputs of size √ε, the default, it is a network like others."""
    proof = proof_of("batchnorm")
    usual = expected(proof)
    large = np.array(usual.setting.inputs) / typical_size(proof.program)
    check = against(expected(proof, large), widths=(256, 1024, 16384), samples=48, workers=2, backend="numpy")
    assert check.verdict is Verdict.BLIND
    signals = "not decided at these widths: error signals, whose fluctuations shrink as n^-0"
    assert any(note.startswith(signals) for note in check.notes)
    assert "not decided at these widths: trajectories, since what they rest on is not" in check.notes
    trained = [f for f in check.finals if f.quantity.kind is Kind.TRAJECTORY and f.quantity.key[2] == 1]
    assert all(abs(f.estimate) > 5 * f.se and f.agrees for f in trained if f.se is not None)
    check = against(usual, **QUICK)  # type: ignore[arg-type]
    assert check.verdict is Verdict.AGREES
    assert check.notes[0].startswith("inputs of size 0.00316")


def test_what_does_not_vanish_with_the_width_is_no_mere_departure_from_the_linearization(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Networks trained with a rate 20 % too large deviate from their own kernels too: by as much at every width."""
    side = expected(proof_of("mlp1"))

    def hasty(*arguments: Any, **options: Any) -> Results:
        found = run(*arguments, **options)
        start = sum(q.kind is not Kind.TRAJECTORY for q in side.choice.quantities)
        moved = {}
        for task, row in found.values.items():
            f = row[start:].reshape(-1, 3)  # at the start, then after 0 … T steps, of three inputs
            trained = f[1:2] + 1.2 * (f[1:] - f[1:2])
            moved[task] = np.concatenate([row[:start], f[0], trained.ravel()])
        return replace(found, values=moved)

    monkeypatch.setattr(module, "run", hasty)
    check = against(side, widths=(256, 1024, 16384), samples=32, workers=1, backend="numpy")
    assert {f.quantity.kind for f in check.disagreeing} == {Kind.TRAJECTORY}


@pytest.mark.parametrize(
    ("name", "constants", "size"),
    [("batchnorm", {}, 0.00316), ("batchnorm", {"eps": "1/4"}, 0.5), ("batchnorm", {"eps": "9"}, 1.0),
     ("cnn_batchnorm", {"L": "2"}, 0.00316), ("layernorm", {}, 1.0), ("rmsnorm", {}, 1.0), ("mlp", {}, 1.0)],
)  # fmt: skip
def test_inputs_are_as_small_as_the_root_of_what_keeps_a_division_from_0(
    name: str, constants: dict[str, str], size: float
) -> None:
    assert typical_size(proof_of(name, **constants).program) == size


@pytest.mark.parametrize("trained", ["0", "1"])
def test_networks_that_are_linear_in_what_is_trained_follow_their_own_kernels_exactly(trained: str) -> None:
    """Where only the readout is trained. Where U and W are, what is beyond the linearization shrinks as 1/n."""
    side = expected(proof_of("mlp2", lr_u=trained, lr_w=trained, lr_v="1"))
    sizes = {256: 32, 4096: 32}
    quantities, setting = side.choice.quantities, side.setting
    found = run(tasks(sizes), recipe(side.proof.program, quantities, setting), workers=1).values
    tables = {n: np.stack([row for task, row in found.items() if task.width == n and task.trained]) for n in sizes}
    at_start = sum(q.kind is not Kind.TRAJECTORY for q in quantities)
    layout = Layout(at_start, len(setting.inputs), len(setting.slopes), setting.steps + 1)
    beyond = beyond_linear(side.choice, setting, layout, tables)
    assert beyond is not None
    assert beyond.shape == (2, len(quantities) - at_start)
    small, large = np.abs(beyond).max(axis=1)
    if trained == "0":
        assert small < 1e-9
    else:
        assert small > 1e-3
        assert large < small / 6


def test_what_it_says_is_json_csv_text_and_evidence_without_floats() -> None:
    check = checked(proof_of("mlp1"), samples=8)
    found = json.loads(json.dumps(check.to_json(), allow_nan=False))
    assert {"agrees", "rows", "slopes", "backend", "sampler", "seed"} <= found.keys()
    assert {"quantity", "width", "samples", "measured", "se", "limit", "z"} <= found["rows"][0].keys()
    assert len(check.to_csv().splitlines()) > len(check.rows)
    assert "mlp1" in check.to_text()
    certificate = tp.prove(load("zoo:mlp1", {}, {"phi": "erf"})).with_evidence(crosscheck=check.evidence())
    assert tp.check(certificate).verdict == "accepted-as-stated"


@pytest.mark.parametrize("name", ["multi_output", "layernorm"])
def test_evidence_of_a_network_with_every_kind_has_the_published_shape(name: str) -> None:
    evidence = checked(proof_of(name), widths=(64, 256), samples=4).evidence()
    assert {k["kind"] for k in evidence["kinds"]} >= {k.value for k in Kind if k is not Kind.SCALAR}
    schema = json.loads((Path(__file__).parents[3] / "docs" / "certificate.schema.json").read_text())
    jsonschema.validate(evidence, {"$ref": "#/$defs/crosscheck", "$defs": schema["$defs"]})


def test_what_is_0_at_all_inputs_has_no_variance_to_compare() -> None:
    """‖Wh‖²/‖h‖² is no number where h is 0: an input that is 0, or a gain that starts at 0 (ReZero)."""
    zero = np.zeros((3, 5))
    for side in (expected(proof_of("mlp2"), zero), expected(prove(parse(REZERO, "rezero.tp")))):
        check = against(side, widths=(64, 256), samples=12, workers=1, backend="numpy")
        assert check.disagreeing == ()


REZERO = """
xi = input("xi")
b = bias("b", std=0)
g = embedding("U") @ xi
x = b * tanh(g)
output(readout("v") @ (x + tanh(matrix("W") @ x + g)))
"""


def test_a_right_network_whose_events_are_rarer_than_its_networks_is_undecided() -> None:
    side = expected(prove(parse('output(readout("v") @ relu(embedding("U") @ input("xi") - 5 * ones()))', "rare.tp")),
                    np.array([[1, 1, 1, 1], [1, 1, 1, -1.0]]))  # fmt: skip
    check = against(side, widths=(64, 256), samples=12, workers=1, backend="numpy")
    assert check.verdict is Verdict.BLIND
    assert any("rarer than these show" in note for note in check.notes)


def test_an_interrupted_run_without_a_trained_network_has_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    side = expected(proof_of("mlp1"))

    def cut(wanted: Any, *arguments: Any, **options: Any) -> Results:
        found = run([t for t in wanted if not t.trained], *arguments, **options)
        return replace(found, partial=True)

    monkeypatch.setattr(module, "run", cut)
    check = against(side, widths=(64, 128), samples=TRAINED + 3, workers=1, backend="numpy")
    assert check.partial
    assert check.to_json()["partial"]
    assert not any(f.quantity.kind is Kind.TRAJECTORY for f in check.finals)
    assert check.trajectories is None


def test_a_row_of_another_length_in_a_journal_is_drawn_again(tmp_path: Path) -> None:
    side, path = expected(proof_of("mlp1")), tmp_path / "journal"
    options: dict[str, Any] = {"widths": (64, 128), "samples": 3, "workers": 1, "backend": "numpy"}
    whole = against(side, journal=path, **options)
    lines = path.read_text().splitlines()
    row = json.loads(lines[2])
    lines[2] = json.dumps({**row, "values": row["values"][:-1]})
    path.write_text("\n".join(lines) + "\n")
    again = against(side, journal=path, **options)
    assert again.rows == whole.rows
    assert "5 of the networks are from the journal" in again.notes


def test_refused_networks_and_impossible_wishes_are_said_before_anything_is_computed() -> None:
    with pytest.raises(Refused):
        expected(proof_of("mlp", phi="step"))
    side = expected(proof_of("mlp1"))
    with pytest.raises(TpproofError) as error:
        against(side, widths=(10**11,), samples=2)
    assert error.value.code == "E104"
    assert "GiB" in error.value.found
    for wrong in ({"sampler": "none"}, {"widths": ()}, {"alpha": 2.0, "widths": (8,), "samples": 2, "workers": 1}):
        with pytest.raises(TpproofError) as error:
            against(side, **wrong)  # type: ignore[arg-type]
        assert error.value.code == "E160"
    for wrong in ({"widths": (8.0,)}, {"widths": (True,)}, {"samples": 2.5}, {"samples": 10**7}, {"alpha": "x"}):
        with pytest.raises(TpproofError) as error:
            against(side, **wrong)  # type: ignore[arg-type]
        assert error.value.code == "E160"
    for options in ({"rate": "1"}, {"most": -1}, {"inputs": np.full((3, 3), 1e4)}):
        with pytest.raises(TpproofError) as error:
            expected(proof_of("mlp1"), **options)  # type: ignore[arg-type]
        assert error.value.code == "E160"
    for inputs in (np.ones((1, 3)), np.ones((40, 3))):
        with pytest.raises(TpproofError) as error:
            expected(proof_of("mlp1"), inputs)
        assert error.value.code == "E160"
