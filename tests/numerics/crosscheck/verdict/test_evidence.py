"""What a certificate carries of a cross-check: small, without floats, in the published shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.numerics.crosscheck.reports import DESIGN, LIMITS, QUANTITIES, SHA, check, networks
from tpproof.numerics.crosscheck.quantities import Kind, Setting
from tpproof.numerics.crosscheck.verdict.evidence import MOST_ENTRIES, MOST_ROWS, decimal
from tpproof.numerics.crosscheck.verdict.samples import Samples

SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "certificate.schema.json").read_text())
SETTING = Setting((((1.0, 2.0),), ((0.5, 0.0),)), ((1.0,), (-1.0,)), (1.0,), 3, 0.25)
WRONG = check(0.1, setting=SETTING)


def fits(found: dict[str, Any]) -> None:
    jsonschema.validate(found, {"$ref": "#/$defs/crosscheck", "$defs": SCHEMA["$defs"]})


def floats(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(floats, value.values()))
    return sum(map(floats, value)) if isinstance(value, list) else isinstance(value, float)


def test_evidence_holds_no_float_is_small_and_names_what_disagrees() -> None:
    found = WRONG.evidence()
    assert floats(found) == 0
    assert floats(WRONG.to_json()) > 100
    assert len(found["rows"]) <= MOST_ROWS
    assert found["rows"][0]["quantity"] == "(107) at g4"
    assert found["rows"][0]["agrees"] is False
    assert {r["quantity"] for r in found["rows"]} >= {q.name for q in QUANTITIES if q.kind is Kind.KERNEL}
    assert (found["verdict"], found["network_sha256"], found["alpha"]) == ("disagrees", SHA, "0.0001")
    assert len(json.dumps(found)) < 10_000
    assert check(seconds=3.0).evidence() == check(seconds=4.0).evidence()
    assert check(notes=("x" * 10_000,) * 100).evidence()["notes"] == ["x" * 200] * 20


def test_evidence_has_the_published_shape_and_the_shape_refuses_others() -> None:
    found = WRONG.evidence("tpproof crosscheck zoo:mlp")
    assert found["command"] == "tpproof crosscheck zoo:mlp"
    alone = check(samples=Samples(QUANTITIES, {256: networks().values[256][:1]})).evidence()
    for one in (found, alone, json.loads(json.dumps(found))):
        fits(one)
    assert (alone["setting"], alone["command"], alone["kernel"][0]["se"]) == (None, None, [None])
    wrong: list[dict[str, Any]] = [{"alpha": 0.1}, {"verdict": "proved"}, {"widths": []}, {"rows": found["rows"] * 10}]
    wrong += [{"detectable": "inf"}, {"extra": 1}, {"command": "x" * 401}, {"notes": ["x" * 201]}]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            fits({**found, **change})


def test_the_kernel_s_way_to_its_limit_is_a_number_for_each_width() -> None:
    entries = WRONG.evidence()["kernel"]
    kernel = [k for k, q in enumerate(QUANTITIES) if q.kind is Kind.KERNEL]
    assert [e["quantity"] for e in entries] == [QUANTITIES[k].name for k in kernel][:MOST_ENTRIES]
    for k, entry in zip(kernel, entries, strict=False):
        assert float(entry["limit"]) == pytest.approx(LIMITS[k], rel=1e-5)
        for i, table in enumerate(networks().values.values()):
            off = np.abs(table[:, k] - LIMITS[k])
            assert float(entry["measured"][i]) == pytest.approx(np.mean(table[:, k]), rel=1e-5)
            assert float(entry["deviation"][i]) == pytest.approx(np.mean(off), rel=1e-5)
            assert float(entry["deviation_se"][i]) == pytest.approx(np.std(off, ddof=1) / len(off) ** 0.5, rel=1e-5)
        assert len(entry["se"]) == len(DESIGN)


def test_what_the_networks_were_given_is_said_so_that_it_can_be_given_again() -> None:
    setting = WRONG.evidence()["setting"]
    assert (setting["steps"], setting["rate"], len(setting["inputs_sha256"])) == (3, "0.25", 2)
    other = Setting((((1.0, 2.5),), ((0.5, 0.0),)), *list(vars(SETTING).values())[1:])
    first, second = check(setting=other).evidence()["setting"]["inputs_sha256"]
    assert first != setting["inputs_sha256"][0]
    assert second == setting["inputs_sha256"][1]


def test_no_number_is_written_where_there_is_none_and_a_long_command_is_left_out() -> None:
    assert (decimal(None), decimal(float("inf")), decimal(float("nan"))) == (None, None, None)
    assert (decimal(1 / 3), decimal(1e-5), decimal(-2.0)) == ("0.333333", "1e-05", "-2")
    assert WRONG.evidence("x" * 401)["command"] is None
