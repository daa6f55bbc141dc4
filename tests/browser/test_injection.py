"""Hostile texts in every place where a text is typed, and in every place where it is shown: all of them stay text."""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from gblm_viz.ui.components import csv_file
from gblm_viz.ui.visit import address
from gblm_viz.words import words
from tests.browser.conftest import App, Watch, still
from tests.browser.test_lost import opened as probes_opened
from tests.browser.test_lost import pick
from tests.browser.test_report import fetched, made
from tests.browser.test_saving import saved
from tests.browser.test_walk import TABS, apply, arrive, panel, ready, tab
from tests.hostile import HARM, HOSTILE, MARK, ON_A_LINE, OUTSIDE

NAME = f'<img src=x onerror=window.pwned=1>{MARK}${{7*7}}{MARK}{{{{7*7}}}}"\'=1+1.txt'
"""A file's name."""
PLAIN = str.maketrans({"\x00": " "})


@pytest.fixture(autouse=True)
def dialogs(page: Page) -> Iterator[list[str]]:
    """No dialog opens, whatever a test does."""
    opened: list[str] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    yield opened
    assert opened == []


def unharmed(page: Page) -> None:
    """Nothing ran, was evaluated, or became an element, in this page and its frames."""
    assert page.evaluate(HARM, [MARK, OUTSIDE]) == []


