"""Boxes on a phone, a laptop and a large screen: nothing is too small, beside the page or over something else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import TABS, arrive, ready, tab

SIZES = {"phone": (390, 844), "laptop": (1280, 720), "large": (1920, 1080)}
FAULTS = """([least, low, high]) => {
  const name = (one) => `${one.tagName.toLowerCase()}.${one.className} in ${one.closest("[id]:not([id^=html-])")?.id}`;
  const box = (one) => one.getBoundingClientRect();
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && box(one).width > 2
    && box(one).height > 2 && !one.closest(".visually-hidden, .sr-only, .matrix-cells");
  const scrolls = (one) => one && one !== document.body && (/auto|scroll/.test(getComputedStyle(one).overflowX)
    || scrolls(one.parentElement));
  const all = [...document.querySelectorAll("body *")].filter(seen), wide = document.documentElement.clientWidth;
  const written = all.filter((one) => !one.matches("tspan[style*='70%']")
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const grown = (one) => {
    const svg = one.ownerSVGElement, width = svg?.viewBox.baseVal?.width;
    return width ? box(svg).width / width : one.currentCSSZoom || 1;
  };
  const letters = (one) => Math.round(10 * parseFloat(getComputedStyle(one).fontSize) * grown(one)) / 10;
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  for (const one of written)
    if (letters(one) > 0 && letters(one) < least) found.push(`${letters(one)} px: ${name(one)}`);
  for (const one of all) {
    const shown = !one.closest("svg") && (written.includes(one) || one.matches("button, input, canvas"));
    if (shown && !scrolls(one.parentElement) && (box(one).right > wide + 1 || box(one).left < -1))
      found.push(`beside the page: ${name(one)}`);
    if (one.matches("button") && !one.closest("table, .model-map-grid, .breadcrumb")
      && (box(one).height < low - .1 || box(one).height > high + .1))
      found.push(`${box(one).height} px high: ${name(one)}`);
  }
  const lines = ["#header", "#status-row", "#where", "#tabs [role=tablist]", ".tabitem:not([style*=none])"]
    .map((one) => [...document.querySelectorAll(one)].find(seen)).filter(Boolean);
  lines.slice(1).forEach((one, at) => {
    if (box(one).top < box(lines[at]).bottom - 1) found.push(`${name(one)} stands over ${name(lines[at])}`);
  });
  return [...new Set(found)];
}"""
"""What is wrong with what is in sight. Letters of size 0 are hidden on purpose; exponents on an axis may be smaller.
Letters of a picture with a viewBox grow with it: their size on the screen counts."""


def faults(page: Page, least: float = 13, buttons: tuple[float, float] = (36, 40)) -> list[str]:
    found: list[str] = page.evaluate(FAULTS, [least, *buttons])
    return found


def open_tab(page: Page, name: str) -> None:
    """Whichever tabs have a button of their own: on a phone most are in a menu."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.locator(f"#tabs [role=tab][data-tab-id={name}]").first.click()
    still(page)


def walk(page: Page, app: App, language: str) -> list[str]:
    page.emulate_media(reduced_motion="reduce")
    arrive(page, app, language)
    found = []
    for name in TABS:
        open_tab(page, name)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            still(page)
            found += [f"{name}, {size}: {one}" for one in faults(page)]
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_tab_fits_a_phone_a_laptop_and_a_large_screen(language: str, page: Page, app: App) -> None:
    assert walk(page, app, language) == []


@pytest.mark.dark
def test_every_tab_fits_in_the_dark_scheme(page: Page, app: App) -> None:
    assert walk(page, app, "en") == []


def test_the_page_stays_as_wide_when_an_accordion_makes_it_longer(page: Page, app: App) -> None:
    arrive(page, app, "en")
    page.set_viewport_size({"width": 1280, "height": 1000})
    before = page.locator("#header").bounding_box()
    page.locator("#about > button").click()
    page.locator("#about table").first.wait_for()
    assert page.evaluate("document.documentElement.scrollHeight > innerHeight")
    page.evaluate("scrollTo(0, 0)")
    assert page.locator("#header").bounding_box() == before


def test_boxes_out_of_place_are_seen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.set_content("""<!doctype html><div id="header" style="height: 40px">x</div>
        <div id="status-row" style="margin-top: -20px">x</div>
        <p id="small" style="font-size: 12px">x</p><button id="sliver" style="height: 20px; font-size: 14px">x</button>
        <p id="far" style="position: absolute; left: 500px">x</p>""")
    found = " ".join(faults(page))
    assert all(one in found for one in ("sideways", "12 px", "20 px high", "beside the page: p. in far", "stands over"))


def test_in_the_projectors_view_every_tab_fits_and_no_letter_is_under_20_pixels(page: Page, app: App) -> None:
    page.emulate_media(reduced_motion="reduce")
    arrive(page, app, "en")
    page.locator("#projector").click()
    found = []
    for name in TABS:
        page.locator(f"#tabs [role=tab][data-tab-id={name}]").first.click()
        still(page)
        found += [f"{name}: {one}" for one in faults(page, 20, (55.8, 62))]
    assert found == []


def test_the_projectors_keys_lead_through_a_tab_and_on_to_the_next_and_back(page: Page, app: App) -> None:
    page.goto(f"{app.url}/en/?projector=1")
    ready(page)
    tab(page, words("en"), "gradients")
    still(page)
    shown = "[document.querySelector('#tabs [role=tab][aria-selected=true]').dataset.tabId, scrollY]"
    seen = [page.evaluate(shown)]
    page.evaluate("document.activeElement.blur()")
    while seen[-1][0] == "gradients" and len(seen) < 12:
        page.keyboard.press("PageDown")
        still(page)
        seen.append(page.evaluate(shown))
    assert [name for name, _ in seen] == ["gradients"] * (len(seen) - 1) + ["prune"]
    down = [at for _, at in seen[:-1]]
    assert len(down) >= 2 and down == sorted(set(down)), "each press goes on, and none stays where it is"
    page.keyboard.press("ArrowLeft")
    still(page)
    assert page.evaluate(shown) == ["gradients", 0]
    page.locator("#projector").click()
    assert "projector" not in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(shown) == ["gradients", 0]
