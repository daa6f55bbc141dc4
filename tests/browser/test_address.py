"""The address follows a visitor's place; a link opens there, in either language, a teacher's controls hidden."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import arrive, set_sparsity, tab

LINK = "tab=weight&block=2&role=down&row=3&col=4&method=wanda&sparsity=0.4&hide=alpha,weight-telling"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_link_opens_on_its_weight_with_its_settings(page: Page, app: App, language: str) -> None:
    page.goto(f"{app.url}/{language}/?{LINK}")
    expect(page.locator("#weight-card .weight-fate")).to_be_visible()
    expect(page.locator("#weight-row input")).to_have_value("3")
    expect(page.locator("#weight-column input")).to_have_value("4")
    expect(page.locator("#weight-tag")).to_contain_text(re.compile("wanda.*40"))
    expect(page.locator("#weight-telling")).to_be_hidden()
    other = {"en": "ja", "ja": "en"}[language]
    page.locator(f"#lang a[data-lang={other}]").click()
    expect(page.locator("#weight-row input")).to_have_value("3")
    assert page.evaluate("navigator.language") == other
    assert f"/{other}/" in page.url


def test_the_address_follows_and_a_reload_comes_back(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "prune")
    set_sparsity(page, "0.3")
    expect(page.locator("#sparsity-reached")).to_contain_text("30")
    page.wait_for_function("location.search.includes('sparsity=0.3') && location.search.includes('tab=prune')")
    tab(page, say, "weight")
    page.locator("#weight-row input").fill("7")
    page.locator("#weight-column input").fill("9")
    page.locator("#weight-column input").press("Enter")
    page.wait_for_function("location.search.includes('row=7&col=9') && location.search.includes('tab=weight')")
    page.reload()
    expect(page.locator("#weight-row input")).to_have_value("7")
    expect(page.locator("#weight-tag")).to_contain_text("30")


def test_what_does_not_fit_is_a_sentence(page: Page, app: App) -> None:
    page.goto(f"{app.url}/en/?block=77&role=down&row=1&col=1&sparsity=0.3")
    expect(page.locator("#status .error")).to_contain_text("block, role, row, col")
    tab(page, words("en"), "prune")
    expect(page.locator("#sparsity-reached")).to_contain_text("30")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_escape_goes_up_from_the_weight_to_its_matrix_to_the_model(page: Page, app: App, language: str) -> None:
    say = words(language)
    arrive(page, app, language)
    parts = page.locator("#where li")
    expect(parts).to_have_count(2)
    tab(page, say, "weight")
    page.locator("#weight-telling").click()
    expect(parts).to_have_count(3)
    still(page)
    row = page.locator("#weight-row input").input_value()
    expect(parts.last).to_contain_text(f"{int(row):,}")
    page.locator("#weight-telling").press("Escape")
    expect(parts).to_have_count(2)
    page.wait_for_function("!location.search.includes('row=')")
    page.keyboard.press("Escape")
    expect(parts).to_have_count(1)
    page.keyboard.press("Escape")
    still(page)
    expect(parts).to_have_count(1)


def test_a_pin_let_go_on_a_picture_is_let_go_everywhere(page: Page, app: App) -> None:
    arrive(page, app, "en")
    tab(page, words("en"), "patterns")
    view = page.locator("#patterns-mask .matrix-view")
    expect(view).to_have_attribute("data-state", "ready")
    canvas = page.locator("#patterns-mask .matrix-canvas")
    canvas.click()
    expect(page.locator("#where li")).to_have_count(3)
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).to_have_attribute("data-pin", re.compile(r"\d+,\d+"))
    canvas.press("Escape")
    expect(page.locator("#where li")).to_have_count(2)
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).not_to_have_attribute("data-pin", re.compile(r"\d"))


def test_a_level_that_is_clicked_is_gone_up_to(page: Page, app: App) -> None:
    page.goto(f"{app.url}/en/?{LINK}")
    parts = page.locator("#where li")
    expect(parts).to_have_count(3)
    parts.first.locator("button").click()
    expect(parts).to_have_count(1)
    expect(parts.first).to_have_text("pocket")
