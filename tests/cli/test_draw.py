"""`tpproof draw`: an SVG on the screen or in a file, and a plain word where something is not there yet."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.tools import tpproof


def test_it_prints_svg(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "draw", "zoo:mlp", "-D", "L=2")
    assert (ran.status, ran.err) == (0, "")
    assert ET.fromstring(ran.out).tag.endswith("svg")
    assert list(tmp_path.iterdir()) == []


def test_it_writes_a_file(tmp_path: Path) -> None:
    ran = tpproof(tmp_path, "draw", "zoo:tied", "-o", "new/tied.svg")
    assert (ran.status, ran.out) == (0, "")
    ET.parse(tmp_path / "new" / "tied.svg")


@pytest.mark.parametrize("option", [("--format", "tikz"), ("--format", "png"), ("--backward",), ("--path", "1")])
def test_what_is_not_there_says_so(tmp_path: Path, option: tuple[str, ...]) -> None:
    ran = tpproof(tmp_path, "draw", "zoo:mlp", *option)
    assert (ran.status, ran.out) == (2, "")
    assert "E141" in ran.err


def test_a_folder_that_is_a_file_and_a_network_too_large(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "E140" in tpproof(tmp_path, "draw", "zoo:mlp", "-o", "file/mlp.svg").err
    ran = tpproof(tmp_path, "draw", "zoo:resmlp", "-D", "L=1000", "-o", "large.svg")
    assert ran.status == 3
    assert "at most 400" in ran.err
    assert not (tmp_path / "large.svg").exists()
