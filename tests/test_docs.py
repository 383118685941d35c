"""What the documentation says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tpproof.errors import CODES
from tpproof.language.interpreter import parse
from tpproof.proof.ledger import ASSUMPTION_TITLES, AXIOM_TITLES

ROOT = Path(__file__).parent.parent
LANGUAGE = (ROOT / "docs" / "language.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"```tp\n(.*?)```", LANGUAGE, re.DOTALL))
def test_the_networks_of_the_language_page_parse(text: str) -> None:
    assert parse(text, "language.md").outputs


def test_the_network_of_the_readme_parses() -> None:
    text = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    assert len(parse(text, "README.md").gvars) == 2


def test_the_python_of_the_language_page_runs() -> None:
    import tpproof as tp

    @tp.network
    def wide(depth=3, phi=tp.tanh):  # type: ignore[no-untyped-def]
        xi = tp.input("xi")
        x = phi(tp.embedding("U") @ xi)
        for layer in range(depth - 1):
            x = phi(tp.matrix(f"W{layer}") @ x)
        tp.output(tp.readout("v") @ x)

    assert "MatMul" in wide.listing()
    assert len(wide(depth=5).program.gvars) == 5
    assert tp.check(tp.prove(wide), wide)


@pytest.mark.parametrize("code", CODES)
def test_every_error_code_is_documented(code: str) -> None:
    assert f"| {code} | {CODES[code][0]} | {CODES[code][1]} |" in LANGUAGE


def test_every_assumption_and_axiom_is_documented() -> None:
    ledger = (ROOT / "docs" / "assumptions.md").read_text()
    proof = (ROOT / "docs" / "proof.md").read_text()
    assert all(f"`{name}`" in ledger for name in ASSUMPTION_TITLES)
    assert all(f"`{name}`" in proof for name in AXIOM_TITLES)


@pytest.mark.parametrize("page", [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
