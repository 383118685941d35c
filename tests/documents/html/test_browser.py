"""Pages in Chromium: wide and narrow, light and dark, with and without scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.documents.html import browser as browser_of_the_system
from tests.documents.html.browser import DESKTOP, PHONE, Opened, chromium
from tests.documents.html.pages import FOLDER, content_of, page_of, report_on, shipped
from tests.documents.html.pages import NAMES as SHIPPED

pytestmark = pytest.mark.slow

NAMES = ["mlp", "rnn", "tied", "attention_root", "resnet_post", "multi_output"]
"""Proved, with shared weights, by execution, refused, conditional, with several outputs."""
Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pages")
    for name in [*NAMES, "transformer"]:
        (found / f"{name}.html").write_text(shipped(name), encoding="utf-8")
    return found


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    windows: list[Opened] = []

    def open_page(name: str, width: int = DESKTOP, scheme: str = "light", scripts: bool = True) -> Opened:
        windows.append(Opened(browser, folder / f"{name}.html", width, scheme, scripts))
        return windows[-1]

    yield open_page
    for window in windows:
        window.close()


VIEWS = [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.mark.parametrize("name", [*NAMES, "transformer"])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_its_window(opened: Open, name: str) -> None:
    for width, scheme in VIEWS if name != "transformer" else VIEWS[:1]:
        window = opened(name, width, scheme)
        assert window.complaints == []
        assert [url[:60] for url in window.requests if not url.startswith(("file://", "data:"))] == []
        assert len([url for url in window.requests if url.startswith("file://")]) == 1
        assert window.overflow() <= 0


@pytest.mark.parametrize("name", sorted({*SHIPPED} - {*NAMES}))
def test_every_shipped_page_fits_every_window(browser: Browser, name: str) -> None:
    """Loaded once, without scripts, then made narrow and dark, as a reader turns a telephone."""
    window = Opened(browser, FOLDER / f"{name}.html", DESKTOP, "light", scripts=False)
    try:
        for width, scheme in VIEWS:
            window.page.set_viewport_size({"width": width, "height": 900})
            window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert window.overflow() <= 0, (width, scheme)
        assert window.complaints == []
        assert [url[:60] for url in window.requests if not url.startswith("data:")] == [window.page.url]
    finally:
        window.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_accessibility_checker_finds_nothing(opened: Open, name: str, width: int, scheme: str) -> None:
    assert opened(name, width, scheme).violations() == []


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_the_other_two_views_are_accessible_too(opened: Open, width: int, scheme: str) -> None:
    assert opened("mlp", width, scheme).violations() == []


def test_the_checks_see_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "wrong.html"
    wrong = '<p style="color: #ccc; min-width: 200vw">pale words</p><img src="https://example.invalid/x.png">'
    page = shipped("mlp").replace('<main id="text">', f'<main id="text">{wrong}<script>alert(1)</script>')
    file.write_text(page, encoding="utf-8")
    window = Opened(browser, file, DESKTOP, "light")
    assert any("Content Security Policy" in text for text in window.complaints)
    assert window.overflow() > 0
    found = " ".join(window.violations())
    assert "color-contrast" in found
    assert "image-alt" in found
    window.close()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_without_scripts_the_page_looks_the_same(opened: Open, width: int) -> None:
    on, off = opened("tied", width), opened("tied", width, scripts=False)
    assert off.complaints == []
    assert on.page.screenshot(full_page=True) == off.page.screenshot(full_page=True)


def test_a_step_of_the_address_is_brought_into_view_and_marked(opened: Open) -> None:
    page = opened("mlp").page
    row = page.locator("#step-30")
    before = row.evaluate("e => getComputedStyle(e).backgroundColor")
    page.goto(page.url + "#step-30")
    assert page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
    box = row.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900
    assert row.evaluate("e => getComputedStyle(e).backgroundColor") != before


def test_everything_folded_is_printed(opened: Open) -> None:
    page = opened("mlp").page
    folded = page.locator("#paths details:not([open]) > .folded").first
    assert not folded.is_visible()
    page.emulate_media(media="print")
    box = folded.bounding_box()
    assert box is not None
    assert box["height"] > 20
    assert not page.locator("nav").is_visible()


def test_the_keyboard_skips_to_the_text_and_opens_folds(opened: Open) -> None:
    page = opened("mlp").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#text")
    page.locator("#paths details:not([open]) > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#paths details[open] > .folded").first.is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_chosen_pair_of_paths_is_shown_in_the_drawing_beside_it(opened: Open, scripts: bool) -> None:
    page = opened("rnn", scripts=scripts).page
    overlays = page.locator("#paths .pair")
    assert not any(overlays.nth(k).is_visible() for k in range(overlays.count()))
    page.locator("#pick-4").check()
    assert [k for k in range(overlays.count()) if overlays.nth(k).is_visible()] == [4]
    drawing = page.locator("#paths .picker svg").bounding_box()
    assert drawing is not None
    assert 0 <= drawing["y"] < 900
    page.locator("#pick-4").press("ArrowDown")
    assert [k for k in range(overlays.count()) if overlays.nth(k).is_visible()] == [5]


def test_a_missing_browser_or_checker_is_a_failure_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser_of_the_system.executable()
    monkeypatch.setattr(browser_of_the_system, "AXE", Path("nowhere/axe/node_modules/axe-core/axe.min.js"))
    browser_of_the_system.axe.cache_clear()
    with pytest.raises(pytest.fail.Exception, match="npm install"):
        browser_of_the_system.axe()


def test_the_contents_are_open_beside_a_wide_text_and_folded_above_a_narrow_one(opened: Open) -> None:
    assert opened("mlp", DESKTOP).page.locator("nav li").first.is_visible()
    narrow = opened("mlp", PHONE).page
    assert not narrow.locator("nav li").first.is_visible()
    narrow.locator("nav summary").click()
    assert narrow.locator("nav li").first.is_visible()


def test_hostile_names_run_nothing_and_stay_inside_the_window(browser: Browser, tmp_path: Path) -> None:
    data = json.loads(content_of("mlp"))
    data["evidence"]["name"] = "</script><script>alert(1)</script>" + "W" * 200
    file = tmp_path / "hostile.html"
    file.write_text(page_of(data, json.dumps(data).encode(), report_on(data)), encoding="utf-8")
    for width in (DESKTOP, PHONE):
        window = Opened(browser, file, width, "light")
        assert window.complaints == []
        assert window.overflow() <= 0
        window.close()
