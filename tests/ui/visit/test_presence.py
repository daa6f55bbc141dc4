"""Nothing runs on for a page that has gone, and what Gradio keeps of it goes; how many visits there may be."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
import uvicorn

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Job, Step
from gblm_viz.ui.server import make_app
from gblm_viz.ui.visit.keys import Key
from gblm_viz.ui.visit.library import HOUR, MOST_VISITS, VISITS_PER_ADDRESS, Library
from gblm_viz.ui.visit.presence import Presence, Streams, page_of
from gblm_viz.ui.visit.remembered import OWN_PROBES, THIRD
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.words import LANGUAGES, words


def endless(cancel: threading.Event) -> Job[None]:
    while True:
        yield Step(0, 1, "sample")
        time.sleep(0.005)


def soon(claim: Callable[[], bool], seconds: float = 5.0) -> bool:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if claim():
            return True
        time.sleep(0.02)
    return False


# Pages

def test_a_page_is_here_while_a_stream_is_open_and_a_while_after():
    presence = Presence(away=20)
    presence.record_request("visit", "page")
    presence.opened("page")
    presence.opened("page")
    presence.closed("page")
    later = time.monotonic() + 1000
    assert presence.is_present("visit", later)
    presence.closed("page")
    assert not presence.is_present("visit", later)
    assert presence.is_present("visit")  # a reload takes less than that
    presence.record_request("visit", "the page, loaded again")
    presence.opened("the page, loaded again")
    assert presence.is_present("visit", later)
    assert not presence.is_present("another", time.monotonic())


def test_of_a_visit_loaded_again_and_again_the_last_pages_are_remembered_and_none_of_one_that_is_over():
    presence = Presence()
    for number in range(50):
        presence.record_request("visit", str(number))
    assert (presence.owner("49"), presence.owner("0")) == ("visit", "")
    presence.forget("visit")
    assert presence.owner("49") == ""
    assert set(presence.tidy(time.monotonic() + 1000)) == {str(number) for number in range(50)}
    assert presence.tidy(time.monotonic() + 2000) == []


@pytest.mark.parametrize(("path", "query", "page"), [
    ("/en/gradio_api/heartbeat/abc", b"", "abc"), ("/prefix/ja/gradio_api/heartbeat/abc", b"", "abc"),
    ("/en/gradio_api/queue/data", b"x=1&session_hash=abc", "abc"), ("/en/gradio_api/queue/data", b"", ""),
    ("/en/gradio_api/queue/join", b"session_hash=abc", ""), ("/en/", b"session_hash=abc", "")])
def test_the_streams_of_a_page_are_known_by_their_addresses(path: str, query: bytes, page: str):
    assert page_of({"type": "http", "method": "GET", "path": path, "query_string": query}) == page
    assert page_of({"type": "http", "method": "POST", "path": path, "query_string": query}) == ""


def test_a_stream_that_ends_in_an_error_is_closed_all_the_same():
    presence = Presence(away=0)
    presence.record_request("visit", "abc")
    seen = []

    async def app(*_: Any) -> None:
        seen.append(presence.is_present("visit"))
        raise ConnectionError

    scope = {"type": "http", "method": "GET", "path": "/en/gradio_api/heartbeat/abc", "query_string": b""}
    with pytest.raises(ConnectionError):
        asyncio.run(Streams(app, presence)(scope, None, None))
    assert seen == [True] and not presence.is_present("visit")


@pytest.mark.parametrize(("last", "gone"), [
    (b'data: {"msg": "heartbeat"}', True), (b'data: {"msg":"close_stream"}', False)])
def test_a_page_that_lets_go_of_a_stream_at_its_last_message_is_not_taken_for_gone(last: bytes, gone: bool):
    heard = []

    async def app(scope, receive, send):
        await send({"type": "http.response.body", "body": last, "more_body": True})
        try:
            heard.append((await asyncio.wait_for(receive(), 0.05))["type"])
        except TimeoutError:
            heard.append("nothing")

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        pass

    scope = {"type": "http", "method": "GET", "path": "/en/gradio_api/queue/data", "query_string": b"session_hash=abc"}
    asyncio.run(Streams(app, Presence())(scope, receive, send))
    assert heard == ["http.disconnect" if gone else "nothing"]


@pytest.mark.parametrize(("waiting", "asked"), [(None, True), ({"event"}, True), (set(), False), ("unknown", True)])
def test_a_stream_of_answers_of_which_none_is_to_come_ends_at_once(waiting: Any, asked: bool):
    presence, gradio, sent = Presence(), gr.Blocks(), []
    presence.watch(gradio)
    if waiting != "unknown":
        gradio._queue.pending_messages_per_session["abc"] = asyncio.Queue()
        gradio._queue.pending_event_ids_session["abc"] = waiting or set()
    if waiting is None:  # two languages are two apps of Gradio: the other one knows this page and has an answer for it
        other = gr.Blocks()
        presence.watch(other)
        other._queue.pending_messages_per_session["abc"] = asyncio.Queue()
        other._queue.pending_event_ids_session["abc"] = {"event"}

    async def app(*_: Any) -> None:
        sent.append("Gradio")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/en/gradio_api/queue/data", "query_string": b"session_hash=abc"}
    asyncio.run(Streams(app, presence)(scope, None, send))
    assert (sent == ["Gradio"]) == asked
    if not asked:
        assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
        assert sent[1]["body"].startswith(b"data: ") and json.loads(sent[1]["body"][6:]) == {"msg": "close_stream"}
        assert presence.is_known("abc")
    heartbeat = {**scope, "path": "/en/gradio_api/heartbeat/abc"}
    asyncio.run(Streams(app, presence)(heartbeat, None, send))
    assert sent[-1] == "Gradio"


def test_what_runs_for_a_visitor_without_a_page_ends_and_the_session_stays():
    library = Library(budget=10**6)
    gone, here = library.visit(""), library.visit("")
    gone.update(source="mine")
    tasks = [library.start(gone.key, ("collect", number), endless) for number in range(3)]
    shared = library.start(here.key, ("collect", "theirs"), endless)
    library.start(gone.key, ("collect", "theirs"), endless)
    library.presence.record_request(here.key, "page")
    library.presence.opened("page")
    chat = library.chats[gone.key] = threading.Event()
    assert library.end_absent() == []
    assert library.end_absent(time.monotonic() + 60) == [gone.key]
    assert all(one.done.wait(2) for one in tasks) and chat.is_set()
    assert not shared.done.is_set() and shared.watchers == [here.key]
    assert library.visit(gone.key).session.source == "mine"
    library.cancel(here.key)


@pytest.mark.parametrize("for_nobody", [False, True])
def test_what_a_collection_has_when_its_visitor_goes_is_kept_only_where_it_is_for_others_too(for_nobody: bool):
    library, begun = Library(budget=10**6), threading.Event()

    def collection(cancel: threading.Event) -> Job[str]:
        while not cancel.is_set():
            yield Step(1, 9, "sample")
            begun.set()
            time.sleep(0.005)
        library.put("half of it", "sums")
        return "half of it"

    task = library.start("a", ("collect", 1), collection, graceful=True, for_nobody=for_nobody)
    assert begun.wait(5)
    library.leave("a", task)
    assert task.done.wait(5) and library.has("half of it") == for_nobody


def test_what_a_collection_has_at_cancel_is_kept():
    library, begun = Library(budget=10**6), threading.Event()

    def collection(cancel: threading.Event) -> Job[str]:
        while not cancel.is_set():
            yield Step(1, 9, "sample")
            begun.set()
            time.sleep(0.005)
        return "half of it"

    task = library.start("a", ("collect", 1), collection, graceful=True)
    assert begun.wait(5)
    library.cancel("a")
    assert task.done.wait(5) and task.result == "half of it"
    library.leave("a", task)


# Visits

def test_three_hundred_visits_of_one_client_meet_a_limit_and_another_client_does_not():
    library = Library(budget=10**6)
    for number in range(300):
        with pytest.raises(GblmError, match=str(VISITS_PER_ADDRESS)) if number >= VISITS_PER_ADDRESS else nullcontext():
            library.visit("", "10.0.0.1")
    assert len(library.sessions) == VISITS_PER_ADDRESS
    assert VISITS_PER_ADDRESS >= 2 * 60  # a class of sixty with two tabs each
    library.visit("", "10.0.0.2")


def test_there_is_a_limit_for_all_clients_together():
    library = Library(budget=10**6)
    for number in range(MOST_VISITS):
        library.visit("", f"10.0.{number // 100}.1")
    with pytest.raises(GblmError) as caught:
        library.visit("", "10.1.0.1")
    assert caught.value.key == "too_many_visits" and len(library.sessions) == MOST_VISITS


def test_at_the_limit_a_visit_that_nobody_is_at_makes_way_one_that_has_nothing_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gblm_viz.ui.visit.library.VISITS_PER_ADDRESS", 3)
    library = Library(budget=10**6)
    worked, _, open_one = (library.visit("", "a") for _ in range(3))
    worked.update(source="mine")
    library.presence.record_request(open_one.key, "page")
    library.presence.opened("page")
    with pytest.raises(GblmError):
        library.visit("", "a")
    library.presence.away = 0
    second = library.visit("", "a")
    assert {worked.key, open_one.key, second.key} == set(library.sessions)
    library.presence.record_request(second.key, "another page")
    library.presence.opened("another page")
    library.visit("", "a")
    assert worked.key not in library.sessions and {open_one.key, second.key} < set(library.sessions)


@dataclass(frozen=True)
class Named(Key[Any]):
    name: str


@dataclass(frozen=True)
class SimpleNamed:
    """What a tab remembers, with a key inside."""

    masks: Named


def test_a_page_that_is_open_and_not_touched_keeps_its_visit_and_what_it_shows_until_an_hour_after_it_is_closed():
    library = Library(budget=10**6)
    visit = library.visit("")
    made: dict[str, Any] = {name: Named(name) for name in ("model", "sums", "masks", "a third's", "own", "of nobody")}
    for key in made.values():
        library.put(key, object())
    visit.update(model=made["model"], statistics=made["sums"], applied=made["masks"], source="mine")
    visit.remember(THIRD, SimpleNamed(made["a third's"]))
    visit.remember(OWN_PROBES, made["own"])
    library.presence.record_request(visit.key, "page")
    library.presence.opened("page")
    later = time.monotonic()
    for _ in range(3):
        later += HOUR + 1
        library.tidy(later)
    assert library.sessions[visit.key][1].source == "mine"
    assert [name for name, key in made.items() if not library.has(key)] == ["of nobody"]
    library.presence.closed("page")
    library.tidy(later + HOUR / 2)
    assert visit.key in library.sessions
    library.tidy(later + HOUR + 1)
    assert visit.key not in library.sessions


def test_a_page_whose_work_takes_more_than_an_hour_stays():
    library = Library(budget=10**6)
    visit = library.visit("")
    library.presence.record_request(visit.key, "page")
    library.presence.opened("page")
    task = library.start(visit.key, ("collect", 1), endless)
    library.tidy(time.monotonic() + HOUR + 1)
    assert visit.key in library.sessions and not task.done.is_set()
    library.presence.closed("page")
    library.tidy(time.monotonic() + 2 * HOUR + 2)
    assert visit.key not in library.sessions and task.done.wait(2)


def test_a_request_that_names_no_page_is_nobodys():
    presence = Presence()
    presence.record_request("visit", "")
    assert presence.owner("") == ""


def test_a_visit_that_made_way_leaves_nothing_behind():
    library = Library(budget=10**6)
    visit = library.visit("", "a")
    visit.update(text=TextChoice("my text"))
    task = library.start(visit.key, ("collect", 1), endless)
    library.tidy(time.monotonic() + HOUR + 1)
    assert task.done.wait(2)
    assert not any(visit.key in held for held in (library.sessions, library.addresses, library.visiting, library.chats))
    assert not any(visit.key in str(key) for key in library.values)
    assert library.room() == library.budget


def test_a_key_that_this_process_gave_out_comes_back_and_one_from_outside_does_not():
    library = Library(budget=10**6)
    assert library.visit("from a browser").key != "from a browser"
    assert library.visit("from our own table", issued=True).key == "from our own table"


# A real server

@dataclass
class Site:
    base: str
    library: Library
    apps: tuple[Any, ...]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The whole app in this process, with visitors that are away after half a second."""
    with pytest.MonkeyPatch.context() as patch, socket.socket() as probe:
        patch.setattr("gblm_viz.ui.visit.library.CHECK_SECONDS", 0.05)
        library = Library(budget=1 << 30)
        library.presence = Presence(away=0.5, kept=0.5)
        library.put("model", SimpleNamespace(layout=SimpleNamespace(largest=1)))
        library.first = Session(model="model")
        library.ready.set()
        app = make_app(library)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        assert soon(lambda: server.started, 20)
        library.keep_tidy()
        yield Site(f"http://127.0.0.1:{port}/en/gradio_api", library, tuple(library.presence._blocks))
        server.should_exit = True
        thread.join(10)


