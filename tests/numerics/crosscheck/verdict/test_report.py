"""What is printed and written of a cross-check are its numbers, and an agreement without power is never just that."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from tests.numerics.crosscheck.reports import DESIGN, LIMITS, QUANTITIES, SHA, check, networks, trained
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import DESIGN as DEFAULTS
from tpproof.numerics.crosscheck.defaults import coordinates, design
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.report import TITLES, CrossCheck, Trajectories, joined
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.statistics import Compared, Verdict
from tpproof.numerics.crosscheck.verdict.tables import an_error, percent, with_error

RIGHT, WRONG = check(), check(0.1)


def blind() -> Any:
    samples = networks()
    return check(samples=Samples(QUANTITIES, {256: samples.values[256][:3]}))


def blind_alone() -> Any:
    return check(samples=Samples(QUANTITIES, {256: networks().values[256][:1]}))


def with_trajectories(error: float = 0.0, networks_trained: int = 8) -> CrossCheck:
    """Two of them, of the first networks of each width."""
    quantities = tuple(Quantity(Kind.TRAJECTORY, (1, 0, i), f"f(ξ{i}) after 1 step", "(22)") for i in range(2))
    rng = np.random.default_rng(2)
    values = {n: rng.standard_normal((networks_trained, 2)) / np.sqrt(n) + error for n in DESIGN}
    of_training = Compared(Samples(quantities, values), np.zeros(2))
    about: dict[str, Any] = {"name": "n", "network_sha256": "", "backend": "numpy", "sampler": "exact", "seed": 0}
    return joined(Compared(networks(), LIMITS), of_training, **about)


def test_trajectories_are_of_fewer_networks_and_are_tested_among_all() -> None:
    right, wrong = with_trajectories(), with_trajectories(0.1)
    assert (right.verdict, wrong.verdict) == (Verdict.AGREES, Verdict.DISAGREES)
    assert {f.quantity.kind for f in wrong.disagreeing} == {Kind.TRAJECTORY}
    assert right.samples == tuple(DESIGN.values())
    assert {r.samples for r in right.rows if r.quantity.kind is Kind.TRAJECTORY} == {8}
    assert "(8 of each trained)" in " ".join(right.to_text().split())
    assert "trained" not in RIGHT.to_text()
    assert len(right.finals) == len(QUANTITIES) + 2
    assert right.deviations.keys() == {"kernel", "change", "second-moment", "trajectory"}


def test_what_comes_first_in_the_proof_is_named_first() -> None:
    """Not what deviates most: the kernel, which rests on all."""
    limits = LIMITS.copy()
    limits[[0, 10, 12, 30]] *= [1.5, 1.1, 1.3, 1.2]
    about: dict[str, Any] = {"name": "n", "network_sha256": SHA, "backend": "numpy", "sampler": "exact", "seed": 0}
    wrong = joined(Compared(networks(), limits), **about)
    assert wrong.earliest is not None
    assert wrong.earliest.quantity == QUANTITIES[10]
    assert wrong.disagreeing[0].quantity == QUANTITIES[0]
    assert "4 of them disagree, first (107) at g4" in " ".join(wrong.to_text().split())
    assert "4 of 47 quantities, first (107) at g4" in wrong.summary
    assert wrong.to_json()["earliest"] == wrong.evidence()["rows"][0]["quantity"] == "(107) at g4"
    assert (RIGHT.earliest, RIGHT.to_json()["earliest"]) == (None, None)


def test_agreement_disagreement_and_no_power_are_told_apart() -> None:
    assert (RIGHT.agrees, RIGHT.verdict, RIGHT.disagreeing) == (True, Verdict.AGREES, ())
    assert (WRONG.agrees, WRONG.verdict) == (False, Verdict.DISAGREES)
    assert [f.quantity for f in WRONG.disagreeing] == [QUANTITIES[10]]
    assert (blind().agrees, blind().verdict, blind().disagreeing) == (False, Verdict.BLIND, ())
    assert "nothing is claimed" in blind().to_text()
    assert "nothing is claimed" not in RIGHT.to_text() + WRONG.to_text()


def test_the_smallest_error_that_would_have_been_seen_is_that_of_the_worst_entry_of_the_kernel() -> None:
    kernel = [f for f in RIGHT.finals if f.quantity.kind is Kind.KERNEL]
    scale = np.sqrt(np.mean(LIMITS[:6] ** 2))
    assert RIGHT.detectable == max((f.detectable or 9) / max(abs(f.limit), scale) for f in kernel)
    seen = RIGHT.detectable or 0.0
    assert check(4 * seen, at=0).verdict is Verdict.DISAGREES
    assert f"{100 * seen:.2g} %" in RIGHT.to_text()


def test_other_kinds_say_what_they_see_too() -> None:
    found = RIGHT.detectable_by_kind
    assert found[Kind.KERNEL] == RIGHT.detectable
    changes = [f for f in RIGHT.finals if f.quantity.kind is Kind.CHANGE]
    assert found[Kind.CHANGE] == max((f.detectable or 9) / f.scale for f in changes)
    assert f"of {100 * (found[Kind.CHANGE] or 0):.2g} % in any other quantity" in " ".join(RIGHT.to_text().split())
    assert "in any other quantity" not in " ".join(blind_alone().to_text().split())


def test_kinds_are_summarised() -> None:
    kernel, moments, changes = WRONG.kinds()
    assert (kernel.kind, kernel.quantities, kernel.disagreeing) == (Kind.KERNEL, 6, 0)
    assert (changes.kind, changes.quantities, changes.disagreeing) == (Kind.CHANGE, 40, 1)
    assert changes.worst is not None
    assert changes.worst.quantity == QUANTITIES[10]
    assert (moments.quantities, moments.slope) == (1, None)
    assert kernel.slope is not None
    assert abs(kernel.slope.slope + 0.5) < 4 * kernel.slope.se
    assert set(TITLES) == set(Kind)


def test_json_has_the_keys_of_the_interface_and_no_number_that_json_lacks() -> None:
    found = json.loads(json.dumps(WRONG.to_json(), allow_nan=False))
    assert {"agrees", "rows", "slopes", "backend", "sampler", "seed"} <= set(found)
    assert set(found["rows"][0]) >= {"quantity", "width", "samples", "measured", "se", "limit", "z"}
    assert (found["agrees"], found["verdict"], found["disagreeing"]) == (False, "disagrees", ["(107) at g4"])
    assert len(found["rows"]) == len(QUANTITIES) * len(DESIGN)
    table = networks().values[256]
    first = found["rows"][0]
    assert (first["width"], first["samples"]) == (256, 16)
    assert first["measured"] == pytest.approx(np.mean(table[:, 0]))
    assert first["se"] == pytest.approx(np.std(table[:, 0], ddof=1) / 4, rel=0.5)
    assert first["z"] == pytest.approx((first["measured"] - 3) / first["se"], rel=1e-6)
    assert found["slopes"]["fluctuation"]["joint"]["slope"] == pytest.approx(-0.5, abs=0.1)
    assert found["finals"][10]["agrees"] is False
    assert json.loads(json.dumps(blind().to_json(), allow_nan=False))["verdict"] == "blind"


def test_csv_says_the_same_numbers() -> None:
    lines = list(csv.DictReader(io.StringIO(WRONG.to_csv())))
    assert len(lines) == len(QUANTITIES) * (len(DESIGN) + 1)
    for line, row in zip(lines, WRONG.rows, strict=False):
        assert (line["quantity"], line["width"]) == (row.quantity.name, str(row.width))
        assert (float(line["measured"]), float(line["limit"])) == (row.measured, row.limit)
    last = lines[-len(QUANTITIES) :]
    assert {line["width"] for line in last} == {"inf"}
    assert [line["quantity"] for line in last if line["agrees"] == "False"] == ["(107) at g4"]


def test_the_table_is_short_unless_all_is_asked_for() -> None:
    assert len(RIGHT.to_text().splitlines()) < 45
    full = RIGHT.to_text(full=True)
    assert all(q.name in full for q in QUANTITIES)
    assert not all(q.name in RIGHT.to_text() for q in QUANTITIES)
    text = WRONG.to_text()
    assert text.startswith("disagrees: net [bold]\\x1b[31m<b>, 47 quantities, 1 of them disagree, first (107) at g4")
    largest = text[text.index("Largest") :].splitlines()
    assert largest[2].startswith("(107) at g4")
    assert largest[2].endswith("disagrees")
    assert "note: stopped" in check(notes=("stopped after 3 of 8 networks",)).to_text()


def test_a_notebook_shows_the_table_and_names_steer_nothing() -> None:
    shown = WRONG._repr_html_()
    assert "K[0, 0](ξ0, ξ0)" in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert "\x1b" not in shown + WRONG.to_text()


def test_sizes_of_errors_are_words_where_digits_would_say_nothing() -> None:
    assert (percent(0.0123), percent(3.0), percent(1e60), percent(None)) == ("1.2 %", "300 %", "> 1000 %", "–")
    assert (an_error(0.0), an_error(0.02)) == ("any error", "an error of 2 %")
    fixed = check(samples=Samples(QUANTITIES, {n: 0 * t + LIMITS for n, t in networks().values.items()}))
    assert "; any error in the kernel would have been" in fixed.to_text()
    assert "any error in the kernel" in fixed.summary
    assert "(64 networks" in RIGHT.summary
    assert "(interrupted: 64 networks" in check(partial=True).summary


def test_errors_are_written_as_physicists_do() -> None:
    assert with_error(1.23456, 0.0123) == "1.235(12)"
    assert with_error(-0.5, 0.1) == "-0.50(10)"
    assert with_error(2.0, 0.0999) == "2.00(10)"
    assert with_error(2.0, None) == "2"
    assert with_error(1234.5, 20.0) == "1234.5 ± 20"


def test_trajectories_are_those_of_networks_and_of_their_limits() -> None:
    assert trained().measured.shape == (8, 5, 3, 1)
    with pytest.raises(TpproofError, match="E160"):
        Trajectories(np.ones((2, 3, 1, 1)), np.ones((2, 4, 1, 1)), 64)


def test_the_default_design_sees_two_per_cent_of_what_fluctuates_most() -> None:
    total = sum(n * m for n, m in DEFAULTS.items())
    assert coordinates(10, 0.02, 400) < total < 2e7
    assert coordinates(20, 0.02, 400) > total
    assert coordinates(3, 0.02, 400) < coordinates(3, 0.02, 4000) < coordinates(3, 0.01, 400)


def test_a_user_s_design_is_taken_or_refused() -> None:
    assert design() == DEFAULTS
    assert design([1024, 64], 3) == {64: 3, 1024: 3}
    assert design(samples=2) == dict.fromkeys(DEFAULTS, 2)
    for widths, samples in (([], 3), ([0], 3), ([64], 0)):
        with pytest.raises(TpproofError, match="E160"):
            design(widths, samples)
