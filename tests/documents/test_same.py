"""The page and the paper say the same: both are read back, section by section, and compared word by word."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tpproof as tp
from tpproof.documents.document import LENGTHS, Length
from tpproof.documents.render import Renderer, Style

CERTIFICATES = Path(__file__).parent.parent.parent / "certificates"
FEW = ("mlp", "rnn", "tied", "attention_root", "resnet_post", "layernorm")
Words = dict[str, Counter[str]]
"""Of each section, by its label: how often each word, number and letter, and each reference "→step-3", stands in it."""


def words(text: str) -> Counter[str]:
    """References, words of four letters and more, and all letters and digits one by one.

    Signs and accents are left out, which the printers put in different places, as they part short words differently.
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.replace("ᵀ", "")) if not unicodedata.combining(c))
    references = re.findall(r"→[\w-]+", bare)
    bare = re.sub(r"→[\w-]+", " ", bare)
    return Counter([*references, *re.findall(r"[A-Za-z]{4,}", bare), *re.findall(r"[^\W_]", bare)])


# the page -------------------------------------------------------------------------------------------------


NUMBERED = r"(Table|Figure|Theorem|Proposition|Lemma|Claim|Definition|Remark|Proof)( \d+)?\.?"
"""What a page numbers itself, and TeX in a paper."""


class PageReader(HTMLParser):
    """The text of every section of the second level, without what only a page has."""

    ASIDE = ("svg", "nav", "style", "header", "script")
    ONLY_HERE = frozenset({"number", "picker", "pick", "legend"})
    VOID = ("br", "hr", "input", "meta", "link", "mspace", "img", "col")

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.open: list[tuple[str, bool, str]] = []  # element, whether it is left out, section that it begins
        self.names = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        classes = set((found.get("class") or "").split())
        if tag == "a" and (target := found.get("href") or "").startswith("#") and "self" not in classes:
            self.handle_data(f" →{target[1:]} ")
        if tag in self.VOID:
            return
        if "statement" in classes:
            self.handle_data(f" →kind-{next(iter(classes - {'statement'}))} ")
        level = "level-2" in classes
        aside = tag in self.ASIDE or bool(classes & self.ONLY_HERE)
        aside = aside or (tag == "a" and "self" not in classes)
        self.open.append((tag, aside, str(found.get("id")) if tag == "section" and level else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if re.fullmatch(NUMBERED, data.strip()) and self.open and self.open[-1][0] == "strong":
            return
        section = next((name for _, _, name in reversed(self.open) if name), "")
        if section and not any(aside for _, aside, _ in self.open):
            self.sections[section] = self.sections.get(section, "") + data + " "


def page_words(page: str) -> Words:
    reader = PageReader()
    reader.feed(page)
    return {name: words(text) for name, text in reader.sections.items()}


# the paper ------------------------------------------------------------------------------------------------

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega"
)
_NAMES = {"lambda": "lamda"}
LETTERS = {  # not the printer's table: a letter that it takes for another is a difference
    spelled: unicodedata.lookup(f"GREEK {size} LETTER {_NAMES.get(name, name).upper()}")
    for name in GREEK.split()
    for spelled, size in ((name, "SMALL"), (name.capitalize(), "CAPITAL"))
}
LETTERS |= {"varphi": "φ", "varepsilon": "ε"}
LETTERS["lim"] = "lim"
KEPT = {  # of the arguments of these macros; of all others every one
    "label": "-", "tppanchor": "-", "tppstatus": "---", "tppsealed": "---+", "tppfigure": "-+-", "tppdisplay": "-++",
    "tpplegend": "-", "tppwide": "--+-", "tppnarrow": "-+-", "tppinference": "+++++-", "ref": "-", "cite": "-",
}  # fmt: skip
ENVIRONMENTS = {"tpptable": "-++"}
_TOKEN = re.compile(r"\\[A-Za-z@]+\*?|\\.|[{}\[\]]|[^\\{}\[\]]+", re.DOTALL)


class PaperReader:
    """The text of LaTeX: arguments that a reader sees are kept, commands are letters or nothing."""

    def __init__(self, text: str) -> None:
        body = text.partition(r"\begingroup\tppsetup")[2]
        body = re.sub(r"(?<!\\)%.*", "", body).replace(r"\allowbreak{}", "")
        body = re.sub(r"\\begin\{tikzpicture\}.*?\\end\{tikzpicture\}", "", body, flags=re.DOTALL)
        self.tokens, self.at = _TOKEN.findall(body), 0

    def group(self) -> str:
        """The next argument as it stands."""
        while self.tokens[self.at].isspace():
            self.at += 1
        assert self.tokens[self.at] == "{", self.tokens[self.at - 5 : self.at + 5]
        start, depth = self.at, 0
        while True:
            depth += {"{": 1, "}": -1}.get(self.tokens[self.at], 0)
            self.at += 1
            if depth == 0:
                return "".join(self.tokens[start + 1 : self.at - 1])

    def option(self) -> str:
        start = self.at
        while self.tokens[self.at] != "]":
            self.at += 1
        self.at += 1
        return "".join(self.tokens[start + 1 : self.at - 1])

    def plain(self) -> str:
        """Everything to the end."""
        parts = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            parts.append(self.command(token[1:]) if token.startswith("\\") else token)
        return "".join(parts)

    def command(self, name: str) -> str:
        if name == "hyperref":
            target = self.option().rpartition(":")[2]
            self.group()
            return f" →{target} "
        if name in ("begin", "end"):
            environment = self.group()
            kept = ENVIRONMENTS.get(environment, "") if name == "begin" else ""
            kind = environment.removeprefix("tpp")
            begins = name == "begin" and environment not in ("itemize", "enumerate", "tpptable")
            return (f" →kind-{kind} " if begins else " ") + self.arguments(kept)
        if name in KEPT:
            return self.arguments(KEPT[name])
        return "" if name == "allowbreak" else f" {LETTERS.get(name, '')} "

    def arguments(self, kept: str) -> str:
        return " ".join(text for keep in kept if (text := read(self.group())) and keep == "+")


def read(text: str) -> str:
    """An argument, read."""
    reader = PaperReader("")
    reader.tokens = _TOKEN.findall(text)
    return reader.plain()


def paper_words(fragment: str) -> Words:
    found = {}
    body = fragment.partition(r"\begingroup\tppsetup")[2]
    for text in body.split(r"\tppsection{")[1:]:
        label = re.search(r"\\label\{[^}]*:([\w-]+)\}", text)
        assert label
        found[label[1]] = words(PaperReader(r"\begingroup\tppsetup{" + text).plain())
    return found


# the same -------------------------------------------------------------------------------------------------


def printed(content: bytes, length: Length) -> tuple[Words, Words]:
    renderer = Renderer(content, tp.check(content, as_stated=True, allow_conditional=True), Style(length))
    page = page_words(renderer.html())
    del page["certificate-embedded"]
    return page, paper_words(renderer.fragment())


def differences(page: Words, paper: Words) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """By section what only the page has and what only the paper has."""
    both = {name: (page.get(name, Counter()), paper.get(name, Counter())) for name in {*page, *paper}}
    return {name: (a - b, b - a) for name, (a, b) in both.items() if a != b}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", FEW)
def test_page_and_paper_say_the_same(name: str, length: Length) -> None:
    page, paper = printed((CERTIFICATES / f"{name}.cert.json").read_bytes(), length)
    assert list(page) == list(paper)
    assert differences(page, paper) == {}
    assert sum(sum(counted.values()) for counted in page.values()) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(CERTIFICATES.glob("*.cert.json")), ids=lambda p: p.name.partition(".")[0])
