"""The story below the first screen: the example's numbers, a verdict by what is accepted, links, a hand-out."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.core.base.intervals import Interval, Paired, PairedShare
from gblm_viz.core.measure.tolerance import Tolerance
from gblm_viz.ui.tabs.story_handout import handout
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.ui.work.story_numbers import TextLoss, example_numbers
from gblm_viz.words import LANGUAGES, words
from tests.browser.conftest import App, still
from tests.browser.test_walk import arrive, tab


def test_a_manager_finds_seven_answers_judges_them_and_takes_them_along(page: Page, app: App) -> None:
    say, shipped = words("en"), shipped_example("en")
    arrive(page, app, "en")
    still(page)
    cards = page.locator("#story .story-card")
    expect(cards).to_have_count(7)
    cost = page.locator("#story .story-card.cost")
    for count in (*shipped["probes"]["dense"], shipped["probes"]["pruned"][0]):
        expect(cost).to_contain_text(f"{count:,}")
    expect(cost.locator(".story-verdict").first).to_contain_text(say("story.verdict.outside"))
    page.locator("#story-accept-right input").fill("99")
    page.keyboard.press("Tab")
    expect(cost.locator(".story-verdict").first).to_contain_text(say("story.verdict.within"))
    page.locator("#story-accept-right input").fill("-3")
    page.keyboard.press("Tab")
    expect(page.locator("#story-accept-problem")).to_contain_text("from 0 to 1000")
    expect(cost.locator(".story-verdict").first).to_contain_text(say("story.verdict.within"))

    page.get_by_role("button", name=say("story.handout")).click()
    link = page.locator("#story-handout-ready a")
    expect(link).to_be_visible()
    address = page.evaluate("(one) => one.href", link.element_handle())
    made = urllib.request.urlopen(address).read().decode()
    assert say("story.meeting.first") in made and f"{shipped['probes']['pruned'][0]:,}" in made
    assert sheets(page, made) == 1

    page.get_by_role("button", name=say("story.doubt.link")).click()
    expect(page.locator("#lost-methods-view")).to_be_visible()
    expect(page.get_by_role("tab", name="Compare", exact=True)).to_have_attribute("aria-selected", "true")
    assert re.search("tab=compare", page.url)


def sheets(page: Page, made: str) -> int:
    """Return how many sheets of A4 an HTML page takes, printed."""
    paper = page.context.new_page()
    paper.set_content(made)
    count = len(re.findall(rb"/Type\s*/Page\b", paper.pdf(prefer_css_page_size=True)))
    paper.close()
    return count


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_handout_that_has_most_to_say_is_one_sheet(language: str, page: Page) -> None:
    numbers = replace(
        example_numbers(language), example=False, model="somebody/a-model-of-a-rather-long-name-7B-v0.3", text="",
        wanted=0.513, seconds=90.0, own_asked=PairedShare(10, 30, 2, 8), usual=60.0, guessing=300.0,
        own=TextLoss(4000, 5000, Paired(0.2, Interval(0.1, 0.3), 10)),
        against={"magnitude": "less", "wanda": "more", "gradient": "one_draw"})
    made = handout(words(language), numbers, Tolerance(), "Block 0 · o_proj, row 112, column 104",
                   "GBLM with half of the weights", "2026-01-31")
    assert sheets(page, made) == 1


def test_our_own_questions_are_asked_for_wherever_the_probes_stood(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    still(page)
    wanted, offered = page.locator("#lost-own"), page.locator("#lost-set input")
    for _ in range(2):  # the second time the panel is open already, with the model's own set
        tab(page, say, "overview")
        page.get_by_role("button", name=say("story.text.link_questions")).click()
        expect(wanted).to_be_visible()
        expect(offered).to_have_value(say("lost.probes.set_own"))
        offered.click()
        page.get_by_role("option", name=say("lost.probes.set_pocket")).click()
        expect(wanted).not_to_be_visible()
        still(page)
