"""Behind a path, through a real reverse proxy: the page opens, works, and never leaves its path."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, expect

from gblm_viz.words import words
from tests.browser.conftest import App
from tests.browser.proxy import Proxy, running
from tests.browser.test_report import fetched, made
from tests.browser.test_walk import ready, set_sparsity, tab

PREFIX = "/user/ann/proxy/7860"


@pytest.mark.parametrize(("strips", "says"), [
    (True, {"X-Forwarded-Prefix": PREFIX}),
    (False, {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Proto": "https"}),  # a wrong word of the proxy breaks no link
    (True, {}),
], ids=["taken off", "left on, https before it", "nothing said of the path"])
def test_the_page_works_behind_a_path(strips: bool, says: dict[str, str], page: Page, app: App, tmp_path: Path) -> None:
    say, answers = words("en"), list[Response]()
    page.on("response", lambda answer: answers.append(answer))
    with running(Proxy(app.url, PREFIX, strips, says)) as below:
        page.goto(f"{below}/?tab=report" if says else f"{below}/en/?tab=report")
        ready(page)
        assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--body-text-color-subdued')") != ""
        made(page)
        told = json.loads(fetched(page, "json", tmp_path).read_text(encoding="utf-8"))
        assert len(told["hash"]) > 12
        tab(page, say, "prune")
        set_sparsity(page, "0.3")
        expect(page.locator("#sparsity-reached")).to_contain_text("30")
        page.wait_for_function("location.search.includes('sparsity=0.3')")
        page.locator("#lang a[data-lang=ja]").click()
        page.wait_for_url(re.compile(rf"{re.escape(below)}/ja/\?.*sparsity=0\.3"))
        ready(page)
        expect(page.get_by_role("tab", name=words("ja")("frame.tabs.prune"), exact=True)).to_be_visible()
        page.close()  # before the proxy ends: a stream that it cuts off would be an error of the page
    own = urlsplit(below).netloc
    asked = [one for one in answers if urlsplit(one.url).netloc]
    assert len(asked) > 20 and {urlsplit(one.url).netloc for one in asked} == {own}
    assert [one.url for one in asked if one.status >= 400 or not urlsplit(one.url).path.startswith(PREFIX + "/")] == []
    if strips and says:
        assert {"theme.css", "heartbeat", "queue"} <= {
            part for one in asked for part in urlsplit(one.url).path.split("/")}
