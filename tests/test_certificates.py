"""The shipped `certificates/` are what today's code makes of the zoo, and the checker accepts them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tpproof import zoo
from tpproof.certificate.checking import check_file
from tpproof.cli.certificates import write_all
from tpproof.language.source import load
from tpproof.program.canonical import sha256

SHIPPED = Path(__file__).parent.parent / "certificates"
VERDICTS = {
    "attention_root": "refused",  # logits scaled by 1/√n are no scalars of a program
    "rescnn_post": "conditional",  # relu has a kink
    "resnet_post": "conditional",
    "tied": "proved-by-execution",  # W and Wᵀ on one path
    "tied_autoencoder": "proved-by-execution",
}
"""Every other network is proved."""


def test_they_are_what_make_certificates_writes(tmp_path: Path) -> None:
    assert write_all(str(tmp_path)) == 0
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name for path in SHIPPED.iterdir()} - {"README.md"} == set(made)
    for name, content in made.items():
        assert (SHIPPED / name).read_bytes() == content, f"{name}: run make certificates"


@pytest.mark.parametrize("name", zoo.names())
def test_each_is_accepted_against_the_zoo(name: str) -> None:
    report = check_file(SHIPPED / f"{name}.cert.json", sha256(load(f"zoo:{name}")), allow_conditional=True)
    verdict = VERDICTS.get(name, "proved")
    assert report.verdict == ("declined" if verdict == "refused" else "accepted")
    assert report.certificate_verdict == verdict


@pytest.mark.parametrize("name", zoo.names())
def test_each_fits_the_published_schema(name: str) -> None:
    schema = json.loads((SHIPPED.parent / "docs" / "certificate.schema.json").read_text())
    data = json.loads((SHIPPED / f"{name}.cert.json").read_bytes())
    jsonschema.validate(data, schema)
    wrong = {**data, "claim": {**data["claim"], "outputs": "1"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)
    if data["steps"]:  # a refused certificate has none
        data["steps"][0]["premises"] = ["0"]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(data, schema)
