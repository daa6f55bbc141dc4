"""Pictures stay whole when the address moves on: what they refer to (patterns, clip paths) is in the page itself."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_saving import saved
from tests.browser.test_walk import TABS, arrive, panel, tab

_ELSEWHERE = """() => {
  const names = ['fill', 'stroke', 'clip-path', 'mask', 'filter', 'marker-start', 'marker-mid', 'marker-end', 'style',
                 'href', 'xlink:href'];
  const own = (element) => names.map((name) => element.getAttribute(name) || '');
  const all = [...document.querySelectorAll('svg, svg *')].flatMap(own);
  const within = /url\\((&quot;|["'])?#/, elsewhere = /url\\((&quot;|["'])?[^#"')]+#/;
  return {within: all.filter((one) => within.test(one)).length,
          elsewhere: [...new Set(all.filter((one) => elsewhere.test(one)))]};
}"""
"""How many references within a picture name an id of this page, and those that name an address."""


def orange(seen: Locator | Image.Image) -> int:
    """Pixels in the colour of what is removed, #E69F00, or of it below its hatching."""
    picture = seen if isinstance(seen, Image.Image) else Image.open(io.BytesIO(seen.screenshot()))
    red, green, blue = (one.astype(int) for one in np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0))
    return int(((red > 120) & (red - blue > 90) & (abs(green - red * 0.69) < 25)).sum())


def test_removed_bars_and_their_legend_stay_when_the_address_changes_and_another_tab_was_visited(
        page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "prune")
    chart = page.locator("#prune-histogram .js-plotly-plot")
    bars, legend = chart.locator(".cartesianlayer"), chart.locator(".legend")
    expect(legend).to_be_visible()
    still(page)
    before = orange(bars), orange(legend)
    assert min(before) > 20, "nothing orange is drawn at all"
    page.evaluate("history.replaceState(null, '', location.pathname + '?tab=prune&row=1&seed=7')")
    tab(page, say, "weight")
    expect(page.locator("#prune-histogram")).to_be_hidden()
    tab(page, say, "prune")
    expect(legend).to_be_visible()
    still(page)
    assert (orange(bars), orange(legend)) == before
    drawn = Image.open(io.BytesIO(saved(page, page.locator("#prune-histogram"), "png")))
    assert orange(drawn) > before[0], "in the picture that is saved, at twice the size"


def test_no_picture_of_any_tab_refers_to_an_address(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    within = 0
    for name in TABS:
        tab(page, say, name)
        if name == "prune":
            expect(page.locator("#prune-histogram .js-plotly-plot")).to_be_visible()
        if name == "patterns":
            expect(page.locator("#patterns-profile .js-plotly-plot")).to_be_visible()
        if name == "compare":
            panel(page, say, "sweep")
        found = page.evaluate(_ELSEWHERE)
        assert found["elsewhere"] == [], name
        within = max(within, found["within"])
    assert within > 3, "no picture with a pattern or a clip path was looked at"
