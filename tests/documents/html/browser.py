"""The system's Chromium, and the accessibility checker axe, for the tests that open pages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = 1280, 390


def executable() -> str:
    """Where Chromium is; a test that needs it fails where it is not, rather than looking as if it had passed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("Chromium is not installed: apt-get install chromium, or `make test`, which does")
    return found


@cache
def axe() -> str:
    """The source of the accessibility checker."""
    if not AXE.exists():
        pytest.fail(f"axe-core is not installed: npm install --prefix {AXE.parents[2]} axe-core, or `make test`")
    return AXE.read_text(encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in a window of its own, with everything that it complained of or asked for."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: str, scripts: bool = True) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts,  # type: ignore[arg-type]
        )  # fmt: skip
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def violations(self) -> list[str]:
        """What axe finds wrong: rule, and the first place. Of a formula it looks at the whole, not at its letters."""
        self.page.evaluate(axe())
        self.page.evaluate("for (const m of document.querySelectorAll('math')) m.replaceChildren('formula')")
        found: dict[str, Any] = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [f"{v['id']}: {v['nodes'][0]['html'][:300]} ({len(v['nodes'])})" for v in found["violations"]]

    def overflow(self) -> int:
        """By how much the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def close(self) -> None:
        self._context.close()
