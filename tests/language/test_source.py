"""Where a network comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

import tpproof as tp
from tpproof.errors import TpproofError
from tpproof.language.source import load, safe_name
from tpproof.limits import Limits
from tpproof.program.canonical import canonical_bytes, to_json

TEXT = b'x = embedding("U") @ input("xi")\noutput(readout("v") @ tanh(x))\n'


def failure(path: object, **options: object) -> TpproofError:
    with pytest.raises(TpproofError) as caught:
        load(str(path), **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("content", [TEXT, b"\xef\xbb\xbf" + TEXT, TEXT.replace(b"\n", b"\r\n"), TEXT.rstrip()])
def test_bom_and_line_ends_do_not_matter(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n.tp").write_bytes(content)
    assert load(tmp_path / "n.tp") == load_text(tmp_path, TEXT)


def load_text(folder: Path, content: bytes) -> tp.Program:
    (folder / "plain.tp").write_bytes(content)
    return load(folder / "plain.tp")


def test_json_and_certificates_hold_networks(tmp_path: Path) -> None:
    program = load_text(tmp_path, TEXT)
    (tmp_path / "n.json").write_bytes(canonical_bytes(to_json(program)))
    (tmp_path / "n.cert.json").write_bytes(tp.prove(program).to_json())
    assert load(tmp_path / "n.json") == load(tmp_path / "n.cert.json") == program
    assert load(tmp_path / "n.cert.json").name == "plain"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert failure(tmp_path / "absent.tp").code == "E100"
    assert failure(tmp_path).code == "E100"
    assert failure("a\0b").code == "E100"
    (tmp_path / "bad.tp").write_bytes(b"x = 1\n\xff")
    assert failure(tmp_path / "bad.tp").place.line == 2  # type: ignore[union-attr]
    (tmp_path / "network.tp").write_bytes(TEXT)
    assert failure(tmp_path / "netwrk.tp").suggestion == str(tmp_path / "network.tp")
    assert failure("zoo:rn").suggestion == "zoo:rnn"
    assert failure(tmp_path / "network.tp", limits=Limits(source_bytes=10)).code == "E104"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "E101"),
        (b'{"format":"tpproof-network","format":"x"}', "E101"),
        (b'{"format":NaN}', "E101"),
        (b'{"format":"else"}', "E105"),
        (b'{"format":"tpproof-certificate"}', "E105"),
        (b'{"format":"tpproof-network","version":1}', "E105"),
        (b'{"a":' + b"[" * 100_000, "E104"),
        (b'{"a":1' + b"0" * 5000 + b"}", "E101"),
        (b'{"\xff":1}', "E101"),
    ],
)
def test_json_that_is_no_network(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "n.json").write_bytes(content)
    assert failure(tmp_path / "n.json").code == code


def test_overrides_fit_texts_and_functions_fit_declarations(tmp_path: Path) -> None:
    (tmp_path / "n.json").write_bytes(canonical_bytes(to_json(load("zoo:mlp2"))))
    assert failure(tmp_path / "n.json", overrides={"L": "3"}).code == "E106"
    assert failure("zoo:mlp", overrides={"LL": "3"}).suggestion == "L"
    assert failure("zoo:mlp2", functions={"psi": "erf"}).code == "E106"
    assert failure("zoo:mlp2", functions={"phi": "erff"}).suggestion == "erf"
    assert load(tmp_path / "n.json", functions={"phi": "erf"}) == load("zoo:mlp2", functions={"phi": "erf"})


@pytest.mark.parametrize(("stem", "name"), [("a b", "a_b"), ("../x", "_x"), ("", "network"), ("." * 5, "network")])
def test_names_are_safe_file_names(stem: str, name: str) -> None:
    assert safe_name(stem) == name
