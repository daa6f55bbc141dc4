"""Lets only the requests that the page itself makes reach Gradio.

Gradio 6.31 has 60 routes, of which the page uses the twenty below. All others are closed here, and what is sent to the
open ones is checked against the components on the page before Gradio reads it. It is an ASGI middleware around the
whole site, so that no route can bypass it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from gradio import Blocks
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gblm_viz.words import LANGUAGES

from ..visit.presence import Presence
from .fields import accepted, plain
from .prefix import own_path

LARGEST_BODY = 25_000_000
"""Most bytes of one event: the longest text twice, each byte escaped to three, and some more. Longer texts that still
fit get an error sentence."""
LARGEST_CALL = 64_000
"""Most bytes of any other request with a body: for pixels, a Cancel or a reset."""
MOST_ARRIVING, MOST_OF_ADDRESS = 256_000_000, 100_000_000
"""Most bytes of large bodies that are read at the same time: of all visitors, and of one address. A body of up to
LARGEST_CALL, such as a click's, is always read."""
ARRIVES = 30.0
"""Seconds a body may take to arrive; a stalled sender occupies memory no longer."""
SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE = f"/(?P<language>{'|'.join(LANGUAGES)})"


class Refused(Exception):  # noqa: N818
    """Raised for a request that the page never makes, with the HTTP status and what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


Check = Callable[[Blocks, Mapping[str, Any]], None]


def _needs(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused(400, f"{name} is missing or of the wrong type")
    return value


def _session(body: Mapping[str, Any]) -> None:
    if not SESSION.fullmatch(_needs(body, "session_hash", str)):
        raise Refused(400, "session_hash is not one that the page makes")


def check_event(blocks: Blocks, body: Mapping[str, Any]) -> None:
    """Check an event of the page: the function exists, and each of its inputs has a value that fits its component."""
    _session(body)
    function = blocks.fns.get(_needs(body, "fn_index", int))
    if function is None or function.fn is None:
        raise Refused(404, "no such function")
    trigger = body.get("trigger_id")
    if trigger is not None and (not isinstance(trigger, int) or trigger not in (blocks._id, *blocks.blocks)):
        raise Refused(404, "no such component")
    values = _needs(body, "data", list)
    if len(values) != len(function.inputs):
        raise Refused(400, f"{len(function.inputs)} values are needed, {len(values)} came")
    for place, (component, value) in enumerate(zip(function.inputs, values, strict=True)):
        if not accepted(component, value):
            raise Refused(400, f"value {place} does not fit its field")
    if not plain(body.get("event_data")):
        raise Refused(400, "event_data is not what a component of the page sends")
    for name in ("batched", "simple_format", "oauth_token"):
        if body.get(name):
            raise Refused(400, f"{name} is not used by the page")
    if not isinstance(body.get("event_id"), str | None):
        raise Refused(400, "event_id is no text")


def check_stream(blocks: Blocks, query: str) -> None:
    """Check that a stream belongs to a page that waits for an answer; for others Gradio logs a traceback."""
    asked = parse_qs(query).get("session_hash", [])
    if len(asked) != 1 or not SESSION.fullmatch(asked[0]):
        raise Refused(400, "session_hash is not one that the page makes")
    if asked[0] not in blocks._queue.pending_messages_per_session:
        raise Refused(404, "nothing is asked by this page")


def check_call(blocks: Blocks, body: Mapping[str, Any]) -> None:
    """Check a call from a component's own script: the component offers the function to its script."""
    _session(body)
    component = blocks.blocks.get(_needs(body, "component_id", int))
    name = _needs(body, "fn_name", str)
    function = getattr(component, name, None) if component is not None else None
    if not getattr(function, "_is_server_fn", False):
        raise Refused(404, "no such function of a component")
    if not plain(body.get("data")):
        raise Refused(400, "data is not what a component of the page sends")


def check_cancel(blocks: Blocks, body: Mapping[str, Any]) -> None:
    """Check a request to cancel an event that this session started."""
    _session(body)
    _needs(body, "fn_index", int)
    _needs(body, "event_id", str)


def check_reset(blocks: Blocks, body: Mapping[str, Any]) -> None:
    _needs(body, "event_id", str)


@dataclass(frozen=True)
class Route:
    """One kind of request that is passed on. `check` reads its JSON body, of at most `largest` bytes. `streams`: its
    query names the page whose answers it reads. `known`: only a page that has sent a request before may send it."""

    methods: tuple[str, ...]
    path: re.Pattern[str]
    check: Check | None = None
    largest: int = 0
    streams: bool = False
    known: bool = False


