"""What is the same for everybody is made once, compressed and kept; what a visitor is told is neither."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import brotli
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gblm_viz.ui import server
from gblm_viz.ui.door import kept
from gblm_viz.ui.visit.library import Library
from tests.ui.wire import Ask, asking

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}


@pytest.fixture(scope="module")
def ask() -> Ask:
    return asking(server.make_app(Library(budget=1 << 20)))


def raw(ask: Ask, path: str, **headers: str) -> Any:
    """The answer as it comes over the wire."""
    client_headers = {"accept-encoding": "identity", **{name.replace("_", "-"): one for name, one in headers.items()}}
    return ask("GET", path, headers=client_headers)


class Counted:
    """An app that says who asks, and counts how often it is asked."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.asked = status, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await asyncio.sleep(0.01)
        told = f"{scope['path']} {scope['query_string']!r} {scope['root_path']} {scope['headers']}" + "x" * 1000
        await PlainTextResponse(told, self.status)(scope, receive, send)


def over(app: Any) -> kept.Kept:
    return kept.Kept(app, kept.kinds(lambda page, language: page + language.encode()))


@pytest.mark.parametrize("encoding", UNPACK)
@pytest.mark.parametrize("path", ["/en/", "/ja/", "/en/theme.css"])
def test_a_compressed_answer_is_the_plain_one(ask: Ask, path: str, encoding: str) -> None:
    plain, packed = raw(ask, path), ask("GET", path, headers={"accept-encoding": f"{encoding}, deflate"})
    assert packed.headers["content-encoding"] == encoding and "content-encoding" not in plain.headers
    assert packed.content == plain.content and len(plain.content) == int(plain.headers["content-length"])
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "accept-encoding" in plain.headers["vary"].lower()


@pytest.mark.parametrize(("accepted", "found"), [
    ("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("", ""), ("identity", ""), ("br;q=0, gzip", "gzip"),
    ("BR;q=0.5", "br"), ("br; q=0.000", ""), ("brotli", "")])
def test_the_best_encoding_that_is_accepted(accepted: str, found: str) -> None:
    assert kept.best_encoding(accepted) == found


def test_a_browser_keeps_named_files_for_ever_and_asks_whether_the_page_is_still_the_same(ask: Ask) -> None:
    page = raw(ask, "/en/")
    script = page.text.split('src="./assets/')[1].split('"')[0]
    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in raw(ask, f"/en/assets/{script}").headers["cache-control"]
    same = raw(ask, "/en/", if_none_match=page.headers["etag"])
    assert same.status_code == 304 and not same.content
    assert raw(ask, "/ja/", if_none_match=page.headers["etag"]).status_code == 200


def test_nothing_of_a_visitor_is_in_what_the_next_one_gets() -> None:
    app = Counted()
    ask = asking(over(app))
    first = ask("GET", "/en/?secret=1", headers={"cookie": "secret", "host": "secret.example", "x-visit": "secret"})
    assert "secret" not in first.text and first.text.endswith("en")
    assert ask("GET", "/en/").content == first.content
    assert app.asked == 1


def test_thirty_at_once_have_it_made_once() -> None:
    app = Counted()
    site = over(app)

    async def one() -> bytes:
        parts = []

        async def send(message: Any) -> None:
            parts.append(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": "/en/", "root_path": "", "query_string": b"",
                 "headers": [(b"accept-encoding", b"gzip")]}
        await site(scope, _never, send)
        return b"".join(parts)

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(one() for _ in range(30)))

    found = asyncio.run(all_of_them())
    assert app.asked == 1 and len(set(found)) == 1


async def _never() -> Any:
    await asyncio.Event().wait()


def test_a_failed_answer_is_not_kept_and_its_own_answer_is_passed_on() -> None:
    app = Counted(status=404)
    ask = asking(over(app))
    assert ask("GET", "/en/assets/none.js").status_code == 404
    app.status = 200
    assert ask("GET", "/en/assets/none.js").status_code == 200
    before = app.asked
    assert ask("GET", "/en/assets/none.js").status_code == 200 and app.asked == before


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 1_500)
    app = Counted()
    ask = asking(over(app))
    for _ in range(2):
        assert ask("GET", "/en/assets/one.js").status_code == ask("GET", "/en/assets/two.js").status_code == 200
    assert app.asked == 1 + 2 * 2  # the second is asked for once to keep it, in vain, and once for its reader


@pytest.mark.parametrize("path", ["/en/gradio_api/queue/data", "/en/gradio_api/heartbeat/s", "/take-home/token",
                                  "/en/gradio_api/info", "/upload"])
def test_what_a_visitor_is_told_is_neither_kept_nor_compressed(path: str) -> None:
    """A visit's key may stand in it beside a stranger's text: its compressed size would tell of the key."""
    app = Counted()
    ask = asking(over(app))
    answers = [ask("GET", path, headers={"accept-encoding": "br, gzip"}) for _ in range(2)]
    assert app.asked == 2
    assert all("content-encoding" not in one.headers and "etag" not in one.headers for one in answers)


@pytest.mark.parametrize(("headers", "root"), [
    ({}, "http://127.0.0.1:7860/en"), ({"x-forwarded-prefix": "/user/ann"}, "http://127.0.0.1:7860/user/ann/en"),
    ({"x-forwarded-proto": "https"}, "https://127.0.0.1:7860/en")])
def test_a_program_gets_the_address_that_it_asked(ask: Ask, headers: dict[str, str], root: str) -> None:
    found = ask("GET", "/en/config", headers=headers)
    assert found.json()["root"] == root and kept.NOBODY not in found.text
    assert found.headers["cache-control"] == "no-store"


def test_the_page_does_not_name_the_host_it_was_made_with(ask: Ask) -> None:
    """The page's own address is the browser's; see own_address.py."""
    config = raw(ask, "/en/").text.split("window.gradio_config = ")[1]
    told, _ = json.JSONDecoder().raw_decode(config)
    assert raw(ask, "/en/").text.count(kept.NOBODY) == 1 and kept.NOBODY in told["root"]
