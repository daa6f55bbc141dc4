"""What a visitor types and uploads is nowhere afterwards: a word through every field, looked for everywhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gblm_viz.words import words
from tests.browser.conftest import ROOT, App, followed, start, still
from tests.browser.test_lost import pick
from tests.browser.test_report import fetched, made
from tests.browser.test_walk import OWN_TEXT, TABS, apply, arrive, ask, panel, ready, tab

WORD = "zyxw" + "qort"
"""Begins every word that a visitor types in these tests; what follows it names the field. This file has it in two."""
FILE = f"{WORD}name.txt"
MODEL = "Qmodelzy"
"""The name of a visitor's model: a report names it, another visitor's page does not."""
STORED = """async () => {
  // all that a page can keep in a browser, and the addresses it came by
  const found = {local: {...localStorage}, session: {...sessionStorage}, caches: [], databases: []};
  const done = (request) => new Promise((good, bad) => {
    request.onsuccess = () => good(request.result);
    request.onerror = bad;
  });
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) found.caches.push(request.url);
  for (const {name} of await indexedDB.databases()) {
    const base = await done(indexedDB.open(name));
    for (const store of base.objectStoreNames)
      found.databases.push([name, store, await done(base.transaction(store).objectStore(store).getAll())]);
    base.close();
  }
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  return JSON.stringify([found, document.cookie, location.href, document.title, loaded]);
}"""
PASSED_OVER = {".git", "output", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def holding(folder: Path, word: str, since: float) -> list[Path]:
    """Files and folders written since then that have the word in their name or in their content."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in PASSED_OVER]
        for name in (*folders, *files):
            path = Path(place, name)
            try:
                if path.stat().st_mtime < since or not (path.is_dir() or path.is_file()):
                    continue
                content = path.read_bytes().lower() if path.is_file() else b""
            except OSError:
                continue  # gone meanwhile
            if word in name.lower() or word.encode() in content or word.encode("utf-16-le") in content:
                found.append(path)
    return found


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[App]:
    """An app that nobody else uses, with a home and a temporary folder of its own."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    running = start(tmp_path / "log.txt", HOME=str(tmp_path / "home"), TMPDIR=str(tmp_path / "temporary"))
    yield running
    running.process.terminate()
    running.process.wait(20)


def addresses(context: BrowserContext) -> list[str]:
    """Every address that the context's pages ask for, or go to, from now on."""
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("page", lambda page: page.on("framenavigated", lambda frame: asked.append(frame.url)))
    return asked


def upload(page: Page, button: str, name: str, content: str) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator(button).click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": content.encode()})


def everything_typed(page: Page, folder: Path) -> None:
    """A word into each box of the page, and every text used for what it is for."""
    say = words("en")
    box = page.locator("#model input, #model textarea").first
    box.fill(f"no/{WORD}model")
    page.locator("#load").click()
    expect(page.locator("#status .error")).to_contain_text(f"{WORD}model")
    box.fill(str(folder))
    page.locator("#load").click()
    expect(page.locator("#status .done")).to_contain_text(MODEL)

    tab(page, say, "text")
    still(page)  # the boxes of another model's first filling
    page.locator("#text textarea").fill(f"{WORD}typed " + OWN_TEXT)
    expect(page.locator("#text-samples td.text").first).to_contain_text(f"{WORD}typed")
    page.locator("#text-keep input").check()
    page.locator("#text-folder input, #text-folder textarea").first.fill(f"/proc/{WORD}keep")
    page.locator("#text-keep input").uncheck()
    upload(page, "#text-upload", FILE, OWN_TEXT.replace("went", f"went by {WORD}content"))
    expect(page.locator("#text-samples td.text", has_text=f"{WORD}content").first).to_be_attached()
    still(page)  # the switch of the folder, and what it shows
    page.locator("#collect").click()
    expect(page.locator("#text-result")).to_contain_text("×")
    ready(page)

    tab(page, say, "prune")
    apply(page, say)
    tab(page, say, "compare")
    page.locator("#compare-most input[type=number]").fill("8")
    page.locator("#compare-most input[type=number]").press("Enter")
    ask(page, f"What is {WORD}prompt?")
    page.locator("#seed input, #seed textarea").first.fill(f"{WORD}seed")
    page.locator("#ask").click()
    expect(page.locator("#status .error")).to_be_visible()
    page.locator("#seed input, #seed textarea").first.fill("0")
    panel(page, say, "lost")
    page.get_by_role("tab", name=say("lost.views.probes"), exact=True).click()
    pick(page, "lost-set", say("lost.probes.set_own"))
    page.locator("#lost-csv textarea").fill(f"prompt,answer,skill\n{WORD}pasted,{WORD}answer,{WORD}skill\n")
    page.locator("#lost-ask").click()
    expect(page.locator("#lost-table tbody tr")).to_have_count(1)
    upload(page, "#lost-upload", f"{WORD}probes.csv", f"prompt,answer,skill\n{WORD}a,{WORD}b,{WORD}c\nd,e,f\n")
    expect(page.locator("#status")).to_contain_text(f"{WORD}probes.csv")
    page.locator("#lost-ask").click()
    expect(page.locator("#lost-table tbody tr")).to_have_count(2)

    tab(page, say, "report")
    page.locator("#save-folder").locator("input, textarea").first.fill(f"/proc/{WORD}save")
    page.locator("#save").click()
    expect(page.locator("#status .error")).to_be_visible()