def arrive(site: Site, page: str) -> str:
    """What a client's first request makes: a visit, whose key is returned."""
    known = set(site.library.sessions)
    blocks = site.apps[0]
    number = next(one for one, fn in blocks.fns.items() if fn.name == "arrive")
    joined = httpx.post(f"{site.base}/queue/join", trust_env=False, json={
        "data": ["", "", None], "fn_index": number, "session_hash": page, "event_data": None, "trigger_id": None})
    joined.raise_for_status()
    assert soon(lambda: bool(set(site.library.sessions) - known))
    return (set(site.library.sessions) - known).pop()


def test_a_client_that_opens_no_stream_does_not_have_its_work_run_on(site: Site):
    key = arrive(site, "raw1")
    assert site.library.addresses[key] == "127.0.0.1"
    task = site.library.start(key, ("collect", 1), endless)
    assert task.done.wait(5)
    assert key in site.library.sessions


def test_while_the_heartbeat_is_open_work_goes_on_and_after_it_ends_gradio_keeps_nothing_of_the_page(site: Site):
    with httpx.stream("GET", f"{site.base}/heartbeat/page1", trust_env=False, timeout=10) as beat:
        lines = beat.iter_lines()
        assert "ALIVE" in next(lines)
        key = arrive(site, "page1")
        task = site.library.start(key, ("collect", 2), endless)
        assert not task.done.wait(1.5)
        assert "page1" in site.apps[0].state_holder.session_data
    assert task.done.wait(5)
    assert soon(lambda: not any("page1" in held for app in site.apps for held in (
        app.state_holder.session_data, app._queue.pending_messages_per_session)))
    assert site.library.presence.owner("page1") == key  # if it comes back, it is known


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_too_many_says_so(site: Site, language: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gblm_viz.ui.visit.library.VISITS_PER_ADDRESS", 0)
    monkeypatch.setattr(site.library.presence, "away", 1000)
    blocks = site.apps[list(LANGUAGES).index(language)]
    base = site.base.replace("/en/", f"/{language}/")
    number = next(one for one, fn in blocks.fns.items() if fn.name == "arrive")
    page = f"late{language}"
    httpx.post(f"{base}/queue/join", trust_env=False, json={
        "data": ["", "", None], "fn_index": number, "session_hash": page, "event_data": None,
        "trigger_id": None}).raise_for_status()
    with httpx.stream("GET", f"{base}/queue/data", params={"session_hash": page}, trust_env=False,
                      timeout=10) as stream:
        told = "".join(line for line in stream.iter_lines() if "process_completed" in line or "generating" in line)
    sentence = words(language)("errors.too_many_visits_here", count=0)
    assert sentence in told.encode().decode("unicode_escape" if "\\u" in told else "utf-8")
