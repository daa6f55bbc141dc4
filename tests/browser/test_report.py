"""Taking it home in the browser: files fetched and opened again, a folder saved and verified, no word unasked."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gblm_viz.core.mask.mask_file import read_masks
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.words import words
from tests.browser.conftest import App, Watch
from tests.browser.test_walk import OWN_TEXT, apply, arrive, collect, picture, tab

CANARY = "Zyxwort"


def made(page: Page) -> None:
    """Press Report; the files of before are replaced by new ones."""
    before = page.locator("#report-files a").first
    old = before.get_attribute("href") if before.count() else ""
    page.locator("#report-make").click()
    expect(page.locator("#report-files a[data-kind=html]")).not_to_have_attribute("href", old or "none")


def fetched(page: Page, kind: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(f"#report-files a[data-kind={kind}]").click()
    place = folder / waiting.value.suggested_filename
    waiting.value.save_as(place)
    return place


def opened(browser: Browser, file: Path, output: Path, name: str) -> str:
    """The report as a visitor opens it from the disk: nothing from outside, no error; its text."""
    watch = Watch()
    page = browser.new_page(viewport={"width": 1000, "height": 1200}, java_script_enabled=False)
    page.on("console", watch.console)
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else watch.request(request))
    page.goto(file.as_uri())
    page.screenshot(path=output / f"{name}.png", full_page=True)
    broken = page.locator("image").count()
    assert broken == 1  # the mask, drawn inline
    assert page.locator("html").evaluate("page => page.scrollWidth <= innerWidth")
    printed = page.pdf(path=output / f"{name}.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", printed)) >= 5
    text = page.locator("body").inner_text()
    page.close()
    assert watch.errors == [] and watch.outside == []
    return text


def test_the_report_of_an_own_text_is_fetched_opened_and_printed(page: Page, browser: Browser, app: App, output: Path,
                                                                 tmp_path: Path) -> None:
    say = words("en")
    arrive(page, app, "en")
    collect(page, say, OWN_TEXT.replace("went", f"went by {CANARY}"))
    tab(page, say, "prune")
    apply(page, say)
    tab(page, say, "report")
    rows = page.locator("#report-runs tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("→")
    made(page)
    expect(page.locator("#report-files")).to_contain_text(say("report.made_plain"))
    picture(page, output, "report_tab_en")
    cited = re.search(r"[0-9a-f]{12}", page.locator("#report-cite code").inner_text())
    assert cited is not None and cited[0] in rows.nth(1).inner_text()

    report = fetched(page, "html", tmp_path)
    assert CANARY not in report.read_text(encoding="utf-8")
    text = opened(browser, report, output, "report_en")
    assert cited[0] in text and say("text.own") in text
    for section in ("settings", "pictures", "lost", "won", "visit", "limits", "cite"):
        assert say(f"report.sections.{section}") in text
    tables = json.loads(fetched(page, "json", tmp_path).read_text(encoding="utf-8"))
    assert tables["hash"].startswith(cited[0]) and len(tables["tables"]["visit"]) == 2
    with zipfile.ZipFile(fetched(page, "csv", tmp_path)) as archive:
        matrices = list(csv.DictReader(io.StringIO(archive.read("matrices.csv").decode("utf-8-sig"))))
        assert not any(CANARY.encode() in archive.read(name) for name in archive.namelist())
    assert [row["name"] for row in matrices] == [row["name"] for row in tables["tables"]["matrices"]]
    masks = read_masks(fetched(page, "masks", tmp_path))
    assert sum(int(mask.sum()) for mask in masks.values()) == tables["tables"]["run"][0]["removed"]

    page.locator("#report-own input").check()
    made(page)
    expect(page.locator("#report-files")).to_contain_text(say("report.made_own"))
    text = opened(browser, fetched(page, "html", tmp_path), output, "report_own_en")
    assert text.count(CANARY) > 5
    assert CANARY not in app.log.read_text()

    # a reload keeps the list and the files
    page.reload()
    expect(page.locator("#report-runs tbody tr")).to_have_count(2)
    expect(page.locator("#report-files a")).to_have_count(6)


@pytest.mark.dark
def test_the_pruned_model_is_saved_by_keyboard_and_verified_in_japanese(page: Page, browser: Browser, app: App,
                                                                        output: Path, tmp_path: Path) -> None:
    say = words("ja")
    arrive(page, app, "ja")
    tab(page, say, "report")
    expect(page.locator("#save-result")).to_contain_text(say("report.nothing_saved"))
    box = page.locator("#save-folder").locator("input, textarea").first
    box.fill(str(tmp_path / "taken.txt"))
    (tmp_path / "taken.txt").write_text("mine")
    page.locator("#save").click()
    expect(page.locator("#status .status.error")).to_contain_text("taken.txt")
    box.fill(str(tmp_path / "pruned"))
    page.locator("#save").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".take-home-verified")).to_contain_text("50.00 %")
    expect(page.locator("#status .status.done")).to_contain_text(str(tmp_path / "pruned"))
    page.locator("#save-result summary").click()
    expect(page.locator(".take-home-matrices tbody tr")).to_have_count(42)
    names = {file.name for file in (tmp_path / "pruned").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "masks.safetensors", "pruning.json",
            "statistics-manifest.json"} <= names
    card = (tmp_path / "pruned" / "README.md").read_text(encoding="utf-8")
    right, _ = shipped_example("ja")["probes"]["pruned"]
    assert say("report.which.held_out") in card and str(right) in card  # measured scores stand on the card
    made(page)
    picture(page, output, "report_tab_ja")
    text = opened(browser, fetched(page, "html", tmp_path), output, "report_ja")
    assert say("report.sections.lost") in text and say("report.won.saved") in text
    saved = (tmp_path / "pruned" / "model.safetensors").stat().st_size
    assert f"{saved:,}" in text  # what was saved in this visit is a measured number now
