"""Copy link: the dialog makes a link to what is on screen; one that hides by name opens on a plainer page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_access import violations
from tests.browser.test_walk import arrive, tab

COPIED = "() => window.copied"
CLIPBOARD = """() => Object.defineProperty(navigator, 'clipboard', { value: {
    writeText: (text) => { window.copied = text; return Promise.resolve(); } }, configurable: true })"""


def test_a_link_is_made_copied_and_opens_on_a_plainer_page(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "prune")
    page.evaluate(CLIPBOARD)
    page.locator("#link-open").click()
    box, told = page.locator(".link-address textarea"), page.locator(".link-told")
    expect(page.locator(".link-copy")).to_be_focused()
    assert violations(page, "link dialog") == []
    page.locator(".link-dialog input[value=ja]").check()
    page.locator(".link-dialog input[value=simple]").check()
    page.locator(".link-copy").click()
    expect(told).to_have_text(say("link.frame.copied"))
    link = page.evaluate(COPIED)
    assert link == box.input_value() and link.startswith(f"{app.url}/ja/?") and "hide=simple" in link
    assert "tab=prune" in link
    # where there is no clipboard the link is selected
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.locator(".link-copy").click()
    expect(told).to_have_text(say("link.frame.selected"))
    assert box.evaluate("one => one.selectionEnd - one.selectionStart") == len(link)
    # Esc closes it, gives the focus back, and goes up no level of the page
    levels = page.locator("#where li").count()
    page.keyboard.press("Escape")
    expect(page.locator(".link-dialog")).to_be_hidden()
    expect(page.locator("#link-open")).to_be_focused()
    expect(page.locator("#where li")).to_have_count(levels)

    page.goto(link)
    expect(page.locator("#tab-prune-button[aria-selected=true]")).to_be_visible()
    for shown in ("method", "sparsity", "pattern", "apply", "sparsity-reached", "prune-mask"):
        expect(page.locator(f"#{shown}")).to_be_visible()
    for hidden in ("group", "alpha", "prune-histogram", "model", "tab-weight-button", "tab-report-button"):
        expect(page.locator(f"#{hidden}")).to_be_hidden()
    # a step of the guide shows whatever it asks about
    page.locator("#guide-open").click()
    page.locator(".guide-start").nth(1).click()
    expect(page.locator("#prune-histogram")).to_be_visible()


def test_a_link_takes_a_text_collects_applies_and_then_is_an_ordinary_place(page: Page, app: App) -> None:
    say = words("en")
    page.goto(f"{app.url}/en/?tab=prune&method=wanda&sparsity=0.4&text=skill_capitals_en.txt&apply=1")
    expect(page.locator("#status .status.done")).to_contain_text("#2")  # the example is #1
    expect(page.locator("#sparsity input[type=number]")).to_have_value("0.4")
    page.wait_for_function("!location.search.includes('text=') && location.search.includes('sparsity=0.4')")
    tab(page, say, "text")
    expect(page.locator("#text-bundled input")).to_have_value("Only capitals")
    expect(page.locator("#text-result")).to_contain_text("Only capitals")
    page.goto(f"{app.url}/en/?text=held_out_en.txt&apply=1")
    expect(page.locator("#status .error")).to_contain_text("text, apply")
