"""The app on a loopback port of this process, spoken to as a browser does, or as somebody who is none."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from gblm_viz.ui import server
from gblm_viz.ui.visit.library import Library

LONGEST_EVENT = 60.0
Ask = Callable[..., httpx.Response]


def asking(app: Any, base: str = "http://127.0.0.1:7860") -> Ask:
    """Requests to an ASGI app, one at a time, without a connection: `ask("GET", "/en/", headers=…)`."""
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base)

    def ask(method: str, path: str, **more: Any) -> httpx.Response:
        return loop.run_until_complete(client.request(method, path, **more))
    return ask


@dataclass
class Wire:
    """url: of the running app. pages: each language's components, as the gate knows them."""

    url: str
    library: Library
    app: Any
    pages: dict[str, Any]
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=LONGEST_EVENT, trust_env=False))

    def visitor(self, language: str = "en") -> Visitor:
        """A page that has just been opened: its load event is through and its visit has a key."""
        one = Visitor(self, language)
        one.arrive()
        return one


class Visitor:
    """One open page: its session, the visit's key, and what each event answers."""

    def __init__(self, wire: Wire, language: str) -> None:
        self.wire, self.language, self.key = wire, language, ""
        self.session = f"s{time.monotonic_ns():x}"
        self.blocks = wire.pages[language]

    @property
    def base(self) -> str:
        return f"{self.wire.url}/{self.language}/gradio_api"

    def function(self, name: str, elem_id: str = "") -> int:
        """The first function of that event, of the component with that id: `function("click", "collect")`."""
        for number, one in self.blocks.fns.items():
            for target, event in one.targets:
                if event == name and getattr(self.blocks.blocks.get(target), "elem_id", None) == (elem_id or None):
                    return int(number)
        raise KeyError((name, elem_id))

    def defaults(self, function: int) -> list[Any]:
        """What the page sends for untouched components."""
        return [None if type(one).__name__ == "State" else self._plain(one) for one in self.blocks.fns[function].inputs]

    def _plain(self, component: Any) -> Any:
        value = getattr(component, "value", None)
        return value if isinstance(value, str | int | float | bool | list) else None

    def join(self, function: int, data: list[Any], **more: Any) -> httpx.Response:
        body = {"data": data, "fn_index": function, "session_hash": self.session, "event_data": None, **more}
        return self.wire.client.post(f"{self.base}/queue/join", content=json.dumps(body),
                                     headers={"Content-Type": "application/json"})

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the event stream says until every joined event is done."""
        with self.wire.client.stream("GET", f"{self.base}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    yield message
                    if message["msg"] == "close_stream":
                        return

    def run(self, function: int, data: list[Any] | None = None, **more: Any) -> list[dict[str, Any]]:
        """Join, and wait for the end; all messages. Raises httpx.HTTPStatusError where the event is refused."""
        self.join(function, self.defaults(function) if data is None else data, **more).raise_for_status()
        return list(self.messages())

    def arrive(self) -> None:
        """The page's load event, after which the visit has its key and every tab is filled."""
        load = next(number for number, one in self.blocks.fns.items() if "load" in [event for _, event in one.targets])
        for message in self.run(load, ["", "", None], trigger_id=self.blocks._id):
            if message["msg"] == "process_completed":
                self.key = message["output"]["data"][1]

    def upload(self, name: str, content: bytes, **headers: str) -> httpx.Response:
        return self.wire.client.post(f"{self.wire.url}/upload", content=content, headers={
            "Content-Type": "application/octet-stream", "X-Name": name, "X-Visit": self.key, **headers})


def pages_of(app: Any) -> dict[str, Any]:
    """Each language's Blocks of a site."""
    gate = next(one for one in app.user_middleware if "pages" in one.kwargs)
    return dict(gate.kwargs["pages"])


@contextmanager
def served(library: Library) -> Iterator[Wire]:
    """The site over a library, on a free port, until the block ends."""
    app = server.make_app(library)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error",
                                            timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    try:
        yield Wire(f"http://127.0.0.1:{port}", library, app, pages_of(app))
    finally:
        running.should_exit = True
        thread.join(10)
