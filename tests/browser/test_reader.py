"""For people who use a screen reader: what is announced while work runs, and what keys do to tabs and pictures."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import TABS, arrive, panel, tab

LISTEN = """() => {
    window.heard = [];
    window.updates = 0;
    const announcer = document.getElementById('announcer');
    new MutationObserver(() => window.heard.push(announcer.textContent)).observe(announcer, { childList: true });
    new MutationObserver(() => window.updates++)
        .observe(document.getElementById('status'), { childList: true, subtree: true, characterData: true });
}"""
LIVE = "[role=status], [role=log], [role=alert], [aria-live]:not([aria-live=off])"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_work_is_announced_at_its_quarters_and_its_end_from_one_place(language: str, page: Page, app: App) -> None:
    say = words(language)
    arrive(page, app, language)
    expect(page.locator("#announcer")).to_contain_text(say("status.ready"))
    assert page.locator("#status").locator(LIVE).count() == 0, "it is drawn again at every update"
    tab(page, say, "text")
    still(page)
    page.locator("#text textarea").fill(f"In {language} a river runs past the old mill. " * 2000)
    still(page)
    page.evaluate(LISTEN)
    page.locator("#collect").click()
    expect(page.locator("#status progress")).to_have_count(1)
    expect(page.locator("#status .status.done")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text(page.locator("#status .status").get_attribute("data-said") or "-")
    heard = page.evaluate("window.heard")
    work = [one for one in heard if say("status.collect") in one]
    quarters = [say("status.said", what=say("status.collect"), percent=percent) for percent in (0, 25, 50, 75, 100)]
    assert work and work == [one for one in quarters if one in work], "each once, in order, and nothing between them"
    assert len(heard) < page.evaluate("window.updates")


def test_arrow_keys_lead_from_tab_to_tab_and_each_has_a_heading(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    page.get_by_role("tab", name=say("frame.tabs.overview"), exact=True).focus()
    for name in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#tab-{name}:not([inert])")).to_be_visible()
        expect(page.get_by_role("tab", name=say(f"frame.tabs.{name}"), exact=True)).to_be_focused()
        heading = page.locator(f"#tab-{name}").get_by_role("heading", name=say(f"frame.tabs.{name}"), exact=True)
        expect(heading).to_have_count(1)
    page.keyboard.press("End")
    expect(page.locator(f"#tab-{TABS[-1]}:not([inert])")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator(f"#tab-{TABS[0]}:not([inert])")).to_be_visible()


def test_a_tab_inside_a_tab_has_a_heading_below_the_tabs(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "compare")
    panel(page, say, "lost")
    still(page)
    told = page.locator("#tab-compare").get_by_role("heading")
    assert [(told.nth(at).inner_text(), told.nth(at).evaluate("one => one.tagName")) for at in range(3)] == [
        (say("frame.tabs.compare"), "H2"), (say("compare.panels.lost"), "H3"), (say("lost.views.figures"), "H4")]


def test_an_arrow_on_a_picture_pins_a_weight_and_says_it(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "gradients")
    still(page)
    view = page.locator("#tab-gradients .matrix-view:visible").first
    canvas = view.locator(".matrix-canvas")
    canvas.press("ArrowRight")
    expect(view.locator(".matrix-pinned")).to_contain_text(re.compile(r"row \d+, column \d+"))
    expect(view.locator(".matrix-pinned")).to_have_attribute("aria-live", "polite")
    canvas.press("Escape")
    expect(view.locator(".matrix-pinned")).not_to_contain_text(re.compile(r"row \d+, column \d+"))
    still(page)  # the picture is drawn anew without its pin
    for _ in range(4):
        canvas.press("+")
    canvas.press("ArrowDown")
    expect(view.locator(".matrix-hover")).to_contain_text(re.compile(r"rows \d+–\d+, columns \d+–\d+"))


def test_both_answers_have_names_and_what_the_slider_shows_is_told(page: Page, app: App) -> None:
    arrive(page, app, "en")
    logs = page.locator(".answer-slider [role=log]")
    assert [logs.nth(at).get_attribute("aria-label") for at in range(2)] == [
        page.locator(f".answer-{side} .pane-title b").inner_text() for side in ("dense", "pruned")]
    page.evaluate(LISTEN)
    page.locator(".answer-slider input[type=range]").press("ArrowRight")
    expect(page.locator("#announcer")).to_contain_text(page.locator(".answer-slider .big").inner_text())


def test_a_link_before_everything_leads_into_the_open_tab(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "text")
    still(page)
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    page.keyboard.press("Tab")
    link = page.locator(".skip")
    expect(link).to_be_focused()
    assert (box := link.bounding_box()) is not None and box["x"] >= 0, "it is seen while it has the focus"
    address = page.url
    page.keyboard.press("Enter")
    expect(page.locator("#tab-text")).to_be_focused()
    assert page.url == address
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#tab-text') !== null")
