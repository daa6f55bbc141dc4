"""Every tab and every panel of Compare, for people who see little or use a screen reader: what axe-core finds."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import TABS, arrive, panel, tab

PANELS = ("lost", "sweep", "won")


def violations(page: Page, place: str) -> list[str]:
    """What axe-core holds against what is in sight, each with the element that it found."""
    return [f"{place}: {one['id']} ({one['impact']}): {node['html'][:160]}: {node['failureSummary']}"
            for one in Axe().run(page).response["violations"] for node in one["nodes"]]


def walk(page: Page, app: App, language: str) -> list[str]:
    say, found = words(language), list[str]()
    page.emulate_media(reduced_motion="reduce")
    arrive(page, app, language)
    for name in TABS:
        tab(page, say, name)
        still(page)
        expect(page.locator("[aria-label='Empty value']:visible")).to_have_count(0)  # Gradio's, until a chart has come
        found += violations(page, name)
        if name == "compare":
            for inner in PANELS:
                panel(page, say, inner)
                still(page)
                found += violations(page, inner)
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
def test_axe_finds_nothing_on_any_tab(language: str, page: Page, app: App) -> None:
    assert walk(page, app, language) == []


@pytest.mark.dark
@pytest.mark.parametrize("language", ["en", "ja"])
def test_axe_finds_nothing_on_any_tab_in_the_dark_scheme(language: str, page: Page, app: App) -> None:
    assert walk(page, app, language) == []


def test_axe_sees_what_it_should(page: Page) -> None:
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,">'
                     '<p style="color:#aaa">pale</p></main>')
    found = " ".join(violations(page, "planted"))
    assert "image-alt" in found and "color-contrast" in found
