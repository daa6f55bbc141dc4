"""A reverse proxy with a path in front, as nginx and jupyter-server-proxy are: small, streaming, of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import uvicorn
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.browser.conftest import free_port

HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host"}


class Proxy:
    """strips: whether the app sees the path without the prefix. says: what is told of it in headers."""

    def __init__(self, behind: str, prefix: str, strips: bool = True, says: dict[str, str] | None = None) -> None:
        self.behind, self.prefix, self.strips, self.says = behind, prefix, strips, says or {}
        self.client = httpx.AsyncClient(timeout=httpx.Timeout(60, read=None), trust_env=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if not path.startswith(self.prefix + "/"):
            return PlainTextResponse("another site's", 404)
        path = path[len(self.prefix):] if self.strips else path
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        there = self.client.build_request(request.method, self.behind + path, params=request.query_params.multi_items(),
                                          headers={**headers, "host": request.headers["host"], **self.says},
                                          content=await request.body())
        answer = await self.client.send(there, stream=True)
        passed = {name: value for name, value in answer.headers.items() if name not in HOP}
        return StreamingResponse(answer.aiter_raw(), answer.status_code, passed,
                                 background=BackgroundTask(answer.aclose))


@contextmanager
def running(proxy: Proxy) -> Iterator[str]:
    """The proxy on a free port; yields the address below which the app is found."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(proxy, host="127.0.0.1", port=port, log_level="critical", lifespan="off",
                                           timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}{proxy.prefix}"
    finally:
        server.should_exit = True
        with suppress(RuntimeError):
            thread.join(10)
