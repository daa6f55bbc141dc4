"""What holds on every tab and every panel of Compare: axe-core finds nothing, ids stand once, letters grow, no English.

Two visitors walk through all of them, each once, and every test looks at what they saw: one reads English in the dark
scheme, one Japanese in the light scheme, who came by the switch of the language. So each language and each scheme is
met by every rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gblm_viz.words import words
from tests.browser.conftest import ROOT, App, Watch, still, visitor
from tests.browser.test_walk import ENGLISH, TABS, arrive, panel, picture, ready, tab

PANELS = ("lost", "sweep", "won")
SCHEMES = {"en": "dark", "ja": "light"}

VISIBLE_TEXT = """() => {
  const own = '.said, .asked, textarea, #text-samples, #lang, script, style, .example-prompt';
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!parent || parent.closest(own)) continue;
    if (parent.checkVisibility && !parent.checkVisibility()) continue;
    found.push(node.textContent);
  }
  for (const element of document.querySelectorAll('[aria-label],[title],[placeholder],[alt]')) {
    if (element.closest(own) && !element.matches('textarea')) continue;
    if (!element.checkVisibility()) continue;
    for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
      if (element.hasAttribute(name)) found.push(element.getAttribute(name));
  }
  return found;
}"""

LETTERS = """() => {
  const shown = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && !one.closest("svg")
    && [...one.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()));
  const sizes = () => shown.map((one) => parseFloat(getComputedStyle(one).fontSize)), before = sizes();
  document.documentElement.style.setProperty("--enlarged", "1.5");
  const after = sizes();
  document.documentElement.style.removeProperty("--enlarged");
  return shown.map((one, at) =>
    [before[at], after[at], `${one.tagName}.${one.className} in ${one.closest("[id]")?.id}`]);
}"""
"""Sizes of all words in sight but those of charts: before, enlarged, and where they stand."""

REFERENCES = """() => {
  const names = ['fill', 'stroke', 'clip-path', 'mask', 'filter', 'marker-start', 'marker-mid', 'marker-end', 'style',
                 'href', 'xlink:href'];
  const own = (element) => names.map((name) => element.getAttribute(name) || '');
  const all = [...document.querySelectorAll('svg, svg *')].flatMap(own);
  const within = /url\\((&quot;|["'])?#/, elsewhere = /url\\((&quot;|["'])?[^#"')]+#/;
  return {within: all.filter((one) => within.test(one)).length,
          elsewhere: [...new Set(all.filter((one) => elsewhere.test(one)))]};
}"""
"""How many references within a picture name an id of this page, and those that name an address."""

COUNTS = "() => Object.entries(Object.groupBy([...document.querySelectorAll('[id]')], (one) => one.id)).map(" \
         "([id, all]) => [id, all.length])"


@dataclass
class Seen:
    """What a visitor saw, by place: a tab, or a panel of Compare."""

    background: str = ""
    watch: Watch = field(default_factory=Watch)
    violations: dict[str, list[str]] = field(default_factory=dict)
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    letters: dict[str, list[list[Any]]] = field(default_factory=dict)
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    english: dict[str, list[str]] = field(default_factory=dict)

    def look(self, page: Page, place: str) -> None:
        self.violations[place] = violations(page, place)
        self.ids[place] = dict(page.evaluate(COUNTS))
        self.letters[place] = page.evaluate(LETTERS)
        self.references[place] = page.evaluate(REFERENCES)
        self.english[place] = [text for text in page.evaluate(VISIBLE_TEXT) if ENGLISH.search(text)]


def violations(page: Page, place: str) -> list[str]:
    """What axe-core holds against what is in sight, each with the element that it found."""
    return [f"{place}: {one['id']} ({one['impact']}): {node['html'][:160]}: {node['failureSummary']}"
            for one in Axe().run(page).response["violations"] for node in one["nodes"]]


def walk(page: Page, app: App, output: Path, language: str, seen: Seen) -> None:
    say = words(language)
    page.emulate_media(reduced_motion="reduce")  # else a button would take its new colour and size by and by
    if language == "en":
        arrive(page, app, language)
    else:
        page.context.set_extra_http_headers({"Accept-Language": "en-US"})
        page.goto(f"{app.url}/")
        page.locator(f"#lang a[data-lang={language}]").click()
        ready(page)
        assert page.evaluate("navigator.language") == language
    seen.background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for name in TABS:
        tab(page, say, name)
        if name == "prune":
            expect(page.locator("#prune-histogram .js-plotly-plot")).to_be_visible()
        if name == "patterns":
            expect(page.locator("#patterns-profile .js-plotly-plot")).to_be_visible()
        still(page)
        expect(page.locator("[aria-label='Empty value']:visible")).to_have_count(0)  # Gradio's, until a chart has come
        picture(page, output, f"{SCHEMES[language]}_{name}")
        seen.look(page, name)
        if name == "compare":
            for inner in PANELS:
                panel(page, say, inner)
                still(page)
                seen.look(page, inner)


@pytest.fixture(scope="module")
def walked() -> dict[str, Seen]:
    return {}


@pytest.fixture
def seen(walked: dict[str, Seen], browser: Browser, app: App, output: Path,
         request: pytest.FixtureRequest) -> Callable[[str], Seen]:
    """What the visitor of a language saw; a test that is run once more sends the visitor once more."""
    def of(language: str) -> Seen:
        if language not in walked or getattr(request.node, "execution_count", 1) > 1:
            found = Seen()
            with visitor(browser, found.watch, SCHEMES[language]) as page:
                walk(page, app, output, language, found)
            walked[language] = found
        return walked[language]

    return of


@pytest.mark.parametrize("language", SCHEMES)
def test_axe_finds_nothing_on_any_tab(language: str, seen: Callable[[str], Seen]) -> None:
    found = seen(language).violations
    assert set(found) == {*TABS, *PANELS}
    assert [one for place in found.values() for one in place] == []


def test_axe_sees_what_it_should(page: Page) -> None:
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,">'
                     '<p style="color:#aaa">pale</p></main>')
    found = " ".join(violations(page, "planted"))
    assert "image-alt" in found and "color-contrast" in found


@pytest.mark.parametrize("language", SCHEMES)
def test_no_tab_writes_an_error_or_asks_anything_of_the_outside(language: str, seen: Callable[[str], Seen]) -> None:
    watch = seen(language).watch
    assert watch.outside == []
    assert watch.errors == []


def test_the_dark_scheme_is_dark(seen: Callable[[str], Seen]) -> None:
    assert SCHEMES["en"] == "dark"
    assert seen("en").background != "rgb(255, 255, 255)"


def test_no_english_sentence_remains_in_japanese(seen: Callable[[str], Seen]) -> None:
    found = seen("ja").english
    assert {place: english for place, english in found.items() if place in TABS and english} == {}


def test_every_stable_id_stands_once(seen: Callable[[str], Seen]) -> None:
    ids = re.search(r"## Element ids\n\n.*?\n\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert ids is not None
    wanted = set(re.findall(r"`([a-z-]+)`", ids[0]))
    assert len(wanted) == 37
    for found in (seen("en").ids, seen("ja").ids):
        assert [(place, one) for place, counts in found.items() for one in wanted if counts.get(one, 0) > 1] == []
        assert wanted & {one for counts in found.values() for one in counts} == wanted


@pytest.mark.parametrize("language", SCHEMES)
def test_one_number_enlarges_every_letter_outside_the_charts(language: str, seen: Callable[[str], Seen]) -> None:
    for place, letters in seen(language).letters.items():
        assert len(letters) > 20, place
        assert [one for one in letters if abs(one[1] - 1.5 * one[0]) > 0.01] == [], place


@pytest.mark.parametrize("language", SCHEMES)
def test_no_picture_of_any_tab_refers_to_an_address(language: str, seen: Callable[[str], Seen]) -> None:
    found = seen(language).references
    assert {place: one["elsewhere"] for place, one in found.items() if one["elsewhere"]} == {}
    assert max(one["within"] for one in found.values()) > 3, "no picture with a pattern or a clip path was looked at"
