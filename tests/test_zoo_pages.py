"""The pages of the zoo: those of today's code, saying what the certificates say."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tpproof import zoo
from tpproof.cli.pages import DRAWN_WITH, certificate_of, constants_of, entry_of, write_all
from tpproof.documents.diagrams import figure
from tpproof.documents.kernel import kernel_latex, kernel_text
from tpproof.documents.zoo.page import code, escaped, page
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.program.canonical import sha256
from tpproof.zoo.notes import NOTES, note

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "docs" / "zoo"
CERTIFICATES = ROOT / "certificates"
PAGES = {name: (SHIPPED / f"{name}.md").read_text() for name in zoo.names() if (SHIPPED / f"{name}.md").exists()}


def data_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((CERTIFICATES / f"{name}.cert.json").read_bytes())
    return data


def test_they_are_what_make_pages_writes(tmp_path: Path) -> None:
    write_all(tmp_path, CERTIFICATES)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name for path in SHIPPED.iterdir()} == set(made)
    for name, content in made.items():
        assert (SHIPPED / name).read_bytes() == content, f"{name}: run make pages"


def test_every_network_has_a_page_a_drawing_a_row_and_a_note() -> None:
    index = (SHIPPED / "README.md").read_text()
    for name in zoo.names():
        assert name in PAGES
        assert ET.parse(SHIPPED / f"{name}.svg").getroot().tag.endswith("svg")
        assert f"| [{name}]({name}.md) |" in index
        assert note(name), f"{name}: tell something about it in zoo/notes.py"
    assert set(NOTES) <= set(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_a_page_says_what_the_certificate_says(name: str) -> None:
    data, text = data_of(name), PAGES[name]
    assert f"**Verdict: {data['verdict']}.**" in text
    assert f"`{data['network_sha256']}`" in text
    for row in data["assumptions"]:
        assert f"| {row['status']} | [{row['name']}](../assumptions.md)" in text
    assert text.count("](../assumptions.md)") == len(data["assumptions"])
    assert zoo.text(name).rstrip() in text
    assert f"| [{name}]({name}.md) |" in (SHIPPED / "README.md").read_text()
    for failure in data["evidence"]["failures"]:
        assert failure["found"] in text
    row = next(r for r in (SHIPPED / "README.md").read_text().splitlines() if r.startswith(f"| [{name}]("))
    assert f"| {data['verdict']} |" in row


@pytest.mark.parametrize("name", zoo.names())
def test_the_kernel_is_that_of_the_certificate_cut_into_rows(name: str) -> None:
    data, text = data_of(name), PAGES[name]
    if not data["steps"]:
        assert "## The kernel" not in text
        return
    if "```math" in text:
        shown = text.partition("\\begin{aligned}\n")[2].partition("\n\\end{aligned}")[0]
        whole = kernel_latex(data).removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
        assert shown.replace(" \\\\\n&\\quad + ", " + ").replace(" \\\\\n", r" \\ ") == whole
    else:
        shown = text.partition("## The kernel\n\n```text\n")[2].partition("\n```")[0]
        equations = [line for line in kernel_text(data).splitlines() if not line.startswith("(")]
        assert shown.replace("\n    + ", " + ").splitlines() == equations


def test_what_is_special_is_explained() -> None:
    verdicts = {name: data_of(name)["verdict"] for name in zoo.names()}
    assert set(verdicts.values()) == {"proved", "conditional", "proved-by-execution", "refused"}
    for name, verdict in verdicts.items():
        text = PAGES[name]
        refused = verdict == "refused"
        assert ("## Why it is refused" in text) == ("Repair: " in text) == refused
        assert ("## The extra assumption" in text) == ("--allow-conditional" in text) == (verdict == "conditional")
        assert ("## Where the path sum fails" in text) == (verdict == "proved-by-execution")
        assert ("status 3" in text) == refused


@pytest.mark.parametrize("name", zoo.names())
def test_drawings_are_legible_and_smaller_instances_say_so(name: str) -> None:
    assert len(figure(load(f"zoo:{name}", DRAWN_WITH.get(name))).marks) <= 200
    for key, value in DRAWN_WITH.get(name, {}).items():
        assert f"`-D {key}={value}`" in PAGES[name]
    assert ("A smaller instance" in PAGES[name]) == (name in DRAWN_WITH)


@pytest.mark.parametrize("name", zoo.names())
def test_the_constants_of_a_page_can_be_set(name: str) -> None:
    overrides = {c.name: c.value for c in constants_of(zoo.text(name)) if "nonlinearity" not in c.value}
    assert sha256(load(f"zoo:{name}", overrides)) == sha256(load(f"zoo:{name}"))
    for constant in constants_of(zoo.text(name)):
        assert f"| `{constant.name}` | {code(constant.value)} |" in PAGES[name]


def test_comments_and_texts_of_constants_are_told_apart() -> None:
    text = '# ψ\nA = [[0, 1]]   # ξ, a matrix\nread = "#"  # a text\nL = 2\nxi = input("xi")\nM = 3  # too late\n'
    found = [(c.name, c.value, c.comment) for c in constants_of(text)]
    assert found == [("A", "[[0, 1]]", "ξ, a matrix"), ("read", '"#"', "a text"), ("L", "2", "")]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.md")), ids=lambda p: p.name)
def test_links_and_anchors_lead_somewhere(path: Path) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#]+)(#([^)]*))?\)", path.read_text()):
        file = path.parent / target
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_tables_have_as_many_cells_as_their_heads() -> None:
    for text in [*PAGES.values(), (SHIPPED / "README.md").read_text()]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for block in re.findall(r"(?:^\|.*\n)+", prose, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_text_from_anywhere_is_no_markup() -> None:
    assert escaped("a|b <i> *x* `y` [z](w)\nn_l~") == r"a\|b \<i\> \*x\* \`y\` \[z\](w) n\_l\~"
    assert code("a|b") == r"`a\|b`"
    assert code("a`b") == "`` a`b ``"
    data = data_of("tied")
    data["evidence"]["failures"][0]["found"] = "<script>|`"
    assert r"| `` <script>\|` `` |" in page(entry_of("tied"), data)


def test_a_certificate_of_yesterdays_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TpproofError, match="E100"):
        certificate_of("mlp", tmp_path)
    shutil.copy(CERTIFICATES / "rnn.cert.json", tmp_path / "mlp.cert.json")
    with pytest.raises(TpproofError, match="another network"):
        certificate_of("mlp", tmp_path)
    with pytest.raises(TpproofError):
        write_all(tmp_path / "new", tmp_path)
    assert not (tmp_path / "new").exists()
