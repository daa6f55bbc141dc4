"""The tab Patterns as a person uses it: columns outside chance, the whole model tested, this mask against Wanda's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, picture, tab


def opened(page: Page, app: App, language: str) -> None:
    arrive(page, app, language)
    tab(page, words(language), "patterns")
    expect(page.locator("#patterns-mask .matrix-view")).to_have_attribute("data-state", "ready")
    expect(page.locator("#patterns-outside tbody tr")).to_have_count(8)


def inner(page: Page, language: str, name: str) -> None:
    page.get_by_role("tab", name=words(language)(f"patterns.tab.{name}"), exact=True).click()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_inner_tab_shows_its_numbers(page: Page, app: App, output: Path, language: str) -> None:
    opened(page, app, language)
    rows = page.locator("#patterns-outside tbody tr")
    expect(rows).to_have_count(8)
    furthest = [abs(float(one.replace("−", "-"))) for one in rows.locator("td:nth-child(4)").all_inner_texts()]
    assert furthest == sorted(furthest, reverse=True)
    assert furthest[-1] > 1.96
    expect(page.locator("#patterns-profile .js-plotly-plot").first).to_be_visible()

    inner(page, language, "scores")
    expect(page.locator("#patterns-map button")).to_have_count(42)
    bands = page.locator("#patterns-bands tbody tr")
    expect(bands).to_have_count(4)
    page.locator("#patterns-test").click()
    expect(page.locator("#patterns-tested")).to_contain_text("1/21")
    page.locator("#patterns-tested").scroll_into_view_if_needed()
    picture(page, output, f"patterns_scores_{language}")

    inner(page, language, "wanda")
    expect(page.locator("#patterns-counts tbody tr")).to_have_count(7)
    expect(page.locator("#patterns-jumps tbody tr")).to_have_count(10)
    expect(page.locator("#patterns-factors")).to_contain_text("%")
    page.locator("#patterns-factors").scroll_into_view_if_needed()
    picture(page, output, f"patterns_wanda_{language}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_another_matrix_fills_the_inner_tab_that_is_open(page: Page, app: App) -> None:
    opened(page, app, "en")
    inner(page, "en", "scores")
    expect(page.locator("#patterns-bands")).to_contain_text("Block 0")
    page.locator("#patterns-map button").nth(9).click()
    expect(page.locator("#patterns-bands")).to_contain_text("Block 1")
    inner(page, "en", "columns")
    expect(page.locator("#patterns-outside tbody tr").first).to_be_visible()
    before = page.locator("#patterns-outside").inner_text()
    inner(page, "en", "scores")
    page.locator("#patterns-map button").nth(20).click()
    expect(page.locator("#patterns-bands")).to_contain_text("Block 2")
    inner(page, "en", "columns")
    expect(page.locator("#patterns-outside")).not_to_have_text(before)


def test_shuffling_again_changes_the_shuffled_mask_alone(page: Page, app: App) -> None:
    opened(page, app, "en")
    sentence = page.locator("#patterns-sentences").inner_text()
    said = re.compile(r"\d+ of \d+ columns lie outside")  # not the seconds that stand over it while it is made
    expect(page.locator("#patterns-outside")).to_contain_text(said)
    own = said.search(page.locator("#patterns-outside").inner_text())
    assert own is not None
    canvas = page.locator("#patterns-shuffled .matrix-canvas")
    pixels = canvas.evaluate("canvas => canvas.toDataURL()")
    page.locator("#patterns-shuffle").click()
    page.wait_for_function("""before =>
        document.querySelector('#patterns-shuffled .matrix-canvas').toDataURL() !== before""", arg=pixels)
    expect(page.locator("#patterns-shuffled .matrix-view")).to_have_attribute("data-state", "ready")
    expect(page.locator("#patterns-outside")).to_contain_text(own[0])
    page.wait_for_function("""before => document.querySelector('#patterns-sentences').innerText.replace(
        /shuffled [−\\d.]+/g, '') === before""", arg=re.sub(r"shuffled [−\d.]+", "", sentence))


def test_the_mask_beside_wandas_has_four_kinds_of_weights(page: Page, app: App) -> None:
    opened(page, app, "en")
    page.locator("#patterns-mask").get_by_text("beside Wanda", exact=True).click()
    for name in ("kept", "removed", "only_a", "only_b"):
        expect(page.locator("#patterns-mask .matrix-legend")).to_contain_text(words("en")(f"patterns.four.{name}"))


def test_sorting_puts_the_most_removed_columns_first_in_all_three_pictures(page: Page, app: App, output: Path) -> None:
    opened(page, app, "en")
    furthest = page.locator("#patterns-outside tbody tr").first.locator("td")
    column, z = furthest.nth(0).inner_text(), furthest.nth(3).inner_text()
    page.locator("#patterns-sort input").click()
    page.get_by_role("option", name=words("en")("patterns.sort.density")).click()
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-legend")).to_contain_text("columns sorted")
    picture(page, output, "patterns_sorted_en")
    if z.startswith("+"):  # the column furthest from chance is the one that loses most
        canvas = page.locator("#patterns-mask .matrix-canvas")
        left, top = (page.locator("#patterns-mask .matrix-view").get_attribute("data-corner") or "").split(",")
        canvas.click(position={"x": int(left) + 1, "y": int(top) + 1})
        expect(page.locator("#where li").last).to_contain_text(f"column {column}")
