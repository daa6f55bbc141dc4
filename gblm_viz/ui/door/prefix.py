"""A path prefix in front of the app: behind jupyter-server-proxy, or below a path of nginx.

The prefix comes from --root-path, else from a request's X-Forwarded-Prefix, which affects only the links in that
request's answer. Both kinds of proxy work: those that remove the prefix from the path and those that keep it.
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
"""Most bytes of a query that is passed on to Gradio, which fails on an address of 64 kB and does not need the query:
the page reads its own link in the browser."""
_GRADIO = re.compile(f"/({'|'.join(LANGUAGES)})/")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[\w.~@+=-]+)+")
"""One or more plain parts, none of them `.` or `..`; no two slashes in a row, which would mean another host."""


def read(given: str) -> str | None:
    """Return a flag's or header's prefix, decoded (`/user/ann/proxy/7860`), no final slash; None if not plain."""
    found = unquote(given.strip()).rstrip("/")
    return found if not found or (len(given) <= LONGEST and _PREFIX.fullmatch(found)) else None


def quoted(scope: Scope) -> str:
    """Return the prefix of a request, percent-encoded for a link."""
    return quote(str(scope.get("root_path", "")))


def of_flag(given: str) -> str:
    """Return --root-path's prefix. Raises GblmError if it is not a plain path or begins like a page of the app."""
    found = read(given if given.startswith("/") or not given.strip() else "/" + given)
    if found is None or (found and found.split("/")[1] in LANGUAGES):
        raise GblmError("root_path_unusable", given=given)
    return found


def own_path(scope: Scope) -> str:
    """Return the path of a request below the prefix."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(prefix):] or "/" if prefix and (path + "/").startswith(prefix + "/") else path


class Prefix:
    """The middleware: outermost, so that everything inside finds prefix and path in the form that ASGI defines.

    A proxy's host and scheme headers are removed if malformed, since Gradio builds addresses from them unchecked.
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
