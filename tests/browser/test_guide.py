"""The guide, walked: every step of every way in both languages, by what its data says, in one page for each way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from gblm_viz.ui.guide.ways import Condition, Step, ways
from gblm_viz.words import LANGUAGES, words
from tests.browser.conftest import App, run_app
from tests.browser.test_walk import OWN_TEXT, ready

LONGEST = 400_000
"""Milliseconds that one step may take: a sweep and a comparison of draws are measured live."""
PANEL = ".guide-panel"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app of its own: what the guide measures would be known to the tests that come after, which ask for it."""
    yield from run_app(tmp_path_factory.mktemp("guided"))


def click(selector: str) -> Callable[[Page, Condition], None]:
    return lambda page, one: page.locator(selector).first.click()


def slide(page: Page, one: Condition) -> None:
    """Pull the slider by keys until it says so."""
    slider = page.locator(one.target)
    slider.focus()
    for _ in range(60):
        if float(slider.evaluate("""one => {
                const told = one.parentElement.querySelector('output');
                return told ? parseFloat(told.textContent) : Number(one.value); }""")) >= (one.at_least or 0):
            break
        slider.press("ArrowRight")


def choose(page: Page, one: Condition) -> None:
    """Choose in the list of groups."""
    page.locator(f"{one.target} input").click()
    say = words(page.evaluate("document.documentElement.lang"))
    page.get_by_role("option", name=say(f"prune.group.{one.value}"), exact=True).click()


def silence(page: Page, one: Condition) -> None:
    """Set the x of the weight that the row shows in its middle to 0, in the boxes of the row."""
    column = page.locator("#weight-column input").input_value()
    box = page.locator(f'#weight-hand input[data-key="input_norm {column}"]')
    box.fill("0")
    box.press("Enter")


def sweep(page: Page, one: Condition) -> None:
    """Only GBLM: its curve is what the step asks about."""
    for name in ("magnitude", "wanda"):
        page.locator("#sweep-methods label").filter(has_text=name).click()
    expect(page.locator("#sweep-line")).to_contain_text(re.compile(r"\b10\b"))
    page.locator("#sweep-start").click()


MEASURES = {"probes": click("#lost-ask"), "figures": click("#compare-measure"), "methods": click("#lost-compare"),
            "sweep": sweep, "won": click("#won-measure"), "zeroing": click("#weight-measure"),
            "two_texts": lambda page, one: None}
ACTS: dict[str, Callable[[Page, Condition], None]] = {
    "click": lambda page, one: page.locator(one.target).first.click(), "slider": slide, "value": choose,
    "text": lambda page, one: page.locator("#text textarea").fill(OWN_TEXT), "loaded": click("#load"),
    "collected": click("#collect"), "applied": click("#apply"), "flipped": silence, "saved": click("#report-make"),
    "measured": lambda page, one: MEASURES[one.target](page, one)}


def wait_for_state(page: Page, *states: str) -> None:
    expect(page.locator(PANEL)).to_have_attribute("data-state", re.compile("|".join(states)), timeout=LONGEST)


def walk(page: Page, step: Step, output: Path, language: str) -> None:
    """Do what a step asks, and see what is said then."""
    say, panel = words(language), page.locator(PANEL)
    expect(panel).to_have_attribute("data-step", step.name)
    wait_for_state(page, "asking", "doing", "done")
    expect(panel.locator(".guide-title")).to_have_text(say(f"guide.{step.name}.title"))
    assert f"guide={step.way}&step={step.number}" in page.url
    page.wait_for_function("tab => document.getElementById('tab-' + tab)?.checkVisibility()", arg=step.start.tab)
    framed = page.locator(step.start.highlight.split(",")[0]).first
    expect(framed).to_be_visible()
    if step.guess is not None:
        if step.cover:
            hidden = page.locator(step.cover.split(",")[0]).first
            assert hidden.evaluate("one => getComputedStyle(one, '::after').content") == (
                f'"{say("guide.frame.covered")}"')
        page.wait_for_timeout(1500)
        page.screenshot(path=output / f"guide-{language}-{step.name}-asks.png")
        if step.guess.kind == "choice":
            panel.locator(".guide-choices button").nth(1).click()
        else:
            panel.locator(".guide-number button").click()
    wait_for_state(page, "doing", "done")
    for one in step.done:
        if panel.get_attribute("data-state") == "done":
            break
        if one.kind in ACTS:
            ready(page)
            ACTS[one.kind](page, one)
    wait_for_state(page, "done")
    after = panel.locator(".guide-after").inner_text()
    assert after and "{" not in after + panel.locator(".guide-text").inner_text()
    assert after != say("guide.frame.no_number"), step.name
    page.screenshot(path=output / f"guide-{language}-{step.name}.png")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", list(ways()))
def test_every_step_of_a_way_can_be_done(page: Page, app: App, output: Path, way: str, language: str) -> None:
    page.goto(f"{app.url}/{language}/")
    ready(page)
    page.locator("#guide-open").click()
    page.locator(f"{PANEL} .guide-start").nth(list(ways()).index(way)).click()
    for step in ways()[way].steps:
        walk(page, step, output, language)
        page.locator(f"{PANEL} .guide-next").click()
    asked = [step for step in ways()[way].steps if step.guess is not None]
    told = page.locator(f"{PANEL} .guide-points")
    if asked:
        expect(told).to_have_text(re.compile(rf"\b{len(asked)}\b"))
    expect(page.locator(f"{PANEL} .guide-title")).to_have_text(words(language)("guide.frame.finished"))


def test_a_step_opens_its_tab_also_where_the_answers_come_before_the_event_has_its_name(page: Page, app: App) -> None:
    """As on a busy machine: the browser keeps such answers, and uses all of them at once when it is told the name."""
    def come_late(route: Route) -> None:
        told = route.fetch()
        time.sleep(0.3)
        route.fulfill(response=told)

    page.goto(f"{app.url}/en/")
    ready(page)
    page.locator("#guide-open").click()
    page.locator(f"{PANEL} .guide-start").nth(list(ways()).index("five")).click()
    wait_for_state(page, "asking", "doing", "done")
    page.route("**/queue/join*", come_late)
    tabs = [step.start.tab for step in ways()["five"].steps][1:4]
    assert len(set(tabs)) == 3
    for tab in tabs:
        page.locator(f"{PANEL} .guide-next").click()
        page.wait_for_function("tab => document.getElementById('tab-' + tab)?.checkVisibility()", arg=tab)
    page.unroute_all(behavior="ignoreErrors")