def test_all_pages_and_papers_say_the_same(path: Path) -> None:
    assert differences(*printed(path.read_bytes(), "audit")) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">path-extend<", ">path-linear<"),
        ('<a href="#step-7">', '<a href="#step-6">'),
        ("<mn>2</mn>", "<mn>3</mn>"),
        ('<div id="main-theorem" class="statement theorem">', '<div class="statement lemma">'),
        ("<mi>χ</mi>", "<mi>ξ</mi>"),
        (">declared<", ">proved<"),
    ],
)
def test_a_difference_is_seen(old: str, new: str) -> None:
    content = (CERTIFICATES / "mlp.cert.json").read_bytes()
    renderer = Renderer(content, tp.check(content, as_stated=True), Style("audit"))
    page, paper = renderer.html(), paper_words(renderer.fragment())
    assert old in page
    changed = page_words(page.replace(old, new, 1))
    del changed["certificate-embedded"]
    assert differences(changed, paper) != {}


def test_a_letter_that_the_paper_takes_for_another_is_seen() -> None:
    content = (CERTIFICATES / "mlp.cert.json").read_bytes()
    renderer = Renderer(content, tp.check(content, as_stated=True), Style("theorem"))
    page, paper = page_words(renderer.html()), renderer.fragment()
    del page["certificate-embedded"]
    head, body = paper.split(r"\begingroup\tppsetup")
    changed = head + r"\begingroup\tppsetup" + body.replace(r"\chi", r"\xi", 1)
    assert differences(page, paper_words(paper)) == {}
    assert differences(page, paper_words(changed)) != {}
