"""The sweep in the browser: it fills, stops where it is asked to, goes on from there, and its points can be loaded."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, panel, tab


def shown(page: Page) -> int:
    """Points measured, as the line above the charts says."""
    found = re.match(r"\d+", page.locator("#sweep-line").inner_text())
    assert found is not None
    return int(found[0])


def test_a_sweep_fills_is_cancelled_goes_on_and_its_points_are_loaded(page: Page, app: App, output) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "compare")
    panel(page, say, "sweep")
    for method in ("magnitude", "wanda", "gblm", "gradient"):  # points of the others are shipped
        page.locator("#sweep-methods label").filter(has_text=method).click()
    line, rows = page.locator("#sweep-line"), page.locator("#sweep-table tbody tr")
    expect(line).to_contain_text("of 10 points")

    # it fills, and stays at what it has when cancelled
    page.locator("#sweep-start").click()
    expect(rows).not_to_have_count(1)  # of the dense model, shipped
    expect(page.locator("#status")).to_contain_text("left")
    page.locator("#sweep-cancel").click()
    expect(page.locator("#status .status.done")).to_contain_text("kept")
    kept = shown(page)
    assert 1 < kept < 10
    assert rows.count() == kept

    # it goes on from there, also on a page that was loaded anew
    page.reload()
    expect(page.locator("#status .status.done")).to_be_visible()
    tab(page, say, "compare")
    panel(page, say, "sweep")
    for method in ("magnitude", "wanda", "gblm", "gradient"):  # points of the others are shipped
        page.locator("#sweep-methods label").filter(has_text=method).click()
    expect(line).to_contain_text(f"{kept} of 10 points")
    page.locator("#sweep-start").click()
    expect(page.locator("#status")).to_contain_text(f"of {10 - kept} points")
    expect(line).to_contain_text("10 of 10 points", timeout=180_000)
    expect(page.locator("#sweep-perplexity .gtitle")).to_contain_text("knee")
    expect(page.locator("#sweep-relative .legendtext").last).to_contain_text("not measured here")
    expect(page.locator("#sweep-sentences")).to_contain_text("Small models bear less pruning")
    page.screenshot(path=output / "sweep.png")

    # a row's button, by keyboard
    load = page.get_by_role("button", name=re.compile(r"gradient at 30 %"))
    load.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status .status.done")).to_contain_text(re.compile("gradient at 30 %|#2 is measured"))
    expect(page.locator("#sweep-table button:focus")).to_have_count(1)

    # a mark of the chart, by mouse: the last but one, 80 %
    mark = page.locator("#sweep-probes .scatterlayer .trace").first.locator(".points path").nth(8)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#status .status.done")).to_contain_text(re.compile("gradient at 80 %|#3 is measured"))
    tab(page, say, "prune")
    expect(page.locator("#sparsity input[type=number]")).to_have_value("0.8")
    expect(page.locator("#method input:checked")).to_have_value("gradient")
    expect(page.locator("#sparsity-reached .applied")).to_be_visible()
