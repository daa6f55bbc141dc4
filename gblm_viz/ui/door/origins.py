"""Which site's page a request comes from, and the headers of every answer that keep other sites out.

Independent of Gradio. A browser names the requesting page in `Origin` and `Sec-Fetch-Site`, which no page can change. A
request with neither comes from a program, which could send any header, so refusing it would gain nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD")
# Gradio's page runs inline scripts and compiles its event functions; pictures are data: and blob: addresses.
_POLICY = ("default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
           "form-action 'self'; frame-ancestors {ancestors}")


def embedding_origin(given: str) -> str:
    """Return an origin as a browser writes it, such as `https://school.example`. Raises ValueError if it is none."""
    parts = urlsplit(given.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError(given)
    if any(not (sign.isalnum() or sign in ".-:[]") for sign in parts.netloc):
        raise ValueError(given)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Origins:
    """embed: the origins whose pages may show this app in a frame; none by default."""

    embed: tuple[str, ...] = ()

    def allows(self, method: str, headers: Mapping[str, str]) -> bool:
        """Return whether a request with these headers (lower-case names) comes from the app's own page or from no page.

        A page of another origin may only link here, or show the app in a frame if `embed` names it.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site == "same-origin":  # the browser knows the address it asked, which a proxy may have rewritten in Host
            return True
        if origin is not None and not _same(origin, headers):
            return False
        if site is None or site == "none":
            return True
        return origin is None and method in SAFE and headers.get("sec-fetch-mode") == "navigate"

    def headers(self) -> Iterable[tuple[str, str]]:
        """Yield the headers of every answer: who may frame it, what it may load, and no guessing of its type."""
        yield "Content-Security-Policy", _POLICY.format(ancestors=" ".join(("'self'", *self.embed)))
        if not self.embed:  # this header cannot list origins; with --embed the policy above decides alone
            yield "X-Frame-Options", "SAMEORIGIN"
        yield "X-Content-Type-Options", "nosniff"
        yield "Referrer-Policy", "same-origin"
        yield "Cross-Origin-Resource-Policy", "same-origin"


def _same(origin: str, headers: Mapping[str, str]) -> bool:
    """Return whether an origin's host and port are the requested ones, here or at the proxy in front.

    A page cannot set X-Forwarded-Host without a preflight request, which is refused.
    """
    asked = {headers.get("host", ""), headers.get("x-forwarded-host", "").split(",")[0].strip()} - {""}
    try:
        return urlsplit(origin).netloc in asked
    except ValueError:  # no address at all, such as http://[
        return False


class OwnOrigin:
    """The middleware: other origins get 403; every answer has our headers and none that lets another origin read it."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [name for name in headers if name.lower().startswith("access-control-")]:
                    del headers[name]
                for name, value in self.origins.headers():
                    headers.setdefault(name, value)
            await send(message)

        if self.origins.allows(scope["method"], Headers(scope=scope)):
            await self.app(scope, receive, answer)
        else:
            await JSONResponse({"detail": "only the app's own page may ask this"}, 403)(scope, receive, answer)
