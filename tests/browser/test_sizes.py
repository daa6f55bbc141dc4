"""One number on the page's root enlarges all letters, as a projector's view will need it."""

from __future__ import annotations

from playwright.sync_api import Page

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import TABS, arrive, tab

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


def test_one_number_enlarges_every_letter_outside_the_charts(page: Page, app: App) -> None:
    say = words("en")
    page.emulate_media(reduced_motion="reduce")  # else a button would take its new size by and by
    arrive(page, app, "en")
    for name in TABS:
        tab(page, say, name)
        still(page)
        sizes = page.evaluate(LETTERS)
        assert len(sizes) > 20
        assert [one for one in sizes if abs(one[1] - 1.5 * one[0]) > 0.01] == []
