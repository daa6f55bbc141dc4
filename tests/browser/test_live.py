"""The mask on the Prune tab follows a slider while it moves, and shows the exact numbers when it rests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from gblm_viz.words import words
from tests.browser.conftest import App, still
from tests.browser.test_walk import arrive, picture, ready, tab

COUNTING = """() => {
  window.drawn = 0;
  const draw = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...rest) {
    window.drawn++;
    return draw.apply(this, rest);
  };
}"""


LIVING = """() => {
  const view = document.querySelector('#prune-mask .matrix-view');
  window.lived = ["", []];
  new MutationObserver(() => {
    if (view.dataset.state === "ready" && view.dataset.live)
      window.lived = [view.dataset.live, [...view.querySelectorAll('.matrix-cells td')].map(one => one.dataset.value)];
  }).observe(view, { attributes: true, attributeFilter: ['data-live', 'data-state'] });
}"""
"""Keeps what the last picture of a moving control was made by, and its cells."""


def cells(view: Locator) -> list[str]:
    """The weights in sight, as their table says them."""
    return view.locator(".matrix-cells td").evaluate_all("all => all.map(one => one.dataset.value)")


@contextmanager
def held_back(page: Page) -> Iterator[None]:
    """Keeps the events of the page's controls from the server until the end of the block.

    The exact picture is asked for a quarter of a second after a control rests. On a slow machine it may arrive before
    the last picture of the moving control, which then is never shown. The tiles of the moving picture take another
    way and are not held.
    """
    holding, kept = True, list[Route]()
    page.route("**/queue/join*", lambda route: kept.append(route) if holding else route.continue_())
    yield
    holding = False
    for route in kept:
        route.continue_()


def at(slider: Locator, share: float) -> tuple[float, float]:
    box = slider.bounding_box()
    assert box is not None
    return box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2


def looked_at(page: Page, app: App) -> Locator:
    """The tab with the mask zoomed in to single weights around row 3, column 5."""
    arrive(page, app, "en")
    tab(page, words("en"), "prune")
    view = page.locator("#prune-mask .matrix-view")
    expect(view).to_have_attribute("data-state", "ready")
    expect(page.locator("#prune-numbers .number").first).to_be_visible()
    view.locator(".matrix-goto").fill("3, 5")
    view.locator(".matrix-goto").press("Enter")
    ready(page)
    expect(view.locator(".matrix-cells td[data-row='3']").first).to_be_attached()
    expect(view).to_have_attribute("data-pin", "3,5")
    return view


def rested(page: Page, slider: str, said: float) -> None:
    """Wait until the exact numbers are those of the slider's last place: on a slow machine those of an earlier place
    are shown before."""
    if slider == "#sparsity":
        page.wait_for_function(
            "said => Math.abs(parseFloat(document.querySelector('#sparsity-reached .number').innerText) - said) <= 1",
            arg=100 * said)
    else:
        expect(page.locator("#prune-numbers .number").first).to_contain_text(f"{100 * said:.1f}")


@pytest.mark.parametrize("slider", ["#sparsity", "#alpha-share"])
def test_the_mask_follows_a_slider_and_rests_on_the_exact_one(page: Page, app: App, output: Path, slider: str) -> None:
    view = looked_at(page, app)
    page.evaluate(COUNTING)
    page.evaluate(LIVING)
    figures, before = page.locator("#prune-numbers").inner_text(), cells(view)
    ranged = page.locator(f"{slider} input[type=range]")
    page.mouse.move(*at(ranged, 0.5))
    name = {"#sparsity": "sparsity", "#alpha-share": "share"}[slider]
    with held_back(page):
        page.mouse.down()
        last = 0.8 if slider == "#sparsity" else 0.98
        for seen, share in enumerate((0.6, 0.7, last)):  # a slow machine skips pictures: wait for one at each stop
            page.mouse.move(*at(ranged, share), steps=4)
            page.wait_for_function(f"window.drawn > {seen}")
        expect(view).to_have_attribute("data-live", re.compile("sparsity"))
        said = float(ranged.input_value())
        page.wait_for_function("([name, said]) => JSON.parse(window.lived[0] || '{}')[name] === said", arg=[name, said])
        picture(page, output, f"live_{slider[1:]}")
    page.mouse.up()
    page.wait_for_function("!document.querySelector('#prune-mask .matrix-view').dataset.live")
    ready(page)
    expect(view).to_have_attribute("data-state", "ready")
    page.wait_for_function("before => document.querySelector('#prune-figures').innerText !== before",
                           arg=figures)
    rested(page, slider, said)
    still(page)  # the numbers come before the cells of the same event
    live, moving = page.evaluate("window.lived")  # the last picture before the exact one, whenever that came
    assert json.loads(live)[name] == said
    assert cells(view) == moving
    assert set(moving) == {"0", "1"} and moving != before
    if slider == "#sparsity":
        assert said == pytest.approx(0.76, abs=0.03)
        # one group, the row, in one order: a weight that went at 50 % also goes at more
        assert all(now >= then for then, now in zip(before, moving, strict=True))


def test_the_mask_follows_a_choice_of_the_method(page: Page, app: App) -> None:
    view = looked_at(page, app)
    page.evaluate("document.addEventListener('input', event => { window.choice = event.target.value })")
    page.locator("#method input[value=magnitude]").check()
    page.wait_for_function("window.choice === 'magnitude'")
    ready(page)
    expect(page.locator("#status")).to_contain_text("magnitude")
    expect(view).to_have_attribute("data-state", "ready")
    magnitude = cells(view)
    page.locator("#method input[value=gblm]").check()
    expect(page.locator("#status")).to_contain_text("gblm")
    expect(view).to_have_attribute("data-state", "ready")
    assert cells(view) != magnitude


def test_the_mask_follows_a_choice_and_a_typed_n_of_m(page: Page, app: App) -> None:
    view = looked_at(page, app)
    box = page.locator("#pattern input")
    box.click()
    page.evaluate("""() => { window.lived = []; new MutationObserver(() => window.lived.push(
        document.querySelector('#prune-mask .matrix-view').dataset.live || '')).observe(
        document.querySelector('#prune-mask .matrix-view'), { attributes: true, attributeFilter: ['data-live'] }) }""")
    page.get_by_role("option", name="2:4").click()
    page.wait_for_function("""window.lived.some(one => one.includes('"pattern":"2:4"'))""")
    expect(page.locator("#sparsity-reached .number")).to_contain_text("50.0")
    ready(page)
    still(page)  # else the exact picture of 2:4 can replace the moving one of 3:4
    box.click()
    with held_back(page):
        box.fill("3:4")
        expect(view).to_have_attribute("data-live", re.compile('"pattern":"3:4"'))
        expect(view).to_have_attribute("data-state", "ready")
        # of the four weights from column 4 on, in row 3, three are gone before Enter is pressed
        gone = """[...document.querySelectorAll("#prune-mask .matrix-cells td[data-row='3']")].filter(
            one => one.dataset.column >= 4 && one.dataset.column < 8).map(one => Number(one.dataset.value))"""
        page.wait_for_function(f"(gone => gone.length === 4 && gone.reduce((a, b) => a + b) === 3)({gone})")
    box.press("Enter")
    expect(page.locator("#sparsity-reached .number")).to_contain_text("75.0")
    ready(page)
    expect(view).not_to_have_attribute("data-live", re.compile("."))  # the exact mask comes by itself, a moment later


def test_a_place_pointed_at_is_read_out_in_every_view_of_the_matrix_and_chosen_in_none(page: Page, app: App) -> None:
    arrive(page, app, "en")
    tab(page, words("en"), "patterns")
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).to_have_attribute("data-state", "ready")
    where = page.locator("#where .breadcrumb")
    before = where.inner_text()
    canvas = page.locator("#patterns-mask .matrix-canvas")
    canvas.hover()
    read = page.locator("#patterns-mask .matrix-view").get_attribute("data-hover") or ""
    place = re.match(r"[^:]*", read)
    assert place is not None and place[0]
    for name in ("wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).to_have_attribute(
            "data-hover", re.compile(re.escape(place[0])))
    expect(where.locator(".hovered")).to_contain_text("row")
    page.mouse.move(5, 5)
    for name in ("mask", "wanda", "shuffled"):
        expect(page.locator(f"#patterns-{name} .matrix-view")).to_have_attribute("data-hover", "")
    assert where.inner_text() == before


def test_a_weight_clicked_on_the_live_mask_is_selected_everywhere(page: Page, app: App) -> None:
    looked_at(page, app)
    expect(page.locator("#where")).to_contain_text("3")
    tab(page, words("en"), "weight")
    for named, number in (("weight.row", "3"), ("weight.column", "5")):
        expect(page.get_by_role("spinbutton", name=words("en")(named))).to_have_value(number)
