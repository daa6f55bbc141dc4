"""The tab One weight as a person uses it: pick a weight, change a number, measure, ask, see the tokens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.ui.work.example import shipped_example
from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, picture, tab


@pytest.fixture(params=["en", "ja"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def go_to(page: Page, row: int, column: int) -> None:
    for name, value in (("row", row), ("column", column)):
        page.locator(f"#weight-{name} input").fill(str(value))
    page.locator("#weight-column input").press("Enter")


def opened(page: Page, app: App, language: str) -> None:
    arrive(page, app, language)
    tab(page, words(language), "weight")
    expect(page.locator("#weight-card .weight-fate")).to_be_visible()


def test_a_changed_number_turns_who_goes_and_can_be_put_back(page: Page, app: App, language: str) -> None:
    opened(page, app, language)
    go_to(page, 3, 2)
    expect(page.locator("#weight-hand td.pinned").first).to_have_text("2")
    cell = page.locator("#weight-hand td[data-column='2']")
    before = cell.get_attribute("data-removed")
    fate = page.locator("#weight-card .weight-fate")
    expect(fate).to_have_attribute("data-removed", before or "")
    box = page.locator("#weight-hand input[data-key='weight 2']")
    stored = box.input_value()
    box.fill("0" if before == "0" else "50")
    box.press("Tab")
    expect(cell).to_have_attribute("data-removed", "1" if before == "0" else "0")
    expect(cell).to_have_class(re.compile("flipped"))
    expect(page.locator("#weight-hand .hand-told")).to_contain_text(re.compile(r"\b2\b"))
    expect(fate).to_have_attribute("data-removed", before or "")
    page.locator("#weight-back").click()
    expect(cell).to_have_attribute("data-removed", before or "")
    expect(page.locator("#weight-hand input[data-key='weight 2']")).to_have_value(stored)
    box = page.locator("#weight-hand input[data-key='weight 2']")
    box.fill("many")
    box.press("Tab")
    expect(box).to_have_value(stored)


def test_the_telling_weight_goes_by_magnitude_and_stays_by_the_method(page: Page, app: App, language: str) -> None:
    opened(page, app, language)
    page.locator("#weight-telling").click()
    rows = page.locator("#weight-card table tbody tr")
    expect(rows).to_have_count(4)
    expect(page.locator("#weight-card .weight-fate")).to_have_attribute("data-removed", "0")
    expect(rows.nth(0).locator("td").nth(1)).to_have_class(re.compile("goes"))
    expect(rows.nth(3).locator("td").nth(1)).to_have_class(re.compile("stays"))


def test_asking_the_model_and_the_tokens_that_pull(page: Page, app: App, language: str, output) -> None:
    say = words(language)
    opened(page, app, language)
    page.locator("#weight-ask").click()
    answers = page.locator("#weight-effect tbody tr td:last-child")
    expect(answers.first).to_contain_text("%")
    assert all("%" in one for one in answers.all_inner_texts())
    page.get_by_role("tab", name=say("weight.pull.tab"), exact=True).click()
    page.locator("#weight-show").click()
    expect(page.locator("#weight-tokens .weight-strip")).to_have_count(3)
    expect(page.locator("#weight-tokens .weight-strip span").first).to_have_attribute("title", re.compile("%"))
    picture(page, output, f"weight_pull_{language}")


def test_measuring_fills_the_table_and_a_weight_outside_is_a_sentence(page: Page, app: App, output) -> None:
    opened(page, app, "en")
    page.locator("#weight-measure").click()
    measured = page.locator("#weight-effect tbody tr").first.locator("td").nth(2)
    expect(measured).to_contain_text(re.compile(r"[+−]\d"), timeout=180_000)
    picture(page, output, "weight_measured_en")
    before = page.locator("#weight-card").inner_text()
    go_to(page, 100_000, 0)
    expect(page.locator("#status .error")).to_contain_text("has rows 0 to")
    assert page.locator("#weight-card").inner_text() == before


def test_the_overviews_weight_opens_with_its_reasons(page: Page, app: App, language: str) -> None:
    telling = shipped_example(language)["telling"]
    arrive(page, app, language)
    expect(page.locator("#overview-telling")).to_contain_text(f"{telling['row']:,}")
    page.locator("#overview-why").click()
    expect(page.locator("#weight-row input")).to_have_value(str(telling["row"]))
    expect(page.locator("#weight-column input")).to_have_value(str(telling["column"]))
    expect(page.locator("#weight-card .weight-fate")).to_have_attribute("data-removed", "0")
