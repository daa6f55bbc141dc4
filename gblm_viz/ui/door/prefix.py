"""A path in front of the app: behind jupyter-server-proxy, or below a path of nginx.

The prefix comes from --root-path, else from the X-Forwarded-Prefix of one request, and shapes the links of that
request's answer alone. Both kinds of proxy fit: one that takes the prefix off the path, and one that leaves it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from gblm_viz.core.base.errors import GblmError
from gblm_viz.words import LANGUAGES

from .addresses import split_port

LONGEST = 256
LONGEST_QUERY = 8_000
"""Bytes of a query that Gradio is shown: it ends in an error over an address of 64 kB, and needs none. The page reads
its own link in the browser."""
_GRADIO = re.compile(f"/({'|'.join(LANGUAGES)})/")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[\w.~@+=-]+)+")
"""One or more plain parts, none of them a dot or two; no second slash in a row, which would be another host."""


def read(given: str) -> str | None:
    """`/user/ann/proxy/7860` from a flag or a header, decoded, no final slash; None where it is no plain path."""
    found = unquote(given.strip()).rstrip("/")
    return found if not found or (len(given) <= LONGEST and _PREFIX.fullmatch(found)) else None


def quoted(scope: Scope) -> str:
    """The prefix of a request as a link writes it."""
    return quote(str(scope.get("root_path", "")))


def of_flag(given: str) -> str:
    """What --root-path says. Raises GblmError where it is no plain path, or begins like a page of the app itself."""
    found = read(given if given.startswith("/") or not given.strip() else "/" + given)
    if found is None or (found and found.split("/")[1] in LANGUAGES):
        raise GblmError("root_path_unusable", given=given)
    return found


def own_path(scope: Scope) -> str:
    """The path of a request below the prefix."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(prefix):] or "/" if prefix and (path + "/").startswith(prefix + "/") else path


class Prefix:
    """The middleware: outermost, so that everything inside finds prefix and path as ASGI has them.

    What a proxy says of host and scheme is taken where it is well formed: Gradio builds addresses from it unread.
    """

    def __init__(self, app: ASGIApp, fixed: str = "") -> None:
        self.app, self.fixed = app, fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = dict(scope)
            scope["headers"] = list(scope["headers"])
            headers = MutableHeaders(scope=scope)
            prefix = self.fixed or read(headers.get("x-forwarded-prefix", "")) or ""
            _tidy(headers)
            if prefix:
                path = str(scope["path"])
                left = (path + "/").startswith(prefix + "/") and prefix.split("/")[1] not in LANGUAGES
                scope["root_path"] = prefix
                scope["path"] = (path if path != prefix else prefix + "/") if left else prefix + path
                scope.pop("raw_path", None)
            if len(scope.get("query_string", b"")) > LONGEST_QUERY and _GRADIO.match(own_path(scope)):
                scope["query_string"] = b""
        await self.app(scope, receive, send)


def _tidy(headers: MutableHeaders) -> None:
    del headers["x-gradio-server"]  # of Gradio's own two-server mode, which is not used here
    if "x-forwarded-host" in headers and split_port(headers["x-forwarded-host"].split(",")[0].strip()) is None:
        del headers["x-forwarded-host"]
    if headers.get("x-forwarded-proto", "https").split(",")[0].strip() not in {"http", "https"}:
        del headers["x-forwarded-proto"]
