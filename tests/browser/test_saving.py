"""Charts, maps and tables taken home from the page: the files hold what is shown."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from gblm_viz.ui.work.example import shipped_example
from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.test_walk import arrive, tab


def saved(page: Page, home: Locator, kind: str) -> bytes:
    button = home.locator(".save-bar a", has_text=kind.upper()).first
    with page.expect_download() as caught:
        button.click()
    assert caught.value.suggested_filename.endswith(f".{kind}")
    return Path(caught.value.path()).read_bytes()


def table(data: bytes) -> pandas.DataFrame:
    return pandas.read_csv(io.BytesIO(data), keep_default_na=False)


def colours(data: bytes) -> int:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert min(pixels.shape[:2]) > 200
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_overviews_map_is_saved_with_its_numbers(page: Page, app: App, output: Path, language: str) -> None:
    arrive(page, app, language)
    home = page.locator("#overview-map")
    found = pandas.read_csv(io.BytesIO(saved(page, home, "csv")))
    assert dict(zip(found["matrix"], found["value"], strict=True)) == pytest.approx(
        {one["name"]: one["mean"] for one in shipped_example(language)["gradients"]}, rel=1e-3)
    data = saved(page, home, "png")
    assert colours(data) > 40
    (output / f"saved_map_{language}.png").write_bytes(data)
    frame = home.locator(".model-map").bounding_box()
    assert frame is not None
    assert Image.open(io.BytesIO(data)).height > 2 * frame["height"] + 2 * 16, "below it stands what made it"
    label = home.locator(".save-bar a").first.get_attribute("aria-label")
    assert label == words(language)("frame.save_picture")


def test_the_histogram_is_saved_with_its_bars(page: Page, app: App) -> None:
    arrive(page, app, "en")
    tab(page, words("en"), "prune")
    home = page.locator("#prune-histogram")
    expect(home.locator(".save-bar")).to_be_visible()
    found = pandas.read_csv(io.BytesIO(saved(page, home, "csv")))
    shown = page.locator("#prune-histogram").get_by_text("kept", exact=False).first
    expect(shown).to_be_visible()
    sums = found.groupby("series")["y"].sum()
    assert sorted(sums) == pytest.approx([128 * 64, 128 * 64]), "half of the 128 × 128 weights each"
    assert colours(saved(page, home, "png")) > 20
    chart = page.get_by_role("figure", name="Lowest scores of each row go: 8,192")
    expect(chart).to_have_attribute("aria-label", re.compile("attention output.*removed, kept; score.*; weights"))


def test_a_table_is_saved_as_it_reads(page: Page, app: App) -> None:
    arrive(page, app, "en")
    tab(page, words("en"), "patterns")
    home = page.locator("#patterns-outside")
    expect(home.locator("tbody tr")).to_have_count(8)
    found = pandas.read_csv(io.BytesIO(saved(page, home, "csv")))
    assert list(found.columns) == home.locator("th").all_inner_texts()
    assert [str(one) for one in found["column"]] == home.locator("tbody tr td:first-child").all_inner_texts()
    assert home.locator(".save-bar").count() == 1


def test_a_link_to_a_picture_opens_on_it(page: Page, app: App) -> None:
    """In windows so low that the pictures stand below the fold; one of the two lies in an inner panel."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    low, say = {"width": 1280, "height": 480}, words("en")
    page.set_viewport_size(low)
    arrive(page, app, "en")
    for name, picture in (("prune", "prune-histogram"), ("patterns", "patterns-profile")):
        tab(page, say, name)
        link = page.locator(f"#{picture} .save-bar a", has_text=say("frame.picture.link_short"))
        link.click()
        copied = page.locator(f"#{picture} .save-bar a[aria-label='{say('frame.picture.copied')}']")
        expect(copied).to_have_text(say("frame.picture.copied"))
        address = page.evaluate("navigator.clipboard.readText()")
        assert address == page.url
        assert re.search(rf"tab={name}\b.*#({'[a-z-]+/' if name == 'patterns' else ''}){picture}$", address)
        other = page.context.new_page()
        other.set_viewport_size(low)
        other.goto(address)
        there = other.locator(f"#{picture}")
        expect(there).to_have_attribute("data-linked", "true", timeout=60_000)
        expect(there).to_be_in_viewport(ratio=0.5)
        other.close()
