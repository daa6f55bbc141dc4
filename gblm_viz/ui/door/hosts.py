"""The host names that the app answers to. A foreign site whose name points at this machine must not control it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gblm_viz.words import words

from .addresses import host_name, ip, is_loopback, split_port
from .languages import preferred
from .plain_page import plain_page


class Hosts:
    """The middleware. names: host names besides this machine's own; None: any well-formed name.

    far: other machines can reach the app, so it also answers to any numeric IP address, since nobody can point one of
    those elsewhere.
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
                await plain_page(say, 400, told)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def answers_to(self, asked: str) -> bool:
        """Return whether a Host header names this app."""
        host = split_port(asked)
        if host is None:
            return False
        return (self.names is None or is_loopback(host) or host in self.names
                or (self.far and ip(host) is not None))
