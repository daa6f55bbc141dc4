"""A tab that is opened for the first time: nothing of it is seen or clicked before it is filled."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from gblm_viz.words import LANGUAGES, words
from tests.browser.conftest import App, still
from tests.browser.test_walk import FILLED, arrive, tab

OPACITY = "one => Math.max(...[...one.children].map(child => Number(getComputedStyle(child).opacity)))"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tab_is_hidden_and_inert_until_it_is_filled_and_then_whole(language: str, page: Page, app: App) -> None:
    arrive(page, app, language)
    still(page)
    holding, kept = True, list[Route]()
    page.route("**/queue/join*", lambda route: kept.append(route) if holding else route.continue_())
    # without a pointer on the way to it, as by touch
    page.evaluate("document.getElementById('tab-prune-button').click()")
    shown = page.locator("#tab-prune")
    expect(shown).to_have_attribute("inert", "")
    assert shown.evaluate(OPACITY) == 0
    holding = False
    for route in kept:
        route.continue_()
    page.wait_for_function(FILLED, arg="prune")
    expect(shown).not_to_have_attribute("inert", "")
    assert shown.evaluate(OPACITY) == 1
    expect(page.locator("#sparsity-reached .number")).to_contain_text("%")


def test_a_tab_that_was_filled_while_the_pointer_came_is_whole_at_once(page: Page, app: App) -> None:
    arrive(page, app, "en")
    still(page)
    page.locator("#tab-patterns-button").hover()
    still(page)
    tab(page, words("en"), "patterns")
    assert page.locator("#tab-patterns").evaluate(OPACITY) == 1
    expect(page.locator("#patterns-mask .matrix-view")).to_have_attribute("data-state", "ready")


def test_a_tab_opened_while_the_links_tab_is_still_coming_is_the_one_that_is_filled(page: Page, app: App) -> None:
    for _ in range(4):  # it depends on the moment
        page.goto(f"{app.url}/en/?tab=compare")
        tab(page, words("en"), "text")
        expect(page.locator("#text textarea")).to_be_visible()
        still(page)
        assert "tab=text" in page.url