def busy(page: Page, context: BrowserContext, app: App) -> None:
    """A collection and a chat that run."""
    say = words("en")
    talking = followed(context.new_page())
    talking.set_default_timeout(60_000)
    arrive(talking, app, "en")
    tab(talking, say, "compare")
    talking.locator("#compare-most input[type=number]").fill("256")
    talking.locator("#prompt textarea").fill(f"What is {WORD}later?")
    tab(page, say, "text")
    page.locator("#text textarea").fill(f"{WORD}last " + OWN_TEXT * 40)
    expect(page.locator("#text-samples td.text").first).to_contain_text(f"{WORD}last")
    page.locator("#collect").click()
    talking.locator("#ask").click()
    expect(page.locator("#status progress")).to_be_visible()
    expect(talking.locator("#dense-chat .said").last).to_be_attached()


def test_a_word_through_every_field_is_nowhere_afterwards(browser: Browser, alone: App, tmp_path: Path) -> None:
    folder = tmp_path / "models" / MODEL
    shutil.copytree(ROOT / "assets" / "pocket", folder)
    since = time.time() - alone.seconds - 5
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    asked = addresses(context)
    page = followed(context.new_page())
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    arrive(page, alone, "en")
    everything_typed(page, folder)

    made(page)
    files = {kind: fetched(page, kind, tmp_path / "fetched") for kind in ("html", "json", "csv")}
    with zipfile.ZipFile(files["csv"]) as archive:
        tables = b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    for kind, content in (("csv", tables), *((kind, files[kind].read_bytes()) for kind in ("html", "json"))):
        told = content.decode("utf-8", "replace").lower()
        assert MODEL.lower() in told and FILE in told, "the report names the model and the file, as the page says"
        assert WORD not in told.replace(FILE, ""), f"the report's {kind}"

    other = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    heard: list[str] = []
    second = followed(other.new_page())
    second.on("response", lambda answer: heard.append(answer.url))
    second.set_default_timeout(60_000)
    for language in ("en", "ja"):
        arrive(second, alone, language)
        for name in TABS if language == "en" else ("text", "compare"):
            tab(second, words(language), name)
            second.wait_for_timeout(150)
            seen = second.content().lower()
            assert WORD not in seen and MODEL.lower() not in seen, f"another visitor's tab {name}"
        config = second.evaluate("async () => (await fetch('config')).text()").lower()
        assert WORD not in config and MODEL.lower() not in config
    other.close()

    kept = page.evaluate(STORED) + json.dumps(context.cookies()) + json.dumps(context.storage_state(indexed_db=True))
    page.reload()
    ready(page)
    kept += page.evaluate(STORED)
    assert WORD not in kept.lower(), "kept in the browser"
    assert [url for url in asked if WORD in url.lower()] == [], "in an address"
    assert "gblm-visit" in kept and len(asked) > 20, "both were looked at"

    def everywhere() -> list[Path]:
        own = [tmp_path / name for name in ("home", "temporary")]
        return [path for place in (*own, ROOT) for path in holding(place, WORD, since)]

    assert everywhere() == [], "on the disk while the visitor is here"
    private = list((tmp_path / "temporary").glob("gblm-viz-*"))
    assert len(private) == 1 and not [one for one in private[0].rglob("*") if one.is_file()], "no upload is a file"
    busy(page, context, alone)
    alone.process.send_signal(signal.SIGINT)
    assert alone.process.wait(20) == 130
    context.close()
    assert not private[0].exists(), "its folder goes with the server"
    assert everywhere() == [], "on the disk after the server has ended"
    said = alone.log.read_text(encoding="utf-8", errors="replace").lower()
    assert WORD not in said, "in the log"
    assert "traceback" not in said and "terminate called" not in said


def test_what_is_looked_for_on_the_disk_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "deep" / f"{WORD}folder").mkdir(parents=True)
    (tmp_path / "deep" / "file.txt").write_text(f"some {WORD.title()} here")
    (tmp_path / "wide.bin").write_bytes(WORD.encode("utf-16-le"))
    (tmp_path / "clean.txt").write_text("nothing")
    names = {path.name for path in holding(tmp_path, WORD, 0)}
    assert names == {f"{WORD}folder", "file.txt", "wide.bin"}
    assert holding(tmp_path, WORD, 1e11) == []
