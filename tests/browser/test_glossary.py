"""Terms on the page: dotted where they stand, opened by pointer, tap and key; and the page of all of them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from gblm_viz.glossary import read_glossary
from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_access import violations
from tests.browser.test_walk import arrive, tab

FORBIDDEN = "button, a, input, textarea, select, code, svg, canvas, .chat, [role=tab], #prune-tag, .token-bars"
PLACES = """root => [...document.querySelectorAll(root + " :is(p, th, h2, [data-testid=block-info])")].map((one) => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""
UNMARK = """root => document.querySelectorAll(root + " .term").forEach((one) => {
  const { parentElement } = one;
  one.replaceWith(one.textContent);
  parentElement.normalize();
})"""


def term(page: Page, place: str, name: str) -> Locator:
    """The first word in a place that is marked as this term."""
    return page.locator(f"{place} .term[data-term={name}]:visible").first


def test_a_word_opens_by_pointer_tap_and_key_and_esc_leads_back(page: Page, app: App) -> None:
    say, terms = words("en"), read_glossary("en").terms
    arrive(page, app, "en")
    tab(page, say, "prune")
    still(page)
    card, word = page.locator(".term-card"), term(page, "#prune", "sparsity")
    expect(word).to_be_visible()
    # hovering shows it, leaving takes it away, and it may be hovered itself
    word.hover()
    expect(card).to_contain_text(terms["sparsity"].text)
    expect(card.locator("svg.term-picture")).to_be_visible()
    card.hover()
    expect(card).to_be_visible()
    page.mouse.move(2, 2)
    expect(card).to_be_hidden()
    # a key: the first word in sight, the next ones by arrows, related terms in the same card
    page.keyboard.press("?")
    first = card.locator(".term-name").inner_text()
    expect(card.locator(".term-name")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(card.locator(".term-name")).not_to_have_text(first)
    second = card.locator(".term-name").inner_text()
    related = card.locator(".term-see button").first
    name = related.inner_text()
    page.keyboard.press("Tab")
    expect(related).to_be_focused()
    page.keyboard.press("Enter")
    expect(card.locator(".term-name")).to_have_text(name)
    expect(page.locator("[aria-label='Empty value']:visible")).to_have_count(0)  # Gradio's, until a chart has come
    assert violations(page, "card") == []
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert read_glossary("en").terms[page.evaluate("document.activeElement.dataset.term")].name == second
    expect(page.locator("#where button")).to_have_count(1)  # and Esc did not go up to the model
    page.keyboard.press("Enter")
    expect(card.locator(".term-name")).to_have_text(second)
    for _ in range(10):  # Tab leads out of the card, back to the word
        if card.is_hidden():
            break
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.term')")
    # a tap keeps it open and presses nothing around the word
    before = page.locator("#alpha-share input[type=number]").input_value()
    term(page, "#prune", "share").click()
    expect(card).to_contain_text(terms["share"].text)
    page.mouse.move(2, 2)
    expect(card.get_by_role("link", name=say("glossary.frame.all"))).to_have_attribute("href", "glossary#share")
    page.mouse.click(2, 2)
    expect(card).to_be_hidden()
    assert page.locator("#alpha-share input[type=number]").input_value() == before
    # one word of all is reached by Tab
    assert page.locator(".term[tabindex='0']:visible").count() == 1


def test_words_are_marked_once_a_panel_where_they_may_be_and_again_after_an_update(page: Page, app: App) -> None:
    say = words("ja")
    arrive(page, app, "ja")
    tab(page, say, "prune")
    still(page)
    expect(term(page, "#prune", "sparsity")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.locator(f":is({FORBIDDEN}) .term").count() == 0
    marked = page.evaluate("[...document.querySelectorAll('#prune .term')].map((one) => one.dataset.term)")
    assert len(marked) == len(set(marked)) > 10
    # the marks take no room
    with_marks = page.evaluate(PLACES, "#prune")
    page.evaluate(UNMARK, "#prune")
    assert page.evaluate(PLACES, "#prune") == with_marks
    # what the server writes anew is marked anew
    page.locator("#sparsity input[type=number]").fill("0.6")
    page.keyboard.press("Enter")
    expect(page.locator("#sparsity-reached")).to_contain_text("60")
    expect(page.locator("#tab-prune .prose .term").first).to_be_visible()
    term(page, "#prune", "sparsity").click()
    expect(page.locator(".term-card")).to_contain_text(read_glossary("ja").terms["sparsity"].text)
    page.keyboard.press("Escape")
    # an answer that grows has none
    tab(page, say, "compare")
    page.locator("#prompt textarea").fill("重み、マスク、勾配")
    page.locator("#ask").click()
    expect(page.locator("#dense-chat .said")).not_to_be_empty()
    still(page)
    assert page.locator(".chat .term").count() == 0
    assert page.locator("#tab-compare .term:visible").count() > 3


def test_the_page_of_all_terms_is_searched_and_linked(page: Page, app: App) -> None:
    page.goto(f"{app.url}/glossary?lang=ja#mask")
    assert page.url == f"{app.url}/ja/glossary#mask"
    expect(page.locator("#mask")).to_be_in_viewport()
    box = page.get_by_role("searchbox")
    box.fill("2:4")
    expect(page.locator("#two_four")).to_be_visible()
    assert 0 < page.locator(".entry:visible").count() < 20
    box.fill("ＫＬ")  # full width, as Japanese keyboards write it
    expect(page.locator("#kl")).to_be_visible()
    name = page.locator("#mask h3").text_content()
    assert name is not None
    box.fill(name)
    assert page.locator(".entry:visible").first.get_attribute("id") == "mask"
    box.fill("zzz")
    expect(page.get_by_role("status")).to_have_text(words("ja")("glossary.frame.none"))
    box.fill("")
    assert page.locator(".entry:visible").count() == len(read_glossary("ja").terms)
    assert violations(page, "glossary") == []


def test_the_words_of_a_step_of_the_guide_open_above_its_panel(page: Page, app: App, output: Path) -> None:
    terms = read_glossary("en").terms
    page.goto(f"{app.url}/en/?guide=twenty&step=1")
    panel, card = page.locator(".guide-panel"), page.locator(".term-card")
    word = term(page, ".guide-text", "sparsity").or_(term(page, ".guide-text", "score")).first
    expect(word).to_be_visible()
    told = page.locator(".guide-text").inner_text()
    word.click()
    expect(card).to_contain_text(terms[str(word.get_attribute("data-term"))].text)
    page.screenshot(path=output / "glossary-guide.png")
    at = card.bounding_box()
    assert at and at["y"] >= 0 and at["y"] + at["height"] <= 720
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(panel).to_be_visible()
    assert page.locator(".guide-text").inner_text() == told
