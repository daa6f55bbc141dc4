"""Under which names the app answers. A page elsewhere that points its name at this machine must not drive it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gblm_viz.words import words

from .addresses import host_name, ip, is_loopback, split_port
from .languages import preferred
from .plain_page import plain_page, sentence


class Hosts:
    """The middleware. names: beyond this machine's own; None: any name that is well formed.

    far: other machines reach the app, so that it also answers to any address written in digits, which nobody can
    point elsewhere.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] | None = (), far: bool = False) -> None:
        self.app, self.far = app, far
        self.names = None if names is None else frozenset(map(host_name, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page opens none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            asked = headers.get("host", "")
            if not self.answers_to(asked):
                say = words(preferred(headers.get("accept-language", "")))
                flag = split_port(asked)
                told = say("serve.foreign_host", host=asked[:100], name=flag if flag else "NAME")
                await plain_page(say, sentence(told), 400)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def answers_to(self, asked: str) -> bool:
        """Whether a Host header names this app."""
        host = split_port(asked)
        if host is None:
            return False
        return (self.names is None or is_loopback(host) or host in self.names
                or (self.far and ip(host) is not None))