def guarded(data: bytes) -> list[list[str]]:
    """The rows of a saved CSV, of which no cell is run."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [cell for row in rows for cell in row if csv_file.harmless(cell) != cell] == []
    return rows


def found_in(texts: list[str], shown: list[str], letters: int = 30) -> list[str]:
    """Those whose first letters stand in one of the shown texts as they are, blanks aside."""
    pieces = ["".join(one.split()) for one in shown]
    return [one for one in texts if any("".join(one.split())[:letters] in piece for piece in pieces)]


def test_there_are_enough_and_what_harm_is_would_be_seen(browser: Browser) -> None:
    assert len(set(HOSTILE)) >= 150 and len(set(ON_A_LINE)) >= 150
    page = browser.new_page()
    page.route("**/*", lambda route: route.abort())
    for one in ("<img src=x onerror=window.pwned=1>", f"{MARK}49{MARK}", "<pwn-tag>", f"<base href={OUTSIDE}>",
                "<a href=javascript:1>x</a>", "<p onclick=window.pwned=1>", "<svg><script>1</script></svg>"):
        page.set_content(f"<body>{one}")
        page.wait_for_timeout(50)
        assert page.evaluate(HARM, [MARK, OUTSIDE]) != [], one
    page.goto("about:blank")
    page.set_content(f"<body><p>{html.escape(chr(10).join(HOSTILE))}")
    assert page.evaluate(HARM, [MARK, OUTSIDE]) == []
    page.close()


def test_a_hostile_text_and_its_name_are_text_in_every_tab_and_in_the_report(page: Page, browser: Browser, app: App,
                                                                             tmp_path: Path) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "text")
    texts = [one.translate(PLAIN) for one in HOSTILE if "\n" not in one]
    with page.expect_file_chooser() as chooser:
        page.locator("#text-upload button").click()
    content = "\n\n".join(f"{one} and so on, to the end of the line" for one in texts)
    chooser.value.set_files({"name": NAME, "mimeType": "text/plain", "buffer": content.encode()})
    expect(page.locator("#text textarea")).to_have_value(re.compile("m4rk"))
    page.locator("#text-rule label", has_text=say("text.rules.paragraphs")).click()
    page.locator("#samples input").fill("500")
    page.locator("#length input").fill("32")
    page.locator("#length input").blur()
    rows = page.locator("#text-samples td.text")
    expect(rows.nth(100)).to_be_attached()
    shown = rows.all_inner_texts()
    assert len(found_in(texts, shown, 12)) >= 100, "the samples' list shows them as they are"
    unharmed(page)
    page.locator("#collect").click()
    expect(page.locator("#text-result")).to_contain_text("×")
    ready(page)
    expect(page.locator("#text-result")).to_contain_text("onerror")
    unharmed(page)

    tab(page, say, "prune")
    apply(page, say)
    for name in TABS:
        tab(page, say, name)
        still(page)
        unharmed(page)

    # token by token, over the part of the text that was held out
    tab(page, say, "compare")
    panel(page, say, "lost")
    page.get_by_role("tab", name=say("lost.views.tokens"), exact=True).click()
    strip = page.locator("#lost-strip")
    expect(strip.locator("[role=option]").nth(5)).to_be_visible()
    guarded(saved(page, strip, "csv"))
    unharmed(page)

    tab(page, say, "report")
    page.locator("#report-own input").check()
    made(page)
    unharmed(page)
    with zipfile.ZipFile(fetched(page, "csv", tmp_path)) as archive:
        for name in archive.namelist():
            guarded(archive.read(name))
    watch, report = Watch(), browser.new_page()  # scripts may run here: there must be none
    report.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else watch.request(one))
    report.on("dialog", lambda dialog: watch.error(dialog.message))
    report.on("pageerror", lambda error: watch.error(str(error)))
    report.goto(fetched(page, "html", tmp_path).as_uri())
    report.wait_for_timeout(300)
    unharmed(report)
    assert report.locator("script").count() == 0
    assert "onerror" in report.locator("body").inner_text() and MARK + "${7*7}" in report.locator("body").inner_text()
    assert watch.errors == [] and watch.outside == []
    report.close()


def test_hostile_questions_are_text_in_the_prompt_and_in_both_answers(page: Page, app: App) -> None:
    say = words("en")
    arrive(page, app, "en")
    tab(page, say, "compare")
    page.locator("#compare-most input[type=number]").fill("4")
    page.locator("#compare-most input[type=number]").press("Enter")
    page.locator("#compare-continue input").check()
    texts = [one.translate(PLAIN) for one in HOSTILE]
    for part in range(4):
        question = "\n".join(texts[part::4])
        page.locator("#prompt textarea").fill(question)
        page.locator("#ask").click()
        for side in ("dense", "pruned"):
            expect(page.locator(f"#{side}-chat .asked")).to_have_count(part + 1)
            expect(page.locator(f"#{side}-chat .said")).to_have_count(part + 1)
            expect(page.locator(f"#{side}-chat .cursor")).to_have_count(0)
        ready(page)
        unharmed(page)
    for side in ("dense", "pruned"):
        asked = page.locator(f"#{side}-chat .asked").evaluate_all("all => all.map((one) => one.textContent)")
        assert len(found_in(texts, asked)) >= 150
    page.locator("#compare-edit").click()
    unharmed(page)


def test_hostile_probes_are_text_in_the_table_the_skills_the_chat_and_the_file(page: Page, app: App) -> None:
    say = words("en")
    probes_opened(page, app, "en", "probes")
    pick(page, "lost-set", say("lost.probes.set_own"))
    ready(page)  # the pocket's own probes were being asked, and would have the last word in the status line
    texts = [one for one in ON_A_LINE if one.strip() and len(one) < 300]
    rows = io.StringIO()
    csv.writer(rows).writerows([("prompt", "answer", "skill"), *((one, f"a {one}"[:60], one) for one in texts)])
    with page.expect_file_chooser() as chooser:
        page.locator("#lost-upload button").click()
    chooser.value.set_files({"name": NAME.replace(".txt", ".csv"), "mimeType": "text/csv",
                             "buffer": rows.getvalue().encode()})
    expect(page.locator("#status")).to_contain_text("onerror")
    unharmed(page)
    page.locator("#lost-ask").click()
    table = page.locator("#lost-table")
    expect(table.locator("tbody tr")).to_have_count(10)
    shown: list[str] = []
    for _ in range(4):
        shown += table.locator("td").all_inner_texts()
        unharmed(page)
        told = page.locator("#lost-table .probe-pages span").inner_text()
        page.locator("#lost-table .probe-pages .on").click()
        expect(page.locator("#lost-table .probe-pages span")).not_to_have_text(told)
    assert len(found_in(texts, shown)) >= 35
    with page.expect_download() as caught:
        page.locator("#lost-table .save").click()
    found = guarded(Path(caught.value.path()).read_bytes())
    asked = [row[1] for row in found[1:]]
    assert sorted(asked) == sorted(csv_file.harmless(one.strip()) for one in texts)
    pick(page, "lost-view", say("lost.probes.view_skills"))
    expect(page.locator("#lost-skills")).to_contain_text("onerror")
    unharmed(page)
    pick(page, "lost-view", say("lost.probes.view_each"))
    table.locator("td.prompt button").first.click()
    expect(page.locator("#prompt textarea")).to_be_focused()
    unharmed(page)


def test_hostile_names_of_models_folders_and_numbers_are_sentences(page: Page, app: App, tmp_path: Path) -> None:
    say = words("en")
    arrive(page, app, "en")
    box = page.locator("#model input, #model textarea").first
    for part in range(8):
        source = " ".join(ON_A_LINE[part::8])
        box.fill(source)
        page.locator("#load").click()
        expect(page.locator("#status .error")).to_contain_text(source[:20])
        unharmed(page)
        box.fill("")
    tab(page, say, "report")
    folder = page.locator("#save-folder").locator("input, textarea").first
    (tmp_path / "file").write_text("mine")
    for part in range(4):
        folder.fill(str(tmp_path / "file") + "/" + " ".join(ON_A_LINE[part::20])[:120])
        page.locator("#save").click()
        expect(page.locator("#status .error")).to_contain_text(str(tmp_path))
        unharmed(page)
    tab(page, say, "compare")
    for one in ("=1+1", "<img src=x onerror=window.pwned=1>", "${7*7}", "1e999"):
        page.locator("#seed input, #seed textarea").first.fill(one)
        page.locator("#prompt textarea").fill("x")
        page.locator("#ask").click()
        expect(page.locator("#status .error")).to_be_visible()
        unharmed(page)
    tab(page, say, "weight")
    page.locator("#weight-telling").click()
    hand = page.locator("#weight-hand input").first
    expect(hand).to_be_visible()
    for one in ON_A_LINE[::10]:
        hand.fill(one)
        hand.press("Tab")
        unharmed(page)
    expect(hand).to_have_value(re.compile(r"^[\d.e-]+$"))


def test_a_hostile_address_opens_and_says_what_it_left_out(page: Page, app: App) -> None:
    short = [one for one in ON_A_LINE if len(one) <= address.LONGEST]
    names = [*address.known_fields(), "hide", "lang", "unknown", "__theme"]
    assert len(short) >= len(names) * 3
    for part in range(3):
        fields = dict(zip(names, short[part::3], strict=False))
        fields |= dict.fromkeys(short[part : part + 20], "1")
        page.goto(f"{app.url}/en/?{urlencode(fields)}")
        expect(page.locator("#status .status")).to_be_visible()
        expect(page.locator("#status .working")).to_have_count(0)
        unharmed(page)
        for link in page.locator("#lang nav a").all():
            assert re.match(rf"({app.url}|\.\.)?/(en|ja)/(\?|$)", link.get_attribute("href") or "")
    page.goto(f"{app.url}/?{urlencode({'lang': NAME, 'tab': NAME})}")
    ready_or_error = page.locator("#status .status")
    expect(ready_or_error).to_be_visible()
    unharmed(page)
