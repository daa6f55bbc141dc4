"""How the app is reached: below a path, under which names, behind a password. On the site itself, without a connection.
"""

from __future__ import annotations

import html
import re
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import Step
from gblm_viz.ui import build, server
from gblm_viz.ui.door import password, prefix
from gblm_viz.ui.door.access import Access
from gblm_viz.ui.door.hosts import Hosts
from gblm_viz.ui.door.own_address import use_browser_address
from gblm_viz.ui.door.password import Password, Tries, safe_target
from gblm_viz.ui.door.prefix import Prefix
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.visit.open_models import refuse_closed
from gblm_viz.ui.visit.session import Session
from gblm_viz.words import LANGUAGES, words
from tests.ui.wire import Ask, asking

SECRET = "öffne dich"


@pytest.fixture(scope="module")
def site() -> Any:
    return server.make_app(Library(budget=1 << 20), access=Access(password=SECRET))


@pytest.fixture(scope="module")
def ask(site: Any) -> Ask:
    """Requests of a browser that gave the password, and so to all of the site."""
    asked = asking(site)
    assert login(asked, SECRET).status_code == 303
    return asked


def login(ask: Ask, given: str, to: str = "/", **headers: str) -> httpx.Response:
    return ask("POST", "/login", data={"password": given, "to": to}, headers=headers)


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers with what the middlewares made of a request."""
    headers = Headers(scope=scope)
    answer = {"path": scope["path"], "root_path": scope.get("root_path", ""), "own": prefix.own_path(scope),
              "forwarded": [headers.get(name) for name in ("x-forwarded-host", "x-forwarded-proto", "x-gradio-server")]}
    await JSONResponse(answer)(scope, receive, send)


# A path in front

@pytest.mark.parametrize(("given", "found"), [
    ("", ""), ("/", ""), ("/gblm", "/gblm"), ("/gblm/", "/gblm"), ("/user/ann/proxy/7860", "/user/ann/proxy/7860"),
    ("/user/ann%40school.example/x", "/user/ann@school.example/x"), ("/利用者/x", "/利用者/x"),
    ("//evil.example", None), ("/a//b", None), ("/..", None), ("/a/../b", None), ("/./a", None), ("/%2e%2e/a", None),
    ("/a%2f%2fevil", None), ("/%2f/evil", None), ("/\\evil", None), ("/%5cevil", None), ("https://evil.example", None),
    ("/a?b", None), ("/a#b", None), ("/a b", None), ("/a\r\nSet-Cookie: x=y", None), ("/a%0d%0ax", None),
    ("/<script>", None), ("/a\"b", None), ("/a'b", None), ("/a, /b", None), ("evil", None), ("/a;b", None),
    ("/" + "a" * 300, None), ("/a\x00", None), ("/a%00", None)])
def test_a_prefix_is_a_path_of_plain_parts_and_nothing_else(given: str, found: str | None) -> None:
    assert prefix.read(given) == found


@pytest.mark.parametrize(("path", "header", "fixed", "expected"), [
    ("/en/", "", "", ("", "/en/")),
    ("/en/", "/pre", "", ("/pre", "/en/")),
    ("/pre/en/", "/pre", "", ("/pre", "/en/")),
    ("/pre/en/", "", "/pre", ("/pre", "/en/")),
    ("/en/", "", "/pre", ("/pre", "/en/")),
    ("/pre", "", "/pre", ("/pre", "/")),
    ("/prefix/en/", "", "/pre", ("/pre", "/prefix/en/")),
    ("/en/", "/en", "", ("/en", "/en/")),
    ("/en/", "/other", "/pre", ("/pre", "/en/")),
    ("/en/", "//evil.example", "", ("", "/en/"))])
def test_a_proxy_may_take_the_prefix_off_or_leave_it(path: str, header: str, fixed: str,
                                                    expected: tuple[str, str]) -> None:
    answer = asking(Prefix(told, fixed))("GET", path, headers={"x-forwarded-prefix": header} if header else {}).json()
    assert (answer["root_path"], answer["own"]) == expected
    assert answer["path"] == (expected[0] + expected[1] if path != "/pre" else "/pre/")


def test_what_a_proxy_says_of_host_and_scheme_is_taken_only_where_it_is_well_formed() -> None:
    ask = asking(Prefix(told))
    good = {"x-forwarded-host": "viz.example:8443, inner", "x-forwarded-proto": "https"}
    assert ask("GET", "/", headers=good).json()["forwarded"] == [*good.values(), None]
    for host in ("a b", "[::", "x/y", "evil@a", "a:b:c", "\"><script>"):
        bad = {"x-forwarded-host": host, "x-forwarded-proto": "javascript", "x-gradio-server": "http://evil.example"}
        assert ask("GET", "/", headers=bad).json()["forwarded"] == [None, None, None]


@pytest.mark.parametrize(("given", "flag"), [("gblm", "/gblm"), ("/gblm/", "/gblm"), ("", ""), ("/", "")])
def test_the_flag_takes_a_path_with_or_without_slashes(given: str, flag: str) -> None:
    assert prefix.of_flag(given) == flag


@pytest.mark.parametrize("given", ["/en", "/ja/x", "//evil", "/a b", "https://evil.example/x"])
def test_a_flag_that_is_no_path_is_a_sentence(given: str) -> None:
    with pytest.raises(GblmError, match="root-path"):
        prefix.of_flag(given)


def test_every_redirect_stays_below_the_prefix_and_on_this_host(ask: Ask) -> None:
    below = {"x-forwarded-prefix": "/pre"}
    assert ask("GET", "/?lang=ja&tab=prune", headers=below).headers["location"] == "/pre/ja/?lang=ja&tab=prune"
    assert ask("GET", "/ja?tab=prune", headers=below).headers["location"] == "/pre/ja/?tab=prune"
    assert ask("GET", "/en?language=//evil.example").headers["location"] == "/en/?language=//evil.example"
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y"):
        assert ask("GET", "/", headers={"x-forwarded-prefix": evil}).headers["location"] == "/en/"


@pytest.mark.parametrize("headers", [
    {"x-forwarded-prefix": "/pre"}, {"x-forwarded-prefix": "/pre", "x-forwarded-proto": "https"},
    {"x-forwarded-host": "viz.example", "x-forwarded-proto": "https", "x-forwarded-prefix": "/pre"}, {}])
def test_no_link_of_the_page_names_a_host_or_leaves_the_prefix(headers: dict[str, str], ask: Ask) -> None:
    page = ask("GET", "/ja/", headers=headers).text
    assert page.count('new URL(".", window.location.href)') == 2 and 'const root = "' not in page
    assert all(not link.startswith("/") for link in re.findall(r'(?:href|src)=\\?"([^"\\]*)', page))
    assert "../en/" in page and "../favicon.ico" in page
    root = ask("GET", "/ja/config", headers=headers).json()["root"]  # what a program reads that is no browser
    scheme, host = headers.get("x-forwarded-proto", "http"), headers.get("x-forwarded-host", "127.0.0.1:7860")
    assert root == f"{scheme}://{host}{headers.get('x-forwarded-prefix', '')}/ja"


def test_a_page_that_gradio_writes_otherwise_stays_as_it_is() -> None:
    assert use_browser_address(b"<p>another page</p>") == b"<p>another page</p>"


# Names

@pytest.mark.parametrize(("names", "far", "host", "answers"), [
    ((), False, "127.0.0.1:1", True), ((), False, "127.1.2.3", True), ((), False, "[::1]:1", True),
    ((), False, "localhost", True), ((), False, "evil.example", False), ((), False, "10.0.0.1", False),
    ((), False, "localhost.evil.example", False), ((), False, "", False),
    (("viz.example",), True, "VIZ.example:443", True), (("viz.example",), True, "evil.example", False),
    (("viz.example",), True, "10.0.0.1", True), (("viz.example",), True, "x.viz.example", False),
    (None, True, "any.example", True), (None, True, "a b", False), (None, True, "\"><b>", False)])
def test_the_app_answers_to_its_own_names(names: Any, far: bool, host: str, answers: bool) -> None:
    assert Hosts(told, names, far).answers_to(host) is answers


@pytest.mark.parametrize("wanted", [
    '"/models/first"', " /models/first/ ", "file:///models/first", "/models/./first", "/models/x/../first",
    "'owner/name'", "https://huggingface.co/owner/name/tree/main", "owner/name@main", "“pocket”",
    "at/here", "./at/here"])
def test_a_model_that_is_open_is_open_however_it_is_pasted_and_the_owners_is_loaded(wanted: str) -> None:
    library = Library(budget=1 << 20)
    library.first, library.local = Session(source="/models/first"), False
    library.open_models = ("owner/name", "./at/here")
    assert refuse_closed(library, wanted) in ("pocket", "/models/first", "owner/name", "./at/here")


@pytest.mark.parametrize("wanted", [
    "owner/name@other", '"owner/name@other"', "https://huggingface.co/owner/name/tree/other", "owner/name/../secret",
    "/models/first/../second", '"/models/second"', "file:///models/second", "/models/first/inside", "/models",
    "models/first", "", '""', "https://example.org/owner/name", "gpt2"])
def test_no_way_of_pasting_opens_another_model(wanted: str) -> None:
    library = Library(budget=1 << 20)
    library.first, library.local = Session(source="/models/first"), False
    library.open_models = ("owner/name",)
    with pytest.raises(GblmError) as refused:
        refuse_closed(library, wanted)
    assert refused.value.key == "model_closed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_foreign_name_gets_a_sentence_with_the_flag_that_allows_it(language: str, ask: Ask) -> None:
    say = words(language)
    found = ask("GET", "/en/", headers={"host": "viz.example:80", "accept-language": language})
    assert found.status_code == 400 and f'lang="{language}"' in found.text
    assert "--allow-host viz.example" in found.text
    assert say("serve.foreign_host", host="#", name="#").split("#")[-1] in found.text
    hostile = ask("GET", "/", headers={"host": "\"><script>alert(1)</script>"})
    assert hostile.status_code == 400 and "<script>" not in hostile.text and "--allow-host NAME" in hostile.text


# A password

ROUTES = ("/", "/en/", "/ja/", "/en", "/en/config", "/en/theme.css", "/en/assets/x.js", "/en/static/img/logo.svg",
          "/en/gradio_api/info", "/en/gradio_api/queue/data?session_hash=a", "/en/gradio_api/heartbeat/a",
          "/en/gradio_api/file=/etc/hostname", "/en/gradio_api/startup-events", "/en/manifest.json", "/en/user",
          "/en/login_check", "/take-home/x", "/nothing", "/login/", "//en/", "/en/../en/", "/favicon.ico/../en/config")
POSTS = ("/en/gradio_api/queue/join", "/en/gradio_api/run/predict", "/en/gradio_api/component_server",
         "/en/gradio_api/cancel", "/en/gradio_api/reset", "/en/gradio_api/upload", "/upload", "/en/login", "/")


def test_without_the_password_every_route_is_closed(site: Any) -> None:
    stranger = asking(site)
    for path in ROUTES:
        found = stranger("GET", path)
        assert found.status_code == 401, path
        assert found.text == words("ja" if path == "/ja/" else "en")("serve.password_needed")
    for path in POSTS:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            assert stranger(method, path, content=b"{}").status_code == 401, (method, path)
    for held in ("", "x", "é", "\x01"):
        headers = {"cookie": f"gblm-viz-7860={held}".encode()}
        assert stranger("GET", "/en/config", headers=headers).status_code == 401


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_gets_the_form_in_the_pages_language_and_the_place_is_kept(language: str, site: Any) -> None:
    say, stranger = words(language), asking(site)
    page = stranger("GET", f"/{language}/?tab=prune&x=%22%3E%3Cb%3E", headers={"accept": "text/html"})
    assert page.status_code == 401 and say("serve.password_asked") in page.text and "<b>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    wrong = login(stranger, "wrong", f"/{language}/?tab=prune")
    assert wrong.status_code == 401 and say("serve.password_wrong") in wrong.text
    right = login(stranger, SECRET, f"/{language}/?tab=prune")
    assert (right.status_code, right.headers["location"]) == (303, f"/{language}/?tab=prune")
    assert stranger("GET", f"/{language}/").status_code == 200
    assert stranger("GET", "/login").status_code == 204


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_below_the_prefix(site: Any) -> None:
    plain = login(asking(site), SECRET).headers["set-cookie"]
    assert "HttpOnly" in plain and "SameSite=strict" in plain and "Path=/;" in plain and "Secure" not in plain
    behind = login(asking(site), SECRET, **{"x-forwarded-proto": "https", "x-forwarded-prefix": "/pre"})
    assert "Secure" in behind.headers["set-cookie"] and "Path=/pre/;" in behind.headers["set-cookie"]
    assert behind.headers["location"] == "/pre/"


@pytest.mark.parametrize(("to", "leads"), [
    ("/", "/"), ("/ja/?tab=prune&row=1", "/ja/?tab=prune&row=1"), ("/?lang=ja", "/?lang=ja"),
    ("//evil.example", "/"), ("https://evil.example/en/", "/"), ("/\\evil.example", "/"), ("/take-home/x", "/"),
    ("/en/?a=\r\nx: y", "/en/?a=x%3A+y"), ("/en/?to=//evil", "/en/?to=%2F%2Fevil"), ("javascript:alert(1)", "/")])
def test_a_login_leads_to_a_page_of_this_app(to: str, leads: str) -> None:
    assert safe_target(to) == leads


def test_wrong_passwords_are_counted_and_the_right_one_waits_too() -> None:
    tried = asking(Password(told, SECRET))
    for _ in range(password.MOST_WRONG):
        assert login(tried, "wrong").status_code == 401
    late = login(tried, SECRET)
    assert late.status_code == 429 and 0 < int(late.headers["retry-after"]) <= password.WINDOW
    assert "set-cookie" not in late.headers


def test_tries_are_of_one_address_or_network_bounded_for_all_and_forgotten() -> None:
    tries = Tries()
    for number in range(password.MOST_WRONG):
        tries.count_wrong(f"2001:db8::{number:x}", 100.0)
    assert tries.wait("2001:db8::ffff", 110.0) == 50
    assert tries.wait("2001:db8:1::1", 110.0) == 0 and tries.wait("10.0.0.1", 110.0) == 0
    assert tries.wait("2001:db8::ffff", 161.0) == 0
    for number in range(password.MOST_WRONG_OF_ALL):
        tries.count_wrong(f"10.0.{number // 200}.{number % 200}", 200.0)
    assert tries.wait("192.0.2.1", 201.0) == 59
    assert tries.wait("192.0.2.1", 261.0) == 0


def test_a_form_that_is_too_long_is_refused() -> None:
    tried = asking(Password(told, SECRET))
    assert tried("POST", "/login", content=b"password=" + b"x" * password.LARGEST_FORM).status_code == 413
    assert login(tried, "x" * 5000).status_code == 401


# Models that others may load

def test_a_visitor_from_outside_learns_nothing_of_this_disk(tmp_path: Any, monkeypatch: Any) -> None:
    library = Library(budget=1 << 20)
    library.first = Session(source="/models/first")
    library.open_models = ("owner/name",)
    there, missing = str(tmp_path), str(tmp_path / "x")
    library.local = False
    monkeypatch.setattr("os.stat", None)  # whoever looks at the disk fails
    answers = []
    for wanted in (there, missing, "other/hub-id", "../", "~root"):
        with pytest.raises(GblmError) as refused:
            refuse_closed(library, wanted)
        answers.append(str(refused.value).replace(repr(wanted), ""))
    for wanted in ("pocket", "/models/first", "owner/name"):
        refuse_closed(library, wanted)
    library.local = True
    refuse_closed(library, there)
    monkeypatch.undo()
    assert len(set(answers)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_loading_asks_first_whether_the_model_is_open(language: str, monkeypatch: Any, tmp_path: Any) -> None:
    """The page's own handler, with anything that looks at a model made to fail."""
    library = Library(budget=1 << 20)
    library.local = False
    library.first = Session(model="m")
    library.ready.set()
    monkeypatch.setattr("gblm_viz.ui.work.work.estimate_job", lambda *_: pytest.fail("looked"))
    blocks = build.build(language, library)
    button = next(one for one in blocks.blocks.values() if getattr(one, "elem_id", None) == "load")
    status = next(one for one in blocks.blocks.values() if getattr(one, "elem_id", None) == "status")
    load = next(one for one in blocks.fns.values() if (button._id, "click") in one.targets)
    say = words(language)
    for wanted in (str(tmp_path), str(tmp_path / "missing")):
        updates = list(load.fn(SimpleNamespace(client=None, session_hash="page"), library.visit(None).key, wanted, 0))
        assert len(updates) == 1
        assert say("errors.model_closed", source=wanted, known="pocket") in html.unescape(updates[0][status])


def test_the_end_asks_tasks_and_chats_and_waits_for_them() -> None:
    library = Library(budget=1 << 20)
    chat = library.chats["visitor"] = threading.Event()
    seen: list[str] = []

    def job(cancel: threading.Event) -> Any:
        yield Step(0, 1, "sample")
        cancel.wait(10)
        seen.append("ended")

    library.start("visitor", "key", job, graceful=True)
    while library.tasks and next(iter(library.tasks.values())).started is None:
        pass
    library.end(5)
    assert seen == ["ended"] and chat.is_set()
