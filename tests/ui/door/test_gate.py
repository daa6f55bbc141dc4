"""What reaches Gradio: the page's own requests from the page's own origin, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from gblm_viz.ui import server
from gblm_viz.ui.door import fields, gate
from gblm_viz.ui.door.access import Access
from gblm_viz.ui.door.origins import Origins, embedding_origin
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.visit.page import Page
from gblm_viz.ui.visit.presence import Presence
from gblm_viz.words import LANGUAGES, words
from tests.ui.wire import Ask, asking, pages_of

HOST = "127.0.0.1:7860"


@pytest.fixture(scope="module")
def site() -> Any:
    return server.make_app(Library(budget=1 << 20))


@pytest.fixture(scope="module")
def ask(site: Any) -> Ask:
    return asking(site)


def post(ask: Ask, language: str, route: str, body: Any, **headers: str) -> httpx.Response:
    return ask("POST", f"/{language}/gradio_api/{route}", content=json.dumps(body),
               headers={"Content-Type": "application/json", **headers})


# Files

def files(folder: Path) -> Iterator[tuple[str, str]]:
    """(what it is, a path or address that names somebody's file)."""
    canary = folder / "canary.txt"
    canary.write_text("CANARY", encoding="utf-8")
    (folder / "link.txt").symlink_to(canary)
    (folder / "inner").mkdir()
    yield "a file", str(canary)
    yield "a symbolic link", str(folder / "link.txt")
    yield "a way up", str(folder / "inner" / ".." / "canary.txt")
    yield "relative", os.path.relpath(canary)
    yield "the process's environment", "/proc/self/environ"
    yield "the source", str(Path(server.__file__))
    yield "an address of this machine", "http://127.0.0.1:7860/en/config"
    yield "an address by file:", f"file://{canary}"


SHAPES: dict[str, Callable[[str], Any]] = {
    "as Gradio writes it": lambda path: {"path": path, "meta": {"_type": "gradio.FileData"}},
    "with its address": lambda path: {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}},
    "in a list": lambda path: [{"path": path, "meta": {"_type": "gradio.FileData"}}],
    "as a component's value": lambda path: {"value": {"path": path, "meta": {"_type": "gradio.FileData"}}},
    "deep inside": lambda path: {"a": {"b": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}},
    "without its mark": lambda path: {"path": path},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_input_of_any_function_takes_a_file_of_the_host(language: str, site: Any, ask: Ask, tmp_path: Path) -> None:
    """Every input of every dependency × what a file can be named by; none is accepted, nothing is copied or told."""
    blocks, tried = pages_of(site)[language], 0
    before = sorted(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*"))
    named = list(files(tmp_path))
    for number, function in blocks.fns.items():
        if function.fn is None:
            continue
        for place in range(len(function.inputs)):
            for kind, (_, path) in enumerate(named):
                shape = list(SHAPES.values())[(kind + place) % len(SHAPES)]
                data: list[Any] = [None] * len(function.inputs)
                data[place] = shape(path)
                route = "run/predict" if kind % 2 else "queue/join"
                answer = post(ask, language, route, {"data": data, "fn_index": number, "session_hash": "s"})
                assert answer.status_code == 400, (number, place, path, answer.text)
                assert path not in answer.text and "CANARY" not in answer.text
                tried += 1
    assert tried > 2000
    assert sorted(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*")) == before


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("where", ["event_data", "data", "component"])
def test_no_event_and_no_question_of_a_component_names_a_file(where: str, shape: Callable[[str], Any], site: Any,
                                                               ask: Ask) -> None:
    blocks, named = pages_of(site)["en"], shape("/proc/self/environ")
    number = next(n for n, one in blocks.fns.items() if one.fn is not None and len(one.inputs) == 1)
    body = {"data": [None], "fn_index": number, "session_hash": "s", "event_data": named}
    if where == "data":
        body |= {"data": [named], "event_data": None}
    route = "queue/join"
    if where == "component":
        asked = next(n for n, one in blocks.blocks.items() if hasattr(one, "tile"))
        body, route = {"data": named, "component_id": asked, "fn_name": "tile", "session_hash": "s"}, "component_server"
    assert post(ask, "en", route, body).status_code == 400


def test_gradio_itself_refuses_a_path_that_was_not_uploaded(site: Any, tmp_path: Path) -> None:
    """Behind the gate stands Gradio's own check, which a mounted app leaves off unless it counts as launched."""
    canary = tmp_path / "canary.txt"
    canary.write_text("CANARY", encoding="utf-8")
    blocks = pages_of(site)["en"]
    function = next(one for one in blocks.fns.values() if any(type(two) is gr.Number for two in one.inputs))
    data = [SHAPES["as Gradio writes it"](str(canary)) if type(one) is gr.Number else None for one in function.inputs]
    from gradio.context import LocalContext

    async def run() -> None:
        LocalContext.blocks.set(blocks)
        await blocks.preprocess_data(function, data, None)
    with pytest.raises(gr.Error):
        asyncio.run(run())
    assert not list(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("canary.txt"))


@pytest.mark.parametrize("path", [
    "file=/etc/passwd", "file/etc/passwd", "file=app.py", "proxy=http://127.0.0.1:7860/", "upload", "upload_progress",
    "call/arrive", "call/v2/arrive", "run/arrive", "api/predict", "stream/x", "process_recording", "vibe-edit/",
    "custom_component/x/client/component/index.js", "runs", "queue/status", "login_check", "dev/reload", "user",
    "token"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_routes_of_gradio_that_the_page_does_not_use_are_closed(method: str, path: str, ask: Ask) -> None:
    assert ask(method, f"/en/gradio_api/{path}", content=b"{}").status_code in {404, 405}


def test_the_routes_that_the_page_uses_are_open(ask: Ask) -> None:
    for path in ("/en/", "/ja/", "/favicon.ico", "/en/config", "/en/theme.css"):
        assert ask("GET", path).status_code == 200, path
    assert ask("GET", "/").headers["location"] == "/en/"


def test_no_way_up_leaves_the_assets(ask: Ask) -> None:
    for path in ("static/%2e%2e/%2e%2e/routes.py", "assets/..%2f..%2froutes.py", "assets/%2fetc/passwd"):
        assert ask("GET", f"/en/{path}").status_code == 404, path


# Origins

PAGES = {"its own": f"http://{HOST}", "another port of this machine": "http://127.0.0.1:3000",
         "another name of this machine": "http://localhost:7860", "a site": "https://evil.example", "a file": "null",
         "its own name with another scheme": f"https://{HOST}",
         "a name that begins alike": f"http://{HOST}.evil.example", "a name inside": f"http://evil.example/{HOST}"}
OWN_PAGES = {"its own", "its own name with another scheme"}
ASKED = [("GET", "/en/"), ("GET", "/en/config"), ("POST", "/en/gradio_api/queue/join"),
         ("POST", "/en/gradio_api/component_server"), ("POST", "/upload"), ("GET", "/take-home/x"),
         ("GET", "/en/gradio_api/queue/data"), ("OPTIONS", "/en/gradio_api/queue/join"), ("OPTIONS", "/upload")]
TYPES = ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencoded", ""]


@pytest.fixture(scope="module")
def modes(site: Any) -> dict[str, Ask]:
    """The same site for this machine alone, for others, and for others who may frame it."""
    remote = Library(budget=1 << 20)
    remote.local = False
    return {"local": asking(site), "remote": asking(server.make_app(remote)),
            "embedded": asking(server.make_app(remote, Access(embed=("https://school.example",))))}


@pytest.mark.parametrize("mode", ["local", "remote", "embedded"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.replace(" ", "-"))
def test_only_the_apps_own_origin_may_ask(page: str, mode: str, modes: dict[str, Ask]) -> None:
    """Origins × routes × content types × modes: others get 403, and no answer lets another origin read it."""
    for method, path in ASKED:
        for content in TYPES if method == "POST" else [""]:
            headers = {"Origin": PAGES[page], "Content-Type": content, "Access-Control-Request-Method": "POST"}
            answer = modes[mode](method, path, headers={name: value for name, value in headers.items() if value},
                                 content=b"{}" if method == "POST" else None)
            assert (answer.status_code == 403) == (page not in OWN_PAGES) or (
                page in OWN_PAGES and path == "/upload" and answer.status_code == 403), (method, path, content)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("site_told", "mode_told", "method", "allowed"), [
    ("same-origin", "cors", "POST", True), ("none", "navigate", "GET", True), ("cross-site", "navigate", "GET", True),
    ("cross-site", "no-cors", "GET", False), ("same-site", "cors", "GET", False),
    ("cross-site", "navigate", "POST", False), ("same-site", "no-cors", "GET", False)])
def test_what_the_browser_tells_of_the_asking_page_counts(site_told: str, mode_told: str, method: str,
                                                          allowed: bool) -> None:
    headers = {"host": HOST, "sec-fetch-site": site_told, "sec-fetch-mode": mode_told}
    assert Origins().allows(method, headers) is allowed


def test_behind_a_proxy_the_name_that_the_browser_asked_counts() -> None:
    told = {"host": "10.0.0.5:7860", "x-forwarded-host": "viz.example", "origin": "https://viz.example"}
    assert Origins().allows("POST", told)
    assert not Origins().allows("POST", {**told, "origin": "https://evil.example"})
    rewritten = {"host": "10.0.0.5:7860", "origin": "https://viz.example", "sec-fetch-site": "same-origin"}
    assert Origins().allows("POST", rewritten)  # a proxy that passes no name on; a page cannot write Sec-Fetch-Site
    assert not Origins().allows("POST", {**rewritten, "sec-fetch-site": "cross-site"})


def test_every_answer_says_who_may_frame_it_and_that_types_are_not_guessed(modes: dict[str, Ask]) -> None:
    for path in ("/en/", "/take-home/none", "/nothing", "/favicon.ico"):
        headers = modes["local"]("GET", path).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    headers = modes["embedded"]("GET", "/en/").headers
    assert "frame-ancestors 'self' https://school.example" in headers["content-security-policy"]
    assert "x-frame-options" not in headers


@pytest.mark.parametrize("given", ["*", "school.example", "https://a b", "https://a; script-src *", "javascript:1",
                                   "https://school.example/page", ""])
def test_an_embedding_origin_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError):
        embedding_origin(given)
    assert embedding_origin("https://school.example:8443/") == "https://school.example:8443"


# Events

def test_malformed_events_get_a_4xx(ask: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    good = {"data": ["", ""], "fn_index": 133, "session_hash": "s"}
    wrong: list[Any] = [
        {}, [], "x", 1, None, {**good, "fn_index": 10**6}, {**good, "fn_index": -1}, {**good, "fn_index": "1"},
        {**good, "fn_index": 1.5}, {**good, "fn_index": True}, {**good, "fn_index": None}, {**good, "data": None},
        {**good, "data": {}}, {**good, "data": []}, {**good, "data": [""] * 99}, {**good, "session_hash": None},
        {**good, "session_hash": ""}, {**good, "session_hash": "../x"}, {**good, "session_hash": "s" * 65},
        {**good, "session_hash": ["s"]}, {**good, "trigger_id": 10**9}, {**good, "trigger_id": "x"},
        {**good, "batched": True}, {**good, "event_id": 7}, {**good, "simple_format": True}]
    for body in wrong:
        for route in ("queue/join", "run/predict"):
            assert post(ask, "en", route, body).status_code in {400, 404}, body
    for raw in (b"", b"{", b"[" * 100_000, b'{"data": NaN}', b"\xff\xfe", b'{"fn_index": ' + b"9" * 5000 + b"}"):
        answer = ask("POST", "/en/gradio_api/queue/join", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, raw[:20]
    for body in ({"component_id": 10**6, "fn_name": "tile"}, {"component_id": 1, "fn_name": "__init__"},
                 {"component_id": "1", "fn_name": "tile"}, {"component_id": 80, "fn_name": "postprocess"}):
        assert post(ask, "en", "component_server", {**body, "data": {}, "session_hash": "s"}).status_code in {400, 404}
    for body in ({}, {"session_hash": "s", "fn_index": "x", "event_id": "e"}):
        assert post(ask, "en", "cancel", body).status_code == 400
    assert "Traceback" not in "".join(capfd.readouterr())


def test_only_json_is_read(ask: Ask) -> None:
    for kind in TYPES[1:]:
        answer = ask("POST", "/en/gradio_api/queue/join", content=b"{}", headers={"Content-Type": kind} if kind else {})
        assert answer.status_code == 415, kind


def test_a_body_over_the_limit_is_refused_before_it_is_read(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def body(told: str | None, chunk: int, chunks: int, path: str = "/en/gradio_api/cancel") -> int:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            read.append(chunk)
            return {"type": "http.request", "body": b" " * chunk, "more_body": len(read) < chunks}

        async def send(message: Any) -> None:
            sent.append(message)
        headers = [(b"host", HOST.encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"",
                 "headers": headers + ([(b"content-length", told.encode())] if told else []), "root_path": ""}
        read.clear()
        asyncio.run(gate.Gate(site, pages_of(site), Presence())(scope, receive, send))
        return int(sent[0]["status"])

    assert body(str(10**12), 100, 3) == 413 and read == []
    assert body("9" * 400, 100, 3) == 413
    assert body(None, 10_000, 10**6) == 413 and len(read) <= gate.LARGEST_CALL // 10_000 + 1
    join = "/en/gradio_api/queue/join"
    monkeypatch.setattr(gate, "MOST_ARRIVING", 150_000)
    assert body(None, 50_000, 4, join) == 503
    assert body(None, 10_000, 4, join) == 400  # a small one is always read, and found to be no JSON
    monkeypatch.setattr(gate, "MOST_ARRIVING", 10**9)
    monkeypatch.setattr(gate, "MOST_OF_ADDRESS", 150_000)
    assert body(None, 50_000, 4, join) == 503


def test_a_body_that_stalls_holds_its_bytes_for_a_bounded_time(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "ARRIVES", 0.05)
    sent: list[dict[str, Any]] = []
    one = gate.Gate(site, pages_of(site), Presence())

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            if not one.arriving:
                return {"type": "http.request", "body": b" " * 100_000, "more_body": True}
            await asyncio.sleep(60)
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)
        await one({"type": "http", "method": "POST", "path": "/en/gradio_api/queue/join", "query_string": b"",
                   "headers": [(b"content-type", b"application/json")], "root_path": "", "client": ("10.0.0.1", 1)},
                  receive, send)
    asyncio.run(run())
    assert sent[0]["status"] == 408 and not one.arriving


def test_a_page_that_nobody_knows_gets_no_picture_and_no_stream(site: Any, ask: Ask, capfd: Any) -> None:
    blocks = pages_of(site)["en"]
    asked = next(number for number, one in blocks.blocks.items() if hasattr(one, "tile"))
    body = {"data": {"key": "x"}, "component_id": asked, "fn_name": "tile", "session_hash": "never-seen"}
    assert post(ask, "en", "component_server", body).status_code == 404
    assert "never-seen" not in getattr(blocks, "state_holder").session_data  # noqa: B009
    for query in ("", "?session_hash=", "?session_hash=never", "?session_hash=a&session_hash=b", "?session_hash=%00",
                  "?session_hash=" + "s" * 7000):
        assert ask("GET", f"/en/gradio_api/queue/data{query}").status_code in {400, 404}
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_origin_that_is_no_address_and_a_path_without_end_are_refused(ask: Ask) -> None:
    answer = ask("GET", "/en/", headers={"Origin": "http://["})
    assert answer.status_code == 403 and "content-security-policy" in answer.headers
    assert ask("GET", "/en/static/" + "a" * 300).status_code == 404
    for name in ("queue/join/", "cancel/", "reset/"):
        assert post(ask, "en", name, {}).status_code == 404  # no redirect that names the host it was asked as


def test_a_web_socket_is_not_opened(site: Any) -> None:
    sent: list[Any] = []

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}
        await gate.Gate(site, pages_of(site), Presence())({"type": "websocket", "path": "/en/"}, receive, send)
    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_component_that_is_an_input_stands_in_the_table(language: str, site: Any) -> None:
    for function in pages_of(site)[language].fns.values():
        for component in function.inputs:
            assert any(isinstance(component, kind) for kind, _ in fields.KINDS), component


@pytest.mark.parametrize(("component", "good", "bad"), [
    (gr.State, [None], ["", 0, {}]), (gr.Textbox, [None, "", "x" * 10**6], [1, True, [], {}]),
    (gr.Number, [None, 0, -1, 2**64, 1.5], ["1", True, [], float("inf"), float("nan"), 10**400, {}]),
    (gr.Checkbox, [None, True], [1, "true", []]), (gr.CheckboxGroup, [None, [], ["a"]], ["a", [{}], [["a"]]]),
    (gr.HTML, [None, {"key": "x"}], ["x", 1, [], {"a": {"path": "x"}}, {"a": [[[[[[[]]]]]]]}]),
])
def test_each_kind_of_field_takes_its_own_values_only(component: Any, good: list[Any], bad: list[Any]) -> None:
    one = component()
    assert all(fields.accepted(one, value) for value in good)
    assert not any(fields.accepted(one, value) for value in bad)


def test_a_choice_among_words_takes_no_number() -> None:
    words, numbers, later = gr.Dropdown(["a", "b"]), gr.Dropdown([("one", 1)]), gr.Dropdown([])
    assert fields.accepted(words, "a") and not fields.accepted(words, 1)
    for kind in (gr.Radio, gr.Dropdown):
        assert not fields.accepted(kind(["a"], value="a"), None) and fields.accepted(kind(["a"], value=None), None)
    assert fields.accepted(numbers, 1) and fields.accepted(later, 1) and not fields.accepted(later, {})


def test_a_visit_that_is_not_yet_known_starts_from_the_first_session() -> None:
    library = Library(budget=1 << 20)
    assert library.visit("../../etc/passwd").session is library.first and "../../etc/passwd" not in library.sessions


def test_a_handler_that_its_inputs_do_not_fit_fails_when_the_page_is_built() -> None:
    with gr.Blocks():
        box, button = gr.Textbox(), gr.Button()
        page = Page(words("en"), Library(budget=1 << 20), gr.State(""), gr.HTML(), None, None)  # type: ignore[arg-type]
        page.on(button.click, lambda visit, text: {}, [box])
        with pytest.raises(TypeError):
            page.on(button.click, lambda visit, text, counter: {}, [box])
        with pytest.raises(TypeError):
            page.on_event(gr.HTML().select, "index", "pair", lambda visit, index: {}, [box])


def test_the_event_of_a_long_text_carries_it_whole(site: Any, ask: Ask) -> None:
    blocks = pages_of(site)["en"]
    number, one = next((n, f) for n, f in blocks.fns.items()
                       if any(getattr(blocks.blocks.get(t), "elem_id", None) == "text" for t, _ in f.targets))
    data = [None if fields.accepted(c, None) else c.value for c in one.inputs]
    body = {"data": data, "fn_index": number, "session_hash": "s", "event_data": "word " * 50_000}
    gate.check_event(blocks, body)
