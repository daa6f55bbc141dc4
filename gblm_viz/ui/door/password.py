"""One password for everybody who can reach the app: a login page, and nothing else until the password is given.

Gradio's own login protects neither the downloads nor the uploads, needs a user name, and has a cookie per language. So
this middleware protects the whole site.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections import deque
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gblm_viz.words import LANGUAGES, Words, words

from .addresses import ip
from .languages import preferred
from .plain_page import plain_page
from .prefix import own_path, quoted

ADDRESS = "/login"
OPEN = re.compile(r"/favicon\.ico|/robots\.txt")
LARGEST_FORM, LONGEST_PASSWORD = 16_000, 1000
MOST_WRONG, MOST_WRONG_OF_ALL, WINDOW = 10, 200, 60.0
"""Wrong passwords allowed in WINDOW seconds, from one address and from all together; further tries must wait."""
# A visit through a link on another site sends no cookie (SameSite=Strict); this page's own request does send it.
_AGAIN = """fetch(LOGIN, {cache: 'no-store'}).then((answer) => {
  if (answer.status === 204) location.replace(location.href);
});"""


class Tries:
    """Times and addresses of the last minute's wrong passwords. Does not store passwords."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def wait(self, client: str, now: float | None = None) -> int:
        """Return the seconds until this client may try again; 0 = now."""
        now = time.monotonic() if now is None else now
        with self._lock:
            while self._wrong and now - self._wrong[0][0] >= WINDOW:
                self._wrong.popleft()
            own = [at for at, who in self._wrong if who == network(client)]
            full = self._wrong[0][0] if len(self._wrong) >= MOST_WRONG_OF_ALL else None
            first = own[-MOST_WRONG] if len(own) >= MOST_WRONG else full
        return 0 if first is None else max(1, round(WINDOW - (now - first)))

    def count_wrong(self, client: str, now: float | None = None) -> None:
        """Count one wrong password."""
        with self._lock:
            self._wrong.append((time.monotonic() if now is None else now, network(client)))


def network(client: str) -> str:
    """Return what one person can control: an IPv4 address, or an IPv6 network of 2⁶⁴ addresses."""
    found = ip(client)
    return str(ipaddress.ip_network((found, 64), strict=False)) if found and found.version == 6 else client


class Password:
    """The middleware. A login sets a session cookie that is valid until the browser or this process ends."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self.app, self.tries = app, Tries()
        self._digest, self._token = _digest(password), secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # web sockets are refused by the middleware around this one
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        path, known = own_path(scope), self._known(request)
        if path == ADDRESS:
            answer = await self._login(request, known)
        elif known or OPEN.fullmatch(path):
            await self.app(scope, receive, send)
            return
        else:
            answer = self._closed(request, path)
        await answer(scope, receive, send)

    def _known(self, request: Request) -> bool:
        held = request.cookies.get(_cookie(request.scope), "")
        return hmac.compare_digest(held.encode(), self._token.encode())

    def _closed(self, request: Request, path: str) -> Response:
        """Return the login page, or one sentence for requests that do not ask for a page."""
        first = path.strip("/")
        say = words(first if first in LANGUAGES else preferred(request.headers.get("accept-language", "")))
        if request.method not in {"GET", "HEAD"} or "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(say("serve.password_needed"), 401, {"Cache-Control": "no-store"})
        query = request.url.query
        return login_page(request, say, f"{path}?{query}" if query else path, 401)

    async def _login(self, request: Request, known: bool) -> Response:
        """Answer a GET with 204 if this browser is logged in, else the login page; a POST tries a password."""
        say = words(preferred(request.headers.get("accept-language", "")))
        if request.method in {"GET", "HEAD"}:
            return Response(status_code=204, headers={"Cache-Control": "no-store"}) if known else login_page(
                request, say, "/", 401)
        if request.method != "POST":
            return PlainTextResponse("", 405)
        fields = await _form(request)
        if fields is None:
            return PlainTextResponse("", 413)
        to, given = fields.get("to", "/"), fields.get("password", "")
        language = _language(to)
        say = words(language) if language else say
        client = request.client.host if request.client else ""
        wait = self.tries.wait(client)
        if wait:
            told = login_page(request, say, to, 429, say("serve.password_wait", seconds=wait))
            told.headers["Retry-After"] = str(wait)
            return told
        if len(given) > LONGEST_PASSWORD or not hmac.compare_digest(_digest(given), self._digest):
            self.tries.count_wrong(client)
            return login_page(request, say, to, 401, say("serve.password_wrong"))
        answer = RedirectResponse(quoted(request.scope) + safe_target(to), 303, {"Cache-Control": "no-store"})
        answer.set_cookie(_cookie(request.scope), self._token, path=quoted(request.scope) + "/", httponly=True,
                          samesite="strict", secure=_is_https(request))
        return answer


def login_page(request: Request, say: Words, to: str, status: int, wrong: str = "") -> Response:
    """Return the login form in the language of the requested page; `to`: the address it leads to; `wrong`: why the last
    password was not taken."""
    login = quoted(request.scope) + ADDRESS
    script = "" if wrong else _AGAIN.replace("LOGIN", f"'{login}'")  # a plain path: see prefix.py
    return plain_page(say, status, wrong, script=script, template="door/login.html", action=login,
                      to=to if len(to) <= LARGEST_FORM // 4 else "/")


def safe_target(to: str) -> str:
    """Return the address after a login: a page of this app with its query re-encoded, never another host."""
    language = _language(to)
    query = urlencode(parse_qsl(urlsplit(to).query)) if language or to.startswith("/?") else ""
    return (f"/{language}/" if language else "/") + (f"?{query}" if query else "")


def _language(to: str) -> str:
    first = to.partition("?")[0].strip("/")
    return first if first in LANGUAGES else ""


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it is too long or the client has disconnected."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_FORM:
                return None
    except ClientDisconnect:
        return None
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))
    except ValueError:
        return {}


def _digest(password: str) -> bytes:
    """Return the SHA-256 digest: equally long for all passwords, so that comparing reveals nothing of their length."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _cookie(scope: Scope) -> str:
    """Return the cookie's name. It has the port in it, since two apps on one machine share a host's cookies."""
    return f"gblm-viz-{(scope.get('server') or ('', 0))[1] or 0}"


def _is_https(request: Request) -> bool:
    said = Headers(scope=request.scope).get("x-forwarded-proto", "").split(",")[0].strip()
    return "https" in {said, request.url.scheme}
