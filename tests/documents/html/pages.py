"""Pages of the shipped certificates, and a reader of HTML that checks nesting as it reads."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tpproof.certificate.checking import Report
from tpproof.documents.derivation import document
from tpproof.documents.html import html_page
from tpproof.program.canonical import canonical_bytes

FOLDER = Path(__file__).parents[3] / "certificates"
NAMES = sorted(path.name.removesuffix(".cert.json") for path in FOLDER.glob("*.cert.json"))
VOID = {"meta", "link", "col", "input", "br", "hr", "img", "wbr"}


def content_of(name: str) -> bytes:
    return (FOLDER / f"{name}.cert.json").read_bytes()


def report_on(data: dict[str, Any], verdict: str = "accepted", errors: tuple[dict[str, Any], ...] = ()) -> Report:
    """What the checker answers about a certificate when its verdict is this one."""
    status = {"accepted": 0, "rejected": 1, "unreadable": 2, "declined": 3, "accepted-as-stated": 4}[verdict]
    axioms = tuple(data["axioms"]) if status in (0, 4) else ()
    digest = sha256(canonical_bytes(data)).hexdigest()
    return Report(verdict, status, len(data["steps"]), data["verdict"], axioms, data["network_sha256"], errors, digest)


def page_of(data: dict[str, Any], content: bytes, report: Report | None) -> str:
    return html_page(document(data, length="audit"), data, content, report)


@cache
def shipped(name: str) -> str:
    """The page of a shipped certificate."""
    content = content_of(name)
    data = json.loads(content)
    return page_of(data, content, report_on(data, "declined" if data["verdict"] == "refused" else "accepted"))


class Reader(HTMLParser):
    """Everything that the tests ask of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.labelled_by: list[str] = []
        self.text: list[str] = []
        self.tables: list[dict[str, Any]] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"an attribute twice: {attrs}"
        if tag not in VOID:
            self._open.append(tag)
        self.tags.add(tag)
        self.attributes.update(found)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.labelled_by += (found.get("aria-labelledby") or "").split()
        self.links += [found[key] or "" for key in ("href", "src") if key in found]
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append({"caption": False, "columns": 0, "rows": []})
        elif tag == "caption":
            self.tables[-1]["caption"] = True
        elif tag == "tr":
            self.tables[-1]["rows"].append(0)
        elif tag in ("td", "th"):
            self.tables[-1]["rows"][-1] += int(found.get("colspan") or 1)
            self.tables[-1]["columns"] += found.get("scope") == "col"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self._open, f"<{tag}/> outside a drawing"
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
        else:
            self.text.append(data)

    def words(self) -> str:
        """All text, one space between words."""
        return " ".join("".join(self.text).split())
