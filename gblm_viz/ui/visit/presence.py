"""Which pages are open, counted by their event streams, so that no work continues for a closed page.

A Gradio page keeps a heartbeat stream open as long as it exists, and a stream of answers while it waits for one; a
client without a browser may open neither. Visits and pages are identified by their keys alone.
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
"""Seconds after its last stream closed and its last request until a page counts as closed; a reload takes less."""
PAGE_SECONDS = 60.0
"""Seconds after that until Gradio's data of a page is deleted: 0.7 MB each, which Gradio would never delete."""
PAGES_OF_A_VISIT = 20
ANSWERS_KEPT = 500
"""Number of requests whose duration Gradio remembers (its default: 10,000)."""
NEVER = 2**63
"""Number of answers after which Gradio sums up their durations, for a route that is closed here (its default: 1)."""

Scope = MutableMapping[str, Any]


class Presence:
    """The pages with an open stream, the time of each page's last request, and the visit each page belongs to."""

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

    def record_page(self, page: str) -> None:
        """Record a request of a page that belongs to no visit yet; `tidy` forgets it like any other."""
        with self._lock:
            self._heard[page] = time.monotonic()

    def is_known(self, page: str) -> bool:
        """Return whether a page has an open stream or has sent a request lately."""
        return page in self._open or page in self._heard

    def record_request(self, visit: str, page: str) -> None:
        """Record a request of a page on behalf of a visit. A request that names no page is ignored."""
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
        """Return the visit of a page's last request; empty if there is none."""
        return self._owners.get(page, "")

    def is_present(self, visit: str, now: float | None = None) -> bool:
        """Return whether a page of this visit has an open stream or sent a request within `away` seconds."""
        now = time.monotonic() if now is None else now
        with self._lock:
            return any(page in self._open or (page in self._heard and now - self._heard[page] < self.away)
                       for page in self._pages.get(visit, ()))

    def forget(self, visit: str) -> None:
        """Forget a visit that has ended."""
        with self._lock:
            for page in self._pages.pop(visit, ()):
                self._owners.pop(page, None)

    def watch(self, blocks: gr.Blocks) -> None:
        """Have `tidy` also delete what this app's Gradio keeps of closed pages."""
        # Gradio has no public settings for these
        blocks._queue.ANALYTICS_MAX_EVENTS = ANSWERS_KEPT
        blocks._queue.ANAYLTICS_CACHE_FREQUENCY = NEVER
        self._blocks.append(blocks)

    def has_no_answer_to_come(self, page: str) -> bool:
        """Return whether Gradio knows this page and everything that it asked for has been answered."""
        queues = [blocks._queue for blocks in self._blocks if page in blocks._queue.pending_messages_per_session]
        return bool(queues) and not any(queue.pending_event_ids_session.get(page) for queue in queues)

    def tidy(self, now: float | None = None) -> list[str]:
        """Forget pages closed for `kept` seconds and Gradio's data of them; return their keys.

        A page that returns later, such as after the computer slept, is still recognised by its visit (`owner`).
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
"""Part of the last message of a stream of answers."""
_NOTHING_TO_COME = ({"type": "http.response.start", "status": 200, "headers": [
    (b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]},
    {"type": "http.response.body", "body": b'data: {"msg":"close_stream"}\n\n'})
"""A whole stream of answers that ends at once."""


class Streams:
    """ASGI middleware that reports to a Presence every event stream that a page opens and closes.

    An answer can reach a page before the reply to its request does, on a stream that is open already. The page then
    opens one more stream for an event that is over, and Gradio would keep it open for good. So a stream of answers
    of which none is to come ends at once.

    A page closes a stream once it has read the last message, while the server may still be sending. Gradio would treat
    that as a closed page and drop the page's newer requests. So after the last message the disconnect is not passed on
    to Gradio.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], presence: Presence) -> None:
        self.app, self.presence = app, presence

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        page = page_of(scope)
        if not page:
            await self.app(scope, receive, send)
            return
        if is_of_answers(scope) and self.presence.has_no_answer_to_come(page):
            self.presence.record_page(page)
            for part in _NOTHING_TO_COME:
                await send(part)
            return
        over = False

        async def sending(message: Any) -> None:
            nonlocal over
            over = over or _OVER in message.get("body", b"")
            await send(message)

        async def receiving() -> Any:
            message = await receive()
            if over:
                await asyncio.Event().wait()  # waits until the app has sent the stream to its end, which cancels this
            return message

        self.presence.opened(page)
        try:
            await self.app(scope, receiving, sending)
        finally:
            self.presence.closed(page)


def page_of(scope: Scope) -> str:
    """Return the page whose stream this request opens; empty for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return ""
    before, _, last = scope["path"].rstrip("/").rpartition("/")
    if before.endswith("/gradio_api/heartbeat"):
        return str(last)
    if is_of_answers(scope):
        return (parse_qs(scope["query_string"].decode("latin-1")).get("session_hash") or [""])[0]
    return ""


def is_of_answers(scope: Scope) -> bool:
    """Return whether this request asks for a page's answers (the other stream of a page is its heartbeat)."""
    return str(scope["path"]).rstrip("/").endswith("/gradio_api/queue/data")
