"""Which pages are open: counted by their event streams, so that nothing runs on for a page that has gone.

A page of Gradio's holds a heartbeat open as long as it lives, and a stream of answers while it waits for one; a client
without a browser may hold neither. Knows visits and pages by their keys alone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import gradio as gr

AWAY_SECONDS = 20.0
"""So long after its last stream closed, and its last request, a page counts as gone: a reload takes less."""
PAGE_SECONDS = 60.0
"""So long after that, what Gradio keeps of a page is forgotten: 0.7 MB each, which it would keep for good."""
PAGES_OF_A_VISIT = 20
ANSWERS_KEPT = 500
"""Requests of which Gradio remembers how long they took (its default: 10,000)."""

Scope = MutableMapping[str, Any]


class Presence:
    """The pages with an open stream, when the others were last heard of, and whose they are."""

    def __init__(self, away: float = AWAY_SECONDS, kept: float = PAGE_SECONDS) -> None:
        self.away, self.kept = away, kept
        self._open: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._pages: dict[str, list[str]] = {}
        self._owners: dict[str, str] = {}
        self._blocks: list[gr.Blocks] = []
        self._lock = threading.Lock()

    def opened(self, page: str) -> None:
        with self._lock:
            self._open[page] = self._open.get(page, 0) + 1
            self._heard[page] = time.monotonic()

    def closed(self, page: str) -> None:
        with self._lock:
            self._open[page] -= 1
            if not self._open[page]:
                del self._open[page]
            self._heard[page] = time.monotonic()

    def noted(self, page: str) -> None:
        """A page asked for something, on nobody's behalf yet; it is forgotten like any other."""
        with self._lock:
            self._heard[page] = time.monotonic()

    def knows(self, page: str) -> bool:
        """Whether a page has a stream open, or has asked for something lately."""
        return page in self._open or page in self._heard

    def heard(self, visit: str, page: str) -> None:
        """A page asked for something on behalf of a visit. A request that names no page tells nothing."""
        if not page:
            return
        with self._lock:
            self._heard[page] = time.monotonic()
            if self._owners.get(page) != visit:
                self._owners[page] = visit
                pages = self._pages.setdefault(visit, [])
                pages.append(page)
                for old in pages[:-PAGES_OF_A_VISIT]:
                    self._owners.pop(old, None)
                del pages[:-PAGES_OF_A_VISIT]

    def owner(self, page: str) -> str:
        """The visit that a page last spoke for; empty where there is none."""
        return self._owners.get(page, "")

    def here(self, visit: str, now: float | None = None) -> bool:
        """Whether a page of this visit has a stream open, or was heard of within `away` seconds."""
        now = time.monotonic() if now is None else now
        with self._lock:
            return any(page in self._open or (page in self._heard and now - self._heard[page] < self.away)
                       for page in self._pages.get(visit, ()))

    def forget(self, visit: str) -> None:
        """The visit is over."""
        with self._lock:
            for page in self._pages.pop(visit, ()):
                self._owners.pop(page, None)

    def watch(self, blocks: gr.Blocks) -> None:
        """Forget the pages of this app, too, once they have gone."""
        # no public setting of Gradio's
        blocks._queue.ANALYTICS_MAX_EVENTS = ANSWERS_KEPT
        self._blocks.append(blocks)

    def tidy(self, now: float | None = None) -> list[str]:
        """Forget the pages that have been gone for `kept` seconds, and what Gradio keeps of them; their keys.

        A page that comes back all the same, after a sleep, is known by its visit (`owner`).
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            gone = [page for page, heard in self._heard.items()
                    if page not in self._open and now - heard >= self.away + self.kept]
            for page in gone:
                del self._heard[page]
        for page in gone:
            for blocks in self._blocks:
                _forget_in_gradio(blocks, page)
        return gone


def _forget_in_gradio(blocks: gr.Blocks, page: str) -> None:
    holder, queue = getattr(blocks, "state_holder", None), blocks._queue
    if holder is not None:
        holder.session_data.pop(page, None)
        holder.time_last_used.pop(page, None)
    kept: tuple[dict[str, Any], ...] = (queue.pending_messages_per_session, queue.pending_event_ids_session,
                                        blocks.pending_streams, blocks.pending_diff_streams)
    for held in kept:
        held.pop(page, None)


_OVER = b'"close_stream"'
"""In the last message of a stream of answers."""


class Streams:
    """ASGI: tells a Presence of every event stream that a page opens and closes.

    A page that has read the last message of a stream lets go of it, while the server may still be sending it. Gradio
    would take that for a page that has gone, and forget what the page has asked for since: the stream's own end is no
    end of the page.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], presence: Presence) -> None:
        self.app, self.presence = app, presence

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        page = page_of(scope)
        if not page:
            await self.app(scope, receive, send)
            return
        over = False

        async def sending(message: Any) -> None:
            nonlocal over
            over = over or _OVER in message.get("body", b"")
            await send(message)

        async def receiving() -> Any:
            message = await receive()
            if over:
                await asyncio.Event().wait()  # until the stream has been sent to its end, which ends this too
            return message

        self.presence.opened(page)
        try:
            await self.app(scope, receiving, sending)
        finally:
            self.presence.closed(page)


def page_of(scope: Scope) -> str:
    """The page whose stream this request opens; empty for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return ""
    before, _, last = scope["path"].rstrip("/").rpartition("/")
    if before.endswith("/gradio_api/heartbeat"):
        return str(last)
    if last == "data" and before.endswith("/gradio_api/queue"):
        return (parse_qs(scope["query_string"].decode("latin-1")).get("session_hash") or [""])[0]
    return ""
