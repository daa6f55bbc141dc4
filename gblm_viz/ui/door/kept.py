"""Answers that are the same for every visitor: made once, compressed once, and marked so that a browser keeps them.

Gradio copies its whole configuration and renders it for each opening of a page, and compresses each script for each
visitor. Here the first visitor's request makes an answer; it is made without that request's query and headers, so that
nothing of a visitor can be in it. What a single visitor is told is never compressed: it may hold the visit's key beside
text that a stranger chose, such as a link's, and the compressed size would then tell of the key (BREACH).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

import brotli
from gradio.route_utils import get_root_url
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gblm_viz.words import LANGUAGES

from .prefix import own_path

FOREVER = "private, max-age=31536000, immutable"
"""For an address that contains a hash of its content."""
ASK_AGAIN = "no-cache"
"""Kept by the browser, which asks each time whether it is still the same."""
SMALLEST = 400
"""Bytes below which compression gains nothing."""
MOST_KEPT = 64_000_000
"""Most bytes of bodies, not compressed; all files of Gradio's front end are 21 MB. What comes later is passed on."""
NOBODY = "nobody.invalid"
"""The host by whose name the app is asked for what it tells everybody."""
GUARDS = ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy")
T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """Addresses (below the prefix) whose answers are kept. `finish`: the last change to a body, by its language.

    rooted: the body contains the app's address, which each answer gets as its request saw it; for programs, since a
    page finds its address itself. Such an answer is neither compressed nor kept by browsers."""

    path: re.Pattern[str]
    cache: str
    finish: Callable[[bytes, str], bytes] = lambda body, _: body
    rooted: bool = False


def kinds(finish_page: Callable[[bytes, str], bytes]) -> tuple[Kind, ...]:
    """Return what is kept: Gradio's pages, the files of its own front end, and the pages without Gradio."""
    language = f"/(?P<language>{'|'.join(LANGUAGES)})/"
    return (Kind(re.compile(language), ASK_AGAIN, finish_page),
            Kind(re.compile(rf"{language}(glossary|teacher)"), ASK_AGAIN),
            Kind(re.compile(rf"{language}(assets/[\w.-]+|theme\.css)"), FOREVER),
            Kind(re.compile(rf"{language}static/(\w+/)*[\w.-]+"), ASK_AGAIN),
            Kind(re.compile(rf"{language}config"), "no-store", rooted=True))


class Once(Generic[T]):
    """Values that are made when they are first wanted, by one task each, however many wait for it."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[T]] = {}

    async def get(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the value. One whose making failed is made again for the next who wants it."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(make())
        try:
            return await asyncio.shield(task)  # whoever leaves meanwhile does not take it from the others
        finally:
            if task.done() and (task.cancelled() or task.exception() is not None):
                self._tasks.pop(key, None)


@dataclass(frozen=True)
class Answer:
    """One kept answer."""

    content_type: str
    body: bytes
    etag: str
    guards: Mapping[str, str] = field(default_factory=dict)
    """Headers by which the app says what a page of its own may do; they go with every copy."""
    compressed: Once[bytes] = field(default_factory=Once)

    async def encoded(self, encoding: str) -> bytes:
        """Return the body in a Content-Encoding; "" for the plain one."""
        if not encoding:
            return self.body
        return await self.compressed.get(encoding, lambda: asyncio.to_thread(ENCODINGS[encoding], self.body))


class NotKept(Exception):  # noqa: N818
    """Raised for an answer that is no whole file, or too much beside what is kept already."""


def _gzip(body: bytes) -> bytes:
    packing = zlib.compressobj(6, wbits=31)
    return packing.compress(body) + packing.flush()


# Quality 6 of 11: the page 109 kB in 0.02 s; 11 makes it 97 kB in 1.7 s, which its first visitor would wait for.
ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {"br": lambda body: brotli.compress(body, quality=6), "gzip": _gzip}
"""The best first. A browser takes Brotli only over https and from its own machine."""


class Kept:
    """The middleware, inside the gate."""

    def __init__(self, app: ASGIApp, kinds: tuple[Kind, ...]) -> None:
        self.app, self.kinds = app, kinds
        self._answers: Once[Answer] = Once()
        self._size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = own_path(scope) if scope["type"] == "http" and scope["method"] == "GET" else ""
        for kind in self.kinds:
            if found := kind.path.fullmatch(path):
                with suppress(NotKept):
                    answer = await self._answers.get(path, partial(self._make, kind, found["language"], path, scope))
                    if kind.rooted:
                        answer = _rooted(answer, found["language"], scope)
                    await _respond(answer, kind, scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _make(self, kind: Kind, language: str, path: str, scope: Scope) -> Answer:
        """Ask the app as if nobody in particular asked."""
        status, told, parts = 0, Headers(), list[bytes]()

        async def send(message: Message) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status, told = message["status"], Headers(raw=message["headers"])
            else:
                parts.append(message.get("body", b""))

        await self.app({**scope, "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
                        "headers": [(b"host", NOBODY.encode())]}, _stays, send)
        body = kind.finish(b"".join(parts), language) if status == 200 else b""
        self._size += len(body)
        if status != 200 or self._size > MOST_KEPT:
            self._size -= len(body)
            raise NotKept
        return Answer(told["content-type"], body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
                      {name: told[name] for name in GUARDS if name in told})


async def _stays() -> Message:
    """Wait for ever: whoever asks neither sends a body nor leaves."""
    await asyncio.Event().wait()
    raise AssertionError


def _rooted(answer: Answer, language: str, scope: Scope) -> Answer:
    """Return the answer with the app's address as the request sees it, in place of nobody's."""
    mounted = f"{scope.get('root_path', '')}/{language}"
    root = get_root_url(Request(scope), own_path(scope), mounted)
    whole = json.dumps(root).encode()
    return replace(answer, body=answer.body.replace(f'"http://{NOBODY}/{language}"'.encode(), whole))


async def _respond(answer: Answer, kind: Kind, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer in the best encoding that is asked for, or only that the browser's copy is still the same."""
    asked = Headers(scope=scope)
    if kind.rooted:
        await Response(answer.body, 200, {"Content-Type": answer.content_type, "Cache-Control": kind.cache})(
            scope, receive, send)
        return
    headers = {"Cache-Control": kind.cache, "ETag": answer.etag, "Vary": "Accept-Encoding", **answer.guards}
    if answer.etag in asked.get("if-none-match", ""):
        await Response(None, 304, headers)(scope, receive, send)
        return
    encoding = best_encoding(asked.get("accept-encoding", "")) if len(answer.body) >= SMALLEST else ""
    if encoding:
        headers["Content-Encoding"] = encoding
    body = await answer.encoded(encoding)
    await Response(body, 200, {"Content-Type": answer.content_type, **headers})(scope, receive, send)


def best_encoding(accepted: str) -> str:
    """Return the best encoding that an Accept-Encoding header names; "" for none. One with q=0 is refused."""
    named = {name.strip(): weight.replace(" ", "") for name, _, weight in
             (part.partition(";") for part in accepted.lower().split(","))}
    return next((one for one in ENCODINGS if one in named and not re.fullmatch(r"q=0(\.0*)?", named[one])), "")