def _read(pattern: str) -> Route:
    return Route(("GET", "HEAD"), re.compile(pattern))


def _post(name: str, check: Check, largest: int = LARGEST_CALL) -> Route:
    return Route(("POST",), re.compile(f"{_LANGUAGE}/gradio_api/{name}"), check, largest, known=check is check_call)


ROUTES = (
    _read(r"/|/glossary|/teacher|/favicon\.ico|/robots\.txt|/take-home/[A-Za-z0-9_-]+"),
    _read(rf"{_LANGUAGE}(/|/glossary|/teacher|/config/?|/theme\.css|/manifest\.json|/favicon\.ico|/robots\.txt)?"),
    _read(rf"{_LANGUAGE}/(assets|static|svelte)/(?!.*(\.\.|//))[A-Za-z0-9_.-][A-Za-z0-9_./-]{{0,200}}"),
    _read(rf"{_LANGUAGE}/gradio_api/(heartbeat/{SESSION.pattern}|startup-events|app_id|theme\.css|info/?)"),
    Route(("GET",), re.compile(f"{_LANGUAGE}/gradio_api/queue/data"), streams=True),
    _post("queue/join", check_event, LARGEST_BODY),
    _post("run/predict", check_event, LARGEST_BODY),
    _post("component_server/?", check_call),
    _post("cancel", check_cancel),
    _post("reset", check_reset),
)


class Gate:
    """The middleware. `pages`: the Blocks of each language. `presence`: gets every page that sends a request, so that
    Gradio's data of it is deleted later. `beside`: further routes, the site's own."""

    def __init__(self, app: ASGIApp, pages: Mapping[str, Blocks], presence: Presence,
                 beside: tuple[Route, ...] = ()) -> None:
        self.app, self.pages, self.presence = app, pages, presence
        self.routes = (*beside, *ROUTES)
        self.arriving: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the page opens no web socket
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            route, language = self._route(scope)
            if route.streams:
                check_stream(self.pages[language], scope["query_string"].decode("latin-1"))
            if route.check is None:
                await self.app(scope, receive, send)
            else:
                await self._with_body(route, self.pages[language], scope, receive, send)
        except Refused as refused:
            await JSONResponse({"detail": refused.why}, refused.status)(scope, receive, send)

    def _route(self, scope: Scope) -> tuple[Route, str]:
        path = own_path(scope)
        for route in self.routes:
            found = route.path.fullmatch(path)
            if found and scope["method"] in route.methods:
                return route, found.groupdict().get("language") or ""
        known = any(route.path.fullmatch(path) for route in self.routes)
        raise Refused(405 if known else 404, "nothing is here")

    async def _with_body(self, route: Route, blocks: Blocks, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body within its size and time limits, check it, and pass it on unchanged."""
        headers = Headers(scope=scope)
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            raise Refused(415, "JSON is expected")
        client = scope.get("client")
        try:
            async with asyncio.timeout(ARRIVES):
                body = await self._body(headers, route.largest, receive, client[0] if client else "")
        except TimeoutError:
            raise Refused(408, f"it took longer than {ARRIVES:.0f} seconds to arrive") from None
        assert route.check is not None
        said = parsed(body)
        route.check(blocks, said)
        page = str(said.get("session_hash", ""))
        if route.known and not self.presence.is_known(page):
            raise Refused(404, "this page is not known")
        if page:
            self.presence.record_page(page)
        handed = False

        async def once() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, once, send)

    async def _body(self, headers: Headers, largest: int, receive: Receive, address: str) -> bytes:
        told = headers.get("content-length", "0")
        if not told.isdecimal() or int(told[:20]) > largest:
            raise Refused(413, f"more than {largest:,} bytes")
        parts, size, counted = [], 0, 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refused(400, "the request ended early")
                part = message.get("body", b"")
                size += len(part)
                if size > largest:
                    raise Refused(413, f"more than {largest:,} bytes")
                if size > LARGEST_CALL:
                    self.arriving[address] += size - counted
                    counted = size
                if counted and (self.arriving.total() > MOST_ARRIVING or self.arriving[address] > MOST_OF_ADDRESS):
                    raise Refused(503, "too much is arriving at once; try again in a moment")
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
        finally:
            self.arriving[address] -= counted
            if not self.arriving[address]:
                del self.arriving[address]


def parsed(body: bytes) -> Mapping[str, Any]:
    """Parse a JSON object. Raises Refused for anything else, including NaN, 5,000-digit numbers and extreme nesting."""
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "this is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "a JSON object is expected")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)
