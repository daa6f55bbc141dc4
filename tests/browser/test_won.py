"""What was won in the browser: nothing is claimed before it is measured, measuring can be cancelled, then it stands."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, panel, tab


@pytest.mark.dark
def test_bytes_and_speed_are_shown_once_they_are_measured(page: Page, app: App, output) -> None:
    say = words("ja")
    arrive(page, app, "ja")
    tab(page, say, "compare")
    panel(page, say, "won")
    expect(page.locator("#won-limit")).to_contain_text(say("won.limit"))
    expect(page.locator("#won-shown")).to_contain_text(say("won.waiting"))

    page.locator("#won-measure").click()
    expect(page.locator("#status progress")).to_be_visible()
    page.locator("#won-cancel").click()
    expect(page.locator("#status .status.working")).to_have_count(0)
    expect(page.locator("#won-shown table")).to_have_count(0)

    page.locator("#won-measure").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#won-shown table")).to_have_count(2)
    rows = page.locator("#won-shown table").first.locator("tbody tr")
    expect(rows).to_have_count(4)
    ratios = [float(one) for one in rows.locator("td:last-child").all_inner_texts()]
    assert ratios[0] == ratios[1] == 1
    assert 0.3 < ratios[2] < 1 and 0.3 < ratios[3] < 1
    for speed in page.locator("#won-shown table").last.locator("td:last-child").all_inner_texts()[:2]:
        assert re.match(r"\d+\.\d", speed)
    page.screenshot(path=output / "won_ja.png")
